"""Training of GFLA in two stages on `core.training`: the flow network first, then everything end to end.

The defaults are the published settings; `core.gfla.options.SHIPPED` made the weights in `weights/gfla-people/`.

Source: Ren et al. 2020, section 4.1 and supplementary material B.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.errors import InputError
from core.gfla import losses
from core.gfla.blocks import initialise
from core.gfla.clips import DanceClips, FaceClips
from core.gfla.data import STUDIO_GREY, AnnotatedPairs, PeoplePairs, batch_heatmaps, load_people
from core.gfla.discriminators import ResDiscriminator
from core.gfla.features import feature_network
from core.gfla.ground import cut_out
from core.gfla.layers import LimbLayers, limb_layers
from core.gfla.limbs import limb_flow, limb_map
from core.gfla.network import Painted, PoseFlowGenerator, PoseGenerator
from core.gfla.network_views import VIEW_SIDE_PX
from core.gfla.operators import fetch_along
from core.gfla.options import GflaTrainOptions, with_recipe
from core.gfla.view_data import ViewPairs
from core.progress import Progress, silent
from core.training import Card, Run, load_trained, train
from core.training import export as export_run
from core.training.journal import options_of
from core.weights import fill_strict, load_strict

BETAS = (0.0, 0.999)


FRAMES = {
    "people": (128, 96), "fashion": (256, 256), "market": (128, 64), "face": (256, 256), "dance": (256, 256),
    "views": (VIEW_SIDE_PX, VIEW_SIDE_PX),
}  # fmt: skip
CLIPS = ("face", "dance")
OLD_FRAMES = {"fashion": (256, 176), "market": (128, 64)}
AUGMENT = {"fashion": None, "market": (5.0, 5.0, 0.05)}


def network_config(options: GflaTrainOptions) -> dict[str, Any]:
    """The generator's configuration for a task."""
    if options.task != "people":
        frame: dict[str, Any] = {} if options.task in (*CLIPS, "views") else {"sample_hw": FRAMES[options.task]}
        if options.task == "market":
            frame |= {"attn_layers": (2,), "kernel_sizes": (3,)}
        return frame | narrowed(options.width)
    frame = {"sample_hw": FRAMES["people"]}
    ngf, flow = max(8, round(32 * options.width)), max(8, round(16 * options.width))
    return frame | {
        "attn_layers": (2, 3), "kernel_sizes": (3, 3), "ngf": ngf, "img_f": 4 * ngf,
        "flow_ngf": flow, "flow_img_f": 8 * flow, "flow_prior": True, "copy_source": True, "limb_layers": True,
        "heatmap_sigma_px": 3.0, "studio_grey": STUDIO_GREY, "ground_choice": True,
    }  # fmt: skip


def narrowed(width: float) -> dict[str, int]:
    """The published networks' channels at another width; nothing at 1."""
    published = {"ngf": 64, "img_f": 512, "flow_ngf": 32, "flow_img_f": 256}
    return {} if width == 1 else {name: max(8, round(width * value)) for name, value in published.items()}


def flow_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a generator's configuration that its flow network has."""
    known = ("attn_layers", "image_nc", "structure_nc", "flow_ngf", "flow_img_f", "flow_layers", "flow_prior")
    return {key: config[key] for key in known if key in config}


def published_learning_rate(epoch: int, lr: float, niter: int, niter_decay: int, iter_count: int = 1) -> float:
    """The published rule (per epoch): constant until `niter`, then linearly to zero; it goes on below, as published."""
    return lr * (1 - max(0, epoch + 2 + iter_count - niter) / (niter_decay + 1))


@dataclass
class Structures:
    """What a batch of pairs gives the networks: heatmaps and, if wanted, the skeletons' flow."""

    source_pose: Tensor
    target_pose: Tensor
    prior: Tensor | None
    wanted: Tensor
    sure: Tensor
    layers: LimbLayers | None = None

    @property
    def flow_prior(self) -> Tensor | None:
        """The part of the prior that the flow network reads."""
        return None if self.prior is None else self.prior[:, :2]

    @classmethod
    def of(cls, batch: Mapping[str, Tensor], config: Mapping[str, Any]) -> Structures:
        """Made on the batch's device."""
        size = (batch["source"].shape[2], batch["source"].shape[3])
        sigma = config.get("heatmap_sigma_px", 6.0)
        wanted, sure = limb_flow(batch["source_points"], batch["target_points"], size)
        return cls(
            batch_heatmaps(batch["source_points"], size, sigma),
            batch_heatmaps(batch["target_points"], size, sigma),
            torch.cat([wanted, limb_map(batch["target_points"], size)], 1) if config.get("flow_prior") else None,
            wanted,
            sure,
            limb_layers(batch["source_points"], batch["target_points"], size) if config.get("limb_layers") else None,
        )


class PairRecipe:
    """What both stages share: losses on flows, sample pairs."""

    networks: dict[str, nn.Module]
    optimizers: dict[str, torch.optim.Optimizer]
    averaged: tuple[str, ...]

    def __init__(self, options: GflaTrainOptions, shown: Mapping[str, Tensor] | None = None) -> None:
        self.options, self.shown = options, shown
        self.config = network_config(options)
        self.attn_layers = self.config.get("attn_layers", (2, 3))
        self.kernel_sizes = self.config.get("kernel_sizes", (5, 3))
        self.features = feature_network(options.features)

    def flow_losses(
        self,
        flows: list[Tensor],
        seen: Mapping[str, Tensor],
        wanted: Mapping[str, Tensor],
        structures: Structures | None = None,
        mask: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Sampling correctness (at 1/4 and 1/8 as published), affine regularisation, distance from the skeletons' flow."""
        judged = [layer for layer in self.attn_layers if layer >= 2]
        found = {
            "correct": losses.sampling_correctness(seen, wanted, flows[: len(judged)], judged, mask),
            "regularization": losses.affine_regularization(flows, self.attn_layers, self.kernel_sizes),
        }
        if self.options.lambda_prior and structures is not None:
            found["prior"] = losses.flow_to_prior(flows, structures.wanted, structures.sure)
        return found

    def critic_loss(self, critic: nn.Module, real: Tensor, made: Tensor) -> Tensor:
        """What a discriminator learns from."""
        mode = self.options.gan_mode
        told = losses.adversarial(critic(real), True, True, mode) + losses.adversarial(
            critic(made.detach()), False, True, mode
        )
        return told / 2

    def total(self, found: Mapping[str, Tensor]) -> Tensor:
        """The weighted sum of losses by their names."""
        return torch.stack([getattr(self.options, f"lambda_{name}") * value for name, value in found.items()]).sum()

    def learning_rate(self, run: Run) -> None:
        """Set the learning rates of this step."""
        fall = (run.step - self.options.lr_decay_start) / max(1, self.options.lr_decay_steps)
        share = 1.0 if run.step < self.options.lr_decay_start else max(0.0, 1 - fall)
        for name, optimizer in run.optimizers.items():
            for group in optimizer.param_groups:
                ratio = self.options.ratio_g2d if name == "discriminator" else group.get("share", 1.0)
                group["lr"] = self.options.lr * share * ratio

    def samples(self, networks: Mapping[str, nn.Module]) -> Tensor | None:
        """A sheet of shown items; none unless a recipe makes one."""
        return None

    def step(self, batch: Mapping[str, Tensor], run: Run) -> dict[str, float | Tensor]:
        """One update of everything."""
        raise TypeError(f"{type(self).__name__} must define step")

    def placed(self, batch: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The batch with the channels of its pictures last, as the networks have them; features follow its device."""
        self.features.to(batch["source"].device)
        pictures = {name: batch[name].contiguous(memory_format=torch.channels_last) for name in ("source", "target")}
        return {**batch, **pictures}


class FlowRecipe(PairRecipe):
    """Stage 1: the flow network alone."""

    averaged = ()

    def __init__(self, options: GflaTrainOptions, shown: Mapping[str, Tensor] | None = None) -> None:
        super().__init__(options, shown)
        network = PoseFlowGenerator(**flow_config(self.config))
        initialise(network)
        self.networks = {"flow": network.to(memory_format=torch.channels_last)}
        self.optimizers = {"flow": torch.optim.Adam(network.parameters(), options.lr, BETAS)}

    def step(self, batch: Mapping[str, Tensor], run: Run) -> dict[str, float | Tensor]:
        """One update of the flow network."""
        batch = self.placed(batch)
        self.learning_rate(run)
        structures = Structures.of(batch, self.config)
        flows, _ = run.networks["flow"](
            batch["source"], structures.source_pose, structures.target_pose, structures.flow_prior
        )
        seen, wanted = self.features(batch["source"]), self.features(batch["target"])
        found = self.flow_losses(flows, seen, wanted, structures)
        loss = self.total(found)
        run.update("flow", loss)
        return {"loss": loss, **found}

    def samples(self, networks: Mapping[str, nn.Module]) -> Tensor | None:
        """Source, source warped by the finest flow, target; one row per shown pair."""
        if self.shown is None:
            return None
        structures = Structures.of(self.shown, self.config)
        flows, _ = networks["flow"](
            self.shown["source"], structures.source_pose, structures.target_pose, structures.flow_prior
        )
        warped = fetch_along(self.shown["source"], flows[-1])
        return sheet([self.shown["source"], warped, self.shown["target"]])


def begin_from(generator: PoseGenerator, folder: Path) -> None:
    """Fill a generator from exported weights; what they lack begins anew, a choice of ground as likely as painting.

    Raises:
        WeightsError: the weights fit in no other way.
    """
    found = load_strict(PoseGenerator, folder)
    state, palette = found.state_dict(), getattr(generator.target, "palette", None)
    if palette is not None and not found.config.ground_choice:
        for kind in ("weight", "bias"):
            state[f"target.choice.ground.{kind}"] = state[f"target.choice.second.{kind}"][:1]
            state[f"target.palette.mix.{kind}"] = palette.mix.state_dict()[kind]
            # What is painted is now added to the palette's colours.
            state[f"target.outconv.model.2.{kind}"] *= 0.1
    fill_strict(generator, state, str(folder))


class PoseRecipe(PairRecipe):
    """Stage 2: generator and discriminator, end to end."""

    averaged = ("generator",)

    def __init__(self, options: GflaTrainOptions, shown: Mapping[str, Tensor] | None = None) -> None:
        super().__init__(options, shown)
        generator = PoseGenerator(**self.config)
        initialise(generator)
        for own in ("limbs", "target.choice.first", "target.see_layers") if self.config.get("limb_layers") else ():
            # No norm follows these, so that the published small start would leave them silent.
            initialise(generator.get_submodule(own), 1.0)
        if options.start:
            flow = PoseFlowGenerator(**flow_config(self.config))
            load_trained(options.start, {"flow": flow})
            generator.flow_net.load_state_dict(flow.flow_net.state_dict())
        if options.init:
            begin_from(generator, Path(options.init))
        market = options.task == "market"
        ndf = max(8, round(16 * options.width)) if options.task == "people" else 32
        discriminator = ResDiscriminator(layers=3 if market else 4, ndf=ndf, img_f=4 * ndf)
        initialise(discriminator)
        layout = {"memory_format": torch.channels_last}
        self.networks = {"generator": generator.to(**layout), "discriminator": discriminator.to(**layout)}
        self.optimizers = {
            "generator": torch.optim.Adam(self.groups(generator), options.lr, (options.beta1, BETAS[1])),
            "discriminator": torch.optim.Adam(discriminator.parameters(), options.lr * options.ratio_g2d, BETAS),
        }

    def groups(self, generator: nn.Module) -> list[dict[str, Any]]:
        """The generator's parameters, the flow network's apart: they may learn more slowly."""
        flow = [value for key, value in generator.named_parameters() if key.startswith("flow_net")]
        rest = [value for key, value in generator.named_parameters() if not key.startswith("flow_net")]
        return [{"params": rest}, {"params": flow, "share": self.options.ratio_flow}]

    def paint(self, network: nn.Module, batch: Mapping[str, Tensor], structures: Structures) -> Painted:
        """The batch's sources in the poses of its targets."""
        return network(
            batch["source"], structures.source_pose, structures.target_pose, structures.prior, structures.layers
        )

    def step(self, batch: Mapping[str, Tensor], run: Run) -> dict[str, float | Tensor]:
        """The discriminator first, then the generator, as published; the generator alone before `adversarial_start`."""
        batch = self.placed(batch)
        self.learning_rate(run)
        structures = Structures.of(batch, self.config)
        painted = self.paint(run.networks["generator"], batch, structures)
        if run.step < self.options.adversarial_start:
            found = self.generator_losses(painted, batch, structures)
            loss = self.total(found)
            run.update("generator", loss)
            return {"loss": loss, **found}
        critic = run.networks["discriminator"]
        told = self.critic_loss(critic, batch["target"], painted.image)
        run.update("discriminator", told)
        found = self.generator_losses(painted, batch, structures)
        found["g"] = losses.adversarial(critic(painted.image), True, False, self.options.gan_mode)
        loss = self.total(found)
        run.update("generator", loss)
        return {"loss": loss, **found, "discriminator": told}

    def generator_losses(
        self, painted: Painted, batch: Mapping[str, Tensor], structures: Structures
    ) -> dict[str, Tensor]:
        """Everything but the adversarial loss."""
        real = batch["target"]
        with torch.no_grad():
            seen, wanted = self.features(batch["source"]), self.features(real)
        made = self.features(painted.image)
        found = self.flow_losses(painted.flows, seen, wanted, structures)
        care = losses.care(real, batch["target_points"], self.options.care, self.config.get("studio_grey"))
        found["rec"] = (care * (painted.image - real).abs()).mean()
        if self.options.lambda_choice and painted.each is not None:
            found["choice"] = (care * losses.choice_loss(painted, real)).mean()
        if painted.ground is not None:
            found["ground"] = (care * losses.ground_loss(painted.ground, batch["target_mask"])).mean()
        if self.options.lambda_painted and painted.painted is not None:
            goal = real
            if painted.ground is not None:
                # The outline is chosen apart: what is painted goes on beyond it, and is not seen further away.
                goal = cut_out(real, self.config["studio_grey"])[:, :3]
                care = care * F.max_pool2d(batch["target_mask"], 5, 1, 2)
            found["painted"] = (care * (painted.painted - goal).abs()).mean()
        found["content"] = losses.content_loss(made, wanted)
        found["style"] = losses.style_loss(made, wanted)
        if self.options.lambda_ssim:
            found["ssim"] = losses.ssim_loss(painted.image, real)
        return found

    def samples(self, networks: Mapping[str, nn.Module]) -> Tensor | None:
        """Source, warped source, painted, target; one row per shown pair."""
        if self.shown is None:
            return None
        painted = self.paint(networks["generator"], self.shown, Structures.of(self.shown, self.config))
        warped = fetch_along(self.shown["source"], painted.flows[-1])
        return sheet([self.shown["source"], warped, painted.image, self.shown["target"]])


def sheet(columns: list[Tensor]) -> Tensor:
    """Pictures in [-1, 1] as one sheet in [0, 1]: a row per item, a column per list entry, two items side by side."""
    rows = torch.cat([column.clamp(-1, 1) for column in columns], dim=3)
    if len(rows) % 2 == 0:
        rows = torch.cat([rows[0::2], rows[1::2]], dim=3)
    return (torch.cat(list(rows), dim=1) + 1) / 2


def pairs_of(options: GflaTrainOptions) -> tuple[Any, Mapping[str, Tensor] | None]:
    """The training data of a task, and pairs of held-out people for the sample sheets."""
    import numpy as np

    frame = FRAMES[options.task]
    root = Path(options.data)
    if options.task == "face":
        return FaceClips(root, "train", frame[0], options.clip_frames, options.frame_step), None
    if options.task == "dance":
        subset = options.subset or "iper"
        return DanceClips(root, "train", subset, frame[0], options.clip_frames, options.frame_step), None
    if options.task == "views":
        return ViewPairs(root, options.subset or "car", "train", frame[0]), None
    if options.task == "people":
        people = load_people(root, frame, options.limit or None)
        test = people.subset(people.test)
        shown = PeoplePairs(test, hide=0.0, mirror=False).draw(np.random.default_rng(7), 8) if len(test.names) else None
        return PeoplePairs(people.subset(~people.test), augment=options.augment), shown
    pairs, annotations = lists_of(options.task, root, "train")
    old_frame, augment = OLD_FRAMES[options.task], AUGMENT[options.task]
    return AnnotatedPairs(root, pairs, annotations, "train", frame, old_frame, augment), None


def recipe_of(options: GflaTrainOptions, shown: Mapping[str, Tensor] | None) -> PairRecipe:
    """What trains a task's stage."""
    from core.gfla import train_clips, train_views

    if options.task in CLIPS:
        return train_clips.AnimationRecipe(options)
    if options.task == "views":
        return (train_views.ViewFlowRecipe if options.stage == "flow" else train_views.ViewRecipe)(options)
    return (FlowRecipe if options.stage == "flow" else PoseRecipe)(options, shown)


def lists_of(task: str, root: Path, phase: str) -> tuple[Path, Path]:
    """Pair list and annotation of a data set."""
    if task == "fashion" and not (root / f"fashion-pairs-{phase}.csv").exists():
        # The published code writes the name with a slip.
        task = "fasion"
    return root / f"{task}-pairs-{phase}.csv", root / f"{task}-annotation-{phase}.csv"


def test_pairs(task: str, root: Path, phase: str) -> AnnotatedPairs:
    """The pairs of a published list, without augmentation."""
    pairs, annotations = lists_of(task, root, phase)
    return AnnotatedPairs(root, pairs, annotations, phase, FRAMES[task], OLD_FRAMES[task])


def check_task(options: GflaTrainOptions) -> None:
    """Refuse options that do not go together.

    Raises:
        InputError: which, and what fits.
    """
    if options.task in CLIPS and (options.stage == "flow" or options.start):
        raise InputError(f"task {options.task} has one stage: use --stage all without --start, as published")
    if options.recipe == "shipped" and options.task != "people":
        raise InputError(f"--recipe shipped is that of the people: leave it out for task {options.task}")
    fitting = {"dance": ("fashion", "iper"), "views": ("car", "chair")}.get(options.task, ())
    if options.subset and options.subset not in fitting:
        said = f"{' or '.join(fitting)} fits" if fitting else "leave it out"
        raise InputError(f"--subset {options.subset} is none of task {options.task}: {said}")


def run_training(options: GflaTrainOptions, progress: Progress = silent, given: Collection[str] = ()) -> Path:
    """Train one stage; returns the run's folder. A recipe leaves the options alone that are `given`.

    Raises:
        InputError: data that is not there, or stage 2 pointed at no stage 1 run.
    """
    if options.start and options.stage == "flow":
        raise InputError("--start names a stage 1 run for stage 2: use --stage all with it")
    check_task(options)
    options = with_recipe(options, given)
    pairs, shown = pairs_of(options)
    torch.manual_seed(options.seed)
    return train(recipe_of(options, shown), pairs, options, progress)


CARD = {
    "title": "GFLA people, preview",
    "summary": "A narrow pose-guided generator at 96 x 128 pixels. Beside the published parts (global flow, local "
    "attention) it has limb layers: the source's limbs, each moved rigidly to where the target skeleton has it, among "
    "which it chooses per pixel; what no limb shows is painted by the decoder in the colours of the person's pieces. "
    "Plain ground is a choice of its own, and layers bring none along, so that outlines are sharp. Layers are copied at "
    "the result's size, so that prints keep the photo's own detail, and so does the head, which is "
    "laid whole. See `core/gfla/layers.py`, `ground.py` and `head.py`. People stand before plain grey.\n\n"
    "![held-out people: source, spline warp, painted, true](sheet.png)",
    "data": "3,168 pictures of 396 people rendered by us from MakeHuman assets (CC0); identities ending in 7 held out",
    "licence": "CC0-1.0",
    "licence_id": "cc0-1.0",
    "limits": "Trained on renderings only, for some three hours in all on a shared processor core; photos are off "
    "its path. What the source does not show is plain or wrong: the front of a person seen from behind, "
    "legs and shoes below an upper-body picture (they get the colours of what is seen), the inside of a "
    "turned hand. The head is a copy: it keeps the view that the photo has, upright, mirrored or leaning "
    "with the neck, whichever fits the target's joints best, and does not turn; in a video a mirrored "
    "head appears at once. At the neck a collar or a little hair may be cut off. Where one limb hides "
    "another in the source, a piece of the hiding one may stay: a hand before the hip can leave its "
    "shape on the trousers. Hands are small and simple. Library poses from behind keep showing the face. "
    "Skirts and long hair follow the nearest limb. Clothes in just the ground's grey may lose texture. "
    "Backgrounds are not painted.",
}


def generator_of(options: GflaTrainOptions) -> Any:
    """The empty generator of a task."""
    from core.gfla.network_animation import DanceGenerator, FaceGenerator
    from core.gfla.network_views import ShapeNetGenerator

    others = {"face": FaceGenerator, "dance": DanceGenerator, "views": ShapeNetGenerator}
    return others.get(options.task, PoseGenerator)(**network_config(options))


def export(run_folder: Path, folder: Path) -> Path:
    """Write the averaged generator of a stage 2 run, its card and, where it made any, its newest sample sheet."""
    facts = options_of(run_folder)
    known = {field.name for field in dataclasses.fields(GflaTrainOptions)}
    options = GflaTrainOptions(**{key: value for key, value in facts.items() if key in known})
    sheets = sorted((Path(run_folder) / "samples").glob("*.png"))
    Path(folder).mkdir(parents=True, exist_ok=True)
    if sheets:
        shutil.copyfile(sheets[-1], Path(folder) / "sheet.png")
    card = Card(system="gfla", **(CARD if options.task == "people" else own_card(options)))
    return export_run(run_folder, {"generator": generator_of(options)}, folder, card)


def own_card(options: GflaTrainOptions) -> dict[str, str]:
    """What the card of a run on somebody's own data says; its licence is theirs to add."""
    task = f"{options.task} {options.subset}".strip()
    return {
        "title": f"GFLA {task}", "summary": f"The {task} network of core/gfla, trained on own data.",
        "data": f"{Path(options.data).name}: say here which data these are and what was held out",
        "licence": "that of the data: say here", "licence_id": "other", "limits": "Say here what it cannot do.",
    }  # fmt: skip

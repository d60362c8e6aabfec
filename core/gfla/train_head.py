"""Stage 3 of the people's training: the head network alone, on heads at the pictures' own size. Own addition.

The generator is frozen. It paints a pool of pairs once; from them batches draw head frames, moved and scaled a little and
half of them mirrored.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.devices import policy
from core.errors import ShapeError
from core.gfla import losses, pose
from core.gfla.blocks import initialise
from core.gfla.data import PeoplePairs, load_people
from core.gfla.discriminators import ResDiscriminator
from core.gfla.head import HeadMade, cropped, fetched, frame_axis, head_frames, joint_maps, mixed
from core.gfla.network import PoseGenerator
from core.gfla.options import GflaTrainOptions, PoseOptions
from core.gfla.pipeline import PosePipeline, PosePrepared
from core.gfla.train import BETAS, PairRecipe, begin_from, network_config, sheet
from core.image import Box
from core.training import Run
from core.weights import load_strict

# The rendered people's own size.
NATIVE_HW = (256, 176)
KEYS = ("source", "made", "target")
# How far frames are moved, by half their side, and scaled.
SHIFT, SCALE = 0.08, 0.12


def painted_pool(pipe: PosePipeline, pairs: PeoplePairs, count: int, seed: int) -> dict[str, Tensor]:
    """`count` pairs with what the pipeline makes of them: pictures (N, 3, H, W) uint8, points (N, 18, 2).

    Pairs without a common head point are drawn again.
    """
    rng = np.random.default_rng(seed)
    found: dict[str, list[Tensor]] = {key: [] for key in (*KEYS, "source_points", "target_points")}
    while len(found["made"]) < count:
        item = pairs.pair(rng)
        own, wanted = item["source_points"], item["target_points"]
        if not head_frames(own[None], wanted[None]).usable[0]:
            continue
        fine = (item["source"][None] + 1) / 2
        source = F.interpolate(fine, pipe.size_hw, mode="area") * 2 - 1
        size = (fine.shape[2], fine.shape[3])
        small = [pose.scaled(points.numpy(), pipe.size_hw, size) for points in (own, wanted)]
        prepared = PosePrepared(
            "", {}, source, fine, small[0], small[0][None], Box(0, 0, size[1], size[0]), None, None,
            pipe.encode(source), PoseOptions(),
        )  # fmt: skip
        item["made"] = pipe.finish(prepared, pipe.paint(prepared, [small[1]]))[0] * 2 - 1
        for key, values in found.items():
            values.append(((item[key] + 1) * 127.5).round().byte() if key in KEYS else item[key])
    return {key: torch.stack(values) for key, values in found.items()}


class HeadPairs:
    """Head frames of a pool of pairs.

    Args:
        pool: from `painted_pool`.
        vary: whether frames are moved, scaled and mirrored.
    """

    def __init__(self, pool: Mapping[str, Tensor], vary: bool = True) -> None:
        self.pool, self.vary = pool, vary

    def draw(self, rng: np.random.Generator, size: int) -> dict[str, Tensor]:
        """`size` random ones."""
        return self.items([int(index) for index in rng.integers(len(self.pool["made"]), size=size)], rng)

    def items(self, which: list[int], rng: np.random.Generator) -> dict[str, Tensor]:
        """Those of the pool: crops (B, 3, 64, 64) in [-1, 1] and joints (B, 8, 64, 64) of source and target."""
        pictures = {key: self.pool[key][which].float() / 127.5 - 1 for key in KEYS}
        points = [self.pool[key][which].clone() for key in ("source_points", "target_points")]
        if self.vary:
            flip = torch.from_numpy(rng.random(len(which)) < 0.5)
            pictures = {key: torch.where(flip[:, None, None, None], x.flip(3), x) for key, x in pictures.items()}
            width = pictures["source"].shape[3]
            points = [torch.where(flip[:, None, None], _mirrored(item, width), item) for item in points]
        frames = head_frames(*points)
        source, target = (self._moved(frame, rng) for frame in frames[:2])
        crops = {
            key: torch.cat([cropped(x[i : i + 1], frame[i : i + 1]) for i in range(len(x))])
            for (key, x), frame in zip(pictures.items(), (source, target, target), strict=True)
        }
        return {**crops, "source_maps": joint_maps(points[0], source), "target_maps": joint_maps(points[1], target)}

    def _moved(self, frame: Tensor, rng: np.random.Generator) -> Tensor:
        if not self.vary:
            return frame
        change = torch.from_numpy(rng.uniform(-1, 1, frame.shape)).float()
        middle = frame[:, :2] + SHIFT * change[:, :2] * frame[:, 2:]
        return torch.cat([middle, frame[:, 2:] * (1 + SCALE * change[:, 2:])], 1)


def _mirrored(points: Tensor, width: int) -> Tensor:
    """Skeletons (B, 18, 2) of mirrored pictures; the missing stay missing."""
    there = (points != pose.MISSING).all(-1, keepdim=True)
    turned = torch.where(there, torch.stack([width - points[..., 0], points[..., 1]], -1), points)
    return turned[:, list(PeoplePairs.SWAP)]


def head_pairs(options: GflaTrainOptions) -> tuple[HeadPairs, Mapping[str, Tensor] | None]:
    """The pool of training pairs, and a batch of held-out people for the sample sheets."""
    people = load_people(Path(options.data), NATIVE_HW, options.limit or None)
    pipe = PosePipeline(load_strict(PoseGenerator, options.init)).use(policy("cpu", "auto"))
    pool = painted_pool(
        pipe, PeoplePairs(people.subset(~people.test), augment=options.augment), options.pool, options.seed
    )
    shown = None
    if people.test.any():
        test = PeoplePairs(people.subset(people.test), hide=0.0, mirror=False)
        shown = HeadPairs(painted_pool(pipe, test, 12, 7), vary=False).items(list(range(12)), np.random.default_rng(0))
    return HeadPairs(pool), shown


class HeadRecipe(PairRecipe):
    """The head network of a whole generator; everything else stays as it is."""

    averaged = ("generator",)

    def __init__(self, options: GflaTrainOptions, shown: Mapping[str, Tensor] | None = None) -> None:
        super().__init__(options, shown)
        generator = PoseGenerator(**network_config(options))
        head = generator.head
        if head is None:
            raise ShapeError("the head's training needs a generator with head_net: --stage head makes one")
        for layer in head.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, 0.1)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        # The start is the generator's head untouched: small flows and changes.
        nn.init.normal_(head.out.weight, std=0.01)
        begin_from(generator, Path(options.init))
        for name, value in generator.named_parameters():
            value.requires_grad_(name.startswith("head."))
        critic = ResDiscriminator(layers=3, ndf=24, img_f=96)
        initialise(critic)
        self.networks = {"generator": generator, "discriminator": critic}
        self.optimizers = {
            "generator": torch.optim.Adam(head.parameters(), options.lr, (options.beta1, BETAS[1])),
            "discriminator": torch.optim.Adam(critic.parameters(), options.lr * options.ratio_g2d, BETAS),
        }

    def made(self, network: nn.Module, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor, HeadMade]:
        """The heads of a batch, what they were mixed from, and the decisions."""
        found = network(batch["made"], batch["source"], batch["source_maps"], batch["target_maps"])
        side = batch["source"].shape[3]
        whole = found.shares.new_tensor((side / 2, side / 2, side / 2)).expand(len(found.shares), -1)
        heads = torch.stack([fetched(batch["source"], whole, found.places[:, i]) for i in range(2)], 1)
        image, each = mixed(found, batch["made"], heads)
        return image, each, found

    def step(self, batch: Mapping[str, Tensor], run: Run) -> dict[str, float | Tensor]:
        """The discriminator first, from `adversarial_start` on, then the head network."""
        self.learning_rate(run)
        self.features.to(batch["source"].device)
        image, each, made = self.made(run.networks["generator"].head, batch)
        real = batch["target"]
        axis = frame_axis(real)
        care = 1 + self.options.care * torch.exp(-(axis[:, None] ** 2 + axis**2) / (2 * 0.4**2))
        wanted = self.features(real)
        seen = self.features(image)
        found = {
            "rec": (care * (image - real).abs()).mean(),
            "choice": (care * (made.shares[:, :, None] * (each - real[:, None]).abs()).sum(1)).mean(),
            "ssim": losses.ssim_loss(image, real),
            "content": losses.content_loss(seen, wanted),
            "style": losses.style_loss(seen, wanted),
        }
        told = {}
        if run.step >= self.options.adversarial_start:
            critic = run.networks["discriminator"]
            told["discriminator"] = self.critic_loss(critic, real, image)
            run.update("discriminator", told["discriminator"])
            found["g"] = losses.adversarial(critic(image), True, False, self.options.gan_mode)
        loss = self.total(found)
        run.update("generator", loss)
        return {"loss": loss, **found, **told}

    def samples(self, networks: Mapping[str, nn.Module]) -> Tensor | None:
        """Source, what the generator made, made again, true; one row per shown head."""
        if self.shown is None:
            return None
        generator = networks["generator"]
        if not isinstance(generator, PoseGenerator) or generator.head is None:
            raise ShapeError("samples need a generator with a head network")
        image = self.made(generator.head, self.shown)[0]
        return sheet([self.shown["source"], self.shown["made"], image, self.shown["target"]])

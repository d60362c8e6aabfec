"""The turn as a whole: painter, and pre-aligner if that says where to, judged by the finished picture.

HFGI's networks stand by: encoder, directions and the lower half of the generator say roughly how the
edit looks. The flow, and what is painted where no flow can help, are learned here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import default_collate

from core.ops.warp import backward_warp
from core.options import option
from core.ripple.data.turn_pairs import TurnPairs
from core.ripple.methods.head_turn.painter import PAINTING, Painted, Painter
from core.ripple.methods.head_turn.pre_aligner import INPUTS, OUTPUTS, PreAligner, fitted, scaled_flow
from core.ripple.methods.head_turn.surface import person_logit
from core.ripple.options import TURNS
from core.ripple.paper.inversion import resized
from core.ripple.paper.lama import PatchDiscriminator
from core.ripple.paper.losses import (
    discriminator_loss,
    feature_matching,
    generator_loss,
    gradient_penalty,
    polynomial_rate,
)
from core.ripple.paper.recipe import update_by
from core.ripple.training.losses import flow_loss, pyramid_l1
from core.training import Run, TrainOptions

PRE_ALIGNER = {"size": 64, "channels": (16, 32, 64, 96), "outputs": OUTPUTS, "inputs": INPUTS}
FROZEN = ("encoder", "generator", "directions")


@dataclass(frozen=True)
class TurnOptions(TrainOptions):
    """Options of the joint run."""

    data: str = option("../shared/data", "folder with heads.zip, heads.csv, heads_points.npz, faces.zip")
    out: str = option("runs/ripple-turn", "folder of the run")
    size: int = option(128, "side of the pictures", low=32, high=1024)
    lr: float = option(1e-3, "learning rate of Adam", low=0, high=1)
    batch: int = option(8, "pairs per step", low=2, high=4096)
    clip_norm: float = option(5.0, "largest gradient norm; 0 leaves gradients alone", low=0, high=1e6)
    decay_from: int = option(
        0, "step from which the learning rate falls to zero at the last; 0: never", low=0, high=10_000_000
    )
    course: str = option(
        "surface",
        "whose flow the painter finishes: the measured surface's, or the pre-aligner's, which then learns too",
        choices=TURNS,
    )
    background: float = option(0.02, "what a pixel beside the person counts", low=0, high=1)
    flow: float = option(1.0, "weight of the pre-aligner's losses", low=0, high=100)
    rim: float = option(0.1, "weight of the silhouette", low=0, high=100)
    trust: float = option(0.01, "reward of taking the photograph rather than paint", low=0, high=10)
    adversarial: float = option(0.02, "weight of the critic", low=0, high=100)
    matching: float = option(0.1, "weight of the critic's features", low=0, high=100)
    critic_from: int = option(1000, "steps before the critic begins", low=0, high=10_000_000)
    r1: float = option(0.05, "weight of the critic's gradient penalty", low=0, high=100)
    r1_every: int = option(8, "steps between two gradient penalties", low=1, high=1000)


class Forward(NamedTuple):
    """One pass: plain edit, the pre-aligner's answer at its size (if asked), flow px, the painter's answer, the person."""

    plain: Tensor
    aligned: Tensor | None
    flow: Tensor
    painted: Painted
    image: Tensor


class TurnRecipe:
    """Painter, and pre-aligner where that gives the flow; encoder, generator and directions stay as they are."""

    def __init__(self, options: TurnOptions, networks: Mapping[str, nn.Module]) -> None:
        self.options = options
        self.averaged = ("painter",) if options.course == "surface" else ("pre_aligner", "painter")
        kept = {name: network for name, network in networks.items() if name in (*FROZEN, *self.averaged)}
        self.networks: dict[str, nn.Module] = {**kept, "critic": PatchDiscriminator(16, layers=3)}
        for name, network in self.networks.items():
            network.requires_grad_(name not in FROZEN).train(name not in FROZEN)
        turn = [p for name in self.averaged for p in self.networks[name].parameters()]
        self.optimizers = {
            "turn": torch.optim.Adam(turn, options.lr, betas=(0.9, 0.99)),
            "critic": torch.optim.Adam(self.networks["critic"].parameters(), options.lr / 4, betas=(0.0, 0.99)),
        }
        self.shown: dict[str, Tensor] | None = None

    def forward(self, nets: Mapping[str, Any], batch: Mapping[str, Tensor]) -> Forward:
        """The whole chain."""
        source, degrees, size = batch["source"], batch["degrees"], batch["source"].shape[-1]
        with torch.no_grad():
            codes = nets["encoder"](fitted(source, nets["encoder"].config.input_size))
            # the generator's picture below its fusion level: a rough edit, half the size of that level
            plain = nets["generator"].lower(nets["directions"](codes, degrees))[1].clamp(-1, 1)
        if self.options.course == "surface":
            answer, flow, person = None, batch["flow"], person_logit(batch["person"])
        else:
            answer = nets["pre_aligner"].estimate(source, plain, degrees).float()
            flow, person = scaled_flow(answer, size)
        painted = nets["painter"].paint(source, resized(plain, size), flow, person, degrees)
        painted = Painted(*(plane.float() for plane in painted))
        return Forward(plain, answer, flow, painted, painted.composite(source, flow))

    def step(self, batch: Mapping[str, Tensor], run: Run) -> dict[str, float | Tensor]:
        """The turn first, then the critic on the same picture."""
        options = self.options
        self.set_rate(run)
        made = self.forward(run.networks, batch)
        target, person = batch["target"], batch["target_mask"]
        known = batch["picture_known"].view(-1, 1, 1, 1)
        terms = self.terms(made, batch, known * (options.background + person))
        # around the person, and where no target is known, the critic sees twice the same
        comparable = known * person
        shown = comparable * made.image + (1 - comparable) * target
        critic = run.networks["critic"]
        judged = run.step >= options.critic_from and bool(options.adversarial or options.matching)
        if judged:
            critic.requires_grad_(False)
            score, features = critic(shown)
            with torch.no_grad():
                _, wanted = critic(target)
            terms["adversarial"] = options.adversarial * generator_loss(score)
            terms["matching"] = options.matching * feature_matching(features, wanted)
            critic.requires_grad_(True)
        values = update_by(run, "turn", terms)
        if judged:
            values["critic"] = self.judge(critic, target, shown.detach(), comparable, run)
        return values

    def set_rate(self, run: Run) -> None:
        """The learning rate of this step, for turn and critic."""
        first, last = self.options.decay_from, self.options.steps
        share = 1.0 if not first or run.step < first else polynomial_rate(1.0, run.step - first, last - first)
        for name, base in (("turn", self.options.lr), ("critic", self.options.lr / 4)):
            for group in run.optimizers[name].param_groups:
                group["lr"] = share * base

    def terms(self, made: Forward, batch: Mapping[str, Tensor], weight: Tensor) -> dict[str, Tensor]:
        """Losses of flow and painter but for the critic's."""
        options, person = self.options, batch["target_mask"]
        mask_known = batch["mask_known"].float().view(-1, 1, 1, 1)
        rim = F.binary_cross_entropy_with_logits(made.painted.person, person, reduction="none")
        flow = {} if made.aligned is None else {"flow": options.flow * flow_loss(made.aligned, batch)}
        return flow | {
            "picture": pyramid_l1(made.image, batch["target"], weight),
            "rim": options.rim * (rim * mask_known).mean() * 4,
            "trust": options.trust * ((1 - made.painted.trust) * person).mean(),
        }

    def judge(self, critic: Any, target: Tensor, shown: Tensor, comparable: Tensor, run: Run) -> Tensor:
        """One update of the critic."""
        penalised = run.step % self.options.r1_every == 0
        real = target.detach().requires_grad_(penalised)
        realness, _ = critic(real)
        loss = discriminator_loss(realness, critic(shown)[0], comparable)
        if penalised:
            loss = loss + self.options.r1 * self.options.r1_every * gradient_penalty(realness, real)
        run.update("critic", loss)
        return loss.detach()

    def samples(self, networks: Mapping[str, nn.Module]) -> Tensor | None:
        """Held-out heads: photograph, warp, trust, plain edit, turned, truth; the last rows are photographs without a truth."""
        if self.shown is None:
            self.shown = held_out(open_source(self.options, "test", changed_share=0))
        made = self.forward(networks, self.shown)
        source, target = self.shown["source"], self.shown["target"]
        share = torch.sigmoid(PAINTING.rim_slope * made.painted.person)
        turned = share * made.image + (1 - share) * source
        trust = (made.painted.trust * 2 - 1).expand_as(source)
        columns = [
            source,
            backward_warp(source, made.flow),
            trust,
            resized(made.plain, source.shape[-1]),
            turned,
            target,
        ]
        return torch.cat([row for row in torch.cat(columns, dim=3).clamp(-1, 1)], dim=1) / 2 + 0.5


def held_out(pairs: TurnPairs) -> dict[str, Tensor]:
    """Five rendered heads turned from the front by -30, -20, 20, 30 and 20 degrees, and two portraits by 20 and -20."""
    items = []
    for name, step in zip(pairs.turns[:5], (0, 1, 5, 6, 5), strict=True):
        frames = pairs.frames[name]
        item = pairs.pair(frames[3], frames[step], frames[3]["square"])
        items.append(item | {"picture_known": torch.tensor(1.0)})
    for photo, degree in zip(pairs.portraits[::2][:2], (2.0, -2.0), strict=True):
        items.append(pairs.turned_portrait(photo, degree, photo["square"], np.random.default_rng(2)))
    return default_collate(items)


def fresh(options: TurnOptions) -> dict[str, nn.Module]:
    """What a record may lack."""
    return {"pre_aligner": PreAligner(**PRE_ALIGNER), "painter": Painter(options.size)}


def open_source(options: TurnOptions, split: str = "train", **shares: float) -> TurnPairs:
    """The pairs of this run."""
    return TurnPairs(Path(options.data), options.size, split, courses=options.course == "surface", **shares)

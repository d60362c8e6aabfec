"""Encoder, generator, directions and pre-aligner from sequences of known pose, all at once.

A shortcut beside the published order (generator as a GAN, then e4e, then InterFaceGAN on classifier
scores): where the yaw of every frame is known, an edit has a right answer, so codes + degrees x
direction must decode to the frame at the other yaw. The architectures are the published ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from core.options import option
from core.ripple.data.head_pairs import HeadPairs
from core.ripple.methods.head_turn.pre_aligner import FLOW_EDITS, INPUTS, OUTPUTS, PreAligner, fitted
from core.ripple.paper.directions import Directions
from core.ripple.paper.e4e import Encoder
from core.ripple.paper.recipe import LossRecipe
from core.ripple.paper.stylegan2 import Generator
from core.ripple.training.losses import flow_loss, pyramid_l1
from core.training import Run, TrainOptions

HEADS, STYLE_DIM = 12, 96
ENCODER = {"input_size": 32, "channels": (32, 48, 64, STYLE_DIM), "depths": (1, 2, 2, 1), "heads": HEADS}
GENERATOR = {"style_dim": STYLE_DIM, "mapping_layers": 0, "channel_base": 3072, "channel_max": 96}
PRE_ALIGNER = {"size": 32, "channels": (16, 32, 48, 64), "outputs": OUTPUTS, "inputs": INPUTS}


@dataclass(frozen=True)
class AutoencoderOptions(TrainOptions):
    """Options of the joint run."""

    data: str = option("../shared/data", "folder with heads.zip, heads.csv, heads_points.npz, faces.zip")
    out: str = option("runs/ripple-autoencoder", "folder of the run")
    size: int = option(32, "side of the pictures that the generator makes", low=16, high=1024)
    lr: float = option(2e-3, "learning rate of Adam", low=0, high=1)
    batch: int = option(16, "pairs per step", low=2, high=4096)
    background: float = option(0.3, "what a background pixel counts against a person's", low=0, high=1)
    picture_every: int = option(1, "steps between two updates of encoder and generator", low=1, high=1000)
    flow: float = option(0.5, "weight of the pre-aligner's losses", low=0, high=100)


class LearnedDirections(nn.Module):
    """One direction per edit, all codes of it free."""

    def __init__(self, heads: int, width: int) -> None:
        super().__init__()
        self.linear = nn.Parameter(torch.zeros(len(FLOW_EDITS), heads, width))

    def forward(self, codes: Tensor, degrees: Tensor) -> Tensor:
        """Codes (B, N, D) moved by degrees (B, edits)."""
        return codes + torch.einsum("be,eld->bld", degrees, self.linear)

    def directions(self) -> Directions:
        """For the record."""
        return Directions.of({f"linear.{name}": self.linear[i].detach() for i, name in enumerate(FLOW_EDITS)})


class AutoencoderRecipe(LossRecipe):
    """Joint training; `networks` may be handed in to go on from earlier weights."""

    averaged = ("encoder", "generator", "directions", "pre_aligner")

    def __init__(self, options: AutoencoderOptions, networks: Mapping[str, nn.Module] | None = None) -> None:
        self.options = options
        self.networks: dict[str, nn.Module] = dict(networks or {
            "encoder": Encoder(**ENCODER),
            "generator": Generator(size=options.size, fusion_size=min(64, options.size), **GENERATOR),
            "directions": LearnedDirections(HEADS, STYLE_DIM),
            "pre_aligner": PreAligner(**PRE_ALIGNER),
        })  # fmt: skip
        self.networks |= {name: network.train() for name, network in self.networks.items()}
        main = [p for name in ("encoder", "generator", "directions") for p in self.networks[name].parameters()]
        self.optimizers = {
            "main": torch.optim.Adam(main, options.lr, betas=(0.9, 0.99)),
            "pre_aligner": torch.optim.Adam(self.networks["pre_aligner"].parameters(), options.lr, betas=(0.9, 0.99)),
        }

    def step(self, batch: Mapping[str, Tensor], run: Run) -> dict[str, float | Tensor]:
        """One update of the auto-encoder, and one of the pre-aligner on its pictures."""
        nets = run.networks
        values: dict[str, float | Tensor] = {}
        with torch.set_grad_enabled(run.step % self.options.picture_every == 0):
            codes = nets["encoder"](fitted(batch["source"], nets["encoder"].config.input_size))
            noise = nets["generator"].random_noise(len(codes))
            edited = nets["generator"](nets["directions"](codes, batch["degrees"]), noise=noise)
        if edited.requires_grad:
            weight = self.options.background + batch["target_mask"]
            target, weight = (fitted(x, self.options.size) for x in (batch["target"], weight))
            loss = pyramid_l1(edited, target, weight, levels=3)
            run.update("main", loss)
            values["picture"] = loss.detach()
        shown = edited.detach().clamp(-1, 1)
        loss = flow_loss(nets["pre_aligner"].estimate(batch["source"], shown, batch["degrees"]), batch)
        run.update("pre_aligner", self.options.flow * loss)
        values["flow"] = loss.detach()
        return values


def open_source(options: AutoencoderOptions) -> HeadPairs:
    """The pairs of this run, cut at twice the trained size or more."""
    return HeadPairs(Path(options.data), size=max(64, options.size))

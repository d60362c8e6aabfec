"""The published recipes with what short runs at preview size need: smaller networks, a picture loss without a pretrained network, pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.ops.warp import backward_warp
from core.options import option
from core.ripple.paper.fusion import ResidualAligner, ResidualEncoder
from core.ripple.paper.inversion import resized
from core.ripple.paper.lama import Lama
from core.ripple.paper.recipe import checked_judges
from core.ripple.paper.stylegan2 import Generator
from core.ripple.paper.train_e4e import EncoderOptions, EncoderRecipe
from core.ripple.paper.train_hfgi import Forward, FusionOptions, FusionRecipe
from core.ripple.paper.train_lama import InpainterOptions, InpainterRecipe
from core.ripple.training.losses import pyramid_l1

PARSER = {
    "stem": (8, 16), "entry": (24, 32, 48), "middle_blocks": 2, "leave": (64, 64, 64),
    "width": 32, "low_width": 16, "hidden": 16,
}  # fmt: skip
INPAINTER = {"width": 12, "blocks": 3}
# widths divide by 16: oneDNN's bfloat16 gradients crash on convolutions of 8, 12 or 24 channels (torch 2.13, CPU)
ALIGNER = {"channels": (16, 32, 48, 64)}
RESIDUAL = {"channels": (16, 32, 48), "strides": (2, 1)}


@dataclass(frozen=True)
class OwnEncoderOptions(EncoderOptions):
    """Options of e4e training with our picture loss."""

    l1_lambda: float = option(0.0, "weight of the pyramid of absolute differences (own)", low=0, high=100)


class OwnEncoderRecipe(EncoderRecipe):
    """e4e, with a pyramid of absolute differences where it is wanted."""

    def terms(self, made: Tensor, image: Tensor) -> dict[str, Tensor]:
        """The published losses and ours."""
        return super().terms(made, image) | pyramid_term(self.options, made, image)


@dataclass(frozen=True)
class OwnFusionOptions(FusionOptions):
    """Options of HFGI training with our picture loss, on pairs, from a generator that grows."""

    l1_lambda: float = option(0.0, "weight of the pyramid of absolute differences (own)", low=0, high=100)
    pairs: bool = option(False, "edit to the other frame of each pair, which is then the target (own)")
    grow_to: int = option(0, "let the generator grow to this side first; 0 keeps it", low=0, high=1024)


class OwnFusionRecipe(FusionRecipe):
    """HFGI, with a pyramid of absolute differences where it is wanted."""

    def terms(self, made: Forward) -> dict[str, Tensor]:
        """The published losses and ours."""
        return super().terms(made) | pyramid_term(self.options, made.image, made.target)


class PairFusionRecipe(OwnFusionRecipe):
    """HFGI on pairs of known pose: the edit of the source is compared with the target, which shows the head at that pose.

    Its networks are also directions, and pre_aligner if the distortion map shall be warped.
    """

    def forward(
        self,
        nets: Mapping[str, Any],
        batch: Mapping[str, Tensor],
        noise: list[Tensor] | None = None,
        rng: np.random.Generator | None = None,
    ) -> Forward:
        """Make the target of each pair; a distortion that is warped already is not distorted further."""
        source, target, generator = batch["source"], batch["target"], nets["generator"]
        codes, first = self.invert(nets, source, noise)
        with torch.no_grad():
            codes = nets["directions"](codes, batch["degrees"])
        lower = generator.lower(codes, noise)
        plain = resized(generator.upper(lower, codes, noise=noise)[0].clamp(-1, 1), source.shape[-1])
        distortion = source - first
        if "pre_aligner" in nets:
            with torch.no_grad():
                flow, _ = nets["pre_aligner"].flow_px(source, plain, batch["degrees"])
            distortion = backward_warp(distortion, flow)
        elif rng is not None:
            distortion = self.distorted(distortion, rng)
        return self.consult(nets, codes, lower, plain, distortion, target, noise)

    def terms(self, made: Forward) -> dict[str, Tensor]:
        """The same, and that of the plain picture where the generator learns."""
        plain = {"plain": 0.5 * pyramid_l1(made.plain, made.target)} if self.options.train_decoder else {}
        return super().terms(made) | plain


@dataclass(frozen=True)
class OwnInpainterOptions(InpainterOptions):
    """Options of LaMa training with LPIPS in place of the perceptual loss that cannot be had."""

    lpips_lambda: float = option(0.0, "weight of LPIPS; needs the weights ripple-lpips", low=0, high=1000)


class OwnInpainterRecipe(InpainterRecipe):
    """LaMa, with LPIPS where it is wanted."""

    def __init__(self, options: Any, network: Lama, judges: Mapping[str, nn.Module] | None = None) -> None:
        super().__init__(options, network)
        self.judges = checked_judges(options, judges)

    def terms(self, predicted: Tensor, image: Tensor, mask: Tensor, judge: nn.Module) -> dict[str, Tensor]:
        """The published losses and LPIPS."""
        terms = super().terms(predicted, image, mask, judge)
        if self.options.lpips_lambda:
            terms["lpips"] = self.options.lpips_lambda * self.judges["lpips"](predicted * 2 - 1, image * 2 - 1).mean()
        return terms


def pyramid_term(options: Any, made: Tensor, target: Tensor) -> dict[str, Tensor]:
    """`pyramid_l1`, weighted, if it has a weight."""
    return {"pyramid": options.l1_lambda * pyramid_l1(made, target)} if options.l1_lambda else {}


def fresh_fusion(generator: Generator) -> dict[str, Any]:
    """A new aligner and residual encoder that fit a generator."""
    level, small = generator.config.fusion_size, generator.config.size <= 256
    width = min(generator.config.channel_max, generator.config.channel_base // level)
    residual = ResidualEncoder(condition_channels=width, condition_size=level, **(RESIDUAL if small else {}))
    return {
        "aligner": ResidualAligner(size=min(256, generator.config.size), **(ALIGNER if small else {})),
        "residual": residual,
    }


def grown(generator: Generator, size: int) -> Generator:
    """A larger generator that starts with the same picture, enlarged: its new colour layers begin at zero.

    Source: the idea of growing is that of Karras et al. 2018 (Progressive GAN), section 2.
    """
    larger = Generator(**{**settings(generator), "size": size, "fusion_size": min(64, size)})
    for to_rgb in larger.to_rgbs[len(generator.to_rgbs) :]:
        nn.init.zeros_(to_rgb.conv.weight)
    larger.load_state_dict(larger.state_dict() | generator.state_dict())
    return larger


def settings(network: Any) -> dict[str, Any]:
    """The registered hyperparameters of a network, without diffusers' own entries."""
    return {name: value for name, value in network.config.items() if not name.startswith("_")}

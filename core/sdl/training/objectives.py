"""What our small networks are trained for beside the paper's objectives: plain pixels, and a style teacher's codes."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor, nn

from core.metrics import LUMA
from core.sdl.methods.style.network import SDLStyleNet
from core.sdl.paper.objectives import PictureRecipe, TransitionRecipe
from core.sdl.paper.recipes import Published
from core.training import Run

WARM_UP_STEPS = 100


def cosine_rate(base: float, step: int, steps: int) -> float:
    """A rate that falls to a tenth of `base` within `steps`, after a warm-up.

    A layer that starts silent must not shout before Adam knows its gradients.
    """
    along = min(1.0, step / steps)
    return base * (0.1 + 0.45 * (1 + math.cos(math.pi * along))) * min(1.0, (step + 1) / WARM_UP_STEPS)


class PixelRecipe(PictureRecipe):
    """Charbonnier with gradients and coarse scales and, where they have a weight, PSNR and the strength of detail."""

    def __init__(
        self, generator: nn.Module, values: Published, sheet: Mapping[str, Tensor], psnr: float = 0.0,
        detail: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(generator, values, sheet)
        self.psnr, self.detail = psnr, detail

    def paint(self, network: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        """Networks that start from a known motion or guide get it too."""
        known = {"motion": batch["motion"]} if "motion" in batch else {}
        return network(batch["inputs"], batch["t"], **known)

    def measure(self, painted: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """The weighted terms of the loss."""
        terms = super().measure(painted, truth)
        terms["l_gradient"] = gradient_difference(painted, truth)
        terms["l_coarse"] = coarse_difference(painted, truth)
        if self.psnr:
            terms["l_psnr"] = self.psnr * negative_psnr(painted, truth)
        if self.detail:
            terms["l_detail"] = self.detail * detail_difference(painted, truth)
        return terms


class CodeRecipe(TransitionRecipe):
    """The shipped style network's first step: its own reading of a style against the teacher's, the painter left alone."""

    def __init__(self, generator: SDLStyleNet, values: Published, sheet: Mapping[str, Tensor]) -> None:
        generator.requires_grad_(False)
        generator.code.requires_grad_(True)
        super().__init__(generator, values, sheet)

    def learn(self, batch: Mapping[str, Tensor], run: Run) -> dict[str, float | Tensor]:
        """One step of the code's network."""
        network = run.networks["generator"]
        code = network.code_of(batch["inputs"][:, 3:]).float()
        modulation = F.l1_loss(network.modulations(code).float(), network.modulations(batch["code"]).float())
        near = F.mse_loss(code, batch["code"])
        run.update("generator", modulation + near)
        return {"l_strokes": modulation.detach(), "l_code": near.detach()}


def gradient_difference(prediction: Tensor, target: Tensor) -> Tensor:
    """L1 distance of the differences between neighbours: keeps edges where a plain L1 would blur them.

    Source: Mathieu et al. 2016, "Deep multi-scale video prediction beyond mean square error", section 3.2.
    """
    total = prediction.new_zeros(())
    for dim in (2, 3):
        total = total + F.l1_loss(prediction.diff(dim=dim), target.diff(dim=dim))
    return total


def negative_psnr(prediction: Tensor, target: Tensor, least: float = 1e-4) -> Tensor:
    """Minus the mean peak signal-to-noise ratio of the pictures in dB; squared errors below `least` hardly count.

    Few large errors weigh more in it than in an L1: a limb or a wire that is lost is a small part of its picture.

    Source: the loss of Chen et al. 2021, "HINet: Half Instance Normalization Network for Image Restoration".
    """
    return 10 * ((prediction - target).square().flatten(1).mean(1) + least).log10().mean()


def coarse_difference(prediction: Tensor, target: Tensor, levels: int = 3) -> Tensor:
    """Sum of L1 distances at 1/2, 1/4, 1/8 ...: pulls a motion along that misses its place by more than a pixel.

    Source: the pyramid losses of frame interpolation, such as Niklaus and Liu 2018, "Context-aware Synthesis", section 3.4.
    """
    total = prediction.new_zeros(())
    for _ in range(levels):
        prediction, target = F.avg_pool2d(prediction, 2), F.avg_pool2d(target, 2)
        total = total + F.l1_loss(prediction, target)
    return total


def detail_difference(prediction: Tensor, target: Tensor, radius_px: int = 2) -> Tensor:
    """L1 distance of the local strength of fine detail, wherever exactly each line lies.

    Losses of single pixels prefer no wrinkle to one that is a pixel off; this one does not.

    Source: statistics of local energy as in Portilla and Simoncelli 2000, "A Parametric Texture Model", section 2.
    """
    side = 2 * radius_px + 1

    def strength(pictures: Tensor) -> Tensor:
        luma = (pictures * pictures.new_tensor(LUMA).reshape(1, 3, 1, 1)).sum(1, keepdim=True)
        detail = luma - F.avg_pool2d(luma, side, 1, radius_px, count_include_pad=False)
        return (F.avg_pool2d(detail.square(), side, 1, radius_px) + 1e-5).sqrt()

    return F.l1_loss(strength(prediction), strength(target))

"""What is done to a painting after the painter: its own pattern leaves smooth areas, colours come from the style alone.

Instance normalisation lifts whatever a smooth area has, noise and the 8-pixel blocks of JPEG, to the contrast that the
style asks for: skies and skin get a hatching that belongs to neither picture. So the painter sees the content without
noise; where the content is smooth the painting keeps what is coarser than the hatching, and between there and clear
structure what is finer is averaged along the content's own lines, so that it reads as brush strokes and not as scales. At
clear structure the average is as long as the painter's stride, for its steps string beads along cables and folds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.metrics import LUMA
from core.ops.colour_lab import lab_of, rgb_of
from core.ops.filters import box_filter, guided_coefficients, guided_filter
from core.ops.tangents import average_along, tangent_field


@dataclass(frozen=True)
class Finish:
    """Constants; lengths in pixels of a picture whose longer side is 1000, lightness in [0, 1]."""

    large_px: int = 1024  # longer side up to which everything is computed at the picture's own size
    noise_px: int = 3  # radius within which the content's noise is averaged
    noise_variance: float = 1.5e-4  # of lightness, below which a difference is noise
    pattern_px: int = 6  # radius within which the painting is averaged: the hatching repeats after 4 to 9 pixels
    broad_px: int = 18  # the same where the content is smooth
    sky_px: int = 45  # and where it is plain
    plain: tuple[float, float] = (0.025, 0.01)  # local deviation of the content over `broad_px`: some, and none
    edge_variance: float = 1.5e-4  # of the content's lightness, above which an edge stays in the painting
    smooth: tuple[float, float] = (0.05, 0.02)  # local deviation of the content: textured, and smooth
    structure: tuple[float, float] = (0.06, 0.13)  # the same, from where on the painting stays as it is, and wholly
    stroke_px: float = 14.0  # half of a stroke's length
    tangent_px: float = 6.0  # over which a stroke's direction is averaged
    least_chroma: float = 2.0  # of the style, L*a*b*: less is grey
    face_keeps: float = 0.7  # of the photo in a protected face
    face_edge: float = 0.06  # of the picture's longer side, over which protection fades


FINISH = Finish()
ROWS = 256
# Weights along a line that leave nothing of waves of 4 and 2 pixels, the painter's strides, wherever it has structure.
GRID = (1.0, 1.0, 0.5)


@dataclass(frozen=True)
class Finishing:
    """How the paintings of one content are finished.

    Attributes:
        content: (1, 3, H, W) in [0, 1].
        guide: (1, 1, H, W) its lightness without noise.
        smooth: (1, 1, H, W) in [0, 1], where it is smooth.
        plain: (1, 1, H, W) in [0, 1], where it has next to no structure.
        structure: (1, 1, H, W) in [0, 1], where it has clear structure.
        field: (H, W, 2) in which direction strokes run.
        style: mean and deviation of the style's a* and b*, (2, 1, 2, 1, 1).
        faces: (1, 1, H, W) in [0, 1], what is protected.
        colour: strength of the style's colours, 0 to 1.
        texture: strength of the painter's texture, 0 to 1.
    """

    content: Tensor
    guide: Tensor
    smooth: Tensor
    plain: Tensor
    structure: Tensor
    field: np.ndarray
    style: Tensor
    faces: Tensor
    colour: float
    texture: float

    def apply(self, pictures: Tensor, share: Tensor) -> Tensor:
        """Pictures (T, 3, H, W), of which `share` (T,) is painting."""
        share = share.to(pictures).reshape(-1, 1, 1, 1)
        near = self.averaged(pictures, FINISH.pattern_px)
        coarse = torch.lerp(near, self.averaged(near, FINISH.broad_px), self.smooth)
        if self.plain.any():
            # A pale sky has hardly any structure: there even the painting's broad bars would read as a pattern. Twice, for a
            # single box would show as squares.
            sky = self.averaged(self.averaged(coarse, FINISH.sky_px), FINISH.sky_px)
            coarse = torch.lerp(coarse, sky, self.plain)
        detail = pictures - coarse
        fine = torch.lerp(self.strokes(detail), self.along(detail, GRID), self.structure) * (1 - self.smooth)
        pictures = pictures + share * (coarse + self.texture * fine - pictures)
        pictures = pictures + share * (self.with_colours(pictures.clamp(0, 1)) - pictures)
        if not self.faces.any():
            return pictures
        return pictures + share * FINISH.face_keeps * self.faces * (self.kept_face(pictures) - pictures)

    def averaged(self, pictures: Tensor, length: float) -> Tensor:
        """Pictures without what is finer than a length and not at an edge of the content."""
        return averaged(self.guide, pictures, length, FINISH.edge_variance)

    def strokes(self, detail: Tensor) -> Tensor:
        """Detail (T, 3, H, W) averaged along the content's lines."""
        step, length = reduction(detail), scaled(FINISH.stroke_px, detail)
        made = self.along(detail, [1.0] * max(2, round(length / step)), step)
        # What lies between the steps, too.
        return made if step == 1 else self.along(made, [1.0] * ((step + 1) // 2) + [0.5] * (1 - step % 2))

    def along(self, detail: Tensor, weights: Sequence[float], step_px: int = 1) -> Tensor:
        """See `core.ops.tangents.average_along`."""
        made = [average_along(one.permute(1, 2, 0).numpy(), self.field, weights, step_px) for one in detail]
        return torch.from_numpy(np.stack(made)).permute(0, 3, 1, 2)

    def kept_face(self, pictures: Tensor) -> Tensor:
        """The photo's lightness with colours half way to the painting's."""

        def keep(pictures: Tensor, content: Tensor) -> Tensor:
            lab, own = lab_of(pictures), lab_of(content)
            return rgb_of(torch.cat([own[:, :1], 0.5 * (lab + own)[:, 1:]], 1))

        return by_rows(keep, pictures, self.content)

    def with_colours(self, pictures: Tensor) -> Tensor:
        """Colours no richer than the style's, mixed with the content's own."""
        lab = by_rows(lab_of, pictures)
        centre, spread = (figure[:, 1:] for figure in (lab.mean((2, 3), keepdim=True), lab.std((2, 3), keepdim=True)))
        mean, deviation = self.style
        # A grey style makes a grey picture; a rich one leaves the painting's colours as they are.
        ratio = (deviation / spread.clamp(min=1e-3)).clamp(max=1)
        grey = (
            1 - (deviation.amax(1, keepdim=True) + mean.abs().amax(1, keepdim=True)) / (4 * FINISH.least_chroma)
        ).clamp(0, 1)

        def match(lab: Tensor, content: Tensor) -> Tensor:
            chroma = lab[:, 1:]
            chroma = torch.lerp(chroma, mean + (chroma - centre) * ratio, 0.5 + 0.5 * grey)
            return rgb_of(torch.cat([lab[:, :1], torch.lerp(chroma, lab_of(content)[:, 1:], 1 - self.colour)], 1))

        return by_rows(match, lab, self.content)


def by_rows(work: Callable[..., Tensor], *maps: Tensor) -> Tensor:
    """What works on each pixel alone, some rows at once: what it holds on the way stays small in a large picture."""
    return torch.cat([work(*some) for some in zip(*(one.split(ROWS, -2) for one in maps), strict=True)], -2)


def prepare_finishing(content: Tensor, style: Tensor, faces: Tensor | None, colour: float, texture: float) -> Finishing:
    """What `Finishing.apply` needs to know.

    Args:
        content: (1, 3, H, W) in [0, 1].
        style: (1, 3, h, w) in [0, 1].
        faces: (1, 1, H, W), or None to protect none.
        colour: see `Finishing`.
        texture: see `Finishing`.
    """
    guide = luma(without_noise(content))
    radius = scaled(FINISH.pattern_px, content)
    mean = box_filter(guide, radius)
    deviation = (box_filter(guide * guide, radius) - mean * mean).clamp(min=0).sqrt()
    textured, flat = FINISH.smooth
    smooth = ((textured - deviation) / (textured - flat)).clamp(0, 1)
    wide = scaled(FINISH.broad_px, content)
    mean = box_filter(guide, wide)
    some, none = FINISH.plain
    plain = ((some - (box_filter(guide * guide, wide) - mean * mean).clamp(min=0).sqrt()) / (some - none)).clamp(0, 1)
    little, clear = FINISH.structure
    structure = ((deviation - little) / (clear - little)).clamp(0, 1)
    field = tangent_field(guide[0, 0].numpy(), scaled(FINISH.tangent_px, content))
    chroma = lab_of(style)[:, 1:]
    figures = torch.stack([chroma.mean((2, 3), keepdim=True), chroma.std((2, 3), keepdim=True)])
    return Finishing(content, guide, box_filter(smooth, radius), box_filter(plain, wide), box_filter(structure, radius), field, figures, torch.zeros_like(guide) if faces is None else faces,
                     colour, texture)  # fmt: skip


def without_noise(content: Tensor) -> Tensor:
    """The content (1, 3, H, W) as the painter sees it."""
    return averaged(luma(content), content, FINISH.noise_px, FINISH.noise_variance)


def averaged(guide: Tensor, pictures: Tensor, length: float, variance: float) -> Tensor:
    """Pictures (T, C, H, W) smoothed over a length except at the guide's edges (1, 1, H, W).

    The filter's coefficients of large pictures are found in smaller ones, as in the fast guided filter (`core.ops.filters`).
    """
    radius, step = scaled(length, pictures), reduction(pictures)
    if step == 1 or radius < 2 * step:
        return guided_filter(guide, pictures, lambda x: box_filter(x, radius), variance)
    small, maps = (F.interpolate(one, scale_factor=1 / step, mode="area") for one in (guide, pictures))
    found = guided_coefficients(small, maps, lambda x: box_filter(x, round(radius / step)), variance)
    slope, offset = (F.interpolate(one, guide.shape[-2:], mode="bilinear", align_corners=False) for one in found)
    return slope * guide + offset


def reduction(pictures: Tensor) -> int:
    """How many times larger these pictures are than those that the constants are for."""
    return max(1, round(max(pictures.shape[-2:]) / FINISH.large_px))


def protect(ovals: Tensor) -> Tensor:
    """Ovals (1, 1, H, W) of faces with a soft rim."""
    radius = max(1, round(FINISH.face_edge * max(ovals.shape[-2:]) / 4))
    grown = F.max_pool2d(ovals, 2 * radius + 1, 1, radius)
    return box_filter(box_filter(grown, radius), radius)


def luma(pictures: Tensor) -> Tensor:
    """(B, 1, H, W)."""
    return (pictures * pictures.new_tensor(LUMA).reshape(1, 3, 1, 1)).sum(1, keepdim=True)


def scaled(length: float, pictures: Tensor) -> int:
    """A length in pixels of these pictures."""
    return max(2, round(length * max(pictures.shape[-2:]) / 1000))

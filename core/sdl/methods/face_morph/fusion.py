"""Two pictures in line as one, each place from one of them: what a morph shows at a moment.

A mean of two hair outlines or collars shows both. Here the silhouette is one, in between; what lies inside it is made
of the two people and what lies outside of the two backgrounds. Light and colour are mixed. Detail is mixed where both
pictures have the same, and elsewhere changes over from the first picture to the second at the place's own time.

Sources: Burt and Adelson 1983, "A Multiresolution Spline with Application to Image Mosaics" (bands); Burt and Kolczynski
1993, "Enhanced Image Capture through Fusion" (mean where two pictures agree, choice by local energy where not).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core.sdl.methods.toon.abstraction import box

# Width of a silhouette's rim, as a share of the longer side, and in pixels at least.
RIM, LEAST_RIM_PX = 0.008, 1.5
# Radii of the bands of detail and of the neighbourhood that decides together, as shares of the longer side.
BANDS, AREA = (0.006, 0.016), 0.05
# How suddenly a place changes over, how much more detail counts, and how much sooner the top does than the bottom: a
# morph whose places all changed at once would jump.
HASTE, FAVOUR, DELAY = 12.0, 6.0, 1.5
# Correlation of detail from which on it is mixed in part, and altogether.
ALIKE, SAME = 0.7, 0.97
# Share of a neighbourhood that must be known to give its mean, and what counts as nothing.
KNOWN, FAINT = 0.1, 1e-7
# The least share of either picture between the ends; far more than nothing.
LEAST = 1e-4
# A bell wider than this is computed on a smaller picture.
WIDE_PX = 4


def bell(maps: Tensor, radius_px: int) -> Tensor:
    """Blurred, (B, C, H, W), by two boxes, which are near enough to a Gaussian."""
    shrink = radius_px // WIDE_PX
    if shrink < 2:
        return box(box(maps, radius_px), radius_px)
    size = [max(1, round(side / shrink)) for side in maps.shape[2:]]
    small = F.interpolate(maps, size, mode="bilinear", align_corners=False, antialias=True)
    small = box(box(small, WIDE_PX), WIDE_PX)
    return F.interpolate(small, maps.shape[2:], mode="bilinear", align_corners=False)


def radius_of(share: float, maps: Tensor) -> int:
    """A share of the longer side in whole pixels, at least 1."""
    return max(1, round(share * max(maps.shape[-2:])))


def shared(weight: Tensor, first: Tensor, second: Tensor, moment: Tensor) -> Tensor:
    """The second picture's share where the first is there as far as `first` and the second as far as `second`.

    The less they agree, the less it matters which of them was wanted, except at the ends of the `moment`, 0 and 1.
    """
    weight = torch.lerp(
        weight, 0.5 * torch.ones_like(weight), (second - first).abs() * (8 * moment * (1 - moment)).clamp(0, 1)
    )
    first, second = first + FAINT, second + FAINT
    return weight * second / ((1 - weight) * first + weight * second)


def choice(first: Tensor, second: Tensor, weight: Tensor) -> Tensor:
    """Share (B, 1, H, W) of the second picture's detail where the two differ: soon 0 or 1, the same in a neighbourhood.

    Args:
        first: detail (B, 3, H, W) of the first picture.
        second: the same of the second.
        weight: the second picture's share, (B, 1, H, W).
    """
    radius = radius_of(AREA, first)
    energy = bell(torch.cat([part.square().mean(1, keepdim=True) for part in (first, second)], 1), radius) + 1e-5
    height = first.shape[2]
    down = ((torch.arange(height, device=first.device) + 0.5) / height - 0.5).reshape(1, 1, height, 1)
    sooner = FAVOUR / 2 * (energy[:, 1:].log() - energy[:, :1].log()) - HASTE * DELAY * down
    chosen = torch.sigmoid(HASTE * weight.clamp(LEAST, 1 - LEAST).logit() + sooner)
    # Never nothing between the ends: where the other picture shows no such thing, this one is shown however little it counts.
    return chosen.clamp(LEAST, 1 - LEAST).where((weight > 0) & (weight < 1), weight)


def agreement(first: Tensor, second: Tensor, radius_px: int) -> Tensor:
    """How alike two bands of detail (B, 3, H, W) are around each place: (B, 1, H, W), from 0 to 1."""
    products = [(a * b).mean(1, keepdim=True) for a, b in ((first, second), (first, first), (second, second))]
    both, one, other = bell(torch.cat(products, 1), radius_px).split(1, 1)
    # The bound keeps the root's slope finite.
    alike = both / (one * other).clamp(min=1e-12).sqrt()
    return ((alike - ALIKE) / (SAME - ALIKE)).clamp(0, 1)


def layer(first: Tensor, second: Tensor, here: Tensor, there: Tensor, weight: Tensor) -> Tensor:
    """One picture (B, 3, H, W) of two, each of which shows what is wanted only in places.

    Args:
        first: (B, 3, H, W).
        second: the same.
        here: (B, 1, H, W) in [0, 1], where the first shows it.
        there: the same of the second.
        weight: the second picture's share, (B, 1, H, W); 0 gives the first picture.
    """
    radii = [radius_of(share, first) for share in BANDS]
    ones, others, known, known_too = [first], [second], here, there
    for radius in radii:
        sums = bell(torch.cat([first * here, second * there, here, there], 1), radius)
        one, other, known, known_too = sums.split((3, 3, 1, 1), 1)
        ones.append(mean_or(ones[-1], one, known))
        others.append(mean_or(others[-1], other, known_too))
    chosen = choice((first - ones[-1]) * here, (second - others[-1]) * there, weight)
    covered, covered_too = (known / KNOWN).clamp(0, 1), (known_too / KNOWN).clamp(0, 1)
    made = torch.lerp(ones[-1], others[-1], shared(weight, covered, covered_too, weight))
    for level, radius in enumerate(radii):
        one, other = ones[level] - ones[level + 1], others[level] - others[level + 1]
        same = agreement(one * here, other * there, 2 * radius)
        made = made + torch.lerp(one, other, shared(torch.lerp(chosen, weight, same), here, there, weight))
    return made


def mean_or(finer: Tensor, total: Tensor, known: Tensor) -> Tensor:
    """`total` / `known`, and the finer level where nothing is known, so that the band between the two is empty there."""
    return torch.lerp(finer, total / known.clamp(min=LEAST), (known / LEAST - 1).clamp(0, 1))


def fused(first: Tensor, second: Tensor, weight: Tensor, depths_px: tuple[Tensor, Tensor, Tensor] | None) -> Tensor:
    """One picture (B, 3, H, W) of two in line.

    Args:
        first: (B, 3, H, W).
        second: the same.
        weight: the second one's share, (B, 1, H, W).
        depths_px: how deep inside the first person, the second, and the one in between each place lies, negative outside,
            (B, 1, H, W) each; None makes no difference between people and background.
    """
    if depths_px is None:
        everywhere = torch.ones_like(weight)
        return layer(first, second, everywhere, everywhere, weight)
    width = max(LEAST_RIM_PX, RIM * max(weight.shape[-2:]))
    first_px, second_px, between_px = (depth / width for depth in depths_px)
    # On its rim a picture shows neither the one nor the other alone.
    behind = layer(first, second, (-first_px).clamp(0, 1), (-second_px).clamp(0, 1), weight)
    people = layer(first, second, first_px.clamp(0, 1), second_px.clamp(0, 1), weight)
    return torch.lerp(behind, people, (between_px + 0.5).clamp(0, 1))

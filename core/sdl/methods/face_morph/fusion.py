"""Two aligned pictures as one, each place from one of them: what a morph shows at a moment.

A mean of two hair outlines or collars shows both. Here the silhouette is one, in between; what lies inside it is made
of the two people and what lies outside of the two backgrounds. Light and colour are mixed. Detail is mixed where both
pictures have the same, and elsewhere changes over from the first picture to the second at the place's own time.

Sources: Burt and Adelson 1983, "A Multiresolution Spline with Application to Image Mosaics" (bands); Burt and Kolczynski
1993, "Enhanced Image Capture through Fusion" (mean where two pictures agree, choice by local energy where not).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from core.ops.filters import box_filter
from core.sdl.methods.flow_hypotheses.optical_flow import ramp


@dataclass(frozen=True)
class Fusion:
    """Constants of the fusion; shares are of the longer side."""

    rim: float = 0.008  # share: width of a silhouette's rim, which shows neither person nor background alone
    least_rim_px: float = 1.5  # masks are not finer
    bands: tuple[float, float] = (0.006, 0.016)  # shares: radii of the bands of detail
    area: float = 0.05  # share: radius of the neighbourhood that decides together
    haste: float = 12.0  # how suddenly a place changes over
    energy_weight: float = 6.0  # how much more detail counts
    delay: float = 1.5  # how much sooner the top changes over than the bottom: all at once would jump
    alike: float = 0.7  # correlation of detail from which on it is mixed in part
    same: float = 0.97  # and altogether
    known: float = 0.1  # share of a neighbourhood that must be known to give its mean
    faint: float = 1e-7  # counts as nothing
    least: float = 1e-4  # share of either picture between the ends; far more than nothing
    wide_px: int = 4  # a wider blur is computed on a smaller picture


FUSION = Fusion()


def blur(maps: Tensor, radius_px: int) -> Tensor:
    """(B, C, H, W) under two boxes, which are near enough to a Gaussian."""
    shrink = radius_px // FUSION.wide_px
    if shrink < 2:
        return box_filter(box_filter(maps, radius_px), radius_px)
    size = [max(1, round(side / shrink)) for side in maps.shape[2:]]
    small = F.interpolate(maps, size, mode="bilinear", align_corners=False, antialias=True)
    small = box_filter(box_filter(small, FUSION.wide_px), FUSION.wide_px)
    return F.interpolate(small, maps.shape[2:], mode="bilinear", align_corners=False)


def radius_of(share: float, maps: Tensor) -> int:
    """A share of the longer side in whole pixels, at least 1."""
    return max(1, round(share * max(maps.shape[-2:])))


def weigh_known(weight: Tensor, first: Tensor, second: Tensor, moment: Tensor) -> Tensor:
    """The second picture's weight where the first is there as far as `first` and the second as far as `second`.

    The less they agree, the less it matters which of them was wanted, except at the ends of the `moment`, 0 and 1.
    """
    weight = torch.lerp(
        weight, 0.5 * torch.ones_like(weight), (second - first).abs() * (8 * moment * (1 - moment)).clamp(0, 1)
    )
    first, second = first + FUSION.faint, second + FUSION.faint
    return weight * second / ((1 - weight) * first + weight * second)


def choose_detail(first: Tensor, second: Tensor, weight: Tensor) -> Tensor:
    """Weight (B, 1, H, W) of the second picture's detail where the two differ: soon 0 or 1, the same in a neighbourhood.

    Args:
        first: detail (B, 3, H, W) of the first picture.
        second: the same of the second.
        weight: the second picture's weight, (B, 1, H, W).
    """
    radius, least = radius_of(FUSION.area, first), FUSION.least
    energy = blur(torch.cat([part.square().mean(1, keepdim=True) for part in (first, second)], 1), radius) + 1e-5
    height = first.shape[2]
    down = ((torch.arange(height, device=first.device) + 0.5) / height - 0.5).reshape(1, 1, height, 1)
    sooner = FUSION.energy_weight / 2 * (energy[:, 1:].log() - energy[:, :1].log()) - FUSION.haste * FUSION.delay * down
    chosen = torch.sigmoid(FUSION.haste * weight.clamp(least, 1 - least).logit() + sooner)
    # Never nothing between the ends: where the other picture shows no such thing, this one is shown however little it counts.
    return chosen.clamp(least, 1 - least).where((weight > 0) & (weight < 1), weight)


def measure_agreement(first: Tensor, second: Tensor, radius_px: int) -> Tensor:
    """How alike two bands of detail (B, 3, H, W) are around each place: (B, 1, H, W), from 0 to 1."""
    products = [(a * b).mean(1, keepdim=True) for a, b in ((first, second), (first, first), (second, second))]
    both, one, other = blur(torch.cat(products, 1), radius_px).split(1, 1)
    # The bound keeps the root's slope finite.
    return ramp(both / (one * other).clamp(min=1e-12).sqrt(), FUSION.alike, FUSION.same)


def fuse_layer(first: Tensor, second: Tensor, here: Tensor, there: Tensor, weight: Tensor) -> Tensor:
    """One picture (B, 3, H, W) of two, each of which shows what is wanted only in places.

    Args:
        first: (B, 3, H, W).
        second: the same.
        here: (B, 1, H, W) in [0, 1], where the first shows it.
        there: the same of the second.
        weight: the second picture's weight, (B, 1, H, W); 0 gives the first picture.
    """
    radii = [radius_of(share, first) for share in FUSION.bands]
    ones, others, known, known_too = [first], [second], here, there
    for radius in radii:
        sums = blur(torch.cat([first * here, second * there, here, there], 1), radius)
        one, other, known, known_too = sums.split((3, 3, 1, 1), 1)
        ones.append(mean_or(ones[-1], one, known))
        others.append(mean_or(others[-1], other, known_too))
    chosen = choose_detail((first - ones[-1]) * here, (second - others[-1]) * there, weight)
    covered, covered_too = (known / FUSION.known).clamp(0, 1), (known_too / FUSION.known).clamp(0, 1)
    made = torch.lerp(ones[-1], others[-1], weigh_known(weight, covered, covered_too, weight))
    for level, radius in enumerate(radii):
        one, other = ones[level] - ones[level + 1], others[level] - others[level + 1]
        same = measure_agreement(one * here, other * there, 2 * radius)
        made = made + torch.lerp(one, other, weigh_known(torch.lerp(chosen, weight, same), here, there, weight))
    return made


def mean_or(finer: Tensor, total: Tensor, known: Tensor) -> Tensor:
    """`total` / `known`, and the finer level where nothing is known, so that the band between the two is empty there."""
    return torch.lerp(finer, total / known.clamp(min=FUSION.least), (known / FUSION.least - 1).clamp(0, 1))


def fuse_pictures(
    first: Tensor, second: Tensor, weight: Tensor, depths_px: tuple[Tensor, Tensor, Tensor] | None
) -> Tensor:
    """One picture (B, 3, H, W) of two that are aligned.

    Args:
        first: (B, 3, H, W).
        second: the same.
        weight: the second one's, (B, 1, H, W).
        depths_px: how deep inside the first person, the second, and the one in between each place lies, negative outside,
            (B, 1, H, W) each; None makes no difference between people and background.
    """
    if depths_px is None:
        everywhere = torch.ones_like(weight)
        return fuse_layer(first, second, everywhere, everywhere, weight)
    width = max(FUSION.least_rim_px, FUSION.rim * max(weight.shape[-2:]))
    first_px, second_px, between_px = (depth / width for depth in depths_px)
    # On its rim a picture shows neither the one nor the other alone.
    behind = fuse_layer(first, second, (-first_px).clamp(0, 1), (-second_px).clamp(0, 1), weight)
    people = fuse_layer(first, second, first_px.clamp(0, 1), second_px.clamp(0, 1), weight)
    return torch.lerp(behind, people, (between_px + 0.5).clamp(0, 1))

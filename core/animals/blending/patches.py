"""What one photo gives to another's face, seamlessly: the surrounding colours and sharpness, with the eyes in their own colours."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from core.ops.pull_push import filled


@dataclass(frozen=True)
class PatchSettings:
    """What tunes patches; lengths are shares of the side.

    Attributes:
        tone: standard deviation of what follows the surroundings; what is finer is the patch's own.
        sure: share of the surrounding photo from which on its colours hold,
        drop: and how fast its say falls off below that, as a power.
        lid: width of the dark rim of an eye, which is not brightened,
        dark: what is darker than its surroundings by far is darkened less; lower darkens less.
        bands: standard deviations, from fine to coarse, of the bands whose strength follows the surroundings,
        gains: and by how much they are weakened and strengthened.
        reach: standard deviation of the rim on which both strengths are measured.
    """

    tone: float = 0.025
    sure: float = 0.5
    drop: float = 4.0
    lid: float = 0.012
    dark: float = 0.05
    bands: tuple[float, ...] = (0.003, 0.008)
    gains: tuple[float, float] = (0.25, 1.5)
    reach: float = 0.03


SETTINGS = PatchSettings()


def fit_patch(
    patch: np.ndarray, face: np.ndarray, share: np.ndarray, eyes: np.ndarray, strength: float = 1.0
) -> np.ndarray:
    """The patch (S, S, 3) in the tones and the sharpness that the face has around it.

    The difference of both, averaged, is continued from the face into the patch, as in seamless cloning (Perez et al. 2003,
    "Poisson Image Editing", section 3; the membrane here by pull-push). The eyes keep their colours.

    Args:
        patch: (S, S, 3) float32 in [0, 1], the photo that gives.
        face: the same of the photo around it.
        share: (L, L) float32 in [0, 1], the patch's share of the mixture.
        eyes: (L, L) float32 in [0, 1], where the patch's eyes are open.
        strength: 0 leaves the patch as it is.
    """
    side, broad = len(patch), len(share)
    outside = (1 - share).clip(0, 1) ** SETTINGS.drop
    if strength <= 0 or outside.max() < SETTINGS.sure:
        return patch
    patch = patch + strength * (_match_bands(patch, face, share) - patch)
    small, around = (cv2.resize(picture, (broad, broad), interpolation=cv2.INTER_AREA) for picture in (patch, face))
    lids = cv2.dilate(eyes, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(SETTINGS.lid * broad) + 1,) * 2))
    lids = cv2.GaussianBlur(lids, (0, 0), SETTINGS.lid * broad / 2)
    tone = _tone(small, 1 - lids)
    offset = _tone(around, outside) - tone
    brighter, darker = offset.clip(min=0) * (1 - lids[..., None]), offset.clip(max=0) * (1 - eyes[..., None])
    brighter, darker, tone = (
        cv2.resize(x, (side, side), interpolation=cv2.INTER_LINEAR) for x in (brighter, darker, tone.mean(2))
    )
    light = ((patch.mean(2) + SETTINGS.dark) / (tone + SETTINGS.dark)).clip(0, 1)[..., None]
    return np.asarray(patch + strength * (brighter + darker * light))


def _tone(picture: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(L, L, 3): a picture (L, L, 3) averaged where there is weight (L, L), and continued from there."""
    sigma = SETTINGS.tone * len(picture)
    total, sums = (cv2.GaussianBlur(x, (0, 0), sigma) for x in (picture * weight[..., None], weight))
    made = filled(torch.from_numpy(total).permute(2, 0, 1)[None], torch.from_numpy(sums)[None, None])
    return np.ascontiguousarray(made[0].permute(1, 2, 0).numpy())


def _match_bands(patch: np.ndarray, face: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The patch whose fine bands are as strong as the face's on the rim between both."""
    side = len(patch)
    inside = cv2.resize(share.clip(0, 1), (side, side), interpolation=cv2.INTER_LINEAR)
    near = cv2.GaussianBlur(inside, (0, 0), SETTINGS.reach * side)
    rim = near * (1 - near)
    made, finer, finer_face = patch, patch, face
    for sigma in SETTINGS.bands:
        coarser, coarser_face = (cv2.GaussianBlur(x, (0, 0), sigma * side) for x in (finer, finer_face))
        band, wanted = finer - coarser, finer_face - coarser_face
        ratio = _strength(wanted, rim) / max(_strength(band, rim), 1e-4)
        made = made + (float(np.clip(ratio, *SETTINGS.gains)) - 1) * band
        finer, finer_face = coarser, coarser_face
    return np.asarray(made)


def _strength(band: np.ndarray, weight: np.ndarray) -> float:
    return float(np.sqrt((np.square(band).mean(2) * weight).sum() / max(float(weight.sum()), 1e-9)))

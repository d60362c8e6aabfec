"""How two pictures share a film: whose the middle is, and which parts of the faces are never mixed.

Everything but the middle of the face, hair or hat, clothes, hands, surroundings, is one person's at a time, so that there is
one hairline, one outline, one collar: in a film it changes over once, before or after half way. Half way it belongs to whom the
shape there suits better: who is stretched less, has less made up, an open mouth or eyes where the other's are closed.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.implicit.methods.layers.face import (
    DETECTED,
    FaceAt,
    Picture,
    blur,
    details_of,
    eye_band,
    face_middle,
    in_one_light,
    lower_part,
    pick,
    smooth_step,
    soft_region,
)


@dataclass(frozen=True)
class SharingConstants:
    """What the sharing is tuned by."""

    # Appearance from which and until which everything changes over that is one person's at a time; where half way is the
    # second one's, mirrored.
    window: tuple[float, float] = (0.54, 0.72)
    # Of the power of all details of both eyes' band, and of both lower parts, the share that differs: from which on they are
    # mixed less, and at which not at all.
    eyes_differ: tuple[float, float] = (0.7, 0.86)
    lower_differ: tuple[float, float] = (0.72, 0.88)
    # Strength of a detail that is none, in [0, 1].
    faint: float = 0.02
    # The same of gaps between lids, and between lips, beside their width.
    lids_differ: tuple[float, float] = (0.08, 0.2)
    lips_differ: tuple[float, float] = (0.15, 0.3)
    # Misses of landmarks, in shares of the face's diameter, and how far around one nothing is mixed.
    missed: tuple[float, float] = (0.015, 0.04)
    around: float = 0.1
    # What gaps, made-up shares and stretching count in whom half way belongs to.
    gap_weight: float = 1.0
    made_up_weight: float = 1.0
    stretch_weight: float = 5.0


SHARING = SharingConstants()
# Upper and lower inner lip with the mouth's corners, and of both eyes the lids and corners: vertices of the mesh.
MOUTH = (13, 14, 61, 291)
LIDS = ((159, 145, 33, 133), (386, 374, 263, 362))


@dataclass(frozen=True)
class Sharing:
    """How two people share a film.

    Attributes:
        owner: 0 or 1: whose half way is, but for the middle of the face.
        eyes: in [0, 1], how far the band of the eyes is never mixed.
        lower: the same of the lower part of the face.
        missed: (N,) in [0, 1], the same around each landmark.
    """

    owner: int
    eyes: float
    lower: float
    missed: np.ndarray

    def switched(self, appearance: float) -> float:
        """The second one's share of what is one person's at a time."""
        low, high = SHARING.window if self.owner == 0 else (1 - SHARING.window[1], 1 - SHARING.window[0])
        return float(smooth_step((appearance - low) / (high - low)))


def face_at(halves: tuple[np.ndarray, np.ndarray], size_px: tuple[int, int], sharing: Sharing | None) -> FaceAt:
    """Where two faces lie whose landmarks (N, 2) were carried to one time; without a sharing all may be mixed."""
    # Where both have it: a hat or a turned cheek may hide it in one.
    middle = np.minimum(*(soft_region(face_middle(points), size_px) for points in halves))
    own = np.zeros_like(middle)
    count = min(map(len, halves))
    if sharing is None or count < DETECTED:
        return FaceAt(middle, own)
    points = (halves[0] + halves[1])[:DETECTED] / 2
    for share, part in ((sharing.eyes, eye_band), (sharing.lower, lower_part)):
        if share:
            own = np.maximum(own, np.float32(share) * part(points, size_px))
    if sharing.missed.any():
        radius = SHARING.around * float(np.sqrt(middle.sum()))
        spots = np.zeros(size_px[::-1], np.float32)
        for index in np.argsort(sharing.missed):
            place = tuple(np.round(points[index] - 0.5).astype(int).tolist())
            cv2.circle(spots, place, max(1, round(radius)), float(sharing.missed[index]), -1)
        own = np.maximum(own, blur(spots, max(1.0, radius / 2))[..., None])
    return FaceAt(middle, own)


def share_film(
    faces: tuple[Picture, Picture],
    halves: tuple[np.ndarray, np.ndarray],
    landmarks: tuple[np.ndarray, np.ndarray],
    positions: tuple[np.ndarray, np.ndarray],
    made_up: tuple[float, float],
    owner: int | None = None,
) -> Sharing:
    """The sharing of two pictures.

    Args:
        faces: both in the shape half way, (H, W, 3) float32 in [0, 1].
        halves: landmarks (N, 2) carried half way from both sides.
        landmarks: the same where they lie in their pictures.
        positions: where the pixels half way lie in both pictures, (H, W, 2).
        made_up: the share of each picture's frame that it does not show.
        owner: whose half way is, 0 or 1; the one whom it suits where None.
    """
    stretched = [float(np.square(np.minimum(_scale(at), 0)).mean()) for at in positions]
    costs = [
        SHARING.stretch_weight * stretch + SHARING.made_up_weight * share
        for stretch, share in zip(stretched, made_up, strict=True)
    ]
    eyes = lower = 0.0
    missed = np.zeros(0)
    if min(map(len, landmarks)) >= DETECTED:
        gaps = [(_gap(points, *LIDS), _gap(points, MOUTH)) for points in landmarks]
        costs = [cost - SHARING.gap_weight * sum(gap) for cost, gap in zip(costs, gaps, strict=True)]
        differ = _differences(faces, halves)
        lids, lips = (abs(a - b) for a, b in zip(*gaps, strict=True))
        eyes = max(_share(differ[0], SHARING.eyes_differ), _share(lids, SHARING.lids_differ))
        lower = max(_share(differ[1], SHARING.lower_differ), _share(lips, SHARING.lips_differ))
        middle = face_at(halves, faces[0].shape[1::-1], None).middle
        miss = np.linalg.norm(halves[0] - halves[1], axis=1)[:DETECTED] / max(1.0, float(np.sqrt(middle.sum())))
        missed = smooth_step((miss - SHARING.missed[0]) / (SHARING.missed[1] - SHARING.missed[0]))
    return Sharing(int(costs[1] < costs[0]) if owner is None else owner, eyes, lower, missed)


def _differences(faces: tuple[Picture, Picture], halves: tuple[np.ndarray, np.ndarray]) -> list[float]:
    """Of the power of all details of both, the share that differs: in the band of the eyes, and in the lower part."""
    size = (faces[0].shape[1], faces[0].shape[0])
    middle = face_at(halves, size, None).middle
    if not middle.any():
        return [0.0, 0.0]
    lit, _ = in_one_light(faces, middle, 0.0)
    one, other = (details_of(face, float(np.sqrt(middle.sum()))) for face in lit)
    points = (halves[0] + halves[1])[:DETECTED] / 2
    found = []
    for part in (eye_band, lower_part):
        there = (part(points, size) * middle)[..., 0]
        power = float((there * (np.square(one) + np.square(other) + SHARING.faint**2)).sum())
        found.append(float((there * np.square(one - other)).sum()) / max(power, 1e-6))
    return found


def _gap(points: np.ndarray, *parts: tuple[int, int, int, int]) -> float:
    """How far lips or lids (upper, lower and both corners) are open, beside their width; the mean of several."""
    gaps = []
    for part in parts:
        upper, lower, left, right = pick(points, part)
        gaps.append(float(np.linalg.norm(upper - lower) / max(float(np.linalg.norm(left - right)), 1e-6)))
    return sum(gaps) / len(gaps)


def _scale(at: np.ndarray) -> np.ndarray:
    """(H, W): the logarithm of the area that a pixel covers in the picture; negative where that is stretched."""
    across, down = np.gradient(at, axis=1), np.gradient(at, axis=0)
    return np.log(np.maximum(across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0], 1e-3))


def _share(value: float, ends: tuple[float, float]) -> float:
    return float(smooth_step((value - ends[0]) / (ends[1] - ends[0])))

"""How two pictures share a film: whose the middle is, and which parts of the faces are never mixed.

Everything but the middle of the face, hair or hat, clothes, hands, surroundings, is one person's at a time, so that there is
one hairline, one outline, one collar: in a film it changes over once, before or after half way. Half way it belongs to whom the
shape there suits better: who is stretched less, has less made up, an open mouth or eyes where the other's are closed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from core.implicit.methods.framing.framing import find_anchor
from core.implicit.methods.framing.notes import nose_place
from core.implicit.methods.layers.face import (
    DETECTED,
    FaceAt,
    Picture,
    details_of,
    eye_band,
    face_middle,
    in_one_light,
    lower_part,
    pick,
    soft_region,
)
from core.implicit.paper.landmarks import LEFT_EYE, LIPS, RIGHT_EYE
from core.ops.blur import soft_blur
from core.ops.smoothstep import smoothstep


@dataclass(frozen=True)
class SharingConstants:
    """What the sharing is tuned by."""

    # Appearance from which and until which everything changes over that is one person's at a time; where half way is the
    # second one's, mirrored. At a quarter, a half and three quarters one person is there alone.
    window: tuple[float, float] = (0.5, 0.75)
    # Of the power of all details of both eyes' band, and of both lower parts, the share that differs: from which on they are
    # mixed less, and at which not at all.
    eyes_differ: tuple[float, float] = (0.66, 0.76)
    lower_differ: tuple[float, float] = (0.58, 0.7)
    # Strength of a detail that is none, in [0, 1].
    faint: float = 0.02
    # The same of the shape of eyes and lips, scaled and turned onto each other, beside their width.
    shapes_differ: tuple[float, float] = (0.045, 0.075)
    # The strongest step down the bridge of the nose, beside its contrast, from which on it is that of glasses.
    bridge: float = 0.38
    # Misses of landmarks, in shares of the face's diameter, and how far around one nothing is mixed.
    missed: tuple[float, float] = (0.01, 0.025)
    around: float = 0.1
    # What gaps, made-up shares and stretching count in whom half way belongs to.
    gap_weight: float = 1.0
    made_up_weight: float = 1.0
    stretch_weight: float = 5.0
    # Where half way would swell, shear or smear a face, it is nearly the owner's shape, and this much of the way is left out:
    # from which and at which difference of where noses stand, in shares of the face's width, of tilts, in radians, and of the
    # shapes of eyes and of lips, as above.
    held: float = 0.6
    turned: tuple[float, float] = (0.1, 0.25)
    tilted: tuple[float, float] = (0.09, 0.2)
    eyes_apart: tuple[float, float] = (0.05, 0.08)
    lips_apart: tuple[float, float] = (0.12, 0.2)


SHARING = SharingConstants()
# Upper and lower inner lip with the mouth's corners, and of both eyes the lids and corners: vertices of the mesh.
INNER_CORNERS = (133, 362)
# Samples across and along the bridge of the nose.
BRIDGE = (24, 96)
MOUTH = (13, 14, 61, 291)
LIDS = ((159, 145, 33, 133), (386, 374, 263, 362))


@dataclass(frozen=True)
class Sharing:
    """How two people share a film.

    Attributes:
        owner: 0 or 1: whose half way is, but for the middle of the face.
        eyes: in [0, 1], how far the band of the eyes is never mixed.
        lower: the same of the lower part of the face.
        missed: (N,) in [0, 1], how far nothing is mixed around each landmark.
        held: in [0, 1], how much of the way to the other's shape the owner does not go before it changes over.
    """

    owner: int
    eyes: float = 0.0
    lower: float = 0.0
    missed: np.ndarray = field(default_factory=lambda: np.zeros(0))
    held: float = 0.0

    def switched(self, appearance: float) -> float:
        """The second one's share of what is one person's at a time; nearly even, so that no step of it is large."""
        low, high = _window(self.owner)
        along = min(max((appearance - low) / (high - low), 0.0), 1.0)
        return 0.8 * along + 0.2 * float(smoothstep(along))

    def shape(self, t: float) -> float:
        """The shape at time t, nearer to whom the picture belongs the more is held."""
        low, high = _window(self.owner)
        slow = 1 - self.held
        return float(np.interp(t, (0, low, high, 1), (0, slow * low, 1 - slow * (1 - high), 1)))


def face_at(halves: tuple[np.ndarray, np.ndarray], size_px: tuple[int, int], sharing: Sharing | None) -> FaceAt:
    """Where two faces lie whose landmarks (N, 2) were carried to one time; without a sharing all may be mixed."""
    # Where both have it: a hat or a turned cheek may hide it in one.
    middle = np.minimum(*(soft_region(face_middle(points), size_px) for points in halves))
    own = np.zeros_like(middle)
    if sharing is None or min(map(len, halves)) < DETECTED:
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
        own = np.maximum(own, soft_blur(spots, max(1.0, radius / 2))[..., None])
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
    detected = min(map(len, landmarks)) >= DETECTED
    gaps = [(_gap(points, *LIDS), _gap(points, MOUTH)) if detected else (0.0, 0.0) for points in landmarks]
    if owner is None:
        stretched = [float(np.square(np.minimum(_scale(at), 0)).mean()) for at in positions]
        costs = [
            SHARING.stretch_weight * stretch + SHARING.made_up_weight * share - SHARING.gap_weight * sum(gap)
            for stretch, share, gap in zip(stretched, made_up, gaps, strict=True)
        ]
        owner = int(costs[1] < costs[0])
    if not detected:
        return Sharing(owner)
    middle = face_at(halves, (faces[0].shape[1], faces[0].shape[0]), None).middle
    eyes, lower = _differences(faces, halves, middle)
    if max(map(_bridge, faces, halves)) > SHARING.bridge:
        eyes = 1.0
    lids = max(_apart(*(pick(points, part) for points in landmarks)) for part in (RIGHT_EYE, LEFT_EYE))
    lips = _apart(*(pick(points, LIPS) for points in landmarks))
    width = max(1.0, float(np.sqrt(middle.sum())))
    return Sharing(
        owner,
        max(eyes, _share(lids, SHARING.shapes_differ)),
        max(lower, _share(lips, SHARING.shapes_differ)),
        smoothstep(np.linalg.norm(halves[0] - halves[1], axis=1)[:DETECTED] / width, *SHARING.missed),
        SHARING.held * _held(landmarks, lids, lips),
    )


def _held(landmarks: tuple[np.ndarray, np.ndarray], lids: float, lips: float) -> float:
    """In [0, 1], how little a face may be bent towards the other; by landmarks (N, 2) and the differences of eyes and lips."""
    noses = abs(nose_place(landmarks[0]) - nose_place(landmarks[1]))
    tilts = abs(find_anchor(landmarks[0]).tilt - find_anchor(landmarks[1]).tilt)
    limits = (SHARING.turned, SHARING.tilted, SHARING.eyes_apart, SHARING.lips_apart)
    return max(_share(value, ends) for value, ends in zip((noses, tilts, lids, lips), limits, strict=True))


def _differences(faces: tuple[Picture, Picture], halves: tuple[np.ndarray, np.ndarray], middle: Picture) -> list[float]:
    """How far, for what differs in their details, the eyes' bands are not mixed, and how far the lower parts, in [0, 1]."""
    size = (faces[0].shape[1], faces[0].shape[0])
    if not middle.any():
        return [1.0, 1.0]
    lit, _ = in_one_light(faces, middle, (1.0, 0.0))
    one, other = (details_of(face, float(np.sqrt(middle.sum()))) for face in lit)
    points, found = (halves[0] + halves[1])[:DETECTED] / 2, []
    for part, ends in ((eye_band, SHARING.eyes_differ), (lower_part, SHARING.lower_differ)):
        there = (part(points, size) * middle)[..., 0]
        power = float((there * (np.square(one) + np.square(other) + SHARING.faint**2)).sum())
        found.append(_share(float((there * np.square(one - other)).sum()) / max(power, 1e-9), ends))
    return found


def _bridge(face: Picture, points: np.ndarray) -> float:
    """The strongest step along the bridge of the nose, (H, W, 3), beside its contrast: over 0.4 with most glasses."""
    right, left = pick(points, INNER_CORNERS)
    across = left - right
    down = np.array([-across[1], across[0]])
    share = (np.arange(BRIDGE[0]) + 0.5) / BRIDGE[0] * 0.5 - 0.25, (np.arange(BRIDGE[1]) + 0.5) / BRIDGE[1] * 1.5 - 0.75
    at = ((right + left) / 2 + share[0][None, :, None] * across + share[1][:, None, None] * down).astype(np.float32)
    grey = cv2.GaussianBlur(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), (0, 0), max(0.5, float(np.hypot(*across)) / 64))
    seen = cv2.remap(grey, at[..., 0] - 0.5, at[..., 1] - 0.5, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    run = seen.mean(1, keepdims=True)
    smooth = cv2.GaussianBlur(run, (0, 0), sigmaX=0.1, sigmaY=BRIDGE[1] / 12)
    return float(np.abs(run - smooth).max() / (seen.std() + SHARING.faint))


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    """How far two lists of points (M, 2) are apart, scaled and turned onto each other, beside their width."""
    a, b = ((points - points.mean(0)) @ (1, 1j) for points in (one.astype(float), other.astype(float)))
    turn = (a.conj() @ b) / max(float((a.conj() @ a).real), 1e-9)
    return float(np.sqrt(np.mean(np.abs(turn * a - b) ** 2)) / max(float(np.ptp(b.real)), 1e-6))


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


def _window(owner: int) -> tuple[float, float]:
    low, high = SHARING.window
    return (low, high) if owner == 0 else (1 - high, 1 - low)


def _share(value: float, ends: tuple[float, float]) -> float:
    return float(smoothstep(value, *ends))

"""How two pictures share a film: whose the middle is, and which parts of the faces are not mixed.

The middle of the faces is mixed all along. Hair or hat, clothes and hands are one person's at a time, and so is what is behind, so
that there is one hairline, one outline, one collar (`schedule.py`). Half way the person is whom it suits better: who is
stretched less, has less made up, hides where the other stood, whose outline is known, whose mouth and eyes are open. Where that one's
outline is not known, nobody is cut out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from core.implicit.methods.framing.framing import find_anchor
from core.implicit.methods.framing.notes import nose_place
from core.implicit.methods.layers.face import (
    DETECTED,
    FaceAt,
    Picture,
    eye_band,
    face_middle,
    pick,
    soft_region,
)
from core.implicit.methods.layers.schedule import Schedule, all_at_once, plan, plan_together, sweep
from core.implicit.paper.landmarks import LEFT_EYE, LIPS, RIGHT_EYE
from core.ops.blur import soft_blur
from core.ops.masks import disc
from core.ops.smoothstep import smoothstep


@dataclass(frozen=True)
class SharingConstants:
    """What the sharing is tuned by."""

    # Where a picture is stretched or squeezed so many times its details would be smears: from where on less of it is mixed in, and
    # at which nothing.
    stretched: tuple[float, float] = (1.7, 2.6)
    # The strongest step down the bridge of the nose, beside its contrast, from which on it is that of glasses; and how far eyes
    # are not mixed behind glasses of the person shown.
    bridge: float = 0.38
    behind_glasses: float = 0.5
    # The stretch is measured at one in so many pixels, and reaches beyond by this share of the face's diameter.
    every: int = 4
    soft: float = 0.04
    # Misses of landmarks, in shares of the face's diameter, and how far around one nothing is mixed.
    missed: tuple[float, float] = (0.015, 0.04)
    around: float = 0.1
    # Contrast that is none, in [0, 1].
    faint: float = 0.02
    # What gaps, made-up shares and stretching count in whom half way belongs to, the share of the outline that is not known, and
    # that of the frame where the other one has to be filled away.
    gap_weight: float = 1.0
    made_up_weight: float = 1.0
    stretch_weight: float = 5.0
    unknown_weight: float = 0.3
    filled_weight: float = 0.25
    # A person of whose outline more is not known is not set before the other's background: rags of its own would hang on it.
    most_unknown: float = 0.1
    # Two people of whom more is beyond the other's outline, as a share of what both cover, are not bent into one: necks and jaws
    # would be wrung. Nor are those before whom less than this of all change is behind: their half of the film would move too fast.
    most_beyond: float = 0.23
    least_behind: float = 0.17
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
        owner: 0 or 1: who half way is, but for the middle of the face.
        schedule: when what changes over.
        apart: whether people are set before the other's background; else the whole picture changes over at once.
        glasses: whether each wears some.
        missed: (N,) in [0, 1], how far nothing is mixed around each landmark.
        held: in [0, 1], how much of the way to the other's shape the owner does not go before it changes over.
        together: whether both come into one outline while they change over.
    """

    owner: int
    schedule: Schedule
    apart: bool = False
    glasses: tuple[bool, bool] = (False, False)
    missed: np.ndarray = field(default_factory=lambda: np.zeros(0))
    held: float = 0.0
    together: bool = False

    def shape(self, t: float) -> float:
        """The shape at time t, nearer to whom the picture belongs the more is held."""
        low, high = self.schedule.window
        slow = 1 - self.held
        return float(np.interp(t, (0, low, high, 1), (0, slow * low, 1 - slow * (1 - high), 1)))


def face_at(
    halves: tuple[np.ndarray, np.ndarray],
    positions: tuple[np.ndarray, np.ndarray],
    sharing: Sharing | None,
    switched: float,
) -> FaceAt:
    """Where two faces lie at one time.

    Args:
        halves: their landmarks (N, 2), carried to it.
        positions: where its pixels lie in both pictures, (H, W, 2).
        sharing: without one all may be mixed.
        switched: the second one's share of the people.
    """
    size_px = (positions[0].shape[1], positions[0].shape[0])
    # Where both have it: a hat or a turned cheek may hide it in one.
    middle = np.minimum(*(soft_region(face_middle(points), size_px) for points in halves))
    own = np.zeros_like(middle)
    if sharing is None or min(map(len, halves)) < DETECTED or not middle.any():
        return FaceAt(middle, own)
    points = (halves[0] + halves[1])[:DETECTED] / 2
    diameter = float(np.sqrt(middle.sum()))
    eyes = eye_band(points, size_px) if any(sharing.glasses) else own
    # Which of the two is mixed into the other.
    for other, share in ((0, switched), (1, 1 - switched)):
        if share:
            less = stretched(positions[other], SHARING.soft * diameter)
            worn = 1.0 if sharing.glasses[other] else SHARING.behind_glasses * sharing.glasses[1 - other]
            own += np.float32(share) * np.maximum(less, np.float32(worn) * eyes)
    if sharing.missed.any():
        radius = SHARING.around * diameter
        spots = np.zeros(size_px[::-1], np.float32)
        for index in np.argsort(sharing.missed):
            place = tuple(np.round(points[index] - 0.5).astype(int).tolist())
            cv2.circle(spots, place, max(1, round(radius)), float(sharing.missed[index]), -1)
        own = np.maximum(own, soft_blur(spots, max(1.0, radius / 2))[..., None])
    return FaceAt(middle, own)


def stretched(at: np.ndarray, soft_px: float) -> Picture:
    """(H, W, 1) float32 in [0, 1]: where a picture is so stretched or squeezed, by the places (H, W, 2) of its pixels, that it is smeared."""
    few = at[:: SHARING.every, :: SHARING.every].astype(np.float32)
    across, down = (np.gradient(few, axis=axis) / SHARING.every for axis in (1, 0))
    # The singular values of each place's 2 x 2 derivative.
    power = np.square(across).sum(-1) + np.square(down).sum(-1)
    area = np.abs(across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0])
    apart = np.sqrt(np.maximum(power**2 - 4 * area**2, 0))
    least, most = (np.sqrt(np.maximum(power + sign * apart, 0) / 2) for sign in (-1, 1))
    smeared = smoothstep(np.maximum(1 / np.maximum(least, 1e-3), most), *SHARING.stretched).astype(np.float32)
    reach = max(1, round(soft_px / SHARING.every))
    smeared = cv2.dilate(smeared, disc(reach))
    smeared = cv2.GaussianBlur(smeared, (0, 0), max(0.5, reach / 2))
    return cv2.resize(smeared, at.shape[1::-1], interpolation=cv2.INTER_LINEAR)[..., None]


def share_film(
    faces: tuple[Picture, Picture],
    halves: tuple[np.ndarray, np.ndarray],
    landmarks: tuple[np.ndarray, np.ndarray],
    positions: tuple[np.ndarray, np.ndarray],
    made_up: tuple[float, float],
    people: Sequence[tuple[np.ndarray, np.ndarray]] = (),
    owner: int | None = None,
) -> Sharing:
    """The sharing of two pictures.

    Args:
        faces: both in the shape half way, (H, W, 3) float32 in [0, 1].
        halves: landmarks (N, 2) carried half way from both sides.
        landmarks: the same where they lie in their pictures.
        positions: where the pixels half way lie in both pictures, (H, W, 2).
        made_up: the share of each picture's frame that it does not show.
        people: where both people are, half way, (H, W) in [0, 1], and how well their outlines are known beside them; none where
            they are not told from their backgrounds.
        owner: whose half way is, 0 or 1; the one whom it suits where None.
    """
    detected = min(map(len, landmarks)) >= DETECTED
    if owner is None:
        owner = _suits(landmarks if detected else (), positions, made_up, people)
    middle, change = face_at(halves, positions, None, 0.0).middle, np.abs(faces[1] - faces[0]).mean(-1)
    schedule = sweep(change, middle[..., 0] > 0, owner) if middle.any() else all_at_once(owner)
    known = [_unknown(*one) <= SHARING.most_unknown for one in people] or [False, False]
    apart, together = known[owner], False
    if apart:
        chin = max(float(points[:DETECTED, 1].max()) for points in (*landmarks, *halves))
        places = change, np.maximum(people[0][0], people[1][0]), middle[..., 0] > 0, chin, owner
        beyond = _beyond(change, people[0][0], people[1][0]) if all(known) else None
        schedule, together = plan(*places) if beyond is None else plan_together(*places, beyond), beyond is not None
    if not detected:
        return Sharing(owner, schedule, apart, together=together)
    right, left = (_bridge(face, points) > SHARING.bridge for face, points in zip(faces, halves, strict=True))
    lids = max(_apart(*(pick(points, part) for points in landmarks)) for part in (RIGHT_EYE, LEFT_EYE))
    lips = _apart(*(pick(points, LIPS) for points in landmarks))
    width = max(1.0, float(np.sqrt(middle.sum())))
    return Sharing(
        owner,
        schedule,
        apart,
        (right, left),
        smoothstep(np.linalg.norm(halves[0] - halves[1], axis=1)[:DETECTED] / width, *SHARING.missed),
        SHARING.held * _held(landmarks, lids, lips),
        together,
    )


def _beyond(change: np.ndarray, first: np.ndarray, second: np.ndarray) -> float | None:
    """The share of what two people (H, W) cover that is one's alone; None where they are not to be bent, by the change (H, W)."""
    either = np.maximum(first, second)
    beyond = float(np.abs(second - first).sum() / max(either.sum(), 1.0))
    behind = float((change * (1 - either)).sum() / max(change.sum(), 1e-6))
    return beyond if beyond <= SHARING.most_beyond and behind >= SHARING.least_behind else None


def _suits(
    landmarks: Sequence[np.ndarray],
    positions: tuple[np.ndarray, np.ndarray],
    made_up: tuple[float, float],
    people: Sequence[tuple[np.ndarray, np.ndarray]],
) -> int:
    """Whom, 0 or 1, half way suits; as `share_film`, without landmarks where they are not a detected face's."""
    costs = [
        SHARING.stretch_weight * float(np.square(np.minimum(_scale(at), 0)).mean()) + SHARING.made_up_weight * share
        for at, share in zip(positions, made_up, strict=True)
    ]
    for index, points in enumerate(landmarks):
        costs[index] -= SHARING.gap_weight * (_gap(points, *LIDS) + _gap(points, MOUTH))
    for index, (matte, known) in enumerate(people):
        filled = float((people[1 - index][0] * (1 - matte)).mean())
        costs[index] += SHARING.unknown_weight * _unknown(matte, known) + SHARING.filled_weight * filled
    return int(costs[1] < costs[0])


def _unknown(matte: np.ndarray, known: np.ndarray) -> float:
    """The share of a person's outline in the frame that is not known, by a matte and how well it is known, (H, W) in [0, 1]."""
    rim = 4 * matte * (1 - matte)
    return float((rim * (1 - known)).sum() / max(float(rim.sum()), 1e-6))


def _held(landmarks: tuple[np.ndarray, np.ndarray], lids: float, lips: float) -> float:
    """In [0, 1], how little a face may be bent towards the other; by landmarks (N, 2) and the differences of eyes and lips."""
    noses = abs(nose_place(landmarks[0]) - nose_place(landmarks[1]))
    tilts = abs(find_anchor(landmarks[0]).tilt - find_anchor(landmarks[1]).tilt)
    limits = (SHARING.turned, SHARING.tilted, SHARING.eyes_apart, SHARING.lips_apart)
    return max(_share(value, ends) for value, ends in zip((noses, tilts, lids, lips), limits, strict=True))


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


def _share(value: float, ends: tuple[float, float]) -> float:
    return float(smoothstep(value, *ends))

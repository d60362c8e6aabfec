"""The person of a portrait in its frame: one matte, without other people, and how far a head reaches above its eyes."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from core.detect.segment import person_mask
from core.errors import NothingFoundError
from core.implicit.methods.framing.framing import Anchor
from core.implicit.methods.layers.face import pick
from core.implicit.paper.landmarks import OVAL
from core.ops.blur import soft_blur
from core.ops.masks import disc, signed_distance
from core.ops.smoothstep import smoothstep

# The mask's soft rim at the 256 pixels that its network sees, generously.
RIM_PX = 6
# Longer side at which colours move a rim, how far it may move, as a share of it, and rounds of that.
CUT_PX, MOST_MOVED, ROUNDS = 256, 0.05, 4
# From which value of the network's on a place is surely the person's.
SURE = 0.95
# And from which value on it may be somebody's.
PERHAPS = 0.2
# How far on both sides of an outline colours are compared, as a share of the longer side; how unlike they are where it is not
# known, and where it is.
SIDES, UNLIKE = 0.025, (0.06, 0.16)
# Where colours do not tell, an outline is smoothed by this share of the longer side.
SMOOTH = 0.012


def find_matte(framed: np.ndarray, landmarks: np.ndarray) -> np.ndarray | None:
    """(H, W) float32 in [0, 1]: the person whose face has these landmarks, alone; None where nobody is found there.

    Args:
        framed: (H, W, 3) uint8.
        landmarks: (N, 2), (x, y) pixels; points behind those of the face may lie on the outline of the person.
    """
    try:
        mask = person_mask(Image.fromarray(framed))[0, 0].numpy()
    except NothingFoundError:
        return None
    mask = cv2.GaussianBlur(mask, (0, 0), max(1.0, max(mask.shape) / 256))
    face = np.zeros(mask.shape, np.uint8)
    cv2.fillConvexPoly(face, cv2.convexHull(np.round(pick(landmarks, OVAL) - 0.5).astype(np.int32)), 1)
    # The face is the person's, whatever the network says of a hand or a shadow on it.
    mask = np.maximum(mask, face)
    _, pieces = cv2.connectedComponents((mask > 0.5).astype(np.uint8))
    own = (pieces == np.bincount(pieces[face > 0]).argmax()).astype(np.uint8)
    near = cv2.dilate(own, np.ones((2 * RIM_PX + 1,) * 2, np.uint8)) > 0
    # As a file of bytes has it, so that a stored morph comes back the same.
    return (np.rint(np.where(near, mask, 0) * 255) / 255).astype(np.float32)


def find_people(framed: np.ndarray) -> np.ndarray:
    """(H, W) bool: everybody in a picture (H, W, 3) uint8, with their rims."""
    try:
        mask = person_mask(Image.fromarray(framed))[0, 0].numpy()
    except NothingFoundError:
        return np.zeros(framed.shape[:2], bool)
    return cv2.dilate((mask > PERHAPS).astype(np.uint8), disc(RIM_PX * max(mask.shape) / 256)) > 0


def cut_out(framed: np.ndarray, matte: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A person's matte for a picture (H, W, 3) uint8 and how well its outline is known, both (H, W) float32 in [0, 1].

    Its rim follows the picture's colours. Where they are alike on both sides, that would be torn, and nobody sees where the one ends
    and the other begins: there the person is all that the network or colours say, and smooth.
    """
    cut = cut_by_colour(framed, matte)
    known = outline_known(framed, cut)
    either = np.maximum(signed_distance(matte), signed_distance(cut))
    plain = cv2.GaussianBlur(either, (0, 0), SMOOTH * max(matte.shape))
    depth = plain + known * (signed_distance(cut) - plain)
    return np.where(known == 1, cut, (depth + 0.5).clip(0, 1)).astype(np.float32), known


def cut_by_colour(framed: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """(H, W) float32 in [0, 1]: a person's matte whose rim follows the colours of the picture (H, W, 3) uint8.

    Source: Rother, Kolmogorov and Blake 2004, "GrabCut".
    """
    shrink = min(1.0, CUT_PX / max(matte.shape))
    size = tuple(max(1, round(side * shrink)) for side in matte.shape[::-1])
    small, known = (cv2.resize(m, size, interpolation=cv2.INTER_AREA) for m in (framed, matte))
    deep = signed_distance(known) / max(size)
    kinds = np.where(deep > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    # The network leaves out hats and hands, but what it is sure of is the person: colours alone cut dark hair off before dark trees.
    sure = cv2.erode((known > SURE).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    kinds[(deep > MOST_MOVED) | sure], kinds[deep < -MOST_MOVED] = cv2.GC_FGD, cv2.GC_BGD
    if not ((kinds == cv2.GC_FGD).any() and (kinds == cv2.GC_BGD).any()):
        return matte
    # The first colour models are drawn by chance, from a generator that OpenCV keeps for each thread.
    cv2.setRNGSeed(0)
    cv2.grabCut(small, kinds, None, np.zeros((1, 65)), np.zeros((1, 65)), ROUNDS, cv2.GC_INIT_WITH_MASK)
    cut = cv2.medianBlur(np.isin(kinds, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8) * 255, 3)
    large = cv2.resize(cut, matte.shape[::-1], interpolation=cv2.INTER_CUBIC).astype(np.float32) / 255
    return cv2.GaussianBlur(large, (0, 0), 0.5 / shrink)


def outline_known(framed: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """(H, W) float32 in [0, 1]: how unlike a picture (H, W, 3) uint8 is on both sides of the outline of a matte, beside it."""
    side = SIDES * max(matte.shape)
    deep, means = signed_distance(matte), []
    for band in ((deep > 0) & (deep < 2 * side), (deep < 0) & (deep > -2 * side)):
        both = soft_blur(np.dstack((framed / np.float32(255) * band[..., None], band)).astype(np.float32), side)
        means.append(both[..., :3] / np.maximum(both[..., 3:], 1e-3))
    rim = (np.abs(deep) < side / 2).astype(np.float32)
    apart = np.sqrt(np.square(means[0] - means[1]).mean(-1))
    near, weight = (soft_blur(one, 2 * side) for one in (apart * rim, rim))
    return smoothstep(near / np.maximum(weight, 1e-4), *UNLIKE).astype(np.float32)


def head_reach(matte: np.ndarray | None, anchor: Anchor) -> float | None:
    """How far the head with hair or hat reaches above the eyes, in face units; None where the frame's top cuts it."""
    if matte is None:
        return None
    left, right = (int(np.clip(anchor.middle[0] + side * anchor.unit, 0, matte.shape[1])) for side in (-0.7, 0.7))
    rows = np.flatnonzero((matte[:, left:right] > 0.5).any(1))
    if not len(rows) or rows[0] <= 1:
        return None
    return float((anchor.middle[1] - rows[0]) / anchor.unit)

"""Two people in one outline while they change over: the part of the frame that both cover.

Each is bent into it: the first before a place changes over, the second back into its own shape afterwards. Nothing is stretched, for
the common outline lies inside both; hair, hats and shoulders beyond it are pressed together, and shrink and grow instead of fading.

Source: paths along the gradient of a harmonic function between two outlines, Yezzi and Prince 2003, "An Eulerian PDE Approach for
Computing Tissue Thickness", section II; inside, offsets are harmonic, as in Levin, Lischinski and Weiss 2004's "Colorization".
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.implicit.methods.layers.harmonic import harmonic
from core.ops.masks import disc, signed_distance


@dataclass(frozen=True)
class SilhouetteConstants:
    """What the bending is tuned by. Lengths are shares of the frame's longer side."""

    # Longer side of the grid on which it is found, in pixels.
    grid_px: int = 144
    # The face is not bent, but for this much along its rim; what it reaches beyond the other's outline may be, if no more than that.
    stiff: float = 0.02
    cheek: float = 0.008
    # Parts beyond the common outline shrink in a time of their own, measured over so much of the frame around each.
    part: float = 0.12
    # Parts that reach less far are done as if they reached so far.
    least: float = 0.02
    # Clefts of the common outline that are narrower than twice this are not bent into: necks would be wrung.
    gap: float = 0.06
    # Outlines, and how they are bent, are smooth over this much.
    smooth: float = 0.008
    along: float = 0.025
    # With less than this to go the bending ends wholly.
    late: float = 0.15
    # Steps along a path, of half a grid pixel.
    steps: int = 200


SILHOUETTES = SilhouetteConstants()
NEXT = np.ones((3, 3), np.uint8)


@dataclass(frozen=True)
class Bend:
    """How one person is bent at one time.

    Attributes:
        offset: (H, W, 2) float32, from each place of the frame to where it looks, in pixels.
        depth: (H, W) float32, how deep inside the bent outline each place lies, in pixels, negative outside.
    """

    offset: np.ndarray
    depth: np.ndarray


def bend_people(
    depths: tuple[np.ndarray, np.ndarray],
    faces: tuple[np.ndarray, np.ndarray],
    lefts: tuple[np.ndarray, np.ndarray],
) -> tuple[Bend, Bend]:
    """Both people bent towards their common outline.

    Args:
        depths: (H, W), how deep inside each person each place lies, in pixels of the frame, all in the shape of this time.
        faces: (H, W) float32 in [0, 1], their faces, which are not bent.
        lefts: (H, W) in [0, 1], how much each has of what it reaches beyond the common outline: 0, it has that outline, 1, its own.
    """
    height, width = depths[0].shape
    side = min(SILHOUETTES.grid_px, max(height, width))
    scale = side / max(height, width)
    size = (max(4, round(width * scale)), max(4, round(height * scale)))
    small, some = (
        [cv2.resize(np.float32(one), size, interpolation=cv2.INTER_AREA) for one in ones] for ones in (depths, lefts)
    )
    small = [_smooth(depth * np.float32(scale)) for depth in small]
    ball = disc(SILHOUETTES.cheek * side)
    face = np.logical_or(*(cv2.erode(cv2.resize(one, size, interpolation=cv2.INTER_AREA), ball) > 0.5 for one in faces))
    common = _without_clefts(_connected(_smooth(np.minimum(*small)) > 0, face) | face)
    bends = []
    for depth, left in zip(small, some, strict=True):
        found = _bend(depth > 0, (depth > 0) & common, face, left)
        offset, bent = (
            cv2.resize(one, (width, height), interpolation=cv2.INTER_CUBIC) / np.float32(scale) for one in found
        )
        bends.append(Bend(offset, bent))
    return bends[0], bends[1]


def _smooth(depth: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(depth, (0, 0), SILHOUETTES.smooth * max(depth.shape))


def _connected(inside: np.ndarray, face: np.ndarray) -> np.ndarray:
    """The pieces of a mask (h, w) that touch the face, without specks of its outline."""
    _, pieces = cv2.connectedComponents(cv2.morphologyEx(inside.astype(np.uint8), cv2.MORPH_OPEN, NEXT))
    touched = np.unique(pieces[face & (pieces > 0)])
    return np.isin(pieces, touched) if len(touched) else inside


def _without_clefts(inside: np.ndarray) -> np.ndarray:
    """A mask (h, w) with its clefts closed; at the frame's edges it goes on."""
    beyond = max(inside.shape)
    wide = np.pad(inside.astype(np.uint8), beyond, mode="edge")
    closed = cv2.morphologyEx(wide, cv2.MORPH_CLOSE, disc(SILHOUETTES.gap * beyond))
    return closed[beyond:-beyond, beyond:-beyond] > 0


def _bend(person: np.ndarray, common: np.ndarray, face: np.ndarray, left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Offsets (h, w, 2) and depth (h, w) of one person, in pixels of the grid, float32; see `bend_people`."""
    side, here = max(person.shape), _places(person.shape)
    own = signed_distance(person.astype(np.float32))
    if not (person & ~common).any():
        return np.zeros_like(here), own
    bent = np.minimum(own, _front(person, common, left))
    inside = ((bent > 0) | common) & person
    rim = inside & (cv2.erode(inside.astype(np.uint8), NEXT, borderValue=1) == 0)
    known, along = rim.astype(np.float32)[..., None], SILHOUETTES.along * side
    sums = [cv2.GaussianBlur(one, (0, 0), along) for one in ((_ends(common, person) - here) * known, known)]
    offset = known * sums[0] / np.maximum(sums[1], 1e-6)[..., None]
    stiff = (
        cv2.erode((face & inside).astype(np.uint8), np.ones((2 * round(SILHOUETTES.stiff * side) + 1,) * 2, np.uint8))
        > 0
    )
    offset = harmonic(offset, inside & ~rim & ~stiff, inside)
    # Its own outline is its own to the pixel. Nothing looks beyond the frame.
    offset *= np.minimum((1 - left) / SILHOUETTES.late, 1)[..., None]
    offset = np.clip(here + offset, 0, _last(person)) - here
    # Outside it goes on as at the nearest place of the outline.
    outside = 1 - inside.astype(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(outside, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    of_label = np.zeros((nearest.max() + 1, 2), np.float32)
    of_label[nearest[inside]] = offset[inside]
    return of_label[nearest], bent


def _last(mask: np.ndarray) -> np.ndarray:
    """(2,) float32: x and y of the last place of a mask (h, w)."""
    return np.array(mask.shape[::-1], np.float32) - 1


def _places(shape: tuple[int, ...]) -> np.ndarray:
    """(h, w, 2) float32, (x, y) indices."""
    return np.stack(np.meshgrid(*(np.arange(n, dtype=np.float32) for n in shape[::-1])), -1)


def _front(person: np.ndarray, common: np.ndarray, left: np.ndarray) -> np.ndarray:
    """(h, w): how deep each place lies inside the common outline with so much left of what the person reaches beyond it."""
    side = max(person.shape)
    away = cv2.distanceTransform(1 - common.astype(np.uint8), cv2.DIST_L2, 5)
    reach = SILHOUETTES.part * side
    most = cv2.GaussianBlur(cv2.dilate(np.where(person & ~common, away, 0), disc(reach)), (0, 0), reach / 2)
    depth = np.where(common, signed_distance(common.astype(np.float32)), 0.5 - away)
    return (depth + left * np.maximum(most, SILHOUETTES.least * side)).astype(np.float32)


def _ends(common: np.ndarray, person: np.ndarray) -> np.ndarray:
    """(h, w, 2): where the paths from the common outline through each place beyond it end at the person's own outline."""
    beyond, ends = person & ~common, _places(person.shape)
    rising = harmonic((~person).astype(np.float32)[..., None], beyond, np.ones_like(beyond))[..., 0]
    slope = np.stack([cv2.Sobel(rising, cv2.CV_32F, *way, ksize=3) for way in ((1, 0), (0, 1))], -1)
    slope /= np.maximum(np.linalg.norm(slope, axis=-1, keepdims=True), 1e-9)
    # What lies on the own outline stays there.
    within = cv2.erode(person.astype(np.uint8), NEXT, borderValue=1) > 0
    started = (cv2.dilate(beyond.astype(np.uint8), NEXT) > 0) & within
    at, there = ends[started][:, None], person.astype(np.float32)
    for _ in range(SILHOUETTES.steps):
        inside, step = (
            cv2.remap(one, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            for one in (there, slope)
        )
        if not (inside > 0.5).any():
            break
        at = np.clip(at + np.float32(0.5) * (inside > 0.5)[..., None] * step, 0, _last(person))
    ends[started] = at[:, 0]
    return ends

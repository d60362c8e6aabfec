"""A face's own skin: where it is bare, how light falls on its form, and what of the lower face is hair. Source: own.

Light on a face as a first-order function of its surface's direction: Basri and Jacobs, "Lambertian Reflectance and Linear
Subspaces", 2003.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.interpolate import RBFInterpolator

from core.ops.smoothstep import smoothstep
from core.ripple.methods.moved_head.expressions import EYE_PARTS, LOWER_LIP, MOUTH_CORNERS, OVAL, UPPER_LIP
from core.ripple.methods.moved_head.frame import Head
from core.ripple.methods.moved_head.membrane import fill_smoothly


@dataclass(frozen=True)
class SkinConstants:
    """What is skin and what is hair; lengths in units of the head's frame, levels of CIELab."""

    bare_levels: float = 30.0  # what differs more from the face's usual skin is not bare ...
    bare_tone: float = 12.0  # ... or in its colours by so much
    bare_above: float = 0.01  # over the nose's end: there skin is looked for that no beard reaches
    part: float = 0.018  # eyes, brows and lips reach so far beyond their points
    cells: int = 48  # nodes across the face, at which its surface is measured
    lean: float = 0.04  # ridge of the light's fit, of its points' number
    soft: float = 0.008  # what is looked at is blurred by so much: hairs and pores do not count one by one
    spread: float = 0.04  # over which what is left of the fit is evened out
    down_most: float = (
        9.0  # levels that the form's slope up and down adds or takes at most: it leads beyond what is seen
    )
    beyond: float = 4.0  # levels beyond those of bare skin that are expected at most
    view_px: float = 300.0  # pixels of a unit at which all this is measured
    hair_dark: tuple[float, float] = (7.0, 18.0)  # levels darker than expected: begins to be hair, and is ...
    usual_light: float = 60.0  # ... where so much is expected; in a dark picture fewer will do ...
    least_light: float = 30.0  # ... down to this
    hair_tone: tuple[float, float] = (9.0, 20.0)  # levels of another colour
    hair_apart: tuple[float, float] = (3.0, 9.0)  # levels, below which what is rough is skin
    clean: float = 0.1  # share of hair, below which skin is clean
    hair_rough: tuple[float, float] = (0.5, 1.3)  # log ratio of its roughness to the cheeks'
    rough: float = 0.006  # what roughness is made of is finer than that ...
    rough_soft: float = 0.02  # ... and is looked at over so much


SKIN = SkinConstants()
# Skin that no beard reaches: cheeks beside the nose, forehead, the nose's back.
BARE = (50, 280, 101, 330, 36, 266, 117, 346, 118, 347, 119, 348, 100, 329, 205, 425, 151, 108, 337, 9, 69, 299, 6, 197, 195, 5,
        116, 345, 111, 340)  # fmt: skip
NOSE_END = 2
NOSE = (168, 122, 174, 198, 49, 48, 64, 98, 97, 2, 326, 327, 294, 278, 279, 420, 399, 351)


@dataclass(frozen=True)
class Skin:
    """The skin of a face in a region, all (h, w, ...) float32.

    Attributes:
        expected: (h, w, 3) CIELab that bare skin would have there.
        bare: (h, w) bool, where it is seen that no beard reaches.
        clean: (h, w) bool, where the face is seen and nothing differs from that.
        hair: (h, w) in [0, 1], how far something else than skin is seen on the face, such as a beard.
    """

    expected: np.ndarray
    bare: np.ndarray
    clean: np.ndarray
    hair: np.ndarray


def measure_skin(region: np.ndarray, own: np.ndarray, head: Head, start: tuple[int, int]) -> Skin:
    """The skin of a face.

    Args:
        region: (h, w, 3) float32 up to 255.
        own: (h, w) the head's share.
        head: whose.
        start: where the region begins, (x, y) px.
    """
    shape, scale = region.shape[:2], min(1.0, SKIN.view_px / head.frame.unit_px)
    if scale < 1:
        region, own = (cv2.resize(one, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) for one in (region, own))
    unit = scale * head.frame.unit_px
    lab = cv2.cvtColor(region / 255, cv2.COLOR_RGB2LAB)
    smooth = cv2.GaussianBlur(lab, (0, 0), max(0.6, SKIN.soft * unit))
    points = (head.frame.to_px(head.mesh[:, :2]) - start) * scale
    usual = np.median(at_points(smooth, points[list(BARE)]), axis=0)
    apart = np.abs(smooth - usual)
    face = face_mask(points, region.shape[:2], unit) & (own > 0.9)
    bare = face & (apart[..., 0] < SKIN.bare_levels) & (np.hypot(apart[..., 1], apart[..., 2]) < SKIN.bare_tone)
    bare[max(0, int(points[NOSE_END, 1] - SKIN.bare_above * unit)) :] = False
    expected = expect_light(smooth, bare, points, head.mesh[:, 2], unit)
    hair_small = hair = differs(lab, smooth, expected, bare, unit)
    size = shape[::-1]
    expected, hair = (cv2.resize(one, size, interpolation=cv2.INTER_LINEAR) for one in (expected, hair))
    bare, clean = (
        cv2.resize(one.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
        for one in (bare, bare | (face & (hair_small < SKIN.clean)))
    )
    return Skin(expected, bare, clean, hair)


def at_points(picture: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(N, C): the values of a picture (h, w, C) at points (N, 2) px."""
    column, row = np.rint(points - 0.5).astype(int).T
    return picture[row.clip(0, picture.shape[0] - 1), column.clip(0, picture.shape[1] - 1)]


def face_mask(points: np.ndarray, shape: tuple[int, ...], unit: float) -> np.ndarray:
    """(h, w) bool: the face within its outline, without eyes, brows, nose and lips, of points (478, 2) px."""
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [np.rint(points[list(OVAL)]).astype(np.int32)], 1)
    mask = cv2.erode(mask, np.ones((2 * max(1, round(SKIN.part * unit)) + 1,) * 2, np.uint8))
    parts = np.zeros(shape, np.uint8)
    lips = (MOUTH_CORNERS[0], *UPPER_LIP["outer"], MOUTH_CORNERS[1], *LOWER_LIP["outer"])
    for ring in (*((*eye[0], *eye[2], *eye[4]) for eye in EYE_PARTS), lips, NOSE):
        cv2.fillConvexPoly(parts, cv2.convexHull(np.rint(points[list(ring)]).astype(np.int32)), 1)
    parts = cv2.dilate(parts, np.ones((2 * max(1, round(SKIN.part * unit)) + 1,) * 2, np.uint8))
    return (mask > 0) & (parts == 0)


def expect_light(
    smooth: np.ndarray, bare: np.ndarray, points: np.ndarray, depths: np.ndarray, unit: float
) -> np.ndarray:
    """(h, w, 3): the colours, in CIELab, that bare skin goes on with over the whole face, by its form and its light."""
    directions = surface_directions(points, depths, bare.shape, unit)
    seen = np.flatnonzero(bare.ravel())
    if len(seen) < 50:
        return np.broadcast_to(np.median(smooth, axis=(0, 1)), smooth.shape).astype(np.float32)
    seen = seen[:: max(1, len(seen) // 20_000)]
    basis = np.concatenate([np.ones_like(directions[..., :1]), directions], -1).reshape(-1, 4)
    light = smooth[..., 0].ravel()
    kept, ridge = seen, SKIN.lean * np.diag([0.0, 1, 1, 1])
    for _ in range(3):
        part = basis[kept]
        found = np.linalg.solve(part.T @ part / len(kept) + ridge, part.T @ light[kept] / len(kept))
        left: np.ndarray = light[seen] - basis[seen] @ found
        kept = seen[np.abs(left) <= 3 * max(1.0, float(np.median(np.abs(left))))]
    level = basis[seen].mean(0)
    parts = (basis - level) * found
    parts[:, 2] = parts[:, 2].clip(-SKIN.down_most, SKIN.down_most)
    fit = (float(level @ found) + parts.sum(1)).reshape(bare.shape).astype(np.float32)
    low, high = np.percentile(light[seen], (5, 95))
    fit = fit.clip(low - SKIN.beyond, high + SKIN.beyond)
    rest = smooth.copy()
    rest[..., 0] -= fit
    rest = fill_smoothly(rest, bare)
    rest = cv2.GaussianBlur(rest, (0, 0), SKIN.spread * unit)
    rest[..., 0] += fit
    return rest.astype(np.float32)


def surface_directions(points: np.ndarray, depths: np.ndarray, shape: tuple[int, ...], unit: float) -> np.ndarray:
    """(h, w, 3) float32: which way the face's surface looks: aside, down, and towards the viewer."""
    low, high = points.min(0), points.max(0)
    across, down = (np.linspace(a, b, SKIN.cells) for a, b in zip(low, high, strict=True))
    places = np.stack(np.meshgrid(across, down), -1)
    depth = RBFInterpolator(points / unit, depths, neighbors=40, smoothing=1e-3)(places.reshape(-1, 2) / unit)
    depth = cv2.GaussianBlur(depth.reshape(SKIN.cells, -1), (0, 0), 1.2, borderType=cv2.BORDER_REPLICATE)
    down_step, across_step = np.gradient(depth, down / unit, across / unit)
    way = np.dstack([-across_step, -down_step, np.ones_like(depth)])
    way = (way / np.linalg.norm(way, axis=-1, keepdims=True)).astype(np.float32)
    columns = (np.arange(shape[1], dtype=np.float32) - low[0]) / np.ptp(across) * (SKIN.cells - 1)
    rows = (np.arange(shape[0], dtype=np.float32) - low[1]) / np.ptp(down) * (SKIN.cells - 1)
    where = np.stack(np.meshgrid(columns, rows), -1).astype(np.float32)
    return cv2.remap(way, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def differs(lab: np.ndarray, smooth: np.ndarray, expected: np.ndarray, bare: np.ndarray, unit: float) -> np.ndarray:
    """(h, w) in [0, 1]: how far something else than bare skin is seen: darker, of another colour, or rougher."""
    fine = lab[..., 0] - cv2.GaussianBlur(lab[..., 0], (0, 0), max(0.6, SKIN.rough * unit))
    rough = np.sqrt(cv2.GaussianBlur(fine**2, (0, 0), SKIN.rough_soft * unit)) + 1.0
    usual = float(np.median(rough[bare])) if bare.any() else float(np.median(rough))
    apart = smooth - expected
    apart[..., 0] *= SKIN.usual_light / expected[..., 0].clip(SKIN.least_light, SKIN.usual_light)
    return np.maximum.reduce(
        [
            smoothstep(-apart[..., 0], *SKIN.hair_dark),
            smoothstep(np.hypot(apart[..., 1], apart[..., 2]), *SKIN.hair_tone),
            smoothstep(np.log(rough / usual), *SKIN.hair_rough)
            * smoothstep(np.linalg.norm(apart, axis=-1), *SKIN.hair_apart),
        ]
    ).astype(np.float32)

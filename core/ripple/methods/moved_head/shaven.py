"""A beard taken off: the light that bare skin would have there by the face's form, with texture from the person's own skin. Source: own."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.ops.masks import disc
from core.ops.patch_fill import fill_holes
from core.ops.smoothstep import smoothstep
from core.ripple.methods.moved_head.expressions import OVAL
from core.ripple.methods.moved_head.frame import Head
from core.ripple.methods.moved_head.membrane import fill_smoothly
from core.ripple.methods.moved_head.skin import SKIN, Skin, at_points, measure_skin


@dataclass(frozen=True)
class ShavenConstants:
    """What is a beard, and what comes in its place; lengths in units of the head's frame, levels of CIELab lightness."""

    dense: float = 0.9  # share of hair, where a beard's own colour is seen
    bearded: tuple[float, float] = (0.15, 0.6)  # of the chin's and of the upper lip's points that are hair: a beard
    aside: float = 24.0  # degrees: of a head that looks further aside the near half is looked at
    grown: float = 0.013  # skin beside what is hair, that single hairs lie on
    closed: float = 0.014  # gaps between hairs that are closed
    soft: float = 0.008  # over which skin goes on
    apart: float = 0.015  # skin so near a beard says nothing
    evened: float = 0.02  # over which its colours are evened out
    fine: float = 0.009  # pores and grain are finer than that
    gain: float = 3.0  # of them in the picture that the filler sees
    neck: float = 0.022  # over which it darkens under the jaw ...
    neck_dark: float = 17.0  # ... by so many levels
    rim: float = 0.05  # inside the jaw's outline, over which it turns from the light ...
    rim_dark: float = 7.0  # ... by so many levels
    under_lip: float = 5.0  # levels that the lower lip's shade takes ...
    under_lip_at: float = 0.022  # ... so far below it, and as softly
    beside: float = 0.02  # so far beyond the face's outline it is taken off ...
    like: float = 16.0  # ... and under the jaw where it is of the beard's colour, to so many levels
    shape: float = 0.22  # of the light on the beard that stays: chin and jaw keep their form
    shape_soft: float = 0.035
    long: tuple[float, float] = (0.09, 0.16)  # so far below the chin nothing but a long beard has its colour ...
    long_share: float = 0.6  # of the places there


SHAVEN = ShavenConstants()
# Left, middle and right.
CHIN, MOUSTACHE = ((201, 208), (200, 199), (421, 428)), ((167, 165), (), (393, 391))
CHIN_EDGE = (152, 148, 377, 175, 171, 396)
LOWER_EDGE = 17


def seen_of(part: tuple[tuple[int, ...], ...], head: Head) -> list[int]:
    """The points of a part (left, middle, right) that are looked at: those of the near side, where a head looks aside."""
    sides = part if abs(head.yaw_deg) < SHAVEN.aside else part[:2] if head.yaw > 0 else part[1:]
    return [index for side in sides for index in side]


@dataclass(frozen=True)
class Beard:
    """The beard that a face has in a region; what is beside it is not kept.

    Attributes:
        mask: (h, w) bool, all False where there is none.
        dense: (h, w) bool, where its own colour is seen.
        hides_neck: whether it hangs far below the chin.
        part: rows and columns of the region that hold it and the skin around it; None where there is none.
        clean: bool, bare skin of that part.
        expected: (..., 3) CIELab that bare skin would have there.
        smooth: (..., 3) CIELab there, without hairs and pores.
    """

    mask: np.ndarray
    dense: np.ndarray
    hides_neck: bool
    part: tuple[slice, slice] | None
    clean: np.ndarray
    expected: np.ndarray
    smooth: np.ndarray


def find_beard(region: np.ndarray, share: np.ndarray, own: np.ndarray, head: Head, start: tuple[int, int]) -> Beard:
    """The beard of a face.

    Args:
        region: (h, w, 3) float32 up to 255.
        share: (h, w) where a beard may be.
        own: (h, w) the head's share.
        head: whose.
        start: where the region begins, (x, y) px.
    """
    skin, unit = measure_skin(region, own, head, start), head.frame.unit_px
    lab = cv2.cvtColor(region / 255, cv2.COLOR_RGB2LAB)
    smooth = cv2.GaussianBlur(lab, (0, 0), max(0.6, SHAVEN.soft * unit))
    mask, hides_neck = mask_beard(skin, smooth, share, head, start)
    dense, part = mask & (skin.hair > SHAVEN.dense), None
    if mask.any():
        left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
        # As far up as the brow there is skin to copy from.
        margin = round(0.1 * unit)
        part = (
            slice(max(0, top - round(0.35 * unit)), top + height + margin),
            slice(max(0, left - margin), left + width + margin),
        )
    kept = (one[part or (slice(0), slice(0))].copy() for one in (skin.clean, skin.expected, smooth))
    return Beard(mask, dense, hides_neck, part, *kept)


def mask_beard(
    skin: Skin, smooth: np.ndarray, share: np.ndarray, head: Head, start: tuple[int, int]
) -> tuple[np.ndarray, bool]:
    """The mask (h, w) bool of a face's beard, and whether it hides the neck."""
    points, unit = head.frame.to_px(head.mesh[:, :2]) - start, head.frame.unit_px
    free = (share > 0.3) & (skin.hair > 0.5)
    # Chins lie in shade too, and lips are dark: a beard is on both.
    grown = [at_points(free[..., None], points[seen_of(part, head)]).mean() for part in (CHIN, MOUSTACHE)]
    if grown[0] < SHAVEN.bearded[0] or grown[1] < SHAVEN.bearded[1]:
        return np.zeros(share.shape, bool), False
    found = (share > 0.05) & (skin.hair > 0.5)
    face = np.zeros(share.shape, np.uint8)
    cv2.fillPoly(face, [np.rint(points[list(OVAL)]).astype(np.int32)], 1)
    face = cv2.dilate(face, disc(max(1, SHAVEN.beside * unit))) > 0
    edge = points[list(CHIN_EDGE)]
    edge, far = edge[at_points(found[..., None], edge)[:, 0]], False
    like = np.zeros(share.shape, bool)
    if len(edge):
        colour = np.median(at_points(smooth, edge), axis=0)
        apart = np.linalg.norm(smooth - colour, axis=-1)
        # Between dark things smaller steps tell.
        like = apart < SHAVEN.like * float(np.clip(colour[0] / SKIN.usual_light, 0.75, 1))
        below = points[152] + unit * np.array([(x, y) for x in (-0.03, 0, 0.03) for y in np.linspace(*SHAVEN.long, 6)])
        below = below[below[:, 1] < share.shape[0]]
        far = len(below) > 0 and bool((at_points(apart[..., None], below) < SHAVEN.like).mean() > SHAVEN.long_share)
    found &= face | like
    found = cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_CLOSE, disc(max(1, SHAVEN.closed * unit)))
    return cv2.dilate(found, disc(max(1, SHAVEN.grown * unit))) > 0, far


def shave(
    region: np.ndarray, found: Beard, share: np.ndarray, own: np.ndarray, head: Head, start: tuple[int, int],
    strength: float,
) -> np.ndarray:  # fmt: skip
    """A region with less of the beard in it; bare skin stays as it is, and so does a beard that hides the neck.

    Args:
        region: (h, w, 3) float32 up to 255.
        found: its beard.
        share: (h, w) where a beard may be.
        own: (h, w) the head's share.
        head: whose.
        start: where the region begins, (x, y) px.
        strength: up to 1.
    """
    unit, beard, part = head.frame.unit_px, found.mask, found.part
    if found.hides_neck or part is None:
        return region
    cut = (start[0] + part[1].start, start[1] + part[0].start)
    near = cv2.dilate(beard[part].astype(np.uint8), disc(SHAVEN.apart * unit)) > 0
    known, base = found.clean & ~near, found.expected
    rest = cv2.GaussianBlur(fill_smoothly(found.smooth - base, known), (0, 0), SHAVEN.evened * unit)
    base = base + rest
    broad = cv2.GaussianBlur(found.smooth[..., 0], (0, 0), SHAVEN.shape_soft * unit)
    base[..., 0] += SHAVEN.shape * (broad - base[..., 0]) - shade_below(head, cut, broad.shape)
    made = cv2.cvtColor(base.astype(np.float32), cv2.COLOR_LAB2RGB) * 255
    made += own_texture(region[part], beard[part], known, unit)
    over = cv2.GaussianBlur(beard[part].astype(np.float32), (0, 0), max(0.6, SHAVEN.soft * unit))
    over = strength * over * smoothstep(share[part], 0.02, 0.5) * smoothstep(own[part], 0.3, 0.9)
    out = region.copy()
    out[part] += over[..., None] * (made - region[part])
    return out


def shade_below(head: Head, start: tuple[int, int], shape: tuple[int, ...]) -> np.ndarray:
    """(h, w) levels of lightness that jaw and lower lip take from what lies below them."""
    points, unit = head.frame.to_px(head.mesh[:, :2]) - start, head.frame.unit_px
    face = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(face, [np.rint(points[list(OVAL)]).astype(np.int32)], 1)
    below = cv2.distanceTransform(1 - face, cv2.DIST_L2, 5)
    rows, columns = np.arange(shape[0])[:, None], np.arange(shape[1])
    neck = SHAVEN.neck_dark * smoothstep(below / (SHAVEN.neck * unit), 0, 1)
    x, y = points[LOWER_EDGE] + (0, SHAVEN.under_lip_at * unit)
    soft = SHAVEN.under_lip_at * unit
    near = np.exp(-(((columns - x) / (2 * soft)) ** 2) / 2 - ((rows - y) / (0.6 * soft)) ** 2 / 2)
    inside = cv2.distanceTransform(face, cv2.DIST_L2, 5) / (SHAVEN.rim * unit)
    neck = neck + SHAVEN.rim_dark * smoothstep(1 - inside, 0, 1)
    return (neck + SHAVEN.under_lip * near).astype(np.float32)


def own_texture(region: np.ndarray, hole: np.ndarray, bare: np.ndarray, unit: float) -> np.ndarray:
    """(h, w, 3) float32: pores and grain for a hole (h, w) bool, in patches of bare skin (h, w) bool around it."""
    fine = (region - cv2.GaussianBlur(region, (0, 0), max(1.0, SHAVEN.fine * unit))).mean(-1, keepdims=True)
    picture = np.repeat(np.rint(128 + SHAVEN.gain * fine).clip(0, 255).astype(np.uint8), 3, -1)
    source = cv2.erode(bare.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    if not (source & ~hole).any():
        return np.zeros_like(region)
    filled = fill_holes(picture, hole, forbidden=~source & ~hole)
    return (filled.astype(np.float32) - 128) / SHAVEN.gain

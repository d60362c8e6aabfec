"""A beard grown along the jaw in the hair's colour: texture, not shape."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from core.ops.blur import soft_blur
from core.ops.smoothstep import smoothstep
from core.ripple.methods.moved_head.covers import hands_over, mouth_hidden
from core.ripple.methods.moved_head.expressions import LOWER_LIP, MOUTH_CORNERS, UPPER_LIP
from core.ripple.methods.moved_head.frame import Head
from core.ripple.methods.moved_head.hair_colour import hair_colour
from core.ripple.methods.moved_head.shaven import Beard, find_beard, shave
from core.ripple.methods.moved_head.skin import NOSE


@dataclass(frozen=True)
class BeardConstants:
    """How a beard looks; lengths in units of the head's frame."""

    strand: float = 0.028  # how long a hair of a full beard is
    stubble: float = 0.006  # and of the shortest
    crowd: float = 3.0  # hairs over a place of a full beard, in the mean
    soft: float = 0.07  # over which it thins out towards the cheek
    soft_ear: float = 0.022  # the same before the ears, where it is narrow
    sideburn: float = 0.025  # how wide it is before the ears
    fade: float = 0.34  # over which it begins there
    densest: float = 2.2  # depths of its outline, from which it is no denser
    shaven_px: float = (
        600.0  # pixels of a unit: in smaller faces shaven skin is a mask (judged at 250 to 400 and at 975)
    )
    shaven_soft: float = 0.02  # and over which shaving ends
    shade: float = 0.9  # how far a full beard darkens the skin between its hairs
    deep: float = 0.6  # share of its hairs' light there
    gleam: float = 0.06  # share of its own light that skin keeps among them
    whitest: float = 1.25  # by how much a white beard lightens it at most
    white_levels: float = 235.0  # of 255, and to no more than that
    opaque: float = 0.85  # share of a hair over what lies behind it
    uneven: float = 0.4  # by how much of itself its density varies
    tone: float = 0.22  # and the light of single hairs
    shining: float = 0.08  # share of hairs that shine ...
    shine: float = 0.5  # ... by so much of their light
    light_soft: float = 0.045  # over which its light is that of the skin: a beard does not shine as skin does
    root: float = 0.72  # light of a hair where it grows, and ...
    tip: float = 1.12  # ... where it ends
    tufts: float = 0.13  # by how much the light of whole tufts varies ...
    tuft: float = 0.012  # ... of such a size
    worn: float = 0.75  # share of it that does not grow where there is a beard already
    swirl: float = 0.5  # radians by which a tuft's hairs lean together
    thick: float = 0.0011  # of a hair
    fine_px: float = 900.0  # hairs are drawn at a size at which a unit has so many pixels, then averaged
    softened: float = 0.85  # px: how far hairs of the smallest faces are blurred ...
    softened_px: float = 600.0  # ... and pixels of a unit that take one of these px off
    over_lip: float = 0.005  # a hair reaches so far over a lip's edge
    chin: float = 0.02  # under the jaw it goes on so far
    neck: float = 0.05  # and so far it is shaven there
    lip_bare: float = 0.016  # beside its middle, hairs begin so far below the lower lip
    lip_least: float = 0.6  # or few of them
    lip_tuft: float = 0.02  # how wide that middle is
    above: float = 0.12  # of the face over it, that is looked at
    wide: float = 0.022  # a beard that is shaven reaches so far beyond where one is grown


BEARD = BeardConstants()
# Closed lines of the mesh: from before the left ear along the jaw to the right ear and back above beard and moustache.
OUTLINE = (
    *(234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454),
    *(447, 366, 401, 435, 416, 434, 432, 410, 391, 326, 2, 97, 165, 186, 212, 214, 192, 215, 177, 137, 227),
)
LIPS = (
    MOUTH_CORNERS[0], *UPPER_LIP["outer"], MOUTH_CORNERS[1], *reversed(LOWER_LIP["outer"]),
)  # fmt: skip
EARS = (234, 454)
JAW = OUTLINE[4:17]  # the lower part of the jaw's line
SIDEBURNS = ((227, 137, 177, 215), (447, 366, 401, 435))  # the inner line before the ears, from above


def beard_share(head: Head, start: tuple[int, int], size: tuple[int, int], wider: float = 0.0) -> np.ndarray:
    """(h, w) float32 in [0, 1]: where a beard grows in a region of so many px that begins at `start`."""
    places: np.ndarray = head.frame.to_px(head.mesh[:, :2]) - start
    unit = head.frame.unit_px
    ears = places[list(EARS), 1].mean()
    if not wider:
        # The mesh ends before the ears: a beard that grows goes up to the hair there in a band.
        for side, way in zip(SIDEBURNS, (1, -1), strict=True):
            places[list(side)] += np.array([way * BEARD.sideburn * unit, 0.0])
    chin = places[list(JAW)] - places[list(OUTLINE)].mean(0)
    places[list(JAW)] += (BEARD.neck if wider else BEARD.chin) * unit * chin / np.hypot(*chin.T)[:, None] * (0, 1)
    mask, mouth = np.zeros(size[::-1], np.uint8), np.zeros(size[::-1], np.float32)
    cv2.fillPoly(mask, [np.rint(places[list(OUTLINE)]).astype(np.int32)], 1)
    cv2.fillPoly(mouth, [np.rint(places[list(LIPS)]).astype(np.int32)], 1.0)
    if wider:
        mask = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(wider * unit) + 1,) * 2))
    if wider:
        soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), BEARD.shaven_soft * unit)
        soft = soft * smoothstep((np.arange(size[1])[:, None] - ears) / (BEARD.fade * unit), 0.1, 0.5)
        nose = np.zeros(size[::-1], np.float32)
        cv2.fillConvexPoly(nose, cv2.convexHull(np.rint(places[list(NOSE)]).astype(np.int32)), 1.0)
        soft = soft * (1 - cv2.GaussianBlur(nose, (0, 0), max(0.6, 0.004 * unit)))
    else:
        # From the cheek inwards it grows thicker, and is thick along the jaw: a line drawn round it would be a mask's.
        middle, below = places[0], np.zeros_like(mask)
        cv2.fillPoly(below, [np.rint(middle + 1.25 * (places[list(OUTLINE[1:20])] - middle)).astype(np.int32)], 1)
        aside = np.abs(np.arange(size[0]) - middle[0]) / max(
            1.0, float(np.abs(places[list(EARS), 0] - middle[0]).max())
        )
        # Between nose and lip there is little room.
        lip_y, rows = float(head.frame.to_px(head.mesh[0, :2])[1] - start[1]), np.arange(size[1])[:, None]
        narrow = smoothstep(1 - aside, 0.5, 0.75) * smoothstep((lip_y - rows) / (0.02 * unit) + 0.5)
        thin = BEARD.soft + (BEARD.soft_ear - BEARD.soft) * np.maximum(smoothstep(aside, 0.4, 0.9), narrow)
        deep = cv2.distanceTransform(np.maximum(mask, below), cv2.DIST_L2, 5) / (thin * unit)
        # Dense as it may be, it begins without a step.
        deep = deep.clip(0, BEARD.densest) * smoothstep((np.arange(size[1])[:, None] - ears) / (BEARD.fade * unit))
        soft = (
            smoothstep(deep)
            * bare_below_lip(head, start, size)
            * cv2.GaussianBlur(mask.astype(np.float32), (0, 0), BEARD.shaven_soft * unit)
        )
    return soft * (1 - cv2.GaussianBlur(mouth, (0, 0), max(0.6, 0.004 * unit)))


def bare_below_lip(head: Head, start: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    """(h, w) in [0, 1]: right below the lower lip hairs grow in its middle only."""
    unit = head.frame.unit_px
    line = head.frame.to_px(head.mesh[[MOUTH_CORNERS[0], *LOWER_LIP["outer"], MOUTH_CORNERS[1]], :2]) - start
    columns, rows = np.arange(size[0]), np.arange(size[1])[:, None]
    order = line[:, 0].argsort()
    edge = np.interp(columns, line[order, 0], line[order, 1])
    below = (rows - edge) / (BEARD.lip_bare * unit)
    middle = np.exp(-(((columns - line[5, 0]) / (BEARD.lip_tuft * unit)) ** 2))
    # Towards the corners of the mouth they close up again.
    aside = np.abs(columns - line[5, 0]) / max(1.0, 0.5 * float(np.ptp(line[:, 0])))
    grown = np.maximum(np.maximum(middle, smoothstep(below, 0, 1.4)), smoothstep(aside, 0.55, 0.9))
    return np.where(below > -1, BEARD.lip_least + (1 - BEARD.lip_least) * grown, 1)


@dataclass(frozen=True)
class Jaw:
    """What a beard meets in a region, measured when it is first asked for, and then known.

    Attributes:
        region: (h, w, 3) uint8, which stays as it is.
        head: whose.
        start: where the region begins, (x, y) px.
        own: (h, w) the head's share of the region.
    """

    region: np.ndarray
    head: Head
    start: tuple[int, int]
    own: np.ndarray

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the region."""
        return self.region.shape[1], self.region.shape[0]

    @cached_property
    def hands(self) -> np.ndarray:
        """(h, w) float32 in [0, 1]: hands before the face."""
        return hands_over(self.region, self.head, self.start)

    @cached_property
    def worn(self) -> Beard:
        """The beard that the head has already."""
        wide = beard_share(self.head, self.start, self.size, BEARD.wide) * self.own
        return find_beard(self.region.astype(np.float32), wide, self.own, self.head, self.start)


def grow_beard(jaw: Jaw, strength: float) -> np.ndarray:
    """A region (h, w, 3) uint8 with a beard, up to a strength of 1, or with less of its own, down to -1."""
    region, head, start, own = jaw.region, jaw.head, jaw.start, jaw.own
    share = beard_share(head, start, jaw.size, 0.0 if strength > 0 else BEARD.wide) * own
    if share.max() <= 0:
        return region
    share, worn = share * (1 - jaw.hands), jaw.worn
    if strength < 0:
        shaven = shave(region.astype(np.float32), worn, share, own, head, start, -strength)
        return np.rint(shaven).clip(0, 255).astype(np.uint8)
    rows, columns = (np.flatnonzero(share.max(axis) > 1e-3) for axis in (1, 0))
    margin = round(2 * BEARD.strand * head.frame.unit_px) + 2
    # The cheeks above say what light falls on it.
    top, bottom = max(0, rows[0] - margin - round(BEARD.above * head.frame.unit_px)), rows[-1] + margin
    left, right = max(0, columns[0] - margin), columns[-1] + margin
    part, made = (slice(top, bottom), slice(left, right)), region.copy()
    skin, begin = region[part].astype(np.float32), (start[0] + left, start[1] + top)
    if worn.dense.any():
        # It grows on in its own colour, thickest where there is none yet.
        colour = np.percentile(region[worn.dense], 40, axis=0)
        soft = cv2.GaussianBlur(worn.mask.astype(np.float32), (0, 0), max(0.6, BEARD.shaven_soft * head.frame.unit_px))
        share = share * (1 - BEARD.worn * soft)
    else:
        colour = hair_colour(region, head, start, own)
    changed = draw_beard(skin, share[part], own[part], colour, head, begin, strength)
    made[part] = np.rint(changed).clip(0, 255)
    return made


def refuse_beard(jaw: Jaw, strength: float) -> str | None:
    """Why a photograph does not bear a beard, or shaving (`strength` below 0); None if it does."""
    if strength > 0:
        if mouth_hidden(jaw.hands, jaw.head, jaw.start):
            return "a hand hides the mouth in this photograph: no beard is drawn"
        return None
    if not jaw.worn.mask.any():
        return "no beard was found in this photograph: there is nothing to shave"
    if jaw.worn.hides_neck:
        return "the beard in this photograph hides the neck: nothing shows what is under it, and it stays"
    if jaw.head.frame.unit_px < BEARD.shaven_px:
        return "the face is too small in this photograph to take its beard off: a larger one shows more of the skin"
    return None


def draw_beard(
    skin: np.ndarray, share: np.ndarray, own: np.ndarray, colour: np.ndarray, head: Head, start: tuple[int, int],
    strength: float,
) -> np.ndarray:  # fmt: skip
    """Skin (h, w, 3) float32 under single hairs that grow where `share` (h, w) says, (h, w, 3). Always the same."""
    unit, random = head.frame.unit_px, np.random.default_rng(7)
    tufts = np.sum([cloud_of(random, share.shape, scale * BEARD.tuft * unit) for scale in (1, 2)], axis=0)
    light = cv2.GaussianBlur(skin, (0, 0), BEARD.light_soft * unit).mean(-1)
    light = light / max(1.0, float(np.percentile(light[share > 0.3], 80))) if (share > 0.3).any() else light / 255
    lit = ((0.3 + 0.7 * light.clip(0, 1.1)) * (1 + BEARD.tufts * tufts))[..., None]
    between = stain(skin, share, BEARD.deep * colour, min(1.0, 1.4 * strength), 1 + BEARD.tufts * tufts)
    drawn, covered = draw_hairs(share, colour, head, start, strength, random)
    # Ends that hang beyond the jaw are few: they would lie on the collar.
    near = (2.5 * cv2.GaussianBlur(share, (0, 0), 0.35 * BEARD.soft * unit)).clip(0, 1)
    # Above the chin none hangs over lips.
    lip_y = (head.frame.to_px(head.mesh[LOWER_LIP["outer"][4], :2]) - start)[1]
    grown = smoothstep(cv2.GaussianBlur(share, (0, 0), BEARD.over_lip * unit), 0, 0.2)
    near = np.where(np.arange(share.shape[0])[:, None] < lip_y, np.minimum(near, grown), near)
    # In a small picture hairs are no sharper than the rest of it.
    soft = max(0.0, BEARD.softened - unit / BEARD.softened_px)
    if soft > 0.3:
        drawn, covered = (cv2.GaussianBlur(one, (0, 0), soft) for one in (drawn, covered))
    over = (BEARD.opaque * covered * own * near)[..., None]
    return between + over * (drawn * lit - between)


def draw_hairs(
    share: np.ndarray, colour: np.ndarray, head: Head, start: tuple[int, int], strength: float,
    random: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Single hairs (h, w, 3) float32 of a colour (3,), and how far they cover each pixel, (h, w) in [0, 1]."""
    unit, (height, width) = head.frame.unit_px, share.shape
    zoom = max(1, round(BEARD.fine_px / unit))
    thick = max(1, round(zoom * BEARD.thick * unit))
    density = share * (1 + BEARD.uneven * cloud_of(random, share.shape, 0.02 * unit)).clip(0, 1.2)
    length = unit * (BEARD.stubble + strength * (BEARD.strand - BEARD.stubble))
    count = int(BEARD.crowd * strength**0.7 * zoom * density.sum() / max(1.0, length * thick))
    chances = density.ravel().clip(0).astype(np.float64)
    # What hangs from above lies over what grows below it.
    roots = np.sort(random.choice(density.size, count, p=chances / chances.sum()))[::-1]
    row, column = np.divmod(roots, width)
    y, x = row + random.random(count), column + random.random(count)
    middle = (head.frame.to_px(head.mesh[[2, 152], :2]) - start).mean(0)[0]
    mouth = (head.frame.to_px(head.mesh[0, :2]) - start)[1]
    # Hair hangs, and leans away from the middle; that of the moustache lies almost level.
    lean = np.clip((x - middle) / (0.2 * unit), -1, 1) * np.where(y < mouth, 1.3, 0.55) + random.normal(0, 0.2, count)
    lean += BEARD.swirl * cloud_of(random, share.shape, 1.5 * BEARD.tuft * unit)[row, column]
    bend = random.normal(0, 0.45, count) - 0.25 * lean
    # Short on the lip and where it thins out.
    size = length * random.uniform(0.5, 1.2, count) * np.where(y < mouth, 0.6, 1.0)
    size *= 0.35 + 0.65 * share[row, column].clip(0, 1)
    steps = np.linspace(0, 1, 5)
    angle = lean[:, None] + bend[:, None] * steps
    way = np.cumsum(np.dstack([np.sin(angle), np.cos(angle)]) * (size / 5)[:, None, None], 1)
    lines = np.rint((np.column_stack([x, y])[:, None] + way) * zoom * 8).astype(np.int32)
    tone = random.normal(1.0, BEARD.tone, count) + BEARD.shine * (random.random(count) < BEARD.shining)
    drawn = np.full((height * zoom, width * zoom, 3), colour, np.uint8)
    covered = np.zeros((height * zoom, width * zoom), np.uint8)
    for line, of_hair in zip(lines, tone, strict=True):
        for part, of_part, wide in ((line[:3], BEARD.root, thick), (line[2:], BEARD.tip, max(1, thick - 1))):
            shade = (colour * (of_hair * of_part) + 4).clip(0, 255).tolist()
            cv2.polylines(drawn, [part], False, shade, wide, cv2.LINE_AA, 3)
            cv2.polylines(covered, [part], False, 255, wide, cv2.LINE_AA, 3)
    drawn, covered = (cv2.resize(one, (width, height), interpolation=cv2.INTER_AREA) for one in (drawn, covered))
    return drawn.astype(np.float32), covered.astype(np.float32) / 255


def stain(skin: np.ndarray, share: np.ndarray, colour: np.ndarray, strength: float, tufts: np.ndarray) -> np.ndarray:
    """Skin (h, w, 3) float32 among hairs of a colour, with the light of tufts (h, w): its relief and its light stay."""
    bare = np.median(skin[share > 0.3], axis=0) if (share > 0.3).any() else np.full(3, 255.0)
    most = np.minimum(BEARD.whitest, BEARD.white_levels / np.maximum(1, skin.max(-1, keepdims=True)))
    stained = skin * np.minimum(most, BEARD.gleam + (1 - BEARD.gleam) * colour / np.maximum(1, bare)) * tufts[..., None]
    return skin + (BEARD.shade * strength * share)[..., None] * (stained - skin)


def cloud_of(random: np.random.Generator, shape: tuple[int, ...], wide_px: float) -> np.ndarray:
    """(h, w) float32 in [-1, 1]: smooth noise of a size in pixels."""
    cloud = soft_blur(random.standard_normal(shape, np.float32), max(0.6, wide_px))
    return (cloud / max(1e-6, float(cloud.std()))).clip(-1, 1)

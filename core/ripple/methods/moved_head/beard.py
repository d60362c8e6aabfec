"""A beard grown along the jaw in the hair's colour, or taken off: texture, not shape."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.ops.smoothstep import smoothstep
from core.ripple.methods.moved_head.expressions import LOWER_LIP, MOUTH_CORNERS, UPPER_LIP
from core.ripple.methods.moved_head.frame import Head


@dataclass(frozen=True)
class BeardConstants:
    """How a beard looks; lengths in units of the head's frame."""

    strand: float = 0.012  # how long a hair of a full beard is
    stubble: float = 0.006  # and of the shortest
    crowd: float = 2.5  # hairs over a place of a full beard, in the mean
    soft: float = 0.07  # over which it thins out towards the cheek
    shaven_soft: float = 0.02  # and over which shaving ends
    shade: float = 0.95  # how far a full beard darkens the skin between its hairs
    gleam: float = 0.06  # share of its own light that skin keeps among them
    opaque: float = 0.75  # share of a hair over what lies behind it
    uneven: float = 0.3  # by how much of itself its density varies
    uneven_tone: float = 0.26  # the same of its hairs' light
    thick: float = 0.0011  # of a hair
    zoom: int = 2  # hairs are drawn so much larger, then averaged
    hair_levels: float = 20.0  # CIELab: what differs more from the brow's skin is hair
    hair_within: float = 0.34  # how far above the brow hair is sought
    hair_band: float = 0.08  # and how much of it counts
    brow_share: float = 0.25  # of the brows in a beard's colour
    dark: float = 0.66  # a beard is darker than the hair
    dark_levels: float = 7.0  # CIELab lightness: skin that is darker than the cheek by so much begins to be beard
    full_levels: float = 18.0
    jaw_share: float = 0.8  # where a beard's share is larger, it is surely on the jaw
    bearded: float = 0.3  # of what is dark there, in the mean, that makes it a beard
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
BROWS, BROW_SKIN = (105, 66, 334, 296, 63, 293), (151, 108, 337)
CROWN = (10, 109, 338, 67, 297)


def beard_share(head: Head, start: tuple[int, int], size: tuple[int, int], wider: float = 0.0) -> np.ndarray:
    """(h, w) float32 in [0, 1]: where a beard grows in a region of so many px that begins at `start`."""
    places = head.frame.to_px(head.mesh[:, :2]) - start
    unit = head.frame.unit_px
    mask, mouth = np.zeros(size[::-1], np.uint8), np.zeros(size[::-1], np.float32)
    cv2.fillPoly(mask, [np.rint(places[list(OUTLINE)]).astype(np.int32)], 1)
    cv2.fillPoly(mouth, [np.rint(places[list(LIPS)]).astype(np.int32)], 1.0)
    if wider:
        mask = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(wider * unit) + 1,) * 2))
    if wider:
        soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), BEARD.shaven_soft * unit)
    else:
        # From the cheek inwards it grows thicker, and is thick along the jaw: a line drawn round it would be a mask's.
        middle, below = places[0], np.zeros_like(mask)
        cv2.fillPoly(below, [np.rint(middle + 1.25 * (places[list(OUTLINE[1:20])] - middle)).astype(np.int32)], 1)
        deep = cv2.distanceTransform(np.maximum(mask, below), cv2.DIST_L2, 5) / (BEARD.soft * unit)
        soft = smoothstep(deep) * cv2.GaussianBlur(mask.astype(np.float32), (0, 0), BEARD.shaven_soft * unit)
    return soft * (1 - cv2.GaussianBlur(mouth, (0, 0), max(0.6, 0.004 * unit)))


def hair_colour(region: np.ndarray, head: Head, start: tuple[int, int]) -> np.ndarray:
    """(3,) a beard's colour: that of the hair above the brow, where it has one of hair, and of the brows."""
    unit = head.frame.unit_px
    height, width = region.shape[:2]

    def at(places: np.ndarray) -> np.ndarray:
        column, row = np.rint(head.frame.to_px(places) - start - 0.5).astype(int).T
        inside = (column >= 0) & (row >= 0) & (column < width) & (row < height)
        return soft[row[inside], column[inside]]

    soft = cv2.GaussianBlur(region, (0, 0), max(0.6, 0.004 * unit))
    brows = np.percentile(at(head.mesh[list(BROWS), :2]), 30, axis=0)
    skin = np.median(at(head.mesh[list(BROW_SKIN), :2]), axis=0)
    steps = np.arange(0.0, BEARD.hair_within, 0.01)
    found = []
    for index in CROWN:
        line = at(head.mesh[index, :2] - np.column_stack([0 * steps, steps]))
        if not len(line):
            continue
        apart = np.linalg.norm(to_lab(line) - to_lab(skin[None]), axis=1) > BEARD.hair_levels
        if apart.any():
            first = int(apart.argmax()) + 4
            found.append(line[first : first + round(BEARD.hair_band / 0.01)])
    shades = np.concatenate(found) if found else np.zeros((0, 3))
    if len(shades) < 8:
        return BEARD.dark * brows
    hair = np.median(shades, axis=0)
    lightness, red, yellow = to_lab(hair[None])[0]
    # Hats are of any colour; hair lies between black, white, yellow and red.
    if np.hypot(red, yellow) > 45 or yellow < -6 or red > yellow + 18 or red < -8:
        return BEARD.dark * brows
    # White hair is no brown beard.
    dark = BEARD.dark + (1 - BEARD.dark) * float(np.clip((lightness - 45) / 25, 0, 1))
    return dark * (hair + (1 if dark < 0.9 else 0) * BEARD.brow_share * (brows - hair))


def to_lab(colours: np.ndarray) -> np.ndarray:
    """CIELab (N, 3) of colours (N, 3) up to 255."""
    return cv2.cvtColor((np.asarray(colours, np.float32) / 255)[None], cv2.COLOR_RGB2LAB)[0]


def grow_beard(region: np.ndarray, head: Head, start: tuple[int, int], strength: float, own: np.ndarray) -> np.ndarray:
    """A region with a beard, or with less of its own.

    Args:
        region: (h, w, 3) uint8.
        head: whose.
        start: where the region begins, (x, y) px.
        strength: of the beard up to 1, or of the shaving down to -1.
        own: (h, w) the head's share of the region.
    """
    size = (region.shape[1], region.shape[0])
    share = beard_share(head, start, size, 0.0 if strength > 0 else BEARD.wide) * own
    if share.max() <= 0:
        return region
    rows, columns = (np.flatnonzero(share.max(axis) > 1e-3) for axis in (1, 0))
    margin = round(2 * BEARD.strand * head.frame.unit_px) + 2
    top, bottom = max(0, rows[0] - margin), rows[-1] + margin
    left, right = max(0, columns[0] - margin), columns[-1] + margin
    part, made = (slice(top, bottom), slice(left, right)), region.copy()
    skin, begin = region[part].astype(np.float32), (start[0] + left, start[1] + top)
    if strength > 0:
        colour = hair_colour(region, head, start)
        changed = draw_beard(skin, share[part], own[part], colour, head, begin, strength)
    else:
        changed = shave(skin, share[part], head, -strength)
    made[part] = np.rint(changed).clip(0, 255)
    return made


def draw_beard(
    skin: np.ndarray, share: np.ndarray, own: np.ndarray, colour: np.ndarray, head: Head, start: tuple[int, int],
    strength: float,
) -> np.ndarray:  # fmt: skip
    """Skin (h, w, 3) float32 under single hairs that grow where `share` (h, w) says, (h, w, 3). Always the same."""
    unit, zoom = head.frame.unit_px, BEARD.zoom
    height, width = share.shape
    random = np.random.default_rng(7)
    cloud = cv2.GaussianBlur(random.standard_normal((height, width), np.float32), (0, 0), 0.02 * unit)
    density = share * (1 + BEARD.uneven * (cloud / max(1e-6, float(cloud.std()))).clip(-1, 1)).clip(0, 1.2)
    length = unit * (BEARD.stubble + strength * (BEARD.strand - BEARD.stubble))
    count = int(
        BEARD.crowd * strength**0.7 * zoom * density.sum() / max(1.0, length * max(1, round(zoom * BEARD.thick * unit)))
    )
    chances = density.ravel().clip(0).astype(np.float64)
    roots = random.choice(density.size, count, p=chances / chances.sum())
    y, x = np.divmod(np.sort(roots), width)
    x, y = x + random.random(count), y + random.random(count)
    middle = (head.frame.to_px(head.mesh[[2, 152], :2]) - start).mean(0)[0]
    mouth = (head.frame.to_px(head.mesh[0, :2]) - start)[1]
    # Hair hangs, and leans away from the middle; that of the moustache lies almost level.
    lean = np.clip((x - middle) / (0.2 * unit), -1, 1) * np.where(y < mouth, 1.3, 0.55) + random.normal(0, 0.22, count)
    bend = random.normal(0, 0.25, count)
    size = length * random.uniform(0.6, 1.2, count)
    steps = np.linspace(0, 1, 4)
    angle = lean[:, None] + bend[:, None] * steps
    way = np.cumsum(np.dstack([np.sin(angle), np.cos(angle)]) * (size / 3)[:, None, None], 1)
    lines = np.rint((np.column_stack([x, y])[:, None] + way) * zoom * 8).astype(np.int32)
    light = cv2.GaussianBlur(skin, (0, 0), 0.02 * unit).mean(-1)
    light = light / max(1.0, float(np.percentile(light[share > 0.3], 80))) if (share > 0.3).any() else light / 255
    # Hairs of a dark beard shine a little, those of a light one lie in each other's shade.
    tones = (colour[None] * random.normal(1.0, BEARD.uneven_tone, (count, 1)) + random.normal(3, 6, (count, 1))).clip(
        0, 255
    )
    drawn = np.full((height * zoom, width * zoom, 3), colour, np.uint8)
    covered = np.zeros((height * zoom, width * zoom), np.uint8)
    thick = max(1, round(zoom * BEARD.thick * unit))
    for line, tone in zip(lines, tones.tolist(), strict=True):
        cv2.polylines(drawn, [line], False, tone, thick, cv2.LINE_AA, 3)
        cv2.polylines(covered, [line], False, 255, thick, cv2.LINE_AA, 3)
    drawn, covered = (cv2.resize(one, (width, height), interpolation=cv2.INTER_AREA) for one in (drawn, covered))
    lit = (0.35 + 0.65 * light.clip(0, 1.15))[..., None]
    # Skin among hairs is stained, not painted over: its relief and its light stay.
    bare = np.median(skin[share > 0.3], axis=0) if (share > 0.3).any() else np.full(3, 255.0)
    stained = skin * np.minimum(1, BEARD.gleam + (1 - BEARD.gleam) * colour / np.maximum(1, bare))
    between = skin + (BEARD.shade * min(1.0, 1.4 * strength) * share)[..., None] * (stained - skin)
    # Ends that hang beyond the jaw are few: they would lie on the collar.
    near = (2.5 * cv2.GaussianBlur(share, (0, 0), 0.5 * BEARD.soft * unit)).clip(0, 1)
    over = (BEARD.opaque * covered.astype(np.float32) / 255 * own * near)[..., None]
    return between + over * (drawn * lit - between)


def shave(skin: np.ndarray, share: np.ndarray, head: Head, strength: float) -> np.ndarray:
    """Skin (h, w, 3) float32 with less of the beard on it: bare skin stays as it is."""
    unit = head.frame.unit_px
    lab = cv2.cvtColor(skin / 255, cv2.COLOR_RGB2LAB)
    # Known is the skin of the mesh around the beard, weighted as it lies near.
    known = (1 - share)[..., None]
    tone = (lab[..., 1] > 4) & (lab[..., 2] > 4) & (lab[..., 0] > 25)
    known = known * tone[..., None]
    reach = 0.09 * unit
    around = (
        cv2.GaussianBlur(lab * known, (0, 0), reach)
        / np.maximum(0.01, cv2.GaussianBlur(known[..., 0], (0, 0), reach))[..., None]
    )
    shading = cv2.GaussianBlur(lab[..., 0], (0, 0), 0.012 * unit)
    missing = smoothstep(around[..., 0] - shading, BEARD.dark_levels, BEARD.full_levels)
    hair = cv2.GaussianBlur(missing, (0, 0), 0.012 * unit)
    fine = lab[..., 0] - cv2.GaussianBlur(lab[..., 0], (0, 0), 0.004 * unit)
    bare = around.copy()
    broad = cv2.GaussianBlur(lab[..., 0], (0, 0), 0.05 * unit)
    bare[..., 0] += 0.25 * (broad - around[..., 0]) + 0.3 * fine.clip(-4, 4)
    made = cv2.cvtColor(bare.astype(np.float32), cv2.COLOR_LAB2RGB) * 255
    # Without a beard on the jaw what is dark there is shade, hair or a collar: it stays.
    inner = share > BEARD.jaw_share
    bearded = float(np.clip((hair[inner].mean() if inner.any() else 0) / BEARD.bearded, 0, 1))
    return skin + (strength * bearded * share * hair)[..., None] * (made - skin)

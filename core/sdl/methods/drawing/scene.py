"""A picture as regions in flat tones, contours along them, and lines inside them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.sdl.methods.drawing.colours import to_lab, to_rgb
from core.sdl.methods.drawing.faces import adopt_skin, find_skin, shade_skin, warm_skin
from core.sdl.methods.drawing.lines import draw_ink, keep_strokes
from core.sdl.methods.drawing.planar import (
    PlanarMap,
    average_beside,
    draw_boundaries,
    fill_regions,
    smooth_boundaries,
    trace_boundaries,
)
from core.sdl.methods.drawing.regions import (
    REGIONS,
    edge_strength,
    find_basins,
    join_small,
    merge_regions,
    renumber,
    weigh_detail,
)
from core.sdl.methods.drawing.shading import common_palette, region_colours, split_tones


@dataclass(frozen=True)
class Look:
    """One way to draw.

    Attributes:
        colours: of the palette.
        ink: how black contours are; less than 1 leaves them a darker shade of what they bound.
        bold: how much wider contours are.
        saturation: of the colours.
        lift: share of the way to white that lightness goes: paper shines through.
        spread: see `Regions.spread`: how large regions grow.
        step: see `Tones.step`.
    """

    colours: int
    ink: float
    bold: float
    saturation: float
    lift: float
    spread: float
    step: float


LOOKS = {"comic": Look(28, 0.95, 1.0, 1.3, 0.06, 3000.0, 15.0), "flat": Look(16, 0.72, 1.4, 1.4, 0.08, 7000.0, 20.0)}


@dataclass(frozen=True)
class Contours:
    """Constants; widths in pixels of a picture whose longer side is 1000, strengths in L*a*b*."""

    work_px: int = 720  # longer side on which regions are found
    stiffness: float = 700.0  # of boundaries, see `smooth_boundaries`
    firm: float = 35.0  # strength from which a boundary stays where it is
    loose: float = 0.03  # hold of a boundary that no edge holds
    even: int = 40  # passes over which a contour's strength is evened along it
    faint: float = 10.0  # strength below which there is no contour
    full: float = 16.0  # from which it has its least width
    strong: float = 60.0  # and its greatest
    thin: float = 1.4
    thick: float = 5.2
    last: float = 0.3  # order of the faintest
    large: float = 0.006  # of the picture: smaller regions have no contour of their own
    room: float = 0.2  # width by that of the narrower thing beside it, at most
    beside: float = 4.0  # lines nearer to a contour are not drawn


CONTOURS = Contours()


@dataclass(frozen=True)
class Scene:
    """A drawing, float32 in [0, 1].

    Attributes:
        areas: (H, W, 3) RGB.
        ink: (H, W).
        order: (H, W), how early its ink is drawn: 1 first, 0 last.
        palette: (n, 3) L*a*b*.
    """

    areas: np.ndarray
    ink: np.ndarray
    order: np.ndarray
    palette: np.ndarray


def draw_scene(
    pixels: np.ndarray,
    faces: list[np.ndarray],
    look: Look,
    unit: float,
    palette: np.ndarray | None = None,
    work_px: float = CONTOURS.work_px,
) -> Scene:
    """Draw a picture.

    Args:
        pixels: (H, W, 3) uint8.
        faces: landmarks (478, 2) each.
        look: how.
        unit: of the pen, pixels: a thousandth of the longer side, less in what is seen enlarged.
        palette: colours to prefer, (n, 3) L*a*b*; None finds the picture's own.
        work_px: longer side on which regions are found, at most: no more than what the picture shows.
    """
    size = (pixels.shape[1], pixels.shape[0])
    rate = min(work_px, CONTOURS.work_px) / max(size)
    work = (max(1, round(size[0] * rate)), max(1, round(size[1] * rate)))
    scale = np.array(size) / work
    small = cv2.resize(pixels, work, interpolation=cv2.INTER_AREA if rate < 1 else cv2.INTER_CUBIC)
    lab = to_lab(smooth_photo(small, CONTOURS.work_px / 1000))
    strength = edge_strength(lab)
    detail = weigh_detail(lab, [points / scale for points in faces])
    labels, owner = find_regions(lab, strength, detail, [points / scale for points in faces], look)
    colours, sizes = region_colours(labels, lab)
    colours = warm_skin(colours, labels, owner)
    colours = common_palette(colours, sizes, look.colours, 5.0)
    if palette is not None:
        away = np.sqrt(((colours[:, None] - palette) ** 2).sum(2))
        colours = np.where(away.min(1, keepdims=True) < 10, palette[away.argmin(1)], colours)
    drawn = trace_boundaries(labels)
    step = boundary_steps(drawn, colours, owner_of(labels, owner), strength)
    drawn = smooth_boundaries(drawn, work, np.clip(step / CONTOURS.firm, 0, 1), CONTOURS.stiffness, CONTOURS.loose)
    areas = fill_regions(drawn, finish_colours(colours, look), scale, size).astype(np.float32) / 255
    widths, rank = contour_widths(drawn, step, labels, unit * look.bold / scale.max())
    widths *= scale.max()
    contour = draw_boundaries(drawn, widths, np.ones(len(widths)), scale, size)
    order = draw_boundaries(drawn, (widths + 4) * (widths > 0), CONTOURS.last + (1 - CONTOURS.last) * rank, scale, size)
    lines = draw_ink(to_lab(smooth_photo(pixels, unit))[..., 0], unit * look.bold)
    lines = keep_strokes(lines, contour, cv2.resize(detail, size), CONTOURS.beside * unit * look.bold, unit)
    return Scene(areas, np.maximum(contour, lines), np.maximum(order, CONTOURS.last), np.unique(colours, axis=0))


def find_regions(
    lab: np.ndarray, strength: np.ndarray, detail: np.ndarray, faces: list[np.ndarray], look: Look
) -> tuple[np.ndarray, np.ndarray]:
    """Labels (h, w) of tones, and what each pixel belongs to (h, w): things from 0, skin of the n-th face -1 - n."""
    skins = np.zeros(lab.shape[:2], int)
    for number, points in enumerate(faces):
        skins[find_skin(lab, points)] = number + 1
    basins = find_basins(cv2.GaussianBlur(strength, (0, 0), 0.8))
    basins = renumber(basins * (len(faces) + 1) + skins)
    things = merge_regions(basins, lab, strength, detail, skins, look.spread)
    things = join_small(things, REGIONS.least_px)
    for number, points in enumerate(faces):
        skins = adopt_skin(skins, number + 1, things, lab, strength, points)
    tones = split_tones(things, lab, skins > 0, look.step)
    top = int(tones.max()) + 1
    for number, points in enumerate(faces):
        shade = shade_skin(lab, skins == number + 1, points)
        tones = np.where(skins == number + 1, top + 2 * number + shade, tones)
    tones = join_small(tones, REGIONS.least_px)
    owner = np.where(skins > 0, -skins, things)
    return renumber(tones), owner


def owner_of(labels: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """(k,) what most of every label belongs to."""
    least = int(owner.min())
    kinds = int(owner.max()) - least + 1
    shares = np.bincount((labels * kinds + owner - least).ravel(), minlength=(int(labels.max()) + 1) * kinds)
    return shares.reshape(-1, kinds).argmax(1) + least


def boundary_steps(drawn: PlanarMap, colours: np.ndarray, owners: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """(m,) how strong a contour each piece of boundary deserves, 0 between tones of one thing and at the picture's rim."""
    first, second = drawn.sides.T
    apart = np.sqrt(((colours[first] - colours[second]) ** 2).sum(1))
    limit, middle = np.array(strength.shape[::-1]) - 1, drawn.places[drawn.ends].mean(1) - 0.5
    beside = [np.clip(part(middle).astype(int), 0, limit) for part in (np.floor, np.ceil)]
    there = np.max([strength[at[:, 1], at[:, 0]] for at in beside], 0)
    none = (first < 0) | (second < 0) | (owners[first] == owners[second])
    return np.where(none, 0, np.minimum(apart, 1.3 * there))


def contour_widths(drawn: PlanarMap, step: np.ndarray, labels: np.ndarray, pen: float) -> tuple[np.ndarray, np.ndarray]:
    """(m,) width of the contour along each piece, in pixels of the labels, by its evened strength, and that in [0, 1].

    Args:
        drawn: the map.
        step: (m,) from `boundary_steps`.
        labels: (h, w).
        pen: the unit of widths, in pixels of the labels.
    """
    known = (step > 0).astype(float)
    total, count = (np.bincount(drawn.ends.ravel(), np.repeat(part, 2), len(drawn.places)) for part in (step, known))
    value = total / np.maximum(1, count)
    for _ in range(CONTOURS.even):
        value = 0.5 * value + 0.5 * average_beside(drawn.ends, known + 1e-9, value[:, None])[:, 0]
    even = value[drawn.ends].mean(1) * known
    width = CONTOURS.thin * np.clip((even - CONTOURS.faint) / (CONTOURS.full - CONTOURS.faint), 0, 1)
    strong = np.clip((even - CONTOURS.full) / (CONTOURS.strong - CONTOURS.full), 0, 1)
    width = pen * (width + strong * (CONTOURS.thick - CONTOURS.thin))
    sizes = np.bincount(labels.ravel()).astype(float)
    around = sum(np.bincount(drawn.sides[:, k].clip(0), minlength=len(sizes)) for k in (0, 1))
    # Small regions in closed outlines would be pebbles: what bounds them are the lines that the photo has there.
    width *= (sizes[drawn.sides.clip(0)].min(1) >= CONTOURS.large * labels.size) | (even == 0)
    room = CONTOURS.room * (2 * sizes / np.maximum(1, around))[drawn.sides.clip(0)].min(1)
    return np.minimum(width, np.maximum(room, pen * CONTOURS.thin * (width > 0))), strong


def finish_colours(colours: np.ndarray, look: Look) -> np.ndarray:
    """(k, 3) uint8 RGB of L*a*b* colours, as the look wants them."""
    lab = colours.copy()
    lab[:, 0] += look.lift * (100 - lab[:, 0])
    return np.rint(255 * to_rgb(lab[None].astype(np.float32), look.saturation)[0]).astype(np.uint8)


def smooth_photo(pixels: np.ndarray, unit: float) -> np.ndarray:
    """The photo at its own size without texture, edges kept: (H, W, 3) float32 RGB in [0, 1]."""
    radius = max(2, round(4 * unit))
    made = pixels.astype(np.float32)
    for variance in (30.0, 60.0):
        made = cv2.ximgproc.guidedFilter(made, made, radius, variance)
    return (made / 255).clip(0, 1)

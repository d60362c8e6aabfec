"""Faces as a draughtsman simplifies them: lids, brows and mouth as tapered strokes, eyes in three flat colours."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image
from scipy.interpolate import CubicSpline, PchipInterpolator

from core.detect.covers import mouth_covered
from core.detect.faces import Face, detect_faces
from core.errors import NothingFoundError
from core.image import Box

UPPER_LIDS = ((33, 246, 161, 160, 159, 158, 157, 173, 133), (263, 466, 388, 387, 386, 385, 384, 398, 362))
LOWER_LIDS = ((33, 7, 163, 144, 145, 153, 154, 155, 133), (263, 249, 390, 373, 374, 380, 381, 382, 362))
BROWS = ((70, 63, 105, 66, 107), (300, 293, 334, 296, 336))
UNDER_BROWS = ((46, 53, 52, 65, 55), (276, 283, 282, 295, 285))
LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
# From the left corner to the right one, and back.
INNER_UPPER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
INNER_LOWER = (308, 324, 318, 402, 317, 14, 87, 178, 88, 95, 78)
# From the wing of the nose round its nostril.
NOSTRILS = ((64, 98, 97), (294, 327, 326))
NOSE = (168, 193, 129, 98, 2, 327, 358, 417)
IRISES = ((468, 469, 470, 471, 472), (473, 474, 475, 476, 477))
MOUTH = (61, 78, 80, 13, 310, 308, 291)
UNDER_LIP = (84, 17, 314)
FACE_RING = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149,
             150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)  # fmt: skip
TOP, CHIN = 10, 152


@dataclass(frozen=True)
class Features:
    """Constants; shares of the face's height."""

    lid: float = 0.014  # width of the upper lid's stroke in its middle
    mouth: float = 0.008
    brow: float = 0.010
    seen_px: float = 16.0  # a face smaller than this is nobody's
    least_px: float = 36.0  # one smaller than this has no room for strokes by landmarks
    ample_px: float = 60.0  # nor one smaller than this whose eyes are hidden
    near: float = 0.25  # height of a face by the picture's longer side below which it is drawn as if nearer
    least_pen: float = 0.65  # the thinnest pen there by the picture's
    work: float = 2.5  # by how much more pixels than it has a small face's regions are found on
    head: float = 1.35  # how far its head reaches by the outline of its mesh
    least_pen_px: float = 0.8  # width of a stroke in its middle, in the picture
    drawn_px: float = 180.0  # smaller faces are drawn enlarged to this height: strokes are whole pixels wide there
    least_open: float = 0.1  # of an eye by its width: less is shut
    wide_open: float = 0.2  # from there on light shows in it
    least_even: float = 0.6  # width of the narrower eye by the wider one's: less is turned away or misplaced
    eye_contrast: float = (
        0.35  # of an eye's darkest to its lightest tenth, by the latter: less is skin, a hand or glass
    )
    eye_range: float = 14.0  # and of 255: less is noise behind dark glass
    white: tuple[float, float, float] = (0.95, 0.95, 0.93)
    brow_shade: float = 0.8  # of its colour, by the photo's
    brow_most: float = 0.92  # of the face's lightness: a lighter brow is not drawn
    lip_shades: tuple[float, float] = (0.85, 1.0)  # upper and lower
    lighter: float = 1.12  # times the photo's, that lips are at most
    rim: float = 0.006  # how far inside a drawn feature's outline the photo's contours stay
    mouth_clear: float = 0.9  # of the contours inside an open mouth that go
    inner: float = 0.92  # of the face's outline: contours inside belong to the face, not to its rim
    scrap: float = 0.1  # length of a contour inside the face below which it goes
    mouth_open: float = 0.025  # between the lips: less is shut
    mouth_soft: float = 0.07  # of the root of an open mouth's area: sigma over which its light is averaged
    mouth_tones: float = 0.2  # of that light: teeth so much lighter than what is behind them are a tone of their own
    mouth_edge: float = 12.0  # slope of the border between the two
    tongue: tuple[float, float] = (
        0.7,
        1.0,
    )  # redness of what is light in it by the skin's: from teeth to a tongue alone
    light: float = 0.28  # radius of the light in the eye by the iris's
    shine: float = 0.9  # how much of it is white


FEATURES = Features()


def find_faces(photo: Image.Image) -> list[np.ndarray]:
    """Landmarks (478, 2) of the faces that are large enough to be seen; none is fine."""
    try:
        faces = [face.points for face in detect_faces(photo)]
    except NothingFoundError:
        return []
    return [points for points in faces if face_height(points) >= FEATURES.seen_px]


def draw_eyes(colours: np.ndarray, photo: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Flat eyes in RGB `colours` (h, w, 3) in [0, 1]: white, iris in the photo's own colour, pupil, light."""
    made = colours.copy()
    for ring, iris, openness in zip(eye_rings(points), IRISES, eye_openings(points), strict=True):
        eye, (centre, radius) = region(made.shape, ring), iris_disc(points, iris)
        seen = disc_at(made.shape, centre, radius) * eye > 0.5
        mean = (photo[seen].mean(0) if seen.any() else np.zeros(3)) / 255
        # The eye's own hue counts too: a neutral white would be blue in a sepia print.
        own = np.median(photo[eye > 0.5], 0) / 255 if (eye > 0.5).any() else np.ones(3)
        shade = min(1.0, 1.35 * float(own.mean()) + 0.4)
        white = np.array(FEATURES.white) * shade * (0.5 + 0.5 * own / max(0.05, float(own.mean())))
        # Behind glass that mirrors something light, an iris is still darker than the white.
        mean = mean * min(0.85, 0.6 * float(white.mean()) / max(0.05, float(mean.mean())))
        shine = FEATURES.shine * float(openness >= FEATURES.wide_open)
        for mask, colour in (
            (eye, white.clip(0, 1).astype(np.float32)),
            (eye * disc_at(made.shape, centre, radius), mean.astype(np.float32)),
            (eye * disc_at(made.shape, centre, 0.48 * radius), np.full(3, 0.05, np.float32)),
            (eye * disc_at(made.shape, centre - 0.4 * radius, FEATURES.light * radius) * shine, np.ones(3, np.float32)),
        ):
            made += mask[..., None] * (colour - made)
    return made


def eyes_seen(photo: np.ndarray, points: np.ndarray) -> str:
    """What both eyes are alike: open, shut, or hidden by what is before them; one drawn alone looks astray."""
    rings, openings = eye_rings(points), eye_openings(points)
    widths = [float(np.hypot(*(ring[0] - ring[8]))) for ring in rings]
    if min(widths) < FEATURES.least_even * max(widths):
        return "hidden"
    for ring, openness in zip(rings, openings, strict=True):
        eye = photo[region(photo.shape, ring) > 0.5].reshape(-1, 3).mean(1)
        if openness < FEATURES.least_open:
            continue
        dark, light = np.percentile(eye, (10, 90)) if len(eye) else (0, 0)
        if light - dark < max(FEATURES.eye_range, FEATURES.eye_contrast * light):
            return "hidden"
    return "open" if min(openings) >= FEATURES.least_open else "shut"


def mouth_seen(photo: np.ndarray, points: np.ndarray) -> bool:
    """Whether no mask or cloth hides the mouth of a face in its photo (h, w, 3) uint8."""
    return not mouth_covered(Image.fromarray(photo), Face(points, Box(*points.min(0), *points.max(0))))


def drawn_by_landmarks(photo: np.ndarray, points: np.ndarray) -> bool:
    """Whether a face has room for strokes: a small one behind dark glasses or turned aside is areas and contours alone."""
    height = face_height(points)
    return height >= FEATURES.ample_px or (height >= FEATURES.least_px and eyes_seen(photo, points) != "hidden")


def eye_openings(points: np.ndarray) -> list[float]:
    """Height of both eyes by their width."""
    lids = zip(UPPER_LIDS, LOWER_LIDS, strict=True)
    return [
        float(np.hypot(*(points[up[4]] - points[low[4]])) / max(1e-3, np.hypot(*(points[up[0]] - points[up[-1]]))))
        for up, low in lids
    ]


def iris_disc(points: np.ndarray, iris: tuple[int, ...]) -> tuple[np.ndarray, float]:
    """Centre and radius of an iris."""
    centre = points[iris[0]]
    return centre, float(np.hypot(*(points[list(iris[1:])] - centre).T).mean())


def face_height(points: np.ndarray) -> float:
    """From the top of the mesh to the chin, pixels."""
    return float(np.hypot(*(points[TOP] - points[CHIN])))


def eye_rings(points: np.ndarray) -> list[np.ndarray]:
    """Outlines of both eyes."""
    return [points[[*upper, *lower[::-1]]] for upper, lower in zip(UPPER_LIDS, LOWER_LIDS, strict=True)]


def brow_rings(points: np.ndarray) -> list[np.ndarray]:
    """Outlines of both brows."""
    return [points[[*above, *below[::-1]]] for above, below in zip(BROWS, UNDER_BROWS, strict=True)]


def draw_shapes(areas: np.ndarray, smooth: np.ndarray, points: np.ndarray, mouth: bool = True) -> np.ndarray:
    """Areas with brows and, unless it is hidden, lips and an open mouth as flat shapes in the photo's own colours; all (h, w, 3) in [0, 1]."""
    made = areas.copy()
    upper, lower = LIPS[:11], (*LIPS[10:], LIPS[0])
    nose = region(areas.shape, points[list(NOSE)]) > 0.5
    # Skin may be drawn lighter than it is in the photo: lips go with it.
    lighter = areas[nose].mean() / max(0.05, float(smooth[nose].mean())) if nose.any() else 1.0
    lighter = float(np.clip(lighter, 1, FEATURES.lighter))
    shapes = [(ring, FEATURES.brow_shade) for ring in seen_brows(smooth, points)]
    if mouth:
        shapes += [
            (points[[*upper, *INNER_UPPER[::-1]]], lighter * FEATURES.lip_shades[0]),
            (points[[*lower, *INNER_LOWER]], lighter * FEATURES.lip_shades[1]),
        ]
    for ring, shade in shapes:
        mask = region(areas.shape, rounded(ring))
        if len(inside := smooth[mask > 0.5]):
            made += mask[..., None] * ((shade * np.median(inside, 0)).clip(0, 1).astype(np.float32) - made)
    if mouth and (opening := open_mouth(points)) is not None:
        draw_mouth(made, smooth, opening, redness(smooth[nose]) if nose.any() else 1.0)
    return made


def draw_mouth(areas: np.ndarray, smooth: np.ndarray, ring: np.ndarray, skin_red: float) -> None:
    """What shows between the lips drawn into areas (h, w, 3): teeth in one tone, and what is behind them, if it shows, in another.

    `skin_red` is the `redness` of the face's skin: as red as it are no teeth, but a tongue.
    """
    mask = region(areas.shape, ring)
    inside = mask > 0.5
    if not inside.any():
        return
    # Lines between teeth are none of two tones.
    sigma = max(1.0, FEATURES.mouth_soft * float(np.sqrt(inside.sum())))
    light = cv2.GaussianBlur(smooth.mean(2) * mask, (0, 0), sigma) / cv2.GaussianBlur(mask, (0, 0), sigma).clip(1e-3)
    level = float(np.mean(np.percentile(light[inside], (8, 92))))
    teeth = inside & (light >= level)
    if light[teeth].mean() - light[inside & ~teeth].mean() > FEATURES.mouth_tones:
        behind = np.median(smooth[inside & ~teeth], 0)
        areas += mask[..., None] * (behind - areas)
        mask = mask * np.clip(0.5 + (light - level) * FEATURES.mouth_edge, 0, 1)
    # Teeth, not gums and tongue, say how light a mouth is; light on them has a hue, teeth have none. A tongue alone stays red.
    colour = np.percentile(smooth[teeth], 70, 0)
    red = redness(colour[None]) / max(0.05, skin_red)
    tooth = float(np.clip((FEATURES.tongue[1] - red) / (FEATURES.tongue[1] - FEATURES.tongue[0]), 0, 1))
    colour = (1 + 0.3 * tooth) * (colour + 0.7 * tooth * (colour.mean() - colour))
    areas += mask[..., None] * (colour.clip(0, 1).astype(np.float32) - areas)


def redness(colours: np.ndarray) -> float:
    """How much redder than grey (n, 3) RGB are at the median: 0 is grey."""
    middle = np.median(colours, 0)
    return float(middle[0] / max(0.02, middle.mean()) - 1)


def seen_brows(smooth: np.ndarray, points: np.ndarray) -> list[np.ndarray]:
    """Outlines of the brows that are darker than the face: others are hidden, or there are none."""
    face, kept = smooth[region(smooth.shape, points[list(NOSE)]) > 0.5], []
    for ring in brow_rings(points):
        inside = smooth[region(smooth.shape, rounded(ring)) > 0.5]
        if len(inside) and len(face) and np.median(inside, 0).mean() <= FEATURES.brow_most * face.mean():
            kept.append(ring)
    return kept


def open_mouth(points: np.ndarray) -> np.ndarray | None:
    """Outline of what shows between the lips; None where they are shut."""
    gap = np.hypot(*(points[INNER_UPPER[5]] - points[INNER_LOWER[5]]))
    if gap <= FEATURES.mouth_open * face_height(points):
        return None
    return rounded(points[[*INNER_UPPER, *INNER_LOWER[1:-1]]])


def rounded(ring: np.ndarray) -> np.ndarray:
    """A ring of places with many more on a smooth curve through them, (n, 2)."""
    closed = np.concatenate([ring, ring[:1]])
    steps = np.concatenate([[0], np.cumsum(np.maximum(1e-3, np.hypot(*np.diff(closed, axis=0).T)))])
    return PchipInterpolator(steps, closed)(np.linspace(0, steps[-1], 8 * len(ring)))


def clear_ink(ink: np.ndarray, points: np.ndarray, brows: list[np.ndarray], eyes: str) -> np.ndarray:
    """Ink (h, w) without the photo's own contours where a face's features are drawn, and without scraps on its skin.

    Args:
        ink: of the photo.
        points: (478, 2) landmarks.
        brows: outlines of those that are drawn.
        eyes: from `eyes_seen`.
    """
    height, outline = face_height(points), points[list(FACE_RING)]
    inner = region(ink.shape, outline.mean(0) + FEATURES.inner * (outline - outline.mean(0)))
    # Their rims, lids and lips, are lines that a draughtsman draws too.
    drawn = [points[list(LIPS)], *brows, *(eye_rings(points) if eyes == "open" else [])]
    reach = 2 * max(1, round(FEATURES.rim * height)) + 1
    covered = np.maximum.reduce([region(ink.shape, ring) for ring in drawn])
    covered = cv2.erode(covered, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    if (mouth := open_mouth(points)) is not None:
        # Lines between teeth make them bad.
        covered = np.maximum(covered, FEATURES.mouth_clear * region(ink.shape, mouth))
    made = ink * (1 - covered)
    _, labels, stats, _ = cv2.connectedComponentsWithStats((made > 0.2).astype(np.uint8), connectivity=8)
    short = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(1) < FEATURES.scrap * height
    short[np.unique(labels[inner < 0.5])] = False
    short[0] = False
    return made * (1 - cv2.dilate(short[labels].astype(np.float32), np.ones((5, 5), np.uint8)))


def draw_strokes(ink: np.ndarray, points: np.ndarray, eyes: str, least_px: float, mouth: bool = True) -> np.ndarray:
    """Ink (h, w) with the strokes of lids (unless `eyes` are hidden), brows, and nose and mouth (unless a mask hides the
    `mouth`), `least_px` wide at least.
    """
    height, made = face_height(points), ink.copy()

    def draw(places: np.ndarray, share: float, peak: float) -> None:
        stroke(made, places, max(least_px, share * height), peak)

    for lid, brow, under in zip(UPPER_LIDS, BROWS, UNDER_BROWS, strict=True):
        if eyes != "hidden":
            draw(points[list(lid)], FEATURES.lid, 0.45)
        draw((points[list(brow)] + points[list(under)]) / 2, FEATURES.brow, 0.4)
    if not mouth:
        return made
    draw(points[list(MOUTH)], FEATURES.mouth, 0.5)
    for nostril in NOSTRILS:
        draw(points[list(nostril)], FEATURES.mouth, 0.7)
    draw(points[list(UNDER_LIP)], 0.6 * FEATURES.mouth, 0.5)
    return made


def stroke(ink: np.ndarray, places: np.ndarray, width: float, peak: float) -> None:
    """A line through places, thickest at share `peak` of its length, thin at its ends, drawn into ink."""
    along = np.linspace(0, 1, 60)
    line = CubicSpline(np.linspace(0, 1, len(places)), places)(along)
    taper = np.where(along < peak, along / peak, (1 - along) / (1 - peak)) ** 0.7
    pen = np.zeros(ink.shape, np.uint8)
    for start, end, share in zip(line, line[1:], taper, strict=False):
        thick = max(1, round(width * (0.25 + 0.75 * share) * 4))
        # Four times finer places than pixels; the width is rounded to whole pixels.
        first, second = (tuple(int(round(v * 16)) for v in place) for place in (start, end))
        cv2.line(pen, first, second, 255, max(1, round(thick / 4)), cv2.LINE_AA, 4)
    np.maximum(ink, pen.astype(np.float32) / 255, out=ink)


def region(shape: tuple[int, ...], ring: np.ndarray) -> np.ndarray:
    """(h, w): 1 inside a ring of places, its rim antialiased."""
    mask = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.rint(ring * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255


def disc_at(shape: tuple[int, ...], centre: np.ndarray, radius: float) -> np.ndarray:
    """(h, w): 1 within `radius` of a place, its rim antialiased."""
    mask = np.zeros(shape[:2], np.uint8)
    at = (int(round(centre[0] * 16)), int(round(centre[1] * 16)))
    cv2.circle(mask, at, max(1, int(round(radius * 16))), 255, -1, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255

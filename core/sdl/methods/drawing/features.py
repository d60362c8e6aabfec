"""Faces as a draughtsman simplifies them: lids, brows and mouth as tapered strokes, eyes in three flat colours."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image
from scipy.interpolate import CubicSpline, PchipInterpolator

from core.detect.faces import detect_faces
from core.errors import NothingFoundError

UPPER_LIDS = ((33, 246, 161, 160, 159, 158, 157, 173, 133), (263, 466, 388, 387, 386, 385, 384, 398, 362))
LOWER_LIDS = ((33, 7, 163, 144, 145, 153, 154, 155, 133), (263, 249, 390, 373, 374, 380, 381, 382, 362))
BROWS = ((70, 63, 105, 66, 107), (300, 293, 334, 296, 336))
UNDER_BROWS = ((46, 53, 52, 65, 55), (276, 283, 282, 295, 285))
LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
# From the left corner to the right one, and back.
INNER_UPPER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
INNER_LOWER = (308, 324, 318, 402, 317, 14, 87, 178, 88, 95, 78)
NOSTRILS = (98, 97, 2, 326, 327)
NOSE = (168, 193, 129, 98, 2, 327, 358, 417)
IRISES = ((468, 469, 470, 471, 472), (473, 474, 475, 476, 477))
MOUTH = (61, 78, 80, 13, 310, 308, 291)
UNDER_LIP = (84, 17, 314)
FACE_RING = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149,
             150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)  # fmt: skip
TOP, CHIN = 10, 152
# Which of the shapes of a face is the open mouth: brows and lips come before.
OPEN = 4


@dataclass(frozen=True)
class Features:
    """Constants; shares of the face's height."""

    lid: float = 0.014  # width of the upper lid's stroke in its middle
    mouth: float = 0.008
    brow: float = 0.010
    least_px: float = 60.0  # a face smaller than this has no room for strokes: it keeps the photo's detail
    small_ink: float = 0.3  # of the contours in such a face
    least_open: float = 0.2  # of an eye by its width: less is shut
    least_even: float = 0.6  # width of the narrower eye by the wider one's: less is turned away or misplaced
    detail: float = 0.75  # of the photo's own shading that brows, eyes, nose and mouth keep
    soft: float = 0.012  # sigma over which it ends
    white: tuple[float, float, float] = (0.95, 0.95, 0.93)
    brow_shade: float = 0.8  # of its colour, by the photo's
    brow_most: float = 0.92  # of the face's lightness: a lighter brow is not drawn
    lip_shades: tuple[float, float] = (0.85, 1.0)  # upper and lower
    mouth_clear: float = 0.8  # of the contours inside an open mouth that go
    mouth_open: float = 0.025  # between the lips: less is shut
    light: float = 0.28  # radius of the light in the eye by the iris's
    shine: float = 0.9  # how much of it is white


FEATURES = Features()


def find_faces(photo: Image.Image) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Landmarks (478, 2) of the faces that are large enough to draw, and of smaller ones; none is fine."""
    try:
        faces = [face.points for face in detect_faces(photo)]
    except NothingFoundError:
        return [], []
    large = [face_height(points) >= FEATURES.least_px for points in faces]
    kept = list(zip(faces, large, strict=True))
    return [points for points, drawn in kept if drawn], [points for points, drawn in kept if not drawn]


def draw_eyes(colours: np.ndarray, photo: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Flat eyes in RGB `colours` (h, w, 3) in [0, 1]: white, iris in the photo's own colour, pupil, light."""
    made = colours.copy()
    if not eyes_show(photo, points):
        return made
    for upper, lower, iris in zip(UPPER_LIDS, LOWER_LIDS, IRISES, strict=True):
        outline = np.concatenate([points[list(upper)], points[list(lower)][::-1]])
        eye = region(made.shape, outline)
        centre = points[iris[0]]
        radius = float(np.hypot(*(points[list(iris[1:])] - centre).T).mean())
        mean = (
            np.array(cv2.mean(photo, (disc_at(made.shape, centre, radius) > 0.5).astype(np.uint8))[:3], np.float32)
            / 255
        )
        # The eye's own hue counts too: a neutral white would be blue in a sepia print.
        own = np.median(photo[eye > 0.5], 0) / 255 if (eye > 0.5).any() else np.ones(3)
        shade = min(1.0, 1.35 * float(own.mean()) + 0.4)
        white = np.array(FEATURES.white) * shade * (0.5 + 0.5 * own / max(0.05, float(own.mean())))
        for mask, colour in (
            (eye, white.clip(0, 1).astype(np.float32)),
            (eye * disc_at(made.shape, centre, radius), mean * 0.85),
            (eye * disc_at(made.shape, centre, 0.48 * radius), np.full(3, 0.05, np.float32)),
            (
                eye * disc_at(made.shape, centre - 0.4 * radius, FEATURES.light * radius) * FEATURES.shine,
                np.ones(3, np.float32),
            ),
        ):
            made += mask[..., None] * (colour - made)
    return made


def eyes_show(photo: np.ndarray, points: np.ndarray) -> bool:
    """Whether both eyes are open, of one size and with irises darker than what is beside them: one alone looks astray."""
    widths = []
    for upper, lower, iris in zip(UPPER_LIDS, LOWER_LIDS, IRISES, strict=True):
        width = float(np.hypot(*(points[upper[0]] - points[upper[-1]])))
        if np.hypot(*(points[upper[4]] - points[lower[4]])) < FEATURES.least_open * width:
            return False
        eye = region(photo.shape, np.concatenate([points[list(upper)], points[list(lower)][::-1]]))
        centre = points[iris[0]]
        radius = float(np.hypot(*(points[list(iris[1:])] - centre).T).mean())
        inside = disc_at(photo.shape, centre, 0.8 * radius) * eye > 0.5
        beside = (eye > 0.5) & (disc_at(photo.shape, centre, 1.1 * radius) < 0.5)
        if not inside.any() or not beside.any() or photo[inside].mean() >= photo[beside].mean():
            return False
        widths.append(width)
    return min(widths) >= FEATURES.least_even * max(widths)


def face_height(points: np.ndarray) -> float:
    """From the top of the mesh to the chin, pixels."""
    return float(np.hypot(*(points[TOP] - points[CHIN])))


def eye_rings(points: np.ndarray) -> list[np.ndarray]:
    """Outlines of both eyes."""
    return [points[[*upper, *lower[::-1]]] for upper, lower in zip(UPPER_LIDS, LOWER_LIDS, strict=True)]


def brow_rings(points: np.ndarray) -> list[np.ndarray]:
    """Outlines of both brows."""
    return [points[[*above, *below[::-1]]] for above, below in zip(BROWS, UNDER_BROWS, strict=True)]


def keep_features(areas: np.ndarray, detailed: np.ndarray, rings: list[np.ndarray], height: float) -> np.ndarray:
    """Flat areas that keep the shading of `detailed` inside rings of a face of that height; both (h, w, 3) in [0, 1]."""
    sigma = FEATURES.soft * height
    reach = 2 * max(1, round(2 * sigma)) + 1
    kept = np.maximum.reduce([region(areas.shape, ring) for ring in rings])
    kept = cv2.GaussianBlur(cv2.dilate(kept, np.ones((reach, reach), np.uint8)), (0, 0), max(0.5, sigma))
    return areas + FEATURES.detail * kept[..., None] * (detailed - areas)


def draw_shapes(areas: np.ndarray, detailed: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Areas with brows, lips and an open mouth as flat shapes in the photo's own colours; all (h, w, 3) in [0, 1]."""
    made = areas.copy()
    face = cv2.mean(detailed, (region(areas.shape, points[list(NOSE)]) > 0.5).astype(np.uint8))[:3]
    shapes = [(rounded(ring), FEATURES.brow_shade) for ring in brow_rings(points)]
    upper, lower = LIPS[:11], (*LIPS[10:], LIPS[0])
    shapes += [
        (rounded(points[[*upper, *INNER_UPPER[::-1]]]), FEATURES.lip_shades[0]),
        (rounded(points[[*lower, *INNER_LOWER]]), FEATURES.lip_shades[1]),
    ]
    if (mouth := open_mouth(points)) is not None:
        shapes.append((mouth, 1.0))
    for number, (ring, shade) in enumerate(shapes):
        mask = region(areas.shape, ring)
        inside = detailed[mask > 0.5]
        if not len(inside):
            continue
        colour = shade * np.median(inside, 0)
        if number == OPEN:
            # Teeth, not gums and tongue, say how light a mouth is.
            colour = np.percentile(inside, 70, 0)
            colour = (1.25 * (colour + colour.mean()) / 2).clip(0, 1)
        # A brow that is no darker than the face is hidden, or there is none.
        if number < 2 and colour.mean() > FEATURES.brow_most * shade * np.mean(face):
            continue
        made += mask[..., None] * (colour - made)
    return made


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


def draw_strokes(ink: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Ink (h, w) with the strokes of lids, brows and mouth."""
    height, made = face_height(points), ink.copy()
    if (mouth := open_mouth(points)) is not None:
        # Lines between teeth make them bad.
        made *= 1 - FEATURES.mouth_clear * region(ink.shape, mouth)
    for lid, brow, under in zip(UPPER_LIDS, BROWS, UNDER_BROWS, strict=True):
        stroke(made, points[list(lid)], FEATURES.lid * height, 0.45)
        stroke(made, (points[list(brow)] + points[list(under)]) / 2, FEATURES.brow * height, 0.4)
    stroke(made, points[list(MOUTH)], FEATURES.mouth * height, 0.5)
    stroke(made, points[list(NOSTRILS)], 0.8 * FEATURES.mouth * height, 0.5)
    stroke(made, points[list(UNDER_LIP)], 0.6 * FEATURES.mouth * height, 0.5)
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

"""A photo as a drawing: areas of few colours, contours in ink, faces simplified by their landmarks; t draws it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from core.errors import unknown_name
from core.sdl.methods.drawing.colours import find_palette, flatten, paint_areas, to_lab, to_rgb
from core.sdl.methods.drawing.faces import draw_face, enlarged, near, shade_face
from core.sdl.methods.drawing.features import FACE_RING, FEATURES, drawn_by_landmarks, face_height, find_faces, region
from core.sdl.methods.drawing.lines import draw_ink


@dataclass(frozen=True)
class Look:
    """One way to draw.

    Attributes:
        colours: of the palette.
        ink: how black contours are; less than 1 leaves them a darker shade of what they bound.
        bold: how much wider contours are, and how much larger and rounder areas.
        saturation: of the colours.
        lift: lightness added, of 100: paper shines through.
    """

    colours: int
    ink: float
    bold: float
    saturation: float
    lift: float


LOOKS = {"comic": Look(20, 0.95, 1.0, 1.3, 4.0), "flat": Look(11, 0.72, 1.45, 1.4, 3.0)}
# By t: the photo's texture leaves, then areas become flat; ink is drawn all the way, strong contours first.
TEXTURE_GONE, AREAS_START = 0.55, 0.3


@dataclass(frozen=True)
class DrawingLayers:
    """A photo and its drawing, (H, W, 3) float32 RGB in [0, 1] unless said otherwise.

    Attributes:
        photo: uint8.
        smooth: the photo without texture.
        areas: flat colours.
        ink: (H, W) in [0, 1].
        faces: how many were found.
    """

    photo: np.ndarray
    smooth: np.ndarray
    areas: np.ndarray
    ink: np.ndarray
    faces: int

    def paint(self, t: float) -> np.ndarray:
        """(H, W, 3) uint8: the photo at t = 0 and below, the drawing at 1; beyond, its ink grows bolder."""
        if t <= 0:
            return self.photo.copy()
        photo = self.photo.astype(np.float32) / 255
        texture, flat = (
            float(np.clip(share, 0, 1)) for share in (t / TEXTURE_GONE, (t - AREAS_START) / (1 - AREAS_START))
        )
        made = photo + texture * (self.smooth - photo)
        made = made + flat * (self.areas - made)
        # Faint contours come last, and none is ever a grey veil: the threshold sinks as t grows.
        drawn = np.clip((self.ink - (1 - min(t, 1.0))) / max(0.15, min(t, 1.0)), 0, 1) if t < 1 else self.ink ** (1 / t)
        return np.rint((made * (1 - drawn[..., None])).clip(0, 1) * 255).astype(np.uint8)


def find_drawing(photo: Image.Image, look: str) -> DrawingLayers:
    """Everything that t does not touch.

    Args:
        photo: RGB.
        look: comic, with black ink over many colours, or flat, few colours with contours of their own shades.
    """
    if look not in LOOKS:
        raise unknown_name("look", look, LOOKS)
    chosen, pixels = LOOKS[look], np.asarray(photo)
    size, unit = photo.size, max(photo.size) / 1000
    faces, lab, important = find_faces(photo), flatten(pixels), None
    if faces:
        scale = np.array((lab.shape[1] / size[0], lab.shape[0] / size[1]))
        important = np.maximum.reduce([region(lab.shape, points[list(FACE_RING)] * scale) for points in faces]) > 0.5
        for points in faces:
            lab = shade_face(lab, points * scale)
    centres = find_palette(lab, chosen.colours, important)
    areas = paint_areas(lab, size, centres, chosen.bold)
    smooth = smooth_photo(pixels, unit)
    ink = draw_ink(to_lab(smooth)[..., 0], unit * chosen.bold)
    for points in faces:
        areas, ink = draw_nearer(areas, ink, pixels, points, centres, chosen.bold)
    areas[..., 0] += chosen.lift * (1 - areas[..., 0] / 100)
    areas = to_rgb(areas, chosen.saturation)
    rich = to_rgb(to_lab(smooth), chosen.saturation) if faces else smooth
    for points in faces:
        if drawn_by_landmarks(pixels, points):
            areas, ink = draw_face(areas, ink, pixels, rich, points)
    return DrawingLayers(pixels, smooth, areas, chosen.ink * ink, len(faces))


def draw_nearer(
    areas: np.ndarray, ink: np.ndarray, photo: np.ndarray, points: np.ndarray, centres: np.ndarray, bold: float
) -> tuple[np.ndarray, np.ndarray]:
    """Areas (H, W, 3) in L*a*b* and ink (H, W) with a small face and its hair drawn as if it were nearer, in the same palette.

    Areas and pen fit the whole picture: in a small face they would leave no eyes.
    """
    share = face_height(points) / max(photo.shape[:2])
    if share >= FEATURES.near:
        return areas, ink
    part, scale, places = near(photo.shape, points, 0.6)
    if not areas[part].size:
        return areas, ink
    seen = enlarged(photo[part], scale)
    unit = scale * max(photo.shape[:2]) / 1000 * max(FEATURES.least_pen, share / FEATURES.near)
    lines = draw_ink(to_lab(smooth_photo(seen, unit))[..., 0], unit * bold)
    lab = flatten(seen, max(seen.shape[:2]))
    lab = shade_face(lab, places)
    flat = paint_areas(lab, (seen.shape[1], seen.shape[0]), centres, bold)
    outline = places[list(FACE_RING)]
    head = region(seen.shape, outline.mean(0) + FEATURES.head * (outline - outline.mean(0)))
    made, drawn, back = areas.copy(), ink.copy(), areas[part].shape[1::-1]
    flat, lines, head = (cv2.resize(item, back, interpolation=cv2.INTER_AREA) for item in (flat, lines, head))
    made[part] += head[..., None] * (flat - made[part])
    drawn[part] += head * (lines - drawn[part])
    return made, drawn


def smooth_photo(pixels: np.ndarray, unit: float) -> np.ndarray:
    """The photo at its own size without texture, edges kept: (H, W, 3) float32 RGB in [0, 1]."""
    radius = max(2, round(4 * unit))
    made = pixels.astype(np.float32)
    for variance in (30.0, 60.0):
        made = cv2.ximgproc.guidedFilter(made, made, radius, variance)
    return (made / 255).clip(0, 1)

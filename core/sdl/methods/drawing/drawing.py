"""A photo as a drawing: areas of few colours, contours in ink, faces simplified by their landmarks; t draws it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from core.errors import unknown_name
from core.sdl.methods.drawing.colours import to_lab, to_rgb
from core.sdl.methods.drawing.faces import draw_face, enlarged, near
from core.sdl.methods.drawing.features import FACE_RING, FEATURES, drawn_by_landmarks, face_height, find_faces, region
from core.sdl.methods.drawing.scene import LOOKS, Look, draw_scene, smooth_photo

# By t: the photo's texture leaves, then areas become flat; ink is drawn all the way, strong contours first.
TEXTURE_GONE, AREAS_START = 0.55, 0.3
# Share of t over which a contour appears; the last ones have come at t = 1.
ORDER_SPAN = 0.25


@dataclass(frozen=True)
class DrawingLayers:
    """A photo and its drawing, (H, W, 3) float32 RGB in [0, 1] unless said otherwise.

    Attributes:
        photo: uint8.
        smooth: the photo without texture.
        areas: flat colours.
        ink: (H, W) in [0, 1].
        order: (H, W) in [0, 1], how early ink is drawn.
        faces: how many were found.
    """

    photo: np.ndarray
    smooth: np.ndarray
    areas: np.ndarray
    ink: np.ndarray
    order: np.ndarray
    faces: int

    @property
    def figures(self) -> dict[str, float]:
        """How many faces were found."""
        return {"faces": self.faces}

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
        # Faint contours come last, and none is ever a grey veil.
        shown = np.clip((self.order - 1 + t) / ORDER_SPAN, 0, 1)
        drawn = self.ink * shown if t < 1 else self.ink ** (1 / t)
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
    unit = max(photo.size) / 1000
    faces = find_faces(photo)
    scene = draw_scene(pixels, faces, chosen, unit)
    areas, ink = scene.areas, scene.ink
    smooth = smooth_photo(pixels, unit)
    for points in faces:
        areas, ink = draw_nearer(areas, ink, pixels, points, chosen, scene.palette)
    rich = to_rgb(to_lab(smooth), chosen.saturation) if faces else smooth
    for points in faces:
        if drawn_by_landmarks(pixels, points):
            areas, ink = draw_face(areas, ink, pixels, rich, points)
    return DrawingLayers(pixels, smooth, areas, chosen.ink * ink, scene.order, len(faces))


def draw_nearer(
    areas: np.ndarray, ink: np.ndarray, photo: np.ndarray, points: np.ndarray, look: Look, palette: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Areas (H, W, 3) in [0, 1] and ink (H, W) with a small face and its hair drawn as if it were nearer, in the same palette.

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
    scene = draw_scene(seen, [places], look, unit, palette, FEATURES.work * max(photo[part].shape[:2]))
    outline = places[list(FACE_RING)]
    head = region(seen.shape, outline.mean(0) + FEATURES.head * (outline - outline.mean(0)))
    made, drawn, back = areas.copy(), ink.copy(), areas[part].shape[1::-1]
    flat, lines, head = (
        cv2.resize(item, back, interpolation=cv2.INTER_AREA) for item in (scene.areas, scene.ink, head)
    )
    made[part] += head[..., None] * (flat - made[part])
    drawn[part] += head * (lines - drawn[part])
    return made, drawn

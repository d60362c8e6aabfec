"""A prepared morph, and what is seen of it at a time: both pictures in one shape, the face, the landmarks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from core.implicit.methods.landmark_flow.displacement_grid import DisplacementGrid
from core.implicit.methods.landmark_flow.warp import Warp
from core.implicit.methods.letterbox.letterbox import Letterbox
from core.implicit.options import ImplicitOptions
from core.implicit.paper.coordinates import to_published
from core.implicit.paper.landmark_plot import FIRST_COLOUR, SECOND_COLOUR, plot_landmarks
from core.pipeline import Prepared


@dataclass(frozen=True)
class ImplicitPrepared(Prepared):
    """Two pictures in their common frame and the warp between them.

    Attributes:
        picture_a: (H, W, 3) uint8, the first picture in the frame; `picture_b` the second.
        letterbox_a: how the first picture lies in the frame; `letterbox_b` the second.
        points_a: (N, 2) landmarks in the frame's pixels; `points_b` their partners.
        oval: (M, 2) outline of the face in the first picture, in the frame's pixels; of all landmarks if it shows no face.
        warp: the continuous warp.
        displacements: the warp sampled for quick frames.
        options: what it was prepared with.
    """

    picture_a: np.ndarray
    picture_b: np.ndarray
    letterbox_a: Letterbox
    letterbox_b: Letterbox
    points_a: np.ndarray
    points_b: np.ndarray
    oval: np.ndarray
    warp: Warp
    displacements: DisplacementGrid
    options: ImplicitOptions


def warped_pictures(prepared: ImplicitPrepared, t: float) -> tuple[np.ndarray, np.ndarray]:
    """Both pictures in the shape of time t: (H, W, 3) float32 in [0, 1]; beyond the edge its edge pixels repeat."""
    pictures = (prepared.picture_a, prepared.picture_b)
    first, second = (
        cv2.remap(
            picture.astype(np.float32) / 255, at[..., 0] - 0.5, at[..., 1] - 0.5, cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        ).clip(0, 1)
        for picture, at in zip(pictures, prepared.displacements.sampling_positions(t), strict=True)
    )  # fmt: skip
    return first, second


def face_region(prepared: ImplicitPrepared, t: float) -> np.ndarray:
    """(H, W) bool: inside the outline of the face, where the warp has carried it at time t."""
    width, height = prepared.displacements.size_px
    outline = prepared.warp.carry(prepared.oval, 0.0, t)
    mask = np.zeros((height, width), np.uint8)
    # fillConvexPoly counts from the centre of the top-left pixel.
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(outline - 0.5).astype(np.int32)), 1)
    return mask.astype(bool)


def draw_landmarks(frame: Image.Image, prepared: ImplicitPrepared, t: float) -> Image.Image:
    """A frame at time t with the first picture's landmarks in red and the second's, where they meet them, in green."""
    drawn = np.asarray(frame)
    for points, start, colour in ((prepared.points_a, 0.0, FIRST_COLOUR), (prepared.points_b, 1.0, SECOND_COLOUR)):
        drawn = plot_landmarks(drawn, to_published(prepared.warp.carry(points, start, t), frame.size), colour)
    return Image.fromarray(drawn)

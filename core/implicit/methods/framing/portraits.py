"""Two portraits in one frame: framing, mattes, outlines, in the order in which they need one another."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image

from core.implicit.methods.framing.framing import fill_beyond, find_anchor, frame_faces, place
from core.implicit.methods.head_outline.outline import outline_pairs
from core.implicit.methods.layers.mattes import find_matte, head_reach
from core.implicit.methods.letterbox.letterbox import Letterbox, frame_size, letterbox
from core.implicit.options import ImplicitOptions

# Longer side at which heads are looked for before the frame is known.
ROUGH_PX = 320


class Framed(NamedTuple):
    """Both portraits in their frame.

    Attributes:
        size_px: (width, height).
        pictures: (H, W, 3) uint8 each.
        lies: how each picture lies in the frame.
        points: landmarks (N, 2) in the frame's pixels.
        mattes: (H, W) float32 in [0, 1], the people; None each where nobody is found.
    """

    size_px: tuple[int, int]
    pictures: tuple[np.ndarray, np.ndarray]
    lies: tuple[Letterbox, Letterbox]
    points: tuple[np.ndarray, np.ndarray]
    mattes: tuple[np.ndarray | None, np.ndarray | None]


def frame_pair(
    pictures: tuple[Image.Image, Image.Image], landmarks: tuple[np.ndarray, np.ndarray], options: ImplicitOptions
) -> Framed:
    """Bring two portraits into one frame, as `options.framing` says.

    Args:
        pictures: RGB.
        landmarks: (N, 2) each, (x, y) pixels of their pictures.
        options: framing, aspect, fill and size count.
    """
    if options.framing == "faces" and options.recipe == "fast":
        size, lies = frame_faces(pictures, landmarks, _head_reaches(pictures, landmarks), options.size_px)
        placed = [place(picture, size, lie) for picture, lie in zip(pictures, lies, strict=True)]
        framed = [fill_beyond(*one) for one in placed]
    else:
        size = frame_size(pictures[0].size, pictures[1].size, options.size_px, options.aspect)
        boxed = [letterbox(picture, size, options.fill) for picture in pictures]
        framed, lies = [np.asarray(picture) for picture, _ in boxed], (boxed[0][1], boxed[1][1])
    points = [lie.to_frame(own) for lie, own in zip(lies, landmarks, strict=True)]
    mattes = [find_matte(picture, own) for picture, own in zip(framed, points, strict=True)]
    return Framed(size, (framed[0], framed[1]), lies, (points[0], points[1]), (mattes[0], mattes[1]))


def outlines_of(framed: Framed) -> tuple[np.ndarray, np.ndarray]:
    """Matching points (N, 2) on the outlines of both people, in the frame; none without two people."""
    first, second = framed.mattes
    if first is None or second is None:
        return np.zeros((0, 2)), np.zeros((0, 2))
    one, other = (find_anchor(points) for points in framed.points)
    return outline_pairs((first, second), framed.points, (one, other))


def with_outline(
    pictures: tuple[Image.Image, Image.Image],
    landmarks: tuple[np.ndarray, np.ndarray],
    options: ImplicitOptions | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks of both faces with matching points on both outlines behind them, in pixels of their pictures."""
    framed = frame_pair(pictures, landmarks, options or ImplicitOptions())
    rims = [lie.to_picture(rim) for lie, rim in zip(framed.lies, outlines_of(framed), strict=True)]
    return np.concatenate((landmarks[0], rims[0])), np.concatenate((landmarks[1], rims[1]))


def _head_reaches(
    pictures: tuple[Image.Image, Image.Image], landmarks: tuple[np.ndarray, np.ndarray]
) -> tuple[float | None, float | None]:
    """How far both heads reach above their eyes, seen in as much of each picture as a frame may show."""
    reaches = []
    for picture, points in zip(pictures, landmarks, strict=True):
        size, (lies, _) = frame_faces((picture, picture), (points, points), (None, None), ROUGH_PX)
        seen = lies.to_frame(points)
        reaches.append(head_reach(find_matte(place(picture, size, lies)[0], seen), find_anchor(seen)))
    return reaches[0], reaches[1]

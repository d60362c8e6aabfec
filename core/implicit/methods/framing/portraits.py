"""Portraits in one frame: framing, mattes, outlines, in the order in which they need one another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from core.implicit.methods.framing.framing import fill_beyond, find_anchor, frame_faces, place
from core.implicit.methods.head_outline.outline import outline_pairs
from core.implicit.methods.layers.face import pick
from core.implicit.methods.layers.mattes import find_matte, find_people, head_reach
from core.implicit.methods.letterbox.letterbox import Letterbox, frame_size, letterbox
from core.implicit.options import ImplicitOptions
from core.implicit.paper.landmarks import OVAL

# Longer side at which heads are looked for before the frame is known.
ROUGH_PX = 320


class Framed(NamedTuple):
    """A portrait in a frame that it has with others.

    Attributes:
        picture: (H, W, 3) uint8.
        lies: how the picture lies in the frame.
        points: landmarks (N, 2) in the frame's pixels.
        matte: (H, W) float32 in [0, 1], the person; None where nobody is found.
        made_up: the share of the frame that the picture does not show, in [0, 1].
    """

    picture: np.ndarray
    lies: Letterbox
    points: np.ndarray
    matte: np.ndarray | None
    made_up: float


def frame_portraits(
    pictures: Sequence[Image.Image], landmarks: Sequence[np.ndarray], options: ImplicitOptions
) -> list[Framed]:
    """Bring portraits, two or more, into one frame, as `options.framing` says.

    Args:
        pictures: RGB.
        landmarks: (N, 2) each, (x, y) pixels of their pictures.
        options: framing, aspect, fill and size count.
    """
    beyond = [0.0] * len(pictures)
    if options.framing == "faces" and options.recipe == "fast":
        reaches = [_head_reach(picture, points) for picture, points in zip(pictures, landmarks, strict=True)]
        size, lies = frame_faces(pictures, landmarks, reaches, options.size_px)
        placed = [place(picture, size, lie) for picture, lie in zip(pictures, lies, strict=True)]
        seen = [lie.to_frame(own) for lie, own in zip(lies, landmarks, strict=True)]
        framed = [_fill(*one, own) for one, own in zip(placed, seen, strict=True)]
        beyond = [float(away.mean()) for _, away in placed]
    else:
        size = frame_size(pictures[0].size, pictures[1].size, options.size_px, options.aspect)
        boxed = [letterbox(picture, size, options.fill) for picture in pictures]
        framed, lies = [np.asarray(picture) for picture, _ in boxed], [lie for _, lie in boxed]
    points = [lie.to_frame(own) for lie, own in zip(lies, landmarks, strict=True)]
    mattes = [find_matte(picture, own) for picture, own in zip(framed, points, strict=True)]
    return [Framed(*one) for one in zip(framed, lies, points, mattes, beyond, strict=True)]


def outlines_of(first: Framed, second: Framed) -> tuple[np.ndarray, np.ndarray]:
    """Matching points (N, 2) on the outlines of both people, in the frame; none without two people."""
    if first.matte is None or second.matte is None:
        return np.zeros((0, 2)), np.zeros((0, 2))
    anchors = find_anchor(first.points), find_anchor(second.points)
    return outline_pairs((first.matte, second.matte), (first.points, second.points), anchors)


def with_outline(
    pictures: tuple[Image.Image, Image.Image],
    landmarks: tuple[np.ndarray, np.ndarray],
    options: ImplicitOptions | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks of both faces with matching points on both outlines behind them, in pixels of their pictures."""
    framed = frame_portraits(pictures, landmarks, options or ImplicitOptions())
    rims = [one.lies.to_picture(rim) for one, rim in zip(framed, outlines_of(framed[0], framed[1]), strict=True)]
    return np.concatenate((landmarks[0], rims[0])), np.concatenate((landmarks[1], rims[1]))


def _fill(framed: np.ndarray, beyond: np.ndarray, points: np.ndarray) -> np.ndarray:
    """A picture in its frame, filled beyond its edges; its landmarks (N, 2) lie in the frame."""
    if not beyond.any():
        return framed
    return fill_beyond(framed, beyond, find_people(framed), float(pick(points, OVAL)[:, 1].max()))


def _head_reach(picture: Image.Image, points: np.ndarray) -> float | None:
    """How far a head reaches above its eyes, seen in as much of the picture as a frame may show."""
    size, (lies,) = frame_faces([picture], [points], [None], ROUGH_PX)
    seen = lies.to_frame(points)
    return head_reach(find_matte(place(picture, size, lies)[0], seen), find_anchor(seen))

"""Two photographs in, a morph out: landmarks, a warp through them, blending.

pipe = ImplicitMorphPipeline()
prepared = pipe.prepare(anna, ben)                                  # landmarks and the warp, about a second
pictures = pipe.render(prepared, [0.0, 0.5, 1.0])                   # shape and appearance together
masked = pipe.render(prepared, [0.0], appearance=[1.0])             # Ben's appearance in Anna's shape
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.errors import InputError, ShapeError
from core.image import load_image
from core.implicit.blend import BACKGROUNDS, BLENDS, blend
from core.implicit.flow import FlowWarp
from core.implicit.frame import FILLS, SHAPES, Placement, frame_size, place
from core.implicit.landmarks import detect_landmarks, landmarks_of
from core.implicit.maps import WarpMaps, draw_maps
from core.implicit.warp import Warp, check_pairs
from core.metrics import folded_share
from core.options import check, option
from core.pipeline import Prepared, TransitionPipeline, content_key
from core.progress import Progress, part_of, silent

__all__ = ["ImplicitMorphPipeline", "ImplicitOptions", "ImplicitPrepared", "detect_landmarks", "landmarks_of"]

RECIPES = ("fast", "published")


@dataclass(frozen=True)
class ImplicitOptions:
    """Everything a person can set; `blend` and `background` may change with every frame."""

    recipe: str = option(
        "fast", "fast fits a flow in a second; published trains the paper's network for hours", choices=RECIPES
    )
    blend: str = option("linear", "how the two warped pictures become one", choices=BLENDS, group="blend")
    background: str = option(
        "crossfade", "what surrounds the face in masked and cloned blends", choices=BACKGROUNDS, group="blend"
    )
    size_px: int = option(512, "longer side of the frame in pixels", low=64, high=2048, step=2)
    aspect: str = option("first", "whose aspect the frame takes; the other picture is kept whole inside", choices=SHAPES)
    fill: str = option("edge", "what lies beside a picture of another aspect", choices=FILLS)
    outline: bool = option(True, "add landmarks on the outline of head and shoulders, where a person is found")
    smoothing: float = option(
        0.0, "fast: 0 meets every landmark, more lets a stiffer warp miss them", low=0, high=1, step=0.01, group="warp"
    )
    edges_stay: bool = option(True, "fast: the picture's edges stay edges", group="warp")
    face_a: int = option(1, "which face of the first picture, 1 is the largest", low=1, high=20, step=1, group="faces")
    face_b: int = option(1, "which face of the second picture, 1 is the largest", low=1, high=20, step=1, group="faces")
    published_steps: int = option(
        20001, "published: steps of training", low=2, high=100000, step=1, group="published"
    )
    published_samples: int = option(
        20000, "published: points per step", low=200, high=100000, step=1, group="published"
    )
    seed: int = option(123, "published: seed of the network and its samples", low=0, high=2**31 - 1, group="published")


@dataclass(frozen=True)
class ImplicitPrepared(Prepared):
    """Two pictures in their common frame and the warp between them.

    Attributes:
        picture_a: (H, W, 3) uint8, the first picture in the frame; `picture_b` the second.
        placement_a: how the first picture lies in the frame; `placement_b` the second.
        points_a: (N, 2) landmarks in the frame's pixels; `points_b` their partners.
        face_points: how many of them, from the start, belong to the face.
        warp: the continuous warp.
        maps: the warp drawn for quick frames.
        options: what it was prepared with.
    """

    picture_a: np.ndarray = None
    picture_b: np.ndarray = None
    placement_a: Placement = None
    placement_b: Placement = None
    points_a: np.ndarray = None
    points_b: np.ndarray = None
    face_points: int = 0
    warp: Warp = None
    maps: WarpMaps = None
    options: ImplicitOptions = None


class ImplicitMorphPipeline(TransitionPipeline):
    """Face morphs by a smooth, invertible warp through landmarks."""

    name = "implicit"
    Options = ImplicitOptions

    def prepare(
        self,
        image_a: Image.Image | str | Path,
        image_b: Image.Image | str | Path,
        options: ImplicitOptions | None = None,
        progress: Progress = silent,
        points_a: np.ndarray | None = None,
        points_b: np.ndarray | None = None,
    ) -> ImplicitPrepared:
        """Find the landmarks, bring both pictures into one frame and fit the warp.

        Args:
            image_a: the first picture, any size.
            image_b: the second picture, any size.
            options: see `ImplicitOptions`.
            progress: called as the work goes on; may raise to cancel.
            points_a: (N, 2) landmarks of the first picture in its own pixels, (x, y). Detected if absent or empty.
            points_b: (N, 2) their partners in the second picture.

        Raises:
            NothingFoundError: no face in a picture whose landmarks were not given.
            InputError: landmarks that do not pair up, or fewer than three.
        """
        options = check(options or ImplicitOptions())
        pictures = [load_image(image) for image in (image_a, image_b)]
        progress(0.0, "finding landmarks")
        a, b, face_points = self._landmarks(pictures, options, points_a, points_b)
        started = time.perf_counter()
        size = frame_size(pictures[0].size, pictures[1].size, options.size_px, options.aspect)
        (first, at_a), (second, at_b) = (place(picture, size, options.fill) for picture in pictures)
        a, b = at_a.to_frame(a), at_b.to_frame(b)
        progress(0.2, "fitting the warp")
        warp = self._fit(a, b, size, options, part_of(progress, 0.2, 0.6))
        maps = draw_maps(warp, part_of(progress, 0.6, 1.0))
        figures = {**_figures(warp, maps, a, b), "fit_s": time.perf_counter() - started}
        key = content_key(np.asarray(first), np.asarray(second), a, b, options)
        return ImplicitPrepared(
            key, figures, np.asarray(first), np.asarray(second), at_a, at_b, a, b, face_points, warp, maps, options
        )

    def render(
        self,
        prepared: ImplicitPrepared,
        t: Sequence[float],
        appearance: Sequence[float] | float | None = None,
        blend: str | None = None,
        background: str | None = None,
    ) -> Tensor:
        """Frames of the morph.

        Args:
            prepared: from `prepare`.
            t: warp times: 0 = the first picture's shape, 1 = the second's. Values outside [0, 1] stop there.
            appearance: blend weights, one per time or one for all; `t` itself by default.
            blend: a name in `BLENDS`; the option's by default.
            background: a name in `BACKGROUNDS`; the option's by default.

        Returns:
            (T, 3, H, W) float32 in [0, 1].
        """
        if isinstance(appearance, int | float):
            appearance = [appearance] * len(t)
        weights = list(t) if appearance is None else list(appearance)
        if len(weights) != len(t):
            raise ShapeError(f"{len(t)} times came with {len(weights)} appearance values: give one for each time")
        first, second = (p.astype(np.float32) / 255 for p in (prepared.picture_a, prepared.picture_b))
        frames = [
            self._frame(prepared, first, second, min(max(time_, 0.0), 1.0), min(max(weight, 0.0), 1.0), blend, background)
            for time_, weight in zip(t, weights, strict=True)
        ]
        return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).contiguous()

    def _landmarks(
        self,
        pictures: list[Image.Image],
        options: ImplicitOptions,
        points_a: np.ndarray | None,
        points_b: np.ndarray | None,
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """Both lists in pixels of their pictures, and how many of them belong to the face."""
        given = [points is not None and len(points) > 0 for points in (points_a, points_b)]
        if any(given):
            if not all(given):
                raise InputError("landmarks came for one picture only: give both lists, or neither to detect them")
            a, b = (points.numpy() for points in check_pairs(points_a, points_b))
            return a, b, len(a)
        a = detect_landmarks(pictures[0], "the first picture", options.face_a)
        b = detect_landmarks(pictures[1], "the second picture", options.face_b)
        return a, b, len(a)

    def _fit(
        self, a: np.ndarray, b: np.ndarray, size: tuple[int, int], options: ImplicitOptions, progress: Progress
    ) -> Warp:
        return FlowWarp(a, b, size, options.smoothing, options.edges_stay)

    def _frame(
        self,
        prepared: ImplicitPrepared,
        first: np.ndarray,
        second: np.ndarray,
        t: float,
        weight: float,
        kind: str | None,
        background: str | None,
    ) -> np.ndarray:
        warped = [_sampled(picture, look) for picture, look in zip((first, second), prepared.maps.look_ups(t), strict=True)]
        kind, background = kind or prepared.options.blend, background or prepared.options.background
        mask = face_region(prepared, t)
        return blend(warped[0], warped[1], weight, kind, mask, background)


def face_region(prepared: ImplicitPrepared, t: float) -> np.ndarray:
    """(H, W) bool: inside the convex outline of the face's landmarks, where they are at time t."""
    width, height = prepared.maps.size_px
    points = torch.from_numpy(prepared.points_a[: prepared.face_points])
    place = prepared.warp.carry(points, 0.0, t).numpy()
    mask = np.zeros((height, width), np.uint8)
    # fillConvexPoly counts from the centre of the top-left pixel.
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(place - 0.5).astype(np.int32)), 1)
    return mask.astype(bool)


def _sampled(picture: np.ndarray, look: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) at places (H, W, 2); beyond the edge its edge pixels repeat."""
    warped = cv2.remap(picture, look[..., 0] - 0.5, look[..., 1] - 0.5, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.clip(warped, 0, 1)


def _figures(warp: Warp, maps: WarpMaps, a: np.ndarray, b: np.ndarray) -> dict[str, float]:
    """Landmark error where both pictures' landmarks meet, folds, and the largest inverse error, at the landmarks."""
    first, second = torch.from_numpy(a), torch.from_numpy(b)
    half_px = max(warp.size_px) / 2
    meeting = (warp.carry(first, 0.0, 0.5) - warp.carry(second, 1.0, 0.5)).norm(dim=-1) / half_px
    there_and_back = (warp.carry(warp.carry(first, 0.0, 0.5), 0.5, 0.0) - first).norm(dim=-1) / half_px
    width, height = maps.size_px
    rows, columns = maps.to_first.shape[1:3]
    grid = np.stack(np.meshgrid(np.linspace(0, width, columns), np.linspace(0, height, rows)), -1)
    folds = max(folded_share(torch.from_numpy(grid + maps.nodes(t)[side])) for t in (0.25, 0.5, 0.75) for side in (0, 1))
    return {
        "landmarks": float(len(a)),
        "landmarks_merged": float(getattr(warp, "merged", 0)),
        "landmark_error": meeting.mean().item(),
        "landmark_error_max_px": meeting.max().item() * half_px,
        "inverse_error": there_and_back.max().item(),
        "folded_share": folds,
    }

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

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.errors import InputError, ShapeError
from core.image import load_image
from core.implicit.blend import ONTO_BACKGROUND, blend
from core.implicit.flow import FlowWarp
from core.implicit.frame import Placement, frame_size, place
from core.implicit.landmarks import OVAL, detect_landmarks, landmarks_of
from core.implicit.maps import WarpMaps, draw_maps
from core.implicit.options import ImplicitOptions
from core.implicit.outline import with_outline
from core.implicit.siren_warp import SirenWarp, to_published
from core.implicit.train import WarpRecipe, train_warp
from core.implicit.warp import Warp, check_pairs
from core.metrics import folded_share
from core.options import check
from core.pipeline import Prepared, TransitionPipeline, content_key
from core.progress import Progress, part_of, silent

__all__ = [
    "ImplicitMorphPipeline", "ImplicitOptions", "ImplicitPrepared", "detect_landmarks", "landmarks_of", "with_outline",
]  # fmt: skip

FOLD_GRID = 101
INVERSE_LIMIT = 1e-6
EDITED_AT_LEAST = 100
STIFFER = (0.1, 0.4, 1.0)


@dataclass(frozen=True)
class ImplicitPrepared(Prepared):
    """Two pictures in their common frame and the warp between them.

    Attributes:
        picture_a: (H, W, 3) uint8, the first picture in the frame; `picture_b` the second.
        placement_a: how the first picture lies in the frame; `placement_b` the second.
        points_a: (N, 2) landmarks in the frame's pixels; `points_b` their partners.
        oval: (M, 2) outline of the face in the first picture, in the frame's pixels; of all landmarks if it shows no face.
        warp: the continuous warp.
        maps: the warp drawn for quick frames.
        options: what it was prepared with.
    """

    picture_a: np.ndarray
    picture_b: np.ndarray
    placement_a: Placement
    placement_b: Placement
    points_a: np.ndarray
    points_b: np.ndarray
    oval: np.ndarray
    warp: Warp
    maps: WarpMaps
    options: ImplicitOptions


class ImplicitMorphPipeline(TransitionPipeline[ImplicitPrepared]):
    """Face morphs by a smooth, invertible warp through landmarks."""

    name = "implicit"
    Options = ImplicitOptions

    def __init__(self) -> None:
        super().__init__()

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
        a, b, oval = self._landmarks(pictures, options, points_a, points_b)
        started = time.perf_counter()
        size = frame_size(pictures[0].size, pictures[1].size, options.size_px, options.aspect)
        (first, at_a), (second, at_b) = (place(picture, size, options.fill) for picture in pictures)
        a, b = at_a.to_frame(a), at_b.to_frame(b)
        progress(0.2, "fitting the warp")
        warp, maps, figures = _fit(a, b, size, options, part_of(progress, 0.2, 1.0))
        figures["fit_s"] = time.perf_counter() - started
        key = content_key(np.asarray(first), np.asarray(second), a, b, options)
        return ImplicitPrepared(
            key, figures, np.asarray(first), np.asarray(second), at_a, at_b, a, b, at_a.to_frame(oval), warp, maps, options
        )  # fmt: skip

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
        frames = [
            self._frame(prepared, min(max(time_, 0.0), 1.0), min(max(weight, 0.0), 1.0), blend, background)
            for time_, weight in zip(t, weights, strict=True)
        ]
        return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).contiguous()

    def _landmarks(
        self,
        pictures: list[Image.Image],
        options: ImplicitOptions,
        points_a: np.ndarray | None,
        points_b: np.ndarray | None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Both lists in pixels of their pictures, and the outline of the face in the first picture."""
        given = [points for points in (points_a, points_b) if points is not None and len(points) > 0]
        if given:
            if len(given) == 1:
                raise InputError("landmarks came for one picture only: give both lists, or neither to detect them")
            a, b = check_pairs(*given)
            # A long list comes from the detector, whose first points are the oval, even if a person has edited some.
            oval = a[: len(OVAL)] if len(a) > EDITED_AT_LEAST else a
            return a, b, oval
        a = detect_landmarks(pictures[0], "the first picture", options.face_a)
        b = detect_landmarks(pictures[1], "the second picture", options.face_b)
        oval = a[: len(OVAL)]
        if options.outline:
            a, b = with_outline((pictures[0], pictures[1]), (a, b))
        return a, b, oval

    def _frame(
        self, prepared: ImplicitPrepared, t: float, weight: float, kind: str | None, background: str | None
    ) -> np.ndarray:
        first, second = warped_pictures(prepared, t)
        kind, background = kind or prepared.options.blend, background or prepared.options.background
        mask = face_region(prepared, t) if kind in ONTO_BACKGROUND else None
        return blend(first, second, weight, kind, mask, background)


def warped_pictures(prepared: ImplicitPrepared, t: float) -> tuple[np.ndarray, np.ndarray]:
    """Both pictures in the shape of time t: (H, W, 3) float32 in [0, 1]."""
    pictures = (prepared.picture_a, prepared.picture_b)
    first, second = (
        _sampled(picture.astype(np.float32) / 255, look)
        for picture, look in zip(pictures, prepared.maps.look_ups(t), strict=True)
    )
    return first, second


def _fit(
    a: np.ndarray, b: np.ndarray, size_px: tuple[int, int], options: ImplicitOptions, progress: Progress
) -> tuple[Warp, WarpMaps, dict[str, float]]:
    """The warp of the chosen recipe, drawn, with its figures.

    Where landmarks contradict each other so much that the drawn warp folds or has no exact inverse, the flow is made
    stiffer until it has.
    """
    if options.recipe == "published":
        warp: Warp = train_siren_warp(a, b, size_px, options, part_of(progress, 0.0, 0.9))
        maps = draw_maps(warp, part_of(progress, 0.9, 1.0))
        return warp, maps, figures_of(warp, maps, a, b)
    for smoothing in sorted({options.smoothing, *(s for s in STIFFER if s > options.smoothing)}):
        warp = FlowWarp(a, b, size_px, smoothing, options.edges_stay)
        maps = draw_maps(warp, progress)
        figures = figures_of(warp, maps, a, b)
        if figures["folded_share"] == 0 and warp.inverse_error < INVERSE_LIMIT:
            break
    return warp, maps, {**figures, "smoothing": smoothing}


def train_siren_warp(
    a: np.ndarray, b: np.ndarray, size_px: tuple[int, int], options: ImplicitOptions, progress: Progress
) -> SirenWarp:
    """The paper's network trained on landmarks in pixels; its best step, as published in `best.pth`."""
    source, target = (to_published(torch.from_numpy(points), size_px) for points in (a, b))
    recipe = WarpRecipe(
        steps=options.published_steps,
        samples=options.published_samples,
        warmup_steps=min(WarpRecipe.warmup_steps, options.published_steps // 2),
        seed=options.seed,
    )
    return SirenWarp(train_warp(source, target, recipe, progress).best, size_px)


def face_region(prepared: ImplicitPrepared, t: float) -> np.ndarray:
    """(H, W) bool: inside the outline of the face, where the warp has carried it at time t."""
    width, height = prepared.maps.size_px
    place = prepared.warp.carry(prepared.oval, 0.0, t)
    mask = np.zeros((height, width), np.uint8)
    # fillConvexPoly counts from the centre of the top-left pixel.
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(place - 0.5).astype(np.int32)), 1)
    return mask.astype(bool)


def _sampled(picture: np.ndarray, look: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) at places (H, W, 2); beyond the edge its edge pixels repeat."""
    warped = cv2.remap(
        picture, look[..., 0] - 0.5, look[..., 1] - 0.5, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.clip(warped, 0, 1)


def figures_of(warp: Warp, maps: WarpMaps, a: np.ndarray, b: np.ndarray) -> dict[str, float]:
    """Landmark error where both pictures' landmarks meet, folds, and the largest inverse error, at the landmarks."""
    half_px = max(warp.size_px) / 2
    half_way = warp.carry(a, 0.0, 0.5)
    meeting = np.linalg.norm(half_way - warp.carry(b, 1.0, 0.5), axis=-1) / half_px
    there_and_back = np.linalg.norm(warp.carry(half_way, 0.5, 0.0) - a, axis=-1) / half_px
    x, y = (np.linspace(0, side, FOLD_GRID) for side in maps.size_px)
    folds = max(
        folded_share(torch.from_numpy(place)) for t in (0.0, 0.25, 0.5, 0.75, 1.0) for place in maps.at(x, y, t)
    )
    return {
        "landmarks": float(len(a)),
        "landmarks_merged": float(getattr(warp, "merged", 0)),
        "landmark_error": float(meeting.mean()),
        "landmark_error_max_px": float(meeting.max()) * half_px,
        "inverse_error": getattr(warp, "inverse_error", float(there_and_back.max())),
        "folded_share": folds,
    }

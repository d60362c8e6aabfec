"""Two photographs in, a morph out: landmarks, a warp through them, blending.

pipe = ImplicitMorphPipeline()
prepared = pipe.prepare(anna, ben)                                  # landmarks and the warp, about a second
pictures = pipe.render(prepared, [0.0, 0.5, 1.0])                   # shape and appearance together
masked = pipe.render(prepared, [0.0], appearance=[1.0])             # Ben's appearance in Anna's shape
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.content import content_key
from core.errors import InputError, ShapeError
from core.image import load_image
from core.implicit.methods.blending.blend import ONTO_BACKGROUND, blend
from core.implicit.methods.framing.notes import notes_before, notes_on_gaps, notes_on_misses, notes_on_people
from core.implicit.methods.framing.portraits import Framed, frame_portraits, outlines_of
from core.implicit.methods.framing.upright import detect_landmarks
from core.implicit.methods.landmark_flow.fitting import fit_warp
from core.implicit.methods.landmark_flow.warp import check_pairs
from core.implicit.options import ImplicitOptions
from core.implicit.paper.landmarks import MESH_VERTICES, OVAL
from core.implicit.prepared import ImplicitPrepared, face_region, shared_frame, warped_pictures
from core.options import check
from core.pipeline import TransitionPipeline
from core.progress import Progress, part_of, silent

# A longer list of landmarks comes from the detector, even if a person has edited some.
EDITED_AT_LEAST = 100


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
        a, b, detected = self._landmarks(pictures, options, points_a, points_b)
        notes = notes_before((a, b))
        first, second = frame_portraits(pictures, (a, b), options)
        prepared = self.prepare_framed(first, second, options, part_of(progress, 0.2, 1.0), detected)
        return replace(prepared, notes=(*notes, *prepared.notes))

    def prepare_framed(
        self, first: Framed, second: Framed, options: ImplicitOptions, progress: Progress = silent, outline: bool = True
    ) -> ImplicitPrepared:
        """Fit the warp between two portraits that have one frame; `outline` says whether points on their outlines may be added."""
        started, cpu = time.perf_counter(), time.thread_time()
        a, b = first.points, second.points
        if outline and options.outline:
            a, b = (np.concatenate(both) for both in zip((a, b), outlines_of(first, second), strict=True))
        size = (first.picture.shape[1], first.picture.shape[0])
        warp, displacements, figures = fit_warp(a, b, size, options, progress)
        figures |= {"fit_s": time.perf_counter() - started, "fit_cpu_s": time.thread_time() - cpu}
        figures |= {"made_up_first": first.made_up, "made_up_second": second.made_up}
        mattes = None
        if options.recipe == "fast" and first.matte is not None and second.matte is not None:
            mattes = (first.matte, second.matte)
        notes = notes_on_misses(a, b, warp) + notes_on_gaps((first.made_up, second.made_up))
        if options.recipe == "fast":
            faces = min(len(a), len(b)) >= len(MESH_VERTICES)
            notes += notes_on_people([one.matte is not None for one in (first, second)], faces, options.background)
        key = content_key(first.picture, second.picture, a, b, options)
        return ImplicitPrepared(
            key, figures, first.picture, second.picture, first.lies, second.lies, a, b,
            a[: len(OVAL)] if len(a) > EDITED_AT_LEAST else a, warp, displacements, options, mattes, tuple(notes),
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
    ) -> tuple[np.ndarray, np.ndarray, bool]:
        """Both lists in pixels of their pictures, and whether they were detected here."""
        given = [points for points in (points_a, points_b) if points is not None and len(points) > 0]
        if given:
            if len(given) == 1:
                raise InputError("landmarks came for one picture only: give both lists, or neither to detect them")
            return *check_pairs(*given), False
        a = detect_landmarks(pictures[0], "the first picture", options.face_a)
        b = detect_landmarks(pictures[1], "the second picture", options.face_b)
        return a, b, True

    def _frame(
        self, prepared: ImplicitPrepared, t: float, weight: float, kind: str | None, background: str | None
    ) -> np.ndarray:
        kind, background = kind or prepared.options.blend, background or prepared.options.background
        if kind == "layers" and prepared.shared:
            return shared_frame(prepared, prepared.shape_at(t, kind), weight, background)
        first, second = warped_pictures(prepared, t)
        mask = face_region(prepared, t) if kind in ONTO_BACKGROUND or prepared.options.match == "on" else None
        kind = "linear" if kind == "layers" else kind
        return blend(first, second, weight, kind, mask, background, prepared.options.match)

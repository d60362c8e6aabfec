"""The warp of one pair by the chosen recipe: ours in a second, the paper's in hours."""

from __future__ import annotations

import numpy as np
import torch

from core.implicit.methods.landmark_flow.displacement_grid import DisplacementGrid, sample_displacements
from core.implicit.methods.landmark_flow.flow import FlowWarp
from core.implicit.methods.landmark_flow.siren_warp import SirenWarp
from core.implicit.methods.landmark_flow.warp import Warp
from core.implicit.options import ImplicitOptions
from core.implicit.paper.coordinates import to_published
from core.implicit.paper.recipe import WarpRecipe, train_warp
from core.metrics import folded_share
from core.progress import Progress, part_of

FOLD_GRID = 101
INVERSE_LIMIT = 1e-6
STIFFER = (0.1, 0.4, 1.0)


def fit_warp(
    a: np.ndarray, b: np.ndarray, size_px: tuple[int, int], options: ImplicitOptions, progress: Progress
) -> tuple[Warp, DisplacementGrid, dict[str, float]]:
    """The warp through landmarks (N, 2) in pixels of the frame, sampled, with its figures.

    Where landmarks contradict each other so much that the sampled warp folds or has no exact inverse, the flow is made
    stiffer until it has.
    """
    if options.recipe == "published":
        warp: Warp = train_siren_warp(a, b, size_px, options, part_of(progress, 0.0, 0.9))
        displacements = sample_displacements(warp, part_of(progress, 0.9, 1.0))
        return warp, displacements, figures_of(warp, displacements, a, b)
    for smoothing in sorted({options.smoothing, *(s for s in STIFFER if s > options.smoothing)}):
        warp = FlowWarp(a, b, size_px, smoothing, options.edges_stay)
        displacements = sample_displacements(warp, progress)
        figures = figures_of(warp, displacements, a, b)
        if figures["folded_share"] == 0 and warp.inverse_error < INVERSE_LIMIT:
            break
    return warp, displacements, {**figures, "smoothing": smoothing}


def train_siren_warp(
    a: np.ndarray, b: np.ndarray, size_px: tuple[int, int], options: ImplicitOptions, progress: Progress
) -> SirenWarp:
    """The paper's network trained on landmarks in pixels; its best step, as published in `best.pth`."""
    source, target = (torch.from_numpy(to_published(points, size_px)) for points in (a, b))
    recipe = WarpRecipe(
        steps=options.published_steps,
        samples=options.published_samples,
        warmup_steps=min(WarpRecipe.warmup_steps, options.published_steps // 2),
        seed=options.seed,
    )
    return SirenWarp(train_warp(source, target, recipe, progress).best, size_px)


def figures_of(warp: Warp, displacements: DisplacementGrid, a: np.ndarray, b: np.ndarray) -> dict[str, float]:
    """Landmark error where both pictures' landmarks meet, folds, and the largest inverse error, at the landmarks."""
    half_px = max(warp.size_px) / 2
    half_way = warp.carry(a, 0.0, 0.5)
    meeting = np.linalg.norm(half_way - warp.carry(b, 1.0, 0.5), axis=-1) / half_px
    there_and_back = np.linalg.norm(warp.carry(half_way, 0.5, 0.0) - a, axis=-1) / half_px
    x, y = (np.linspace(0, side, FOLD_GRID) for side in warp.size_px)
    times = (0.0, 0.25, 0.5, 0.75, 1.0)
    folds = max(folded_share(torch.from_numpy(grid)) for t in times for grid in displacements.positions_on(x, y, t))
    return {
        "landmarks": float(len(a)),
        "landmarks_merged": float(getattr(warp, "merged", 0)),
        "landmark_error": float(meeting.mean()),
        "landmark_error_max_px": float(meeting.max()) * half_px,
        "inverse_error": getattr(warp, "inverse_error", float(there_and_back.max())),
        "folded_share": folds,
    }

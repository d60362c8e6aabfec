"""The warp of one pair by the chosen recipe: ours in a second, the paper's in hours."""

from __future__ import annotations

import numpy as np
import torch

from core.implicit.methods.landmark_flow.displacement_grid import DisplacementGrid, sample_displacements
from core.implicit.methods.landmark_flow.flow import FlowWarp, strain_of
from core.implicit.methods.landmark_flow.siren_warp import SirenWarp
from core.implicit.methods.landmark_flow.warp import Warp
from core.implicit.options import ImplicitOptions
from core.implicit.paper.coordinates import to_published
from core.implicit.paper.recipe import WarpRecipe, train_warp
from core.metrics import folded_share
from core.progress import Progress, part_of

FOLD_GRID, ROUGH_GRID, ROUGH_STEPS = 101, 33, 12
# There and back may miss by 0.03 px of 512; it is 1e-7 where landmarks agree.
INVERSE_LIMIT = 1e-4
# Where landmarks contradict each other, one after the other: the strain from which a pair is met loosely, its slack, and the
# smoothing of all.
LOOSER = ((6.0, 0.06, 0.0), (3.0, 0.2, 0.0), (1.2, 0.3, 0.02), (0.6, 0.5, 0.06), (0.0, 1.0, 0.4), (0.0, 1.0, 1.0))
# Share of the longer side within which landmarks can contradict each other.
NEAR = 0.1


def fit_warp(
    a: np.ndarray, b: np.ndarray, size_px: tuple[int, int], options: ImplicitOptions, progress: Progress
) -> tuple[Warp, DisplacementGrid, dict[str, float]]:
    """The warp through landmarks (N, 2) in pixels of the frame, sampled, with its figures.

    Where landmarks contradict each other so much that the warp folds or has no inverse, those that do are met more loosely,
    in the end all, until it has.
    """
    if options.recipe == "published":
        warp: Warp = train_siren_warp(a, b, size_px, options, part_of(progress, 0.0, 0.9))
        displacements = sample_displacements(warp, part_of(progress, 0.9, 1.0))
        return warp, displacements, figures_of(warp, displacements, a, b)
    strain = strain_of(a, b, NEAR * max(size_px))
    tries = [(np.inf, 0.0, 0.0), *LOOSER]
    for limit, slack, smoothing in tries:
        smoothing = max(smoothing, options.smoothing)
        flow = FlowWarp(a, b, size_px, smoothing, options.edges_stay, np.where(strain > limit, slack, 0))
        if limit and (flow.inverse_error > INVERSE_LIMIT or _folds(flow)):
            continue
        displacements = sample_displacements(flow, progress)
        figures = figures_of(flow, displacements, a, b)
        if figures["folded_share"] == 0 and flow.inverse_error < INVERSE_LIMIT:
            break
    return flow, displacements, {**figures, "smoothing": smoothing, "slack": slack, "strain": limit}


def _folds(warp: FlowWarp) -> bool:
    """Whether the warp folds on a rough grid over its whole time: enough to know before it is sampled."""
    x, y = (np.linspace(0, side, ROUGH_GRID) for side in warp.size_px)
    grid = np.stack(np.meshgrid(x, y), -1)
    ends = ((0.0, 1.0), (1.0, 0.0))
    carried = [warp.carry(grid.reshape(-1, 2), *way, ROUGH_STEPS).reshape(grid.shape) for way in ends]
    return any(folded_share(torch.from_numpy(places)) > 0 for places in carried)


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

"""The warp of one pair by the chosen recipe: ours in a second, the paper's in hours."""

from __future__ import annotations

import numpy as np
import torch

from core.implicit.methods.framing.notes import look_apart
from core.implicit.methods.landmark_flow.displacement_grid import DisplacementGrid, sample_displacements
from core.implicit.methods.landmark_flow.flow import FlowWarp, strain_of
from core.implicit.methods.landmark_flow.siren_warp import SirenWarp
from core.implicit.methods.landmark_flow.warp import Warp, in_frame
from core.implicit.options import ImplicitOptions
from core.implicit.paper.coordinates import to_published
from core.implicit.paper.landmarks import MESH_VERTICES
from core.implicit.paper.recipe import WarpRecipe, train_warp
from core.metrics import folded_share
from core.once import Recent
from core.progress import Progress, part_of

# As many of a face as the detector finds; what follows lies on the outline, or was added by hand.
LANDMARKS = len(MESH_VERTICES)
FOLD_GRID = 101
# There and back may miss by 0.03 px of 512; it is 1e-7 where landmarks agree.
INVERSE_LIMIT = 1e-4
# Where points contradict each other, one after the other: the slack of those on the outline, which are guesses; the strain
# from which a landmark is met loosely, and its slack; the smoothing of all.
LOOSER = (
    (0.2, 0.0, 0.0, 0.0), (0.3, 6.0, 0.06, 0.0), (0.4, 3.0, 0.2, 0.0), (0.5, 1.2, 0.3, 0.02), (0.7, 0.6, 0.5, 0.06),
    (1.0, 0.0, 1.0, 0.4), (1.0, 0.0, 1.0, 1.0),
)  # fmt: skip
# Landmarks that part or approach so many times their distance fold the grid that frames are read from.
MOST_STRAIN = 12.0
# Unless they are so close, as a share of the longer side, that the grid does not see it; strain counted from there on.
CELL, SEEN_STRAIN = 0.004, 2.5
# The same of faces that look in different directions: what one hides has no partner, and a cheek would be wrung.
TURNED_STRAIN = 3.0
# Of a strain that folds, the share that is tried next.
LESS = 0.6
# Share of the longer side within which landmarks can contradict each other.
NEAR = 0.1
# A fit takes a second or two and some megabytes: frames of one pair, asked for one by one, share it.
_FITTED = Recent(16)


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
    key = (a.tobytes(), b.tobytes(), size_px, options.smoothing, options.edges_stay)
    flow, displacements, figures = _FITTED(key, lambda: _fit_flow(a, b, size_px, options, progress))
    return flow, displacements, dict(figures)


def _fit_flow(
    a: np.ndarray, b: np.ndarray, size_px: tuple[int, int], options: ImplicitOptions, progress: Progress
) -> tuple[FlowWarp, DisplacementGrid, dict[str, float]]:
    """The stiffest of our flows that is needed to keep the frame whole; see `fit_warp`."""
    most = TURNED_STRAIN if look_apart(a, b) else MOST_STRAIN
    for outline, limit, slack, least in ((0.0, 0.0, 0.0, 0.0), *LOOSER[len(a) <= LANDMARKS :]):
        smoothing = max(least, options.smoothing)
        loose = {"smoothing": smoothing, "slack": slack, "strain": limit, "outline_slack": outline}
        flow = flow_through(a, b, size_px, loose, options.edges_stay)
        # Known in milliseconds, while following the flow takes a second.
        strain, seen = (flow.strain(NEAR * max(size_px), least_px) for least_px in (0.0, CELL * max(size_px)))
        if least < 1 and ((strain > most and seen > SEEN_STRAIN) or flow.inverse_error > INVERSE_LIMIT):
            continue
        displacements = sample_displacements(flow, progress)
        figures = figures_of(flow, displacements, a, b)
        if figures["folded_share"] == 0 and flow.inverse_error < INVERSE_LIMIT:
            break
        most = strain * LESS
    return flow, displacements, {**figures, **loose}


def flow_through(
    a: np.ndarray, b: np.ndarray, size_px: tuple[int, int], figures: dict[str, float], edges_stay: bool
) -> FlowWarp:
    """The flow that meets landmarks as loosely as the figures of an earlier fit say; those of `fit_warp`."""
    slack = figures.get("slack", 0.0)
    strained = strain_of(a, b, NEAR * max(size_px)) > figures.get("strain", 0.0)
    loose = np.where(strained, slack, 0.0)
    loose[LANDMARKS:] = np.maximum(loose[LANDMARKS:], figures.get("outline_slack", 0.0))
    seen = in_frame(a, b, size_px)
    return FlowWarp(a[seen], b[seen], size_px, figures.get("smoothing", 0.0), edges_stay, loose[seen])


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
    meeting[~in_frame(a, b, warp.size_px)] = 0
    there_and_back = np.linalg.norm(warp.carry(half_way, 0.5, 0.0) - a, axis=-1) / half_px
    x, y = (np.linspace(0, side, FOLD_GRID) for side in warp.size_px)
    times = (0.0, 0.25, 0.5, 0.75, 1.0)
    folds = max(folded_share(torch.from_numpy(grid)) for t in times for grid in displacements.positions_on(x, y, t))
    return {
        "landmarks": float(len(a)),
        "landmarks_merged": float(getattr(warp, "merged", 0)),
        "landmark_error": float(meeting[:LANDMARKS].mean()),
        "landmark_error_max_px": float(meeting[:LANDMARKS].max()) * half_px,
        "outline_error_max_px": float(meeting[LANDMARKS:].max(initial=0.0)) * half_px,
        "inverse_error": getattr(warp, "inverse_error", float(there_and_back.max())),
        "folded_share": folds,
    }

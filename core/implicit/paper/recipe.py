"""Training the published warp network for one pair of landmark sets.

Source: section 4.1 of Schardong et al. 2024 and the settings of its published configurations.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Generator, Tensor

from core.construction import building
from core.errors import InputError
from core.implicit.paper.losses import FACE_TIMES, LossWeights, WarpLoss
from core.implicit.paper.network import Siren
from core.implicit.paper.sampling import WarpSamples
from core.progress import Progress, silent

LEARNING_RATE = 1e-4


@dataclass(frozen=True)
class WarpRecipe:
    """How a warp network is trained; the defaults are the published baseline of discrete pictures."""

    hidden_features: Sequence[int] = (128, 128)
    omega_0: float = 24.0
    omega_w: float = 24.0
    steps: int = 20001
    samples: int = 20000
    warmup_steps: int = 1000
    learning_rate: float = LEARNING_RATE
    times: Sequence[float] = FACE_TIMES
    weights: LossWeights = field(default_factory=LossWeights)
    seed: int = 123


# Only what differs from the baseline; the ablations of the paper are `weights` with terms at 0.
PUBLISHED_RECIPES = {
    "baseline": WarpRecipe(),
    "mark-warp-points": WarpRecipe(steps=21001, warmup_steps=2100),
    "pairwise": WarpRecipe(steps=10001),
    "cropped-manual": WarpRecipe(hidden_features=(156, 156), warmup_steps=2000),
    "sandy": WarpRecipe(omega_0=16.0, omega_w=16.0, times=(0.2, 0.4, 0.6, 0.8)),
}


@dataclass(frozen=True)
class TrainedWarp:
    """What training leaves.

    Attributes:
        last: the network after the last step, raw frequencies.
        best: the network with the smallest summed loss after the warm-up; `last` if the warm-up never ended.
        best_step: the step after which that loss was measured.
        terms: (steps, 4) weighted terms before each step's update, in the order of `LossWeights`.
    """

    last: Siren
    best: Siren
    best_step: int
    terms: Tensor


def train_warp(
    source: Tensor,
    target: Tensor,
    recipe: WarpRecipe | None = None,
    progress: Progress = silent,
    network: Siren | None = None,
    batches: Callable[[int], Tensor] | None = None,
) -> TrainedWarp:
    """Train a warp network with Adam, as published.

    Args:
        source: (K, 2) landmarks of the first picture, (y, x) in [-1, 1].
        target: (K, 2) their partners.
        recipe: settings; the published baseline by default.
        progress: called at every step; may raise to cancel.
        network: where to begin; a fresh network by default.
        batches: the batch of a step; drawn from `WarpSamples` with the recipe's seed by default.
    """
    recipe = recipe or WarpRecipe()
    if recipe.steps < 1:
        raise InputError(f"{recipe.steps} steps came, at least 1 is needed")
    generator = Generator().manual_seed(recipe.seed)
    if network is None:
        with building(recipe.seed):
            network = Siren(
                hidden_features=list(recipe.hidden_features), omega_0=recipe.omega_0, omega_w=recipe.omega_w
            )
    samples = WarpSamples(recipe.samples)
    draw = batches or (lambda _: samples.draw(generator))
    loss = WarpLoss(source.float(), target.float(), recipe.times, recipe.weights)
    optimizer = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate)
    best, best_step, lowest = None, recipe.steps, float("inf")
    history = []
    for step in range(recipe.steps):
        terms = loss(network, draw(step))
        total = torch.stack(list(terms.values())).sum()
        optimizer.zero_grad(set_to_none=True)
        total.backward()
        if step > recipe.warmup_steps and total.item() < lowest:
            best, best_step, lowest = copy.deepcopy(network), step, total.item()
        optimizer.step()
        history.append(torch.stack([term.detach() for term in terms.values()]))
        progress((step + 1) / recipe.steps, f"step {step + 1} of {recipe.steps}, loss {total.item():.4g}")
    return TrainedWarp(network, best or network, best_step, torch.stack(history))

"""Training of the segmentation of thin structures on pairs whose lines are known; the rest of the network is left alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.errors import InputError, OptionError
from core.sdl.methods.flow_hypotheses.network import HypothesisSDLNet
from core.sdl.methods.thin_structures.segmentation import ThinSegmentation
from core.sdl.paper.objectives import TransitionRecipe
from core.sdl.paper.recipes import Published
from core.training import Run
from core.training.store import opened

# Channels with the x of a vector, whose y follows.
VECTORS = {"dense": (0, 2), "ground": (0,)}
# The loss of overlap beside the cross-entropy, which is small where few pixels are thin.
OVERLAP_WEIGHT = 0.5


@dataclass
class ThinPairs:
    """Batches of the pairs that `core.sdl.data.thin_lines.make_thin` has written, turned and mirrored at random.

    Names and shapes as there, with a batch before; `frames` and `thin` in [0, 1].
    """

    roots: list[Path]

    def __post_init__(self) -> None:
        """List the files once."""
        self.files = [file for root in self.roots for file in sorted(root.glob("*.npz"))]
        if not self.files:
            named = ", ".join(map(str, self.roots))
            raise InputError(f"{named} holds no pairs (.npz): make them with python -m core sdl sequences thin")

    def draw(self, rng: np.random.Generator, size: int) -> dict[str, Tensor]:
        """`size` random pairs."""
        items = [self.item(rng) for _ in range(size)]
        return {name: torch.stack([item[name] for item in items]) for name in items[0]}

    def item(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """One pair; all its maps are turned alike."""
        with np.load(opened(self.files[rng.integers(len(self.files))])) as pair:
            maps = {name: torch.from_numpy(pair[name].astype(np.float32)) for name in pair.files}
        maps["frames"], maps["thin"] = maps["frames"] / 255, maps["thin"] / 255
        turns = rng.random(3) < 0.5
        return {name: turn_maps(values, VECTORS.get(name, ()), *turns) for name, values in maps.items()}


def turn_maps(maps: Tensor, vectors: tuple[int, ...], mirrored: bool, upside_down: bool, transposed: bool) -> Tensor:
    """Maps (C, S, S) mirrored and transposed, and so are the vectors in them, by the channels of their x."""
    maps, across = maps.clone(), list(vectors)
    down = [x + 1 for x in across]
    for apply, channels, side in ((mirrored, across, 2), (upside_down, down, 1)):
        if apply:
            maps = maps.flip(side)
            maps[channels] = -maps[channels]
    if transposed:
        maps = maps.mT.clone()
        maps[across + down] = maps[down + across]
    return maps


class ThinRecipe(TransitionRecipe):
    """What is thin, by the pixels' cross-entropy and by the overlap of what is found with what is there."""

    def __init__(self, generator: nn.Module, values: Published, sheet: Mapping[str, Tensor]) -> None:
        if not isinstance(generator, HypothesisSDLNet) or generator.thin is None:
            raise OptionError("the objective thin trains the network sdl-vfi: add --network sdl-vfi")
        generator.requires_grad_(False)
        generator.thin.requires_grad_(True)
        super().__init__(generator, values, sheet)

    @staticmethod
    def segment(network: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        """Logits (B, 2, S, S) of a network's segmentation."""
        maps = (batch[name] for name in ("frames", "dense", "ground", "unlike"))
        return cast(ThinSegmentation, network.thin).logits(*maps)

    def learn(self, batch: Mapping[str, Tensor], run: Run) -> dict[str, float | Tensor]:
        """One step of the segmentation."""
        with run.accelerator.autocast():
            logits = self.segment(run.networks["generator"], batch)
        thin, here = batch["thin"], logits.sigmoid()
        pixels = F.binary_cross_entropy_with_logits(logits, thin)
        # Pair by pair: a single faint line weighs as much as three plain ones.
        both = here.square().sum((1, 2, 3)) + thin.square().sum((1, 2, 3))
        common = 2 * (here * thin).sum((1, 2, 3)) / both.clamp(min=1)
        overlap = (1 - common)[thin.amax((1, 2, 3)) > 0].sum() / len(thin)
        run.update("generator", pixels + OVERLAP_WEIGHT * overlap)
        return {"l_pixels": pixels.detach(), "l_overlap": overlap.detach()}

    def samples(self, networks: Mapping[str, nn.Module]) -> Tensor:
        """One row per pair: its frames, what is thin in the first, and what is taken for it."""
        network = networks["generator"]
        batch = {name: maps.to(next(network.parameters()).device) for name, maps in self.sheet.items()}
        found, frames = self.segment(network, batch).sigmoid(), batch["frames"]
        shown = torch.cat([batch["thin"][:, :1], found[:, :1]], 3).expand(-1, 3, -1, -1)
        return torch.cat(list(torch.cat([frames[:, :3], frames[:, 3:], shown], 3)), 1)

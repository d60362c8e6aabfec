"""DeepFashion and Market pairs by the published lists.

A batch is a dictionary of float tensors: `source`, `target` (B, 3, H, W) in [-1, 1]; `source_points`, `target_points`
(B, 18, 2) x, y in pixels of that frame, -1 where missing.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import default_collate

from core.errors import InputError
from core.gfla.data.annotations import Pair, read_annotations, read_pairs
from core.gfla.paper import pose
from core.gfla.paper.pictures import as_network_picture, resized
from core.training.store import opened

# (H, W) of the network's frame and of the frame in which keypoints are annotated, by data set.
PAIR_FRAMES = {"fashion": (256, 256), "market": (128, 64)}
ANNOTATED_FRAMES = {"fashion": (256, 176), "market": (128, 64)}


class AnnotatedPairs:
    """DeepFashion or Market pairs by the published lists: `<phase>/` pictures, pair list and annotation file.

    Args:
        root: the data root.
        pairs: the pair list, CSV with columns from, to.
        annotations: the keypoint file.
        phase: folder with the pictures.
        size_hw: size of the network's frame; pictures are resized straight to it, as published.
        old_size_hw: frame of the annotated keypoints, (256, 176) fashion, (128, 64) market.
        augment: (angle_deg, shift_px, scale) ranges of the published affine augmentation, or None.
    """

    def __init__(
        self,
        root: Path,
        pairs: Path,
        annotations: Path,
        phase: str,
        size_hw: tuple[int, int],
        old_size_hw: tuple[int, int],
        augment: tuple[float, float, float] | None = None,
    ) -> None:
        self.folder, self.size_hw, self.old_size_hw = root / phase, size_hw, old_size_hw
        self.points = read_annotations(annotations)
        self.pairs: list[Pair] = read_pairs(pairs, known=self.points)
        self.augment = augment

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.pairs)

    def draw(self, rng: np.random.Generator, size: int) -> dict[str, Tensor]:
        """`size` random pairs of the list."""
        return default_collate([self.pair(int(index), rng) for index in rng.integers(len(self.pairs), size=size)])

    def pair(self, index: int, rng: np.random.Generator) -> dict[str, Tensor]:
        """One pair, without the batch axis; the target is augmented more gently than the source, as published."""
        pair = self.pairs[index]
        source = self._one(pair.source, rng, 1.0)
        target = self._one(pair.target, rng, 0.2)
        return {"source": source[0], "source_points": source[1], "target": target[0], "target_points": target[1]}

    def _one(self, name: str, rng: np.random.Generator, strength: float) -> tuple[Tensor, Tensor]:
        path = self.folder / name
        if not path.is_file():
            raise InputError(f"{path} is missing, the pair list names it: check the phase folder")
        picture = resized(Image.open(opened(path)), self.size_hw)
        points = pose.scaled(self.points[name], self.size_hw, self.old_size_hw)
        if self.augment:
            angle, shift, scale = self.augment
            matrix = pose.affine_matrix(
                self.size_hw, strength * rng.uniform(-angle, angle),
                (rng.uniform(-shift, shift, 2) * (1.0 if strength == 1 else 0.5)).tolist(),
                1 + (rng.uniform(-scale, scale) if strength == 1 else 0.0),
            )  # fmt: skip
            picture = pose.transformed_picture(picture, matrix, (128, 128, 128))
            points = pose.transformed(points, matrix)
        return as_network_picture(np.asarray(picture)), torch.from_numpy(points).float()


def annotated_pairs(
    task: str, root: Path, phase: str, augment: tuple[float, float, float] | None = None
) -> AnnotatedPairs:
    """The pairs of a published list, of `task` fashion or market."""
    name = task
    if task == "fashion" and not (root / f"fashion-pairs-{phase}.csv").exists():
        # The published code writes the name with a slip.
        name = "fasion"
    pairs, annotations = root / f"{name}-pairs-{phase}.csv", root / f"{name}-annotation-{phase}.csv"
    return AnnotatedPairs(root, pairs, annotations, phase, PAIR_FRAMES[task], ANNOTATED_FRAMES[task], augment)

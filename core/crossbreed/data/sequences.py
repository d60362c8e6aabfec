"""Sequences of pictures, the first of which is A and the last B."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.crossbreed.data.pairs import as_bytes, pictures_in
from core.crossbreed.paper.preprocessing import centre_square
from core.errors import InputError
from core.image import load_image
from core.training.store import OnDemand


@dataclass
class SequenceFolders:
    """Teacher pairs from folders of pictures: the first is A, the last is B, the others lie evenly between.

    A folder named `<class A>__<class B>` says the classes; any other name is a class of its own.
    """

    sequences: list[Tensor] | OnDemand[Tensor]
    ends: list[tuple[int, int]]
    classes: list[str]

    @classmethod
    def read(cls, root: Any, size_px: int) -> SequenceFolders:
        """All folders below `root` that hold 3 pictures or more."""
        folders = sorted(entry for entry in root.iterdir() if entry.is_dir() and len(pictures_in(entry)) >= 3)
        if not folders:
            raise InputError(f"{root} holds no folder with 3 pictures or more: one folder per sequence is needed")
        names = [(entry.name.split("__") * 2)[:2] for entry in folders]
        classes = sorted({name for pair in names for name in pair})
        sequences = OnDemand(partial(read_sequence, folders, size_px), len(folders))
        return cls(sequences, [(classes.index(a), classes.index(b)) for a, b in names], classes)

    def draw(self, rng: np.random.Generator, size: int) -> dict[str, Tensor]:
        """Ends of random sequences and one picture between them; half of the sequences run backwards."""
        rows = []
        for which in rng.integers(len(self.sequences), size=size).tolist():
            frames, (a, b) = self.sequences[which], self.ends[which]
            if rng.random() < 0.5:
                frames, a, b = frames.flip(0), b, a
            at = int(rng.integers(1, len(frames) - 1))
            rows.append((frames[0], frames[-1], frames[at], at / (len(frames) - 1), a, b))
        first, last, mixed, alpha, a, b = zip(*rows, strict=True)
        x_a, x_b, x_mixed = (torch.stack(part).float() / 127.5 - 1 for part in (first, last, mixed))
        classes = {"class_a": torch.tensor(a), "class_b": torch.tensor(b)}
        return {"x_a": x_a, "x_b": x_b, "mixed": x_mixed, "alpha": torch.tensor(alpha), **classes}


def read_sequence(folders: list[Any], size_px: int, index: int) -> Tensor:
    """(N, 3, S, S) uint8: the middle squares of a folder's pictures."""
    files = pictures_in(folders[index])
    return torch.stack([as_bytes(centre_square(load_image(file.read_bytes()), size_px)) for file in files])

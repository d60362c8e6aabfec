"""A tiny generator and sources, for tests of everything but parity."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from core.crossbreed.data.photos import LabelledPhotos
from core.crossbreed.data.sequences import SequenceFolders
from core.crossbreed.options import CrossbreedTrainOptions
from core.crossbreed.paper.network import CrossbreedGenerator
from core.crossbreed.pipeline import CrossbreedPipeline
from core.crossbreed.training.recipe import CrossbreedRecipe
from core.training import train

SIZES = {"img_size": 64, "n_f": 4, "max_style_f": 16, "n_mlp_f": 8, "n_mlp_blks": 1}


def pipeline(**changes) -> CrossbreedPipeline:
    """A pipeline on random weights, the same each time."""
    torch.manual_seed(3)
    return CrossbreedPipeline(CrossbreedGenerator(**{**SIZES, **changes}))


def picture(seed: int, width: int = 80, height: int = 70) -> Image.Image:
    """Smooth coloured noise."""
    small = np.random.default_rng(seed).integers(0, 256, (6, 5, 3)).astype(np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def photos(window_px: int = 64) -> LabelledPhotos:
    """Six labelled pictures."""
    pictures = torch.from_numpy(np.stack([np.asarray(picture(seed, 68, 68)) for seed in range(6)])).permute(0, 3, 1, 2)
    return LabelledPhotos(pictures, torch.tensor([0, 1] * 3), ["cat", "dog"], 64, window_px)


def sequences() -> SequenceFolders:
    """Two sequences of four pictures."""
    frames = [photos().pictures[first : first + 4, :, :64, :64] for first in (0, 2)]
    return SequenceFolders(frames, [(0, 1), (1, 0)], ["cat", "dog"])


def options(out, **changes) -> CrossbreedTrainOptions:
    base = {
        "out": str(out),
        "steps": 4,
        "batch": 2,
        "n_res": 2,
        "cpu": True,
        "log_every": 1,
        "save_every": 2,
        "sample_every": 0,
    }
    return CrossbreedTrainOptions(**{**SIZES, **base, **changes})


def run(out, source, **changes) -> None:
    """Train on `source`."""
    chosen = options(out, **changes)
    train(CrossbreedRecipe(chosen, source), source, chosen)

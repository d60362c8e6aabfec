"""Which pixels are person: Graphonomy at several sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.errors import InputError
from core.memory import within_memory
from core.progress import Progress, silent
from core.ripple.paper.graphonomy import MIRRORED, Graphonomy, resized

SCALES = (1.0, 0.5, 0.75, 1.25, 1.5, 1.75)

Parser = Callable[[Image.Image, Progress], np.ndarray]


def scaled_pair(picture: Image.Image, scale: float) -> Tensor:
    """The picture and its mirror image as the network wants them: (2, 3, h, w), B G R in [-1, 1]."""
    size = (int(picture.width * scale), int(picture.height * scale))
    array = np.asarray(picture.convert("RGB").resize(size, Image.Resampling.BILINEAR))
    plain = torch.from_numpy(array[..., ::-1].copy()).permute(2, 0, 1).float() / 255 * 2 - 1
    return torch.stack([plain, plain.flip(-1)])


def unmirrored_mean(logits: Tensor) -> Tensor:
    """Mean over a picture and its mirror image, limbs exchanged back: (2, 20, h, w) to (1, 20, h, w)."""
    return (logits[:1] + logits[1:, MIRRORED, :, :].flip(-1)) / 2


@within_memory()
@torch.no_grad()
def summed_logits(
    network: Graphonomy, picture: Image.Image, scales: Sequence[float] = SCALES, progress: Progress = silent
) -> Tensor:
    """Logits (1, 20, H, W) summed over sizes, each the mean of the picture and its mirror image.

    Raises:
        InputError: no scales.

    Source: Graphonomy's evaluation; logits are summed, not probabilities.
    """
    device = next(network.parameters()).device
    total: Tensor | None = None
    for index, scale in enumerate(scales):
        progress(index / len(scales), f"parsing at {scale:g} x")
        logits = unmirrored_mean(network(scaled_pair(picture, scale).to(device)))
        total = logits if total is None else total + resized(logits, total.shape[2:])
    if total is None:
        raise InputError("no sizes to parse at were given: give at least one scale")
    return total


def graphonomy_parser(network: Graphonomy, scales: Sequence[float] = SCALES) -> Parser:
    """A parser that labels pixels 0 to 19."""

    def parse(picture: Image.Image, progress: Progress = silent) -> np.ndarray:
        labels = summed_logits(network, picture, scales, progress).argmax(1)[0]
        return labels.to(torch.uint8).cpu().numpy()

    return parse

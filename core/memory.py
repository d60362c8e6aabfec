"""A GPU's memory: how much is free, and the sentence in place of torch's error where it does not suffice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from core.errors import GpuMemoryError

FULL = (
    "the GPU's memory does not suffice: choose a smaller size, close other programs, or compute on the processor "
    "(MORPHOSPACE_DEVICE=cpu)"
)
# What work on a processor may count on.
USUAL_BYTES = 2**32


@contextmanager
def within_memory(sentence: str = FULL) -> Iterator[None]:
    """A context, or a decorator of whatever runs networks, in which too little memory is told as people can mend it.

    Raises:
        GpuMemoryError: with this sentence, where torch ran out of memory.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise GpuMemoryError(sentence) from error


def free_bytes(device: torch.device) -> int:
    """What is free on a GPU, counting what torch keeps for reuse; elsewhere, where nobody knows beforehand, `USUAL_BYTES`."""
    if device.type != "cuda":
        return USUAL_BYTES
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(torch.cuda.mem_get_info(device)[0]) + kept

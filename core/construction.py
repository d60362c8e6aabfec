"""Networks built in any thread without touching what all threads share: `torch.nn` and the random state."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.overrides import TorchFunctionMode

# diffusers' `from_pretrained` replaces `torch.nn.init` and `Module.register_parameter` of the whole process while it builds:
# whoever calls it for a published pipeline holds this lock, and so does whoever builds a network of ours.
BUILDING = threading.RLock()

_RANDOM: set[Any] = {
    *(Tensor.uniform_, Tensor.normal_, Tensor.random_, Tensor.bernoulli_, Tensor.exponential_),
    *(torch.rand, torch.randn, torch.randint, torch.randperm, torch.normal, torch.bernoulli, torch.multinomial),
    *(fill for _, fill in inspect.getmembers(nn.init, inspect.isfunction) if "generator" in inspect.signature(fill).parameters),
}  # fmt: skip


class _Start(TorchFunctionMode):
    """Random starts in this thread come from a generator of their own; parameters may be left unfilled."""

    def __init__(self, seed: int | None) -> None:
        super().__init__()
        self.generator = Generator().manual_seed(seed or 0)
        self.fills_parameters = seed is not None

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func not in _RANDOM:
            return func(*args, **kwargs)
        filled = args[0] if args else kwargs.get("tensor")
        if isinstance(filled, nn.Parameter) and not self.fills_parameters:
            return filled
        return func(*args, **{**kwargs, "generator": kwargs.get("generator") or self.generator})


@contextmanager
def building(seed: int | None = None) -> Iterator[None]:
    """A context in which a network of ours is built.

    Args:
        seed: of its start, the numbers that `torch.manual_seed(seed)` would give, without changing the global generator;
            None leaves parameters unfilled, for networks whose parameters all come from a file next. Whatever else a
            constructor computes, such as buffers, is there either way.
    """
    with BUILDING, _Start(seed):
        yield

"""Networks built in any thread without touching what all threads share: `torch.nn`, the random state, the caches."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Generator, Tensor, nn
from torch.overrides import TorchFunctionMode

P = ParamSpec("P")
Made = TypeVar("Made")

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


class Once:
    """Things made on first use and kept; threads that ask for one at the same time wait for one making of it.

    Unlike `functools.cache`, which lets each of them make its own. What fails is made again when it is asked for again.
    """

    def __init__(self) -> None:
        self._made: dict[Hashable, Any] = {}
        self._locks: dict[Hashable, threading.RLock] = {}
        self._lock = threading.Lock()

    def __call__(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What is kept under `key`, made by `make` if it is not there."""
        with self._lock:
            lock = self._locks.setdefault(key, threading.RLock())
        with lock:
            if key not in self._made:
                self._made[key] = make()
            found: Made = self._made[key]
            return found


def load_once(load: Callable[P, Made]) -> Callable[P, Made]:
    """A loader that keeps its answers by its arguments, which are hashable; see `Once`."""
    once = Once()

    @functools.wraps(load)
    def loaded(*args: P.args, **kwargs: P.kwargs) -> Made:
        return once((args, tuple(sorted(kwargs.items()))), lambda: load(*args, **kwargs))

    return loaded

"""Networks that lie in main memory and have a GPU only while a method of their pipeline runs."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import torch

from core.errors import DeviceError


class Offloadable(Protocol):
    """A pipeline whose networks can be moved, and the names of its methods that need them."""

    gpu_methods: tuple[str, ...]

    def to(self, *where: Any, **how: Any) -> Any:
        """Move the networks, as diffusers' pipelines do."""


class _Lease:
    """The GPU for as long as any call needs it: the first call fetches the networks, the last one brings them back."""

    def __init__(self, pipeline: Offloadable, device: torch.device) -> None:
        self.pipeline, self.device = pipeline, device
        self.calls = 0
        self.lock = threading.Lock()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        with self.lock:
            before, self.calls = self.calls, self.calls + change
            if 0 in (before, self.calls):
                self.pipeline.to(self.device if self.calls else "cpu")


def lend(pipeline: Offloadable, device: torch.device, index: int | None = None) -> None:
    """Wrap the pipeline's `gpu_methods` so that they run with the networks on `device`; its networks go to main memory.

    Raises:
        DeviceError: the device is the processor itself.
    """
    if device.type == "cpu":
        raise DeviceError("offloading needs a GPU, this machine has none that is used: leave the pipeline on the cpu")
    pipeline.to("cpu")
    lease = _Lease(pipeline, device if index is None else torch.device(device.type, index))
    for name in pipeline.gpu_methods:
        # The instance's attribute covers the class's method, for the pipeline's own calls too.
        object.__setattr__(pipeline, name, _leased(getattr(type(pipeline), name), pipeline, lease))


def _leased(method: Callable[..., Any], pipeline: Offloadable, lease: _Lease) -> Callable[..., Any]:
    if inspect.isgeneratorfunction(method):

        @functools.wraps(method)
        def stream(*args: Any, **kwargs: Any) -> Iterator[Any]:
            with lease():
                yield from method(pipeline, *args, **kwargs)

        return stream

    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        with lease():
            return method(pipeline, *args, **kwargs)

    return call

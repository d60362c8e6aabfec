"""ZeroGPU: a pipeline whose heavy methods run in the GPU's worker process; at home, the pipeline untouched.

On ZeroGPU a GPU is lent for the seconds of one call, in a process forked for it. `core.ui.parts.engines.engine` passes every
pipeline through `on_gpu`, so tabs call `prepare`, `render` and `frames` as at home: what reads files, writes videos and talks
to the page stays in the main process, frames stream out of the worker one by one.
"""

from __future__ import annotations

import contextlib
import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from PIL import Image

from core.errors import MorphospaceError
from core.progress import silent
from core.timeline import Timeline
from core.ui.parts.parcel import Parcel

if TYPE_CHECKING:
    from core.pipeline import TransitionPipeline

Pipeline = TypeVar("Pipeline")
# A call's arguments without its progress, and that.
Split = tuple[tuple[Any, ...], dict[str, Any], Any]
ATTACH_S = 3.0
SHORTEST_S, LONGEST_S = 5, 120
SMALLEST_MEGAPIXELS = 0.0625


def zero_gpu() -> bool:
    """Whether this is a ZeroGPU Space."""
    from spaces.config import Config

    return bool(Config.zero_gpu)


def on_gpu(pipeline: Pipeline, gpu: Callable[..., Any] | None = None) -> Pipeline:
    """The pipeline with its `gpu_methods` in the GPU's process.

    Args:
        pipeline: placed on its device already. One without networks, or no pipeline at all, is returned as it is.
        gpu: a decorator factory like `spaces.GPU`; by default that one, on ZeroGPU only.
    """
    if gpu is None and zero_gpu():
        import spaces

        gpu = spaces.GPU
    from core.pipeline import TransitionPipeline

    if gpu is None or not isinstance(pipeline, TransitionPipeline) or not has_networks(pipeline):
        return pipeline
    # Outside the worker there is no GPU, though torch says so.
    object.__setattr__(pipeline, "gpu_is_lent", True)
    for name in pipeline.gpu_methods:
        # The instance's attribute covers the class's method, for the pipeline's own calls too.
        object.__setattr__(pipeline, name, _moved(getattr(pipeline, name), pipeline.gpu_seconds, gpu))
    return pipeline


def has_networks(pipeline: TransitionPipeline) -> bool:
    """Whether there is anything to place on a GPU."""
    from torch.nn import Module

    parts = list(vars(pipeline).values())
    # A pipeline may keep its networks one level down, in a part of its own.
    parts += [inner for part in parts for inner in getattr(part, "__dict__", {}).values()]
    return any(isinstance(part, Module) for part in parts)


def duration_s(seconds: float, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
    """What a call asks for: attaching, then `seconds` per megapixel of every picture that it makes."""
    given = [*args, *kwargs.values()]
    area = max([SMALLEST_MEGAPIXELS, *(_megapixels(item) for item in given)])
    return round(
        min(max(ATTACH_S + seconds * area * max(_pictures(item) for item in [1, *given]), SHORTEST_S), LONGEST_S)
    )


def _pictures(item: Any) -> int:
    """How many pictures an argument asks for."""
    if isinstance(item, Timeline):
        return len(set(item.positions()))
    return len(item) if isinstance(item, list | tuple) else 1


def _megapixels(item: Any) -> float:
    """Size of the largest picture in an argument."""
    from torch import Tensor

    if isinstance(item, Image.Image):
        return item.width * item.height / 1e6
    if isinstance(item, Tensor) and item.ndim >= 3:
        return item.shape[-1] * item.shape[-2] / 1e6
    if is_dataclass(item):
        inner = [getattr(item, field.name) for field in fields(item)]
        asked = getattr(item, "size_px", 0)
        side = asked if isinstance(asked, int) else 0
        return max([side * side / 1e6, *(_megapixels(value) for value in inner if isinstance(value, Tensor))])
    if isinstance(item, list | tuple):
        return max((_megapixels(value) for value in item), default=0.0)
    return 0.0


@dataclass(frozen=True)
class _Failure:
    """A user's mistake found in the worker: the worker's own way home keeps only its class's name."""

    error: MorphospaceError


def _moved(method: Callable[..., Any], seconds: float, gpu: Callable[..., Any]) -> Callable[..., Any]:
    """The method as a call into the worker; its `progress` stays in the main process, where it can cancel."""
    signature = inspect.signature(method)

    def asked(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        return duration_s(seconds, args, kwargs)

    def split(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Split:
        bound = signature.bind(*args, **kwargs)
        progress = bound.arguments.pop("progress", silent)
        # An iterator cannot cross the border; its items can.
        plain = {k: list(v) if isinstance(v, Iterator) else v for k, v in bound.arguments.items()}
        bound.arguments.clear()
        bound.arguments.update(plain)
        return bound.args, bound.kwargs, progress

    moved = _moved_stream if inspect.isgeneratorfunction(method) else _moved_call
    wrapped, home = moved(method, gpu(duration=lambda parcel, wanted: wanted), split, asked), os.getpid()

    def lent(*args: Any, **kwargs: Any) -> Any:
        # In the worker, for the pipeline's own calls, there is no border left to cross.
        return (wrapped if os.getpid() == home else method)(*args, **kwargs)

    return lent


def _moved_stream(
    method: Callable[..., Any], in_worker: Callable[..., Any], split: Callable[..., Split], asked: Callable[..., int]
) -> Callable[..., Any]:
    @in_worker
    def stream(parcel: Parcel, wanted_s: int) -> Iterator[Any]:
        args, kwargs = parcel.opened()
        try:
            for item in method(*args, **kwargs):
                yield Parcel.packed(item)
        except MorphospaceError as error:
            yield _Failure(error)

    def streamed(*args: Any, **kwargs: Any) -> Iterator[Any]:
        args, kwargs, progress = split(args, kwargs)
        timeline = next((item for item in [*args, *kwargs.values()] if isinstance(item, Timeline)), None)
        total = len(timeline.positions()) if timeline else 0
        progress(0.0, "waiting for the GPU")
        with _sent(args, kwargs) as parcel, contextlib.closing(stream(parcel, asked(args, kwargs))) as items:
            for index, item in enumerate(items):
                if isinstance(item, _Failure):
                    raise item.error
                progress(min(1.0, (index + 1) / total) if total else 0.5, f"frame {index + 1}")
                yield item.opened()

    return streamed


def _moved_call(
    method: Callable[..., Any], in_worker: Callable[..., Any], split: Callable[..., Split], asked: Callable[..., int]
) -> Callable[..., Any]:
    @in_worker
    def call(parcel: Parcel, wanted_s: int) -> Any:
        args, kwargs = parcel.opened()
        try:
            return Parcel.packed(method(*args, **kwargs))
        except MorphospaceError as error:
            return _Failure(error)

    def called(*args: Any, **kwargs: Any) -> Any:
        args, kwargs, progress = split(args, kwargs)
        progress(0.0, "waiting for the GPU")
        with _sent(args, kwargs) as parcel:
            result = call(parcel, asked(args, kwargs))
        if isinstance(result, _Failure):
            raise result.error
        progress(1.0, "done")
        return result.opened()

    return called


@contextlib.contextmanager
def _sent(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Parcel]:
    """A call's arguments, packed; nothing of them is left over, whatever becomes of the worker."""
    parcel = Parcel.packed((args, kwargs))
    try:
        yield parcel
    finally:
        parcel.dropped()

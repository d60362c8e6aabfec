"""The contract of all five systems: prepare once, render many, export.

pipe = CrossbreedPipeline.from_record("crossbreed-pets")
prepared = pipe.prepare(cat, dog)                       # the dear part, once
pictures = pipe.render(prepared, [0.0, 0.25, 0.5])      # (3, 3, H, W) in [0, 1], as often as you like
for picture in pipe.frames(prepared, Timeline(frames=48)):
    ...
"""

from __future__ import annotations

import copy
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import torch
from diffusers import DiffusionPipeline
from diffusers.utils import BaseOutput
from PIL import Image
from torch import Tensor, nn

from core import options as option_tools
from core.construction import BUILDING
from core.devices import Policy, choose_device, policy
from core.errors import GpuMemoryError
from core.image import to_pil
from core.memory import within_memory
from core.offload import lend
from core.progress import Progress, part_of, silent
from core.timeline import Timeline


@dataclass(frozen=True)
class Prepared:
    """What `prepare` found out about its inputs: on the CPU, picklable, never changed.

    Systems subclass it with their codes, warps and masks. `key` names the content (inputs and
    options), so that caches and sliders can hold it; `figures` are measured facts worth showing.
    """

    key: str
    figures: dict[str, float]


@dataclass
class TransitionOutput(BaseOutput):
    """A finished transition.

    Attributes:
        frames: RGB pictures of one size, in order.
        t: position of each frame, 0 = first input.
        settings: the options and the timeline, as written into exported files.
        figures: measured facts of this run, such as landmark error or seconds.
        weights: which weights answered, as shown to the user; empty where none are needed.
    """

    frames: list[Image.Image]
    t: list[float]
    settings: dict[str, Any]
    figures: dict[str, float]
    weights: str = ""


PreparedT = TypeVar("PreparedT", bound=Prepared)


class TransitionPipeline(DiffusionPipeline, ABC, Generic[PreparedT]):
    """Base of the five pipelines. A subclass sets `name` and `Options` and writes `prepare` and `render`.

    Its constructor takes exactly the networks that it hands to this one by name (and plain values, with defaults, that it
    registers itself), as diffusers asks: `to`, `components`, `device`, `save_pretrained`, `from_pretrained`, `push_to_hub` and
    `enable_model_cpu_offload` rest on that.

    On ZeroGPU `gpu_methods` run in the GPU's process, so their arguments and results are picklable; `gpu_seconds` is what
    one megapixel of one picture takes there at most. `gpu_is_lent` is set there: what runs outside of them has no GPU.

    `render_methods` names what `render` calls, "network.method"; a policy that compiles makes one graph of each.
    """

    name: ClassVar[str]
    Options: ClassVar[type]
    batch_size: ClassVar[int] = 8
    gpu_methods: ClassVar[tuple[str, ...]] = ("prepare", "render", "frames")
    gpu_seconds: ClassVar[float] = 0.5
    render_methods: ClassVar[tuple[str, ...]] = ()
    gpu_is_lent: bool = False
    weights_label: str = ""

    def __init__(self, **networks: nn.Module | None) -> None:
        super().__init__()
        # Without networks nothing else would make the configuration that diffusers looks into.
        self.register_to_config()
        self.register_modules(**networks)
        self.use(policy("cpu", "float32"))

    @abstractmethod
    def prepare(self, *inputs: Any, **settings: Any) -> PreparedT:
        """Detect, encode, invert or fit: everything that does not depend on t.

        A subclass names its inputs, takes `options` (its `Options`) and `progress`, and returns its `Prepared`.
        """

    @abstractmethod
    def render(self, prepared: PreparedT, t: Sequence[float], *args: Any, **controls: Any) -> Tensor:
        """Pictures (T, 3, H, W) float32 in [0, 1], on the CPU, at a list of positions t."""

    def render_fitting(self, prepared: PreparedT, t: Sequence[float], **controls: Any) -> Tensor:
        """As `render`, in batches that fit; controls with a value for each position go along.

        Raises:
            GpuMemoryError: not even one picture fits.
        """

        def some(numbers: Sequence[int]) -> Tensor:
            each = {k: [v[i] for i in numbers] for k, v in controls.items() if isinstance(v, list) and len(v) == len(t)}
            return self.render(prepared, [t[i] for i in numbers], **{**controls, **each})

        return self.fitting(some, range(len(t)))

    def fitting(self, work: Callable[[Sequence[Any]], Tensor], items: Sequence[Any]) -> Tensor:
        """What `work` makes of the items, `batch_size` at once; of half as many from where the GPU's memory does not suffice.

        Raises:
            GpuMemoryError: not even one fits.
        """
        made: list[Tensor] = []
        done = 0
        while done < len(items):
            part = items[done : done + self.batch_size]
            try:
                with within_memory():
                    made.append(work(part))
            except GpuMemoryError:
                if len(part) == 1:
                    raise
            else:
                done += len(part)
                continue
            # Outside the handler, so that what the failed attempt held is let go.
            torch.cuda.empty_cache()
            # Of this pipeline alone: the class keeps its own.
            object.__setattr__(self, "batch_size", len(part) // 2)
        return torch.cat(made)

    def frames(
        self, prepared: PreparedT, timeline: Timeline, progress: Progress = silent, **controls: Any
    ) -> Iterator[Image.Image]:
        """The frames of a timeline, streamed; closing the iterator stops the work after one batch.

        A position that the timeline shows again (hold, ping-pong) is rendered once.
        """
        positions = timeline.positions()
        pictures: dict[float, Image.Image] = {}
        last_use = {t: index for index, t in enumerate(positions)}
        for index, t in enumerate(positions):
            if t not in pictures:
                ahead = list(dict.fromkeys(p for p in positions[index:] if p not in pictures))[: self.batch_size]
                batch = self.render_fitting(prepared, ahead, **controls)
                pictures.update(zip(ahead, to_pil(batch), strict=True))
            progress((index + 1) / len(positions), f"frame {index + 1} of {len(positions)}")
            yield pictures[t] if last_use[t] > index else pictures.pop(t)

    def __call__(
        self, *inputs: Any, timeline: Timeline | None = None, progress: Progress = silent, **options: Any
    ) -> TransitionOutput:
        """Prepare and render in one call, as diffusers users expect.

        Args:
            *inputs: what `prepare` takes, usually two pictures.
            timeline: which positions to show; the default timeline otherwise.
            progress: called as the work goes on.
            **options: fields of `Options`.
        """
        chosen: Any = option_tools.build(self.Options, options)
        timeline = timeline or Timeline()
        prepared = self.prepare(*inputs, options=chosen, progress=part_of(progress, 0.0, 0.5))
        frames = list(self.frames(prepared, timeline, progress=part_of(progress, 0.5, 1.0)))
        settings = {"system": self.name, **option_tools.to_query(chosen), **option_tools.to_query(timeline)}
        return TransitionOutput(frames, timeline.positions(), settings, dict(prepared.figures), self.weights_label)

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The registered networks, by name."""
        return {name: part for name in self.config if isinstance(part := getattr(self, name, None), nn.Module)}

    @property
    def policy(self) -> Policy:
        """How the networks compute; its device is where they are now, whoever moved them."""
        return replace(self._policy, device=self.device)

    def use(self, chosen: Policy) -> Self:
        """Place the networks where `chosen` says; returns the pipeline."""
        self._policy = chosen
        for network in self.networks.values():
            chosen.place(network)
        for network_name, method in (name.split(".") for name in self.render_methods):
            if network := getattr(self, network_name):
                chosen.compile(network, method)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move the networks, as diffusers does; a dtype is what they compute in, their weights stay float32."""
        given = [*args, kwargs.pop("dtype", None), kwargs.pop("torch_dtype", None)]
        for dtype in (item for item in given if isinstance(item, torch.dtype)):
            self._policy = replace(self._policy, dtype=dtype)
        super().to(*(item for item in args if not isinstance(item, torch.dtype)), **kwargs)
        return self

    def save_pretrained(self, save_directory: str | os.PathLike[str], **kwargs: Any) -> None:
        """Write the pipeline as diffusers does, or push it (`push_to_hub=True`)."""
        written = copy.copy(self)
        for name, network in self.networks.items():
            # safetensors refuses the strides that channels_last leaves in the tensors.
            setattr(written, name, copy.deepcopy(network).to(memory_format=torch.contiguous_format))  # type: ignore[call-overload]
        super(TransitionPipeline, written).save_pretrained(str(save_directory), **kwargs)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any) -> Self:
        """A pipeline that `save_pretrained` wrote, or a hub repository; see diffusers for the arguments."""
        dtypes = [kwargs.pop(name, None) for name in ("dtype", "torch_dtype")]
        with BUILDING:
            pipe: Self = super().from_pretrained(pretrained_model_name_or_path, **kwargs)
        return pipe.to(*(dtype for dtype in dtypes if dtype is not None))

    def enable_model_cpu_offload(self, gpu_id: int | None = None, device: torch.device | str = "auto") -> None:
        """Keep the networks in main memory; the GPU holds them only while one of `gpu_methods` runs.

        diffusers' own hooks wait for `forward`, our networks are called by other methods too.

        Raises:
            DeviceError: there is no GPU.
        """
        lend(self, choose_device(str(device)), gpu_id)


class GeneratorPipeline(TransitionPipeline[PreparedT]):
    """A pipeline around one network, `generator`, of the class `Network`; `record` names its weights unless others are asked for."""

    Network: ClassVar[type[Any]]
    record: ClassVar[str]
    generator: Any

    def __init__(self, generator: Any) -> None:
        super().__init__(generator=generator)

    @classmethod
    def from_record(
        cls, name: str | None = None, path: str | None = None, device: str = "auto", precision: str = "auto"
    ) -> Self:
        """The pipeline on a record's weights, wherever `core.weights.resolve` finds them.

        Args:
            name: of the record; None is the pipeline's own, `record`.
            path: a checkpoint or a converted folder in its place.
            device: auto, cpu, cuda, cuda:N or mps.
            precision: auto, float32, bfloat16 or float16.

        Raises:
            WeightsError: they are not here; the message says how to get them.
        """
        from core.weights import load_strict, resolve

        found = resolve(name or cls.record, path)
        pipe = cls(load_strict(cls.network_class(found.folder), found.folder)).use(policy(device, precision))
        pipe.weights_label = found.label
        return pipe

    @classmethod
    def network_class(cls, folder: Path) -> type[Any]:
        """The class of the weights in a folder: `Network`, unless the folder's config.json tells one of our own."""
        return cls.Network

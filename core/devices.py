"""Where networks run: one choice of device, precision and memory format for the whole suite."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import torch
from torch import nn

from core.errors import DeviceError, unknown_name
from core.memory import within_memory
from core.once import load_once
from core.settings import COMPILE, DEVICE, PRECISION, switched_on

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class Policy:
    """How a network is placed and called.

    Attributes:
        device: where its weights lie.
        dtype: what its convolutions compute in; weights stay float32, autocast does the rest.
        channels_last: memory format of its weights and inputs.
        compiled: what compiles the methods of render paths, as `torch.compile` does; None leaves them as they are.
    """

    device: torch.device
    dtype: torch.dtype
    channels_last: bool
    compiled: Callable[..., Callable[..., object]] | None = None

    def place(self, network: Network) -> Network:
        """The network on this device in this memory format, in evaluation mode."""
        network = network.to(self.device).eval()
        if self.channels_last:
            channels_last(network)
        return network

    def compile(self, network: nn.Module, method: str) -> None:
        """Replace a network's method by a compiled one, a whole graph, if this policy asks for it."""
        if self.compiled is not None:
            plain = getattr(type(network), method).__get__(network)
            # The instance's attribute covers the class's method, for the network's own calls too.
            object.__setattr__(network, method, self.compiled(plain, fullgraph=True))

    @contextlib.contextmanager
    def autocast(self) -> Iterator[None]:
        """A context in which convolutions compute in `dtype`, and too little memory is told as `within_memory` does.

        Raises:
            GpuMemoryError: torch ran out of memory.
        """
        half = self.dtype != torch.float32
        with within_memory(), torch.autocast(self.device.type, dtype=self.dtype) if half else contextlib.nullcontext():
            yield

    def __str__(self) -> str:
        """Device and precision as shown to the user."""
        return f"{self.device} {str(self.dtype).removeprefix('torch.')}"


def policy(device: str = "auto", precision: str = "auto") -> Policy:
    """The policy for this machine.

    Args:
        device: auto, cpu, cuda, cuda:N or mps; the environment's MORPHOSPACE_DEVICE stands in for auto.
        precision: auto, float32, bfloat16 or float16; MORPHOSPACE_PRECISION stands in for auto. auto is bfloat16
            where the processor has instructions for it (AMX, AVX512-BF16) or the GPU computes it natively, else float32.

    Raises:
        DeviceError: a device that this machine does not have.
        OptionError: an unknown name.
    """
    place = choose_device(device)
    if precision == "auto":
        precision = os.environ.get(PRECISION, "auto")
    if precision == "auto":
        dtype = torch.bfloat16 if _computes_bfloat16(place.type) else torch.float32
    elif precision in DTYPES:
        dtype = DTYPES[precision]
    else:
        raise unknown_name("precision", precision, ("auto", *DTYPES))
    compiled = torch.compile if switched_on(COMPILE) else None
    return Policy(place, dtype, place.type != "mps", compiled)


def full_precision(like: torch.Tensor) -> contextlib.AbstractContextManager[object]:
    """A context without autocast where `like` lies; the meta device, on which nothing is computed, knows none."""
    kind = like.device.type
    return contextlib.nullcontext() if kind == "meta" else torch.autocast(kind, enabled=False)


def channels_last(network: nn.Module) -> None:
    """Lay the weights of all 2-D convolutions out channels last, in place; their outputs follow, whatever comes in.

    Other weights stay as they are: a network with 3-D or 1-D convolutions cannot be moved as a whole.
    """
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            layer.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def choose_device(name: str = "auto") -> torch.device:
    """The torch device for a name; auto asks accelerate, which knows CUDA, MPS and CPU."""
    if name == "auto":
        name = os.environ.get(DEVICE, "auto")
    if name == "auto":
        return _best_device()
    kind = name.split(":")[0]
    if kind not in ("cpu", "cuda", "mps"):
        raise unknown_name("device", name, ("auto", "cpu", "cuda", "mps"))
    if kind == "cuda" and not torch.cuda.is_available():
        raise DeviceError(f"device {name} was asked for, this machine has no CUDA GPU: use cpu or auto")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise DeviceError("device mps was asked for, this machine has no Apple GPU: use cpu or auto")
    return torch.device(name)


@load_once
def _best_device() -> torch.device:
    # A second thread would see accelerate's shared state half made.
    from accelerate import PartialState

    return torch.device(PartialState().device)


@cache
def _computes_bfloat16(kind: str) -> bool:
    """Whether bfloat16 is faster than float32 on this kind of device."""
    if kind == "cuda":
        return torch.cuda.is_bf16_supported()
    if kind == "cpu":
        instructions = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
        return any(getattr(torch.cpu, name, lambda: False)() for name in instructions)
    return False

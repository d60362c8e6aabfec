"""Published SDL checkpoints to our layout: `SDL_<name>.pth` to a folder with config.json and safetensors.

The files hold `{"params": state dict}`, sometimes `params_ema`, `state_dict` or nothing around it, and keys with or
without `module.`. Our layer names are the published ones, so that only the nesting changes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.errors import WeightsError
from core.sdl.network import SDLNet
from core.sdl.network_discriminator import PatchGANDiscriminator

PAIR, SINGLE = 6, 3
# Record name -> published file and the input channels that it must have.
PUBLISHED: dict[str, tuple[str, int]] = {
    "sdl-vfi-perceptual": ("SDL_vfi_perceptual.pth", PAIR),
    "sdl-vfi-psnr": ("SDL_vfi_psnr.pth", PAIR),
    "sdl-dog2dog-scale": ("SDL_dog2dog_scale.pth", PAIR),
    "sdl-dog2dog-512": ("SDL_dog2dog_512.pth", PAIR),
    "sdl-cat2cat-scale": ("SDL_cat2cat_scale.pth", PAIR),
    "sdl-cat2cat-512": ("SDL_cat2cat_512.pth", PAIR),
    "sdl-aging-scale": ("SDL_aging_scale.pth", SINGLE),
    "sdl-aging-512": ("SDL_aging_512.pth", SINGLE),
    "sdl-toonification-scale": ("SDL_toonification_scale.pth", SINGLE),
    "sdl-toonification-512": ("SDL_toonification_512.pth", SINGLE),
    "sdl-style-transfer-arbitrary": ("SDL_style_transfer_arbitrary.pth", PAIR),
}
NESTS = ("params_ema", "params", "state_dict")


def state_of(checkpoint: Any, key: str | None = None) -> dict[str, Tensor]:
    """The state dict inside a checkpoint, in our keys.

    Args:
        checkpoint: what `torch.load` returned.
        key: the top-level entry to take; by default `params_ema`, `params`, `state_dict` or the file itself.

    Raises:
        WeightsError: the entry is missing, or there is no tensor in it.
    """
    if not isinstance(checkpoint, Mapping):
        raise WeightsError(f"the checkpoint is a {type(checkpoint).__name__}, a dictionary of tensors fits")
    if key is not None and key not in checkpoint:
        raise WeightsError(f"the checkpoint has no entry {key!r}; it has {', '.join(map(str, list(checkpoint)[:5]))}")
    nest = key or next((name for name in NESTS if name in checkpoint), None)
    state = checkpoint[nest] if nest else checkpoint
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()) or not state:
        raise WeightsError(f"the checkpoint's entry {nest or '(top)'} holds no tensors: name the entry that does")
    return {str(name).removeprefix("module."): value for name, value in state.items()}


def network_of(state: Mapping[str, Tensor], split: float = 0.5) -> SDLNet:
    """The published network that a state dict fits, loaded: channels and grid columns are read off its tensors.

    Raises:
        WeightsError: missing, unexpected or misshapen tensors, the first five by name.
    """
    if "head.0.weight" not in state:
        raise WeightsError(f"this is no SDL network: it has no head.0.weight, it starts with {next(iter(state))}")
    columns = [int(found[1]) + 2 for name in state if (found := re.match(r"gridnet\.lateral_0_(\d+)\.", name))]
    network = SDLNet(num_in_ch=state["head.0.weight"].shape[1], split=split, ncol=max(columns, default=0))
    load_exactly(network, state)
    return network


def discriminator_of(state: Mapping[str, Tensor], norm_type: str = "spectral") -> PatchGANDiscriminator:
    """A published discriminator, loaded; its normalisation cannot be read off and must be told."""
    network = PatchGANDiscriminator(norm_type=norm_type)
    load_exactly(network, state)
    return network


def load_exactly(network: torch.nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load every tensor or say which do not fit."""
    own = network.state_dict()
    wrong = [f"{name} is missing" for name in own if name not in state]
    wrong += [f"{name} is unknown" for name in state if name not in own]
    wrong += [
        f"{name} is {tuple(state[name].shape)} and not {tuple(own[name].shape)}"
        for name in own
        if name in state and state[name].shape != own[name].shape
    ]
    if wrong:
        raise WeightsError(f"{len(wrong)} tensors do not fit {type(network).__name__}: {'; '.join(wrong[:5])}")
    network.load_state_dict(dict(state))


def convert(file: Path, folder: Path, *, channels: int | None = None, key: str | None = None) -> SDLNet:
    """Write `file` as a folder that `from_pretrained` reads.

    Args:
        file: a published checkpoint.
        folder: made if missing.
        channels: input channels that it must have; None takes what is there.
        key: the checkpoint's entry to take, the original `--key`.

    Raises:
        WeightsError: a file that cannot be opened safely, or that holds another network.
    """
    from core.weights import open_checkpoint, save_model

    network = network_of(state_of(open_checkpoint(file), key))
    if channels is not None and network.config.num_in_ch != channels:
        raise WeightsError(
            f"{Path(file).name} takes {network.config.num_in_ch} input channels, this record takes {channels}: "
            "it is another task's file"
        )
    save_model(network, folder)
    return network


CONVERTERS: dict[str, Callable[[Path, Path], Any]] = {
    name: partial(convert, channels=channels) for name, (_, channels) in PUBLISHED.items()
}

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

from torch import Tensor

from core.errors import WeightsError
from core.sdl.paper.network import SDLNet
from core.weights import fill_strict, open_checkpoint, save_model, state_dict_of

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
        checkpoint: what `core.weights.open_checkpoint` returned.
        key: the top-level entry to take, the original `--key`; by default the first of `NESTS` that is there, else the
            file itself.

    Raises:
        WeightsError: the entry is missing, or there are no tensors in it.
    """
    if key is not None and (not isinstance(checkpoint, Mapping) or key not in checkpoint):
        there = (
            ", ".join(map(str, list(checkpoint)[:5])) if isinstance(checkpoint, Mapping) else type(checkpoint).__name__
        )
        raise WeightsError(f"the checkpoint has no entry {key!r} but {there}: name one of these")
    return state_dict_of(checkpoint, NESTS if key is None else (key,))


def network_of(state: Mapping[str, Tensor], split: float = 0.5) -> SDLNet:
    """The published network that a state dict fits, loaded: channels and grid columns are read off its tensors.

    Raises:
        WeightsError: missing, unexpected or misshapen tensors, the first five by name.
    """
    if "head.0.weight" not in state:
        raise WeightsError(f"this is no SDL network: it has no head.0.weight, it starts with {next(iter(state))}")
    columns = [int(found[1]) + 2 for name in state if (found := re.match(r"gridnet\.lateral_0_(\d+)\.", name))]
    network = SDLNet(num_in_ch=state["head.0.weight"].shape[1], split=split, ncol=max(columns, default=0))
    fill_strict(network, state)
    return network


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

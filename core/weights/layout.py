"""Our own layout: a folder with `config.json`, `*.safetensors`, `README.md` (model card) and `SHA256SUMS`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from core.errors import WeightsError
from core.weights.checkpoint import fill_strict

if TYPE_CHECKING:
    from diffusers.models.modeling_utils import ModelMixin
    from torch import Tensor

Network = TypeVar("Network", bound="ModelMixin")
CONFIG, TENSORS = "config.json", "diffusion_pytorch_model.safetensors"
SEAL = "SHA256SUMS"


def load_strict(cls: type[Network], folder: str | Path, subfolder: str | None = None) -> Network:
    """A network from a folder in our layout, on the CPU, in evaluation mode, every tensor accounted for.

    Not `from_pretrained`: it patches torch.nn for all threads while it builds, and only warns about missing tensors.

    Raises:
        WeightsError: no such folder, damaged files, or missing, unexpected or misshaped tensors.
    """
    from core.construction import building

    place = Path(folder) / (subfolder or "")
    if not (place / CONFIG).is_file():
        raise WeightsError(f"{place} holds no {CONFIG}: it is not a folder of converted weights")
    try:
        config = json.loads((place / CONFIG).read_text(encoding="utf-8"))
        with building():
            network: Network = cls.from_config(config)
        state = _tensors_in(place)
    except Exception as error:  # a damaged folder raises many kinds
        said = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        raise WeightsError(f"{place} cannot be loaded as {cls.__name__} ({said}): fetch or convert it again") from error
    # Copies would lie elsewhere in memory, where some kernels round in another order.
    return fill_strict(network, state, str(place), assign=True).eval()


def config_of(folder: str | Path) -> dict[str, Any]:
    """A folder's configuration; empty where there is none to read, for the loader says what is wrong with it."""
    try:
        return dict(json.loads((Path(folder) / CONFIG).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _tensors_in(place: Path) -> dict[str, Tensor]:
    """All tensors of a network's folder, sharded or not."""
    from safetensors.torch import load_file

    index = place / f"{TENSORS}.index.json"
    if not index.is_file():
        return load_file(place / TENSORS)
    shards = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    return {key: tensor for shard in shards for key, tensor in load_file(place / shard).items()}


def save_model(model: ModelMixin, folder: str | Path, max_shard_size: str = "9MB") -> Path:
    """Write `config.json` and safetensors, in shards that every git host takes; returns the folder."""
    from huggingface_hub import save_torch_state_dict

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    # Not `save_pretrained`: it refuses the strides that channels_last leaves in the tensors.
    state = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    pattern = TENSORS.replace(".", "{suffix}.")
    save_torch_state_dict(state, folder, filename_pattern=pattern, max_shard_size=max_shard_size)
    model.save_config(folder)
    return folder


def seal(folder: str | Path) -> Path:
    """Write `SHA256SUMS` over all configs and tensors below `folder`, in coreutils' format."""
    folder = Path(folder)
    lines = [f"{sha256_of(file)}  {file.relative_to(folder).as_posix()}" for file in _sealed(folder)]
    if not lines:
        raise WeightsError(f"{folder} holds no weights: nothing to seal")
    (folder / SEAL).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / SEAL


def check_seal(folder: str | Path) -> int:
    """How many files of `folder` were compared with `SHA256SUMS`; all are as they were.

    Raises:
        WeightsError: no seal, or a file that is missing, changed or not listed.
    """
    folder = Path(folder)
    if not (folder / SEAL).is_file():
        raise WeightsError(f"{folder} has no {SEAL}: write it with `python -m core weights verify NAME --seal`")
    lines = (folder / SEAL).read_text(encoding="utf-8").splitlines()
    listed = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    there = {file.relative_to(folder).as_posix(): file for file in _sealed(folder)}
    faults = [f"{name} is missing" for name in listed if name not in there]
    faults += [f"{name} is not listed" for name in there if name not in listed]
    faults += [f"{name} changed" for name, file in there.items() if name in listed and sha256_of(file) != listed[name]]
    if faults:
        raise WeightsError(f"{folder} is not what was sealed: {'; '.join(faults[:5])}: fetch or convert it again")
    return len(there)


def _sealed(folder: Path) -> list[Path]:
    return sorted(file for pattern in ("*.json", "*.safetensors") for file in folder.rglob(pattern))


def sha256_of(file: Path) -> str:
    """The checksum of a file, in hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

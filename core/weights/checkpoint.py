"""Published checkpoint files, opened without running what is in them."""

from __future__ import annotations

import contextlib
import pickle
import threading
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from core.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor, nn

Network = TypeVar("Network", bound="nn.Module")
NESTINGS = ("params_ema", "params", "state_dict", "g_ema")
# torch keeps one list of admitted classes for the whole process.
_ADMITTING = threading.Lock()


def open_checkpoint(path: str | Path, inert: Iterable[str] = ()) -> Any:
    """What a `.pt`, `.pth`, `.ckpt`, `.bin` or `.safetensors` file holds, on the CPU.

    Args:
        path: the file.
        inert: beginnings of class names (such as "pytorch_lightning.") that the pickle may mention; an empty
            stand-in takes their place, none of their code is run.

    Raises:
        WeightsError: no such file, a web page, a damaged or cut file, or a pickle that asks for more than tensors
            and plain values.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"{path} does not exist: check the path")
    with path.open("rb") as file:
        kind = foreign_kind(file.read(512))
    if kind == "a web page":
        raise WeightsError(
            f"{path.name} is a web page, not a checkpoint: open its address in a browser and save the file"
        )
    if kind:
        raise WeightsError(f"{path.name} is {kind}, not a checkpoint: fetch it again, or name the authors' file")
    if path.suffix == ".safetensors":
        return _open_safetensors(path)
    return _open_pickle(path, tuple(inert))


def foreign_kind(start: bytes) -> str | None:
    """What a file is that begins with `start` and is no checkpoint: a picture, a web page, JSON or another text."""
    if start.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n")):
        return "a picture"
    plain = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if plain.startswith((b"<!doctype", b"<html", b"<head", b"<!--", b"<?xml")):
        return "a web page"
    # The last character may be cut.
    text = plain.decode("utf-8", errors="ignore")
    if not text or len(text.encode()) < len(plain) - 3 or not all(c.isprintable() or c in "\t\r\n\f" for c in text):
        return None
    return "JSON" if text[0] in "{[" else "a text file"


def _open_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path.name} is damaged or incomplete ({error}): fetch it again") from error


def _open_pickle(path: Path, inert: tuple[str, ...]) -> Any:
    import torch

    try:
        with _stand_ins(path, inert) if inert and zipfile.is_zipfile(path) else contextlib.nullcontext():
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "weights_only" not in str(error):
            raise WeightsError(f"{path.name} is damaged or no checkpoint ({error}): fetch it again") from error
        reason = next((line.strip() for line in str(error).splitlines() if "GLOBAL" in line or "global" in line), "")
        raise WeightsError(
            f"{path.name} asks for code to be run while it is read and is refused ({reason or str(error)[:200]}): "
            "use a file that holds tensors and plain values only"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise WeightsError(f"{path.name} is damaged, incomplete or no checkpoint ({said}): fetch it again") from error


@contextlib.contextmanager
def _stand_ins(path: Path, inert: tuple[str, ...]) -> Iterator[None]:
    """Empty classes admitted in place of those that a checkpoint mentions, for as long as it is read."""
    import torch

    with _ADMITTING:
        names = [n for n in torch.serialization.get_unsafe_globals_in_checkpoint(path) if n.startswith(inert)]
        with torch.serialization.safe_globals([(type(n.rpartition(".")[2], (), {}), n) for n in names]):
            yield


def state_dict_of(checkpoint: Any, nestings: Iterable[str] = NESTINGS, strip: str = "module.") -> dict[str, Tensor]:
    """The state dict inside a checkpoint, whatever it is wrapped in.

    Args:
        checkpoint: what `open_checkpoint` returned.
        nestings: keys to look below, the first that is there wins; a bare state dict is taken as it is.
        strip: prefix to drop where every key has it (DataParallel's).

    Raises:
        WeightsError: no tensors by name are found; the message lists what is there.
    """
    import torch

    inner = checkpoint
    for key in nestings:
        if isinstance(inner, Mapping) and isinstance(inner.get(key), Mapping):
            inner = inner[key]
            break
    if not isinstance(inner, Mapping) or not inner or not all(isinstance(v, torch.Tensor) for v in inner.values()):
        there = ", ".join(map(str, list(inner)[:8])) if isinstance(inner, Mapping) else type(inner).__name__
        raise WeightsError(f"the file holds no state dict but {there or 'nothing'}: it is not the checkpoint wanted")
    if strip and all(key.startswith(strip) for key in inner):
        return {key[len(strip) :]: value for key, value in inner.items()}
    return dict(inner)


def fill_strict(network: Network, state: Mapping[str, Tensor], what: str = "the file", assign: bool = False) -> Network:
    """The network holding exactly `state`; with `assign` these tensors themselves, not copies of them.

    Raises:
        WeightsError: tensors are missing, unknown or of another shape; the first five of each and their number.
    """
    own = network.state_dict()
    _refuse_misfit(
        what,
        type(network).__name__,
        missing=[key for key in own if key not in state],
        unexpected=[key for key in state if key not in own],
        misshaped=[key for key in own if key in state and own[key].shape != state[key].shape],
    )
    network.load_state_dict(dict(state), assign=assign)
    return network


def _refuse_misfit(what: str, network: str, **faults: Iterable[Any]) -> None:
    """Raise unless every list of faulty tensors is empty."""
    said = []
    for kind, found in faults.items():
        keys = sorted(str(key[0] if isinstance(key, tuple | list) else key) for key in found)
        if keys:
            more = f" and {len(keys) - 5} more" if len(keys) > 5 else ""
            said.append(f"{len(keys)} {kind}: {', '.join(keys[:5])}{more}")
    if said:
        raise WeightsError(f"{what} does not fill a {network} ({'; '.join(said)}): it is not the checkpoint wanted")

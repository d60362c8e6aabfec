"""The error family: everything a user can cause or mend is a `MorphospaceError`.

The app shows these as `gr.Error`, the command line prints them and exits with code 2; any other
exception is a defect of ours. A message says what came, what fits and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class MorphospaceError(Exception):
    """Something that the user can understand and mend."""


class InputError(MorphospaceError, ValueError):
    """A picture, video, landmark file or value that cannot be used."""


class OptionError(InputError):
    """An option out of its range, or an unknown option."""


class ShapeError(InputError):
    """Tensors or pictures whose sizes do not fit together."""


class NothingFoundError(InputError):
    """A detector found no face, body or head."""


class WeightsError(MorphospaceError):
    """A checkpoint that is missing, damaged, or not what it claims to be."""


class DeviceError(MorphospaceError):
    """A device or precision that this machine does not have."""


class GpuMemoryError(DeviceError):
    """Work that the GPU's memory does not hold."""


class ExportError(MorphospaceError):
    """A result that could not be written."""


class CancelledError(MorphospaceError):
    """The user stopped the work; raised from a progress call to unwind it."""


def unknown_name(what: str, name: object, known: Iterable[str]) -> OptionError:
    """The error for a name that is not on a list: it shows the list and the nearest match."""
    choices = list(known)
    near = get_close_matches(str(name), choices, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return OptionError(f"unknown {what} {name!r}{hint} Known: {', '.join(choices)}")

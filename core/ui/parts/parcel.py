"""What crosses the border to the GPU's worker: small messages as they are, large ones as a file that both processes see."""

from __future__ import annotations

import os
import pickle
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Half of what a call may carry, for both ways together.
LARGEST_BYTES = 2**20


@dataclass(frozen=True)
class Parcel:
    """A value on its way. A large one lies in a file, which goes with its opening."""

    data: bytes
    file: str = ""

    @classmethod
    def packed(cls, value: Any) -> Parcel:
        """The value, ready to be sent."""
        data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        if len(data) <= LARGEST_BYTES:
            return cls(data)
        with tempfile.NamedTemporaryFile(
            prefix=f"morphospace-{os.getpid()}-", dir=_shared(len(data)), delete=False
        ) as file:
            file.write(data)
        return cls(b"", file.name)

    def opened(self) -> Any:
        """The value; once."""
        if not self.file:
            return pickle.loads(self.data)
        try:
            return pickle.loads(Path(self.file).read_bytes())
        finally:
            self.dropped()

    def dropped(self) -> None:
        """Let go of what was never opened."""
        if self.file:
            Path(self.file).unlink(missing_ok=True)


def _shared(size: int) -> str | None:
    """Main memory, where the system offers it as a folder that has room; None is the folder of temporary files."""
    memory = "/dev/shm"
    fits = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2 * size
    return memory if fits else None

"""Names of content: what is equal has the same."""

from __future__ import annotations

import hashlib
import pickle
from typing import Any

import numpy as np
from PIL import Image


def content_key(*parts: Any) -> str:
    """A short hash that is equal for equal content: pictures, arrays, tensors and plain values."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, Image.Image):
            digest.update(f"{part.mode}{part.size}".encode() + part.tobytes())
        elif hasattr(part, "detach"):  # a tensor, told without importing torch
            array = part.detach().cpu().float().numpy()
            digest.update(f"{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
        elif isinstance(part, np.ndarray):
            digest.update(f"{part.dtype}{part.shape}".encode() + np.ascontiguousarray(part).tobytes())
        else:
            digest.update(pickle.dumps(part, protocol=4))
        digest.update(b"|")
    return digest.hexdigest()[:16]

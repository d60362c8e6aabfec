"""The pose library: named skeletons of the rendered people (ours, CC0), in their 176 x 256 frame."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np

from core.errors import unknown_name

FRAME_HW = (256, 176)
FILE = Path(__file__).with_name("poses.json")


@cache
def poses() -> dict[str, np.ndarray]:
    """All skeletons by name, (18, 2) x, y in the 176 x 256 frame, -1 where missing."""
    return {name: np.array(points, dtype=np.float64) for name, points in json.loads(FILE.read_text()).items()}


def library_pose(name: str) -> np.ndarray:
    """One skeleton; an unknown name is refused with the nearest known one."""
    known = poses()
    if name not in known:
        raise unknown_name("pose", name, known)
    return known[name].copy()

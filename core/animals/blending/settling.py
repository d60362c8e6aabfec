"""What a thin-plate spline asks too much of: eyes stay round, and nothing is fetched from beyond a photo's edges."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.animals.blending.eyes import eye_distance
from core.animals.head_alignment.network_points import EYES
from core.ops.smoothstep import smoothstep


@dataclass(frozen=True)
class SettlingSettings:
    """What tunes it.

    Attributes:
        cells: of the finer grid along each side.
        whole: so far around an eye it is moved as a whole, in distances between the eyes,
        loose: and from here on as the spline has it.
        give: over so many times the way that is asked from beyond an edge, the picture gives way.
    """

    cells: int = 128
    whole: float = 0.2
    loose: float = 0.5
    give: float = 4.0


SETTINGS = SettlingSettings()


def settled(displacement: np.ndarray, points: np.ndarray, own: np.ndarray, sure: bool = True) -> np.ndarray:
    """Displacements (128, 128, 2) near some (h, w, 2), in shares of the side, backward: by them eyes turn and grow but are not sheared.

    Args:
        displacement: from the mixture to the picture.
        points: (9, 2) of the mixture.
        own: (9, 2) of the picture.
        sure: whether both can be relied on; if not, eyes are left as they are.
    """
    cells = SETTINGS.cells
    way = cv2.resize(displacement, (cells, cells), interpolation=cv2.INTER_CUBIC)
    along = (np.arange(cells, dtype=np.float32) + 0.5) / cells
    place = np.stack(np.meshgrid(along, along), -1)
    if sure:
        line, target = (complex(*(head[EYES[1]] - head[EYES[0]])) for head in (points, own))
        turn = target / (line or 1) - 1
        unit = eye_distance(points)
        for eye in EYES:
            off = place - points[eye].astype(np.float32)
            share = 1 - smoothstep(np.linalg.norm(off, axis=-1) / unit, SETTINGS.whole, SETTINGS.loose)[..., None]
            at = (points[eye] * cells - 0.5).astype(np.float32).reshape(1, 1, 2)
            middle = cv2.remap(way, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0, 0]
            whole = middle + np.stack([turn.real * off[..., 0] - turn.imag * off[..., 1],
                                       turn.imag * off[..., 0] + turn.real * off[..., 1]], -1)  # fmt: skip
            way = way + share * (whole - way)
    for axis in (0, 1):
        way = _inside(way, along, axis)
    return np.ascontiguousarray(way, np.float32)


def _inside(way: np.ndarray, along: np.ndarray, axis: int) -> np.ndarray:
    """Displacements of which none leads beyond the edges that lie across x (axis 0) or y (axis 1)."""
    made = way.copy()
    part = made[..., axis] if axis == 0 else made[..., axis].T
    for edge, sign in ((0, 1.0), (-1, -1.0)):
        asked = (-sign * part[:, edge]).clip(min=0)[:, None]
        far = along if edge == 0 else along[::-1]
        part += sign * asked * (1 - smoothstep(far[None] / np.maximum(SETTINGS.give * asked, 1e-6)))
    return made

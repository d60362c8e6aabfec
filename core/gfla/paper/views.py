"""View codes of ShapeNet: which way the camera looks at an object."""

from __future__ import annotations

import torch
from torch import Tensor

from core.errors import InputError

AZIMUTHS, ELEVATIONS = 18, 3
AZIMUTH_STEP_DEG, ELEVATION_STEP_DEG = 20, 10


def view_code(azimuth: int, elevation: int) -> Tensor:
    """One-hot azimuth class (18, 20 degrees apart), then one-hot elevation class (3, 10 degrees apart), (21, 1, 1).

    Raises:
        InputError: a class that does not exist.
    """
    if not (0 <= azimuth < AZIMUTHS and 0 <= elevation < ELEVATIONS):
        raise InputError(
            f"view ({azimuth}, {elevation}) does not exist: azimuth 0 to {AZIMUTHS - 1}, elevation 0 to {ELEVATIONS - 1}"
        )
    code = torch.zeros(AZIMUTHS + ELEVATIONS, 1, 1)
    code[azimuth] = 1
    code[AZIMUTHS + elevation] = 1
    return code


def view_of_angles(azimuth_deg: float, elevation_deg: float) -> tuple[int, int]:
    """The classes nearest to an azimuth (any, it wraps) and an elevation (0 to 20 degrees)."""
    azimuth = round(azimuth_deg / AZIMUTH_STEP_DEG) % AZIMUTHS
    return azimuth, min(max(round(elevation_deg / ELEVATION_STEP_DEG), 0), ELEVATIONS - 1)


def view_of_annotation(azimuth_index: int, elevation_deg: int) -> tuple[int, int]:
    """The classes of the published annotation (azimuth / 10 degrees, elevation in degrees)."""
    return azimuth_index // 2, elevation_deg // ELEVATION_STEP_DEG

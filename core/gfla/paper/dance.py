"""Structures of the dance networks: 17 heatmaps and a drawn skeleton, from OpenPose JSON files.

The two structures use different joint orders: a driving frame is Human3.6M-17 (clean), the reference photo's skeleton
is OpenPose-18 brought into COCO-17 order (noisy). Points are (N, 2) x, y in pixels; here 0, not -1, marks a missing one.

Source: Ren et al. 2020b, arXiv 2008.12606; facts of the published preprocessing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from core.errors import InputError
from core.gfla.paper import pose

MISSING = 0.0
# OpenPose-18 index of each COCO-17 joint.
COCO_FROM_OPENPOSE = (0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10)
COCO_LIMBS = (
    (0, 1), (1, 3), (0, 2), (2, 4), (5, 7), (7, 9), (6, 8), (8, 10), (11, 12), (5, 6), (11, 13), (12, 14), (13, 15),
    (14, 16), (5, 11), (6, 12),
)  # fmt: skip
HUMAN36M_LIMBS = (
    (0, 1), (1, 2), (2, 3), (0, 4), (4, 5), (5, 6), (0, 7), (7, 8), (8, 9), (9, 10), (8, 11), (11, 12), (12, 13),
    (8, 14), (14, 15), (15, 16),
)  # fmt: skip


def label_colours(count: int) -> np.ndarray:
    """The colours of label maps (VOC): the bits of the index spread over red, green, blue from the top, (count, 3) uint8."""
    colours = np.zeros((count, 3), np.uint8)
    for index in range(count):
        for bit in range(8):
            for channel in range(3):
                colours[index, channel] |= ((index >> (3 * bit + channel)) & 1) << (7 - bit)
    return colours


def read_frame(file: Path) -> np.ndarray:
    """The first person of an OpenPose JSON file as x, y, score triples; all zeros where nobody was found.

    Raises:
        InputError: a file that is not OpenPose JSON.
    """
    try:
        people = json.loads(file.read_text())["people"]
        return np.array(people[0]["pose_keypoints_2d"], dtype=np.float64) if people else np.zeros(54)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError(f"{file.name} is no OpenPose JSON ({error}): people[0].pose_keypoints_2d fits") from error


def frame_points(
    numbers: np.ndarray, size_hw: Sequence[int], old_size_hw: Sequence[int], matrix: np.ndarray | None = None
) -> np.ndarray:
    """x, y, score triples of a frame of `old_size_hw` as points (N, 2) in one of `size_hw`.

    With a `matrix` (augmentation) the points are moved and, as published, only then truncated to whole pixels.
    """
    raw = np.asarray(numbers, dtype=np.float64).reshape(-1, 3)[:, :2]
    points = raw / (old_size_hw[1], old_size_hw[0]) * (size_hw[1], size_hw[0])
    if matrix is None:
        return points
    moved = np.trunc(points @ matrix[:2, :2].T + matrix[:2, 2])
    return np.where(known(points)[:, None], moved, MISSING)


def known(points: np.ndarray) -> np.ndarray:
    """Which points are there: neither coordinate is 0. (N,) bool."""
    return ~(points == MISSING).any(axis=-1)


def coco17(body18: np.ndarray) -> np.ndarray:
    """OpenPose-18 points in COCO-17 order."""
    return body18[list(COCO_FROM_OPENPOSE)]


def structure(points: np.ndarray, size_hw: Sequence[int], limbs: Sequence[tuple[int, int]]) -> np.ndarray:
    """17 heatmaps and the drawn skeleton (RGB, 0..255 as published, not normalised), (20, H, W) float32."""
    present = known(points)
    marked = np.where(present[:, None], points, pose.MISSING)
    maps = pose.gaussian_maps(torch.from_numpy(marked), size_hw).numpy()
    # Published drawing tests the truncated numbers, so a joint within a pixel of the edge is missing there.
    whole = np.trunc(points)
    marked = np.where(known(whole)[:, None], whole, pose.MISSING)
    drawn = pose.draw(marked, size_hw, limbs, label_colours(len(points)), clamp=True)
    return np.concatenate([maps, np.asarray(drawn, dtype=np.float32).transpose(2, 0, 1)]).astype(np.float32)

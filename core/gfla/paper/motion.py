"""Skeleton sequences for the dance networks: detected bodies cleaned and re-jointed by the motion extraction network.

Source: Ren et al. 2020b, arXiv 2008.12606; chunking as published (24 frames with 40 frames of context on each side).
"""

from __future__ import annotations

import numpy as np
import torch

from core.errors import InputError
from core.gfla.paper.dance import COCO_FROM_OPENPOSE
from core.gfla.paper.network_motion import MotionExtractionNet
from core.gfla.paper.pose import present

CHUNK_FRAMES = 24


def filled(sequence: np.ndarray) -> np.ndarray:
    """A sequence (T, N, 2) with missing joints taken from the nearest frames that have them, linearly in between.

    Raises:
        InputError: a joint that no frame has.
    """
    whole = np.array(sequence, dtype=np.float64)
    frames = np.arange(len(whole))
    for joint in range(whole.shape[1]):
        seen = present(whole[:, joint])
        if not seen.any():
            raise InputError(
                f"joint {joint} is seen in no frame of the driving video: use one that shows the whole body"
            )
        for axis in (0, 1):
            whole[:, joint, axis] = np.interp(frames, frames[seen], whole[seen, joint, axis])
    return whole


@torch.inference_mode()
def cleaned(network: MotionExtractionNet, bodies: np.ndarray, side_px: int = 256) -> np.ndarray:
    """OpenPose-18 bodies over time as clean Human3.6M-17 joints.

    Args:
        network: the motion extraction network.
        bodies: (T, 18, 2) x, y in pixels of a square frame of `side_px`, -1 where missing.
        side_px: side of that frame.

    Returns:
        (T, 17, 2) in the same frame.
    """
    joints = filled(np.asarray(bodies)[:, list(COCO_FROM_OPENPOSE)])
    rows = 2 * joints[..., ::-1].transpose(2, 1, 0).reshape(34, -1) / side_px - 1
    context = network.context
    found = []
    for start in range(0, rows.shape[1], CHUNK_FRAMES):
        index = np.arange(start - context, start + CHUNK_FRAMES + context).clip(0, rows.shape[1] - 1)
        out = network(torch.from_numpy(rows[:, index]).float()[None].to(network.device))[0].cpu().numpy()
        found.append(out[:, : rows.shape[1] - start])
    clean = (np.concatenate(found, axis=1) + 1) / 2 * side_px
    return clean.reshape(2, 17, -1).transpose(2, 1, 0)[..., ::-1]

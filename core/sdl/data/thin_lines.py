"""Pairs of frames with moving lines that are known to the pixel: what their segmentation learns from."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from core.sdl.data.moving_planes import moved, random_scenes
from core.sdl.methods.flow_hypotheses.background import estimate_smooth_motion

# Shares of pairs with nothing, with a shape, and with lines; of lines in one colour, such as wires before the sky.
SHAPES, ONE_COLOUR = (0.05, 0.2, 0.75), 1 / 3
# Half of a line's width is less.
THICK_PX = 5.0


def make_thin(source: Path, out: Path, count: int, side_px: int, seed: int) -> None:
    """`count` files of a pair each.

    A file holds `frames` (6, H, W) uint8; `dense`, `ground` and `unlike`, `estimate_smooth_motion` of them;
    `thin` (2, H, W) uint8, what belongs to a line in either frame.
    """
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for index, scene in enumerate(random_scenes(source, count, side_px, seed, SHAPES)):
        behind, front, mask, motions = scene
        if rng.random() < ONE_COLOUR:
            front = np.broadcast_to(rng.uniform(0, 255, 3).astype(np.float32), front.shape).copy()
        # A shape is seen against its surroundings by the flow itself; only lines are thin.
        depth = cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 3)
        lines = mask * (depth.max() < THICK_PX)
        frames = moved(behind, front, mask, motions, side_px)
        shown = moved(np.zeros_like(behind), np.full_like(front, 255), lines, motions, side_px)
        pair = np.concatenate([frames[0], frames[-1]], 2).transpose(2, 0, 1)
        known = estimate_smooth_motion(torch.from_numpy(pair)[None].float() / 255)
        dense, background, unexplained = (maps[0].numpy().astype(np.float16) for maps in known)
        thin = np.stack([shown[0][..., 0], shown[-1][..., 0]])
        np.savez(out / f"{index:05d}.npz", frames=pair, dense=dense, ground=background, unlike=unexplained, thin=thin)

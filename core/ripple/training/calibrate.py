"""Degrees that mean what they say: a regressed flow falls short of the true one, by a share that can be measured.

A network that is unsure how deep a point lies predicts the mean, so heads turn a little too little. The share is
measured at known points of heads from the training split and folded into the pre-aligner's last layers.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import nn

from core.errors import InputError
from core.ops.warp import sample_at
from core.ripple.components import HFGI, load_networks
from core.ripple.data.head_pairs import HeadPairs
from core.ripple.methods.head_turn.pre_aligner import PreAligner
from core.ripple.methods.head_turn.turn import HeadTurner, degrees_of
from core.ripple.paper.directions import Directions, load_directions
from core.ripple.paper.e4e import IRBlock
from core.weights import save_model, seal

STEPS = (0, 1, 5, 6)  # -30, -20, 20, 30 degrees, from frame 3


def calibrate(record: Path, data: Path, heads: int = 40) -> dict[str, float]:
    """Scale the flow of a record's pre-aligner, in place, so that known points move as far as they should.

    Args:
        record: folder with HFGI's networks and a pre-aligner.
        data: folder with the rendered heads.
        heads: how many of them, each turned from the front to both sides.

    Returns:
        `share_before` and `share_after`: how far points move, as a share of how far they should.

    Raises:
        InputError: no pre-aligner.
    """
    networks = load_networks(record, HFGI, ("pre_aligner",))
    if "pre_aligner" not in networks:
        raise InputError(f"{record} has no pre-aligner: there is nothing to calibrate")
    turner, directions = HeadTurner(**networks), load_directions(record)
    pairs = HeadPairs(data, turner.size, "train", portrait_share=0.0)
    before = flow_share(turner, directions, pairs, heads)
    scale_flow(turner.pre_aligner, 1 / before)
    save_model(turner.pre_aligner, record / "pre_aligner")
    seal(record)
    return {"share_before": before, "share_after": flow_share(turner, directions, pairs, heads)}


@torch.no_grad()
def flow_share(turner: HeadTurner, directions: Directions, pairs: HeadPairs, heads: int) -> float:
    """How far known points move, as a share of how far they should: slope of the regression through zero."""
    moved, asked = [], []
    for name in pairs.turns[:heads]:
        frames = pairs.frames[name]
        for step in STEPS:
            item = pairs.pair(frames[3], frames[step], frames[3]["square"])
            inversion, degree = turner.invert(item["source"][None]), float(item["degrees"][0])
            codes = directions(inversion.codes, "pose", degree)
            flow = turner.turn(inversion, codes, degrees_of("pose", degree)).flow
            seen = item["points_seen"] > 0
            moved.append(sample_at(flow, item["target_points"][None])[0, 0][seen].numpy())
            asked.append((item["source_points"] - item["target_points"])[seen, 0].numpy())
    x, y = np.concatenate(asked), np.concatenate(moved)
    return float((x * y).sum() / (x * x).sum())


@torch.no_grad()
def scale_flow(pre_aligner: PreAligner, gain: float) -> None:
    """Multiply the flow that the network answers by `gain`, in place; the person's logit stays.

    The last block adds a normalised residual to its input, so input, its statistics and the residual are all scaled.
    """
    before, last = (cast(IRBlock, pre_aligner.dconv_layer3[index]) for index in (1, 2))
    for layers in (before.res_layer, before.shortcut_layer, last.res_layer):
        norm = cast(nn.BatchNorm2d, layers[-1])
        norm.weight[:2] *= gain
        norm.bias[:2] *= gain
    entry = cast(nn.BatchNorm2d, last.res_layer[0])
    mean, variance = cast(torch.Tensor, entry.running_mean), cast(torch.Tensor, entry.running_var)
    mean[:2] *= gain
    # eps is part of what is divided by, so that the normalised input stays as it was
    variance[:2] = (variance[:2] + entry.eps) * gain**2 - entry.eps

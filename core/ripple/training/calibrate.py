"""Degrees that mean what they say: a regressed flow falls short of the true one, by a share that can be measured.

A network that is unsure how deep a point lies predicts the mean, so heads turn a little too little. The share is
measured at known points of heads from the training split and folded into the pre-aligner's last layers.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from core.errors import InputError
from core.ops.warp import sample_at
from core.ripple.data.head_pairs import HeadPairs
from core.ripple.paper.e4e import IRBlock
from core.ripple.paper.fusion import ResidualAligner
from core.ripple.paper.inversion import Inverter

STEPS = (0, 1, 5, 6)  # -30, -20, 20, 30 degrees, from frame 3


@torch.no_grad()
def flow_share(inverter: Inverter, pairs: HeadPairs, heads: int = 40) -> float:
    """How far known points move, as a share of how far they should: slope of the regression through zero.

    Args:
        inverter: with a pre-aligner.
        pairs: rendered heads, of the training split.
        heads: how many of them, each turned from the front to both sides.

    Raises:
        InputError: no pre-aligner.
    """
    if inverter.pre_aligner is None:
        raise InputError("these weights have no pre-aligner: there is no flow to calibrate")
    moved, asked = [], []
    for name in pairs.turns[:heads]:
        frames = pairs.frames[name]
        for step in STEPS:
            item = pairs.pair(frames[3], frames[step], frames[3]["square"])
            edited = inverter.edit(inverter.invert(item["source"][None]), "pose", float(item["degrees"][0]))
            if edited.flow is None:
                raise InputError("this edit has no flow: the weights do not turn by a pre-aligner")
            found = sample_at(edited.flow, item["target_points"][None])[0, 0]
            seen = item["points_seen"] > 0
            moved.append(found[seen].numpy())
            asked.append((item["source_points"] - item["target_points"])[seen, 0].numpy())
    x, y = np.concatenate(asked), np.concatenate(moved)
    return float((x * y).sum() / (x * x).sum())


@torch.no_grad()
def scale_flow(pre_aligner: ResidualAligner, gain: float) -> None:
    """Multiply the flow that the network answers by `gain`, in place; the person's logit stays.

    The last block adds a normalised residual to its input, so input, its statistics and the residual are all scaled.
    """
    before, last = pre_aligner.dconv_layer3[1], pre_aligner.dconv_layer3[2]
    if not isinstance(before, IRBlock) or not isinstance(last, IRBlock) or not hasattr(before, "shortcut_layer"):
        raise InputError("the pre-aligner has other last layers than were expected: its flow cannot be scaled")
    for norm in (before.res_layer[-1], before.shortcut_layer[-1], last.res_layer[-1]):
        assert isinstance(norm, nn.BatchNorm2d)
        norm.weight[:2] *= gain
        norm.bias[:2] *= gain
    entry = last.res_layer[0]
    assert isinstance(entry, nn.BatchNorm2d)
    assert entry.running_mean is not None
    assert entry.running_var is not None
    entry.running_mean[:2] *= gain
    # eps is part of what is divided by, so that the normalised input stays as it was
    entry.running_var[:2] = (entry.running_var[:2] + entry.eps) * gain**2 - entry.eps

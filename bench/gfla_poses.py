"""GFLA: one source in 24 target poses, encoded once and painted in batches, against the whole network for each pose.

The other way is what the published script computes on a CPU: source encoder and all for every pose, float32, one pose at
a time, local attention in the form of torch's own operations. Published fashion size, random weights.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench import Row, seconds
from bench.gfla_attention import unfolded
from core.devices import policy
from core.gfla.methods.retargeting.library import FRAME_HW, poses
from core.gfla.paper.attention import LocalAttention, SourceTables
from core.gfla.paper.blocks import initialise
from core.gfla.paper.network import PoseGenerator
from core.gfla.paper.pose import heatmaps, scaled

POSES = 24
TARGET = 3
BATCH = 4


class PublishedAttention(LocalAttention):
    """Local attention that stores the neighbourhoods."""

    def tables(self, source: Tensor) -> SourceTables:
        """Nothing is prepared."""
        return SourceTables(source, source)

    def forward(self, tables: SourceTables, target: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
        """The unfold form."""
        return unfolded(self, tables.feature, target, flow), target


def published(network: PoseGenerator) -> PoseGenerator:
    """The same network with that attention, and with instance norms as torch has them."""
    other = PoseGenerator.from_config(network.config)
    for _, attention in other.target.attentions():
        attention.__class__ = PublishedAttention
    for block in other.modules():
        if isinstance(block, nn.Sequential):
            for index, layer in enumerate(block):
                if isinstance(layer, nn.GroupNorm):
                    block[index] = nn.InstanceNorm2d(layer.num_channels, affine=True)
    other.load_state_dict(network.state_dict())
    return other.eval()


@torch.no_grad()
def separately(network: PoseGenerator, source: Tensor, own: Tensor, targets: Tensor) -> Tensor:
    """Every pose from the picture."""
    return torch.cat([network(source, own, target[None]).image for target in targets])


@torch.inference_mode()
def once(network: PoseGenerator, source: Tensor, own: Tensor, targets: Tensor) -> Tensor:
    """The source encoded once."""
    tables = network.encode(source)
    parts = [network.paint(tables, source, own, part).image for part in targets.split(BATCH)]
    return torch.cat(parts)


def rows() -> list[Row]:
    """Measure."""
    torch.manual_seed(0)
    network = PoseGenerator()
    initialise(network, gain=1.0)
    slow_net, fast_net = published(network.eval()), policy("cpu", "float32").place(network)
    side = tuple(network.config.sample_hw)
    points = torch.stack([torch.from_numpy(scaled(p, side, FRAME_HW)) for p in list(poses().values())[: POSES + 1]])
    maps = heatmaps(points, side, 6.0).float()
    source = torch.rand(1, 3, *side) * 2 - 1
    own, targets = maps[:1], maps[1 : POSES + 1]
    slow, fast = seconds(
        lambda: separately(slow_net, source, own, targets), lambda: once(fast_net, source, own, targets), repeats=3
    )
    gap = (separately(slow_net, source, own, targets[:2]) - once(fast_net, source, own, targets[:2])).abs().max().item()
    return [
        Row(f"one source, {POSES} poses at 256 px, speed against pose by pose", f">= {TARGET}x",
            f"{slow / fast:.1f}x ({slow:.1f} s to {fast:.1f} s)", slow / fast >= TARGET),
        Row("largest difference of the two, in [-1, 1]", "< 1e-3", f"{gap:.1e}", gap < 1e-3),
    ]  # fmt: skip

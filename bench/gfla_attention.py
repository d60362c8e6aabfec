"""GFLA: fused local attention against the published form that stores both k x k neighbourhoods, at fashion size.

Both attention layers of the fashion network: C 256, k 3, 32 x 32 and C 128, k 5, 64 x 64. Peak memory is what a fresh
process gains while it runs one way.
"""

from __future__ import annotations

import subprocess
import sys

import torch
import torch.nn.functional as F
from torch import Tensor

from bench import Row, seconds
from core.gfla.paper.attention import LocalAttention

LAYERS = ((256, 3, 32), (128, 5, 64))
WAYS = ("unfolded", "fused")


def inputs() -> list[tuple[LocalAttention, Tensor, Tensor, Tensor]]:
    """Layers with random weights, source and target features, and flows of a few cells."""
    torch.manual_seed(0)
    made = []
    for channels, k, side in LAYERS:
        features = torch.randn(2, 1, channels, side, side)
        made.append((LocalAttention(channels, k).eval(), features[0], features[1], 4 * torch.randn(1, 2, side, side)))
    return made


def tap_grid(flow: Tensor, k: int) -> Tensor:
    """Where every tap of every cell lies, as `grid_sample` wants it."""
    batch, _, height, width = flow.shape
    taps = torch.arange(k) - k // 2
    x = flow[:, 0, :, None, :, None] + torch.arange(width)[:, None] + taps
    y = flow[:, 1, :, None, :, None] + torch.arange(height)[:, None, None, None] + taps[:, None, None]
    shape = (batch, height, k, width, k)
    grid = torch.stack([2 * x.expand(shape) / (width - 1) - 1, 2 * y.expand(shape) / (height - 1) - 1], dim=-1)
    return grid.reshape(batch, height * k, width * k, 2)


@torch.no_grad()
def unfolded(layer: LocalAttention, source: Tensor, target: Tensor, flow: Tensor) -> Tensor:
    """The published form with torch's own operations."""
    k, (batch, channels, height, width) = layer.kernel_size, source.shape
    blocks = F.grid_sample(source, tap_grid(flow, k), padding_mode="border", align_corners=True)
    before, after = k // 2, k - 1 - k // 2
    still = F.unfold(F.pad(target, (before, after, before, after), mode="replicate"), k)
    still = still.view(batch, channels, k, k, height, width).permute(0, 1, 4, 2, 5, 3)
    still = still.reshape(batch, channels, height * k, width * k)
    attention = layer.fully_connect_layer(torch.cat([still, blocks], dim=1)).softmax(1)
    return F.avg_pool2d(F.pixel_shuffle(attention, k) * blocks, k)


@torch.no_grad()
def fused(layer: LocalAttention, source: Tensor, target: Tensor, flow: Tensor) -> Tensor:
    """Ours."""
    return layer(layer.tables(source), target, flow)[0]


def peak_mb(way: str) -> float:
    """Megabytes that a fresh process gains at most while it computes both layers one way (Linux)."""
    code = (
        "import torch\n"
        "from pathlib import Path\n"
        "from bench import gfla_attention as bench\n"
        "def read(name):\n"
        "    lines = Path('/proc/self/status').read_text().splitlines()\n"
        "    return int(next(line for line in lines if line.startswith(name)).split()[1]) / 1024\n"
        "torch.set_num_threads(2)\n"
        "items = bench.inputs()\n"
        # A first run on small inputs, so that libraries are loaded before the count.
        "small = (bench.LocalAttention(4, 3), *torch.rand(2, 1, 4, 8, 8), torch.rand(1, 2, 8, 8))\n"
        "bench.fused(*small), bench.unfolded(*small)\n"
        # Sets the process's high-water mark to what it holds now.
        "Path('/proc/self/clear_refs').write_text('5')\n"
        "before = read('VmRSS')\n"
        f"[bench.{way}(*item) for item in items]\n"
        "print(read('VmHWM') - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def rows() -> list[Row]:
    """Measure."""
    items = inputs()
    difference = max((unfolded(*item) - fused(*item)).abs().max().item() for item in items)
    slow, fast = seconds(
        lambda: [unfolded(*item) for item in items], lambda: [fused(*item) for item in items], repeats=9
    )
    large, small = (peak_mb(way) for way in WAYS)
    return [
        Row("local attention at fashion size, speed against the unfold form", ">= 2x",
            f"{slow / fast:.1f}x ({1000 * slow:.0f} ms to {1000 * fast:.0f} ms)", slow / fast >= 2),
        Row("the same, peak memory", "<= 0.5x", f"{small / large:.2f}x ({large:.0f} MB to {small:.0f} MB)", small <= large / 2),
        Row("largest difference of the two", "< 1e-5", f"{difference:.1e}", difference < 1e-5),
    ]  # fmt: skip

"""SDL: seven in-between frames at 512 px, against one full float32 pass of the published network for each.

Two answers, kept apart: the published network with everything shared that t does not touch (the same pictures, the
same weights), and the small network that is shipped (other pictures: its card says what it can do).
"""

from __future__ import annotations

import torch
from torch import Tensor

from bench import Row, seconds
from core.devices import policy
from core.metrics import psnr
from core.sdl.loading import build_network
from core.sdl.paper.network import SDLNet

FRAMES = 7
SIDE_PX = 512
TARGET = 4


@torch.no_grad()
def separately(network: SDLNet, pair: Tensor, t: Tensor) -> Tensor:
    """The whole network for every frame, as the published script runs it."""
    return torch.cat([network(pair, one.reshape(1)) for one in t])


@torch.inference_mode()
def shared(network: SDLNet, pair: Tensor, t: Tensor) -> Tensor:
    """Encoded once; one frame at a time, which on a processor is as fast as a batch and needs less memory."""
    encoded = network.encode(pair)
    return torch.cat([network.decode(encoded, pair, one.reshape(1)) for one in t])


def rows() -> list[Row]:
    """Measure."""
    torch.manual_seed(0)
    published = SDLNet().eval()
    fast = SDLNet()
    fast.load_state_dict(published.state_dict())
    chosen = policy("cpu", "float32")
    fast, small = chosen.place(fast), chosen.place(build_network("sdl-vfi"))
    pair = torch.rand(1, 6, SIDE_PX, SIDE_PX)
    t = torch.arange(1, FRAMES + 1) / (FRAMES + 1)
    base, ours, little = seconds(
        lambda: separately(published, pair, t), lambda: shared(fast, pair, t), lambda: shared(small, pair, t), repeats=3
    )
    halved = policy("cpu", "bfloat16")

    def shared_bf16() -> Tensor:
        with halved.autocast():
            return shared(fast, pair, t)

    base_again, half = seconds(lambda: separately(published, pair, t), shared_bf16, repeats=3)
    close = psnr(shared_bf16().float().clamp(0, 1), shared(fast, pair, t).clamp(0, 1))
    gap = (separately(published, pair, t[:2]) - shared(fast, pair, t[:2])).abs().max().item()
    what = f"{FRAMES} in-betweens at {SIDE_PX} px against a full pass each"
    return [
        Row(f"{what}: shipped interpolation network (smaller, other pictures)", f">= {TARGET}x",
            f"{base / little:.1f}x ({base:.1f} s to {little:.1f} s)", base / little >= TARGET),
        Row(f"{what}: published network, t-free part shared (same pictures)", "what t allows",
            f"{base / ours:.2f}x ({base:.1f} s to {ours:.1f} s)"),
        Row(f"{what}: published network, t-free part shared, bfloat16", "stated",
            f"{base_again / half:.2f}x ({base_again:.1f} s to {half:.1f} s), PSNR {close:.1f} dB to float32"),
        Row("largest difference of the shared pass", "< 1e-4", f"{gap:.1e}", gap < 1e-4),
    ]  # fmt: skip

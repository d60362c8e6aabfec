"""The second look: what it sees, what it may change, and how a trained network gets one."""

import pytest
import torch

from core.image import to_tensor
from core.metrics import psnr
from core.sdl.loading import build_network
from core.sdl.methods.flow_hypotheses.network import HypothesisSDLNet
from core.sdl.methods.refinement.network import SIDE_PX, RefinementNet
from core.sdl.training.train import PARTS, with_new_parts
from tests.sdl.conftest import FORMS, TINY, stirred, textured, tiny

HALF = torch.tensor([0.5])
FIRST_LOOK = FORMS["candidates"]


def pair(shift_px: int = 6) -> torch.Tensor:
    """A scene and the same scene further right, (1, 6, 64, 96)."""
    scene = to_tensor(textured(96 + shift_px, 64))
    return torch.cat([scene[..., shift_px:], scene[..., :-shift_px]], 1)


@pytest.mark.slow
def test_it_learns_which_picture_to_take_where_the_network_could_not():
    """Stripes of one pixel decide: only at full size can they be told apart."""
    torch.manual_seed(0)
    look = RefinementNet(2, 1, (16, 24, 24))
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(look.parameters(), 3e-3)

    def batch() -> tuple[list[torch.Tensor], torch.Tensor]:
        base = torch.rand(4, 3, 1, 1, generator=generator)
        striped = base + 0.2 * (torch.arange(32) % 2 - 0.5) + torch.zeros(4, 3, 32, 32)
        plain = base + torch.zeros(4, 3, 32, 32)
        order = (torch.rand(4, 1, 1, 1, generator=generator) < 0.5).float()
        return [torch.lerp(striped, plain, order), torch.lerp(plain, striped, order)], order

    shares, known = torch.full((4, 2, 32, 32), 0.5), torch.zeros(4, 1, 8, 8)
    for _ in range(120):
        warped, order = batch()
        more, colours, _ = look(warped, shares, (warped[0] + warped[1]) / 2, known)
        assert more.shape == (4, 2, 32, 32) and colours.shape == (4, 3, 32, 32)
        missed = torch.nn.functional.cross_entropy(more, order.expand(-1, -1, 32, 32)[:, 0].long())
        optimizer.zero_grad()
        missed.backward()
        optimizer.step()
    warped, order = batch()
    more, *_ = look(warped, shares, (warped[0] + warped[1]) / 2, known)
    right = more.argmax(1, keepdim=True) == order
    assert right.float().mean() > 0.95


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("size", [(64, 96), (50, 70), (7, 9), (40, SIDE_PX + 300)])
def test_any_size_comes_back(size, half):
    look = RefinementNet(6, 12, (4, 6, 6)).eval()
    warped = [torch.rand(1, 3, *size) for _ in range(6)]
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        more, colours, changes = look(warped, torch.full((1, 6, *size), 1 / 6), warped[0], torch.zeros(1, 12, 20, 30))
    assert more.shape == changes.shape == (1, 6, *size) and colours.shape == (1, 3, *size)


def test_a_new_second_look_changes_nothing_and_a_stirred_one_does():
    known = tiny(**FIRST_LOOK)
    wider = HypothesisSDLNet(**{**TINY, **FIRST_LOOK, "look_widths": (4, 6, 6)}).eval()
    wider.load_state_dict(known.state_dict(), strict=False)
    inputs = pair()
    with torch.inference_mode():
        assert torch.equal(wider(inputs, HALF), known(inputs, HALF))
        stirred(wider.look)
        assert psnr(wider(inputs, HALF), known(inputs, HALF)) < 60


def test_the_ends_stay_exact():
    network, inputs = tiny(**FORMS["second-look"]), pair()
    with torch.inference_mode():
        for t, end in ((0.0, inputs[:, :3]), (1.0, inputs[:, 3:])):
            assert torch.allclose(network(inputs, torch.tensor([t])), end, atol=1e-5)


def test_training_from_weights_without_it_adds_the_shipped_one():
    values = build_network("sdl-vfi").config
    known = HypothesisSDLNet(**{k: v for k, v in values.items() if not k.startswith("_") and k not in PARTS})
    assert known.look is None and known.thin is None
    wider = with_new_parts(known, "sdl-vfi")
    assert wider.look is not None and wider.thin is not None and torch.equal(wider.head[0].weight, known.head[0].weight)
    assert with_new_parts(wider, "sdl-vfi") is wider
    assert with_new_parts(known, "published") is known

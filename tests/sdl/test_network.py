"""What the parity goldens do not see: sharing among many t, the forms of the output, block matching."""

import pytest
import torch

from core.errors import OptionError, ShapeError
from core.image import to_tensor
from core.sdl.methods.face_morph.block_matching import block_motion
from core.sdl.methods.small_network.composition import compose, map_channels
from core.sdl.methods.toon.abstraction import abstracted
from core.sdl.paper.network import SDLNet
from tests.sdl.conftest import shipped_network, textured, tiny

# Of the largest value: random weights make pictures far outside [0, 1], and another order of sums rounds in proportion.
ROUNDING = 2e-5


def inputs_for(net, height=64, width=128):
    pictures = [to_tensor(textured(width, height, seed)) for seed in range(net.config.num_in_ch // 3)]
    return torch.cat(pictures, 1)


def test_one_encoding_serves_many_positions(form):
    x, t = inputs_for(form), torch.tensor([-0.5, 0.0, 0.3, 1.0, 1.4])
    with torch.inference_mode():
        shared = form.decode(form.encode(x), x, t)
        singly = torch.cat([form(x, one.reshape(1)) for one in t])
    assert torch.allclose(shared, singly, atol=ROUNDING * float(singly.abs().max()))


@pytest.mark.parametrize("split", [0.0, 0.25, 1.0])
def test_sharing_holds_at_any_split(split):
    net = tiny(split=split)
    x, t = inputs_for(net), torch.tensor([-1.0, 0.5])
    with torch.inference_mode():
        shared, singly = net.decode(net.encode(x), x, t), net(x.expand(2, -1, -1, -1), t)
    assert torch.allclose(shared, singly, atol=ROUNDING * float(singly.abs().max()))


def test_the_ends_are_the_inputs(form):
    if form.config.output == "direct":
        pytest.skip("the published form paints its ends too")
    x = inputs_for(form)
    with torch.inference_mode():
        start, end = form(x.expand(2, -1, -1, -1), torch.tensor([0.0, 1.0]))
    assert torch.allclose(start, x[0, :3], atol=2e-4)
    if x.shape[1] == 6 and form.config.output in ("motion", "candidates"):
        # What keeps contrast sharpens nothing where one picture stands alone.
        assert torch.allclose(end, x[0, 3:], atol=2e-3)


def test_untrained_small_networks_start_from_their_inputs():
    net = shipped_network("sdl-ageing")
    x = inputs_for(net, 128, 128)
    with torch.inference_mode():
        assert torch.allclose(net(x, torch.tensor([0.25])), x, atol=1e-4)
        net = shipped_network("sdl-toon")
        assert torch.allclose(net(x, torch.tensor([1.0])), abstracted(x), atol=1e-4)


def test_the_untrained_start_can_learn():
    net = SDLNet(num_in_ch=3, widths=(4, 4, 6, 6, 8, 8), grid_widths=(4, 4, 6), ncol=2, output="residual")
    net(inputs_for(net), torch.tensor([1.0])).sum().backward()
    assert net.gridnet.lateral_final.f[2].weight.grad.abs().sum() > 0


@pytest.mark.parametrize("shift", [(0, 0), (5, -3), (-14, 6)])
def test_block_matching_finds_a_shift(shift):
    whole = to_tensor(textured(192, 160))
    right, down = shift
    source = whole[..., 32:128, 32:160]
    target = whole[..., 32 - down : 128 - down, 32 - right : 160 - right]
    flow = block_motion(source, target)[0, :, 8:-8, 8:-8]
    assert abs(float(flow[0].median()) - right) < 0.7 and abs(float(flow[1].median()) - down) < 0.7


def test_motion_counts_in_pixels_of_what_the_network_sees():
    x = to_tensor(textured(128, 64)).repeat(1, 2, 1, 1)
    maps = torch.zeros(1, map_channels("motion", 2, 1), 32, 64)
    maps[:, 3] = 0.5  # x of the source's motion: 4 px as seen, 8 px of the inputs, half of it at t = 1/2
    maps[:, 7] = -30.0  # the mask takes the source alone
    got = compose("motion", maps, x, torch.tensor([0.5]))
    assert torch.allclose(got[..., :100], x[:, :3, :, 4:104], atol=1e-5)


def test_wrong_inputs_are_told():
    net = tiny()
    with pytest.raises(ShapeError, match="multiples of 32"):
        net(torch.zeros(1, 6, 40, 64), torch.zeros(1))
    with pytest.raises(ShapeError, match="takes 6"):
        net(torch.zeros(1, 3, 64, 64), torch.zeros(1))
    with pytest.raises(OptionError, match="even number"):
        SDLNet(ncol=3)
    with pytest.raises(OptionError, match="whole size"):
        SDLNet(work_px=128)
    with pytest.raises(OptionError, match="form of the output"):
        SDLNet(output="sketch")

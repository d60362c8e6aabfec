"""What the parity goldens do not see: sharing among many t, the forms of the output, block matching."""

import pytest
import torch

from core.errors import OptionError, ShapeError
from core.image import to_tensor
from core.sdl.loading import network_class
from core.sdl.methods.face_morph.block_matching import MATCHING, describe_structure, match_blocks
from core.sdl.methods.face_morph.network import MorphSDLNet
from core.sdl.methods.toon.abstraction import abstract_picture
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
    if "output" not in form.config:
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
        assert torch.allclose(net(x, torch.tensor([1.0])), abstract_picture(x), atol=1e-4)


def test_the_untrained_start_can_learn():
    net = shipped_network("sdl-toon")
    net(inputs_for(net), torch.tensor([1.0])).sum().backward()
    assert net.gridnet.lateral_final.f[2].weight.grad.abs().sum() > 0


@pytest.mark.parametrize("shift", [(0, 0), (8, -4), (-12, 8)])
def test_block_matching_finds_a_shift_within_half_a_cell(shift):
    whole = describe_structure(to_tensor(textured(192, 160)))
    right, down = shift
    source = whole[..., 32:128, 32:160]
    target = whole[..., 32 - down : 128 - down, 32 - right : 160 - right]
    flow = match_blocks(source, target)[0, :, 8:-8, 8:-8]
    half = MATCHING.scale / 2
    assert abs(float(flow[0].median()) - right) < half and abs(float(flow[1].median()) - down) < half


def test_motion_counts_in_pixels_of_what_the_network_sees():
    x = to_tensor(textured(128, 64)).repeat(1, 2, 1, 1)
    network, still = (
        tiny(output="motion", work_px=64),
        torch.cat([torch.zeros(1, 4, 16, 32), torch.ones(1, 2, 16, 32)], 1),
    )
    predicted = torch.zeros(1, 12 + network.CHANGE_CHANNELS, 16, 32)
    predicted[:, 12] = 0.5  # x of the source's displacement: 4 px as seen, 8 px of the inputs, half of it at t = 1/2
    predicted[:, 16] = -30.0  # the source alone
    got = network.compose(predicted, x, torch.tensor([0.5]), still)
    assert torch.allclose(got[..., :100], x[:, :3, :, 4:104], atol=1e-4)


def test_wrong_inputs_are_told():
    net = tiny()
    with pytest.raises(ShapeError, match="multiples of 32"):
        net(torch.zeros(1, 6, 40, 64), torch.zeros(1))
    with pytest.raises(ShapeError, match="takes 6"):
        net(torch.zeros(1, 3, 64, 64), torch.zeros(1))
    with pytest.raises(OptionError, match="even number"):
        SDLNet(ncol=3)
    with pytest.raises(OptionError, match="and a work_px"):
        MorphSDLNet()
    with pytest.raises(OptionError, match="form of the output"):
        network_class({"output": "sketch"})

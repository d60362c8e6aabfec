"""Properties of the sampling operations and of fused local attention, against plain reference forms."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ShapeError
from core.gfla.paper.attention import LocalAttention
from core.gfla.paper.operators import fetch_along, resample2d
from tests.reference.gfla.published import block_extractor, local_attn_reshape


def unfolded(layer, source, target, flow):
    """Local attention as published: both neighbourhoods stored, joined and convolved."""
    k = layer.kernel_size
    blocks = block_extractor(source, flow, k)
    still = block_extractor(target, torch.zeros_like(flow), k)
    attention = layer.fully_connect_layer(torch.cat([still, blocks], dim=1)).softmax(1)
    return F.avg_pool2d(local_attn_reshape(attention, k) * blocks, k), attention


@pytest.mark.parametrize("k", [2, 3, 4, 5])
def test_fused_attention_equals_the_stored_form(k):
    torch.manual_seed(k)
    layer = LocalAttention(5, k, hidden=8).double()
    source, target = torch.randn(2, 5, 9, 7, dtype=torch.double), torch.randn(2, 5, 9, 7, dtype=torch.double)
    flow = 6 * torch.randn(2, 2, 9, 7, dtype=torch.double)
    inputs = [item.requires_grad_() for item in (source, target, flow)]
    got, want = layer(layer.tables(source), target, flow), unfolded(layer, source, target, flow)
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b)
    for a, b in zip(
        torch.autograd.grad(got[0].sin().sum(), inputs), torch.autograd.grad(want[0].sin().sum(), inputs), strict=True
    ):
        torch.testing.assert_close(a, b)


def test_one_source_serves_many_targets():
    torch.manual_seed(0)
    layer = LocalAttention(4, 3, hidden=8)
    source, target, flow = torch.randn(1, 4, 8, 8), torch.randn(3, 4, 8, 8), 3 * torch.randn(3, 2, 8, 8)
    shared = layer(layer.tables(source), target, flow)[0]
    each = layer(layer.tables(source.expand(3, -1, -1, -1)), target, flow)[0]
    torch.testing.assert_close(shared, each)


def test_gradients_are_right():
    torch.manual_seed(0)
    source, flow = torch.randn(1, 2, 5, 4).double().requires_grad_(), torch.randn(1, 2, 3, 4).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda s, f: block_extractor(s, f, 3), (source, flow))
    assert torch.autograd.gradcheck(lambda s, f: resample2d(s, f, 4, 1, 2.0), (source, flow))


@settings(max_examples=20, deadline=None)
@given(st.integers(-3, 3), st.integers(-3, 3))
def test_whole_pixels_shift_exactly(dx, dy):
    source = torch.rand(1, 2, 12, 12)
    flow = torch.tensor([float(dx), float(dy)]).view(1, 2, 1, 1).expand(1, 2, 12, 12)
    moved = block_extractor(source, flow, 1)
    torch.testing.assert_close(moved[..., 3:-3, 3:-3], source.roll((-dy, -dx), (2, 3))[..., 3:-3, 3:-3])


def test_zero_flow_fetches_the_picture_itself():
    picture = torch.rand(2, 3, 16, 12)
    torch.testing.assert_close(fetch_along(picture, torch.zeros(2, 2, 4, 3)), picture)


def test_a_flow_of_another_shape_is_refused():
    with pytest.raises(ShapeError, match="x before y"):
        block_extractor(torch.rand(1, 2, 8, 8), torch.rand(1, 3, 8, 8), 3)

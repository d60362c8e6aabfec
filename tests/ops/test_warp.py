import pytest
import torch
from torch.testing import assert_close

from core.errors import ShapeError
from core.ops.warp import backward_warp, fine_warp, pixel_centres, sample_at, twice


def picture(height=7, width=9, batch=2):
    return torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(0))


def test_no_flow_returns_the_picture():
    image = picture()
    assert_close(backward_warp(image, torch.zeros(2, 2, 7, 9)), image, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("dx", "dy"), [(1, 0), (0, 2), (-3, 1)])
def test_flow_of_whole_pixels_shifts_and_repeats_the_border(dx, dy):
    image = picture()
    flow = torch.tensor([dx, dy]).float().view(1, 2, 1, 1).expand(1, 2, 7, 9)
    rows = (torch.arange(7) + dy).clamp(0, 6)
    columns = (torch.arange(9) + dx).clamp(0, 8)
    assert_close(backward_warp(image, flow), image[..., rows, :][..., columns], atol=1e-5, rtol=0)


def test_the_centre_of_the_first_pixel_is_a_half():
    image = picture()
    assert_close(sample_at(image, torch.tensor([[[0.5, 0.5]]]))[..., 0], image[..., 0, 0])
    between = sample_at(image, torch.tensor([[[4.0, 2.5]]]))[..., 0]
    assert_close(between, (image[..., 2, 3] + image[..., 2, 4]) / 2)


def test_points_keep_their_axes():
    image = picture()
    assert sample_at(image, pixel_centres(7, 9)[None]).shape == (2, 3, 7, 9)
    assert sample_at(image, torch.rand(2, 5, 2)).shape == (2, 3, 5)


def test_a_flow_of_another_size_sets_the_output_size():
    assert backward_warp(picture(), torch.zeros(1, 2, 4, 5)).shape == (2, 3, 4, 5)


def test_gradients_reach_picture_and_flow():
    image = picture(4, 5, 1).double().requires_grad_()
    flow = (torch.rand(1, 2, 4, 5, dtype=torch.double) * 0.4 + 0.1).requires_grad_()
    assert torch.autograd.gradcheck(backward_warp, (image, flow))


@pytest.mark.parametrize("flow", [torch.zeros(2, 7, 9), torch.zeros(3, 2, 7, 9), torch.zeros(2, 3, 7, 9)])
def test_a_misshaped_flow_is_refused(flow):
    with pytest.raises(ShapeError, match="flow is"):
        backward_warp(picture(), flow)


def test_fine_warping_returns_the_picture_and_keeps_detail():
    image = picture(40, 48, 1)
    still, whole = torch.zeros(1, 2, 40, 48), torch.tensor([3.0, -2.0]).reshape(1, 2, 1, 1).expand(1, 2, 40, 48)
    assert_close(fine_warp(image, still), image, atol=1e-4, rtol=0)
    assert_close(fine_warp(image, whole)[..., 4:-4, 4:-4], image[..., 2:-6, 7:-1], atol=1e-4, rtol=0)
    assert_close(twice(image)[..., ::2, ::2], image)
    # A wave of a period of three pixels, moved by half of one: known everywhere.
    across = torch.arange(48.0)
    wave, moved = (torch.cos(2 * torch.pi * (across + by) / 3).expand(1, 3, 40, 48) for by in (0.0, 0.5))
    half = torch.tensor([0.5, 0.0]).reshape(1, 2, 1, 1).expand(1, 2, 40, 48)
    inner = (..., slice(6, -6), slice(6, -6))
    errors = [
        (made - moved)[inner].abs().max()
        for made in (fine_warp(wave, half), backward_warp(wave, half, "bicubic"), backward_warp(wave, half))
    ]
    assert errors[0] < 0.05 < errors[1] < errors[2]


def test_in_strips_a_lone_picture_comes_out_the_same():
    image = picture(48, 40, 1)
    flow = 5 * torch.randn(1, 2, 48, 40, generator=torch.Generator().manual_seed(2))
    for mode in ("bilinear", "bicubic"):
        whole = backward_warp(image, flow, mode)
        with torch.inference_mode():
            assert torch.equal(backward_warp(image, flow, mode), whole)

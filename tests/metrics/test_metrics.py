import math

import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from core.errors import ShapeError
from core.metrics import evenness, folded_share, psnr, sharpness, ssim, ssim_loss, step_sizes
from core.metrics.lpips import Lpips
from core.ops.warp import pixel_centres


def pair():
    random = torch.Generator().manual_seed(3)
    a = torch.rand(1, 3, 33, 40, generator=random)
    return a, (a + 0.1 * torch.randn(a.shape, generator=random)).clamp(0, 1)


def test_psnr_and_ssim_are_scikit_images():
    a, b = pair()
    x, y = (v[0].permute(1, 2, 0).double().numpy() for v in (a, b))
    assert psnr(a, b) == pytest.approx(peak_signal_noise_ratio(x, y, data_range=1))
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    wanted = structural_similarity(x, y, channel_axis=-1, data_range=1, **options)
    assert ssim(a, b) == pytest.approx(wanted, abs=1e-9)


def test_equal_pictures_are_perfect():
    a, _ = pair()
    assert psnr(a, a) == math.inf
    assert ssim(a, a) == pytest.approx(1)


def test_a_cross_fade_of_moved_edges_is_less_sharp_than_its_ends():
    a, b = pair()
    assert sharpness((a + b.flip(-1)) / 2) < 0.7 * min(sharpness(a), sharpness(b))


def test_steps_of_a_linear_fade_are_even_and_a_jump_is_not():
    a, b = pair()
    fade = torch.cat([a + (b - a) * t / 4 for t in range(5)])
    assert len(step_sizes(fade)) == 4
    assert evenness(fade) == pytest.approx(1, abs=1e-5)
    assert evenness(torch.cat([a, a, b])) == 0
    assert evenness(torch.cat([a, a])) == 1


def test_ssim_loss_is_scikit_images_uniform_window():
    a, b = pair()
    x, y = (v[0].permute(1, 2, 0).double().numpy() for v in (a, b))
    same = {"win_size": 7, "channel_axis": -1, "data_range": 1, "use_sample_covariance": False}
    assert ssim_loss(a.double(), b.double()).item() == pytest.approx(1 - structural_similarity(x, y, **same), abs=1e-9)
    wide = ssim_loss(a * 2 - 1, a * 2 - 1, data_range=2.0)
    assert wide.item() == pytest.approx(0, abs=1e-6)


def test_lpips_gives_one_distance_per_pair_and_none_for_equal_pictures():
    torch.manual_seed(0)
    judge = Lpips().requires_grad_(False).eval()
    for line in judge.lin:
        line.get_submodule("1").weight.abs_()
    a, b = (torch.rand(2, 3, 64, 64) * 2 - 1 for _ in range(2))
    found = judge(a, b)
    assert found.shape == (2,) and found.min() > 0
    assert torch.allclose(found, judge(b, a)) and judge(a, a).abs().max() == 0
    assert torch.allclose(found[:1], judge(a[:1], b[:1]), atol=1e-6)


def test_folds_are_counted():
    grid = pixel_centres(6, 8)
    assert folded_share(grid) == 0
    assert folded_share(grid.flip(1)) == 1
    folded = grid.clone()
    folded[2, 3, 0] += 1.5  # one point past its neighbour
    assert 0 < folded_share(folded) < 0.2


def test_unequal_sizes_are_refused():
    with pytest.raises(ShapeError, match="cannot be compared"):
        psnr(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 5))
    with pytest.raises(ShapeError, match="window"):
        ssim(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4))

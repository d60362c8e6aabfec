"""Box, Gaussian and guided filters against SciPy and against the guided filter's own definition."""

import cv2
import numpy as np
import pytest
import torch
from scipy import ndimage

from core.ops.filters import box_filter, gaussian_blur, guided_filter, max_filter
from core.ops.masks import signed_distance


def maps(channels=2):
    return torch.rand(1, channels, 17, 23, generator=torch.Generator().manual_seed(1), dtype=torch.double)


def test_box_maximum_and_gaussian_are_scipys():
    x = maps()
    for radius in (1, 3, 9):
        window = (0, 2 * radius + 1, 2 * radius + 1)
        wanted = ndimage.uniform_filter(x[0].numpy(), window, mode="nearest")
        assert np.allclose(box_filter(x, radius)[0].numpy(), wanted)
        wanted = ndimage.maximum_filter(x[0].numpy() - 2, (1, *window[1:]), mode="constant", cval=-9)
        assert np.array_equal(max_filter(x - 2, radius)[0].numpy(), wanted), "below 0 as well"
    for padding, mode in (("replicate", "nearest"), ("reflect", "mirror")):
        wanted = ndimage.gaussian_filter(x[0].numpy(), (0, 1.3, 1.3), radius=(0, 4, 4), mode=mode)
        assert np.allclose(gaussian_blur(x, 1.3, 4, padding)[0].numpy(), wanted)


def test_a_box_in_half_precision_sums_in_single():
    ones = torch.full((1, 1, 64, 64), 1 / 3).bfloat16()
    assert torch.equal(box_filter(ones, 20), ones)


def test_guided_filter_fits_a_line_in_every_window():
    guide, x = maps(1), maps(2)
    linear = torch.cat([2 * guide + 1, -guide], 1)
    mean = lambda y: box_filter(y, 2)  # noqa: E731
    assert torch.allclose(guided_filter(guide, linear, mean, 1e-12), linear, atol=1e-6)
    # Where no edge of the guide counts it is two plain means.
    assert torch.allclose(guided_filter(guide, x, mean, 1e9), mean(mean(x)), atol=1e-6)


@pytest.mark.parametrize("side", [0, 1])
def test_a_mask_without_an_end_has_distances_that_can_be_worked_with(side):
    """They were 3e38, whose blur is endless, and a person who filled a picture came out black."""
    found = signed_distance(np.full((20, 30), side, np.float32))
    assert np.isfinite(cv2.GaussianBlur(found, (0, 0), 3)).all() and (1 if side else -1) * found.min() > 0

"""Edges that go on behind a hole: which are drawn, which are not, and from what."""

import numpy as np
import pytest

from core.ops.patch_fill import fill_holes
from core.ops.patch_lines import continue_lines, find_ends

HOLE = np.zeros((120, 160), bool)
HOLE[18:102, 50:110] = True
NOTHING = np.zeros_like(HOLE)
WALL, BAR = np.uint8([60, 80, 100]), np.uint8([170, 180, 190])


def grainy(picture: np.ndarray, sigma: float = 4.0) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, sigma, (*picture.shape[:2], 1))
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def with_bar(lower: np.ndarray = BAR, slope: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """A wall with an upright bar whose lower half has a colour of its own, and where the bar is."""
    y, x = np.mgrid[:120, :160]
    bar = np.abs(x - 80 - slope * (y - 60)) < 8
    colours = np.where((y < 60)[..., None], BAR, lower)
    return grainy(np.where(bar[..., None], colours, WALL)), bar


def holed(picture: np.ndarray) -> np.ndarray:
    return np.where(HOLE[..., None], np.uint8(255), picture)


@pytest.mark.parametrize("slope", [0.0, 0.25])
def test_a_bar_goes_on_through_a_hole_with_its_grain(slope: float):
    """Of the bar a sixth of its length is known at each end: patches alone leave it broken."""
    picture, bar = with_bar(slope=slope)
    out = fill_holes(holed(picture), HOLE)
    assert np.array_equal(out[~HOLE], picture[~HOLE])
    off = np.abs(out.astype(np.float32) - np.where(bar[..., None], BAR, WALL)).max(2)
    assert (off[HOLE] < 40).mean() > 0.95
    inner = np.s_[30:90, 75:86] if slope == 0 else np.s_[55:65, 77:84]
    assert 0.5 < out[inner].std((0, 1)).mean() / picture[inner].std((0, 1)).mean() < 1.5


def test_an_edge_is_not_led_to_one_that_looks_different():
    picture, _ = with_bar(lower=np.uint8([20, 20, 20]))
    assert len(find_ends(holed(picture), HOLE, HOLE).place) >= 4
    assert not continue_lines(holed(picture), HOLE, NOTHING)[1].any()


def test_texture_draws_nothing():
    picture = grainy(np.full((120, 160, 3), 120.0), 30)
    assert not continue_lines(holed(picture), HOLE, NOTHING)[1].any()


def test_bands_take_nothing_from_hole_or_what_is_forbidden():
    picture, _ = with_bar()
    forbidden = NOTHING.copy()
    forbidden[:, :68] = True
    forbidden &= ~HOLE
    made = []
    for colour in (0, 255):
        picture[HOLE | forbidden] = colour
        out, drawn = continue_lines(picture, HOLE, forbidden)
        assert np.array_equal(out[~drawn], picture[~drawn]) and not (drawn & ~HOLE).any()
        made.append(np.where(drawn[..., None], out, 0))
    assert drawn.any() and np.array_equal(*made)


def test_a_hole_with_nothing_to_copy_beside_it_is_filled_without_lines():
    picture, _ = with_bar()
    forbidden = NOTHING.copy()
    forbidden[8:112, 40:120] = True
    assert not continue_lines(picture, HOLE, forbidden & ~HOLE)[1].any()
    out = fill_holes(holed(picture), HOLE, forbidden=forbidden & ~HOLE)
    assert np.array_equal(out[~HOLE], picture[~HOLE]) and out[HOLE].max() < 250

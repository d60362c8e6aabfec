"""The shared filler: what it must not touch, what it must not copy, and what it closes."""

import threading

import cv2
import numpy as np
import pytest

from core.errors import InputError, ShapeError
from core.ops import patch_fill
from core.ops.patch_fill import fill_holes


def checks(high: int = 120, wide: int = 160, period: int = 10) -> np.ndarray:
    """A checkerboard (high, wide, 3) uint8 of two colours."""
    y, x = np.mgrid[:high, :wide]
    dark = ((y // period + x // period) % 2).astype(bool)
    return np.where(dark[..., None], np.uint8([40, 60, 90]), np.uint8([210, 190, 150])).astype(np.uint8)


def square(shape: tuple[int, int], y: int, x: int, side: int) -> np.ndarray:
    hole = np.zeros(shape, bool)
    hole[y : y + side, x : x + side] = True
    return hole


def test_a_texture_goes_on_in_the_hole_and_nothing_else_changes():
    picture, hole = checks(), square((120, 160), 40, 60, 40)
    holed = np.where(hole[..., None], np.uint8(255), picture)
    before = holed.copy()
    out = fill_holes(holed, hole)
    assert np.array_equal(holed, before)
    assert np.array_equal(out[~hole], picture[~hole])
    # A smear lies between both colours; texture is one of them.
    colours = np.int16([[40, 60, 90], [210, 190, 150]])
    off = np.abs(out[hole][:, None].astype(np.int16) - colours).max(2).min(1)
    assert (off < 30).mean() > 0.9


def test_what_is_forbidden_is_not_copied():
    picture = np.random.default_rng(0).integers(90, 110, (100, 100, 3)).astype(np.uint8)
    forbidden, hole = square((100, 100), 30, 10, 30), square((100, 100), 30, 40, 30)
    filled = []
    for colour in ((255, 0, 0), (0, 40, 200)):
        picture[forbidden] = colour
        filled.append(fill_holes(picture, hole, forbidden=forbidden))
        assert np.array_equal(filled[-1][~hole], picture[~hole])
    assert np.array_equal(filled[0][hole], filled[1][hole])
    assert filled[0][hole].min() >= 80 and filled[0][hole].max() <= 120


@pytest.mark.parametrize("place", ["top", "left", "frame", "two", "band"])
def test_holes_at_every_border_are_closed(place: str):
    picture, hole = checks(90, 110), np.zeros((90, 110), bool)
    cuts = {
        "top": np.s_[:20],
        "left": np.s_[:, :10],
        "frame": np.s_[:],
        "two": np.s_[:12, :12],
        "band": np.s_[:, 40:50],
    }
    hole[cuts[place]] = True
    if place == "frame":
        hole[15:-15, 15:-15] = False
    if place == "two":
        hole[-12:, -12:] = True
    out = fill_holes(np.where(hole[..., None], np.uint8(0), picture), hole)
    assert np.array_equal(out[~hole], picture[~hole])
    assert (out[hole].min(1) >= 20).mean() > 0.97  # what lay in the hole was 0


def test_little_that_is_known_fills_much_without_new_colours():
    picture = np.random.default_rng(0).integers(90, 110, (60, 60, 3)).astype(np.uint8)
    hole = ~square((60, 60), 0, 0, 8)
    out = fill_holes(np.where(hole[..., None], np.uint8(255), picture), hole)
    assert out.min() >= 60 and out.max() <= 140


@pytest.mark.parametrize("shape", [(1, 2), (3, 3), (6, 40), (15, 15)])
def test_tiny_pictures_are_filled_from_what_there_is(shape: tuple[int, int]):
    picture, hole = np.full((*shape, 3), 77, np.uint8), np.zeros(shape, bool)
    hole[0, 0], picture[0, 0] = True, 255
    assert np.array_equal(fill_holes(picture, hole), np.full((*shape, 3), 77, np.uint8))


def test_a_hole_filled_at_a_smaller_size_is_as_sharp_as_the_picture(monkeypatch: pytest.MonkeyPatch):
    """A third of the size: enlarging alone leaves a hundredth of the Laplacian's energy."""
    monkeypatch.setattr(patch_fill, "FILL", patch_fill.FillConstants(most_hole_px=400))
    coarse = np.random.default_rng(3).integers(80, 160, (16, 20, 3)).astype(np.uint8)
    grain = np.random.default_rng(4).normal(0, 12, (160, 200, 1))
    picture = np.clip(cv2.resize(coarse, (200, 160), interpolation=cv2.INTER_CUBIC) + grain, 0, 255).astype(np.uint8)
    hole = square((160, 200), 50, 70, 60)
    out = fill_holes(np.where(hole[..., None], np.uint8(255), picture), hole, forbidden=square((160, 200), 0, 0, 20))
    assert np.array_equal(out[~hole], picture[~hole])
    energy = [np.square(cv2.Laplacian(one, cv2.CV_32F)[55:105, 75:125]).mean() for one in (out, picture)]
    assert 0.6 < energy[0] / energy[1] < 1.5
    assert abs(out[hole].mean() - picture[~hole].mean()) < 25


def test_threads_get_what_one_alone_gets():
    picture, hole = checks(), square((120, 160), 40, 60, 30)
    alone, got = fill_holes(picture, hole), []
    threads = [threading.Thread(target=lambda: got.append(fill_holes(picture, hole))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 3 and all(np.array_equal(alone, one) for one in got)


def test_bad_input_is_told():
    picture, hole = checks(), np.zeros((120, 160), bool)
    assert np.array_equal(fill_holes(picture, hole), picture)
    with pytest.raises(InputError, match="covers the whole picture of 160 x 120"):
        fill_holes(picture, ~hole)
    hole[:60] = True
    with pytest.raises(InputError, match="must not be copied from"):
        fill_holes(picture, hole, forbidden=~hole)
    with pytest.raises(ShapeError, match="hole"):
        fill_holes(picture, hole[1:])
    with pytest.raises(ShapeError, match="uint8"):
        fill_holes(picture / 255, hole)

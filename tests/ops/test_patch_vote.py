"""Filling by votes: what goes on behind a hole, where it was copied from, and which seams close."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from core.ops import patch_search
from core.ops.patch_seams import close_seams
from core.ops.patch_search import Patches, find_nearest, valid_centres
from core.ops.patch_vote import fill_by_votes

HOLE = np.zeros((80, 100), bool)
HOLE[12:68, 35:70] = True
WALL, BAR = np.uint8([60, 80, 100]), np.uint8([170, 180, 190])


def grainy(picture: np.ndarray, sigma: float = 4.0) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, sigma, (*picture.shape[:2], 1))
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def described(picture: np.ndarray, hole: np.ndarray) -> Patches:
    return Patches(np.dstack([picture, np.zeros((*hole.shape, 2))]).astype(np.float32), hole, ~hole)


def test_a_filling_tells_where_it_was_copied_from():
    picture = grainy(np.full((60, 70, 3), 120.0), 30)
    hole, forbidden = np.zeros((2, 60, 70), bool)
    hole[20:40, 25:45], forbidden[:, :20] = True, True
    out, source = fill_by_votes(picture, hole, forbidden)
    assert np.array_equal(out[~hole], picture[~hole])
    rows, columns = source[hole].T
    assert not (hole | forbidden)[rows, columns].any()
    assert np.median(np.abs(out[hole].astype(int) - picture[rows, columns])) < 12


@pytest.mark.parametrize("most", [1e9, 0])
def test_the_patch_that_was_copied_is_found_again(most: float, monkeypatch: pytest.MonkeyPatch):
    """By comparing all pairs and by PatchMatch."""
    monkeypatch.setattr(patch_search, "SEARCH", replace(patch_search.SEARCH, exact_most=most, rows=0, columns=0))
    coarse = np.random.default_rng(5).integers(0, 255, (15, 15, 3)).astype(np.float32)
    picture = cv2.resize(coarse, (60, 60), interpolation=cv2.INTER_CUBIC)
    hole = np.zeros((60, 60), bool)
    hole[40:52, 40:52] = True
    patches, rng = described(picture, hole), np.random.default_rng(0)
    filled = patches.picture.copy()
    filled[36:56, 36:56] = filled[6:26, 11:31]
    wanted, nearest = patches.describe_hole(filled), patches.draw(rng)
    for turn in range(6):
        nearest, _ = find_nearest(patches, wanted, nearest, (4, 2, 1), turn, rng)
    y, x = np.divmod(nearest, 60)
    inner = (np.abs(patches.rows - 46) < 6) & (np.abs(patches.columns - 46) < 6)
    assert ((y - patches.rows == -30) & (x - patches.columns == -25))[inner].mean() > 0.95


def test_texture_is_not_tiled_from_one_piece():
    """Of leaves, few pixels come from a place that gave four or more: without a price on that, 0.37 of them do."""
    rng, picture = np.random.default_rng(3), np.full((220, 220, 3), (60, 120, 40), np.uint8)
    for _ in range(900):
        x, y, *colour = (int(value) for value in (*rng.integers(0, 220, 2), *rng.integers(40, 230, 3)))
        cv2.ellipse(picture, (x, y), (6, 2), float(rng.uniform(0, 180)), 0, 360, tuple(colour), -1, cv2.LINE_AA)
    hole = np.zeros((220, 220), bool)
    hole[60:160, 60:160] = True
    _, source = fill_by_votes(picture, hole, np.zeros_like(hole))
    flat = source[hole] @ (220, 1)
    assert (np.bincount(flat)[flat] >= 4).mean() < 0.1


def test_patches_lie_wholly_in_what_is_known():
    known = np.ones((20, 20), bool)
    known[10, 10] = False
    valid = valid_centres(known)
    assert not valid[:3].any() and not valid[7:14, 7:14].any() and valid[3:7, 3:17].all()


@pytest.mark.parametrize(("jump", "left"), [(6.0, 0.35), (90.0, 0.9)])
def test_small_steps_between_pieces_close_and_edges_stay(jump: float, left: float):
    """Right of the middle the hole is copied from a part that is brighter by the jump."""
    picture = np.full((40, 80, 3), 100, np.float32)
    picture[20:, :] += jump
    hole = np.zeros((40, 80), bool)
    hole[4:14, 30:50] = True
    y, x = np.nonzero(hole)
    source = np.where(x < 40, y, y + 22) * 80 + x
    out = picture.astype(np.float64)
    out[hole] = close_seams(picture, hole, ~hole, source)
    step = (out[4:14, 40] - out[4:14, 39]).mean() / jump
    assert step < left if left < 0.5 else step > left
    assert np.array_equal(out[~hole], picture[~hole].astype(np.float64))

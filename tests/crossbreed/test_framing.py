"""The square around a head: inside its photo where it can be, without streaks beyond, points whatever the margin."""

import numpy as np
import pytest
import torch
from PIL import Image

from core.animals.head_alignment.alignment import box_points
from core.animals.head_alignment.framing import cut_square, frame_head, frame_picture, move_inside
from core.image import Box
from tests.conftest import ROOT

PETS = sorted((ROOT / "core" / "ui" / "examples" / "pets").glob("*.png"))


def inside(box: Box, size: tuple[int, int]) -> bool:
    return box.left >= 0 and box.top >= 0 and box.right <= size[0] and box.bottom <= size[1]


@pytest.mark.parametrize("head", [Box(5, 5, 65, 60), Box(120, 30, 195, 98), Box(60, 0, 140, 80)])
def test_the_square_stays_in_the_photo_and_holds_the_head(head):
    size = (200, 100)
    square = frame_head(head, 0.25, size)
    assert inside(square, size) and abs(square.width - square.height) < 1e-9
    assert square.left <= head.left and square.right >= head.right and square.top <= head.top
    assert square.bottom >= head.bottom


def test_room_is_kept_where_there_is_some():
    square = frame_head(Box(400, 300, 500, 400), 0.25, (1000, 800))
    assert tuple(square) == (375, 275, 525, 425)


def test_a_head_larger_than_the_photos_short_side_leaves_it_evenly():
    square = move_inside(Box(-30, -40, 150, 140), (200, 100))
    assert tuple(square) == (0, -40, 180, 140)


def test_beyond_the_photo_texture_goes_on_and_no_row_is_repeated():
    rng = np.random.default_rng(0)
    photo = Image.fromarray(rng.integers(60, 190, (90, 120, 3)).astype(np.uint8))
    cut = np.asarray(cut_square(photo, Box(0, -30, 120, 90), 120), int)
    assert np.array_equal(cut[30:], np.asarray(photo))
    steps = np.abs(np.diff(cut[:28], axis=0)).mean()
    assert steps > 0.5 * np.abs(np.diff(cut[30:], axis=0)).mean(), "an edge that repeats has no steps at all"


def test_points_do_not_depend_on_the_margin():
    picture = Image.open(PETS[1]).convert("RGB")
    places = []
    for margin in (0.0, 0.25, 0.6):
        framed = frame_picture(picture, None, None, margin)
        places.append(framed.points * framed.square.width + torch.tensor([framed.square.left, framed.square.top]))
        assert framed.spread < 0.13
    assert max((place - places[0]).abs().max() for place in places) < 0.5


def test_boxes_of_any_kind_of_number_give_points_in_single_precision():
    """The page's boxes are numpy's; points in double precision would not mix with weights."""
    picture = Image.open(PETS[0]).convert("RGB")
    box = Box(*np.array([40.0, 50.0, picture.width - 40.0, picture.height - 30.0]))
    framed = [frame_picture(picture, None, box, 0.25), frame_picture(picture, box, None, 0.25)]
    assert {head.points.dtype for head in framed} == {box_points(framed[0]).dtype} == {torch.float32}

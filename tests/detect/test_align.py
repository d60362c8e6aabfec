"""Cutting a face out and laying it back."""

import numpy as np
import pytest
from PIL import Image

from core.detect.align import align_face, face_quad
from core.errors import InputError, ShapeError
from tests.conftest import gradient_picture


def face_points(centre=(200.0, 180.0), scale=60.0, angle_deg=0.0) -> np.ndarray:
    """68 points of which only eyes and mouth corners matter."""
    points = np.zeros((68, 2))
    points[36:42], points[42:48] = (-0.5, 0), (0.5, 0)
    points[48], points[54] = (-0.4, 1), (0.4, 1)
    angle = np.deg2rad(angle_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return points * scale @ turn.T + centre


def smooth_picture(width=420, height=380) -> Image.Image:
    return gradient_picture(42, 38).resize((width, height), Image.Resampling.BICUBIC)


def in_crop(aligned, points: np.ndarray) -> np.ndarray:
    """Points (N, 2) of the whole picture in the aligned one."""
    corner, lower, _, right = aligned.quad
    axes = np.stack((right - corner, lower - corner), axis=1)
    return np.linalg.solve(axes, (points - corner).T).T * aligned.picture.size


@pytest.mark.parametrize("angle", [0, 25, -60])
def test_the_quad_turns_with_the_face_and_the_eyes_come_out_level(angle):
    points = face_points(angle_deg=angle)
    aligned = align_face(smooth_picture(), points, 128)
    eyes = in_crop(aligned, points[[36, 42]])
    assert eyes[0, 1] == pytest.approx(eyes[1, 1], abs=1e-6) and eyes[0, 0] < eyes[1, 0]
    assert aligned.picture.size == (128, 128)


def test_just_crop_keeps_the_pictures_axes():
    quad = face_quad(face_points(angle_deg=25), just_crop=True)
    assert quad[0, 0] == quad[1, 0] and quad[0, 1] == quad[3, 1]


@pytest.mark.parametrize("angle", [0, 20])
@pytest.mark.parametrize("size", [64, 256])
def test_laying_the_unchanged_face_back_changes_nothing(angle, size):
    whole = smooth_picture()
    aligned = align_face(whole, face_points(angle_deg=angle), size)
    error = np.asarray(aligned.paste_back(whole, aligned.picture), int) - np.asarray(whole, int)
    # The published cut rounds down, which costs up to a level.
    assert np.abs(error).max() <= 12 and np.abs(error).mean() < 0.3 and abs(error.mean()) < 0.1


def test_a_changed_face_lands_in_its_place_and_fades_out():
    whole = smooth_picture()
    points = face_points(angle_deg=20)
    aligned = align_face(whole, points, 96)
    changed = aligned.paste_back(whole, Image.new("RGB", (192, 192), (255, 0, 0)))
    assert changed.size == whole.size
    centre = tuple(aligned.quad.mean(0).astype(int))
    assert changed.getpixel(centre) == (255, 0, 0)
    outside = tuple((aligned.quad[0] - (3, 3)).astype(int))
    assert changed.getpixel(outside) == whole.getpixel(outside)
    steps = np.abs(np.diff(np.asarray(changed, int)[:, centre[0]], axis=0)).max()
    assert steps < 60, "the rim is faded, not cut"


def test_a_face_at_the_edge_is_filled_up_and_laid_back():
    whole = smooth_picture()
    aligned = align_face(whole, face_points(centre=(20, 30)), 64)
    assert aligned.picture.size == (64, 64)
    assert aligned.paste_back(whole, Image.new("RGB", (64, 64), (0, 255, 0))).getpixel((20, 40)) == (0, 255, 0)


def test_a_large_face_beyond_the_edge_is_filled_up_as_a_small_one_is():
    """A wide blur is made at a smaller size: the picture must not show it."""
    small, scale = smooth_picture(), 4
    large = small.resize((scale * small.width, scale * small.height), Image.Resampling.BICUBIC)
    crops = []
    for picture, zoom in ((small, 1), (large, scale)):
        side = 240 * zoom
        points = face_points(centre=(80 * zoom, 90 * zoom), scale=60 * zoom)
        crops.append(
            align_face(picture, points, side, transform_px=side).picture.resize((120, 120), Image.Resampling.BOX)
        )
    first, second = (np.asarray(crop, int) for crop in crops)
    assert np.abs(first - second).mean() < 1.5


def test_misfits_are_refused():
    with pytest.raises(ShapeError, match="68"):
        face_quad(np.zeros((478, 2)))
    with pytest.raises(InputError, match="correct the landmarks"):
        face_quad(np.ones((68, 2)))
    with pytest.raises(InputError, match="outside the picture"):
        align_face(smooth_picture(), face_points(centre=(5000, 5000)), 64)

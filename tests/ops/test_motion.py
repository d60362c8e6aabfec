"""Pictures between two frames: by motion, where it can be seen; the nearer frame at a cut."""

import cv2
import numpy as np
import pytest

from core.errors import ShapeError
from core.ops.motion import Motion, pictures_between


def texture(seed: int, height: int = 160, width: int = 208) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    return ((smooth - smooth.mean()) * 5 + 128).clip(0, 255).astype(np.uint8)


def scene(left: int) -> np.ndarray:
    """A textured square at a place before a ground that stands still."""
    frame = texture(1)
    frame[40:110, left : left + 70] = texture(2)[:70, :70]
    return frame


def error(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sqrt(((a.astype(float) - b) ** 2).mean()))


def test_the_middle_is_half_way_where_a_fade_shows_two():
    first, second, wanted = scene(60), scene(68), scene(64)
    (made,) = pictures_between(first, second, 2)
    fade = (first.astype(float) + second) / 2
    assert error(made[20:130], wanted[20:130]) < 0.4 * error(fade[20:130], wanted[20:130])
    assert error(made[130:], first[130:]) < 2, "what stands still stays"


def test_times_in_between_and_size():
    first, second = texture(3), np.roll(texture(3), 8, axis=1)
    made = list(pictures_between(first, second, 4))
    assert len(made) == 3 and all(picture.shape == first.shape and picture.dtype == np.uint8 for picture in made)
    for step, picture in enumerate(made, 1):
        wanted = np.roll(first, 2 * step, axis=1)
        assert error(picture[10:-10, 20:-20], wanted[10:-10, 20:-20]) < 8


def test_two_scenes_are_not_laid_over_one_another():
    first, second = texture(4), 255 - texture(5)
    motion = Motion(first, second)
    assert not motion.is_one_scene
    assert np.array_equal(motion.at(0.3), first) and np.array_equal(motion.at(0.7), second)


def test_frames_of_two_sizes_are_told():
    with pytest.raises(ShapeError, match="one size"):
        Motion(texture(1), texture(1)[:50])

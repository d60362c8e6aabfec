"""Blending, gradient-domain cloning and the common frame."""

import numpy as np
import pytest
from PIL import Image

from core.errors import InputError, OptionError, ShapeError
from core.implicit.methods.blending.blend import ONTO_BACKGROUND, PLAIN, blend
from core.implicit.methods.letterbox.letterbox import frame_size, letterbox
from core.implicit.methods.poisson_solver.solver import clone, guidance
from core.implicit.options import BACKGROUNDS, FILLS, WARPED_BLENDS

RNG = np.random.RandomState(0)


def smooth(seed: int, size=(60, 48)) -> np.ndarray:
    rng = np.random.RandomState(seed)
    small = Image.fromarray(rng.randint(40, 215, (6, 5, 3)).astype(np.uint8))
    return np.asarray(small.resize((size[1], size[0]), Image.Resampling.BICUBIC)).astype(np.float32) / 255


FIRST, SECOND = smooth(1), smooth(2)
MASK = np.zeros((60, 48), bool)
MASK[15:45, 12:36] = True


def test_every_name_has_its_way():
    assert set(PLAIN) | set(ONTO_BACKGROUND) == set(WARPED_BLENDS)


@pytest.mark.parametrize("kind", WARPED_BLENDS)
@pytest.mark.parametrize("background", BACKGROUNDS)
def test_every_blend_gives_a_picture_with_the_chosen_background(kind, background):
    frame = blend(FIRST, SECOND, 0.3, kind, MASK, background)
    assert frame.shape == FIRST.shape and frame.dtype == np.float32
    assert frame.min() >= 0 and frame.max() <= 1
    if kind in ONTO_BACKGROUND:
        plain = np.full_like(FIRST, (FIRST.mean((0, 1)) + SECOND.mean((0, 1))) / 2)
        around = {"first": FIRST, "second": SECOND, "crossfade": 0.7 * FIRST + 0.3 * SECOND, "plain": plain}[background]
        assert np.abs(frame - around)[:10].max() < 1e-6


def test_plain_blends():
    assert np.array_equal(blend(FIRST, SECOND, 0.0, "linear"), FIRST)
    assert np.abs(blend(FIRST, SECOND, 1.0, "linear") - SECOND).max() < 1e-6
    assert np.array_equal(blend(FIRST, SECOND, 0.5, "max"), np.maximum(FIRST, SECOND))
    assert np.array_equal(blend(FIRST, SECOND, 0.5, "second"), SECOND)


def test_masked_linear_is_the_crossfade_deep_inside():
    frame = blend(FIRST, SECOND, 0.4, "linear_masked", MASK, "first")
    assert np.abs(frame[30, 24] - (0.6 * FIRST + 0.4 * SECOND)[30, 24]).max() < 0.02


def test_cloning_a_shifted_copy_removes_the_shift():
    right, down = guidance(FIRST + 0.2, SECOND, 0.5, "first")
    assert np.abs(clone(FIRST, right, down, MASK) - FIRST).max() < 1e-6


def test_the_region_may_touch_the_edge_or_be_everything():
    right, down = guidance(FIRST, SECOND, 0.5, "first")
    touching = MASK.copy()
    touching[:20, :20] = True
    assert np.abs(clone(FIRST, right, down, touching) - FIRST).max() < 1e-6
    assert np.abs(clone(FIRST, right, down, np.ones_like(MASK)) - FIRST).max() < 1e-6
    assert np.array_equal(clone(FIRST, right, down, np.zeros_like(MASK)), FIRST.astype(np.float64))


def test_inside_the_clone_the_gradients_are_the_wanted_ones():
    right, down = guidance(FIRST, SECOND, 0.5, "second")
    result = clone(FIRST, right, down, MASK)
    divergence = np.diff(np.diff(result, axis=1), axis=1)[1:-1] + np.diff(np.diff(result, axis=0), axis=0)[:, 1:-1]
    wanted = np.diff(right, axis=1)[1:-1] + np.diff(down, axis=0)[:, 1:-1]
    assert np.abs(divergence - wanted)[18:40, 15:32].max() < 1e-6


def test_mixed_guidance_takes_the_stronger():
    flat = np.full_like(FIRST, 0.5)
    for a, b in ((flat, SECOND), (SECOND, flat)):
        assert np.array_equal(guidance(a, b, 0.5, "mixed")[0], np.diff(SECOND, axis=1))


@pytest.mark.parametrize("kind", ["linear", "max", "seamless_mix"])
def test_matched_colours_lie_between_both(kind):
    light, dark = 0.6 + 0.2 * FIRST, 0.1 + 0.2 * FIRST
    for weight in (0.0, 0.5, 1.0):
        matched = blend(light, dark, weight, kind, MASK, "crossfade", match="on")
        wanted = light + np.float32(weight) * (dark - light)
        assert np.abs(matched - wanted)[MASK].mean() < 0.02
    with pytest.raises(OptionError, match="matching"):
        blend(light, dark, 0.5, "linear", match="sometimes")


@pytest.mark.parametrize("kind", ["seamless_mix", "poisson_mixed"])
def test_the_stronger_gradients_of_both_do_not_blow_skin_out(kind):
    # Steep up and slow down in one, the reverse in the other: the stronger ones alone climb and climb.
    saw = (np.arange(48) % 12 / 12)[None, :, None] * np.ones((60, 1, 3))
    first, second = (0.5 + 0.3 * (one - 0.5) for one in (saw.astype(np.float32), saw[:, ::-1].astype(np.float32)))
    frame = blend(first, second, 0.5, kind, MASK, "crossfade")
    rows = frame[22:38, 16:32].mean((0, 2))
    assert np.abs(rows.mean() - 0.5) < 0.05 and rows.max() < 0.75 and rows.min() > 0.25


def test_mistakes_are_named():
    with pytest.raises(OptionError, match="seamless_mix"):
        blend(FIRST, SECOND, 0.5, "seamles_mix")
    with pytest.raises(OptionError, match="background"):
        blend(FIRST, SECOND, 0.5, "linear", background="third")
    with pytest.raises(InputError, match="face region"):
        blend(FIRST, SECOND, 0.5, "seamless_mix")
    with pytest.raises(ShapeError):
        blend(FIRST, SECOND[:-1], 0.5)
    with pytest.raises(OptionError):
        guidance(FIRST, SECOND, 0.5, "third")


@pytest.mark.parametrize("fill", FILLS)
def test_the_whole_picture_is_kept_undistorted(fill):
    picture = Image.fromarray(RNG.randint(0, 255, (50, 100, 3)).astype(np.uint8))
    framed, where = letterbox(picture, (80, 80), fill)
    assert framed.size == (80, 80)
    assert where.scale_x == where.scale_y == 0.8 and (where.left, where.top) == (0, 20)
    corners = np.array([[0, 0], [100, 50]])
    assert np.array_equal(where.to_frame(corners), [[0, 20], [80, 60]])
    assert np.allclose(where.to_picture(where.to_frame(corners)), corners)


def test_frame_sizes():
    assert frame_size((1000, 500), (500, 1000), 512, "first") == (512, 256)
    assert frame_size((1000, 500), (500, 1000), 512, "second") == (256, 512)
    assert frame_size((1000, 500), (500, 1000), 512, "between") == (512, 512)
    assert (
        frame_size((333, 777), (1, 1), 101, "first") == (44, 100)
        or frame_size((333, 777), (1, 1), 101, "first")[1] % 2 == 0
    )
    with pytest.raises(OptionError):
        frame_size((2, 2), (2, 2), 64, "third")

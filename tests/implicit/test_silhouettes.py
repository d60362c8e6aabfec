"""Two people in one outline: nothing is stretched, and faces stay."""

import cv2
import numpy as np

from core.implicit.methods.layers.harmonic import harmonic
from core.implicit.methods.layers.layers import compose, take_apart
from core.implicit.methods.layers.silhouettes import bend_people
from core.ops.masks import signed_distance

SIZE = 96
HERE = np.stack(np.meshgrid(*(np.arange(SIZE, dtype=np.float32),) * 2), -1)


def ellipse(wide: int, high: int) -> np.ndarray:
    """(SIZE, SIZE) float32, 1 inside."""
    mask = np.zeros((SIZE, SIZE), np.float32)
    cv2.ellipse(mask, (48, 48), (wide, high), 0, 0, 360, 1, -1)
    return mask


MASKS = ellipse(36, 22), ellipse(22, 36)
DEPTHS = tuple(signed_distance(mask) for mask in MASKS)
FACES = (ellipse(9, 9),) * 2


def bent(left: float):
    return bend_people(DEPTHS, FACES, (np.full((SIZE, SIZE), left, np.float32),) * 2)


def seen(mask: np.ndarray, bend) -> np.ndarray:
    """(SIZE, SIZE) in [0, 1]: a mask as it is seen bent."""
    at = HERE + bend.offset
    return cv2.remap(mask, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def test_both_people_get_the_outline_of_what_both_cover():
    common = np.minimum(*MASKS)
    for mask, bend in zip(MASKS, bent(0.0), strict=True):
        now = seen(mask, bend) * (bend.depth > 0)
        assert np.abs((now > 0.5) - common).mean() < 0.03 < 0.08 < np.abs(mask - common).mean()
        assert np.linalg.norm(bend.offset[44:53, 44:53], axis=-1).max() < 0.6, "the face stays"


def test_nothing_is_stretched():
    for bend in bent(0.0):
        across, down = np.gradient(HERE + bend.offset, axis=1), np.gradient(HERE + bend.offset, axis=0)
        area = across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0]
        inside = cv2.erode((np.minimum(*MASKS) > 0).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
        assert np.percentile(area[inside], 2) > 0.8 and area[inside].min() > 0, (
            "a pixel looks at no less than a pixel, and nothing folds"
        )


def test_each_has_its_own_outline_in_the_end_and_grows_towards_it():
    for mask, bend in zip(MASKS, bent(1.0), strict=True):
        assert np.abs(bend.offset).max() < 1e-3
        assert np.abs((bend.depth > 0) - mask).mean() < 0.02
    areas = [[(bend.depth > 0).mean() for bend in bent(left)] for left in (0.0, 0.3, 0.6, 1.0)]
    assert (np.diff(areas, axis=0) > 0.005).all()


def test_values_between_given_ones_are_harmonic():
    ramp = (HERE @ np.array([[1.0], [2.0]]))[:24, :24].astype(np.float32)
    free = np.zeros((24, 24), bool)
    free[1:-1, 1:-1] = True
    given = np.where(free[..., None], 0, ramp)
    assert np.abs(harmonic(given, free, np.ones_like(free)) - ramp).max() < 1e-3
    half = np.zeros((24, 24, 1), np.float32)
    half[0] = 1
    free[:] = True
    free[0] = False
    assert harmonic(half, free, np.ones_like(free)).min() > 0.99, "edges of the frame let nothing through"


def test_colours_that_change_before_details_stain_nothing_beyond_the_people():
    levels = ((60, 200), (140, 200))
    pictures = [
        np.rint(MASKS[0][..., None] * one + (1 - MASKS[0][..., None]) * behind).repeat(3, -1) for one, behind in levels
    ]
    layers = [take_apart(picture.astype(np.uint8), MASKS[0], MASKS[0]) for picture in pictures]
    shown = [np.float32(picture) / 255 for picture in pictures]
    back = np.full_like(shown[0], 200 / 255)
    share, detail = np.full((SIZE, SIZE, 1), 0.5, np.float32), np.zeros((SIZE, SIZE, 1), np.float32)
    frame = compose(tuple(shown), tuple(layers), back, (0.5, 0.5), share, None, detail)[..., 0] * 255
    assert abs(frame[48, 48] - 100) < 2, "the colour is half way"
    assert np.abs(frame[DEPTHS[0] < -3] - 200).max() < 1

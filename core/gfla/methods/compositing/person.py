"""A person cut out of a picture before plain grey, and laid back where it stood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage
from torch import Tensor

from core.detect.segment import person_mask
from core.image import Box, crop_box, resize, to_tensor


@dataclass(frozen=True)
class CompositingSettings:
    """What tunes the method.

    Attributes:
        mask_low, mask_rise: the detector's rim is soft and wide and the network was trained on sharp cut-outs: alpha
            rises from 0 at the first value of its mask to 1 within the second.
        least_alpha: the person's own colour is not told from less than this share of a pixel.
        margin_px: width of the square by which the hole grows, so that no rim of the person is left beside it.
        fill_sigmas_px: deviations of the Gaussians that fill the hole, from fine to coarse, each thrice the last.
    """

    mask_low: float = 0.4
    mask_rise: float = 0.3
    least_alpha: float = 0.25
    margin_px: tuple[int, int] = (9, 9)
    fill_sigmas_px: tuple[int, ...] = (2, 6, 18, 54, 162)


SETTINGS = CompositingSettings()


def cut_out(picture: Image.Image, box: Box, size: tuple[int, int], grey: float) -> tuple[Tensor, np.ndarray]:
    """The person before plain grey, and its share of every pixel of the picture.

    Args:
        picture: the whole picture.
        box: the frame in it.
        size: (width, height) of the result.
        grey: in [0, 1].

    Returns:
        (1, 3, h, w) in [0, 1] and (H, W) in [0, 1].
    """
    mask = person_mask(picture)[0, 0].numpy()
    share = Image.fromarray((mask * 255).astype(np.uint8)).convert("RGB")
    alpha = to_tensor(crop_box(share, box, size))[:, :1]
    alpha = ((alpha - SETTINGS.mask_low) / SETTINGS.mask_rise).clamp(0, 1)
    return to_tensor(crop_box(picture, box, size)) * alpha + grey * (1 - alpha), mask


def lay_back(picture: Image.Image, frame: Tensor, box: Box, alpha: Tensor | None, grey: float) -> Image.Image:
    """A frame (3, h, w) in [0, 1] laid into the picture; with the person's share `alpha` (h, w), the person alone."""
    array = frame.permute(1, 2, 0).numpy()
    cut = np.ones(array.shape[:2], np.float32) if alpha is None else alpha.numpy()
    array = array if alpha is None else unmixed(array, cut, grey)
    size = (max(1, round(box.width)), max(1, round(box.height)))
    patch = resize(Image.fromarray((array * 255 + 0.5).astype(np.uint8)), size)
    mask = Image.fromarray((cut * 255).astype(np.uint8)).resize(size, Image.Resampling.BILINEAR)
    whole = picture.copy()
    whole.paste(patch, (round(box.left), round(box.top)), mask)
    return whole


def unmixed(painted: np.ndarray, alpha: np.ndarray, grey: float) -> np.ndarray:
    """The person's own colour where a pixel (H, W, 3) is partly studio grey."""
    share = np.maximum(alpha, SETTINGS.least_alpha)[..., None]
    return np.clip((painted - (1 - share) * grey) / share, 0, 1)


def without_person(picture: Image.Image, mask: np.ndarray) -> Image.Image:
    """The picture with the person's pixels (mask (H, W) in [0, 1]) filled from around by smooth interpolation.

    Coarse to fine: every level takes what is known from the level above, so that large holes fill too.
    """
    array = np.asarray(picture, dtype=np.float32)
    known = 1 - ndimage.grey_dilation(mask.astype(np.float32), size=SETTINGS.margin_px)[..., None]
    known = (known > 0.5).astype(np.float32)
    total, weight = array * known, known.copy()
    for sigma in SETTINGS.fill_sigmas_px:
        blurred = np.stack([ndimage.gaussian_filter(total[..., c], sigma) for c in range(3)], -1)
        share = ndimage.gaussian_filter(weight[..., 0], sigma)[..., None]
        fresh = (weight < 0.5) & (share > 0.05)
        array = np.where(fresh, blurred / np.maximum(share, 1e-6), array)
        total, weight = np.where(fresh, array, total), np.where(fresh, 1.0, weight)
    return Image.fromarray(array.clip(0, 255).astype(np.uint8))

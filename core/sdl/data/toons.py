"""The toonifying teacher: real-time video abstraction, growing from the photo to flat colours with drawn edges.

Source: Winnemoeller, Olsen and Gooch 2006, "Real-Time Video Abstraction", sections 3.1 to 3.3; own implementation.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from core.sdl.data.sequences import random_square, read_zip, write_sequence
from core.sdl.methods.toon.abstraction import ABSTRACTION, fade_strengths

FRAMES = 5
PASSES = 4
SIGMA_SPACE_PX, SIGMA_RANGE = 3.0, 6.0


def draw_lines(lightness: np.ndarray) -> np.ndarray:
    """How much paper each pixel keeps, 1 = no edge, 0 = black line; a softened difference of Gaussians."""
    sigma = ABSTRACTION.edge_sigma_px
    near = cv2.GaussianBlur(lightness, (0, 0), sigma)
    difference = near - ABSTRACTION.edge_tau * cv2.GaussianBlur(lightness, (0, 0), sigma * ABSTRACTION.wide)
    return np.where(difference > 0, 1.0, 1.0 + np.tanh(ABSTRACTION.edge_slope * difference)).astype(np.float32)


def quantise_lightness(lightness: np.ndarray) -> np.ndarray:
    """Lightness in soft steps, which are sharper where the picture itself changes faster."""
    width = ABSTRACTION.bin_width
    nearest = np.floor(lightness / width) * width + width / 2
    slope_x, slope_y = cv2.Sobel(lightness, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(lightness, cv2.CV_32F, 0, 1) / 8
    sharpness = 0.4 + 1.0 * np.clip(np.hypot(slope_x, slope_y), 0, 2) / 2
    return nearest + width / 2 * np.tanh(sharpness * (lightness - nearest))


def toonify(picture: np.ndarray, strength: float = 1.0) -> np.ndarray:
    """The abstraction of a picture.

    Args:
        picture: (H, W, 3) uint8 RGB.
        strength: 0 returns the picture, 1 the full abstraction; between them as in `interpolate_abstraction`.
    """
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    smooth, paper = lab, np.ones(lab.shape[:2], np.float32)
    for number in range(PASSES):
        smooth = cv2.bilateralFilter(smooth, -1, SIGMA_RANGE, SIGMA_SPACE_PX)
        if number == 0:
            paper = draw_lines(smooth[..., 0])
    flat = np.concatenate([quantise_lightness(smooth[..., 0])[..., None], ABSTRACTION.saturation * smooth[..., 1:]], -1)
    flat[..., 0] *= paper
    texture, lines = fade_strengths(strength)
    mixed = smooth + texture * (lab - smooth) + lines * (flat - smooth)
    rgb = cv2.cvtColor(mixed.astype(np.float32), cv2.COLOR_LAB2RGB)
    return (rgb * 255).round().clip(0, 255).astype(np.uint8)


def make_toons(source: Path, out: Path, count: int, side_px: int, seed: int, split: str = "train") -> None:
    """`count` sequences from a photo to its abstraction, of the data pack's photos."""
    rng = np.random.default_rng(seed)
    pools = [list(read_zip(source / name, 384, split).values()) for name in ("content.zip", "faces.zip", "pets.zip")]
    for index in range(count):
        pool = pools[rng.choice(3, p=(0.3, 0.4, 0.3))]
        picture = pool[rng.integers(len(pool))]
        photo = random_square(picture, max(side_px, min(256, *picture.size)), rng)
        steps = [toonify(photo, strength) for strength in np.linspace(0, 1, FRAMES)]
        at = rng.integers(len(photo) - side_px + 1, size=2) if len(photo) > side_px else (0, 0)
        cut = [step[at[0] : at[0] + side_px, at[1] : at[1] + side_px] for step in steps]
        write_sequence(out / f"toon_{index:05d}", cut)

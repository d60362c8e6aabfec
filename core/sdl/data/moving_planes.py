"""Interpolation sequences: real pictures moved by known smooth and local motions, and moving windows of clips."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from core.sdl.data.sequences import fetched, random_square, read_zip, write_sequence
from core.video import read_video

# Pictures are larger than the frames by so much, for what moves in.
FRAMES, MARGIN_PX = 7, 48
# A window of a clip counts as moving, and not as a cut, between these mean differences of its ends (grey levels).
LEAST_CHANGE, MOST_CHANGE = 4.0, 40.0
# How many moved backgrounds stand still, and how many sequences have nothing before them, a shape, or thin lines.
STILL_SHARE, SHAPES, LINES = 1 / 6, (0.15, 0.4, 0.45), (0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Motion:
    """A path of a plane: where its content lies at t, from -1/2 to 1/2 around the middle frame."""

    shift_px: np.ndarray  # (x, y) over the whole sequence
    turn_rad: float  # rotation over the whole sequence
    growth: float  # share by which it grows over the whole sequence
    wave_px: np.ndarray  # (h, w, 2), a smooth local displacement over the whole sequence

    def maps(self, along: float) -> np.ndarray:
        """(h, w, 2) float32: for every pixel at `along` in [-1/2, 1/2], the pixel of the plane that it shows."""
        height, width = self.wave_px.shape[:2]
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        x, y = x - width / 2 - along * self.shift_px[0], y - height / 2 - along * self.shift_px[1]
        turn, scale = -along * self.turn_rad, 1 / (1 + along * self.growth)
        back_x = scale * (np.cos(turn) * x - np.sin(turn) * y) + width / 2
        back_y = scale * (np.sin(turn) * x + np.cos(turn) * y) + height / 2
        return (np.stack([back_x, back_y], -1) - along * self.wave_px).astype(np.float32)


def random_motion(side_px: int, speed_px: float, rng: np.random.Generator) -> Motion:
    """A motion of up to `speed_px` over the sequence, with a small turn, growth and wave."""
    angle, length = rng.uniform(0, 2 * np.pi), speed_px * rng.uniform(0.1, 1)
    coarse = rng.normal(size=(5, 5, 2)).astype(np.float32) * rng.uniform(0, 0.25) * speed_px
    wave = cv2.resize(coarse, (side_px, side_px), interpolation=cv2.INTER_CUBIC)
    shift = length * np.array([np.cos(angle), np.sin(angle)])
    return Motion(shift, rng.uniform(-0.15, 0.15), rng.uniform(-0.12, 0.12), wave)


def random_blob(side_px: int, rng: np.random.Generator) -> np.ndarray:
    """A soft-edged random shape in the middle, (side, side) float32 in [0, 1]."""
    angle = np.sort(rng.uniform(0, 2 * np.pi, 9))
    radius = side_px * rng.uniform(0.12, 0.38, 9)
    points = np.stack([np.cos(angle) * radius, np.sin(angle) * radius], 1) + side_px * rng.uniform(0.3, 0.7, 2)
    mask = np.zeros((side_px, side_px), np.float32)
    cv2.fillPoly(mask, [points.astype(np.int32)], (1.0,))
    return cv2.GaussianBlur(mask, (0, 0), 1.0)


def random_lines(side_px: int, rng: np.random.Generator) -> np.ndarray:
    """One to three thin straight lines across the middle, (side, side) float32 in [0, 1]: wires, masts, hair."""
    mask = np.zeros((side_px, side_px), np.float32)
    for _ in range(rng.integers(1, 4)):
        ends = (rng.uniform(0.15, 0.85, (2, 2)) * side_px).astype(np.int32)
        cv2.line(mask, ends[0].tolist(), ends[1].tolist(), (1.0,), int(rng.integers(1, 4)), cv2.LINE_AA)
    return mask


def moved(
    behind: np.ndarray, front: np.ndarray, mask: np.ndarray, motions: tuple[Motion, Motion], out_px: int
) -> list[np.ndarray]:
    """A sequence in which a shape cut from `front` moves over `behind`, each with its own motion."""
    frames, edge = [], (len(behind) - out_px) // 2
    for along in np.linspace(-0.5, 0.5, FRAMES):
        back, fore = (motion.maps(along) for motion in motions)
        ground = fetched(behind, back, cv2.BORDER_REFLECT)
        figure = fetched(front, fore, cv2.BORDER_REFLECT)
        alpha = fetched(mask, fore, cv2.BORDER_CONSTANT)[..., None]
        frame = figure * alpha + ground * (1 - alpha)
        frames.append(frame[edge : edge + out_px, edge : edge + out_px].round().clip(0, 255).astype(np.uint8))
    return frames


def make_moved(
    source: Path, out: Path, count: int, side_px: int, seed: int, shapes: tuple[float, float, float] = SHAPES
) -> None:
    """`count` sequences of real pictures under known motions, with shapes and thin lines that hide what is behind.

    `shapes` are the shares of sequences with nothing before the background, a shape, or thin lines.
    """
    for index, scene in enumerate(random_scenes(source, count, side_px, seed, shapes)):
        write_sequence(out / f"moved_{index:05d}", moved(*scene, side_px))


def random_scenes(
    source: Path, count: int, side_px: int, seed: int, shapes: tuple[float, float, float]
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, tuple[Motion, Motion]]]:
    """What `moved` makes a sequence of, `count` times; arguments as for `make_moved`."""
    rng = np.random.default_rng(seed)
    names = ("content.zip", "pets.zip", "style.zip")
    pools = [list(read_zip(source / name, 512).values()) for name in names]
    large = side_px + MARGIN_PX
    for _ in range(count):
        pair = []
        for _ in range(2):
            pool = pools[rng.choice(3, p=(0.45, 0.4, 0.15))]
            pair.append(random_square(pool[rng.integers(len(pool))], large, rng).astype(np.float32))
        speed = rng.choice([4.0, 10.0, 20.0, 32.0])
        motions = (random_motion(large, speed, rng), random_motion(large, speed, rng))
        if rng.random() < STILL_SHARE:
            motions = (Motion(np.zeros(2), 0.0, 0.0, np.zeros_like(motions[0].wave_px)), motions[1])
        shape = rng.choice(3, p=shapes)
        mask = (np.zeros((large, large), np.float32), random_blob(large, rng), random_lines(large, rng))[shape]
        yield pair[0], pair[1], mask, motions


def make_windows(clip: Path, out: Path, count: int, side_px: int, seed: int, long_side_px: int = 480) -> int:
    """Up to `count` windows of a clip, reduced to a longer side, in which something moves and nothing is cut; how many."""
    rng, found = np.random.default_rng(seed), 0
    window: list[np.ndarray] = []
    every = 3
    for number, frame in enumerate(read_video(clip).frames()):
        frame.thumbnail((long_side_px, long_side_px))
        window = [*window, np.asarray(frame)][-FRAMES:]
        if len(window) < FRAMES or number % every:
            continue
        height, width = window[0].shape[:2]
        tries = [(int(rng.integers(height - side_px + 1)), int(rng.integers(width - side_px + 1))) for _ in range(6)]
        cuts = [[f[y : y + side_px, x : x + side_px] for f in window] for y, x in tries]
        change = [np.abs(cut[0].astype(np.float32) - cut[-1]).mean() for cut in cuts]
        steps = [max(np.abs(a.astype(np.float32) - b).mean() for a, b in zip(c, c[1:], strict=False)) for c in cuts]
        best = int(np.argmax(change))
        if LEAST_CHANGE < change[best] < MOST_CHANGE and steps[best] < 0.6 * change[best] + 2:
            write_sequence(out / f"{clip.stem}_{number:05d}", cuts[best])
            found += 1
        if found == count:
            break
    return found

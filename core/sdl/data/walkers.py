"""Interpolation sequences of figures that walk: people cut out of our renderings, and limbs that swing beside them.

The camera mostly stands still, as it does over a street; so what a figure uncovers is known from one of the two frames.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from core.errors import InputError
from core.sdl.data.moving_planes import FRAMES, Motion, random_motion
from core.sdl.data.sequences import fetched, random_square, read_zip, write_sequence

# Of the sequences, how many have a camera that stands still.
STILL_SHARE = 0.6
# The height of a person, as a share of the frame's side, and how far it walks over the sequence, in pixels.
HEIGHTS, SPEEDS_PX = (0.7, 1.8), (12.0, 24.0, 40.0, 60.0)


@dataclass
class Figure:
    """Something to move: a picture (h, w, 3) and its share of every pixel (h, w), both float32, at the frame's size."""

    picture: np.ndarray
    alpha: np.ndarray
    motion: Motion


def people(source: Path, count: int, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """`count` random people of the training split: picture (H, W, 3) uint8 and mask (H, W) float32 in [0, 1]."""
    if not (source / "people.zip").is_file():
        raise InputError(f"{source / 'people.zip'} does not exist: the walking figures are cut out of it")
    with (source / "people.csv").open(newline="") as table:
        names = [row["file"] for row in csv.DictReader(table) if row["split"] == "train"]
    with zipfile.ZipFile(source / "people.zip") as archive:
        for index in rng.integers(len(names), size=count):
            stem = Path(names[index]).stem
            picture = np.asarray(Image.open(io.BytesIO(archive.read(f"images/{stem}.jpg"))).convert("RGB"))
            mask = np.asarray(Image.open(io.BytesIO(archive.read(f"masks/{stem}.png")))) > 0
            # The outermost pixels are mixed with the rendering's own background.
            yield picture, cv2.erode(mask.astype(np.float32), np.ones((3, 3), np.uint8))


def placed(
    picture: np.ndarray, mask: np.ndarray, side_px: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The person at a random size and place of a square, some parts outside: picture and soft-edged share."""
    scale = side_px * rng.uniform(*HEIGHTS) / picture.shape[0]
    x = rng.uniform(0.2, 0.8) * side_px - scale * picture.shape[1] / 2
    y = rng.uniform(0.2, 0.8) * side_px - scale * picture.shape[0] / 2
    place = np.array([[scale, 0, x], [0, scale, y]], np.float32)
    big = cv2.warpAffine(picture.astype(np.float32), place, (side_px, side_px), borderMode=cv2.BORDER_REPLICATE)
    share = cv2.warpAffine(mask, place, (side_px, side_px))
    return big, cv2.GaussianBlur(share, (0, 0), 0.7)


def limb(side_px: int, colour: np.ndarray, walk: Motion, rng: np.random.Generator) -> Figure:
    """A plain arm or leg that goes with the figure and swings, by up to 40 degrees and some pixels."""
    ends = rng.uniform(0.3, 0.7, (2, 2)) * side_px
    alpha = np.zeros((side_px, side_px), np.float32)
    cv2.line(alpha, ends[0].astype(int).tolist(), ends[1].astype(int).tolist(), (1.0,), int(rng.integers(4, 22)),
             cv2.LINE_AA)  # fmt: skip
    shade = cv2.resize(rng.normal(0, 12, (6, 6)).astype(np.float32), (side_px, side_px), interpolation=cv2.INTER_CUBIC)
    picture = np.clip(colour[None, None] + shade[..., None], 0, 255).astype(np.float32)
    swing = Motion(
        walk.shift_px + rng.normal(0, 8, 2), rng.uniform(-0.7, 0.7), walk.growth, np.zeros_like(walk.wave_px)
    )
    return Figure(picture, cv2.GaussianBlur(alpha, (0, 0), 0.7), swing)


def walk(side_px: int, rng: np.random.Generator) -> Motion:
    """Mostly sideways, with a small turn and growth, and a wave that bends the body."""
    motion = random_motion(side_px, 12.0, rng)
    speed = rng.choice(SPEEDS_PX) * rng.uniform(0.4, 1) * rng.choice((-1, 1))
    return Motion(np.array([speed, 0.25 * speed * rng.normal()]), motion.turn_rad, motion.growth, motion.wave_px)


def walking(
    behind: np.ndarray, person: tuple[np.ndarray, np.ndarray], out_px: int, rng: np.random.Generator
) -> list[np.ndarray]:
    """A sequence of a figure with swinging limbs over a background: `FRAMES` frames (out_px, out_px, 3) uint8.

    Args:
        behind: background, square, larger than `out_px`.
        person: picture and mask from `people`.
        out_px: side of the frames.
        rng: of every random choice.
    """
    side = len(behind)
    camera = random_motion(side, 16.0, rng)
    if rng.random() < STILL_SHARE:
        camera = Motion(np.zeros(2), 0.0, 0.0, np.zeros_like(camera.wave_px))
    picture, alpha = placed(*person, side, rng)
    motion = walk(side, rng)
    body = Figure(picture, alpha, motion)
    worn = picture[alpha > 0.5]
    figures = [body]
    for _ in range(rng.integers(0, 4)):
        colour = worn[rng.integers(len(worn))] if len(worn) else rng.uniform(0, 255, 3)
        swinging = limb(side, colour, motion, rng)
        figures.insert(int(rng.integers(len(figures) + 1)), swinging)
    # Clothes are darker in the world than in the renderings, and often plain.
    dim, noise = rng.uniform(0.25, 1.1), rng.uniform(0, 2.0)
    frames, edge = [], (side - out_px) // 2
    for along in np.linspace(-0.5, 0.5, FRAMES):
        frame = fetched(behind, camera.maps(along), cv2.BORDER_REFLECT)
        for figure in figures:
            maps = figure.motion.maps(along)
            share = fetched(figure.alpha, maps, cv2.BORDER_CONSTANT)[..., None]
            frame = frame * (1 - share) + dim * fetched(figure.picture, maps, cv2.BORDER_REPLICATE) * share
        frame = frame[edge : edge + out_px, edge : edge + out_px]
        # Sensors and compression never give the same background twice.
        frame = frame + rng.normal(0, noise, frame.shape)
        frames.append(frame.round().clip(0, 255).astype(np.uint8))
    return frames


def make_walkers(source: Path, out: Path, count: int, side_px: int, seed: int) -> None:
    """`count` sequences of rendered people who walk over photos, of content.zip, pets.zip, people.zip and people.csv."""
    rng = np.random.default_rng(seed)
    pools = [list(read_zip(source / name, 512).values()) for name in ("content.zip", "pets.zip")]
    for index, person in enumerate(people(source, count, rng)):
        pool = pools[rng.choice(2, p=(0.6, 0.4))]
        behind = random_square(pool[rng.integers(len(pool))], side_px + 64, rng).astype(np.float32)
        write_sequence(out / f"walkers_{index:05d}", walking(behind, person, side_px, rng))

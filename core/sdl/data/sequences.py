"""Folders of frame sequences, the training data of every transition: what they look like and how they are written.

Layout: a root holds one folder per sequence; its frames, in name order, go evenly from one end (t = 0) to the other
(t = 1). A picture named `target.*` is no frame but the second input of the whole sequence (a style picture). The
makers in `sequences_*.py` fill such roots from open pictures; anything else in this layout trains as well.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from core.errors import InputError, unknown_name
from core.sdl.paper.frames import pictures_in

TARGET, MOTION, GUIDES = "target", "motion.npy", "guides.npy"
SPLITS = ("train", "test", "all")
# Visually lossless at this size and a quarter of a PNG.
JPEG_QUALITY = 95


def frames_of(folder: Path) -> list[Path]:
    """The frames of one sequence, in order; its target picture is none of them."""
    return [path for path in pictures_in(folder) if path.stem != TARGET]


def target_of(folder: Path) -> Path | None:
    """The second input of a sequence that has one."""
    return next((path for path in pictures_in(folder) if path.stem == TARGET), None)


def sequence_folders(roots: Sequence[Path]) -> list[Path]:
    """All sequences below the roots, in name order; stray files beside the folders are passed over.

    Raises:
        InputError: a missing root, a root without sequences, or a sequence of fewer than three frames.
    """
    found: list[Path] = []
    for root in roots:
        if not root.is_dir():
            raise InputError(f"the data folder {root} does not exist: one folder per sequence is expected in it")
        folders = sorted(path for path in root.iterdir() if path.is_dir() and frames_of(path))
        if not folders:
            raise InputError(f"{root} holds no sequence: put each sequence's frames in a folder of its own inside it")
        found += folders
    for folder in found:
        if (count := len(frames_of(folder))) < 3:
            raise InputError(f"the sequence {folder.name} has {count} frames, at least 3 are needed")
    return found


def write_sequence(folder: Path, frames: Sequence[np.ndarray], target: np.ndarray | None = None) -> None:
    """Write frames (H, W, 3) uint8 RGB, evenly spaced from one end to the other, in the layout of this module."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{index:04d}.jpg", quality=JPEG_QUALITY, subsampling=0)
    if target is not None:
        Image.fromarray(target).save(folder / f"{TARGET}.jpg", quality=JPEG_QUALITY, subsampling=0)


def held_out(name: str) -> bool:
    """Whether a picture of the data pack is kept for measuring: about one in ten, and all pictures of one person alike.

    Args:
        name: in its zip; what comes before an underscore in the file name of a face is the person.
    """
    stem = Path(name).stem
    return zlib.crc32((stem.split("_")[0] if stem[:3].isdigit() else stem).encode()) % 10 == 7


def read_zip(path: Path, limit_px: int | None = None, split: str = "train") -> dict[str, Image.Image]:
    """The RGB pictures of a zip by name; masks and tables are left out.

    Args:
        path: of the zip.
        limit_px: longer side that pictures are reduced to.
        split: train: without what is `held_out`; test: that alone; all.
    """
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)
    if not path.is_file():
        raise InputError(f"the data file {path} does not exist: the makers read the shared data pack")
    pictures = {}
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            if split != "all" and held_out(name) != (split == "test"):
                continue
            if Path(name).suffix.lower() in (".jpg", ".jpeg"):
                picture = Image.open(io.BytesIO(archive.read(name))).convert("RGB")
                if limit_px is not None:
                    picture.thumbnail((limit_px, limit_px), Image.Resampling.LANCZOS)
                pictures[name] = picture
    return pictures


def fetched(picture: np.ndarray, places: np.ndarray, border: int) -> np.ndarray:
    """The picture (H, W) or (H, W, 3) read bilinearly at `places` (h, w, 2), pixel indices with x before y."""
    return cv2.remap(picture, places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderMode=border)


def random_square(picture: Image.Image, side_px: int, rng: np.random.Generator) -> np.ndarray:
    """A random square of the picture, enlarged first where it is too small: (side_px, side_px, 3) uint8."""
    scale = side_px / min(picture.size)
    if scale > 1:
        size = [max(side_px, round(length * scale)) for length in picture.size]
        picture = picture.resize((size[0], size[1]), Image.Resampling.BICUBIC)
    x = int(rng.integers(picture.width - side_px + 1))
    y = int(rng.integers(picture.height - side_px + 1))
    return np.asarray(picture)[y : y + side_px, x : x + side_px]

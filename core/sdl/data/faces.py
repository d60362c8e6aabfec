"""Ageing and morphing sequences: rendered heads, and real faces morphed by their known landmarks."""

from __future__ import annotations

import csv
import io
import zipfile
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from core.errors import InputError
from core.sdl.data.sequences import GUIDES, MOTION, fetched, frames_of, read_zip, sequence_folders, write_sequence
from core.sdl.methods.ageing.face_guide import find_face_guide
from core.sdl.methods.face_morph.correspondence import find_face_motion, interpolate_flow
from core.sdl.methods.face_morph.fusion import fuse_pictures

FRAMES = 7
HEAD_SETS = ("age", "morph")
# Cells on which the spline is solved, and how far it may pass by its points.
GRID, SLACK = 33, 1e-3


def make_heads(source: Path, out: Path, kind: str, split: str = "train") -> int:
    """The rendered head sequences of one kind, age (25 to 90 years) or morph; how many were written.

    Morphs whose hair differs between the ends are left out, since their renderings are cross-faded there.
    """
    rows = defaultdict(list)
    with (source / "heads.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["set"] == kind and row["split"] == split and ">" not in row["hair"]:
                rows[row["identity"]].append((int(row["step"]), row["file"]))
    if not rows:
        raise InputError(f"heads.csv has no sequences of kind {kind!r}: {', '.join(HEAD_SETS)} fit")
    with zipfile.ZipFile(source / "heads.zip") as archive:
        for identity, steps in rows.items():
            pictures = [Image.open(io.BytesIO(archive.read(f"images/{name}"))) for _, name in sorted(steps)]
            write_sequence(out / identity, [np.asarray(picture.convert("RGB")) for picture in pictures])
    return len(rows)


def fetch_map(points_px: np.ndarray, places_px: np.ndarray, side_px: int) -> np.ndarray:
    """Where each pixel of a picture whose landmarks lie at `points_px` is found when they lie at `places_px`.

    Args:
        points_px: (N, 2) landmarks of the picture to draw.
        places_px: (N, 2) the same landmarks in the picture to fetch from.
        side_px: of both; its edge stays.

    Returns:
        (side, side, 2) float32 pixel indices, x before y.
    """
    rim = np.linspace(0, side_px, 5)
    border = np.array([(x, y) for x in rim for y in rim if x in (0, side_px) or y in (0, side_px)])
    points, places = np.vstack([points_px, border]), np.vstack([places_px, border])
    y, x = np.mgrid[0:side_px, 0:side_px].astype(np.float32)
    return interpolate_flow(points, places, SLACK, (side_px, side_px), GRID) + np.stack([x, y], -1)


def landmark_morph(pictures: list[np.ndarray], points_px: list[np.ndarray]) -> list[np.ndarray]:
    """A morph of two faces: at every step both are warped to the in-between shape and mixed, see `fuse_pictures`.

    Args:
        pictures: two of (S, S, 3) uint8.
        points_px: their landmarks, (N, 2) each, in the same order.
    """
    frames = []
    for t in np.linspace(0, 1, FRAMES):
        shape = (1 - t) * points_px[0] + t * points_px[1]
        warped = []
        for picture, points in zip(pictures, points_px, strict=True):
            fetch = fetch_map(shape, points, len(picture))
            warped.append(fetched(picture, fetch, cv2.BORDER_REPLICATE))
        first, second = (torch.from_numpy(part.astype(np.float32)).permute(2, 0, 1)[None] / 255 for part in warped)
        weight = torch.full((1, 1, *first.shape[2:]), float(t))
        mixed = fuse_pictures(first, second, weight, None)
        frames.append((mixed[0].permute(1, 2, 0).clamp(0, 1).numpy() * 255).round().astype(np.uint8))
    return frames


def make_landmark_morphs(source: Path, out: Path, count: int, side_px: int, seed: int, split: str = "train") -> None:
    """`count` morphs between real neutral faces with 189 known landmarks each (London set, CC BY 4.0)."""
    rng = np.random.default_rng(seed)
    known = np.load(source / "faces_landmarks.npz")
    faces = read_zip(source / "faces.zip", split=split)
    people = [index for index, name in enumerate(known["files"]) if str(name) in faces]
    for index in range(count):
        first, second = rng.choice(people, 2, replace=False)
        pictures, points = [], []
        for person in (first, second):
            whole = faces[str(known["files"][person])]
            picture = whole.resize((side_px, side_px), Image.Resampling.LANCZOS)
            pictures.append(np.asarray(picture))
            # The eyelid and iris points coincide on closed or narrow eyes and would make the spline singular.
            points.append(known["points"][person][18:] * side_px / whole.width)
        write_sequence(out / f"london_{index:05d}", landmark_morph(pictures, points))


def add_motions(out: Path) -> int:
    """Write `motion.npy` (8, H, W), see `find_face_motion`, into every sequence below `out`; how many.

    Sequences whose ends show no face get none.
    """
    found = 0
    for folder in sequence_folders([out]):
        frames = frames_of(folder)
        motion, _ = find_face_motion(*(Image.open(frames[index]).convert("RGB") for index in (0, -1)))
        if motion is not None:
            np.save(folder / MOTION, motion[0].numpy().astype(np.float16))
            found += 1
    return found


def add_guides(out: Path) -> int:
    """Write `guides.npy` (frames, 4, H, W), see `find_face_guide`, into every sequence below `out`.

    Sequences with a frame without a face get none. Returns how many got one.
    """
    found = 0
    for folder in sequence_folders([out]):
        guides = [find_face_guide(Image.open(frame).convert("RGB")) for frame in frames_of(folder)]
        known = [guide for guide in guides if guide is not None]
        if len(known) == len(guides):
            np.save(folder / GUIDES, torch.cat(known).numpy().astype(np.float16))
            found += 1
    return found

"""What `quality_sdl` measures on: held-out pictures, sequences and clips of the data pack, and the baselines."""

from __future__ import annotations

import csv
import io
import zipfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.detect.faces import detect_faces
from core.errors import NothingFoundError
from core.image import to_pil, to_tensor
from core.sdl.data import moving_planes as sequences_motion
from core.sdl.data.sequences import random_square, read_zip
from core.video import read_video

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SEED = 8
SIDE_PX = 256
# Distance of colours within which a line does not differ from what is behind it.
ALIKE = 0.15


@dataclass
class Between:
    """Two frames and what is known to lie between them; all pictures (1, 3, H, W) in [0, 1].

    Attributes:
        first, second: the frames.
        t: positions.
        truths: the frames there.
        seen: what counts, (1, 1, H, W) each, all ones or a mask.
        behind: the truths without the thin lines, where there are some.
    """

    first: Tensor
    second: Tensor
    t: tuple[float, ...]
    truths: list[Tensor]
    seen: list[Tensor]
    behind: list[Tensor] = field(default_factory=list)


@dataclass
class Faces:
    """One or two faces, (1, 3, H, W) in [0, 1], and known pictures on the way by their t."""

    inputs: tuple[Tensor, ...]
    truths: dict[float, Tensor] = field(default_factory=dict)


def tensor_of(array: np.ndarray) -> Tensor:
    """(1, 3, H, W) in [0, 1] of (H, W, 3) uint8."""
    return torch.from_numpy(np.array(array)).permute(2, 0, 1)[None].float() / 255


def moving(count: int, lines: bool) -> list[Between]:
    """Held-out pictures under known motions, with a shape or thin lines that move on their own."""
    rng = np.random.default_rng(SEED + lines)
    pools = [list(read_zip(DATA / name, 512, "test").values()) for name in ("content.zip", "pets.zip", "style.zip")]
    large, found = SIDE_PX + 48, []
    for _ in range(count):
        pair = []
        for _ in range(2):
            pool = pools[rng.choice(3, p=(0.45, 0.4, 0.15))]
            pair.append(random_square(pool[rng.integers(len(pool))], large, rng).astype(np.float32))
        speed = rng.choice([4.0, 10.0, 20.0, 32.0])
        motions = tuple(sequences_motion.random_motion(large, speed, rng) for _ in range(2))
        shape = sequences_motion.random_lines if lines else sequences_motion.random_blob
        mask = shape(large, rng)
        frames = sequences_motion.moved(pair[0], pair[1], mask, (motions[0], motions[1]), SIDE_PX)
        inner = range(1, len(frames) - 1)
        seen, behind = [torch.ones(1, 1, SIDE_PX, SIDE_PX) for _ in inner], []
        if lines:
            bare = sequences_motion.moved(pair[0], pair[1], np.zeros_like(mask), (motions[0], motions[1]), SIDE_PX)
            behind = [tensor_of(bare[index]) for index in inner]
            white = [np.zeros_like(pair[0]), np.full_like(pair[1], 255.0)]
            shown = sequences_motion.moved(white[0], white[1], mask, (motions[0], motions[1]), SIDE_PX)
            seen = [(tensor_of(shown[index])[:, :1] > 0.5).float() for index in inner]
        t = tuple(index / (len(frames) - 1) for index in inner)
        truths = [tensor_of(frames[index]) for index in inner]
        if all(bool(one.any()) for one in seen):
            found.append(Between(tensor_of(frames[0]), tensor_of(frames[-1]), t, truths, seen, behind))
    return found


def kept_line(made: Tensor, truth: Tensor, behind: Tensor, seen: Tensor) -> float:
    """Share of the lines' pixels that look more like the line than like what is behind it.

    Pixels where both are alike (within `ALIKE` of 1) do not count.

    Args:
        made: (1, 3, H, W) in [0, 1].
        truth: the frame with its lines.
        behind: the frame without.
        seen: (1, 1, H, W), 1 on the lines.
    """

    def far(one: Tensor, other: Tensor) -> Tensor:
        return (one - other).norm(dim=1, keepdim=True)

    counts = seen * (far(truth, behind) > ALIKE)
    return float((counts * (far(made, truth) < far(made, behind))).sum() / counts.sum().clamp(min=1))


def neighbours(clip: str, count: int) -> list[Between]:
    """Frame n and n + 2 of a clip with n + 1 between, at places spread over it where most changes."""
    frames = [np.asarray(frame) for frame in read_video(DATA / "video" / clip).frames()]
    change = [np.abs(a[::4, ::4].astype(int) - b[::4, ::4]).mean() for a, b in zip(frames, frames[2:], strict=False)]
    found, span = [], len(change) // count
    for part in range(count):
        at = part * span + int(np.argmax(change[part * span : (part + 1) * span]))
        first, middle, last = (tensor_of(frames[at + step]) for step in range(3))
        found.append(Between(first, last, (0.5,), [middle], [torch.ones(1, 1, *first.shape[-2:])]))
    return found


def dense_flow(first: Tensor, second: Tensor) -> np.ndarray:
    """OpenCV's dense inverse search as it comes, preset medium: (H, W, 2) pixels."""
    grey = [cv2.cvtColor(np.asarray(to_pil(one)[0]), cv2.COLOR_RGB2GRAY) for one in (first, second)]
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow: np.ndarray = search.calc(grey[0], grey[1], np.zeros((*grey[0].shape, 2), np.float32))
    return flow


def flow_warp(first: Tensor, second: Tensor, t: float) -> Tensor:
    """The baseline: both frames moved along OpenCV's dense flow and mixed by t."""
    height, width = first.shape[-2:]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    mixed = torch.zeros_like(first)
    for picture, other, far, share in ((first, second, t, 1 - t), (second, first, 1 - t, t)):
        flow = dense_flow(picture, other)
        array = picture[0].permute(1, 2, 0).numpy()
        moved = cv2.remap(
            array, x - far * flow[..., 0], y - far * flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        mixed = mixed + share * torch.from_numpy(moved).permute(2, 0, 1)[None]
    return mixed


def photos(count: int, side_px: int) -> list[Image.Image]:
    """Held-out squares of photos: sceneries, faces, pets."""
    rng = np.random.default_rng(SEED)
    pools = [list(read_zip(DATA / name, 384, "test").values()) for name in ("content.zip", "faces.zip", "pets.zip")]
    chosen = [pools[index % 3] for index in range(count)]
    return [Image.fromarray(random_square(pool[rng.integers(len(pool))], side_px, rng)) for pool in chosen]


def styles(count: int) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Held-out photo, held-out painting, and what the teacher makes of them, 384 px."""
    from core.sdl.data.styles import PAINTED_PX, StyleTeacher

    teacher, rng = StyleTeacher(DATA / "teachers"), np.random.default_rng(SEED)
    paintings = list(read_zip(DATA / "style.zip", None, "test").values())
    found = []
    for photo in photos(count, PAINTED_PX):
        painting = paintings[rng.integers(len(paintings))].resize((PAINTED_PX,) * 2, Image.Resampling.LANCZOS)
        taught = teacher.paint(np.asarray(photo), teacher.code(np.asarray(painting)))
        found.append((to_tensor(photo), to_tensor(painting), tensor_of(taught)))
    return found


def heads(kind: str, count: int) -> list[Faces]:
    """Held-out rendered sequences; in-betweens of morphs are true only where the hair does not change."""
    files: dict[str, list[tuple[int, str]]] = defaultdict(list)
    clean: dict[str, bool] = {}
    with (DATA / "heads.csv").open(newline="") as table:
        for row in csv.DictReader(table):
            if row["set"] == kind and row["split"] == "test":
                files[row["identity"]].append((int(row["step"]), row["file"]))
                clean[row["identity"]] = ">" not in row["hair"]
    found = []
    with zipfile.ZipFile(DATA / "heads.zip") as archive:
        for identity, steps in sorted(files.items())[:count]:
            pictures = [
                Image.open(io.BytesIO(archive.read(f"images/{name}"))).convert("RGB") for _, name in sorted(steps)
            ]
            frames = [to_tensor(picture) for picture in pictures]
            last = len(frames) - 1
            known = {index / last: frames[index] for index in range(1, last)} if clean[identity] else {}
            if kind == "age":
                known[1.0] = frames[last]
            found.append(Faces((frames[0],) if kind == "age" else (frames[0], frames[last]), known))
    return found


def london(count: int, pictures: int) -> list[Faces]:
    """Held-out real faces, alone or in pairs, 384 px."""
    faces = [
        to_tensor(face.resize((384, 384), Image.Resampling.LANCZOS))
        for name, face in sorted(read_zip(DATA / "faces.zip", None, "test").items())
        if name.startswith("neutral")
    ]
    pairs = zip(faces, faces[1:] + faces[:1], strict=True)
    return [Faces(pair[:pictures]) for pair in list(pairs)[:count]]


def straightness(frames: Tensor) -> float | None:
    """Mean distance of the landmarks from the straight way between the first and the last frame's, in face heights.

    None where a frame shows no face.
    """
    try:
        found = [detect_faces(picture)[0].points for picture in to_pil(frames)]
    except NothingFoundError:
        return None
    height = np.ptp(found[0][:, 1])
    off = []
    for index in range(1, len(found) - 1):
        along = index / (len(found) - 1)
        way = (1 - along) * found[0] + along * found[-1]
        off.append(np.linalg.norm(found[index] - way, axis=1).mean() / height)
    return float(np.mean(off))

"""Clips for training the animation networks: the published folders of FaceForensics, FashionVideo and iPER.

Every kind of file has a folder of its own with one folder per clip below it, and files pair up by their sorted place.

    faces   <root>/<phase>_data/<clip>/*.png|jpg          frames
            <root>/<phase>_keypoints/<clip>/*.txt         68 lines "x,y"
    dance   <root>/<phase>_256/train_A/<clip>/            frames
            <root>/<phase>_256/train_video2d/<clip>/      OpenPose JSON, clean Human3.6M-17 joints
            <root>/<phase>_256/train_alphapose/<clip>/    OpenPose JSON, detected OpenPose-18 joints
            <root>/<phase>_256/train_C/<clip>/            masks, white = person (iPER)

A batch is a dictionary of float tensors: `frames` (B, T, 3, H, W) in [-1, 1], `structures` (B, T, S, H, W), `reference`
(B, 3, H, W), `reference_structure` (B, S, H, W) and, for iPER, `masks` (B, T, 1, H, W) in [0, 1].

Source: Ren et al. 2020, section 4.4; Ren et al. 2020b, arXiv 2008.12606.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import default_collate

from core.errors import InputError
from core.gfla.data.annotations import listed
from core.gfla.paper import dance, face, pose
from core.gfla.paper.pictures import as_network_picture, resized
from core.training.store import opened

PICTURES = (".jpg", ".jpeg", ".png", ".webp")
REFERENCE_FRAMES = 20
STILL = np.eye(3)


class DanceAugment(NamedTuple):
    """Ranges of the random movement of a clip: degrees, pixels along x and y, share of the scale."""

    angle_deg: float
    shift_px: tuple[float, float]
    scale: float
    white: bool
    own_reference: bool


# FashionVideo stands before white and its reference moves apart; iPER keeps the background of clip and reference alike.
DANCE_AUGMENT = {
    "fashion": DanceAugment(5.0, (20.0, 3.0), 0.02, white=True, own_reference=True),
    "iper": DanceAugment(5.0, (0.0, 0.0), 0.0, white=False, own_reference=False),
}


def clip_files(folders: Sequence[tuple[Path, Sequence[str]]]) -> list[list[list[Path]]]:
    """The files of every clip, one list per folder, all of one length.

    Args:
        folders: (folder, suffixes of its files).

    Raises:
        InputError: a folder that is missing or empty, or clips that do not pair up (named).
    """
    for folder, _ in folders:
        if not folder.is_dir():
            raise InputError(f"no folder {folder}: the clips' files are expected there")
    names = [sorted(item.name for item in folder.iterdir() if item.is_dir()) for folder, _ in folders]
    first, faults, clips = names[0], [], []
    if not first:
        raise InputError(f"{folders[0][0]} holds no clips: one folder per clip fits")
    for (folder, _), other in zip(folders[1:], names[1:], strict=True):
        faults += [f"{folder.name} lacks {name}" for name in sorted(set(first) - set(other))]
    for name in first if not faults else ():
        files = [sorted(f for f in (folder / name).iterdir() if f.suffix.lower() in kinds) for folder, kinds in folders]
        counts = {len(item) for item in files}
        if len(counts) != 1 or counts == {0}:
            said = ", ".join(f"{len(item)} in {folder.name}" for item, (folder, _) in zip(files, folders, strict=True))
            faults.append(f"clip {name} has {said}")
        clips.append(files)
    if faults:
        raise InputError(f"{len(faults)} clips do not pair up: {listed(faults)}")
    return clips


def window(rng: np.random.Generator, length: int, frames: int, step: int) -> list[int]:
    """The numbers of `frames` frames of a clip, `step` apart at most, from a random start; all of a shorter clip."""
    frames = min(frames, length)
    most = min(step, (length - 1) // (frames - 1)) if frames > 1 else 1
    stride = int(rng.integers(1, most + 1))
    start = int(rng.integers(0, length - (frames - 1) * stride))
    return [start + index * stride for index in range(frames)]


def read_landmarks(file: Path) -> np.ndarray:
    """68 landmarks of a text file of "x,y" lines, (68, 2).

    Raises:
        InputError: another content.
    """
    try:
        points = np.loadtxt(opened(file), delimiter=",", ndmin=2)
    except ValueError as error:
        raise InputError(f"{file} holds no landmarks ({error}): 68 lines x,y fit") from error
    if points.shape != (68, 2):
        raise InputError(f"{file} holds {points.shape} numbers: 68 lines x,y fit")
    return points


class Clips:
    """What clips of faces and of dancers share.

    Args:
        folders: (folder, suffixes of its files), the frames' first.
        side_px: side of the network's square frame.
        frames: frames of an item.
        step: frames between two of them, at most.
    """

    def __init__(self, folders: Sequence[tuple[Path, Sequence[str]]], side_px: int, frames: int, step: int) -> None:
        self.size, self.frames, self.step = (side_px, side_px), frames, step
        self.clips = clip_files(folders)

    def __len__(self) -> int:
        """Number of clips."""
        return len(self.clips)

    def name(self, index: int) -> str:
        """The folder of a clip."""
        return self.clips[index][0][0].parent.name

    def draw(self, rng: np.random.Generator, size: int) -> dict[str, Tensor]:
        """`size` random pieces of clips, cut to the shortest."""
        return cut([self.piece(rng) for _ in range(size)])

    def piece(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """One piece, without the batch axis."""
        raise TypeError(f"{type(self).__name__} must define piece")

    def reference(self, index: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """The reference picture of a clip and its structure, both as they are."""
        raise TypeError(f"{type(self).__name__} must define reference")

    def structure(self, index: int, frame: int) -> Tensor:
        """The structure (S, H, W) of a clip's frame as it is."""
        raise TypeError(f"{type(self).__name__} must define structure")

    def followed(self, index: int, frames: int) -> Iterator[tuple[list[str], Tensor]]:
        """Names and structures (T, S, H, W) of a whole clip in order, `frames` at a time."""
        pictures = self.clips[index][0]
        for start in range(0, len(pictures), frames):
            some = range(start, min(start + frames, len(pictures)))
            yield [pictures[i].stem for i in some], torch.stack([self.structure(index, i) for i in some])


class FaceClips(Clips):
    """Clips of faces; the reference is the clip's first frame, the drawn ones follow from anywhere.

    Args:
        root: the data root.
        phase: train or test.
        side_px, frames, step: see `Clips`.
    """

    def __init__(self, root: Path, phase: str, side_px: int, frames: int, step: int = 1) -> None:
        folders = [(root / f"{phase}_data", PICTURES), (root / f"{phase}_keypoints", (".txt",))]
        super().__init__(folders, side_px, frames, step)

    def piece(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """One piece, without the batch axis. The frame before it is its reference, as in the published recurrence."""
        clip = int(rng.integers(len(self.clips)))
        found = [self._frame(clip, i) for i in window(rng, len(self.clips[clip][0]), self.frames, self.step)]
        return {
            "frames": torch.stack([item[0] for item in found]),
            "structures": torch.stack([item[1] for item in found]),
            "reference": found[0][0], "reference_structure": found[0][1],
        }  # fmt: skip

    def reference(self, index: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """The first frame of a clip and its structure."""
        return self._frame(index, 0)

    def structure(self, index: int, frame: int) -> Tensor:
        """The structure (16, H, W) of a clip's frame."""
        return self._frame(index, frame)[1]

    def _frame(self, index: int, frame: int) -> tuple[Tensor, Tensor]:
        picture, landmarks = (files[frame] for files in self.clips[index])
        image = Image.open(opened(picture)).convert("RGB")
        made = face.structure(read_landmarks(landmarks), image, self.size[0])
        return as_network_picture(np.asarray(resized(image, self.size, "bicubic"))), torch.from_numpy(made)


class DanceClips(Clips):
    """Clips of dancers; the reference is one of the clip's first 20 frames with its detected skeleton.

    Args:
        root: the data root.
        phase: train or test.
        subset: fashion or iper; iper has masks.
        side_px, frames, step: see `Clips`.
    """

    def __init__(self, root: Path, phase: str, subset: str, side_px: int, frames: int, step: int = 1) -> None:
        base = root / f"{phase}_256"
        self.augment, self.masked = DANCE_AUGMENT[subset], subset == "iper" and phase == "train"
        folders: list[tuple[Path, Sequence[str]]] = [
            (base / "train_A", PICTURES), (base / "train_video2d", (".json",)), (base / "train_alphapose", (".json",)),
        ]  # fmt: skip
        super().__init__([*folders, (base / "train_C", PICTURES)] if self.masked else folders, side_px, frames, step)

    def piece(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """One piece, without the batch axis."""
        clip = int(rng.integers(len(self.clips)))
        files = self.clips[clip]
        moved = self._movement(rng)
        numbers = window(rng, len(files[0]), self.frames, self.step)
        first = int(rng.integers(min(REFERENCE_FRAMES, len(files[0]))))
        own = self._movement(rng) if self.augment.own_reference else moved
        item = {
            "frames": torch.stack([self._picture(files[0][i], moved) for i in numbers]),
            "structures": torch.stack([self.structure(clip, i, moved) for i in numbers]),
            "reference": self._picture(files[0][first], own),
            "reference_structure": self.structure(clip, first, own, clean=False),
        }
        if self.masked:
            item["masks"] = torch.stack([self._picture(files[3][i], moved, grey=True) for i in numbers])
        return item

    def reference(self, index: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """A random one of a clip's first frames and its structure, both as they are."""
        pictures = self.clips[index][0]
        first = int(rng.integers(min(REFERENCE_FRAMES, len(pictures))))
        return self._picture(pictures[first], STILL), self.structure(index, first, clean=False)

    def structure(self, index: int, frame: int, moved: np.ndarray = STILL, clean: bool = True) -> Tensor:
        """The structure (20, H, W) of a frame moved by a matrix: of its clean Human3.6M joints, or of the detected ones."""
        picture, file = self.clips[index][0][frame], self.clips[index][1 if clean else 2][frame]
        old = Image.open(opened(picture)).size[::-1]
        numbers = dance.read_frame(file)
        wanted = 51 if clean else 54
        if not numbers.any():
            # Nobody was found: an empty structure, which the published loader meant to give but crashed at.
            return torch.zeros(20, *self.size)
        if numbers.size != wanted:
            raise InputError(f"{file} holds {numbers.size} numbers, {wanted} (x, y, score per joint) fit")
        points = dance.frame_points(numbers, self.size, old, moved)
        joints, limbs = (points, dance.HUMAN36M_LIMBS) if clean else (dance.coco17(points), dance.COCO_LIMBS)
        return torch.from_numpy(dance.structure(joints, self.size, limbs))

    def _movement(self, rng: np.random.Generator) -> np.ndarray:
        ranges = self.augment
        shift = [float(rng.uniform(-most, most)) for most in ranges.shift_px]
        angle, scale = rng.uniform(-ranges.angle_deg, ranges.angle_deg), 1 + rng.uniform(-ranges.scale, ranges.scale)
        return pose.affine_matrix(self.size, float(angle), shift, float(scale))

    def _picture(self, file: Path, moved: np.ndarray, grey: bool = False) -> Tensor:
        picture = resized(Image.open(opened(file)), self.size, "bicubic")
        fill = (255, 255, 255) if self.augment.white and not grey else (0, 0, 0)
        shown = as_network_picture(np.asarray(pose.transformed_picture(picture, moved, fill)))
        return (shown[:1] + 1) / 2 if grey else shown


def cut(items: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Pieces as one batch, all as long as the shortest."""
    shortest = min(len(item["frames"]) for item in items)
    along = {"frames", "structures", "masks"}
    return default_collate(
        [{key: value[:shortest] if key in along else value for key, value in item.items()} for item in items]
    )

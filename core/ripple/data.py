"""Training pictures: rendered heads that turn and age before a still background, and open portraits.

Frames are cut as the pipeline cuts a photograph (FFHQ crop of the *source* frame), so a target shows
where the head goes within the source's crop.
"""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from core.errors import InputError

DEG_PER_DEGREE = 10.0
YEARS_PER_DEGREE = 10.0
EDITS = ("pose", "age")


@dataclass(frozen=True)
class Square:
    """An upright square crop: centre and side in pixels of the picture."""

    x: float
    y: float
    side: float


def face_square(eyes: np.ndarray, mouth: np.ndarray) -> Square:
    """The FFHQ crop of an upright face, from the middle of the eyes' line and of the mouth.

    Args:
        eyes: (2, 2) eye centres, (x, y) px.
        mouth: (2, 2) mouth corners.

    Source: Karras et al. 2019 (FFHQ), alignment; here without rotation.
    """
    middle, eye_to_mouth = eyes.mean(0), mouth.mean(0) - eyes.mean(0)
    half = max(2.0 * np.linalg.norm(eyes[1] - eyes[0]), 1.8 * np.linalg.norm(eye_to_mouth))
    centre = middle + 0.1 * eye_to_mouth
    return Square(float(centre[0]), float(centre[1]), 2 * float(half))


def cut(picture: np.ndarray, square: Square, size: int, smooth: bool = True) -> np.ndarray:
    """`square` of a uint8 picture at size x size; the rim repeats beyond."""
    scale = square.side / size
    matrix = np.array([[scale, 0, square.x - square.side / 2], [0, scale, square.y - square.side / 2]], np.float64)
    matrix[:, 2] += 0.5 * scale - 0.5  # pixel centres: OpenCV counts from the centre of the first pixel
    how = (cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST) | cv2.WARP_INVERSE_MAP
    if smooth and scale > 1.5:
        picture = cv2.GaussianBlur(picture, (0, 0), 0.4 * scale)
    return cv2.warpAffine(picture, matrix, (size, size), flags=how, borderMode=cv2.BORDER_REPLICATE)


def as_tensor(picture: np.ndarray) -> Tensor:
    """uint8 (H, W, 3) to (3, H, W) in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1).float() / 127.5 - 1


class HeadPairs(Dataset):
    """Pairs of one head before one background: what to edit, what it must become, and by how much.

    An item holds `source`, `target` (3, S, S) in [-1, 1], `source_mask`, `target_mask` (1, S, S) with
    1 = person (all ones where unknown), `mask_known`, and `degrees` (2,): pose (10 degrees each) and
    age (10 years each). Item i depends on (seed, i) only, so a run can resume anywhere.

    Args:
        folder: has heads.zip, heads.csv, heads_points.npz, and for portraits faces.zip and faces_landmarks.npz.
        size: side of the crops.
        split: "train" or "test" (identities do not mix).
        portrait_share: how many items are real portraits (source = target).
        age_share: how many items age rather than turn.
        same_share: how many items ask for no change.
    """

    def __init__(
        self,
        folder: Path | str,
        size: int = 128,
        split: str = "train",
        seed: int = 0,
        length: int = 1_000_000,
        portrait_share: float = 0.12,
        age_share: float = 0.15,
        same_share: float = 0.25,
    ) -> None:
        folder = Path(folder)
        if not (folder / "heads.zip").is_file():
            raise InputError(f"{folder} has no heads.zip: give the folder of the rendered heads with --data")
        self.size, self.seed, self.length = size, seed, length
        self.portrait_share, self.age_share, self.same_share = portrait_share, age_share, same_share
        self.frames: dict[str, list[dict]] = {}
        self.read_heads(folder, split)
        self.portraits = self.read_portraits(folder, split) if portrait_share else []
        self.turns = [name for name in self.frames if name.startswith("t")]
        self.ages = [name for name in self.frames if name.startswith("a")]

    def read_heads(self, folder: Path, split: str) -> None:
        """Decode the turn and age sequences of one split."""
        table = np.load(folder / "heads_points.npz")
        points = dict(zip(table["files"].tolist(), table["points"][:, :5], strict=True))
        with zipfile.ZipFile(folder / "heads.zip") as archive, (folder / "heads.csv").open() as rows:
            for row in csv.DictReader(rows):
                if row["split"] != split or row["set"] not in ("turn", "age"):
                    continue
                file, mask = row["file"], None
                if row["set"] == "turn":
                    mask = decode(archive.read(f"masks/{Path(file).stem}.png"), "P")
                five = points[file]
                self.frames.setdefault(row["identity"], []).append({
                    "picture": decode(archive.read(f"images/{file}"), "RGB"), "mask": mask,
                    "yaw_deg": float(row["yaw_deg"]), "age": float(row["age"]),
                    "square": face_square(five[[0, 1]], five[[3, 4]]),
                })  # fmt: skip

    def read_portraits(self, folder: Path, split: str) -> list[dict]:
        """Decode the landmarked portraits; every tenth person is for the test split."""
        if not (folder / "faces.zip").is_file():
            raise InputError(f"{folder} has no faces.zip: add it, or set portrait_share to 0")
        table, found = np.load(folder / "faces_landmarks.npz"), []
        with zipfile.ZipFile(folder / "faces.zip") as archive:
            for index, (file, points) in enumerate(zip(table["files"].tolist(), table["points"], strict=True)):
                if (index % 10 == 7) == (split == "test"):
                    picture = decode(archive.read(file), "RGB")
                    found.append({"picture": picture, "square": face_square(points[[0, 1]], points[[87, 93]])})
        return found

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        rng = np.random.default_rng((self.seed, index))
        draw = rng.random()
        if draw < self.portrait_share:
            source = target = self.portraits[rng.integers(len(self.portraits))]
        else:
            aging = draw < self.portrait_share + self.age_share
            names = self.ages if aging else self.turns
            frames = self.frames[names[rng.integers(len(names))]]
            source = frames[rng.integers(len(frames))]
            target = source if rng.random() < self.same_share else frames[rng.integers(len(frames))]
        return self.pair(source, target, jitter(source["square"], rng), flip=bool(rng.random() < 0.5))

    def pair(self, source: dict, target: dict, square: Square, flip: bool = False) -> dict[str, Tensor]:
        """One item from two frames, cut by `square`."""
        turned = (target.get("yaw_deg", 0.0) - source.get("yaw_deg", 0.0)) / DEG_PER_DEGREE
        aged = (target.get("age", 0.0) - source.get("age", 0.0)) / YEARS_PER_DEGREE
        known = source.get("mask") is not None
        item = {"degrees": torch.tensor([-turned if flip else turned, aged]), "mask_known": torch.tensor(known)}
        for name, frame in (("source", source), ("target", target)):
            item[name] = as_tensor(mirrored(cut(frame["picture"], square, self.size), flip))
            mask = torch.ones(1, self.size, self.size)
            if known:
                person = (frame["mask"] > 0).astype(np.uint8)
                mask = torch.from_numpy(mirrored(cut(person, square, self.size, smooth=False), flip)[None]).float()
            item[f"{name}_mask"] = mask
        return item


def decode(data: bytes, mode: str) -> np.ndarray:
    """A stored picture as uint8; palette pictures as their indices."""
    with Image.open(io.BytesIO(data)) as picture:
        return np.array(picture if mode == "P" else picture.convert(mode))


def jitter(square: Square, rng: np.random.Generator) -> Square:
    """The crop as a landmark detector might place it: 3 % off, 8 % larger or smaller."""
    dx, dy = rng.normal(0, 0.02, 2) * square.side
    return Square(square.x + dx, square.y + dy, square.side * float(rng.uniform(0.93, 1.08)))


def mirrored(picture: np.ndarray, flip: bool) -> np.ndarray:
    """The picture, left and right exchanged if `flip`."""
    return np.ascontiguousarray(picture[:, ::-1]) if flip else picture

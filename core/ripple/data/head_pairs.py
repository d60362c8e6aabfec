"""Training pictures: rendered heads that turn and age before a still background, and open portraits.

Frames are cut as the pipeline cuts a photograph (FFHQ crop of the *source* frame), so a target shows
where the head goes within the source's crop.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import default_collate

from core.errors import InputError
from core.ripple.methods.head_turn.geometry import DEG_PER_DEGREE, Square, face_square
from core.training.store import KEPT_BYTES, part_of

YEARS_PER_DEGREE = 10.0
LABEL_OF_PART = np.array([0, 13, 2, 5], np.uint8)  # background, skin, hair, clothes in Graphonomy's list
NO_POINTS = np.zeros((63, 2))


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
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 127.5 - 1


class Frame(dict[str, Any]):
    """What is known of a picture by name; `picture` (H, W, 3) and `mask` (H, W), uint8, are read when they are asked for."""

    reads: Mapping[str, Callable[[], np.ndarray]] = {}

    def __missing__(self, name: str) -> np.ndarray:
        return self.reads[name]()

    def get(self, name: str, default: Any = None) -> Any:
        """As of a dictionary that has them."""
        return self[name] if name in self or name in self.reads else default

    def changed(self, **values: Any) -> Frame:
        """The same with other values."""
        frame = Frame({**self, **values})
        frame.reads = self.reads
        return frame


class Decoded:
    """Pictures of archives by name, decoded when they are asked for; the first ones up to a budget are kept."""

    def __init__(self) -> None:
        self.kept: dict[Any, np.ndarray] = {}
        self.room = KEPT_BYTES

    def __call__(self, file: Any, mode: str) -> np.ndarray:
        """A file as uint8; palette pictures (mode P) as their indices."""
        if file in self.kept:
            return self.kept[file]
        picture = decode(file.read_bytes(), mode)
        if picture.nbytes <= self.room:
            self.kept[file] = picture
            self.room -= picture.nbytes
        return picture


class HeadPairs:
    """Pairs of one head before one background: what to edit, what it must become, and by how much.

    A batch holds `source`, `target` (B, 3, S, S) in [-1, 1]; `source_mask`, `target_mask` (B, 1, S, S)
    with 1 = person (all ones where unknown) and `mask_known` (B,); `labels` (B, S, S), Graphonomy's
    labels of the source, 255 where unknown; `source_points`, `target_points` (B, 63, 2) px with
    `points_seen` (B, 63), 1 = seen in both; and `degrees` (B, 2): pose (10 degrees of yaw each) and
    age (10 years each).

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
        portrait_share: float = 0.12,
        age_share: float = 0.15,
        same_share: float = 0.25,
    ) -> None:
        folder = Path(folder)
        self.size, self.split, self.portrait_share = size, split, portrait_share
        self.age_share, self.same_share = age_share, same_share
        self.files = Decoded()
        self.frames: dict[str, list[Frame]] = {}
        self.read_heads(folder, split)
        self.portraits = self.read_portraits(folder, split) if portrait_share else []
        self.turns = [name for name in self.frames if name.startswith("t")]
        self.ages = [name for name in self.frames if name.startswith("a")]

    def read_heads(self, folder: Path, split: str) -> None:
        """List the turn and age sequences of one split."""
        archive = part_of(folder, "heads")
        if archive is None:
            raise InputError(f"{folder} has no heads.zip: give the folder of the rendered heads with --data")
        table = np.load(folder / "heads_points.npz")
        points = dict(zip(table["files"].tolist(), zip(table["points"], table["visible"], strict=True), strict=True))
        with (folder / "heads.csv").open() as rows:
            for row in csv.DictReader(rows):
                if row["split"] != split or row["set"] not in ("turn", "age"):
                    continue
                file = row["file"]
                places, seen = points[file]
                frame = Frame(
                    yaw_deg=float(row["yaw_deg"]), age=float(row["age"]),
                    square=face_square(places[[0, 1]], places[[3, 4]]), points=places, seen=seen > 0,
                )  # fmt: skip
                frame.reads = {"picture": partial(self.files, archive / f"images/{file}", "RGB")}
                if row["set"] == "turn":
                    frame.reads["mask"] = partial(self.files, archive / f"masks/{Path(file).stem}.png", "P")
                self.frames.setdefault(row["identity"], []).append(frame)

    def read_portraits(self, folder: Path, split: str) -> list[Frame]:
        """List the landmarked portraits; every tenth person is for the test split."""
        archive = part_of(folder, "faces")
        if archive is None:
            raise InputError(f"{folder} has no faces.zip: add it, or set portrait_share to 0")
        table, found = np.load(folder / "faces_landmarks.npz"), []
        for index, (file, points) in enumerate(zip(table["files"].tolist(), table["points"], strict=True)):
            if (index % 10 == 7) == (split == "test"):
                frame = Frame(square=face_square(points[[0, 1]], points[[87, 93]]))
                frame.reads = {"picture": partial(self.files, archive / file, "RGB")}
                found.append(frame)
        return found

    def draw(self, rng: np.random.Generator, size: int) -> dict[str, Tensor]:
        """A batch of `size` random pairs."""
        return default_collate([self.random_pair(rng) for _ in range(size)])

    def random_pair(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """One item of a random kind, place and direction."""
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

    def pair(self, source: Frame, target: Frame, square: Square, flip: bool = False) -> dict[str, Tensor]:
        """One item from two frames, both cut by `square`."""
        turned = (target.get("yaw_deg", 0.0) - source.get("yaw_deg", 0.0)) / DEG_PER_DEGREE
        aged = (target.get("age", 0.0) - source.get("age", 0.0)) / YEARS_PER_DEGREE
        item = {"degrees": torch.tensor([-turned if flip else turned, aged])}
        item["mask_known"] = torch.tensor(source.get("mask") is not None)
        seen = source.get("seen", NO_POINTS[:, 0] > 0) & target.get("seen", NO_POINTS[:, 0] > 0)
        item["points_seen"] = torch.from_numpy(seen.astype(np.float32))
        for name, frame in (("source", source), ("target", target)):
            item[name] = as_tensor(mirrored(cut(frame["picture"], square, self.size), flip))
            labels = self.labels(frame, square, flip)
            item[f"{name}_mask"] = (labels > 0)[None].float()
            item[f"{name}_points"] = self.points(frame, square, flip)
            if name == "source":
                item["labels"] = labels
        return item

    def labels(self, frame: Frame, square: Square, flip: bool) -> Tensor:
        """(S, S) uint8 labels of Graphonomy's list; 255 where the frame has no mask."""
        if frame.get("mask") is None:
            return torch.full((self.size, self.size), 255, dtype=torch.uint8)
        labels = LABEL_OF_PART[cut(frame["mask"], square, self.size, smooth=False)]
        return torch.from_numpy(mirrored(labels, flip))

    def points(self, frame: Frame, square: Square, flip: bool) -> Tensor:
        """(63, 2) surface points in the crop, px."""
        corner = np.array([square.x, square.y]) - square.side / 2
        places = (frame.get("points", NO_POINTS) - corner) * (self.size / square.side)
        if flip:
            places[:, 0] = self.size - places[:, 0]
        return torch.from_numpy(places).float()


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

"""Pairs of pictures of one person for training: the rendered people, and the published data sets' lists.

A batch is a dictionary of float tensors: `source`, `target` (B, 3, H, W) in [-1, 1]; `source_points`, `target_points`
(B, 18, 2) x, y in pixels of that frame, -1 where missing; of rendered people `source_mask`, `target_mask`
(B, 1, H, W), 1 where the person is. Heatmaps are made per batch, on the device.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.errors import InputError
from core.gfla.data.annotations import Pair, read_annotations, read_pairs
from core.gfla.paper import pose

STUDIO_GREY = 0.88


def batch_heatmaps(points: Tensor, size_hw: tuple[int, int], sigma_px: float) -> Tensor:
    """Heatmaps (B, 18, H, W) of truncated points (B, 18, 2); the batched twin of `core.gfla.pose.heatmaps`."""
    known = (points != pose.MISSING).all(-1)
    whole = points.trunc()
    x = torch.arange(size_hw[1], device=points.device) - whole[..., 0, None]
    y = torch.arange(size_hw[0], device=points.device) - whole[..., 1, None]
    spread = 2 * sigma_px**2
    maps = torch.exp(-(y**2) / spread)[..., :, None] * torch.exp(-(x**2) / spread)[..., None, :]
    return maps * known[..., None, None]


def on_studio_ground(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """A person (H, W, 3) uint8 cut out by a mask (H, W) in [0, 1] and laid on the plain studio grey."""
    alpha = mask[..., None].astype(np.float32)
    return (picture * alpha + 255 * STUDIO_GREY * (1 - alpha) + 0.5).astype(np.uint8)


@dataclass(frozen=True)
class People:
    """The rendered people in one frame size, in memory: 8 poses of each identity, before the studio ground.

    Attributes:
        pictures: (N, H, W, 3) uint8.
        points: (N, 18, 2) in that frame.
        visible: (N, 18) bool; False also for joints hidden by the body.
        identity: (N,) int.
        test: (N,) bool.
        names: file names.
        masks: (N, H, W) uint8, 255 where the person is.
    """

    pictures: np.ndarray
    points: np.ndarray
    visible: np.ndarray
    identity: np.ndarray
    test: np.ndarray
    names: list[str]
    masks: np.ndarray

    def subset(self, keep: np.ndarray) -> People:
        """Those pictures only."""
        names = [name for name, kept in zip(self.names, keep, strict=True) if kept]
        return People(
            self.pictures[keep], self.points[keep], self.visible[keep], self.identity[keep], self.test[keep], names,
            self.masks[keep],
        )  # fmt: skip


def load_people(folder: Path, size_hw: tuple[int, int], limit: int | None = None) -> People:
    """The rendered people of `folder` (people.zip, people.npz), scaled to `size_hw`.

    Raises:
        InputError: the files are not there.
    """
    archive, facts_file = Path(folder) / "people.zip", Path(folder) / "people.npz"
    if not (archive.is_file() and facts_file.is_file()):
        raise InputError(f"{folder} holds no people.zip and people.npz: give the folder of the rendered people")
    with np.load(facts_file) as file:
        facts = {key: file[key] for key in ("files", "keypoints", "visible", "identity", "split")}
    names = [str(name) for name in facts["files"][:limit]]
    height, width = size_hw
    pictures = np.empty((len(names), height, width, 3), np.uint8)
    masks = np.empty((len(names), height, width), np.uint8)
    with zipfile.ZipFile(archive) as files:
        for index, name in enumerate(names):
            picture = Image.open(io.BytesIO(files.read(f"images/{Path(name).name}"))).convert("RGB")
            mask = np.asarray(Image.open(io.BytesIO(files.read(f"masks/{Path(name).stem}.png")))) > 0
            # On the ground first, then smaller: the other way round the old background bleeds into the outline.
            whole = Image.fromarray(on_studio_ground(np.asarray(picture), mask))
            pictures[index] = np.asarray(whole.resize((width, height), Image.Resampling.BOX))
            alpha = Image.fromarray(mask.astype(np.uint8) * 255).resize((width, height), Image.Resampling.BOX)
            masks[index] = np.asarray(alpha)
    old = picture.size[::-1]
    points = np.stack([pose.scaled(item, size_hw, old) for item in facts["keypoints"][: len(names)]])
    split = np.array([str(s) == "test" for s in facts["split"][: len(names)]])
    return People(
        pictures, points, facts["visible"][: len(names)].astype(bool), facts["identity"][: len(names)], split, names,
        masks,
    )  # fmt: skip


def as_network_picture(picture: np.ndarray) -> Tensor:
    """(H, W, 3) uint8 to (3, H, W) in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1).float() / 127.5 - 1


def resized(picture: Image.Image, size_hw: tuple[int, int], method: str = "bilinear") -> Image.Image:
    """The picture at (H, W) as published loaders resize it: bilinear for people, bicubic for faces and dance."""
    return picture.convert("RGB").resize(size_hw[::-1], Image.Resampling[method.upper()])


def stacked(items: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Items of equal keys as one batch."""
    return {key: torch.stack([item[key] for item in items]) for key in items[0]}


class PeoplePairs:
    """Random pairs of poses of one rendered identity.

    Args:
        people: from `load_people`.
        hide: probability that a joint hidden by the body is given as missing, as detectors do.
        mirror: whether half of the pairs are mirrored (left and right joints change places).
        augment: strength in [0, 1] of moving, turning and scaling each picture, and of recolouring both alike.
    """

    SWAP = (0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 15, 14, 17, 16)

    def __init__(self, people: People, hide: float = 0.5, mirror: bool = True, augment: float = 0.0) -> None:
        self.people, self.hide, self.mirror, self.augment = people, hide, mirror, augment
        groups = [np.flatnonzero(people.identity == number) for number in np.unique(people.identity)]
        self.members = [group for group in groups if len(group) > 1]

    def draw(self, rng: np.random.Generator, size: int) -> dict[str, Tensor]:
        """`size` random pairs."""
        return stacked([self.pair(rng) for _ in range(size)])

    def pair(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """One random pair, without the batch axis."""
        source, target = rng.choice(self.members[rng.integers(len(self.members))], 2, replace=False)
        flip = self.mirror and rng.random() < 0.5
        colour = recolouring(rng, self.augment) if self.augment else None
        item = {}
        for name, which in (("source", source), ("target", target)):
            picture, points = self.people.pictures[which], self.people.points[which].copy()
            mask = self.people.masks[which]
            points[~self.people.visible[which] & (rng.random(len(points)) < self.hide)] = pose.MISSING
            if flip:
                picture, mask = picture[:, ::-1], mask[:, ::-1]
                points = self._mirrored(points, picture.shape[1])
            if colour is not None:
                picture, points, mask = moved_person(colour(picture, mask), points, rng, self.augment, mask)
            item[name] = as_network_picture(picture)
            item[f"{name}_mask"] = torch.from_numpy(np.ascontiguousarray(mask))[None].float() / 255
            item[f"{name}_points"] = torch.from_numpy(points).float()
        return item

    def _mirrored(self, points: np.ndarray, width: int) -> np.ndarray:
        turned = np.where(pose.present(points)[:, None], [width, 0] + points * [-1, 1], pose.MISSING)
        return turned[list(self.SWAP)]


def recolouring(rng: np.random.Generator, strength: float) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """A random change of a person's colours, (H, W, 3) uint8 and its mask to the same picture; the ground stays."""
    mixing = np.eye(3) * rng.uniform(1 - 0.4 * strength, 1 + 0.2 * strength, 3)
    mixing = mixing + strength * rng.uniform(-0.2, 0.2, (3, 3))
    gamma = np.exp(strength * rng.uniform(-0.5, 0.5))

    def apply(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
        old = picture.astype(np.float32) / 255
        new = np.clip(old @ mixing.T.astype(np.float32), 0, 1) ** gamma
        person = mask[..., None].astype(np.float32) / 255
        return (255 * (old + person * (new - old)) + 0.5).astype(np.uint8)

    return apply


def moved_person(
    picture: np.ndarray, points: np.ndarray, rng: np.random.Generator, strength: float, mask: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A person before studio grey shifted, turned and scaled a little, with keypoints and mask; joints that leave are missing."""
    size = (picture.shape[0], picture.shape[1])
    shift = strength * rng.uniform(-0.12, 0.12, 2) * size[::-1]
    scale = 1 + strength * rng.uniform(-0.3, 0.2)
    matrix = pose.affine_matrix(size, strength * rng.uniform(-10, 10), shift.tolist(), scale)
    inverse = np.linalg.inv(matrix)[:2].ravel().tolist()
    grey = (round(255 * STUDIO_GREY),) * 3
    sharp, soft, cut = (
        np.asarray(
            Image.fromarray(np.ascontiguousarray(array)).transform(
                size[::-1], Image.Transform.AFFINE, inverse, method, fillcolor=ground
            )
        )
        for array, method, ground in (
            (picture, Image.Resampling.BICUBIC, grey), (picture, Image.Resampling.BILINEAR, grey),
            (mask, Image.Resampling.BILINEAR, 0),
        )
    )  # fmt: skip
    # Bicubic rings along the outline, where ground would no longer be plain.
    moved = np.where((cut == 255)[..., None], sharp, soft)
    points = pose.transformed(points, matrix)
    inside = (points >= 0).all(-1) & (points < size[::-1]).all(-1)
    return moved, np.where(inside[:, None], points, pose.MISSING), cut


class AnnotatedPairs:
    """DeepFashion or Market pairs by the published lists: `<phase>/` pictures, pair list and annotation file.

    Args:
        root: the data root.
        pairs: the pair list, CSV with columns from, to.
        annotations: the keypoint file.
        phase: folder with the pictures.
        size_hw: size of the network's frame; pictures are resized straight to it, as published.
        old_size_hw: frame of the annotated keypoints, (256, 176) fashion, (128, 64) market.
        augment: (angle_deg, shift_px, scale) ranges of the published affine augmentation, or None.
    """

    def __init__(
        self,
        root: Path,
        pairs: Path,
        annotations: Path,
        phase: str,
        size_hw: tuple[int, int],
        old_size_hw: tuple[int, int],
        augment: tuple[float, float, float] | None = None,
    ) -> None:
        self.folder, self.size_hw, self.old_size_hw = Path(root) / phase, size_hw, old_size_hw
        self.points = read_annotations(annotations)
        self.pairs: list[Pair] = read_pairs(pairs, known=self.points)
        self.augment = augment

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.pairs)

    def draw(self, rng: np.random.Generator, size: int) -> dict[str, Tensor]:
        """`size` random pairs of the list."""
        return stacked([self.pair(int(index), rng) for index in rng.integers(len(self.pairs), size=size)])

    def pair(self, index: int, rng: np.random.Generator) -> dict[str, Tensor]:
        """One pair, without the batch axis; the target is augmented more gently than the source, as published."""
        pair = self.pairs[index]
        source = self._one(pair.source, rng, 1.0)
        target = self._one(pair.target, rng, 0.2)
        return {"source": source[0], "source_points": source[1], "target": target[0], "target_points": target[1]}

    def _one(self, name: str, rng: np.random.Generator, strength: float) -> tuple[Tensor, Tensor]:
        path = self.folder / name
        if not path.is_file():
            raise InputError(f"{path} is missing, the pair list names it: check the phase folder")
        picture = resized(Image.open(path), self.size_hw)
        points = pose.scaled(self.points[name], self.size_hw, self.old_size_hw)
        if self.augment:
            angle, shift, scale = self.augment
            matrix = pose.affine_matrix(
                self.size_hw, strength * rng.uniform(-angle, angle),
                (rng.uniform(-shift, shift, 2) * (1.0 if strength == 1 else 0.5)).tolist(),
                1 + (rng.uniform(-scale, scale) if strength == 1 else 0.0),
            )  # fmt: skip
            inverse = np.linalg.inv(matrix)[:2].ravel().tolist()
            picture = picture.transform(picture.size, Image.Transform.AFFINE, inverse, fillcolor=(128, 128, 128))
            points = pose.transformed(points, matrix)
        return as_network_picture(np.asarray(picture)), torch.from_numpy(points).float()

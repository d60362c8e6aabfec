"""Pairs of pictures of one rendered person, for training.

A batch is a dictionary of float tensors: `source`, `target` (B, 3, H, W) in [-1, 1]; `source_points`, `target_points`
(B, 18, 2) x, y in pixels of that frame, -1 where missing; `source_mask`, `target_mask` (B, 1, H, W), 1 where the person
is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import default_collate

from core.errors import InputError
from core.gfla.paper import pose
from core.gfla.paper.pictures import as_network_picture
from core.training.store import OnDemand, opened, part_of

STUDIO_GREY = 0.88


def on_studio_background(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """A person (H, W, 3) uint8 cut out by a mask (H, W) in [0, 1] and laid on the plain studio grey."""
    alpha = mask[..., None].astype(np.float32)
    return (picture * alpha + 255 * STUDIO_GREY * (1 - alpha) + 0.5).astype(np.uint8)


@dataclass(frozen=True)
class People:
    """The rendered people in one frame size: 8 poses of each identity, before studio grey.

    Attributes:
        pictures: (N, H, W, 3) uint8; an array, or read on demand.
        points: (N, 18, 2) in that frame.
        visible: (N, 18) bool; False also for joints hidden by the body.
        identity: (N,) int.
        test: (N,) bool.
        names: file names.
        masks: (N, H, W) uint8, 255 where the person is.
    """

    pictures: np.ndarray | OnDemand[np.ndarray]
    points: np.ndarray
    visible: np.ndarray
    identity: np.ndarray
    test: np.ndarray
    names: list[str]
    masks: np.ndarray | OnDemand[np.ndarray]

    def subset(self, keep: np.ndarray) -> People:
        """Those pictures only."""
        names = [name for name, kept in zip(self.names, keep, strict=True) if kept]
        pictures, masks = (
            values.only(keep) if isinstance(values, OnDemand) else values[keep]
            for values in (self.pictures, self.masks)
        )
        return People(
            pictures, self.points[keep], self.visible[keep], self.identity[keep], self.test[keep], names,
            masks,
        )  # fmt: skip


def load_people(folder: Path, size_hw: tuple[int, int], limit: int | None = None) -> People:
    """The rendered people of `folder` (people.zip, a folder people or people*.tar; people.npz), scaled to `size_hw`.

    Raises:
        InputError: the files are not there.
    """
    files, facts_file = part_of(Path(folder), "people"), Path(folder) / "people.npz"
    if files is None or not facts_file.is_file():
        raise InputError(f"{folder} holds no people.zip and people.npz: give the folder of the rendered people")
    with np.load(facts_file) as file:
        facts = {key: file[key] for key in ("files", "keypoints", "visible", "identity", "split")}
    names = [str(name) for name in facts["files"][:limit]]
    # Colours and mask of a person as one, so that they are decoded together.
    cut_out = OnDemand(partial(read_person, files, names, size_hw), len(names))
    old = Image.open(opened(files / f"images/{Path(names[0]).name}")).size[::-1]
    points = np.stack([pose.scaled(item, size_hw, old) for item in facts["keypoints"][: len(names)]])
    split = np.array([str(s) == "test" for s in facts["split"][: len(names)]])
    return People(
        OnDemand(partial(planes, cut_out, slice(3)), len(names), 0), points,
        facts["visible"][: len(names)].astype(bool), facts["identity"][: len(names)], split, names,
        OnDemand(partial(planes, cut_out, 3), len(names), 0),
    )  # fmt: skip


def read_person(files: Any, names: list[str], size_hw: tuple[int, int], index: int) -> np.ndarray:
    """A person on the studio grey and its mask, (H, W, 4) uint8."""
    name, size = names[index], size_hw[::-1]
    picture = Image.open(opened(files / f"images/{Path(name).name}")).convert("RGB")
    mask = np.asarray(Image.open(opened(files / f"masks/{Path(name).stem}.png"))) > 0
    # On the background first, then smaller: the other way round the old background bleeds into the outline.
    whole = Image.fromarray(on_studio_background(np.asarray(picture), mask))
    alpha = Image.fromarray(mask.astype(np.uint8) * 255)
    return np.dstack([np.asarray(part.resize(size, Image.Resampling.BOX)) for part in (whole, alpha)])


def planes(cut_out: OnDemand[np.ndarray], which: int | slice, index: int) -> np.ndarray:
    """Some channels of one of them."""
    return cut_out[index][..., which]


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
        return default_collate([self.pair(rng) for _ in range(size)])

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
    """A random change of a person's colours, (H, W, 3) uint8 and its mask to the same picture; the background stays."""
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
    grey = (round(255 * STUDIO_GREY),) * 3
    sharp, soft, cut = (
        np.asarray(pose.transformed_picture(Image.fromarray(np.ascontiguousarray(array)), matrix, fill, method))
        for array, method, fill in (
            (picture, Image.Resampling.BICUBIC, grey), (picture, Image.Resampling.BILINEAR, grey),
            (mask, Image.Resampling.BILINEAR, 0),
        )
    )  # fmt: skip
    # Bicubic rings along the outline, where the background would no longer be plain.
    moved = np.where((cut == 255)[..., None], sharp, soft)
    points = pose.transformed(points, matrix)
    inside = (points >= 0).all(-1) & (points < size[::-1]).all(-1)
    return moved, np.where(inside[:, None], points, pose.MISSING), cut

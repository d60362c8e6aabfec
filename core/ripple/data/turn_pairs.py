"""Pairs for the turn: rendered heads with changed colours and backgrounds, and portraits whose depth is measured.

Photographs have no second yaw, so their pictures count only where nothing is asked for. But MediaPipe's
mesh knows how deep each point of a face lies, and a head turns about an axis: so it is known where
478 points of a photographed face have to go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.detect.faces import detect_faces
from core.detect.segment import person_mask
from core.errors import InputError, NothingFoundError
from core.ops.warp import backward_warp
from core.ripple.data.head_pairs import Frame, HeadPairs, as_tensor, cut, jitter, mirrored
from core.ripple.methods.head_turn.geometry import DEG_PER_DEGREE, Square, measure_face, rotate_about_axis
from core.ripple.methods.head_turn.surface import HeadSurface
from core.training.store import part_of

POINTS = 63
COARSE = 33  # cells of a training flow, which is smooth


@dataclass(frozen=True)
class Look:
    """One change of colours, the same for both frames of a pair."""

    gain: np.ndarray
    gamma: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Look:
        """Up to a quarter lighter, darker, warmer or colder."""
        return cls(rng.uniform(0.82, 1.18, 3) * rng.uniform(0.85, 1.2), float(rng.uniform(0.7, 1.4)))

    def apply(self, picture: Tensor) -> Tensor:
        """(3, H, W) in [-1, 1] to the same range."""
        gain = torch.from_numpy(self.gain).float().view(3, 1, 1)
        return (((picture + 1) / 2).clamp(0, 1).pow(self.gamma) * gain).clamp(0, 1) * 2 - 1


class TurnPairs(HeadPairs):
    """`HeadPairs` with `picture_known` (B,), 1 where the target's picture counts, and changed looks.

    Half of the portraits are turned by a known flow but unknown picture.

    Args:
        folder: this and what is not named here: see `HeadPairs`.
        changed_share: how many rendered heads get other colours; half as many another background.
        courses: add where the head goes by its measured surface: `flow` (B, 2, S, S) px and `person` (B, 1, S, S).
    """

    def __init__(
        self, folder: Path | str, *args: Any, changed_share: float = 0.7, courses: bool = False, **shares: Any
    ) -> None:
        super().__init__(folder, *args, **{"portrait_share": 0.2, "age_share": 0.08, "same_share": 0.06} | shares)
        self.changed_share, self.courses = changed_share, courses
        scenes = part_of(Path(folder), "content") if self.split == "train" else None
        self.scenes = [] if scenes is None else pictures_of(scenes)

    def read_portraits(self, folder: Path, split: str) -> list[Frame]:
        """Neutral and smiling portraits with depth and person; every tenth person is for the test split."""
        archive = part_of(folder, "faces")
        if archive is None:
            raise InputError(f"{folder} has no faces.zip: add it, or set portrait_share to 0")
        files = pictures_of(archive)
        people = sorted({file.stem[:3] for file in files})
        return [
            portrait(partial(self.files, file, "RGB"), str(file))
            for file in files
            if (people.index(file.stem[:3]) % 10 == 7) == (split == "test")
        ]

    def random_pair(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """One item of a random kind, place, direction and look."""
        if rng.random() < self.portrait_share:
            source = self.portraits[rng.integers(len(self.portraits))]
            degree = float(rng.uniform(-3, 3)) if rng.random() < 0.5 else 0.0
            item = self.turned_portrait(source, degree, jitter(source["square"], rng), rng)
        else:
            item = self.rendered_pair(rng)
        if rng.random() < self.changed_share:
            look = Look.draw(rng)
            item |= {name: look.apply(item[name]) for name in ("source", "target")}
        return item

    def rendered_pair(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """Two frames of one rendered head; frontal sources twice as often, as photographs are."""
        names = self.ages if rng.random() < self.age_share else self.turns
        frames = self.frames[names[rng.integers(len(names))]]
        frontal = rng.random() < 0.35 and names is self.turns
        source = frames[3] if frontal else frames[rng.integers(len(frames))]
        if self.courses and self.surface(source) is None:
            return self.rendered_pair(rng)
        target = source if rng.random() < self.same_share else frames[rng.integers(len(frames))]
        square, flip = jitter(source["square"], rng), bool(rng.random() < 0.5)
        item = self.pair(source, target, square, flip) | {"picture_known": torch.tensor(1.0)}
        if self.scenes and source.get("mask") is not None and rng.random() < self.changed_share / 2:
            scene = self.scene(rng)
            for name, frame in (("source", source), ("target", target)):
                share = self.share_of((frame["mask"] > 0).astype(np.uint8) * 255, square, flip)
                item[name] = share * item[name] + (1 - share) * scene
        return item

    def pair(self, source: Frame, target: Frame, square: Square, flip: bool = False) -> dict[str, Tensor]:
        """As `HeadPairs.pair`, with the course if that is wanted."""
        item = super().pair(source, target, square, flip)
        if self.courses:
            item |= self.course(source, target.get("yaw_deg", 0.0) - source.get("yaw_deg", 0.0), square, flip)
        return item

    @staticmethod
    def surface(frame: Frame) -> HeadSurface | None:
        """A frame's head as measured, kept in the frame; None where no face is found in it."""
        if "surface" not in frame:
            frame["flows"] = {}
            try:
                frame["surface"] = HeadSurface.of(Image.fromarray(frame["picture"]))
            except NothingFoundError:
                frame["surface"] = None
        return frame["surface"]

    def course(self, frame: Frame, yaw_deg: float, square: Square, flip: bool) -> dict[str, Tensor]:
        """`flow` (2, S, S) px and `person` (1, S, S) of a frame's crop that turns by `yaw_deg` before it is mirrored."""
        surface, size_px = self.surface(frame), frame["picture"].shape[1::-1]
        if surface is None:
            raise NothingFoundError("no face was found in this frame: it has no course")
        yaw_deg = round(yaw_deg, 1)
        if yaw_deg not in frame["flows"]:
            frame["flows"][yaw_deg] = surface.flow(yaw_deg, COARSE)[0].permute(1, 2, 0).numpy()
        flow = cv2.resize(frame["flows"][yaw_deg], size_px, interpolation=cv2.INTER_CUBIC) * np.float32(size_px)
        flow = mirrored(cut(flow, square, self.size) * (self.size / square.side), flip)
        moved = torch.from_numpy(flow).permute(2, 0, 1) * torch.tensor([-1.0 if flip else 1.0, 1.0]).view(2, 1, 1)
        mask = cut(cv2.resize(surface.person, size_px, interpolation=cv2.INTER_AREA), square, self.size)
        person = torch.from_numpy(mirrored(mask, flip))[None, None]
        return {"flow": moved, "person": backward_warp(person, moved[None])[0]}

    def share_of(self, mask: np.ndarray, square: Square, flip: bool) -> Tensor:
        """(1, S, S) in [0, 1]: the crop of a uint8 mask, soft at its rim."""
        return torch.from_numpy(mirrored(cut(mask, square, self.size), flip))[None].float() / 255

    def scene(self, rng: np.random.Generator) -> Tensor:
        """(3, S, S) a background: plain with a gradient, or a soft part of a photograph."""
        if rng.random() < 0.5:
            corners = rng.uniform(-1, 1, 3) + rng.uniform(-0.3, 0.3, (2, 2, 3)) * rng.integers(0, 2)
            smooth = cv2.resize(corners.astype(np.float32), (self.size, self.size), interpolation=cv2.INTER_LINEAR)
            return torch.from_numpy(smooth).permute(2, 0, 1).clamp(-1, 1)
        picture = self.files(self.scenes[rng.integers(len(self.scenes))], "RGB")
        side = int(rng.integers(self.size, min(picture.shape[:2]) + 1))
        y, x = (int(rng.integers(0, length - side + 1)) for length in picture.shape[:2])
        part = cv2.resize(picture[y : y + side, x : x + side], (self.size, self.size), interpolation=cv2.INTER_AREA)
        return as_tensor(cv2.GaussianBlur(part, (0, 0), float(rng.uniform(0.3, 4))))

    def turned_portrait(
        self, source: Frame, degree: float, square: Square, rng: np.random.Generator
    ) -> dict[str, Tensor]:
        """A portrait, and where points of its face have to go; its picture counts where nothing turns."""
        chosen = source["mesh"][rng.choice(len(source["mesh"]), POINTS, replace=False)]
        points, visible = rotate_about_axis(chosen, source["square"].x, degree * DEG_PER_DEGREE)
        if self.courses:
            self.surface(source)  # before it is copied
        frame = source.changed(points=chosen[:, :2], seen=visible)
        flip = bool(rng.random() < 0.5)
        item = self.pair(frame, frame.changed(points=points, yaw_deg=degree * DEG_PER_DEGREE), square, flip)
        item["picture_known"] = torch.tensor(float(degree == 0))
        person = self.share_of(source["person"], square, flip)
        item |= {"source_mask": person, "target_mask": person, "mask_known": torch.tensor(degree == 0)}
        return item


def portrait(read: Callable[[], np.ndarray], name: str) -> Frame:
    """A photograph (H, W, 3) uint8 with its crop, its mesh in space and its person."""
    image = Image.fromarray(read())
    square, mesh = measure_face(detect_faces(image, name)[0])
    frame = Frame(square=square, mesh=mesh, person=(person_mask(image, name)[0, 0].numpy() * 255).astype(np.uint8))
    frame.reads = {"picture": read}
    return frame


def pictures_of(root: Any) -> list[Any]:
    """The photographs of an archive."""
    return sorted(file for file in root.rglob("*.jpg"))

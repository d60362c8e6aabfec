"""Training batches: which three frames of a sequence make an item, how they are cut, and style pairs.

Batches are mappings of `inputs` (B, 3 or 6, S, S) in [0, 1], source first, `t` (B,), and `truth` (B, 3, S, S).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.errors import InputError, OptionError, unknown_name
from core.sdl.data import DIRECTIONS
from core.sdl.data.sequences import GUIDES, MOTION, frames_of, sequence_folders, target_of
from core.sdl.paper.frames import SUFFIXES
from core.sdl.paper.recipes import FITS, TASKS
from core.training.store import opened

SQUEEZED_PX = 512
# See `core.sdl.methods.face_morph.correspondence.face_motion`.
MOTION_CHANNELS = 8


@dataclass(frozen=True)
class Triple:
    """Frames of one item."""

    inputs: tuple[int, ...]  # indices of the frames that go in, source first
    truth: int  # index of the frame that should come out
    t: float  # its position; negative for the mirrored items of image-to-image


def choose_triple(
    task: str,
    count: int,
    drawn: Sequence[int],
    reverse: float | None = None,
    trick: float | None = None,
    mirror: float | None = None,
) -> Triple:
    """The published choice of frames from the numbers that were drawn for it.

    Morphing and image-to-image always span the whole sequence. A reversed item runs backwards with t still counted
    from its own first frame; so under this rule the sign of t, which `mirror` negates, says nothing by itself.

    Args:
        task: one of `TASKS`.
        count: frames of the sequence, at least 3.
        drawn: three different indices in any order; the middle one becomes the truth.
        reverse: uniform number, under 1/2 reverses; None outside training.
        trick: uniform number, under 1/4 puts the truth at a fixed frame, never for vfi; None outside training.
        mirror: uniform number, under 1/2 mirrors the indices and negates t; None without `extend_t`.

    Source: the released data set of Yang et al. 2022.
    """
    if count < 3:
        raise InputError(f"a sequence of {count} frames, at least 3 are needed")
    first, middle, last = sorted(drawn)
    if task != "vfi":
        first, last = 0, count - 1
    if reverse is not None and reverse < 0.5:
        first, last = last, first
    if task != "vfi" and trick is not None and trick < 0.25:
        middle = count - 1 if task == "i2i" else (count - 1) // 2
    t = (middle - first) / (last - first)
    if mirror is not None and mirror < 0.5:
        first, middle, last, t = count - 1 - first, count - 1 - middle, count - 1 - last, -t
    return Triple((first,) if task == "i2i" else (first, last), middle, t)


def directed_pair(direction: str, count: int, rng: np.random.Generator) -> Triple:
    """Frames for image-to-image in which the sign of t means something.

    Args:
        direction: forward: from the first frame to any other. signed: from any frame to any other, t their signed
            distance as a share of the sequence, so that t > 0 leads towards its end and t < 0 towards its start.
        count: frames of the sequence.
        rng: where the choice comes from.
    """
    source, truth = (int(index) for index in rng.choice(count, 2, replace=False))
    if direction == "forward":
        source, truth = 0, int(rng.integers(1, count))
    return Triple((source,), truth, (truth - source) / (count - 1))


def random_triple(task: str, count: int, extend_t: bool, rng: np.random.Generator) -> Triple:
    """`choose_triple` with its numbers drawn as in training."""
    drawn = [int(index) for index in rng.choice(count, 3, replace=False)]
    trick = None if task == "vfi" else rng.random()
    return choose_triple(task, count, drawn, rng.random(), trick, rng.random() if extend_t else None)


@dataclass(frozen=True)
class Fitter:
    """One random cut and orientation, to be applied alike to all pictures of an item."""

    fit: str
    size_px: int
    place: np.ndarray
    share: float
    turned: tuple[bool, bool, bool]

    def __call__(self, picture: Image.Image) -> Tensor:
        """(3, S, S) in [0, 1]."""
        array = np.asarray(picture.convert("RGB")).astype(np.float32) / 255
        array = orient(cut(array, self.fit, self.size_px, self.place, self.share), *self.turned)
        return torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1)))

    def guide(self, maps: np.ndarray) -> Tensor:
        """The same for a face's guide (H, W, 4): (4, S, S); only its first map has a left and a right."""
        if any(self.turned[1:]):
            raise OptionError("items with a guide are not turned: train with --no-rotate")
        maps = orient(cut(maps, self.fit, self.size_px, self.place, self.share), self.turned[0], False, False)
        maps = maps * np.array([-1 if self.turned[0] else 1, 1, 1, 1], np.float32)
        return torch.from_numpy(np.ascontiguousarray(maps.transpose(2, 0, 1), np.float32))

    def motion(self, maps: np.ndarray) -> Tensor:
        """The same for a motion (H, W, 8) in pixels of the frames: (8, S, S) in pixels of the result.

        Upside down or transposed items have no such form here.
        """
        if any(self.turned[1:]):
            raise OptionError("items with a motion are not turned: train with --no-rotate")
        if maps.shape[2] != MOTION_CHANNELS:
            raise InputError(
                f"a motion.npy has {maps.shape[2]} maps, {MOTION_CHANNELS} are needed: make it again with python -m core "
                "sdl sequences motions"
            )
        scale = self.size_px / min(maps.shape[:2])
        if self.fit == "zoom":
            scale = self.size_px / round(self.share * min(maps.shape[:2]))
        elif self.fit == "crop":
            scale = 1.0
        maps = orient(cut(maps, self.fit, self.size_px, self.place, self.share), self.turned[0], False, False)
        sign = -1.0 if self.turned[0] else 1.0
        maps = maps * np.array([sign * scale, scale, sign * scale, scale, 1, 1, scale, scale], np.float32)
        return torch.from_numpy(np.ascontiguousarray(maps.transpose(2, 0, 1), np.float32))


def fitter(fit: str, size_px: int, flip: bool, rotate: bool, rng: np.random.Generator) -> Fitter:
    """A random `Fitter`.

    Args:
        fit: crop: a random square; resize: the whole frame squeezed; crop_512: squeezed to 512, then a random square;
            zoom: a random square of at least 3/4 of the shorter side, resized.
        size_px: S.
        flip: mirror left and right in half of the items.
        rotate: mirror top and bottom, and transpose, in half of the items each.
        rng: where the choices come from.
    """
    if fit not in FITS:
        raise unknown_name("fit", fit, FITS)
    place, share = rng.random(2), rng.uniform(0.75, 1)
    mirrored, upside_down, transposed = (rng.random(3) < 0.5) & [flip, rotate, rotate]
    return Fitter(fit, size_px, place, share, (bool(mirrored), bool(upside_down), bool(transposed)))


def cut(array: np.ndarray, fit: str, size_px: int, place: np.ndarray, share: float) -> np.ndarray:
    """A square of the picture (H, W, 3); `place` in [0, 1]^2 says where, y before x, `share` how much for zoom."""
    if fit == "resize":
        return squeezed(array, size_px)
    if fit == "crop_512":
        array = squeezed(array, SQUEEZED_PX)
    side = round(share * min(array.shape[:2])) if fit == "zoom" else size_px
    if min(array.shape[:2]) < side:
        raise InputError(
            f"a frame of {array.shape[1]} x {array.shape[0]} pixels is too small to cut {side} x {side} from it: "
            "use larger frames, a smaller size or the fit 'resize'"
        )
    top, left = (int(p * (length - side + 1)) for p, length in zip(place, array.shape[:2], strict=True))
    piece = array[top : top + side, left : left + side]
    return squeezed(piece, size_px) if fit == "zoom" else piece


def squeezed(array: np.ndarray, side_px: int) -> np.ndarray:
    """Resized to a square, bilinear with half-pixel centres and no antialiasing, as the published code does."""
    return cv2.resize(array, (side_px, side_px), interpolation=cv2.INTER_LINEAR)


def orient(array: np.ndarray, mirrored: bool, upside_down: bool, transposed: bool) -> np.ndarray:
    """The picture flipped left-right, top-bottom and transposed, in this order, where asked."""
    array = array[:, ::-1] if mirrored else array
    array = array[::-1] if upside_down else array
    return array.transpose(1, 0, 2) if transposed else array


@dataclass
class SequenceSource:
    """Batches from sequence folders (layout: `core.sdl.data.sequences`)."""

    task: str  # one of `TASKS`; style_transfer needs sequences with a `target` picture
    roots: Sequence[Path]  # folders of sequences
    size_px: int  # side of the items
    fit: str = "crop"  # see `fitter`
    flip: bool = True
    rotate: bool = False
    extend_t: bool = False  # the published mirroring of image-to-image
    direction: str = "published"  # for image-to-image, published or a `directed_pair`
    # what else to hand out as `motion`: motion, between the ends, from `motion.npy` in each folder (`sequences
    # motions`), or guide, of the source, from `guides.npy` (`sequences guides`); sequences without are left out
    known: str = ""

    def __post_init__(self) -> None:
        """List the sequences once."""
        if self.task not in TASKS:
            raise unknown_name("task", self.task, TASKS)
        if self.direction not in DIRECTIONS:
            raise unknown_name("direction", self.direction, DIRECTIONS)
        folders = sequence_folders(self.roots)
        if self.known:
            name, kind = {"motion": (MOTION, "motions"), "guide": (GUIDES, "guides")}[self.known]
            folders = [folder for folder in folders if (folder / name).is_file()]
            if not folders:
                raise InputError(f"no sequence has a {name}: make them with python -m core sdl sequences {kind}")
        self.sequences = [(frames_of(folder), target_of(folder)) for folder in folders]
        if self.task == "style_transfer" and any(target is None for _, target in self.sequences):
            raise InputError("a style sequence needs a picture named target.* with the style in its folder")

    def draw(self, rng: np.random.Generator, size: int) -> dict[str, Tensor]:
        """`size` items of random sequences."""
        items = [self.item(rng) for _ in range(size)]
        return {name: torch.stack([item[name] for item in items]) for name in items[0]}

    def item(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """One item; all its pictures are cut and turned alike."""
        frames, target = self.sequences[rng.integers(len(self.sequences))]
        triple = self.triple(len(frames), rng)
        apply = fitter(self.fit, self.size_px, self.flip, self.rotate, rng)
        files = [frames[index] for index in triple.inputs] + ([target] if target else [])
        pictures = [apply(Image.open(opened(file))) for file in (*files, frames[triple.truth])]
        item = {"inputs": torch.cat(pictures[:-1]), "t": torch.tensor(triple.t), "truth": pictures[-1]}
        if self.known == "guide":
            guides = np.load(opened(frames[0].parent / GUIDES))
            item["motion"] = apply.guide(np.asarray(guides[triple.inputs[0]], np.float32).transpose(1, 2, 0))
        if self.known == "motion":
            motion = np.load(opened(frames[0].parent / MOTION)).astype(np.float32).transpose(1, 2, 0)
            # Backwards both ways, both trusts and both people change places.
            order = [2, 3, 0, 1, 5, 4, 7, 6] if triple.inputs[0] > triple.inputs[1] else range(motion.shape[2])
            item["motion"] = apply.motion(motion[..., list(order)])
        return item

    def triple(self, count: int, rng: np.random.Generator) -> Triple:
        """Which frames make the next item."""
        if self.task == "style_transfer":
            truth = int(rng.integers(1, count))
            return Triple((0,), truth, truth / (count - 1))
        if self.task == "i2i" and self.direction != "published":
            return directed_pair(self.direction, count, rng)
        return random_triple(self.task, count, self.extend_t, rng)


@dataclass
class StylePairs:
    """Batches of content and style pictures without a truth, as the published style trainer takes them.

    The whole batch shares one strength: 1 in half of the batches, else uniform in [0, 1).
    """

    content: Path
    style: Path
    size_px: int = 256

    def __post_init__(self) -> None:
        """List the pictures once, subfolders included."""
        self.files = {}
        for root in (self.content, self.style):
            found = sorted(path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES)
            if not found:
                raise InputError(f"{root} holds no pictures: {', '.join(SUFFIXES)} fit")
            self.files[root] = found

    def draw(self, rng: np.random.Generator, size: int) -> dict[str, Tensor]:
        """`size` pairs, both pictures of a pair cut and turned alike, and one strength."""
        strength, pairs = (1.0 if rng.random() < 0.5 else rng.random()), []
        for _ in range(size):
            apply = fitter("crop_512", self.size_px, True, True, rng)
            chosen = [files[rng.integers(len(files))] for files in (self.files[self.content], self.files[self.style])]
            pairs.append(torch.cat([apply(Image.open(opened(file))) for file in chosen]))
        return {"inputs": torch.stack(pairs), "t": torch.full((size,), strength)}


@dataclass
class StyleCodes:
    """Batches of pictures with a teacher's style codes, from `core.sdl.data.styles.make_codes`.

    `code` (B, D) belongs to the second picture of `inputs`; the first one, for the sample sheet, is its neighbour in the
    batch.
    """

    root: Path

    def __post_init__(self) -> None:
        """Read the codes."""
        if not (self.root / "codes.npy").is_file():
            raise InputError(f"{self.root} holds no codes.npy: make it with python -m core sdl sequences codes")
        self.codes = torch.from_numpy(np.load(opened(self.root / "codes.npy")))

    def draw(self, rng: np.random.Generator, size: int) -> dict[str, Tensor]:
        """`size` pictures; left-right mirrored ones have nearly the same code, so no picture is turned."""
        chosen = rng.integers(len(self.codes), size=size)
        files = [self.root / f"{index:05d}.jpg" for index in chosen]
        arrays = [np.asarray(Image.open(opened(file)).convert("RGB")).transpose(2, 0, 1) for file in files]
        styles = torch.from_numpy(np.stack(arrays)).float() / 255
        return {"inputs": torch.cat([styles.roll(1, 0), styles], 1), "code": self.codes[chosen], "t": torch.ones(size)}

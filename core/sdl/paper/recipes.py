"""The published training recipes as values, one per option file.

Source: the released option files of Yang et al. 2022, and section 4 of the paper.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import unknown_name

TASKS = ("vfi", "i2i", "morphing", "style_transfer")
FITS = ("crop", "resize", "crop_512", "zoom")


@dataclass(frozen=True)
class Published:
    """One released option file."""

    option_file: str
    roots: tuple[str, ...]  # data folders as they are spelt there; for style the content first
    num_in_ch: int  # of the generator
    size_px: int  # side of the training squares
    fit: str  # crop: a random square; resize: the frame squeezed; crop_512: squeezed to 512, then a random square
    flip: bool  # horizontally
    rotate: bool  # vertical flips and transposition
    extend_t: bool  # half of the items mirrored in time with negative t
    batch: int  # per GPU, of which there are 4
    enlarge_ratio: int  # how often the data set counts in one epoch
    lr: float  # of the generator and of the discriminator
    terms: Mapping[str, float]  # loss weights by name; 0 is present in the file but switched off
    multi_scale: bool = False  # half of the batches resized to a random square; no switch in the released code
    discriminator: Mapping[str, Any] | None = None
    steps: int = 600_000
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.0
    milestones: tuple[int, ...] = (50_000, 100_000, 200_000, 300_000, 400_000, 500_000)
    gamma: float = 0.8
    ema_decay: float = 0.0


PATCHES = {"num_in_ch": 3, "num_feat": 64, "n_layers": 3, "norm_type": "spectral"}
ADVERSARIAL = {"pixel": 1.0, "gan": 1.0, "perceptual": 0.0}
PUBLISHED: dict[str, Published] = {
    "vfi": Published(
        option_file="train_SDL_VFI.yml",
        roots=("VFI/adobe240fps/train", "VFI/vimeo_triplet/train"),
        num_in_ch=6, size_px=256, fit="crop", flip=True, rotate=True, extend_t=False,
        batch=16, enlarge_ratio=10, lr=2e-4,
        terms={"charbonnier": 1.0, "perceptual": 0.1},
    ),
    "i2i": Published(
        option_file="train_SDLGAN_I2I.yml",
        roots=("I2I/aging/train",),
        num_in_ch=3, size_px=512, fit="resize", flip=True, rotate=False, extend_t=True,
        batch=6, enlarge_ratio=10, lr=2e-4, terms=ADVERSARIAL, multi_scale=True, discriminator=PATCHES,
    ),
    "morphing": Published(
        option_file="train_SDLGAN_Morphing.yml",
        roots=("I2I/dog2dog/train",),
        num_in_ch=6, size_px=512, fit="resize", flip=True, rotate=False, extend_t=False,
        batch=6, enlarge_ratio=10, lr=2e-4, terms=ADVERSARIAL, multi_scale=True, discriminator=PATCHES,
    ),
    "style_transfer": Published(
        option_file="train_SDL_StyleTransfer.yml",
        roots=("StyleTransfer/coco2017/train", "StyleTransfer/wikiart"),
        num_in_ch=6, size_px=256, fit="crop_512", flip=True, rotate=True, extend_t=False,
        batch=6, enlarge_ratio=1, lr=1e-4,
        terms={"content": 1.0, "style": 3.0, "content_relation": 16.0, "style_relation": 10.0},
    ),
}  # fmt: skip


def published(task: str) -> Published:
    """The released recipe of a task."""
    if task not in PUBLISHED:
        raise unknown_name("task", task, PUBLISHED)
    return PUBLISHED[task]


def learning_rate(base: float, step: int, milestones: Sequence[int], gamma: float) -> float:
    """The rate at `step` (from 0): multiplied by gamma at every milestone reached; one named twice acts twice."""
    return base * gamma ** sum(milestone <= step for milestone in milestones)

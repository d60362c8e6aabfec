"""Pairs and what lies between them by BigGAN-deep, the paper's teacher."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import ndtr, ndtri
from torch import Tensor
from torch.nn import functional as F

from core.crossbreed.data.pairs import distinct_pairs, positions
from core.crossbreed.paper.biggan import BigGANDeep
from core.crossbreed.paper.network import lerp
from core.crossbreed.paper.preprocessing import resize_generated
from core.errors import OptionError

FIRST_DOG, LAST_DOG = 151, 268


def slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Between vectors (B, N) along the arc, t (B,) or scalar; vectors of any length.

    Source: Shoemake 1985; the angle is that of the two directions, the lengths stay.
    """
    t = t.reshape(-1, 1)
    cosine = torch.nn.functional.cosine_similarity(a, b, dim=1).clamp(-1, 1)[:, None]
    angle = torch.arccos(cosine)
    straight = angle.sin() < 1e-6
    safe = torch.where(straight, torch.ones_like(angle), angle)
    arc = (torch.sin((1 - t) * safe) * a + torch.sin(t * safe) * b) / torch.sin(safe)
    return torch.where(straight, (1 - t) * a + t * b, arc)


def truncated_noise(rng: np.random.Generator, shape: tuple[int, ...], truncation: float) -> Tensor:
    """Normal noise cut off at plus and minus 2, times the truncation."""
    low, high = ndtr([-2.0, 2.0])
    return torch.from_numpy(truncation * ndtri(rng.uniform(low, high, shape))).float()


def teacher_inputs(
    noise_a: Tensor,
    noise_b: Tensor,
    class_a: Tensor,
    class_b: Tensor,
    alpha: Tensor,
    first_class: int = FIRST_DOG,
    arc: bool = False,
) -> tuple[Tensor, Tensor]:
    """Noise (3B, N) and class vectors (3B, 1000): B rows of A, B rows at `alpha`, B rows of B.

    Classes are mixed linearly, the noise too or, with `arc`, along the arc between the two.
    """
    steps = torch.cat([torch.zeros_like(alpha), alpha, torch.ones_like(alpha)])
    start, end = (F.one_hot(index + first_class, 1000).float().repeat(3, 1) for index in (class_a, class_b))
    mix = slerp if arc else lerp
    return mix(noise_a.repeat(3, 1), noise_b.repeat(3, 1), steps), lerp(start, end, steps)


@dataclass
class BigGANPairs:
    """Pairs and what lies between them, invented by BigGAN-deep while training runs.

    Attributes:
        teacher: the generator, folded.
        size_px: training size.
        truncation: of noise and statistics.
        first_class: first ImageNet class.
        last_class: last ImageNet class; the default range is the dogs.
        arc: mix noises along the arc between them, not straight.
    """

    teacher: BigGANDeep
    size_px: int
    truncation: float = 0.25
    first_class: int = FIRST_DOG
    last_class: int = LAST_DOG
    arc: bool = False

    def __post_init__(self) -> None:
        """Refuse a range without two classes."""
        if not 0 <= self.first_class < self.last_class <= 999:
            raise OptionError(
                f"classes {self.first_class} to {self.last_class}: two ImageNet classes or more within 0 to 999 are needed"
            )
        self.classes = [str(index) for index in range(self.first_class, self.last_class + 1)]

    @torch.no_grad()
    def draw(self, rng: np.random.Generator, size: int) -> dict[str, Tensor]:
        """Pairs of two different classes and one picture between them."""
        shape = (size, self.teacher.config.z_dim)
        noise_a, noise_b = (truncated_noise(rng, shape, self.truncation) for _ in range(2))
        class_a, class_b = distinct_pairs(rng, len(self.classes), size)
        alpha = positions(rng, size)
        z, vectors = teacher_inputs(noise_a, noise_b, class_a, class_b, alpha, self.first_class, self.arc)
        device = self.teacher.device
        pictures = self.teacher(z.to(device), vectors.to(device), self.truncation).cpu()
        x_a, mixed, x_b = resize_generated(pictures, self.size_px).chunk(3)
        return {"x_a": x_a, "x_b": x_b, "mixed": mixed, "alpha": alpha, "class_a": class_a, "class_b": class_b}

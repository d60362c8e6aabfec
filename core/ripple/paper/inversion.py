"""HFGI: invert a face into codes and a distortion map, then make any edit of it with its details.

What does not depend on the edit is done once (`Inverter.invert`); every edit after that costs two upper halves of the
generator and the two small nets.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from core.ripple.paper.e4e import Encoder
from core.ripple.paper.fusion import ResidualAligner, ResidualEncoder
from core.ripple.paper.stylegan2 import Generator, Lower


def to_input(picture: Image.Image, size: int = 256) -> Tensor:
    """(1, 3, size, size) in [-1, 1]: squashed (aspect not kept) by PIL's antialiased bilinear filter."""
    array = np.asarray(picture.convert("RGB").resize((size, size), Image.Resampling.BILINEAR))
    return torch.from_numpy(array.copy()).permute(2, 0, 1)[None].float() / 255 * 2 - 1


def to_uint8(image: Tensor) -> np.ndarray:
    """(3, H, W) in [-1, 1] to (H, W, 3) uint8, truncated rather than rounded, as published."""
    return (((image + 1) / 2).clamp(0, 1) * 255).permute(1, 2, 0).cpu().numpy().astype(np.uint8)


def resized(image: Tensor, size: int) -> Tensor:
    """Bilinear, align_corners=False, no antialiasing: HFGI's resize everywhere."""
    if image.shape[-1] == size:
        return image
    return F.interpolate(image, (size, size), mode="bilinear", align_corners=False)


def to_picture(image: Tensor) -> Image.Image:
    """(1, 3, H, W) in [-1, 1] as a picture."""
    return Image.fromarray(to_uint8(image[0].float().cpu()))


@dataclass(frozen=True)
class Movable:
    """A dataclass of tensors."""

    def to(self, device: torch.device) -> Self:
        """The same on another device, in single precision whatever it was computed in."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        moved = {name: value.to(device, torch.float32) for name, value in values.items() if hasattr(value, "to")}
        return replace(self, **moved)


@dataclass(frozen=True)
class Inversion(Movable):
    """A face as the generator knows it, plus what it does not know.

    Attributes:
        codes: (1, N, D) W+ codes.
        first: (1, 3, S, S) the generator's picture of them, in [-1, 1].
        distortion: (1, 3, S, S) input minus `first`.
    """

    codes: Tensor
    first: Tensor
    distortion: Tensor

    @property
    def source(self) -> Tensor:
        """(1, 3, S, S) the input, in [-1, 1]."""
        return self.first + self.distortion

    def psnr(self, image: Tensor) -> float:
        """How well a picture (1, 3, S, S) in [-1, 1] meets the input, in dB."""
        error = (image.clamp(-1, 1) - self.first - self.distortion).square().mean() / 4
        return float(-10 * torch.log10(error + 1e-10))


@dataclass(frozen=True)
class Edited(Movable):
    """One edit of an inversion, with the steps in between.

    Attributes:
        codes: (1, N, D) edited codes.
        plain: (1, 3, S, S) what the generator makes of them without details, clamped.
        aligned: (1, 3, S, S) the distortion map where the edit needs it.
        image: (1, 3, G, G) the result at the generator's size, about [-1, 1].
    """

    codes: Tensor
    plain: Tensor
    aligned: Tensor
    image: Tensor


@dataclass(frozen=True)
class Inverter:
    """The four networks of HFGI.

    Attributes:
        encoder: picture to codes.
        generator: codes to picture.
        aligner: ADA; its size S is the size that inversions work at.
        residual: aligned distortion map to scale and shift.

    Source: Wang et al. 2022 (HFGI), section 3.
    """

    encoder: Encoder
    generator: Generator
    aligner: ResidualAligner
    residual: ResidualEncoder

    @property
    def size(self) -> int:
        """S."""
        return self.aligner.config.size

    def invert(self, image: Tensor) -> Inversion:
        """Codes, first picture and distortion map (section 3.2) of (B, 3, S, S) in [-1, 1], FFHQ-aligned."""
        codes = self.encode(image)
        first = resized(self.generator(codes).clamp(-1, 1), self.size)
        return Inversion(codes, first, image - first)

    def encode(self, image: Tensor) -> Tensor:
        """W+ codes of pictures of size S, shrunk to the encoder's size where that is smaller."""
        size = self.encoder.config.input_size
        return self.encoder(image if size == self.size else F.interpolate(image, (size, size), mode="area"))

    def edit(self, inversion: Inversion, codes: Tensor) -> Edited:
        """The picture for edited codes (1, N, D), with the inversion's details."""
        lower, plain = self.generate(codes)
        return self.consult(codes, lower, plain, inversion.distortion)

    def generate(self, codes: Tensor) -> tuple[Lower, Tensor]:
        """The generator's lower half, which plain and final picture share, and the plain picture (1, 3, S, S)."""
        lower = self.generator.lower(codes)
        return lower, resized(self.generator.upper(lower, codes)[0].clamp(-1, 1), self.size)

    def consult(self, codes: Tensor, lower: Lower, plain: Tensor, distortion: Tensor) -> Edited:
        """Align the distortion map (section 3.4) and let it scale and shift the generator's features (section 3.3)."""
        aligned = self.aligner(torch.cat([distortion, plain], dim=1))
        image, _ = self.generator.upper(lower, codes, self.residual(aligned))
        return Edited(codes, plain, aligned, image)

"""HFGI: invert a face into codes and a distortion map, then render any edit of it with its details.

What does not depend on the edit is done once (`Inverter.invert`); every degree after that costs two
upper halves of the generator and the two small nets. Weights with a pre-aligner and a painter can also
turn the photograph itself (`Inverter.carried`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from core.errors import WeightsError
from core.ops.warp import backward_warp
from core.ripple.methods.head_turn.painter import Painter
from core.ripple.methods.head_turn.painting import PERSON_SLOPE, Painted, inside, paint
from core.ripple.methods.head_turn.surface import Course
from core.ripple.paper.directions import Directions, load_directions
from core.ripple.paper.e4e import Encoder
from core.ripple.paper.fusion import ResidualAligner, ResidualEncoder
from core.ripple.paper.stylegan2 import Generator

FLOW_UNIT = 1 / 16  # the pre-aligner's output 1 is a shift by this share of the side
FLOW_EDITS = ("pose", "age")  # whose degrees the pre-aligner is told, one plane each


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


@dataclass(frozen=True)
class Inversion:
    """A face as the generator knows it, plus what it does not know.

    Attributes:
        codes: (1, N, D) W+ codes.
        first: (1, 3, S, S) the generator's picture of them, in [-1, 1].
        distortion: (1, 3, S, S) input minus `first`.
    """

    codes: Tensor
    first: Tensor
    distortion: Tensor


@dataclass(frozen=True)
class Edited:
    """One edit of an inversion, with the steps in between.

    Attributes:
        codes: (1, N, D) edited codes.
        plain: (1, 3, S, S) what the generator makes of them without details, clamped.
        aligned: (1, 3, S, S) the distortion map where the edit needs it.
        image: (1, 3, G, G) the result at the generator's size, about [-1, 1].
        flow: (1, 2, S, S) px, from a pixel of the edited picture to where it was in the input; None
            without a pre-aligner.
        person: (1, 1, S, S) above 0 where the pre-aligner expects the person; None without one.
        painted: what the painter adds; its `person` is the finer one. None without a painter.
        turned: whether the head moves; otherwise its silhouette means nothing.
    """

    codes: Tensor
    plain: Tensor
    aligned: Tensor
    image: Tensor
    flow: Tensor | None = None
    person: Tensor | None = None
    painted: Painted | None = None
    turned: bool = True


class Inverter:
    """The four networks of HFGI (and an optional pre-aligner) with the edits they know.

    Args:
        encoder: picture to codes.
        generator: codes to picture.
        aligner: ADA; its size S is the size that inversions work at.
        residual: aligned distortion map to scale and shift.
        directions: what can be edited.
        pre_aligner: flow from the first to the edited picture, applied to the distortion map before
            ADA; None as published.
        painter: says where the flow can be trusted, and paints the rest; None as published.

    Source: Wang et al. 2022 (HFGI), section 3; pre-alignment: suggested there by its author, own nets.
    """

    def __init__(
        self,
        encoder: Encoder,
        generator: Generator,
        aligner: ResidualAligner,
        residual: ResidualEncoder,
        directions: Directions,
        pre_aligner: ResidualAligner | None = None,
        painter: Painter | None = None,
    ) -> None:
        self.encoder, self.generator, self.aligner = encoder, generator, aligner
        self.residual, self.directions = residual, directions
        self.pre_aligner, self.painter = pre_aligner, painter
        self.size: int = aligner.config.size

    @classmethod
    def load(cls, folder: Path) -> Inverter:
        """All networks of a record, in evaluation mode."""
        from core.weights import load_strict

        pre = load_strict(ResidualAligner, folder, "pre_aligner") if (folder / "pre_aligner").is_dir() else None
        painter = load_strict(Painter, folder, "painter") if (folder / "painter").is_dir() else None
        return cls(
            load_strict(Encoder, folder, "encoder"),
            load_strict(Generator, folder, "generator"),
            load_strict(ResidualAligner, folder, "aligner"),
            load_strict(ResidualEncoder, folder, "residual"),
            load_directions(folder),
            pre,
            painter,
        )

    def move(self, device: torch.device) -> None:
        """Put every network on `device`, for inference.

        The memory format stays: the generator's five-dimensional weights have no channels_last.
        """
        networks = (self.encoder, self.generator, self.aligner, self.residual, self.pre_aligner, self.painter)
        for network in networks:
            if network is not None:
                network.to(device).eval()

    def invert(self, image: Tensor) -> Inversion:
        """The dear part, once per picture.

        Args:
            image: (B, 3, S, S) in [-1, 1], FFHQ-aligned.
        """
        codes = self.codes(image)
        first = resized(self.generator(codes).clamp(-1, 1), self.size)
        return Inversion(codes, first, image - first)

    def codes(self, image: Tensor) -> Tensor:
        """W+ codes of pictures of size S, shrunk to the encoder's size where that is smaller."""
        size = self.encoder.config.input_size
        return self.encoder(image if size == self.size else F.interpolate(image, (size, size), mode="area"))

    def edit(self, inversion: Inversion, name: str, degree: float, course: Course | None = None) -> Edited:
        """One edit; see `Directions.apply` for names and degrees, `render` for the course."""
        degrees = torch.tensor([[degree if name == known else 0.0 for known in FLOW_EDITS]])
        return self.render(inversion, self.directions.apply(inversion.codes, name, degree), degrees, course)

    def render(
        self, inversion: Inversion, codes: Tensor, degrees: Tensor | None = None, course: Course | None = None
    ) -> Edited:
        """The picture for edited codes, with the inversion's details.

        The generator's lower half is run once for the plain and the final picture.

        Args:
            inversion: of the input.
            codes: (1, N, D) edited codes.
            degrees: (1, 2) of `FLOW_EDITS`, for the pre-aligner; zero otherwise.
            course: where the head goes, measured on the photograph; otherwise the pre-aligner says so.
        """
        lower = self.generator.lower(codes)
        plain, _ = self.generator.upper(lower, codes)
        plain = resized(plain.clamp(-1, 1), self.size)
        distortion, flow, person, painted, turned = inversion.distortion, None, None, None, True
        if self.pre_aligner is not None:
            degrees = codes.new_zeros(1, len(FLOW_EDITS)) if degrees is None else degrees.to(codes)
            source, rough = inversion.first + distortion, lower[1].clamp(-1, 1)
            if course is None:
                flow, person = flow_px(self.pre_aligner, source, rough, degrees)
            else:
                flow, person = course.flow_px(self.size).to(codes), course.logit(self.size).to(codes)
            turned = bool(degrees[:, :1].any()) or not bool(degrees.any())
            flow = flow if turned else torch.zeros_like(flow)  # ageing is colour: its flow was hardly trained
            distortion = backward_warp(distortion, flow)
            if self.painter is not None:
                rough = resized(rough, self.size)
                painted = paint(self.painter, source, rough, flow, person, degrees, FLOW_UNIT * self.size)
                person = painted.person
        aligned = self.aligner(torch.cat([distortion, plain], dim=1))
        image, _ = self.generator.upper(lower, codes, self.residual(aligned))
        return Edited(codes, plain, aligned, image, flow, person, painted, turned)

    def carried(self, start: Tensor, missing: Tensor, result: Tensor, edited: Edited) -> Tensor:
        """The edit of the photograph itself: moved with the head inside the silhouette, still outside.

        With a painter, what no flow can show is painted; without one, HFGI's picture stands there.

        Args:
            start: (1, 3, P, P) the inversion without an edit.
            missing: (1, 3, P, P) photograph minus `start`.
            result: (1, 3, P, P) the edit by HFGI.
            edited: the edit, for its flow and silhouette.
        """
        if edited.flow is None or edited.person is None:
            raise WeightsError("these weights have no pre-aligner: detail cannot be carried along, set detail to 0")
        side = missing.shape[-1]
        flow = resized(edited.flow, side) * (side / self.size)
        share = torch.sigmoid(PERSON_SLOPE * resized(edited.person, side))
        if not edited.turned:  # ageing heads have no known silhouette to learn from, and need none
            share = torch.ones_like(share)
        photo = (start + missing).to(flow)
        if edited.painted is None:
            person = result.to(flow) + backward_warp(missing.to(flow), flow)
        else:
            person = inside(photo, flow, edited.painted)
        return share * person + (1 - share) * photo


def plain_edit(generator: Generator, codes: Tensor) -> Tensor:
    """What the generator makes of codes below its fusion level: a rough picture (B, 3, F/2, F/2) in [-1, 1]."""
    return generator.lower(codes)[1].clamp(-1, 1)


def pre_align(pre_aligner: ResidualAligner, source: Tensor, plain: Tensor, degrees: Tensor) -> Tensor:
    """The pre-aligner's answer at its own size: flow (2, units of `FLOW_UNIT`) and the person's logit (1).

    It reads input, plain edit, and one plane per degree, and says how far things move per degree, so that
    degree 0 moves nothing. Turns to the left are mirrored first and back afterwards, so that it only ever
    learns turns to the right.

    Args:
        pre_aligner: with 6 + edits inputs and 3 outputs.
        source: (B, 3, S, S) the input, in [-1, 1].
        plain: (B, 3, S, S) the generator's edit without details.
        degrees: (B, edits) of `FLOW_EDITS`.
    """
    size = pre_aligner.config.size
    left = (degrees[:, :1] < 0).view(-1, 1, 1, 1)
    pictures = [fitted(x, size) for x in (source, plain)]
    pictures = [torch.where(left, x.flip(-1), x) for x in pictures]
    turn = torch.cat([degrees[:, :1].abs(), degrees[:, 1:]], dim=1)
    made = pre_aligner(torch.cat([*pictures, turn[:, :, None, None].expand(-1, -1, size, size)], dim=1))
    amount = degrees.abs().sum(1).view(-1, 1, 1, 1)
    made = torch.cat([made[:, :2] * amount, made[:, 2:]], dim=1)
    mirrored = made.flip(-1) * made.new_tensor([-1.0, 1.0, 1.0]).view(1, 3, 1, 1)
    return torch.where(left, mirrored, made)


def fitted(image: Tensor, size: int) -> Tensor:
    """Area-averaged down or bilinear up to size x size."""
    return F.interpolate(image, (size, size), mode="area") if image.shape[-1] > size else resized(image, size)


def flow_px(pre_aligner: ResidualAligner, source: Tensor, plain: Tensor, degrees: Tensor) -> tuple[Tensor, Tensor]:
    """The pre-aligner's flow (B, 2, S, S) px and the person's logit (B, 1, S, S) at the size S of its pictures."""
    size = source.shape[-1]
    made = resized(pre_align(pre_aligner, source, plain, degrees), size)
    return made[:, :2] * (FLOW_UNIT * size), made[:, 2:]

"""The Crossbreed pipeline: crop and encode pictures once, then decode any mixture of them in batches.

pipe = CrossbreedPipeline.from_record("crossbreed-pets")
prepared = pipe.prepare(cat, dog)
pipe.render(prepared, [0.0, 0.5, 1.0])                             # shape and appearance together
pipe.render(prepared, [0.0], shape=[0.0], appearance=[1.0])        # the cat in the dog's colours
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from core.crossbreed.alignment import HeadLine, warped
from core.crossbreed.data import head_crop
from core.crossbreed.fusion import one_outline, refined, with_details
from core.crossbreed.interpolation import contract
from core.crossbreed.network import Codes, CrossbreedGenerator
from core.crossbreed.options import CrossbreedOptions
from core.crossbreed.preprocessing import centre_square, from_network
from core.crossbreed.recolouring import Palette
from core.errors import InputError, NothingFoundError
from core.image import Box, load_image, pad_to_multiple, to_pil, to_tensor
from core.options import check
from core.pipeline import GeneratorPipeline, Prepared, content_key
from core.progress import Progress, silent
from core.timeline import Chain

PACE_STEPS = 32


@dataclass(frozen=True)
class CrossbreedPrepared(Prepared):
    """N pictures as codes.

    Attributes:
        content: (N, C, h, w) shape codes, of the crops in line where they are aligned.
        style: (N, S) appearance codes, likewise.
        crops: (N, 3, size, size) the pictures, in [0, 1].
        copies: (N, 3, size, size) what the network makes of each, where it was encoded; None where ends need not be exact.
        boxes: the crop of each picture, in its pixels; None is the middle square.
        tau: contraction of shape and appearance when they are set apart.
        closed: the chain returns to its first picture.
        pace: positions at equal steps of visible change, None for the plain pace.
        line: how the heads were brought into line, None where they were not.
        palette: the colours of the pictures, None where they are left to the network.
    """

    content: Tensor
    style: Tensor
    crops: Tensor
    copies: Tensor | None
    boxes: tuple[Box | None, ...]
    tau: float
    closed: bool
    pace: tuple[float, ...] | None = None
    line: HeadLine | None = None
    palette: Palette | None = None

    @property
    def chain(self) -> Chain:
        """The order of the pictures."""
        return Chain(len(self.style), self.closed)


class CrossbreedPipeline(GeneratorPipeline[CrossbreedPrepared]):
    """Pictures to morphs with one Crossbreed generator.

    Args:
        generator: folded, see `core.crossbreed.convert.folded`.
    """

    name: ClassVar[str] = "crossbreed"
    Options: ClassVar[type] = CrossbreedOptions
    Network: ClassVar[type] = CrossbreedGenerator
    record: ClassVar[str] = "crossbreed-pets"
    gpu_methods: ClassVar[tuple[str, ...]] = (*GeneratorPipeline.gpu_methods, "grid", "between")
    generator: CrossbreedGenerator

    def prepare(
        self,
        *inputs: Any,
        options: CrossbreedOptions | None = None,
        progress: Progress = silent,
        boxes: Sequence[Box | None] | None = None,
    ) -> CrossbreedPrepared:
        """Crop and encode two pictures or more.

        Args:
            *inputs: pictures, or anything that `core.image.load_image` reads.
            options: how to crop and to move.
            progress: called as the work goes on.
            boxes: a box per picture, in its pixels, in place of head detection; None entries are detected.

        Raises:
            InputError: fewer than two pictures, or a box that is empty.
            NothingFoundError: a picture without a cat's or dog's head.
        """
        chosen = check(options or CrossbreedOptions())
        if len(inputs) < 2 or any(item is None for item in inputs):
            raise InputError(f"{sum(item is not None for item in inputs)} pictures came, two or more are needed")
        if boxes is not None and len(boxes) != len(inputs):
            raise InputError(f"{len(boxes)} boxes came with {len(inputs)} pictures: give one for each, or none")
        places, crops, seen = [], [], []
        for index, source in enumerate(inputs):
            progress(index / len(inputs), f"picture {index + 1} of {len(inputs)}")
            picture = load_image(source)
            box = self._place(picture, boxes[index] if boxes else None, chosen, index)
            places.append(box)
            crops.append(self._crop(picture, box, chosen.size_px))
            seen.append(self._crop(picture, box, self.native_px))
        progress(0.8, "encoding")
        line, figures = None, {}
        if chosen.align and chosen.crop == "head":
            line, figures["points_unsure_percent"] = HeadLine.of(torch.cat(seen))
            figures["aligned"] = float(line is not None)
        shown = torch.cat(seen) if line is None else line.in_line(torch.cat(seen))
        codes, copies = self._encode(shown)
        crops_all = torch.cat(crops)
        figures["reconstruction_psnr_db"] = float(-10 * torch.log10((shown - copies).square().mean() + 1e-10))
        prepared = CrossbreedPrepared(
            key=content_key(crops_all, chosen, self.weights_label), figures=figures,
            content=codes.content, style=codes.style, crops=crops_all,
            copies=self._enlarge(copies, chosen.size_px) if chosen.exact_ends else None,
            boxes=tuple(places), tau=chosen.tau, closed=chosen.closed, line=line,
            palette=self._palette(crops_all, torch.cat(seen)) if chosen.colours and chosen.crop == "head" else None,
        )  # fmt: skip
        if chosen.even_steps:
            prepared = dataclasses.replace(prepared, pace=self._even_pace(prepared))
        progress(1.0, "prepared")
        return prepared

    @property
    def native_px(self) -> int:
        """Side of the pictures that the network was trained on."""
        return int(self.generator.config.img_size)

    def _place(self, picture: Image.Image, box: Box | None, options: CrossbreedOptions, index: int) -> Box | None:
        """The head's box, or None for the middle square."""
        if box is not None or options.crop == "middle":
            return box.squared() if box is not None else None
        from core.detect.pets import detect_head

        try:
            return detect_head(picture).squared(options.margin)
        except NothingFoundError as error:
            raise NothingFoundError(f"picture {index + 1}: {error}") from error

    @staticmethod
    def _crop(picture: Image.Image, box: Box | None, size_px: int) -> Tensor:
        square = centre_square(picture, size_px) if box is None else head_crop(picture, box, size_px, margin=0)
        return to_tensor(square)

    @staticmethod
    def _palette(crops: Tensor, seen: Tensor) -> Palette:
        from core.detect.pets import cut_out, redrawn

        mask = F.interpolate(cut_out(seen), crops.shape[-2:], mode="bilinear", align_corners=False)
        return Palette.of(crops, refined(redrawn(crops, mask), crops))

    @torch.inference_mode()
    def _encode(self, pictures: Tensor) -> tuple[Codes, Tensor]:
        """Codes of (N, 3, S, S) in [0, 1], and the network's copies of the pictures; all on the CPU in float32."""
        x = self._placed(pictures * 2 - 1)
        with self.policy.autocast():
            codes = self.generator.encode(x)
            # Pictures of another size than the trained one have another sum over their pixels.
            style = codes.style * (self.native_px**2 / (x.shape[-1] * x.shape[-2]))
        codes = Codes(codes.content.float().cpu().contiguous(), style.float().cpu())
        return codes, self._decode(codes)

    @torch.inference_mode()
    def _decode(self, codes: Codes) -> Tensor:
        """Codes on the CPU to pictures in [0, 1] on the CPU."""
        with self.policy.autocast():
            y = self.generator.decode(Codes(self._placed(codes.content), codes.style.to(self.policy.device)))
        return from_network(y.float()).cpu().contiguous()

    def _placed(self, x: Tensor) -> Tensor:
        layout = torch.channels_last if self.policy.channels_last else torch.contiguous_format
        return x.to(self.policy.device).contiguous(memory_format=layout)

    @staticmethod
    def _enlarge(pictures: Tensor, size_px: int) -> Tensor:
        if pictures.shape[-1] == size_px:
            return pictures
        return F.interpolate(pictures, (size_px, size_px), mode="bicubic", align_corners=False, antialias=True)

    def mix(self, prepared: CrossbreedPrepared, shape_weights: Tensor, appearance_weights: Tensor) -> Tensor:
        """Pictures of mixtures: (T, 3, size, size) in [0, 1].

        Args:
            prepared: N encoded pictures.
            shape_weights: (T, N), how much of each picture's shape; rows sum to 1.
            appearance_weights: (T, N), how much of each picture's appearance.

        What the network misses of picture i returns as far as a mixture is picture i in shape and appearance. Of heads
        in line, fine detail returns as far as the shape is picture i's.
        """
        content = torch.tensordot(shape_weights, prepared.content, dims=1)
        decoded = self._decode(Codes(content, appearance_weights @ prepared.style))
        pictures = self._enlarge(decoded, prepared.crops.shape[-1])
        palette = prepared.palette
        # With colours carried over afterwards, a photograph may return in full as soon as the shape is its own.
        near = shape_weights if palette is not None else torch.minimum(shape_weights, appearance_weights)
        here = (shape_weights != 0).any(0).nonzero()[:, 0]
        known = prepared.crops if palette is None else torch.cat([prepared.crops, palette.masks, palette.depths], 1)
        if prepared.line is None:
            seen = known[here].expand(len(pictures), -1, -1, -1, -1)
        else:
            there = prepared.line.from_crops(shape_weights, here)
            seen = torch.stack([_each_warped(one, moved) for one, moved in zip(known[here], there, strict=True)], 1)
        pictures = self._finished(prepared, pictures, shape_weights, fade(near), here, seen[:, :, :3])
        if palette is not None:
            pictures = self._in_colours(palette, pictures, shape_weights[:, here], appearance_weights, seen)
        if prepared.copies is not None:
            # The photograph itself: a sum would keep the rounding of half precision.
            end = (shape_weights == 1) & (appearance_weights == 1)
            photographs = torch.tensordot(end.to(pictures.dtype), prepared.crops, dims=1)
            pictures = torch.where(end.any(1)[:, None, None, None], photographs, pictures)
        return pictures.clamp(0, 1)

    @staticmethod
    def _in_colours(
        palette: Palette, pictures: Tensor, shape_weights: Tensor, appearance_weights: Tensor, seen: Tensor
    ) -> Tensor:
        """Mixtures (T, 3, size, size) with the colours carried over, and with one outline.

        Args:
            palette: of all pictures.
            pictures: the mixtures.
            shape_weights: (T, n), of those pictures alone that are in a mixture.
            appearance_weights: (T, N).
            seen: (T, n, 5, size, size), those pictures, their masks and depths in line with each mixture.
        """
        alone, masks, depths = seen.split((3, 1, 1), 2)
        masks = masks.clamp(0, 1)
        animal = (shape_weights[:, :, None, None, None] * masks).sum(1).clamp(0, 1)
        pictures = palette.carried(pictures, animal, appearance_weights)
        if seen.shape[1] == 1:
            return pictures
        each = zip(alone.unbind(1), masks.unbind(1), strict=True)
        alone = torch.stack([palette.carried(one, mask, appearance_weights) for one, mask in each], 1)
        return one_outline(pictures, shape_weights, alone, depths)

    @staticmethod
    def _finished(
        prepared: CrossbreedPrepared,
        pictures: Tensor,
        shape_weights: Tensor,
        nearness: Tensor,
        here: Tensor,
        crops: Tensor,
    ) -> Tensor:
        """Decoded mixtures (T, 3, size, size) in their own place, with what is missing of the photographs `here`.

        `crops` (T, n, 3, size, size) are these photographs in line with each mixture.
        """
        if prepared.line is None:
            if prepared.copies is not None:
                pictures = pictures + torch.tensordot(nearness, prepared.crops - prepared.copies, dims=1)
            return pictures
        back = prepared.line.back(shape_weights)
        pictures = warped(pictures, back)
        if prepared.copies is None:
            return pictures
        copies = [_each_warped(prepared.copies[index], back) for index in here]
        return with_details(pictures, crops, torch.stack(copies, 1), shape_weights[:, here], nearness[:, here])

    def render(
        self,
        prepared: CrossbreedPrepared,
        t: Sequence[float],
        *,
        shape: float | Sequence[float] | None = None,
        appearance: float | Sequence[float] | None = None,
        tau: float | None = None,
        **controls: Any,
    ) -> Tensor:
        """Pictures (T, 3, size, size) in [0, 1] along the chain of pictures.

        Args:
            prepared: what `prepare` returned.
            t: positions; 0 is the first picture, 1 the last.
            shape: positions of the shape in place of t, one for each or one for all.
            appearance: positions of the appearance, likewise.
            tau: contraction of the two; the prepared one otherwise.
            **controls: none; others are refused.
        """
        if controls:
            raise InputError(f"unknown controls {', '.join(controls)}: shape, appearance and tau are known")
        along = [self._paced(prepared, position) for position in t]
        content, style = positions_of(shape, along, "shapes"), positions_of(appearance, along, "appearances")
        content, style = contract(content, style, prepared.tau if tau is None else tau)
        weights = [chain_weights(prepared.chain, positions.tolist()) for positions in (content, style)]
        parts = [self.mix(prepared, a, b) for a, b in zip(*(w.split(self.batch_size) for w in weights), strict=True)]
        return torch.cat(parts)

    def grid(self, prepared: CrossbreedPrepared, count: int = 5, tau: float | None = None) -> Tensor:
        """All mixtures of two pictures: (count, count, 3, size, size); rows are appearance, columns are shape."""
        if count < 2:
            raise InputError(f"a grid of {count} x {count}: at least 2 x 2 is needed")
        steps = torch.linspace(0, 1, count)
        style, content = (axis.flatten().tolist() for axis in torch.meshgrid(steps, steps, indexing="ij"))
        pictures = self.render(prepared, content, shape=content, appearance=style, tau=tau)
        return pictures.unflatten(0, (count, count))

    def between(self, frames: Iterable[Image.Image], factor: int) -> Iterator[Image.Image]:
        """A video's frames with `factor` - 1 pictures of the network between neighbours; the frames stay as they are.

        Each frame is encoded once, at its own size. Source: own, after the abstract of Park et al. 2020.
        """
        if factor < 2:
            raise InputError(f"factor is {factor}: 2 doubles the frame rate")
        before: tuple[Tensor, Codes, Tensor] | None = None
        for frame in frames:
            padded, crop = pad_to_multiple(to_tensor(frame), self.generator.multiple_px)
            codes, copy = self._encode(padded)
            now = (padded, codes, padded - copy)
            if before is not None:
                if before[0].shape != padded.shape:
                    raise InputError(f"frames of {tuple(before[0].shape)} and {tuple(padded.shape)}: all need one size")
                alpha = torch.arange(1, factor) / factor
                weights = torch.stack([1 - alpha, alpha], 1)
                content, style, missing = (
                    torch.cat(p) for p in zip((*before[1], before[2]), (*codes, now[2]), strict=True)
                )
                for row in weights[:, None]:
                    y = self._decode(Codes(torch.tensordot(row, content, dims=1), row @ style))
                    y = (y + torch.tensordot(row, missing, dims=1)).clamp(0, 1)
                    yield to_pil(crop.undo(y))[0]
            yield frame
            before = now

    def _even_pace(self, prepared: CrossbreedPrepared) -> tuple[float, ...]:
        """Positions at which the visible change since the start grows by equal amounts."""
        from core.metrics import step_sizes

        places = np.linspace(0, 1, PACE_STEPS * len(prepared.chain.pairs) + 1)
        walked = np.concatenate([[0.0], np.cumsum(step_sizes(self.render(prepared, places.tolist())))])
        if walked[-1] <= 0:
            return tuple(places)
        return tuple(np.interp(np.linspace(0, walked[-1], len(places)), walked, places))

    @staticmethod
    def _paced(prepared: CrossbreedPrepared, t: float) -> float:
        if prepared.pace is None or not 0 <= t <= 1:
            return t
        return float(np.interp(t, np.linspace(0, 1, len(prepared.pace)), prepared.pace))


def _each_warped(picture: Tensor, moved: Tensor) -> Tensor:
    """One picture (C, S, S) under each displacement (T, 2, h, w): (T, C, S, S)."""
    return warped(picture.expand(len(moved), -1, -1, -1), moved)


def fade(nearness: Tensor) -> Tensor:
    """How much of a picture's missing detail a mixture gets: all at 1, none below a half.

    Two photographs' details over one another look like a double exposure, so they never overlap.
    """
    x = (2 * nearness - 1).clamp(0, 1)
    return (x * x * (3 - 2 * x)).to(torch.float32)


def positions_of(given: float | Sequence[float] | None, along: Sequence[float], what: str) -> Tensor:
    """Positions (T,): those along the way, one for all, or one for each."""
    if given is None:
        given = along
    elif isinstance(given, int | float):
        given = [given] * len(along)
    if len(given) != len(along):
        raise InputError(f"{len(given)} {what} came with {len(along)} positions: give one for each, or one for all")
    return torch.tensor(list(given), dtype=torch.float64)


def chain_weights(chain: Chain, positions: Sequence[float]) -> Tensor:
    """(T, N) weights of the pictures at positions along a chain; a pair may be stretched beyond 0 and 1."""
    weights = torch.zeros(len(positions), chain.count)
    for row, position in enumerate(positions):
        segment, t = chain.at(position)
        if len(chain.pairs) == 1:
            t = position
        first, second = chain.pairs[segment]
        weights[row, first] += 1 - t
        weights[row, second] += t
    return weights

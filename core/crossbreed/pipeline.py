"""The Crossbreed pipeline: crop and encode pictures once, then decode any mixture of them in batches.

pipe = CrossbreedPipeline.from_record("crossbreed-pets")
prepared = pipe.prepare(cat, dog)
pipe.render(prepared, [0.0, 0.5, 1.0])                             # shape and appearance together
pipe.render(prepared, [0.0], shape=[0.0], appearance=[1.0])        # the cat in the dog's colours
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.animals.blending.pictures import AnimalPictures, find_masks
from core.animals.colour_transfer.palette import Palette
from core.animals.head_alignment.alignment import HeadAlignment, notes_on
from core.animals.head_alignment.detector import find_head
from core.animals.head_alignment.framing import FramedHead, cut_square, frame_picture, place_head
from core.content import content_key
from core.crossbreed.chain import at_pace, chain_weights, even_pace, positions_of
from core.crossbreed.methods.blending.composition import CrossbreedPrepared, compose, enlarge, exact_ends
from core.crossbreed.options import CrossbreedOptions
from core.crossbreed.paper.disentanglement import contract, grid_alphas
from core.crossbreed.paper.network import Codes, CrossbreedGenerator
from core.crossbreed.paper.preprocessing import centre_square, from_network
from core.errors import InputError, NothingFoundError
from core.image import Box, load_image, paste_back, to_tensor
from core.ops.motion import pictures_between
from core.options import check
from core.pipeline import GeneratorPipeline
from core.progress import Progress, silent


class CrossbreedPipeline(GeneratorPipeline[CrossbreedPrepared]):
    """Pictures to morphs with one Crossbreed generator.

    Args:
        generator: folded, see `core.crossbreed.paper.convert.folded`.
    """

    name: ClassVar[str] = "crossbreed"
    Options: ClassVar[type] = CrossbreedOptions
    Network: ClassVar[type] = CrossbreedGenerator
    record: ClassVar[str] = "crossbreed-pets"
    render_methods = ("generator.decode",)
    gpu_methods: ClassVar[tuple[str, ...]] = (*GeneratorPipeline.gpu_methods, "grid")
    generator: CrossbreedGenerator

    def prepare(
        self,
        *inputs: Any,
        options: CrossbreedOptions | None = None,
        progress: Progress = silent,
        boxes: Sequence[Box | None] | None = None,
        heads: Sequence[Box | None] | None = None,
    ) -> CrossbreedPrepared:
        """Crop and encode two pictures or more.

        Args:
            *inputs: pictures, or anything that `core.image.load_image` reads.
            options: how to crop and to move.
            progress: called as the work goes on.
            boxes: a square per picture, in its pixels, that is shown as it is; None entries are found.
            heads: likewise the boxes of heads, around which the margin is added.

        Raises:
            InputError: fewer than two pictures, or a box that is empty.
            NothingFoundError: a picture without a cat's or dog's head.
        """
        chosen = check(options or CrossbreedOptions())
        if len(inputs) < 2 or any(item is None for item in inputs):
            raise InputError(f"{sum(item is not None for item in inputs)} pictures came, two or more are needed")
        squares, known = (one_each(each, len(inputs)) for each in (boxes, heads))
        framed, crops, shown = self._framed(inputs, squares, known, chosen, progress)
        progress(0.8, "encoding")
        alignment, palette, animals = None, None, None
        found = [head for head in framed if head]
        if chosen.align and len(found) == len(inputs):
            alignment = HeadAlignment.of_heads(found)
            shown = alignment.to_mean_shape(shown)
        codes, copies = self._encode(shown)
        if chosen.colours and len(found) == len(inputs):
            palette = Palette.measure(crops, find_masks(crops, found))
            if alignment is not None and chosen.exact_ends:
                animals = AnimalPictures.cut(crops, alignment, palette)
        prepared = CrossbreedPrepared(
            key=content_key(crops, chosen, self.weights_label), figures=figures_of(found, alignment, shown, copies),
            content=codes.content, style=codes.style, crops=crops, exact=chosen.exact_ends,
            boxes=tuple(head.square if head else None for head in framed), tau=chosen.tau, closed=chosen.closed,
            alignment=alignment, palette=palette, animals=animals, notes=notes_on(found) if alignment else (),
        )  # fmt: skip
        if chosen.even_steps:
            pace = even_pace(prepared.chain, lambda t: self.render(prepared, t))
            prepared = dataclasses.replace(prepared, pace=pace)
        progress(1.0, "prepared")
        return prepared

    @property
    def native_px(self) -> int:
        """Side of the pictures that the network was trained on."""
        return int(self.generator.config.img_size)

    def _framed(
        self, inputs: Sequence[Any], squares: Sequence[Box | None], heads: Sequence[Box | None],
        options: CrossbreedOptions, progress: Progress,
    ) -> tuple[list[FramedHead | None], Tensor, Tensor]:  # fmt: skip
        """Each head (None: the middle square) and its crop, at the result's size and at the network's."""
        framed: list[FramedHead | None] = []
        crops = []
        for index, (source, square, head) in enumerate(zip(inputs, squares, heads, strict=True)):
            progress(index / len(inputs), f"picture {index + 1} of {len(inputs)}")
            picture, frame = load_image(source), None
            if square is not None or options.crop == "head":
                try:
                    frame = frame_picture(picture, square, head, options.margin)
                except NothingFoundError as error:
                    raise NothingFoundError(f"picture {index + 1}: {error}") from error
            elif options.align:
                frame = self._in_the_middle(picture)
            framed.append(frame)
            for size in (options.size_px, self.native_px):
                cut = cut_square(picture, frame.square, size) if frame else centre_square(picture, size)
                crops.append(to_tensor(cut))
        return framed, torch.cat(crops[::2]), torch.cat(crops[1::2])

    @staticmethod
    def _in_the_middle(picture: Image.Image) -> FramedHead | None:
        """The head in the middle square, None where there is none: any two pictures may be mixed."""
        side = min(picture.size)
        left, top = (picture.width - side) / 2, (picture.height - side) / 2
        try:
            return place_head(picture, find_head(picture).box, Box(left, top, left + side, top + side))
        except NothingFoundError:
            return None

    @torch.inference_mode()
    def _encode(self, pictures: Tensor) -> tuple[Codes, Tensor]:
        """Codes of (N, 3, S, S) in [0, 1], and the network's reconstructions; all on the CPU in float32."""
        with self.policy.autocast():
            codes = self.generator.encode_at_any_size(self._placed(pictures * 2 - 1))
        codes = Codes(codes.content.float().cpu().contiguous(), codes.style.float().cpu())
        return codes, self._decode(codes)

    @torch.inference_mode()
    def _decode(self, codes: Codes) -> Tensor:
        """Codes on the CPU to pictures in [0, 1] on the CPU."""
        with self.policy.autocast():
            y = self.generator.decode(Codes(self._placed(codes.content), codes.style.to(self.device)))
        return from_network(y.float()).cpu().contiguous()

    def _placed(self, x: Tensor) -> Tensor:
        layout = torch.channels_last if self.policy.channels_last else torch.contiguous_format
        return x.to(self.device).contiguous(memory_format=layout)

    def mix(self, prepared: CrossbreedPrepared, shape_weights: Tensor, appearance_weights: Tensor) -> Tensor:
        """Pictures of mixtures: (T, 3, size, size) in [0, 1].

        Args:
            prepared: N encoded pictures.
            shape_weights: (T, N), how much of each picture's shape; rows sum to 1.
            appearance_weights: (T, N), how much of each picture's appearance.
        """
        if prepared.animals is not None:
            mixed = prepared.animals.mix(shape_weights, appearance_weights)
            return exact_ends(prepared, mixed, shape_weights, appearance_weights)
        content = torch.tensordot(shape_weights, prepared.content, dims=1)
        decoded = self._decode(Codes(content, appearance_weights @ prepared.style))
        return compose(prepared, enlarge(decoded, prepared.crops.shape[-1]), shape_weights, appearance_weights)

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
        along = [at_pace(prepared.pace, position) for position in t]
        content, style = positions_of(shape, along, "shapes"), positions_of(appearance, along, "appearances")
        content, style = contract(content, style, prepared.tau if tau is None else tau)
        weights = [chain_weights(prepared.chain, positions.tolist()) for positions in (content, style)]
        parts = [self.mix(prepared, a, b) for a, b in zip(*(w.split(self.batch_size) for w in weights), strict=True)]
        return torch.cat(parts)

    def grid(self, prepared: CrossbreedPrepared, count: int = 5, tau: float | None = None) -> Tensor:
        """All mixtures of two pictures: (count, count, 3, size, size); rows are appearance, columns are shape."""
        if count < 2:
            raise InputError(f"a grid of {count} x {count}: at least 2 x 2 is needed")
        content, style = (axis.tolist() for axis in grid_alphas(count))
        pictures = self.render_fitting(prepared, content, shape=content, appearance=style, tau=tau)
        return pictures.unflatten(0, (count, count))

    @staticmethod
    def paste(prepared: CrossbreedPrepared, index: int, whole: Image.Image, picture: Image.Image) -> Image.Image:
        """The animal of a mixture in the shape of picture `index`, laid back into the whole of that picture.

        Raises:
            InputError: the pictures were prepared without heads, or without colours.
        """
        square = prepared.boxes[index]
        if square is None or prepared.palette is None:
            raise InputError("only heads that were cut out can be laid back: crop=head and colours are needed")
        cut = cut_square(whole, square, picture.width)
        alone = Image.composite(
            picture, cut, Image.fromarray((prepared.palette.masks[index][0].numpy() * 255).astype(np.uint8))
        )
        return paste_back(whole, alone, square)

    def between(self, frames: Iterable[Image.Image], factor: int) -> Iterator[Image.Image]:
        """A video's frames with `factor` - 1 pictures between neighbours, at the frames' own size; the frames stay as they are.

        Neighbouring frames are alike point by point, so the motion between them (`core.ops.motion`) says more than the
        network's codes, whose mixtures differed from a cross-fade by 0.02 dB.
        """
        if factor < 2:
            raise InputError(f"factor is {factor}: 2 doubles the frame rate")
        before: Image.Image | None = None
        for frame in frames:
            if before is not None:
                first, second = (np.asarray(picture.convert("RGB")) for picture in (before, frame))
                yield from (Image.fromarray(picture) for picture in pictures_between(first, second, factor))
            yield frame
            before = frame


def figures_of(
    heads: Sequence[FramedHead], alignment: HeadAlignment | None, shown: Tensor, copies: Tensor
) -> dict[str, float]:
    """What was measured on the way: how sure the points are, and how near the network's copies are to what it was shown."""
    figures = {"reconstruction_psnr_db": float(-10 * torch.log10((shown - copies).square().mean() + 1e-10))}
    if alignment is not None:
        figures["points_unsure_percent"] = 100 * max(head.spread for head in heads)
        figures["aligned"] = float(alignment.sure.all())
    return figures


def one_each(boxes: Sequence[Box | None] | None, count: int) -> Sequence[Box | None]:
    """The boxes, None for each of `count` pictures if none came.

    Raises:
        InputError: not one for each.
    """
    if boxes is not None and len(boxes) != count:
        raise InputError(f"{len(boxes)} boxes came with {count} pictures: give one for each, or none")
    return boxes or [None] * count

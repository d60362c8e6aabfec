"""The transition pipeline: pictures in, encoded once, any number of positions out.

pipe = SDLPipeline.from_record("sdl-morph")
prepared = pipe.prepare(anna, ben)
pipe.render(prepared, [0.0, 0.25, 0.5])
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch import Tensor

from core.devices import policy
from core.errors import InputError, OptionError
from core.image import Crop, limit_size, load_image, pad_to_multiple, to_pil, to_tensor
from core.options import check
from core.pipeline import Prepared, TransitionPipeline, content_key
from core.progress import Progress, silent
from core.sdl.alignment import face_guide, head_box, try_face_motion
from core.sdl.jobs import job_named, job_of, trained_side_px
from core.sdl.loading import AnyNet, network_in
from core.sdl.network import Encoded
from core.sdl.options import SDLOptions
from core.sdl.tiles import chunks, stitched, tiles_of

# Pixels that the published network, 32 channels at full size, may hold at once: about 2 GB.
PIXELS_AT_ONCE = 2**19
# Of tiles, in pixels of what the network sees.
OVERLAP_PX = 128


@dataclass(frozen=True)
class Surroundings:
    """The picture that a worked-on part goes back into.

    Attributes:
        whole: (1, 3, H, W) in [0, 1].
        left, top: where the part lies, in pixels.
        mask: (1, 1, h, w), 1 where the part shows and falling to 0 at those of its rims that lie inside the picture.
    """

    whole: Tensor
    left: int
    top: int
    mask: Tensor

    def with_part(self, parts: Tensor) -> Tensor:
        """(T, 3, H, W): the whole with each of `parts` (T, 3, h, w) in its place."""
        pictures = self.whole.repeat(len(parts), 1, 1, 1)
        height, width = parts.shape[-2:]
        place = pictures[..., self.top : self.top + height, self.left : self.left + width]
        place.copy_(torch.lerp(place, parts, self.mask))
        return pictures


@dataclass(frozen=True)
class SDLPrepared(Prepared):
    """One or two pictures, padded and encoded.

    Attributes:
        inputs: (1, 3 or 6, H, W) float32 in [0, 1], source first, sides as the network needs them.
        crop: how to undo the padding.
        encoded: what does not depend on t; None for pictures that are worked on in tiles.
        tile_px: side of the tiles; 0 for none.
        exact_ends: t = 0 (and t = 1, where the second picture is the end) shows the input.
        surroundings: where only a part of the picture is worked on, the rest.
        made_for: the job and weights that encoded it, `SDLPipeline.identity`.
    """

    inputs: Tensor
    crop: Crop
    encoded: Encoded | None
    tile_px: int
    exact_ends: bool
    surroundings: Surroundings | None = None
    made_for: str = ""


class SDLPipeline(TransitionPipeline[SDLPrepared]):
    """Transitions with one network and the job that it was trained for.

    Args:
        network: published or small.
        job: name of what its weights do, see `core.sdl.jobs`.
    """

    name: ClassVar[str] = "sdl"
    Options: ClassVar[type] = SDLOptions
    gpu_methods: ClassVar[tuple[str, ...]] = (*TransitionPipeline.gpu_methods, "in_betweens")

    network: AnyNet

    def __init__(self, network: AnyNet, job: str = "interpolate") -> None:
        self.job = job_named(job)
        if network.config.num_in_ch != 3 * self.job.pictures:
            raise OptionError(
                f"the job {job} takes {self.job.pictures} pictures, this network {network.config.num_in_ch // 3}: "
                f"use weights of that job ({', '.join(self.job.records)})"
            )
        super().__init__(network=network)
        self.register_to_config(job=job)
        self.only_side_px: int | None = None

    @classmethod
    def from_record(
        cls, name: str = "sdl-vfi", path: str | None = None, device: str = "auto", precision: str = "auto"
    ) -> SDLPipeline:
        """The pipeline on a record's weights, wherever `core.weights.resolve` finds them."""
        from core.weights import resolve

        found = resolve(name, path)
        pipe = cls(network_in(found.folder), job_of(name).name).use(policy(device, precision))
        pipe.weights_label, pipe.only_side_px = found.label, trained_side_px(name)
        return pipe

    @property
    def identity(self) -> str:
        """What `prepare` and `render` must share."""
        return f"{self.job.name}, {self.weights_label or 'unnamed weights'}"

    def prepare(self, *inputs: Any, options: SDLOptions | None = None, progress: Progress = silent) -> SDLPrepared:
        """Read, fit together, pad and encode the pictures of a job.

        A second picture of another size is cut to the first one's shape and resized to it; a style picture is
        resized whole, as the original does.

        Args:
            *inputs: as many pictures as the job takes, source first; anything that `core.image.load_image` reads.
            options: how to compute.
            progress: called as the work goes on.

        Raises:
            InputError: missing or unreadable pictures.
        """
        chosen = check(options or SDLOptions())
        if len(inputs) != self.job.pictures or any(item is None for item in inputs):
            came = sum(item is not None for item in inputs)
            raise InputError(f"{came} pictures came, the job {self.job.name} takes {self.job.pictures}")
        pictures = [load_image(source) for source in inputs]
        square = chosen.square_px or self.only_side_px
        joined = self._squared(pictures, square) if square else self._fitted(pictures, chosen.max_side_px)
        if self.job.name == "age" and self.network.config.work_px:
            return self._prepare_face(joined, chosen, progress)
        return self.prepare_tensor(joined, chosen, progress)

    def _prepare_face(self, joined: Tensor, options: SDLOptions, progress: Progress) -> SDLPrepared:
        """The largest face, framed as the small network was trained; without one, the whole picture."""
        progress(0.05, "looking for a face")
        box = head_box(to_pil(joined)[0])
        if box is None:
            return self.prepare_tensor(joined, options, progress)
        left, top, right, bottom = box
        prepared = self.prepare_tensor(joined[..., top:bottom, left:right].contiguous(), options, progress)
        height, width = joined.shape[-2:]
        rims = (left > 0, right < width, top > 0, bottom < height)
        around = Surroundings(joined, left, top, faded_mask(bottom - top, right - left, rims))
        return dataclasses.replace(
            prepared, key=content_key(joined, options, self.weights_label), surroundings=around,
            figures={**prepared.figures, "width_px": width, "height_px": height},
        )  # fmt: skip

    def prepare_tensor(self, joined: Tensor, options: SDLOptions, progress: Progress = silent) -> SDLPrepared:
        """The same for pictures that are already joined: (1, 3 or 6, H, W) in [0, 1], source first."""
        known, figures = self._known(joined, progress)
        padded, crop = pad_to_multiple(joined, self._multiple())
        height, width = padded.shape[-2:]
        tile = options.tile_px or int(self._pixels() ** 0.5)
        tiled = not self.network.whole_only and height * width > (tile**2 if options.tile_px else self._pixels())
        progress(0.1, "encoding")
        with torch.inference_mode(), self.policy.autocast():
            encoded = (
                None if tiled else moved_to(self.network.encode(self._placed(padded), **known), torch.device("cpu"))
            )
        progress(1.0, "prepared")
        return SDLPrepared(
            key=content_key(joined, options, self.weights_label),
            figures={"width_px": crop.width, "height_px": crop.height, "tiles": len(self._tiles(padded, tile)) if tiled else 1, **figures},
            inputs=padded, crop=crop, encoded=encoded, tile_px=tile if tiled else 0, exact_ends=options.exact_ends,
            made_for=self.identity,
        )  # fmt: skip

    def _known(self, joined: Tensor, progress: Progress) -> tuple[dict[str, Tensor], dict[str, int]]:
        """What a network asks to know about faces, and whether they were found."""
        matching = getattr(self.network.config, "matching", "none")
        if matching == "face":
            guide = face_guide(to_pil(joined)[0])
            return {} if guide is None else {"motion": guide.to(self.policy.device)}, {"faces": int(guide is not None)}
        if matching != "landmarks":
            return {}, {}
        progress(0.05, "looking for faces")
        motion = try_face_motion(*(to_pil(part)[0] for part in joined.split(3, 1)))
        return {} if motion is None else {"motion": motion.to(self.policy.device)}, {
            "landmarks": int(motion is not None)
        }

    def render(self, prepared: SDLPrepared, t: Sequence[float], **controls: Any) -> Tensor:
        """Pictures at positions t: (T, 3, H, W) float32 in [0, 1], on the CPU.

        Args:
            prepared: from `prepare`.
            t: positions within the job's range.
            **controls: none.

        Raises:
            OptionError: a position beyond the job's range, or an unknown control.
        """
        if controls:
            raise OptionError(f"unknown controls {', '.join(controls)}: this system has t alone")
        for position in t:
            if not self.job.low <= position <= self.job.high:
                raise OptionError(
                    f"t = {position:g} is beyond what {self.job.name} can do: {self.job.low:g} to {self.job.high:g} fit"
                )
        return self.pictures_at(prepared, t)

    def pictures_at(self, prepared: SDLPrepared, t: Sequence[float]) -> Tensor:
        """`render` at any finite t, which the network extrapolates as it can."""
        if prepared.made_for != self.identity:
            raise InputError(
                f"the pictures were prepared for {prepared.made_for}, this is {self.identity}: prepare them again"
            )
        positions = torch.tensor(list(t), dtype=torch.float32)
        height, width = prepared.inputs.shape[-2:]
        inside = (min(prepared.tile_px or height, height)) * min(prepared.tile_px or width, width)
        at_once = max(1, self._pixels() // inside) if not self.network.config.work_px else 4
        inputs, parts = self._placed(prepared.inputs), []
        encoded = None if prepared.encoded is None else moved_to(prepared.encoded, inputs.device)
        with torch.inference_mode(), self.policy.autocast():
            for chunk in chunks(positions.to(inputs.device), at_once):
                maps = self._tiled(prepared, inputs, chunk) if encoded is None else self.network.maps(encoded, chunk)
                parts.append(
                    prepared.crop.undo(self.network.compose(maps.float(), inputs, chunk, encoded)).float().cpu()
                )
        pictures = torch.cat(parts).clamp(0, 1)
        if prepared.exact_ends:
            pictures = self._with_ends(pictures, prepared, list(t))
        return pictures if prepared.surroundings is None else prepared.surroundings.with_part(pictures)

    def in_betweens(
        self, pairs: Sequence[tuple[Image.Image, Image.Image]], t: Sequence[float], options: SDLOptions
    ) -> Iterator[list[Image.Image]]:
        """For each pair of pictures in turn those at the positions t, in batches."""
        for pair in pairs:
            prepared = self.prepare(*pair, options=options)
            batches = (t[start : start + self.batch_size] for start in range(0, len(t), self.batch_size))
            yield [picture for batch in batches for picture in to_pil(self.render(prepared, batch))]

    def _tiled(self, prepared: SDLPrepared, inputs: Tensor, t: Tensor) -> Tensor:
        """The network's last maps, stitched from tiles."""
        tiles = self._tiles(inputs, prepared.tile_px)
        height, width = inputs.shape[-2:]
        return stitched(
            tiles, height, width, self._overlap(), self.network.config.reduction,
            lambda tile: self.network.maps(self.network.encode(tile.cut(inputs)), t),
        )  # fmt: skip

    def _tiles(self, inputs: Tensor, side: int) -> list[Any]:
        height, width = inputs.shape[-2:]
        return tiles_of(height, width, side, self._overlap(), self.network.side_multiple)

    def _overlap(self) -> int:
        return OVERLAP_PX * self.network.config.reduction

    def _with_ends(self, pictures: Tensor, prepared: SDLPrepared, t: list[float]) -> Tensor:
        """The given pictures where t names them."""
        ends = {0.0: prepared.inputs[:, :3]}
        if self.job.exact_end:
            ends[1.0] = prepared.inputs[:, 3:]
        for index, position in enumerate(t):
            if position in ends:
                pictures[index] = prepared.crop.undo(ends[position])[0]
        return pictures

    def _fitted(self, pictures: list[Image.Image], max_side_px: int) -> Tensor:
        """(1, 3 or 6, H, W): the second picture at the first one's size."""
        first = limit_size(pictures[0], max_side_px)
        others = [
            second.resize(first.size, Image.Resampling.BICUBIC)
            if self.job.task == "style_transfer"
            else ImageOps.fit(second, first.size, Image.Resampling.LANCZOS)
            for second in pictures[1:]
        ]
        return torch.cat([to_tensor(picture) for picture in (first, *others)], 1)

    @staticmethod
    def _squared(pictures: list[Image.Image], side_px: int) -> Tensor:
        """(1, 3 or 6, S, S), bilinear without antialiasing as the original does, S a multiple of 32."""
        side = max(32, side_px // 32 * 32)
        return torch.cat([bilinear(to_tensor(picture), side, side) for picture in pictures], 1)

    def _multiple(self) -> int:
        return 1 if self.network.config.work_px else self.network.side_multiple

    def _pixels(self) -> int:
        """Pixels that this network may hold at once: the narrower or coarser, the more."""
        config = self.network.config
        return int(PIXELS_AT_ONCE * 32 / config.widths[0] * config.reduction**2)

    def _placed(self, pictures: Tensor) -> Tensor:
        shape = torch.channels_last if self.policy.channels_last else torch.contiguous_format
        return pictures.to(self.policy.device, memory_format=shape)


def faded_mask(height: int, width: int, rims: tuple[bool, bool, bool, bool], share: float = 0.1) -> Tensor:
    """(1, 1, height, width): 1 inside, falling to 0 over `share` of the shorter side at the left, right, upper, lower rim."""
    length = max(1.0, share * min(height, width))

    def ramp(count: int, start: bool, end: bool) -> Tensor:
        place = torch.arange(count) + 0.5
        rise = (place / length).clamp(max=1) if start else torch.ones(count)
        return rise * ((count - place) / length).clamp(max=1) if end else rise

    left, right, upper, lower = rims
    return (ramp(height, upper, lower)[:, None] * ramp(width, left, right))[None, None]


def bilinear(pictures: Tensor, height: int, width: int) -> Tensor:
    """(B, C, height, width), half-pixel centres, no antialiasing: what OpenCV's default does."""
    return F.interpolate(pictures, size=(height, width), mode="bilinear", align_corners=False)


def moved_to(encoded: Encoded, device: torch.device) -> Encoded:
    """The same on another device."""
    skips = [dataclasses.replace(part, decoupled=part.decoupled.to(device)) for part in encoded.skips]
    start = None if encoded.start is None else encoded.start.to(device)
    seen = None if encoded.seen is None else encoded.seen.to(device)
    return Encoded(encoded.flow.to(device), encoded.feature.to(device), skips, start, seen)

"""The transition pipeline: pictures in, encoded once, any number of positions out.

pipe = SDLPipeline.from_record("sdl-morph")
prepared = pipe.prepare(anna, ben)
pipe.render(prepared, [0.0, 0.25, 0.5])
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import torch
from PIL import Image, ImageOps
from torch import Tensor

from core.content import content_key
from core.devices import policy
from core.errors import InputError, OptionError
from core.image import Crop, limit_size, load_image, pad_to_multiple, to_pil, to_tensor
from core.memory import free_bytes
from core.options import check
from core.pipeline import Prepared, TransitionPipeline
from core.progress import Progress, silent
from core.sdl.jobs import job_named, job_of, trained_side_px
from core.sdl.loading import DRAWN, AnyNet, Layers, load_network
from core.sdl.methods.ageing.face_guide import find_face_guide, find_face_ovals, find_head_box
from core.sdl.methods.ageing.network import AgeingSDLNet
from core.sdl.methods.ageing.region import Region
from core.sdl.methods.animal_morph.morph import find_animal_morph
from core.sdl.methods.face_morph.correspondence import find_face_motion
from core.sdl.methods.face_morph.network import MorphSDLNet
from core.sdl.methods.style.finish import Finishing, prepare_finishing, protect, without_noise
from core.sdl.methods.style.network import SDLStyleNet
from core.sdl.methods.style.stroke_size import canvas_of, off_canvas
from core.sdl.methods.tiling.tiles import Tile, split_tiles, stitch_tiles
from core.sdl.options import SDLOptions
from core.sdl.paper.convert import PUBLISHED, network_of, state_of
from core.sdl.paper.network import Encoded, SDLNet
from core.sdl.paper.resizing import square_pictures

BYTES_PER_PIXEL = 2**12  # that the published network, 32 channels at full size, holds
# Positions at once of a network that sees a reduced picture: more at a time only cost memory, and time to get it.
POSITIONS_AT_ONCE = 1
MAX_PHOTO_PX = 6144  # longer side of the largest photo that keeps its size: 25 megapixels of a phone are 4500 x 5625
OVERLAP_PX = 128  # of tiles, in pixels of what the network sees


@dataclass(frozen=True)
class SDLPrepared(Prepared):
    """One or two pictures, padded and encoded."""

    inputs: Tensor  # (1, 3 or 6, H, W) float32 in [0, 1], source first, sides as the network needs them
    crop: Crop  # how to undo the padding
    encoded: Encoded | None  # what does not depend on t; None for pictures that are worked on in tiles
    tile_px: int  # side of the tiles; 0 for none
    exact_ends: bool  # t = 0 (and t = 1, where the second picture is the end) shows the input
    region: Region | None = None  # where only a part of the picture is worked on, how it goes back
    finishing: Finishing | None = None  # of paintings
    photo: Tensor | None = None  # the content at its own size, where it is painted at another
    layers: Layers | None = None  # of a job that no network does
    made_for: str = ""  # the job and weights that encoded it, `SDLPipeline.identity`


class SDLPipeline(TransitionPipeline[SDLPrepared]):
    """Transitions with one network and the job that it was trained for.

    Args:
        network: published or small; None for a job that a method of ours does without one.
        job: name of what its weights do, see `core.sdl.jobs`.
    """

    name, Options = "sdl", SDLOptions
    render_methods = ("network.decode",)
    gpu_methods: ClassVar[tuple[str, ...]] = (*TransitionPipeline.gpu_methods, "in_betweens")

    network: AnyNet
    # The only side that the weights work at, if there is one.
    only_side_px: int | None = None

    def __init__(self, network: AnyNet | None, job: str = "interpolate") -> None:
        self.job = job_named(job)
        if network is None:
            if not self.job.drawn:
                raise OptionError(f"the job {job} needs a network: use weights of it ({', '.join(self.job.records)})")
            self.weights_label = f"{self.job.drawn}, a method of ours without a network"
        elif network.config.num_in_ch != 3 * self.job.pictures:
            raise OptionError(
                f"the job {job} takes {self.job.pictures} pictures, this network {network.config.num_in_ch // 3}: "
                f"use weights of that job ({', '.join(self.job.records)})"
            )
        super().__init__(network=network)
        self.register_to_config(job=job)

    @classmethod
    def from_record(
        cls, name: str = "sdl-vfi", path: str | None = None, device: str = "auto", precision: str = "auto"
    ) -> SDLPipeline:
        """The pipeline on a record's weights, wherever `core.weights.resolve` finds them, or on a method without any."""
        from core.weights import resolve

        if name in DRAWN:
            if path is None:
                return cls(None, job_of(name).name).use(policy(device, precision))
            name = job_of(name).records[0]
        found = resolve(name, path)
        pipe = cls(load_network(found.folder), job_of(name).name).use(policy(device, precision))
        pipe.weights_label, pipe.only_side_px = found.label, trained_side_px(name)
        return pipe

    @classmethod
    def from_file(
        cls, file: Path, job: str, key: str | None = None, split: float = 0.5, device: str = "auto",
        precision: str = "auto",
    ) -> SDLPipeline:  # fmt: skip
        """The pipeline on a published checkpoint as it is; a published name tells its job.

        Args:
            file: a `.pth` or safetensors file.
            job: for a file of another name.
            key: the file's top-level entry, see `state_of`.
            split: of the network, which the file does not tell.
            device: see `core.devices.policy`.
            precision: see `core.devices.policy`.
        """
        from core.weights import open_checkpoint

        record = next((name for name, (published, _) in PUBLISHED.items() if published == file.name), None)
        network = network_of(state_of(open_checkpoint(file), key), split)
        pipe = cls(network, job_of(record).name if record else job).use(policy(device, precision))
        pipe.weights_label, pipe.only_side_px = file.name, trained_side_px(record) if record else None
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
        if self.network is None:
            return self._prepare_layers(load_image(inputs[0], max_side_px=MAX_PHOTO_PX), chosen, progress)
        pictures = [load_image(source) for source in inputs]
        square = chosen.square_px or self.only_side_px
        joined = square_pictures(pictures, square) if square else self._fitted(pictures, chosen.max_side_px)
        if isinstance(self.network, AgeingSDLNet):
            return self._prepare_face(joined, chosen, progress)
        if isinstance(self.network, MorphSDLNet):
            progress(0.05, "looking for animals")
            if (animals := find_animal_morph(*(to_pil(picture)[0] for picture in joined.split(3, 1)))) is not None:
                return self._prepared_layers(animals, content_key(joined, chosen, self.weights_label))
        return self.prepare_tensor(joined, chosen, progress)

    def _prepare_layers(self, photo: Image.Image, options: SDLOptions, progress: Progress) -> SDLPrepared:
        progress(0.05, "looking for faces")
        layers = DRAWN[self.job.drawn](photo, options)
        progress(1.0, "prepared")
        return self._prepared_layers(layers, content_key(layers.photo, options, self.weights_label))

    def _prepared_layers(self, layers: Layers, key: str) -> SDLPrepared:
        """What is painted without a network."""
        height, width = layers.photo.shape[:2]
        return SDLPrepared(
            key=key, figures={"width_px": width, "height_px": height, "tiles": 1, **layers.figures},
            inputs=torch.empty(1, 3, 0, 0), crop=Crop(height, width), encoded=None, tile_px=0, exact_ends=True, layers=layers,
            made_for=self.identity,
        )  # fmt: skip

    def _prepare_face(self, joined: Tensor, options: SDLOptions, progress: Progress) -> SDLPrepared:
        """The largest face, framed as the network was trained; without one, the whole picture."""
        progress(0.05, "looking for a face")
        box = find_head_box(to_pil(joined)[0])
        if box is None:
            return self.prepare_tensor(joined, options, progress)
        region = Region.of_box(joined, box)
        prepared = self.prepare_tensor(region.cut(), options, progress)
        height, width = joined.shape[-2:]
        return replace(
            prepared, key=content_key(joined, options, self.weights_label), region=region,
            figures={**prepared.figures, "width_px": width, "height_px": height},
        )  # fmt: skip

    def prepare_tensor(self, joined: Tensor, options: SDLOptions, progress: Progress = silent) -> SDLPrepared:
        """The same for pictures that are already joined: (1, 3 or 6, H, W) in [0, 1], source first."""
        known, figures = self._find_motion(joined, progress)
        canvas = canvas_of(joined, options.strokes if isinstance(self.network, SDLStyleNet) else 1)
        padded, crop = pad_to_multiple(canvas, 1 if self.network.config.get("work_px") else self.network.side_multiple)
        pixels, limit = padded.shape[-2] * padded.shape[-1], self._pixels()
        tile = options.tile_px or int(limit**0.5)
        tiled = not self.network.whole_only and pixels > (tile**2 if options.tile_px else limit)
        progress(0.1, "encoding")
        finishing, seen = self._find_finishing(joined, options), padded
        if finishing is not None:
            seen = torch.cat([without_noise(padded[:, :3]), padded[:, 3:]], 1)
        with torch.inference_mode(), self.policy.autocast():
            encoded = None if tiled else self.network.encode(self._placed(seen), **known).to("cpu")
        progress(1.0, "prepared")
        tiles = len(self._tiles(padded, tile)) if tiled else 1
        return SDLPrepared(
            key=content_key(joined, options, self.weights_label),
            figures={"width_px": joined.shape[-1], "height_px": joined.shape[-2], "tiles": tiles, **figures},
            photo=None if canvas is joined else joined[:, :3], inputs=padded, crop=crop, encoded=encoded, tile_px=tile if tiled else 0, exact_ends=options.exact_ends,
            finishing=finishing, made_for=self.identity,
        )  # fmt: skip

    def _find_finishing(self, joined: Tensor, options: SDLOptions) -> Finishing | None:
        """How a painting is finished; None for other jobs, and where it is shown as it came."""
        if not isinstance(self.network, SDLStyleNet) or not options.clean:
            return None
        content, style = joined.split(3, 1)
        faces = protect(find_face_ovals(to_pil(content)[0])) if options.protect_faces else None
        return prepare_finishing(content, style, faces, options.colour, options.texture)

    def _find_motion(self, joined: Tensor, progress: Progress) -> tuple[dict[str, Tensor], dict[str, int]]:
        """What a network asks to know about faces, and whether they were found."""
        motion, figures = None, {}
        if isinstance(self.network, AgeingSDLNet):
            motion, figures = find_face_guide(to_pil(joined)[0]), {"faces": 1}
        elif isinstance(self.network, MorphSDLNet):
            progress(0.05, "looking for faces")
            motion, apart = find_face_motion(*(to_pil(picture)[0] for picture in joined.split(3, 1)))
            figures = {"landmarks": 1, "looking_apart": int(apart)}
        return ({"motion": motion.to(self.device)}, figures) if motion is not None else ({}, dict.fromkeys(figures, 0))

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
        if prepared.layers is not None:
            painted = [torch.tensor(prepared.layers.paint(position)) for position in t]
            return torch.stack(painted).permute(0, 3, 1, 2).float() / 255
        sides = [min(prepared.tile_px or side, side) for side in prepared.inputs.shape[-2:]]
        at_once = max(1, self._pixels() // (sides[0] * sides[1]))
        if self.network.config.get("work_px"):
            at_once = POSITIONS_AT_ONCE
        inputs, made = self._placed(prepared.inputs), []
        encoded = None if prepared.encoded is None else prepared.encoded.to(inputs.device)
        with torch.inference_mode(), self.policy.autocast():
            for chunk in torch.tensor(list(t), dtype=torch.float32, device=inputs.device).split(at_once):
                pictures = self._render_tiles(prepared, inputs, chunk) if encoded is None else self.network.decode(
                    encoded, inputs, chunk
                )  # fmt: skip
                made.append(prepared.crop.undo(pictures).float().cpu())
        pictures = torch.cat(made)
        if isinstance(self.network, SDLStyleNet):
            share = self.network.painted_share(torch.tensor(list(t)))
        if prepared.photo is not None:
            pictures = off_canvas(pictures, prepared.crop.undo(prepared.inputs[:, :3]), prepared.photo, share)
        if prepared.finishing is not None:
            pictures = torch.cat(
                [prepared.finishing.apply(*one) for one in zip(pictures.split(1), share.split(1), strict=True)]
            )
        pictures = pictures.clamp(0, 1)
        if prepared.exact_ends:
            self._show_ends(pictures, prepared, t)
        return pictures if prepared.region is None else prepared.region.paste(pictures)

    def in_betweens(
        self, pairs: Sequence[tuple[Image.Image, Image.Image]], t: Sequence[float], options: SDLOptions
    ) -> Iterator[list[Image.Image]]:
        """For each pair of pictures in turn those at the positions t, in batches; beyond 1 the motion goes on."""
        batches = [t[start : start + self.batch_size] for start in range(0, len(t), self.batch_size)]
        for pair in pairs:
            work = partial(self.pictures_at, self.prepare(*pair, options=options))
            yield [picture for batch in batches for picture in to_pil(self.fitting(work, batch), pair[0])]

    def _render_tiles(self, prepared: SDLPrepared, inputs: Tensor, t: Tensor) -> Tensor:
        """Pictures whose network's output is stitched from tiles."""
        network = self.network
        if not isinstance(network, SDLNet):
            raise OptionError(f"a {type(network).__name__} sees pictures whole: it cannot work in tiles")
        overlap = OVERLAP_PX * network.reduction
        predicted = stitch_tiles(
            self._tiles(inputs, prepared.tile_px), inputs.shape[-2:], overlap, network.reduction,
            lambda tile: network.predict(network.encode(tile.cut(inputs)), t),
        )  # fmt: skip
        return network.compose(predicted.float(), inputs, t)

    def _tiles(self, inputs: Tensor, side_px: int) -> list[Tile]:
        height, width = inputs.shape[-2:]
        return split_tiles(height, width, side_px, OVERLAP_PX * self.network.reduction, self.network.side_multiple)

    def _show_ends(self, pictures: Tensor, prepared: SDLPrepared, t: Sequence[float]) -> None:
        """Put the given pictures where t names them."""
        first = prepared.crop.undo(prepared.inputs[:, :3]) if prepared.photo is None else prepared.photo
        ends = {0.0: first, **({1.0: prepared.crop.undo(prepared.inputs[:, 3:])} if self.job.exact_end else {})}
        for index, position in enumerate(t):
            if position in ends:
                pictures[index] = ends[position][0]

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

    def _pixels(self) -> int:
        """Pixels that this network may hold at once in half of what is free: the narrower or coarser, the more."""
        room = free_bytes(self.device) / 2 / BYTES_PER_PIXEL
        return int(room * 32 / self.network.config.widths[0] * self.network.reduction**2)

    def _placed(self, pictures: Tensor) -> Tensor:
        layout = torch.channels_last if self.policy.channels_last else torch.contiguous_format
        return pictures.to(self.device, memory_format=layout)

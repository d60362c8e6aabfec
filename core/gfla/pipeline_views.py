"""View synthesis: an object's picture and its views from all sides, by the authors' weights (gfla-car, gfla-chair)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from PIL import Image
from torch import Tensor

from core.errors import InputError
from core.gfla.options import ViewOptions
from core.gfla.paper.attention import SourceTables
from core.gfla.paper.network_views import VIEW_SIDE_PX, ShapeNetGenerator
from core.gfla.paper.views import AZIMUTHS, view_code, view_of_angles
from core.image import load_image, to_tensor
from core.options import check
from core.pipeline import GeneratorPipeline, Prepared, content_key
from core.progress import Progress, silent


@dataclass(frozen=True)
class ViewPrepared(Prepared):
    """An encoded object: picture (1, 3, 256, 256) in [-1, 1], its view (azimuth, elevation class), the options."""

    source: Tensor
    view: tuple[int, int]
    tables: tuple[SourceTables, ...]
    options: ViewOptions


class ViewPipeline(GeneratorPipeline[ViewPrepared]):
    """Views by a `ShapeNetGenerator`."""

    name: ClassVar[str] = "gfla-views"
    Options: ClassVar[type] = ViewOptions
    Network: ClassVar[type] = ShapeNetGenerator
    record: ClassVar[str] = "gfla-chair"
    gpu_methods: ClassVar[tuple[str, ...]] = ("prepare", "views")
    batch_size: ClassVar[int] = 6

    generator: ShapeNetGenerator

    def prepare(self, *inputs: Any, options: ViewOptions | None = None, progress: Progress = silent) -> ViewPrepared:
        """Encode the object's picture.

        Raises:
            InputError: not exactly one picture.
        """
        options = check(options or ViewOptions())
        if len(inputs) != 1:
            raise InputError(f"{len(inputs)} inputs: one picture of an object fits")
        picture = load_image(inputs[0]).resize((VIEW_SIDE_PX, VIEW_SIDE_PX), Image.Resampling.BICUBIC)
        source = to_tensor(picture) * 2 - 1
        progress(0.3, "encoding")
        with torch.inference_mode(), self.policy.autocast():
            encoded = self.generator.encode(source.to(self.device))
        tables = tuple(SourceTables(*(item.cpu().clone() for item in table)) for table in encoded)
        view = view_of_angles(options.azimuth_deg, options.elevation_deg)
        key = content_key(picture, dataclasses.astuple(options), self.weights_label)
        return ViewPrepared(key, {}, source, view, tables, options)

    @torch.inference_mode()
    def views(self, prepared: ViewPrepared, targets: Sequence[tuple[int, int]]) -> Tensor:
        """Pictures of (azimuth, elevation) classes, (N, 3, 256, 256) in [0, 1]."""
        device = self.device
        codes = torch.stack([view_code(*target) for target in targets]).to(device)
        own = view_code(*prepared.view)[None].to(device).expand(len(codes), -1, -1, -1)
        tables = [SourceTables(*(item.to(device) for item in table)) for table in prepared.tables]
        with self.policy.autocast():
            painted = self.generator.paint(tables, prepared.source.to(device), own, codes)
        return ((painted.image.float().cpu() + 1) / 2).clamp(0, 1)

    def render(self, prepared: ViewPrepared, t: Sequence[float], **controls: Any) -> Tensor:
        """Views at positions t of the way round, rounded to the trained sides; (T, 3, 256, 256) in [0, 1]."""
        options = prepared.options
        start = prepared.view[0] * 360 / AZIMUTHS
        targets = [view_of_angles(start + position * options.turn_deg, options.target_elevation_deg) for position in t]
        return self.views(prepared, targets)

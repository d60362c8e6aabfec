"""What a pose edit is made of: the networks of a record, and parser and inpainter by name, labelled with what answered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from core.errors import unknown_name
from core.image import resize
from core.once import load_once
from core.progress import Progress, silent
from core.ripple.methods.head_turn.painter import Painter
from core.ripple.methods.head_turn.pre_aligner import PreAligner
from core.ripple.methods.repainting.inpainters import diffusers_inpainter, fill_by_patches, opencv_fill
from core.ripple.options import INPAINTERS, MASK_PX, PARSERS, RippleOptions
from core.ripple.paper.e4e import Encoder
from core.ripple.paper.fusion import ResidualAligner, ResidualEncoder
from core.ripple.paper.graphonomy import Graphonomy
from core.ripple.paper.inpainting import Inpainter, lama_inpainter
from core.ripple.paper.lama import Lama
from core.ripple.paper.masks import background
from core.ripple.paper.parsing import SCALES, Parser, graphonomy_parser
from core.ripple.paper.stylegan2 import Generator
from core.weights import load_strict, resolve
from core.weights.places import local_folder

PUBLISHED_PARSER, PUBLISHED_INPAINTER, PREVIEW = "ripple-graphonomy", "ripple-lama", "ripple-preview"
HFGI, OURS = ("encoder", "generator", "aligner", "residual"), ("pre_aligner", "painter")
NETWORKS: dict[str, type[Any]] = {
    "encoder": Encoder, "generator": Generator, "aligner": ResidualAligner, "residual": ResidualEncoder,
    "pre_aligner": PreAligner, "painter": Painter, "parser": Graphonomy, "inpainter": Lama,
}  # fmt: skip
PERSON_LABEL = 5  # what MediaPipe's one class is called in Graphonomy's list: upper clothes


def load_networks(folder: Path, names: Sequence[str], optional: Sequence[str] = ()) -> dict[str, Any]:
    """Networks of a record by name, in evaluation mode.

    Args:
        folder: of the record.
        names: what it must have.
        optional: what is left out where it has none.

    Raises:
        WeightsError: one of `names` is missing, or a network does not fit its class.
    """
    present = [*names, *(name for name in optional if (folder / name).is_dir())]
    return {name: load_strict(NETWORKS[name], folder, name) for name in present}


@load_once
def parsing_network(folder: Path) -> Graphonomy:
    """One parser per folder, kept."""
    return load_strict(Graphonomy, folder, "parser")


@load_once
def inpainting_network(folder: Path) -> Lama:
    """One inpainter per folder, kept."""
    return load_strict(Lama, folder, "inpainter")


def mediapipe_parser(threshold: float = 0.5) -> Parser:
    """A parser that knows background (0) and person (5) only, in a fraction of the time."""

    def parse(picture: Image.Image, progress: Progress = silent) -> np.ndarray:
        from core.detect.segment import person_mask

        progress(0.0, "finding the person")
        share = person_mask(picture)[0, 0].numpy()
        return np.where(share > threshold, PERSON_LABEL, 0).astype(np.uint8)

    return parse


def choose_parser(
    name: str = "auto", single_scale: bool = False, device: torch.device | str = "cpu"
) -> tuple[Parser, str]:
    """A parser and what to tell the user about it.

    "auto" is published Graphonomy where it was converted, MediaPipe's segmentation otherwise.

    Raises:
        WeightsError: Graphonomy was asked for by name and is not there.
    """
    if name == "auto":
        name = "graphonomy" if local_folder(PUBLISHED_PARSER, shipped=False) else "mediapipe"
    if name == "mediapipe":
        return mediapipe_parser(), "parsed by MediaPipe selfie segmentation (stands in for Graphonomy)"
    if name not in ("graphonomy", "preview"):
        raise unknown_name("parser", name, PARSERS)
    found = resolve(PUBLISHED_PARSER if name == "graphonomy" else PREVIEW)
    scales = (1.0,) if single_scale else SCALES
    return graphonomy_parser(parsing_network(found.folder).to(device), scales), f"parsed by {found.label}"


def choose_inpainter(name: str = "auto", device: torch.device | str = "cpu") -> tuple[Inpainter, str]:
    """An inpainter and what to tell the user about it.

    "auto" is published big-lama where it was converted, the shared filler otherwise.

    Raises:
        WeightsError: big-lama was asked for by name and is not there.
    """
    if name == "auto":
        name = "lama" if local_folder(PUBLISHED_INPAINTER, shipped=False) else "patches"
    if name.startswith("diffusers:"):
        return diffusers_inpainter(name.removeprefix("diffusers:")), f"repainted by {name}"
    if name == "patches":
        return fill_by_patches, "repainted by PatchMatch with texture from round the hole (stands in for LaMa)"
    if name == "opencv":
        return opencv_fill, "repainted by OpenCV's Telea fill (smooth, without texture)"
    if name not in INPAINTERS:
        raise unknown_name("inpainter", name, (*INPAINTERS, "diffusers:<hub id or folder>"))
    found = resolve(PUBLISHED_INPAINTER)
    return lama_inpainter(inpainting_network(found.folder).to(device)), f"repainted by {found.label}"


def find_background(
    picture: Image.Image, options: RippleOptions, device: torch.device | str = "cpu", progress: Progress = silent
) -> np.ndarray:
    """(256, 256, 3) uint8, 255 = background, as the thesis draws it, by the options' parser."""
    parse, _ = choose_parser(options.parser, options.single_scale, device)
    return background(parse(resize(picture, (MASK_PX, MASK_PX)), progress))

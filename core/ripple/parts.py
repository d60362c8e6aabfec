"""The exchangeable parts of a pose edit, chosen by name and labelled with what answered."""

from __future__ import annotations

from pathlib import Path

import torch

from core.construction import load_once
from core.errors import unknown_name
from core.ripple.choices import INPAINTERS, PARSERS
from core.ripple.inpaint import Inpainter, diffusers_inpainter, lama_inpainter, opencv_fill
from core.ripple.network_graphonomy import Graphonomy
from core.ripple.network_lama import Lama
from core.ripple.parse import SCALES, Parser, graphonomy_parser, mediapipe_parser
from core.weights import load_strict, resolve
from core.weights.places import local_folder

PUBLISHED_PARSER, PUBLISHED_INPAINTER, PREVIEW = "ripple-graphonomy", "ripple-lama", "ripple-preview"


@load_once
def parsing_network(folder: Path) -> Graphonomy:
    """One parser per folder, kept."""
    return load_strict(Graphonomy, folder, "parser")


@load_once
def inpainting_network(folder: Path) -> Lama:
    """One inpainter per folder, kept."""
    return load_strict(Lama, folder, "inpainter")


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

    "auto" is published big-lama where it was converted, OpenCV's fill otherwise: on backgrounds of
    held-out heads it is closer to the truth than our preview of LaMa (bench/ripple_preview.py).

    Raises:
        WeightsError: big-lama was asked for by name and is not there.
    """
    if name == "auto":
        name = "lama" if local_folder(PUBLISHED_INPAINTER, shipped=False) else "opencv"
    if name.startswith("diffusers:"):
        return diffusers_inpainter(name.removeprefix("diffusers:")), f"repainted by {name}"
    if name == "opencv":
        return opencv_fill, "repainted by OpenCV's Telea fill (fallback: no learned texture)"
    if name not in INPAINTERS:
        raise unknown_name("inpainter", name, (*INPAINTERS, "diffusers:<hub id or folder>"))
    found = resolve(PUBLISHED_INPAINTER if name == "lama" else PREVIEW)
    return lama_inpainter(inpainting_network(found.folder).to(device)), f"repainted by {found.label}"

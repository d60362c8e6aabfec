"""The implicit face morph: two portraits, their landmarks, a warp fitted to them, a slider and a video."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from core.detect.faces import detect_faces
from core.errors import InputError, NothingFoundError
from core.image import to_pil
from core.implicit.pipeline import ImplicitMorphPipeline, ImplicitPrepared, landmarks_of
from core.options import to_query
from core.pipeline import Prepared
from core.progress import Progress, part_of
from core.ui.parts.controls import controls
from core.ui.parts.engines import engine
from core.ui.parts.examples import HEADS
from core.ui.parts.export import Export, export_controls, export_frames, result_view
from core.ui.parts.handlers import follow, friendly
from core.ui.parts.picture import PictureInput
from core.ui.parts.points import PointEditor, panel
from core.ui.parts.share import share_link
from core.ui.tabs import Tab

ID = "implicit"
LABELS = ("First picture", "Second picture")

INTRODUCTION = """Drop in two portraits. Their landmarks are found and can be corrected; a smooth warp without folds is fitted to
them; **shape** and **appearance** then move together or apart. Method: Schardong et al., *Neural Implicit Morphing of Face
Images*, CVPR 2024; the default recipe is our fast flow, the published one is on the list."""


def pipeline() -> ImplicitMorphPipeline:
    """The one pipeline of this server; it holds no weights."""
    return engine(ID, ImplicitMorphPipeline)


def find(
    picture_a: Image.Image | None, picture_b: Image.Image | None, face_a: int = 1, face_b: int = 1
) -> tuple[list[dict[str, Any]], str]:
    """Find the matching landmarks of two portraits.

    Args:
        picture_a: the first portrait.
        picture_b: the second portrait.
        face_a: which face of the first picture, 1 = the largest.
        face_b: which face of the second picture, 1 = the largest.

    Returns:
        Landmarks per picture, (x, y) in pixels, and a sentence about what was found.
    """
    panels, said, found = [], [], []
    for picture, label, face in zip((picture_a, picture_b), LABELS, (face_a, face_b), strict=True):
        if picture is None:
            continue
        try:
            faces = detect_faces(picture)
            chosen = faces[min(max(int(face), 1), len(faces)) - 1]
            found.append(landmarks_of(chosen))
            said.append(f"{label}: {len(faces)} face{'s' if len(faces) > 1 else ''} found.")
        except NothingFoundError:
            found.append(np.zeros((0, 2)))
            said.append(
                f"**{label}: no face found.** Use a larger or more frontal face, or mark matching points yourself: "
                "press Add and click the same place in both pictures, five pairs or more."
            )
        panels.append((picture, label))
    if any(len(points) == 0 for points in found):
        found = [np.zeros((0, 2)) for _ in found]
    return [panel(p, points, label) for (p, label), points in zip(panels, found, strict=True)], "  \n".join(said)


def fit(
    picture_a: Image.Image | None,
    picture_b: Image.Image | None,
    points: list[np.ndarray],
    options: Any,
    progress: Progress,
) -> ImplicitPrepared:
    """The warp between two portraits, through the points of the editor (found anew where it is empty)."""
    for picture, label in zip((picture_a, picture_b), LABELS, strict=True):
        if picture is None:
            raise InputError(f"the {label.lower()} is missing: drop in a portrait")
    given = {"points_a": points[0], "points_b": points[1]} if len(points) == 2 else {}
    return pipeline().prepare(picture_a, picture_b, options=options, progress=progress, **given)


def show(prepared: Prepared | None, shape: float, apart: bool, appearance: float) -> Image.Image | None:
    """One picture of the morph for the sliders.

    Args:
        prepared: what the fit left in this session.
        shape: warp time, 0 = the first face's shape, 1 = the second's.
        apart: move appearance with its own slider.
        appearance: blend weight, 0 = the first picture's colours, 1 = the second's.
    """
    if prepared is None:
        return None
    return to_pil(pipeline().render(prepared, [shape], appearance=[appearance if apart else shape]))[0]

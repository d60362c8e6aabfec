"""Inpainters beside LaMa: the shared filler, OpenCV's classical fill, and any diffusers inpainting pipeline."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image

from core.construction import BUILDING
from core.errors import WeightsError
from core.memory import within_memory
from core.once import load_once
from core.ops.patch_fill import fill_holes
from core.progress import Progress, silent
from core.ripple.paper.inpainting import Inpainter

HIDDEN = 128  # in an inpainter's mask: filled or not as suits it, but never to be seen in what it paints


def fill_by_patches(picture: Image.Image, mask: np.ndarray, progress: Progress = silent) -> Image.Image:
    """The shared filler: copies texture from what is neither hole (255) nor hidden (`HIDDEN`)."""
    progress(0.0, "filling")
    hidden = mask == HIDDEN
    return Image.fromarray(fill_holes(np.asarray(picture.convert("RGB")), (mask > 0) & ~hidden, forbidden=hidden))


def opencv_fill(picture: Image.Image, mask: np.ndarray, progress: Progress = silent) -> Image.Image:
    """Telea's fast marching fill: no weights; fine for thin holes in smooth backgrounds only."""
    progress(0.0, "filling")
    hole = (mask > 0).astype(np.uint8) * 255
    return Image.fromarray(cv2.inpaint(np.asarray(picture.convert("RGB")), hole, 5, cv2.INPAINT_TELEA))


@load_once
def diffusers_pipeline(name: str):  # noqa: ANN201 (its class depends on the checkpoint)
    """An inpainting pipeline by hub id or folder, kept for the next call."""
    from diffusers import DiffusionPipeline

    try:
        # Fetched first, so that nobody waits for the network while the lock is held.
        folder = name if Path(name).is_dir() else DiffusionPipeline.download(name)
        with BUILDING:
            pipeline = DiffusionPipeline.from_pretrained(folder)
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        raise WeightsError(
            f"no inpainting pipeline at {name!r} ({error}): give a hub id or folder of a diffusers inpainting model; "
            "text-guided ones also need `pip install transformers`"
        ) from error
    missing = {"prompt", "image", "mask_image"} - set(inspect.signature(pipeline.__call__).parameters)
    if missing:
        raise WeightsError(
            f"{name!r} is a {type(pipeline).__name__}, which takes no {', '.join(sorted(missing))}: "
            "give a text-guided inpainting model"
        )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def diffusers_inpainter(
    name: str, prompt: str = "background, empty scene", steps: int = 20, seed: int = 0, side_px: int = 512
) -> Inpainter:
    """Any text-guided diffusers inpainting model; what it paints is kept inside the hole only.

    Args:
        name: hub id or folder.
        prompt: what the hole shall show.
        steps: denoising steps.
        seed: of the noise.
        side_px: shorter side of what the model sees.
    """

    def fill(picture: Image.Image, mask: np.ndarray, progress: Progress = silent) -> Image.Image:
        pipeline = diffusers_pipeline(name)
        scale = side_px / min(picture.size)
        width, height = (max(8, 8 * round(length * scale / 8)) for length in picture.size)
        hole = Image.fromarray((mask > 0).astype(np.uint8) * 255)

        def told(_: Any, step: int, __: int, kept: dict[str, Any]) -> dict[str, Any]:
            progress(step / steps, "painting")
            return kept

        wanted = {
            "prompt": prompt, "image": picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS),
            "mask_image": hole.resize((width, height), Image.Resampling.NEAREST), "width": width, "height": height,
            "num_inference_steps": steps, "generator": torch.Generator().manual_seed(seed),
            "callback_on_step_end": told,
        }  # fmt: skip
        # some pipelines take their size from the picture, some tell no steps
        known = inspect.signature(pipeline.__call__).parameters
        with within_memory():
            painted = pipeline(**{key: value for key, value in wanted.items() if key in known}).images[0]
        painted = painted.resize(picture.size, Image.Resampling.LANCZOS)
        return Image.composite(painted, picture.convert("RGB"), hole)

    return fill

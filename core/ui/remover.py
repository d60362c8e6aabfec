"""The object remover of the ripple tab: brush over something in a photograph, and it is gone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from core.errors import InputError
from core.image import BACKGROUNDS, laid_over, load_image, notes_of
from core.options import check
from core.progress import Progress
from core.ripple.options import INPAINTERS, REMOVER_SIDE_PX, RemoverOptions
from core.ui.parts.controls import controls, named
from core.ui.parts.handlers import BAR, result_folder, stream
from core.ui.parts.picture import MaskInput
from core.ui.parts.told import lines, told, told_notes
from core.ui.parts.transition import TransitionTab
from core.ui.shown import drawn_by_browsers
from core.video import write_picture

# As hand.js has them.
NOT_DRAWN = (".heic", ".heif", ".tif", ".tiff", ".psd", ".jxl")


def served_here(inpainter: str) -> str:
    """The inpainter, unless it names a model to load: visitors of a server may not make it load things.

    Raises:
        InputError: a diffusers model.
    """
    if inpainter.startswith("diffusers:"):
        raise InputError(
            f"{inpainter} is not loaded for visitors: choose {', '.join(INPAINTERS)}, or use it from the command line"
        )
    return inpainter


def remove(
    picture: tuple[Image.Image, np.ndarray] | None,
    inpainter: str,
    *values: Any,
    behind: str = BACKGROUNDS[0],
    bar: gr.Progress = BAR,
) -> Iterator[Any]:
    """Repaint what was brushed over; the photograph keeps its size.

    Args:
        picture: The picture in `background` and the brush strokes in `layers`.
        inpainter: Who repaints: auto, lama, patches or opencv.
        values: The remaining controls.
        behind: The colour under clear parts of the picture: white, black, grey or green.
        bar: Shows how far the work is.

    Returns:
        The repainted picture, what repainted it and how long that took, and the same in a sentence.
    """
    from core.ripple.components import choose_inpainter
    from core.ripple.methods.repainting.removal import remove_object

    if picture is None:
        raise InputError("the picture is missing: drop one in, then brush over what shall go")
    whole, mask = laid_over(picture[0], behind), picture[1]
    if not (mask > 0).any():
        raise InputError("nothing is brushed over: paint what shall go")
    options = check(RemoverOptions(*(int(value) for value in values)))
    fill, label = choose_inpainter(served_here(inpainter))

    def work(progress: Progress) -> tuple[Image.Image, dict[str, Any], str]:
        start = time.perf_counter()
        result, notes = remove_object(whole, mask, fill, options, progress)
        notes = [*notes_of(whole), *notes]
        details = {"seconds": round(time.perf_counter() - start, 2), "weights": label, "notes": notes}
        return result, details, lines([told("good", "Done", label), told_notes(notes)])

    yield from stream(work, bar, 3)


def drawable(path: str) -> str:
    """The file for the editor, which the browser draws by itself: of kinds that it does not know a lossless PNG.

    Raises:
        InputError: no picture, or one beyond the limits.
    """
    if drawn_by_browsers(Path(path)):
        return path
    picture = load_image(path, max_side_px=REMOVER_SIDE_PX)
    return str(write_picture(picture, result_folder() / f"{Path(path).stem}.png", {}))


def draw_remover(tab: TransitionTab) -> None:
    """The remover where the tab's layout stands, with its endpoint."""
    with gr.Accordion("Remove an object", open=False), gr.Row():
        with gr.Column():
            canvas = MaskInput(
                label="Brush over what shall go", elem_id=f"{tab.id}-canvas", elem_classes="brushed", layers=False, transforms=(),
                brush=gr.Brush(default_size=24, colors=["#ff2d55"], color_mode="fixed"), max_side_px=REMOVER_SIDE_PX,
            )  # fmt: skip
            photo = gr.UploadButton(
                "Open a photo of any kind", file_types=["image", *NOT_DRAWN], size="sm", elem_id=f"{tab.id}-open"
            )
            photo.upload(drawable, photo, canvas, api_visibility="private", show_progress_on=canvas)
            inpainter = gr.Dropdown(
                list(INPAINTERS), value="auto", label="Inpainter", elem_id=f"{tab.id}-remover",
                info="who repaints; auto takes LaMa if it was converted, else patches of the picture itself",
            )  # fmt: skip
            with gr.Row():
                seam = controls(RemoverOptions, None, f"{tab.id}-remover")
            behind = gr.Dropdown(
                list(BACKGROUNDS), value=BACKGROUNDS[0], label="Behind clear parts", elem_id=f"{tab.id}-remover-behind",
                info="of a picture with transparency; its result has none",
            )  # fmt: skip
            button = gr.Button("Remove", variant="primary", elem_id=f"{tab.id}-remove")
        with gr.Column():
            removed = gr.Image(label="Without it", format="png", interactive=False, elem_id=f"{tab.id}-removed")
            said = gr.Markdown(elem_id=f"{tab.id}-removed-by")
            details = gr.JSON(label="Time and weights")
    names = {"inpainter": inpainter, "behind": behind, **seam.by_name}
    tab.panels.update({f"remove_{name}": component for name, component in names.items()})
    inputs, outputs = [canvas, inpainter, *seam.components, behind], [removed, details, said]
    tab.endpoint(named(remove, seam), f"{tab.id}_remove", inputs, outputs, button, shown=removed)

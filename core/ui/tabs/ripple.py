"""Ripple-free pose edit: a portrait, a degree, the ripple and the clean picture; and an object remover."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr
import numpy as np
from gradio.components import Component
from PIL import Image

from core.errors import InputError
from core.options import fields_of, to_query
from core.progress import Progress, part_of
from core.ripple.choices import EDITS, INPAINTERS
from core.ripple.options import RippleOptions
from core.ripple.parts import choose_inpainter
from core.ripple.pipeline import RipplePipeline, RipplePrepared, repainted
from core.ui.parts.controls import Controls, controls, named
from core.ui.parts.engines import engine
from core.ui.parts.examples import EXAMPLES, HEADS
from core.ui.parts.export import Export, export_controls, export_frames, result_view
from core.ui.parts.handlers import follow
from core.ui.parts.picture import MaskInput, PictureInput
from core.ui.parts.share import share_link
from core.ui.tabs import Tab

ID = "ripple"
EXAMPLE = EXAMPLES / "ripple.mp4"
# What these weights do best comes first.
EXAMPLE_HEADS = ("kofi", "jonas", "edith", "anders", "walter", "mei", "amara", "clara")
WEIGHTS = ("ripple-preview", "ripple-hfgi")
BEFORE_FIELDS = ("align", "face", "output_px", "parser", "single_scale", "turn")
VIDEO_FIELDS = ("degree_from", "degree_to")
SHOWN = ("plain", "mask", "clean", "whole")

INTRODUCTION = """Drop in a portrait and turn the head. A large turn leaves a **ripple** where the head used to be: it is found by
parsing person and background before and after, and repainted; then the face goes back into your photograph.
HFGI (Wang et al. 2022), Graphonomy (Gong et al. 2019), LaMa (Suvorov et al. 2022). The preview weights know **pose** and **age**:
a turn moves your photograph along the measured surface of the head, which suits frontal portraits up to 20 degrees; towards 30 the side
that was hidden is stretched skin, and loose hair tears. Convert the published weights for smile, eyes, lip and beard at 1024 pixels."""


def pipeline(weights: str = WEIGHTS[0]) -> RipplePipeline:
    """The pipeline of this server for one set of weights."""
    return engine(weights, lambda: RipplePipeline.from_record(weights))


def edits_of(weights: str) -> tuple[Any, Any]:
    """The edits that these weights know, for the list, and the slider of the first."""
    names = [name for name in pipeline(weights).edits if name != "inversion"]
    return gr.update(choices=names, value=names[0]), slider_of(names[0])


def slider_of(edit: str) -> Any:
    """The degree slider with the range of an edit."""
    facts = EDITS[edit]
    return gr.update(minimum=facts.low, maximum=facts.high, value=facts.start, info=facts.help)


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
    bar: gr.Progress = gr.Progress(),  # noqa: B008
) -> Iterator[Any]:
    """Repaint what was brushed over.

    Args:
        picture: The picture in `background` and the brush strokes in `layers`.
        inpainter: Who repaints: auto, lama, preview or opencv.
        bar: Shows how far the work is.

    Returns:
        The repainted picture and what repainted it.
    """
    if picture is None:
        raise InputError("the picture is missing: drop one in, then brush over what shall go")
    whole, mask = picture
    if not (mask > 0).any():
        raise InputError("nothing is brushed over: paint what shall go")
    fill, label = choose_inpainter(served_here(inpainter))

    def work(progress: Progress) -> tuple[Image.Image, dict[str, Any]]:
        start = time.perf_counter()
        hole = (mask > 0).astype(np.uint8) * 255
        result = repainted(whole, hole, fill, RippleOptions(feather_px=1.0), progress)
        return result, {"seconds": round(time.perf_counter() - start, 2), "weights": label}

    for said in follow(work, bar, (gr.skip(), gr.skip())):
        yield said[1] if said[0] == "done" else said


class Wiring:
    """The handlers of the tab, which know its controls."""

    def __init__(self, method: Controls, export: Export) -> None:
        self.method, self.export = method, export

    def read(self, values: Sequence[Any]) -> RippleOptions:
        """The options of the method's controls."""
        options: RippleOptions = self.method.read(values)
        served_here(options.inpainter)
        return options

    def prepare(self, picture: Any, weights: str, *values: Any, bar: gr.Progress = gr.Progress()) -> Iterator[Any]:  # noqa: B008
        """Invert the face as soon as there is a picture."""
        if picture is None:
            yield None
            return
        options = self.read(values)

        def work(progress: Progress) -> RipplePrepared:
            return pipeline(weights).prepare(picture, options=options, progress=progress)

        for said in follow(work, bar, gr.skip()):
            yield said[1] if isinstance(said, tuple) and said[0] == "done" else said

    def show(self, prepared: RipplePrepared | None, weights: str, degree: float, *values: Any) -> tuple[Any, ...]:
        """The four pictures at the slider's place."""
        if prepared is None:
            return (None,) * len(SHOWN) + (gr.skip(),)
        options, start = self.read(values), time.perf_counter()
        result = pipeline(weights).edit(prepared, degree, options=options)
        details = self.details(prepared, result.figures, weights, options, time.perf_counter() - start)
        return (*(getattr(result, name) for name in SHOWN), details)

    def details(
        self, prepared: RipplePrepared, figures: dict[str, float], weights: str, options: RippleOptions, seconds: float
    ) -> dict[str, Any]:
        """What the details row shows."""
        pipe = pipeline(weights)
        return {
            "seconds": round(seconds, 2),
            "device": str(pipe.policy),
            "weights": pipe.parts_label(options),
            "figures": {**prepared.figures, **figures},
            "settings": to_query(options),
        }

    def edit(
        self,
        picture: Any,
        weights: str,
        degree: float,
        *values: Any,
        bar: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> Iterator[Any]:
        """Edit one portrait.

        Args:
            picture: A photograph with a face.
            weights: ripple-preview (shipped) or ripple-hfgi (converted by you).
            degree: How much; pose goes from -3 to 3, 3 is furthest to the viewer's right.
            values: The remaining controls.
            bar: Shows how far the work is.

        Returns:
            The plain edit, the ripple mask, the clean face, the whole photograph, and the details.
        """
        if picture is None:
            raise InputError("the picture is missing: send a portrait")
        options = self.read(values)

        def work(progress: Progress) -> tuple[Any, ...]:
            start = time.perf_counter()
            prepared = pipeline(weights).prepare(picture, options=options, progress=part_of(progress, 0, 0.5))
            result = pipeline(weights).edit(prepared, degree, progress=part_of(progress, 0.5, 1))
            details = self.details(prepared, result.figures, weights, options, time.perf_counter() - start)
            return (*(getattr(result, name) for name in SHOWN), details)

        for said in follow(work, bar, (gr.skip(),) * (len(SHOWN) + 1)):
            yield said[1] if said[0] == "done" else said

    def video(
        self,
        picture: Any,
        weights: str,
        prepared: RipplePrepared | None,
        *values: Any,
        bar: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> Iterator[Any]:
        """A video of one edit from the first to the last degree.

        Args:
            picture: A photograph with a face.
            weights: ripple-preview (shipped) or ripple-hfgi (converted by you).
            prepared: What this session has inverted already.
            values: The remaining controls.
            bar: Shows how far the work is.

        Returns:
            The video, the file to download, and the details.
        """
        if picture is None:
            raise InputError("the picture is missing: drop in a portrait")
        count = len(self.method.components)
        options, (timeline, kind) = self.read(values[:count]), self.export.read(values[count:])
        settings = {"system": ID, **to_query(options), **to_query(timeline)}
        pipe, start = pipeline(weights), time.perf_counter()

        def work(progress: Progress) -> tuple[Any, ...]:
            ready = prepared or pipe.prepare(picture, options=options, progress=part_of(progress, 0, 0.2))
            frames = pipe.frames(ready, timeline, progress=part_of(progress, 0.2, 1.0), options=options)
            shown, file = export_frames(frames, ID, kind, timeline.fps, settings)
            return shown, file, self.details(ready, {}, weights, options, time.perf_counter() - start)

        for said in follow(work, bar, (gr.skip(),) * 3):
            yield said[1] if said[0] == "done" else said


def build() -> None:
    """Draw the tab and wire it."""
    gr.Markdown(INTRODUCTION)
    prepared = gr.State(None, time_to_live=3600)
    with gr.Row():
        with gr.Column(scale=2, min_width=280):
            picture = PictureInput("Portrait", elem_id=f"{ID}-picture", height=320)
            gr.Examples(
                [[str(HEADS / f"{name}.jpg")] for name in EXAMPLE_HEADS],
                [picture],
                label="Rendered heads (ours, CC0)",
                api_visibility="private",
            )
            weights = gr.Dropdown(list(WEIGHTS), value=WEIGHTS[0], label="Weights", elem_id=f"{ID}-weights",
                                  info="ours are a small preview; the published ones must be converted first")  # fmt: skip
            method, edit = _draw_method()
        with gr.Column(scale=3, min_width=320):
            degree, shown = _draw_preview()
            export = export_controls(ID)
            with gr.Row():
                go = gr.Button("Make a video", variant="primary", elem_id=f"{ID}-go")
                stop = gr.Button("Stop", variant="stop")
            result = result_view(ID, EXAMPLE if EXAMPLE.exists() else None)
            share_link(ID, {**method.by_name, **export.by_name, "degree": degree}, {"picture": picture})
    _wire(
        Wiring(method, export),
        picture,
        weights,
        edit,
        degree,
        prepared,
        [*shown, result.details],
        result.components,
        go,
        stop,
    )
    _build_remover()


def _draw_method() -> tuple[Controls, Component]:
    """Controls of all options; the edit on top, the rest folded away."""
    first = controls(RippleOptions, ("edit",), ID)
    first.by_name["edit"].choices = [(name, name) for name in ("pose", "age")]
    names = [field.name for field in fields_of(RippleOptions) if field.name != "edit"]
    with gr.Accordion("Method", open=False):
        rest = controls(RippleOptions, names, ID)
    ordered = {field.name: {**first.by_name, **rest.by_name}[field.name] for field in fields_of(RippleOptions)}
    return Controls(RippleOptions, ordered), first.by_name["edit"]


def _draw_preview() -> tuple[gr.Slider, list[Component]]:
    facts = EDITS["pose"]
    degree = gr.Slider(
        facts.low, facts.high, 2.0, step=0.1, label="Degree", info=facts.help, elem_id=f"{ID}-degree", interactive=True
    )
    look = {"format": "png", "interactive": False, "buttons": ["fullscreen", "download"]}
    with gr.Row():
        labels = (("Plain edit", "plain"), ("Ripple mask", "mask"), ("Clean", "clean"))
        shown = [gr.Image(label=text, elem_id=f"{ID}-{name}", height=240, **look) for text, name in labels]
    shown.append(gr.Image(label="Whole photograph", elem_id=f"{ID}-whole", height=400, **look))
    return degree, shown


def _wire(
    wiring: Wiring,
    picture: Component,
    weights: Component,
    edit: Component,
    degree: gr.Slider,
    prepared: gr.State,
    outputs: list[Component],
    video: list[Component],
    go: gr.Button,
    stop: gr.Button,
) -> None:
    """Connect the controls: some need a new inversion, the others only a new picture."""
    method = wiring.method
    quick = {"api_visibility": "private", "concurrency_id": "preview", "concurrency_limit": 2}
    show = {
        "fn": wiring.show,
        "inputs": [prepared, weights, degree, *method.components],
        "outputs": outputs,
        "show_progress_on": outputs[2],
    }
    weights.input(edits_of, weights, [edit, degree], **quick)
    edit.input(slider_of, edit, degree, **quick)
    again = [method.by_name[name].change for name in BEFORE_FIELDS]
    inverted = gr.on(
        [picture.change, weights.change, *again],
        wiring.prepare,
        [picture, weights, *method.components],
        prepared,
        show_progress_on=outputs[0],
        trigger_mode="always_last",
        **quick,
    )
    inverted.then(trigger_mode="always_last", **show, **quick)
    other = [c.change for name, c in method.by_name.items() if name not in BEFORE_FIELDS + VIDEO_FIELDS]
    gr.on([degree.change, *other], **show, trigger_mode="always_last", **quick)
    making = go.click(
        named(wiring.video, method, wiring.export.timeline, {"format": "the file to download"}),
        [picture, weights, prepared, *method.components, *wiring.export.components],
        video,
        api_name="ripple_video",
        concurrency_id="work",
        concurrency_limit=2,
        show_progress_on=video[0],
    )
    stop.click(None, None, None, cancels=[making], api_visibility="private")
    # what the page does in steps, in one call for programs
    caller = gr.Button(visible=False)
    caller.click(
        named(wiring.edit, method),
        [picture, weights, degree, *method.components],
        outputs,
        api_name="ripple_edit",
        concurrency_id="work",
    )


def _build_remover() -> None:
    """LaMa alone: brush over an object, it is repainted."""
    with gr.Accordion("Remove an object (LaMa alone)", open=False), gr.Row():
        with gr.Column():
            canvas = MaskInput(
                label="Brush over what shall go",
                elem_id=f"{ID}-canvas",
                brush=gr.Brush(default_size=24, colors=["#ff2d55"], color_mode="fixed"),
                layers=False,
                transforms=(),
            )
            inpainter = gr.Dropdown(
                list(INPAINTERS),
                value="auto",
                label="Inpainter",
                info="who repaints; auto takes the best that is here",
                elem_id=f"{ID}-remover",
            )
            button = gr.Button("Remove", variant="primary", elem_id=f"{ID}-remove")
        with gr.Column():
            removed = gr.Image(label="Without it", format="png", interactive=False, elem_id=f"{ID}-removed")
            details = gr.JSON(label="Time and weights")
    button.click(
        remove,
        [canvas, inpainter],
        [removed, details],
        api_name="ripple_remove",
        concurrency_id="work",
        show_progress_on=removed,
    )


TAB = Tab(ID, "Ripple-free pose edit", 4, build, pipeline)

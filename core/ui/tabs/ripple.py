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
from core.ripple.components import choose_inpainter
from core.ripple.methods.repainting.compositing import repaint
from core.ripple.options import EDITS, INPAINTERS, RippleOptions
from core.ripple.pipeline import RipplePipeline
from core.ripple.results import RipplePrepared
from core.ui.parts.controls import Controls, controls, named
from core.ui.parts.engines import engine
from core.ui.parts.examples import Axis, example_picture
from core.ui.parts.handlers import BAR, stream
from core.ui.parts.picture import MaskInput, PictureInput, untouched
from core.ui.parts.transition import PREVIEW, TransitionTab, details_of
from core.ui.tabs import Tab

ID = "ripple"
# What these weights do best comes first.
EXAMPLE_HEADS = ("sally_ride", "eileen_collins", "mae_jemison", "grace_hopper", "mona_lisa", "van_gogh_self-portrait")
WEIGHTS = ("ripple-preview", "ripple-hfgi")
BEFORE_FIELDS = ("align", "face", "output_px", "parser", "single_scale", "turn")
VIDEO_FIELDS = ("degree_from", "degree_to")
SHOWN = ("plain", "mask", "clean", "whole")

INTRODUCTION = """Turn a head, or let it age. Drop in a portrait and move the slider.

A large turn leaves a **ripple** where the head used to be: it is found by
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
    bar: gr.Progress = BAR,
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
        result = repaint(whole, hole, fill, RippleOptions(feather_px=1.0), progress)
        return result, {"seconds": round(time.perf_counter() - start, 2), "weights": label}

    yield from stream(work, bar, 2)


class RippleTab(TransitionTab):
    """A portrait, an edit and its degree."""

    id = ID
    introduction = INTRODUCTION
    options = RippleOptions
    early_fields = ("edit",)
    example_rows = [[example_picture(name)] for name in EXAMPLE_HEADS]
    axes = {"degree": Axis(EDITS["pose"].low, EDITS["pose"].high, 25, 2.0)}

    def draw_inputs(self) -> None:
        """The portrait and the edit."""
        self.picture = PictureInput(
            "Portrait", first=self.example_rows[0][0], elem_id=f"{ID}-picture", elem_classes="first"
        )
        self.pictures["picture"] = self.picture
        self.draw_told()
        self.draw_examples([self.picture])
        self.weights = gr.Dropdown(
            list(WEIGHTS), value=WEIGHTS[0], label="Weights", elem_id=f"{ID}-weights",
            info="ours are a small preview; the published ones must be converted first",
        )  # fmt: skip
        self.early = controls(RippleOptions, self.early_fields, ID)
        self.edit_list: Any = self.early.by_name["edit"]
        self.edit_list.choices = [(name, name) for name in ("pose", "age")]

    def draw_method(self) -> None:
        """All other options, folded away."""
        super().draw_method()
        # The endpoints' parameters come in the order of the fields.
        by_name = self.method.by_name
        self.method = Controls(RippleOptions, {field.name: by_name[field.name] for field in fields_of(RippleOptions)})

    def draw_preview(self) -> None:
        """The whole photograph with the degree; what leads to it, folded away."""
        facts = EDITS["pose"]
        self.whole = self.draw_picture()
        self.degree = gr.Slider(
            facts.low,
            facts.high,
            2.0,
            step=0.1,
            label="Degree",
            info=facts.help,
            elem_id=f"{ID}-degree",
            interactive=True,
        )
        self.sliders["degree"] = self.degree
        with gr.Accordion("Ripple, mask and clean face", open=False), gr.Row():
            labels = (("Plain edit", "plain"), ("Ripple mask", "mask"), ("Clean", "clean"))
            self.shown: list[Component] = [
                gr.Image(
                    label=text, elem_id=f"{ID}-{name}", height=200, format="png", interactive=False, min_width=100,
                    buttons=["fullscreen", "download"],
                ) for text, name in labels
            ]  # fmt: skip
        self.shown.append(self.whole)

    def wire(self) -> None:
        """Some controls need a new inversion, the others only a new picture."""
        method, edit = self.method.by_name, self.edit_list
        look = [self.prepared, self.weights, self.degree, *self.method.components]
        outputs = [*self.shown, self.result.details]
        show: dict[str, Any] = {"fn": self.show, "inputs": look, "outputs": outputs, "show_progress_on": self.whole}
        self.weights.input(edits_of, self.weights, [edit, self.degree], **PREVIEW)
        edit.input(slider_of, edit, self.degree, **PREVIEW)
        source = [self.picture, self.weights, *self.method.components]
        prepare: dict[str, Any] = {
            "outputs": [self.prepared, self.example, *self.shown], "show_progress_on": self.whole, "trigger_mode": "always_last",
            **PREVIEW,
        }  # fmt: skip
        again = [method[name].change for name in BEFORE_FIELDS]
        other = [c.change for name, c in method.items() if name not in BEFORE_FIELDS + VIDEO_FIELDS]
        came = gr.on([self.picture.change], self.prepare_new, [self.example, *source], **prepare)
        inverted = gr.on([self.weights.change, *again], self.prepare, source, **prepare)
        needed = gr.on(other, self.first_time, [self.example, *source], **prepare)
        for event in (came, inverted, needed):
            event.then(trigger_mode="always_last", **show, **PREVIEW)
        self.on_sliders(self.show, [self.degree], look, outputs)
        self.on_clear(self.shown)
        self.on_go(self.video, "ripple_video", [self.picture, self.weights, self.prepared])
        inputs = [self.picture, self.weights, self.degree, *self.method.components]
        self.endpoint(named(self.edit, self.method), "ripple_edit", inputs, outputs)
        self.draw_remover()

    def draw_remover(self) -> None:
        """LaMa alone: brush over an object, it is repainted."""
        with gr.Accordion("Remove an object (LaMa alone)", open=False), gr.Row():
            with gr.Column():
                canvas = MaskInput(
                    label="Brush over what shall go", elem_id=f"{ID}-canvas", layers=False, transforms=(),
                    brush=gr.Brush(default_size=24, colors=["#ff2d55"], color_mode="fixed"),
                )  # fmt: skip
                inpainter = gr.Dropdown(
                    list(INPAINTERS), value="auto", label="Inpainter", elem_id=f"{ID}-remover",
                    info="who repaints; auto takes the best that is here",
                )  # fmt: skip
                button = gr.Button("Remove", variant="primary", elem_id=f"{ID}-remove")
            with gr.Column():
                removed = gr.Image(label="Without it", format="png", interactive=False, elem_id=f"{ID}-removed")
                details = gr.JSON(label="Time and weights")
        self.endpoint(remove, "ripple_remove", [canvas, inpainter], [removed, details], button, shown=removed)

    def read(self, values: Sequence[Any]) -> RippleOptions:
        """The options of the method's controls."""
        options: RippleOptions = super().read(values)
        served_here(options.inpainter)
        return options

    def prepare(self, picture: Any, weights: str, *values: Any, bar: gr.Progress = BAR) -> Iterator[Any]:
        """Invert the face as soon as there is a picture; the example's frames end with it."""
        if picture is None:
            yield (None,) * (2 + len(SHOWN))
            return
        options = self.read(values)

        def work(progress: Progress) -> tuple[Any, ...]:
            prepared = pipeline(weights).prepare(picture, options=options, progress=progress)
            return (prepared, None, *(gr.skip() for _ in SHOWN))

        yield from stream(work, bar, 2 + len(SHOWN))

    def prepare_new(self, example: Any, *values: Any, bar: gr.Progress = BAR) -> Iterator[Any]:
        """Invert a face unless it is the first example's, whose frames are there."""
        if untouched(example, values):
            yield (gr.skip(),) * (2 + len(SHOWN))
        else:
            yield from self.prepare(*values, bar=bar)

    def first_time(self, example: Any, *values: Any, bar: gr.Progress = BAR) -> Iterator[Any]:
        """Invert the first example's face when its prepared frames no longer do."""
        if example:
            yield from self.prepare(*values, bar=bar)
        else:
            yield (gr.skip(),) * (2 + len(SHOWN))

    def show(self, prepared: RipplePrepared | None, weights: str, degree: float, *values: Any) -> tuple[Any, ...]:
        """The four pictures at the slider's place."""
        if prepared is None:
            return (gr.skip(),) * (len(SHOWN) + 1)
        options, start = self.read(values), time.perf_counter()
        result = pipeline(weights).edit(prepared, degree, options=options)
        figures = {**prepared.figures, **result.figures}
        details = details_of(start, figures, to_query(options), about_parts(weights, options))
        return (*(getattr(result, name) for name in SHOWN), details)

    def edit(self, picture: Any, weights: str, degree: float, *values: Any, bar: gr.Progress = BAR) -> Iterator[Any]:
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
        options = self.read(values)

        def work(progress: Progress) -> tuple[Any, ...]:
            start = time.perf_counter()
            prepared = pipeline(weights).prepare(picture, options=options, progress=part_of(progress, 0, 0.5))
            result = pipeline(weights).edit(prepared, degree, progress=part_of(progress, 0.5, 1))
            figures = {**prepared.figures, **result.figures}
            details = details_of(start, figures, to_query(options), about_parts(weights, options))
            return (*(getattr(result, name) for name in SHOWN), details)

        yield from stream(work, bar, len(SHOWN) + 1)

    def video(
        self, picture: Any, weights: str, prepared: RipplePrepared | None, *values: Any, bar: gr.Progress = BAR
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
        order = self.order(values)

        def work(progress: Progress) -> tuple[Any, ...]:
            pipe, options = pipeline(weights), order.options
            ready = prepared or pipe.prepare(picture, options=options, progress=part_of(progress, 0, 0.2))
            frames = pipe.frames(ready, order.timeline, progress=part_of(progress, 0.2, 1.0), options=options)
            return self.film(order, frames, ID, ready.figures, about_parts(weights, options))

        yield from stream(work, bar, 3)


def about_parts(weights: str, options: RippleOptions) -> dict[str, str]:
    """Where these weights compute, and with which parser and inpainter."""
    pipe = pipeline(weights)
    return {"device": str(pipe.policy), "weights": pipe.parts_label(options)}


TAB = Tab(ID, "Ripple-free pose edit", 4, RippleTab, pipeline)

"""Ripple-free pose edit: a portrait, a degree, the ripple and the clean picture; and an object remover."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from core.detect.faces import detect_faces
from core.errors import NothingFoundError
from core.options import fields_of, to_query
from core.progress import Progress, part_of
from core.ripple.options import NAMES, SHAPES, RippleOptions, answered_by
from core.ui.film import draw_film
from core.ui.parts.authors import Choices, labelled
from core.ui.parts.controls import Controls, controls, named
from core.ui.parts.engines import engine
from core.ui.parts.examples import Axis, example_picture
from core.ui.parts.handlers import BAR, stream
from core.ui.parts.picture import PictureInput
from core.ui.parts.told import told, told_face, told_notes
from core.ui.parts.transition import TransitionTab, details_of
from core.ui.parts.who import on_who, others
from core.ui.parts.wipe import draw_wipe
from core.ui.parts.wiring import PREVIEW
from core.ui.remover import draw_remover, served_here
from core.ui.tabs import Tab

if TYPE_CHECKING:
    from core.ripple.pipeline import RipplePipeline
    from core.ripple.results import RipplePrepared, RippleResult

ID = "ripple"
# What these weights do best comes first.
EXAMPLE_HEADS = ("sally_ride", "eileen_collins", "mae_jemison", "grace_hopper", "mona_lisa", "van_gogh_self-portrait")
WEIGHTS = ("ripple-preview", "ripple-hfgi")
BEFORE_FIELDS = (
    *("align", "face", "output_px", "parser", "single_scale"),
    *("turn", "clean", "inpainter", "hide_person", "inpaint_px"),
)
LABEL = "Portrait"
VIDEO_FIELDS = ("degree_from", "degree_to")
SHOWN = ("plain", "mask", "clean", "whole")

INTRODUCTION = """Turn a head, let it nod, smile, speak or age. Drop in a portrait and move the slider.

Your photograph itself is moved, at its own size, along the measured **surface** of the head (geometry, no network): one smooth map without
holes, so nothing is made up and no ripple is left; **age** is drawn over it. What a turn brings into sight is stretched, and what
is beside the head gives way, so frontal portraits and 20 degrees look best.
The published chain, HFGI (Wang et al. 2022), Graphonomy (Gong et al. 2019) and LaMa (Suvorov et al. 2022), finds the **ripple** that a turned
head leaves where it used to be: convert those weights for edits of its own at 1024 pixels."""
TOGETHER = tuple(field.name for field in fields_of(RippleOptions) if field.group == "together")


def pipeline(weights: str = WEIGHTS[0]) -> RipplePipeline:
    """The pipeline of this server for one set of weights."""
    from core.ripple.pipeline import RipplePipeline

    return engine(weights, lambda: RipplePipeline.from_record(weights))


def choices() -> Choices:
    """The weights to choose from; those that are absent say so."""
    return labelled({name: name for name in WEIGHTS})


def edits_of(weights: str) -> tuple[Any, Any]:
    """The edits that these weights know, for the list, and the slider of the first."""
    names = [name for name in pipeline(weights).edits if name != "inversion"]
    return gr.update(choices=names, value=names[0]), slider_of(names[0], weights)


def slider_of(edit: str, weights: str, prepared: RipplePrepared | None = None, degree: float | None = None) -> Any:
    """The degree slider with the range of an edit, as far as the photograph bears; it starts where the edit does, or at `degree`."""
    facts = pipeline(weights).facts_of(edit)
    low, high = every = facts.low, facts.high
    if prepared is not None and prepared.scene is not None:
        low, high = prepared.bears.get(edit, every)
    # A slider without a range cannot be drawn: the result says that nothing changes.
    low, high = every if low == high else (low, high)
    start = facts.start if degree is None else degree
    return gr.update(minimum=low, maximum=high, value=min(max(start, low), high), info=facts.help)


def widened(update: dict[str, Any], degree: float) -> dict[str, Any]:
    """The range of a slider's update without its place, if `degree`, where it stands, lies within."""
    within = update["minimum"] <= degree <= update["maximum"]
    return {name: value for name, value in update.items() if name != "value" or not within}


def range_of(prepared: RipplePrepared | None, weights: str, edit: str, degree: float) -> Any:
    """The degree slider where it stands, within what a new photograph bears."""
    return gr.skip() if prepared is None else slider_of(edit, weights, prepared, degree)


def tell(picture: Image.Image | None, face: int = 1) -> tuple[str, list[dict[str, Any]]]:
    """What was found in the portrait and how well it fits, and everybody in it."""
    if picture is None:
        return "", []
    try:
        faces = detect_faces(picture)
    except NothingFoundError:
        return told("bad", LABEL, "no face found. Use a larger, brighter or more frontal face."), []
    one = faces[min(max(int(face), 1), len(faces)) - 1]
    rows = others(picture, [each.box for each in faces], "face", LABEL, "face", face)
    return told_face(LABEL, one, len(faces)), rows


class RippleTab(TransitionTab):
    """A portrait, an edit and its degree."""

    id = ID
    introduction = INTRODUCTION
    options = RippleOptions
    frame_s = 0.55
    early_fields = ("edit", *TOGETHER)
    example_rows = [[example_picture(name)] for name in EXAMPLE_HEADS]
    before = "picture"
    axes = {"degree": Axis(SHAPES["pose"].low, SHAPES["pose"].high, 25, SHAPES["pose"].start)}

    def draw_inputs(self) -> None:
        """The portrait and the edit."""
        first = self.example_rows[0][0]
        self.picture = PictureInput(LABEL, first=first, elem_id=f"{ID}-picture", elem_classes="first")
        self.pictures["picture"] = self.picture
        self.draw_told()
        self.draw_examples([self.picture])
        self.weights = gr.Dropdown(
            choices(), value=WEIGHTS[0], label="Weights", elem_id=f"{ID}-weights",
            info="ours are a small preview; the published ones must be fetched first",
        )  # fmt: skip
        self.sliders["weights"] = self.weights
        edit = controls(RippleOptions, ("edit",), ID)
        self.edit_list: Any = edit.by_name["edit"]
        self.edit_list.choices = [(name, name) for name in NAMES]
        with gr.Accordion("Together with", open=False):
            beside = controls(RippleOptions, TOGETHER, ID)
        self.early = Controls(RippleOptions, {**edit.by_name, **beside.by_name})

    def draw_method(self) -> None:
        """All other options, folded away."""
        super().draw_method()
        # The endpoints' parameters come in the order of the fields.
        by_name = self.method.by_name
        self.method = Controls(RippleOptions, {field.name: by_name[field.name] for field in fields_of(RippleOptions)})

    def weights_choice(self) -> tuple[Component, Callable[[], Choices]]:
        """The list of weights."""
        return self.weights, choices

    def draw_preview(self) -> None:
        """The whole photograph with the degree; what leads to it, folded away."""
        facts = SHAPES["pose"]
        self.whole = self.draw_picture()
        self.degree = gr.Slider(
            facts.low,
            facts.high,
            facts.start,
            step=0.1,
            label="Degree",
            info=facts.help,
            elem_id=f"{ID}-degree",
            interactive=True,
        )
        self.sliders["degree"] = self.degree
        with gr.Accordion("Ripple, mask and clean face", open=False):
            gr.Markdown(
                "A photograph that bends as one surface uncovers nothing: its mask stays black. Edits by networks are cleaned here.",
                elem_classes="weights-note",
            )
            labels = (("Plain edit", "plain"), ("Ripple mask", "mask"), ("Clean", "clean"))
            with gr.Row():
                self.shown: list[Any] = [
                    gr.Image(
                        label=text, elem_id=f"{ID}-{name}", height=200, format="png", interactive=False, min_width=100,
                        buttons=["fullscreen", "download"],
                    ) for text, name in labels
                ]  # fmt: skip
        draw_wipe("Plain edit and clean face over each other", self.shown[0], self.shown[2], f"{ID}-cleaned")
        self.shown.append(self.whole)

    def many(self) -> tuple[Any, list[Component], Component]:
        """One edit, many in the place of the portrait."""
        return self.edit, [self.picture, self.weights, self.degree, *self.method.components], self.picture

    def wire(self) -> None:
        """Some controls need a new inversion, the others only a new picture."""
        method, edit = self.method.by_name, self.edit_list
        look = [self.prepared, self.weights, self.degree, *self.method.components]
        outputs = [*self.shown, self.result.details]
        seen = [*outputs, self.noted]
        show: dict[str, Any] = {"fn": self.show, "inputs": look, "outputs": seen, "show_progress_on": self.whole}
        self.weights.input(edits_of, self.weights, [edit, self.degree], **PREVIEW)
        edit.input(slider_of, [edit, self.weights, self.prepared], self.degree, **PREVIEW)
        # A link sets edit and degree at once: only the range follows, unless it names the edit alone.
        following = [edit, self.weights, self.degree]
        edit.change(lambda *now: widened(slider_of(*now[:2]), now[2]), following, self.degree, **PREVIEW)
        source = [self.picture, self.weights, *self.method.components]
        prepare: dict[str, Any] = {
            "outputs": [self.prepared, self.example, *self.shown], "show_progress_on": self.whole, "trigger_mode": "always_last",
            **PREVIEW,
        }  # fmt: skip
        came = self.on_pictures([self.picture])
        first = {"fn": self.prepare_once, "inputs": [self.example, *source], **prepare}
        other = [c.change for name, c in method.items() if name not in BEFORE_FIELDS + VIDEO_FIELDS]
        again = [self.weights.change, *(method[name].change for name in BEFORE_FIELDS)]
        events = [
            gr.on([came], self.prepare, source, **prepare),
            gr.on(again, self.prepare, source, **prepare),
            gr.on(other, **first),
        ]
        for event in events:
            fitted = event.then(range_of, [self.prepared, self.weights, edit, self.degree], self.degree, **PREVIEW)
            fitted.then(trigger_mode="always_last", **show, **PREVIEW)
        self.on_sliders(self.show, [self.degree], look, seen, first)
        self.first_time = first
        told = [came, method["face"].change]
        gr.on(told, tell, [self.picture, method["face"]], [self.found, self.who], show_progress="hidden", **PREVIEW)
        on_who(self.who, lambda _, number: number, None, method["face"])
        self.on_clear(self.shown)
        self.on_go(self.video, "ripple_video", [self.picture, self.weights, self.prepared], after=[self.degree])
        # For programs: left out, the degree is the edit's own, and the photograph comes back lossless.
        degree = gr.Number(None, label="Degree", visible=False)
        whole = gr.Image(label="Whole photograph", format="png", visible=False)
        asked, shown = [self.picture, self.weights, degree, *self.method.components], [*self.shown[:-1], whole]
        self.endpoint(named(self.edit, self.method), "ripple_edit", asked, [*shown, self.result.details])
        draw_film(self, self.picture, pipeline)
        draw_remover(self)

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

    def prepare_once(self, example: Any, *values: Any, bar: gr.Progress = BAR) -> Iterator[Any]:
        """Invert the first example's face when its prepared frames no longer do."""
        if example:
            yield from self.prepare(*values, bar=bar)
        else:
            yield (gr.skip(),) * (2 + len(SHOWN))

    def show(self, prepared: RipplePrepared | None, weights: str, degree: float, *values: Any) -> tuple[Any, ...]:
        """The four pictures at the slider's place."""
        if prepared is None:
            return (gr.skip(),) * (len(SHOWN) + 2)
        options, start = self.read(values), time.perf_counter()
        result = pipeline(weights).edit(prepared, degree, options=options)
        details = report(start, prepared, result, weights, options)
        return (*(getattr(result, name) for name in SHOWN), details, told_notes(details["notes"]))

    def edit(
        self, picture: Any, weights: str, degree: float | None = None, *values: Any, bar: gr.Progress = BAR
    ) -> Iterator[Any]:
        """Edit one portrait.

        Args:
            picture: A photograph with a face.
            weights: ripple-preview (shipped) or ripple-hfgi (converted by you).
            degree: How much; pose in degrees of turn, to the viewer's right above 0 (-3 to 3 with published weights).
                Left out, it is what the edit starts with on the page.
            values: The remaining controls.
            bar: Shows how far the work is.

        Returns:
            The plain edit, the ripple mask, the clean face, the whole photograph, and the details.
        """
        options = self.read(values)

        def work(progress: Progress) -> tuple[Any, ...]:
            start, pipe = time.perf_counter(), pipeline(weights)
            pipe.refuse_missing(options)
            amount = pipe.facts_of(options.edit).checked(degree)
            prepared = pipe.prepare(picture, options=options, progress=part_of(progress, 0, 0.5))
            result = pipe.edit(prepared, amount, progress=part_of(progress, 0.5, 1))
            details = report(start, prepared, result, weights, options)
            return (*(getattr(result, name) for name in SHOWN), details)

        yield from stream(work, bar, len(SHOWN) + 1)

    def video(
        self, picture: Any, weights: str, prepared: RipplePrepared | None, *values: Any, degree: float = 0.0,
        bar: gr.Progress = BAR,
    ) -> Iterator[Any]:  # fmt: skip
        """A video of one edit from the first to the last degree.

        Args:
            picture: A photograph with a face.
            weights: ripple-preview (shipped) or ripple-hfgi (converted by you).
            prepared: What this session has inverted already.
            values: The remaining controls.
            degree: Where the preview stands; the video runs from the first to the last degree.
            bar: Shows how far the work is.

        Returns:
            The video, the file to download, and the details.
        """
        order = self.order(values, weights=weights, degree=degree)

        def work(progress: Progress) -> tuple[Any, ...]:
            pipe, options = pipeline(weights), order.options
            ready = prepared or pipe.prepare(picture, options=options, progress=part_of(progress, 0, 0.2))
            low, high = pipe.span(ready, options, options.edit)
            frames = pipe.frames(ready, order.timeline, progress=part_of(progress, 0.2, 1.0), options=options)
            notes = (*ready.notes, *pipe.limits(ready, options))
            at = {"degree": [low + (high - low) * t for t in order.timeline.positions()]}
            facts = ready.figures, about_parts(weights, options)
            return self.film(order, frames, ID, *facts, of=(picture,), at=at, notes=notes)

        yield from stream(work, bar, 3)


def about_parts(weights: str, options: RippleOptions) -> dict[str, str]:
    """Where these weights compute, and with which parser and inpainter."""
    pipe = pipeline(weights)
    return {"device": str(pipe.policy), "weights": pipe.parts_label(options)}


def report(
    start_s: float, prepared: RipplePrepared, result: RippleResult, weights: str, options: RippleOptions
) -> dict[str, Any]:
    """The details of one edit: figures, settings, what answered, and what limits it."""
    details = details_of(
        start_s, {**prepared.figures, **result.figures}, to_query(options), about_parts(weights, options)
    )
    answered = answered_by(options.edit, pipeline(weights).by_surface(options.edit), result.notes)
    return {**details, "notes": [*prepared.notes, *result.notes, *answered]}


TAB = Tab(ID, "Ripple-free pose edit", 4, RippleTab, pipeline)

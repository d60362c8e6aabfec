"""The page of a tab: inputs, preview, method, timeline, result, details and link, drawn and wired once for all tabs."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from core.options import fields_of, to_query
from core.timeline import Timeline
from core.ui.parts.authors import Choices, draw_authors
from core.ui.parts.backing import draw_backing
from core.ui.parts.batch import Batch, draw_batch
from core.ui.parts.controls import Controls, controls
from core.ui.parts.desk import Watched
from core.ui.parts.examples import Axis, FirstExample, lead_html, strip_html
from core.ui.parts.export import Export, ResultView, export_controls, export_frames, result_view
from core.ui.parts.onwards import draw_save, named_after
from core.ui.parts.pace import Pace
from core.ui.parts.picture import PictureInput
from core.ui.parts.points import PointEditor
from core.ui.parts.share import SharedPoints, share_link
from core.ui.parts.who import draw_who
from core.ui.parts.wipe import draw_wipe
from core.ui.parts.wiring import PREVIEW, Wiring

SESSION_S = 3600
CLICKED_ROW = """element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-row]");
  if (button) trigger("click", { row: Number(button.dataset.row) });
});"""


@dataclass(frozen=True)
class Order:
    """What a video was asked for with.

    Attributes:
        options: the method's.
        timeline: how many frames, how fast.
        format: the file's kind.
        settings: what differs from the defaults, for the file and the details.
        start_s: when the work began.
    """

    options: Any
    timeline: Timeline
    format: str
    settings: dict[str, Any]
    start_s: float


class TransitionTab(Wiring, ABC):
    """A tab under construction: making one draws it inside the current gradio layout and wires it.

    A subclass names its `id`, `introduction` and `options`, draws its inputs (`draw_inputs`) and its preview
    (`draw_preview`), and connects them to its handlers (`wire`). What it draws it leaves in `pictures` and `sliders`
    under the names that links use, and in `source` what its points are found in. It opens with the first of its
    `example_rows`, whose results were made beforehand along `axes`.
    """

    id: str
    title = ""
    introduction: str
    options: type
    # One row per example: the values of `example_inputs()`.
    example_rows: Sequence[Sequence[Any]] = ()
    axes: Mapping[str, Axis] = {}
    go_text = "Make the film"
    # Seconds per frame of the first example's film on two processors, until one was made here.
    frame_s = 0.13
    # The picture whose frame the preview keeps, so that both can lie over each other.
    before = ""
    # Fields that stand beside the inputs, not under Method.
    early_fields: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.pictures: dict[str, Component] = {}
        self.sliders: dict[str, Component] = {}
        # Controls of further panels, by the names that links and files use.
        self.panels: dict[str, Component] = {}
        self.source: list[Component] = []
        self.early = Controls(self.options, {})
        self.points: SharedPoints | None = None
        self.first = FirstExample(self.id, dict(self.axes))
        self.pace = Pace(self.frame_s)
        lead, _, rest = self.introduction.partition("\n\n")
        gr.HTML(lead_html(self.id, lead), elem_id=f"{self.id}-lead", elem_classes="lead")
        self.prepared = gr.State(None, time_to_live=SESSION_S)
        # Where the page finds the first example's frames, as long as nothing was changed.
        self.example = gr.JSON(self.first.for_browser(), visible=False)
        self.came = gr.JSON(None, visible=False)
        with gr.Row(elem_classes="bench"):
            with gr.Column(min_width=320, elem_classes="left") as left:
                self.draw_inputs()
            with gr.Column(min_width=320, elem_classes="right"):
                with gr.Column(elem_classes="stage"):
                    self.draw_preview()
                    self.noted = gr.Markdown(elem_id=f"{self.id}-noted")
                    self.draw_go()
                    if self.before:
                        before: Any = self.pictures[self.before]
                        draw_wipe("Before and after", before, self.preview_picture, f"{self.id}-wipe")
                with gr.Column(elem_classes="made"):
                    self.draw_result()
                    self.onwards = gr.Row(elem_classes="onwards")
            with left:
                self.draw_settings()
                if rest:
                    with gr.Accordion("About this method", open=False):
                        gr.Markdown(rest)
        self.wire()
        # Only now all controls are there.
        with left:
            self.draw_link()
        self.wire_desk()
        if self.now is not None:
            draw_save(self)

    @abstractmethod
    def draw_inputs(self) -> None:
        """Pictures, and what is found in them."""

    @abstractmethod
    def draw_preview(self) -> None:
        """The picture that follows the sliders, and these."""

    def draw_settings(self) -> None:
        """Method, weights to fetch, timeline and batch, below the inputs."""
        self.draw_method()
        draw_authors(self.id, *self.weights_choice())
        self.export: Export = export_controls(self.id)
        if (many := self.many()) is not None:
            draw_batch(Batch(self.id, *many))

    def draw_method(self) -> None:
        """All options that do not stand elsewhere, folded away."""
        with gr.Accordion("Method", open=False):
            names = [field.name for field in fields_of(self.options) if field.name not in self.early_fields]
            self.late = controls(self.options, names, self.id)
            self.draw_more_method()
            draw_backing(self.id, self.pictures.values())
        self.method = Controls(self.options, {**self.early.by_name, **self.late.by_name})

    def weights_choice(self) -> tuple[Component | None, Callable[[], Choices] | None]:
        """The control that chooses weights and its labelled choices, where a tab has one."""
        return None, None

    def draw_more_method(self) -> None:
        """What else stands under Method."""

    def draw_go(self) -> None:
        """The buttons that start and stop."""
        with gr.Row(elem_classes="go"):
            self.go = gr.Button(self.go_text, variant="primary", elem_id=f"{self.id}-go", scale=3)
            self.stop = gr.Button("Stop", variant="stop", scale=1, min_width=80)
        gr.Markdown("Hold the preview, or the key C, to see what went in.", elem_classes="weights-note")
        self.takes = gr.Markdown(self.pace.about(Timeline().frames), elem_id=f"{self.id}-takes", elem_classes="takes")
        self.save = gr.Button("Save this frame (PNG)", size="sm", elem_id=f"{self.id}-save", visible=bool(self.axes))

    def draw_result(self) -> None:
        """The video, its file and details; empty until something was made."""
        self.result: ResultView = result_view(self.id)

    def many(self) -> tuple[Callable[..., Any], list[Component], Component] | None:
        """What makes one picture, its inputs, and which of them varies where several pictures come at once."""
        return None

    def draw_link(self) -> None:
        """The link to all settings."""
        self.settings = {**self.method.by_name, **self.export.by_name, **self.sliders, **self.panels}
        share_link(self.id, self.settings, self.pictures, self.points)

    @abstractmethod
    def wire(self) -> None:
        """Connect what was drawn to the handlers."""

    def draw_pair(self, labels: Sequence[str], names: Sequence[str] = ("picture_a", "picture_b")) -> list[Component]:
        """Two pictures side by side, the first example's."""
        files = [item for item in self.example_rows[0] if isinstance(item, str) and Path(item).suffix]
        with gr.Row(elem_classes="pair first"):
            pair: list[Component] = [
                PictureInput(label, first=file, elem_id=f"{self.id}-picture-{letter}", min_width=120)
                for label, letter, file in zip(labels, "ab", [*files, None][:2], strict=True)
            ]
        self.pictures.update(zip(names, pair, strict=True))
        return pair

    def draw_told(self) -> None:
        """What was found in the pictures, right below them, and the button that empties the tab."""
        said = self.first.found()[1]
        with gr.Row(elem_classes="told first"):
            self.found = gr.Markdown(said, elem_id=f"{self.id}-found")
            self.clear = gr.Button("Clear", size="sm", scale=0, min_width=80, elem_id=f"{self.id}-clear")
        self.who = draw_who(self.id)

    def draw_examples(self, inputs: Sequence[Component]) -> Any:
        """Thumbnails to click on that fill the inputs; returns the event."""
        rows = [list(row) for row in self.example_rows]

        def fill(event: gr.EventData) -> Any:
            row = rows[min(max(int(event.row), 0), len(rows) - 1)]
            return row if len(row) > 1 else row[0]

        strip = gr.HTML(
            strip_html(rows),
            js_on_load=CLICKED_ROW,
            elem_id=f"{self.id}-examples",
            elem_classes="first",
            label="Examples",
        )
        return strip.click(fill, None, list(inputs), **PREVIEW, show_progress="hidden")

    def draw_points(self, title: str, over: Sequence[Component | None], **editor: Any) -> None:
        """The editor for what is found in `source`, one panel per item of `over`; the early fields stand below it."""
        with gr.Accordion(title, open=True, elem_classes="points"):
            self.editor = PointEditor(label=title, first=self.first.found()[0], **editor)
            self.again = gr.Button("Detect again", size="sm")
            if self.early_fields:
                with gr.Row():
                    self.early = controls(self.options, self.early_fields, self.id)
        self.source += self.early.components
        self.points = SharedPoints(self.editor, gr.State(None, time_to_live=SESSION_S), self.source, tuple(over))

    def draw_picture(self) -> gr.Image:
        """The preview's picture, at first the example's."""
        start = self.first.start()
        self.preview_picture = gr.Image(
            str(start) if start else None, label="Preview", format="jpeg", interactive=False, elem_id=f"{self.id}-preview",
            height=380, buttons=["fullscreen"], elem_classes="screen",
        )  # fmt: skip
        return self.preview_picture

    def draw_place(self, name: str, value: float, info: str, **more: Any) -> gr.Slider:
        """A slider from 0 to 1 that the preview follows."""
        slider = gr.Slider(
            0, 1, value, step=0.01, info=info, elem_id=f"{self.id}-{name}",
            **{"label": name.capitalize(), "interactive": True, **more},
        )  # fmt: skip
        self.sliders[name] = slider
        return slider

    def read(self, values: Sequence[Any]) -> Any:
        """The method's checked options, from the values of its controls."""
        return self.method.read(values)

    def order(self, values: Sequence[Any], **settings: Any) -> Order:
        """What a video is asked for with, from the values that follow the handler's own inputs."""
        count = len(self.method.components)
        options, (timeline, kind) = self.read(values[:count]), self.export.read(values[count:])
        settings = {"system": self.id, **settings, **to_query(options), **to_query(timeline), "format": kind}
        return Order(options, timeline, kind, settings, time.perf_counter())

    def film(
        self, order: Order, frames: Iterable[Image.Image], name: str, figures: Mapping[str, Any], about: Mapping[str, Any],
        fps: float | None = None, of: Sequence[Any] = (), at: Mapping[str, Sequence[float]] | None = None,
        notes: Iterable[str] = (),
    ) -> tuple[str, str, dict[str, Any]]:  # fmt: skip
        """The result's three: the video of the page, the file that was asked for, named after the pictures `of`, the details.

        `at` says where sliders stand in each frame; left out, those of the example's axes follow the timeline. `notes` are what
        a person should know of this result: the page says it beside the preview, a program finds it in the details.
        """
        watched, rate = Watched(frames), float(fps or order.timeline.fps)
        shown, file = export_frames(watched, named_after(name, *of), order.format, rate, order.settings)
        details = details_of(order.start_s, figures, order.settings, about, notes)
        self.pace.add(details["seconds"], watched.count)
        places = dict.fromkeys(self.axes, order.timeline.positions()) if at is None else at
        return shown, file, {**details, "film": watched.facts(rate, places)}


def about(pipeline: Any) -> dict[str, str]:
    """Where a pipeline computes, and with which weights."""
    return {"device": str(pipeline.policy), "weights": pipeline.weights_label}


def details_of(
    start_s: float, figures: Mapping[str, Any], settings: Mapping[str, Any], about: Mapping[str, Any],
    notes: Iterable[str] = (),
) -> dict[str, Any]:  # fmt: skip
    """What the details row shows; the work began at `start_s` of `time.perf_counter`."""
    said = [note for note in notes if note]
    facts = {
        "seconds": round(time.perf_counter() - start_s, 2),
        **about,
        "figures": dict(figures),
        "settings": dict(settings),
    }
    return {**facts, "notes": said} if said else facts

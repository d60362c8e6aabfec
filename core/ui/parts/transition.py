"""The page of a tab: inputs, preview, method, timeline, result, details and link, drawn and wired once for all tabs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from core.options import fields_of, to_query
from core.timeline import Timeline
from core.ui.parts.controls import Controls, controls, named
from core.ui.parts.examples import EXAMPLES
from core.ui.parts.export import Export, ResultView, export_controls, export_frames, result_view
from core.ui.parts.notes import draw_notes, with_notes
from core.ui.parts.picture import PictureInput
from core.ui.parts.points import PointEditor
from core.ui.parts.share import SharedPoints, share_link

SESSION_S = 3600
# Previews answer while long jobs wait for each other.
PREVIEW: dict[str, Any] = {"api_visibility": "private", "concurrency_id": "preview", "concurrency_limit": 2}
FORMAT = {"format": "the file to download"}


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


class TransitionTab:
    """A tab under construction: making one draws it inside the current gradio layout and wires it.

    A subclass names its `id`, `introduction` and `options`, draws its inputs (`draw_inputs`) and its preview
    (`draw_preview`), and connects them to its handlers (`wire`). What it draws it leaves in `pictures` and `sliders`
    under the names that links use, and in `source` what its points are found in.
    """

    id: str
    introduction: str
    options: type
    go_text = "Make the video"
    # Fields that stand beside the inputs, not under Method.
    early_fields: tuple[str, ...] = ()
    columns = ((3, 320), (2, 320))

    def __init__(self) -> None:
        self.pictures: dict[str, Component] = {}
        self.sliders: dict[str, Component] = {}
        self.source: list[Component] = []
        self.early = Controls(self.options, {})
        self.points: SharedPoints | None = None
        gr.Markdown(self.introduction)
        self.prepared = gr.State(None, time_to_live=SESSION_S)
        with gr.Row():
            for (scale, width), draw in zip(self.columns, (self.draw_left, self.draw_right), strict=True):
                with gr.Column(scale=scale, min_width=width):
                    draw()
        self.wire()

    def draw_left(self) -> None:
        """The first column."""
        self.draw_inputs()

    def draw_right(self) -> None:
        """The second column."""
        self.draw_preview()
        self.draw_method()
        self.draw_export()
        self.draw_result()
        self.draw_link()

    def draw_inputs(self) -> None:
        """Pictures, and what is found in them."""
        raise NotImplementedError

    def draw_preview(self) -> None:
        """The picture that follows the sliders, and these."""
        raise NotImplementedError

    def draw_method(self) -> None:
        """All options that do not stand elsewhere, folded away."""
        with gr.Accordion("Method", open=False):
            names = [field.name for field in fields_of(self.options) if field.name not in self.early_fields]
            self.late = controls(self.options, names, self.id)
            self.draw_more_method()
        self.method = Controls(self.options, {**self.early.by_name, **self.late.by_name})

    def draw_more_method(self) -> None:
        """What else stands under Method."""

    def draw_export(self) -> None:
        """Timeline and file, and the buttons that start and stop."""
        self.export: Export = export_controls(self.id)
        with gr.Row():
            self.go = gr.Button(self.go_text, variant="primary", elem_id=f"{self.id}-go")
            self.stop = gr.Button("Stop", variant="stop")

    def draw_result(self) -> None:
        """The video, its file and details."""
        example = EXAMPLES / f"{self.id}.mp4"
        self.result: ResultView = result_view(self.id, example if example.exists() else None)

    def draw_link(self) -> None:
        """The link to all settings."""
        share_link(self.id, {**self.method.by_name, **self.export.by_name, **self.sliders}, self.pictures, self.points)

    def wire(self) -> None:
        """Connect what was drawn to the handlers."""
        raise NotImplementedError

    def draw_pair(self, labels: Sequence[str], names: Sequence[str] = ("picture_a", "picture_b")) -> list[Component]:
        """Two pictures side by side."""
        with gr.Row():
            pair: list[Component] = [
                PictureInput(label, elem_id=f"{self.id}-picture-{letter}")
                for label, letter in zip(labels, "ab", strict=True)
            ]
        draw_notes(pair)
        self.pictures.update(zip(names, pair, strict=True))
        return pair

    def draw_points(self, title: str, over: Sequence[Component | None], **editor: Any) -> None:
        """The editor for what is found in `source`, one panel per item of `over`; the early fields stand below it."""
        with gr.Accordion(title, open=True):
            self.found = gr.Markdown(f"{editor.pop('what', title)} appear when a picture is there.")
            self.editor = PointEditor(label=title, **editor)
            if self.early_fields:
                with gr.Row():
                    self.early = controls(self.options, self.early_fields, self.id)
                    self.again = gr.Button("Detect again", size="sm")
            else:
                self.again = gr.Button("Detect again", size="sm")
        self.source += self.early.components
        self.points = SharedPoints(self.editor, gr.State(None, time_to_live=SESSION_S), self.source, tuple(over))

    def draw_picture(self) -> gr.Image:
        """The preview's picture."""
        return gr.Image(
            label="Preview", format="jpeg", interactive=False, elem_id=f"{self.id}-preview", height=380,
            buttons=["fullscreen"],
        )  # fmt: skip

    def draw_place(self, name: str, value: float, info: str, **more: Any) -> gr.Slider:
        """A slider from 0 to 1 that the preview follows."""
        slider = gr.Slider(
            0, 1, value, step=0.01, info=info, elem_id=f"{self.id}-{name}",
            **{"label": name.capitalize(), "interactive": True, **more},
        )  # fmt: skip
        self.sliders[name] = slider
        return slider

    def on_points(self, find: Callable[..., Any], encode: dict[str, Any]) -> None:
        """Points are found when their source changes or when asked for, then the preview is made anew."""
        if self.points is None:
            raise RuntimeError("draw_points comes first")
        shown: dict[str, Any] = {"fn": find, "outputs": [self.editor, self.found], **PREVIEW}
        changes = [component.change for component in self.source]
        came = gr.on(changes, inputs=[*self.source, self.points.given], trigger_mode="always_last", **shown)
        # Asked for by hand, they are looked for even if a link brought some.
        asked = self.again.click(inputs=self.source, **shown)
        for event in (came, asked):
            event.then(**encode)

    def encoding(self, handler: Callable[..., Any], inputs: list[Component], shown: list[Component]) -> dict[str, Any]:
        """The event that prepares: into the session, the preview and the details."""
        outputs = [self.prepared, *shown, self.result.details]
        return {
            "fn": handler, "inputs": [*inputs, *self.method.components], "outputs": outputs, "show_progress_on": shown[0],
            "trigger_mode": "always_last", **PREVIEW,
        }  # fmt: skip

    def on_sliders(
        self, handler: Callable[..., Any], sliders: Iterable[Any], inputs: list[Any], shown: list[Any]
    ) -> None:
        """The preview follows these without being prepared anew."""
        changes = [slider.change for slider in sliders]
        gr.on(changes, handler, inputs, shown, trigger_mode="always_last", show_progress="hidden", **PREVIEW)

    def on_go(
        self, handler: Callable[..., Any], name: str, inputs: list[Component], outputs: Sequence[Component] = (),
        after: Sequence[Component] = (),
    ) -> None:  # fmt: skip
        """The video: the go button and the endpoint `name`; the handler's own inputs stand before and `after` the options."""
        self.endpoint(
            named(handler, self.method, self.export.timeline, FORMAT), name,
            [*inputs, *self.method.components, *self.export.components, *after],
            [*self.result.components, *outputs], self.go, self.stop, self.result.video,
        )  # fmt: skip

    def endpoint(
        self, handler: Callable[..., Any], name: str, inputs: list[Any], outputs: Any, button: gr.Button | None = None,
        stop: gr.Button | None = None, shown: Component | None = None, queue: str = "work",
    ) -> None:  # fmt: skip
        """A function for programs, and for a button of the page if it has one."""
        source = button or gr.Button(visible=False)
        event = source.click(
            with_notes(handler),
            inputs,
            outputs,
            api_name=name,
            concurrency_id=queue,
            concurrency_limit=2,
            show_progress_on=shown,
        )
        if stop is not None:
            stop.click(None, None, None, cancels=[event], api_visibility="private")

    def read(self, values: Sequence[Any]) -> Any:
        """The method's checked options, from the values of its controls."""
        return self.method.read(values)

    def order(self, values: Sequence[Any], **settings: Any) -> Order:
        """What a video is asked for with, from the values that follow the handler's own inputs."""
        count = len(self.method.components)
        options, (timeline, kind) = self.read(values[:count]), self.export.read(values[count:])
        settings = {"system": self.id, **settings, **to_query(options), **to_query(timeline)}
        return Order(options, timeline, kind, settings, time.perf_counter())

    def film(
        self, order: Order, frames: Iterable[Image.Image], name: str, figures: Mapping[str, Any], about: Mapping[str, str],
        fps: float | None = None,
    ) -> tuple[str, str, dict[str, Any]]:  # fmt: skip
        """The result's three: the video of the page, the file that was asked for, the details."""
        shown, file = export_frames(frames, name, order.format, fps or order.timeline.fps, order.settings)
        return shown, file, details_of(order.start_s, figures, order.settings, about)


def about(pipeline: Any) -> dict[str, str]:
    """Where a pipeline computes, and with which weights."""
    return {"device": str(pipeline.policy), "weights": pipeline.weights_label}


def details_of(
    start_s: float, figures: Mapping[str, Any], settings: Mapping[str, Any], about: Mapping[str, str]
) -> dict[str, Any]:
    """What the details row shows; the work began at `start_s` of `time.perf_counter`."""
    seconds = round(time.perf_counter() - start_s, 2)
    return {"seconds": seconds, **about, "figures": dict(figures), "settings": dict(settings)}


def example_files(folder: Path, names: Sequence[str]) -> list[str]:
    """Examples of ours by name."""
    return [str(folder / f"{name}.jpg") for name in names]


def draw_examples(rows: list[list[Any]], inputs: Sequence[Component], label: str) -> gr.Examples:
    """Rows to click on that fill the inputs."""
    return gr.Examples(rows, list(inputs), label=label, api_visibility="private")

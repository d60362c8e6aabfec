"""How a tab's parts are connected: points, preview, sliders, the first example, the button and its endpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

from core.ui.parts.controls import Controls, named
from core.ui.parts.desk import GATHER, SCATTER
from core.ui.parts.examples import CHOOSE_FRAME, Axis
from core.ui.parts.export import Export, ResultView
from core.ui.parts.gpu import zero_gpu
from core.ui.parts.handlers import PRIVATE
from core.ui.parts.notes import notes_in, with_notes
from core.ui.parts.pace import Pace
from core.ui.parts.picture import PictureInput, changed_js, untouched
from core.ui.parts.points import Panels, PointEditor, inputs_key
from core.ui.parts.restore import settings_into
from core.ui.parts.share import SharedPoints
from core.ui.parts.told import told_notes
from core.ui.parts.who import on_who

# Previews answer while long jobs wait for each other.
PREVIEW: dict[str, Any] = {"api_visibility": "private", "concurrency_id": "preview", "concurrency_limit": 2}
FORMAT = {"format": "the file to download"}
LATE = "(...pictures) => Array(%d).fill(pictures.some(Boolean) ? { __type__: 'update' } : null)"


class Wiring:
    """The events of a tab; `core.ui.parts.transition.TransitionTab` draws what they connect."""

    id: str
    settings: dict[str, Component]
    pace: Pace
    takes: gr.Markdown
    axes: Mapping[str, Axis]
    # False where a preview is computed without a network, and so without a lent GPU.
    asks_a_network = True
    pictures: dict[str, Component]
    sliders: dict[str, Component]
    source: list[Component]
    points: SharedPoints | None
    early: Controls
    method: Controls
    export: Export
    result: ResultView
    prepared: gr.State
    example: gr.JSON
    came: gr.JSON
    found: gr.Markdown
    who: gr.HTML
    noted: gr.Markdown
    preview_picture: gr.Image
    editor: PointEditor
    clear: gr.Button
    again: gr.Button
    go: gr.Button
    stop: gr.Button
    # What answers the sliders, and its inputs; what prepares the first example when its frames no longer do.
    now: tuple[Callable[..., Any], list[Any]] | None = None
    first_time: dict[str, Any] | None = None
    # Who presses a button while points are still looked for would get those of the pictures before: this looks itself.
    settle: dict[str, Any] | None = None

    def on_clear(self, shown: Sequence[Component]) -> None:
        """Clear empties inputs, preview and result."""
        emptied = [
            *self.pictures.values(),
            self.example,
            self.found,
            self.noted,
            self.who,
            *shown,
            *self.result.components,
        ]
        # The points' own handler empties them when their pictures go.
        # In the browser and at once: what is dropped in before a server's answer would go with the rest.
        self.clear.click(None, None, emptied, js=f"() => Array({len(emptied)}).fill(null)", **PRIVATE)
        self.clear.click(lambda: None, None, self.prepared, queue=False, **PRIVATE)
        # What was on its way meanwhile comes to an empty tab and goes at once.
        late = [component for component in shown if isinstance(component, gr.Image)]
        outputs = [*late, self.noted, self.found, self.who, self.result.details]
        pictures = [component for component in self.pictures.values() if isinstance(component, PictureInput)]
        comes = [component.change for component in (*late, self.found)]
        gr.on(comes, None, pictures, outputs, js=LATE % len(outputs), **PRIVATE)

    def wire_desk(self) -> None:
        """The desk follows the film, brings earlier ones back with their settings, and the time a film takes is told anew."""
        result, settings = self.result, dict(self.settings)
        film = [result.video, result.file, result.details]
        gr.on([result.video.change, result.details.change], None, film, result.desk, js=GATHER, **PRIVATE)

        def settings_of(details: dict[str, Any] | None) -> list[Any]:
            found = (details or {}).get("settings") or {}
            return settings_into(self.id, found, settings)[0] if found else [gr.skip()] * len(settings)

        back = result.desk.select(None, None, film, js=SCATTER, **PRIVATE)
        back.then(settings_of, result.details, list(settings.values()), queue=False, **PRIVATE)

        timeline = self.export.timeline

        def told(*values: Any) -> str:
            return self.pace.about(len(timeline.read(values).positions()))

        gr.on(
            [result.details.change, *(component.change for component in timeline.components)], told, timeline.components,
            self.takes, queue=False, trigger_mode="always_last", **PRIVATE,
        )  # fmt: skip

    def on_pictures(self, pictures: Sequence[PictureInput]) -> Any:
        """What tells that a person changed one of these pictures.

        An opening tab says it too: there the browser sees that the example stands untouched, and the server is asked nothing,
        which would lay a waiting sign over the live preview.
        """
        changes = [picture.change for picture in pictures]
        gr.on(changes, None, [self.example, self.came, *pictures], self.came, js=changed_js(pictures), **PRIVATE)
        return self.came.change

    def on_points(self, find: Callable[..., Any], encode: dict[str, Any]) -> None:
        """Points are found when their source changes or when asked for, then the preview is made anew.

        A panel may carry under `others` who else was found there, as `core.ui.parts.who.others` tells it; a click on one
        sets the number in `source` by that name.
        """
        if self.points is None:
            raise RuntimeError("draw_points comes first")

        count = len(self.source)

        def looked(*values: Any) -> tuple[Any, ...]:
            panels, said = find(*values)
            others = [row for one in panels for row in one.pop("others", [])]
            key = inputs_key(values[:count])
            return [{**one, "found_for": key} for one in panels], said, others

        def found(*values: Any) -> tuple[Any, ...]:
            return *looked(*values), None

        def settle(example: Any, points: Panels, *values: Any) -> tuple[Any, ...]:
            stale = {key for key in points.found_for if key} - {inputs_key(values[:count])}
            return looked(*values) if stale and not untouched(example, values) else (gr.skip(),) * 3

        inputs, outputs = [*self.source, self.points.given], [self.editor, self.found, self.who]
        self.settle = {
            "fn": settle, "inputs": [self.example, self.editor, *inputs], "outputs": outputs, "show_progress": "hidden",
            "api_visibility": "private", "concurrency_id": "points", "concurrency_limit": 2,
        }  # fmt: skip
        pictures = [component for component in self.source if isinstance(component, PictureInput)]
        others = [component.change for component in self.source if component not in pictures]
        last: dict[str, Any] = {"trigger_mode": "always_last", **PREVIEW}
        came = gr.on([self.on_pictures(pictures)], found, inputs, [*outputs, self.example], **last)
        # Asked for by hand, they are looked for even if a link brought some.
        asked = [self.again.click(looked, self.source, outputs, **PREVIEW)]
        if others:
            asked.append(gr.on(others, looked, inputs, outputs, **last))
        for event in [came, *asked]:
            event.then(**encode)
        if self.early.by_name:
            self.numbers_by_click(self.early.by_name)

    def numbers_by_click(self, numbers: Mapping[str, Component]) -> None:
        """A click on a small picture sets the control of that name."""

        def choose(name: str, number: int) -> Any:
            given = [number if name == one else gr.skip() for one in numbers]
            return given if len(given) > 1 else given[0]

        on_who(self.who, choose, None, list(numbers.values()))

    def encoding(self, handler: Callable[..., Any], inputs: list[Component], shown: list[Component]) -> dict[str, Any]:
        """The event that prepares: into the session, the preview and the details; the example's frames end with it."""

        def prepare(*values: Any) -> tuple[Any, ...]:
            made = handler(*values)
            said = dict.fromkeys([*notes_in(values), *getattr(made[0], "notes", ())])
            return (*made, None, told_notes(said))

        outputs = [self.prepared, *shown, self.result.details, self.example, self.noted]
        return {
            "fn": prepare, "inputs": [*inputs, *self.method.components], "outputs": outputs, "show_progress_on": shown[0],
            "trigger_mode": "always_last", **PREVIEW,
        }  # fmt: skip

    def on_sliders(
        self, handler: Callable[..., Any], sliders: Iterable[Any], inputs: list[Any], shown: list[Any],
        encode: dict[str, Any],
    ) -> None:  # fmt: skip
        """The preview follows these without being prepared anew.

        As long as the first example stands, its frames follow the sliders of `axes`; the others prepare it with `encode`.
        """
        self.now = handler, inputs
        sliders = list(sliders)
        changes = [self.followed(slider) for slider in sliders]
        gr.on(changes, handler, inputs, shown, trigger_mode="always_last", show_progress="hidden", **PREVIEW)
        along, place = [self.sliders[name] for name in self.axes], self.preview_picture
        for slider in along:
            slider.change(None, [self.example, place, *along], place, js=CHOOSE_FRAME, api_visibility="private")

        def first_time(example: Any, *values: Any) -> Any:
            return encode["fn"](*values) if example else (gr.skip(),) * len(encode["outputs"])

        self.first_time = {**encode, "fn": first_time, "inputs": [self.example, *encode["inputs"]]}
        others = [slider.change for slider in sliders if slider not in along]
        if others:
            gr.on(others, **self.first_time)

    def followed(self, slider: Any) -> Any:
        """What of a control asks for a new picture: every change, but on ZeroGPU a slider only when it is let go.

        There each picture borrows a GPU, out of the visitor's few minutes a day, where a network makes it.
        """
        return slider.release if self.asks_a_network and zero_gpu() and isinstance(slider, gr.Slider) else slider.change

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
        settle = self.settle if button is not None and self.settle and self.editor in inputs else None
        event = (source.click if settle is None else source.click(**settle).then)(
            with_notes(handler),
            inputs,
            outputs,
            api_name=name,
            concurrency_id=queue,
            concurrency_limit=2,
            show_progress_on=shown,
        )
        if stop is not None:
            gr.on([stop.click, self.clear.click], None, None, None, cancels=[event], api_visibility="private")

"""A chair or a car turned by a slider, and as a film: the part of the pose tab that shows view synthesis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np
from PIL import Image

from core.errors import InputError
from core.gfla.options import KINDS, ObjectOptions
from core.image import to_pil
from core.options import to_query
from core.progress import Progress, part_of
from core.ui.parts.controls import controls, named
from core.ui.parts.engines import engine
from core.ui.parts.export import export_frames
from core.ui.parts.handlers import BAR, stream
from core.ui.parts.picture import PictureInput
from core.ui.parts.told import told
from core.ui.parts.transition import SESSION_S, TransitionTab
from core.ui.parts.wiring import PREVIEW

if TYPE_CHECKING:
    from core.gfla.pipeline_views import ObjectPipeline, ObjectPrepared

FPS, DRAWN_PX = 12, 320
FIELDS = ("kind", "find_side", "azimuth_deg", "elevation_deg", "side_px", "frames", "tries")
HONEST = """Drop in a picture of one whole chair or car, its background removed or plain. A model of boxes and posts is fitted to it, the picture
is laid over the model, and the model is turned; both sides are taken to be alike, and what no side shows gets its material's mean
colour. No network and no weights. **Photos**: a car becomes a plain car in the photo's colours, with the photo itself on the side that it
shows; a chair of square parts turns well, a bent, padded or office chair only roughly, and a sentence says when nothing fits. The
authors' networks for ShapeNet's cars and chairs are under *Faces, dance, objects*, and so is a small one of ours (*views*), which is
worse than this model on every figure."""


def pipeline() -> ObjectPipeline:
    """The one of this server."""
    from core.gfla.pipeline_views import ObjectPipeline

    return engine("gfla-objects", ObjectPipeline)


def sentence(prepared: ObjectPrepared) -> str:
    """What was found, and how sure it is."""
    azimuth, height = (prepared.figures[name] for name in ("azimuth_deg", "elevation_deg"))
    text = f"A {prepared.kind}, taken from {azimuth:.0f} degrees (0 is its front), {height:.0f} degrees up."
    return told(
        "weak" if prepared.notes else "good", "Object", " ".join([text, *(f"{note}." for note in prepared.notes)])
    )


def example(kind: str) -> Image.Image:
    """A drawn object of ours, another one each time."""
    from core.gfla.methods.object_model.fit import drawn

    rng = np.random.default_rng()
    return drawn(kind, rng, float(rng.integers(18) * 20), DRAWN_PX)


class ObjectPanel:
    """Picture, slider, film; the endpoints `gfla_turn` and `gfla_turntable`. Making one draws and wires it."""

    def __init__(self, tab: TransitionTab) -> None:
        self.tab, self.id = tab, f"{tab.id}-objects"
        with gr.Accordion("Turn a chair or a car (view synthesis)", open=False, elem_id=self.id):
            gr.Markdown(HONEST)
            with gr.Row():
                with gr.Column():
                    self.picture = PictureInput("Chair or car", elem_id=f"{self.id}-picture", height=260)
                    with gr.Row():
                        self.drawn = [
                            gr.Button(f"A drawn {kind}", size="sm", elem_id=f"{self.id}-{kind}") for kind in KINDS
                        ]
                    self.chosen = controls(ObjectOptions, FIELDS, self.id)
                with gr.Column():
                    self.draw_results()
        self.tab.panels.update({f"object_{name}": c for name, c in self.chosen.by_name.items()}, object_turn=self.turn)
        self.wire()

    def draw_results(self) -> None:
        """The turned object, its slider, what was found, the film."""
        self.shown = gr.Image(label="Turned", interactive=False, height=320, elem_id=f"{self.id}-shown")
        self.turn = gr.Slider(
            -180, 180, 30, step=1, label="Turn (degrees)", info="how far the camera goes round from where the photo was taken",
            elem_id=f"{self.id}-turn",
        )  # fmt: skip
        self.said = gr.Markdown(elem_id=f"{self.id}-said")
        self.go = gr.Button("Turntable film", elem_id=f"{self.id}-go")
        self.video = gr.Video(label="Film", interactive=False, height=260, elem_id=f"{self.id}-film")
        self.file = gr.File(label="Download", interactive=False, height=80)

    def wire(self) -> None:
        """A new picture or option is fitted, the slider only rendered, once it is let go."""
        prepared, chosen = gr.State(None, time_to_live=SESSION_S), self.chosen
        for button, kind in zip(self.drawn, KINDS, strict=True):
            button.click(lambda kind=kind: example(kind), None, self.picture, api_visibility="private")
        asked = [self.picture, self.turn, *chosen.components]
        events = [self.picture.change, *(component.change for component in chosen.components)]
        results = [prepared, self.shown, self.said]
        gr.on(events, self.understand, asked, results, trigger_mode="always_last", **PREVIEW)
        self.turn.release(seen_at, [prepared, self.turn], self.shown, show_progress="hidden", **PREVIEW)
        seen, words = gr.Image(label="View", format="png", visible=False), gr.Markdown(visible=False, label="Found")
        tab = self.tab
        tab.endpoint(named(self.view, chosen), f"{tab.id}_turn", asked, [seen, words])
        film, made = named(self.film, chosen), [self.video, self.file]
        tab.endpoint(film, f"{tab.id}_turntable", [self.picture, *chosen.components], made, self.go, shown=self.video)

    def options_of(self, values: tuple[Any, ...]) -> ObjectOptions:
        """The options of the controls' values."""
        options: ObjectOptions = self.chosen.read(values)
        return options

    def understand(
        self, picture: Image.Image | None, degrees: float, *values: Any, bar: gr.Progress = BAR
    ) -> Iterator[Any]:
        """Fit the object, show it turned, and say what was found."""

        def work(progress: Progress) -> tuple[Any, ...]:
            if picture is None:
                return None, None, ""
            found = pipeline().prepare(picture, options=self.options_of(values), progress=progress)
            return found, seen_at(found, degrees), sentence(found)

        yield from stream(work, bar, 3)

    def view(self, picture: Image.Image, degrees: float = 30.0, *values: Any) -> tuple[Image.Image, str]:
        """Show a chair or a car from another side.

        Args:
            picture: One whole chair or car, its background plain or removed.
            degrees: How far the camera goes round, from where the picture was taken.
            values: The remaining controls.

        Returns:
            The object from there, and what was found.
        """
        found = pipeline().prepare(given(picture), options=self.options_of(values))
        return seen_at(found, float(degrees)), sentence(found)

    def film(self, picture: Image.Image, *values: Any, bar: gr.Progress = BAR) -> Iterator[Any]:
        """Film a chair or a car all the way round.

        Args:
            picture: One whole chair or car, its background plain or removed.
            values: The remaining controls.
            bar: Shows how far the work is.

        Returns:
            The video and the file to download.
        """
        given(picture)

        def work(progress: Progress) -> tuple[str, str]:
            options, pipe = self.options_of(values), pipeline()
            found = pipe.prepare(picture, options=options, progress=part_of(progress, 0.0, 0.5))
            frames = (to_pil(pipe.render(found, [index / options.frames]))[0] for index in range(options.frames))
            chosen = {f"object_{name}": value for name, value in to_query(options).items()}
            settings = {"system": self.tab.id, "mode": "turn", **chosen}
            return export_frames(frames, "turntable", "mp4", FPS, settings)

        yield from stream(work, bar, 2)


def given(picture: Image.Image | None) -> Image.Image:
    """The picture, which must be there."""
    if picture is None:
        raise InputError("picture is missing: drop in a picture of a chair or a car")
    return picture


def seen_at(found: ObjectPrepared | None, degrees: float) -> Any:
    """A fitted object, turned."""
    return gr.skip() if found is None else to_pil(pipeline().seen_from(found, [found.camera.azimuth_deg + degrees]))[0]

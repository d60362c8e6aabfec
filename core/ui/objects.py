"""A chair or a car turned by a slider, and as a film: the part of the pose tab that shows view synthesis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from core.errors import InputError
from core.gfla.methods.object_model.fit import KINDS, drawn
from core.gfla.options import ObjectOptions
from core.gfla.pipeline_views import ObjectPipeline, ObjectPrepared
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

FRAMES, FPS, DRAWN_PX = 36, 12, 320
FIELDS = ("kind", "find_side", "azimuth_deg", "elevation_deg", "side_px", "tries")
HONEST = """Drop in a picture of one whole chair or car, its background removed or plain. A model of boxes and posts is fitted to it, the picture
is laid over the model, and the model is turned; both sides are taken to be alike, and what no side shows gets its material's mean
colour. No network and no weights. **Photos**: a car becomes a plain car in the photo's colours, with the photo itself on the side that it
shows; a chair of square parts turns well, a bent, padded or office chair only roughly, and a sentence says when nothing fits. The
authors' networks for ShapeNet's cars and chairs are under *Faces, dance, objects*."""


def pipeline() -> ObjectPipeline:
    """The one of this server."""
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
    rng = np.random.default_rng()
    return drawn(kind, rng, float(rng.integers(18) * 20), DRAWN_PX)


def draw_objects(tab: TransitionTab) -> None:
    """Picture, slider, film; the endpoints `gfla_turn` and `gfla_turntable`."""
    with gr.Accordion("Turn a chair or a car (view synthesis)", open=False, elem_id=f"{tab.id}-objects"):
        gr.Markdown(HONEST)
        with gr.Row():
            with gr.Column():
                picture = PictureInput("Chair or car", elem_id=f"{tab.id}-objects-picture", height=260)
                with gr.Row():
                    tries = [
                        gr.Button(f"A drawn {kind}", size="sm", elem_id=f"{tab.id}-objects-{kind}") for kind in KINDS
                    ]
                chosen = controls(ObjectOptions, FIELDS, f"{tab.id}-objects")
            with gr.Column():
                shown = gr.Image(label="Turned", interactive=False, height=320, elem_id=f"{tab.id}-objects-shown")
                turn = gr.Slider(-180, 180, 30, step=1, label="Turn (degrees)", elem_id=f"{tab.id}-objects-turn")
                said = gr.Markdown(elem_id=f"{tab.id}-objects-said")
                go = gr.Button("Turntable film", elem_id=f"{tab.id}-objects-go")
                video = gr.Video(label="Film", interactive=False, height=260, elem_id=f"{tab.id}-objects-film")
                file = gr.File(label="Download", interactive=False, height=80)
    prepared = gr.State(None, time_to_live=SESSION_S)

    def options_of(values: tuple[Any, ...]) -> ObjectOptions:
        return replace(chosen.read(values), turn_deg=360.0)

    def understand(picture: Image.Image | None, degrees: float, *values: Any, bar: gr.Progress = BAR) -> Iterator[Any]:
        def work(progress: Progress) -> tuple[Any, ...]:
            if picture is None:
                return None, None, ""
            found = pipeline().prepare(picture, options=options_of(values), progress=progress)
            return found, at(found, degrees), sentence(found)

        yield from stream(work, bar, 3)

    def at(found: ObjectPrepared | None, degrees: float) -> Any:
        return (
            gr.skip() if found is None else to_pil(pipeline().seen_from(found, [found.camera.azimuth_deg + degrees]))[0]
        )

    def view(picture: Image.Image, degrees: float = 30.0, *values: Any) -> tuple[Image.Image, str]:
        """Show a chair or a car from another side.

        Args:
            picture: One whole chair or car, its background plain or removed.
            degrees: How far the camera goes round, from where the picture was taken.
            values: The remaining controls.

        Returns:
            The object from there, and what was found.
        """
        if picture is None:
            raise InputError("picture is missing: drop in a picture of a chair or a car")
        found = pipeline().prepare(picture, options=options_of(values))
        return at(found, float(degrees)), sentence(found)

    def film(picture: Image.Image, *values: Any, bar: gr.Progress = BAR) -> Iterator[Any]:
        """Film a chair or a car all the way round.

        Args:
            picture: One whole chair or car, its background plain or removed.
            values: The remaining controls.
            bar: Shows how far the work is.

        Returns:
            The video and the file to download.
        """
        if picture is None:
            raise InputError("picture is missing: drop in a picture of a chair or a car")

        def work(progress: Progress) -> tuple[str, str]:
            options = options_of(values)
            found = pipeline().prepare(picture, options=options, progress=part_of(progress, 0.0, 0.5))
            frames = (to_pil(pipeline().render(found, [index / FRAMES]))[0] for index in range(FRAMES))
            return export_frames(
                frames, "turntable", "mp4", FPS, {"system": tab.id, "mode": "turn", **to_query(options)}
            )

        yield from stream(work, bar, 2)

    for button, kind in zip(tries, KINDS, strict=True):
        button.click(lambda kind=kind: example(kind), None, picture, api_visibility="private")
    asked = [picture, turn, *chosen.components]
    events = [picture.change, *(component.change for component in chosen.components)]
    gr.on(events, understand, asked, [prepared, shown, said], trigger_mode="always_last", **PREVIEW)
    turn.release(at, [prepared, turn], shown, show_progress="hidden", **PREVIEW)
    seen, words = gr.Image(label="View", format="png", visible=False), gr.Markdown(visible=False, label="Found")
    tab.endpoint(named(view, chosen), f"{tab.id}_turn", asked, [seen, words])
    tab.endpoint(
        named(film, chosen), f"{tab.id}_turntable", [picture, *chosen.components], [video, file], go, shown=video
    )

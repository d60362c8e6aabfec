"""A portrait that follows a film: the part of the ripple tab that moves a head along another head's motion."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import gradio as gr
from PIL import Image

from core.errors import InputError
from core.progress import Progress, part_of
from core.ripple.options import RippleOptions
from core.ui.parts.examples import DRIVERS
from core.ui.parts.export import export_frames
from core.ui.parts.handlers import BAR, stream
from core.ui.parts.picture import ClipInput
from core.ui.parts.told import told_notes
from core.ui.parts.transition import TransitionTab, details_of
from core.ui.parts.wiring import PREVIEW
from core.video import read_video

if TYPE_CHECKING:
    from core.ripple.pipeline import RipplePipeline

OWN = "own film"


def follower(tab: str, pipeline: Callable[[], RipplePipeline]) -> Callable[..., Any]:
    """The endpoint's function for a tab."""

    def follow(
        picture: Image.Image, driving: str | None = None, strength: float = 1.0, driver: str = OWN, absolute: bool = False,
        face: int = 1, bar: gr.Progress = BAR,
    ) -> Iterator[Any]:  # fmt: skip
        """A portrait that turns, nods, speaks and blinks as the head of a film does. Geometry answers, no network.

        Args:
            picture: The portrait.
            driving: A film of a head, seen from the front.
            strength: 1 as in the film, less is calmer.
            driver: Which of our films to follow where `driving` is left out.
            absolute: The head looks where the film's does; otherwise the film's motion goes on from its own pose.
            face: Which face of the portrait, 1 is the largest.
            bar: Shows how far the work is.

        Returns:
            The video, the file to download, the details, and what limits it in a sentence each.
        """
        film = driving or DRIVERS.get(driver)
        if picture is None or not film:
            raise InputError("a portrait and a film are needed: drop in both, or choose one of our films")
        from core.ripple.methods.moved_head.answers import animate
        from core.ripple.methods.moved_head.driving import read_motion, sentences

        def work(progress: Progress) -> tuple[str, str, dict[str, Any], str]:
            start, clip = time.perf_counter(), read_video(film)
            options = RippleOptions(face=int(face))
            prepared = pipeline().prepare(picture, options=options, progress=part_of(progress, 0.0, 0.1))
            motion = read_motion(clip.frames(), clip.fps, part_of(progress, 0.1, 0.4))
            frames = animate(prepared, motion, float(strength), part_of(progress, 0.4, 1.0), absolute)
            settings = {"system": tab, "mode": "animate", "strength": strength, "absolute": absolute}
            files = export_frames(frames, "animated", "mp4", clip.fps, settings)
            notes = (*prepared.notes, *sentences(motion))
            details = details_of(start, {"frames": len(motion.poses)}, settings, {"weights": "geometry"}, notes)
            return *files, details, told_notes(notes)

        yield from stream(work, bar, 4)

    return follow


def draw_film(tab: TransitionTab, picture: Any, pipeline: Callable[[], RipplePipeline]) -> None:
    """A film to follow, how strongly, a button and the result; the endpoint `ripple_animate`."""
    with gr.Accordion("Follow a film (face animation by geometry)", open=False), gr.Row():
        with gr.Column():
            clip = ClipInput("Film of a head", elem_id=f"{tab.id}-driving", height=200)
            driver = gr.Dropdown(
                [OWN, *DRIVERS], value=OWN, label="Our films", info="a rendered head of ours; it plays above at once",
                elem_id=f"{tab.id}-driver",
            )  # fmt: skip
            strength = gr.Slider(
                0, 2, 1.0, step=0.05, label="Strength", info="1 as in the film, less is calmer", elem_id=f"{tab.id}-strength",
            )  # fmt: skip
            absolute = gr.Checkbox(
                False, label="Look where the film looks", elem_id=f"{tab.id}-absolute",
                info="otherwise its motion goes on from the portrait's own pose",
            )  # fmt: skip
            go = gr.Button("Animate", elem_id=f"{tab.id}-animate")
        with gr.Column():
            video = gr.Video(label="Animated", interactive=False, elem_id=f"{tab.id}-animated", height=300)
            said = gr.Markdown(elem_id=f"{tab.id}-animated-noted")
            file = gr.File(label="Download", interactive=False, height=80)
            details = gr.JSON(label="Details", visible=False)
    tab.panels.update(strength=strength, driver=driver, absolute=absolute)
    driver.input(lambda name: str(DRIVERS[name]) if name in DRIVERS else None, driver, clip, **PREVIEW)
    inputs = [picture, clip, strength, driver, absolute, tab.method.by_name["face"]]
    tab.endpoint(follower(tab.id, pipeline), "ripple_animate", inputs, [video, file, details, said], go, shown=video)

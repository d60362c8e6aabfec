"""A portrait that follows a film: the part of the ripple tab that moves a head along another head's motion."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import gradio as gr
from PIL import Image

from core.errors import InputError
from core.progress import Progress, part_of
from core.ui.parts.export import export_frames
from core.ui.parts.handlers import BAR, stream
from core.ui.parts.picture import ClipInput
from core.ui.parts.transition import TransitionTab
from core.video import read_video

if TYPE_CHECKING:
    from core.ripple.pipeline import RipplePipeline


def draw_film(tab: TransitionTab, picture: Any, pipeline: Callable[[], RipplePipeline]) -> None:
    """A film to follow, how strongly, a button and the result; the endpoint `ripple_animate`."""

    def follow(
        picture: Image.Image, driving: str | None = None, strength: float = 1.0, bar: gr.Progress = BAR
    ) -> Iterator[Any]:
        """A portrait that turns, nods, speaks and blinks as the head of a film does. Geometry answers, no network.

        Args:
            picture: The portrait.
            driving: A film of a head, seen from the front.
            strength: 1 as in the film, less is calmer.
            bar: Shows how far the work is.

        Returns:
            The video and the file to download.
        """
        if picture is None or not driving:
            raise InputError("a portrait and a film are needed: drop in both")
        from core.ripple.methods.moved_head.answers import animate
        from core.ripple.methods.moved_head.driving import read_motion

        def work(progress: Progress) -> tuple[str, str]:
            clip = read_video(driving)
            prepared = pipeline().prepare(picture, progress=part_of(progress, 0.0, 0.1))
            motion = read_motion(clip.frames(), clip.fps, part_of(progress, 0.1, 0.4))
            frames = animate(prepared, motion, float(strength), part_of(progress, 0.4, 1.0))
            return export_frames(
                frames, "animated", "mp4", clip.fps, {"system": tab.id, "mode": "animate", "strength": strength}
            )

        yield from stream(work, bar, 2)

    with gr.Accordion("Follow a film (face animation by geometry)", open=False), gr.Row():
        with gr.Column():
            clip = ClipInput("Film of a head", elem_id=f"{tab.id}-driving", height=200)
            strength = gr.Slider(
                0, 2, 1.0, step=0.05, label="Strength", info="1 as in the film, less is calmer", elem_id=f"{tab.id}-strength",
            )  # fmt: skip
            go = gr.Button("Animate", elem_id=f"{tab.id}-animate")
        with gr.Column():
            video = gr.Video(label="Animated", interactive=False, elem_id=f"{tab.id}-animated", height=300)
            file = gr.File(label="Download", interactive=False, height=80)
    tab.panels["strength"] = strength
    tab.endpoint(follow, "ripple_animate", [picture, clip, strength], [video, file], go, shown=video)

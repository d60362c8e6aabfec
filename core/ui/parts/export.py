"""Timeline and export: how long, how fast, which file; and where the result is shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from core.timeline import Timeline
from core.ui.parts.controls import Controls, controls
from core.ui.parts.desk import draw_desk
from core.ui.parts.handlers import result_folder
from core.video import FORMATS, write_video

TIMELINE_FIELDS = ("frames", "fps", "easing", "hold_start_s", "hold_end_s", "ping_pong", "t_start", "t_end")


@dataclass
class Export:
    """The timeline's controls and the chosen format."""

    timeline: Controls
    format: gr.Dropdown

    @property
    def by_name(self) -> dict[str, Component]:
        """The controls by the name that they have in a link."""
        return {**self.timeline.by_name, "format": self.format}

    @property
    def components(self) -> list[Component]:
        """Inputs of the export event: the timeline's, then the format."""
        return [*self.timeline.components, self.format]

    def read(self, values: Iterable[Any]) -> tuple[Timeline, str]:
        """The checked timeline and the format, from the values of `components`."""
        *timeline, kind = values
        return self.timeline.read(timeline), kind


def export_controls(tab: str) -> Export:
    """Draw the timeline's controls and the format list, folded away."""
    with gr.Accordion("Timeline and file", open=False):
        timeline = controls(Timeline, TIMELINE_FIELDS, tab)
        kind = gr.Dropdown(
            list(FORMATS),
            value="mp4",
            label="File",
            elem_id=f"{tab}-format",
            info="mp4 plays everywhere; gif and webp loop; png is a lossless animation; zip holds PNG stills",
        )
    return Export(timeline, kind)


@dataclass
class ResultView:
    """The video, the file to download and the details; the desk under the video follows them."""

    video: gr.Video
    file: gr.File
    details: gr.JSON
    desk: gr.HTML

    @property
    def components(self) -> list[Component]:
        """Outputs of the export event: video, file, details."""
        return [self.video, self.file, self.details]


def result_view(tab: str) -> ResultView:
    """Draw the place of the result, which is small until there is one."""
    video = gr.Video(
        label="Result", autoplay=True, loop=True, interactive=False, elem_id=f"{tab}-video", elem_classes="film-made"
    )
    desk = draw_desk(tab)
    file = gr.File(label="Download", interactive=False, elem_id=f"{tab}-file", elem_classes="download")
    with gr.Accordion("Details", open=False):
        details = gr.JSON(label="Time, device, figures and settings", elem_id=f"{tab}-details")
    return ResultView(video, file, details, desk)


def export_frames(
    frames: Iterable[Image.Image], name: str, kind: str, fps: float, settings: dict[str, Any]
) -> tuple[str, str]:
    """Write frames as (a video that the page plays, the file that was asked for)."""
    folder = result_folder()
    if kind == "mp4":
        path = str(write_video(frames, folder / f"{name}.mp4", fps, settings))
        return path, path
    kept = list(frames)
    shown = write_video(kept, folder / f"{name}.mp4", fps, settings)
    return str(shown), str(write_video(kept, folder / f"{name}.{kind}", fps, settings))

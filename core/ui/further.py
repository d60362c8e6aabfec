"""The authors' other networks of the pose tab: a face or a dancer that follows a clip, an object from all sides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr
from PIL import Image

from core.errors import InputError
from core.gfla.options import ANIMATIONS, ViewOptions
from core.image import to_pil
from core.progress import Progress, part_of
from core.ui.parts.authors import labelled
from core.ui.parts.engines import engine
from core.ui.parts.export import export_frames
from core.ui.parts.handlers import BAR, stream
from core.ui.parts.picture import ClipInput, PictureInput
from core.ui.parts.transition import TransitionTab
from core.video import read_video

ID = "gfla"
VIEW_COUNT = 18

FURTHER = """The authors' other networks: a **face** or a **dancer** that follows a clip, and an **object** seen from all sides.
Their weights are for non-commercial use and are not shipped: *Get the authors' weights* fetches them."""


def further(
    picture: Image.Image, driving: str | None = None, mode: str = "face", azimuth_deg: float = 0, bar: gr.Progress = BAR
) -> Iterator[Any]:
    """Animate a face or a dancer, or turn an object, with the authors' networks.

    Args:
        picture: The face, the dancer or the object.
        driving: The clip to follow (face, dance).
        mode: face, dance, dance-fashion, chair, car, or views: our network for drawn chairs and cars.
        azimuth_deg: From which side the object was taken.
        bar: Shows how far the work is.

    Returns:
        The video and the file to download.
    """
    from core.gfla.pipeline_animation import AnimationPipeline
    from core.gfla.pipeline_views import ViewPipeline

    def work(progress: Progress) -> tuple[Any, ...]:
        settings = {"system": ID, "further_mode": mode, "further_azimuth": azimuth_deg}
        if mode in ANIMATIONS:
            pipe = engine(f"{ID}-{mode}", lambda: AnimationPipeline.from_record(mode))
            if not driving:
                raise InputError("the driving clip is missing: drop in a video to follow")
            clip = read_video(driving)
            prepared = pipe.prepare(picture, clip.frames(), progress=part_of(progress, 0.0, 0.4))
            frames = (to_pil(frame)[0] for frame in pipe.play(prepared))
            return export_frames(frames, mode, "mp4", round(clip.fps), settings)
        turner = engine(f"{ID}-{mode}", lambda: ViewPipeline.from_record(f"gfla-{mode}"))
        seen = turner.prepare(picture, options=ViewOptions(azimuth_deg=float(azimuth_deg)), progress=progress)
        round_trip = to_pil(turner.render_fitting(seen, [index / (VIEW_COUNT - 1) for index in range(VIEW_COUNT)]))
        return export_frames(round_trip, mode, "mp4", 6, settings)

    yield from stream(work, bar, 2)


def draw_further(tab: TransitionTab) -> None:
    """The authors' other networks."""
    with gr.Accordion("Faces, dance, objects (the authors' weights, and a network of ours)", open=False):
        gr.Markdown(FURTHER)
        with gr.Row():
            picture = PictureInput("Face, dancer or object", elem_id=f"{tab.id}-further-picture", height=180)
            clip = ClipInput("Clip to follow", elem_id=f"{tab.id}-further-clip", height=180)
            with gr.Column():
                mode = gr.Radio(
                    labelled({**ANIMATIONS, "chair": "gfla-chair", "car": "gfla-car", "views": "gfla-views"}), value="face", label="Mode", info="what the picture shows",
                    elem_id=f"{tab.id}-further-mode",
                )  # fmt: skip
                azimuth = gr.Slider(
                    0, 340, 0, step=20, label="Side of the object (degrees)", info="from which side it was taken",
                    elem_id=f"{tab.id}-further-azimuth",
                )  # fmt: skip
                go = gr.Button("Animate or turn", elem_id=f"{tab.id}-further-go")
        with gr.Row():
            video = gr.Video(label="Result", interactive=False, elem_id=f"{tab.id}-further-video", height=300)
            file = gr.File(label="Download", interactive=False, height=80)
    tab.panels.update(further_mode=mode, further_azimuth=azimuth)
    tab.endpoint(further, "gfla_further", [picture, clip, mode, azimuth], [video, file], go, shown=video)

"""A whole film with more frames: the part of the SDL tab that multiplies the frames of a clip."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component

from core.encoding import Encoding
from core.errors import InputError
from core.progress import Progress
from core.sdl.options import RateOptions
from core.ui.parts.controls import controls, named
from core.ui.parts.handlers import BAR, kept_folder, result_folder, stream
from core.ui.parts.picture import ClipInput
from core.ui.parts.told import draw_clip_facts
from core.ui.parts.transition import TransitionTab, about, details_of

if TYPE_CHECKING:
    from core.sdl.pipeline import SDLPipeline


def film_name(video: str, options: RateOptions) -> str:
    """The clip's name and what becomes of it."""
    rate = f"{options.target_fps:g}fps" if options.target_fps else f"x{options.factor}"
    slow = "slow_" if options.slow_motion or options.duration_s else ""
    return f"{Path(video).stem}_{slow}{rate}"


class RatePanel:
    """Clip, rate, codec, the three hardest frames; the endpoint `sdl_rate`. Making one draws it."""

    def __init__(self, tab: TransitionTab, pipeline: Callable[[str], SDLPipeline]) -> None:
        self.tab, self.pipeline = tab, pipeline
        with gr.Accordion("A whole film", open=False):
            self.clip = ClipInput("Video", elem_id=f"{tab.id}-clip", height=240)
            draw_clip_facts(self.clip, tab.id)
            self.rate = controls(RateOptions, tab=f"{tab.id}-rate")
            self.codec = controls(Encoding, tab=f"{tab.id}-encode")
            with gr.Row():
                self.try_first = gr.Button("Show the three hardest frames", elem_id=f"{tab.id}-rate-try")
                self.smooth = gr.Button("Multiply frames", elem_id=f"{tab.id}-rate-go")
                self.halt = gr.Button("Stop", variant="stop")
            self.hardest = gr.Gallery(
                label="Hardest in-betweens", columns=3, format="png", visible=False, elem_id=f"{tab.id}-rate-hardest"
            )
        tab.pictures["clip"] = self.clip
        panels = {"rate": self.rate, "encode": self.codec}
        tab.panels.update({f"{panel}_{name}": c for panel, part in panels.items() for name, c in part.by_name.items()})

    def wire(self, weights: Component) -> None:
        """The two buttons; the result appears where the tab's own does."""
        asked, tab = [self.clip, weights, *self.rate.components], self.tab
        tab.endpoint(
            named(self.multiply, self.rate, self.codec), "sdl_rate", [*asked, *self.codec.components],
            tab.result.components, self.smooth, self.halt, tab.result.video,
        )  # fmt: skip
        self.try_first.click(self.show_hardest, asked, self.hardest, api_visibility="private")

    def show_hardest(self, video: str | None, weights: str, *values: Any) -> Any:
        """The in-betweens between whose neighbours most changes, before a long run."""
        from core.sdl.methods.video_rate.preview import hardest_in_betweens

        if video is None:
            raise InputError("the video is missing: drop one in first")
        pipe = self.pipeline(weights)
        found = hardest_in_betweens(pipe, video, self.rate.read(values))
        if not found:
            raise InputError("nothing moves in this part of the video: there is no new frame to show")
        return gr.update(value=[(frame, f"{at:.2f} s") for at, frame in found], visible=True)

    def multiply(self, video: str, weights: str, *values: Any, bar: gr.Progress = BAR) -> Iterator[Any]:
        """Give a video a higher frame rate, or slow it down; after a stop the same call goes on where it was.

        Args:
            video: Any video that ffmpeg reads.
            weights: The record of interpolation weights, or shipped.
            values: The remaining controls.
            bar: Shows how far the work is.

        Returns:
            The video (the montage, if one was asked for), the file to download, and the details.
        """
        from core.sdl.methods.video_rate.conversion import convert_video, settings_of

        count, start = len(self.rate.by_name), time.perf_counter()
        options, encoding = self.rate.read(values[:count]), self.codec.read(values[count:])

        def work(progress: Progress) -> tuple[Any, ...]:
            pipe, name = (
                self.pipeline(weights),
                f"{film_name(video, options)}{encoding.suffix}",
            )
            with kept_folder(video, repr(options), repr(encoding), weights) as folder:
                report = convert_video(pipe, video, folder / name, options, progress, encoding, resumable=True)
                made = result_folder()
                for file in folder.glob("[!.]*"):
                    file.rename(made / file.name)
            if report.montage:
                report.montage = str(made / Path(report.montage).name)
            settings = {**settings_of(options, encoding), "weights": weights}
            path = str(made / name)
            return report.montage or path, path, details_of(start, vars(report), settings, about(pipe))

        yield from stream(work, bar, 3)

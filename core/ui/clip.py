"""A clip with more frames: the part of the Crossbreed tab that puts pictures between the frames of a video."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from PIL import Image

from core.image import limit_size
from core.progress import Progress
from core.ui.parts.handlers import BAR, result_folder, stream
from core.ui.parts.picture import ClipInput
from core.ui.parts.told import draw_clip_facts
from core.ui.parts.transition import TransitionTab
from core.video import read_video, write_video

if TYPE_CHECKING:
    from core.crossbreed.pipeline import CrossbreedPipeline

CLIP_SIDE_PX = 1920
CLIP_FRAMES = 240
# What the encoder's padding needs.
SMALLEST_CLIP_PX = 33


class ClipPanel:
    """Clip, factor and button; the endpoint `crossbreed_clip`. Making one draws it."""

    def __init__(self, tab: TransitionTab, pipeline: Callable[[], CrossbreedPipeline]) -> None:
        self.tab, self.pipeline = tab, pipeline
        with gr.Accordion("Video: more frames", open=False):
            self.source = ClipInput("Clip", SMALLEST_CLIP_PX, elem_id=f"{tab.id}-clip", height=240)
            draw_clip_facts(self.source, tab.id)
            self.factor = gr.Slider(
                2, 8, 2, step=1, precision=0, label="Times the frames", info="2 puts one picture between two",
                elem_id=f"{tab.id}-factor",
            )  # fmt: skip
            self.slow = gr.Checkbox(False, label="Slow motion", info="keep the frame rate", elem_id=f"{tab.id}-slow")
            self.go = gr.Button("Interpolate", elem_id=f"{tab.id}-interpolate")
            self.shown = gr.Video(label="Interpolated", interactive=False, height=240, elem_id=f"{tab.id}-smoothed")
        tab.panels.update(clip_factor=self.factor, clip_slow=self.slow)

    def wire(self) -> None:
        """The button."""
        inputs = [self.source, self.factor, self.slow]
        self.tab.endpoint(self.smooth_clip, "crossbreed_clip", inputs, self.shown, self.go, shown=self.shown)

    def smooth_clip(self, clip: str, factor: int, slow: bool, bar: gr.Progress = BAR) -> Iterator[Any]:
        """Put pictures between the frames of a video, by the motion in it.

        Args:
            clip: The video; the first 240 frames are taken, larger ones are reduced to 1920 px.
            factor: How many times the frames.
            slow: Keep the frame rate, so that the clip becomes slow motion.
            bar: Shows how far the work is.

        Returns:
            The video.
        """
        source, pipe = read_video(clip), self.pipeline()
        total = max(1, min(CLIP_FRAMES, round(source.duration_s * source.fps)) * factor)

        def work(progress: Progress) -> str:
            def frames() -> Iterator[Image.Image]:
                head = (limit_size(f, CLIP_SIDE_PX) for f, _ in zip(source.frames(), range(CLIP_FRAMES), strict=False))
                for index, frame in enumerate(pipe.between(head, factor)):
                    progress(min(1.0, index / total), f"frame {index + 1} of {total}")
                    yield frame

            settings = {"system": self.tab.id, "clip_factor": factor, "clip_slow": slow}
            fps = source.fps if slow else source.fps * factor
            out = result_folder() / f"{Path(clip).stem}_{'slow_' if slow else ''}x{factor}.mp4"
            return str(write_video(frames(), out, fps, settings))

        yield from stream(work, bar, 1)

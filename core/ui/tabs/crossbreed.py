"""The Crossbreed morph: two pets, their heads, two sliders, a video; grids, chains, appearance transfer, clips."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import gradio as gr
import numpy as np
import pandas as pd
import torch
from gradio.components import Component
from PIL import Image

from core.crossbreed.options import CrossbreedOptions
from core.crossbreed.pipeline import CrossbreedPipeline, CrossbreedPrepared
from core.crossbreed.sheet import grid_sheet
from core.detect.pets import find_head
from core.errors import InputError, NothingFoundError
from core.image import Box, limit_size, to_pil, to_tensor
from core.metrics import step_sizes
from core.options import to_query
from core.progress import Progress, part_of, silent
from core.ui.parts.controls import Controls, controls, named
from core.ui.parts.engines import engine
from core.ui.parts.examples import EXAMPLES, PETS
from core.ui.parts.export import Export, export_controls, export_frames, result_view
from core.ui.parts.handlers import follow, result_folder
from core.ui.parts.picture import ClipInput, PictureInput
from core.ui.parts.points import PointEditor, panel
from core.ui.parts.share import SharedPoints, points_for, share_link
from core.ui.tabs import Tab
from core.video import read_video, write_picture, write_video

ID = "crossbreed"
LABELS = ("First animal", "Second animal")
CORNERS = ("top left corner of the head", "bottom right corner of the head")
MOVING = ("both", "shape", "appearance")
EXAMPLE = EXAMPLES / "crossbreed.mp4"
CLIP_SIDE_PX = 256
CLIP_FRAMES = 240
# What the encoder's padding needs.
SMALLEST_CLIP_PX = 33

INTRODUCTION = """Drop in two photos of cats or dogs: their heads are found and cut out, and you can move the boxes. The network
looks at each picture once; then **shape** and **appearance** morph together or apart.
After Park, Seo, Noh, *Neural Crossbreed*, SIGGRAPH Asia 2020. The weights that ship know the heads of cats and dogs that look
towards the camera: where eyes, nose and ears are not found surely, the heads are not brought into line, and the middle is soft."""


def pipeline() -> CrossbreedPipeline:
    """The one pipeline of this server."""
    return engine(ID, CrossbreedPipeline.from_record)


def find_heads(
    picture_a: Image.Image | None, picture_b: Image.Image | None, given: dict[str, Any] | None = None
) -> tuple[list[dict[str, Any]], str]:
    """Find the heads of two animals.

    Args:
        picture_a: The first photo.
        picture_b: The second photo.
        given: Corners that came with a link, taken if they belong to these photos.

    Returns:
        The corners of a box per picture, (x, y) in pixels, and a sentence about what was found.
    """
    linked = points_for(given, picture_a, picture_b)
    if linked and picture_a is not None and picture_b is not None:
        both = zip((picture_a, picture_b), linked, LABELS, strict=True)
        return [panel(picture, box, label) for picture, box, label in both], "Boxes as they came with the link."
    shown, said = [], []
    for picture, label in zip((picture_a, picture_b), LABELS, strict=True):
        if picture is None:
            continue
        try:
            head = find_head(picture)
            box = head.box
            said.append(f"{label}: the head of a {head.species} ({head.score:.0%} sure).")
        except NothingFoundError:
            side = min(picture.size)
            left, top = (picture.width - side) / 2, (picture.height - side) / 2
            box = Box(left, top, left + side, top + side).squared(-0.1)
            said.append(f"**{label}: no head found.** Drag the two corners of the box around the head.")
        corners = np.clip(np.array(box).reshape(2, 2), 0, picture.size)
        shown.append(panel(picture, corners, label))
    return shown, "  \n".join(said)


def boxes_of(corners: list[np.ndarray], margin: float) -> list[Box] | None:
    """Boxes from the editor's corners with room around the heads; None where the editor is empty."""
    if len(corners) != len(LABELS):
        return None
    boxes = []
    for points, label in zip(corners, LABELS, strict=True):
        if len(points) != 2 or (points < 0).any():
            raise InputError(f"{label}: the box needs both corners: place them, or press Detect again")
        low, high = points.min(0), points.max(0)
        if (high - low < 4).any():
            raise InputError(f"{label}: the box is empty: drag its corners apart")
        boxes.append(Box(*low, *high).squared(margin))
    return boxes


def prepare(
    pair: tuple[Any, Any], corners: list[np.ndarray], files: list[str] | None, options: Any, progress: Progress = silent
) -> CrossbreedPrepared:
    """The pictures as codes; further files make a chain."""
    for picture, label in zip(pair, LABELS, strict=True):
        if picture is None:
            raise InputError(f"the {label.lower()} is missing: drop in a photo of a cat or a dog")
    more = list(files or [])
    boxes = boxes_of(corners, options.margin) if options.crop == "head" else None
    given = [*boxes, *[None] * len(more)] if boxes else None
    return pipeline().prepare(*pair, *more, options=options, boxes=given, progress=progress)


def picture_at(prepared: CrossbreedPrepared, shape: float, appearance: float, tau: float) -> Image.Image:
    """One picture of a morph."""
    return to_pil(pipeline().render(prepared, [shape], shape=shape, appearance=appearance, tau=tau))[0]


def details_of(prepared: CrossbreedPrepared, seconds: float, settings: dict[str, Any]) -> dict[str, Any]:
    """What the details row shows."""
    pipe = pipeline()
    about = {"weights": pipe.weights_label, "device": str(pipe.policy)}
    return {"seconds": round(seconds, 2), **about, "figures": prepared.figures, "settings": settings}


class Wiring:
    """The handlers of the tab, which know its controls."""

    def __init__(self, method: Controls, export: Export) -> None:
        self.method, self.export = method, export

    def preview(
        self, picture_a: Any, picture_b: Any, corners: list[np.ndarray], shape: float, appearance: float, *values: Any
    ) -> tuple[CrossbreedPrepared | None, Image.Image | None, Any]:
        """Encode as soon as both pictures are there."""
        options = self.method.read(values)
        if picture_a is None or picture_b is None or (options.crop == "head" and len(corners) != len(LABELS)):
            return None, None, gr.skip()
        start = time.perf_counter()
        prepared = prepare((picture_a, picture_b), corners, None, options)
        picture = picture_at(prepared, shape, appearance, options.tau)
        return prepared, picture, details_of(prepared, time.perf_counter() - start, to_query(options))

    def show(self, prepared: CrossbreedPrepared | None, shape: float, appearance: float, *values: Any) -> Any:
        """The preview at the sliders' place."""
        if prepared is None:
            return gr.skip()
        return picture_at(prepared, shape, appearance, self.method.read(values).tau)

    def frame(
        self, picture_a: Any, picture_b: Any, shape: float, appearance: float, corners: list[np.ndarray], *values: Any
    ) -> Image.Image:
        """Morph two animals and return one picture; shape 0 with appearance 1 is appearance transfer.

        Args:
            picture_a: The first photo.
            picture_b: The second photo.
            shape: 0 is the first animal's shape, 1 the second's.
            appearance: 0 is the first animal's appearance, 1 the second's.
            corners: Corners of a box around each head; left out, the heads are found.
            values: The remaining controls.

        Returns:
            The picture between the two, lossless.
        """
        options = self.method.read(values)
        return picture_at(prepare((picture_a, picture_b), corners, None, options), shape, appearance, options.tau)

    def grid(
        self, picture_a: Any, picture_b: Any, corners: list[np.ndarray], count: int, *values: Any
    ) -> tuple[Image.Image, str]:
        """All mixtures of two animals in one picture.

        Args:
            picture_a: The first photo.
            picture_b: The second photo.
            corners: Corners of a box around each head; left out, the heads are found.
            count: Pictures per side; columns are shape, rows are appearance.
            values: The remaining controls.

        Returns:
            The grid, and the same as a file that carries its settings.
        """
        options = self.method.read(values)
        prepared = prepare((picture_a, picture_b), corners, None, options)
        sheet = grid_sheet(pipeline().grid(prepared, int(count), options.tau))
        file = write_picture(sheet, result_folder() / "grid.png", {"system": ID, **to_query(options)})
        return sheet, str(file)

    def morph(
        self, picture_a: Any, picture_b: Any, corners: list[np.ndarray], shape: float, appearance: float, moving: str, *values: Any,
        files: list[str] | None = None,
        bar: gr.Progress = gr.Progress(),  # noqa: B008  gradio finds the bar by its default
    ) -> Iterator[Any]:  # fmt: skip
        """Morph animals and return a video.

        Args:
            picture_a: The first photo.
            picture_b: The second photo.
            corners: Corners of a box around each head; left out, the heads are found.
            shape: Where the shape stands if only the appearance moves.
            appearance: Where the appearance stands if only the shape moves.
            moving: What moves: both, shape or appearance.
            values: The remaining controls.
            files: Further photos, which make a chain.
            bar: Shows how far the work is.

        Returns:
            The video, the file to download, the details, the change from frame to frame, and the preview picture.
        """
        count = len(self.method.components)
        options = self.method.read(values[:count])
        timeline, kind = self.export.read(values[count:])
        settings = {"system": ID, "weights": pipeline().weights_label, **to_query(options), **to_query(timeline)}
        still = {"both": {}, "shape": {"appearance": appearance}, "appearance": {"shape": shape}}[moving]
        start = time.perf_counter()

        def work(progress: Progress) -> tuple[Any, ...]:
            prepared = prepare((picture_a, picture_b), corners, files, options, part_of(progress, 0.0, 0.3))
            frames = list(pipeline().frames(prepared, timeline, progress=part_of(progress, 0.3, 0.9), **still))
            shown, file = export_frames(frames, "morph", kind, timeline.fps, settings)
            details = details_of(prepared, time.perf_counter() - start, settings)
            return (
                shown,
                file,
                details,
                step_plot(frames),
                prepared,
                picture_at(prepared, shape, appearance, options.tau),
            )

        for said in follow(work, bar, (gr.skip(),) * 6):
            yield said[1] if said[0] == "done" else said


def step_plot(frames: list[Image.Image]) -> pd.DataFrame:
    """How much each frame changes, in per cent of full scale."""
    sizes = step_sizes(torch.cat([to_tensor(limit_size(frame, 128)) for frame in frames]))
    return pd.DataFrame({"frame": range(1, len(frames)), "change": [100 * size for size in sizes]})


def smooth_clip(
    clip: str | None, factor: int, slow: bool, bar: gr.Progress = gr.Progress()  # noqa: B008  gradio finds the bar by its default
) -> Iterator[Any]:  # fmt: skip
    """Put pictures of the network between the frames of a video.

    Args:
        clip: The video; the first 240 frames are taken, larger ones are reduced to 256 px.
        factor: How many times the frames.
        slow: Keep the frame rate, so that the clip becomes slow motion.
        bar: Shows how far the work is.

    Returns:
        The video.
    """
    if clip is None:
        raise InputError("the clip is missing: drop in a video")
    source = read_video(clip)
    total = max(1, min(CLIP_FRAMES, round(source.duration_s * source.fps)) * int(factor))

    def work(progress: Progress) -> str:
        def frames() -> Iterator[Image.Image]:
            head = (limit_size(f, CLIP_SIDE_PX) for f, _ in zip(source.frames(), range(CLIP_FRAMES), strict=False))
            for index, frame in enumerate(pipeline().between(head, int(factor))):
                progress(min(1.0, index / total), f"frame {index + 1} of {total}")
                yield frame

        fps = source.fps if slow else source.fps * int(factor)
        settings = {"system": ID, "weights": pipeline().weights_label, "factor": int(factor)}
        return str(write_video(frames(), result_folder() / "clip.mp4", fps, settings))

    for said in follow(work, bar, gr.skip()):
        yield said[1] if isinstance(said, tuple) and said[0] == "done" else said


def head_box(picture: Image.Image | None) -> dict[str, Any]:
    """Find the head of a cat or dog.

    Args:
        picture: A photo.

    Returns:
        The box (left, top, right, bottom) in pixels, the score from 0 to 1, and the species.
    """
    if picture is None:
        raise InputError("the picture is missing: send a photo of a cat or a dog")
    head = find_head(picture)
    return {"box": [round(v, 1) for v in head.box], "score": round(head.score, 3), "species": head.species}


def build() -> None:
    """Draw the tab and wire it."""
    gr.Markdown(INTRODUCTION)
    prepared = gr.State(None, time_to_live=3600)
    with gr.Row():
        with gr.Column(scale=3, min_width=320):
            pair = _draw_pair()
            with gr.Accordion("Heads", open=True):
                said = gr.Markdown("Boxes appear when a picture is there.")
                corners = PointEditor(
                    paired=False, names=CORNERS, edges=[(0, 1)], label="Heads", elem_id=f"{ID}-corners"
                )
                again = gr.Button("Detect again", size="sm")
            with gr.Accordion("More animals: a chain", open=False):
                files = gr.File(
                    file_count="multiple", file_types=["image"], label="Further photos, in order", elem_id=f"{ID}-files"
                )
            clip = _draw_clip()
        with gr.Column(scale=2, min_width=320):
            preview, sliders = _draw_preview()
            with gr.Accordion("Method", open=False):
                method = controls(CrossbreedOptions, None, ID)
                moving = gr.Dropdown(list(MOVING), value="both", label="Moving", elem_id=f"{ID}-moving",
                                     info="what the video moves; the other stays where its slider stands")  # fmt: skip
            export = export_controls(ID)
            with gr.Row():
                go = gr.Button("Morph", variant="primary", elem_id=f"{ID}-go")
                stop = gr.Button("Stop", variant="stop")
            result = result_view(ID, EXAMPLE if EXAMPLE.exists() else None)
            plot = gr.LinePlot(
                x="frame", y="change", label="Change from frame to frame (%)", height=160, elem_id=f"{ID}-steps"
            )
            grid = _draw_grid()
            named_sliders = dict(zip(("shape", "appearance"), sliders, strict=True))
            linked = gr.State(None, time_to_live=3600)
            share_link(
                ID,
                {**method.by_name, **export.by_name, **named_sliders, "moving": moving},
                {**dict(zip(("picture_a", "picture_b"), pair, strict=True)), "files": files},
                SharedPoints(corners, linked, list(pair), tuple(pair)),
            )

    wiring = Wiring(method, export)
    inputs = [*pair, corners, *sliders, *method.components]
    _wire_preview(wiring, pair, linked, corners, said, again, sliders, inputs, [prepared, preview, result.details])
    morphing = go.click(
        named(wiring.morph, method, export.timeline, {"format": "the file to download"}),
        [*pair, corners, *sliders, moving, *method.components, *export.components, files],
        [*result.components, plot, prepared, preview],
        api_name="crossbreed_morph", concurrency_id="work", concurrency_limit=2, show_progress_on=result.video,
    )  # fmt: skip
    stop.click(None, None, None, cancels=[morphing], api_visibility="private")
    count, make, sheet, sheet_file = grid
    make.click(
        named(wiring.grid, method), [*pair, corners, count, *method.components], [sheet, sheet_file],
        api_name="crossbreed_grid", concurrency_id="work", show_progress_on=sheet,
    )  # fmt: skip
    source, factor, slow, smooth, smoothed = clip
    smooth.click(
        smooth_clip, [source, factor, slow], smoothed, api_name="crossbreed_clip", concurrency_id="work",
        show_progress_on=smoothed,
    )  # fmt: skip
    _serve(wiring, pair, sliders, corners)


def _wire_preview(
    wiring: Wiring, pair: list[PictureInput], linked: gr.State, corners: PointEditor, said: gr.Markdown, again: gr.Button,
    sliders: list[Component], inputs: list[Component], outputs: list[Component],
) -> None:  # fmt: skip
    """Heads when a picture comes, codes when a box or an option changes, one decode when a slider moves."""
    quick = {"api_visibility": "private", "concurrency_id": "preview", "concurrency_limit": 2}
    encode = {
        "fn": wiring.preview,
        "inputs": inputs,
        "outputs": outputs,
        "show_progress_on": outputs[1],
        **quick,
    }
    tau = wiring.method.by_name["tau"]
    options = [component for name, component in wiring.method.by_name.items() if name != "tau"]
    find: dict[str, Any] = {"fn": find_heads, "outputs": [corners, said], **quick}
    gr.on([picture.change for picture in pair], inputs=[*pair, linked], trigger_mode="always_last", **find).then(
        trigger_mode="always_last", **encode
    )
    # Asked for by hand, heads are looked for even if a link brought boxes.
    again.click(inputs=pair, **find).then(trigger_mode="always_last", **encode)
    gr.on([corners.input, *(component.change for component in options)], trigger_mode="always_last", **encode)
    gr.on(
        [component.change for component in (*sliders, tau)], wiring.show,
        [outputs[0], *sliders, *wiring.method.components], outputs[1],
        trigger_mode="always_last", show_progress="hidden", **quick,
    )  # fmt: skip


def _draw_pair() -> list[PictureInput]:
    with gr.Row():
        pair = [
            PictureInput(label, elem_id=f"{ID}-picture-{letter}") for label, letter in zip(LABELS, "ab", strict=True)
        ]
    pets = sorted(PETS.glob("*.png"))
    if pets:
        gr.Examples(
            [[str(a), str(b)] for a, b in zip(pets[::2], pets[1::2], strict=False)], pair,
            label="Drawn by us, CC0", api_visibility="private",
        )  # fmt: skip
    return pair


def _draw_preview() -> tuple[gr.Image, list[Component]]:
    preview = gr.Image(
        label="Preview", format="jpeg", interactive=False, elem_id=f"{ID}-preview", height=380, buttons=["fullscreen"]
    )
    place = {"minimum": 0, "maximum": 1, "value": 0.3, "step": 0.01, "interactive": True}
    shape = gr.Slider(**place, label="Shape", info="0 = the first animal's, 1 = the second's", elem_id=f"{ID}-shape")
    appearance = gr.Slider(
        **place, label="Appearance", info="0 = the first animal's, 1 = the second's", elem_id=f"{ID}-appearance"
    )
    return preview, [shape, appearance]


def _draw_grid() -> tuple[gr.Slider, gr.Button, gr.Image, gr.File]:
    with gr.Accordion("Grid of shape and appearance", open=False):
        count = gr.Slider(
            2,
            9,
            5,
            step=1,
            precision=0,
            label="Pictures per side",
            info="the grid has its square",
            elem_id=f"{ID}-count",
        )
        make = gr.Button("Make the grid", elem_id=f"{ID}-grid")
        sheet = gr.Image(
            label="Columns: shape; rows: appearance", format="png", interactive=False, elem_id=f"{ID}-sheet"
        )
        file = gr.File(label="Download", interactive=False, height=80)
    return count, make, sheet, file


def _draw_clip() -> tuple[gr.Video, gr.Slider, gr.Checkbox, gr.Button, gr.Video]:
    with gr.Accordion("Video: more frames", open=False):
        source = ClipInput("Clip", SMALLEST_CLIP_PX, elem_id=f"{ID}-clip", height=240)
        factor = gr.Slider(
            2,
            8,
            2,
            step=1,
            precision=0,
            label="Times the frames",
            info="2 puts one picture between two",
            elem_id=f"{ID}-factor",
        )
        slow = gr.Checkbox(False, label="Slow motion", info="keep the frame rate", elem_id=f"{ID}-slow")
        smooth = gr.Button("Interpolate", elem_id=f"{ID}-interpolate")
        smoothed = gr.Video(label="Interpolated", interactive=False, height=240, elem_id=f"{ID}-smoothed")
    return source, factor, slow, smooth, smoothed


def _serve(wiring: Wiring, pair: list[PictureInput], sliders: list[Component], corners: PointEditor) -> None:
    """Endpoints for programs: what the page does in steps, in one call each."""
    caller = gr.Button(visible=False)
    picture = gr.Image(label="Picture", format="png", visible=False)
    answer = gr.JSON(label="Head", visible=False)
    caller.click(
        named(wiring.frame, wiring.method), [*pair, *sliders, corners, *wiring.method.components], picture,
        api_name="crossbreed_frame", concurrency_id="work",
    )  # fmt: skip
    caller.click(head_box, pair[0], answer, api_name="crossbreed_head", concurrency_id="preview")


TAB = Tab(ID, "Crossbreed morph", 2, build, pipeline)

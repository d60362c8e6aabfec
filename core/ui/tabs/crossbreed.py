"""The Crossbreed morph: two pets, their heads, two sliders, a video; grids, chains, appearance transfer, clips."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import gradio as gr
import numpy as np
from gradio.components import Component
from PIL import Image

from core.animals.head_alignment import detector
from core.crossbreed.options import CrossbreedOptions
from core.crossbreed.pipeline import CrossbreedPipeline, CrossbreedPrepared
from core.crossbreed.sheet import grid_sheet
from core.errors import InputError
from core.image import Box, limit_size, to_pil
from core.options import to_query
from core.progress import Progress, part_of, silent
from core.ui.parts.controls import named
from core.ui.parts.engines import engine
from core.ui.parts.examples import Axis, example_picture
from core.ui.parts.handlers import BAR, result_folder, stream
from core.ui.parts.picture import ClipInput
from core.ui.parts.points import panel
from core.ui.parts.share import points_for
from core.ui.parts.told import draw_clip_facts, lines, told
from core.ui.parts.transition import TransitionTab, about, details_of
from core.ui.tabs import Tab
from core.video import read_video, write_picture, write_video

ID = "crossbreed"
LABELS = ("First animal", "Second animal")
CORNERS = ("top left corner of the head", "bottom right corner of the head")
EXAMPLE_PAIRS = (("tabby_cat", "american_curl"), ("norwegian_forest_cat", "tabby_cat"), ("yorkshire_terrier", "beagle"))
MOVING = ("both", "shape", "appearance")
# Below it the box is worth a look.
SURE = 0.9
CLIP_SIDE_PX = 1920
CLIP_FRAMES = 240
# What the encoder's padding needs.
SMALLEST_CLIP_PX = 33

INTRODUCTION = """Breed a cat or dog from two. Drop in two photos and move the sliders.

Their heads are found and cut out, and you can move the boxes. Then **shape** and **appearance** change together or each on its own.
After Park, Seo, Noh, *Neural Crossbreed*, SIGGRAPH Asia 2020. With exact ends the photos themselves are moved, feature by feature;
without them the network paints. Heads that look towards the camera do best: others are moved as a whole, and a note says so."""


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
        heads = detector.find_heads(picture)
        if heads:
            box, level = heads[0].box, "good" if heads[0].score >= SURE and not heads[1:] else "weak"
            others = f"; {len(heads)} heads, drag the corners to take another" if heads[1:] else ""
            said.append(told(level, label, f"the head of a {heads[0].species} ({heads[0].score:.0%} sure){others}."))
        else:
            side = min(picture.size)
            left, top = (picture.width - side) / 2, (picture.height - side) / 2
            box = Box(left, top, left + side, top + side).squared(-0.1)
            text = "no head of a cat or dog found. Drag the two corners of the box around the head."
            said.append(told("bad", label, text))
        corners = np.clip(np.array(box).reshape(2, 2), 0, picture.size)
        shown.append(panel(picture, corners, label))
    return shown, lines(said)


def boxes_of(corners: list[np.ndarray]) -> list[Box] | None:
    """Boxes of heads from the editor's corners; None where the editor is empty."""
    if len(corners) != len(LABELS):
        return None
    boxes = []
    for points, label in zip(corners, LABELS, strict=True):
        if len(points) != 2 or (points < 0).any():
            raise InputError(f"{label}: the box needs both corners: place them, or press Detect again")
        low, high = points.min(0), points.max(0)
        if (high - low < 4).any():
            raise InputError(f"{label}: the box is empty: drag its corners apart")
        boxes.append(Box(*low.tolist(), *high.tolist()))
    return boxes


def prepare(
    pair: tuple[Any, Any], corners: list[np.ndarray], files: list[str] | None, options: Any, progress: Progress = silent
) -> CrossbreedPrepared:
    """The pictures as codes; further files make a chain."""
    more = list(files or [])
    heads = boxes_of(corners) if options.crop == "head" else None
    given = [*heads, *[None] * len(more)] if heads else None
    return pipeline().prepare(*pair, *more, options=options, heads=given, progress=progress)


def picture_at(prepared: CrossbreedPrepared, shape: float, appearance: float, tau: float) -> Image.Image:
    """One picture of a morph."""
    return to_pil(pipeline().render(prepared, [shape], shape=shape, appearance=appearance, tau=tau))[0]


def smooth_clip(clip: str, factor: int, slow: bool, bar: gr.Progress = BAR) -> Iterator[Any]:
    """Put pictures between the frames of a video, by the motion in it.

    Args:
        clip: The video; the first 240 frames are taken, larger ones are reduced to 1920 px.
        factor: How many times the frames.
        slow: Keep the frame rate, so that the clip becomes slow motion.
        bar: Shows how far the work is.

    Returns:
        The video.
    """
    source = read_video(clip)
    total = max(1, min(CLIP_FRAMES, round(source.duration_s * source.fps)) * factor)

    def work(progress: Progress) -> str:
        def frames() -> Iterator[Image.Image]:
            head = (limit_size(f, CLIP_SIDE_PX) for f, _ in zip(source.frames(), range(CLIP_FRAMES), strict=False))
            for index, frame in enumerate(pipeline().between(head, factor)):
                progress(min(1.0, index / total), f"frame {index + 1} of {total}")
                yield frame

        settings = {"system": ID, "weights": pipeline().weights_label, "factor": factor}
        fps = source.fps if slow else source.fps * factor
        return str(write_video(frames(), result_folder() / "clip.mp4", fps, settings))

    yield from stream(work, bar, 1)


def head_box(picture: Image.Image) -> dict[str, Any]:
    """Find the head of a cat or dog.

    Args:
        picture: A photo.

    Returns:
        The box (left, top, right, bottom) in pixels, the score from 0 to 1, and the species.
    """
    head = detector.find_head(picture)
    return {"box": [round(v, 1) for v in head.box], "score": round(head.score, 3), "species": head.species}


class CrossbreedTab(TransitionTab):
    """Two animals, the boxes of their heads, shape and appearance."""

    id = ID
    introduction = INTRODUCTION
    options = CrossbreedOptions
    example_rows = [[example_picture(name) for name in pair] for pair in EXAMPLE_PAIRS]
    axes = {name: Axis(0, 1, 9, 0.5) for name in ("shape", "appearance")}

    def draw_inputs(self) -> None:
        """Two animals and their heads, further ones for a chain, a clip."""
        self.pair = self.draw_pair(LABELS)
        self.draw_told()
        self.draw_examples(self.pair)
        self.source = list(self.pair)
        self.draw_points("Heads", self.pair, paired=False, names=CORNERS, edges=[(0, 1)], elem_id=f"{ID}-corners")
        with gr.Accordion("More animals: a chain", open=False):
            self.files = gr.File(
                file_count="multiple", file_types=["image"], label="Further photos, in order", elem_id=f"{ID}-files"
            )
        self.pictures["files"] = self.files
        self.draw_clip()

    def draw_clip(self) -> None:
        """A clip that gets more frames."""
        with gr.Accordion("Video: more frames", open=False):
            source = ClipInput("Clip", SMALLEST_CLIP_PX, elem_id=f"{ID}-clip", height=240)
            draw_clip_facts(source, ID)
            factor = gr.Slider(
                2, 8, 2, step=1, precision=0, label="Times the frames", info="2 puts one picture between two",
                elem_id=f"{ID}-factor",
            )  # fmt: skip
            slow = gr.Checkbox(False, label="Slow motion", info="keep the frame rate", elem_id=f"{ID}-slow")
            smooth = gr.Button("Interpolate", elem_id=f"{ID}-interpolate")
            smoothed = gr.Video(label="Interpolated", interactive=False, height=240, elem_id=f"{ID}-smoothed")
        self.clip: tuple[list[Component], gr.Video, gr.Button] = [source, factor, slow], smoothed, smooth

    def draw_preview(self) -> None:
        """The picture with shape and appearance."""
        self.draw_picture()
        for name in ("shape", "appearance"):
            self.draw_place(name, 0.5, "0 = the first animal's, 1 = the second's")

    def draw_more_method(self) -> None:
        """What the video moves."""
        self.places = list(self.sliders.values())
        self.sliders["moving"] = gr.Dropdown(
            list(MOVING), value="both", label="Moving", elem_id=f"{ID}-moving",
            info="what the video moves; the other stays where its slider stands",
        )  # fmt: skip

    def draw_result(self) -> None:
        """Also a grid of both sliders."""
        super().draw_result()
        with gr.Accordion("Grid of shape and appearance", open=False):
            self.count = gr.Slider(
                2, 9, 5, step=1, precision=0, label="Pictures per side", info="the grid has its square",
                elem_id=f"{ID}-count",
            )  # fmt: skip
            self.make = gr.Button("Make the grid", elem_id=f"{ID}-grid")
            self.sheet = gr.Image(
                label="Columns: shape; rows: appearance", format="png", interactive=False, elem_id=f"{ID}-sheet"
            )
            self.sheet_file = gr.File(label="Download", interactive=False, height=80)

    def many(self) -> tuple[Any, list[Component], Component]:
        """One picture from two animals, many in the place of the first."""
        return self.frame, [*self.pair, *self.places, self.editor, *self.method.components], self.pair[0]

    def wire(self) -> None:
        """Heads when a picture comes, codes when a box or an option changes, one decode when a slider moves."""
        method, shown, pair = self.method, [self.preview_picture], self.pair
        encode = self.encoding(self.preview, [*pair, self.editor, *self.places], shown)
        self.on_points(find_heads, encode)
        changes = [component.change for name, component in method.by_name.items() if name != "tau"]
        gr.on([self.editor.input, *changes], **encode)
        moved = [*self.places, method.by_name["tau"]]
        self.on_sliders(self.show, moved, [self.prepared, *self.places, *method.components], shown, encode)
        self.on_clear(shown)
        self.on_go(
            self.morph, "crossbreed_morph", [*pair, self.editor, *self.places, self.sliders["moving"]],
            [self.prepared, *shown], [self.files],
        )  # fmt: skip
        self.endpoint(
            named(self.grid, method), "crossbreed_grid", [*pair, self.editor, self.count, *method.components],
            [self.sheet, self.sheet_file], self.make, shown=self.sheet,
        )  # fmt: skip
        self.endpoint(smooth_clip, "crossbreed_clip", *self.clip, shown=self.clip[1])
        picture = gr.Image(label="Picture", format="png", visible=False)
        self.endpoint(named(self.frame, method), "crossbreed_frame", self.many()[1], picture)
        self.endpoint(head_box, "crossbreed_head", pair[:1], gr.JSON(label="Head", visible=False), queue="preview")

    def preview(
        self, picture_a: Any, picture_b: Any, corners: list[np.ndarray], shape: float, appearance: float, *values: Any
    ) -> tuple[CrossbreedPrepared | None, Image.Image | None, Any]:
        """Encode as soon as both pictures are there."""
        options, start = self.read(values), time.perf_counter()
        if picture_a is None or picture_b is None or (options.crop == "head" and len(corners) != len(LABELS)):
            return None, None, gr.skip()
        prepared = prepare((picture_a, picture_b), corners, None, options)
        picture = picture_at(prepared, shape, appearance, options.tau)
        return prepared, picture, details_of(start, prepared.figures, to_query(options), about(pipeline()))

    def show(self, prepared: CrossbreedPrepared | None, shape: float, appearance: float, *values: Any) -> Any:
        """The preview at the sliders' place."""
        if prepared is None:
            return gr.skip()
        return picture_at(prepared, shape, appearance, self.read(values).tau)

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
        options = self.read(values)
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
        options = self.read(values)
        prepared = prepare((picture_a, picture_b), corners, None, options)
        sheet = grid_sheet(pipeline().grid(prepared, count, options.tau))
        return sheet, str(write_picture(sheet, result_folder() / "grid.png", {"system": ID, **to_query(options)}))

    def morph(
        self, picture_a: Any, picture_b: Any, corners: list[np.ndarray], shape: float, appearance: float, moving: str, *values: Any,
        files: list[str] | None = None, bar: gr.Progress = BAR,
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
            The video, the file to download, the details, and the preview picture.
        """
        order = self.order(values, weights=pipeline().weights_label, moving=moving, shape=shape, appearance=appearance)
        at = {name: order.timeline.positions() for name in self.axes if moving in ("both", name)}
        still = {"both": {}, "shape": {"appearance": appearance}, "appearance": {"shape": shape}}[moving]

        def work(progress: Progress) -> tuple[Any, ...]:
            prepared = prepare((picture_a, picture_b), corners, files, order.options, part_of(progress, 0.0, 0.3))
            frames = pipeline().frames(prepared, order.timeline, progress=part_of(progress, 0.3, 1.0), **still)
            film = self.film(
                order, frames, "morph", prepared.figures, about(pipeline()), of=(picture_a, picture_b), at=at
            )
            return *film, prepared, picture_at(prepared, shape, appearance, order.options.tau)

        yield from stream(work, bar, 5)


TAB = Tab(ID, "Crossbreed morph", 2, CrossbreedTab, pipeline)

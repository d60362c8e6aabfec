"""The Crossbreed morph: two pets, their heads, two sliders, a video; grids, chains, appearance transfer, clips."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np
from gradio.components import Component
from PIL import Image

from core.crossbreed.options import CrossbreedOptions
from core.errors import InputError
from core.image import Box, to_pil
from core.options import to_query
from core.progress import Progress, part_of, silent
from core.ui.clip import ClipPanel
from core.ui.parts.controls import named
from core.ui.parts.engines import engine
from core.ui.parts.examples import Axis, example_picture
from core.ui.parts.handlers import BAR, result_folder, stream
from core.ui.parts.points import panel
from core.ui.parts.share import points_for
from core.ui.parts.told import lines, told
from core.ui.parts.transition import TransitionTab, about, details_of
from core.ui.parts.who import on_who, others
from core.ui.tabs import Tab
from core.video import write_picture

if TYPE_CHECKING:
    from core.crossbreed.pipeline import CrossbreedPipeline, CrossbreedPrepared

ID = "crossbreed"
LABELS = ("First animal", "Second animal")
CORNERS = ("top left corner of the head", "bottom right corner of the head")
EXAMPLE_PAIRS = (("tabby_cat", "american_curl"), ("norwegian_forest_cat", "tabby_cat"), ("yorkshire_terrier", "beagle"))
MOVING = ("both", "shape", "appearance")
# Below it the box is worth a look.
SURE = 0.9

INTRODUCTION = """Breed a cat or dog from two. Drop in two photos and move the sliders.

Their heads are found and cut out, and you can move the boxes. Then **shape** and **appearance** change together or each on its own.
After Park, Seo, Noh, *Neural Crossbreed*, SIGGRAPH Asia 2020. With exact ends the photos themselves are moved, feature by feature;
without them the network paints. Heads that look towards the camera do best: others are moved as a whole, and a note says so."""


def pipeline() -> CrossbreedPipeline:
    """The one pipeline of this server."""
    from core.crossbreed.pipeline import CrossbreedPipeline

    return engine(ID, CrossbreedPipeline.from_record)


def find_heads(
    picture_a: Image.Image | None,
    picture_b: Image.Image | None,
    given: dict[str, Any] | None = None,
    chosen: Sequence[int] = (1, 1),
) -> tuple[list[dict[str, Any]], str]:
    """Find the heads of two animals.

    Args:
        picture_a: The first photo.
        picture_b: The second photo.
        given: Corners that came with a link, taken if they belong to these photos.
        chosen: Which head of either photo, 1 is the surest.

    Returns:
        The corners of a box per picture, (x, y) in pixels, and a sentence about what was found.
    """
    from core.animals.head_alignment.detector import find_heads as heads_in

    linked = points_for(given, picture_a, picture_b)
    if linked and picture_a is not None and picture_b is not None:
        both = zip((picture_a, picture_b), linked, LABELS, strict=True)
        return [panel(picture, box, label) for picture, box, label in both], "Boxes as they came with the link."
    shown, said = [], []
    for picture, label, number in zip((picture_a, picture_b), LABELS, chosen, strict=True):
        if picture is None:
            continue
        heads = heads_in(picture)
        rows = others(picture, [head.box for head in heads], label, label, "head", number)
        if heads:
            head = heads[min(number, len(heads)) - 1]
            box, level = head.box, "good" if head.score >= SURE and not heads[1:] else "weak"
            more = f"; {len(heads)} heads, choose below" if heads[1:] else ""
            said.append(told(level, label, f"the head of a {head.species} ({head.score:.0%} sure){more}."))
        else:
            side = min(picture.size)
            left, top = (picture.width - side) / 2, (picture.height - side) / 2
            box = Box(left, top, left + side, top + side).squared(-0.1)
            text = "no head of a cat or dog found. Drag the two corners of the box around the head."
            said.append(told("bad", label, text))
        corners = np.clip(np.array(box).reshape(2, 2), 0, picture.size)
        shown.append(panel(picture, corners, label, others=rows))
    return shown, lines(said)


def choose_head(
    name: str, number: int, corners: list[np.ndarray], rows: Any, first: Any, second: Any
) -> tuple[Any, ...]:
    """The editor, what is told and the small pictures with another head of the photo labelled `name`; the other photo's box stays."""
    numbers = {row["name"]: int(row["number"]) for row in rows or []}
    numbers[name] = number
    panels, said = find_heads(first, second, chosen=[numbers.get(label, 1) for label in LABELS])
    several = [row for one in panels for row in one.pop("others")]
    if len(corners) == len(panels):
        for one, given in zip(panels, corners, strict=True):
            one["points"] = one["points"] if one["label"] == name else given.tolist()
    return panels, said, several


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


def head_box(picture: Image.Image) -> dict[str, Any]:
    """Find the head of a cat or dog.

    Args:
        picture: A photo.

    Returns:
        The box (left, top, right, bottom) in pixels, the score from 0 to 1, and the species.
    """
    from core.animals.head_alignment.detector import find_head

    head = find_head(picture)
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
        self.clip = ClipPanel(self, pipeline)

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
            self.panels["grid_count"] = self.count
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
        looked = on_who(self.who, choose_head, [self.editor, self.who, *pair], [self.editor, self.found, self.who])
        looked.then(**encode)
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
        self.clip.wire()
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
        from core.crossbreed.sheet import grid_sheet

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
                order,
                frames,
                "morph",
                prepared.figures,
                about(pipeline()),
                of=(picture_a, picture_b),
                at=at,
                notes=prepared.notes,
            )
            return *film, prepared, picture_at(prepared, shape, appearance, order.options.tau)

        yield from stream(work, bar, 5)


TAB = Tab(ID, "Crossbreed morph", 2, CrossbreedTab, pipeline)

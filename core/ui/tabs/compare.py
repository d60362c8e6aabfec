"""Compare: the same two pictures through every engine that takes pairs, on one timeline, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr
from PIL import Image

from core.compare import CompareOptions, Engine, Run, middle_square, ranked, run_engine, side_by_side
from core.crossbreed.options import CrossbreedOptions
from core.errors import InputError
from core.image import to_tensor
from core.progress import Progress, part_of
from core.ui.parts.examples import example_picture
from core.ui.parts.handlers import BAR, follow
from core.ui.parts.told import lines, told
from core.ui.parts.transition import TransitionTab
from core.ui.parts.wiring import PREVIEW
from core.ui.tabs import Tab, crossbreed, implicit, sdl

ID = "compare"
EXAMPLE_PAIRS = (
    ("mona_lisa", "girl_with_a_pearl_earring"),
    ("tabby_cat", "american_curl"),
    ("big_buck_bunny_1", "big_buck_bunny_2"),
)
LABELS = ("First picture", "Second picture")
# Frames of one scene keep most of their structure; other pictures do not.
SAME_SCENE = 0.35
LOOK_PX = 64


def animals(pair: Sequence[Image.Image]) -> None:
    """Both show the head of a cat or dog.

    Raises:
        NothingFoundError: one does not.
    """
    from core.animals.head_alignment.detector import find_head

    for picture in pair:
        find_head(picture)


def neighbours(pair: Sequence[Image.Image]) -> None:
    """Both may be frames of one scene.

    Raises:
        InputError: they are too different.
    """
    from core.metrics import ssim

    first, second = (to_tensor(picture.resize((LOOK_PX, LOOK_PX))) for picture in pair)
    alike = float(ssim(first, second))
    if alike < SAME_SCENE:
        raise InputError(f"the pictures are no neighbouring frames of one scene (likeness {alike:.2f} of 1)")


def faces(pair: Sequence[Image.Image]) -> None:
    """Both show a person's face.

    Raises:
        NothingFoundError: one does not.
    """
    from core.implicit.methods.framing.upright import find_faces

    for picture, name in zip(pair, ("the first picture", "the second picture"), strict=True):
        find_faces(picture, name)


ENGINES = {
    engine.name: engine
    for engine in (
        Engine("fade", "Plain cross-fade"),
        Engine("implicit", "Implicit face morph", implicit.pipeline, None, faces),
        Engine(
            "crossbreed", "Crossbreed (pets)", crossbreed.pipeline, lambda: CrossbreedOptions(crop="middle"), animals
        ),
        Engine("sdl", "SDL morph", lambda: sdl.pipeline("sdl-morph")),
        Engine("sdl-vfi", "SDL frames between", lambda: sdl.pipeline("sdl-vfi"), None, neighbours),
    )
}
COLUMNS = {
    "fit": "fit",
    "outline": "one outline",
    "sharpness": "sharpness",
    "landmarks": "landmarks off",
    "evenness": "evenness",
    "prepare_s": "prepare (s)",
    "frame_s": "per frame (s)",
    "start_db": "start (dB)",
    "end_db": "end (dB)",
}

INTRODUCTION = """See every engine on the same two pictures, side by side. Drop in two pictures and press Compare.

The best **fit** stands first, the faster first among equals; an engine that does not take the pair stands last, with the reason.
Fit is 1 where the middle frame has **one outline** (0 is a double exposure), is as **sharp** as the pictures themselves, and shows a
face whose **landmarks** lie where the mean of both faces has them (0.15 face sizes off is torn). **Evenness**: how equal the steps are,
1 is best. **Start, end**: how exactly the pictures are met. Each engine was made for its own kind of picture: faces for the implicit
morph, pets for Crossbreed, near frames for SDL's second."""


def tell(*pair: Image.Image | None) -> str:
    """Which engines take the pair and why others do not, before any work; of those for any picture nothing."""
    given = [picture for picture in pair if picture is not None]
    if len(given) < len(pair):
        return ""
    squares, said = [middle_square(picture, CompareOptions.size_px) for picture in given], []
    for engine in ENGINES.values():
        if engine.check is not None:
            try:
                engine.check(squares)
            except InputError as error:
                said.append(told("weak", engine.title, str(error)))
            else:
                said.append(told("good", engine.title, "takes this pair"))
    return lines(said)


def rows_of(runs: list[Run]) -> list[list[Any]]:
    """The table: one row per engine, best first, with its figures or why it has none."""
    return [[run.title, *_figures(run), run.refusal] for run in ranked(runs)]


def _figures(run: Run) -> list[float | None]:
    return [round(run.figures[name], 4) if name in run.figures else None for name in COLUMNS]


class CompareTab(TransitionTab):
    """Two pictures, the engines, one video and a table."""

    id = ID
    introduction = INTRODUCTION
    options = CompareOptions
    frame_s = 0.5
    go_text = "Compare"
    example_rows = [[example_picture(name) for name in pair] for pair in EXAMPLE_PAIRS]

    def draw_inputs(self) -> None:
        """The pair and the engines."""
        self.pair = self.draw_pair(LABELS)
        self.draw_told()
        self.draw_examples(self.pair)
        self.chosen = gr.CheckboxGroup(
            [(engine.title, engine.name) for engine in ENGINES.values()], value=["fade", "implicit", "sdl"], label="Engines",
            info="an engine whose weights are not here, or that finds nothing in the pictures, is named as such",
            elem_id=f"{ID}-chosen",
        )  # fmt: skip
        self.panels["chosen"] = self.chosen

    def draw_preview(self) -> None:
        """The example's film: there is no picture before the work."""
        self.preview_picture = gr.Image(
            str(self.first.folder / "still.webp"), label="Example", interactive=False, elem_id=f"{ID}-preview", elem_classes="screen",
            buttons=["fullscreen"],
        )  # fmt: skip

    def draw_result(self) -> None:
        """The film, and the figures."""
        super().draw_result()
        self.table = gr.Dataframe(
            headers=["engine", *COLUMNS.values(), "why not"], label="Time and figures per engine", interactive=False,
            column_widths=["150px", *["130px"] * len(COLUMNS), "260px"], elem_id=f"{ID}-table",
        )  # fmt: skip

    def wire(self) -> None:
        """One button."""
        self.on_clear([self.preview_picture, self.table])
        came, emptied = self.on_pictures(self.pair), [self.preview_picture, self.example]
        gr.on([came], None, None, emptied, js="() => [null, null]", api_visibility="private")
        gr.on([came], tell, self.pair, self.found, show_progress="hidden", **PREVIEW)
        self.on_go(self.compare, "compare_engines", [*self.pair, self.chosen], [self.table])

    def compare(
        self, picture_a: Image.Image, picture_b: Image.Image, chosen: list[str], *values: Any, bar: gr.Progress = BAR
    ) -> Iterator[Any]:
        """Run several engines on the same pair and show them side by side.

        Args:
            picture_a: The first picture.
            picture_b: The second picture.
            chosen: Which engines: fade, implicit, crossbreed, sdl, sdl-vfi.
            values: The remaining controls.
            bar: Shows how far the work is.

        Returns:
            One video with all engines, the file to download, the details, and a table of times and figures per engine.
        """
        if not chosen:
            raise InputError(f"no engine is chosen: choose among {', '.join(ENGINES)}")
        order = self.order(values, chosen=",".join(chosen))
        idle, runs = (gr.skip(),) * 4, []
        for index, name in enumerate(chosen):

            def work(progress: Progress, name: str = name, index: int = index) -> Run:
                stage = part_of(progress, index / len(chosen), (index + 1) / len(chosen))
                return run_engine(ENGINES[name], (picture_a, picture_b), order.timeline, order.options, stage)

            runs.append((yield from follow(work, bar, idle)))
            yield (*idle[:3], rows_of(runs))

        def write(progress: Progress) -> tuple[str, str, dict[str, Any]]:
            progress(1.0, "writing the video")
            figures = {run.title: run.figures for run in ranked(runs) if run.frames}
            missing = {run.title: run.refusal for run in runs if not run.frames}
            sheets = side_by_side(ranked(runs))
            return self.film(order, sheets, ID, figures, {"not there": missing}, of=(picture_a, picture_b))

        yield (*(yield from follow(write, bar, idle)), rows_of(runs))


TAB = Tab(ID, "Compare", 9, CompareTab)

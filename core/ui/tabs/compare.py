"""Compare: the same two pictures through every engine that takes pairs, on one timeline, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr
from PIL import Image

from core.compare import CompareOptions, Engine, Run, run_engine, side_by_side
from core.crossbreed.options import CrossbreedOptions
from core.errors import InputError, unknown_name
from core.options import to_query
from core.progress import Progress, part_of
from core.ui.parts.controls import Controls, controls, named
from core.ui.parts.examples import EXAMPLES, HEADS
from core.ui.parts.export import Export, export_controls, export_frames, result_view
from core.ui.parts.handlers import follow
from core.ui.parts.picture import PictureInput
from core.ui.parts.share import share_link
from core.ui.tabs import Tab, crossbreed, implicit, sdl

ID = "compare"
LABELS = ("First picture", "Second picture")
EXAMPLE = EXAMPLES / "compare.mp4"
ENGINES = {
    engine.name: engine
    for engine in (
        Engine("fade", "Plain cross-fade"),
        Engine("implicit", "Implicit face morph", implicit.pipeline),
        Engine("crossbreed", "Crossbreed (pets)", crossbreed.pipeline, lambda: CrossbreedOptions(crop="middle")),
        Engine("sdl", "SDL morph", lambda: sdl.pipeline("sdl-morph")),
        Engine("sdl-vfi", "SDL frames between", lambda: sdl.pipeline("sdl-vfi")),
    )
}
COLUMNS = {
    "prepare_s": "prepare (s)",
    "frame_s": "per frame (s)",
    "evenness": "evenness",
    "sharpness": "sharpness",
    "start_db": "start (dB)",
    "end_db": "end (dB)",
}

INTRODUCTION = """The same two pictures through every engine that takes pairs, with one timeline. **Evenness**: how equal the steps are, 1 is best.
**Sharpness**: the middle frame against the pictures themselves, 1 is as sharp. **Start, end**: how exactly the pictures are met. Each
engine was made for its own kind of picture: faces for the implicit morph, pets for Crossbreed, near frames for SDL's second."""


def rows_of(runs: list[Run]) -> list[list[Any]]:
    """The table: one row per engine, with its figures or why it has none."""
    return [
        [run.title, *(round(run.figures[name], 4) if run.frames else None for name in COLUMNS), run.refusal]
        for run in runs
    ]


class Wiring:
    """The handler of the tab, which knows its controls."""

    def __init__(self, method: Controls, export: Export) -> None:
        self.method, self.export = method, export

    def compare(
        self,
        picture_a: Image.Image | None,
        picture_b: Image.Image | None,
        chosen: list[str],
        *values: Any,
        bar: gr.Progress = gr.Progress(),  # noqa: B008  gradio finds the bar by its default
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
        if picture_a is None or picture_b is None:
            missing = LABELS[0] if picture_a is None else LABELS[1]
            raise InputError(f"the {missing.lower()} is missing: drop one in")
        for name in chosen:
            if name not in ENGINES:
                raise unknown_name("engine", name, ENGINES)
        if not chosen:
            raise InputError(f"no engine is chosen: choose among {', '.join(ENGINES)}")
        count = len(self.method.components)
        options = self.method.read(values[:count])
        timeline, kind = self.export.read(values[count:])
        settings = {"system": ID, "chosen": ",".join(chosen), **to_query(options), **to_query(timeline)}
        idle, runs = (gr.skip(),) * 4, []
        for index, name in enumerate(chosen):

            def work(progress: Progress, name: str = name, index: int = index) -> Run:
                stage = part_of(progress, index / len(chosen), (index + 1) / len(chosen))
                return run_engine(ENGINES[name], (picture_a, picture_b), timeline, options, stage)

            for said in follow(work, bar, idle):
                if said[0] == "done":
                    runs.append(said[1])
                yield (*idle[:3], rows_of(runs)) if said[0] == "done" else said

        def write(progress: Progress) -> tuple[str, str]:
            progress(1.0, "writing the video")
            return export_frames(side_by_side(runs), ID, kind, timeline.fps, settings)

        details = {
            "figures": {run.title: run.figures for run in runs if run.frames},
            "not there": {run.title: run.refusal for run in runs if not run.frames},
            "settings": settings,
        }
        for said in follow(write, bar, idle):
            yield (*said[1], details, rows_of(runs)) if said[0] == "done" else said


def build() -> None:
    """Draw the tab and wire it."""
    gr.Markdown(INTRODUCTION)
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            with gr.Row():
                pair = [
                    PictureInput(label, elem_id=f"{ID}-picture-{which}")
                    for label, which in zip(LABELS, "ab", strict=True)
                ]
            heads = sorted(HEADS.glob("*.jpg"))
            gr.Examples(
                [[str(a), str(b)] for a, b in zip(heads[::2], heads[1::2], strict=False)], pair,
                label="Rendered heads (ours, CC0)", api_visibility="private",
            )  # fmt: skip
            chosen = gr.CheckboxGroup(
                [(engine.title, engine.name) for engine in ENGINES.values()], value=["fade", "implicit", "sdl"], label="Engines",
                info="an engine whose weights are not here, or that finds nothing in the pictures, is named as such",
                elem_id=f"{ID}-chosen",
            )  # fmt: skip
            method = controls(CompareOptions, tab=ID)
            export = export_controls(ID)
            with gr.Row():
                go = gr.Button("Compare", variant="primary", elem_id=f"{ID}-go")
                stop = gr.Button("Stop", variant="stop")
            pictures = dict(zip(("picture_a", "picture_b"), pair, strict=True))
            share_link(ID, {**method.by_name, **export.by_name}, pictures)
        with gr.Column(scale=3, min_width=320):
            result = result_view(ID, EXAMPLE if EXAMPLE.exists() else None)
            table = gr.Dataframe(
                headers=["engine", *COLUMNS.values(), "why not"], label="Time and figures per engine", interactive=False,
                wrap=True, elem_id=f"{ID}-table",
            )  # fmt: skip
    wiring = Wiring(method, export)
    comparing = go.click(
        named(wiring.compare, method, export.timeline, {"format": "the file to download"}),
        [*pair, chosen, *method.components, *export.components],
        [*result.components, table],
        api_name="compare_engines", concurrency_id="work", concurrency_limit=2, show_progress_on=result.video,
    )  # fmt: skip
    stop.click(None, None, None, cancels=[comparing], api_visibility="private")


TAB = Tab(ID, "Compare", 9, build)

"""Several pictures at once: each through the tab as it is set, out comes a zip."""

from __future__ import annotations

import inspect
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from core.errors import CancelledError, InputError, MorphospaceError
from core.image import load_image
from core.progress import Progress
from core.ui.parts.handlers import BAR, result_folder, stream
from core.ui.parts.onwards import frame_of, named_after
from core.ui.parts.picture import NAME
from core.ui.parts.points import PointEditor
from core.ui.parts.told import lines, told
from core.video import write_picture

MOST_FILES = 100


@dataclass(frozen=True)
class Batch:
    """One picture's handler, for many.

    Attributes:
        tab: its id.
        handler: makes one picture from the values of `inputs`; a generator's last answer counts.
        inputs: what it takes; points of an editor are found anew in each picture.
        varied: the input in whose place the files come, one after the other.
    """

    tab: str
    handler: Callable[..., Any]
    inputs: Sequence[Component]
    varied: Component

    def answer(self, values: Sequence[Any], file: str) -> tuple[str, Image.Image]:
        """A name and what the handler makes of one file."""
        picture = load_image(file)
        picture.info[NAME] = Path(file).stem
        both = zip(self.inputs, values, strict=True)
        given = [
            picture if component is self.varied else [] if isinstance(component, PointEditor) else value
            for component, value in both
        ]
        made = self.handler(*given)
        return named_after(self.tab, picture), frame_of([*made][-1] if inspect.isgenerator(made) else made)

    def work(self, files: Sequence[str], values: Sequence[Any], progress: Progress) -> tuple[str, str]:
        """The archive of all answers, and which files had none.

        Raises:
            InputError: none had.
        """
        folder, failed = result_folder(), []
        archive = folder / f"{self.tab}.zip"
        with zipfile.ZipFile(archive, "w") as packed:
            for number, file in enumerate(files):
                name = Path(file).name
                progress(number / len(files), f"{name}: {number + 1} of {len(files)}")
                try:
                    stem, picture = self.answer(values, file)
                except CancelledError:
                    raise
                except MorphospaceError as error:
                    failed.append(told("bad", name, str(error)))
                    continue
                written = write_picture(picture, folder / "one.png", {"system": self.tab})
                packed.write(written, f"{number + 1:03d}_{stem}.png")
        if len(failed) == len(files):
            raise InputError(f"none of the {len(files)} pictures could be taken, the last because {failed[-1]}")
        done = told("good", "Done", f"{len(files) - len(failed)} of {len(files)} pictures.")
        return str(archive), lines([done, *failed])

    def run(self, files: list[str] | None, *values: Any, bar: gr.Progress = BAR) -> Iterator[Any]:
        """The button's handler."""
        if not files:
            raise InputError("no pictures are there: drop in several")
        if len(files) > MOST_FILES:
            raise InputError(f"{len(files)} pictures came, {MOST_FILES} fit at once")
        yield from stream(lambda progress: self.work(files, values, progress), bar, 2)


def draw_batch(batch: Batch) -> None:
    """Draw and wire it, folded away."""
    tab = batch.tab
    with gr.Accordion("Several pictures at once", open=False):
        label = getattr(batch.varied, "label", "")
        gr.Markdown(f"Each takes the place of *{label}*; all else stays as it is set.", elem_classes="weights-note")
        files = gr.File(
            label="Pictures", file_count="multiple", file_types=["image"], elem_id=f"{tab}-many", height=120
        )
        with gr.Row():
            go = gr.Button("All with these settings", size="sm", elem_id=f"{tab}-many-go")
            stop = gr.Button("Stop", variant="stop", size="sm", scale=0, min_width=80)
        made = gr.File(label="Download", interactive=False, height=80, elem_id=f"{tab}-many-zip")
        said = gr.Markdown(elem_id=f"{tab}-many-said")
    inputs = [files, *batch.inputs]
    event = go.click(
        batch.run, inputs, [made, said], api_visibility="private", concurrency_id="work", concurrency_limit=2
    )
    stop.click(None, None, None, cancels=[event], api_visibility="private")

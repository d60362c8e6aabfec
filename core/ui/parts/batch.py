"""Several pictures at once: each through the tab as it is set, out comes a zip."""

from __future__ import annotations

import inspect
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

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


def draw_batch(tab: str, handler: Callable[..., Any], inputs: Sequence[Component], varied: Component) -> None:
    """Draw and wire it, folded away.

    Args:
        tab: its id.
        handler: makes one picture from the values of `inputs`; a generator's last answer counts.
        inputs: what it takes; points of an editor are found anew in each picture.
        varied: the input in whose place the files come, one after the other.
    """
    place = list(inputs).index(varied)
    editors = {index for index, component in enumerate(inputs) if isinstance(component, PointEditor)}

    def answer(values: list[Any], file: str) -> tuple[str, Any]:
        picture = load_image(file)
        picture.info[NAME] = Path(file).stem
        given = [[] if index in editors else value for index, value in enumerate(values)]
        given[place] = picture
        made = handler(*given)
        return named_after(tab, picture), frame_of([*made][-1] if inspect.isgenerator(made) else made)

    def work(files: list[str], values: list[Any], progress: Progress) -> tuple[str, str]:
        folder, failed = result_folder(), []
        archive = folder / f"{tab}.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as packed:
            for number, file in enumerate(files):
                name = Path(file).name
                progress(number / len(files), f"{name}: {number + 1} of {len(files)}")
                try:
                    stem, picture = answer(values, file)
                except CancelledError:
                    raise
                except MorphospaceError as error:
                    failed.append(told("bad", name, str(error)))
                    continue
                packed.write(
                    write_picture(picture, folder / "one.png", {"system": tab}), f"{number + 1:03d}_{stem}.png"
                )
        if len(failed) == len(files):
            raise InputError(f"none of the {len(files)} pictures could be taken, the last because {failed[-1]}")
        done = told("good", "Done", f"{len(files) - len(failed)} of {len(files)} pictures.")
        return str(archive), lines([done, *failed])

    def many(files: list[str] | None, *values: Any, bar: gr.Progress = BAR) -> Iterator[Any]:
        if not files:
            raise InputError("no pictures are there: drop in several")
        if len(files) > MOST_FILES:
            raise InputError(f"{len(files)} pictures came, {MOST_FILES} fit at once")
        yield from stream(lambda progress: work(files, list(values), progress), bar, 2)

    with gr.Accordion("Several pictures at once", open=False):
        label = getattr(varied, "label", "")
        gr.Markdown(f"Each takes the place of *{label}*; all else stays as it is set.", elem_classes="weights-note")
        files = gr.File(
            label="Pictures", file_count="multiple", file_types=["image"], elem_id=f"{tab}-many", height=120
        )
        with gr.Row():
            go = gr.Button("All with these settings", size="sm", elem_id=f"{tab}-many-go")
            stop = gr.Button("Stop", variant="stop", size="sm", scale=0, min_width=80)
        made = gr.File(label="Download", interactive=False, height=80, elem_id=f"{tab}-many-zip")
        said = gr.Markdown(elem_id=f"{tab}-many-said")
    event = go.click(
        many, [files, *inputs], [made, said], api_visibility="private", concurrency_id="work", concurrency_limit=2
    )
    stop.click(None, None, None, cancels=[event], api_visibility="private")

"""More than two portraits in the implicit tab: a film along a row, the average face; landmark files loaded and saved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from core.errors import InputError
from core.image import load_image
from core.implicit.options import MOST_PORTRAITS, ImplicitOptions
from core.implicit.paper.landmark_files import READERS, read_landmarks, write_landmarks
from core.progress import Progress, part_of
from core.ui.parts.handlers import BAR, result_folder, stream
from core.ui.parts.points import PointEditor, panel

FILES = ("first.json", "second.json")


class Portraits:
    """What the tab draws for more portraits than two."""

    def __init__(self, tab: str) -> None:
        with gr.Accordion("More portraits: a film along a row, the average face", open=False):
            self.files = gr.File(
                file_count="multiple",
                file_types=["image"],
                label="Portraits, in order (3 or more)",
                elem_id=f"{tab}-row",
            )
            with gr.Row():
                self.closed = gr.Checkbox(
                    True,
                    label="Back to the first at the end",
                    info="the chain closes to a loop that can be played for ever",
                    elem_id=f"{tab}-closed",
                )
                self.around = gr.Number(
                    0, label="Average: whose hair and clothes", info="1 is the first portrait, 0 chooses", precision=0,
                    minimum=0, maximum=MOST_PORTRAITS, elem_id=f"{tab}-around",
                )  # fmt: skip
            with gr.Row():
                self.go = gr.Button("Film along the row", elem_id=f"{tab}-row-go")
                self.mean = gr.Button("Average face", elem_id=f"{tab}-mean-go")
            self.average = gr.Image(label="Average face", format="png", interactive=False, elem_id=f"{tab}-mean")


class LandmarkFiles:
    """What the tab draws to load and save landmarks."""

    def __init__(self, tab: str) -> None:
        with gr.Accordion("Landmark files", open=False), gr.Row():
            self.load = gr.File(
                file_count="multiple", file_types=list(READERS), height=120, elem_id=f"{tab}-landmarks-in",
                label="Load: the first picture's file, then the second's",
            )  # fmt: skip
            with gr.Column():
                self.save = gr.Button("Save both lists", size="sm", elem_id=f"{tab}-landmarks-save")
                self.saved = gr.File(
                    label="Saved", interactive=False, file_count="multiple", elem_id=f"{tab}-landmarks-out"
                )

    def wire(self, editor: PointEditor, pair: Sequence[Any], labels: Sequence[str]) -> Any:
        """Loading fills the editor, saving writes what it holds; the event of loading."""

        def load(files: list[str] | None, *pictures: Any) -> Any:
            return load_points(files, pictures, labels) if files else gr.skip()

        quiet: dict[str, Any] = {"api_visibility": "private"}
        self.save.click(save_points, [editor, *pair], self.saved, **quiet)
        return self.load.upload(load, [self.load, *pair], editor, **quiet)


def load_points(
    files: Sequence[str], pictures: Sequence[Image.Image | None], labels: Sequence[str]
) -> list[dict[str, Any]]:
    """The editor's panels with landmarks from two files, or from one that holds both pictures' lists.

    Raises:
        InputError: pictures are missing, or the lists do not pair up.
    """
    if len(files) > 2 or any(picture is None for picture in pictures):
        raise InputError(f"{len(files)} landmark files came: choose both pictures first, then give one file for each")
    both = [files[0], files[-1]]
    lists = [
        read_landmarks(path, picture.size, which)
        for path, picture, which in zip(both, pictures, ("sources", "targets"), strict=True)
        if picture is not None
    ]
    if len(lists[0]) != len(lists[1]):
        raise InputError(f"the landmark files hold {len(lists[0])} and {len(lists[1])} points: give lists that pair up")
    shown = zip(pictures, lists, labels, strict=True)
    return [panel(picture, points, label) for picture, points, label in shown if picture is not None]


def save_points(points: list[np.ndarray], *pictures: Image.Image | None) -> list[str]:
    """Both lists of the editor as files.

    Raises:
        InputError: there are no points yet.
    """
    if len(points) != 2 or not len(points[0]) or any(picture is None for picture in pictures):
        raise InputError("there are no landmarks to save: choose two pictures, or press Detect again")
    folder = result_folder()
    both = zip(points, pictures, FILES, strict=True)
    return [
        str(write_landmarks(own, folder / name, picture.size)) for own, picture, name in both if picture is not None
    ]


def average(
    files: list[str], around: int = 0, size_px: int = ImplicitOptions.size_px, *, bar: gr.Progress = BAR
) -> Iterator[Any]:
    """Average several faces.

    Args:
        files: The portraits; the largest face of each is taken.
        around: Whose hair, clothes and surroundings it has, 1 is the first portrait, 0 chooses.
        size_px: Longer side of the picture in pixels.
        bar: Shows how far the work is.

    Returns:
        The average face, lossless.
    """
    from core.implicit.chain import average_faces

    def work(progress: Progress) -> Image.Image:
        options = ImplicitOptions(size_px=int(size_px))
        return average_faces([load_image(path) for path in files or ()], options, progress, int(around)).picture

    yield from stream(work, bar, 1)


class RowFilms:
    """The handler of films along a row; a mixin of the tab."""

    def row(self, files: list[str], closed: bool, *values: Any, bar: gr.Progress = BAR) -> Iterator[Any]:
        """Morph along a row of portraits and return a video.

        Args:
            files: The portraits in order; the largest face of each is taken.
            closed: Go back to the first at the end, so that the film loops.
            values: The remaining controls.
            bar: Shows how far the work is.

        Returns:
            The video, the file to download, and the details.
        """
        from core.implicit.chain import ImplicitChainPipeline

        tab: Any = self
        order = tab.order(values, closed=closed)
        look = {"blend": order.options.blend, "background": order.options.background}

        def work(progress: Progress) -> tuple[Any, ...]:
            pipe, pictures = ImplicitChainPipeline(), [load_image(Path(path)) for path in files or ()]
            share = part_of(progress, 0.0, 0.5)
            prepared = pipe.prepare(*pictures, options=order.options, progress=share, closed=closed)
            frames = pipe.frames(prepared, order.timeline, progress=part_of(progress, 0.5, 1.0), **look)
            about = {"device": "cpu float64 (the warp needs no GPU)", "notes": list(prepared.notes)}
            return tuple(tab.film(order, frames, "row", prepared.figures, about, at={}, notes=prepared.notes))

        yield from stream(work, bar, 3)

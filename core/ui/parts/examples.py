"""What a tab shows before anybody gave it a picture: its first example, with results made beforehand.

`python -m core examples` makes the results: `<tab>/film.webp` says in a small loop what the tab does, `<tab>/frame-*.webp`
are the preview at evenly spaced places of its sliders, `<tab>/found.json` what was found in the pictures.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

EXAMPLES = Path(__file__).parents[1] / "examples"
HEADS = EXAMPLES / "heads"
PEOPLE = EXAMPLES / "people"
# Works of others in the public domain or under free licences; CREDITS.md beside them names every one.
PICTURES = EXAMPLES / "pictures"
THUMBNAILS = EXAMPLES / "thumbnails"
CREDITS = PICTURES / "CREDITS.md"
# Films of a rendered head of ours to follow (CC0), by what it does; `python -m core ripple drivers` makes them.
DRIVERS = {name: EXAMPLES / "drivers" / f"{name}.mp4" for name in ("turning", "smiling", "blinking", "speaking")}


def example_picture(name: str) -> str:
    """The path of an example picture by its name without suffix."""
    return str(PICTURES / f"{name}.jpg")


def address(file: Path) -> str:
    """Where the page finds an example file; relative, so that it holds behind a proxy too."""
    return f"gradio_api/file={quote(str(file))}"


def thumbnail(file: str | Path) -> Path:
    """The small picture that stands for an example."""
    return THUMBNAILS / f"{Path(file).stem}.webp"


def title(file: str | Path) -> str:
    """An example's name in words."""
    words = Path(file).stem.split("_")
    return " ".join(words).capitalize()


@dataclass(frozen=True)
class Axis:
    """A slider along which prepared frames lie.

    Attributes:
        low: the first frame's place.
        high: the last frame's place.
        count: frames from low to high, evenly spaced.
        start: where the slider stands at first.
    """

    low: float
    high: float
    count: int
    start: float

    def places(self) -> list[float]:
        """The place of each frame."""
        return [self.low + (self.high - self.low) * index / (self.count - 1) for index in range(self.count)]


@dataclass(frozen=True)
class FirstExample:
    """What stands in a tab when it opens.

    Attributes:
        tab: whose example it is.
        axes: the sliders that its frames follow, by name.
    """

    tab: str
    axes: dict[str, Axis]

    @property
    def folder(self) -> Path:
        """Where its results lie."""
        return EXAMPLES / self.tab

    def places(self) -> Iterator[tuple[str, tuple[float, ...]]]:
        """Every frame's file name and its place on each axis."""
        numbers = itertools.product(*(range(axis.count) for axis in self.axes.values()))
        for index in numbers:
            at = tuple(axis.places()[i] for axis, i in zip(self.axes.values(), index, strict=True))
            yield f"frame-{'-'.join(map(str, index))}.webp", at

    def start(self) -> Path | None:
        """The frame where the sliders stand at first; None where no frames were made."""
        index = [
            round((axis.start - axis.low) / (axis.high - axis.low) * (axis.count - 1)) for axis in self.axes.values()
        ]
        file = self.folder / f"frame-{'-'.join(map(str, index))}.webp"
        return file if file.is_file() else None

    def for_browser(self) -> dict[str, Any]:
        """What the page needs to choose a frame by itself."""
        axes = [[axis.low, axis.high, axis.count] for axis in self.axes.values()]
        return {"base": address(self.folder), "axes": axes}

    def found(self) -> tuple[list[dict[str, Any]], str]:
        """Panels for the point editor, and what was said about the pictures."""
        file = self.folder / "found.json"
        if not file.is_file():
            return [], ""
        kept = json.loads(file.read_text())
        panels = [{**panel, "image": address(self.folder / panel["image"])} for panel in kept["panels"]]
        return panels, kept["said"]


# Chooses the prepared frame in the browser; the server is asked nothing.
CHOOSE_FRAME = """(example, shown, ...at) => {
  if (!example || !example.base) return shown;
  const index = example.axes.map(([low, high, count], i) =>
    Math.round((Math.min(Math.max(at[i], low), high) - low) / (high - low) * (count - 1)));
  const url = new URL(`${example.base}/frame-${index.join("-")}.webp`, document.baseURI).href;
  return { path: url, url, orig_name: "preview.webp", mime_type: "image/webp", meta: { _type: "gradio.FileData" } };
}"""


def lead_html(tab: str, says: str) -> str:
    """What a tab does, in words and as a small looping picture; who wants less motion sees it stand still."""
    film, still = EXAMPLES / tab / "film.webp", EXAMPLES / tab / "still.webp"
    if not film.is_file():
        return f"<p>{says}</p>"
    return (
        f'<picture><source media="(prefers-reduced-motion: reduce)" srcset="{address(still)}">'
        f'<img src="{address(film)}" alt="An example: {says.split(".")[0]}" loading="lazy"></picture><p>{says}</p>'
    )


def strip_html(rows: Sequence[Sequence[Any]]) -> str:
    """Buttons with thumbnails, one per example."""
    buttons = []
    for index, row in enumerate(rows):
        files = [item for item in row if isinstance(item, str) and thumbnail(item).is_file()]
        said = [title(file) for file in files] + [
            str(item) for item in row if isinstance(item, str) and not Path(item).suffix
        ]
        pictures = "".join(f'<img src="{address(thumbnail(file))}" alt="" loading="lazy">' for file in files)
        label = ", ".join(said)
        buttons.append(
            f'<button type="button" data-row="{index}" aria-label="Example: {label}" title="{label}">{pictures}</button>'
        )
    return f'<div class="examples" role="group" aria-label="Examples">{"".join(buttons)}</div>'

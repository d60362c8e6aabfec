"""What one tab made goes on: this frame as a file, this frame or film into another tab."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import gradio as gr
from PIL import Image

from core.errors import InputError
from core.ui.parts.handlers import PRIVATE, result_folder
from core.ui.parts.picture import NAME, ClipInput, PictureInput
from core.video import write_picture

LONGEST_NAME = 24
# Beyond it a slider counts degrees and the like.
LARGEST_T = 1.5
DOWNLOAD = """(file) => {
  if (!file) return;
  const link = document.createElement("a");
  link.href = file.url; link.download = file.orig_name; link.click();
}"""
# A tab's inputs, and those of an accordion, exist on the page once it was opened.
OPENED = """async (choice) => {
  const id = String(choice).split("|")[1];
  for (let tries = 0; tries < 40 && !document.getElementById(id); tries++) await new Promise((done) => setTimeout(done, 50));
  document.getElementById(id)?.scrollIntoView({ block: "center" });
}"""


def named_after(what: str, *pictures: Any) -> str:
    """A file's name that says what it is: the pictures' names, then what was made of them."""
    given = [
        str(picture.info[NAME]) for picture in pictures if isinstance(picture, Image.Image) and NAME in picture.info
    ]
    short = [re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:LONGEST_NAME].strip("-") for name in given]
    return "_".join([*(name for name in short if name), what])


def frame_of(made: Any) -> Image.Image:
    """The preview's picture among what a tab's slider handler answers.

    Raises:
        InputError: there is none yet.
    """
    several = made if isinstance(made, tuple) else (made,)
    pictures = [item for item in several if isinstance(item, Image.Image)]
    if not pictures:
        raise InputError("there is no preview yet: drop in pictures first")
    # The ripple tab answers what leads to its picture first.
    return pictures[-1] if len(pictures) > 2 else pictures[0]


def place_of(values: Sequence[Any]) -> str:
    """Where the first slider stands, for a name: t050 is the middle, 15 are 15 degrees."""
    number = next((value for value in values if isinstance(value, int | float) and not isinstance(value, bool)), None)
    if number is None:
        return "frame"
    return f"t{round(100 * number):03d}" if abs(number) <= LARGEST_T else f"{number:g}"


def fold_of(component: Any) -> Any:
    """The accordion in which a component stands, if any."""
    block = component.parent
    while block is not None and not isinstance(block, gr.Accordion):
        block = block.parent
    return block


def nothing(*_: Any) -> None:
    """The preview of a tab that has none."""


def connect(tabs: Iterable[Any], strip: gr.Tabs) -> None:
    """Draw and wire, in every tab, the list of places in the other tabs where its frame or film can go."""
    made = list(tabs)
    targets = {
        f"{'film' if isinstance(component, ClipInput) else 'frame'}|{component.elem_id}": (tab, component)
        for tab in made
        for component in tab.pictures.values()
        if isinstance(component, ClipInput | PictureInput)
    }
    for tab in made:
        others = {name: target for name, target in targets.items() if target[0] is not tab}
        if tab.now is None:
            others = {name: target for name, target in others.items() if name.startswith("film")}
        if others:
            _connect(tab, others, strip)


def _connect(tab: Any, targets: dict[str, tuple[Any, Any]], strip: gr.Tabs) -> None:
    choices = [
        (f"This {name.split('|')[0]} to {other.title}: {component.label}", name)
        for name, (other, component) in targets.items()
    ]
    with tab.onwards, gr.Accordion("Send on to another tab", open=False):
        choice = gr.Radio(
            choices, label="Where to", info="what was made here goes into another tab", elem_id=f"{tab.id}-send-to"
        )
        button = gr.Button("Send", size="sm", elem_id=f"{tab.id}-send")
    kept = gr.State(None)
    handler, inputs = tab.now or (nothing, [])

    own = [component for component in tab.pictures.values() if isinstance(component, PictureInput)]

    folds = {name: fold for name, (_, component) in targets.items() if (fold := fold_of(component)) is not None}

    def send(chosen: str | None, film: str | None, *values: Any) -> tuple[Any, ...]:
        if chosen not in targets:
            raise InputError("nothing is chosen: choose where it shall go")
        if chosen.startswith("film"):
            if not film:
                raise InputError("there is no film yet: make it first")
            path = film
        else:
            frame, name = frame_of(handler(*values[: len(inputs)])), named_after("frame", *values[len(inputs) :])
            path = str(write_picture(frame, result_folder() / f"{name}.png", {"system": tab.id}))
        opened = [gr.update(open=True) if name == chosen else gr.skip() for name in folds]
        return path, gr.Tabs(selected=targets[chosen][0].id), *opened

    own_timeline = tab.export.timeline.by_name
    # Frames, speed and easing go along: a morph that goes on as a toon keeps its length.
    along = [
        (other, name, component)
        for other in {id(other): other for other, _ in targets.values()}.values()
        for name, component in other.export.timeline.by_name.items()
        if name in own_timeline
    ]

    def deliver(chosen: str | None, path: str | None, *values: Any) -> Any:
        given = [gr.update(value=path) if name == chosen and path else gr.skip() for name in targets]
        timeline, there = dict(zip(own_timeline, values, strict=True)), targets[chosen or next(iter(targets))][0]
        given += [timeline[name] if path and other is there else gr.skip() for other, name, _ in along]
        return given if len(given) > 1 else given[0]

    places = [component for _, component in targets.values()] + [component for *_, component in along]
    first = button.click(**tab.first_time) if tab.first_time else button.click(None, None, None, **PRIVATE)
    sent = first.then(send, [choice, tab.result.video, *inputs, *own], [kept, strip, *folds.values()], **PRIVATE)
    there = sent.success(None, choice, None, js=OPENED, **PRIVATE)
    there.then(deliver, [choice, kept, *own_timeline.values()], places, **PRIVATE)


def draw_save(tab: Any) -> None:
    """The button that saves what the preview shows as PNG, with its settings; call when all was wired."""
    handler, inputs = tab.now
    pictures = [component for component in tab.pictures.values() if isinstance(component, PictureInput)]
    sliders, settings = list(tab.sliders.values()), tab.method.by_name

    def save(*values: Any) -> str:
        now, rest = values[: len(inputs)], values[len(inputs) :]
        places, rest = rest[: len(sliders)], rest[len(sliders) :]
        options, given = rest[: len(settings)], rest[len(settings) :]
        carried = {"system": tab.id, **dict(zip([*tab.sliders, *settings], [*places, *options], strict=True))}
        name = named_after(place_of(places), *given)
        known = {key: value for key, value in carried.items() if value is not None}
        return str(write_picture(frame_of(handler(*now)), result_folder() / f"{name}.png", known))

    first = tab.save.click(**tab.first_time)
    saved = first.then(save, [*inputs, *sliders, *settings.values(), *pictures], tab.result.file, **PRIVATE)
    saved.success(None, tab.result.file, None, js=DOWNLOAD, **PRIVATE)

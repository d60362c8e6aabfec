"""Who is meant, where a picture shows several: small pictures of all of them, to choose one by a click."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
from PIL import Image

from core.image import Box
from core.ui.parts.handlers import PRIVATE

THUMB_PX, ROOM, MOST = 56, 0.25, 12

TEMPLATE = '<div class="who"></div>'
STYLE = """
.who { display: flex; flex-wrap: wrap; gap: 0.3rem 0.8rem; }
.who > div { display: flex; gap: 0.25rem; align-items: center; font-size: 0.85rem; flex-wrap: wrap; }
.who button { margin: 0; padding: 0; border: 3px solid transparent; border-radius: 8px; cursor: pointer; line-height: 0; }
.who button:hover, .who button:focus-visible { border-color: var(--primary-300); outline: none; }
.who button[aria-pressed=true] { border-color: var(--primary-600); }
.who img { width: 48px; height: 48px; border-radius: 5px; object-fit: cover; }
"""
# value: [{name, label, what, number, thumbs: [url]}], one per picture that shows several.
SCRIPT = """const root = element.querySelector(".who");
function draw() {
  root.replaceChildren(...(props.value || []).map(({ name, label, what, number, thumbs }) => {
    const row = document.createElement("div"), title = document.createElement("span");
    row.setAttribute("role", "group");
    row.setAttribute("aria-label", `${label}: ${what}`);
    title.textContent = label;
    row.append(title, ...thumbs.map((url, index) => {
      const button = Object.assign(document.createElement("button"), { type: "button", ariaLabel: `${what} ${index + 1}`, title: `${what} ${index + 1}` });
      button.setAttribute("aria-pressed", index + 1 === number);
      button.append(Object.assign(new Image(), { src: url, alt: "" }));
      button.onclick = () => trigger("select", { index: [name, index + 1] });
      return button;
    }));
    return row;
  }));
}
watch("value", draw);
draw();"""


def draw_who(tab: str) -> gr.HTML:
    """The place of the small pictures, which takes no room while there is no choice."""
    return gr.HTML(
        [], html_template=TEMPLATE, css_template=STYLE, js_on_load=SCRIPT, label="Who is meant", elem_id=f"{tab}-who",
        elem_classes="first who-is-meant",
    )  # fmt: skip


def others(
    picture: Image.Image, boxes: Sequence[Box], name: str, label: str, what: str, number: int
) -> list[dict[str, Any]]:
    """A row for `draw_who`: all that one picture shows, the one numbered `number` (from 1) chosen; none for a single one.

    Args:
        picture: what was searched.
        boxes: where they are, in their order, pixels of `picture`.
        name: what `on_who` is told, such as the control of the number.
        label: the picture's name for a person.
        what: what they are: face, person, head.
        number: who is chosen.
    """
    if len(boxes) < 2:
        return []
    thumbs = [_thumb(picture, box) for box in boxes[:MOST]]
    return [{"name": name, "label": label, "what": what, "number": int(number), "thumbs": thumbs}]


def _thumb(picture: Image.Image, box: Box) -> str:
    left, top, right, bottom = box.squared(ROOM)
    inside = (max(left, 0), max(top, 0), min(right, picture.width), min(bottom, picture.height))
    small = picture.convert("RGB").resize((THUMB_PX, THUMB_PX), Image.Resampling.BICUBIC, inside, reducing_gap=2)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def on_who(who: gr.HTML, choose: Callable[..., Any], inputs: Any, outputs: Any) -> Any:
    """Wire a click on a small picture: `choose` gets the row's name, the number, then the inputs; returns the event."""

    def chosen(event: gr.EventData, *values: Any) -> Any:
        name, number = event.index
        return choose(str(name), int(number), *values)

    return who.select(chosen, inputs, outputs, **PRIVATE)

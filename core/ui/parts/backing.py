"""The colour behind the clear parts of pictures, chosen on the page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from core.image import BACKGROUNDS, own_colours, write_backed
from core.ui.parts.handlers import PRIVATE, result_folder
from core.ui.parts.picture import NAME, PictureInput


def draw_backing(tab: str, components: Iterable[Component]) -> None:
    """The choice for all pictures of a tab; nothing where it has none."""
    pictures: list[Component] = [item for item in components if isinstance(item, PictureInput)]
    if not pictures:
        return
    colour = gr.Dropdown(
        list(BACKGROUNDS), value=BACKGROUNDS[0], label="Behind clear parts", elem_id=f"{tab}-backing",
        info="of pictures with transparency that are in this tab now",
    )  # fmt: skip
    colour.input(backed, [colour, *pictures], pictures, **PRIVATE)


def backed(colour: str, *pictures: Image.Image | None) -> Any:
    """The pictures with another colour under their clear parts: files that keep the alpha, so that it can be chosen again."""
    made = [gr.skip() if picture is None else _backed(colour, picture) for picture in pictures]
    return made if len(made) > 1 else made[0]


def _backed(colour: str, picture: Image.Image) -> Any:
    alpha = picture.info.get("alpha")
    if alpha is None:
        return gr.skip()
    path = result_folder() / f"{picture.info.get(NAME, 'picture')}.png"
    return str(write_backed(own_colours(picture), alpha, colour, path))

"""A picture input that reads whatever people drop into it, through `core.image`."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.data_classes import ImageData
from PIL import Image

from core.errors import MorphospaceError
from core.image import limit_size, load_image

SHOWN_SIDE_PX = 2048

from gradio.events import Dependency

class PictureInput(gr.Image):
    """gr.Image whose value is an upright 8-bit RGB picture.

    gradio's own reading drops alpha, clips 16 bits and answers a damaged file with a stack trace; this one answers
    with the error of `core.image.load_image`.
    """

    def __init__(self, label: str, **kwargs: Any) -> None:
        super().__init__(
            label=label, type="pil", image_mode=None, format="png", height=kwargs.pop("height", 260), **kwargs
        )

    def get_block_name(self) -> str:
        """The front end's name of the parent component."""
        return "image"

    def get_config(self, cls: type | None = None) -> dict[str, Any]:
        """The parent's settings: gradio reads them off a constructor's signature, and ours is shorter."""
        return super().get_config(gr.Image)

    def preprocess(self, payload: ImageData | None) -> Image.Image | None:
        """The picture as RGB, or None when there is none."""
        if payload is None:
            return None
        try:
            if payload.path is None:
                return load_image(super().preprocess(payload))
            return load_image(payload.path)
        except MorphospaceError as error:
            raise gr.Error(f"{self.label}: {error}", print_exception=False) from error

    def postprocess(self, value: Any) -> Any:
        """A picture or a path, reduced to what a screen can show."""
        return super().postprocess(limit_size(value, SHOWN_SIDE_PX) if isinstance(value, Image.Image) else value)
    from typing import Callable, Literal, Sequence, Any, TYPE_CHECKING
    from gradio.blocks import Block
    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component
"""Picture and clip inputs that read whatever people drop into them, through `core.image` and `core.video` and their limits."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from gradio.components.image_editor import EditorData
from gradio.data_classes import FileData, ImageData
from gradio.processing_utils import move_files_to_cache
from PIL import Image

from core.errors import InputError
from core.image import MAX_SIDE_PX, MIN_SIDE_PX, WHOLE_SIDE_PX, limit_size, load_alpha, load_image
from core.video import read_video

SHOWN_SIDE_PX = 2048
# Marks a picture that stood there when the page opened.
FIRST = "stood there first"
# The name that a picture's file had.
NAME = "file name"


class PictureInput(gr.Image):
    """gr.Image whose value is an upright 8-bit RGB picture.

    gradio's own reading drops alpha, clips 16 bits and knows no limits; this one answers with the error of
    `core.image.load_image`.
    """

    def __init__(self, label: str, first: str | None = None, **kwargs: Any) -> None:
        super().__init__(
            label=label, type="pil", image_mode=None, format="png", height=kwargs.pop("height", 260), **kwargs
        )
        # The page opens with this picture; it is no default value, which programs that send none would get.
        self.first: Any = None
        if first is not None:
            served = super().postprocess(first)
            self.first = move_files_to_cache(served.model_dump(), self, postprocess=True, keep_in_cache=True)
            self.keep_in_cache.add(self.first["path"])

    def get_block_name(self) -> str:
        """The front end's name of the parent component."""
        return "image"

    def get_config(self, cls: type | None = None) -> dict[str, Any]:
        """The parent's settings: gradio reads them off a constructor's signature, and ours is shorter."""
        return {**super().get_config(gr.Image), "value": self.first}

    def preprocess(self, payload: ImageData | None) -> Image.Image | None:
        """The picture as RGB, or None when there is none.

        Raises:
            InputError: what came is no picture, or one beyond the limits.
        """
        if payload is None:
            return None
        source = payload.path if payload.path is not None else decoded(payload.url or "")
        # Some edits are local and give the photo back at its own size; the others reduce it themselves.
        picture = load_image(source, max_side_px=WHOLE_SIDE_PX)
        if payload.path is not None:
            picture.info[NAME] = Path(payload.orig_name or payload.path).stem
        picture.info[FIRST] = self.first is not None and payload.path == self.first["path"]
        return picture

    def postprocess(self, value: Any) -> Any:
        """A picture or a path, reduced to what a screen can show."""
        return super().postprocess(limit_size(value, SHOWN_SIDE_PX) if isinstance(value, Image.Image) else value)


def untouched(example: Any, values: Iterable[Any]) -> bool:
    """Whether a tab still shows its first example: an opening tab may say that its pictures changed."""
    pictures = [value for value in values if isinstance(value, Image.Image)]
    return bool(example and pictures and all(picture.info.get(FIRST) for picture in pictures))


def changed_js(pictures: Sequence[PictureInput]) -> str:
    """`untouched` for a browser, (example, last, *pictures) => {now: their paths}, or as it was where that says nothing new.

    A picture that is dropped in says several times that it changed.
    """
    firsts = json.dumps([picture.first and picture.first["path"] for picture in pictures])
    return f"""(example, last, ...pictures) => {{
      const now = pictures.map((picture) => picture?.path || null);
      const stands = example && now.every((path, i) => path === {firsts}[i]);
      return stands || JSON.stringify(now) === JSON.stringify(last?.now) ? {{ __type__: "update" }} : {{ now }};
    }}"""


class MaskInput(gr.ImageEditor):
    """gr.ImageEditor whose value is (RGB picture, mask of what was brushed over as (H, W) uint8), or None."""

    def __init__(self, max_side_px: int = MAX_SIDE_PX, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_side_px = max_side_px

    def get_block_name(self) -> str:
        """The front end's name of the parent component."""
        return "imageeditor"

    def get_config(self, cls: type | None = None) -> dict[str, Any]:
        """The parent's settings."""
        return super().get_config(gr.ImageEditor)

    def preprocess(self, payload: EditorData | None) -> tuple[Image.Image, np.ndarray] | None:
        """The picture and its mask, within the limits of `core.image`.

        Raises:
            InputError: a file that is no picture or beyond the limits.
        """
        if payload is None:
            return None
        # What a browser sent apart waits here; it is taken once.
        sent: Any = self.blob_storage.pop(payload.id, None) if payload.id is not None else payload
        if sent is None or sent.background is None:
            return None
        whole = load_image(_source(sent.background), max_side_px=self.max_side_px)
        masks = [load_alpha(_source(layer), whole.size) for layer in sent.layers if layer is not None]
        return whole, np.max(masks, axis=0) if masks else np.zeros(whole.size[::-1], np.uint8)


class ClipInput(gr.Video):
    """gr.Video whose value is the path of a file that was opened and is a video, or None."""

    def __init__(self, label: str, min_side_px: int = MIN_SIDE_PX, **kwargs: Any) -> None:
        super().__init__(label=label, **kwargs)
        self.min_side_px = min_side_px

    def get_block_name(self) -> str:
        """The front end's name of the parent component."""
        return "video"

    def get_config(self, cls: type | None = None) -> dict[str, Any]:
        """The parent's settings."""
        return super().get_config(gr.Video)

    def preprocess(self, payload: FileData | None) -> str | None:
        """The path.

        Raises:
            InputError: no video, a still picture by another name, or one too small.
        """
        return None if payload is None else str(read_video(payload.path, self.min_side_px).path)


def _source(part: Any) -> Any:
    return part if isinstance(part, bytes) else part.path


def decoded(url: str, title: str = "the picture") -> bytes:
    """The bytes of a base64 data URL.

    Raises:
        InputError: another encoding.
    """
    try:
        return base64.b64decode(url.partition(",")[2], validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError(f"{title} is a data URL that is no base64: upload the file, or encode it again") from error

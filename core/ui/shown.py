"""Pictures that browsers cannot draw (HEIC, TIFF, Photoshop, JPEG XL) are sent to them as JPEG.

Whoever drops such a file in sees it: an `<img>` asks with an `Accept` header of images, programs and downloads do not
and get the file as it is.
"""

from __future__ import annotations

import io
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.errors import InputError
from core.image import load_image
from core.image.formats import format_name
from core.ui.parts.picture import SHOWN_SIDE_PX

DRAWN_BY_BROWSERS = {"PNG", "JPEG", "GIF", "WebP", "AVIF", "BMP", "SVG drawing"}
HEAD_BYTES = 512
QUALITY = 90
SERVED = "/file="


class ShownPictures:
    """Answers an `<img>` with a JPEG of the file that gradio was about to send, where a browser cannot draw it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """All other requests pass untouched; gradio has looked whether the file may be seen before it starts to answer."""
        path = scope.get("path", "").partition(SERVED)[2]
        if not path or not Headers(scope=scope).get("accept", "").startswith("image/"):
            return await self.app(scope, receive, send)
        ours: bytes | None = None

        async def send_drawn(message: Message) -> None:
            nonlocal ours
            if message["type"] == "http.response.start" and message["status"] == 200:
                ours = await run_in_threadpool(drawn_by_us, Path(path))
                if ours is not None:
                    await Response(ours, media_type="image/jpeg", headers={"Vary": "Accept"})(scope, receive, send)
            if ours is None:
                await send(message)

        await self.app(scope, receive, send_drawn)


def drawn_by_browsers(file: Path) -> bool:
    """Whether a browser draws a file of this kind, by its first bytes."""
    with file.open("rb") as opened:
        return format_name(opened.read(HEAD_BYTES)) in DRAWN_BY_BROWSERS


def drawn_by_us(file: Path) -> bytes | None:
    """A JPEG of at most `SHOWN_SIDE_PX`, or None for what browsers draw themselves and for what is no picture."""
    if not file.is_file() or drawn_by_browsers(file):
        return None
    try:
        picture = load_image(file, max_side_px=SHOWN_SIDE_PX)
    except InputError:
        return None  # the tab says what is wrong with it
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=QUALITY)
    return written.getvalue()

"""Ready for a GPU: every render path with a shipped network in float16 and bfloat16 against float32, on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PIL import Image

from bench import Row
from core.crossbreed.options import CrossbreedOptions
from core.crossbreed.pipeline import CrossbreedPipeline
from core.devices import policy
from core.gfla.options import PoseOptions
from core.gfla.pipeline import PosePipeline
from core.gfla.pipeline_views import ViewPipeline
from core.metrics import psnr
from core.ripple.options import RippleOptions
from core.ripple.pipeline import RipplePipeline
from core.sdl.pipeline import SDLPipeline
from core.ui.parts.examples import EXAMPLES

# Ends, lines and colours of the photos laid over the network's picture would hide it.
NETWORK_ALONE = CrossbreedOptions(align=False, exact_ends=False, colours=False)
LEAST_DB = {"bfloat16": 30.0, "float16": 40.0}


def picture(name: str, side_px: int = 256) -> Image.Image:
    """An example picture, no side longer than `side_px`."""
    found = Image.open(next(EXAMPLES.rglob(name))).convert("RGB")
    found.thumbnail((side_px, side_px))
    return found


# By name: what makes the pipeline, and what is prepared for it.
PATHS: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "crossbreed-pets": (CrossbreedPipeline.from_record, lambda pipe: pipe.prepare(*pets(), options=NETWORK_ALONE)),
    "gfla-people, painter network": (
        PosePipeline.from_record,
        lambda pipe: pipe.prepare(
            picture("ada.jpg", 512), "arms spread", options=PoseOptions(painter="network", background="studio")
        ),
    ),
    "gfla-views": (lambda: ViewPipeline.from_record("gfla-views"), lambda pipe: pipe.prepare(pets()[0])),
    "ripple-preview, turn by network": (
        RipplePipeline.from_record,
        lambda pipe: pipe.prepare(picture("clara.jpg"), options=RippleOptions(turn="network")),
    ),
    "sdl-vfi": (lambda: SDLPipeline.from_record("sdl-vfi"), lambda pipe: pipe.prepare(*pets())),
    "sdl-morph": (
        lambda: SDLPipeline.from_record("sdl-morph"),
        # Of animals it shows their pixels, which no network made.
        lambda pipe: pipe.prepare(picture("clara.jpg"), picture("jonas.jpg")),
    ),
    "sdl-style": (lambda: SDLPipeline.from_record("sdl-style"), lambda pipe: pipe.prepare(*pets())),
    "sdl-ageing": (lambda: SDLPipeline.from_record("sdl-ageing"), lambda pipe: pipe.prepare(picture("clara.jpg"))),
    "sdl-toon": (lambda: SDLPipeline.from_record("sdl-toon"), lambda pipe: pipe.prepare(picture("clara.jpg"))),
}


def pets() -> tuple[Image.Image, Image.Image]:
    """A cat and a dog, drawn."""
    files = sorted((EXAMPLES / "pets").glob("*.png"))
    first, second = (Image.open(file).convert("RGB").resize((256, 256)) for file in (files[0], files[-1]))
    return first, second


def rows() -> list[Row]:
    """A row per path and way."""
    return [row for name in PATHS for row in rows_of(name)]


def rows_of(name: str) -> list[Row]:
    """Both precisions, prepared and rendered in them."""
    make, prepare = PATHS[name]
    pipe, found = make().use(policy("cpu", "float32")), []
    prepared = prepare(pipe)
    exact = pipe.render(prepared, [0.4])
    for precision, least in LEAST_DB.items():
        half = make().use(policy("cpu", precision))
        db = float(psnr(half.render(prepare(half), [0.4]), exact))
        found.append(Row(f"{name}: {precision} against float32", f">= {least:g} dB", f"{db:.1f} dB", db >= least))
    return found

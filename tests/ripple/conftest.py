"""Tiny networks and pictures that the ripple tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.detect.faces import detect_faces
from core.progress import Progress, silent
from core.ripple import components
from core.ripple import pipeline as pipeline_module
from core.ripple.methods.head_turn.painter import Painter
from core.ripple.methods.head_turn.pre_aligner import PreAligner
from core.ripple.methods.moved_head.frame import Head
from core.ripple.methods.moved_head.scene import HeadScene
from core.ripple.methods.repainting import cleaning
from core.ripple.paper.directions import Directions
from core.ripple.paper.e4e import Encoder
from core.ripple.paper.fusion import ResidualAligner, ResidualEncoder
from core.ripple.paper.stylegan2 import Generator
from core.ripple.pipeline import RipplePipeline
from core.ui.parts.examples import HEADS

SIDE = 32
ENCODER = {"input_size": SIDE, "channels": (16, 16, 16, 16), "depths": (1, 1, 1, 1), "heads": 8}
GENERATOR = {
    "size": SIDE,
    "style_dim": 16,
    "mapping_layers": 1,
    "channel_base": 256,
    "channel_max": 16,
    "fusion_size": 16,
}
SMALL = {"channels": (4, 4, 4, 4)}


def tiny_networks(pre_aligner: bool = False) -> dict[str, torch.nn.Module]:
    """HFGI at 32 px, fixed by a seed."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        networks: dict[str, torch.nn.Module] = {
            "encoder": Encoder(**ENCODER),
            "generator": Generator(**GENERATOR),
            "aligner": ResidualAligner(size=SIDE, **SMALL),
            "residual": ResidualEncoder(channels=(4, 4, 4), condition_channels=16, condition_size=16),
        }
        if pre_aligner:
            networks["pre_aligner"] = PreAligner(size=16, outputs=3, inputs=8, **SMALL)
    return {name: network.eval() for name, network in networks.items()}


def tiny_pipeline(pre_aligner: bool = False, painter: bool = False) -> RipplePipeline:
    """The tiny networks with a pose and an age direction."""
    networks = tiny_networks(pre_aligner)
    if painter:
        networks["painter"] = Painter(size=SIDE, channels=(8, 8, 8)).eval()
    rng = torch.Generator().manual_seed(1)
    directions = {f"linear.{name}": torch.randn(8, 16, generator=rng) for name in ("pose", "age")}
    return RipplePipeline(**networks, directions=Directions.of(directions))


@pytest.fixture
def portrait() -> Image.Image:
    """A disc before a gradient, taller than wide."""
    y, x = np.mgrid[:60, :48]
    picture = np.stack([4 * y, 5 * x, 120 + 0 * x], axis=-1).astype(np.uint8)
    picture[(y - 30) ** 2 + (x - 24) ** 2 < 200] = (200, 160, 140)
    return Image.fromarray(picture)


def halves(picture: Image.Image, progress: Progress = silent) -> np.ndarray:
    """A stand-in parser: the person is where the picture is brighter than its mean."""
    grey = np.asarray(picture.convert("L"), np.float32)
    return (grey > grey.mean()).astype(np.uint8)


def grey_fill(picture: Image.Image, mask: np.ndarray, progress: Progress = silent) -> Image.Image:
    """A stand-in inpainter: grey in the hole."""
    progress(0.0, "filling")
    return Image.composite(Image.new("RGB", picture.size, (128, 128, 128)), picture, Image.fromarray(mask))


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[RipplePipeline]:
    """A tiny pipeline whose parser and inpainter need no weights."""
    for module in (components, pipeline_module):
        monkeypatch.setattr(module, "choose_parser", lambda *_: (halves, "halves"))
    for module in (cleaning, pipeline_module):
        monkeypatch.setattr(module, "choose_inpainter", lambda *_: (grey_fill, "grey"))
    yield tiny_pipeline()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The rendered heads, where they are at hand."""
    folder = Path(__file__).parents[2] / "../shared/data"
    if not (folder / "heads.zip").is_file():
        pytest.skip("needs ../shared/data")
    return folder


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """A rendered head of ours before a pattern that shows any motion."""
    with Image.open(HEADS / "anders.jpg") as file:
        return np.asarray(file.convert("RGB").resize((400, 400)))


@pytest.fixture(scope="module")
def scene(photo: np.ndarray) -> HeadScene:
    """The same with its head's surface."""
    return HeadScene.of(photo, Head.of(detect_faces(Image.fromarray(photo))[0]))

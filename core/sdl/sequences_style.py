"""Style sequences distilled from an open teacher: content whose style code goes from its own to the style's.

The teacher is Magenta's arbitrary stylisation (Ghiasi et al. 2017, "Exploring the structure of a real-time, arbitrary
neural artistic stylization network", Apache-2.0) as TF-Lite; it needs `pip install ai-edge-litert`, which nothing else
in the suite does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.errors import InputError
from core.sdl.sequences import random_square, read_zip, write_sequence

FRAMES = 4
CODE_SIDE_PX = 256
PREDICTOR, TRANSFORMER = "style_predict_quantized_256.tflite", "style_transfer_f16_384.tflite"


class StyleTeacher:
    """The teacher's two networks: a style picture to a code of 100 numbers, and content with a code to a picture."""

    def __init__(self, folder: Path, side_px: int) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise InputError("the style teacher needs TF-Lite: pip install ai-edge-litert") from error
        self.predictor = Interpreter(str(folder / PREDICTOR), num_threads=1)
        self.predictor.allocate_tensors()
        self.transformer = Interpreter(str(folder / TRANSFORMER), num_threads=1)
        self.inputs = {int(entry["shape"][-1]): entry["index"] for entry in self.transformer.get_input_details()}
        self.transformer.resize_tensor_input(self.inputs[3], [1, side_px, side_px, 3])
        self.transformer.allocate_tensors()

    def code(self, picture: np.ndarray) -> np.ndarray:
        """The style of a picture (H, W, 3) uint8."""
        square = Image.fromarray(picture).resize((CODE_SIDE_PX, CODE_SIDE_PX), Image.Resampling.LANCZOS)
        return self.call(self.predictor, {self.predictor.get_input_details()[0]["index"]: as_batch(np.asarray(square))})

    def paint(self, content: np.ndarray, code: np.ndarray) -> np.ndarray:
        """The content (S, S, 3) uint8 in the style of `code`, uint8."""
        painted = self.call(self.transformer, {self.inputs[3]: as_batch(content), self.inputs[100]: code})
        return (painted[0] * 255).round().clip(0, 255).astype(np.uint8)

    @staticmethod
    def call(network: Any, inputs: dict[int, np.ndarray]) -> np.ndarray:
        """The only output of a TF-Lite network."""
        for index, value in inputs.items():
            network.set_tensor(index, value.astype(np.float32))
        network.invoke()
        return network.get_tensor(network.get_output_details()[0]["index"])


def as_batch(picture: np.ndarray) -> np.ndarray:
    """(1, H, W, 3) float32 in [0, 1]."""
    return picture[None].astype(np.float32) / 255


def make_styles(source: Path, out: Path, count: int, side_px: int, seed: int) -> None:
    """`count` sequences from a photo to the photo in a painting's style, the painting as `target`.

    Frame 0 is the photo itself; the others take t of the way from its own style code to the painting's.
    """
    rng = np.random.default_rng(seed)
    teacher = StyleTeacher(source / "teachers", side_px)
    pools = [list(read_zip(source / name, 512).values()) for name in ("content.zip", "faces.zip", "pets.zip")]
    paintings = list(read_zip(source / "style.zip", 512).items())
    famous = [picture for name, picture in paintings if name.startswith("famous")]
    for index in range(count):
        pool = pools[rng.choice(3, p=(0.5, 0.2, 0.3))]
        photo = random_square(pool[rng.integers(len(pool))], side_px, rng)
        painting = (
            famous[rng.integers(len(famous))] if rng.random() < 0.25 else paintings[rng.integers(len(paintings))][1]
        )
        style = np.asarray(painting.resize((side_px, side_px), Image.Resampling.LANCZOS))
        own, wanted = teacher.code(photo), teacher.code(style)
        steps = [teacher.paint(photo, (1 - t) * own + t * wanted) for t in np.linspace(0, 1, FRAMES)[1:]]
        write_sequence(out / f"style_{index:05d}", [photo, *steps], style)

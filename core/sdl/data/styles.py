"""Style sequences distilled from an open teacher: content whose style code goes from its own to the style's.

The teacher is Magenta's arbitrary stylisation (Ghiasi et al. 2017, "Exploring the structure of a real-time, arbitrary
neural artistic stylization network", Apache-2.0) as TF-Lite; it needs `pip install ai-edge-litert` (the extra `teacher`),
which nothing else in the suite does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.errors import InputError, WeightsError
from core.sdl.data.sequences import JPEG_QUALITY, random_square, read_zip, write_sequence
from core.sdl.jobs import SHIPPED
from core.sdl.methods.style.network import SDLStyleNet
from core.weights import save_model

FRAMES = 4
PAINTED_PX = 384
CODE_SIDE_PX = 256
PREDICTOR, TRANSFORMER = "style_predict_quantized_256.tflite", "style_transfer_f16_384.tflite"


class StyleTeacher:
    """The teacher's two networks: a style picture to a code of 100 numbers, and content with a code to a picture.

    Args:
        folder: with both files.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise InputError("the style teacher needs TF-Lite: pip install ai-edge-litert") from error
        self.predictor = Interpreter(str(folder / PREDICTOR), num_threads=1)
        self.predictor.allocate_tensors()
        self.transformer = Interpreter(str(folder / TRANSFORMER), num_threads=1)
        self.inputs = {int(entry["shape"][-1]): entry["index"] for entry in self.transformer.get_input_details()}
        self.transformer.allocate_tensors()

    def layers(self) -> dict[str, Tensor]:
        """The painter's tensors, named and laid out as in `core.sdl.methods.style.network.SDLStyleNet`."""
        known = {entry["name"]: entry["index"] for entry in self.transformer.get_tensor_details()}

        def read(name: str) -> Tensor:
            return torch.from_numpy(self.transformer.get_tensor(known[name]).astype(np.float32))

        found = {}
        for number in range(3):
            source = f"transformer/contract/conv{number + 1}"
            found[f"contract.{number}.weight"] = read(f"{source}/weights").permute(0, 3, 1, 2)
            found[f"contract.{number}.bias"] = read(f"{source}/Conv2D_bias")
        blocks = [(f"residual.{2 * i + j}", f"residual/residual{i + 1}/conv{j + 1}") for i in range(5) for j in (0, 1)]
        for ours, theirs in [*blocks, *((f"expand.{i}", f"expand/conv{i + 1}/conv") for i in range(3))]:
            found[f"{ours}.conv.weight"] = read(f"transformer/{theirs}/weights").permute(0, 3, 1, 2)
            for linear, conv in (("offset", "Conv"), ("scale", "Conv_1")):
                source = f"style_params/transformer/{theirs}/StyleNorm/{conv}"
                found[f"{ours}.{linear}.weight"] = read(f"{source}/weights")[:, 0, 0]
                found[f"{ours}.{linear}.bias"] = read(f"{source}/Conv2D_bias")
        return {name: tensor.contiguous() for name, tensor in found.items()}

    def code(self, picture: np.ndarray) -> np.ndarray:
        """The style of a picture (H, W, 3) uint8."""
        square = Image.fromarray(picture).resize((CODE_SIDE_PX, CODE_SIDE_PX), Image.Resampling.LANCZOS)
        return self.call(self.predictor, {self.predictor.get_input_details()[0]["index"]: as_batch(np.asarray(square))})

    def paint(self, content: np.ndarray, code: np.ndarray) -> np.ndarray:
        """The content (384, 384, 3) uint8, the only size that the file can do, in the style of `code`, uint8."""
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


def make_styles(source: Path, out: Path, count: int, side_px: int, seed: int, split: str = "train") -> None:
    """`count` sequences from a photo to the photo in a painting's style, the painting as `target`.

    Frame 0 is the photo itself; the others take t of the way from its own style code to the painting's. Painted at the
    teacher's own 384 px, then a square of `side_px` is cut from all frames.
    """
    rng = np.random.default_rng(seed)
    teacher = StyleTeacher(source / "teachers")
    pools = [list(read_zip(source / name, 512, split).values()) for name in ("content.zip", "faces.zip", "pets.zip")]
    paintings = list(read_zip(source / "style.zip", 512, split).values())
    side_px = min(side_px, PAINTED_PX)
    for index in range(count):
        pool = pools[rng.choice(3, p=(0.5, 0.2, 0.3))]
        photo = random_square(pool[rng.integers(len(pool))], PAINTED_PX, rng)
        painting = paintings[rng.integers(len(paintings))]
        style = np.asarray(painting.resize((PAINTED_PX, PAINTED_PX), Image.Resampling.LANCZOS))
        own, wanted = teacher.code(photo), teacher.code(style)
        steps = [teacher.paint(photo, (1 - t) * own + t * wanted) for t in np.linspace(0, 1, FRAMES)[1:]]
        y, x = rng.integers(PAINTED_PX - side_px + 1, size=2)
        frames = [frame[y : y + side_px, x : x + side_px] for frame in (photo, *steps)]
        write_sequence(out / f"style_{index:05d}", frames, style)


def recoloured_crop(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A random part of a picture, sometimes in other colours: more styles than there are paintings."""
    side = rng.uniform(0.4, 1) * min(picture.size)
    x, y = rng.uniform(0, picture.width - side), rng.uniform(0, picture.height - side)
    piece = picture.resize((CODE_SIDE_PX,) * 2, Image.Resampling.BICUBIC, (x, y, x + side, y + side))
    colours = np.asarray(piece).astype(np.float32) / 255
    if rng.random() < 0.25:
        colours = colours[..., rng.permutation(3)]
    if rng.random() < 0.5:
        grey = colours.mean(2, keepdims=True)
        colours = grey + rng.uniform(0, 1.8) * (colours - grey)
        colours = np.clip(colours * rng.uniform(0.6, 1.2, 3) + rng.uniform(-0.1, 0.2, 3), 0, 1) ** rng.uniform(0.6, 1.6)
    colours = colours[:, :: rng.choice([-1, 1])]
    return Image.fromarray((colours * 255).clip(0, 255).round().astype(np.uint8))


def make_codes(source: Path, out: Path, count: int, side_px: int, seed: int) -> None:
    """`count` pictures with the teacher's style codes: NNNNN.jpg of `side_px` and codes.npy (count, 100)."""
    rng = np.random.default_rng(seed)
    teacher = StyleTeacher(source / "teachers")
    names = ("style.zip", "pets.zip", "content.zip", "faces.zip", "people.zip")
    pools = [list(read_zip(source / name, 512).values()) for name in names]
    out.mkdir(parents=True, exist_ok=True)
    codes = []
    for index in range(count):
        pool = pools[rng.choice(5, p=(0.55, 0.2, 0.1, 0.1, 0.05))]
        piece = recoloured_crop(pool[rng.integers(len(pool))], rng)
        codes.append(teacher.code(np.asarray(piece)).reshape(-1))
        piece.resize((side_px, side_px), Image.Resampling.LANCZOS).save(out / f"{index:05d}.jpg", quality=JPEG_QUALITY)
    np.save(out / "codes.npy", np.stack(codes).astype(np.float32))


def make_painter(source: Path, out: Path) -> None:
    """A style network that starts from the teacher's painting layers, as a folder for `train --start-from`.

    Its reading of a style is untrained.
    """
    network = SDLStyleNet(**SHIPPED["sdl-style"])
    missing, unexpected = network.load_state_dict(StyleTeacher(source / "teachers").layers(), strict=False)
    if unexpected or any(not name.startswith("code.") for name in missing):
        raise WeightsError("the teacher's painter has other layers than the shipped style network")
    save_model(network, out)

"""A second look at what the head detector found: is it the head of a cat or dog at all?

The detector has only seen photos with pets and finds a head in anything. Here a network that knows twenty kinds of things
(DeepLab v3 with MobileNetV2, as published by Google) looks at the square around a head; a straight line through its features says
cat or dog, and nothing that it takes for a person far sooner than for a pet passes.
Source: own; Chen, Papandreou, Schroff, Adam, "Rethinking Atrous Convolution for Semantic Image Segmentation", 2017; run by OpenCV.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from PIL import Image

from core.image import Box
from core.once import load_once
from core.weights import load_strict, resolve

FEATURES, CLASSES = "MobilenetV2/expanded_conv_16/project/BatchNorm/FusedBatchNorm", "logits/semantic/BiasAdd"
CAT, DOG, PERSON = 8, 12, 15
LOOK_MARGIN = 0.25
# OpenCV's dilated layers read on beyond the last row of the last channel: in the memory behind a batch's last picture, whatever
# lies there, and pets were refused by chance. The picture stands there itself; what the last one reads takes more layers than
# the graph has to reach the first.
TIMES = 3


@dataclass(frozen=True)
class LookSettings:
    """What decides.

    Attributes:
        min_score: log odds of a cat or dog, half way between the lowest of pets and the highest of other pictures here; lower lets
            statues and cars pass, higher refuses dark and small pets.
        max_person: by how many logits a person may be likelier than a cat or dog: hands and owners lie in many squares.
    """

    min_score: float = 1.2
    max_person: float = 3.0


SETTINGS = LookSettings()


class PetLookNetwork(ModelMixin, ConfigMixin):
    """The published graph as bytes, and the line through its features.

    Args:
        img_size: side of the square that the graph sees, in pixels.
        graph_bytes: of the TF-Lite file.
        features: mean and maximum of each channel in the head's box.
    """

    @register_to_config
    def __init__(self, *, img_size: int = 257, graph_bytes: int = 2779264, features: int = 320) -> None:
        super().__init__()
        self.register_buffer("graph", torch.zeros(graph_bytes, dtype=torch.uint8))
        self.register_buffer("weight", torch.zeros(features))
        self.register_buffer("bias", torch.zeros(1))


@dataclass(frozen=True)
class Look:
    """What was seen in a box.

    Attributes:
        features: (320,) mean and maximum of the channels.
        score: log odds that it is the head of a cat or dog.
        person: by how many logits a person is likelier there than a cat or dog.
        species: cat or dog, whichever is likelier.
    """

    features: np.ndarray
    score: float
    person: float
    species: str

    @property
    def is_pet(self) -> bool:
        """Whether it passes."""
        return self.score > SETTINGS.min_score and self.person < SETTINGS.max_person


class SecondLook:
    """The graph, ready to run; one thread at a time, as OpenCV asks."""

    def __init__(self, network: PetLookNetwork) -> None:
        self.size_px = int(network.config.img_size)
        self.weight, self.bias = network.weight.numpy(), float(network.bias)
        # OpenCV does not copy all weights out of these bytes: freed, they change under its hands, and pets are refused by chance.
        self._bytes = network.graph.numpy()
        self._graph = cv2.dnn.readNetFromTFLite(self._bytes)
        self._lock = threading.Lock()

    def __call__(self, picture: Image.Image, box: Box) -> Look:
        """What lies in `box` (pixels) of an RGB picture; beyond its edges it is black, as in training."""
        square = box.squared(LOOK_MARGIN)
        left, top, right, bottom = (round(v) for v in square)
        maps, classes = self._answers(picture.crop((left, top, right, bottom)))
        side = maps.shape[-1]
        low, high = (
            (np.array(corner) - (square.left, square.top)) / square.width * side for corner in (box[:2], box[2:])
        )
        (x0, y0), (x1, y1) = np.floor(low).astype(int), np.ceil(high).astype(int)
        window = (slice(None), slice(max(0, y0), y1), slice(max(0, x0), x1))
        inside = maps[window].reshape(len(maps), -1)
        features = np.concatenate([inside.mean(1), inside.max(1)])
        logits = classes[window].reshape(len(classes), -1).mean(1)
        score = float(features @ self.weight) + self.bias
        person = float(logits[PERSON] - max(logits[CAT], logits[DOG]))
        return Look(features, score, person, "cat" if logits[CAT] > logits[DOG] else "dog")

    def _answers(self, picture: Image.Image) -> tuple[np.ndarray, np.ndarray]:
        """Features (160, h, w) and logits of classes (21, h, w).

        OpenCV pads the graph's dilated layers on two sides only, so both lie some cells up and to the left of what they show:
        enough for what is in a box, as the line was fitted to the same, but no outline.
        """
        seen = picture.resize((self.size_px, self.size_px), Image.Resampling.BILINEAR)
        x = np.asarray(seen, np.float32).transpose(2, 0, 1) / 127.5 - 1
        with self._lock:
            self._graph.setInput(np.stack([x] * TIMES))
            maps, classes = (answer[0].copy() for answer in self._graph.forward((FEATURES, CLASSES)))
        return maps, classes


@load_once
def second_look() -> SecondLook:
    """The one that ships."""
    return SecondLook(load_strict(PetLookNetwork, resolve("pet-look").folder))

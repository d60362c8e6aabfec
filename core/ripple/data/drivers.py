"""Films of a rendered head that turns, smiles, blinks and speaks, for portraits to follow: the head moved by its own surface.

Source: own; the head is rendered by us from MakeHuman's CC0 assets, so the films are CC0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from core.detect.faces import detect_faces
from core.image import resize
from core.ripple.methods.moved_head.editing import Change, move_head
from core.ripple.methods.moved_head.frame import Head
from core.ripple.methods.moved_head.scene import HeadScene


@dataclass(frozen=True)
class DriverConstants:
    """What a film is like."""

    side_px: int = 384
    fps: int = 24
    seconds: float = 3.0
    blink_s: float = 0.16  # half of its time


DRIVER = DriverConstants()


def pulse(t: float, at: float, wide: float) -> float:
    """A bump in [0, 1] at a time `at` that is over after `wide`, both in seconds."""
    return float(np.cos(np.clip((t - at) / wide, -1, 1) * np.pi / 2) ** 2)


def turning(t: float) -> dict[str, float]:
    """Degrees by name of the edits at a time in seconds: to both sides, then a nod and a tilt; ends where it began."""
    way = 2 * np.pi * t / DRIVER.seconds
    return {"pose": 18 * np.sin(way), "nod": 9 * np.sin(2 * way), "tilt": 6 * np.sin(way) * (1 - np.cos(way)) / 2}


def smiling(t: float) -> dict[str, float]:
    """The same: a smile that comes and goes, the head a little to one side."""
    broad = pulse(t, DRIVER.seconds / 2, DRIVER.seconds / 2)
    return {"smile": 4 * broad, "tilt": 4 * broad, "eyes": -1.5 * pulse(t, 2.4, DRIVER.blink_s)}


def blinking(t: float) -> dict[str, float]:
    """The same: three blinks and a gaze to both sides."""
    shut = sum(pulse(t, at, DRIVER.blink_s) for at in (0.4, 1.4, 2.6))
    return {"eyes": -1.5 * shut, "gaze": 1.2 * np.sin(2 * np.pi * t / DRIVER.seconds)}


def speaking(t: float) -> dict[str, float]:
    """The same: syllables, a nod with each sentence, a blink."""
    said = sum(
        size * pulse(t, at, 0.14) for at, size in zip(np.arange(0.3, 2.8, 0.22), (2, 1, 3, 1.5, 2.5) * 3, strict=False)
    )
    way = 2 * np.pi * t / DRIVER.seconds
    return {
        "mouth": said,
        "nod": 4 * np.sin(2 * way),
        "pose": 5 * np.sin(way),
        "eyes": -1.5 * pulse(t, 1.5, DRIVER.blink_s),
    }


SCRIPTS: dict[str, Callable[[float], dict[str, float]]] = {
    script.__name__: script for script in (turning, smiling, blinking, speaking)
}


def film(head: Image.Image, name: str) -> Iterator[Image.Image]:
    """The frames of one film, `DRIVER.side_px` square.

    Args:
        head: of a rendered head, square.
        name: of `SCRIPTS`.
    """
    photo = np.asarray(resize(head.convert("RGB"), (DRIVER.side_px,) * 2))
    scene = HeadScene.of(photo, Head.of(detect_faces(Image.fromarray(photo))[0]))
    for number in range(round(DRIVER.seconds * DRIVER.fps)):
        yield Image.fromarray(move_head(scene, photo, Change.of(SCRIPTS[name](number / DRIVER.fps))))

"""The shared filler: holes cut into real photographs, where the truth is known, beside OpenCV's fill (needs ../shared)."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from bench import Row, sheet_path
from core.detect.segment import person_mask
from core.errors import NothingFoundError
from core.image import load_image
from core.ops.patch_fill import fill_holes

SHARED = Path(__file__).parents[2] / "shared"
SIDE_PX = 1024
# What the hole lies on: the file, and the hole's place (x, y, width, height) as shares of the picture.
HOLES: dict[str, tuple[str, tuple[float, float, float, float]]] = {
    "grass between a woman and a dog": ("examples/people/woman_and_dog_full.jpg", (0.42, 0.66, 0.17, 0.2)),
    "paving with shadows": ("real/people/11_four_full_street_bus.jpg", (0.45, 0.78, 0.3, 0.15)),
    "side of a bus": ("real/people/11_four_full_street_bus.jpg", (0.52, 0.3, 0.24, 0.12)),
    "hillside": ("examples/scenes/golden_gate_bridge.jpg", (0.2, 0.55, 0.2, 0.35)),
    "clouds": ("examples/scenes/paris_eiffel_tower.jpg", (0.62, 0.18, 0.22, 0.28)),
    "shore, trees and houses": ("real/style_content/chicago.jpg", (0.22, 0.66, 0.16, 0.32)),
    "wall between two women": ("real/people/24_two_women_knees.png", (0.42, 0.3, 0.15, 0.3)),
    "lake and bank": ("real/portraits/41_no_face_landscape.jpg", (0.22, 0.48, 0.22, 0.36)),
    "water with reflections": ("real/style_content/sailboat.jpg", (0.35, 0.62, 0.3, 0.25)),
    "leaves": ("real/pets/31_giraffe_zebra.jpg", (0.06, 0.2, 0.25, 0.35)),
    "painted ground": ("examples/portraits/hals_gypsy_girl.jpg", (0.68, 0.15, 0.25, 0.35)),
    "bushes and grass between people": ("examples/people/nasa_artemis2_crew_full.jpg", (0.465, 0.35, 0.1, 0.4)),
}
Fill = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def telea(picture: np.ndarray, hole: np.ndarray, forbidden: np.ndarray) -> np.ndarray:
    """OpenCV's fast marching fill, as this suite had it before."""
    return cv2.inpaint(picture, hole.astype(np.uint8) * 255, 5, cv2.INPAINT_TELEA)


def ours(picture: np.ndarray, hole: np.ndarray, forbidden: np.ndarray) -> np.ndarray:
    """The shared filler."""
    return fill_holes(picture, hole, forbidden=forbidden)


def oracle(truth: np.ndarray, hole: np.ndarray, _: np.ndarray) -> np.ndarray:
    """What nobody can know: the truth below waves of some 50 px, with the truth's own texture from 16 px aside on top.

    Its error by pixels is where that of any sharp fill ends: stuff that is right but does not lie on the very pixels.
    """
    low = cv2.GaussianBlur(truth.astype(np.float32), (0, 0), 8)
    texture = np.roll(truth - low, (16, 16), (0, 1))
    return np.where(hole[..., None], (low + texture).clip(0, 255).astype(np.uint8), truth)


def cut(name: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A photograph (H, W, 3) uint8, a hole such as a brush leaves (H, W) bool, and the people in it (H, W) bool."""
    file, (x, y, wide, high) = HOLES[name]
    loaded = load_image(SHARED / file, max_side_px=SIDE_PX)
    picture, rng = np.asarray(loaded), np.random.default_rng(seed)
    angle = np.linspace(0, 2 * np.pi, 80)
    radius = 1 + sum(rng.uniform(-0.12, 0.12) * np.sin(k * angle + rng.uniform(0, 6)) for k in (2, 3, 5))
    rim = np.stack([x + wide / 2 * (1 + radius * np.cos(angle)), y + high / 2 * (1 + radius * np.sin(angle))], 1)
    hole = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(hole, [(rim * loaded.size).astype(np.int32)], 1)
    try:
        people = person_mask(loaded)[0, 0].numpy() > 0.5
    except NothingFoundError:
        people = np.zeros(hole.shape, bool)
    return picture, hole > 0, people & (hole == 0)


def patches(picture: np.ndarray, hole: np.ndarray, side: int = 7) -> np.ndarray:
    """(N, 3 side side) float32: the patches centred in the hole."""
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(picture, [(side // 2,) * 2] * 2 + [(0, 0)], mode="reflect"), (side, side), axis=(0, 1)
    )
    return windows[hole].reshape(int(hole.sum()), -1).astype(np.float32)


def measure(filled: np.ndarray, truth: np.ndarray, hole: np.ndarray) -> dict[str, float]:
    """Errors inside the hole; of all of them 0 is the truth.

    L1 compares pixel by pixel, in levels of 255. The others ask whether it is the same stuff: patches, the sliced
    Wasserstein distance between all 7 px patches of both (levels); gradients, the first Wasserstein distance between both
    distributions of gradient lengths (levels per px); sharpness, |ln| of the ratio of the Laplacian's energy.
    """
    axes = np.random.default_rng(0).normal(size=(147, 64)).astype(np.float32)
    axes /= np.linalg.norm(axes, axis=0)
    both = [np.sort(patches(picture, hole) @ axes, axis=0) for picture in (filled, truth)]
    grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) for picture in (filled, truth)]
    slope = [np.sort(np.hypot(*np.gradient(one))[hole]) for one in grey]
    energy = [float(np.square(cv2.Laplacian(one, cv2.CV_32F)[hole]).mean()) + 1 for one in grey]
    return {
        "L1": float(np.abs(filled[hole].astype(np.float32) - truth[hole]).mean()),
        "patches": float(np.abs(both[0] - both[1]).mean()),
        "gradients": float(np.abs(slope[0] - slope[1]).mean()),
        "sharpness": abs(float(np.log(energy[0] / energy[1]))),
    }


def strip(pictures: list[np.ndarray], hole: np.ndarray, side: int = 400, rim: int = 60) -> np.ndarray:
    """The pictures round the hole side by side, each in a square."""
    x, y, wide, high = cv2.boundingRect(hole.astype(np.uint8))
    cuts = [picture[max(0, y - rim) : y + high + rim, max(0, x - rim) : x + wide + rim] for picture in pictures]
    share = side / max(cuts[0].shape[:2])
    cuts = [cv2.resize(one, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)[:side, :side] for one in cuts]
    return np.hstack([np.pad(one, ((0, side - one.shape[0]), (0, side + 4 - one.shape[1]), (0, 0))) for one in cuts])


def rows() -> list[Row]:
    """Errors beside OpenCV's, and the seconds of a hole of 300 px."""
    names = [name for name in HOLES if (SHARED / HOLES[name][0]).is_file()]
    if not names:
        return [Row("filled holes", "", "not measured: ../shared is absent")]
    found: dict[str, list[list[float]]] = {}
    shown = []
    for seed, name in enumerate(names):
        picture, hole, people = cut(name, seed)
        pictures = [picture, np.where(hole[..., None], np.uint8(255), picture)]
        for number, fill in enumerate((ours, telea, oracle)):
            filled = fill(picture, hole, people)
            for measured, value in measure(filled, picture, hole).items():
                found.setdefault(measured, [[], [], []])[number].append(value)
            pictures += [] if fill is oracle else [filled]
        shown.append(strip(pictures, hole))
    Image.fromarray(np.vstack(shown)).save(sheet_path("filler"))
    made = []
    for measured, (mine, other, known) in found.items():
        ratio = float(np.mean(mine) / np.mean(other))
        better = sum(a < b for a, b in zip(mine, other, strict=True))
        text = f"{np.mean(mine):.2f} against {np.mean(other):.2f}, x {ratio:.2f}; lower in {better} of {len(names)}; "
        text += f"an oracle with the truth's colours and texture out of place x {np.mean(known) / np.mean(other):.2f}"
        made.append(
            Row(f"filled holes, {len(names)} photos, {measured}, ours against OpenCV", "<= x 0.6", text, ratio <= 0.6)
        )
    return [*made, seconds_row()]


def seconds_row() -> Row:
    """A hole of 300 x 300 px in a picture of 1024 x 1024 px."""
    picture, _, _ = cut(next(name for name in HOLES if (SHARED / HOLES[name][0]).is_file()), 0)
    picture, hole = cv2.resize(picture, (1024, 1024)), np.zeros((1024, 1024), bool)
    hole[360:660, 360:660] = True
    start = time.process_time()
    fill_holes(picture, hole)
    taken = time.process_time() - start
    return Row("a hole of 300 px at 1024 px", "<= 3 CPU s", f"{taken:.1f} CPU s", taken <= 3)

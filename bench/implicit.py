"""Implicit morph: the fast flow against the published recipe, accuracy over London pairs, frames and preview."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from bench import Row, seconds
from core.implicit.methods.framing.upright import detect_landmarks
from core.implicit.methods.landmark_flow.displacement_grid import sample_displacements
from core.implicit.methods.landmark_flow.flow import FlowWarp
from core.implicit.methods.landmark_flow.siren_warp import SirenWarp
from core.implicit.options import ImplicitOptions
from core.implicit.paper.coordinates import to_published
from core.implicit.paper.network import Siren
from core.implicit.paper.recipe import WarpRecipe, train_warp
from core.implicit.pipeline import ImplicitMorphPipeline
from core.metrics import folded_share
from tests.parity.golden import PARITY, facts

FACES = Path(__file__).parents[1] / "../shared/data/faces.zip"
SIZE = (512, 512)
PAIRS = 20
TIMES = np.linspace(0, 1, 11)
TIMED_STEPS = 4
GOLDENS = ("siren", "sampling", "loss", "train", "inference", "blend", "landmarks", "poisson", "image_fit")
# Mean landmark error at t = 0.5 of the official code after 20,001 steps, one pair, from ../shared/reference/ifmorph.md.
PUBLISHED_ERROR = 3.1e-3


def rows() -> list[Row]:
    """Issue 2's table. Faces come from ../shared where it is there, else the two portraits that packages carry."""
    torch.manual_seed(0)
    pictures = dict(faces())
    points = [detect_landmarks(picture, name) * 512 / picture.width for name, picture in pictures.items()]
    order = np.random.RandomState(0)
    pairs = [tuple(order.choice(len(points), 2, replace=False)) for _ in range(PAIRS if len(points) > 2 else 1)]
    return [
        parity_row(),
        *accuracy_rows(points, pairs),
        *speed_rows(points[pairs[0][0]], points[pairs[0][1]]),
        *frame_rows(pictures),
    ]


def faces() -> Iterator[tuple[str, Image.Image]]:
    """Square portraits by name."""
    if FACES.is_file():
        with zipfile.ZipFile(FACES) as archive:
            for name in [n for n in archive.namelist() if n.startswith("neutral/")][:40]:
                yield name, Image.open(io.BytesIO(archive.read(name))).convert("RGB")
        return
    from skimage.data import astronaut

    yield "astronaut", Image.fromarray(astronaut())
    yield "astronaut, mirrored", Image.fromarray(astronaut()[:, ::-1])


def parity_row() -> Row:
    """Runs the parity tests and counts the cases behind them."""
    import subprocess
    import sys

    root = PARITY.parents[1]
    files = [str(path) for path in (root / "tests" / "implicit").glob("test_parity_*.py")]
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", *files], cwd=root, capture_output=True, text=True)
    cases = sum(len(facts("implicit", name)["cases"]) for name in GOLDENS)
    said = done.stdout.strip().splitlines()[-1]
    return Row(
        "parity cases of shared/parity/ifmorph met (align: tests/detect)",
        "all",
        f"{cases} cases; {said}",
        done.returncode == 0,
    )


def accuracy_rows(points: list[np.ndarray], pairs: list[tuple[int, int]]) -> list[Row]:
    """Landmark error, inverse error and folds of the continuous warp."""
    meeting, inverse, folds, seconds_ = [], [], [], []
    cell = (np.arange(100) + 0.5) * 5.12
    grid = np.stack(np.meshgrid(cell, cell), -1).reshape(-1, 2)
    for i, j in pairs:
        a, b = points[i], points[j]
        start = time.perf_counter()
        warp = FlowWarp(a, b, SIZE)
        seconds_.append(time.perf_counter() - start)
        meeting.append(np.linalg.norm(warp.carry(a, 0, 0.5) - warp.carry(b, 1, 0.5), axis=1).mean() / 256)
        there = warp.carry(np.concatenate((a, grid)), 0, 1)
        inverse.append(np.abs(warp.carry(there, 1, 0) - np.concatenate((a, grid))).max() / 256)
        place, worst = grid, 0.0
        for before, after in zip(TIMES, TIMES[1:], strict=False):
            place = warp.carry(place, float(before), float(after))
            worst = max(worst, folded_share(torch.from_numpy(place).reshape(100, 100, 2)))
        folds.append(worst)
    error = float(np.mean(meeting))
    return [
        Row(f"landmark meeting error at t=0.5, mean over {len(pairs)} pairs, 131 points, in [-1, 1]", "<= 5e-5", f"{error:.1e}", error <= 5e-5),
        Row("the same, worst pair", "", f"{max(meeting):.1e}"),
        Row("inverse error, there and back over the whole time, landmarks and 100 x 100 grid, largest", "<= 1e-6", f"{max(inverse):.1e}", max(inverse) <= 1e-6),
        Row("folded share of a 100 x 100 grid, worst of 11 times", "0", f"{max(folds):g}", max(folds) == 0),
        Row("seconds to the warp, median over pairs", "", f"{np.median(seconds_):.3f}"),
    ]  # fmt: skip


def speed_rows(a: np.ndarray, b: np.ndarray) -> list[Row]:
    """Fast against published: both timed here; the published steps are extrapolated to 20,001."""
    source, target = (torch.from_numpy(to_published(p, SIZE)) for p in (a, b))
    network = Siren()

    def published() -> None:
        train_warp(source, target, WarpRecipe(steps=TIMED_STEPS, warmup_steps=1), network=network)

    fast_s, drawn_s, steps_s = seconds(
        lambda: FlowWarp(a, b, SIZE), lambda: sample_displacements(FlowWarp(a, b, SIZE)), published, repeats=3
    )
    whole_s = steps_s / TIMED_STEPS * WarpRecipe.steps
    naive = SirenWarp(network, SIZE)
    start = np.linalg.norm(naive.carry(a, 0, 0.5) - naive.carry(b, 1, 0.5), axis=1).mean() / 256
    return [
        Row(
            "fast against published, time to the published recipe's final landmark error at t=0.5 (3e-3)", "5,000x",
            f"{whole_s / fast_s:,.0f}x ({fast_s:.3f} s; published {steps_s / TIMED_STEPS:.2f} s a step, our analytic Hessian, "
            f"extrapolated to 20,001 steps = {whole_s / 3600:.1f} h)", whole_s / fast_s >= 5000,
        ),
        Row("fast, until the first preview can be shown (warp and its maps)", "< 2 s", f"{drawn_s:.2f} s", drawn_s < 2),
        Row("published recipe after the timed steps: landmark error at t=0.5", "", f"{start:.1e} (final, reference: {PUBLISHED_ERROR})"),
    ]  # fmt: skip


def frame_rows(pictures: dict[str, Image.Image]) -> list[Row]:
    """Frames from a fitted warp."""
    first, second = list(pictures.values())[:2]
    pipe = ImplicitMorphPipeline()
    prepared = pipe.prepare(first, second, options=ImplicitOptions(size_px=512))
    many_s, one_s = seconds(
        lambda: pipe.render(prepared, list(np.linspace(0, 1, 24))), lambda: pipe.render(prepared, [0.43])
    )
    return [
        Row("24 frames at 512 px from a fitted warp", "< 1.5 s", f"{many_s:.2f} s", many_s < 1.5),
        Row("preview slider, one 512 px frame", "< 60 ms", f"{one_s * 1e3:.0f} ms", one_s < 0.06),
    ]

"""SDL: memory while the frame rate of a 60 s clip is doubled."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from bench import Row
from core.devices import policy
from core.sdl.loading import build_network
from core.sdl.methods.video_rate.conversion import convert_video
from core.sdl.options import RateOptions
from core.sdl.pipeline import SDLPipeline
from core.video import write_video

SECONDS, FPS, SIZE = 60, 12, (160, 96)
GROWTH_MIB = 32


def resident_mib() -> float:
    """Memory of this process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def panned() -> Iterator[Image.Image]:
    """A minute of a picture that drifts."""
    coarse = np.random.default_rng(0).integers(0, 256, (8, 60, 3), dtype=np.uint8)
    whole = Image.fromarray(coarse).resize((SIZE[0] + SECONDS * FPS, SIZE[1]), Image.Resampling.BICUBIC)
    for index in range(SECONDS * FPS):
        yield whole.crop((index, 0, index + SIZE[0], SIZE[1]))


def rows() -> list[Row]:
    """Measure."""
    pipe = SDLPipeline(build_network("sdl-vfi"), "interpolate").use(policy("cpu", "float32"))
    seen: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as space:
        clip = write_video(panned(), Path(space) / "minute.mp4", FPS)
        convert_video(
            pipe,
            clip,
            Path(space) / "double.mp4",
            RateOptions(),
            lambda done, _="": seen.append((done, resident_mib())),
        )
    early = max(memory for done, memory in seen if 0.1 < done < 0.25)
    late = max(memory for done, memory in seen if done > 0.75)
    growth = late - early
    measured = f"{early:.0f} MiB in the first quarter, {late:.0f} MiB in the last"
    return [
        Row(f"memory while doubling a {SECONDS} s clip", f"flat (< {GROWTH_MIB} MiB)", measured, growth < GROWTH_MIB)
    ]

"""The weights that ship: how large they are, and how long each record takes to load."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bench import Row, seconds
from core.animals.head_alignment.network_heads import PetHeadNetwork
from core.animals.head_alignment.network_points import PetMaskNetwork, PetPointNetwork
from core.animals.head_alignment.second_look import PetLookNetwork
from core.crossbreed.pipeline import CrossbreedPipeline
from core.gfla.pipeline import PosePipeline
from core.gfla.pipeline_views import ViewPipeline
from core.ripple.pipeline import RipplePipeline
from core.sdl.pipeline import SDLPipeline
from core.weights import load_strict
from core.weights.catalogue import WEIGHTS, records

MB = 10**6
MOST_MB, MOST_FILE_MB, MOST_S = 150, 10, 2.0
PIPELINES: dict[str, Callable[[str], object]] = {
    "crossbreed": CrossbreedPipeline.from_record,
    "sdl": SDLPipeline.from_record,
    "ripple": RipplePipeline.from_record,
    "gfla": PosePipeline.from_record,
}
# Networks of their own, and a second pipeline of a system.
OTHERS: dict[str, Callable[[], object]] = {
    "pet-heads": partial(load_strict, PetHeadNetwork, WEIGHTS / "pet-heads"),
    "pet-points": partial(load_strict, PetPointNetwork, WEIGHTS / "pet-points"),
    "pet-mask": partial(load_strict, PetMaskNetwork, WEIGHTS / "pet-mask"),
    "pet-look": partial(load_strict, PetLookNetwork, WEIGHTS / "pet-look"),
    "gfla-views": ViewPipeline.from_record,
}


def rows() -> list[Row]:
    """Measure."""
    shipped = [entry for entry in records().values() if entry.kind == "shipped"]
    sizes = {file: file.stat().st_size / MB for file in WEIGHTS.rglob("*") if file.is_file()}
    total, largest = sum(sizes.values()), max(sizes, key=lambda file: sizes[file])
    answer = [
        Row("all shipped weights with their cards", f"< {MOST_MB} MB", f"{total:.0f} MB", total < MOST_MB),
        Row(
            "the largest file", f"<= {MOST_FILE_MB} MB", f"{sizes[largest]:.1f} MB ({largest.relative_to(WEIGHTS)})",
            sizes[largest] <= MOST_FILE_MB,
        ),
    ]  # fmt: skip
    for entry in shipped:
        load = OTHERS.get(entry.name) or partial(PIPELINES[entry.system], entry.name)
        (taken,) = seconds(load, repeats=3, warm_up=0)
        answer.append(Row(f"loading {entry.name}", f"< {MOST_S:g} s", f"{taken:.2f} s", taken < MOST_S))
    return answer

"""The five jobs: what each takes, how far its slider goes, which weights do it, and which networks we ship."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import unknown_name


@dataclass(frozen=True)
class Job:
    """One thing that the network can be trained for."""

    name: str  # as the tab and the command line call it
    title: str  # what a person reads
    task: str  # the original `--task`, which is also the training task
    pictures: int  # how many go in, 1 or 2
    low: float  # range of t; beyond it the results fall apart
    high: float
    exact_end: bool  # whether t = 1 is the second picture
    records: tuple[str, ...]  # weights that do it, the shipped ones first
    slider: str  # what the slider's ends mean
    fits: str  # what ours is good for, and what it cannot do
    drawn: str = ""  # our method without a network, see `core.sdl.loading`; it goes before all weights

    @property
    def ways(self) -> tuple[str, ...]:
        """All that can do it, by name, ours first."""
        return (self.drawn, *self.records) if self.drawn else self.records


JOBS: dict[str, Job] = {
    job.name: job
    for job in (
        Job(
            "interpolate", "Frame interpolation", "vfi", 2, 0.0, 1.0, True,
            ("sdl-vfi", "sdl-vfi-perceptual", "sdl-vfi-psnr"), "0 = first frame, 1 = second frame",
            "Neighbouring frames of one scene, any size. What moves further than its own size, such as a swinging leg, may "
            "tear; so may a thin line that hardly differs from what is behind it.",
        ),
        Job(
            "morph", "Morph", "morphing", 2, -0.25, 1.25, True,
            ("sdl-morph", "sdl-dog2dog-scale", "sdl-dog2dog-512", "sdl-cat2cat-scale", "sdl-cat2cat-512"),
            "0 = first picture, 1 = second; beyond exaggerates",
            "Two frontal faces of people, or two heads of cats and dogs, framed alike. Landmarks and outlines align them; hair, "
            "clothes and ears change over one after the other. Without either only the coarse shape is aligned.",
        ),
        Job(
            "age", "Face ageing", "i2i", 1, -1.0, 1.0, False,
            ("sdl-ageing", "sdl-aging-scale", "sdl-aging-512"), "0 = as photographed, 1 = some 40 years older, -1 = some 15 younger",
            "The largest face, seen from the front or three quarters. Folds, spots, hair and shape are laid over the photo's own "
            "pixels, at its own size; nothing outside head and neck changes. The years are a guide, judged by eye. Hair of the skin's "
            "colour and hats are told apart only roughly.", "face-retouch",
        ),
        Job(
            "toon", "Toon", "i2i", 1, -0.5, 1.5, False,
            ("sdl-toon", "sdl-toonification-scale", "sdl-toonification-512"), "0 = photo, 1 = toon; beyond exaggerates",
            "Any photo. Two looks (Method): comic, with ink, and flat, like a poster. Faces from 36 pixels on are drawn by their "
            "landmarks; finer texture than a brush disappears.", "drawing",
        ),
        Job(
            "style", "Style transfer", "style_transfer", 2, 0.0, 1.5, False,
            ("sdl-style", "sdl-style-transfer-arbitrary"), "0 = content, 1 = in the style; beyond exaggerates",
            "Any photo and any painting. Method has the strength of colours and of strokes apart, the strokes' size, and protects faces.",
        ),
    )
}  # fmt: skip


SMALL = {"widths": (16, 24, 32, 48, 64, 64), "grid_widths": (16, 24, 32), "ncol": 2, "reduction": 2}
# Lines and flat areas are made at the finest scale, so that is where the channels are.
CRISP = {"widths": (24, 32, 40, 48, 48, 48), "grid_widths": (24, 32, 40), "ncol": 2, "reduction": 2}
# The networks of the shipped records: about 1/40 of the published work, starting from the inputs.
SHIPPED: dict[str, dict[str, Any]] = {
    "sdl-vfi": {
        "num_in_ch": 6, "output": "candidates", "work_px": 448, "matching": "dense", "look_widths": (32, 48, 64),
        "thin_widths": (32, 48, 64, 96), **SMALL,
    },
    "sdl-morph": {"num_in_ch": 6, "output": "motion", "work_px": 192, "matching": "landmarks", **SMALL},
    "sdl-ageing": {"num_in_ch": 3, "output": "retouch", "work_px": 192, "matching": "face", **SMALL},
    "sdl-toon": {"num_in_ch": 3, "output": "abstraction", **CRISP},
    "sdl-style": {"num_in_ch": 6, "output": "style"},
}  # fmt: skip


def job_named(name: str) -> Job:
    """A job by name."""
    if name not in JOBS:
        raise unknown_name("job", name, JOBS)
    return JOBS[name]


def job_of(record: str) -> Job:
    """The job that a record's weights do, or a method of ours."""
    for job in JOBS.values():
        if record in job.ways:
            return job
    raise unknown_name("weights", record, [way for job in JOBS.values() for way in job.ways])


def misfit(job: Job, figures: Mapping[str, float]) -> str:
    """What did not fit the job, by the figures of what was prepared; empty where all did."""
    if figures.get("landmarks") == 0:
        return (
            "No face of a person, and no head of a cat or dog, was found in both pictures: only their coarse shape is aligned, and "
            "things will double."
        )
    if figures.get("looking_apart"):
        return (
            "The faces look in different directions (one from the side, one from the front): the half that one of them hides has no "
            "partner, so the middle tears. Take two faces that look the same way."
        )
    if figures.get("animals", 2) < 2:
        return "A head is turned or partly hidden, so it is moved as a whole: the middle shows one animal with something of the other."
    if job.name == "age" and figures.get("faces") == 0:
        return "No face was found: the whole picture was taken for one."
    if figures.get("covered"):
        return "Something covers the mouth in this photograph: it stays as it is, and what is bare changes its age."
    return ""


def answered_by(figures: Mapping[str, float], weights: str) -> str:
    """What made the pictures: animals are moved photographs, whatever weights were named."""
    return "the photographs, moved by the points of the animals' heads; no network" if "animals" in figures else weights


def trained_side_px(record: str) -> int | None:
    """The only side that weights were trained at, for those that work at no other."""
    return 512 if record.endswith("-512") else None

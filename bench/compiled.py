"""Compiled: the render path of every shipped network by torch.compile beside the plain one, on the CPU (about an hour)."""

from __future__ import annotations

import time
from dataclasses import replace

import torch

from bench import Row, seconds
from bench.half_precision import PATHS
from core.devices import policy
from core.metrics import psnr


def rows() -> list[Row]:
    """A row per path."""
    return [row_of(name) for name in PATHS]


def row_of(name: str) -> Row:
    """One frame both ways in turn."""
    make, prepare = PATHS[name]
    pipe = make().use(policy("cpu", "float32"))
    prepared = prepare(pipe)
    compiled = make().use(replace(policy("cpu", "float32"), compiled=torch.compile))
    start = time.perf_counter()
    made = compiled.render(prepared, [0.4])
    first = time.perf_counter() - start
    plain_s, compiled_s = seconds(
        lambda: pipe.render(prepared, [0.4]), lambda: compiled.render(prepared, [0.4]), repeats=3
    )
    db = float(psnr(made, pipe.render(prepared, [0.4])))
    said = f"{compiled_s / plain_s:.2f}x of plain, {db:.0f} dB, first call {first:.0f} s"
    return Row(f"{name}: one frame", "", said)

"""A recipe of two networks and two optimizers, small enough to train in a test, and how two processes are started."""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from accelerate.state import AcceleratorState
from torch import nn

from core.construction import building
from core.training import TrainOptions, train
from tests.conftest import ROOT

SHARED: dict[str, Any] = {"batch": 2, "log_every": 1, "sample_every": 0, "save_every": 1, "cpu": True}
# What trains, on what, and how, from the run's folder and its steps.
Job = Callable[[str, int], tuple[Any, Any, Any]]


class Points:
    def draw(self, rng: np.random.Generator, size: int) -> dict[str, torch.Tensor]:
        x = torch.from_numpy(rng.standard_normal((size, 4)).astype(np.float32))
        return {"x": x, "y": x.sum(1, keepdim=True)}


class ToyRecipe:
    averaged = ("generator",)

    def __init__(self) -> None:
        torch.manual_seed(1)
        self.networks = {
            "generator": nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Linear(8, 1)),
            "critic": nn.Linear(1, 1),
        }
        self.optimizers = {name: torch.optim.Adam(net.parameters(), 1e-2) for name, net in self.networks.items()}

    def step(self, batch, run):
        fake = run.networks["generator"](batch["x"] + 0.1 * torch.randn_like(batch["x"]))
        run.update("critic", run.networks["critic"](fake.detach()).square().mean())
        loss = (fake - batch["y"]).square().mean() + 0.01 * run.networks["critic"](fake).mean()
        run.update("generator", loss)
        return {"loss": loss}

    def samples(self, networks):
        with torch.no_grad():
            return torch.sigmoid(networks["generator"](torch.ones(64, 4))).reshape(1, 8, 8).expand(3, 8, 8)


def assert_same(a, b, where="state"):
    if isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for name in a:
            assert_same(a[name], b[name], f"{where}.{name}")
    elif isinstance(a, list | tuple):
        for index, pair in enumerate(zip(a, b, strict=True)):
            assert_same(*pair, f"{where}[{index}]")
    elif isinstance(a, torch.Tensor):
        assert torch.equal(a, b), f"{where} differs by {(a.float() - b.float()).abs().max()}"
    else:
        assert a == b, where


def toy_job(out: str, steps: int) -> tuple[ToyRecipe, Points, TrainOptions]:
    return ToyRecipe(), Points(), TrainOptions(out=out, steps=steps, **SHARED)


def train_and_resume(jobs: Mapping[str, Job], folder: Path) -> None:
    """Two steps of each job in FOLDER/NAME/whole; then FOLDER/NAME/parts goes on with fresh networks from the first
    step's checkpoint, as if the run had been cut off there. Each process leaves beside them what its networks ended with.
    """
    rank = os.environ.get("RANK", "0")
    for job, make in jobs.items():
        for name in ("whole", "parts"):
            with building(3):
                recipe, source, options = make(str(folder / job / name), 2)
            train(recipe, source, options)
            first = folder / job / "parts" / "step-1.pt"
            if name == "whole" and rank == "0":
                first.parent.mkdir()
                (folder / job / "whole" / "step-1.pt").rename(first)
            PartialState().wait_for_everyone()
        ended = [value.double().sum().item() for n in recipe.networks.values() for value in n.state_dict().values()]
        (folder / job / f"process-{rank}.json").write_text(json.dumps(ended))


# On processors accelerate starts several processes under this flag only: --cpu alone starts one, whatever is asked.
LAUNCHER = (
    "-m accelerate.commands.launch --multi_gpu --num_processes 2 --num_machines 1 --mixed_precision no --dynamo_backend no "
    "--no_python"
)
# What is launched tells what it was told, and ends as the process that trains in its place.
STAND_IN = 'cd "$0"; env -0 >told-$RANK; mv told-$RANK env-$RANK; while [ ! -s end-$RANK ]; do sleep 0.1; done; exit $(cat end-$RANK)'


def launch_two(jobs: Mapping[str, Job], folder: Path) -> None:
    """Train and resume in two processes that know of each other, as people are told to start a run.

    What `accelerate launch` starts hands its environment to a fork of this process: that has imported everything, which took
    half of the time of two processes that each did so.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    words = [*LAUNCHER.split(), "--main_process_port", port, "sh", "-c", STAND_IN, str(folder)]
    env = {**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    told = folder / "launcher.txt"
    with told.open("w") as file:
        launched = subprocess.Popen([sys.executable, *words], cwd=ROOT, env=env, stdout=file, stderr=file)
    context, pair = multiprocessing.get_context("fork"), []
    for rank in (0, 1):
        while not (given := folder / f"env-{rank}").exists():
            assert launched.poll() is None, told.read_text()[-3000:]
            time.sleep(0.05)
        found = dict(item.split("=", 1) for item in given.read_text().split("\0") if "=" in item)
        pair.append(context.Process(target=forked, args=(jobs, folder, found), daemon=True))
        pair[-1].start()
    for rank, process in enumerate(pair):
        process.join()
        (folder / f"end-{rank}").write_text(str(process.exitcode if process.exitcode in (0, 1) else 2))
    assert launched.wait(30) == 0, "\n".join(file.read_text() for file in [*folder.glob("failed-*"), told])[-3000:]


def forked(jobs: Mapping[str, Job], folder: Path, env: Mapping[str, str]) -> None:
    """One of two processes, in the environment that a launcher gave."""
    os.environ.clear()
    os.environ.update(env)
    # OpenMP's threads do not survive a fork, nor may what accelerate found out about the parent.
    torch.set_num_threads(1)
    AcceleratorState._reset_state(reset_partial_state=True)
    try:
        train_and_resume(jobs, folder)
    except BaseException:
        (folder / f"failed-{env['RANK']}.txt").write_text(traceback.format_exc())
        os._exit(1)
    # What the parent wants to have done at its end is not for its forks.
    os._exit(0)

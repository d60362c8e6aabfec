"""A recipe of two networks and two optimizers, small enough to train in a test; run as a script it trains."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import numpy as np
import torch
from torch import nn

from core.training import TrainOptions, train
from tests.conftest import ROOT


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


# On processors accelerate starts several processes under this flag only: --cpu alone starts one, whatever is asked.
LAUNCHER = "-m accelerate.commands.launch --multi_gpu --num_processes 2 --num_machines 1 --mixed_precision no --dynamo_backend no"


def launch_two(module: str, *arguments: str, launcher: bool = False) -> None:
    """Run a module in two processes that know of each other: by accelerate's launcher, or started as it starts them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    alone = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    if launcher:
        starts = [([*LAUNCHER.split(), "--main_process_port", port], shared)]
    else:
        starts = [([], {**shared, **alone, "RANK": rank, "LOCAL_RANK": rank}) for rank in ("0", "1")]
    started = [
        subprocess.Popen(
            [sys.executable, *words, "-m", module, *arguments], cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True
        )
        for words, env in starts
    ]
    try:
        said = [process.communicate(timeout=200)[1] for process in started]
    finally:
        for process in started:
            process.kill()
    assert not any(process.returncode for process in started), "\n".join(said)[-3000:]


if __name__ == "__main__":
    for out, steps in zip(sys.argv[1::2], map(int, sys.argv[2::2]), strict=True):
        options = TrainOptions(out=out, steps=steps, batch=8, log_every=1, save_every=5, sample_every=0, cpu=True)
        train(ToyRecipe(), Points(), options)

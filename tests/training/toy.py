"""A recipe of two networks and two optimizers, small enough to train in a test; run as a script it trains."""

from __future__ import annotations

import sys

import numpy as np
import torch
from torch import nn

from core.training import TrainOptions, train


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


if __name__ == "__main__":
    out, steps = sys.argv[1], int(sys.argv[2])
    options = TrainOptions(out=out, steps=steps, batch=8, log_every=1, save_every=5, sample_every=0, cpu=True)
    train(ToyRecipe(), Points(), options)

"""What every training run can be told."""

from __future__ import annotations

from dataclasses import dataclass

from core.options import option


@dataclass(frozen=True)
class TrainOptions:
    """Options of a training run; a system adds its own by inheriting."""

    out: str = option("runs/run", "folder of the run: checkpoints, curves, samples")
    steps: int = option(1000, "steps in all, those of an earlier part of the run included", low=1, high=10_000_000)
    batch: int = option(4, "items per step and process", low=1, high=4096)
    accumulate: int = option(
        1, "batches of which each step adds up the gradients: as a larger batch, in less memory", low=1, high=4096
    )
    lr: float = option(1e-4, "learning rate", low=0, high=1)
    seed: int = option(0, "seed of data and noise", low=0, high=2**31 - 1)
    resume: bool = option(True, "go on from the newest checkpoint of the folder")
    ema_decay: float = option(0.999, "how slowly the averaged weights follow", low=0, high=1)
    mixed_precision: str = option("no", "what the networks compute in", choices=("no", "bf16", "fp16"))
    clip_norm: float = option(0.0, "largest gradient norm; 0 leaves gradients alone", low=0, high=1e6)
    workers: int = option(0, "processes that prepare batches", low=0, high=64)
    log_every: int = option(10, "steps between two lines of the curves", low=1, high=100_000)
    sample_every: int = option(200, "steps between two sample sheets; 0 makes none", low=0, high=1_000_000)
    save_every: int = option(500, "steps between two checkpoints", low=1, high=1_000_000)
    keep: int = option(2, "newest checkpoints that stay", low=1, high=1000)
    cpu: bool = option(False, "train on the processor even if there is a GPU")

"""The loop: draw a batch, let the recipe step, average, log, sample, save."""

from __future__ import annotations

import contextlib
import logging
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, Dataset

from core.devices import channels_last
from core.errors import GpuMemoryError, InputError, WeightsError
from core.memory import within_memory
from core.options import check
from core.progress import Progress, silent
from core.training import checkpoint
from core.training.journal import Journal
from core.training.options import TrainOptions
from core.training.processes import average_gradients, share_buffers, share_weights
from core.weights.checkpoint import fill_strict

Batch = Mapping[str, Tensor]
log = logging.getLogger(__name__)


class Source(Protocol):
    """Where batches come from."""

    def draw(self, rng: np.random.Generator, size: int) -> Batch:
        """`size` items, chosen and augmented with nothing but `rng`."""


class Recipe(Protocol):
    """What a system trains and how one step of it goes."""

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """Everything a checkpoint keeps, by name."""

    @property
    def optimizers(self) -> Mapping[str, Optimizer]:
        """What `Run.update` may step, by name."""

    @property
    def averaged(self) -> tuple[str, ...]:
        """The networks that get a slowly following average."""

    def step(self, batch: Batch, run: Run) -> Mapping[str, float | Tensor]:
        """One update of everything; returns what the curves shall show."""

    def samples(self, networks: Mapping[str, nn.Module]) -> Tensor | None:
        """A sheet (3, H, W) in [0, 1] made with `networks` (averaged where there is an average), or None."""


@dataclass
class Run:
    """What a recipe's step works with.

    Attributes:
        accelerator: places tensors, scales gradients.
        networks: the recipe's networks on their device; see `core.training.processes` for several processes.
        optimizers: the recipe's optimizers.
        options: the run's options.
        step: index of the current step, from 0.
        part: index of the current batch within the step, from 0.
    """

    accelerator: Accelerator
    networks: dict[str, Any]
    optimizers: dict[str, Any]
    options: TrainOptions
    step: int = 0
    averages: dict[str, AveragedModel] = field(default_factory=dict)
    part: int = 0
    # By optimizer and by the number of its updates within a part: what earlier parts of the step have added up.
    gathered: dict[tuple[str, int], list[Tensor]] = field(default_factory=dict)
    updates: Counter[str] = field(default_factory=Counter)

    def update(self, name: str, loss: Tensor) -> None:
        """One optimizer step of `name` down the gradient of `loss`; other networks' gradients are left to their own.

        With `accumulate` the step is made in the step's last part, down the mean gradient of all parts.

        Raises:
            InputError: a loss that is not finite.
        """
        if not math.isfinite(loss.item()):
            raise InputError(
                f"the loss of {name} is {loss.item()} at step {self.step}: resume with a smaller learning rate"
            )
        optimizer = self.optimizers[name]
        optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(loss / self.options.accumulate)
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        if self.options.accumulate > 1 and not self._gather(name, parameters):
            return
        average_gradients(parameters, self.accelerator)
        if self.options.clip_norm > 0:
            self.accelerator.clip_grad_norm_(parameters, self.options.clip_norm)
        optimizer.step()

    def _gather(self, name: str, parameters: list[nn.Parameter]) -> bool:
        """Add a part's gradients to those before; whether the step is complete, then the sum is in the parameters.

        They are kept apart: another network's loss leaves gradients in these parameters too.
        """
        key = name, self.updates[name]
        self.updates[name] += 1
        now = [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in parameters]
        if key in self.gathered:
            now = [a + b for a, b in zip(now, self.gathered[key], strict=True)]
        self.gathered[key] = now
        if self.part + 1 < self.options.accumulate:
            return False
        for parameter, gradient in zip(parameters, self.gathered.pop(key), strict=True):
            parameter.grad = gradient
        return True

    def set_cosine_rate(self, name: str, warm_up: int) -> None:
        """The rate of optimizer `name`: up over `warm_up` steps, then down half a cosine.

        It follows from the step alone, so a resumed run has it too.
        """
        along = (1 + math.cos(math.pi * self.step / self.options.steps)) / 2
        for group in self.optimizers[name].param_groups:
            group["lr"] = self.options.lr * min(1.0, (self.step + 1) / warm_up) * along


def train(recipe: Recipe, source: Source, options: TrainOptions, progress: Progress = silent) -> Path:
    """Train until `options.steps`, resuming where an earlier call stopped; returns the run's folder.

    One process trains on one device; `accelerate launch` (or torchrun) starts several, which share every step.

    Raises:
        OptionError: an option out of range.
        InputError: a loss that is not finite.
        WeightsError: a checkpoint that cannot be read.
    """
    check(options)
    accelerator = Accelerator(mixed_precision=options.mixed_precision, cpu=options.cpu)
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    averages = _averages(recipe, options)
    first = _resume(recipe, averages, folder, accelerator) if options.resume else 0
    if accelerator.device.type != "mps":
        for network in recipe.networks.values():
            channels_last(network)
    run = Run(
        accelerator,
        # Evaluation mode to accelerate means: placed and in mixed precision, without its wrapper for several processes.
        {name: accelerator.prepare_model(n, evaluation_mode=True) for name, n in recipe.networks.items()},
        {name: accelerator.prepare(optimizer) for name, optimizer in recipe.optimizers.items()},
        options,
        averages={name: average.to(accelerator.device) for name, average in averages.items()},
    )
    share_weights(run.networks.values(), accelerator)
    journal = Journal(folder, options, first) if accelerator.is_main_process else None
    gpu = [accelerator.device] if accelerator.device.type == "cuda" else []
    # Dropout knows no generator but the global one; a run leaves it as it found it.
    with torch.random.fork_rng(gpu), contextlib.ExitStack() as afterwards:
        if journal is not None:
            afterwards.callback(journal.close)
        for values in _steps(recipe, source, run, first):
            share_buffers(run.networks.values(), accelerator)
            for name, average in run.averages.items():
                average.update_parameters(run.networks[name])
            _report(recipe, run, journal, values, progress)
    accelerator.wait_for_everyone()
    return folder


def _steps(recipe: Recipe, source: Source, run: Run, first: int) -> Iterator[Mapping[str, float | Tensor]]:
    """What each step from `first` on says; one that the GPU does not hold is made again of smaller batches, and more of them."""
    while first < run.options.steps:
        try:
            for step, values in _attempt(recipe, source, run, first):
                yield values
                first = step + 1
            return
        except GpuMemoryError:
            if run.options.batch == 1 or run.accelerator.num_processes > 1:
                raise
        # Outside the handler, so that what the failed attempt held is let go.
        torch.cuda.empty_cache()
        run.gathered.clear()
        batch, accumulate = run.options.batch // 2, 2 * run.options.accumulate
        run.options = replace(run.options, batch=batch, accumulate=accumulate)
        log.warning("step %d did not fit into the GPU's memory: going on with %s", first, _asked(batch, accumulate))


def _attempt(
    recipe: Recipe, source: Source, run: Run, first: int
) -> Iterator[tuple[int, Mapping[str, float | Tensor]]]:
    options, process = run.options, run.accelerator.process_index
    smaller = _asked(max(1, options.batch // 2), 2 * options.accumulate)
    full = f"the GPU's memory does not hold a batch of {options.batch}: go on with {smaller}, or with smaller pictures"
    for number, batch in enumerate(_batches(source, options, run.accelerator, first), first * options.accumulate):
        run.step, run.part = divmod(number, options.accumulate)
        torch.manual_seed(_seed(options, process, run.step, run.part))
        run.updates.clear()
        with within_memory(full):
            values = recipe.step(batch, run)
        if run.part + 1 == options.accumulate:
            yield run.step, values


def _asked(batch: int, accumulate: int) -> str:
    return f"--batch {batch} --accumulate {accumulate}, whose steps learn from as much"


def _averages(recipe: Recipe, options: TrainOptions) -> dict[str, AveragedModel]:
    """One slowly following copy per averaged network; it follows fast at first."""

    def follow(average: Tensor, current: Tensor, count: Tensor | int) -> Tensor:
        decay = min(options.ema_decay, (1 + int(count)) / (10 + int(count)))
        return torch.lerp(current, average, decay) if average.is_floating_point() else current

    return {name: AveragedModel(recipe.networks[name], avg_fn=follow) for name in recipe.averaged}


def _resume(recipe: Recipe, averages: Mapping[str, AveragedModel], folder: Path, accelerator: Accelerator) -> int:
    """Fill everything from the newest checkpoint; returns the steps done."""
    path = checkpoint.newest(folder)
    # Nobody may write a checkpoint before everybody has chosen the one to read.
    accelerator.wait_for_everyone()
    if path is None:
        return 0
    state = checkpoint.load(path)
    try:
        for name, network in recipe.networks.items():
            fill_strict(network, state["networks"][name], name)
        for name, optimizer in recipe.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        for name, average in averages.items():
            fill_strict(average.module, state["averages"][name], name)
            average.n_averaged.fill_(state["step"])
    except (WeightsError, KeyError, ValueError) as error:
        raise WeightsError(
            f"the run in {folder} was started with other options than these ({error}): take those in its run.json, "
            "another --out, or --no-resume to begin anew"
        ) from error
    log.info("going on from step %d of %s", state["step"], folder)
    if accelerator.scaler is not None and state["scaler"]:
        accelerator.scaler.load_state_dict(state["scaler"])
    return int(state["step"])


class _Steps(Dataset):
    """The batches of every step, by their index."""

    def __init__(self, source: Source, options: TrainOptions, process: int, first: int) -> None:
        self.source, self.options, self.process, self.first = source, options, process, first

    def __len__(self) -> int:
        return max(0, self.options.steps - self.first) * self.options.accumulate

    def __getitem__(self, index: int) -> Batch:
        step, part = divmod(index, self.options.accumulate)
        rng = np.random.default_rng(_seed(self.options, self.process, self.first + step, part))
        return self.source.draw(rng, self.options.batch)


def _batches(source: Source, options: TrainOptions, accelerator: Accelerator, first: int) -> Iterator[Batch]:
    steps = _Steps(source, options, accelerator.process_index, first)
    for batch in DataLoader(steps, batch_size=None, num_workers=options.workers):
        yield {name: value.to(accelerator.device) for name, value in batch.items()}


def _seed(options: TrainOptions, process: int, step: int, part: int) -> int:
    """One seed per run, process, step and part of the step."""
    # The first part has the seed of runs that do not accumulate.
    return int(np.random.SeedSequence([options.seed, step, process, *([part] if part else [])]).generate_state(1)[0])


def _report(
    recipe: Recipe, run: Run, journal: Journal | None, values: Mapping[str, float | Tensor], progress: Progress
) -> None:
    """Curves, samples and checkpoints of the main process, after the current step."""
    options, done = run.options, run.step + 1
    last = done == options.steps
    if journal is not None:
        numbers = {name: float(torch.as_tensor(value).detach()) for name, value in values.items()}
        if done % options.log_every == 0 or last:
            journal.scalars(done, numbers)
            log.info("step %d of %d: %s", done, options.steps, ", ".join(f"{n} {v:.4g}" for n, v in numbers.items()))
        shown = ", ".join(f"{name} {value:.3g}" for name, value in list(numbers.items())[:2])
        progress(done / options.steps, f"step {done}: {shown}")
        if options.sample_every and (done % options.sample_every == 0 or last):
            _sample(recipe, run, journal, done)
        if done % options.save_every == 0 or last:
            log.info("saved %s", checkpoint.save(journal.folder, done, _state(run, done), options.keep))
    if done % options.save_every == 0 or last:
        run.accelerator.wait_for_everyone()


@torch.no_grad()
def _sample(recipe: Recipe, run: Run, journal: Journal, done: int) -> None:
    networks = run.networks | {name: average.module for name, average in run.averages.items()}
    modes = {name: network.training for name, network in networks.items()}
    for network in networks.values():
        network.eval()
    sheet = recipe.samples(networks)
    for name, network in networks.items():
        network.train(modes[name])
    if sheet is not None:
        journal.sheet(done, sheet)


def _state(run: Run, done: int) -> dict[str, Any]:
    scaler = run.accelerator.scaler
    return {
        "step": done,
        "networks": {name: network.state_dict() for name, network in run.networks.items()},
        "optimizers": {name: optimizer.state_dict() for name, optimizer in run.optimizers.items()},
        "averages": {name: average.module.state_dict() for name, average in run.averages.items()},
        "scaler": scaler.state_dict() if scaler is not None else {},
    }

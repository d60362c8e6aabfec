"""Training: with a teacher's in-between pictures as published, or from labelled photos alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from core.crossbreed import in_line, objectives, real_pairs
from core.crossbreed.convert import folded
from core.crossbreed.data import (
    BigGANPairs,
    PairSource,
    SequenceFolders,
    read_folders,
    read_table,
)
from core.crossbreed.network import Codes, CrossbreedGenerator, LinearUnit, lerp
from core.crossbreed.network_discriminator import CrossbreedDiscriminator
from core.crossbreed.options import CrossbreedTrainOptions
from core.crossbreed.preprocessing import from_network
from core.crossbreed.sheet import tile
from core.errors import OptionError
from core.options import build
from core.progress import Progress, silent
from core.training import Run, load_trained
from core.training.journal import options_of
from core.weights import fill_strict, load_strict, resolve, save_model

SAMPLE_PAIRS = 6
SAMPLE_STEPS = 5
# The content encoder halves three times, and the decoder doubles as often.
SIDE_STEP_PX = 8


class CrossbreedRecipe:
    """Generator and discriminator, and how they learn from one batch.

    A batch that has the key `swapped` is learned with the objective of `in_line`, one with `mixed` with the published
    one, any other with that of `real_pairs`.
    """

    averaged: tuple[str, ...] = ("generator",)

    def __init__(self, options: CrossbreedTrainOptions, source: PairSource) -> None:
        torch.manual_seed(options.seed)
        generator = new_generator(options)
        critic = CrossbreedDiscriminator(
            n_f=options.n_f, n_res=options.n_res, n_class=len(source.classes), spectral_norm=True
        )
        if options.unit_scale:
            start_at_unit_scale(generator)
        # A quarter faster on a processor, and what tensor cores want.
        layout = torch.channels_last
        self.networks: dict[str, nn.Module] = {
            "generator": generator.train().to(memory_format=layout),
            "discriminator": critic.train().to(memory_format=layout),
        }
        if options.init:
            start_from(options.init, self.networks)
        shape: dict[str, Any] = {"betas": (0.5, 0.999), "eps": 1e-8}
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "generator": torch.optim.Adam(generator.parameters(), lr=options.lr, **shape),
            "discriminator": torch.optim.Adam(critic.parameters(), lr=options.lr_discriminator, **shape),
        }
        self.options = options
        self.in_line_weights = in_line.InLineWeights(
            options.reconstruction,
            options.edges,
            options.structure,
            options.adversarial,
            options.penalty,
            options.swapped,
            options.contrast,
        )
        self.probe = source.draw(np.random.default_rng(options.seed), SAMPLE_PAIRS)
        self.teacher_weights = objectives.LossWeights(options.adversarial, options.reconstruction, options.penalty)
        self.real_weights = real_pairs.RealWeights(
            options.reconstruction,
            options.edges,
            options.structure,
            options.cycle,
            options.adversarial,
            options.penalty,
        )

    def step(self, batch: Mapping[str, Tensor], run: Run) -> dict[str, float | Tensor]:
        """One update of the discriminator, then one of the generator."""
        self._set_rates(run)
        generator, critic = run.networks["generator"], run.networks["discriminator"]
        layout = torch.channels_last
        batch = {name: x.contiguous(memory_format=layout) if x.ndim == 4 else x for name, x in batch.items()}
        objective, weights, pairs = self._objective(batch)
        with run.accelerator.autocast():
            if isinstance(pairs, in_line.InLineBatch):
                positions = torch.stack([pairs.shape, pairs.appearance], 1)
                images = generator(torch.cat([pairs.x_a, pairs.alone]), pairs.x_b, positions, "mixtures")
            else:
                images = generator(pairs.x_a, pairs.x_b, pairs.alpha, weights.plan)
        terms: dict[str, Tensor] = {}
        if weights.adversarial > 0:
            with run.accelerator.autocast():
                terms |= objective.discriminator_terms(critic, images, pairs, weights)
            run.update("discriminator", terms["loss_D"])
        # The generator's gradient passes through the discriminator without being kept there; the bare network is
        # called, because a distributed one would wait for gradients of its own.
        bare = run.accelerator.unwrap_model(critic).requires_grad_(False)
        with run.accelerator.autocast():
            terms |= objective.generator_terms(bare, images, pairs, weights)
        run.update("generator", terms["loss_G"])
        bare.requires_grad_(True)
        return {name: value.detach() for name, value in terms.items()}

    def _objective(self, batch: Mapping[str, Tensor]) -> tuple[Any, Any, Any]:
        """Terms, weights and fields for the kind of batch that came."""
        if "swapped" in batch:
            return in_line, self.in_line_weights, in_line.InLineBatch(**batch)
        if "mixed" in batch:
            return objectives, self.teacher_weights, objectives.TeacherBatch(**batch)
        return real_pairs, self.real_weights, objectives.RealBatch(**batch)

    def _set_rates(self, run: Run) -> None:
        done = run.step / max(1, self.options.steps - 1)
        share = 1 - (1 - self.options.lr_end) * done
        for name, rate in (("generator", self.options.lr), ("discriminator", self.options.lr_discriminator)):
            for group in run.optimizers[name].param_groups:
                group["lr"] = rate * share

    @torch.no_grad()
    def samples(self, networks: Mapping[str, nn.Module]) -> Tensor:
        """Rows: A, the morph in five steps, B, shape of A in the appearance of B, and the reverse."""
        generator = cast(CrossbreedGenerator, networks["generator"])
        device = next(generator.parameters()).device
        x_a, x_b = (self.probe[name].to(device) for name in ("x_a", "x_b"))
        whole = self.options.img_size**2 / x_a.shape[-1] ** 2
        (z_a, s_a), (z_b, s_b) = (Codes(code.content, code.style * whole) for code in map(generator.encode, (x_a, x_b)))
        columns = [x_a]
        for t in torch.linspace(0, 1, SAMPLE_STEPS, device=device):
            columns.append(generator.decode(Codes(lerp(z_a, z_b, t), lerp(s_a, s_b, t))))
        columns += [x_b, generator.decode(Codes(z_a, s_b)), generator.decode(Codes(z_b, s_a))]
        return tile(torch.stack([from_network(column).cpu() for column in columns], 1), gap_px=0)


def start_from(origin: str, networks: Mapping[str, nn.Module]) -> None:
    """Take the weights of an earlier run, or of a generator in `save_model`'s layout (without spectral norm)."""
    if not (Path(origin) / "config.json").is_file():
        load_trained(origin, networks, averaged=False)
        return
    kept = load_strict(CrossbreedGenerator, Path(origin))
    fill_strict(networks["generator"], kept.state_dict(), origin)


def new_generator(options: CrossbreedTrainOptions, trained_on: str = "") -> CrossbreedGenerator:
    """An untrained generator of a run's size."""
    names = ("img_size", "n_f", "max_style_f", "n_mlp_f", "n_mlp_blks")
    sizes = {name: getattr(options, name) for name in names}
    return CrossbreedGenerator(**sizes, spectral_norm=options.spectral, trained_on=trained_on)


def start_at_unit_scale(generator: CrossbreedGenerator) -> None:
    """Let every AdaIN begin with scale 1 and shift 0 instead of nearly nothing."""
    bias, at = cast(LinearUnit, generator.mlp.model[-1]).fc.bias, 0
    with torch.no_grad():
        for size in generator.dec.affine_sizes:
            bias[at : at + size // 2], bias[at + size // 2 : at + size] = 0, 1
            at += size


def open_source(
    options: CrossbreedTrainOptions, kind: str, data: str, progress: Progress = silent, **choice: str
) -> PairSource:
    """The training data.

    Args:
        options: size and windows.
        kind: "photos" (a folder with one folder per class), "table" (a CSV file beside a zip archive of the same
            name), "heads" (the same with trimaps: pairs in line with a teacher between them), "sequences" (one folder
            per sequence) or "teacher" (BigGAN-deep).
        data: the folder or file; for the teacher a folder of converted weights, empty for the record's.
        progress: called while pictures are read.
        **choice: `label`, the table's column of classes.
    """
    window = options.window_px or options.img_size
    for name in ("img_size", "window_px"):
        if (size := getattr(options, name)) % SIDE_STEP_PX or size > options.img_size:
            raise OptionError(f"{name} is {size}: a multiple of {SIDE_STEP_PX} up to img_size fits")
    if kind == "photos":
        return read_folders(Path(data), options.img_size, window)
    if kind == "table":
        return read_table(
            Path(data), Path(data).with_suffix(".zip"), options.img_size, window, progress=progress, **choice
        )
    if kind == "heads":
        from core.crossbreed.heads import read_heads

        return read_heads(Path(data), Path(data).with_suffix(".zip"), options.img_size, progress=progress, **choice)
    if kind == "sequences":
        return SequenceFolders.read(Path(data), options.img_size)
    if kind == "teacher":
        from core.crossbreed.network_biggan import LAYERS, BigGANDeep

        size = next((size for size in LAYERS if size >= options.img_size), max(LAYERS))
        found = resolve(f"biggan-deep-{size}", data or None)
        teacher = load_strict(BigGANDeep, found.folder)
        names = ("truncation", "first_class", "last_class", "arc")
        return BigGANPairs(teacher, options.img_size, **{name: getattr(options, name) for name in names})
    raise OptionError(f"unknown kind of data {kind!r}: photos, table, heads, sequences and teacher are known")


def export(run: str | Path, folder: str | Path, trained_on: str) -> Path:
    """The averaged generator of a run, folded, as weights that `load_strict` reads.

    Raises:
        WeightsError: a folder without a run.
    """
    options = build(CrossbreedTrainOptions, options_of(run))
    generator = new_generator(options, trained_on)
    load_trained(run, {"generator": generator})
    return save_model(folded(generator) if options.spectral else generator.eval(), folder)

"""Training: with a teacher's in-between pictures as published, or from labelled photos alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from core.construction import building
from core.crossbreed.data.aligned_heads import read_heads
from core.crossbreed.data.pairs import PairSource
from core.crossbreed.data.photos import read_folders, read_table
from core.crossbreed.data.sequences import SequenceFolders
from core.crossbreed.data.teacher import BigGANPairs
from core.crossbreed.options import CrossbreedTrainOptions
from core.crossbreed.paper import objectives
from core.crossbreed.paper.biggan import LAYERS, BigGANDeep
from core.crossbreed.paper.convert import folded
from core.crossbreed.paper.discriminator import CrossbreedDiscriminator
from core.crossbreed.paper.network import Codes, CrossbreedGenerator, LinearUnit, lerp
from core.crossbreed.paper.preprocessing import from_network
from core.crossbreed.sheet import tile
from core.crossbreed.training import aligned_objective, photo_objective
from core.crossbreed.training.generators import AlignedGenerator, PhotoGenerator, ReconstructionGenerator
from core.errors import OptionError
from core.options import build
from core.progress import Progress, silent
from core.training import Run, load_trained
from core.training.journal import options_of
from core.training.store import data_root
from core.weights import fill_strict, load_strict, resolve, save_model

SAMPLE_PAIRS = 6
SAMPLE_STEPS = 5
# The content encoder halves three times, and the decoder doubles as often.
SIDE_STEP_PX = 8


@dataclass(frozen=True)
class Objective:
    """How one kind of batch is learned.

    Attributes:
        generator: the class whose forward makes the pictures.
        batch: the dataclass of the batch's fields, with `generator_inputs`.
        weights: of the terms.
        terms: the module with `discriminator_terms` and `generator_terms`.
    """

    generator: type[CrossbreedGenerator]
    batch: type[Any]
    weights: Any
    terms: ModuleType


def objective_for(batch: Mapping[str, Tensor], o: CrossbreedTrainOptions) -> Objective:
    """Aligned heads have `swapped` pictures, the paper's pairs a `mixed` one, labelled photos neither."""
    if "swapped" in batch:
        aligned = aligned_objective.AlignedWeights(
            o.reconstruction, o.edges, o.structure, o.adversarial, o.penalty, o.swapped, o.contrast
        )
        return Objective(AlignedGenerator, aligned_objective.AlignedBatch, aligned, aligned_objective)
    if "mixed" in batch:
        published = objectives.LossWeights(o.adversarial, o.reconstruction, o.penalty)
        return Objective(CrossbreedGenerator, objectives.TeacherBatch, published, objectives)
    photo = photo_objective.PhotoWeights(o.reconstruction, o.edges, o.structure, o.cycle, o.adversarial, o.penalty)
    generator = PhotoGenerator if photo.swaps else ReconstructionGenerator
    return Objective(generator, objectives.PairBatch, photo, photo_objective)


class CrossbreedRecipe:
    """Generator and discriminator, and how they learn from one batch with the objective that fits the source."""

    averaged: tuple[str, ...] = ("generator",)

    def __init__(self, options: CrossbreedTrainOptions, source: PairSource) -> None:
        self.options = options
        self.probe = source.draw(np.random.default_rng(options.seed), SAMPLE_PAIRS)
        self.objective = objective_for(self.probe, options)
        with building(options.seed):
            generator = new_generator(options, cls=self.objective.generator)
            critic = CrossbreedDiscriminator(
                n_f=options.n_f, n_res=options.n_res, n_class=len(source.classes), spectral_norm=True
            )
        if options.unit_scale:
            start_at_unit_scale(generator)
        self.networks: dict[str, nn.Module] = {"generator": generator.train(), "discriminator": critic.train()}
        if options.init:
            start_from(options.init, self.networks)
        rates = {"generator": options.lr, "discriminator": options.lr_discriminator}
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            name: torch.optim.Adam(network.parameters(), lr=rates[name], betas=(0.5, 0.999), eps=1e-8)
            for name, network in self.networks.items()
        }

    def step(self, batch: Mapping[str, Tensor], run: Run) -> dict[str, float | Tensor]:
        """One update of the discriminator, then one of the generator."""
        self._set_rates(run)
        generator, critic = run.networks["generator"], run.networks["discriminator"]
        # As the networks: a quarter faster on a processor, and what tensor cores want.
        layout = torch.channels_last
        batch = {name: x.contiguous(memory_format=layout) if x.ndim == 4 else x for name, x in batch.items()}
        weights, objective, pairs = self.objective.weights, self.objective.terms, self.objective.batch(**batch)
        with run.accelerator.autocast():
            images = generator(*pairs.generator_inputs())
        terms: dict[str, Tensor] = {}
        if weights.adversarial > 0:
            with run.accelerator.autocast():
                terms |= objective.discriminator_terms(critic, images, pairs, weights)
            run.update("discriminator", terms["loss_D"])
        # The generator's gradient passes through the discriminator without being kept there.
        critic.requires_grad_(False)
        with run.accelerator.autocast():
            terms |= objective.generator_terms(critic, images, pairs, weights)
        run.update("generator", terms["loss_G"])
        critic.requires_grad_(True)
        return {name: value.detach() for name, value in terms.items()}

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
        (z_a, s_a), (z_b, s_b) = map(generator.encode_at_any_size, (x_a, x_b))
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


def new_generator(
    options: CrossbreedTrainOptions, trained_on: str = "", cls: type[CrossbreedGenerator] = CrossbreedGenerator
) -> CrossbreedGenerator:
    """An untrained generator of a run's size."""
    names = ("img_size", "n_f", "max_style_f", "n_mlp_f", "n_mlp_blks")
    sizes = {name: getattr(options, name) for name in names}
    return cls(**sizes, spectral_norm=options.spectral, trained_on=trained_on)


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
            name), "heads" (the same with trimaps: aligned pairs with a teacher between them), "sequences" (one folder
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
        return read_folders(data_root(data), options.img_size, window)
    if kind == "table":
        return read_table(
            Path(data), Path(data).with_suffix(".zip"), options.img_size, window, progress=progress, **choice
        )
    if kind == "heads":
        return read_heads(Path(data), Path(data).with_suffix(".zip"), options.img_size, progress=progress, **choice)
    if kind == "sequences":
        return SequenceFolders.read(data_root(data), options.img_size)
    if kind == "teacher":
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

"""Training by part: which recipe, from which networks, and how a run becomes a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from core.errors import unknown_name
from core.options import check, fields_of, parse_value
from core.progress import Progress, silent
from core.ripple.data.head_pairs import HeadPairs
from core.ripple.methods.head_turn.painter import Painter
from core.ripple.paper import train_e4e, train_graphonomy, train_hfgi, train_lama, train_stylegan2
from core.ripple.paper.directions import FILE, load_directions
from core.ripple.paper.e4e import Encoder
from core.ripple.paper.fusion import ResidualAligner, ResidualEncoder
from core.ripple.paper.graphonomy import Graphonomy
from core.ripple.paper.inversion import FLOW_EDITS
from core.ripple.paper.lama import Lama
from core.ripple.paper.loss_networks import IdentityNet, Lpips
from core.ripple.paper.stylegan2 import Generator, grown, settings
from core.ripple.training import autoencoder as train_autoencoder
from core.ripple.training import turn as train_turn
from core.training import Recipe, Source, load_trained, train

CLASSES: dict[str, type] = {
    "encoder": Encoder, "generator": Generator, "aligner": ResidualAligner, "residual": ResidualEncoder,
    "pre_aligner": ResidualAligner, "painter": Painter, "parser": Graphonomy, "inpainter": Lama,
}  # fmt: skip
# widths divide by 16: oneDNN's bfloat16 gradients crash on convolutions of 8, 12 or 24 channels (torch 2.13, CPU)
PREVIEW_ALIGNER = {"channels": (16, 32, 48, 64)}
PREVIEW_RESIDUAL = {"channels": (16, 32, 48), "strides": (2, 1)}


@dataclass(frozen=True)
class Part:
    """One trainer: its options, what batches it reads, and its recipe from (options, origin)."""

    options: type
    source: Callable[[Any], Source]
    recipe: Callable[[Any, Path | None], Recipe]


def networks_from(folder: Path, names: tuple[str, ...]) -> dict[str, Any]:
    """Networks of a record by name, each of its class in `CLASSES`; those that it does not have are left out."""
    from core.weights import load_strict

    return {name: load_strict(CLASSES[name], folder, name) for name in names if (folder / name).is_dir()}


def learned_directions(folder: Path, encoder: Encoder) -> train_autoencoder.LearnedDirections:
    """The directions of a record as a trainable module."""
    module = train_autoencoder.LearnedDirections(encoder.config.heads, encoder.config.channels[-1])
    linear = load_directions(folder).linear
    for index, name in enumerate(FLOW_EDITS):
        if name in linear:
            module.linear.data[index] = linear[name]
    return module


def judges(options: Any) -> dict[str, nn.Module]:
    """The judging networks that the options' weights ask for."""
    from core.weights import load_strict, resolve

    wanted = {
        "lpips": (Lpips, getattr(options, "lpips_lambda", 0)),
        "identity": (IdentityNet, getattr(options, "id_lambda", 0)),
    }
    return {n: load_strict(cls, resolve(f"ripple-{n}").folder, n) for n, (cls, weight) in wanted.items() if weight}


def autoencoder(options: train_autoencoder.AutoencoderOptions, origin: Path | None) -> Recipe:
    """From scratch, or from a record with encoder, generator, pre_aligner and directions."""
    if origin is None:
        return train_autoencoder.AutoencoderRecipe(options)
    networks = networks_from(origin, ("encoder", "generator", "pre_aligner"))
    networks["directions"] = learned_directions(origin, networks["encoder"])
    return train_autoencoder.AutoencoderRecipe(options, networks)


def fusion(options: train_hfgi.FusionOptions, origin: Path | None) -> Recipe:
    """From a record with encoder and generator; aligner and residual encoder start fresh where it has none."""
    folder = origin or Path("weights/ripple-preview")
    networks = networks_from(folder, ("encoder", "generator", "pre_aligner", "aligner", "residual"))
    if options.grow_to > networks["generator"].config.size:
        networks["generator"] = grown(networks["generator"], options.grow_to)
    networks = {**fresh_fusion(networks["generator"]), **networks}
    if options.pairs:
        networks["directions"] = learned_directions(folder, networks["encoder"])
    return train_hfgi.FusionRecipe(options, networks, judges(options))


def fresh_fusion(generator: Generator) -> dict[str, Any]:
    """A new aligner and residual encoder that fit a generator."""
    level, small = generator.config.fusion_size, generator.config.size <= 256
    width = min(generator.config.channel_max, generator.config.channel_base // level)
    return {
        "aligner": ResidualAligner(size=min(256, generator.config.size), **(PREVIEW_ALIGNER if small else {})),
        "residual": ResidualEncoder(
            condition_channels=width, condition_size=level, **(PREVIEW_RESIDUAL if small else {})
        ),
    }


def turn(options: train_turn.TurnOptions, origin: Path | None) -> Recipe:
    """From a record with encoder and generator; pre-aligner and painter start fresh where it has none of that shape."""
    folder = origin or Path("weights/ripple-preview")
    networks = networks_from(folder, ("encoder", "generator", "pre_aligner", "painter"))
    networks["directions"] = learned_directions(folder, networks["encoder"])
    for name, network in train_turn.fresh(options).items():
        if name not in networks or settings(networks[name]) != settings(network):
            networks[name] = network
    return train_turn.TurnRecipe(options, networks)


def encoder(options: train_e4e.EncoderOptions, origin: Path | None) -> Recipe:
    """Into the space of a record's generator; the encoder starts fresh where the record has none."""
    networks = networks_from(origin or Path("weights/ripple-preview"), ("encoder", "generator"))
    return train_e4e.EncoderRecipe(options, networks, judges(options))


def parser(options: train_graphonomy.ParserOptions, origin: Path | None) -> Recipe:
    """From scratch at preview size, or from a record's parser."""
    return train_graphonomy.ParserRecipe(options, networks_from(origin, ("parser",))["parser"] if origin else None)


def inpainter(options: train_lama.InpainterOptions, origin: Path | None) -> Recipe:
    """From scratch at preview size, or from a record's inpainter."""
    network = networks_from(origin, ("inpainter",))["inpainter"] if origin else None
    return train_lama.InpainterRecipe(options, network, judges=judges(options))


def heads(options: Any) -> HeadPairs:
    """Pairs of heads at the size of the options (128 px where they have none)."""
    return HeadPairs(Path(options.data), size=getattr(options, "size", 128))


PARTS: dict[str, Part] = {
    "autoencoder": Part(train_autoencoder.AutoencoderOptions, train_autoencoder.open_source, autoencoder),
    "generator": Part(train_stylegan2.GeneratorOptions, heads, lambda o, _: train_stylegan2.GeneratorRecipe(o)),
    "encoder": Part(train_e4e.EncoderOptions, heads, encoder),
    "fusion": Part(train_hfgi.FusionOptions, heads, fusion),
    "turn": Part(train_turn.TurnOptions, train_turn.open_source, turn),
    "parser": Part(train_graphonomy.ParserOptions, lambda o: train_graphonomy.LabelledHeads(heads(o)), parser),
    "inpainter": Part(train_lama.InpainterOptions, lambda o: train_lama.HoledPictures(heads(o)), inpainter),
}


def part_of_name(name: str) -> Part:
    """A part by name."""
    if name not in PARTS:
        raise unknown_name("part", name, PARTS)
    return PARTS[name]


def list_options(name: str) -> list[str]:
    """One line per option of a part."""
    return [f"{field.name} = {field.default}: {field.help}" for field in fields_of(part_of_name(name).options)]


def run_part(
    name: str,
    given: Mapping[str, str],
    origin: str | None = None,
    target: Path | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train one part from options as text, and export it if `target` is named."""
    part = part_of_name(name)
    known = {field.name: field for field in fields_of(part.options)}
    for option_name in given:
        if option_name not in known:
            raise unknown_name("option", option_name, known)
    options = check(part.options(**{key: parse_value(known[key], str(value)) for key, value in given.items()}))
    recipe = part.recipe(options, Path(origin) if origin else None)
    folder = train(recipe, part.source(options), options, progress)
    result: dict[str, Any] = {"folder": str(folder), "steps": options.steps}
    if target is not None:
        result["exported"] = export(recipe, folder, target)
    return result


def export(recipe: Recipe, run: Path, target: Path) -> list[str]:
    """Write a run's trained networks (averaged where they are) and directions into a record folder."""
    from core.weights import save_model, seal

    written = []
    load_trained(run, recipe.networks)
    for name, network in recipe.networks.items():
        if isinstance(network, train_autoencoder.LearnedDirections):
            network.directions().save(target)
            written.append(str(target / FILE))
        elif name in recipe.averaged and name in CLASSES:
            written.append(str(save_model(network, target / name)))
    seal(target)
    return written

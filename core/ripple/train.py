"""Training by part: which recipe, from which networks, and how a run becomes a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from core.errors import OptionError, WeightsError, unknown_name
from core.options import check, fields_of, parse_value
from core.progress import Progress, silent
from core.ripple import (
    train_autoencoder,
    train_encoder,
    train_fusion,
    train_generator,
    train_inpainter,
    train_parser,
    train_turn,
)
from core.ripple.data import HeadPairs
from core.ripple.edits import FILE, load_directions
from core.ripple.inversion import FLOW_EDITS
from core.ripple.network_encoder import Encoder
from core.ripple.network_fusion import ResidualAligner, ResidualEncoder
from core.ripple.network_generator import Generator, grown, settings
from core.ripple.network_graphonomy import Graphonomy
from core.ripple.network_judges import IdentityNet, Lpips
from core.ripple.network_lama import Lama
from core.ripple.network_painter import Painter
from core.training import Recipe, Source, load_trained, train

CLASSES: dict[str, type] = {
    "encoder": Encoder, "generator": Generator, "aligner": ResidualAligner, "residual": ResidualEncoder,
    "pre_aligner": ResidualAligner, "painter": Painter, "parser": Graphonomy, "inpainter": Lama,
}  # fmt: skip
# widths divide by 16: oneDNN's bfloat16 gradients crash on convolutions of 8, 12 or 24 channels (torch 2.13, CPU)
# halved three times by the painters, drawn from 4 px on by the generators
SIZES = dict.fromkeys(("turn", "inpainter"), range(16, 4096, 8)) | dict.fromkeys(
    ("generator", "autoencoder"), [2**power for power in range(4, 11)]
)
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


def fusion(options: train_fusion.FusionOptions, origin: Path | None) -> Recipe:
    """From a record with encoder and generator; aligner and residual encoder start fresh where it has none."""
    folder = origin or Path("weights/ripple-preview")
    networks = networks_from(folder, ("encoder", "generator", "pre_aligner", "aligner", "residual"))
    if options.grow_to > networks["generator"].config.size:
        networks["generator"] = grown(networks["generator"], options.grow_to)
    networks = {**fresh_fusion(networks["generator"]), **networks}
    if options.pairs:
        networks["directions"] = learned_directions(folder, networks["encoder"])
    return train_fusion.FusionRecipe(options, networks, judges(options))


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


def encoder(options: train_encoder.EncoderOptions, origin: Path | None) -> Recipe:
    """Into the space of a record's generator; the encoder starts fresh where the record has none."""
    networks = networks_from(origin or Path("weights/ripple-preview"), ("encoder", "generator"))
    return train_encoder.EncoderRecipe(options, networks, judges(options))


def parser(options: train_parser.ParserOptions, origin: Path | None) -> Recipe:
    """From scratch at preview size, or from a record's parser."""
    return train_parser.ParserRecipe(options, networks_from(origin, ("parser",))["parser"] if origin else None)


def inpainter(options: train_inpainter.InpainterOptions, origin: Path | None) -> Recipe:
    """From scratch at preview size, or from a record's inpainter."""
    network = networks_from(origin, ("inpainter",))["inpainter"] if origin else None
    return train_inpainter.InpainterRecipe(options, network, judges=judges(options))


def heads(options: Any) -> HeadPairs:
    """Pairs of heads at the size of the options (128 px where they have none)."""
    return HeadPairs(Path(options.data), size=getattr(options, "size", 128))


PARTS: dict[str, Part] = {
    "autoencoder": Part(train_autoencoder.AutoencoderOptions, train_autoencoder.open_source, autoencoder),
    "generator": Part(train_generator.GeneratorOptions, heads, lambda o, _: train_generator.GeneratorRecipe(o)),
    "encoder": Part(train_encoder.EncoderOptions, heads, encoder),
    "fusion": Part(train_fusion.FusionOptions, heads, fusion),
    "turn": Part(train_turn.TurnOptions, train_turn.open_source, turn),
    "parser": Part(train_parser.ParserOptions, lambda o: train_parser.LabelledHeads(heads(o)), parser),
    "inpainter": Part(train_inpainter.InpainterOptions, lambda o: train_inpainter.HoledPictures(heads(o)), inpainter),
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
    size = getattr(options, "size", None)
    if size is not None and name in SIZES and size not in SIZES[name]:
        raise OptionError(f"option size is {size}, the part {name} works at {SIZES[name][0]}, {SIZES[name][1]}, ... px")
    try:
        recipe = part.recipe(options, Path(origin) if origin else None)
    except KeyError as error:
        raise WeightsError(f"{origin} has no network {error}, which the part {name} starts from") from error
    generator = recipe.networks.get("generator")
    if name == "autoencoder" and isinstance(generator, Generator) and size != generator.config.size:
        own = generator.config.size
        raise OptionError(f"option size is {size}, the generator of {origin} has {own}: say --option size={own}")
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

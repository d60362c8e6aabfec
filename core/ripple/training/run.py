"""Training by part: which recipe, from which networks, and how a run becomes a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from core.errors import OptionError, unknown_name
from core.metrics.lpips import Lpips
from core.options import fields_of, from_query
from core.progress import Progress, silent
from core.ripple.components import NETWORKS, load_networks
from core.ripple.data.head_pairs import HeadPairs
from core.ripple.data.sources import HoledPictures, LabelledHeads
from core.ripple.methods.head_turn.pre_aligner import FLOW_EDITS
from core.ripple.paper.directions import FILE, load_directions
from core.ripple.paper.e4e import Encoder
from core.ripple.paper.graphonomy import Graphonomy
from core.ripple.paper.lama import Lama
from core.ripple.paper.loss_networks import IdentityNet
from core.ripple.paper.stylegan2 import Generator
from core.ripple.paper.train_graphonomy import ParserOptions, ParserRecipe
from core.ripple.paper.train_stylegan2 import GeneratorOptions, GeneratorRecipe
from core.ripple.training import autoencoder, preview, turn
from core.ripple.training.autoencoder import LearnedDirections
from core.training import Recipe, Source, load_trained, train
from core.weights import load_strict, resolve, save_model, seal

SHIPPED = Path("weights/ripple-preview")
# Halved three times by the painters, drawn from 4 px on by the generators.
SIZES: dict[str, Sequence[int]] = {
    **dict.fromkeys(("turn", "inpainter"), range(16, 4096, 8)),
    **dict.fromkeys(("generator", "autoencoder"), [2**power for power in range(4, 11)]),
}


@dataclass(frozen=True)
class Part:
    """One trainer: its options, what batches it reads, and its recipe from (options, folder of a record or None)."""

    options: type
    source: Callable[[Any], Source]
    recipe: Callable[[Any, Path | None], Recipe]


def learned_directions(folder: Path, encoder: Encoder) -> LearnedDirections:
    """The directions of a record as a trainable module."""
    module = LearnedDirections(encoder.config.heads, encoder.config.channels[-1])
    linear = load_directions(folder).linear
    for index, name in enumerate(FLOW_EDITS):
        if name in linear:
            module.linear.data[index] = linear[name]
    return module


def judges(options: Any) -> dict[str, nn.Module]:
    """The judging networks that the options' weights ask for."""
    wanted = {
        "lpips": (Lpips, getattr(options, "lpips_lambda", 0)),
        "identity": (IdentityNet, getattr(options, "id_lambda", 0)),
    }
    return {n: load_strict(cls, resolve(f"ripple-{n}").folder, n) for n, (cls, weight) in wanted.items() if weight}


def autoencoder_recipe(options: autoencoder.AutoencoderOptions, origin: Path | None) -> Recipe:
    """From scratch, or from a record with encoder, generator, pre_aligner and directions."""
    if origin is None:
        return autoencoder.AutoencoderRecipe(options)
    networks = load_networks(origin, ("encoder", "generator", "pre_aligner"))
    networks["directions"] = learned_directions(origin, networks["encoder"])
    return autoencoder.AutoencoderRecipe(options, networks)


def fusion_recipe(options: preview.OwnFusionOptions, origin: Path | None) -> Recipe:
    """From a record with encoder and generator; aligner and residual encoder start fresh where it has none."""
    folder = origin or SHIPPED
    networks = load_networks(folder, ("encoder", "generator"), ("pre_aligner", "aligner", "residual"))
    if options.grow_to > networks["generator"].config.size:
        networks["generator"] = preview.grown(networks["generator"], options.grow_to)
    networks = {**preview.fresh_fusion(networks["generator"]), **networks}
    if not options.pairs:
        return preview.OwnFusionRecipe(options, networks, judges(options))
    networks["directions"] = learned_directions(folder, networks["encoder"])
    return preview.PairFusionRecipe(options, networks, judges(options))


def turn_recipe(options: turn.TurnOptions, origin: Path | None) -> Recipe:
    """From a record with encoder and generator; pre-aligner and painter start fresh where it has none of that shape."""
    folder = origin or SHIPPED
    networks = load_networks(folder, ("encoder", "generator"), ("pre_aligner", "painter"))
    networks["directions"] = learned_directions(folder, networks["encoder"])
    for name, network in turn.fresh(options).items():
        if name not in networks or preview.settings(networks[name]) != preview.settings(network):
            networks[name] = network
    return turn.TurnRecipe(options, networks)


def encoder_recipe(options: preview.OwnEncoderOptions, origin: Path | None) -> Recipe:
    """Into the space of a record's generator, on from its encoder."""
    networks = load_networks(origin or SHIPPED, ("encoder", "generator"))
    return preview.OwnEncoderRecipe(options, networks, judges(options))


def parser_recipe(options: ParserOptions, origin: Path | None) -> Recipe:
    """From scratch at preview size, or from a record's parser."""
    known = load_networks(origin, ("parser",)) if origin else {"parser": Graphonomy(**preview.PARSER)}
    return ParserRecipe(options, known["parser"])


def inpainter_recipe(options: preview.OwnInpainterOptions, origin: Path | None) -> Recipe:
    """From scratch at preview size, or from a record's inpainter."""
    known = load_networks(origin, ("inpainter",)) if origin else {"inpainter": Lama(**preview.INPAINTER)}
    return preview.OwnInpainterRecipe(options, known["inpainter"], judges(options))


def heads(options: Any) -> HeadPairs:
    """Pairs of heads at the size of the options (128 px where they have none)."""
    return HeadPairs(Path(options.data), size=getattr(options, "size", 128))


PARTS: dict[str, Part] = {
    "autoencoder": Part(autoencoder.AutoencoderOptions, autoencoder.open_source, autoencoder_recipe),
    "generator": Part(GeneratorOptions, heads, lambda options, _: GeneratorRecipe(options)),
    "encoder": Part(preview.OwnEncoderOptions, heads, encoder_recipe),
    "fusion": Part(preview.OwnFusionOptions, heads, fusion_recipe),
    "turn": Part(turn.TurnOptions, turn.open_source, turn_recipe),
    "parser": Part(ParserOptions, lambda options: LabelledHeads(heads(options)), parser_recipe),
    "inpainter": Part(preview.OwnInpainterOptions, lambda options: HoledPictures(heads(options)), inpainter_recipe),
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
    options: Any = from_query(part.options, given)
    size = getattr(options, "size", None)
    if name in SIZES and size not in SIZES[name]:
        raise OptionError(f"option size is {size}, the part {name} works at {SIZES[name][0]}, {SIZES[name][1]}, ... px")
    recipe = part.recipe(options, Path(origin) if origin else None)
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
    written = []
    load_trained(run, recipe.networks)
    for name, network in recipe.networks.items():
        if isinstance(network, LearnedDirections):
            network.directions().save(target)
            written.append(str(target / FILE))
        elif name in recipe.averaged and name in NETWORKS:
            written.append(str(save_model(network, target / name)))
    seal(target)
    return written

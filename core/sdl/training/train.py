"""Trainers of the five jobs: the published objectives, and plain pixels for the small shipped networks.

python -m core sdl train --task vfi --data sequences/ --out runs/vfi                     # as published
python -m core sdl train --task i2i --network sdl-ageing --objective pixels --direction signed ... # as shipped
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.construction import building
from core.errors import OptionError, unknown_name
from core.ops.vgg import VGG19Features
from core.progress import Progress, silent
from core.sdl.data.datasets import SequenceSource, StyleCodes, StylePairs
from core.sdl.jobs import SHIPPED
from core.sdl.loading import AnyNet, build_network, load_network
from core.sdl.methods.flow_hypotheses.network import HypothesisSDLNet
from core.sdl.methods.style.network import SDLStyleNet
from core.sdl.paper.convert import network_of, state_of
from core.sdl.paper.discriminator import PatchGANDiscriminator
from core.sdl.paper.network import SDLNet
from core.sdl.paper.objectives import AdversarialRecipe, PictureRecipe, StyleRecipe, TransitionRecipe
from core.sdl.paper.recipes import Published, published
from core.sdl.training.objectives import CodeRecipe, PixelRecipe, cosine_rate
from core.sdl.training.options import OBJECTIVES, TransitionTrainOptions
from core.sdl.training.thin_structures import ThinPairs, ThinRecipe
from core.training import Source, train
from core.training.store import data_root
from core.weights import open_checkpoint

# What a network of ours may have got since it was trained.
PARTS = ("look_widths", "thin_widths")


def filled(options: TransitionTrainOptions) -> TransitionTrainOptions:
    """Options with every None (and 0 for batch and lr) replaced by the published recipe's value."""
    recipe = published(options.task)
    values: dict[str, Any] = {
        name: getattr(recipe, name)
        for name in ("batch", "lr", "size_px", "fit", "flip", "rotate", "extend_t", "multi_scale")
    }
    values |= {"gan": recipe.terms.get("gan", 0.0), "perceptual": recipe.terms.get("perceptual", 0.0)}
    return replace(
        options,
        **{
            name: value
            for name, value in values.items()
            if getattr(options, name) is None or (name in ("batch", "lr") and not getattr(options, name))
        },
    )


def recipe_values(options: TransitionTrainOptions) -> Published:
    """The published recipe with what the options say; no None is left in them."""
    recipe = published(options.task)
    same = {field.name: getattr(options, field.name) for field in fields(recipe) if hasattr(options, field.name)}
    given = {"gan": float(options.gan or 0), "perceptual": float(options.perceptual or 0)}
    return replace(recipe, **same, terms={**recipe.terms, **given})


def generator_for(options: TransitionTrainOptions) -> AnyNet:
    """The network to train: published, small, or a checkpoint's.

    Raises:
        OptionError: a small network of another task, or a checkpoint with other channels.
    """
    channels = published(options.task).num_in_ch
    if options.start_from and Path(options.start_from).is_dir():
        network = with_new_parts(load_network(Path(options.start_from)), options.network).train()
    elif options.start_from:
        network = network_of(state_of(open_checkpoint(Path(options.start_from))), options.split)
    elif options.network == "published":
        network = SDLNet(num_in_ch=channels, split=options.split)
    else:
        network = build_network(options.network, options.split)
    if network.config.num_in_ch != channels:
        raise OptionError(
            f"task {options.task} needs {channels} input channels, {options.start_from or options.network} has "
            f"{network.config.num_in_ch}: choose the network of that task"
        )
    # A quarter faster on processors, and what tensor cores want.
    return network.to(memory_format=torch.channels_last)


def with_new_parts(network: AnyNet, name: str) -> AnyNet:
    """The network, and those of `PARTS`, still silent, that it lacks and the shipped `name` has."""
    shipped = SHIPPED.get(name, {})
    missing = {part: shipped[part] for part in PARTS if shipped.get(part) and not network.config.get(part)}
    if not isinstance(network, HypothesisSDLNet) or not missing:
        return network
    known = {key: value for key, value in network.config.items() if not key.startswith("_")}
    wider = HypothesisSDLNet(**(known | missing))
    wider.load_state_dict(network.state_dict(), strict=False)
    return wider


def known_of(options: TransitionTrainOptions) -> str:
    """What the network to train wants to know with its inputs, see `SequenceSource`."""
    return {"landmarks": "motion", "face": "guide"}.get(SHIPPED.get(options.network, {}).get("matching", ""), "")


def source_for(options: TransitionTrainOptions) -> Source:
    """Where the batches come from."""
    roots = [data_root(root.strip()) for root in options.data.split(",")]
    if options.task == "style_transfer" and options.objective == "published":
        if len(roots) != 2:
            raise OptionError(f"data is {options.data!r}; published style training needs two folders: content,style")
        return StylePairs(roots[0], roots[1], int(options.size_px or 0))
    if options.objective == "codes":
        return StyleCodes(roots[0])
    if options.objective == "thin":
        return ThinPairs(roots)
    return SequenceSource(
        options.task, roots, int(options.size_px or 0), str(options.fit), bool(options.flip), bool(options.rotate),
        bool(options.extend_t), options.direction, known_of(options),
    )  # fmt: skip


def recipe_for(options: TransitionTrainOptions, sheet: Mapping[str, Tensor]) -> TransitionRecipe:
    """The trainer of a task and objective; options with no None left."""
    if options.objective not in OBJECTIVES:
        raise unknown_name("objective", options.objective, OBJECTIVES)
    recipe = choose_recipe(generator_for(options), recipe_values(options), options, sheet)
    if options.decay_steps:
        recipe.rate = lambda step: cosine_rate(options.lr, step, options.decay_steps)
    return recipe


def choose_recipe(
    generator: AnyNet, values: Published, options: TransitionTrainOptions, sheet: Mapping[str, Tensor]
) -> TransitionRecipe:
    """The trainer of an objective, with the published rate."""
    if isinstance(generator, HypothesisSDLNet) and generator.thin is not None:
        # It has an objective of its own, which lets it learn again.
        generator.thin.requires_grad_(False)
    if options.objective == "published":
        return published_recipe(generator, values, options, sheet)
    if options.objective == "codes":
        if not isinstance(generator, SDLStyleNet):
            raise OptionError("the objective codes trains the network sdl-style: add --network sdl-style")
        return CodeRecipe(generator, values, sheet)
    if options.objective == "thin":
        return ThinRecipe(generator, values, sheet)
    return PixelRecipe(generator, values, sheet, options.psnr, options.detail)


def published_recipe(
    generator: AnyNet, values: Published, options: TransitionTrainOptions, sheet: Mapping[str, Tensor]
) -> TransitionRecipe:
    """The published trainer of a task."""
    if options.task == "style_transfer":
        vgg = VGG19Features.from_file(options.vgg)
        return StyleRecipe(generator, values, sheet, vgg, options.style_gradient)
    if options.task == "vfi":
        return PictureRecipe(
            generator, values, sheet, VGG19Features.from_file(options.vgg) if options.perceptual else None
        )
    return AdversarialRecipe(generator, PatchGANDiscriminator(**dict(values.discriminator or {})), values, sheet)


def run_training(options: TransitionTrainOptions, progress: Progress = silent) -> Path:
    """Train until `options.steps`, or go on where an earlier call stopped; returns the run's folder."""
    options = filled(options)
    source = source_for(options)
    sheet = source.draw(np.random.default_rng(options.seed), 3)
    with building(options.seed):
        recipe = recipe_for(options, sheet)
    return train(recipe, source, options, progress)

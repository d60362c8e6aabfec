"""Training runs of GFLA on `core.training`: which data and which recipe a task has, and what is exported.

The defaults are the published settings; `core.gfla.options.SHIPPED` made the weights in `weights/gfla-people/`.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from core.construction import building
from core.errors import InputError
from core.gfla.data.clips import DanceClips, FaceClips
from core.gfla.data.drawn_views import DrawnViews
from core.gfla.data.pairs import PAIR_FRAMES, annotated_pairs
from core.gfla.data.people import STUDIO_GREY, PeoplePairs, load_people
from core.gfla.data.view_data import ViewPairs
from core.gfla.methods.limb_layers import recipe as limb_layers
from core.gfla.methods.limb_layers.network import generator_class
from core.gfla.methods.object_model.copying import CopyingGenerator
from core.gfla.methods.object_model.recipe import DrawnViewRecipe
from core.gfla.methods.random_features.features import RandomFeatures
from core.gfla.options import KINDS, GflaTrainOptions, with_recipe
from core.gfla.paper.features import PublishedFeatures
from core.gfla.paper.network import Generator
from core.gfla.paper.network_animation import DanceGenerator, FaceGenerator
from core.gfla.paper.network_views import VIEW_SIDE_PX, ShapeNetGenerator
from core.gfla.paper.recipe import Batch, Recipe, ViewFlowRecipe, ViewRecipe
from core.gfla.paper.recipe_clips import AnimationRecipe
from core.gfla.training.card import card_texts
from core.progress import Progress, silent
from core.training import Card, train
from core.training import export as export_run
from core.training.journal import options_of
from core.training.store import data_root

FRAMES = {
    "people": (128, 96), "face": (256, 256), "dance": (256, 256), "views": (VIEW_SIDE_PX, VIEW_SIDE_PX), **PAIR_FRAMES,
}  # fmt: skip
CLIPS = ("face", "dance")
PUBLISHED_WIDTHS = {"ngf": 64, "img_f": 512, "flow_ngf": 32, "flow_img_f": 256}
# Degrees, pixels and share of the scale by which market pictures are moved, as published; fashion's are not.
AUGMENT = {"fashion": None, "market": (5.0, 5.0, 0.05)}
# The word for `data` that has chairs and cars drawn on the way, and the side of their pictures.
DRAWN, DRAWN_PX = "drawn", 128
SUBSETS = {"dance": ("iper", "fashion"), "views": ("car", "chair")}


def network_config(options: GflaTrainOptions) -> dict[str, Any]:
    """The generator's configuration for a task, as far as it differs from the published one."""
    if options.task == "people":
        ngf, flow = max(8, round(32 * options.width)), max(8, round(16 * options.width))
        return {
            "attn_layers": (2, 3), "kernel_sizes": (3, 3), "ngf": ngf, "img_f": 4 * ngf, "flow_ngf": flow,
            "flow_img_f": 8 * flow, "sample_hw": FRAMES["people"], "heatmap_sigma_px": 3.0, "studio_grey": STUDIO_GREY,
            "limb_layers": True,
        }  # fmt: skip
    config: dict[str, Any] = {"sample_hw": FRAMES[options.task]} if options.task in PAIR_FRAMES else {}
    if draws(options):
        config = {"sample_hw": (DRAWN_PX, DRAWN_PX)}
    if options.task == "market":
        config |= {"attn_layers": (2,), "kernel_sizes": (3,)}
    if options.width != 1:
        config |= {name: max(8, round(options.width * value)) for name, value in PUBLISHED_WIDTHS.items()}
    return config


def draws(options: GflaTrainOptions) -> bool:
    """Whether the training data are objects that we draw."""
    return options.task == "views" and options.data == DRAWN


def feature_network(name: str) -> nn.Module:
    """The network for a training option: "random" for the substitute, otherwise a path to VGG19 weights."""
    return RandomFeatures().eval() if name == "random" else PublishedFeatures(name)


def data_of(options: GflaTrainOptions) -> tuple[Any, Batch | None]:
    """The training data of a task, and pairs of held-out people for the sample sheets."""
    frame, root = FRAMES[options.task], data_root(options.data)
    subset = options.subset or SUBSETS.get(options.task, ("",))[0]
    if options.task == "face":
        return FaceClips(root, "train", frame[0], options.clip_frames, options.frame_step), None
    if options.task == "dance":
        return DanceClips(root, "train", subset, frame[0], options.clip_frames, options.frame_step), None
    if draws(options):
        views = DrawnViews((options.subset,) if options.subset else KINDS, DRAWN_PX)
        return views, views.shown()
    if options.task == "views":
        return ViewPairs(root, subset, "train", frame[0]), None
    if options.task in PAIR_FRAMES:
        return annotated_pairs(options.task, root, "train", AUGMENT[options.task]), None
    people = load_people(root, frame, options.limit or None)
    test = people.subset(people.test)
    shown = PeoplePairs(test, hide=0.0, mirror=False).draw(np.random.default_rng(7), 8) if len(test.names) else None
    return PeoplePairs(people.subset(~people.test), augment=options.augment), shown


def recipe_of(options: GflaTrainOptions, shown: Batch | None = None) -> Recipe:
    """What trains a task's stage."""
    config, features = network_config(options), feature_network(options.features)
    if options.task in CLIPS:
        return AnimationRecipe(options, config, features)
    if draws(options):
        return DrawnViewRecipe(options, config, features, shown)
    if options.task == "views":
        return (ViewFlowRecipe if options.stage == "flow" else ViewRecipe)(options, config, features)
    return limb_layers.recipe_of(options, config, features, shown)


def check_task(options: GflaTrainOptions) -> None:
    """Refuse options that do not go together.

    Raises:
        InputError: which, and what fits.
    """
    if options.task in CLIPS and (options.stage == "flow" or options.start):
        raise InputError(f"task {options.task} has one stage: use --stage all without --start, as published")
    if options.start and options.stage == "flow":
        raise InputError("--start names a stage 1 run for stage 2: use --stage all with it")
    if options.recipe == "shipped" and options.task != "people" and not draws(options):
        raise InputError(
            f"--recipe shipped is that of the people and of drawn views: leave it out for task {options.task}"
        )
    if draws(options) and options.stage == "flow":
        raise InputError("--data drawn knows the true flow and has one stage: use --stage all")
    fitting = SUBSETS.get(options.task, ())
    if options.subset and options.subset not in fitting:
        said = f"{' or '.join(sorted(fitting))} fits" if fitting else "leave it out"
        raise InputError(f"--subset {options.subset} is none of task {options.task}: {said}")


def run_training(options: GflaTrainOptions, progress: Progress = silent, given: Collection[str] = ()) -> Path:
    """Train one stage; returns the run's folder. A recipe leaves the options alone that are `given`.

    Raises:
        InputError: data that is not there, or options that do not go together.
    """
    check_task(options)
    options = with_recipe(options, given)
    data, shown = data_of(options)
    with building(options.seed):
        recipe = recipe_of(options, shown)
    return train(recipe, data, options, progress)


def generator_of(options: GflaTrainOptions) -> Generator:
    """The empty generator of a task."""
    config = network_config(options)
    others: Mapping[str, type[Generator]] = {
        "face": FaceGenerator,
        "dance": DanceGenerator,
        "views": CopyingGenerator if draws(options) else ShapeNetGenerator,
    }
    return others.get(options.task, generator_class(config))(**config)


def export(run_folder: Path, folder: Path) -> Path:
    """Write the averaged generator of a stage 2 run, its card and, where it made any, its newest sample sheet."""
    facts = options_of(run_folder)
    known = {field.name for field in dataclasses.fields(GflaTrainOptions)}
    options = GflaTrainOptions(**{key: value for key, value in facts.items() if key in known})
    sheets = sorted((Path(run_folder) / "samples").glob("*.png"))
    Path(folder).mkdir(parents=True, exist_ok=True)
    if sheets:
        shutil.copyfile(sheets[-1], Path(folder) / "sheet.png")
    card = Card(system="gfla", **card_texts(options))
    return export_run(run_folder, {"generator": generator_of(options)}, folder, card)

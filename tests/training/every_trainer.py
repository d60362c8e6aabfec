"""Every trainer on tiny networks; run as a script it trains them all, in as many processes as it was started in."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from core.construction import building
from core.crossbreed.training.recipe import CrossbreedRecipe
from core.gfla.data.drawn_views import DrawnViews
from core.gfla.data.people import PeoplePairs
from core.gfla.methods.limb_layers import recipe as limb_layers
from core.gfla.methods.object_model.recipe import DrawnViewRecipe
from core.gfla.methods.random_features.features import RandomFeatures
from core.gfla.options import GflaTrainOptions
from core.gfla.paper.recipe import ViewFlowRecipe, ViewRecipe
from core.training import train
from tests.crossbreed import tiny as pets
from tests.gfla import tiny as people
from tests.ripple.test_training import RECIPES, SOURCES, Faces

VIEW = {"sample_hw": (64, 64), **people.SMALL}


def crossbreed(out, steps):
    options = pets.options(out, steps=steps, save_every=steps, reconstruction=10.0)
    return CrossbreedRecipe(options, pets.photos()), pets.photos(), options


def gfla(kind, out, steps, config=VIEW, data=None, **changes):
    options = GflaTrainOptions(
        out=str(out), steps=steps, save_every=steps, batch=1, sample_every=0, cpu=True, width=0.25, **changes
    )
    return kind(options, config, RandomFeatures()), data or DrawnViews(side_px=64), options


def pose(out, steps):
    def kind(options, config, features):
        return limb_layers.recipe_of(options, config, features, None)

    config = {"limb_layers": True, "sample_hw": people.SIZE, **people.SMALL}
    return gfla(kind, out, steps, config, PeoplePairs(people.people()), stage="all", lambda_style=0.0)


def ripple(name, out, steps):
    recipe = RECIPES[name](out, steps=steps, save_every=steps)
    return recipe, SOURCES.get(name, Faces()), recipe.options


MAKERS = {
    "crossbreed": crossbreed,
    "views": lambda out, steps: gfla(DrawnViewRecipe, out, steps, lambda_prior=0.03),
    "published views, flow": lambda out, steps: gfla(ViewFlowRecipe, out, steps),
    "published views": lambda out, steps: gfla(ViewRecipe, out, steps),
    "pose": pose,
    **{name: lambda out, steps, name=name: ripple(name, out, steps) for name in RECIPES},
}  # fmt: skip


def trained(name: str, out: Path, steps: int) -> None:
    """Train one of them."""
    torch.manual_seed(0)
    with building(0):
        recipe, source, options = MAKERS[name](out, steps)
    train(recipe, source, options)


if __name__ == "__main__":
    torch.set_num_threads(1)
    root, names = Path(sys.argv[1]), sys.argv[2:] or list(MAKERS)
    for name in names:
        for out, steps in (("whole", 2), ("parts", 1), ("parts", 2)):
            trained(name, root / out / name.replace(" ", "-"), steps)

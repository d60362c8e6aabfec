"""Every trainer of the suite, on networks and pictures as small as they can be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.crossbreed.training.head_detector import PetHeadRecipe
from core.crossbreed.training.point_detector import PetPointRecipe
from core.crossbreed.training.recipe import CrossbreedRecipe
from core.crossbreed.training.segmenter import CutHeads, PetMaskRecipe
from core.gfla.data.people import PeoplePairs
from core.gfla.methods.limb_layers.recipe import LimbFlowRecipe, LimbLayerRecipe
from core.gfla.methods.object_model.recipe import DrawnViewRecipe
from core.gfla.methods.random_features.features import RandomFeatures
from core.gfla.options import GflaTrainOptions
from core.gfla.paper.recipe import ViewFlowRecipe, ViewRecipe
from core.gfla.paper.recipe_clips import AnimationRecipe
from core.gfla.paper.views import view_code
from core.sdl.loading import network_class
from core.sdl.paper.discriminator import PatchGANDiscriminator
from core.sdl.paper.objectives import AdversarialRecipe, StyleRecipe
from core.sdl.training.objectives import CodeRecipe, PixelRecipe
from core.sdl.training.options import TransitionTrainOptions
from core.sdl.training.thin_structures import ThinRecipe
from core.sdl.training.train import filled, recipe_values
from core.training import TrainOptions
from tests.crossbreed import tiny as pets
from tests.crossbreed.test_alignment import heads
from tests.crossbreed.test_head_detector import marked
from tests.crossbreed.test_points_and_masks import dots
from tests.gfla import tiny as people
from tests.ripple.test_training import RECIPES as RIPPLE
from tests.ripple.test_training import SOURCES, Faces
from tests.sdl.conftest import FORMS, stirred, tiny
from tests.sdl.published import vgg
from tests.training.toy import SHARED, toy_job

SIDE = people.SIZE[0]
PICTURE = (3, SIDE, SIDE)


class Made:
    """Random numbers of given shapes by name; whole numbers below 18 and 3 are view codes."""

    def __init__(self, **shapes: tuple[int, ...]) -> None:
        self.shapes = shapes

    def draw(self, rng: np.random.Generator, size: int) -> dict[str, torch.Tensor]:
        return {
            name: torch.stack([view_code(*map(int, rng.integers((18, 3)))) for _ in range(size)])
            if name.endswith("view")
            else torch.from_numpy(rng.random((size, *shape), dtype=np.float32))
            for name, shape in self.shapes.items()
        }


VIEWS = Made(source=PICTURE, target=PICTURE, flow=(2, SIDE, SIDE), seen=(1, SIDE, SIDE), source_view=(), target_view=())
CLIPS = {
    task: Made(
        frames=(count, *PICTURE), structures=(count, parts, SIDE, SIDE), reference=PICTURE,
        reference_structure=(parts, SIDE, SIDE),
    )
    for task, count, parts in (("face", 3, 16), ("dance", 6, 20))
}  # fmt: skip
TURNS = Made(inputs=(6, 32, 32), truth=(3, 32, 32), t=())
THIN = Made(frames=(6, 32, 32), dense=(6, 32, 32), ground=(2, 32, 32), unlike=(2, 32, 32), thin=(2, 32, 32))
VGG = vgg()
CODES = Made(inputs=(6, 32, 32), code=(5,), t=())

Job = tuple[Any, Any, Any]


def gfla(recipe: Callable[..., Any], source: Any, **more: Any) -> Callable[[str, int], Job]:
    """A trainer of GFLA at 64 px."""

    def job(out: str, steps: int) -> Job:
        options = GflaTrainOptions(out=out, steps=steps, **SHARED | {"width": 0.125, "lambda_prior": 0.1} | more)
        config = {**people.SMALL, "sample_hw": people.SIZE}
        if recipe in (LimbFlowRecipe, LimbLayerRecipe):
            config["limb_layers"] = True
        if options.stage == "flow":
            config = {name: value for name, value in config.items() if name != "sample_hw"}
        return recipe(options, config, RandomFeatures().eval()), source, options

    return job


def sdl(task: str, source: Any, make: Callable[..., Any], **network: Any) -> Callable[[str, int], Job]:
    """A trainer of SDL at 32 px."""

    def job(out: str, steps: int) -> Job:
        options = filled(TransitionTrainOptions(out=out, steps=steps, task=task, **SHARED | {"lr": 1e-3}))
        built = network if network.get("output") == "style" else None
        net = stirred(network_class(built)(**built)) if built else tiny(**network)
        return make(net.train(), recipe_values(options), {}), source, options

    return job


def adversarial(network: Any, values: Any, sheet: Any) -> AdversarialRecipe:
    judge = PatchGANDiscriminator(num_in_ch=3, num_feat=4, n_layers=2, norm_type="spectral")
    return AdversarialRecipe(network, judge, values, sheet)


def ripple(name: str) -> Callable[[str, int], Job]:
    def job(out: str, steps: int) -> Job:
        recipe = RIPPLE[name](Path(out), steps=steps, **SHARED)
        return recipe, SOURCES.get(name, Faces()), recipe.options

    return job


def crossbreed(source: Any, **more: Any) -> Callable[[str, int], Job]:
    def job(out: str, steps: int) -> Job:
        options = pets.options(out, steps=steps, **SHARED | more)
        return CrossbreedRecipe(options, source), source, options

    return job


def plain(recipe: Callable[..., Any], source: Any, **more: Any) -> Callable[[str, int], Job]:
    def job(out: str, steps: int) -> Job:
        options = TrainOptions(out=out, steps=steps, **SHARED | more)
        return recipe(options, source), source, options

    return job


TRAINERS: dict[str, Callable[[str, int], Job]] = {
    "toy": toy_job,
    "crossbreed teacher": crossbreed(pets.sequences()),
    "crossbreed heads": crossbreed(heads(), spectral=False, contrast=5.0),
    "pet heads": plain(PetHeadRecipe, marked(), accumulate=2),
    "pet points": plain(PetPointRecipe, dots()),
    "pet masks": plain(PetMaskRecipe, CutHeads(torch.full((4, 4, 96, 96), 60, dtype=torch.uint8))),
    "gfla limb flow": gfla(LimbFlowRecipe, PeoplePairs(people.people())),
    "gfla limb layers": gfla(LimbLayerRecipe, PeoplePairs(people.people()), stage="all", lambda_ssim=1.0),
    "gfla view flow": gfla(ViewFlowRecipe, VIEWS, task="views"),
    "gfla views": gfla(ViewRecipe, VIEWS, task="views", stage="all"),
    "gfla drawn views": gfla(DrawnViewRecipe, VIEWS, task="views", stage="all"),
    "gfla face": gfla(AnimationRecipe, CLIPS["face"], task="face", stage="all", chunk_frames=3, batch=1),
    "gfla dance": gfla(AnimationRecipe, CLIPS["dance"], task="dance", stage="all", batch=1),
    "sdl pixels": sdl("vfi", TURNS, PixelRecipe, **FORMS["direct-pair"]),
    "sdl adversarial": sdl("morphing", TURNS, adversarial, **FORMS["direct-pair"]),
    "sdl style": sdl("style_transfer", TURNS, lambda *given: StyleRecipe(*given, VGG), **FORMS["direct-pair"]),
    "sdl codes": sdl("style_transfer", CODES, CodeRecipe, **FORMS["style"]),
    "sdl thin": sdl("vfi", THIN, ThinRecipe, **FORMS["thin"]),
    **{f"ripple {name}": ripple(name) for name in RIPPLE if name != "surface"},
}

"""What pose transfer, animation, views and training can be told. No network is imported here, so that `--help` is quick."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from core.options import option
from core.training.options import TrainOptions

TASKS = ("people", "fashion", "market", "face", "dance", "views")
PAINTERS = ("layers", "network")
BACKGROUNDS = ("studio", "picture")
# Of objects that are turned.
KINDS = ("chair", "car")
# Records of the authors' networks that follow a clip.
ANIMATIONS = {"face": "gfla-face", "dance": "gfla-dance-iper", "dance-fashion": "gfla-dance-fashion"}


@dataclass(frozen=True)
class PoseOptions:
    """How a person is taken from a picture and shown in a new pose."""

    painter: str = option(
        "layers", "layers: the photo's own pixels, moved limb by limb; network: painted by the paper's network",
        choices=PAINTERS,
    )  # fmt: skip
    background: str = option(
        "picture", "picture: in the own picture; studio: the person before plain grey, as the network paints",
        choices=BACKGROUNDS,
    )  # fmt: skip
    height_px: int = option(384, "height of the result before plain grey", low=64, high=1024, step=32)
    person: int = option(1, "which person of the picture, 1 is the largest", low=1, high=20, step=1)
    cut_out: bool = option(True, "cut the person out before painting; needed where the background is not plain")
    fit_body: bool = option(True, "scale target poses to the person's own size and place")


@dataclass(frozen=True)
class AnimationOptions:
    """How a picture is animated."""

    start_frame: int = option(0, "first frame of the driving clip", low=0, high=100_000, step=1)
    frames: int = option(0, "frames of the driving clip to follow, 0 = all", low=0, high=2000, step=1)
    background_edges: bool = option(True, "faces: draw the picture's own edges outside the face too, as trained")


@dataclass(frozen=True)
class ViewOptions:
    """Where the camera was and where it goes; angles are rounded to the trained steps of 20 and 10 degrees."""

    azimuth_deg: float = option(0.0, "side from which the picture was taken", low=0, high=359, step=20)
    elevation_deg: float = option(0.0, "height from which the picture was taken", low=0, high=20, step=10)
    target_elevation_deg: float = option(0.0, "height of the new views", low=0, high=20, step=10)
    turn_deg: float = option(340.0, "how far the camera goes round", low=-360, high=360, step=20)


@dataclass(frozen=True)
class ObjectOptions:
    """How a chair or a car is understood and shown by our models; angles are any, 0 is its front, 90 its own left side."""

    kind: str = option("auto", "what the picture shows; auto tries both", choices=("auto", *KINDS))
    find_side: bool = option(True, "estimate the side and the height that it was taken from, not the two below")
    azimuth_deg: float = option(0.0, "side from which the picture was taken", low=0, high=359, step=1)
    elevation_deg: float = option(10.0, "height from which the picture was taken", low=0, high=30, step=1)
    turn_deg: float = option(360.0, "how far the camera goes round", low=-360, high=360, step=1)
    side_px: int = option(320, "side of the result", low=64, high=1024, step=32)
    frames: int = option(36, "views of the film", low=2, high=360, step=1)
    tries: int = option(800, "models that are tried; fewer fit faster and worse", low=4, high=10000, step=1)


@dataclass(frozen=True)
class GflaTrainOptions(TrainOptions):
    """Options of a GFLA training run."""

    stage: str = option("flow", "flow: the flow network alone; all: everything, end to end", choices=("flow", "all"))
    recipe: str = option(
        "published", "published: the settings of the paper; shipped: those of weights/gfla-people or weights/gfla-views where "
        "a flag leaves its default", choices=("published", "shipped"),
    )  # fmt: skip
    task: str = option(
        "people", "which data and network: people, fashion and market pose a person; face and dance follow clips (stage "
        "all alone); views turn objects", choices=TASKS,
    )  # fmt: skip
    subset: str = option(
        "", "dance: fashion or iper; views: car or chair (default: iper, car)",
        choices=("", "fashion", "iper", "car", "chair"),
    )  # fmt: skip
    data: str = option(
        "../shared/data", "folder of the rendered people, or the data root with its lists or clips; views: drawn has chairs "
        "and cars drawn by us on the way",
    )  # fmt: skip
    clip_frames: int = option(30, "face, dance: frames of a clip seen in one step", low=1, high=1000)
    chunk_frames: int = option(
        6, "face, dance: frames through which gradients run; each chunk is an update", low=1, high=100
    )
    frame_step: int = option(1, "face, dance: frames of the clip between two that are seen, at most", low=1, high=100)
    start: str = option("", "run folder of stage 1 whose flow network stage 2 starts from")
    init: str = option("", "people, stage all: folder of exported weights to begin from (own)")
    features: str = option("random", "random: untrained substitute features; otherwise the path of VGG19 weights")
    batch: int = option(8, "items per step and process", low=1, high=4096)
    lr_decay_start: int = option(5_000_000, "step at which the learning rate begins to fall", low=0)
    lr_decay_steps: int = option(0, "steps over which it falls to zero", low=0)
    beta1: float = option(0.0, "momentum of the generator's Adam", low=0, high=0.99)
    ratio_flow: float = option(1.0, "learning rate of stage 2's flow network as a share of the rest's", low=0, high=10)
    ratio_g2d: float = option(0.1, "learning rate of the discriminator as a share of the generator's", low=0, high=10)
    gan_mode: str = option("lsgan", "adversarial loss", choices=("lsgan", "hinge"))
    lambda_rec: float = option(5.0, "weight of the L1 loss", low=0)
    lambda_g: float = option(2.0, "weight of the adversarial loss", low=0)
    lambda_correct: float = option(5.0, "weight of the sampling correctness; stage 1 as published: 20", low=0)
    lambda_regularization: float = option(0.0025, "weight of the affine regularisation; stage 1: 0.01", low=0)
    lambda_content: float = option(0.5, "weight of the perceptual loss", low=0)
    lambda_style: float = option(500.0, "weight of the style loss", low=0)
    lambda_ssim: float = option(0.0, "weight of 1 - SSIM (own, stands in for part of VGG)", low=0)
    lambda_painted: float = option(0.0, "weight of the L1 loss of what the decoder alone painted (own)", low=0)
    lambda_choice: float = option(0.0, "weight of the L1 loss of every choice by its share: no ghosts (own)", low=0)
    lambda_ground: float = option(1.0, "weight of the cross entropy of the plain ground's share (own)", low=0)
    care: float = option(0.0, "how much more the person, and again the head, counts in L1 losses (own)", low=0, high=20)
    adversarial_start: int = option(0, "step at which the adversarial loss joins (own)", low=0)
    augment: float = option(0.0, "strength of moved, scaled and recoloured training pictures (own)", low=0, high=1)
    lambda_prior: float = option(0.0, "weight of the distance from the skeletons' flow (own)", low=0)
    limit: int = option(0, "use only the first pictures of the rendered people; 0 = all", low=0)
    width: float = option(1.0, "width of the networks; 0.25 for a smoke test", low=0.1, high=4)


# What differs from the defaults in the shipped weights, by stage.
SHIPPED: dict[str, dict[str, Any]] = {
    "views": {
        "lr": 1e-3, "batch": 6, "width": 0.375, "lambda_rec": 5.0, "lambda_ssim": 1.0, "lambda_prior": 0.03, "beta1": 0.9,
        "ema_decay": 0.995,
    },
    "flow": {
        "lr": 4e-4, "batch": 4, "width": 0.75, "lambda_correct": 5.0, "lambda_regularization": 0.002,
        "lambda_prior": 0.05,
    },
    "all": {
        "lr": 1e-3, "batch": 6, "width": 0.75, "lambda_rec": 5.0, "lambda_ssim": 3.0, "lambda_content": 4.0,
        "lambda_style": 0.0, "lambda_g": 0.1, "lambda_correct": 1.0, "lambda_regularization": 0.002,
        "lambda_painted": 4.0, "lambda_choice": 5.0, "care": 2.0, "adversarial_start": 1_000_000, "augment": 0.5, "ema_decay": 0.995,
        "beta1": 0.9, "ratio_flow": 0.1, "lambda_prior": 0.05,
    },
}  # fmt: skip


def with_recipe(options: GflaTrainOptions, given: Collection[str] = ()) -> GflaTrainOptions:
    """The options with the shipped settings, if that recipe is chosen, in place of every default that is not `given`."""
    if options.recipe == "published":
        return options
    defaults = {field.name: field.default for field in dataclasses.fields(options)}
    wanted = {
        name: value
        for name, value in SHIPPED["views" if options.task == "views" else options.stage].items()
        if name not in given
    }
    return dataclasses.replace(options, **{k: v for k, v in wanted.items() if getattr(options, k) == defaults[k]})

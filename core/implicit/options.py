"""The options of morphs and of pictures as networks, in a file of their own so that `--help` needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

from core.options import option

RECIPES = ("fast", "published")
# Of two warped pictures; layers need the people in them too.
WARPED_BLENDS = (
    *("linear", "min", "max", "first", "second", "linear_masked", "seamless_normal", "seamless_mix"),
    *("poisson_first", "poisson_second", "poisson_average", "poisson_mixed"),
)
BLENDS = ("layers", *WARPED_BLENDS)
MATCHES = ("auto", "on", "off")
MIDDLES = ("auto", "first", "second")
BACKGROUNDS = ("crossfade", "first", "second", "plain")
FRAMINGS = ("faces", "whole")
FILLS = ("edge", "mirror", "blur", "white", "grey", "black")
SHAPES = ("first", "second", "between")
MOST_PORTRAITS = 24


@dataclass(frozen=True)
class ImplicitOptions:
    """Everything a person can set; `blend` and `background` may change with every frame."""

    recipe: str = option(
        "fast", "fast fits a flow in a second; published trains the paper's network for hours", choices=RECIPES
    )
    blend: str = option(
        "layers",
        "how the two warped pictures become one; layers: one person at a time, both faces mixed; linear where no face is found",
        choices=BLENDS,
        group="blend",
    )
    background: str = option(
        "crossfade",
        "what surrounds the person in layers, the face in masked and cloned blends",
        choices=BACKGROUNDS,
        group="blend",
    )
    match: str = option(
        "auto",
        "bring colours of both together first; auto: in layers, inside the face, and where gradients of both are mixed",
        choices=MATCHES,
        group="blend",
    )
    middle: str = option(
        "auto",
        "layers: whose hair, clothes and surroundings are seen half way; auto: of whom it needs to be changed less",
        choices=MIDDLES,
        group="blend",
    )
    framing: str = option(
        "faces",
        "faces: both pictures are cropped to one frame with the eyes in one place; whole: both are kept whole, as for published",
        choices=FRAMINGS,
    )
    size_px: int = option(512, "longer side of the frame in pixels", low=64, high=2048, step=2)
    aspect: str = option(
        "first", "framing whole: whose aspect the frame takes; the other picture is kept whole inside", choices=SHAPES
    )
    fill: str = option("edge", "framing whole: what lies beside a picture of another aspect", choices=FILLS)
    outline: bool = option(True, "add landmarks on the outline of the person, so that hair and shoulders move along")
    smoothing: float = option(
        0.0, "fast: 0 meets every landmark, more lets a stiffer warp miss them", low=0, high=1, step=0.01, group="warp"
    )
    edges_stay: bool = option(True, "fast: the picture's edges stay edges", group="warp")
    face_a: int = option(1, "which face of the first picture, 1 is the largest", low=1, high=20, step=1, group="faces")
    face_b: int = option(1, "which face of the second picture, 1 is the largest", low=1, high=20, step=1, group="faces")
    published_steps: int = option(20001, "published: steps of training", low=2, high=100000, step=1, group="published")
    published_samples: int = option(
        20000, "published: points per step", low=200, high=100000, step=1, group="published"
    )
    seed: int = option(123, "published: seed of the network and its samples", low=0, high=2**31 - 1, group="published")


@dataclass(frozen=True)
class ImageFitOptions:
    """How a picture becomes a network; defaults as published."""

    steps: int = option(5000, "steps of training", low=1, high=100000, step=1)
    batch: int = option(
        0, "pixels per step, drawn with replacement; 0 is as many as the picture has", low=0, high=1 << 26
    )
    width: int = option(256, "units per hidden layer", low=8, high=1024, step=1)
    layers: int = option(3, "hidden layers", low=1, high=8, step=1)
    omega: float = option(100.0, "frequency of the sines", low=1, high=1000)
    learning_rate: float = option(1e-4, "learning rate of Adam", low=1e-6, high=1e-1)
    seed: int = option(123, "seed of the network and its pixels", low=0, high=2**31 - 1)

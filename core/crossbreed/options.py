"""What a morph and a training run can be told. No network is imported here, so that `--help` is quick."""

from __future__ import annotations

from dataclasses import dataclass

from core.animals import HEAD_MARGIN
from core.options import option
from core.training.options import TrainOptions


@dataclass(frozen=True)
class CrossbreedOptions:
    """What a morph can be told."""

    crop: str = option(
        "head", "cut out the head of the cat or dog, or take the middle square", choices=("head", "middle")
    )
    margin: float = option(HEAD_MARGIN, "room around the head, in head sizes", low=0, high=1, step=0.05)
    size_px: int = option(256, "side of the result; the network works at its own size", low=64, high=1024, step=32)
    tau: float = option(
        0.0, "how far shape and appearance follow each other: 0 apart, 1 together", low=0, high=2, step=0.05
    )
    exact_ends: bool = option(True, "begin and end on the photographs themselves, not on the network's copies")
    align: bool = option(True, "bring eyes, nose and ears of heads into line, so that the middle shows one animal")
    colours: bool = option(True, "carry over what the network leaves of the colours, animal to animal, rest to rest")
    even_steps: bool = option(False, "space the frames so that each changes as much as the one before")
    closed: bool = option(False, "a chain of pictures returns to its first")


@dataclass(frozen=True)
class CrossbreedTrainOptions(TrainOptions):
    """A Crossbreed run; the defaults are those of the released configuration."""

    batch: int = option(2, "pairs per step and process", low=1, high=4096)
    lr_discriminator: float = option(4e-4, "learning rate of the discriminator", low=0, high=1)
    lr_end: float = option(1.0, "learning rates at the last step, as a share of those at the first", low=0, high=1)
    img_size: int = option(128, "side of the training pictures in pixels", low=64, high=512)
    window_px: int = option(0, "side of the random windows that are shown; 0 shows whole pictures", low=0, high=512)
    n_f: int = option(32, "width of the first convolutions", low=4, high=128)
    max_style_f: int = option(2048, "largest width of the style encoder", low=8, high=4096)
    n_mlp_f: int = option(512, "width of the mapping network", low=8, high=4096)
    n_mlp_blks: int = option(3, "middle layers of the mapping network", low=0, high=16)
    n_res: int = option(4, "residual blocks of the discriminator", low=2, high=12)
    spectral: bool = option(True, "spectral norm in the generator while it trains")
    unit_scale: bool = option(False, "begin with AdaIN scales of 1 (released: near 0)")
    reconstruction: float = option(0.1, "weight of the reconstructions; 10 suits labelled photos", low=0, high=1000)
    adversarial: float = option(1.0, "weight of the adversarial terms", low=0, high=1000)
    penalty: float = option(
        1.0, "weight of the gradient penalty: the released one, or R1 for labelled photos", low=0, high=1000
    )
    edges: float = option(10.0, "weight of the edges, labelled photos and heads only", low=0, high=1000)
    structure: float = option(2.0, "weight of the structure (SSIM), labelled photos and heads only", low=0, high=1000)
    swapped: float = option(1.0, "share of the recoloured pictures, heads only", low=0, high=10)
    contrast: float = option(0.0, "weight of the local contrast of mixtures, heads only", low=0, high=1000)
    cycle: float = option(5.0, "weight of the cycle, labelled photos only", low=0, high=1000)
    truncation: float = option(0.25, "truncation of the teacher's noise", low=0.02, high=1)
    first_class: int = option(151, "first ImageNet class of the teacher; 151 to 268 are dogs", low=0, high=999)
    last_class: int = option(268, "last ImageNet class of the teacher", low=0, high=999)
    arc: bool = option(False, "mix the teacher's noises along the arc between them, not straight")
    init: str = option("", "folder of an earlier run, or of weights, to take the weights from")

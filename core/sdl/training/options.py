"""What a training run can be told. No network is imported here, so that `--help` is quick."""

from __future__ import annotations

from dataclasses import dataclass

from core.options import option
from core.sdl.data import DIRECTIONS
from core.sdl.jobs import SHIPPED
from core.sdl.paper.recipes import FITS, TASKS
from core.training.options import TrainOptions

OBJECTIVES = ("published", "pixels", "codes", "thin")


@dataclass(frozen=True)
class TransitionTrainOptions(TrainOptions):
    """Options of a transition training run; None, and 0 for batch and lr, take the published recipe's value."""

    task: str = option("vfi", "what is learned", choices=TASKS)
    data: str = option("data", "folders of sequences, separated by commas; for published style: content,style")
    network: str = option("published", "network to train", choices=("published", *SHIPPED))
    objective: str = option(
        "published",
        "losses: the paper's, pixels and gradients alone, a style teacher's codes, or known thin lines",
        choices=OBJECTIVES,
    )
    batch: int = option(0, "items per step and process; 0 takes the published number", low=0, high=4096)
    lr: float = option(0.0, "learning rate; 0 takes the published one", low=0, high=1)
    size_px: int | None = option(None, "side of the training squares", low=32, high=1024)
    fit: str | None = option(None, "how frames become squares", choices=FITS)
    flip: bool | None = option(None, "mirror items left and right at random")
    rotate: bool | None = option(None, "turn items upside down and transpose them at random")
    extend_t: bool | None = option(None, "the published mirroring of image-to-image with negative t")
    direction: str = option("published", "image-to-image: which frames make a pair", choices=DIRECTIONS)
    multi_scale: bool | None = option(None, "resize half of the batches to a random square")
    split: float = option(0.5, "share of channels that t multiplies", low=0, high=1)
    gan: float | None = option(None, "weight of the adversarial loss", low=0, high=100)
    perceptual: float | None = option(None, "weight of the VGG19 loss", low=0, high=100)
    psnr: float = option(0.0, "weight of the pictures' PSNR in dB among the pixels' losses", low=0, high=100)
    detail: float = option(0.0, "weight of the local strength of detail among the pixels' losses", low=0, high=100)
    style_gradient: bool = option(False, "give the relaxed transport a gradient, which the released code lacks")
    ema_decay: float = option(0.999, "how slowly averaged weights follow; 0, as published, keeps none", low=0, high=1)
    decay_steps: int = option(0, "steps after which the rate has fallen to a tenth, in a cosine; 0: milestones", low=0)
    start_from: str | None = option(None, "an SDL checkpoint (.pth) or a folder of weights to fine-tune")
    vgg: str = option("weights/vgg19/vgg19-dcbb9e9d.pth", "torchvision's VGG19 file, for losses that need it")

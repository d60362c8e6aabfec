"""The published networks on the goldens' deterministic weights."""

from functools import cache

import torch

from core.ops.vgg import VGG19Features
from core.sdl.paper.convert import network_of, state_of
from core.sdl.paper.discriminator import PatchGANDiscriminator
from core.weights import fill_strict
from tests.parity.fill import fill_state_dict, test_image
from tests.parity.golden import PARITY

SALT = "sdl/v1"


@cache
def state(manifest: str) -> dict[str, torch.Tensor]:
    return fill_state_dict(PARITY / "sdl" / manifest, SALT)


@cache
def network(manifest: str, split: float = 0.5):
    return network_of(state_of({"params": state(manifest)}), split).eval()


def discriminator(manifest: str, norm_type: str):
    return fill_strict(PatchGANDiscriminator(norm_type=norm_type), state_of({"params": state(manifest)}))


@cache
def vgg() -> VGG19Features:
    return VGG19Features.from_state(state("vgg19.manifest.json"))


def image(spec: dict) -> torch.Tensor:
    """A golden's input, in the range that its `map` says."""
    x = test_image(spec["test_image"], tuple(spec["size"]), spec["batch"], spec.get("channels", 3))
    return {
        "x": x,
        "x*3": x * 3,
        "x*0.5+0.5": x * 0.5 + 0.5,
        "(x*0.5+0.5)*1.6-0.3": (x * 0.5 + 0.5) * 1.6 - 0.3,
    }[spec["map"]]


def network_input(case: dict) -> torch.Tensor:
    """Source, or source and target on channels."""
    inputs = [image(case["inputs"][name]) for name in ("source", "target") if name in case["inputs"]]
    return torch.cat(inputs, 1)

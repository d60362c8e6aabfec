"""Small networks and inputs: everything at 64 x 64 with a few channels."""

import numpy as np
import torch
from PIL import Image

from core.detect.body import Body
from core.gfla.data.people import People
from core.gfla.methods.limb_layers.network import LimbLayerGenerator
from core.gfla.methods.retargeting.library import FRAME_HW, library_pose
from core.gfla.paper.blocks import initialise
from core.gfla.paper.network import PoseGenerator
from core.gfla.paper.pose import scaled
from core.image import Box

SIZE = (64, 64)
SMALL = {"ngf": 8, "img_f": 16, "flow_ngf": 8, "flow_img_f": 16}


def generator(**config):
    torch.manual_seed(0)
    network = PoseGenerator(**{**SMALL, "sample_hw": SIZE, **config})
    initialise(network, gain=0.5)
    return network.eval()


def layered(**config):
    """A generator with limb layers."""
    torch.manual_seed(0)
    network = LimbLayerGenerator(**{**SMALL, "sample_hw": SIZE, **config})
    initialise(network, gain=0.5)
    return network.eval()


def guided(network, source, target, size=SIZE):
    """What a generator takes after the picture for named poses or skeletons (1, 18, 2)."""
    skeletons = [torch.from_numpy(points(p, size))[None].float() if isinstance(p, str) else p for p in (source, target)]
    return network.structures(*skeletons, size)


def points(name="standing", size=SIZE):
    return scaled(library_pose(name), size, FRAME_HW)


def body(skeleton):
    """A detected person with these keypoints."""
    return Body(skeleton, Box(*map(float, (*skeleton.min(0), *skeleton.max(0)))))


def figure(skeleton, size=SIZE, colour=(200, 30, 30)):
    """A picture with a coloured blob at every joint on studio grey."""
    array = np.full((*size, 3), 224, np.uint8)
    rows, columns = np.mgrid[: size[0], : size[1]]
    for x, y in skeleton:
        array[(columns - x) ** 2 + (rows - y) ** 2 < 9] = colour
    return Image.fromarray(array)


def people(count=4, poses=("standing", "arms spread", "walking")):
    """Made-up rendered people: `count` identities in three poses."""
    skeletons = np.stack([points(name) for name in poses] * count)
    colours = [(40 + 50 * (i // len(poses)), 90, 200 - 40 * (i // len(poses))) for i in range(len(skeletons))]
    pictures = np.stack([np.asarray(figure(s, colour=c)) for s, c in zip(skeletons, colours, strict=True)])
    identity = np.repeat(np.arange(count), len(poses))
    seen = np.ones(skeletons.shape[:2], bool)
    names, masks = [str(i) for i in range(len(skeletons))], ((pictures != 224).any(-1) * 255).astype(np.uint8)
    return People(pictures, skeletons, seen, identity, identity == count - 1, names, masks)


def write_annotations(skeletons, file):
    """Keypoints by picture name in the published form."""
    rows = [
        ":".join([name, *(str(s[:, axis].round().astype(int).tolist()) for axis in (1, 0))])
        for name, s in skeletons.items()
    ]
    file.write_text("\n".join(["name:keypoints_y:keypoints_x", *rows, ""]))

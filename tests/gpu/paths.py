"""Every render path on tiny networks: a pipeline and what it has prepared."""

from __future__ import annotations

import torch
from PIL import Image

from core.crossbreed.options import CrossbreedOptions
from core.gfla.options import PoseOptions, ViewOptions
from core.gfla.paper.blocks import initialise
from core.gfla.paper.network_animation import DanceGenerator, FaceGenerator
from core.gfla.paper.network_views import ShapeNetGenerator
from core.gfla.pipeline import PosePipeline
from core.gfla.pipeline_animation import AnimationPipeline, AnimationPrepared
from core.gfla.pipeline_views import ViewPipeline
from core.sdl.pipeline import SDLPipeline
from tests.crossbreed import tiny as small_pets
from tests.gfla import tiny as small_people
from tests.sdl.conftest import textured
from tests.sdl.conftest import tiny as small_sdl


def crossbreed():
    pipe = small_pets.pipeline()
    pictures = (small_pets.picture(1), small_pets.picture(2))
    return pipe, pipe.prepare(*pictures, options=CrossbreedOptions(crop="middle", exact_ends=False))


def sdl():
    pipe = SDLPipeline(small_sdl(num_in_ch=6), "morph")
    return pipe, pipe.prepare(textured(64, 64, 0), textured(64, 64, 1))


def pose():
    pipe = PosePipeline(small_people.generator())
    own = small_people.points("standing", (160, 110))
    options = PoseOptions(height_px=64, cut_out=False, painter="network", background="studio")
    return pipe, pipe.prepare(small_people.figure(own, (160, 110)), "walking", options=options, points=own)


def views():
    pipe = ViewPipeline(seeded(ShapeNetGenerator))
    return pipe, pipe.prepare(Image.new("RGB", (64, 64), "teal"), options=ViewOptions())


def face(network=FaceGenerator, channels=16):
    shapes = (1, 3, 64, 64), (1, channels, 64, 64), (2, channels, 64, 64)
    with torch.random.fork_rng():
        torch.manual_seed(2)
        return AnimationPipeline(seeded(network)), AnimationPrepared("k", {}, *(torch.rand(shape) for shape in shapes))


def dance():
    return face(DanceGenerator, 20)


def seeded(kind):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = kind(**small_people.SMALL, sample_hw=small_people.SIZE)
        initialise(network, gain=0.5)
        return network.eval()


PATHS = {"crossbreed": crossbreed, "sdl": sdl, "pose": pose, "views": views, "face": face, "dance": dance}

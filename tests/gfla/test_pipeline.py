"""The pose pipeline on a tiny network: contract, sharing of the source, backgrounds, targets, errors."""

import numpy as np
import pytest
import torch
from PIL import Image

from core.errors import InputError, OptionError
from core.gfla import pipeline_animation
from core.gfla.methods.compositing.person import without_person
from core.gfla.methods.retargeting import framing
from core.gfla.options import AnimationOptions, PoseOptions, ViewOptions
from core.gfla.pipeline import PosePipeline
from core.gfla.pipeline_animation import AnimationPipeline, driven
from core.gfla.pipeline_views import ViewPipeline
from core.timeline import Timeline
from tests.gfla import tiny

OPTIONS = PoseOptions(height_px=64, cut_out=False, painter="network", background="studio")


@pytest.fixture(scope="module")
def pipe():
    return PosePipeline(tiny.layered(attn_layers=(1, 2, 3), kernel_sizes=(3, 3, 3)))


@pytest.fixture(scope="module")
def own():
    return tiny.points("standing", (160, 110))


@pytest.fixture(scope="module")
def picture(own):
    return tiny.figure(own, (160, 110))


@pytest.fixture(scope="module")
def prepared(pipe, picture, own):
    return pipe.prepare(picture, "arms spread", "walking", options=OPTIONS, points=own)


def test_frames_of_a_way(pipe, prepared):
    frames = list(pipe.frames(prepared, Timeline(frames=5, easing="linear")))
    assert len(frames) == 5 and len({frame.tobytes() for frame in frames}) == 5
    assert frames[0].size == (44, 64)


def test_a_batch_equals_single_frames(pipe, prepared):
    together = pipe.render(prepared, [0.0, 0.3, 1.0])
    single = torch.cat([pipe.render(prepared, [t]) for t in (0.0, 0.3, 1.0)])
    torch.testing.assert_close(together, single, atol=2e-5, rtol=1e-4)


def test_the_encoded_source_gives_what_the_network_gives(pipe, prepared):
    with torch.no_grad():
        fresh = pipe.generator.encode(prepared.source)
    for a, b in zip(fresh, prepared.tables, strict=True):
        torch.testing.assert_close(a.matched, b.matched)


def test_same_inputs_same_bytes_and_key(pipe, picture, own, prepared):
    again = pipe.prepare(picture, "arms spread", "walking", options=OPTIONS, points=own)
    assert again.key == prepared.key
    assert torch.equal(pipe.render(again, [0.5]), pipe.render(prepared, [0.5]))


def test_the_way_passes_its_poses(pipe, prepared):
    first, middle, last = pipe.poses_at(prepared, [0.0, 0.5, 1.0])
    np.testing.assert_allclose(first, prepared.path[0], atol=1e-6)
    np.testing.assert_allclose(middle, prepared.path[1], atol=1e-6)
    np.testing.assert_allclose(last, prepared.path[2], atol=1e-6)


def test_dragged_points_are_the_target(pipe, picture, own):
    dragged = own.copy()
    dragged[4] += (20, -10)
    prepared = pipe.prepare(picture, dragged, options=OPTIONS, points=own)
    back = framing.out_of_frame(prepared.path[1], prepared.box, pipe.size_hw)
    np.testing.assert_allclose(back, dragged, atol=1e-6)


def test_back_in_the_picture(pipe, picture, own):
    options = PoseOptions(height_px=64, cut_out=False, painter="network")
    prepared = pipe.prepare(picture, "arms spread", options=options, points=own)
    assert pipe.render(prepared, [1.0]).shape[2:] == (160, 110)


def test_without_the_person_the_ground_remains():
    array = np.full((60, 40, 3), 100, np.uint8)
    array[:, 20:] = 140
    mask = np.zeros((60, 40), np.float32)
    mask[20:40, 10:30] = 1
    array[20:40, 10:30] = 255
    filled = np.asarray(without_person(Image.fromarray(array), mask))
    assert filled.max() <= 160
    np.testing.assert_array_equal(filled[:10], array[:10])


def test_explanation_shows_every_scale(pipe, prepared):
    pose = prepared.path[-1]
    picture = pipe.explain(prepared, pipe.paint(prepared, [pose]), pose)
    assert picture.size == (3 * 44, 4 * (64 + 12))


def test_mistakes_are_named(pipe, picture, own):
    with pytest.raises(OptionError, match="arms spread"):
        pipe.prepare(picture, "arms spred", options=OPTIONS, points=own)
    with pytest.raises(InputError, match="18"):
        pipe.prepare(picture, "walking", options=OPTIONS, points=own[:5])
    with pytest.raises(InputError, match="first input"):
        pipe.prepare(options=OPTIONS)


def test_driven_by_a_clip(pipe, picture, own, monkeypatch):
    bodies = iter([[tiny.body(own + (shift, 0))] for shift in range(4)])
    monkeypatch.setattr(pipe, "people", lambda *_: next(bodies))
    monkeypatch.setattr(pipeline_animation, "detect_bodies", lambda *_: next(bodies))
    frames = list(driven(pipe, picture, [picture] * 3, AnimationOptions(), OPTIONS))
    assert len(frames) == 3


def test_a_clip_moves_as_much_as_its_person():
    body = tiny.points("standing", (160, 110))
    clip = np.stack([body, body + (8, 0)])
    moved = framing.following(clip, tiny.points("standing"), True, tiny.SIZE, 176 / 256)
    assert moved[1, 1, 0] > moved[0, 1, 0] + 1
    lost = clip.copy()
    lost[0, 4] = -1
    assert (framing.steadied(lost)[0, 4] == -1).all() and (framing.steadied(lost)[1, 4] > 0).all()


def test_views_and_faces_run_on_tiny_networks():
    from core.gfla.paper.network_animation import FaceGenerator
    from core.gfla.paper.network_views import ShapeNetGenerator
    from core.gfla.pipeline_animation import AnimationPrepared

    turner = ViewPipeline(ShapeNetGenerator(**tiny.SMALL).eval())
    seen = turner.prepare(Image.new("RGB", (80, 60), "white"), options=ViewOptions(azimuth_deg=40.0))
    assert seen.view == (2, 0) and turner.render(seen, [0.0, 1.0]).shape == (2, 3, 256, 256)
    player = AnimationPipeline(FaceGenerator(**tiny.SMALL).eval())
    clip = AnimationPrepared("k", {}, torch.rand(1, 3, 64, 64), torch.rand(1, 16, 64, 64), torch.rand(3, 16, 64, 64))
    frames = list(player.play(clip))
    assert len(frames) == 3
    torch.testing.assert_close(player.render(clip, [1.0]), frames[-1])

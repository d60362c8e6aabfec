"""The pipeline's contract: ends, batches, chains, grids, exact ends, even steps, video, mistakes."""

import pickle

import numpy as np
import pytest
import torch
from PIL import Image

from core.crossbreed.chain import chain_weights
from core.crossbreed.methods.blending.fusion import fade_in
from core.crossbreed.options import CrossbreedOptions
from core.devices import policy
from core.errors import InputError, OptionError, ShapeError
from core.image import Box, to_tensor
from core.metrics import psnr, step_sizes
from core.timeline import Chain, Timeline
from tests.crossbreed.tiny import picture, pipeline

OPTIONS = CrossbreedOptions(crop="middle", size_px=64, exact_ends=False)


@pytest.fixture(scope="module")
def pipe():
    return pipeline()


@pytest.fixture(scope="module")
def pair(pipe):
    return pipe.prepare(picture(1), picture(2), options=OPTIONS)


def changed(**values):
    return CrossbreedOptions(**{"crop": "middle", "size_px": 64, **values})


def test_batches_equal_singles(pipe, pair):
    t = [0.0, 0.13, 0.5, 0.77, 1.0, 0.9, 0.2, 0.3, 0.4]
    whole = pipe.render(pair, t)
    assert whole.shape == (9, 3, 64, 64) and whole.dtype == torch.float32
    singles = torch.cat([pipe.render(pair, [position]) for position in t])
    assert torch.allclose(whole, singles, atol=1e-5)


def test_same_inputs_give_the_same_bytes(pipe, pair):
    again = pipe.prepare(picture(1), picture(2), options=OPTIONS)
    assert again.key == pair.key and torch.equal(pipe.render(again, [0.3]), pipe.render(pair, [0.3]))
    assert pipe.prepare(picture(1), picture(3), options=OPTIONS).key != pair.key


def test_prepared_can_be_pickled(pipe, pair):
    copy = pickle.loads(pickle.dumps(pair))
    assert torch.equal(pipe.render(copy, [0.4]), pipe.render(pair, [0.4]))


def test_encoding_happens_once(pipe, monkeypatch):
    calls = []
    encode = pipe.generator.encode
    monkeypatch.setattr(pipe.generator, "encode", lambda x: calls.append(len(x)) or encode(x))
    prepared = pipe.prepare(picture(1), picture(2), options=OPTIONS)
    pipe.render(prepared, [0.1, 0.6])
    list(pipe.frames(prepared, Timeline(frames=5)))
    assert calls == [2]


def test_exact_ends_are_the_photographs(pipe):
    prepared = pipe.prepare(picture(1), picture(2), options=changed(size_px=96))
    frames = pipe.render(prepared, [0.0, 0.5, 1.0])
    assert (frames[[0, 2]] - prepared.crops).abs().max() < 1e-5
    plain = pipe.prepare(picture(1), picture(2), options=changed(size_px=96, exact_ends=False))
    assert torch.allclose(frames[1], pipe.render(plain, [0.5])[0], atol=1e-5), "the middle is the network's alone"
    assert (pipe.render(plain, [0.0])[0] - plain.crops[0]).abs().max() > 0.05


def test_exact_ends_come_in_smoothly(pipe):
    prepared = pipe.prepare(picture(1), picture(2), options=changed())
    sizes = step_sizes(pipe.render(prepared, np.linspace(0, 1, 41).tolist()))
    assert max(sizes) < 4 * np.median(sizes)


def test_fade_never_lets_two_pictures_overlap():
    share = torch.linspace(0, 1, 101)
    assert (torch.minimum(fade_in(share), fade_in(1 - share)) == 0).all()
    assert fade_in(torch.tensor([1.0, 0.5, 0.0])).tolist() == [1.0, 0.0, 0.0]


def test_shape_and_appearance_apart(pipe, pair):
    together = pipe.render(pair, [0.3])
    assert torch.equal(pipe.render(pair, [0.9], shape=[0.3], appearance=[0.3]), together)
    swap = pipe.render(pair, [0.0], shape=[0.0], appearance=[1.0], tau=0.0)
    half = pipe.render(pair, [0.0], shape=[0.0], appearance=[1.0], tau=1.0)
    assert torch.allclose(half, pipe.render(pair, [0.5]), atol=1e-5)
    assert not torch.allclose(swap, half, atol=1e-3)
    other = pipe.render(pair, [0.0], shape=[1.0], appearance=[0.0], tau=2.0)
    assert torch.allclose(other, swap, atol=1e-5), "tau 2 swaps the two"


def test_grid_corners_and_diagonal(pipe, pair):
    grid = pipe.grid(pair, 3)
    line = pipe.render(pair, [0.0, 0.5, 1.0])
    assert grid.shape == (3, 3, 3, 64, 64)
    for index in range(3):
        assert torch.allclose(grid[index, index], line[index], atol=1e-5)
    # rows are appearance: the top right has the second picture's shape
    corner = pipe.render(pair, [0.0], shape=[1.0], appearance=[0.0])
    assert torch.allclose(grid[0, 2], corner[0], atol=1e-5)
    with pytest.raises(InputError, match="2 x 2"):
        pipe.grid(pair, 1)


def test_chain_meets_every_picture(pipe):
    pictures = [picture(seed) for seed in range(3)]
    prepared = pipe.prepare(*pictures, options=changed(closed=True))
    frames = pipe.render(prepared, [0.0, 1 / 3, 2 / 3, 1.0])
    for frame, index in zip(frames, (0, 1, 2, 0), strict=True):
        assert psnr(frame[None], prepared.crops[index][None]) > 50


def test_chain_weights_sum_to_one():
    weights = chain_weights(Chain(4), np.linspace(0, 1, 13).tolist())
    assert torch.allclose(weights.sum(1), torch.ones(13)) and ((weights > 0).sum(1) <= 2).all()
    assert chain_weights(Chain(2), [-0.5, 1.5]).tolist() == [[1.5, -0.5], [-0.5, 1.5]]


@pytest.mark.slow
def test_even_steps_are_more_even(pipe):
    steps = {}
    for even in (False, True):
        prepared = pipe.prepare(picture(1), picture(2), options=changed(even_steps=even))
        frames = pipe.render(prepared, np.linspace(0, 1, 17).tolist())
        assert (frames[[0, -1]] - prepared.crops).abs().max() < 1e-5
        sizes = step_sizes(frames)
        steps[even] = min(sizes) / max(sizes)
    assert steps[True] > 0.7 and steps[True] > steps[False] + 0.1


def test_video_keeps_its_frames_and_gains_others(pipe):
    frames = [picture(seed, 70, 54) for seed in range(3)]
    shown = list(pipe.between(iter(frames), 3))
    assert len(shown) == 7 and {frame.size for frame in shown} == {(70, 54)}
    for index, frame in enumerate(frames):
        assert np.array_equal(np.asarray(shown[3 * index]), np.asarray(frame))
    middle = to_tensor(shown[1])
    ends = [to_tensor(frame) for frame in frames[:2]]
    assert psnr(middle, ends[0]) > psnr(ends[1], ends[0]), "a third of the way lies nearer to the first frame"
    with pytest.raises(InputError, match="factor"):
        list(pipe.between(iter(frames), 1))
    with pytest.raises(InputError, match="one size"):
        list(pipe.between([picture(1), picture(2, 96, 96)], 2))


@pytest.mark.parametrize("size_px", [64, 96, 128])
def test_result_has_the_wanted_size(pipe, size_px):
    prepared = pipe.prepare(picture(1), picture(2), options=changed(size_px=size_px))
    assert pipe.render(prepared, [0.5]).shape == (1, 3, size_px, size_px)


def test_any_picture_comes_in(pipe):
    grey = picture(1).convert("L")
    clear = picture(2).convert("RGBA")
    prepared = pipe.prepare(grey, np.asarray(clear), options=OPTIONS)
    assert prepared.crops.shape == (2, 3, 64, 64)


def test_boxes_stand_in_for_detection(pipe):
    box = Box(10, 5, 50, 45)
    prepared = pipe.prepare(picture(1), picture(2), options=CrossbreedOptions(size_px=64), boxes=[box, box])
    want = to_tensor(picture(1).resize((64, 64), Image.Resampling.LANCZOS, box=tuple(box)))
    assert torch.equal(prepared.crops[:1], want) and prepared.boxes == (box, box)


def test_call_is_prepare_and_frames(pipe):
    output = pipe(picture(1), picture(2), timeline=Timeline(frames=4), crop="middle", size_px=64)
    assert len(output.frames) == 4 and output.frames[0].size == (64, 64)
    assert output.settings["crop"] == "middle" and "reconstruction_psnr_db" in output.figures


def test_half_precision_is_close(pair, pipe):
    exact = pipe.render(pair, [0.5])
    halved = pipeline().use(policy("cpu", "bfloat16"))
    prepared = halved.prepare(picture(1), picture(2), options=OPTIONS)
    assert psnr(halved.render(prepared, [0.5]), exact) > 35


def test_mistakes_are_told(pipe, pair):
    with pytest.raises(InputError, match="two or more"):
        pipe.prepare(picture(1), options=OPTIONS)
    with pytest.raises(InputError, match="two or more"):
        pipe.prepare(picture(1), None, options=OPTIONS)
    with pytest.raises(InputError, match="boxes"):
        pipe.prepare(picture(1), picture(2), boxes=[None])
    with pytest.raises(InputError, match="empty"):
        pipe.prepare(picture(1), picture(2), boxes=[Box(5, 5, 5, 5)] * 2, options=CrossbreedOptions())
    with pytest.raises(OptionError, match="tau"):
        pipe.prepare(picture(1), picture(2), options=CrossbreedOptions(tau=3.0))
    with pytest.raises(InputError, match="speed"):
        pipe.render(pair, [0.5], speed=2)
    with pytest.raises(InputError, match="appearances"):
        pipe.render(pair, [0.5], appearance=[0.1, 0.2])
    with pytest.raises(ShapeError, match="33 px"):
        pipe.generator.encode(torch.zeros(1, 3, 32, 64))

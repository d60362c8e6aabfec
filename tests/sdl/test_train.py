"""A tiny run of every task, exact resuming, and the data behind it."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from core.errors import InputError, OptionError
from core.ops.vgg import VGG19Features
from core.sdl.data.datasets import SequenceSource, StylePairs, directed_pair, fitter
from core.sdl.data.sequences import write_sequence
from core.sdl.jobs import SHIPPED
from core.sdl.loading import build_network
from core.sdl.paper import losses
from core.sdl.paper.recipes import PUBLISHED
from core.sdl.training import objectives
from core.sdl.training import train as trainers
from core.sdl.training.options import TransitionTrainOptions
from core.training import load_trained
from core.training.journal import read_curves
from core.weights import save_model
from tests.sdl.conftest import textured, tiny
from tests.sdl.published import vgg

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    """Two sequences of five frames with a style picture, and loose pictures."""
    root = tmp_path_factory.mktemp("data")
    for name in ("a", "b"):
        frames = [np.asarray(textured(40, 40, seed)) for seed in range(5)]
        write_sequence(root / "plain" / name, frames)
        write_sequence(root / "styled" / name, frames, target=np.asarray(textured(40, 40, 9)))
        write_sequence(root / "moving" / name, frames)
        np.save(root / "moving" / name / "motion.npy", np.ones((8, 40, 40), np.float16))
        np.save(root / "moving" / name / "guides.npy", np.ones((5, 4, 40, 40), np.float16))
    (root / "plain" / "stray.txt").write_text("beside the folders")
    (root / "pictures").mkdir()
    for seed in range(3):
        textured(48, 40, seed).save(root / "pictures" / f"{seed}.png")
    return root


@pytest.fixture
def small(monkeypatch):
    """Published trainers on a tiny network and the goldens' VGG19."""
    monkeypatch.setattr(trainers, "SDLNet", lambda **given: tiny(**given))
    monkeypatch.setattr(VGG19Features, "from_file", classmethod(lambda cls, path: vgg()))


def options_for(task, roots, out, **changes):
    data = roots / "plain"
    named = f"{roots / 'pictures'},{roots / 'pictures'}" if task == "style_transfer" else str(data)
    base = TransitionTrainOptions(
        out=str(out),
        task=task,
        data=named,
        batch=2,
        size_px=32,
        steps=2,
        save_every=1,
        log_every=1,
        sample_every=2,
        cpu=True,
    )
    return replace(base, **changes)


@pytest.mark.parametrize("task", PUBLISHED)
def test_a_tiny_published_run(task, roots, tmp_path, small):
    folder = trainers.run_training(options_for(task, roots, tmp_path / task))
    rows = read_curves(folder)
    assert len(rows) == 2 and all(np.isfinite(list(row.values())).all() for row in rows)
    network = tiny(num_in_ch=PUBLISHED[task].num_in_ch)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    assert load_trained(folder, {"generator": network}) == 2
    assert any(not torch.equal(before[key], value) for key, value in network.state_dict().items())
    sheet = Image.open(next((folder / "samples").iterdir()))
    columns = PUBLISHED[task].num_in_ch // 3 + 5 + (task != "style_transfer")
    assert sheet.size == (32 * columns, 32 * 3)


@pytest.mark.parametrize("record", SHIPPED)
def test_a_tiny_run_of_every_shipped_network(record, roots, tmp_path):
    task = {"sdl-vfi": "vfi", "sdl-morph": "morphing", "sdl-style": "style_transfer"}.get(record, "i2i")
    data = str(roots / {"sdl-style": "styled", "sdl-morph": "moving", "sdl-ageing": "moving"}.get(record, "plain"))
    options = options_for(
        task, roots, tmp_path, network=record, objective="pixels", data=data, size_px=64, fit="zoom", direction="signed",
        steps=1, lr=1e-3,
    )  # fmt: skip
    trainers.run_training(options)
    torch.manual_seed(0)
    network = build_network(record)
    last = network.expand[-1].conv if record == "sdl-style" else network.gridnet.lateral_final.f[2]
    before = last.weight.clone()
    load_trained(tmp_path, {"generator": network})
    assert not torch.equal(last.weight, before), "the last layer has moved"


def test_a_tiny_run_on_a_teachers_codes(tmp_path):
    for index in range(3):
        textured(64, 64, index).save(tmp_path / f"{index:05d}.jpg")
    np.save(tmp_path / "codes.npy", np.random.default_rng(0).normal(size=(3, 100)).astype(np.float32))
    options = TransitionTrainOptions(
        task="style_transfer", network="sdl-style", objective="codes", data=str(tmp_path), batch=2, steps=2, lr=1e-3,
        out=str(tmp_path / "run"), save_every=1, log_every=1, sample_every=2, cpu=True,
    )  # fmt: skip
    torch.manual_seed(0)
    before = build_network("sdl-style")
    rows = read_curves(trainers.run_training(options))
    assert len(rows) == 2 and all(row["l_strokes"] > 0 for row in rows)
    after = build_network("sdl-style")
    load_trained(tmp_path / "run", {"generator": after}, averaged=False)
    assert torch.equal(before.expand[0].conv.weight, after.expand[0].conv.weight), "the painter is left alone"
    assert not torch.equal(before.code.read[0].weight, after.code.read[0].weight)
    with pytest.raises(OptionError, match="sdl-style"):
        trainers.run_training(replace(options, network="published", out=str(tmp_path / "other")))


def test_a_folder_of_weights_can_be_fine_tuned(roots, tmp_path):
    network = build_network("sdl-toon")
    with torch.no_grad():
        network.tail[0].bias.fill_(0.25)
    save_model(network, tmp_path / "weights")
    options = options_for("i2i", roots, tmp_path / "run", network="sdl-toon", start_from=str(tmp_path / "weights"))
    assert torch.all(trainers.generator_for(options).tail[0].bias == 0.25)


def test_a_motion_follows_its_item(roots):
    """Mirrored, the pixels' way to the right becomes one to the left; backwards, there and back change places."""
    source = SequenceSource("morphing", [roots / "moving"], 32, "crop", True, False, known="motion")
    motion = np.zeros((40, 40, 8), np.float32) + (1, 2, 3, 4, 0.5, 0.25, -6, 7)
    signs = set()
    for seed in range(8):
        apply = fitter("zoom", 32, True, False, np.random.default_rng(seed))
        moved = apply.motion(motion)
        scale = 32 / round(apply.share * 40)
        sign = -1 if apply.turned[0] else 1
        signs.add(sign)
        wanted = torch.tensor([sign, 2, sign * 3, 4, 0, 0, -6, 7]) * scale + torch.tensor([0, 0, 0, 0, 0.5, 0.25, 0, 0])
        assert torch.allclose(moved.mean((1, 2)), wanted, atol=1e-4)
    assert signs == {-1, 1}
    assert source.draw(np.random.default_rng(0), 2)["motion"].shape == (2, 8, 32, 32)
    with pytest.raises(InputError, match="make it again"):
        apply.motion(motion[..., :6])
    with pytest.raises(InputError, match="motion.npy"):
        SequenceSource("morphing", [roots / "plain"], 32, known="motion")


def test_the_strength_of_detail_asks_for_texture_wherever_it_lies():
    wanted = torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    moved, flat = wanted.roll(1, 3), wanted.mean((2, 3), keepdim=True).expand_as(wanted)
    assert objectives.detail_difference(wanted, wanted) == 0
    assert objectives.detail_difference(moved, wanted) < 0.2 * objectives.detail_difference(flat, wanted)
    assert (moved - wanted).abs().mean() > (flat - wanted).abs().mean(), "pixel by pixel the flat one is nearer"


def test_a_lost_limb_weighs_more_in_psnr_than_as_much_noise():
    wanted = torch.zeros(2, 3, 20, 20)
    noisy, lost = wanted + 0.02, wanted.clone()
    lost[..., :4, :10] = 0.2
    assert losses.charbonnier(noisy, wanted) == pytest.approx(float(losses.charbonnier(lost, wanted)), abs=1e-4)
    assert objectives.negative_psnr(noisy, wanted, 0.0) == pytest.approx(20 * math.log10(0.02), abs=1e-3)
    assert objectives.negative_psnr(lost, wanted) > objectives.negative_psnr(noisy, wanted) + 5
    assert objectives.negative_psnr(wanted, wanted, 1e-4) == pytest.approx(-40, abs=1e-3)


def test_published_values_fill_what_is_left_out():
    filled = trainers.filled(TransitionTrainOptions(task="i2i"))
    assert (filled.batch, filled.lr, filled.size_px, filled.fit) == (6, 2e-4, 512, "resize")
    assert filled.extend_t and filled.multi_scale and filled.gan == 1.0 and not filled.rotate
    assert trainers.filled(TransitionTrainOptions(task="vfi", lr=1e-3)).lr == 1e-3


def test_items_share_their_cut_and_their_turn(roots):
    source = SequenceSource("vfi", [roots / "plain"], 32, "crop", True, True)
    source.sequences = [([file] * 3, None) for file in source.sequences[0][0][:1]]
    for seed in range(8):
        batch = source.draw(np.random.default_rng(seed), 1)
        assert torch.equal(batch["inputs"][:, :3], batch["inputs"][:, 3:])
        assert torch.equal(batch["inputs"][:, :3], batch["truth"])


def test_draws_depend_on_their_generator_alone(roots):
    source = SequenceSource("morphing", [roots / "plain"], 32)
    one, again, other = (source.draw(np.random.default_rng(seed), 2) for seed in (1, 1, 2))
    assert all(torch.equal(one[key], again[key]) for key in one)
    assert not torch.equal(one["truth"], other["truth"])


def test_signs_lead_somewhere():
    rng = np.random.default_rng(0)
    for _ in range(20):
        triple = directed_pair("signed", 7, rng)
        assert np.sign(triple.t) == np.sign(triple.truth - triple.inputs[0])
        forward = directed_pair("forward", 7, rng)
        assert forward.inputs == (0,) and forward.t > 0


def test_style_batches_share_one_strength(roots):
    strengths = []
    for seed in range(12):
        t = StylePairs(roots / "pictures", roots / "pictures", 32).draw(np.random.default_rng(seed), 3)["t"]
        assert (t == t[0]).all()
        strengths.append(float(t[0]))
    assert 1.0 in strengths and any(s < 1 for s in strengths)


def test_mistakes_are_told(roots, tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        SequenceSource("vfi", [tmp_path / "none"], 32)
    with pytest.raises(InputError, match="too small"):
        SequenceSource("vfi", [roots / "plain"], 64).draw(np.random.default_rng(0), 1)
    with pytest.raises(InputError, match="target"):
        SequenceSource("style_transfer", [roots / "plain"], 32)
    with pytest.raises(OptionError, match="choose the network of that task"):
        trainers.generator_for(TransitionTrainOptions(task="vfi", network="sdl-toon"))
    write_sequence(tmp_path / "short" / "x", [np.asarray(textured(40, 40))] * 2)
    with pytest.raises(InputError, match="2 frames"):
        SequenceSource("vfi", [tmp_path / "short"], 32)

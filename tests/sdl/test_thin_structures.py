"""The search for thin things: what it learns from, what it may change, and that a line comes out of it."""

import numpy as np
import pytest
import torch

from core.errors import InputError, OptionError
from core.image import to_tensor
from core.ops.warp import backward_warp
from core.sdl.data.thin_lines import make_thin
from core.sdl.jobs import SHIPPED
from core.sdl.methods.flow_hypotheses.background import estimate_smooth_motion
from core.sdl.methods.flow_hypotheses.hypotheses import find_pair_motion
from core.sdl.methods.thin_structures.segmentation import ThinSegmentation
from core.sdl.training.options import TransitionTrainOptions
from core.sdl.training.thin_structures import VECTORS, ThinPairs, turn_maps
from core.sdl.training.train import filled, recipe_for, run_training
from core.training.journal import read_curves
from tests.sdl.conftest import stirred, textured
from tests.sdl.test_sequences import pack  # noqa: F401  (a fixture)


def crossing(shift_px: int = 12, side_px: int = 96) -> torch.Tensor:
    """A dark line that moves to the right over a scene that stands still, (1, 6, side, side)."""
    frames = to_tensor(textured(side_px, side_px)).repeat(1, 2, 1, 1)
    for first, x in ((0, 40), (3, 40 + shift_px)):
        frames[:, first : first + 3, 10:-10, x : x + 2] = 0.05
    return frames


@pytest.fixture
def pairs(pack, tmp_path):  # noqa: F811
    make_thin(pack, tmp_path / "pairs", 4, 64, 3)
    return tmp_path / "pairs"


def test_without_a_find_votes_count_less_and_with_one_more():
    frames = crossing()
    votes, silent = find_pair_motion(frames), ThinSegmentation((6, 8)).eval()
    assert votes[:, 8].max() > 0.5, "the votes see the line"
    for conv in (silent.grid.lateral_final.f[2], silent.grid.lateral_final.conv):
        torch.nn.init.zeros_(conv.weight)
        torch.nn.init.zeros_(conv.bias)
    with torch.inference_mode():
        kept = find_pair_motion(frames, silent)
    assert torch.equal(kept[:, :6], votes[:, :6]) and torch.equal(kept[:, 12:], votes[:, 12:])
    assert kept[:, 8].sum() < votes[:, 8].sum() and kept[:, 8].max() > 0.2, "they count less, as nothing was found"

    class Sees(ThinSegmentation):
        def predict(self, seen):
            return 20 * (seen[:, :3].amax(1, keepdim=True) < 0.06) - 10.0

    with torch.inference_mode():
        told = find_pair_motion(frames, Sees((4, 6)))
    line = (frames[:, :3].amax(1) < 0.06)[0]
    assert told[0, 8][line].mean() > votes[0, 8][line].mean() and told[0, 8][line].min() > 0.5
    assert (told[0, 6:8, line] - torch.tensor([[12.0], [0.0]])).abs().median() < 1


@pytest.mark.parametrize("size", [(64, 96), (50, 71), (33, 40)])
def test_any_size_comes_back(size):
    frames = torch.rand(2, 6, *size)
    with torch.inference_mode():
        found = ThinSegmentation((4, 6, 6))(frames, *estimate_smooth_motion(frames))
    assert found.shape == (2, 2, *size) and found.min() >= 0 and found.max() <= 1


def test_pairs_know_their_lines(pairs):
    shown = 0
    for file in sorted(pairs.glob("*.npz")):
        with np.load(file) as pair:
            assert pair["frames"].shape == (6, 64, 64) and pair["dense"].shape == (6, 64, 64)
            share = (pair["thin"] > 127).mean((1, 2))
        assert share.max() < 0.2, "shapes are no lines"
        shown += int(share.min() > 0.005)
    assert shown, "no pair had a line in both frames"


def test_the_order_of_both_frames_is_no_matter():
    frames, search = crossing(), stirred(ThinSegmentation((6, 8))).eval()
    dense, ground, unlike = torch.rand(1, 6, 96, 96), torch.rand(1, 2, 96, 96), torch.rand(1, 2, 96, 96)
    with torch.inference_mode():
        forth = search(frames, dense, ground, unlike)
        back = search(frames[:, [3, 4, 5, 0, 1, 2]], dense[:, [2, 3, 0, 1, 5, 4]], -ground, unlike.flip(1))
    assert torch.allclose(forth, back.flip(1), atol=1e-5) and forth.std() > 0.01


@pytest.mark.parametrize(
    "turns", [(True, False, False), (False, True, False), (False, False, True), (True, True, True)]
)
def test_turned_pairs_move_as_before(turns):
    """A turned motion fetches the turned picture."""
    picture, motion = torch.rand(3, 24, 24), torch.randn(4, 24, 24)
    straight = backward_warp(picture[None], motion[None, :2])[0]
    other = backward_warp(turn_maps(picture, (), *turns)[None], turn_maps(motion, (0, 2), *turns)[None, :2])[0]
    assert torch.allclose(other, turn_maps(straight, (), *turns), atol=1e-5)


def test_mirrored_pairs_have_the_mirrored_motion():
    """A channel that is no vector would keep its sign."""
    scene = to_tensor(textured(102, 96))
    frames = torch.cat([scene[..., 6:], scene[..., :-6]], 1)
    dense, ground, unlike = estimate_smooth_motion(frames)
    dense_mirrored, ground_mirrored, unlike_mirrored = estimate_smooth_motion(frames.flip(3))
    for maps, mirrored, name in ((dense, dense_mirrored, "dense"), (ground, ground_mirrored, "ground")):
        expected = turn_maps(maps[0], VECTORS[name], True, False, False)
        assert (expected - mirrored[0]).abs().median() < 0.05
    assert (turn_maps(unlike[0], (), True, False, False) - unlike_mirrored[0]).abs().mean() < 0.02
    assert dense[0, 0].median() > 5 and ground[0, 0].median() > 5


def test_a_tiny_run_leaves_the_rest_alone(pairs, tmp_path, monkeypatch):
    monkeypatch.setitem(SHIPPED, "sdl-vfi", {**SHIPPED["sdl-vfi"], "thin_widths": (8, 8)})
    options = TransitionTrainOptions(
        task="vfi", network="sdl-vfi", objective="thin", data=str(pairs), batch=2, steps=12, lr=5e-3, decay_steps=12,
        out=str(tmp_path / "run"), save_every=12, log_every=1, sample_every=12, cpu=True,
    )  # fmt: skip
    from core.sdl.loading import build_network
    from core.training import load_trained

    rows = read_curves(run_training(options))
    assert len(rows) == 12 and all(np.isfinite(list(row.values())).all() for row in rows)
    after = build_network("sdl-vfi")
    load_trained(tmp_path / "run", {"generator": after}, averaged=False)
    assert after.thin.grid.lateral_final.f[2].weight.abs().max() > 0, "the search has moved"
    assert after.gridnet.lateral_final.f[2].weight.abs().max() == 0, "the rest is as silent as it began"


def test_pictures_do_not_move_the_search():
    options = filled(TransitionTrainOptions(task="vfi", network="sdl-vfi", objective="pixels", cpu=True))
    recipe = recipe_for(options, {})
    network = recipe.networks["generator"]
    assert not any(parameter.requires_grad for parameter in network.thin.parameters())
    assert all(parameter.requires_grad for parameter in network.look.parameters())


def test_mistakes_are_told(tmp_path):
    with pytest.raises(InputError, match="sequences thin"):
        ThinPairs([tmp_path])
    options = TransitionTrainOptions(
        task="vfi", network="published", objective="thin", data=str(tmp_path), out=str(tmp_path / "run"), cpu=True
    )
    sizes = {"frames": 6, "dense": 6, "ground": 2, "unlike": 2, "thin": 2}
    np.savez(tmp_path / "0.npz", **{name: np.zeros((count, 8, 8)) for name, count in sizes.items()})
    with pytest.raises(OptionError, match="--network sdl-vfi"):
        run_training(options)

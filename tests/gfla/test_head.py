"""The head laid whole: which of its layers is chosen, where it is laid, and what stays in front of it."""

import pytest
import torch

from core.gfla.methods.limb_layers.head import ARM_LAYERS, HEAD_LAYERS, best_head, lay_head, surroundings
from core.gfla.methods.limb_layers.layers import LAYER_COUNT, LAYERS, limb_layers
from core.gfla.methods.limb_layers.skeleton import HEAD
from core.gfla.options import PoseOptions
from core.gfla.pipeline import PosePipeline
from tests.gfla import tiny

SIZE = (128, 96)
SWAP = [0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 15, 14, 17, 16]


def skeleton(name="standing"):
    return torch.from_numpy(tiny.points(name, SIZE)).float()


def turned():
    """A head that looks to one side: the nose and eyes to the right of the ears' middle."""
    points = skeleton()
    points[[0, 14, 15]] += torch.tensor((3.0, 0.0))
    return points


def mirrored(points):
    other = points[SWAP].clone()
    return torch.stack([SIZE[1] - other[:, 0], other[:, 1]], 1)


def chosen(source, target):
    grids = limb_layers(source[None], target[None], SIZE).grids
    return best_head(grids, source, target, SIZE)


def test_the_layer_whose_joints_fit_is_chosen():
    source = turned()
    assert LAYERS[chosen(source, source)].side == "plain"
    assert LAYERS[chosen(source, mirrored(source))].side == "flipped"


def test_without_common_joints_there_is_no_head_to_lay():
    source, target = skeleton(), skeleton()
    target[HEAD] = -1
    assert chosen(source, target) is None


def test_surroundings_reach_far_above_and_stop_at_the_neck():
    points = skeleton()
    place = surroundings(points, SIZE, (256, 192), lean=True)
    middle = points[HEAD].mean(0) * 2
    assert place[int(middle[1]), int(middle[0])] == 1
    assert place[int(middle[1]) - 14, int(middle[0])] == 1, "hair"
    neck = points[1] * 2
    assert place[int(neck[1]), int(neck[0])] == 0 and place[180:].max() == 0


@pytest.fixture
def shares():
    torch.manual_seed(0)
    return torch.rand(LAYER_COUNT + 3, 8, 8).softmax(0)


def test_one_head_takes_the_place_of_a_mixture(shares):
    outline, place = torch.zeros(8, 8), torch.ones(8, 8)
    outline[2:6, 2:6] = 1
    layer = HEAD_LAYERS[1]
    made = lay_head(shares, layer, outline, outline, place)
    assert (made.sum(0) - 1).abs().max() < 1e-5 and made.min() >= 0
    arms = [2 + index for index in ARM_LAYERS]
    assert torch.equal(made[arms], shares[arms]), "arms stay in front"
    rest = 1 - shares[arms].sum(0)
    assert torch.allclose(made[2 + layer], rest * outline, atol=1e-6)
    assert torch.allclose(made[-1], rest * (1 - outline), atol=1e-6)


def test_away_from_the_head_only_its_layers_change_places(shares):
    made = lay_head(shares, HEAD_LAYERS[0], torch.ones(8, 8), torch.zeros(8, 8), torch.zeros(8, 8))
    heads = [2 + index for index in HEAD_LAYERS]
    others = [index for index in range(len(shares)) if index not in heads]
    assert torch.allclose(made[others], shares[others], atol=1e-5)
    assert torch.allclose(made[heads[0]], shares[heads].sum(0), atol=1e-5) and made[heads[1:]].max() == 0
    unseen = lay_head(shares, HEAD_LAYERS[0], torch.zeros(8, 8), torch.zeros(8, 8), torch.zeros(8, 8))
    assert (unseen.sum(0) - 1).abs().max() < 1e-5 and unseen[heads].max() == 0
    assert torch.allclose(unseen[-1], shares[-1], atol=1e-6), "no holes in a chest that the head's layers had shown"


def test_the_pipeline_shows_the_sources_own_head():
    pipe = PosePipeline(tiny.layered(sample_hw=SIZE))
    points = tiny.points("standing", (256, 192))
    picture = tiny.figure(points, (256, 192))
    prepared = pipe.prepare(
        picture,
        options=PoseOptions(height_px=256, cut_out=False, painter="network", background="studio"),
        points=points,
    )
    shown = pipe.render(prepared, [0.0])
    place = surroundings(torch.from_numpy(prepared.points), pipe.size_hw, tuple(shown.shape[2:]), lean=False)
    inside = (place == 1) & ((prepared.fine - shown).abs().amax(1)[0] < 0.1)
    assert inside.sum() > 0.9 * (place == 1).sum(), "in the own pose the head is the picture's, whatever was painted"

"""Limb layers: where they fetch from, what they carry, what is left out, and that the generator chooses among them."""

import dataclasses

import numpy as np
import pytest
import torch

from core.errors import ShapeError
from core.gfla.methods.limb_layers import losses
from core.gfla.methods.limb_layers.background import foreground
from core.gfla.methods.limb_layers.head import surroundings
from core.gfla.methods.limb_layers.layers import LAYER_COUNT, LAYERS, limb_layers, warp_layers
from core.gfla.options import PoseOptions
from core.gfla.pipeline import PosePipeline
from tests.gfla import tiny

SIZE = (128, 96)


def points(name):
    return torch.from_numpy(tiny.points(name, SIZE))[None].float()


def pixels(found):
    """Places in pixels of the source."""
    return (found.grids + 1) / 2 * torch.tensor((SIZE[1], SIZE[0])) - 0.5


def test_a_body_that_stays_is_fetched_from_where_it_is():
    found = limb_layers(points("standing"), points("standing"), SIZE)
    assert found.usable.all()
    rows, columns = torch.meshgrid(torch.arange(64) * 2 + 0.5, torch.arange(48) * 2 + 0.5, indexing="ij")
    here = torch.stack([columns, rows], -1)
    for index, layer in enumerate(LAYERS):
        if layer.side in ("plain", "body", "width") and layer.target == layer.source:
            assert (pixels(found)[0, index] - here).abs().max() < 0.02, layer
    assert (pixels(found)[0, -1] - here).abs().max() < 0.02, "the whole body"


def test_a_limb_brings_its_own_pixels_along():
    source, target = points("standing"), points("arms spread")
    picture = torch.full((1, 3, *SIZE), -1.0)
    rows, columns = torch.meshgrid(torch.arange(SIZE[0]), torch.arange(SIZE[1]), indexing="ij")
    middle = source[0, 3:5].mean(0)
    picture[0, 0][(columns - middle[0]) ** 2 + (rows - middle[1]) ** 2 < 9] = 1
    found = limb_layers(source, target, SIZE)
    moved = warp_layers(picture, found.grids, SIZE)
    assert moved.shape == (1, LAYER_COUNT, 3, *SIZE)
    number = next(i for i, layer in enumerate(LAYERS) if layer.target == layer.source == 3)
    x, y = target[0, 3:5].mean(0)
    assert moved[0, number, 0, round(float(y)), round(float(x))] > 0.8
    other = next(i for i, layer in enumerate(LAYERS) if layer.target == 3 and layer.source == 5)
    assert moved[0, other, 0, round(float(y)), round(float(x))] < 0, "the other arm has another colour"


def test_missing_joints_make_layers_unusable_and_never_chosen():
    source, target = points("standing"), points("walking")
    source[0, 4] = -1
    found = limb_layers(source, target, SIZE)
    lost = {i for i, layer in enumerate(LAYERS) if layer.source == 3}
    assert {i for i in range(LAYER_COUNT) if not found.usable[0, i]} == lost
    network = tiny.layered(sample_hw=SIZE)
    painted = network(torch.rand(1, 3, *SIZE), *tiny.guided(network, source, target, SIZE))
    assert painted.rest[0, [1 + index for index in lost]].max() == 0


@pytest.fixture(scope="module")
def network():
    return tiny.layered(sample_hw=SIZE)


def painted_by(network, picture):
    return network(picture, *tiny.guided(network, "standing", "walking", SIZE))


def test_weights_sum_to_one_and_make_the_picture(network):
    painted = painted_by(network, torch.rand(1, 3, *SIZE) * 2 - 1)
    assert painted.weights.min() > -1e-5 and painted.weights.sum(1).sub(1).abs().max() < 1e-5
    assert ((painted.weights[:, :, None] * painted.candidates).sum(1) - painted.image).abs().max() < 1e-5
    assert losses.expected_error(painted, painted.candidates[:, 0]).mean() > 0


def test_gradients_reach_the_blend_and_the_segmentation(network):
    painted = painted_by(network, torch.rand(1, 3, *SIZE) * 2 - 1)
    losses.expected_error(painted, torch.zeros_like(painted.image)).mean().backward()
    for part in ("limbs.out.weight", "target.choice.second.weight", "target.see_layers.0.weight"):
        assert network.get_parameter(part).grad.abs().sum() > 0, part
    network.zero_grad()


def test_one_source_serves_many_poses(network):
    source, picture = points("standing"), torch.rand(1, 3, *SIZE) * 2 - 1
    targets = torch.cat([points("walking"), points("arms spread")])
    with torch.no_grad():
        together = network.paint(network.encode(picture), picture, *network.structures(source, targets, SIZE))
        for index in range(2):
            alone = network(picture, *network.structures(source, targets[index : index + 1], SIZE))
            assert (together.image[index] - alone.image[0]).abs().max() < 1e-4


def test_layers_are_asked_for(network):
    picture, maps = torch.rand(1, 3, *SIZE), torch.rand(1, 18, *SIZE)
    with pytest.raises(ShapeError, match="needs limb layers"):
        network(picture, maps, maps)
    with torch.no_grad(), pytest.raises(ShapeError, match="lost its candidates"):
        losses.expected_error(painted_by(network, picture).cpu(), picture)


def test_the_pipeline_copies_layers_at_the_size_of_the_result(network):
    pipe = PosePipeline(network)
    skeleton = tiny.points("standing", (256, 176))
    picture = tiny.figure(skeleton, (256, 176))
    prepared = pipe.prepare(
        picture,
        "walking",
        options=PoseOptions(height_px=256, cut_out=False, painter="network", background="studio"),
        points=skeleton,
    )
    painted = pipe.paint(prepared, [prepared.path[-1]])
    # Everything from the layer of the whole body: the result is the picture itself, shifted and scaled.
    only = torch.zeros_like(painted.rest)
    only[:, -2] = 1
    size = (256, prepared.fine.shape[3])
    result = pipe.finish(prepared, dataclasses.replace(painted, rest=only))
    grids = painted.guide.layers.grids[:, -1:]
    colours = (foreground(prepared.fine * 2 - 1, pipe.grey)[:, :3] + 1) / 2
    moved = warp_layers(colours, grids, size)[:, 0]
    # But for the head, which is laid whole.
    head = surroundings(painted.guide.target_points[0], SIZE, size, lean=False) > 0
    head |= surroundings(painted.guide.target_points[0], SIZE, size, lean=True) > 0
    apart = (result - moved).abs().masked_fill(head, 0)
    assert apart.max() < 0.01 and np.asarray(result).std() > 0.05
    assert painted.rest.shape[1] == 1 + LAYER_COUNT + 1


def test_legs_that_the_pictures_edge_cuts_off_still_have_layers():
    source, target = points("standing"), points("standing")
    cut = target.clone()
    cut[0, [9, 10, 12, 13]] = -1
    found, whole = limb_layers(source, cut, SIZE), limb_layers(source, target, SIZE)
    thigh = next(i for i, layer in enumerate(LAYERS) if layer.target == layer.source == 6)
    assert found.usable[0, thigh]
    hip, knee = target[0, 8], target[0, 9]
    x, y = ((hip + 0.5 * (knee - hip)) / 2).round().int().tolist()
    apart = (pixels(found)[0, thigh, y, x] - pixels(whole)[0, thigh, y, x]).norm()
    assert apart < 4, "straight down is about where a standing person's thigh is"

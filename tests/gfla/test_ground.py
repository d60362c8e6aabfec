"""People apart from plain ground: shares, colours that go on beyond the outline, and the generator that chooses ground."""

import pytest
import torch

from core.errors import ShapeError
from core.gfla.data.people import STUDIO_GREY, batch_heatmaps
from core.gfla.methods.limb_layers.background import cut_out, person_share
from core.gfla.methods.limb_layers.layers import limb_layers
from core.gfla.methods.limb_layers.skeleton import limb_prior
from core.gfla.paper import losses
from tests.gfla import tiny

GREY = 2 * STUDIO_GREY - 1
SIZE = (128, 96)
CONFIG = {
    "attn_layers": (2, 3), "kernel_sizes": (3, 3), "flow_prior": True, "copy_source": True, "limb_layers": True,
    "ground_choice": True, "studio_grey": STUDIO_GREY, "sample_hw": SIZE,
}  # fmt: skip


def disc(soft=False):
    """A red disc on plain ground, (1, 3, 64, 64), and how far each pixel lies inside its rim."""
    rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    inside = 16 - ((rows - 31.5) ** 2 + (columns - 31.5) ** 2).sqrt()
    share = (inside + 0.5).clamp(0, 1) if soft else (inside > 0).float()
    red = torch.tensor((0.6, -0.8, -0.7))[None, :, None, None]
    return GREY + share[None, None] * (red - GREY), inside


def test_a_person_is_told_from_the_ground():
    picture, inside = disc()
    assert torch.equal(person_share(picture, STUDIO_GREY)[0, 0] > 0.5, inside > 0)


def test_colours_go_on_beyond_the_outline_without_the_grounds():
    picture, inside = disc(soft=True)
    cut = cut_out(picture, STUDIO_GREY)
    near = inside > -6
    red = torch.tensor((0.6, -0.8, -0.7))[:, None]
    assert (cut[0, :3][:, near] - red).abs().max() < 0.02, "rim pixels were mixed with grey"
    assert (cut[0, 3] - (inside + 0.5).clamp(0, 1)).abs().max() < 0.15, "the share follows the mixed rim"


def painted(network, picture):
    source, target = (torch.from_numpy(tiny.points(name, SIZE))[None].float() for name in ("standing", "walking"))
    return network(
        picture, batch_heatmaps(source, SIZE, 3), batch_heatmaps(target, SIZE, 3), limb_prior(source, target, SIZE),
        limb_layers(source, target, SIZE),
    )  # fmt: skip


def test_ground_is_one_of_the_choices():
    network = tiny.generator(**CONFIG)
    with torch.no_grad():
        made = painted(network, torch.rand(1, 3, *SIZE) * 2 - 1)
    assert made.shares.shape[1] == made.each.shape[1] and made.shares.sum(1).sub(1).abs().max() < 1e-5
    assert torch.equal(made.shares[:, -1:], made.ground)
    assert (made.each[:, -1] - GREY).abs().max() < 1e-6
    assert ((made.shares[:, :, None] * made.each).sum(1) - made.image).abs().max() < 1e-5
    mask = torch.zeros_like(made.ground)
    right = losses.ground_loss(1 - mask, mask).mean()
    assert right < 1e-3 < losses.ground_loss(mask, mask).mean()


def test_what_is_painted_begins_in_the_persons_colours():
    network = tiny.generator(**CONFIG)
    torch.nn.init.zeros_(network.target.outconv.model[2].weight)
    torch.nn.init.zeros_(network.target.outconv.model[2].bias)
    picture = torch.full((1, 3, *SIZE), GREY)
    colour = torch.tensor((-0.5, 0.3, -0.2))
    picture[:, :, 20:120, 30:66] = colour[:, None, None]
    with torch.no_grad():
        made = painted(network, picture)
    assert (made.painted[0] - colour[:, None, None]).abs().max() < 0.02


def test_ground_needs_layers_and_a_grey():
    with pytest.raises(ShapeError, match="goes with limb_layers"):
        tiny.generator(ground_choice=True)

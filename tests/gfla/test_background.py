"""People apart from plain background: alpha, colours that go on beyond the outline, and the generator that blends it in."""

import pytest
import torch

from core.errors import ShapeError
from core.gfla.data.people import STUDIO_GREY
from core.gfla.methods.limb_layers import losses
from core.gfla.methods.limb_layers.background import foreground, person_alpha
from tests.gfla import tiny

GREY = 2 * STUDIO_GREY - 1
SIZE = (128, 96)


@pytest.fixture(scope="module")
def network():
    return tiny.layered(sample_hw=SIZE)


def disc(soft=False):
    """A red disc on plain ground, (1, 3, 64, 64), and how far each pixel lies inside its rim."""
    rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    inside = 16 - ((rows - 31.5) ** 2 + (columns - 31.5) ** 2).sqrt()
    share = (inside + 0.5).clamp(0, 1) if soft else (inside > 0).float()
    red = torch.tensor((0.6, -0.8, -0.7))[None, :, None, None]
    return GREY + share[None, None] * (red - GREY), inside


def test_a_person_is_told_from_the_ground():
    picture, inside = disc()
    assert torch.equal(person_alpha(picture, STUDIO_GREY)[0, 0] > 0.5, inside > 0)


def test_colours_go_on_beyond_the_outline_without_the_grounds():
    picture, inside = disc(soft=True)
    cut = foreground(picture, STUDIO_GREY)
    near = inside > -6
    red = torch.tensor((0.6, -0.8, -0.7))[:, None]
    assert (cut[0, :3][:, near] - red).abs().max() < 0.02, "rim pixels were mixed with grey"
    assert (cut[0, 3] - (inside + 0.5).clamp(0, 1)).abs().max() < 0.15, "the share follows the mixed rim"


def test_background_is_one_of_the_candidates(network):
    with torch.no_grad():
        made = network(torch.rand(1, 3, *SIZE) * 2 - 1, *tiny.guided(network, "standing", "walking", SIZE))
    assert made.weights.shape[1] == made.candidates.shape[1] and made.weights.sum(1).sub(1).abs().max() < 1e-5
    assert torch.equal(made.weights[:, -1:], made.background)
    assert (made.candidates[:, -1] - GREY).abs().max() < 1e-6
    assert ((made.weights[:, :, None] * made.candidates).sum(1) - made.image).abs().max() < 1e-5
    mask = torch.zeros_like(made.background)
    right = losses.background_loss(1 - mask, mask).mean()
    assert right < 1e-3 < losses.background_loss(mask, mask).mean()


def test_what_is_painted_begins_in_the_persons_colours():
    network = tiny.layered(sample_hw=SIZE)
    torch.nn.init.zeros_(network.target.outconv.model[2].weight)
    torch.nn.init.zeros_(network.target.outconv.model[2].bias)
    picture = torch.full((1, 3, *SIZE), GREY)
    colour = torch.tensor((-0.5, 0.3, -0.2))
    picture[:, :, 20:120, 30:66] = colour[:, None, None]
    with torch.no_grad():
        made = network(picture, *tiny.guided(network, "standing", "walking", SIZE))
    assert (made.decoded[0] - colour[:, None, None]).abs().max() < 0.02


def test_weights_of_an_older_form_are_refused():
    with pytest.raises(ShapeError, match="older form"):
        tiny.layered(ground_choice=False)

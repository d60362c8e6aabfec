"""The measured head: it turns its landmarks exactly, leaves the picture's edge alone, and says when there is no face."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from core.ops.warp import sample_at
from core.ripple.methods.head_turn.geometry import rotate_about_axis
from core.ripple.methods.head_turn.surface import SURFACE, HeadSurface
from core.ui.parts.examples import HEADS

VIEW = SURFACE.view_px
NOSE, EYES = 1, (33, 263)


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    """A rendered head of ours."""
    with Image.open(HEADS / "kofi.jpg") as file:
        return file.convert("RGB")


@pytest.fixture(scope="module")
def surface(picture: Image.Image) -> HeadSurface:
    """The same, measured."""
    return HeadSurface.of(picture)


def test_no_turn_moves_nothing(surface: HeadSurface) -> None:
    motion = surface.motion(0.0)
    assert (motion.flow == 0).all()
    assert torch.allclose(motion.person[0, 0], torch.from_numpy(surface.person), atol=1e-3)


@pytest.mark.parametrize("yaw_deg", [-25.0, 20.0])
def test_the_face_turns_about_the_axis_and_the_edge_stays(surface: HeadSurface, yaw_deg: float) -> None:
    points, _ = rotate_about_axis(surface.mesh, surface.axis_x, yaw_deg)
    wanted = (surface.mesh[:, :2] - points)[[NOSE, *EYES]]
    flow = surface.motion(yaw_deg).flow_px(VIEW)
    at = torch.from_numpy(points[[NOSE, *EYES]]).float()[None] - 0.5
    assert np.sign(points[NOSE, 0] - surface.mesh[NOSE, 0]) == np.sign(yaw_deg)
    assert np.abs(sample_at(flow, at)[0].T.numpy() - wanted).max() < 0.012 * VIEW
    edge = torch.cat([flow[..., 0, :], flow[..., -1, :], flow[..., :, 0], flow[..., :, -1]], -1)
    assert edge.abs().max() < 0.012 * VIEW


def test_a_mirrored_head_turned_the_other_way_is_the_mirrored_result(
    picture: Image.Image, surface: HeadSurface
) -> None:
    other = HeadSurface.of(ImageOps.mirror(picture)).flow(-20.0).flip(-1) * torch.tensor([-1.0, 1.0]).view(1, 2, 1, 1)
    assert (other - surface.flow(20.0)).abs().mean() < 0.004


def test_the_person_turns_with_the_flow(surface: HeadSurface) -> None:
    """The head leans to where it turns; the person grows or shrinks by little."""
    person = surface.motion(25.0).person[0, 0].numpy()
    head = slice(0, int(surface.chin_y))
    before, after = ((mask[head] * np.arange(VIEW)).sum() / mask[head].sum() for mask in (surface.person, person))
    assert after > before + 0.01 * VIEW
    assert 0.9 < person.sum() / surface.person.sum() < 1.25

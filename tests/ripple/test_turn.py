"""The turn: painter, portraits turned by their depth, and pairs with other looks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.errors import ShapeError
from core.face_ageing.ageing import find_layers
from core.ripple.data.turn_pairs import Look, TurnPairs
from core.ripple.methods.head_turn.geometry import rotate_about_axis
from core.ripple.methods.head_turn.painter import INPUTS, Painted, Painter
from core.ripple.methods.head_turn.pre_aligner import PreAligner
from core.ripple.methods.moved_head.motion import Pose
from core.ripple.options import AGEING, RippleOptions
from core.ripple.pipeline import RipplePipeline
from core.ripple.training.calibrate import scale_flow
from tests.ripple.conftest import SIDE, tiny_pipeline


def painted(side: int, trust: float, light: float = 0.0) -> Painted:
    """A painter's answer that is the same everywhere: grey paint."""
    plane = torch.ones(1, 1, side, side)
    return Painted(torch.zeros(1, 3, side, side), trust * plane, light * plane.expand(1, 3, -1, -1), plane)


def test_trusted_pixels_come_from_the_photograph_and_the_rest_from_paint() -> None:
    photo, flow = torch.rand(1, 3, 64, 64) * 2 - 1, torch.zeros(1, 2, 64, 64)
    flow[:, 0] = 3.0
    moved = photo[..., 3:]
    assert torch.allclose(painted(32, 1.0).composite(photo, flow)[..., :-3], moved, atol=1e-5)
    assert torch.allclose(painted(32, 1.0, light=0.25).composite(photo, flow)[..., :-3], moved + 0.25, atol=1e-5)
    assert torch.allclose(painted(32, 0.0).composite(photo, flow), torch.zeros(1), atol=1e-5)


def test_turns_to_both_sides_mirror_each_other() -> None:
    """A mirrored picture turned the other way is the mirrored result, for flow and paint alike."""
    torch.manual_seed(0)
    painter = Painter(SIDE, (8, 8, 8)).eval()
    torch.nn.init.normal_(painter.last.weight, std=0.1)
    aligner = PreAligner(16, (16, 16, 16, 16), outputs=3, inputs=8).eval()
    source, plain = torch.rand(1, 3, SIDE, SIDE), torch.rand(1, 3, SIDE, SIDE)
    degrees, sign = torch.tensor([[1.5, 0.0]]), torch.tensor([-1.0, 1.0]).view(1, 2, 1, 1)
    with torch.no_grad():
        right = aligner.estimate(source, plain, degrees)
        left = aligner.estimate(source.flip(-1), plain.flip(-1), -degrees)
        assert torch.allclose(left[:, :2], right[:, :2].flip(-1) * sign, atol=1e-6)
        flow, person = torch.randn(1, 2, SIDE, SIDE), torch.randn(1, 1, SIDE, SIDE)
        one = painter.paint(source, plain, flow, person, degrees)
        mirrored = (source.flip(-1), plain.flip(-1), flow.flip(-1) * sign, person.flip(-1))
        other = painter.paint(*mirrored, -degrees)
    for a, b in zip(one, other, strict=True):
        assert torch.allclose(a, b.flip(-1), atol=1e-4)


def test_no_degree_moves_nothing() -> None:
    aligner = PreAligner(16, (16, 16, 16, 16), outputs=3, inputs=8).eval()
    with torch.no_grad():
        made = aligner.estimate(torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 16), torch.zeros(1, 2))
    assert (made[:, :2] == 0).all()


def test_the_flow_can_be_scaled_without_touching_the_silhouette() -> None:
    torch.manual_seed(0)
    aligner = PreAligner(16, (16, 16, 16, 16), outputs=3, inputs=8).train()
    for _ in range(5):
        aligner(torch.randn(4, 8, 16, 16))
    x = torch.randn(2, 8, 16, 16)
    with torch.no_grad():
        before = aligner.eval()(x)
        scale_flow(aligner, 1.25)
        after = aligner(x)
    assert torch.allclose(after[:, :2], 1.25 * before[:, :2], atol=1e-5)
    assert torch.allclose(after[:, 2:], before[:, 2:], atol=1e-5)


def test_a_picture_of_another_size_is_refused() -> None:
    with pytest.raises(ShapeError, match="painter"):
        Painter(SIDE, (8, 8, 8))(torch.zeros(1, INPUTS, 16, 16))


def test_the_pipeline_turns_with_a_painter(pipe: RipplePipeline, portrait: Image.Image) -> None:
    painter = tiny_pipeline(pre_aligner=True, painter=True)
    prepared = painter.prepare(portrait, options=RippleOptions(align=False, output_px=64, turn="network"))
    still, moved = (painter.edit(prepared, degree) for degree in (0.0, 20.0))
    shown = np.asarray(portrait.resize((64, 64), Image.Resampling.LANCZOS)).astype(int)
    assert np.abs(np.asarray(still.plain).astype(int) - shown).mean() < 3
    assert np.abs(np.asarray(moved.plain).astype(int) - np.asarray(still.plain)).max() > 3
    assert moved.before is not None
    assert moved.before.size == (256, 256)
    assert still.after is None


def test_points_turn_about_the_axis() -> None:
    """A quarter turn takes what is right of the axis to the back and what is in front to the right."""
    points, visible = rotate_about_axis(np.array([[10.0, 5.0, 0.0], [0.0, 7.0, 10.0], [-10.0, 5.0, 0.0]]), 0.0, 90.0)
    assert np.allclose(points, [[0, 5], [10, 7], [0, 5]])
    assert visible.tolist() == [False, False, True]
    points, visible = rotate_about_axis(np.array([[3.0, 1.0, 9.0]]), 0.0, 0.0)
    assert np.allclose(points, [[3, 1]])
    assert visible.all()


def test_a_look_changes_both_frames_alike_and_stays_in_range() -> None:
    look, picture = Look.draw(np.random.default_rng(0)), torch.linspace(-1, 1, 48).view(1, 4, 12).repeat(3, 1, 1)
    made = look.apply(picture)
    assert made.min() >= -1
    assert made.max() <= 1
    assert torch.equal(made, look.apply(picture))
    assert not torch.allclose(made, picture, atol=0.02)


@pytest.mark.slow
def test_pairs_of_portraits_and_heads(shared_data: Path) -> None:
    """Portraits that turn have points but no picture; known points of rendered heads lie where the rule says."""
    pairs = TurnPairs(shared_data, 64, "test", portrait_share=0.5)
    batch = pairs.draw(np.random.default_rng(0), 24)
    blind = batch["picture_known"] == 0
    assert 0 < blind.sum() < 24
    assert not batch["mask_known"][blind].any()
    assert batch["source"].abs().max() <= 1
    shift = (batch["target_points"] - batch["source_points"])[blind, :, 0].mean(1)
    assert (torch.sign(shift) == torch.sign(batch["degrees"][blind, 0])).all()
    errors = []
    for name in pairs.turns[:6]:
        front, side = pairs.frames[name][3], pairs.frames[name][5]
        yaw = np.deg2rad(20)
        other = pairs.frames[name][1]["points"]
        near = (side["points"][:, 0] - other[:, 0]) / (2 * np.sin(yaw))
        points, _ = rotate_about_axis(np.column_stack([front["points"], near]), 80.0, 20.0)
        errors.append(np.abs(points - side["points"])[front["seen"] & side["seen"]].max())
    assert max(errors) < 1.5


def test_ageing_moves_nothing_and_uncovers_nothing(pipe: RipplePipeline, portrait: Image.Image) -> None:
    painter = tiny_pipeline(pre_aligner=True, painter=True)
    prepared = painter.prepare(portrait, options=RippleOptions(align=False, output_px=64, turn="network"))
    aged = painter.edited(prepared.inversion, "age", 3.0)
    assert aged.flow is not None
    assert not aged.moves
    assert (aged.flow == 0).all()
    result = painter.edit(prepared, 3.0, "age")
    assert (np.asarray(result.mask) == 0).all()
    assert np.array_equal(np.asarray(result.clean), np.asarray(result.plain))
    assert painter.edited(prepared.inversion, "pose", 10.0).moves


def test_a_measured_face_ages_as_on_the_sdl_tab_and_turns_at_once(heads: list[Path]) -> None:
    photo = Image.open(heads[0]).convert("RGB")
    pipe = tiny_pipeline(pre_aligner=True, painter=True)
    prepared = pipe.prepare(photo, options=RippleOptions(edit="age", output_px=64))
    older = find_layers(photo, prepared.face).paint(0.6)
    result = pipe.edit(prepared, 3.0)
    assert np.array_equal(np.asarray(result.whole), older)
    assert not np.array_equal(older, np.asarray(photo))
    assert AGEING in result.notes
    assert np.array_equal(np.asarray(pipe.edit(prepared, 0.0).whole), np.asarray(photo))
    turned = pipe.edit(prepared, 3.0, "age", replace(prepared.options, also_pose=10.0))
    assert np.array_equal(np.asarray(turned.whole), prepared.known_scene.render(older, Pose(yaw=10.0)))
    assert AGEING in pipe.limits(prepared, replace(prepared.options, degree_from=0.0))


def test_a_film_tells_what_its_photograph_does_not_bear(heads: list[Path]) -> None:
    pipe = tiny_pipeline(pre_aligner=True, painter=True)
    prepared = pipe.prepare(heads[0], options=RippleOptions(output_px=64))
    prepared = replace(prepared, bears={"pose": (-12.0, 30.0), "smile": (0.0, 0.0)})
    asked = replace(prepared.options, degree_from=-20.0, degree_to=20.0, also_smile=1.0)
    assert pipe.limits(prepared, asked) == (
        "the film goes from -12 to 20 degrees: this photograph bears no more",
        "smile 0 of 1: this photograph bears no more",
    )

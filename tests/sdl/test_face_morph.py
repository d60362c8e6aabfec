"""The motion that small networks start from: flow, its place at t, landmarks, and what is made of it."""

import numpy as np
import pytest
import torch
from PIL import Image

from core.image import to_pil, to_tensor
from core.metrics import evenness, psnr, sharpness
from core.ops.pull_push import filled
from core.sdl.data.sequences import held_out
from core.sdl.data.toons import toonify
from core.sdl.loading import build_network
from core.sdl.methods.ageing.face_guide import find_head_box
from core.sdl.methods.face_morph.correspondence import (
    SHOULDER,
    correct_flow,
    find_face_motion,
    interpolate_flow,
    match_edges,
    measure_face_motion,
    trace_shoulder,
)
from core.sdl.methods.flow_hypotheses.optical_flow import carry_motion, estimate_motion, splat_forward
from core.sdl.methods.toon.abstraction import (
    abstract_picture,
    draw_abstraction,
    interpolate_abstraction,
    lab_of,
    rgb_of,
)
from core.ui.parts.examples import HEADS
from tests.sdl.conftest import textured


def shifted(right: int, down: int) -> torch.Tensor:
    """Two frames between which everything moves by whole pixels, and the one in the middle."""
    whole = to_tensor(textured(224, 192, cell_px=9))

    def at(share: float) -> torch.Tensor:
        x, y = 32 - round(share * right), 32 - round(share * down)
        return whole[..., y : y + 128, x : x + 160]

    return torch.cat([at(0), at(1), at(0.5)], 1)


def test_flow_finds_a_shift_and_its_middle():
    frames = shifted(8, -6)
    motion = estimate_motion(frames[:, :6])
    assert motion.shape == (1, 6, 128, 160)
    inner = motion[..., 24:-24, 24:-24]
    wanted = torch.tensor([8.0, -6, -8, 6])
    assert torch.allclose(inner[0, :4].flatten(1).median(1).values, wanted, atol=0.1)
    assert inner[:, 4:].mean() > 0.5
    network = build_network("sdl-vfi").eval()
    with torch.inference_mode():
        made = network(frames[:, :6], torch.tensor([0.5]))
    mixed = (frames[:, :3] + frames[:, 3:6]) / 2
    cut = (..., slice(16, -16), slice(16, -16))
    assert psnr(made[cut], frames[:, 6:][cut]) > psnr(mixed[cut], frames[:, 6:][cut]) + 8


def test_what_is_hidden_in_one_frame_comes_from_the_other():
    motion = torch.zeros(1, 6, 16, 16)
    motion[:, 4], motion[:, 5] = 1.0, 1e-4
    logit = carry_motion(motion, torch.tensor([0.5]))[:, 2]
    assert (logit < -5).all()
    assert (carry_motion(motion[:, [2, 3, 0, 1, 5, 4]], torch.tensor([0.5]))[:, 2] > 5).all()


def test_splatting_keeps_the_sum_and_filling_closes_holes():
    values = torch.rand(2, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(splat_forward(values, torch.zeros(2, 2, 12, 12)), values)
    inside = torch.zeros_like(values)
    inside[..., 4:8, 4:8] = values[..., 4:8, 4:8]
    moved = splat_forward(inside, torch.full((2, 2, 12, 12), 1.25))
    assert torch.allclose(moved.sum((2, 3)), inside.sum((2, 3)), atol=1e-4)
    weight = torch.ones(1, 1, 16, 16)
    weight[..., 4:10, 4:10] = 0
    assert torch.allclose(filled(0.7 * weight, weight), torch.tensor(0.7), atol=1e-4)


def test_landmarks_lead_one_face_to_the_other():
    first, second = (Image.open(file).convert("RGB").resize((256, 256)) for file in sorted(HEADS.glob("*.jpg"))[:2])
    motion, apart = measure_face_motion(first, second)
    assert motion.shape == (1, 8, 256, 256) and torch.all(motion[:, 4:6] == 1)
    assert (motion[:, 6:, 120:136, 120:136] > 20).all() and (motion[:, 6:, :4, :4] < -20).all(), "person and corner"
    from core.detect.faces import detect_faces

    points, places = (detect_faces(picture)[0].points for picture in (first, second))
    at = points.astype(int).clip(0, 255)
    moved = motion[0, :2, at[:, 1], at[:, 0]].T.numpy()
    assert np.abs(points + moved - places).mean() < 1.5 and not apart
    assert find_face_motion(textured(128, 128), second) == (None, False)


def test_a_spline_passes_its_points():
    rng = np.random.default_rng(0)
    points = rng.uniform(20, 80, (12, 2))
    flow = interpolate_flow(points, points + (3, -5), np.full(12, 1e-3), (100, 90), 49)
    assert flow.shape == (90, 100, 2) and np.allclose(flow[20:70, 20:80], (3, -5), atol=0.05)


def stood(neck: int, shoulder: int) -> np.ndarray:
    """The mask of a head on a neck of some half width, with sloping shoulders that leave at some height, 200 px."""
    y, x = np.mgrid[0:200, 0:200]
    head = np.hypot(x - 99.5, y - 70) < 40
    slope = 120 + (shoulder - 120) * (np.abs(x - 99.5) - neck).clip(0) / (99.5 - neck)
    return (head | ((np.abs(x - 99.5) < neck) & (y > 70)) | ((np.abs(x - 99.5) >= neck) & (y > slope))).astype(
        np.float32
    )


def test_shoulders_meet_at_their_corner_and_at_the_edge():
    lines = [trace_shoulder(stood(*shape), 112, right) for shape in ((20, 170), (30, 150)) for right in (False, True)]
    for line, neck, leaves in zip(lines, (20, 20, 30, 30), (170, 170, 150, 150), strict=True):
        assert line.shape == (sum(SHOULDER), 2)
        assert abs(abs(line[SHOULDER[0], 0] - 100) - neck) < 3 and abs(line[SHOULDER[0], 1] - 121) < 4
        assert abs(line[-1, 1] - leaves) < 3 and line[-1, 0] in (0, 200)
    ends = [np.stack([lines[0][-1], lines[1][-1]]), np.stack([lines[2][-1], lines[3][-1]])]
    first, second = match_edges(ends, (200, 200))
    assert len(first) == 16 and not np.allclose(first, second)
    moved = np.abs(second - first).max(1) > 1
    assert np.isin(first[moved, 0], (0, 200)).all(), "only points on the sides that the shoulders leave by slide"
    assert np.isnan(trace_shoulder(np.zeros((200, 200), np.float32), 112, True)).all()


def test_pictures_correct_what_the_spline_left():
    whole = to_tensor(textured(224, 192, cell_px=9))
    first, second = whole[..., 32:160, 32:192], 0.7 * whole[..., 30:158, 29:189] + 0.1
    there = correct_flow(first, second, torch.zeros(1, 2, 128, 160))[..., 24:-24, 24:-24]
    assert torch.allclose(there.mean((0, 2, 3)), torch.tensor([3.0, 2.0]), atol=0.4)
    unlike = correct_flow(first, to_tensor(textured(160, 128, 5)), torch.ones(1, 2, 128, 160))
    assert (unlike - 1).abs().mean() < 2


def test_a_head_is_framed_inside_the_picture():
    head = Image.open(sorted(HEADS.glob("*.jpg"))[0]).convert("RGB").resize((200, 200))
    wide = Image.new("RGB", (700, 400), "grey")
    wide.paste(head, (300, 100))
    left, top, right, bottom = find_head_box(wide)
    assert 250 < left < 340 and 440 < right < 550 and 0 <= top < 140 and 240 < bottom <= 400
    assert find_head_box(Image.new("RGB", (64, 64))) is None


def test_lines_come_before_texture_leaves():
    photo = to_tensor(textured(128, 96, cell_px=3))
    drawing, smooth = draw_abstraction(photo)
    t = torch.linspace(0, 1, 5).reshape(-1, 1, 1, 1)
    frames = interpolate_abstraction(photo, drawing, smooth, t)
    assert torch.allclose(frames[:1], photo, atol=1e-6) and torch.allclose(frames[-1:], drawing, atol=1e-6)
    mixed = torch.lerp(photo, drawing, t)
    assert all(sharpness(ours) > sharpness(fade) for ours, fade in zip(frames[1:4], mixed[1:4], strict=True))
    assert evenness(frames) > 0.6
    beyond = interpolate_abstraction(photo, drawing, smooth, torch.full((1, 1, 1, 1), 1.5))
    assert torch.allclose(beyond, drawing + 0.5 * (drawing - photo), atol=1e-6)


def test_filters_come_near_the_toon_teacher():
    picture = textured(128, 96, cell_px=20)
    there = to_tensor(Image.fromarray(toonify(np.asarray(picture))))
    photo = to_tensor(picture)
    assert psnr(abstract_picture(photo), there) > psnr(photo, there) + 3
    assert torch.allclose(rgb_of(lab_of(photo)), photo, atol=1e-4)


@pytest.mark.parametrize("size", [(64, 96), (130, 70)])
def test_style_works_at_any_size(size):
    from core.sdl.pipeline import SDLPipeline

    pipe = SDLPipeline(build_network("sdl-style"), "style")
    made = pipe.render(pipe.prepare(textured(*size), textured(50, 40, 3)), [0.0, 0.5, 1.5])
    assert made.shape == (3, 3, size[1], size[0])
    assert torch.equal(made[0], to_tensor(textured(*size))[0]) and not torch.equal(made[1], made[2])
    assert to_pil(made)[0].size == size


def test_held_out_people_are_held_out_in_every_picture():
    people = {name: held_out(f"neutral/{name}_03.jpg") for name in (f"{number:03d}" for number in range(173))}
    assert all(held_out(f"smiling/{name}_08.jpg") == out for name, out in people.items())
    assert 5 < sum(people.values()) < 35

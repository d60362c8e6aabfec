"""Several motions for every place: the background's, that of thin things, and the choice among them."""

import threading

import numpy as np
import pytest
import torch

from core.errors import OptionError
from core.image import to_tensor
from core.metrics import psnr
from core.sdl.loading import build_network, network_class
from core.sdl.methods.flow_hypotheses import optical_flow
from core.sdl.methods.flow_hypotheses.background import estimate_smooth_motion, fit_background
from core.sdl.methods.flow_hypotheses.hypotheses import (
    MOMENT_CHANNELS,
    PAIR_CHANNELS,
    carry_hypotheses,
    find_pair_motion,
)
from core.sdl.methods.flow_hypotheses.network import HYPOTHESES, HypothesisSDLNet, compose_hypotheses, find_moving
from core.sdl.methods.flow_hypotheses.optical_flow import estimate_flow, estimate_motion, reduce_frames, search_flow
from core.sdl.methods.thin_structures.hough_voting import find_thin_motion
from core.sdl.methods.thin_structures.search import box_around, is_sure, mark_failing, search_thin
from tests.sdl.conftest import textured

HALF = torch.tensor([0.5])
CHANGES = HypothesisSDLNet.CHANGE_CHANNELS


def wire(at: int) -> torch.Tensor:
    """A patterned wire, two pixels thin, `at` pixels further right and half as many further up, before a still scene."""
    scene = to_tensor(textured(192, 160, cell_px=12)) * 0.4
    y = torch.arange(30, 130)
    shade = 0.75 + 0.2 * torch.sin(y / 3.0)
    for side in (0, 1):
        scene[0, :, y - at // 2, y // 2 + 30 + at + side] = shade
    return scene


def test_a_thin_thing_that_flow_loses_is_followed():
    first, second, still = wire(0), wire(24), torch.zeros(1, 2, 160, 192)
    found = find_thin_motion(first, second, still, still)
    assert found.shape == (1, 6, 160, 192)
    sure = found[0, 2] > 0.3
    assert 100 <= sure.sum() <= 260
    moved = found[0, :2, sure]
    assert (moved[0] - 24).abs().median() <= 1 and (moved[1] + 12).abs().median() <= 1
    back = found[0, 3:5, found[0, 5] > 0.3]
    assert (back[0] + 24).abs().median() <= 1 and (back[1] - 12).abs().median() <= 1
    assert torch.equal(find_thin_motion(first, first, still, still)[:, [2, 5]], torch.zeros(1, 2, 160, 192))


def test_the_wire_stays_whole_between_the_frames():
    inputs = torch.cat([wire(0), wire(24)], 1)
    with torch.inference_mode():
        made = build_network("sdl-vfi").eval()(inputs, HALF)
    truth, blend = wire(12), (inputs[:, :3] + inputs[:, 3:]) / 2
    # The wire's own pixels: without it the scene is dark.
    on = truth.amin(1, keepdim=True) > 0.5
    assert 120 < on.sum() < 260
    assert psnr(made * on, truth * on) > psnr(blend * on, truth * on) + 3


def test_the_background_is_found_behind_figures_and_stands_still_exactly():
    y, x = torch.meshgrid(torch.linspace(-1, 1, 96), torch.linspace(-1, 1, 128), indexing="ij")
    camera = torch.stack([5 + 2 * x, -3 + y])[None]
    flow = camera.clone()
    flow[:, :, 20:80, 40:90] = torch.tensor([-20.0, 9.0])[None, :, None, None]
    trust = torch.ones(1, 1, 96, 128)
    assert torch.allclose(fit_background(flow, trust), camera, atol=0.1)
    noise = 0.1 * torch.randn(camera.shape, generator=torch.Generator().manual_seed(0))
    still = torch.where(flow == camera, noise, flow)
    assert torch.equal(fit_background(still, trust), torch.zeros_like(camera))


def test_the_figures_motion_reaches_over_its_outline():
    motion = torch.zeros(1, PAIR_CHANNELS, 64, 96)
    motion[:, 4:6] = motion[:, 14:] = 1.0
    # What the figure hides in the other frame has no way there.
    motion[:, 4, 16:48, 56:68] = motion[:, 5, 16:48, 24:36] = 1e-4
    motion[:, 0, 16:48, 24:56], motion[:, 2, 16:48, 36:68] = 12.0, -12.0
    moment = carry_hypotheses(motion, HALF)
    assert moment.shape == (1, MOMENT_CHANNELS, 64, 96)
    assert torch.equal(moment[:, 2:4], torch.zeros(1, 2, 64, 96))
    assert (moment[0, 4, 12:52, 24:66] - 12).abs().max() < 1
    # What the background's place shows is the figure: on the left in the first frame, on the right in the second.
    assert moment[0, 8, 32, 26] > 0.9 and moment[0, 9, 32, 26] < 0.1
    assert moment[0, 9, 32, 66] > 0.9 and moment[0, 8, 32, 66] < 0.1


def test_shares_choose_a_frame_and_a_motion():
    inputs = torch.cat([to_tensor(textured(64, 64, seed)) for seed in (1, 2)], 1)
    motion = torch.zeros(1, PAIR_CHANNELS, 64, 64)
    motion[:, 0], motion[:, 2], motion[:, 4:6] = 6.0, -6.0, 1.0
    moment, maps = carry_hypotheses(motion, HALF), torch.zeros(1, 12 + CHANGES, 32, 32)
    maps[:, 12 + HYPOTHESES + 1] = 50.0
    assert torch.allclose(compose_hypotheses(maps, moment, inputs, HALF), inputs[:, 3:], atol=1e-5)
    maps[:, 12 + HYPOTHESES + 1], maps[:, 12] = 0.0, 50.0
    made = compose_hypotheses(maps, moment, inputs, HALF)
    assert torch.allclose(made[..., 12:60], inputs[:, :3, :, 9:57], atol=1e-4)
    for t, end in ((0.0, inputs[:, :3]), (1.0, inputs[:, 3:])):
        known = carry_hypotheses(motion, torch.tensor([t]))
        maps = torch.randn(maps.shape, generator=torch.Generator().manual_seed(3))
        assert torch.allclose(compose_hypotheses(maps, known, inputs, torch.tensor([t])), end, atol=1e-5)


def test_still_frames_are_blended_to_the_last_bit():
    first = to_tensor(textured(96, 64))
    second = (first + 0.02 * torch.randn(first.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    inputs, quarter = torch.cat([first, second], 1), torch.tensor([0.25])
    motion = find_pair_motion(inputs)
    motion[:, :4] *= 0.01
    motion[:, [8, 11]] = 0.0
    maps = torch.full((1, 12 + CHANGES, 32, 48), 3.0)
    made = compose_hypotheses(maps, carry_hypotheses(motion, quarter), inputs, quarter)
    assert torch.equal(made, 0.75 * first + 0.25 * second)


def test_the_config_of_another_network_is_refused():
    for output, matching in (("candidates", "none"), ("motion", "dense")):
        with pytest.raises(OptionError, match="takes output"):
            network_class({"output": output})(output=output, matching=matching, work_px=64, reduction=2)


def test_larger_inputs_are_searched_reduced():
    inputs = to_tensor(textured(1200, 64, cell_px=24)).repeat(1, 2, 1, 1)
    assert find_pair_motion(inputs).shape == (1, PAIR_CHANNELS, 32, 512)
    assert np.isclose(float(find_pair_motion(inputs).abs()[:, :4].max()), 0, atol=0.5)


def test_only_what_moves_is_computed_and_it_comes_out_the_same():
    inputs = torch.cat([to_tensor(textured(160, 128, seed)) for seed in (1, 2)], 1)
    motion = torch.zeros(1, PAIR_CHANNELS, 128, 160)
    motion[:, 4:6] = 1.0
    motion[:, 0, 60:80, 90:110], motion[:, 2, 60:80, 96:116] = 6.0, -6.0
    moment = carry_hypotheses(motion, HALF)
    maps = torch.randn(1, 12 + CHANGES, 64, 80, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        part = find_moving(moment[:, -1:])
        assert [(side.stop - side.start) < length for side, length in zip(part, (128, 160), strict=True)] == [
            True,
            True,
        ]
        made = compose_hypotheses(maps, moment, inputs, HALF)
    # With gradients, as in training, the whole picture is.
    whole = compose_hypotheses(maps, moment, inputs, HALF)
    assert torch.allclose(made, whole, atol=1e-5)


def test_what_moves_further_than_its_own_size_is_found():
    scene, patch = to_tensor(textured(320, 192, cell_px=8)) * 0.9, to_tensor(textured(28, 28, 5)) * 0.5 + 0.5
    frames = []
    for at in (40, 72):
        frames.append(scene.clone())
        frames[-1][..., 80:108, at : at + 28] = patch
    lost, found = (flow[0, :, 84:104, 44:64] for flow in (search_flow(*frames), estimate_flow(*frames)))
    assert (found[0] - 32).abs().median() < 1 and found[1].abs().median() < 1
    assert (lost[0] - 32).abs().median() > 5, "the flow alone loses it: else this tests nothing"


def test_both_directions_are_searched_beside_each_other(monkeypatch):
    together = threading.Barrier(2, timeout=5)

    def search(first, second, begin):
        together.wait()
        return np.zeros((*first.shape, 2), np.float32)

    monkeypatch.setattr(optical_flow, "search_pair", search)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert estimate_motion(torch.zeros(1, 6, 32, 32)).shape == (1, 6, 32, 32)


def test_what_is_surely_thin_or_little_is_voted_for():
    line, outline, little, nothing = (torch.zeros(1, 2, 32, 32) for _ in range(4))
    line[..., 4:24, :], outline[..., 4:24, :], little[..., 4, :] = 0.9, 0.6, 0.6
    fails = torch.zeros(32, 32, dtype=torch.bool)
    assert is_sure(line, fails) and not is_sure(outline, fails) and is_sure(little, fails)
    # Where nothing is found, the shape of what fails tells.
    fails[8:12] = True
    assert is_sure(nothing, fails)
    fails[:16] = True
    assert not is_sure(nothing, fails)


def test_thin_things_are_looked_for_at_full_size_where_the_flow_fails():
    frames = torch.cat([wire(0), wire(24)], 1)
    large = torch.nn.functional.interpolate(frames, scale_factor=4, mode="bilinear")
    dense, background, unexplained = estimate_smooth_motion(reduce_frames(large))
    found = search_thin(large, reduce_frames(large), dense, background, unexplained, None)
    assert found.shape == (1, 6, *dense.shape[-2:]), "the answer is as small as the flow"
    still = torch.zeros(1, 4, 160, 192)
    assert box_around(mark_failing(frames[:, :3].repeat(1, 2, 1, 1), still)) is None
    rows, columns = box_around(mark_failing(frames, still)) or (slice(0), slice(0))
    assert rows.start <= 18 and rows.stop >= 130 and columns.start <= 45 and columns.stop >= 119

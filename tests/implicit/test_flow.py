"""The fast warp keeps its promises: landmarks met, exact inverse, no folds, edges that stay, clear refusals."""

import pickle

import numpy as np
import pytest
import torch

from core.errors import InputError
from core.implicit.methods.landmark_flow.displacement_grid import sample_displacements
from core.implicit.methods.landmark_flow.flow import FlowWarp
from core.implicit.methods.landmark_flow.siren_warp import SirenWarp
from core.implicit.paper.coordinates import from_published, to_published
from core.implicit.paper.network import Siren
from core.metrics import folded_share

SIZE = (160, 120)


def scattered(seed: int, count: int = 40, move_px: float = 6.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.RandomState(seed)
    a = rng.uniform(0.2, 0.8, (count, 2)) * SIZE
    return a, a + rng.normal(0, move_px, (count, 2))


def grid(count: int = 50) -> np.ndarray:
    x, y = (np.linspace(0, side, count) for side in SIZE)
    return np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("move_px", [1.0, 5.0])
def test_landmarks_meet_at_every_time(seed, move_px):
    a, b = scattered(seed, move_px=move_px)
    warp = FlowWarp(a, b, SIZE)
    for t in (0.13, 0.5, 1.0):
        # One pair in forty may be steep; published networks end at 3e-3.
        assert np.linalg.norm(warp.carry(a, 0, t) - warp.carry(b, 1, t), axis=1).mean() / 80 < 5e-5
    assert np.linalg.norm(warp.carry(a, 0, 1) - b, axis=1).mean() / 80 < 5e-5


def test_there_and_back_ends_where_it_began():
    a, b = scattered(5, move_px=1.5)
    warp = FlowWarp(a, b, SIZE)
    points = np.concatenate((a, grid()))
    for t in (0.3, 1.0):
        assert np.abs(warp.carry(warp.carry(points, 0, t), t, 0) - points).max() / 80 < 1e-6


def test_paths_join():
    a, b = scattered(5, move_px=1.5)
    warp = FlowWarp(a, b, SIZE)
    whole = warp.carry(grid(), 0, 1)
    assert np.abs(warp.carry(warp.carry(grid(), 0, 0.4), 0.4, 1) - whole).max() < 1e-3


def test_nothing_folds_even_where_paths_cross():
    a, b = scattered(1, count=12, move_px=2)
    b[0], b[1] = a[1].copy(), a[0].copy()  # two landmarks change places
    a[2], b[2] = a[3], b[3] + 2  # two start at one place
    warp = FlowWarp(a, b, SIZE)
    assert warp.merged == 2 and warp.inverse_error < 1e-6
    place = grid(80)
    for t in range(10):
        place = warp.carry(place, t / 10, (t + 1) / 10)
        assert folded_share(torch.from_numpy(place).reshape(80, 80, 2)) == 0


def test_equal_landmarks_move_nothing():
    a, _ = scattered(2)
    warp = FlowWarp(a, a, SIZE)
    assert np.abs(warp.carry(grid(), 0, 1) - grid()).max() < 1e-9


def test_edges_slide_along_themselves():
    a, b = scattered(3)
    moved = FlowWarp(a, b, SIZE).carry(grid(), 0, 1)
    edge = grid()
    for axis, side in enumerate(SIZE):
        for value in (0, side):
            on = edge[:, axis] == value
            assert np.abs(moved[on, axis] - value).max() < 1e-9
    free = FlowWarp(a, b, SIZE, edges_stay=False).carry(grid(), 0, 1)
    assert np.abs(free[edge[:, 0] == 0, 0]).max() > 0.1


def test_landmarks_on_one_line_are_no_problem():
    a = np.stack([np.linspace(40, 120, 5), np.full(5, 60.0)], 1)
    warp = FlowWarp(a, a + (0, 6), SIZE)
    assert np.abs(warp.carry(a, 0, 1) - (a + (0, 6))).max() < 0.05


def test_smoothing_lets_landmarks_miss():
    a, b = scattered(4)
    errors = [np.linalg.norm(FlowWarp(a, b, SIZE, s).carry(a, 0, 1) - b, axis=1).mean() for s in (0.0, 0.2, 0.8)]
    assert errors[0] < 0.01 < errors[1] < errors[2]


@pytest.mark.parametrize(
    "a, b, said",
    [
        (np.zeros((2, 2)), np.zeros((2, 2)), "at least 3"),
        (np.zeros((4, 2)), np.zeros((3, 2)), "partner"),
        (np.zeros((0, 2)), np.zeros((0, 2)), "at least 3"),
        (np.full((4, 2), np.nan), np.zeros((4, 2)), "finite"),
        (np.zeros((4, 3)), np.zeros((4, 3)), "x before y"),
    ],
)
def test_impossible_landmarks_are_refused(a, b, said):
    with pytest.raises(InputError, match=said):
        FlowWarp(a, b, SIZE)


def test_it_pickles_small():
    a, b = scattered(7)
    warp = FlowWarp(a, b, SIZE)
    data = pickle.dumps(warp)
    assert len(data) < 20_000
    # It is solved anew over there; some processors' libraries round by where an array lies in memory.
    assert np.allclose(pickle.loads(data).carry(grid(), 0, 1), warp.carry(grid(), 0, 1), rtol=0, atol=1e-9)


def test_maps_agree_with_the_warp_to_a_tenth_of_a_pixel():
    a, b = scattered(8, count=20, move_px=3)
    warp = FlowWarp(a, b, SIZE)
    maps = sample_displacements(warp)
    for t in (0.0, 0.21, 0.5, 1.0):
        first, second = maps.sampling_positions(t)
        y, x = np.mgrid[5:120:7, 5:160:7]
        centres = np.stack([x, y], -1).reshape(-1, 2) + 0.5
        for look, end in ((first, 0), (second, 1)):
            error = np.abs(look[y, x].reshape(-1, 2) - warp.carry(centres, t, end))
            assert error.max() < 0.15 and error.mean() < 0.01, (t, end)
    assert np.abs(maps.sampling_positions(0.0)[0][0, 0] - 0.5).max() < 1e-6


def test_a_network_is_drawn_too():
    torch.manual_seed(0)
    warp = SirenWarp(Siren(hidden_features=[16, 16], omega_0=3, omega_w=3), SIZE)
    first, second = sample_displacements(warp).sampling_positions(0.25)
    centre = np.array([[80.5, 60.5]])
    assert np.abs(first[60, 80] - warp.carry(centre, 0.25, 0)[0]).max() < 0.05
    assert np.abs(second[60, 80] - warp.carry(centre, 0.25, 1)[0]).max() < 0.05
    again = pickle.loads(pickle.dumps(warp))
    assert np.array_equal(again.carry(centre, 0.0, 1.0), warp.carry(centre, 0.0, 1.0))


def test_published_coordinates():
    points = np.array([[0.0, 0.0], [160.0, 30.0]])
    assert to_published(points, SIZE).tolist() == [[-1.0, -1.0], [-0.5, 1.0]]
    assert np.array_equal(from_published(to_published(points, SIZE), SIZE), points)


def test_strain_is_known_before_the_warp_is_followed_and_slack_takes_of_it():
    a = np.array([[20.0, 20], [24, 20], [80, 80], [80, 20], [20, 80]])
    b = a + np.array([[0.0, 0], [8, 0], [0, 0], [0, 0], [0, 0]])
    # The second moves 8 px from one that is 4 px away.
    assert FlowWarp(a, b, (96, 96)).strain(20, 0) == pytest.approx(2, rel=0.02)
    assert FlowWarp(a, b, (96, 96)).strain(20, 16) == pytest.approx(0.5, rel=0.02)
    assert FlowWarp(a, b, (96, 96), slack=np.full(5, 0.5)).strain(20, 0) < 1.5

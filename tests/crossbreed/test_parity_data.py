"""The teacher, what goes into it, and the ways between two vectors."""

import numpy as np
import pytest
import torch

from core.crossbreed.data.teacher import slerp, teacher_inputs, truncated_noise
from core.crossbreed.paper.network import lerp
from core.crossbreed.paper.preprocessing import resize_generated
from tests.crossbreed.published import biggan, case_of, cases, check, given, picture
from tests.parity.golden import assert_matches

pytestmark = pytest.mark.slow


def test_every_case_is_used():
    named = {"batch", "noise_statistics", "interpolation", "resize_generated"}
    assert set(cases("data")) == named | set(cases("data", "biggan_"))


def test_batch():
    values = [
        given("data", "batch", name) for name in ("noise_A", "noise_B", "class_index_A", "class_index_B", "alpha")
    ]
    z, vectors = teacher_inputs(*values)
    check("data", "batch", "z", z)
    rows = torch.arange(len(vectors))[:, None]
    ids = torch.stack([values[2], values[3]], 1).repeat(3, 1) + 151
    check("data", "batch", "class_vector_nonzero", vectors[rows, ids])
    check("data", "batch", "class_vector_sum", vectors.sum(1))


def test_noise_statistics():
    options = case_of("data", "noise_statistics")["options"]
    noise = truncated_noise(np.random.default_rng(0), (options["n"],), options["truncation"])
    for name, value in (("mean", noise.mean()), ("std", noise.std()), ("max", noise.max())):
        check("data", "noise_statistics", name, value)
    assert noise.min() >= -2 * options["truncation"]


def test_interpolation():
    a, b, t = (given("data", "interpolation", name) for name in ("z_A", "z_B", "t"))
    check("data", "interpolation", "lerp", lerp(a, b, t.flatten()))
    check("data", "interpolation", "slerp_data", slerp(a, b, t))
    check("data", "interpolation", "slerp_model", slerp(a, b, t))


def test_slerp_of_equal_directions_is_the_straight_way():
    a = torch.ones(1, 4)
    assert_matches(slerp(a, 3 * a, torch.tensor([0.5])), 2 * a, "slerp", max_abs=1e-6)


def test_generated_pictures_at_another_size():
    x = picture(case_of("data", "resize_generated")["inputs"]["x"])
    check("data", "resize_generated", "y", resize_generated(x, 32))


def class_vectors(case):
    vectors = torch.zeros(2, 1000)
    for row, weights in enumerate(case_of("data", case)["inputs"]["class_vector"]["rows"]):
        for index, weight in weights.items():
            vectors[row, int(index)] = weight
    return vectors


@pytest.fixture(scope="module")
def teacher():
    return biggan()


@torch.no_grad()
@pytest.mark.parametrize("case", cases("data", "biggan_128_trunc"))
def test_biggan(teacher, case):
    y = teacher(given("data", case, "z"), class_vectors(case), case_of("data", case)["options"]["truncation"])
    check("data", case, "y", y)


@torch.no_grad()
def test_biggan_in_training_mode():
    case = "biggan_128_train_mode"
    y = biggan(spectral=True)(given("data", case, "z"), class_vectors(case), 0.25)
    check("data", case, "y", y)

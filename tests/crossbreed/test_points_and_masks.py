"""Points on heads of pets and animals cut out: what ships, what trains, what is kept back."""

import numpy as np
import pytest
import torch
from PIL import Image

from core.animals.head_alignment.detector import find_head, find_points, segment_animals
from core.animals.head_alignment.network_points import MIRRORED, POINT_NAMES, PetPointNetwork
from core.crossbreed.data.tables import cut_mask, held_out
from core.crossbreed.training.point_detector import MarkedHeads, PetPointRecipe, augmented, errors, plain
from core.crossbreed.training.segmenter import CutHeads, PetMaskRecipe
from core.image import Box, crop_box, to_tensor
from core.training import TrainOptions, train
from core.training.journal import read_curves
from core.weights import WEIGHTS, check_seal
from tests.conftest import ROOT

PETS = sorted((ROOT / "core" / "ui" / "examples" / "pets").glob("*.png"))


def crop(file):
    picture = Image.open(file).convert("RGB")
    return to_tensor(crop_box(picture, find_head(picture).box.squared(0.25), (128, 128)))


def dots(count: int = 12) -> MarkedHeads:
    """Nine coloured dots on grey: anything that learns finds them."""
    rng = np.random.default_rng(0)
    points = torch.from_numpy(rng.uniform(-0.35, 0.35, (count, 9, 2))).float()
    pictures = torch.full((count, 3, 96, 96), 100, dtype=torch.uint8)
    colours = torch.from_numpy(rng.integers(0, 256, (9, 3))).to(torch.uint8)
    for picture, places in zip(pictures, points, strict=True):
        for (x, y), colour in zip(((places + 1) * 48).long().tolist(), colours, strict=True):
            picture[:, y - 2 : y + 3, x - 2 : x + 3] = colour[:, None, None]
    return MarkedHeads(pictures, points)


@pytest.mark.parametrize("name", ["pet-points", "pet-mask"])
def test_files_are_what_was_sealed(name):
    assert check_seal(WEIGHTS / name) >= 2
    assert "CC BY-SA 4.0" in (WEIGHTS / name / "README.md").read_text()


@pytest.mark.parametrize("file", PETS, ids=lambda file: file.stem)
def test_drawn_faces_are_read(file):
    heads = crop(file)
    points, spread = find_points(heads)
    eye_l, eye_r, nose, chin = points[0, :4].tolist()
    assert eye_l[0] < nose[0] < eye_r[0] and max(eye_l[1], eye_r[1]) < nose[1] < chin[1]
    assert spread.mean() < 0.13
    larger, _ = find_points(torch.nn.functional.interpolate(heads, (256, 256), mode="bilinear"))
    assert (larger - points).abs().max() < 0.03
    mask = segment_animals(heads)
    assert mask.shape == (1, 1, 128, 128) and mask[..., 60:76, 56:72].mean() > 0.7 > 0.4 > mask[..., :10, :10].mean()


def test_what_is_no_head_is_unsure():
    flat = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    assert find_points(flat)[1].mean() > find_points(crop(PETS[0]))[1].mean() + 0.02


def test_augmented_points_stay_on_their_dots():
    heads = dots()
    x, points, masks = augmented(heads.pictures, heads.points, np.random.default_rng(1), masks=heads.pictures[:, :1])
    assert x.shape == (12, 3, 128, 128) and masks.shape == (12, 1, 128, 128) and 0 <= x.min() <= x.max() <= 1
    # A head is moved by one affine map; a mirrored one turns inside out and its points change names.
    mirrored, unmirrored = 0, 0
    plain_x, plain_points = plain(heads)
    for moved, still in zip(points, plain_points, strict=True):
        for names, sign in ((list(range(9)), 1), (list(MIRRORED), -1)):
            given = torch.cat([still[names], torch.ones(9, 1)], 1)
            fitted = torch.linalg.lstsq(given, moved).solution
            fits = bool((given @ fitted - moved).abs().max() < 0.1 and torch.det(fitted[:2]) * sign > 0)
            unmirrored, mirrored = unmirrored + (fits and sign > 0), mirrored + (fits and sign < 0)
    assert mirrored + unmirrored == 12 and mirrored > 0 and unmirrored > 0
    assert plain_x.shape == (12, 3, 128, 128)


def test_names_mirror_into_their_partners():
    assert [POINT_NAMES[index] for index in MIRRORED][:2] == ["eye_r", "eye_l"]
    assert [MIRRORED[index] for index in MIRRORED] == list(range(9))


def test_errors_are_in_distances_between_the_eyes():
    points = torch.zeros(1, 9, 2)
    points[0, 1, 0] = 10
    found = points.clone()
    found[0, 2] = torch.tensor([3.0, 4.0])
    points[0, 5] = float("nan")
    assert errors(found, points)[0, 2] == pytest.approx(0.5) and errors(found, points)[0, 5].isnan()


@pytest.mark.slow
def test_point_finder_learns(tmp_path):
    heads = dots()
    options = TrainOptions(str(tmp_path), steps=50, batch=6, lr=4e-3, cpu=True, log_every=10, sample_every=0)
    train(PetPointRecipe(options, heads), heads, options)
    rows = read_curves(tmp_path)
    assert rows[-1]["loss"] < 0.85 * rows[0]["loss"] and "face" in rows[0]


def test_mask_learns_from_the_trunk_of_the_points(tmp_path):
    pictures = torch.full((6, 4, 96, 96), 60, dtype=torch.uint8)
    pictures[:, :3, 30:70, 30:70], pictures[:, 3] = 200, 0
    pictures[:, 3, 30:70, 30:70] = 255
    options = TrainOptions(str(tmp_path), steps=12, batch=4, lr=2e-3, cpu=True, log_every=4, sample_every=0)
    start = PetPointNetwork()
    recipe = PetMaskRecipe(options, CutHeads(pictures), start)
    assert torch.equal(recipe.networks["mask"].stem[0][0].weight, start.stem[0][0].weight)
    train(recipe, CutHeads(pictures), options)
    rows = read_curves(tmp_path)
    assert rows[-1]["loss"] < 0.7 * rows[0]["loss"] and 0 <= rows[0]["overlap"] <= 1


def test_held_out_photos_are_those_without_a_box():
    rows = [{"file": f"{index:02d}.jpg", "x0": "1" if index % 2 else ""} for index in range(14)]
    assert held_out(rows) == {"00.jpg", "06.jpg", "12.jpg"}


def test_trimaps_become_masks():
    trimap = Image.new("L", (40, 40), 2)
    trimap.paste(1, (10, 10, 30, 30))
    trimap.paste(3, (30, 10, 32, 30))
    mask = cut_mask(trimap, Box(0, 0, 40, 40), 40)
    assert mask[0, 20, 20] == 255 and mask[0, 2, 2] == 0 and mask[0, 20, 31] == 128
    assert cut_mask(None, Box(0, 0, 4, 4), 8).abs().max() == 0

"""Heads in line: splines, folds, ears; details fused; colours carried; pairs with a teacher between them."""

import io
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from core.animals.colour_transfer.palette import Palette, mean_and_covariance, transfer_colours
from core.animals.head_alignment.alignment import (
    EARS,
    HeadAlignment,
    align_points,
    ear_angles,
    match_points,
    min_jacobian,
    nose_turn,
    notes_on,
    spline_displacement,
    warp,
)
from core.animals.head_alignment.detector import find_points
from core.animals.head_alignment.framing import FramedHead, agree
from core.crossbreed.data.aligned_heads import AlignedHeads, decide_rims, mix_pairs, read_heads
from core.crossbreed.methods.blending.fusion import blend
from core.crossbreed.options import CrossbreedOptions
from core.crossbreed.pipeline import CrossbreedPipeline
from core.crossbreed.training.losses import contrast_difference
from core.errors import InputError
from core.image import Box, to_pil
from core.metrics import psnr, sharpness
from core.ops.filters import gaussian_blur
from tests.conftest import ROOT
from tests.crossbreed.tiny import pipeline

CAT = torch.tensor(
    [
        [0.38, 0.55],
        [0.62, 0.55],
        [0.5, 0.7],
        [0.5, 0.8],
        [0.27, 0.66],
        [0.73, 0.66],
        [0.5, 0.33],
        [0.2, 0.2],
        [0.8, 0.2],
    ]
)
DOG = torch.tensor(
    [[0.36, 0.45], [0.64, 0.45], [0.5, 0.6], [0.5, 0.78], [0.3, 0.6], [0.7, 0.6], [0.5, 0.2], [0.2, 0.65], [0.8, 0.65]]
)
ALL = torch.ones(9, dtype=torch.bool)
PETS = sorted((ROOT / "core" / "ui" / "examples" / "pets").glob("*.png"))


def moved_cat(seed: int) -> torch.Tensor:
    return CAT + 0.03 * torch.randn(CAT.shape, generator=torch.Generator().manual_seed(seed))


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    """Pictures with broad and fine structure, in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    broad = torch.nn.functional.interpolate(
        torch.rand(*shape[:2], 5, 5, generator=generator), shape[2:], mode="bicubic"
    )
    return (broad + 0.2 * torch.rand(*shape, generator=generator) - 0.1).clamp(0, 1)


def test_spline_brings_every_held_point_to_its_place():
    at, to = CAT[None], moved_cat(1)[None]
    moved = spline_displacement(at, to, ALL, 1e-6, cells=256)
    index = (at[0] * 256).long()
    found = at[0] + moved[0][:, index[:, 1], index[:, 0]].T
    assert (found - to[0]).norm(dim=1).max() < 0.01


def test_equal_points_move_nothing():
    assert align_points(CAT[None], CAT[None], ALL).abs().max() == 0
    picture = noise(1, 3, 40, 40)
    assert (warp(picture, torch.zeros(1, 2, 32, 32)) - picture).abs().max() < 1e-5


def test_maps_do_not_fold_however_far_the_points_go():
    generator = torch.Generator().manual_seed(0)
    at, to = (torch.rand(20, 9, 2, generator=generator) * 0.8 + 0.1 for _ in range(2))
    rigid = min_jacobian(spline_displacement(at, to, ALL, 1e-4))
    assert (rigid < 0).any(), "the test needs points that would fold"
    assert (min_jacobian(align_points(at, to, ALL)) > 0).all()


def test_ears_are_judged_as_pairs_by_where_they_point():
    pricked, long, one_flat = CAT.clone(), CAT.clone(), CAT.clone()
    long[list(EARS), 1] -= 0.15
    one_flat[EARS[0]] = torch.tensor([0.12, 0.42])
    assert match_points(torch.stack([pricked, long])).all(), "however long they are"
    angles = ear_angles(torch.stack([pricked, DOG]))
    assert (angles[0] > 30).all() and (angles[1] < -30).all()
    for other in (long, one_flat, DOG):
        matched = match_points(torch.stack([pricked, other]))
        assert matched[EARS[0]] == matched[EARS[1]], "both or none"


def test_a_chain_asks_only_neighbours_about_their_ears():
    alignment = HeadAlignment(torch.stack([CAT, moved_cat(1), DOG]), *[torch.ones(3, dtype=torch.bool)] * 2)
    assert alignment.ears_turn([0, 1]) and not alignment.ears_turn([1, 2])
    (way,) = alignment.from_pictures(torch.tensor([[0.5, 0.5, 0.0]]), torch.tensor([0]))
    (pair,) = HeadAlignment(torch.stack([CAT, moved_cat(1)]), *[torch.ones(2, dtype=torch.bool)] * 2).from_pictures(
        torch.tensor([[0.5, 0.5]]), torch.tensor([0])
    )
    assert torch.equal(way, pair)


def test_heads_that_are_not_sure_bend_less():
    points = torch.stack([CAT, moved_cat(3)])
    weights, first = torch.tensor([[0.5, 0.5]]), torch.tensor([0])
    bends = []
    for sure in (True, False):
        (way,) = HeadAlignment(points, *[torch.tensor([True, sure])] * 2).from_pictures(weights, first)
        bends.append(way.diff(n=2, dim=3).abs().max())
    assert bends[1] < 0.8 * bends[0]


def test_a_turned_head_is_told_and_a_tilted_one_is_not():
    turned, tilted = CAT.clone(), CAT.clone()
    turned[2, 0] += 0.15
    cos, sin = np.cos(0.4), np.sin(0.4)
    tilted = ((CAT - 0.5) @ torch.tensor([[cos, -sin], [sin, cos]]).float().T) + 0.5
    assert nose_turn(CAT) < 0.05 and nose_turn(tilted) < 0.1 and nose_turn(turned) > 0.4
    square = Box(0, 0, 100, 100)
    heads = [FramedHead(square, square, points, 0.05) for points in (CAT, turned)]
    # Eyes that lie elsewhere at another look keep to their head, and those that lie far off cannot be moved point by point.
    heads += [FramedHead(square, square, CAT, 0.05, doubt) for doubt in (0.11, 0.3)]
    alignment, notes = HeadAlignment.of_heads(heads), notes_on(heads)
    assert alignment.sure.tolist() == [True, False, True, False] and alignment.clear.tolist() == [
        True,
        False,
        False,
        False,
    ]
    assert [note[:9] for note in notes] == ["picture 2", "picture 4"]


def test_looks_that_agree_leave_no_doubt():
    points, doubt = agree(torch.stack([CAT, CAT]))
    assert torch.equal(points, CAT) and doubt == 0
    away = CAT.clone()
    away[:3, 1] += 0.12  # half the distance between the eyes
    points, doubt = agree(torch.stack([CAT, away]))
    assert torch.allclose(points, (CAT + away) / 2) and abs(doubt - 0.25) < 1e-5


def test_hanging_ears_are_not_pulled_up():
    assert match_points(torch.stack([CAT, moved_cat(1)])).all()
    mixed = match_points(torch.stack([CAT, DOG]))
    assert not mixed[list(EARS)].any() and mixed.sum() == 7


def test_alignment_leads_back_to_each_picture():
    points = torch.stack([CAT, moved_cat(2)])
    alignment = HeadAlignment(points, *[torch.ones(2, dtype=torch.bool)] * 2)
    pictures = gaussian_blur(noise(2, 3, 64, 64), 1.5)
    there = alignment.to_mean_shape(pictures)
    back = warp(there, alignment.from_mean_shape(torch.eye(2)))
    inner = (..., slice(8, -8), slice(8, -8))
    assert psnr(back[inner], pictures[inner]) > 38 > psnr(there[inner], pictures[inner])
    (from_first,) = alignment.from_pictures(torch.eye(2)[:1], torch.tensor([0]))
    assert from_first.abs().max() < 1e-6


def test_fused_details_keep_their_energy():
    """Each picture has its detail in another half: a mean halves both, the fused one has both whole."""
    pair = torch.full((1, 2, 3, 64, 64), 0.5)
    speckle = 0.3 * (torch.rand(2, 3, 64, 32, generator=torch.Generator().manual_seed(0)) - 0.5)
    pair[0, 0, ..., :32] += speckle[0]
    pair[0, 1, ..., 32:] += speckle[1]
    fused, mean = blend(pair, torch.tensor([[0.5, 0.5]])), pair.mean(1)
    ends = sharpness(pair[:, 0]) + sharpness(pair[:, 1])
    assert sharpness(mean) < 0.3 * ends and sharpness(fused) > 0.8 * ends
    for index, weights in enumerate(torch.eye(2)):
        assert torch.allclose(blend(pair, weights[None]), pair[:, index], atol=1e-5)


def test_recoloured_takes_the_other_pictures_colours():
    red, blue = noise(1, 3, 32, 32, seed=1) * 2 - 1, noise(1, 3, 32, 32, seed=2) * 2 - 1
    red = red + torch.tensor([0.2, 0.0, -0.2])[:, None, None]
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 8:24, 8:24] = 1
    made = transfer_colours(red * 0.5, mask, blue * 0.5, mask)
    for side in (mask, 1 - mask):
        (mean, spread), (wanted, wanted_spread) = (mean_and_covariance(x, side) for x in (made, blue * 0.5))
        assert torch.allclose(mean, wanted, atol=2e-2) and torch.allclose(spread, wanted_spread, atol=1.5e-2)
    red = red * 0.5
    assert torch.allclose(transfer_colours(red, mask, red, mask), red, atol=1e-3)


def test_palette_leaves_the_ends_alone_and_reaches_the_other():
    pictures, masks = noise(2, 3, 64, 64) * 0.6 + 0.2, torch.full((2, 1, 64, 64), 0.5)
    masks[:, :, 16:48, 16:48] = 0.9
    palette = Palette.measure(pictures, masks)
    same = palette.transfer(pictures, masks, torch.eye(2))
    assert (same - pictures).abs().max() < 1e-3
    other = palette.transfer(pictures[:1], masks[:1], torch.tensor([[0.0, 1.0]]))
    own, wanted = (gaussian_blur(x, 3.0).mean(dim=(2, 3)) for x in (pictures[:1], pictures[1:]))
    found = gaussian_blur(other, 3.0).mean(dim=(2, 3))
    assert (found - wanted).abs().max() < 0.2 * (own - wanted).abs().max()


def test_halfway_between_two_palettes_lies_between():
    """Red fur and blue fur: the spread of the middle is the mean of the standard deviations, not a wide mixture."""
    palette = Palette(torch.ones(2, 1, 4, 4), torch.tensor([[[1.0, 0, 0]] * 2, [[0, 0, 1.0]] * 2]),
                      torch.stack([torch.eye(3) * 0.01, torch.eye(3) * 0.04])[:, None].repeat(1, 2, 1, 1))  # fmt: skip
    mean, spread = palette.barycentre(torch.tensor([[0.5, 0.5]]))
    assert torch.allclose(mean[0, 0], torch.tensor([0.5, 0, 0.5]))
    assert torch.allclose(spread[0, 0].diagonal().sqrt(), torch.full((3,), 0.15), atol=2e-3)


def test_unsure_rim_goes_to_the_likelier_side():
    picture = torch.zeros(1, 3, 16, 16, dtype=torch.uint8)
    picture[..., :8] = 220
    mask = torch.full((1, 1, 16, 16), 128, dtype=torch.uint8)
    mask[..., :5], mask[..., 11:] = 255, 0
    found = decide_rims(picture, mask)
    assert found[..., :7].min() > 200 and found[..., 9:].max() < 55


def heads() -> AlignedHeads:
    """Six heads of noise with points and masks."""
    pictures = (noise(6, 3, 64, 64) * 255).to(torch.uint8)
    masks = torch.zeros(6, 1, 64, 64, dtype=torch.uint8)
    masks[:4, :, 16:56, 12:52] = 255
    points = torch.stack([moved_cat(seed) for seed in range(6)])
    return AlignedHeads(
        pictures, masks, points, torch.ones(6, dtype=torch.bool), torch.tensor([0, 1] * 3), ["cat", "dog"], 64
    )


def test_teacher_between_meets_its_four_corners():
    a, a_in_b, b, b_in_a = (noise(1, 3, 32, 32, seed=seed) * 2 - 1 for seed in range(4))
    for (shape, appearance), wanted in {(0, 0): a, (0, 1): a_in_b, (1, 1): b, (1, 0): b_in_a}.items():
        found = mix_pairs(a, a_in_b, b, b_in_a, torch.tensor([float(shape)]), torch.tensor([float(appearance)]))
        assert torch.allclose(found, wanted, atol=1e-5)


def test_pairs_come_from_cut_out_heads_and_repeat():
    source = heads()
    first, again = (source.draw(np.random.default_rng(3), 4) for _ in range(2))
    assert source.cut_out.tolist() == [0, 1, 2, 3]
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert first["mixed"].shape == first["alone"].shape == (4, 3, 64, 64) and first["mixed"].abs().max() <= 1
    with pytest.raises(InputError, match="two or more"):
        AlignedHeads(
            source.pictures[4:], source.masks[4:], source.points[4:], source.reliable[4:], source.labels[4:], ["a"], 64
        )


def test_contrast_minds_blur_and_not_places():
    sharp = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    moved, soft = sharp.roll(2, 3), gaussian_blur(sharp, 1.0)
    assert contrast_difference(sharp, sharp) == 0
    assert contrast_difference(sharp, moved) < 0.2 * contrast_difference(sharp, soft)


def test_table_with_trimaps_is_read(tmp_path):
    rows = ["file,species,x0,y0,x1,y1,trimap"]
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        for index, file in enumerate(PETS):
            picture = Image.open(file).convert("RGB").resize((192, 192))
            trimap = Image.new("L", picture.size, 2)
            trimap.paste(1, (40, 40, 150, 190))
            for name, item in ((f"{index}.png", picture), (f"trimaps/{index}.png", trimap)):
                buffer = io.BytesIO()
                item.save(buffer, "PNG")
                archive.writestr(name, buffer.getvalue())
            rows.append(f"{index}.png,{'cat' if index % 2 else 'dog'},30,30,160,160,trimaps/{index}.png")
    (tmp_path / "t.csv").write_text("\n".join(rows))
    source = read_heads(tmp_path / "t.csv", tmp_path / "t.zip", 64)
    assert source.pictures.shape == (4, 3, 64, 64) and source.classes == ["cat", "dog"]
    assert source.masks[0, 0, 40, 32] == 255 and source.masks[0, 0, 0, 0] == 0
    (tmp_path / "u.csv").write_text("file,species\n")
    with pytest.raises(InputError, match="trimap"):
        read_heads(tmp_path / "u.csv", tmp_path / "t.zip", 64)


@pytest.fixture(scope="module")
def pipe() -> CrossbreedPipeline:
    return pipeline()


@pytest.mark.slow
def test_points_are_found_on_the_drawn_pets(pipe):
    prepared = pipe.prepare(*PETS[:2], options=CrossbreedOptions(size_px=128))
    assert prepared.figures["aligned"] == 1 and prepared.alignment is not None
    eye_l, eye_r, nose, chin = prepared.alignment.points[0, :4]
    assert 0.3 < eye_l[0] < 0.5 < eye_r[0] < 0.8 and eye_l[1] < nose[1] < chin[1]
    mirrored, _ = find_points(prepared.crops.flip(-1))
    assert (1 - mirrored[:, 0, 0] - prepared.alignment.points[:, 1, 0]).abs().max() < 0.03


@pytest.mark.slow
@pytest.mark.parametrize("choice", [{}, {"align": False}, {"colours": False}, {"align": False, "colours": False}])
def test_ends_stay_exact_in_line(pipe, choice):
    prepared = pipe.prepare(*PETS[:3], options=CrossbreedOptions(size_px=96, **choice))
    frames = pipe.render(prepared, [0.0, 0.5, 1.0])
    assert (frames - prepared.crops).abs().max() < 2e-3


@pytest.mark.slow
def test_batches_equal_singles_in_line(pipe):
    prepared = pipe.prepare(*PETS[:2], options=CrossbreedOptions(size_px=96))
    t = [0.0, 0.2, 0.5, 1.0]
    whole = pipe.render(prepared, t)
    assert torch.allclose(whole, torch.cat([pipe.render(prepared, [position]) for position in t]), atol=1e-4)


def test_what_is_no_head_is_left_as_it_is(pipe):
    flat = to_pil(noise(1, 3, 100, 100))[0]
    prepared = pipe.prepare(flat, PETS[0], options=CrossbreedOptions(size_px=64), boxes=[Box(10, 10, 90, 90), None])
    assert prepared.figures["aligned"] == 0 and "picture 1" in prepared.notes[0]
    assert pipe.render(prepared, [0.5]).shape == (1, 3, 64, 64)


@pytest.mark.slow
def test_a_recoloured_head_is_laid_back_into_its_whole_photo(pipe):
    whole = Image.open(PETS[0]).convert("RGB").resize((240, 240))
    whole = Image.fromarray(np.pad(np.asarray(whole), ((40, 60), (50, 70), (0, 0)), mode="edge"))
    prepared = pipe.prepare(whole, PETS[1], options=CrossbreedOptions(size_px=128))
    head = to_pil(pipe.render(prepared, [0.0], shape=[0.0], appearance=[1.0]))[0]
    made, before = (np.asarray(picture, int) for picture in (pipe.paste(prepared, 0, whole, head), whole))
    left, top, right, bottom = (max(1, round(v)) for v in prepared.boxes[0])
    changed = np.abs(made - before).max(2)
    assert changed[top:bottom, left:right].max() > 40
    changed[top - 1 : bottom + 1, left - 1 : right + 1] = 0
    assert changed.max() == 0
    flat = Image.new("RGB", (90, 80), "grey")
    middle = pipe.prepare(flat, flat, options=CrossbreedOptions(crop="middle", size_px=64))
    with pytest.raises(InputError, match="crop=head"):
        pipe.paste(middle, 0, whole, head)


@pytest.mark.slow
def test_heads_in_the_middle_square_are_aligned_too(pipe):
    """The middle square is a way to frame: what lies in it is one animal in the middle all the same."""
    pair = [Image.open(pet).convert("RGB").resize((200, 160)) for pet in PETS[:2]]
    prepared = pipe.prepare(*pair, options=CrossbreedOptions(crop="middle", size_px=96))
    assert prepared.figures["aligned"] == 1 and prepared.boxes[0] == Box(20, 0, 180, 160)
    assert prepared.animals is not None
    apart = pipe.prepare(*pair, options=CrossbreedOptions(crop="middle", size_px=96, align=False))
    assert apart.alignment is None


@pytest.mark.slow
def test_beyond_the_ends_no_black_and_no_other_colours(pipe):
    prepared = pipe.prepare(*PETS[:2], options=CrossbreedOptions(size_px=96))
    end, beyond = pipe.render(prepared, [0.0, -0.3])
    assert beyond.min() > end.min() - 0.1 and abs(beyond.mean() - end.mean()) < 0.05

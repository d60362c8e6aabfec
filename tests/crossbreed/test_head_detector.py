"""Heads of cats and dogs: the shipped detector on photos, the loss and the augmentation on made-up ones."""

import gc
import io
import weakref
import zipfile
from unittest import mock

import cv2
import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from core.animals.head_alignment.detector import candidate_heads, find_head, find_heads
from core.animals.head_alignment.network_heads import HeadMaps, PetHeadNetwork, letterbox, read_maps
from core.animals.head_alignment.second_look import PetLookNetwork, SecondLook
from core.crossbreed.training.head_detector import BoxedPhotos, PetHeadRecipe, augmented, head_loss, read_boxed_photos
from core.crossbreed.training.second_look import fit_line
from core.errors import InputError, NothingFoundError
from core.image import Box
from core.training import TrainOptions, train
from core.training.journal import read_curves
from core.weights import load_strict, resolve
from tests.conftest import ROOT, gradient_picture

PETS = sorted((ROOT / "core" / "ui" / "examples" / "pets").glob("*.png"))


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    width = min(a.right, b.right) - max(a.left, b.left)
    height = min(a.bottom, b.bottom) - max(a.top, b.top)
    common = max(0.0, width) * max(0.0, height)
    return common / (a.width * a.height + b.width * b.height - common)


@pytest.mark.slow
def test_heads_in_photos(shared_data):
    """The boxes of photos (also some that the training saw; its card states the figure on those it did not)."""
    import csv

    rows = [row for row in csv.DictReader((shared_data / "pets.csv").read_text().splitlines()) if row["x0"]][::20]
    overlaps, species = [], []
    with zipfile.ZipFile(shared_data / "pets.zip") as photos:
        names = {name.rpartition("/")[2]: name for name in photos.namelist()}
        for row in rows:
            picture = Image.open(io.BytesIO(photos.read(names[row["file"]]))).convert("RGB")
            heads = find_heads(picture)[:1]
            box = Box(*(float(row[name]) for name in ("x0", "y0", "x1", "y1")))
            overlaps.append(max((overlap(head.box, box) for head in heads), default=0.0))
            species.append([head.species for head in heads] == [row["species"]])
    assert sum(overlaps) / len(overlaps) > 0.6 and overlaps.count(0.0) <= 0.06 * len(overlaps)
    assert sum(species) > 0.7 * len(species)


def test_no_head_is_told():
    with pytest.raises(NothingFoundError, match="by hand"):
        find_head(Image.new("RGB", (200, 120), "navy"))


def plain_things() -> list[Image.Image]:
    """Nothing, noise, stripes, a gradient, and a face of simple shapes."""
    grey = Image.linear_gradient("L").resize((200, 160))
    face = Image.new("RGB", (200, 200), "tan")
    draw = ImageDraw.Draw(face)
    draw.ellipse((40, 30, 160, 180), fill="peachpuff")
    for x in (75, 115):
        draw.ellipse((x, 80, x + 14, 90), fill="black")
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (150, 150, 3)).astype(np.uint8))
    stripes = Image.fromarray(np.tile(np.repeat([[30, 200]], 8, 1).astype(np.uint8), (120, 10))).convert("RGB")
    return [Image.new("RGB", (200, 200)), grey.convert("RGB"), face, noise, stripes]


def test_what_is_no_pet_is_refused():
    """The detector alone finds heads in some of them; the second look in none."""
    assert any(candidate_heads(picture) for picture in plain_things())
    assert not any(find_heads(picture) for picture in plain_things())


def test_each_of_two_heads_is_found_and_no_part_of_one():
    rusty, snow = (Image.open(file).convert("RGB").resize((240, 240)) for file in (PETS[1], PETS[3]))
    both = Image.new("RGB", (520, 260), "gray")
    both.paste(rusty, (10, 10))
    both.paste(snow, (260, 10))
    middles = sorted((head.box.left + head.box.right) / 2 for head in find_heads(both))
    assert len(middles) == 2 and 80 < middles[0] < 180 and 330 < middles[1] < 430


def test_the_second_look_keeps_the_bytes_that_its_graph_reads():
    """OpenCV reads weights from them at every look; where they were freed, pets were refused by chance under load."""
    network = PetLookNetwork(graph_bytes=8)
    with mock.patch.object(cv2.dnn, "readNetFromTFLite") as read:
        look = SecondLook(network)
    given = weakref.ref(read.call_args.args[0])
    del network
    read.reset_mock()
    gc.collect()
    assert given() is not None and look.size_px


def test_a_line_parts_what_can_be_parted():
    rng = np.random.default_rng(0)
    pets = np.arange(60) % 3 == 0
    features = rng.normal(size=(60, 5)) + 3.0 * pets[:, None]
    weight, bias = fit_line(features, pets)
    assert (((features @ weight + bias) > 0) == pets).mean() > 0.97


def test_a_known_head_is_found_in_any_frame():
    """With a network that marks bright places, the box must come back through the letterbox."""

    class Bright(PetHeadNetwork):
        def forward(self, x):
            maps = super().forward(x)
            lit = torch.nn.functional.avg_pool2d(x.mean(1, keepdim=True), 8)
            centre = torch.cat([40 * lit - 30, torch.full_like(lit, -30)], 1)
            return maps._replace(
                centre=centre, offset=torch.full_like(maps.offset, 0.5), log_size=torch.zeros_like(maps.log_size)
            )

    picture = Image.new("RGB", (256, 128), "black")
    picture.paste("white", (160, 32, 176, 48))
    head = candidate_heads(picture, Bright(width=8).eval())[0]
    assert head.species == "cat" and head.score > 0.9
    assert overlap(head.box, Box(160, 32, 176, 48)) > 0.9


def test_letterbox_keeps_the_aspect():
    square, scale, corner = letterbox(Image.new("RGB", (300, 150), "red"), 128)
    assert square.size == (128, 128) and scale == 128 / 300 and corner == (0, 32)
    assert square.getpixel((64, 10)) == (128, 128, 128) and square.getpixel((64, 64)) == (255, 0, 0)


def marked(count=16, size=64):
    """Dark squares with one bright rectangle, and its box."""
    pictures, boxes = torch.zeros(count, 3, size, size, dtype=torch.uint8), torch.zeros(count, 4)
    for index in range(count):
        left, top = 8 + index, 10 + index % 7
        pictures[index, :, top : top + 20, left : left + 24] = 255
        boxes[index] = torch.tensor([left, top, left + 24, top + 20])
    return BoxedPhotos(pictures, boxes, torch.arange(count) % 2)


def test_augmentation_moves_boxes_with_pictures():
    x, boxes = augmented(marked(), np.random.default_rng(0))
    for picture, box in zip(x, boxes, strict=True):
        bright = (picture.mean(0) > picture.mean(0).amax() * 0.8).nonzero().float() + 0.5
        found = Box(bright[:, 1].min(), bright[:, 0].min(), bright[:, 1].max(), bright[:, 0].max())
        inside = Box(*(float(v) for v in box.clamp(0, 64)))
        assert overlap(Box(*(float(v) for v in found)), inside) > 0.7


@pytest.mark.slow
def test_detector_learns_from_boxes(tmp_path):
    photos, held_out = marked(20).split(5)
    assert (len(photos), len(held_out)) == (16, 4)
    options = TrainOptions(
        out=str(tmp_path), steps=30, batch=8, lr=5e-3, ema_decay=0.5, log_every=1, sample_every=0, cpu=True
    )
    train(PetHeadRecipe(options, held_out), photos, options)
    rows = read_curves(tmp_path)
    assert rows[-1]["loss"] < 0.7 * rows[0]["loss"] and 0 <= rows[-1]["overlap"] <= 1


def test_loss_is_least_on_the_right_maps():
    photos = marked(4)
    shape = (4, 2, 8, 8)
    centre = torch.full(shape, -8.0)
    middle = (photos.boxes[:, :2] + photos.boxes[:, 2:]) / 16
    column, row = middle.floor().long().T
    every = torch.arange(4)
    centre[every, photos.species, row, column] = 8
    offset, log_size = torch.zeros(shape), torch.zeros(shape)
    offset[every, :, row, column] = middle - middle.floor()
    log_size[every, :, row, column] = ((photos.boxes[:, 2:] - photos.boxes[:, :2]) / 8).log()
    right = HeadMaps(centre, offset, log_size)
    assert head_loss(right, photos.boxes, photos.species)["loss"] < 0.05
    assert torch.allclose(read_maps(right)[0][:, 0], photos.boxes, atol=1e-4)
    wrong = right._replace(centre=centre.roll(2, -1))
    assert head_loss(wrong, photos.boxes, photos.species)["loss"] > 1


def test_table_without_boxes_is_refused(tmp_path):
    (tmp_path / "pets.csv").write_text("file,species,x0,y0,x1,y1\na.jpg,cat,,,,\n")
    with pytest.raises(InputError, match="no photo with a box"):
        read_boxed_photos(tmp_path / "pets.csv", tmp_path / "pets.zip", 64)


@pytest.mark.slow
def test_the_second_look_sees_the_picture_alone():
    """OpenCV's graph reads on behind its last picture: neither what was looked at before nor the memory may count."""
    pet, other = gradient_picture(96, 96), Image.new("RGB", (96, 96), (200, 30, 30))
    box = Box(10, 10, 86, 86)

    def fresh() -> SecondLook:
        return SecondLook(load_strict(PetLookNetwork, resolve("pet-look").folder))

    first = fresh()
    expected = first(pet, box).features
    for _ in range(4):
        memory = [np.full(192 * 33 * 33, 1e9, np.float32) for _ in range(8)]
        first(other, box)
        del memory
        for look in (first, fresh()):
            assert np.array_equal(look(pet, box).features, expected)

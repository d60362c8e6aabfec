"""Heads of cats and dogs: the shipped detector on photos, the loss and the augmentation on made-up ones."""

import io
import zipfile

import pytest
import torch
from PIL import Image

from core.detect.network_pets import PetHeadNetwork
from core.detect.pets import find_head
from core.detect.train_pets import BoxedPhotos, augmented, head_loss, letterbox, read_boxed_photos
from core.errors import InputError, NothingFoundError
from core.image import Box


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    width = min(a.right, b.right) - max(a.left, b.left)
    height = min(a.bottom, b.bottom) - max(a.top, b.top)
    common = max(0.0, width) * max(0.0, height)
    return common / (a.width * a.height + b.width * b.height - common)


def test_heads_in_photos(shared_data):
    """The boxes of photos (also some that the training saw; its card states the figure on those it did not)."""
    import csv

    rows = [row for row in csv.DictReader((shared_data / "pets.csv").read_text().splitlines()) if row["x0"]][::20]
    overlaps, species = [], []
    with zipfile.ZipFile(shared_data / "pets.zip") as photos:
        names = {name.rpartition("/")[2]: name for name in photos.namelist()}
        for row in rows:
            picture = Image.open(io.BytesIO(photos.read(names[row["file"]]))).convert("RGB")
            head = find_head(picture)
            overlaps.append(overlap(head.box, Box(*(float(row[name]) for name in ("x0", "y0", "x1", "y1")))))
            species.append(head.species == row["species"])
    assert sum(overlaps) / len(overlaps) > 0.6
    assert sum(species) > 0.7 * len(species)


def test_no_head_is_told():
    with pytest.raises(NothingFoundError, match="by hand"):
        find_head(Image.new("RGB", (200, 120), "navy"))


def test_a_known_head_is_found_in_any_frame():
    """With a network that marks bright places, the box must come back through the letterbox."""

    class Bright(PetHeadNetwork):
        def forward(self, x):
            maps = super().forward(x)
            lit = torch.nn.functional.avg_pool2d(x.mean(1, keepdim=True), 8)
            centre = torch.cat([40 * lit - 30, torch.full_like(lit, -30)], 1)
            return maps._replace(centre=centre, offset=torch.full_like(maps.offset, 0.5), log_size=torch.zeros_like(maps.log_size))

    picture = Image.new("RGB", (256, 128), "black")
    picture.paste("white", (160, 32, 176, 48))
    head = find_head(picture, Bright(width=8).eval())
    assert head.species == "cat" and head.score > 0.9
    assert overlap(head.box, Box(160, 32, 176, 48)) > 0.9


def test_letterbox_keeps_the_aspect():
    square, scale = letterbox(Image.new("RGB", (300, 150), "red"), 128)
    assert square.size == (128, 128) and scale == 128 / 300
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
    x, boxes = augmented(marked(), torch.Generator().manual_seed(0))
    for picture, box in zip(x, boxes, strict=True):
        bright = (picture.mean(0) > picture.mean(0).amax() * 0.8).nonzero().float() + 0.5
        found = Box(bright[:, 1].min(), bright[:, 0].min(), bright[:, 1].max(), bright[:, 0].max())
        inside = Box(*(float(v) for v in box.clamp(0, 64)))
        assert overlap(Box(*(float(v) for v in found)), inside) > 0.7


def test_detector_learns_from_boxes():
    torch.manual_seed(0)
    network, photos = PetHeadNetwork(img_size=64, width=8), marked()
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    losses = []
    for _ in range(40):
        terms = head_loss(network(photos.pictures / 255), photos.boxes, photos.species)
        optimizer.zero_grad()
        terms["loss"].backward()
        optimizer.step()
        losses.append(terms["loss"].item())
    assert losses[-1] < 0.5 * losses[0]


def test_table_without_boxes_is_refused(tmp_path):
    (tmp_path / "pets.csv").write_text("file,species,x0,y0,x1,y1\na.jpg,cat,,,,\n")
    with pytest.raises(InputError, match="no photo with a box"):
        read_boxed_photos(tmp_path / "pets.csv", tmp_path / "pets.zip", 64)

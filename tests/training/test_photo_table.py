"""Tables of photos beside a zip archive: what is found, and what is wrong with them."""

import zipfile

import pytest
from PIL import Image

from core.errors import InputError
from core.image import Box
from core.training.photo_table import PhotoArchive, box_of, read_rows


@pytest.fixture
def pack(tmp_path):
    """`pack.csv` and `pack.zip` with a picture and its trimap of the same name."""
    for folder, colour in (("images", "red"), ("trimaps", "blue")):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (20, 20), colour).save(tmp_path / folder / "a.png")
    (tmp_path / "broken.png").write_text("no picture")
    with zipfile.ZipFile(tmp_path / "pack.zip", "w") as archive:
        for name in ("trimaps/a.png", "images/a.png", "broken.png"):
            archive.write(tmp_path / name, name)
    (tmp_path / "pack.csv").write_text("file,x0,y0,x1,y1\na.png,1,2,3,4.5\nb.png,,,,\nc.png,1,two,3,4\n")
    return tmp_path


def test_rows_boxes_and_pictures(pack):
    rows = read_rows(pack / "pack.csv", ("file", "x0"))
    assert box_of(rows[0]) == Box(1, 2, 3, 4.5) and box_of(rows[1]) is None
    with PhotoArchive(pack / "pack.zip") as photos:
        assert photos.open("a.png").convert("RGB").getpixel((0, 0)) == (255, 0, 0)
        assert photos.open("trimaps/a.png").convert("RGB").getpixel((0, 0)) == (0, 0, 255)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda pack: read_rows(pack / "pack.csv", ("file", "species")), "missing: species"),
        (lambda pack: read_rows(pack / "none.csv", ("file",)), "none.csv cannot be read"),
        (lambda pack: read_rows(pack / "pack.zip", ("file",)), "name a CSV file"),
        (lambda pack: box_of(read_rows(pack / "pack.csv", ("file",))[2]), "the box of c.png is no four numbers"),
        (lambda pack: PhotoArchive(pack / "pack.csv"), "no zip archive"),
        (lambda pack: PhotoArchive(pack / "pack.zip").open("b.png"), "b.png stands in the table but not in"),
        (lambda pack: PhotoArchive(pack / "pack.zip").open("broken.png"), "no picture that can be read"),
    ],
)
def test_mistakes_are_told(pack, act, said):
    with pytest.raises(InputError, match=said):
        act(pack)

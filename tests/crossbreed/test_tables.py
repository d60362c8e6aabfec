"""Tables of photos beside a zip archive: what is wrong with them is told."""

import zipfile

import pytest
from PIL import Image

from core.crossbreed.data.tables import PhotoTable, read_rows
from core.errors import InputError


@pytest.fixture
def pack(tmp_path):
    """`pack.csv` and `pack.zip`; of four rows one is right."""
    Image.new("RGB", (20, 20), "red").save(tmp_path / "a.png")
    (tmp_path / "broken.png").write_text("no picture")
    with zipfile.ZipFile(tmp_path / "pack.zip", "w") as archive:
        archive.write(tmp_path / "a.png", "images/a.png")
        archive.write(tmp_path / "broken.png", "broken.png")
    (tmp_path / "pack.csv").write_text(
        "file,x0,y0,x1,y1\na.png,1,2,3,4.5\nb.png,,,,\nc.png,1,two,3,4\nbroken.png,,,,\n"
    )
    return tmp_path


def opened(pack, index):
    table = PhotoTable.read(pack / "pack.csv", pack / "pack.zip", ("file", "x0"))
    return table.only([table.rows[index]])


def test_a_right_row(pack):
    [(row, picture)] = opened(pack, 0).pictures()
    assert tuple(row.box) == (1, 2, 3, 4.5) and picture.size == (20, 20)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda pack: read_rows(pack / "none.csv", ("file",)), "none.csv cannot be read"),
        (lambda pack: read_rows(pack / "pack.zip", ("file",)), "name a CSV file"),
        (lambda pack: read_rows(pack / "pack.csv", ("file", "species")), "needs the columns file and species"),
        (lambda pack: list(opened(pack, 1).pictures()), "lacks b.png"),
        (lambda pack: opened(pack, 2).rows[0].box, "the box of c.png is no four numbers"),
        (lambda pack: list(opened(pack, 3).pictures()), "broken.png in pack.zip is no picture"),
        (lambda pack: list(PhotoTable("t", pack / "pack.csv", opened(pack, 0).rows).pictures()), "no zip archive"),
    ],
)
def test_mistakes_are_told(pack, act, said):
    with pytest.raises(InputError, match=said):
        act(pack)

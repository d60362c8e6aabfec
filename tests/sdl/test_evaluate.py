"""Measures on every layout, against the plain blend."""

import numpy as np
import pytest
from PIL import Image

from core.errors import InputError
from core.sdl.paper.evaluate import READERS, evaluate, feature_distance
from core.sdl.pipeline import SDLPipeline
from tests.sdl.conftest import textured, tiny
from tests.sdl.published import vgg


def save(picture, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    """One moving triplet in each layout."""
    root = tmp_path_factory.mktemp("sets")
    whole = np.asarray(textured(200, 48, cell_px=16))
    a, b, c = (Image.fromarray(np.ascontiguousarray(whole[:, 6 * i : 6 * i + 80])) for i in range(3))
    names = {
        "vimeo90k": ("sequences/00001/0389/im1.png", "sequences/00001/0389/im2.png", "sequences/00001/0389/im3.png"),
        "ucf101": ("1/frame_00.png", "1/frame_01_gt.png", "1/frame_02.png"),
        "middlebury": (
            "other-data/Beanbags/frame10.png",
            "other-gt-interp/Beanbags/frame10i11.png",
            "other-data/Beanbags/frame11.png",
        ),
        "clips": ("car/0.png", "car/1.png", "car/2.png"),
    }
    for layout, files in names.items():
        for picture, file in zip((a, b, c), files, strict=True):
            save(picture, root / layout / file)
    (root / "vimeo90k" / "tri_testlist.txt").write_text("00001/0389\n\n")
    return root


@pytest.mark.parametrize("layout", READERS)
def test_every_layout_is_read(roots, layout):
    measured = evaluate(None, roots / layout, layout)
    assert measured["items"] == measured["frames"] == 1
    assert 5 < measured["psnr_db"] < 40 and 0 < measured["ssim"] < 1
    with pytest.raises(InputError, match="holds nothing"):
        evaluate(None, roots / layout / "nothing" if layout != "clips" else roots / "clips" / "car", layout)


def test_motion_beats_the_blend_before_any_training(roots):
    from tests.sdl.conftest import shipped_network

    matched = evaluate(SDLPipeline(shipped_network("sdl-vfi"), "interpolate"), roots / "clips", "clips")
    blended = evaluate(None, roots / "clips", "clips")
    assert matched["psnr_db"] > blended["psnr_db"] + 2


def test_the_distance_needs_vgg_and_knows_equality(roots):
    pipe = SDLPipeline(tiny(num_in_ch=6), "interpolate")
    assert evaluate(pipe, roots / "clips", "clips", vgg())["vgg_distance"] > 0
    from core.image import to_tensor

    picture = to_tensor(textured(48, 48))
    assert feature_distance(vgg(), picture, picture) == 0

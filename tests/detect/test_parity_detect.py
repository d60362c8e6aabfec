"""Alignment and the body layout against the goldens."""

import numpy as np
import pytest
from PIL import Image

from core.detect.align import _surroundings, align_face, face_quad
from core.detect.body import openpose18
from tests.parity.fill import test_image as synthetic
from tests.parity.golden import arrays, assert_matches, facts

IFMORPH = facts("detect", "ifmorph_align")["cases"]
RIPPLE = facts("detect", "ripple_align")["cases"]


def picture(name, size) -> Image.Image:
    values = synthetic(name, size)[0].permute(1, 2, 0).numpy()
    return Image.fromarray(np.round((values + 1) * 127.5).astype(np.uint8))


@pytest.mark.parametrize("case", IFMORPH, ids=lambda case: case["case"])
def test_ifmorph_alignment(case):
    golden = arrays("detect", "ifmorph_align")
    # Published landmarks are indices of pixels, ours are places: half a pixel further.
    points = golden["landmarks_xy"] + case["landmark_offset_xy"] + 0.5
    whole = picture(case["image"], case["size"])
    _, quad = _surroundings(whole, face_quad(points, case["just_crop"]), case["output_size"])
    name = case["case"]
    assert_matches(quad.ravel(), golden[f"{name}_quad"], f"{name} quad", **case["tolerance"]["quad"])
    options = {"just_crop": case["just_crop"], "transform_px": case["transform_size"]}
    aligned = align_face(whole, points, case["output_size"], **options)
    assert_matches(np.asarray(aligned.picture, float), golden[name], name, **case["tolerance"]["uint8"])


@pytest.mark.parametrize("name", RIPPLE)
def test_ripple_alignment(name):
    case, golden = RIPPLE[name], arrays("detect", "ripple_align")
    whole = picture(case["inputs"]["image"]["name"], case["inputs"]["image"]["size"])
    aligned = align_face(whole, golden[f"{name}.landmarks"] + 0.5, 256, transform_px=256)
    error = np.abs(np.asarray(aligned.picture, int)[::3, ::3] - golden[f"{name}.aligned"].astype(int))
    assert error.max() <= 1 and (error > 0).mean() <= 0.01, (error.max(), (error > 0).mean())


def test_mediapipe_to_openpose18():
    (case,), golden = facts("detect", "body")["cases"], arrays("detect", "body")
    name, (height, width) = case["name"], case["options"]["frame_hw"]
    points = openpose18(golden[f"{name}.landmarks_xy01"], golden[f"{name}.visibility"], (width, height))
    assert_matches(points[:, ::-1], golden[f"{name}.cords_yx"], name, **case["tolerance"])

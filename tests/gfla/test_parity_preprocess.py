"""Keypoints, heatmaps, drawings, structures, resizing, output bytes and metrics against the published functions."""

import numpy as np
import pytest
import torch
from PIL import Image

from core.detect.body import openpose18
from core.gfla.data import annotations
from core.gfla.paper import dance, evaluate, face, pictures, pose, views, visuals
from core.gfla.paper.pictures import as_network_picture, resized
from core.metrics.fid import frechet_distance
from tests.parity.golden import arrays, assert_matches, facts
from tests.reference.gfla.published import points_of_heatmaps

CASES = {case["name"]: case for case in facts("gfla", "preprocess")["cases"]}
DATA = arrays("gfla", "preprocess")


def value(case, name):
    spec = case["inputs"][name]
    return spec["value"] if "value" in spec else DATA[spec["array"]]


def points(case):
    return value(case, "cords_yx")[:, ::-1].astype(float)


def annotation_strings(case, options):
    return {"cords_yx": annotations.points_of_strings(value(case, "keypoints_y"), value(case, "keypoints_x"))[:, ::-1]}


def heatmap(case, options):
    found, placed = {}, pose.scaled(points(case), options["img_size"], options.get("old_size", options["img_size"]))
    if "angle" in case["inputs"]:
        shift = (value(case, "shift_x"), value(case, "shift_y"))
        matrix = pose.affine_matrix(options["img_size"], value(case, "angle"), shift, value(case, "scale"))
        found = {"affine_matrix": matrix, "inverse_for_pil": np.linalg.inv(matrix)[:2].ravel()}
        placed = pose.transformed(placed, matrix)
    maps = pose.heatmaps(torch.from_numpy(placed), options["img_size"]).float().numpy()
    stride = options["stride"]
    found |= {"map": maps[:, ::stride, ::stride], "recovered_yx": points_of_heatmaps(maps)[:, ::-1]}
    return found


def dance_structure(case, options):
    size, old = options["load_size"], options["org_size_hw"]
    numbers = value(case, "pose_keypoints_2d")
    if "body18_yx" in case["outputs"]:
        body = dance.frame_points(numbers, size, old)
        joints, limbs = dance.coco17(body), dance.COCO_LIMBS
        found = {"body18_yx": body.T[::-1], "coco17_yx": joints.T[::-1]}
    else:
        affine = options["affine"]
        matrix = affine and pose.affine_matrix(size, affine["angle"], affine["shift"], affine["scale"])
        joints, limbs = dance.frame_points(numbers, size, old, matrix), dance.HUMAN36M_LIMBS
        found = {"body17_yx": joints.T[::-1]}
    maps = dance.structure(joints, size, limbs)
    return found | {"maps": maps[:17], "skeleton_rgb": maps[17:].transpose(1, 2, 0)}


def face_structure(case, options):
    landmarks, image = value(case, "landmarks_xy"), Image.fromarray(value(case, "image_rgb"))
    edges = "canny" in case["name"]
    found = {"structure": face.structure(landmarks, image, options["load_size"], background_edges=edges)}
    return found | {"keypoints_83_xy": face.with_forehead(landmarks)}


def one_hot(case, options):
    codes = [
        views.view_code(*views.view_of_annotation(*map(int, item)))
        for item in value(case, "azimuth_index_and_elevation")
    ]
    return {"one_hot": torch.stack(codes).flatten(1)}


def image(case, options):
    method = "bilinear" if "bilinear" in case["name"] else "bicubic"
    picture = resized(Image.fromarray(value(case, "image_rgb")), tuple(options["size"]), method)
    return {"tensor": as_network_picture(np.asarray(picture))}


RUNS = {
    "annotation_strings": annotation_strings,
    "heatmap_": heatmap,
    "skeleton_preview": lambda c, o: {"rgb": np.asarray(pose.draw(points(c), o["img_size"], radius_px=o["radius"]))},
    "dance_": dance_structure,
    "colormap": lambda c, o: {"openpose18": pose.COLOURS, "n17": dance.label_colours(17)},
    "face_structure": face_structure,
    "view_one_hot": one_hot,
    "image_b": image,
    "tensor_to_image": lambda c, o: {"rgb": pictures.published_bytes(torch.from_numpy(value(c, "tensor")))},
    "flow_to_colour": lambda c, o: {"rgb": visuals.flow_to_colour(torch.from_numpy(value(c, "flow"))[0])},
    "image_metrics": lambda c, o: evaluate.image_metrics(value(c, "real_rgb"), value(c, "generated_rgb")),
    "frechet_distance": lambda c, o: {"fid": frechet_distance(value(c, "features_a"), value(c, "features_b"))},
    "mediapipe": lambda c, o: {
        "cords_yx": openpose18(value(c, "landmarks_xy01"), value(c, "visibility"), o["frame_hw"][::-1])[:, ::-1]
    },
}


@pytest.mark.parametrize("name", CASES)
def test_preprocessing_matches(name):
    case = CASES[name]
    run = next(run for prefix, run in RUNS.items() if name.startswith(prefix))
    got = run(case, case["options"])
    for key, spec in case["outputs"].items():
        assert_matches(got[key], DATA[spec["array"]], f"{name}.{key}", max_abs=case["tolerance"]["max_abs"])

"""Inference, blending, landmarks, masks, Poisson networks and image fitting against the published code."""

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from core.implicit.options import ImageFitOptions
from core.implicit.paper.coordinates import pixel_grid, to_published
from core.implicit.paper.image_network import fit_image, pixels_of
from core.implicit.paper.landmark_plot import plot_landmarks
from core.implicit.paper.landmarks import MESH_VERTICES
from core.implicit.paper.losses import warp
from core.implicit.paper.poisson import poisson_loss, training_mask
from core.ops.warp import sample_at
from tests.implicit.published import fresh, network, picture_bytes, tensors
from tests.parity.fill import test_image as made_image
from tests.parity.golden import arrays, assert_matches, facts
from tests.reference.implicit.inference import as_bytes, blend_published, sample_network, sample_picture, warped_grids
from tests.reference.implicit.published import (
    GROUPS_OF_68,
    from_editor,
    guidance_of,
    mix,
    polygon_mask,
    published_order,
    to_editor,
)

INFERENCE = {case["case"]: case for case in facts("implicit", "inference")["cases"]}
DISCRETE = [case for name, case in INFERENCE.items() if name.startswith("d_")]
CONTINUOUS = [case for name, case in INFERENCE.items() if name.startswith("c_t")]
WIDE = [case for name, case in INFERENCE.items() if name.startswith("c_wide")]
BLENDS = facts("implicit", "blend")["cases"]
LANDMARKS = {case["case"]: case for case in facts("implicit", "landmarks")["cases"]}


def unit_picture(name, size):
    return picture_bytes(name, tuple(size)).astype(np.float32) / 255


def look_up(picture, coordinates):
    """Bilinear values (N, 3) without the published half pixel, at published coordinates."""
    height, width = picture.shape[:2]
    image = torch.from_numpy(picture).permute(2, 0, 1)[None]
    places = (coordinates.flip(-1) + 1) / 2 * torch.tensor([width, height])
    return sample_at(image, places[None])[0].T.numpy()


def test_every_inference_case_is_used():
    assert len(DISCRETE) + len(CONTINUOUS) + len(WIDE) + 2 == len(INFERENCE)


def test_sampling_positions():
    case, golden = INFERENCE["pixels"], arrays("implicit", "inference")
    assert np.array_equal(picture_bytes(case["image"], (64, 64)), golden["rgb_a"])
    picture = unit_picture(case["image"], case["size"])
    free, identity = torch.from_numpy(golden["free_coords"]), pixel_grid(case["size"])
    official, centred = case["tolerance"]["official"], case["tolerance"]["centred"]
    assert_matches(sample_picture(picture, free).reshape(24, 24, 3), golden["free_pixels"], "free", **official)
    assert_matches(sample_picture(picture, identity).reshape(64, 64, 3), golden["identity_pixels"], "grid", **official)
    assert_matches(look_up(picture, free).reshape(24, 24, 3), golden["free_pixels_centred"], "centred", **centred)
    assert_matches(look_up(picture, identity).reshape(64, 64, 3), picture, "the identity changes nothing", **centred)


@pytest.mark.parametrize("case", DISCRETE, ids=lambda case: case["case"])
def test_frames_of_picture_files(case):
    golden, name, t, size = arrays("implicit", "inference"), case["case"], case["t"], case["size"]
    grids = warped_grids(network(case["manifest"]), size, t)
    pictures = [unit_picture(image, size) for image in case["images"]]
    samples = [sample_picture(p, g).reshape(*size, 3) for p, g in zip(pictures, grids, strict=True)]
    centred = [look_up(p, g).reshape(*size, 3) for p, g in zip(pictures, grids, strict=True)]
    for side in (0, 1):
        assert_matches(grids[side], golden[f"{name}_coords{side}"], f"grid {side}", **case["tolerance"]["coords"])
        assert_matches(samples[side], golden[f"{name}_rec{side}"], f"samples {side}", **case["tolerance"]["rec"])
    for kind in ("linear", "min", "max", "src", "tgt"):
        frame = blend_published(*samples, t, kind)
        assert_matches(frame, golden[f"{name}_{kind}"], kind, **case["tolerance"]["frames"])
    mixed = (1 - t) * centred[0] + t * centred[1]
    assert_matches(mixed, golden[f"{name}_centred_linear"], "centred", **case["tolerance"]["centred_linear"])


@pytest.mark.parametrize("case", CONTINUOUS, ids=lambda case: case["case"])
def test_frames_of_image_networks(case):
    golden, name, t, size = arrays("implicit", "inference"), case["case"], case["t"], case["size"]
    grids = warped_grids(network(case["manifest"][0]), size, t)
    nets = [network(case["manifest"][1], salt) for salt in case["salts"].values()]
    drawn = [sample_network(n, g, case["bggray"]).reshape(*size, 3) for n, g in zip(nets, grids, strict=True)]
    for side in (0, 1):
        assert_matches(drawn[side], golden[f"{name}_rec{side}"], f"picture {side}", **case["tolerance"]["rec"])
    frame = as_bytes((1 - t) * drawn[0] + t * drawn[1])
    assert_matches(frame, golden[f"{name}_linear"], "frame", **case["tolerance"]["frames"])


@pytest.mark.parametrize("case", WIDE, ids=lambda case: case["case"])
def test_outside_the_picture_is_grey(case):
    golden = arrays("implicit", "inference")
    with torch.no_grad():
        moved = warp(network(case["manifest"][0]), 1.2 * pixel_grid(case["size"]), -case["t"])
    assert_matches(moved, golden["c_wide_coords0"], "coordinates", max_abs=1e-5)
    drawn = sample_network(network(case["manifest"][1], case["salts"]["source"]), moved, case["bggray"])
    sure = (((moved.abs() - 1).abs()) > 1e-5).all(-1).numpy()
    want = golden[f"{case['case']}_rec0"].reshape(-1, 3)
    assert_matches(drawn[sure], want[sure], "picture", max_abs=case["tolerance"]["rec"]["max_abs"])
    assert (drawn == case["bggray"]).all(-1).mean() == pytest.approx(case["outside_share"], abs=0.01)


@pytest.mark.parametrize("case", BLENDS, ids=lambda case: case["case"])
def test_blends(case):
    golden, name = arrays("implicit", "blend"), case["case"]
    scale = 1 if name.startswith("unit") else 255
    frames = [
        (made_image(f"ifmorph-{which}-blend", (96, 96))[0].permute(1, 2, 0).numpy() * 0.5 + 0.5) * scale
        for which in ("source", "target")
    ]
    frame = blend_published(*frames, case["t"], case["type"], golden["polygon_xy"])
    assert_matches(frame, golden[name], name, **case["tolerance"])


@pytest.mark.parametrize("kind", ["seamless_normal", "seamless_mix"])
def test_a_clone_is_centred_on_the_face_before_erosion(kind):
    """A chin's tip that erosion takes away still counts for the centre; see ../shared/reference/ifmorph.md, section 6."""
    first, second = (made_image(f"clone-{name}", (96, 96))[0].permute(1, 2, 0).numpy() * 127.5 + 127.5 for name in "ab")
    outline = np.array([[30, 30], [66, 30], [66, 60], [49, 61], [48, 71], [47, 61], [30, 60]], np.int32)
    mask = cv2.fillPoly(np.zeros((96, 96), np.uint8), [outline], 255)
    eroded = cv2.erode(mask, np.ones((5, 5), np.uint8))
    source = as_bytes(second if kind == "seamless_mix" else (first + second) / 2)
    mode = cv2.MIXED_CLONE if kind == "seamless_mix" else cv2.NORMAL_CLONE
    # The outline spans x 30 to 66 and y 30 to 71; what is left of it after erosion x 32 to 64 and y 32 to 59.
    assert cv2.boundingRect(mask) == (30, 30, 37, 42) and cv2.boundingRect(eroded) == (32, 32, 33, 28)
    right = cv2.seamlessClone(source, as_bytes(first), eroded, (48, 51), mode)
    wrong = cv2.seamlessClone(source, as_bytes(first), eroded, (48, 46), mode)
    assert np.array_equal(blend_published(first, second, 0.5, kind, outline), right)
    assert np.abs(right.astype(int) - wrong).max() > 20


def test_landmark_order_and_normalisation():
    golden = arrays("implicit", "landmarks")
    assert tuple(golden["mediapipe_indices"]) == published_order(MESH_VERTICES)
    chosen = golden["mesh_xy"][list(published_order(MESH_VERTICES))]
    mine = to_published(chosen, (1, 1))
    assert_matches(mine, golden["mediapipe_selected"], "mediapipe", **LANDMARKS["mediapipe"]["tolerance"])
    mine = to_published(golden["dlib_px_xy"], (600, 600))
    assert_matches(mine, golden["dlib_norm_600"], "dlib", **LANDMARKS["dlib_norm"]["tolerance"])


def test_groups_of_dlib():
    assert {name: list(points) for name, points in GROUPS_OF_68.items()} == LANDMARKS["dlib_groups"]["value"]


def test_editor_coordinates():
    golden, case = arrays("implicit", "landmarks"), LANDMARKS["ui"]
    height, width = case["frame_dims"]
    for side, key in enumerate(("ui_src_xy", "ui_tgt_xy")):
        screen = to_editor(golden["ui_points"], (width, height), right=side == 1)
        assert_matches(screen, golden[key], key, **case["tolerance"])
        back = from_editor(screen, (width, height), right=side == 1)
        assert_matches(back, golden["ui_points"], "and back", **case["tolerance"])
        assert_matches(back[:, ::-1], golden["ui_back_xy"], "as published, x first", **case["tolerance"])


def test_marked_points():
    golden = arrays("implicit", "landmarks")
    frame = plot_landmarks(np.zeros((40, 60, 3), np.uint8), golden["plot_points"], (0, 255, 0), radius_px=1)
    assert_matches(frame, golden["plot_out"], "marks", **LANDMARKS["plot"]["tolerance"])


def test_masks():
    golden = arrays("implicit", "landmarks")
    for erosions in (0, 3):
        mask = polygon_mask(golden["mask_polygon_yx"], (64, 64), erosions)
        assert np.array_equal(mask, golden[f"mask_e{erosions}"]), erosions
    assert np.array_equal(training_mask(golden["mask_e0"]), golden["mask_flat_eroded"])


def test_poisson_guidance():
    case, golden = facts("implicit", "poisson")["cases"][0], arrays("implicit", "poisson")
    moving, points, t = network(case["manifest"][0]), torch.from_numpy(golden["points"]), case["t"]
    nets = [network(case["manifest"][1], salt) for salt in case["salts"].values()]
    seen = [
        guidance_of(nets[0], moving, points, -t, chain=False),
        guidance_of(nets[1], moving, points, 1 - t, chain=False),
    ]
    for side in (0, 1):
        for key, mine in zip(("coords", "img", "jac"), seen[side], strict=True):
            assert_matches(mine, golden[f"{key}{side}"], f"{key}{side}", **case["tolerance"])
    right = guidance_of(nets[0], moving, points, -t)
    assert_matches(right.gradients, golden["jac0_chain"], "chain rule", **case["tolerance"])
    for kind in ("mixclone", "source2target", "target2source", "avgclone"):
        mine = mix(seen[0].gradients, seen[1].gradients, t, kind)
        assert_matches(mine, golden[f"mix_{kind}"], kind, **case["tolerance"])


def test_poisson_loss():
    case, golden = facts("implicit", "poisson")["cases"][1], arrays("implicit", "poisson")
    net, points = fresh(case), torch.from_numpy(golden["points"])
    wanted, colours = torch.from_numpy(golden["mix_mixclone"]), torch.from_numpy(golden["img0"])
    terms = poisson_loss(net, points[:24], wanted[:24], points[24:], colours[24:], tuple(case["weights"].values()))
    assert_matches(torch.stack(terms), golden["loss"], "terms", **case["tolerance"]["loss"])
    mine = net.derivatives(points[:24], order=1).jacobian
    assert_matches(mine, golden["net_jac"], "jacobian", **case["tolerance"]["net_jac"])
    sum(terms).backward()
    for index, (key, parameter) in enumerate(net.named_parameters()):
        gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        assert_matches(gradient, golden[f"loss_grad.{key}"], key, **case["tolerance"]["grad"])
        assert_matches(gradient.norm(), golden["loss_gradnorm"][index], key, max_rel=1e-3)


def test_pixels_of_a_picture():
    case, golden = facts("implicit", "image_fit")["cases"][0], arrays("implicit", "image_fit")
    picture = Image.fromarray(picture_bytes(case["image"], tuple(case["size"])))
    limit = {"max_abs": case["tolerance"]["max_abs"]}
    coordinates, colours = pixels_of(picture)
    assert_matches(coordinates, golden["coords"], "coordinates", **limit)
    assert_matches(colours, golden["rgb"], "colours", **limit)
    assert_matches(pixels_of(picture, grey=True)[1], golden["grey"], "grey", **limit)
    small = pixels_of(picture, (10, 12))[1].reshape(10, 12, 3)
    assert_matches(small, golden["resized"], "resized", **case["tolerance"]["resized"])


def test_fitting_a_picture():
    from core.implicit.paper.convert import siren_of

    case, golden = facts("implicit", "image_fit")["cases"][1], arrays("implicit", "image_fit")
    net = siren_of(tensors(golden, "start."), case["omega"], case["omega"])
    indices = torch.from_numpy(golden["idx"].astype(np.int64))
    _, losses = fit_image(
        torch.from_numpy(golden["coords"]), torch.from_numpy(golden["rgb"]), ImageFitOptions(steps=case["steps"]),
        network=net, batches=lambda step: indices[step],
    )  # fmt: skip
    assert_matches(losses, golden["losses"], "losses", **case["tolerance"]["losses"])
    for key, want in tensors(golden, "final.").items():
        assert_matches(net.state_dict()[key], want, key, **case["tolerance"]["state"])


def test_opencv_is_the_one_of_the_goldens():
    assert cv2.__version__.startswith("4."), "5.x interpolates remap without rounding: check the tolerances"

"""Frames, poses between poses, limbs' flow, annotation files."""

import json

import numpy as np
import pytest
import torch

from core.errors import InputError, OptionError
from core.gfla.data import annotations
from core.gfla.data.pairs import AnnotatedPairs
from core.gfla.data.people import PeoplePairs
from core.gfla.methods.limb_layers.skeleton import limb_flow
from core.gfla.methods.retargeting import framing
from core.gfla.methods.retargeting.library import library_pose, poses
from core.gfla.paper import pose
from tests.gfla import tiny


def test_frame_and_back():
    own = library_pose("standing")
    box = framing.person_box(own, 176 / 256)
    framed = framing.into_frame(own, box, (128, 96))
    np.testing.assert_allclose(framing.out_of_frame(framed, box, (128, 96)), own)
    inside = framed[pose.present(framed)]
    assert (inside > 0).all() and (inside < (96, 128)).all()


def test_a_frame_needs_points():
    with pytest.raises(InputError, match="at least 4"):
        framing.person_box(np.full((18, 2), -1.0), 0.7)


def test_fitting_keeps_feet_and_size():
    own, other = library_pose("standing"), library_pose("walking") * 0.5
    placed = framing.fitted(other, own)
    assert abs(placed[:, 1].max() - own[:, 1].max()) < 1e-6
    assert 0.7 < np.ptp(placed[:, 1]) / np.ptp(own[:, 1]) < 1.3


def test_poses_stay_in_the_frame():
    large = tiny.points("arms spread") * 1.7
    placed = framing.contained(large, tiny.SIZE)
    assert placed.min() >= 0 and placed[:, 0].max() <= 64 and placed[:, 1].max() <= 64
    tips = framing.finger_tips(placed)
    assert tips.shape == (2, 2) and tips[:, 0].min() >= 0 and tips[:, 0].max() <= tiny.SIZE[1]
    assert np.hypot(*(tips[0] - placed[4])) > 0.4 * np.hypot(*(placed[4] - placed[3]))
    small = tiny.points("standing")
    np.testing.assert_allclose(framing.contained(small, tiny.SIZE), small)


def test_between_meets_the_ends_and_keeps_limbs():
    a, b = library_pose("standing"), library_pose("high kick right")
    np.testing.assert_allclose(framing.between(a, b, 0.0), a, atol=1e-6)
    np.testing.assert_allclose(framing.between(a, b, 1.0), b, atol=1e-6)
    middle, limb = framing.between(a, b, 0.5), lambda p: np.hypot(*(p[9] - p[8]))
    assert min(limb(a), limb(b)) - 1e-6 <= limb(middle) <= max(limb(a), limb(b)) + 1e-6


def test_library_is_complete():
    assert len(poses()) >= 24
    assert all(item.shape == (18, 2) for item in poses().values())
    with pytest.raises(OptionError, match="arms spread"):
        library_pose("arms spred")


def test_limbs_carry_their_joints():
    a, b = (torch.from_numpy(tiny.points(name, (128, 96)))[None] for name in ("standing", "arms spread"))
    flow, sure = limb_flow(a, b, (128, 96))
    for joint in (3, 6, 9, 13):
        x, y = b[0, joint].round().long().tolist()
        fetched = torch.tensor([x, y]) + flow[0, :, y, x]
        assert (fetched - a[0, joint]).norm() < 4, joint
        assert sure[0, 0, y, x] > 0.8
    still, _ = limb_flow(a, a, (128, 96))
    assert still.abs().max() < 1e-2


def test_heatmaps_peak_at_truncated_joints():
    skeleton = tiny.points("lunge")
    skeleton[4] = -1
    maps = pose.heatmaps(torch.from_numpy(skeleton)[None], tiny.SIZE)[0]
    assert maps[4].max() == 0
    for joint in (0, 3, 10):
        x, y = np.trunc(skeleton[joint]).astype(int)
        assert maps[joint, y, x] == 1


def test_mirrored_pairs_swap_sides():
    pairs = PeoplePairs(tiny.people(), hide=0.0)
    rng = np.random.default_rng(0)
    items = [pairs.pair(rng) for _ in range(16)]
    right_is_left = {bool(item["source_points"][2, 0] < item["source_points"][5, 0]) for item in items}
    assert right_is_left == {True}, "after mirroring, the right shoulder is still left of the left one"


@pytest.fixture
def listed(tmp_path):
    """A tiny data set with the published lists."""
    (tmp_path / "train").mkdir()
    skeletons = {f"{name}.jpg": tiny.points(name, (256, 176)) for name in ("standing", "walking")}
    for name, skeleton in skeletons.items():
        tiny.figure(skeleton, (256, 176)).save(tmp_path / "train" / name)
    tiny.write_annotations(skeletons, tmp_path / "annotation.csv")
    (tmp_path / "pairs.csv").write_text("from,to\nstanding.jpg,walking.jpg\n")
    return tmp_path


def test_lists_are_read(listed):
    pairs = AnnotatedPairs(
        listed, listed / "pairs.csv", listed / "annotation.csv", "train", (64, 64), (256, 176), (5, 5, 0.05)
    )
    batch = pairs.draw(np.random.default_rng(0), 2)
    assert batch["source"].shape == (2, 3, 64, 64) and batch["target_points"].shape == (2, 18, 2)
    assert batch["source"].abs().max() <= 1


@pytest.mark.parametrize(
    "row, said",
    [
        ("a.jpg:[1,2]:[3,4]", "line 4: 2 rows"),
        ("a.jpg:[1", "line 4: 2 columns"),
        ("a.jpg:x:y", "line 4: not two lists"),
    ],
)
def test_bad_annotation_rows_are_named(listed, row, said):
    with (listed / "annotation.csv").open("a") as file:
        file.write(row + "\n")
    with pytest.raises(InputError, match=said):
        annotations.read_annotations(listed / "annotation.csv")


def test_pairs_without_keypoints_are_named(listed):
    (listed / "pairs.csv").write_text("from,to\nstanding.jpg,nobody.jpg\nstanding.jpg\n")
    known = annotations.read_annotations(listed / "annotation.csv")
    with pytest.raises(InputError, match=r"2 bad rows: line 2: no keypoints for nobody.jpg; line 3"):
        annotations.read_pairs(listed / "pairs.csv", known)
    (listed / "pairs.csv").write_text("a;b\n")
    with pytest.raises(InputError, match="from,to"):
        annotations.read_pairs(listed / "pairs.csv", known)


def test_points_file_shape_is_checked():
    with pytest.raises(InputError, match=r"\(18, 2\)"):
        pose.checked(np.array(json.loads("[[1, 2]]")))

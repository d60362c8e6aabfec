"""A drawn person taken apart and moved: limbs arrive, the place is mended, far pixels and lengths stay."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from core.detect.body import MISSING
from core.detect.cutout import unmixed_rim
from core.errors import InputError, NothingFoundError
from core.gfla.methods.puppet.assess import sentences
from core.gfla.methods.puppet.layers import read_region
from core.gfla.methods.puppet.offers import offered, offers, reasons, weighed
from core.gfla.methods.puppet.puppet import chosen, make_puppet
from core.gfla.methods.puppet.retarget import aimed
from core.gfla.methods.puppet.skeleton import ARMS, LEGS, ankles_on_mask, read_skeleton
from core.gfla.methods.retargeting.library import library_pose, named_pose, poses, shown_poses
from core.gfla.methods.retargeting.tracking import tracked
from tests.gfla import tiny

SIZE = (200, 240)
SKIN, SHIRT, TROUSERS, GROUND = (220, 160, 120), (200, 30, 30), (30, 40, 160), (90, 140, 90)


def drawn(name="standing", shift=(30, 0)):
    """A person of plain colours, its share of every pixel, and its keypoints."""
    points = tiny.points(name, (200, 137)) + shift
    picture, share = np.full((*SIZE, 3), GROUND, np.uint8), np.zeros(SIZE, np.uint8)

    def line(a, b, colour, width):
        ends = [tuple(int(v) for v in points[i].round()) for i in (a, b)]
        cv2.line(picture, *ends, colour, width)
        cv2.line(share, *ends, 1, width)

    for hip, knee, ankle in ((8, 9, 10), (11, 12, 13)):
        line(hip, knee, TROUSERS, 15)
        line(knee, ankle, TROUSERS, 11)
        foot = tuple(int(v) for v in (points[ankle] + (0, 5)).round())
        for canvas, value in ((picture, TROUSERS), (share, 1)):
            cv2.ellipse(canvas, foot, (9, 5), 0, 0, 360, value, -1)
    torso = points[[2, 5, 11, 8]].round().astype(np.int32)
    for canvas, value in ((picture, SHIRT), (share, 1)):
        cv2.fillConvexPoly(canvas, torso, value)
        cv2.circle(canvas, tuple(int(v) for v in points[0]), 13, SKIN if value == SHIRT else 1, -1)
    for shoulder, elbow, wrist in ((2, 3, 4), (5, 6, 7)):
        line(shoulder, elbow, SKIN, 9)
        line(elbow, wrist, SKIN, 8)
        ends = [
            tuple(int(v) for v in end.round()) for end in (points[wrist], 1.5 * points[wrist] - 0.5 * points[elbow])
        ]
        for canvas, value in ((picture, SKIN), (share, 1)):
            cv2.line(canvas, *ends, value, 8)
    return Image.fromarray(picture), share.astype(np.float32), points


@pytest.fixture(scope="module")
def puppet():
    picture, share, points = drawn()
    return make_puppet(picture, [tiny.body(points)], 0, share)


def near(picture, place, colour):
    x, y = place.round().astype(int)
    return np.abs(picture[y, x].astype(int) - colour).max() < 25


def test_arms_arrive_and_leave_the_ground(puppet):
    target = puppet.target(library_pose("arms wide"))
    shown = puppet.show(target)
    own = puppet.skeleton.joints
    for elbow, wrist in ((3, 4), (6, 7)):
        assert near(shown, (target[elbow] + target[wrist]) / 2, SKIN)
        assert near(shown, (own[elbow] + own[wrist]) / 2, GROUND)
    assert near(shown, (target[1] + target[[8, 11]].mean(0)) / 2, SHIRT)


def test_far_pixels_are_equal_to_the_bit(puppet):
    shown = puppet.show(puppet.target(library_pose("waving")))
    assert (shown[:, 190:] == puppet.picture[:, 190:]).all() and (shown[:, :10] == puppet.picture[:, :10]).all()


def test_the_own_pose_is_the_photo(puppet):
    shown = puppet.show(puppet.skeleton.joints[:18])
    assert np.abs(shown.astype(int) - puppet.picture).mean() < 1.5


def test_limbs_keep_their_lengths_and_hands_the_photo():
    _, _, points = drawn()
    for name in ("arms up", "striding", "star"):
        target = aimed(read_skeleton(points), library_pose(name), SIZE[::-1])
        assert target[[4, 7]].min() >= 0 and (target[[4, 7]] < SIZE[::-1]).all(), name
        for a, b in ((8, 9), (9, 10), (11, 12), (12, 13)):
            own, made = (np.hypot(*(item[b] - item[a])) for item in (points, target))
            assert 0.75 < made / own < 1.3, (name, a, b)
        lower = max((10, 13), key=lambda ankle: target[ankle, 1])
        np.testing.assert_allclose(target[lower], points[lower], atol=1e-6)


def test_legs_that_the_photo_cuts_off_stay():
    _, _, points = drawn()
    points[[10, 13]] = MISSING
    target = aimed(read_skeleton(points), library_pose("striding"), SIZE[::-1])
    np.testing.assert_allclose(target[[8, 9, 11, 12]], points[[8, 9, 11, 12]])
    assert (target[[10, 13]] == MISSING).all()
    assert any("not whole" in item for item in sentences(read_skeleton(points), 3, 1))


def test_what_the_photo_is_good_for_is_said():
    _, _, points = drawn()

    def said(changed):
        return " ".join(sentences(read_skeleton(changed), 1, 1))

    assert "front" in said(points) and "down to the feet" in said(points)
    turned = points.copy()
    turned[:, 0] = 137 - turned[:, 0]
    assert "from behind" in said(turned)
    assert "upside down" in said(200 - points)
    headless = points.copy()
    headless[[0, 14, 15, 16, 17]] = MISSING
    assert "No head" in said(headless)
    seated = points.copy()
    seated[[9, 12], 1] = seated[[8, 11], 1] + 5
    seated[[10, 13], 1] = seated[[9, 12], 1] + 35
    assert "sits" in said(seated)


def test_a_person_that_is_not_there_is_refused():
    _, _, points = drawn()
    with pytest.raises(InputError, match="shows 1 people, person 2"):
        chosen([tiny.body(points)], 2)


def test_one_person_of_a_clip_is_followed():
    _, _, points = drawn()
    small, large = points, points * 1.5 + 60
    frames = [[], [tiny.body(small)], [tiny.body(large), tiny.body(small + (3, 0))], [], [tiny.body(small + (9, 0))]]
    found = tracked(frames)
    assert found.shape == (4, 18, 2)
    neck = found[:, 1, 0] - small[1, 0]
    assert (np.diff(neck) > 0).all() and -1 < neck[0] < 3.5 and 5 < neck[-1] < 10
    with pytest.raises(NothingFoundError, match="driving clip"):
        tracked([[], []])


def test_two_who_cross_do_not_change_places():
    _, _, points = drawn()
    ways = np.linspace(-60, 60, 25)
    # The other walks against the first, a little smaller; each frame names them in turn first.
    pairs = [(tiny.body(points + (x, 0)), tiny.body((points - (0, 60)) * 0.9 + (20 - x, 60))) for x in ways]
    found = tracked([list(pair if index % 2 == 0 else pair[::-1]) for index, pair in enumerate(pairs)])
    neck = found[:, 1, 0] - points[1, 0]
    np.testing.assert_allclose(neck[4:-4], ways[4:-4], atol=4)


def test_who_jumps_in_a_clip_keeps_the_head_in_the_photo(puppet):
    own = puppet.skeleton
    jump = np.array([own.joints[:18] - (0, up) for up in (0, 40, 80, 120)])
    stretched = (own.joints[:18] - own.joints[10]) * 1.6 + own.joints[10]
    for pose_points in puppet.follow(np.concatenate([jump, stretched[None]])):
        assert pose_points[[0, 14, 15, 16, 17], 1].min() > 0.3 * own.unit - 1


def test_alpha_is_told_from_colours_at_the_rim():
    truth = np.clip((np.arange(60) - 25) / 8, 0, 1).astype(np.float32)[None].repeat(40, 0)
    picture = (truth[..., None] * SHIRT + (1 - truth[..., None]) * np.array(GROUND)).astype(np.uint8)
    wide = np.clip((np.arange(60) - 19) / 12, 0, 1).astype(np.float32)[None].repeat(40, 0)
    mended = unmixed_rim(picture, wide, 7)
    assert np.abs(mended - truth).mean() < 0.35 * np.abs(wide - truth).mean()


def test_a_bent_mesh_stays_whole(puppet):
    own, wanted = puppet.skeleton.joints, puppet.skeleton.joints.copy()
    wanted[:18] = puppet.target(library_pose("striding"))
    places = puppet.mesh.posed(own, wanted)
    for name, triangles in puppet.mesh.sheets.items():
        a, b, c = (places[triangles[:, i]] for i in range(3))
        area = np.cross(b - a, c - a) / np.cross(
            *(puppet.mesh.rest[triangles[:, i]] - puppet.mesh.rest[triangles[:, 0]] for i in (1, 2))
        )
        assert (area > 0).mean() > 0.97 and np.median(area) > 0.8, name
    np.testing.assert_allclose(puppet.mesh.posed(own, own), puppet.mesh.rest, atol=1e-3)


def test_poses_that_the_photo_bears_come_first(puppet):
    found = offers(puppet)
    assert {item.name for item in found} == set(shown_poses())
    reasons_by = {item.name: item.reason for item in found}
    assert "nearly as in the photo" in reasons_by["standing"] and "right leg turn" in reasons_by["high kick right"]
    first = [item for item in found if not item.reason]
    assert found[: len(first)] == first and len(first) >= 5
    # What only bends the body comes before what takes limbs off it, one of each kind before a second.
    kinds = [item.kind for item in first]
    assert len(set(kinds[:2])) == 2 and kinds.index("library") > kinds.index("far")


def test_a_pose_whose_limb_stays_is_told(puppet):
    one = replace(puppet, moving=("left arm",), made={})
    found = {name: offered(one, name) for name in ("left arm half out", "right arm half out", "arms spread", "running")}
    assert found["left arm half out"].reason == "" and found["right arm half out"].reason == "right arm stays"
    assert "right arm stays" in found["arms spread"].caption and "stay" in found["running"].reason
    assert reasons(one, ["arms half out"]) == ["Arms half out: right arm stays."]
    assert offered(one, "right arm farther out").reason == "the right arm stays"


def test_a_pose_moves_only_limbs_that_its_name_speaks_of(puppet):
    own, target = puppet.skeleton.joints, puppet.target(named_pose("right arm half out"))
    rest = [joint for joint in range(18) if joint not in (3, 4)]
    np.testing.assert_allclose(target[rest], own[rest], atol=1e-6)
    np.testing.assert_array_equal(named_pose("standing"), library_pose("standing"))


def test_hands_that_must_meet_and_do_not_are_told():
    _, _, points = drawn()
    # Of a broad person the arms arrive by their angles, and the hands stay apart.
    points[[5, 6, 7], 0] += 25
    found = weighed(read_skeleton(points), (*ARMS, *LEGS), SIZE[::-1], "hands joined")
    assert found.missed < 0.2 and found.reason == "the hands do not meet"


def test_an_ankle_beside_the_person_comes_back():
    _, share, points = drawn()
    wrong = points.copy()
    wrong[13] += (40, -10)
    found = ankles_on_mask(read_skeleton(wrong), share).joints
    assert np.hypot(*(found[13] - points[13])) < 10
    np.testing.assert_array_equal(found[10], points[10])


def test_a_hand_before_the_coat_is_the_arms():
    picture, share, points = drawn()
    array = np.asarray(picture).copy()
    # A sleeve of the shirt's colour, whose hand lies before the trousers.
    for a, b in ((5, 6), (6, 7)):
        cv2.line(array, *(tuple(int(v) for v in points[i].round()) for i in (a, b)), SHIRT, 9)
    points[7] = points[6] + (points[11] + (2, 2) - points[6]) * 0.8
    hand = (points[7] + 0.2 * (points[7] - points[6])).round().astype(int)
    cv2.circle(array, tuple(map(int, hand)), 6, SKIN, -1)
    region = read_region(array, share, read_skeleton(points))
    assert region.label_at(hand[None].astype(float))[0] == 5


def test_figures_of_the_library_are_whole():
    for name in ("arms up", "waving", "hands on hips", "sitting", "jogging", "dancing, arm up"):
        assert (poses()[name] > 0).all() and (poses()[name] < (176, 256)).all(), name

"""Small changes of a photo's own pose: they are what their names say, hold on to what must stay, and come out whole."""

from dataclasses import replace
from types import SimpleNamespace

import cv2
import gradio as gr
import numpy as np
import pytest

from core.detect.body import MISSING
from core.detect.cutout import decided
from core.gfla.methods.limb_layers.skeleton import HIP_CENTRE
from core.gfla.methods.puppet.check import strain, uncovered
from core.gfla.methods.puppet.firm import FREE, Held, beside, clear, held_by
from core.gfla.methods.puppet.layers import read_region
from core.gfla.methods.puppet.mesh import piece_moves
from core.gfla.methods.puppet.nudges import NUDGES, hindrance, nudged
from core.gfla.methods.puppet.offers import Offer, offered
from core.gfla.methods.puppet.puppet import make_puppet
from core.gfla.methods.puppet.skeleton import ARMS, LEGS, NECK, read_skeleton
from core.gfla.methods.retargeting.library import library_pose
from core.ui.parts import figures
from tests.gfla import tiny
from tests.gfla.test_puppet import SIZE, drawn

FEET = [joints[2] for joints in LEGS.values()]
ALL = (*ARMS, *LEGS)


@pytest.fixture(scope="module")
def puppet():
    picture, share, points = drawn()
    return make_puppet(picture, [tiny.body(points)], 0, share)


def test_figures_are_the_changes_of_standing():
    standing = read_skeleton(library_pose("standing"))
    for name, nudge in NUDGES.items():
        np.testing.assert_allclose(library_pose(name), nudged(standing, nudge)[:18], atol=0.01, err_msg=name)


def test_a_change_moves_what_its_name_says():
    own = read_skeleton(drawn()[2])

    def ways(name):
        return nudged(own, NUDGES[name]) - own.joints

    tilted = ways("head tilted, picture left")
    assert tilted[0, 0] < -0.1 * own.unit and np.abs(tilted[1:14]).max() < 1e-9
    leaning = ways("leaning, picture right")
    assert leaning[NECK, 0] > 0.15 * own.unit and np.abs(leaning[[HIP_CENTRE, *FEET]]).max() < 1e-9
    hips = ways("hips out, picture left")
    assert hips[HIP_CENTRE, 0] < -0.15 * own.unit and abs(hips[NECK, 0]) < 0.08 * own.unit
    assert np.abs(hips[FEET]).max() < 1e-9
    raised = ways("right shoulder raised")
    assert raised[2, 1] < -0.1 * own.unit and np.abs(raised[[3, 4, 5, 6, 7, 0]]).max() < 1e-9
    out = ways("left arm farther out")
    # The left arm of somebody seen from the front hangs at the right of the picture.
    assert out[7, 0] > 0.3 * own.unit and np.abs(out[[2, 3, 4, 5]]).max() < 1e-9


def test_what_keeps_a_change_from_a_photo_is_told():
    points = drawn()[2]
    own = read_skeleton(points)

    def told(name, skeleton=own, held=FREE, height=SIZE[0]):
        return hindrance(skeleton, NUDGES[name], ALL, held, (SIZE[1], height))

    assert told("leaning, picture left") == "" and told("left arm farther out") == ""
    assert told("leaning, picture left", held=Held("", "others touch the person")) == "others touch the person"
    assert told("head tilted, picture left", held=Held("", "others touch the person")) == ""
    assert told("left arm lowered") == "the left arm is down"
    headless = points.copy()
    headless[[0, 14, 15, 16, 17]] = MISSING
    assert told("head tilted, picture left", read_skeleton(headless)) == "the head is not seen"
    chest = int(points[1, 1] + 0.5 * own.unit)
    assert "too little" in told("leaning, picture left", height=chest)


def test_what_only_bends_stays_joined_and_the_rest_is_the_photo(puppet):
    target = puppet.target("head tilted, picture left")
    assert puppet.limbs_of([target]) == () and puppet.limbs_of([puppet.target("left arm farther out")]) == ("left arm",)
    assert puppet.limbs_of([puppet.target("hips out, picture left")]) == ()
    shown = puppet.show(target, None, ())
    assert [layer.chain for layer in puppet.parts(())[0]] == ["body"]
    below = round(puppet.skeleton.joints[NECK, 1] + 0.5 * puppet.skeleton.unit)
    np.testing.assert_array_equal(shown[below:], puppet.picture[below:])
    assert (shown[:below] != puppet.picture[:below]).any()


def test_a_mesh_at_rest_is_not_strained_and_a_folded_one_is(puppet):
    own = puppet.skeleton.joints[:18]
    assert strain(puppet, own) == pytest.approx(1, abs=0.02)
    assert strain(puppet, puppet.target("leaning, picture left")) < 1.9
    folded = own.copy()
    folded[[0, 14, 15, 16, 17]] += (0, 3 * (own[1, 1] - own[0, 1]))
    assert strain(puppet, folded) > 1.9


def test_structure_behind_counts_and_plain_ground_hardly(puppet):
    target = puppet.target("leaning, picture left")
    striped = puppet.picture.copy()
    striped[:, ::4][~puppet.hole[:, ::4]] = 255
    assert uncovered(puppet, target) < 0.0155 < uncovered(replace(puppet, picture=striped), target)


def test_a_cut_out_is_half_only_at_its_rim():
    share = np.zeros((80, 80), np.float32)
    share[20:60, 20:60] = 1
    share[35:45, 35:60] = 0.5
    share[5:8, 5:8] = 0.2
    share[60, 20:60] = 0.5
    found = decided(share, 3)
    assert found[40, 45] == 1 and found[6, 6] == 0 and found[60, 40] == 0.5
    assert set(np.unique(found)) <= {0, 0.5, 1}


def test_an_arm_at_the_body_is_not_clear_of_it():
    picture, share, points = drawn()
    near = points.copy()
    near[[6, 7]] = points[5] + ((0, 20), (0, 38))
    shirt = np.asarray(picture).copy()
    wide = share.copy()
    for canvas, value in ((shirt, (200, 30, 30)), (wide, 1)):
        cv2.rectangle(
            canvas, (int(near[5, 0]) - 20, int(near[5, 1])), (int(near[5, 0]) + 14, int(near[5, 1]) + 60), value, -1
        )
    apart = read_region(np.asarray(picture), share, read_skeleton(points))
    hung = read_region(shirt, wide, read_skeleton(near))
    assert clear(apart, read_skeleton(points), "right arm")
    assert not clear(hung, read_skeleton(near), "left arm")


def test_a_raised_shoulder_turns_at_the_neck_so_that_it_gets_no_corner():
    own = read_skeleton(drawn()[2])
    moves = piece_moves(own.joints, nudged(own, NUDGES["shoulders raised"]))
    for name, side in (("right arm", 1), ("left arm", -1)):
        outwards = own.joints[ARMS[name][0]] - own.joints[NECK]
        tipped = moves[f"{name} root"].at(own.joints[[ARMS[name][0]]] + 0.1 * outwards)[0] - moves[f"{name} root"].after
        assert tipped[1] / abs(tipped[0]) < outwards[1] / abs(outwards[0]) - 0.1, "the outer end lifts"
        assert np.sign(moves[f"{name} root"].angle) == side
    leaning = piece_moves(own.joints, nudged(own, NUDGES["leaning, picture right"]))
    assert abs(leaning["left arm root"].angle - leaning["torso"].angle) < 1e-6


def test_a_hand_that_is_not_seen_bare_may_hold_something(puppet):
    name = "right arm farther out"
    assert "bare" not in offered(puppet, name).reason
    gloved = replace(puppet, region=replace(puppet.region, hands={"right arm": 0.0, "left arm": 0.4}))
    assert offered(gloved, name).reason == "the hand of the right arm is not seen bare and may hold something"
    assert "bare" not in offered(gloved, "left arm farther out").reason


def test_others_and_edges_hold_the_body():
    picture, share, points = drawn()
    array, own = np.asarray(picture), read_skeleton(points)
    region, nobody = read_region(array, share, own), np.zeros(SIZE, bool)
    assert held_by(share, nobody, own, region) == Held()
    other = nobody.copy()
    right = int(points[:, 0].max()) + 6
    other[40:100, right : right + 15] = True
    assert beside(share, other, own.unit) > 0.03
    assert held_by(share, other, own, region).body == "others stand too near"
    cut = share.copy()
    cut[:4, 40:120] = 1
    assert "cuts the head off" in held_by(cut, nobody, own, region).head


def test_a_hand_beside_the_head_is_not_the_heads():
    picture, share, points = drawn()
    array, wide = np.asarray(picture).copy(), share.copy()
    points[[6, 7]] = points[5] + ((22, 4), (14, -26))
    for a, b in ((5, 6), (6, 7)):
        for canvas, value in ((array, (220, 160, 120)), (wide, 1)):
            cv2.line(canvas, *(tuple(int(v) for v in points[i].round()) for i in (a, b)), value, 8)
    region = read_region(array, wide, read_skeleton(points))
    assert region.label_at(points[[7]])[0] in (4, 5) and region.label_at(points[[0]])[0] == 1


def test_a_photo_dropped_in_shows_a_pose_that_it_bears(monkeypatch):
    found = [Offer("standing", "", 0.0, 1.0), Offer("arms wide", "an arm touches the body", 0.5, 1.0)]
    monkeypatch.setattr("core.gfla.methods.puppet.offers.offers", lambda puppet: found)
    photo = SimpleNamespace(puppet=SimpleNamespace(picture="", moving="arms"))
    shown, key, dropped, pose = figures.offered(photo, "", True, "arms wide")
    assert pose == "standing" and not dropped and [caption for _, caption in shown] == [one.caption for one in found]
    # A pose that it bears, one that somebody chose or that came with a link, and a second look at the same photo stay.
    assert figures.offered(photo, "", True, "standing")[3] == gr.skip()
    assert figures.offered(photo, "", False, "arms wide")[3] == gr.skip()
    assert figures.offered(photo, key, True, "arms wide")[2:] == (False, gr.skip())

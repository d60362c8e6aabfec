"""The head as a layer: sharp, still where nothing moves, the same at both sides of 0, and honest about what a photograph bears."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image

from core.detect.align import Aligned
from core.detect.faces import detect_faces
from core.errors import InputError, OptionError
from core.ripple.methods.moved_head.answers import cut_face
from core.ripple.methods.moved_head.beard import beard_share, grow_beard
from core.ripple.methods.moved_head.driving import DRIVING, Motion, liveliness, put_on, read_pose
from core.ripple.methods.moved_head.editing import Change, move_head
from core.ripple.methods.moved_head.expression_map import draw_expression
from core.ripple.methods.moved_head.expressions import Expression, displace
from core.ripple.methods.moved_head.folds import fold_line, shade_smile
from core.ripple.methods.moved_head.frame import Head
from core.ripple.methods.moved_head.matte import find_neck, own_person
from core.ripple.methods.moved_head.membrane import fill_smoothly, solve_membrane
from core.ripple.methods.moved_head.motion import Pose, grid
from core.ripple.methods.moved_head.plate import add_grain, fill_lines, mirror_in, thin_lines
from core.ripple.methods.moved_head.portrait import Portrait, find_face, judge
from core.ripple.methods.moved_head.raster import draw_sheet, triangles_of
from core.ripple.methods.moved_head.scene import SCENE, HeadScene
from core.ripple.options import RippleOptions
from core.ui.parts.examples import HEADS
from tests.ripple.conftest import tiny_pipeline

NOSE, MOUTH, LIPS, LIDS = 1, (61, 291), (13, 14), (159, 145)


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """A rendered head of ours before a pattern that shows any motion."""
    with Image.open(HEADS / "anders.jpg") as file:
        return np.asarray(file.convert("RGB").resize((400, 400)))


@pytest.fixture(scope="module")
def scene(photo: np.ndarray) -> HeadScene:
    """The same in layers, its background filled with one colour."""
    head = Head.of(detect_faces(Image.fromarray(photo))[0])
    return HeadScene.of(photo, head).filled(
        photo, lambda region, hole, _: np.where(hole[..., None], 90, region).astype(np.uint8)
    )


def points(picture: np.ndarray) -> np.ndarray:
    return detect_faces(Image.fromarray(picture))[0].points


def edges(picture: np.ndarray) -> float:
    """Deviation of the Laplacian inside the face."""
    inside, hull = np.zeros(picture.shape[:2], np.uint8), cv2.convexHull(points(picture).astype(np.float32))[:, 0]
    cv2.fillConvexPoly(inside, np.rint(hull.mean(0) + 0.85 * (hull - hull.mean(0))).astype(np.int32), 1)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(cv2.Laplacian(grey, cv2.CV_32F)[inside > 0].std())


def test_nothing_moves_at_rest_and_a_tenth_of_a_degree_hardly_differs(photo: np.ndarray, scene: HeadScene) -> None:
    """The slider used to jump from sharp to soft beside 0."""
    assert scene.render(photo, Pose()).picture is photo
    near = scene.render(photo, Pose(0.1)).picture
    assert np.abs(near.astype(int) - photo).mean() < 1.0
    assert edges(near) > 0.9 * edges(photo)
    assert edges(scene.render(photo, Pose(20)).picture) > 0.85 * edges(photo)


@pytest.mark.parametrize("degree", [-20.0, 20.0])
def test_a_turn_moves_the_face_and_leaves_collar_and_far_background(
    photo: np.ndarray, scene: HeadScene, degree: float
) -> None:
    turned = scene.render(photo, Pose(degree)).picture
    before, after = points(photo), points(turned)
    assert np.sign((after - before)[NOSE, 0]) == np.sign(degree)
    unit, end = scene.head.frame.unit_px, scene.head.frame.to_px(np.array([0.0, scene.head.chin_y + 0.36]))[1]
    assert np.array_equal(turned[int(end) :], photo[int(end) :])
    far = np.abs(np.arange(400) - points(photo)[:, 0].mean()) > 0.9 * unit
    assert np.array_equal(turned[:, far], photo[:, far])
    back = np.abs(Head.of(detect_faces(Image.fromarray(turned))[0]).yaw_deg - scene.head.yaw_deg - degree)
    assert back < 7


def test_what_the_head_left_is_filled_and_nothing_else(photo: np.ndarray, scene: HeadScene) -> None:
    moved = scene.render(photo, Pose(roll=15.0))
    uncovered = (moved.before > 0.9) & (moved.after < 0.02)
    left, top, right, bottom = scene.box
    shown = moved.picture[top:bottom, left:right]
    assert uncovered.sum() > 100
    # Near its rim the hole takes the background beside it, further in the filler's.
    ring = (cv2.dilate(scene.hole.astype(np.uint8), np.ones((31, 31))) > 0) & ~scene.hole & ~scene.others
    behind = np.vstack([photo[top:bottom, left:right][ring], np.full((1, 3), 90)]).astype(int)
    low, high = np.percentile(behind, (2, 98), axis=0)
    assert ((shown[uncovered] >= low - 20) & (shown[uncovered] <= high + 20)).mean() > 0.95
    assert np.abs(shown[uncovered].astype(int) - photo[top:bottom, left:right][uncovered]).mean() > 30
    kept = (
        (moved.before == 0)
        & (moved.after == 0)
        & ~scene.repainted(moved, scene.render(photo, Pose(roll=15.0), clean=False))
    )
    assert kept.mean() > 0.3
    assert np.abs(shown[kept].astype(int) - photo[top:bottom, left:right][kept]).max() <= SCENE.seen_levels
    still = scene.render(photo, Pose(0.02)).picture[top:bottom, left:right]
    assert np.abs(still.astype(int) - photo[top:bottom, left:right])[kept].max() <= SCENE.seen_levels


def test_beyond_the_photograph_the_crop_goes_on_from_the_edited_edge() -> None:
    """The unedited crop was shown there: a head at the edge was seen in two places."""
    photo, quad = np.full((80, 80, 3), 200, np.uint8), np.array([(-20, 0), (-20, 80), (60, 80), (60, 0)], float)
    prepared = SimpleNamespace(side=100, aligned=Aligned(Image.new("RGB", (100, 100)), quad))
    assert (cut_face(photo, prepared) == 200).all()


def test_what_hangs_together_with_a_head_by_the_shoulders_only_is_no_part_of_it(scene: HeadScene) -> None:
    """A wall beside the head, taken for a person down to the shoulder, moved along."""
    head, person = scene.head, np.zeros((512, 512), np.float32)
    px = 512 / 1.6
    row, column = (round((value + 0.8) * px) for value in (head.chin_y, head.axis_x))
    person[row - 150 : row - 20, column - 60 : column + 60] = 1
    person[row - 20 : row, column - 35 : column + 35] = 1
    person[row - 100 : row, 10:60] = 1
    person[row:, 10:500] = 1
    own = own_person(person, head)
    assert own[row - 50, column]
    assert own[row + 30, 30]
    assert not own[row - 50, 30]
    left, right = find_neck(own, head)
    assert left is not None
    assert right is not None
    assert left[0] < head.axis_x < right[0]


def test_a_bare_neck_keeps_its_outline_and_a_head_at_the_upper_edge_turns_along_it(scene: HeadScene) -> None:
    """The neck went aside with the chin, and beside it the one in the background stayed as a stump."""
    sheet = replace(scene.sheet, neck=((-0.15, 0.2), None))
    assert sheet.above_neck(np.array([(-0.2, 0.3), (-0.2, 0.0), (0.3, 0.3)])).tolist() == [0, 1, 1]
    pressed = replace(sheet, upright=np.zeros_like(sheet.upright))
    rest = grid()
    places, _ = pressed.moved(Pose(20, 10))
    assert np.array_equal(places[..., 1], rest[..., 1])
    assert np.abs(places[..., 0] - rest[..., 0]).max() > 0.05


@pytest.mark.parametrize("way", [-1, 1])
def test_beside_the_neck_a_turn_uncovers_nothing_and_stretches_neither_eye_nor_mouth(
    scene: HeadScene, photo: np.ndarray, way: int
) -> None:
    """A dark wedge lay beside the neck where the jaw had been; mouths were drawn out over the cheek that came into sight."""
    head, moved = scene.head, scene.render(photo, Pose(20.0 * way))
    places = scene.head.frame.from_px(np.stack(np.indices(moved.before.shape)[::-1], -1) + scene.box[:2])
    beside = (places[..., 1] > head.chin_y) & (np.abs(places[..., 0] - head.axis_x) < 0.3)
    uncovered = beside & (moved.before > 0.9) & (moved.after < 0.1)
    assert uncovered.sum() < 0.01 * (beside & (moved.before > 0.9)).sum()
    shown, _ = scene.sheet.moved(Pose(20.0 * way))
    wide = np.diff(shown[..., 0], axis=1) / np.diff(grid()[..., 0], axis=1)
    eye, mouth = (263, 291) if way < 0 else (33, 61)
    for point in (eye, mouth):
        column, row = np.rint((head.mesh[point, :2] + 0.8) / 1.6 * 256).astype(int)
        assert wide[row, column - 2 : column + 3].max() < 1.5


def test_a_smile_folds_the_cheek_beside_the_mouth(photo: np.ndarray, scene: HeadScene) -> None:
    flat = np.full_like(photo, 150)
    made = shade_smile(flat, scene.head, (0, 0), 1.0).astype(int)
    for wing, corner, side in ((98, 61, -1), (327, 291, 1)):
        line = fold_line(scene.head.mesh[wing, :2], scene.head.mesh[corner, :2], side)
        (x, y), (cheek, level) = np.rint(scene.head.frame.to_px(line[[6, 4]] + [(0, 0), (side * 0.06, -0.02)])).astype(
            int
        )
        assert made[y, x].max() < 140
        assert made[level, cheek].min() > 150
    brow = int(points(photo)[105, 1])
    assert (made[:brow] == 150).all()


def test_single_hairs_before_a_background_go_with_the_head() -> None:
    region, hole = np.full((200, 200, 3), 150, np.uint8), np.zeros((200, 200), bool)
    hole[:, :80] = True
    region[100, 70:120] = 40
    region[20, 150:] = 40
    region[150, 70:] = 40
    beside = np.arange(200) < np.full((200, 1), 125)
    lines = thin_lines(region, hole, beside, 300.0)
    assert lines[100, 90:115].all()
    assert not lines[20].any()
    assert not lines[60, 100:].any()
    # A wire that runs on through the background is the background's.
    assert not lines[150, 90:].any()
    cleared = fill_lines(region, lines, hole | lines, 300.0)
    assert np.abs(cleared[100, 90:115].astype(int) - 150).max() <= 2


def test_beside_the_head_the_background_goes_on_as_sharp_as_it_is() -> None:
    """A smooth halo ringed heads before a background with texture."""
    stripes = np.repeat(np.repeat(np.array([60, 180], np.uint8), 10), 10)[:200]
    region = np.repeat(np.repeat(stripes[:, None, None], 200, 1), 3, 2)
    hole, nobody = np.zeros((200, 200), bool), np.zeros((200, 200), bool)
    hole[:, 80:] = True
    blank = np.where(hole[..., None], 120, region).astype(np.uint8)
    made = mirror_in(blank, region, hole, nobody, 300.0)
    inner = (slice(25, 175), slice(82, 100))
    assert np.abs(made[inner].astype(int) - region[inner]).mean() < 12
    assert (made[:, 160:] == 120).all()
    hidden = mirror_in(blank, region, hole, ~hole, 300.0)
    assert np.array_equal(hidden, blank)


def test_a_filled_part_has_the_grain_beside_it() -> None:
    noise = np.random.default_rng(0).normal(0, 3, (60, 60, 1))
    region = np.repeat(np.rint(128 + noise), 3, 2).astype(np.uint8)
    hole = np.zeros((60, 60), bool)
    hole[20:40, 20:40] = True
    made = add_grain(np.where(hole[..., None], 128, region).astype(np.uint8), region, hole, 2.0)
    assert np.array_equal(made[~hole], region[~hole])
    assert 2 < made[22:38, 22:38].std() < 4


def test_a_moved_rim_carries_nothing_of_the_old_background(scene: HeadScene) -> None:
    """A red head before green, and its rim would have been green beside a blue background."""
    matte = scene.matte[..., None]
    red, green, blue = np.array([200, 0, 0]), np.array([0, 200, 0]), np.array([0, 0, 200])
    region = (matte * red + (1 - matte) * green).astype(np.float32)
    pure = scene.pure(region, region - (1 - matte) * blue)
    thin = (scene.matte > 0.02) & (scene.matte < SCENE.thin)
    assert thin.any()
    assert np.allclose(pure[thin], (matte * red)[thin], atol=2)


def test_expressions_move_what_they_name(photo: np.ndarray, scene: HeadScene) -> None:
    shift = displace(scene.head, Expression(smile=1.0))
    assert (shift[list(MOUTH), 1] < 0).all()
    assert shift[MOUTH[0], 0] < 0 < shift[MOUTH[1], 0]
    at_rest = points(photo)
    opened = points(move_head(scene, photo, Change(Pose(), Expression(mouth=0.6), 0.0)).picture)
    gap = np.diff(at_rest[list(LIPS), 1])[0], np.diff(opened[list(LIPS), 1])[0]
    assert gap[1] > gap[0] + 0.03 * scene.head.frame.unit_px
    closed = displace(scene.head, Expression(eyes=-1.0))[list(LIDS), 1]
    lids = np.diff(scene.head.mesh[list(LIDS), 1])[0]
    assert 0.85 * lids < closed[0] - closed[1] < lids
    bearded = move_head(scene, photo, Change(Pose(), Expression(), 1.0)).picture
    x, y = np.rint(at_rest[175]).astype(int)
    chin = (slice(y - 4, y + 4), slice(x - 10, x + 10))
    assert bearded[chin].mean() < photo[chin].mean() - 20
    above = int(at_rest[[33, 263], 1].min())
    assert np.array_equal(bearded[:above], photo[:above])


def test_shaving_takes_off_what_is_dark_and_leaves_bare_skin(photo: np.ndarray, scene: HeadScene) -> None:
    """A flat patch used to lie on shaven chins."""
    skin, whole = np.full_like(photo, (200, 150, 120)), np.ones(photo.shape[:2], np.float32)
    assert np.abs(grow_beard(skin, scene.head, (0, 0), -1.0, whole).astype(int) - skin).max() <= 2
    share = beard_share(scene.head, (0, 0), photo.shape[1::-1])[..., None]
    bearded = np.rint(skin + share * (np.array([60, 45, 40]) - skin)).astype(np.uint8)
    shaven = grow_beard(bearded, scene.head, (0, 0), -1.0, whole)
    assert np.abs(shaven.astype(int) - skin).mean() < 0.5 * np.abs(bearded.astype(int) - skin).mean()


def test_a_closing_lid_is_skin_over_a_still_eyeball_and_a_gaze_moves_the_iris(
    photo: np.ndarray, scene: HeadScene
) -> None:
    """A lid that came down used to show parts of the eyeball."""
    left, top, right, bottom = scene.box
    region = photo[top:bottom, left:right]
    drawn = draw_expression(scene.head, displace(scene.head, Expression(eyes=-1.0)), region, (left, top))
    upper, lower = (scene.head.frame.to_px(scene.head.mesh[k, :2]) - (left, top) for k in LIDS)
    column, row = np.rint((2 * upper + 3 * lower) / 5 - 0.5).astype(int)
    skin = np.median(region[row + 25 : row + 35, column - 5 : column + 5].reshape(-1, 3), axis=0)
    assert drawn.mouth[row - 1, column] > 0.9
    assert np.abs(drawn.inside[row - 1, column] - skin).max() < 60
    assert np.abs(drawn.shift[row - 1, column]).max() < 0.5
    aside = points(move_head(scene, photo, Change(Pose(), Expression(gaze=1.0), 0.0)).picture) - points(photo)
    assert (aside[[468, 473], 0] > 0.008 * scene.head.frame.unit_px).all()


def test_the_near_part_of_a_folded_sheet_is_seen() -> None:
    """A sheet folded over itself: where both halves lie, the nearer one shows."""
    places = np.array([[0, 0], [10, 0], [2, 0], [0, 10], [10, 10], [2, 10]], float)
    depth, values = np.array([0, 1, 5, 0, 1, 5.0]), np.array([[0], [1], [2], [0], [1], [2.0]])
    shown = draw_sheet(places, depth, values, triangles_of(np.ones((1, 2), bool)), (12, 10))[5, :, 0]
    assert np.isnan(shown[11])
    assert shown[1] < 0.3
    assert shown[4] > 1.5


def test_a_membrane_runs_evenly_between_what_is_held() -> None:
    values = np.full((5, 9, 1), np.nan)
    values[:, 0], values[:, 8] = 0, 8
    assert np.allclose(solve_membrane(values, np.ones((5, 9), bool))[2, :, 0], np.arange(9), atol=1e-3)


def test_a_hole_takes_the_colours_on_both_its_sides() -> None:
    """Filled from coarser scales it was black where such a scale saw nothing."""
    ramp = np.repeat(np.linspace(50, 200, 120)[None, :, None], 90, 0).repeat(3, 2)
    known = np.ones((90, 120), bool)
    known[:, 20:100] = False
    assert np.abs(fill_smoothly(ramp, known) - ramp).max() < 6


def test_a_lying_photograph_is_turned_upright_and_says_so(photo: np.ndarray) -> None:
    found = find_face(Image.fromarray(np.rot90(photo).copy()), 1)
    assert abs(np.subtract(*found.known_face.points[[152, 10], 1])) > abs(
        np.subtract(*found.known_face.points[[152, 10], 0])
    )
    assert "upright" in found.notes[0]


def test_what_a_photograph_bears_is_said_before_work(photo: np.ndarray) -> None:
    face = detect_faces(Image.fromarray(photo))[0]
    assert judge(Portrait(Image.fromarray(photo), face, (), (0, 0))).turn == (-24, 24)
    cut = round(face.points[:, 0].max()) + 4
    narrow = judge(Portrait(Image.fromarray(photo[:, :cut]), face, (), (0, 0)))
    assert narrow.turn == (-12, 12)
    assert "edge cuts" in narrow.notes[0]

    def looking(degrees: float) -> Portrait:
        turn = np.deg2rad(degrees)
        x, z = face.points[:, 0] - face.points[:, 0].mean(), -face.depths
        across = x * np.cos(turn) + z * np.sin(turn) + face.points[:, 0].mean()
        seen = replace(
            face, points=np.column_stack([across, face.points[:, 1]]), depths=-(z * np.cos(turn) - x * np.sin(turn))
        )
        return Portrait(Image.fromarray(photo), seen, (), (0, 0))

    aside = judge(looking(25.0))
    assert -12 < aside.turn[0] < -6
    assert 5 < aside.turn[1] < 18
    assert "already" in aside.notes[-1]
    with pytest.raises(InputError, match="degrees to the side"):
        judge(looking(60.0))


def test_the_pipeline_moves_ages_and_refuses(photo: np.ndarray) -> None:
    pipe = tiny_pipeline(pre_aligner=True, painter=True)
    picture = Image.fromarray(photo)
    quad = np.array([(0, 0), (0, 400), (400, 400), (400, 0)], float)
    prepared = pipe.prepare(picture, options=RippleOptions(inpainter="opencv"), aligned=Aligned(picture, quad))
    still = pipe.edit(prepared, 0.0)
    assert still.whole.tobytes() == picture.tobytes()
    assert not np.asarray(still.mask).any()
    both = pipe.edit(prepared, 15.0, options=replace(prepared.options, also_smile=3.0))
    alone = pipe.edit(prepared, 15.0)
    assert alone.whole.size == picture.size
    apart = np.abs(np.asarray(alone.plain).astype(int) - np.asarray(alone.clean)).max(2) > 12
    assert apart.any()
    assert not (apart & (cv2.dilate(np.asarray(alone.mask), np.ones((9, 9))) == 0)).any()
    assert alone.whole.tobytes() != both.whole.tobytes()
    beyond = pipe.edit(prepared, 45.0)
    assert "24 of 45" in beyond.notes[0]
    assert pipe.facts_of("pose").high == 24
    assert {"smile", "eyes", "lip", "beard"} <= set(pipe.edits)
    published = tiny_pipeline()
    assert published.facts_of("pose").high == 3
    plain = published.prepare(picture, options=RippleOptions(align=False, clean=False))
    with pytest.raises(OptionError, match="smile beside pose"):
        published.edit(plain, 1.0, options=RippleOptions(align=False, clean=False, also_smile=1.0))


def test_a_film_is_read_as_the_rotation_it_shows_and_put_on_another_face(scene: HeadScene) -> None:
    mesh = scene.head.mesh
    turned, near = np.empty_like(mesh), np.deg2rad([12.0, -5.0, 4.0])
    (sy, sp, sr), (cy, cp, cr) = np.sin(near), np.cos(near)
    x, z = mesh[:, 0] * cy + mesh[:, 2] * sy, mesh[:, 2] * cy - mesh[:, 0] * sy
    y, z = mesh[:, 1] * cp + z * sp, z * cp - mesh[:, 1] * sp
    turned[:] = np.column_stack([x * cr - y * sr, x * sr + y * cr, z])
    pose, missed = read_pose(mesh / (1, 1, DRIVING.deeper), 1.5 * turned[:, :2] + 7)
    assert np.allclose(pose, [12, -5, 4], atol=0.01)
    assert np.abs(missed).max() < 1e-4
    assert liveliness(mesh[:, :2] / 0.3)[[13, 159]].min() > 0.9
    motion = Motion(np.array([[0, 0, 0], [40.0, 2, -3]]), np.full((2, 478, 2), 0.1), 0, 0)
    pose, shift = put_on(scene.head, motion, 1, 1.0, (-30, 30))
    assert (pose.yaw, pose.pitch, pose.roll) == (30.0, 2.0, -3.0)
    assert 0.015 < shift[0, 1] < 0.035

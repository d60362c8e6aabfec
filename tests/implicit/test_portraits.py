"""Two portraits in one frame, as one silhouette before a background, and what is said of a pair."""

from functools import cache
from itertools import pairwise

import cv2
import numpy as np
import pytest
from PIL import Image

from core.image import load_image
from core.implicit.methods.framing.framing import Anchor, choose_turn, find_anchor, frame_faces, place
from core.implicit.methods.framing.notes import LIMITS, notes_before, notes_on_misses, notes_on_people
from core.implicit.methods.framing.upright import detect_landmarks
from core.implicit.methods.head_outline.outline import outline_pairs, trace_outline
from core.implicit.methods.landmark_flow.fitting import LANDMARKS, fit_warp
from core.implicit.methods.landmark_flow.flow import strain_of
from core.implicit.methods.layers.face import mix_faces, pick
from core.implicit.methods.layers.layers import Layers, compose, take_apart
from core.implicit.methods.layers.sharing import Sharing, face_at, share_film
from core.implicit.options import ImplicitOptions
from core.implicit.paper.landmarks import LEFT_EYE, LIPS, MESH_VERTICES, RIGHT_EYE
from core.progress import silent

SIZE = (96, 96)


def disc(radius: float, middle=(48, 40)) -> np.ndarray:
    y, x = np.mgrid[:96, :96] + 0.5
    return (np.hypot(x - middle[0], y - middle[1]) < radius).astype(np.float32)


@pytest.fixture(scope="module")
def head(heads):
    picture = load_image(heads[0])
    return picture, detect_landmarks(picture)


def test_both_faces_lie_in_one_place_whatever_their_size(head):
    picture, points = head
    larger = picture.resize((picture.width * 2, picture.height * 2)).crop(
        (60, 40, picture.width * 2, picture.height * 2)
    )
    size, lies = frame_faces((picture, larger), (points, points * 2 - (60, 40)), (None, None), 256)
    assert np.abs(lies[0].to_frame(points) - lies[1].to_frame(points * 2 - (60, 40))).max() < 1e-6
    assert max(size) == 256 and all(side % 2 == 0 for side in size)
    first, second = (place(p, size, lie)[0].astype(float) for p, lie in zip((picture, larger), lies, strict=True))
    assert np.abs(first - second)[40:-40, 40:-40].mean() < 4


def test_a_face_on_its_side_is_found_and_turned_upright(head):
    picture, points = head
    turned = picture.transpose(Image.Transpose.ROTATE_90)
    found = detect_landmarks(turned)
    expected = np.stack((points[:, 1], picture.width - points[:, 0]), 1)
    assert np.linalg.norm(found - expected, axis=1).max() < 0.02 * picture.width
    assert np.degrees(choose_turn(find_anchor(found).tilt)) == pytest.approx(-90)
    size, lies = frame_faces((turned, picture), (found, points), (None, None), 128)
    assert abs(find_anchor(lies[0].to_frame(found)).tilt) < np.radians(15)
    assert "90 degrees" in " ".join(notes_before((found, points)))


def test_a_placement_goes_there_and_back(head):
    picture, points = head
    _, (lies, _) = frame_faces((picture, picture), (points, points), (None, None), 200)
    assert np.abs(lies.to_picture(lies.to_frame(points)) - points).max() < 1e-9


def test_outlines_are_matched_in_order_and_on_both_outlines():
    anchor = Anchor(np.array([48.0, 36]), 24.0, 0.0)
    face = np.array([[48.0, 36], [44, 40], [52, 40]])
    masks = disc(22), disc(30)
    a, b = outline_pairs(masks, (face, face), (anchor, anchor))
    assert len(a) > 8
    assert np.abs(np.hypot(*(a - (48, 40)).T) - 22).max() < 1.5 and np.abs(np.hypot(*(b - (48, 40)).T) - 30).max() < 1.5
    angles = np.unwrap(np.arctan2(*(b - (48, 40)).T))
    assert (np.diff(angles) < 0).all() or (np.diff(angles) > 0).all()
    assert len(trace_outline(np.zeros((96, 96)), 24.0)) == 0


def test_pairs_that_contradict_a_neighbour_are_known():
    a = np.array([[10.0, 10], [12, 10], [60, 60]])
    assert strain_of(a, np.array([[10.0, 10], [20, 10], [60, 60]]), 20) == pytest.approx([4.0, 4.0, 0.0])


def portrait(colour: int, mask: np.ndarray, behind: int) -> np.ndarray:
    return np.rint(mask[..., None] * colour + (1 - mask[..., None]) * behind).astype(np.uint8).repeat(3, -1)


@cache
def two_people() -> tuple[Layers, Layers]:
    """Of 60 and 100 levels before 200 and 220, not warped."""
    masks = disc(20), disc(32)
    first, second = portrait(60, masks[0], 200), portrait(100, masks[1], 220)
    return take_apart(first, *masks), take_apart(second, *masks[::-1])


def composed(t: float, owner: int, background: str) -> np.ndarray:
    """(H, W) levels of a frame of `two_people`."""
    first, second = two_people()
    warped, switched = ((first.person, first.rest), (second.person, second.rest)), whose(owner).switched(t)
    return compose(warped, (first.behind, second.behind), t, switched, background)[..., 0] * 255


def whose(owner: int) -> Sharing:
    return Sharing(owner)


@pytest.mark.parametrize(("owner", "radius", "level"), [(0, 20, 60), (1, 32, 100)])
def test_before_a_background_that_stays_half_way_shows_one_silhouette(owner, radius, level):
    for t, mask, person, behind in ((0.0, disc(20), 60, 200), (1.0, disc(32), 100, 220)):
        assert np.abs(composed(t, owner, "first") - portrait(person, mask, behind)[..., 0]).max() < 0.6
    frame = composed(0.5, owner, "first")
    assert np.abs(frame[disc(radius - 2) > 0] - level).max() < 3
    assert np.abs(frame[disc(radius + 2) == 0] - 200).max() < 2


@pytest.mark.parametrize("owner", [0, 1])
def test_everything_changes_over_once_evenly_and_is_one_persons_at_a_quarter_a_half_and_three(owner):
    at = [whose(owner).switched(t) for t in np.linspace(0, 1, 41)]
    assert [at[0], at[10], at[20], at[30], at[40]] == [0, 0, owner, 1, 1]
    assert all(0 <= b - a < 0.12 for a, b in pairwise(at))


def test_a_turned_face_is_hardly_bent_before_everything_changes_over():
    for owner in (0, 1):
        at = [Sharing(owner, held=0.6).shape(t) for t in (0.0, 0.5, 1.0)]
        assert at == pytest.approx([0, 0.8 if owner else 0.2, 1])
        assert Sharing(owner).shape(0.3) == pytest.approx(0.3)


def face_of(head, wide: float = 52.0) -> np.ndarray:
    """(131, 2) landmarks of a real face in a frame of 96 x 96."""
    points = head[1] - head[1].mean(0)
    return points * wide / np.ptp(points[:, 0]) + (48, 48)


def drawn(points: np.ndarray, skin: float, glasses: bool) -> np.ndarray:
    """(96, 96, 3): a face of one tone with dark eyes, and dark rims around them that meet on the nose."""
    picture = np.full((96, 96, 3), skin, np.float32)
    for part in (RIGHT_EYE, LEFT_EYE):
        x, y = pick(points, part).mean(0)
        cv2.circle(picture, (int(x), int(y)), 3, (0.1,) * 3, -1)
        if glasses:
            cv2.circle(picture, (int(x), int(y) + 2), 9, (0.05,) * 3, 2)
    if glasses:
        cv2.line(picture, (40, int(y)), (56, int(y)), (0.05,) * 3, 2)
    return picture


def shared(pictures, points, made_up=(0.0, 0.0), landmarks=None) -> Sharing:
    still = np.stack(np.meshgrid(np.arange(96.0), np.arange(96.0)), -1).astype(np.float32)
    return share_film(pictures, (points, points), landmarks or (points, points), (still, still), made_up)


def test_a_mixed_face_has_the_light_of_the_person_around_it(head):
    points = face_of(head)
    pictures = drawn(points, 0.8, False), drawn(points, 0.4, False)
    where = face_at((points, points), (96, 96), None)
    for owner, skin in ((0, 0.8), (1, 0.4)):
        frame = mix_faces(pictures[owner], pictures, where, 0.5, owner)
        assert np.abs(np.median(frame) - skin) < 0.01 and np.ptp(frame[60:64, 20:76]) < 0.1, "no rim between them"
        assert np.array_equal(frame[where.middle[..., 0] == 0], pictures[owner][where.middle[..., 0] == 0])
    apart = mix_faces(pictures[0], pictures, where, 0.5, 0, lit=False)
    assert np.median(apart[where.middle[..., 0] > 0.99]) == pytest.approx(0.6, abs=0.02)


def test_beside_a_grey_photograph_nothing_is_coloured(head):
    points = face_of(head)
    grey, coloured = drawn(points, 0.5, False), drawn(points, 0.7, False)
    coloured[40:50, 20:76] *= (1.0, 0.6, 0.5)
    frame = mix_faces(grey, (grey, coloured), face_at((points, points), (96, 96), None), 0.5, 0)
    assert np.ptp(frame, axis=-1).max() < 0.02


def test_glasses_are_one_persons_or_the_others_never_half(head):
    points = face_of(head)
    plain, glasses = drawn(points, 0.7, False), drawn(points, 0.7, True)
    assert shared((plain, plain), points).eyes == 0
    sharing = shared((glasses, plain), points)
    assert sharing.eyes > 0.95
    where = face_at((points, points), (96, 96), sharing)
    for owner, own in ((0, glasses), (1, plain)):
        frame = mix_faces(own, (glasses, plain), where, 0.5, owner)
        assert np.abs(frame - own)[30:56].max() < 0.05


def test_half_way_belongs_to_whom_it_suits(head):
    points = face_of(head)
    picture, open_mouth = drawn(points, 0.7, False), points.copy()
    open_mouth[MESH_VERTICES.index(14)] += (0, 12)
    assert shared((picture, picture), points, (0.2, 0.0)).owner == 1, "less of the second is made up"
    assert shared((picture, picture), points, (0.0, 0.2)).owner == 0
    for landmarks, owner in (((points, open_mouth), 1), ((open_mouth, points), 0)):
        found = shared((picture, picture), points, landmarks=landmarks)
        assert found.owner == owner and found.lower == 1, "lips that are closed are not torn open"


def test_a_face_that_half_way_would_shear_is_hardly_bent(head):
    points = face_of(head)
    picture, turn = drawn(points, 0.7, False), np.radians(14)
    tilted = (points - 48) @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + 48
    assert shared((picture, picture), points).held == 0
    assert shared((picture, picture), points, landmarks=(points, tilted)).held == 0.6


def test_nothing_is_mixed_where_landmarks_are_missed(head):
    points = face_of(head)
    other = points.copy()
    mouth = [MESH_VERTICES.index(vertex) for vertex in LIPS]
    other[mouth] += (6, 0)
    picture = drawn(points, 0.7, False)
    still = np.stack(np.meshgrid(np.arange(96.0), np.arange(96.0)), -1).astype(np.float32)
    sharing = share_film((picture, picture), (points, other), (points, points), (still, still), (0.0, 0.0))
    own = face_at((points, other), (96, 96), sharing).own[..., 0]
    x, y = (points[mouth].mean(0) + (3, 0)).astype(int)
    eye = pick(points, LEFT_EYE).mean(0).astype(int)
    assert own[y, x] > 0.9 and own[eye[1], eye[0]] < 0.1


def test_a_background_is_filled_where_the_person_stood():
    picture = portrait(20, disc(20), 200)
    assert np.abs(take_apart(picture, disc(20), disc(4)).behind * 255 - 200)[disc(12) > 0].mean() < 8


def test_missed_landmarks_are_said_with_the_worst_named():
    rng = np.random.RandomState(0)
    a = rng.uniform(25, 70, (12, 2))
    b = rng.permutation(a)
    warp, _, figures = fit_warp(a, b, SIZE, ImplicitOptions(), silent)
    assert figures["landmark_error_max_px"] > 1
    said = notes_on_misses(a, b, warp)
    miss = np.linalg.norm(warp.carry(a, 0, 0.5) - warp.carry(b, 1, 0.5), axis=1)
    assert len(said) == 1 and f"point {miss.argmax() + 1})" in said[0] and "set by hand" in said[0]
    straight, _, _ = fit_warp(a, a + 3, SIZE, ImplicitOptions(), silent)
    assert notes_on_misses(a, a + 3, straight) == []


def test_what_cannot_meet_is_said_before_the_work(head):
    points = head[1]
    middle = points.mean(0)
    aside = points.copy()
    # The tip of the nose goes to the cheek, as in a face seen from the side.
    aside[125] = points[125] + 0.45 * (points[2 * 36 :].max(0) - points[2 * 36 :].min(0)) * (1, 0)
    assert notes_before((points, points + middle)) == []
    assert "different directions" in " ".join(notes_before((points, aside)))
    assert "background changes over" in notes_on_people((True, False), True, "first")[0]
    assert "second picture" in notes_on_people((True, False), False, "crossfade")[0]
    assert notes_on_people((True, False), True, "crossfade") == []


def test_outline_points_have_a_figure_of_their_own_and_their_misses_are_said():
    rng = np.random.RandomState(0)
    side = np.linspace(30.0, 66, 12)
    face = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)[:LANDMARKS]
    rim = rng.uniform(4, 24, (10, 2))
    a, b = np.concatenate((face, rim)), np.concatenate((face, rng.permutation(rim)))
    warp, _, figures = fit_warp(a, b, SIZE, ImplicitOptions(), silent)
    miss = np.linalg.norm(warp.carry(a, 0, 0.5) - warp.carry(b, 1, 0.5), axis=1)
    assert figures["outline_error_max_px"] == pytest.approx(miss[LANDMARKS:].max())
    assert figures["landmark_error_max_px"] == pytest.approx(miss[:LANDMARKS].max())
    assert figures["outline_error_max_px"] * 512 / SIZE[0] > LIMITS.missed_px
    assert "outline of head and shoulders" in notes_on_misses(a, b, warp)[0]

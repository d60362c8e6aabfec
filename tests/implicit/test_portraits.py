"""Two portraits in one frame, as one silhouette before a background, and what is said of a pair."""

import numpy as np
import pytest
from PIL import Image

from core.image import load_image
from core.implicit.fitting import LANDMARKS, fit_warp
from core.implicit.methods.framing.framing import Anchor, choose_turn, find_anchor, frame_faces, place
from core.implicit.methods.framing.notes import LIMITS, notes_before, notes_on_misses, notes_on_people
from core.implicit.methods.framing.upright import detect_landmarks
from core.implicit.methods.head_outline.outline import outline_pairs, trace_outline
from core.implicit.methods.landmark_flow.flow import strain_of
from core.implicit.methods.layers.layers import compose, take_apart, take_both_apart
from core.implicit.options import ImplicitOptions
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


def test_between_two_people_there_is_one_silhouette_and_both_ends_are_the_pictures():
    masks = disc(20), disc(32)
    pictures = portrait(60, masks[0], 200), portrait(100, masks[1], 220)
    layers = take_both_apart(*pictures, masks)
    warped = tuple((one.person, one.rest) for one in layers)
    behind, middle = (layers[0].behind, layers[1].behind), np.zeros((96, 96, 1), np.float32)
    for t, picture in ((0.0, pictures[0]), (1.0, pictures[1])):
        assert np.abs(compose(warped, behind, middle, t, t, "crossfade") * 255 - picture).max() < 0.6
    frame = compose(warped, behind, middle, 0.5, 0.5, "crossfade")[..., 0] * 255
    # Inside the outline half way a person's colour, outside a background's: no place shows both.
    assert (frame[disc(23) > 0] < 130).all() and (frame[disc(29) == 0] > 180).all()
    kept = compose(warped, behind, middle, 0.5, 0.5, "first")[..., 0] * 255
    assert np.abs(kept[disc(40) == 0] - 200).max() < 2


@pytest.mark.parametrize(("radii", "t"), [((32, 20), 0.5), ((32, 20), 0.75), ((20, 32), 0.25)])
def test_nothing_of_the_other_person_stands_beside_the_one_shown(radii, t):
    masks = disc(radii[0]), disc(radii[1])
    layers = take_both_apart(portrait(60, masks[0], 200), portrait(100, masks[1], 220), masks)
    warped = tuple((one.person, one.rest) for one in layers)
    behind, middle = (layers[0].behind, layers[1].behind), np.zeros((96, 96, 1), np.float32)
    frame = compose(warped, behind, middle, t, t, "crossfade")[..., 0] * 255
    assert (frame[disc(22.5) == 0] > 180).all() and (frame[disc(18) > 0] < 130).all()


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
    assert "second picture" in notes_on_people((True, False))[0]


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

"""Two portraits in one frame, as one silhouette before a background, and what is said of a pair."""

import numpy as np
import pytest
from PIL import Image

from core.implicit.methods.framing.framing import Anchor, choose_turn, fill_beyond, find_anchor, frame_faces, place
from core.implicit.methods.framing.notes import LIMITS, notes_before, notes_on_gaps, notes_on_misses, notes_on_people
from core.implicit.methods.framing.upright import detect_landmarks
from core.implicit.methods.head_outline.outline import outline_pairs, trace_outline
from core.implicit.methods.landmark_flow.fitting import LANDMARKS, fit_warp
from core.implicit.methods.landmark_flow.flow import strain_of
from core.implicit.methods.layers.mattes import find_matte
from core.implicit.options import ImplicitOptions
from core.progress import silent
from tests.implicit.conftest import disc

SIZE = (96, 96)


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


@pytest.mark.parametrize(
    ("side", "crop"), [(0, (70, 0, 160, 160)), (1, (0, 52, 160, 160)), (2, (0, 0, 88, 160)), (3, (0, 0, 160, 96))]
)
def test_a_head_that_an_edge_cuts_ends_the_frame_there(head, side, crop):
    """What a head lacks cannot be filled: there is no other of it to copy from."""
    picture, points = head
    cut, own = picture.crop(crop), points - crop[:2]
    size, lies = frame_faces((picture, cut), (points, own), (None, None), 256)
    beyond = place(cut, size, lies[1])[1]
    rims = beyond[:, 2], beyond[2], beyond[:, -3], beyond[-3]
    # In the corners what lies beyond its neighbours reaches in.
    assert not rims[side][4:-4].any()
    assert np.abs(lies[0].to_frame(points) - lies[1].to_frame(own)).max() < 1e-6


@pytest.mark.parametrize("tilt_deg", [-35, 35])
def test_turning_a_tilted_head_upright_does_not_cut_it(head, tilt_deg: int):
    """Its picture shows it whole: only the corners that turning takes away come near it."""
    picture, points = head
    angle, middle = np.radians(tilt_deg), (points.min(0) + points.max(0)) / 2
    own = (points - middle) @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    reach = np.abs(own).max(0) + 0.2 * np.ptp(points[:, 1])
    tilted = picture.resize(tuple(int(value) for value in 2 * reach))
    size, lies = frame_faces((picture, tilted), (points, own + reach), (None, None), 256)
    seen = lies[1].to_frame(own + reach)
    assert (seen.min(0) > 0).all() and (seen.max(0) < size).all()


def test_landmarks_beyond_the_frame_neither_bend_it_nor_count_as_missed():
    """Its edges stay, so what a cut face has beyond them cannot be met."""
    side = np.linspace(30.0, 66, 12)
    a = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)[:LANDMARKS]
    beyond = np.array([(-6.0, 40.0), (-2.0, 50.0)])
    b, rims = a + 1, (beyond, beyond + (9, 2))
    inner = fit_warp(a, b, SIZE, ImplicitOptions(), silent)
    warp, _, figures = fit_warp(
        *(np.concatenate(both) for both in zip((a, b), rims, strict=True)), SIZE, ImplicitOptions(), silent
    )
    places = np.random.RandomState(0).uniform(0, 96, (50, 2))
    assert np.abs(warp.carry(places, 0.0, 1.0) - inner[0].carry(places, 0.0, 1.0)).max() < 1e-9
    assert figures["outline_error_max_px"] == 0 and figures["slack"] == 0
    assert notes_on_misses(np.concatenate((a, beyond)), np.concatenate((b, rims[1])), warp) == []


def test_a_frame_that_is_much_made_up_is_told():
    assert notes_on_gaps((0.1, 0.0)) == []
    assert "second picture shows 60% of the frame" in notes_on_gaps((0.0, 0.4))[0]


def test_what_a_picture_lacks_is_not_filled_with_people_but_with_their_clothes_where_these_are_cut():
    """A wall of 180 levels, a head of red and clothes of blue that the lower edge cuts; all but the wall is somebody's."""
    people = np.zeros((96, 96), bool)
    people[20:60, 40:60] = people[56:, 20:76] = True
    framed = np.full((96, 96, 3), 180, np.uint8)
    framed[people] = (0, 0, 200)
    framed[20:56, 40:60] = (200, 0, 0)
    framed += np.random.RandomState(0).randint(0, 8, framed.shape).astype(np.uint8)
    y, x = np.mgrid[:96, :96]
    beyond = (y < 20) | (y >= 84) | (x < 12)
    filled = fill_beyond(framed, beyond, people & ~beyond, 56.0).astype(int)
    assert np.array_equal(filled[~beyond], framed[~beyond])
    red, blue = (beyond & (filled[..., first] - filled[..., last] > 60) for first, last in ((0, 2), (2, 0)))
    assert not red.any(), "a head is copied nowhere"
    assert not blue[:56].any() and blue[86:, 24:72].mean() > 0.9, "clothes go on below and nowhere else"


def test_a_person_is_no_larger_for_points_on_the_outline_of_the_body(head):
    """The page's points hold both: a face as wide as all of them would be the whole picture."""
    picture, points = head
    corners = np.array(
        [(2.0, 2), (picture.width - 2, 2), (picture.width - 2, picture.height - 2), (2, picture.height - 2)]
    )
    alone, both = (find_matte(np.asarray(picture), given) for given in (points, np.concatenate((points, corners))))
    assert np.array_equal(alone, both) and 0.05 < alone.mean() < 0.9


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


@pytest.mark.slow
def test_frames_of_one_pair_share_its_fit(head):
    a, b = head[1], head[1] + 2.0
    first, again, wider = (fit_warp(a, b, size, ImplicitOptions(), silent) for size in (SIZE, SIZE, (128, 128)))
    assert first[0] is again[0] and first[1] is again[1] and first[2] == again[2]
    assert wider[0].size_px == (128, 128)
    again[2]["landmarks"] = 0
    stiff = fit_warp(a, b, SIZE, ImplicitOptions(smoothing=0.5), silent)
    assert stiff[0] is not first[0] and fit_warp(a, b, SIZE, ImplicitOptions(), silent)[2] == first[2]


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

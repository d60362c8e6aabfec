"""Two portraits in one frame, as one silhouette before a background, and what is said of a pair."""

from functools import cache
from itertools import pairwise

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
from core.implicit.methods.layers.division import Division, divide
from core.implicit.methods.layers.layers import Layers, compose, take_apart, take_both_apart
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


FLAT = np.zeros((96, 96, 1), np.float32)
LOWER_HALF = (np.arange(96)[:, None, None] >= 40) * np.ones((96, 96, 1), np.float32)


@cache
def two_people() -> tuple[Layers, Layers]:
    """Of 60 and 100 levels before 200 and 220, not warped."""
    masks = disc(20), disc(32)
    return take_both_apart(portrait(60, masks[0], 200), portrait(100, masks[1], 220), masks)


def composed(t: float, division: Division, background: str = "crossfade") -> np.ndarray:
    """(H, W) levels of a frame of `two_people`."""
    first, second = two_people()
    warped = (first.person, first.rest), (second.person, second.rest)
    return compose(warped, (first.behind, second.behind), FLAT, division, t, background)[..., 0] * 255


@pytest.mark.parametrize(("lower_first", "head", "body"), [(True, 20, 32), (False, 32, 20)])
def test_half_way_head_and_shoulders_are_one_persons_each_and_both_ends_are_the_pictures(lower_first, head, body):
    division = Division(LOWER_HALF, lower_first)
    for t, mask, level, behind in ((0.0, disc(20), 60, 200), (1.0, disc(32), 100, 220)):
        picture = portrait(level, mask, behind)[..., 0]
        assert np.abs(composed(t, division) - picture).max() < 0.6
    frame = composed(0.5, division)
    for rows, radius, level in ((slice(0, 38), head, 60 if head == 20 else 100), (slice(42, 96), body, 100 if body == 32 else 60)):  # fmt: skip
        assert np.abs(frame[rows][disc(radius - 2)[rows] > 0] - level).max() < 3
        assert (frame[rows][disc(radius + 2)[rows] == 0] > 190).all()
    assert np.abs(composed(0.5, division, "first")[disc(40) == 0] - 200).max() < 2


def test_what_changes_over_does_so_evenly_and_not_all_at_once():
    frames = [composed(t, Division(LOWER_HALF, True)) for t in np.linspace(0, 1, 21)]
    change = [np.abs(b - a).mean() for a, b in pairwise(frames)]
    assert max(change) < 0.25 * sum(change)


def test_backgrounds_change_over_out_of_focus():
    stripes = np.where(np.arange(96) % 16 < 8, 0.2, 0.8).astype(np.float32) * np.ones((96, 1), np.float32)
    behind = tuple(np.dstack([picture] * 3) for picture in (stripes, stripes.T.copy()))
    nobody = np.dstack([np.zeros((96, 96, 3), np.float32), np.full((96, 96, 1), -50, np.float32)])
    person = (nobody, np.zeros((96, 96, 3), np.float32))
    sharp = []
    for t in (0.0, 0.35, 0.5, 0.65, 1.0):
        frame = compose((person, person), behind, FLAT, Division(LOWER_HALF, True), t, "crossfade")[..., 0]
        sharp.append(max(np.abs(np.diff(frame, axis=axis)).max() for axis in (0, 1)))
    assert sharp[0] > 0.5 and sharp[-1] > 0.5 and max(sharp[1:4]) < 0.1


def test_glasses_are_one_persons_or_the_others_never_half():
    skin = np.full((96, 96, 3), 0.7, np.float32)
    glasses = skin.copy()
    glasses[40:43, 20:76] = 0.1
    deep, rest = np.full((96, 96, 1), 40, np.float32), np.zeros((96, 96, 3), np.float32)
    warped = tuple((np.dstack((person, deep)), rest) for person in (glasses, skin))
    for lower_first, dark in ((True, True), (False, False)):
        frame = compose(warped, (skin, skin), np.ones_like(FLAT), Division(FLAT, lower_first), 0.5, "crossfade")
        contrast = float(frame[60, 48, 0] - frame[41, 48, 0])
        assert contrast > 0.5 if dark else contrast < 0.06


def test_the_line_between_head_and_shoulders_leaves_no_hair_without_a_head(head):
    size, face = (96, 96), head[1] - head[1].mean(0)
    face = face * 20 / np.ptp(face[:, 1]) + (48, 34)
    long_hair, short = np.maximum(disc(26), (np.abs(np.arange(96) - 48) < 26) * (np.arange(96)[:, None] > 40)), np.maximum(
        disc(15, (48, 32)), (np.abs(np.arange(96) - 48) < 5 + 35 * (np.arange(96)[:, None] > 66)) * (np.arange(96)[:, None] > 40)
    )  # fmt: skip
    colours = np.full((*size, 3), 0.2, np.float32), np.full((*size, 3), 0.6, np.float32)
    covers = long_hair.astype(np.float32), short.astype(np.float32)
    found = divide(colours, covers, face)
    assert found.lower_first, "the first has long hair: half way it keeps its head, the second has the shoulders"
    turned = divide(colours[::-1], covers[::-1], face)
    assert not turned.lower_first
    assert found.lower[:34].max() < 0.1 and found.lower[-3:].min() > 0.9


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

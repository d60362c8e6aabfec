"""One person at a time: layers, when what changes over, and whose face is mixed where."""

from functools import cache
from itertools import pairwise

import cv2
import numpy as np
import pytest

from core.implicit.methods.layers.face import mix_faces, pick
from core.implicit.methods.layers.grade import bring_to, tones_of
from core.implicit.methods.layers.layers import Layers, compose, steady_background, take_apart
from core.implicit.methods.layers.mattes import cut_by_colour, cut_out
from core.implicit.methods.layers.schedule import all_at_once, plan, plan_together, sweep
from core.implicit.methods.layers.sharing import Sharing, face_at, share_film, stretched
from core.implicit.paper.landmarks import LEFT_EYE, LIPS, MESH_VERTICES, RIGHT_EYE
from tests.implicit.conftest import disc


def portrait(colour: int, mask: np.ndarray, behind: int) -> np.ndarray:
    return np.rint(mask[..., None] * colour + (1 - mask[..., None]) * behind).astype(np.uint8).repeat(3, -1)


MASKS = disc(20), disc(32)


@cache
def two_people() -> tuple[tuple[np.ndarray, np.ndarray], tuple[Layers, Layers]]:
    """Pictures and layers of two people of 60 and 100 levels before 200 and 220, not warped."""
    pictures = portrait(60, MASKS[0], 200), portrait(100, MASKS[1], 220)
    return tuple(one / np.float32(255) for one in pictures), (
        take_apart(pictures[0], *MASKS), take_apart(pictures[1], *MASKS[::-1]),
    )  # fmt: skip


def composed(t: float, switched: float, background: str) -> np.ndarray:
    """(H, W) levels of a frame of `two_people`."""
    pictures, layers = two_people()
    back = steady_background((layers[0].behind, layers[1].behind), t, background)
    return compose(pictures, layers, back, (t, 1 - t), switched)[..., 0] * 255


@pytest.mark.parametrize(("owner", "radius", "level"), [(0, 20, 60), (1, 32, 100)])
def test_before_a_background_that_stays_half_way_shows_one_silhouette(owner, radius, level):
    for t, mask, person, behind in ((0.0, disc(20), 60, 200), (1.0, disc(32), 100, 220)):
        assert np.abs(composed(t, t, "first") - portrait(person, mask, behind)[..., 0]).max() < 0.6
    frame = composed(0.5, owner, "first")
    assert np.abs(frame[disc(radius - 2) > 0] - level).max() < 3
    assert np.abs(frame[disc(radius + 2) == 0] - 200).max() < 2


FACE = disc(10, (48, 34)) > 0


def planned(owner: int):
    """The schedule of `two_people`, whose faces are `FACE`, chins at row 46."""
    pictures, _ = two_people()
    change = np.abs(pictures[1] - pictures[0]).mean(-1)
    return plan(change, np.maximum(*MASKS), FACE, 46.0, owner)


@pytest.mark.parametrize("owner", [0, 1])
def test_half_way_people_are_one_and_what_is_behind_is_the_others(owner):
    schedule = planned(owner)
    assert np.abs(schedule.person.share(0.5) - owner).max() < 1e-6
    assert np.abs(schedule.behind.share(0.5) - (1 - owner)).max() < 1e-6
    for turn in (schedule.person, schedule.behind, schedule.head, all_at_once(owner).person):
        assert np.abs(turn.share(0.0)).max() < 1e-6 and np.abs(turn.share(1.0) - 1).max() < 1e-6
        shares = [np.asarray(turn.share(t)) for t in np.linspace(0, 1, 41)]
        assert all((b - a).min() > -1e-6 for a, b in pairwise(shares)), "nothing goes back"
    assert all_at_once(owner).person.share(0.5) == owner


def test_places_change_over_in_order_and_a_film_is_its_partner_backwards():
    schedule, back = planned(0), planned(1)
    for turn, other in ((schedule.person, back.person), (schedule.behind, back.behind)):
        assert np.abs(turn.share(0.3) + other.share(0.7) - 1).max() < 1e-6
    start = schedule.person.start[..., 0]
    assert start[10, 48] < start[18, 48] and start[62, 48] < start[72, 48], "the head inwards, the clothes downwards"
    assert np.ptp(schedule.person.share(0.6)[FACE]) == 0, "a face changes over at once"
    assert schedule.behind.start[0, 0, 0] < schedule.behind.start[48, 6, 0], "what is behind inwards"


def together(owner: int):
    """The schedule of two people who come into one outline; backgrounds differ as much as they do."""
    masks = disc(28), disc(32)
    pictures = [portrait(60, masks[0], 200) / 255, portrait(90, masks[1], 170) / 255]
    change = np.abs(pictures[1] - pictures[0]).mean(-1)
    return plan_together(change, masks[1], FACE, 46.0, owner, 0.0)


@pytest.mark.parametrize("owner", [0, 1])
def test_people_in_one_outline_change_details_after_half_way_and_colours_more_slowly(owner):
    schedule = together(owner)
    assert np.abs(schedule.person.detail(0.5) - owner).max() < 1e-6
    assert np.abs(schedule.behind.share(0.5) - (1 - owner)).max() < 1e-6
    times = np.linspace(0, 1, 201)
    colours, details = (
        np.array([way(t)[18, 48, 0] for t in times]) for way in (schedule.person.share, schedule.person.detail)
    )
    lengths = [np.ptp(times[(shares > 0.02) & (shares < 0.98)]) for shares in (colours, details)]
    assert lengths[1] < 0.45 * lengths[0]
    assert abs(np.interp(0.5, colours, times) - np.interp(0.5, details, times)) < 0.01
    share = schedule.person.share(0.65 if owner == 0 else 0.35)[..., 0]
    assert share[18, 48] > share[34, 48], "in time a head changes over inwards, whoever half way is"
    going, coming = zip(*(schedule.person.lefts(t) for t in times), strict=True)
    assert (np.diff(going, axis=0) <= 1e-6).all() and (np.diff(coming, axis=0) >= -1e-6).all()
    assert going[0].min() == coming[-1].min() == 1 and going[-1].max() == coming[0].max() == 0
    for t, gone, come in zip(times, going, coming, strict=True):
        assert np.minimum(gone, come).max() == 0, t


def test_where_colours_do_not_tell_an_outline_is_the_networks():
    mask = disc(24)
    half = portrait(60, mask, 200)
    half[:, :48] = 60
    half += np.random.RandomState(0).randint(0, 8, half.shape).astype(np.uint8)
    cut, known = cut_out(half, (0.93 * mask).astype(np.float32))
    assert known[40, 22] < 0.05 and known[40, 74] > 0.95
    torn, smooth = (np.abs((one > 0.5) - mask)[:, :40].mean() for one in (cut_by_colour(half, 0.93 * mask), cut))
    assert smooth < 0.005 < 0.02 < torn, "colours alone tear it"
    assert np.abs((cut > 0.5) - mask)[:, 56:].mean() < 0.005


def test_what_the_network_is_sure_of_is_kept_though_its_colours_are_those_behind():
    picture = portrait(200, disc(18), 60)
    picture += np.random.RandomState(0).randint(0, 8, picture.shape).astype(np.uint8)
    hair = disc(22)
    assert cut_by_colour(picture, hair)[disc(19) > 0].min() > 0.9
    assert cut_by_colour(picture, 0.9 * hair)[(disc(20) - disc(19)) > 0].max() < 0.5, (
        "what it is not sure of follows colours"
    )


def test_a_matte_follows_the_colours_of_the_picture():
    picture = portrait(60, disc(24), 200)
    picture += np.random.RandomState(0).randint(0, 8, picture.shape).astype(np.uint8)
    cut = cut_by_colour(picture, 0.9 * disc(27))
    assert np.abs((cut > 0.5) - disc(24)).mean() < 0.01 < np.abs(disc(27) - disc(24)).mean()


def test_steps_of_a_film_are_nearly_even():
    for owner in (0, 1):
        pictures, layers = two_people()
        schedule, frames = planned(owner), []
        for t in np.linspace(0, 1, 24):
            behind, person = schedule.behind.share(t), schedule.person.share(t)
            back = layers[0].behind + behind * (layers[1].behind - layers[0].behind)
            frames.append(compose(pictures, layers, back, (behind, 1 - behind), person))
        steps = [float(np.abs(b - a).mean()) for a, b in pairwise(frames)]
        assert max(steps) < 1.8 * np.mean(steps), "changing over in a quarter of the film is 4.2 times the mean"


def test_people_not_told_from_their_backgrounds_change_over_evenly_too():
    pictures, _ = two_people()
    change = np.abs(pictures[1] - pictures[0]).mean(-1)
    for owner in (0, 1):
        turn = sweep(change, FACE, owner).person
        assert np.abs(turn.share(0.5) - owner)[FACE].max() < 1e-6, "half way is one person"
        assert np.abs(turn.share(0.5) - owner).mean() < 0.1
        assert np.abs(turn.share(0.0)).max() < 1e-6 and np.abs(turn.share(1.0) - 1).max() < 1e-6
        shares = [turn.share(t) for t in np.linspace(0, 1, 24)]
        tones = np.linspace(0, 1, 24) / 3
        frames = [
            (share * change[..., None]).mean() + tone * change.mean() for share, tone in zip(shares, tones, strict=True)
        ]
        steps = np.abs(np.diff(frames))
        assert steps.max() < 1.8 * steps.mean(), "in a quarter of the film it is 3.5 times the mean"


def whose(owner: int, **others) -> Sharing:
    return Sharing(owner, all_at_once(owner), **others)


def test_a_turned_face_is_hardly_bent_before_everything_changes_over():
    for owner in (0, 1):
        at = [whose(owner, held=0.6).shape(t) for t in (0.0, 0.5, 1.0)]
        assert at == pytest.approx([0, 0.8 if owner else 0.2, 1])
        assert whose(owner).shape(0.3) == pytest.approx(0.3)


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


STILL = (np.stack(np.meshgrid(np.arange(96.0), np.arange(96.0)), -1).astype(np.float32),) * 2


def shared(pictures, points, made_up=(0.0, 0.0), landmarks=None) -> Sharing:
    return share_film(pictures, (points, points), landmarks or (points, points), STILL, made_up)


def test_a_mixed_face_has_the_light_of_the_person_around_it(head):
    points = face_of(head)
    pictures = drawn(points, 0.8, False), drawn(points, 0.4, False)
    where = face_at((points, points), STILL, None, 0.0)
    for owner, skin in ((0, 0.8), (1, 0.4)):
        frame = mix_faces(pictures[owner], pictures, where, 0.5, owner, owner)
        assert np.abs(np.median(frame) - skin) < 0.01 and np.ptp(frame[60:64, 20:76]) < 0.1, "no rim between them"
        assert np.array_equal(frame[where.middle[..., 0] == 0], pictures[owner][where.middle[..., 0] == 0])
    apart = mix_faces(pictures[0], pictures, where, 0.5, 0, 0, lit=False)
    assert np.median(apart[where.middle[..., 0] > 0.99]) == pytest.approx(0.6, abs=0.02)


def test_beside_a_grey_photograph_nothing_is_coloured(head):
    points = face_of(head)
    grey, coloured = drawn(points, 0.5, False), drawn(points, 0.7, False)
    coloured[40:50, 20:76] *= (1.0, 0.6, 0.5)
    frame = mix_faces(grey, (grey, coloured), face_at((points, points), STILL, None, 0.0), 0.5, 0, 0)
    assert np.ptp(frame, axis=-1).max() < 0.02


def test_glasses_are_one_persons_or_the_others_never_half(head):
    points = face_of(head)
    plain, glasses = drawn(points, 0.7, False), drawn(points, 0.7, True)
    assert shared((plain, plain), points).glasses == (False, False)
    sharing = shared((glasses, plain), points)
    assert sharing.glasses == (True, False)
    where = face_at((points, points), STILL, sharing, 1.0)
    frame = mix_faces(plain, (glasses, plain), where, 0.5, 1, 1)
    assert np.abs(frame - plain)[30:56].max() < 0.05, "nobody gets half of the other's"
    kept = mix_faces(glasses, (glasses, plain), face_at((points, points), STILL, sharing, 0.0), 0.5, 0, 0)
    assert np.abs(kept - glasses)[30:56].max() < 0.6 * np.abs(plain - glasses)[30:56].max(), "the wearer's stay"


def test_what_is_stretched_or_squeezed_until_it_smears_is_not_mixed():
    for times, least, most in ((1.0, 0, 0.01), (0.3, 0.99, 1), (3.0, 0.99, 1)):
        at = STILL[0].copy()
        at[..., 1] *= times
        assert least <= stretched(at, 4.0).min() and stretched(at, 4.0).max() <= most
    turn = STILL[0] @ np.array([[0.8, 0.6], [-0.6, 0.8]], np.float32)
    assert stretched(turn, 4.0).max() < 0.01, "a turn stretches nothing"


def test_faces_are_mixed_in_colour_where_both_have_it(head):
    points = face_of(head)
    red, blue = drawn(points, 0.5, False), drawn(points, 0.5, False)
    red[40:50, 20:76] *= (1.0, 0.6, 0.6)
    blue[40:50, 20:76] *= (0.6, 0.6, 1.0)
    frame = mix_faces(red, (red, blue), face_at((points, points), STILL, None, 0.0), 0.5, 0, 0)
    there = red[45, 48] - frame[45, 48]
    assert there[0] > 0.03 and there[2] < -0.03, "towards the other's hue"


def test_half_way_belongs_to_whom_it_suits(head):
    points = face_of(head)
    picture, open_mouth = drawn(points, 0.7, False), points.copy()
    open_mouth[MESH_VERTICES.index(14)] += (0, 12)
    assert shared((picture, picture), points, (0.2, 0.0)).owner == 1, "less of the second is made up"
    assert shared((picture, picture), points, (0.0, 0.2)).owner == 0
    for landmarks, owner in (((points, open_mouth), 1), ((open_mouth, points), 0)):
        found = shared((picture, picture), points, landmarks=landmarks)
        assert found.owner == owner


def test_half_way_belongs_to_whose_outline_is_known_and_who_hides_the_other(head):
    points = face_of(head)
    picture, known = drawn(points, 0.7, False), np.ones((96, 96), np.float32)
    soft = cv2.GaussianBlur(disc(24).astype(np.float32), (0, 0), 1)
    large = cv2.GaussianBlur(disc(40).astype(np.float32), (0, 0), 1)
    for people, owner in (
        (((soft, known), (soft, 0 * known)), 0), (((soft, 0 * known), (soft, known)), 1),
        (((large, known), (soft, known)), 0), (((soft, known), (large, known)), 1),
    ):  # fmt: skip
        found = share_film((picture, picture), (points, points), (points, points), STILL, (0.0, 0.0), people)
        assert found.owner == owner and found.apart == (people[owner][1].min() == 1)
    unknown = share_film(
        (picture, picture), (points, points), (points, points), STILL, (0.0, 0.0), ((soft, 0 * known),) * 2
    )
    assert not unknown.apart and unknown.schedule.person is unknown.schedule.behind, (
        "nobody is cut out by an outline that is not known"
    )


def test_people_come_into_one_outline_where_both_are_known_and_much_alike(head):
    points = face_of(head)
    pictures = drawn(points, 0.7, False), drawn(points, 0.4, False)
    known = np.ones((96, 96), np.float32)
    masks = [cv2.GaussianBlur(disc(radius).astype(np.float32), (0, 0), 1) for radius in (34, 36, 24)]

    def found(first, second, sure=1.0) -> Sharing:
        people = (masks[first], known), (masks[second], sure * known)
        return share_film(pictures, (points, points), (points, points), STILL, (0.0, 0.0), people, 0)

    assert found(0, 1).together and found(0, 1).apart
    assert not found(0, 2).together, "necks and jaws would be wrung"
    assert found(0, 1, 0.0).apart and not found(0, 1, 0.0).together, "whose outline is not known is not bent"


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
    sharing = share_film((picture, picture), (points, other), (points, points), STILL, (0.0, 0.0))
    own = face_at((points, other), STILL, sharing, 0.0).own[..., 0]
    x, y = (points[mouth].mean(0) + (3, 0)).astype(int)
    eye = pick(points, LEFT_EYE).mean(0).astype(int)
    assert own[y, x] > 0.9 and own[eye[1], eye[0]] < 0.1


def test_backgrounds_and_faces_are_toned_apart():
    person, face = disc(30), disc(12)
    dark, light = portrait(60, person, 180), portrait(110, person, 140)
    tones = tones_of(dark, person, face), tones_of(light, person, face)
    assert np.abs(tones[0] * 255 - [[180], [60]]).max() < 1
    toned = [
        bring_to(picture.astype(np.float32) / 255, person, tones[index], tones[1 - index], 0.5) * 255
        for index, picture in enumerate((dark, light))
    ]
    assert np.abs(toned[0] - toned[1])[:2, :2].max() < 1 and np.abs(toned[0] - toned[1])[40, 48].max() < 4, "they meet"
    assert 84 < toned[0][40, 48, 0] < 88 and 158 < toned[0][2, 2, 0] < 163


def test_a_background_is_filled_where_the_person_stood():
    picture = portrait(20, disc(20), 200)
    assert np.abs(take_apart(picture, disc(20), disc(4)).behind * 255 - 200)[disc(12) > 0].mean() < 8

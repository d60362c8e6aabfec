"""Ageing by image processing: what changes, how, and what never does."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest
from PIL import Image

from core.detect.faces import detect_faces
from core.errors import NothingFoundError
from core.face_ageing.ageing import (
    AgeingLayers,
    find_eyes,
    find_layers,
    hollow_gain,
    skin_bands,
    skin_shade,
    softness,
    visible_folds,
)
from core.face_ageing.folds import RELIEF, Fold, fitted, lines_of_forehead, lines_of_mouth, press
from core.face_ageing.fringe import hanging_hair, whole_hair, without_holes
from core.face_ageing.glasses import SPECTACLES, find_rims, hold_still
from core.face_ageing.hair import (
    GREYING,
    darken_hair,
    even_hair,
    find_strands,
    grey_hair,
    grey_order,
    hair_chroma,
    lighten,
)
from core.face_ageing.locks import (
    EARS,
    find_ears,
    front_locks,
    lower_locks,
    near_wounds,
    place_between,
    shaded_skin,
    told_whole,
)
from core.face_ageing.places import CHIN, EYES, FOREHEAD, SEARCH
from core.face_ageing.shape import LID_SHARE, ROOM, YOUNG_MIDDLE, YOUNG_PAIRS, bounded_moves, youth_shift
from core.face_ageing.shapes import raw_red
from core.face_ageing.skin import skin_colours, strands_along
from core.face_ageing.strength import STRENGTH
from core.face_ageing.wrinkles import crease_relief, find_contours
from core.sdl.jobs import job_named, misfit
from core.sdl.options import SDLOptions
from core.sdl.pipeline import SDLPipeline
from core.ui.parts.examples import HEADS
from tests.sdl.conftest import textured


def wide_photo() -> Image.Image:
    """A rendered head of ours right of the middle, on a textured ground."""
    photo = textured(620, 380, 3)
    photo.paste(Image.open(sorted(HEADS.glob("*.jpg"))[0]).convert("RGB").resize((300, 300)), (280, 40))
    return photo


@cache
def layers() -> AgeingLayers:
    return find_layers(wide_photo())


def amid(shape: tuple[int, int], light: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Strands as `find_strands` gives them, amid hair, without any contrast."""
    even = np.zeros(shape, np.float32)
    return even, even + light, even + 1


def luma(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)


@pytest.mark.slow
def test_the_photo_comes_back_at_zero_and_outside_the_head_at_any_age():
    photo = np.asarray(wide_photo())
    assert np.array_equal(layers().paint(0.0), photo)
    left, top, right, bottom = (int(side) for side in layers().head.box)
    zone = np.zeros(photo.shape[:2], bool)
    shown = cv2.resize(layers().head.zone, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)
    zone[top:bottom, left:right] = cv2.dilate(shown, np.ones((5, 5))) > 0
    for t in (-1.0, 0.6, 1.0):
        changed = (layers().paint(t) != photo).any(2)
        assert changed.mean() > 0.02
        assert not changed[~zone].any()
        assert not changed[:, :230].any(), "the ground beside the picture of the head"


def test_older_skin_has_more_folds_and_younger_skin_fewer():
    head = layers().head
    left, top, right, bottom = (int(side) for side in head.box)
    skin = cv2.resize(head.skin, (right - left, bottom - top)) > 0.9
    skin = cv2.erode(skin.astype(np.uint8), np.ones((7, 7))) > 0

    def folds(t: float) -> float:
        shown = luma(layers().paint(t))[top:bottom, left:right]
        return float((shown - cv2.GaussianBlur(shown, (0, 0), 3))[skin].std())

    young, same, old = folds(-1.0), folds(0.0), folds(1.0)
    assert old > 1.3 * same and young < same, (young, same, old)


def test_a_fold_is_dark_in_its_middle_and_swells_on_the_side_asked_for():
    height, groove = np.zeros((80, 80), np.float32), np.zeros((80, 80), np.float32)
    down = Fold(np.array([[40.0, 10], [40, 40], [40, 70]]), 2.0, 3.0, bulge=0.8, side=1)
    press(height, groove, down, np.random.default_rng(0))
    assert 34 < groove[40].argmax() < 46 and groove[40].max() > 1
    # Going down, right of the way is the picture's left.
    assert height[30:50, :34].max() > 0.3 > height[30:50, 48:].max()
    assert height[40, 40 - 3 : 40 + 4].min() < -1


def test_grey_hair_keeps_its_strands_and_its_depth():
    rng = np.random.default_rng(1)
    strands = np.repeat(rng.uniform(0.08, 0.25, (1, 120)), 60, 0).astype(np.float32)
    brown = strands[..., None] * np.array((1.3, 1.0, 0.7), np.float32)
    one = np.ones(strands.shape, np.float32)
    amid_hair = amid(strands.shape)
    grey = grey_hair(brown, one, 0.3 * one, amid_hair, 0.22, np.ones(3, np.float32), 1.0, 1.0)
    assert np.corrcoef(luma(grey)[0], luma(brown)[0])[0, 1] > 0.97
    assert luma(grey).mean() > 1.5 * luma(brown).mean()
    assert (grey.max(2) - grey.min(2)).mean() < 0.5 * (brown.max(2) - brown.min(2)).mean()
    sepia = grey_hair(brown, one, 0.3 * one, amid_hair, 0.22, None, 1.0, 1.0)
    kept = sepia[..., 0] - sepia[..., 2], brown[..., 0] - brown[..., 2]
    assert np.allclose(*kept, atol=1e-3) and luma(sepia).mean() > 1.5 * luma(brown).mean(), (
        "a picture of one hue keeps it"
    )
    assert np.array_equal(grey_hair(brown, 0 * one, one, amid_hair, 0.22, np.ones(3, np.float32), 1.0, 1.0), brown)
    some = grey_hair(
        brown, one, np.linspace(0, 1, 120, dtype=np.float32) * one, amid_hair, 0.22, np.ones(3, np.float32), 1.0, 0.5
    )
    change = np.abs(some - brown).sum(2)[0]
    assert change[:40].mean() > 5 * change[-20:].mean(), "strands turn one after the other"


def test_a_bright_lock_in_sure_hair_loses_its_colour_too():
    blond = np.full((20, 20, 3), (0.9, 0.75, 0.5), np.float32)
    one = np.ones((20, 20), np.float32)
    made = grey_hair(blond, one, 0 * one, amid((20, 20)), 0.25, np.ones(3, np.float32), 1.0, 1.0)
    assert np.ptp(made, axis=2).max() < 0.25 * np.ptp(blond, axis=2).max()
    assert luma(made).min() >= luma(blond).min() - 1e-3
    light, dark, _ = amid((20, 20))
    assert np.array_equal(
        grey_hair(blond, one, dark, (dark, light, dark), 0.25, np.ones(3, np.float32), 1.0, 1.0), blond
    ), "at the rim it is skin"


def test_greying_takes_no_more_colour_than_hair_has():
    view = np.full((40, 60, 3), (0.12, 0.1, 0.08), np.float32)
    view[:, 40:] = (0.7, 0.45, 0.35)
    hair, everything = np.zeros((40, 60), np.float32), np.ones((40, 60), np.float32)
    hair[:, :40] = 1
    most = hair_chroma(view, hair)
    made = grey_hair(view, everything, 0 * hair, amid(hair.shape), 0.11, np.ones(3, np.float32), most, 1.0)
    own, left = (np.ptp(picture, axis=2) for picture in (view, made))
    assert left[:, :40].max() < 0.35 * own[0, 0] and left[:, 40:].min() > 0.75 * own[0, -1], "an ear in the matte"
    blond = np.full((40, 60, 3), (0.9, 0.7, 0.3), np.float32)
    assert hair_chroma(blond, hair) == GREYING.most_chroma, "what a matte misses stays near to the rest"


def test_an_ear_amid_hair_is_smooth_and_lightened_less_than_strands():
    view = np.full((80, 160, 3), 0.2, np.float32)
    view[:, :80:4] = 0.3
    deep = find_strands(view, np.ones((80, 160), np.float32))[2]
    assert deep[40, 120] < 0.6 * deep[40, 40]


def test_a_fold_is_as_much_redder_as_the_skin_is_in_its_own_shade():
    head = layers().head
    light = np.linspace(0.3, 0.8, head.view.shape[1], dtype=np.float32)[None, :, None]
    shaded = np.broadcast_to(light ** np.float32((0.7, 1.1, 1.4)), head.view.shape).astype(np.float32)
    red, _, blue = skin_shade(replace(head, view=shaded))
    assert red < 0.9 < 1.1 < blue
    grey = skin_shade(replace(head, view=np.broadcast_to(light, head.view.shape).astype(np.float32)))
    assert np.allclose(grey, 1, atol=0.01), "a grey print stays grey"


def test_younger_brows_lie_on_skin_as_light_as_the_rest():
    old = layers()
    photo = np.full_like(old.photo, 128)
    plain = replace(old, photo=photo, bands=tuple(0 * band for band in old.bands), blotches=0 * old.blotches,
                    young_shift=0 * old.young_shift, head=replace(old.head, brows=0 * old.head.brows))  # fmt: skip
    made = luma(plain.paint(-1.0))
    left, top, right, _ = (int(side) for side in old.head.box)
    scale = (right - left) / old.head.view.shape[1]
    brow, cheek = (made[tuple((old.head.points[at] * scale + (left, top)).astype(int)[::-1])] for at in (105, 50))
    assert brow - 128 > 0.5 * (cheek - 128) > 1


@pytest.mark.slow
def test_folds_need_skin_and_gaps_between_strands_grey_without_an_edge():
    head = layers().head
    hidden = replace(head, skin=np.zeros_like(head.skin))
    assert not visible_folds(hidden).any() and visible_folds(head).any()
    hair = np.zeros_like(head.hair)
    hair[60:160, 60:160], hair[100:110, 60:160] = 1, 0
    grey = even_hair(replace(hidden, hair=hair))
    assert grey[105, 110] > 0.9, "a gap between strands"
    assert not grey[:, :59].any() and np.abs(np.diff(grey[80, 60:160])).max() < 0.15


def test_creases_follow_their_line_and_are_denser_beside_it():
    line = np.array([[20.0, 100], [180, 100]])
    relief = crease_relief([(line, 1.5)], (200, 200))
    assert relief.max() <= 0 and relief.min() < -0.3
    along, across = (np.abs(np.diff(relief[85:115, 40:160], axis=axis)).mean() for axis in (1, 0))
    assert across > 2 * along
    assert np.abs(relief[90:110]).mean() > 3 * np.abs(relief[:20]).mean()


def test_black_hair_gets_white_strands_where_it_has_light_ones():
    view = np.full((60, 80, 3), 0.06, np.float32)
    view[:, ::4] = 0.1
    one = np.ones((60, 80), np.float32)
    strand, light, deep = find_strands(view, one)
    assert strand[30, 40] > 0.2 > -0.05 > strand[30, 42]
    made = luma(grey_hair(view, one, 0 * one, (strand, light, 0 * deep + 1), 0.1, np.ones(3, np.float32), 1.0, 1.0))
    assert made[30, 40] > 0.3 and made[30, 40] - made[30, 42] > 3 * (0.1 - 0.06), "salt and pepper"
    unlit = luma(
        grey_hair(view, one, 0 * one, (strand, 0 * light, 0 * deep + 1), 0.1, np.ones(3, np.float32), 1.0, 1.0)
    )
    assert unlit[30, 42] < 0.13, "depth stays dark"


def test_temples_turn_grey_before_the_crown():
    head = layers().head
    order = grey_order(head)
    down = head.points[152] - head.points[10]
    temple, crown = head.points[127], head.points[10] - 0.3 * down
    assert order[tuple(temple[::-1].astype(int))] + 0.2 < order[tuple(crown[::-1].clip(0).astype(int))]


def test_hair_is_found_whole_where_its_colours_leave_gaps_and_skin_is_left():
    rng = np.random.default_rng(3)
    view = (0.75 + 0.03 * rng.standard_normal((200, 200, 3))).astype(np.float32)
    view[:90] = 0.15 + 0.05 * rng.standard_normal((90, 200, 3))
    hair = np.zeros((200, 200), np.float32)
    hair[:70] = 1
    hair[20:40, 80:110] = 0
    skin = np.zeros((200, 200), bool)
    skin[110:] = True
    found = whole_hair(view, hair, skin, skin, 200.0)
    assert found[30, 95] > 0.9 and found[80, 50] > 0.9, "a gap, a fringe"
    assert np.array_equal(found, whole_hair(view, hair, skin, skin, 200.0)), "not by chance"
    assert found[96:].max() < 0.1 and not whole_hair(view, 0 * hair, skin, skin, 200.0).any()


def test_a_highlight_amid_hair_is_hair_and_a_face_is_none():
    found = np.zeros((100, 100), np.float32)
    found[10:90, 10:90] = 1
    found[20:30, 20:30], found[50:80, 40:60] = 0, 0
    never = np.zeros((100, 100), bool)
    never[60:70, 45:55] = True
    closed = without_holes(found, never, 900.0)
    assert closed[25, 25] == 1 and not closed[55, 45] and not closed[5, 5]
    assert not without_holes(found, never, 50.0)[25, 25], "what is large is no highlight"


def test_folds_are_as_soft_as_the_photo():
    head = layers().head
    sharp = np.random.default_rng(2).uniform(0.3, 0.7, head.view.shape).astype(np.float32)
    assert softness(replace(head, view=sharp)) == 0
    assert softness(replace(head, view=cv2.GaussianBlur(sharp, (0, 0), 3))) > 1


def test_a_small_photo_gets_deeper_hollows_for_the_wrinkles_it_has_no_room_for():
    head, width = layers().head, layers().head.view.shape[1]
    small, large = (replace(head, box=head.box._replace(right=head.box.left + wide)) for wide in (width / 3, 2 * width))
    assert hollow_gain(large) == 1 and hollow_gain(small) == 1 + STRENGTH.small_gain


def test_younger_eyes_are_larger_and_the_chin_is_higher():
    head, shift = layers().head, layers().young_shift

    def down_at(index: int) -> float:
        x, y = head.points[index].astype(int)
        return float(shift[y, x, 1])

    # What is fetched from below moves up.
    assert down_at(159) > 1 and down_at(145) < 0 and down_at(61) > 2
    assert not shift[head.zone == 0].any()


def test_spectacles_are_found_and_do_not_bend_and_no_bare_face_has_any():
    head = layers().head
    down = head.points[CHIN] - head.points[FOREHEAD]
    assert not find_rims(head.view, head.points, down, EYES).any() and (hold_still(head.rims) == 1).all()
    view = head.view.copy()
    middles = [head.points[list(ring)].mean(0) for ring in EYES]
    radius = 0.4 * float(np.hypot(*(middles[1] - middles[0])))
    for x, y in middles:
        cv2.circle(view, (round(x), round(y)), round(radius), (0.02, 0.02, 0.02), 4, cv2.LINE_AA)
    rims = find_rims(view, head.points, down, EYES)
    below = tuple(int(v) for v in (middles[0] + radius * down / np.hypot(*down))[::-1])
    assert rims[below] > 0.9 and rims.mean() < 0.05
    shift = youth_shift(replace(head, rims=rims))
    assert np.abs(shift[below]).max() < 0.2 < np.abs(layers().young_shift[below]).max()
    far = tuple(head.points[61].astype(int)[::-1])
    assert np.hypot(*(head.points[61] - below[::-1])) > SPECTACLES.still_px[0]
    assert np.abs(shift[far] - layers().young_shift[far]).max() < 0.5, "the rest moves as before"


def test_a_narrowed_eye_grows_by_a_share_of_its_opening_alone():
    head = layers().head
    points = head.points.copy()
    for upper, lower in ((159, 145), (160, 144), (158, 153), (386, 374), (387, 373), (385, 380)):
        points[upper], points[lower] = (
            0.6 * points[upper] + 0.4 * points[lower],
            0.4 * points[upper] + 0.6 * points[lower],
        )
    narrow = replace(head, points=points)
    for part in (head, narrow):
        opening = float(np.hypot(*(part.points[159] - part.points[145])))
        shift = youth_shift(part)
        upper, lower = (shift[tuple(part.points[at].astype(int)[::-1])][1] for at in (159, 145))
        assert 0 < upper - lower < 2 * LID_SHARE * opening


def test_a_jaw_beside_a_collar_stays_where_it_has_no_room():
    head = layers().head
    down, right = np.array((0.0, 1.0)), np.array((1.0, 0.0))

    def move(zone: np.ndarray) -> float:
        return float(np.hypot(*bounded_moves(replace(head, zone=zone), YOUNG_PAIRS, YOUNG_MIDDLE, down, right)[150]))

    collar = np.ones_like(head.zone)
    assert move(collar) == pytest.approx(np.hypot(11, 14)), "amid skin it moves all the way"
    collar[int(head.points[150, 1]) + 10 :] = 0
    assert move(collar) <= ROOM * 12 / (SEARCH.face_px / 1000)


def test_a_fringe_that_the_matte_left_out_is_hair_and_what_hangs_alone_is_none():
    light = np.ones((160, 160), np.float32)
    light[20:80, 30:130] = 0.3 + 0.1 * (np.arange(100) % 4 > 1)
    light[95:110, 60:80] = 0.3
    hair, bare = np.zeros_like(light), np.ones_like(light)
    hair[:30], bare[:20] = 1, 0
    above = np.full_like(light, -0.2)
    found = hanging_hair(light, hair, bare, above, np.array((0.0, 1.0)))
    assert found[60, 80] > 0.8 and found[60, 10] < 0.05 and found[100, 70] < 0.05
    below = hanging_hair(
        np.where(light < 0.5, 0.4, 1.0).astype(np.float32), hair, bare, 0 * above, np.array((0.0, 1.0))
    )
    assert below[60, 80] < 0.2, "below the eyes a shadow without strands is none"


def test_strands_amid_hair_lose_more_of_their_colour_than_skin_between_dark_ones():
    one, skin = np.ones((8, 8), np.float32), np.full((8, 8, 3), (0.5, 0.35, 0.25), np.float32)
    dark, fair = (
        grey_hair(skin, one, 0 * one, amid((8, 8)), level, np.ones(3, np.float32), 0.1, 1.0) for level in (0.1, 0.5)
    )
    assert np.ptp(fair, axis=2).max() < 0.8 * np.ptp(dark, axis=2).max()


def test_thin_hair_is_not_whitened():
    view = np.full((40, 40, 3), 0.4, np.float32)
    one = np.ones((40, 40), np.float32)
    thick, thin = (
        luma(grey_hair(view, one, 0 * one, amid((40, 40), light), 0.25, np.ones(3, np.float32), 1.0, 1.0)).mean()
        for light in (0.2, 0.45)
    )
    assert thin - 0.4 < 0.2 * (thick - 0.4)


def test_shaded_skin_beside_the_face_greys_less_than_strands():
    head = layers().head
    matte, skinless = np.ones_like(head.hair), replace(head, skin=np.zeros_like(head.skin))
    smooth = np.full_like(head.view, 0.2)
    strands = smooth.copy()
    strands[:, ::3] = 0.4
    x, y = (1.08 * head.points[234] - 0.08 * head.points[454]).astype(int)
    greys = [even_hair(replace(skinless, hair=matte, view=view))[y, x] for view in (smooth, strands)]
    assert greys[0] < 0.5 * greys[1]


def test_a_small_photo_gets_no_fold_narrower_than_its_pixels():
    head = layers().head
    wide = head.view.shape[1]
    small, full = (replace(head, box=head.box._replace(right=head.box.left + width)) for width in (wide // 8, wide))
    lips = [fold for fold in lines_of_mouth(head.points, np.random.default_rng(0)) if fold.width < 1.5]
    assert lips and all(fitted(fold, small) is None for fold in lips), "too short for its width: dots"
    brow = next(lines_of_forehead(head.points))
    wider, same = fitted(brow, small), fitted(brow, full)
    assert wider is not None and wider.width == pytest.approx(RELIEF.least_width * 8, rel=0.1) and same == brow


def test_grey_hair_turns_brown_when_younger_and_in_a_grey_photo_it_stays_grey():
    grey, one = np.full((8, 8, 3), 0.6, np.float32), np.ones((8, 8), np.float32)
    brown, print_ = (darken_hair(grey, one, 0.6, tint, 1.0) for tint in (np.ones(3, np.float32), None))
    assert brown[0, 0, 0] > 1.2 * brown[0, 0, 2]
    assert np.ptp(print_, axis=2).max() < 1e-6 and print_.max() < 0.6


def test_wounds_are_no_hair_and_brown_is():
    red, brown = (cv2.cvtColor(np.full((1, 1, 3), colour, np.float32), cv2.COLOR_RGB2LAB) for colour in
                  ((0.55, 0.1, 0.07), (0.3, 0.18, 0.1)))  # fmt: skip
    assert raw_red(red)[0, 0] > 0.9 and raw_red(brown)[0, 0] == 0


def test_the_white_of_an_eye_brightens_and_the_iris_does_not():
    head = layers().head
    view, eye = np.full_like(head.view, 0.8), head.points[list(EYES[0])].mean(0).astype(int)
    view[eye[1] - 3 : eye[1] + 4, eye[0] - 3 : eye[0] + 4] = 0.2
    bright = find_eyes(replace(head, view=view))
    assert bright[eye[1], eye[0]] < 0.25 < bright.max()


def test_edges_of_nose_and_jaw_are_kept_and_wrinkles_are_none():
    head = layers().head
    edge, wrinkle = (np.full_like(head.view, 0.6) for _ in range(2))
    edge[:, 200:], wrinkle[:, 200:203] = 0.2, 0.3
    found = [find_contours(replace(head, view=view, rims=0 * head.rims))[100, 200] for view in (edge, wrinkle)]
    assert found[0] > 0.8 and found[1] < 0.1


def test_grooves_go_when_younger_more_than_what_is_light():
    head = layers().head
    dark, light = (np.full_like(head.view, 0.5) for _ in range(2))
    y, x = head.points[50].astype(int)[::-1]
    dark[y - 1 : y + 2, x - 20 : x + 20], light[y - 1 : y + 2, x - 20 : x + 20] = 0.2, 1.0
    skin = np.ones_like(head.skin)
    depth, height = (sum(skin_bands(replace(head, view=view, skin=skin)))[y, x] for view in (dark, light))
    assert -depth > 1.3 * height > 0


def test_the_skin_of_a_picture_of_one_hue_keeps_it():
    photo = np.asarray(wide_photo()).mean(2, keepdims=True) * np.float32([1.0, 0.9, 0.75])
    plain = replace(layers(), photo=photo.astype(np.uint8), tint=None)
    old = plain.paint(1.0).astype(np.float32)
    left, top, right, bottom = (int(side) for side in plain.head.box)
    skin = np.zeros(old.shape[:2], bool)
    skin[top:bottom, left:right] = cv2.resize(plain.head.skin, (right - left, bottom - top)) > 0.95
    changed = skin & (np.abs(old - plain.photo).max(2) > 3) & (old.min(2) > 40) & (old.max(2) < 240)
    ratio = old[changed] / np.maximum(1, old[changed][:, :1])
    assert changed.any() and np.abs(ratio.mean(0) - (1, 0.9, 0.75)).max() < 0.03, ratio.mean(0)


def test_younger_skin_never_bleaches_in_large_areas():
    photo = np.asarray(wide_photo())
    shown = np.log(luma(layers().paint(-1.0)).clip(8)) - np.log(luma(photo).clip(8))
    left, top, right, bottom = (int(side) for side in layers().head.box)
    skin = cv2.resize(layers().head.skin, (right - left, bottom - top)) > 0.9
    change = np.abs(cv2.GaussianBlur(shown, (0, 0), 4))[top:bottom, left:right][skin]
    assert np.percentile(change, 95) < STRENGTH.young_most


def test_lightening_never_turns_light_and_dark_round():
    luma = np.linspace(0, 1, 500, dtype=np.float32)
    lighter, own = lighten(luma, 0.2, 2.0)
    assert (np.diff(lighter) >= -1e-6).all() and (lighter >= luma - 1e-6).all()
    assert own[0] == 1 and own[-1] == 0 and np.array_equal(lighter[luma > 0.7], luma[luma > 0.7])


@pytest.mark.slow
def test_the_pipeline_needs_no_network_says_so_and_refuses_what_has_no_face():
    pipe = SDLPipeline.from_record("face-retouch")
    assert "face-retouch" in pipe.weights_label and "without a network" in pipe.weights_label
    photo = wide_photo().resize((1240, 760), Image.Resampling.BICUBIC)
    prepared = pipe.prepare(photo, options=SDLOptions(max_side_px=640))
    assert pipe.render(prepared, [1.0]).shape == (1, 3, 760, 1240), "the photo's own size"
    small = pipe.prepare(photo, options=SDLOptions(max_side_px=640, keep_size=False))
    assert small.figures["width_px"] == 640
    with pytest.raises(NothingFoundError, match="no face"):
        pipe.prepare(textured(160, 120))


# A painted head: a face of 200 pixels in the middle, colours as L*, a*, b*.
SKIN_LAB, HAIR_LAB, BLOND_LAB, SHADE_LAB = (60.0, 16.0, 20.0), (14.0, 1.0, 1.0), (70.0, 4.0, 34.0), (24.0, 7.0, 8.0)
SIDE, FACE_PX = 320, 200.0


def painted(*patches: tuple[tuple[slice, slice], tuple[float, float, float]]) -> np.ndarray:
    """(SIDE, SIDE, 3) L*a*b*: skin all over, and patches."""
    lab = np.full((SIDE, SIDE, 3), SKIN_LAB, np.float32)
    for place, colour in patches:
        lab[place] = colour
    return lab


def face_maps() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The oval of a face, and how far right, below its top and below its chin each place is, face heights."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    oval = ((x - 160) ** 2 / 75**2 + (y - 160) ** 2 / 100**2 < 1).astype(np.float32)
    return oval, (x - 160) / FACE_PX, (y - 60) / FACE_PX, (y - 260) / FACE_PX


def test_a_lock_before_the_face_teaches_the_skin_no_colour_and_is_hair():
    lock, cap = np.s_[60:220, 204:228], np.s_[0:60, :]
    lab = painted((cap, HAIR_LAB), (lock, BLOND_LAB))
    lab[..., 0] += np.where((np.arange(SIDE) % 6 < 3) & (np.arange(SIDE) > 203) & (np.arange(SIDE) < 228), 7, -0.0)
    oval, across, below_top, below_chin = face_maps()
    along = strands_along(lab[..., 0], np.array((0.0, 1.0)))
    from_skin, sure = skin_colours(lab, oval > 0, across, below_top - 0.4, below_top, along, FACE_PX)
    assert from_skin[110:190, 212:220].min() > 1 > from_skin[150:200, 120:180].max()
    assert not sure[150:200, 212:220].any() and sure[150:200, 150:170].all()
    hair = np.zeros((SIDE, SIDE), np.float32)
    hair[cap] = hair[60:105, 204:228] = 1
    found = front_locks(lab, hair, from_skin, along, oval, oval, below_chin, FACE_PX)
    assert found[120:180, 212:220].mean() > 0.8 and found[110:190, 110:170].max() < 0.1


def test_skin_in_the_shade_is_told_from_pale_hair_by_its_saturation():
    lab = painted((np.s_[0:70, :], HAIR_LAB), (np.s_[70:180, 80:110], SHADE_LAB))
    oval, _, below_top, _ = face_maps()
    hair = np.zeros((SIDE, SIDE), np.float32)
    hair[0:70] = hair[70:180, 80:110] = 1
    skin = np.zeros_like(hair)
    skin[120:200, 130:190] = 1
    shaded = shaded_skin(lab, hair, skin, oval, below_top, FACE_PX)
    assert shaded[90:160, 88:102].min() > 0.9 and shaded[10:60, 140:180].max() < 0.1
    brown = painted((np.s_[0:70, :], (24.0, 9.0, 12.0)))
    assert shaded_skin(brown, hair, skin, oval, below_top, FACE_PX).max() == 0, "hair as saturated as skin"


def test_lower_hair_goes_with_the_rest_and_clothes_and_the_throat_do_not():
    rng = np.random.default_rng(3)
    lab = painted(
        (np.s_[0:150, 60:84], HAIR_LAB), (np.s_[180:250, 60:84], HAIR_LAB), (np.s_[275:, :], (14.0, 2.0, -20.0))
    )
    lab[..., 0] += rng.normal(0, 4, (SIDE, SIDE)).astype(np.float32)
    oval, across, _, below_chin = face_maps()
    hair = np.zeros((SIDE, SIDE), np.float32)
    hair[0:150, 60:84] = 1
    one, skin = np.ones_like(hair), np.zeros_like(hair)
    skin[120:200, 130:190] = 1
    from_skin = np.where(lab[..., 0] < 40, 3.0, 0.2).astype(np.float32)
    found = lower_locks(lab, hair, skin, from_skin, one, oval, across, below_chin, 0 * one, FACE_PX)
    assert found[190:240, 64:80].mean() > 0.7 and found[280:].max() == 0 and found[:, 130:190].max() == 0


def test_wounds_are_redder_than_the_skin_around_them():
    oval, *_ = face_maps()
    skin = np.zeros_like(oval)
    skin[120:200, 130:190] = 1
    wound = near_wounds(painted((np.s_[90:110, 150:170], (30.0, 42.0, 20.0))), skin, oval, FACE_PX)
    assert wound[95:105, 155:165].min() > 0.9 and wound[150:, :].max() == 0
    ruddy = np.full((SIDE, SIDE, 3), (45.0, 36.0, 32.0), np.float32)
    assert near_wounds(ruddy, skin, oval, FACE_PX).max() == 0, "skin that is red all over"


def test_ears_lie_beside_the_mesh_and_a_colour_is_placed_between_skin_and_hair():
    points = np.zeros((478, 2))
    for ring, x in zip(EARS, (100.0, 220.0), strict=True):
        points[list(ring)] = [(x, y) for y in (130.0, 150.0, 180.0, 200.0)]
    points[1] = (160, 190)
    ears = find_ears(points, (SIDE, SIDE), FACE_PX)
    assert min(ears[160, 85], ears[160, 235]) > 0.9 and max(ears[160, 150], ears[60, 85], ears[160, 30]) < 0.1
    lab = painted((np.s_[0:100, :], HAIR_LAB))
    hair = np.zeros((SIDE, SIDE), np.float32)
    hair[0:100] = 1
    place = place_between(lab, hair, 1 - hair, FACE_PX)
    assert place[50, 160] > 0.8 and place[150, 160] < 0.2


def test_light_hair_that_is_known_in_part_alone_does_not_grey():
    oval, _, _, below_chin = face_maps()
    one, skin, hair = np.ones_like(oval), np.zeros_like(oval), np.zeros_like(oval)
    skin[120:200, 130:190] = hair[0:30] = 1
    from_skin = np.where(oval > 0, 0.2, 2.0).astype(np.float32)
    light, dark = (painted((np.s_[0:30, :], colour)) for colour in (BLOND_LAB, HAIR_LAB))
    assert told_whole(light, hair, skin, from_skin, one, oval, below_chin, FACE_PX) < 0.1
    assert told_whole(dark, hair, skin, from_skin, one, oval, below_chin, FACE_PX) == 1
    whole = np.where(oval > 0, 0, 1).astype(np.float32)
    assert told_whole(light, whole, skin, from_skin, one, oval, below_chin, FACE_PX) == 1


def test_a_mask_neither_ages_nor_says_what_colour_skin_is(heads):
    with Image.open(heads[0]) as file:
        photo = file.convert("RGB")
    face = detect_faces(photo)[0]
    below = face.points[
        [227, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 447, 195]
    ]
    masked = np.asarray(photo).copy()
    cv2.fillConvexPoly(masked, cv2.convexHull(below.astype(np.int32)), (110, 160, 205))
    layers = find_layers(Image.fromarray(masked), face)
    assert layers.figures["covered"] and "stays as it is" in misfit(job_named("age"), layers.figures)
    inside = cv2.erode((masked == (110, 160, 205)).all(2).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert inside.sum() > 1000
    for t in (-1.0, 1.0):
        assert np.array_equal(layers.paint(t)[inside], masked[inside])
    x, y = face.points[9]
    brow = np.s_[int(y) - 8 : int(y) + 8, int(x) - 8 : int(x) + 8]
    assert not np.array_equal(layers.paint(1.0)[brow], masked[brow]), "what is bare grows older"
    assert not find_layers(photo, face).figures["covered"]

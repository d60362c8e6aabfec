"""Toons by image processing: few colours, contours, and the way from the photo."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from core.detect.covers import ABOVE, AROUND
from core.detect.covers import LIPS as COVER_LIPS
from core.errors import InputError
from core.ops.tangents import average_along, tangent_field
from core.sdl.methods.drawing import drawing
from core.sdl.methods.drawing.colours import to_lab
from core.sdl.methods.drawing.drawing import draw_nearer, find_drawing
from core.sdl.methods.drawing.faces import CHEEKS, SKIN, adopt_skin, draw_face, find_skin, shade_skin, warm_skin
from core.sdl.methods.drawing.features import (
    BROWS,
    CHIN,
    FACE_RING,
    INNER_LOWER,
    INNER_UPPER,
    IRISES,
    LIPS,
    LOWER_LIDS,
    MOUTH,
    NOSE,
    TOP,
    UNDER_BROWS,
    UPPER_LIDS,
    clear_ink,
    disc_at,
    draw_mouth,
    draw_shapes,
    draw_strokes,
    eyes_seen,
    mouth_seen,
)
from core.sdl.methods.drawing.lines import draw_ink, keep_strokes
from core.sdl.methods.drawing.planar import (
    boundary_loops,
    draw_boundaries,
    fill_regions,
    smooth_boundaries,
    trace_boundaries,
)
from core.sdl.methods.drawing.regions import edge_strength, find_basins, join_small, merge_regions, weigh_detail
from core.sdl.methods.drawing.scene import LOOKS, contour_widths, draw_scene, smooth_photo
from core.sdl.methods.drawing.shading import common_palette, split_tones
from core.sdl.options import SDLOptions
from core.sdl.pipeline import SDLPipeline


def scene(noise: float = 6.0) -> Image.Image:
    """A dark disc and a bar on a light ground, with noise."""
    picture = np.full((240, 320, 3), (210, 200, 170), np.float32)
    cv2.circle(picture, (110, 120), 60, (60, 90, 150), -1)
    cv2.rectangle(picture, (220, 40), (270, 200), (150, 60, 50), -1)
    picture += np.random.default_rng(0).normal(0, noise, picture.shape)
    return Image.fromarray(picture.clip(0, 255).astype(np.uint8))


def test_tangents_run_along_edges_and_averages_keep_them():
    bars = np.tile(np.repeat(np.array([0, 100], np.float32), 12), 4)[None].repeat(60, 0)
    noisy = bars + np.random.default_rng(0).normal(0, 15, bars.shape).astype(np.float32)
    field = tangent_field(noisy, 3.0)
    assert np.abs(field[10:-10, 12:-12:12, 1]).mean() > 0.95
    smooth = average_along(noisy, field, [1.0] * 8)
    inner = np.s_[12:-12, 12:-12]
    assert np.abs(smooth - bars)[inner].mean() < 0.6 * np.abs(noisy - bars)[inner].mean()


def disc_and_bar() -> np.ndarray:
    """(120, 160) labels: a ground, a disc and a bar."""
    labels = np.zeros((120, 160), np.uint8)
    cv2.circle(labels, (50, 60), 30, 1, -1)
    labels[20:100, 110:130] = 2
    return labels.astype(int)


def test_things_become_one_region_each_without_noise_and_without_slow_ramps():
    photo = np.asarray(scene(8.0)).astype(np.float32)
    photo += np.linspace(-20, 20, 320)[None, :, None]
    lab = to_lab(smooth_photo(photo.clip(0, 255).astype(np.uint8), 0.72))
    strength, none = edge_strength(lab), np.zeros(lab.shape[:2], int)
    basins = find_basins(cv2.GaussianBlur(strength, (0, 0), 0.8))
    labels = merge_regions(basins, lab, strength, np.ones(none.shape), none, 7000.0)
    assert basins.max() > 20 and labels.max() == 2
    for place in (np.s_[80:160, 70:150], np.s_[60:180, 226:264], np.s_[10:30, 5:315]):
        assert len(np.unique(labels[place])) == 1
    held = none.copy()
    held[:120] = 1
    parts = np.unique(basins * 2 + held, return_inverse=True)[1].reshape(held.shape)
    kept = merge_regions(parts, lab, strength, np.ones(none.shape), held, 1e12)
    assert np.array_equal(kept, 1 - held), "what is held apart never becomes one"


def test_a_plain_is_one_basin():
    height = np.zeros((60, 80), np.float32)
    height[:, 40] = 5
    assert len(np.unique(find_basins(height))) == 2


def test_out_of_focus_counts_less():
    lab = np.full((200, 400, 3), (30, 0, 0), np.float32)
    lab[:, 40:60], lab[:, 340:360] = (80, 0, 0), (80, 0, 0)
    lab[:, :200] = cv2.GaussianBlur(lab[:, :200], (0, 0), 6)
    detail = weigh_detail(lab, [])
    assert detail[100, 350] > 1.5 * detail[100, 50]


def test_boundaries_are_shared_round_and_leave_no_gap():
    labels = disc_and_bar()
    drawn = trace_boundaries(labels)
    smooth = smooth_boundaries(drawn, (160, 120), np.zeros(len(drawn.ends)), 400.0, 0.05)
    disc = np.unique(drawn.ends[(drawn.sides == 1).any(1)])
    radii = np.hypot(*(smooth.places[disc] - (50.5, 60.5)).T)
    before = np.hypot(*(drawn.places[disc] - (50.5, 60.5)).T)
    assert radii.std() < 0.5 * before.std() and abs(radii.mean() - before.mean()) < 0.4
    rim = (drawn.places == 0) | (drawn.places == (160, 120))
    assert np.abs((smooth.places - drawn.places)[rim]).max() < 1e-3
    colours = np.array([(200, 0, 0), (0, 200, 0), (0, 0, 200)], np.uint8)
    made = fill_regions(smooth, colours, np.array((2.0, 2.0)), (320, 240)).astype(int)
    assert made.sum(2).min() >= 195, "every pixel is of one region, or of two by halves"
    for place, colour in (((10, 10), 0), ((121, 101), 1), ((120, 240), 2)):
        assert np.array_equal(made[place], colours[colour])
    assert len(boundary_loops(drawn)[0]) == 3, "an outline and two holes"


def test_a_contour_is_as_wide_as_asked_for_and_lies_on_the_boundary():
    drawn, scale = trace_boundaries(disc_and_bar()), np.array((2.0, 2.0))
    bar = (drawn.sides == 2).any(1)
    ink = draw_boundaries(drawn, 3.0 * bar, np.ones(len(bar)), scale, (320, 240))
    across = ink[120, 200:240]
    assert abs(across.sum() - 3) < 0.6 and abs((across * np.arange(40)).sum() / across.sum() - 19.5) < 0.3
    assert ink[:, :160].max() == 0


def test_contours_bound_large_regions_alone_and_grow_with_the_edge():
    labels = disc_and_bar()
    labels[5:9, 140:146] = 3
    drawn = trace_boundaries(labels)
    step = np.select([(drawn.sides == value).any(1) for value in (1, 2, 3)], (20.0, 60.0, 60.0), 0.0)
    widths, strong = contour_widths(drawn, step, labels, 1.0)
    disc, bar, speck = ((drawn.sides == value).any(1) & (step > 0) for value in (1, 2, 3))
    assert widths[speck].max() == 0 and widths[disc].min() > 1 and widths[bar].min() > 1.5 * widths[disc].max()
    assert strong[bar].min() > strong[disc].max()


def test_a_large_region_that_changes_has_tones_and_a_plain_one_has_not():
    lab = np.full((120, 160, 3), (50, 0, 0), np.float32)
    lab[..., 0] += np.linspace(-20, 20, 160) * (np.arange(120) < 60)[:, None]
    labels = (np.arange(120) >= 60)[:, None] * np.ones((1, 160), int)
    made = split_tones(labels, lab, np.zeros(labels.shape, bool), 15.0)
    assert len(np.unique(made[:60])) == 3 and len(np.unique(made[60:])) == 1
    assert len(np.unique(split_tones(labels, lab, labels == 0, 15.0))) == 2, "skin is shaded elsewhere"


def test_join_small_gives_specks_to_what_is_around_them():
    labels = np.zeros((40, 40), int)
    labels[:, 20:], labels[5:7, 5:7] = 1, 2
    assert set(np.unique(join_small(labels, 10))) == {0, 1}


def test_ink_follows_edges_grows_with_them_and_ignores_noise():
    lightness = np.full((120, 200), 75, np.float32)
    lightness[:, 60:], lightness[:, 140:] = 60, 15
    lightness += np.random.default_rng(0).normal(0, 0.6, lightness.shape).astype(np.float32)
    ink = draw_ink(lightness, 1.0)[20:-20]
    weak, strong = ink[:, 50:75].sum(1).mean(), ink[:, 130:155].sum(1).mean()
    assert strong > 1.25 * weak > 0.5, (weak, strong)
    assert ink[:, 5:45].max() < 0.2 and ink[:, 80:125].max() < 0.2


@pytest.mark.parametrize("look", ["comic", "flat"])
def test_t_goes_from_the_photo_to_the_drawing(look, monkeypatch):
    monkeypatch.setattr(drawing, "find_faces", lambda photo: [])
    photo = np.asarray(scene())
    layers = find_drawing(scene(), look)
    assert np.array_equal(layers.paint(0.0), photo) and np.array_equal(layers.paint(-0.5), photo)
    steps = [layers.paint(t).astype(np.float32) for t in (0.0, 0.25, 0.5, 0.75, 1.0)]
    moves = [float(np.abs(b - a).mean()) for a, b in zip(steps, steps[1:], strict=False)]
    assert min(moves) > 0.2 * max(moves), moves
    drawn = steps[-1][60:180, 60:90]
    darkest, own = drawn.max(2).min(), steps[-1][115:125, 105:115].max(2).mean()
    assert darkest < (40 if look == "comic" else 0.6 * own), "a contour at the disc's rim"
    assert look == "comic" or darkest > 0.15 * own, "of the disc's own shade"
    # One edge all the way: the profile across the bar's side falls once.
    for step in steps[1:]:
        profile = step[120, 205:236].mean(1)
        assert (np.diff(profile) > 40).sum() <= 2


def two_eyes(second_iris: int) -> tuple[np.ndarray, np.ndarray]:
    """A photo of two open eyes, the second one's iris of that level, and its landmarks."""
    points, photo = np.full((478, 2), 100.0), np.full((200, 240, 3), 180, np.uint8)
    angle = np.linspace(0, 2 * np.pi, len(FACE_RING), endpoint=False)
    points[list(FACE_RING)] = np.stack([120 + 60 * np.sin(angle), 100 - 80 * np.cos(angle)], 1)
    for upper, lower, iris, x, level in zip(UPPER_LIDS, LOWER_LIDS, IRISES, (70, 170), (40, second_iris), strict=True):
        along = np.linspace(0, 1, 9)
        for row, sign in ((upper, -1), (lower, 1)):
            points[list(row)] = np.stack([x - 20 + 40 * along, 80 + sign * 9 * np.sin(np.pi * along)], 1)
        points[list(iris)] = (x, 80) + np.array([(0, 0), (8, 0), (0, 8), (-8, 0), (0, -8)])
        photo[disc_at(photo.shape, points[iris[0]], 8) > 0.5] = level
    return photo, points


def face_in_light() -> tuple[np.ndarray, np.ndarray]:
    """L*a*b* of a face lit from the right beside another colour, and its landmarks."""
    _, points = two_eyes(40)
    for ring, x in zip((*CHEEKS, NOSE), (85, 155, 120), strict=True):
        turn = np.linspace(0, 2 * np.pi, len(ring), endpoint=False)
        points[list(ring)] = np.stack([x + 12 * np.cos(turn), 110 + 12 * np.sin(turn)], 1)
    lab = np.full((200, 240, 3), (60, 15, 20), np.float32)
    lab[..., 0] += np.linspace(-32, 32, 240)
    lab[20:40, 100:140, 1:] = (-30, 40)
    return lab, points


def test_a_face_has_one_tone_and_one_shade_and_what_is_beside_it_is_not_skin():
    lab, points = face_in_light()
    skin = find_skin(lab, points)
    assert skin[70:160, 80:160].all() and not skin[:, :40].any() and not skin[25:35, 105:135].any()
    shade = shade_skin(lab, skin, points)
    assert shade[140, 70] and not shade[140, 160] and not shade[~skin].any()
    colours = warm_skin(np.array([(60, 4, 6), (40, -8, 6), (50, 0, 0)], float), shade, np.where(skin, -1, 0))
    assert abs(colours[1, 0] - colours[0, 0]) <= SKIN.deepest and colours[1, 1] > -1, "shade has the skin's hue"
    assert np.array_equal(colours[2], (50, 0, 0))


@pytest.mark.parametrize(("white", "lifted"), [(98, SKIN.most[0]), (50, SKIN.lift * (SKIN.light - 45))])
def test_dark_skin_stays_dark_and_skin_in_a_dark_picture_is_lifted(white, lifted):
    colours, labels = np.array([(45, 20, 25), (white, 2, -6), (30, -20, 5)], float), np.repeat([[0, 1, 2]], 3, 1)
    made = warm_skin(colours, labels, np.where(labels == 0, -1, 0))
    assert made[0, 0] == pytest.approx(45 + lifted)


def test_a_neck_of_the_faces_colour_is_its_skin_and_hair_beside_it_is_not():
    lab, points = face_in_light()
    points[TOP], points[CHIN] = (120, 20), (120, 180)
    things = np.zeros((200, 240), int)
    things[182:, 90:150], things[60:120, 190:] = 1, 2
    own = find_skin(lab, points).astype(int)
    lab[:], lab[things == 0] = (60, 15, 20), np.where(own[things == 0][:, None] > 0, (60, 15, 20), (20, 0, -30))
    own[things > 0] = 0
    made = adopt_skin(own, 1, things, lab, np.zeros(own.shape, np.float32), points)
    assert (made[184:, 95:145] == 1).all() and not made[60:120, 195:].any()


def test_both_eyes_are_drawn_or_none():
    flat, none = np.full((200, 240, 3), 0.6, np.float32), np.zeros((200, 240), np.float32)
    photo, points = two_eyes(40)
    assert eyes_seen(photo, points) == "open"
    made, _ = draw_face(flat, none, photo, photo.astype(np.float32) / 255, points)
    assert all(np.abs(made[80, x] - 0.6).max() > 0.3 for x in (70, 170))
    photo[60:100, 145:195] = (200, 160, 140)
    assert eyes_seen(photo, points) == "hidden", "one is behind a hand"
    made, _ = draw_face(flat, none, photo, photo.astype(np.float32) / 255, points)
    assert np.array_equal(made[70:90, 50:90], flat[70:90, 50:90])
    photo, points = two_eyes(40)
    points[list(UPPER_LIDS[1])] = points[list(LOWER_LIDS[1])]
    assert eyes_seen(photo, points) == "shut", "one is"
    photo[:] = photo // 20
    assert eyes_seen(*(photo, two_eyes(40)[1])) == "hidden", "behind dark glass"


def test_eyes_in_shadow_and_behind_glass_that_mirrors_are_seen():
    photo, points = two_eyes(40)
    photo[:, :120] //= 3
    assert eyes_seen(photo, points) == "open"
    photo, points = two_eyes(40)
    photo[74:80, 60:80] = 250
    assert eyes_seen(photo, points) == "open"


def test_an_open_mouth_is_one_flat_shape_without_the_photos_lines():
    _, points = two_eyes(40)
    along = np.linspace(90, 150, 11)
    points[list(INNER_UPPER)] = np.stack([along, 0 * along + 145], 1)
    points[list(INNER_LOWER)] = np.stack([along[::-1], 160 - 15 * np.abs(along[::-1] - 120) / 30], 1)
    angle = np.linspace(0, 2 * np.pi, len(LIPS), endpoint=False)
    points[list(LIPS)] = np.stack([120 - 36 * np.cos(angle), 150 - 20 * np.sin(angle)], 1)
    smooth = np.full((200, 240, 3), 0.8, np.float32)
    smooth[:, ::6] = 0.5
    made = draw_shapes(np.full((200, 240, 3), 0.4, np.float32), smooth, points)
    assert np.ptp(made[148:150, 105:135]) < 0.02 and made[149, 120, 0] > 0.7
    lines = np.ones((200, 240), np.float32)
    assert clear_ink(lines, points, [], "hidden")[148:152, 105:135].max() < 0.01


def test_teeth_and_the_dark_behind_them_are_two_tones_and_a_tongue_stays_red():
    rows, columns = np.indices((200, 240))
    mouth = np.array([(90, 130), (150, 130), (150, 170), (90, 170)], float)
    photo = np.full((200, 240, 3), 0.8, np.float32)
    photo[rows >= 150] = (0.2, 0.05, 0.05)
    made = np.full((200, 240, 3), 0.4, np.float32)
    draw_mouth(made, photo, mouth, 0.5)
    assert made[140, 120].min() > 0.75 and made[160, 120].max() < 0.25 and (made[100, 100] == np.float32(0.4)).all()
    light = np.full((200, 240, 3), (0.7, 0.35, 0.35), np.float32)
    for skin_red, red in ((0.5, True), (1.2, False)):  # in red light teeth are less red than skin
        draw_mouth(made, light, mouth, skin_red)
        assert bool(made[140, 120, 0] > 1.7 * made[140, 120, 1]) == red


def test_no_mouth_is_drawn_on_a_mask():
    photo, points = two_eyes(40)
    photo[:] = (205, 160, 140)
    for part, y in ((COVER_LIPS, 150), (AROUND, 152), (ABOVE, 100)):
        points[list(part)] = (120, y) + 8 * np.stack([np.cos(np.arange(len(part))), np.sin(np.arange(len(part)))], 1)
    masked = photo.copy()
    masked[125:] = (120, 170, 220)
    assert mouth_seen(photo, points) and not mouth_seen(masked, points)
    none, flat = np.zeros((200, 240), np.float32), np.full((200, 240, 3), 0.6, np.float32)
    points[list(MOUTH)] = np.stack([np.linspace(100, 140, len(MOUTH)), 0 * np.arange(len(MOUTH)) + 150.0], 1)
    for there in (True, False):
        drawn = draw_strokes(none, points, "hidden", 1.0, mouth=there)
        assert bool(drawn[145:156, 100:140].any()) == there
    lips = draw_shapes(flat, masked / np.float32(255), points, mouth=False)
    assert np.array_equal(lips[140:165], flat[140:165])


def test_scraps_of_contour_on_skin_go_and_the_faces_rim_stays():
    _, points = two_eyes(40)
    ink = np.zeros((200, 240), np.float32)
    ink[120:123, 90:98], ink[120:123, 130:160], ink[100:103, 170:200] = 1, 1, 1
    made = clear_ink(ink, points, [], "hidden")
    assert made[121, 94] == 0 and made[121, 150] == 1 and made[101, 190] == 1


def test_brows_are_flat_shapes_where_they_are_darker_than_the_face():
    _, points = two_eyes(40)
    for above, below, x in zip(BROWS, UNDER_BROWS, (70, 170), strict=True):
        along = np.linspace(-25, 25, 5)
        points[list(above)] = np.stack([x + along, 50 + 0 * along], 1)
        points[list(below)] = np.stack([x + along, 60 + 0 * along], 1)
    points[list(NOSE)] += np.random.default_rng(0).uniform(-15, 15, (len(NOSE), 2))
    areas, detailed = np.full((200, 240, 3), 0.6, np.float32), np.full((200, 240, 3), 0.6, np.float32)
    detailed[45:65, 40:100] = 0.2
    made = draw_shapes(areas, detailed, points)
    assert np.ptp(made[53:57, 55:85], axis=(0, 1)).max() < 1e-6 and made[55, 70].max() < 0.25
    assert np.array_equal(made[53:57, 155:185], areas[53:57, 155:185]), "none darker, none drawn"


@pytest.mark.slow
def test_the_pipeline_draws_in_the_look_asked_for():
    pipe = SDLPipeline.from_record("drawing")
    comic, flat = (
        pipe.render(pipe.prepare(scene(), options=SDLOptions(look=look)), [1.0]) for look in ("comic", "flat")
    )
    assert comic.shape == (1, 3, 240, 320) and (comic - flat).abs().mean() > 0.005
    assert "drawing" in pipe.weights_label
    with pytest.raises(InputError, match="look"):
        pipe.prepare(scene(), options=SDLOptions(look="oil"))


def test_a_palette_has_few_colours_and_knows_small_things_of_another_colour():
    colours = np.full((60, 3), (70, 0, -30), float)
    colours[:, 0] += np.linspace(-20, 20, 60)
    colours[7] = (50, 60, 30)
    sizes = np.full(60, 400)
    sizes[7] = 40
    table = common_palette(colours, sizes, 6, 5.0)
    assert np.abs(table[7] - colours[7]).max() < 1 and len(np.unique(table, axis=0)) == 6
    assert np.abs(table - colours).max() < 8
    assert len(np.unique(common_palette(colours[:3], sizes[:3], 6, 5.0), axis=0)) == 1, "alike ones become one"


def test_a_line_beside_a_contour_is_its_echo_and_goes():
    ink, contour = np.zeros((120, 160), np.float32), np.zeros((120, 160), np.float32)
    contour[:, 50:53] = 1
    ink[10:110, 56:59], ink[10:110, 120:123], ink[50:60, 90:92] = 1, 1, 1
    plain = np.ones(ink.shape, np.float32)
    made = keep_strokes(ink, contour, plain, 6.0, 1.0)
    assert made[:, :80].max() == 0 and made[60, 121] == 1 and made[55, 91] == 0
    assert keep_strokes(ink, contour, 6 * plain, 6.0, 1.0)[55, 91] == 1, "short ones stay where details matter"


def test_tangles_of_short_lines_are_not_drawn_and_strands_and_outlines_are():
    lightness = np.full((240, 400), 60, np.float32)
    rng = np.random.default_rng(0)
    for _ in range(420):
        x, y, angle = rng.uniform(10, 190), rng.uniform(10, 230), rng.uniform(0, np.pi)
        end = (int(x + 12 * np.cos(angle)), int(y + 12 * np.sin(angle)))
        cv2.line(lightness, (int(x), int(y)), end, 48, 2, cv2.LINE_AA)
    for x in range(225, 390, 12):
        cv2.line(lightness, (x, 20), (x, 110), 48, 2, cv2.LINE_AA)
    cv2.rectangle(lightness, (230, 140), (380, 220), 48, 2, cv2.LINE_AA)
    ink = draw_ink(lightness, 1.0)
    assert ink[:, :200].mean() < 0.3 * ink[20:110, 225:390].mean()
    assert ink[140, 250:360].mean() > 0.5


def test_a_small_face_keeps_finer_things_than_the_picture_and_its_colours():
    photo = np.full((480, 480, 3), (200, 170, 150), np.uint8)
    _, points = two_eyes(40)
    points = 130 + 0.25 * (points - 100)
    photo[133:136, 134:137] = (40, 30, 30)
    look = LOOKS["comic"]
    far = draw_scene(photo, [points], look, 0.48)
    made, _ = draw_nearer(far.areas, far.ink, photo, points, look, far.palette)
    assert made[134, 135].max() < far.areas[134, 135].max() - 0.2
    assert np.array_equal(made[:, :80], far.areas[:, :80])

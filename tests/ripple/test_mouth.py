"""Mouths that open: they taper, and what a photograph shows goes where it belongs."""

from __future__ import annotations

import cv2
import numpy as np

from core.ripple.methods.moved_head.bounds import bounds_of
from core.ripple.methods.moved_head.closing import lip_edges
from core.ripple.methods.moved_head.expression_map import draw_expression
from core.ripple.methods.moved_head.expressions import (
    INNER_CORNERS,
    LOWER_LIP,
    MOUTH_CORNERS,
    UPPER_LIP,
    Expression,
    displace,
)
from core.ripple.methods.moved_head.frame import Head
from core.ripple.methods.moved_head.maps import rounded
from core.ripple.methods.moved_head.mouth import paint_mouth
from core.ripple.methods.moved_head.opening import keep_teeth, line_between_rows
from core.ripple.methods.moved_head.scene import HeadScene


def test_a_mouth_opens_to_its_corners(scene: HeadScene) -> None:
    """It used to end in upright walls, because the lips beside the corners moved and the corners did not."""
    head = scene.head
    moved = head.mesh[:, :2] + displace(head, Expression(mouth=1.0))
    gaps = moved[list(LOWER_LIP["inner"]), 1] - moved[list(UPPER_LIP["inner"]), 1]
    middle = len(gaps) // 2
    assert (np.diff(gaps[: middle + 1]) > 0).all()
    assert (np.diff(gaps[middle:]) < 0).all()
    # Towards its corners it tapers: as a circle's arc it would end bluntly.
    assert max(gaps[0], gaps[-1]) < 0.42 * gaps[middle]


def test_an_opened_mouth_shows_single_teeth_a_dark_and_a_round_tongue(photo: np.ndarray, scene: HeadScene) -> None:
    """Its inside used to be a smooth band."""
    mesh = scene.head.frame.to_px(scene.head.mesh[:, :2]) * 4
    after = scene.head.frame.to_px(scene.head.mesh[:, :2] + displace(scene.head, Expression(mouth=1.0))) * 4
    left, top = after[78].astype(int) - (0, 60)
    across, down = int(after[308, 0] - left), int(after[14, 1] - top) + 20
    places = np.stack(np.meshgrid(left + np.arange(across) + 0.5, top + np.arange(down) + 0.5), -1)
    large = cv2.resize(photo, None, fx=4, fy=4)
    light = paint_mouth(places, after, after[14, 1] - after[13, 1], large, mesh).mean(-1)
    x, upper, lower = (int(v) for v in (after[13, 0] - left, after[13, 1] - top, after[14, 1] - top))
    teeth, high = light[upper + 4 : upper + 12, x - 40 : x + 40].mean(0), lower - upper
    assert teeth.mean() > 2 * light[upper + round(0.42 * high), x - 40 : x + 40].mean()
    assert teeth.max() - teeth.min() > 15  # gaps between them
    row = light[upper + round(0.75 * high)]
    assert row[x] > 1.4 * row[x - round(0.38 * across)]


def test_the_dark_between_two_rows_of_teeth_is_found_and_a_lips_edge_is_none() -> None:
    """Lower teeth that a photograph shows hung in the middle of the mouth that opened."""
    mesh = np.zeros((478, 2))
    mesh[list(INNER_CORNERS)], mesh[list(MOUTH_CORNERS)] = [(20, 60), (120, 60)], [(0, 60), (140, 60)]
    mesh[[13, 14]] = (70, 40), (70, 76)
    rows = np.arange(110)[:, None] + 0 * np.arange(140)
    was = (rows >= 40) & (rows < 76) & (np.abs(np.arange(140) - 70) < 48)
    region = np.full((110, 140, 3), (170, 100, 95), np.uint8)
    region[was] = 230
    assert line_between_rows(region, was, mesh, 400.0) is None
    region[was & (rows > 60) & (rows < 64)] = 30
    found = line_between_rows(region, was, mesh, 400.0)
    assert found is not None
    assert np.abs(found[40:100] - 62).max() < 2
    region[was & (rows >= 64)] = (170, 100, 95)
    assert line_between_rows(region, was, mesh, 400.0) is None


def drawn_smile(photo: np.ndarray, scene: HeadScene, down_px: float) -> tuple[Head, np.ndarray]:
    """A head whose lips are parted, and plain skin with lips and teeth on it that end so far below their landmarks."""
    mesh = scene.head.mesh.copy()
    mesh[[*LOWER_LIP["inner"], *LOWER_LIP["middle"], *LOWER_LIP["outer"]], 1] += 0.06
    head = Head(scene.head.frame, mesh, scene.head.axis_x, scene.head.yaw)
    region = np.full_like(photo, (200, 150, 120))
    for name, shift, colour in (("outer", 0.0, (180, 90, 85)), ("inner", down_px, (245, 245, 240))):
        corners = MOUTH_CORNERS if name == "outer" else INNER_CORNERS
        ring = [corners[0], *UPPER_LIP[name], corners[1], *reversed(LOWER_LIP[name])]
        places = head.frame.to_px(mesh[ring, :2]) + (0, shift)
        cv2.fillPoly(region, [np.rint(places).astype(np.int32)], colour)
    return head, region


def test_lips_end_where_their_colour_does_and_not_where_landmarks_err(photo: np.ndarray, scene: HeadScene) -> None:
    """Bits of teeth used to stay between lips that closed."""
    down = 0.012 * scene.head.frame.unit_px
    head, region = drawn_smile(photo, scene, down)
    points = head.frame.to_px(head.mesh[:, :2])
    found = lip_edges(region, points, head.frame.unit_px)
    at = list(LOWER_LIP["inner"])[2:-2]
    assert ((found - points)[at, 1] > 0.8 * down).all()
    assert np.array_equal(found[list(LOWER_LIP["outer"])], points[list(LOWER_LIP["outer"])])


def test_closed_lips_meet_in_a_thin_shade_of_their_own_colour(photo: np.ndarray, scene: HeadScene) -> None:
    """A black bar used to lie between them, the thicker the smaller the picture."""
    head, region = drawn_smile(photo, scene, 0.0)
    moved = displace(head, Expression(smile=-1.0))
    shown = draw_expression(head, moved, region, (0, 0)).drawn_on(region.astype(np.float32))
    x, y = np.rint(head.frame.to_px(head.mesh[13, :2] + moved[13])).astype(int)
    column = shown[y - 25 : y + 25, x]
    dark = column[:, 0] < 0.75 * 180
    assert 1 <= dark.sum() <= 5
    assert column.max() < 230
    assert column[column[:, 0].argmin(), 0] > 1.3 * column[column[:, 0].argmin(), 1]
    assert column[:, 0].min() > 40


def test_a_chin_at_the_photographs_edge_goes_beyond_it(photo: np.ndarray, scene: HeadScene) -> None:
    """It was held at the edge, and its outline curled up."""
    chin = scene.head.frame.to_px(scene.head.mesh[152, :2])[1]
    edge = int(chin + 0.01 * scene.head.frame.unit_px)
    moved = displace(scene.head, Expression(mouth=1.0))
    whole, cut = (draw_expression(scene.head, moved, part, (0, 0)) for part in (photo, photo[:edge]))
    assert np.abs(whole.shift[:edge] - cut.shift).max() < 0.02 * scene.head.frame.unit_px


def test_lower_teeth_go_with_the_jaw_and_upper_ones_stay() -> None:
    """In a mouth that was open already the lower teeth used to float in its middle."""
    before = np.zeros((478, 2))
    for part, sign in ((UPPER_LIP, -1), (LOWER_LIP, 1)):
        along = np.linspace(35, 85, 9)
        before[list(part["inner"])] = np.column_stack([along, 60 + sign * 20 * (1 - ((along - 60) / 30) ** 2)])
    before[[61, 78]], before[[291, 308]] = (28, 60), (92, 60)
    after = before.copy()
    after[list(LOWER_LIP["inner"]), 1] += 20
    region = np.full((130, 120, 3), (150, 90, 80), np.uint8)
    region[42:78, 40:80] = 30
    region[42:50, 45:75] = region[70:78, 45:75] = 240
    places = np.stack(np.meshgrid(np.arange(120.0), np.arange(130.0)), -1) + 0.5
    was = np.abs(places[..., 1] - 60) < 20 * (1 - ((places[..., 0] - 60) / 32) ** 2)
    way, kept = keep_teeth(places, before, after, was, region, 300.0, line_between_rows(region, was, before, 300.0))
    shown = [region[int(y + way[y, 60, 1] + 0.5), 60, 0] for y in (46, 94)]
    assert min(shown) > 200
    assert kept[46, 60] > 0.8
    assert kept[94, 60] > 0.5
    assert kept[68, 60] < 0.2  # between the two the mouth is painted


def test_the_inside_of_a_mouth_is_grey_in_a_grey_photograph(photo: np.ndarray, scene: HeadScene) -> None:
    mesh = scene.head.frame.to_px(scene.head.mesh[:, :2])
    after = scene.head.frame.to_px(scene.head.mesh[:, :2] + displace(scene.head, Expression(mouth=1.0)))
    places = np.stack(np.meshgrid(*(np.arange(n) + 0.5 for n in photo.shape[1::-1])), -1)
    grey = np.repeat(photo.mean(-1, keepdims=True), 3, -1).astype(np.uint8)
    gap = after[14, 1] - after[13, 1]
    x, y = np.rint((after[13] + 3 * after[14]) / 4).astype(int)
    assert np.ptp(paint_mouth(places, after, gap, grey, mesh)[y, x].astype(int)) < 4
    red, _, blue = paint_mouth(places, after, gap, photo, mesh)[y, x].astype(int)
    assert red > blue + 15


def test_a_mouth_that_cries_opens_no_wider_and_is_not_closed(photo: np.ndarray, scene: HeadScene) -> None:
    """Closed by a frown its lips were torn; opened further a dark band lay across the tongue."""
    mesh = scene.head.mesh.copy()
    mesh[[*LOWER_LIP["inner"], *LOWER_LIP["middle"], *LOWER_LIP["outer"]], 1] += 0.2
    head = Head(scene.head.frame, mesh, scene.head.axis_x, scene.head.yaw)
    assert not displace(head, Expression(mouth=1.0)).any()
    assert bounds_of(head, {"eyes": 0.0, "mouth": 1.0})
    sad = displace(head, Expression(smile=-1.0))
    assert abs(sad[14, 1] - sad[13, 1]) < 0.01


def test_rounded_lines_have_no_corners() -> None:
    ring = rounded(np.array([[0, 0], [10, 0], [10, 10], [0, 10.0]]))
    sides = np.roll(ring, -1, 0) - ring
    turns = np.arctan2(sides[:, 1], sides[:, 0])
    assert np.abs((np.diff(turns, append=turns[:1]) + np.pi) % (2 * np.pi) - np.pi).max() < np.deg2rad(50)
    assert len(ring) == 16

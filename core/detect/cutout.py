"""One person cut out of a picture that shows others too: a mask of its own for each, refined at the picture's size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from PIL import Image

from core.detect import solutions
from core.detect.body import LIMBS, MISSING, Body, openpose18
from core.errors import NothingFoundError
from core.image import Box, crop_box
from core.ops.masks import disc
from core.ops.pull_push import filled

HEAD = (0, 14, 15, 16, 17)
# Radius of a head, hair and all, by the longer side of the skeleton.
HEAD_SHARE = 0.06


@dataclass(frozen=True)
class CutoutSettings:
    """What tunes the cut-out.

    Attributes:
        margins: how much of its side a square round the skeleton grows, tried in turn, with room for hat and feet and without, until the
            detector finds that person in it.
        view_px: the square's size for the detector, whose mask has 256 px.
        hat: room round the nose for hair and hats, by the distance from neck to nose.
        foot: room below an ankle, by the thigh's height.
        cut_share: share of a view's lower edge from which on it cuts the person off.
        same_share: two skeletons are one person up to this distance, as a share of the square's side.
        axis_share: half width of what is surely the person round a limb's axis, as a share of the skeleton's longer side.
        axis_least: mask below which an axis is not trusted: the limb is then hidden by something.
        rival_reach: how far from its axes somebody reaches who has no mask, as a share of the skeleton's longer side.
        rival_fall: over this distance from its axes, as such a share, a mask's claim falls to 1 / e of itself.
        radius_share: the guided filter's window, as a share of the skeleton's longer side.
        edge_variance: of colours in [0, 1] below which an edge does not count.
        longest_px: of the region that is refined; larger ones are refined smaller.
        rim_share: half width of the outline in which colours are mixed, as a share of the skeleton's longer side.
        apart: distance of two colours in [0, 1] from which on they tell inside from outside.
        most_moved: alpha moves at most so far by colour.
        soft_share: half width of the rim in which a pixel may be half the person's, as such a share; elsewhere it is wholly,
            from a share of `doubt` on, or not at all.
        low, high: refined mask at which a pixel begins to be the person's, and is wholly.
    """

    margins: tuple[float, ...] = (0.25, 0.12, 0.5)
    view_px: int = 768
    hat: float = 1.6
    foot: float = 0.4
    cut_share: float = 0.02
    same_share: float = 0.12
    axis_share: float = 0.012
    axis_least: float = 0.2
    rival_reach: float = 0.07
    rival_fall: float = 0.03
    radius_share: float = 0.006
    edge_variance: float = 3e-4
    longest_px: int = 1400
    rim_share: float = 0.006
    apart: float = 0.18
    most_moved: float = 0.8
    soft_share: float = 0.02
    doubt: float = 0.35
    low: float = 0.25
    high: float = 0.75


SETTINGS = CutoutSettings()


def cut_out_person(picture: Image.Image, bodies: Sequence[Body], person: int) -> np.ndarray:
    """The share (H, W) float32 in [0, 1] that a person has of every pixel.

    Args:
        picture: RGB.
        bodies: everybody found in it; who stands beside the person is told apart from it.
        person: index of the one to cut out.

    Raises:
        NothingFoundError: the detector gives no mask for that person.
    """
    others = [body for index, body in enumerate(bodies) if index != person and _near(body.box, bodies[person].box)]
    own = person_mask_of(picture, bodies[person])
    if own is None and others:
        own = person_mask_of(without(picture, others), bodies[person])
    if own is None:
        raise NothingFoundError(
            "this person cannot be cut out of the picture: use one where it stands apart from others"
        )
    reach = _axis_distance(own.shape, bodies[person])
    for body in others:
        away = _axis_distance(own.shape, body)
        rival = person_mask_of(picture, body)
        if rival is None:
            rival = (away < SETTINGS.rival_reach).astype(np.float32)
        # The detector's masks spill over to people who touch: the nearer skeleton has what both claim.
        lost = (rival > SETTINGS.axis_least) & (
            rival * np.exp(-away / SETTINGS.rival_fall) > own * np.exp(-reach / SETTINGS.rival_fall)
        )
        own = np.where(lost, 0, own).astype(np.float32)
    return refine_mask(np.asarray(picture), own, bodies[person].points)


def person_mask_of(picture: Image.Image, body: Body) -> np.ndarray | None:
    """The detector's mask (H, W) in [0, 1] of one person; None where it follows somebody else in every view.

    A view at whose lower edge the person goes on, though the picture does too, has cut it off: a wider one is preferred.
    """
    cut_off = None
    views = [box.squared(margin) for box in (_whole(body), body.box) for margin in SETTINGS.margins]
    for place in views:
        view = crop_box(picture, place, (SETTINGS.view_px, SETTINGS.view_px))
        answer = solutions.pose_mask(view)
        if answer.pose_landmarks is None or answer.segmentation_mask is None:
            continue
        share = np.array([(point.x, point.y) for point in answer.pose_landmarks.landmark])
        seen = np.array([point.visibility for point in answer.pose_landmarks.landmark])
        points = openpose18(share, seen, (1, 1))
        own = (body.points - (place.left, place.top)) / place.width
        both = (points[:, 0] != MISSING) & body.seen
        if both.any() and np.hypot(*(points[both] - own[both]).T).mean() < SETTINGS.same_share:
            mask = np.asarray(answer.segmentation_mask, np.float32)
            if place.bottom >= picture.height or (mask[-1] > 0.5).mean() < SETTINGS.cut_share:
                return _laid(mask, place, picture.size)
            cut_off = _laid(mask, place, picture.size) if cut_off is None else cut_off
    return cut_off


def _whole(body: Body) -> Box:
    """The box round a body's joints with room for a hat above and feet below: without it a view cuts them off."""
    box, points = body.box, body.points
    top, bottom = box.top, box.bottom
    if MISSING not in points[[1, 0], 0]:
        top = min(top, points[0, 1] - SETTINGS.hat * abs(points[1, 1] - points[0, 1]))
    for hip, knee, ankle in ((8, 9, 10), (11, 12, 13)):
        if MISSING not in points[[hip, knee], 0]:
            shin = abs(points[knee, 1] - points[hip, 1])
            foot = points[knee, 1] + shin if points[ankle, 0] == MISSING else points[ankle, 1]
            bottom = max(bottom, foot + SETTINGS.foot * shin)
    return Box(box.left, top, box.right, bottom)


def refine_mask(picture: np.ndarray, mask: np.ndarray, points: np.ndarray) -> np.ndarray:
    """A mask (H, W) drawn to the edges of a picture (H, W, 3) uint8 by a guided filter.

    The axes of the skeleton (18, 2) are surely the person. Source: He, Sun, Tang, "Guided Image Filtering", 2010.
    """
    known = points[points[:, 0] != MISSING]
    size = max(float(np.ptp(known, axis=0).max()), 1.0)
    rows, columns = np.where(mask > 0.05)
    if not len(rows):
        return mask
    pad = round(0.05 * size) + 2
    part = (
        slice(max(0, rows.min() - pad), rows.max() + pad + 1),
        slice(max(0, columns.min() - pad), columns.max() + pad + 1),
    )
    axes = draw_axes(mask.shape, points, max(1, round(2 * SETTINGS.axis_share * size)))
    sure = np.where((axes > 0) & (mask > SETTINGS.axis_least), 1.0, mask).astype(np.float32)[part]
    guide = picture[part].astype(np.float32) / 255
    scale = min(1.0, SETTINGS.longest_px / max(guide.shape[:2]))
    small = (max(1, round(guide.shape[1] * scale)), max(1, round(guide.shape[0] * scale)))
    if scale < 1:
        guide, sure = (cv2.resize(item, small, interpolation=cv2.INTER_AREA) for item in (guide, sure))
    radius = max(2, round(SETTINGS.radius_share * size * scale))
    fine = cv2.ximgproc.guidedFilter(guide, sure, radius, SETTINGS.edge_variance)
    fine = cv2.resize(fine, picture[part].shape[1::-1], interpolation=cv2.INTER_LINEAR)
    out = np.zeros_like(mask)
    fine = np.clip((fine - SETTINGS.low) / (SETTINGS.high - SETTINGS.low), 0, 1)
    out[part] = unmixed_rim(picture[part], fine, max(2, round(SETTINGS.rim_share * size)))
    return decided(largest_parts(out), max(2, round(SETTINGS.soft_share * size)))


def decided(alpha: np.ndarray, rim_px: int) -> np.ndarray:
    """The share (H, W) of a person where it is half of the person's only within a rim of its outline, all or nothing elsewhere.

    A detector that is in doubt of something held or worn gives it a share of a half, with which it would be moved half.
    """
    rim = disc(rim_px)
    inside = (alpha > SETTINGS.doubt).astype(np.uint8)
    # Doubt within the person is the person.
    inside |= small_holes(inside, 4 * rim_px**2)
    inner, outer = cv2.erode(inside, rim, borderValue=1), cv2.dilate(inside, rim, borderValue=0)
    return np.where(inner > 0, 1, np.where(outer > 0, alpha, 0)).astype(np.float32)


def small_holes(mask: np.ndarray, most_px: float) -> np.ndarray:
    """Of a mask (H, W) uint8 the enclosed holes of no more pixels than that, uint8."""
    _, labels, facts, _ = cv2.connectedComponentsWithStats(1 - mask, connectivity=4)
    small = facts[:, cv2.CC_STAT_AREA] <= most_px
    small[0] = False
    return small[labels].astype(np.uint8)


def unmixed_rim(picture: np.ndarray, alpha: np.ndarray, rim_px: int) -> np.ndarray:
    """Alpha along the outline told by colour: how far a pixel is on the way from what lies outside to what lies inside.

    Where both have one colour, alpha stays. Source: the compositing equation, Porter and Duff 1984, solved for alpha.

    Args:
        picture: (h, w, 3) uint8.
        alpha: (h, w) in [0, 1].
        rim_px: how far on both sides of the outline colours are mixed.
    """
    rim = disc(rim_px)
    inner = cv2.erode((alpha > 0.5).astype(np.uint8), rim, borderValue=1)
    outer = 1 - cv2.dilate((alpha > 0.5).astype(np.uint8), rim, borderValue=0)
    band = (inner == 0) & (outer == 0)
    if not band.any() or not inner.any() or not outer.any():
        return alpha
    colours = torch.from_numpy(picture.astype(np.float32) / 255).permute(2, 0, 1)[None]
    sides = []
    for known in (inner, outer):
        weight = torch.from_numpy(known.astype(np.float32))[None, None]
        sides.append(filled(colours * weight, weight)[0].permute(1, 2, 0).numpy())
    apart = sides[0] - sides[1]
    square = (apart**2).sum(-1)
    share = ((picture.astype(np.float32) / 255 - sides[1]) * apart).sum(-1) / np.maximum(square, 1e-4)
    trust = square / (square + SETTINGS.apart**2)
    mixed = alpha + trust * (share.clip(0, 1) - alpha)
    # Colour says where the outline runs, not whether there is one: it moves alpha by half at most.
    mixed = np.clip(mixed, alpha - SETTINGS.most_moved, alpha + 0.5 * SETTINGS.most_moved)
    return np.where(band, mixed.clip(0, 1), alpha).astype(np.float32)


def largest_parts(mask: np.ndarray, least: float = 0.03) -> np.ndarray:
    """The mask without crumbs: connected pieces of less than `least` of its area go."""
    count, labels, facts, _ = cv2.connectedComponentsWithStats((mask > 0.1).astype(np.uint8), connectivity=8)
    if count <= 1:
        return mask
    areas = facts[:, cv2.CC_STAT_AREA]
    keep = areas >= least * areas[1:].sum()
    keep[0] = False
    return np.where(keep[labels], mask, 0).astype(np.float32)


def _axis_distance(shape: tuple[int, ...], body: Body) -> np.ndarray:
    """How far each pixel lies from the axes of a skeleton, as a share of its longer side, (H, W) float32."""
    size = max(body.box.width, body.box.height, 1.0)
    axes = draw_axes(shape, body.points, max(1, round(2 * SETTINGS.axis_share * size)))
    head = [body.points[joint] for joint in HEAD if body.points[joint, 0] != MISSING]
    if head:
        middle = np.round(np.mean(head, 0)).astype(int).tolist()
        cv2.circle(axes, middle, max(1, round(HEAD_SHARE * size)), 1, -1)
    return cv2.distanceTransform(1 - axes, cv2.DIST_L2, 5) / size


def draw_axes(shape: tuple[int, ...], points: np.ndarray, width_px: int) -> np.ndarray:
    """The limbs of a skeleton (18, 2) below its nose as lines in a mask of this shape, uint8, 1 on them."""
    axes = np.zeros(shape[:2], np.uint8)
    for a, b in LIMBS[: LIMBS.index((1, 0)) + 1]:
        if MISSING not in (points[a, 0], points[b, 0]):
            start, end = (np.round(points[joint]).astype(int).tolist() for joint in (a, b))
            cv2.line(axes, start, end, 1, width_px)
    return axes


def covered_by(shape: tuple[int, ...], bodies: Sequence[Body]) -> np.ndarray:
    """Where people roughly are by their skeletons, (H, W) bool."""
    over = np.zeros(shape[:2], np.uint8)
    for body in bodies:
        over |= (_axis_distance(shape, body) < SETTINGS.rival_reach).astype(np.uint8)
        torso = [body.points[joint] for joint in (2, 5, 11, 8) if body.seen[joint]]
        if len(torso) > 2:
            cv2.fillConvexPoly(over, cv2.convexHull(np.round(torso).astype(np.int32)), 1)
    return over > 0


def without(picture: Image.Image, bodies: Sequence[Body], light: float = 1.0) -> Image.Image:
    """The picture with people painted over in its mean colour times a light, so that the detector follows others."""
    array = np.array(picture)
    array[covered_by(array.shape, bodies)] = (light * array.reshape(-1, 3).mean(0)).clip(0, 255)
    return Image.fromarray(array)


def _near(a: Box, b: Box) -> bool:
    """Whether two skeletons' surroundings overlap."""
    reach = 0.35 * max(a.height, b.height)
    return (
        a.left - reach < b.right and b.left - reach < a.right and a.top - reach < b.bottom and b.top - reach < a.bottom
    )


def _laid(mask: np.ndarray, place: Box, size: tuple[int, int]) -> np.ndarray:
    """A square view's mask at its place in the picture of (width, height)."""
    scale = place.width / mask.shape[1]
    matrix = np.array([[scale, 0, place.left + 0.5 * scale - 0.5], [0, scale, place.top + 0.5 * scale - 0.5]])
    return cv2.warpAffine(mask, matrix, size, flags=cv2.INTER_LINEAR, borderValue=0).clip(0, 1)

"""Where two faces correspond: landmarks and the outline of head and shoulders, as the motion that a morph starts from."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from PIL import Image
from scipy.interpolate import RBFInterpolator
from torch import Tensor

from core.detect.faces import detect_faces
from core.detect.segment import depth, outline, person_mask
from core.errors import NothingFoundError
from core.image import limit_size, to_tensor
from core.ops.warp import backward_warp
from core.sdl.methods.toon.abstraction import box

MOTION_PX, GUIDE_PX = 512, 256
# The spline is solved on a grid this coarse and enlarged; landmarks lie further apart than its cells.
GRID = 49
# Points from the height of the chin to the corner of neck and shoulder, and from there to the picture's edge.
SHOULDER = (4, 7)
# How far the spline may pass by its points: the face mesh is sure, an outline is a guess, the picture's edge stays put.
SLACK_FACE, SLACK_OUTLINE, SLACK_EDGE = 20.0, 100.0, 20.0
# An outline that moves more than this, in face heights, against the faces is another haircut, not the same place.
MOST_MOVE = 0.45
# Of the correction by the pictures themselves, as shares of the longer side: the neighbourhood whose lightness is evened,
# how far it may go, how smooth it is; and what spread counts as flat, and what trust as little.
EVENED, MOST_REST, REST_RADIUS, LEAST_SPREAD, LEAST_TRUST = 0.03, 0.05, 0.01, 0.06, 0.1
# Side of a rendered training head's picture, in heights of its face.
HEAD_SHARE = 2.2


def head_box(picture: Image.Image) -> tuple[int, int, int, int] | None:
    """The part of the picture around its largest face that rendered training heads show; None without a face.

    Returns:
        left, top, right, bottom in whole pixels inside the picture.
    """
    try:
        face = detect_faces(picture)[0].box
    except NothingFoundError:
        return None
    half = HEAD_SHARE * max(face.width, face.height) / 2
    x, y = (face.left + face.right) / 2, (face.top + face.bottom) / 2
    left, top = max(0, round(x - half)), max(0, round(y - half))
    return left, top, min(picture.width, round(x + half)), min(picture.height, round(y + half))


def silhouette(picture: Image.Image, centre: np.ndarray) -> np.ndarray:
    """The person around `centre` (x, y) alone, without what else was taken for one: (H, W) float32 in [0, 1]."""
    mask = cv2.GaussianBlur(person_mask(picture)[0, 0].numpy(), (0, 0), max(1.0, picture.width / 160))
    _, pieces = cv2.connectedComponents((mask > 0.5).astype(np.uint8))
    column, row = (int(np.clip(at, 0, side - 1)) for at, side in zip(centre, picture.size, strict=True))
    own = pieces == (pieces[row, column] or np.bincount(pieces[pieces > 0]).argmax())
    return mask * cv2.GaussianBlur(own.astype(np.float32), (0, 0), 1.0)


def shoulder(mask: np.ndarray, chin_px: float, right: bool) -> np.ndarray:
    """Neck and shoulder of one side, from the height of the chin to the picture's edge: (sum(SHOULDER), 2), or NaN.

    The line is cut at its corner, where neck (or hair) meets the shoulder, and sampled evenly on both parts.

    Args:
        mask: (H, W) in [0, 1].
        chin_px: height at which to start.
        right: of the picture.
    """
    height, width = mask.shape
    line = []
    for row in range(round(chin_px), height):
        across = np.flatnonzero(mask[row] > 0.5)
        if not len(across):
            return np.full((sum(SHOULDER), 2), np.nan)
        line.append((float(across[-1] + 1 if right else across[0]), row + 0.5))
        if line[-1][0] in (0, width):
            break
    points = np.array(line).reshape(-1, 2)
    if len(points) < sum(SHOULDER):
        return np.full((sum(SHOULDER), 2), np.nan)
    points[-1, 1] = height if points[-1, 1] > height - 1 else points[-1, 1]
    # As in Douglas and Peucker 1973: the corner is what lies furthest inside the chord.
    chord, along = points[-1] - points[0], points - points[0]
    away = (chord[0] * along[:, 1] - chord[1] * along[:, 0]) * (1 if right else -1)
    corner = int(np.clip(away.argmax(), 1, len(points) - 2))
    return np.vstack([evenly(points[: corner + 1], SHOULDER[0] + 1)[:-1], evenly(points[corner:], SHOULDER[1])])


def evenly(points: np.ndarray, count: int) -> np.ndarray:
    """`count` places at equal distances along a line of points (N, 2), both ends among them."""
    run = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    at = np.linspace(0, run[-1], count)
    return np.stack([np.interp(at, run, points[:, axis]) for axis in (0, 1)], 1)


def rims(ends: list[np.ndarray], size_px: tuple[int, int]) -> list[np.ndarray]:
    """Points around both pictures' edges, (16, 2) each: they stay, but slide along a side that both shoulders leave by.

    Args:
        ends: of each picture, where its left and right shoulder leave it, (2, 2); NaN where unknown.
        size_px: width and height of both.
    """
    share, size = np.linspace(0, 1, 5), np.array(size_px, float)
    fixed = np.array([(x, y) for x in share for y in share if x in (0, 1) or y in (0, 1)]) * size
    found = [fixed.copy() for _ in ends]
    for side, edge in ((0, 0.0), (1, size[0])):
        if all(end[side, 0] == edge for end in ends):
            on = np.flatnonzero(fixed[:, 0] == edge)
            for points, end in zip(found, ends, strict=True):
                points[on, 1] = np.interp(share, (0, 0.5, 1), (0, end[side, 1], size[1]))
    if all((end[:, 1] == size[1]).all() and 0 < end[0, 0] < end[1, 0] < size[0] for end in ends):
        on = np.flatnonzero(fixed[:, 1] == size[1])
        for points, end in zip(found, ends, strict=True):
            points[on, 0] = np.interp(share, (0, 0.25, 0.75, 1), (0, *end[:, 0], size[0]))
    return found


def correspondences(
    first: Image.Image, second: Image.Image
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[np.ndarray]]:
    """Points of the two pictures that show the same: face mesh, outline, picture's edge.

    Returns:
        (N, 2) pixels in the first and in the second picture, (N,) how far a spline may pass by, and both people's masks
        (H, W) in [0, 1].

    Raises:
        NothingFoundError: a picture without a face.
    """
    pictures = (first, second)
    faces = [
        detect_faces(picture, name)[0].points
        for picture, name in zip(pictures, ("the first picture", "the second picture"), strict=True)
    ]
    masks = [silhouette(picture, points.mean(0)) for picture, points in zip(pictures, faces, strict=True)]
    around = [outline(mask, points.mean(0)) for mask, points in zip(masks, faces, strict=True)]
    sides = [
        np.stack([shoulder(mask, points[:, 1].max(), right) for right in (False, True)])
        for mask, points in zip(masks, faces, strict=True)
    ]
    around = [np.vstack([ray, *side]) for ray, side in zip(around, sides, strict=True)]
    height = np.ptp(faces[0][:, 1])
    moved = around[1] - around[0] - (faces[1].mean(0) - faces[0].mean(0))
    both = np.hypot(*moved.T) < MOST_MOVE * height
    rim = rims([side[:, -1] for side in sides], first.size)
    found = [np.vstack([points, ray[both], edge]) for points, ray, edge in zip(faces, around, rim, strict=True)]
    slack = np.repeat([SLACK_FACE, SLACK_OUTLINE, SLACK_EDGE], [len(faces[0]), both.sum(), len(rim[0])])
    return found[0], found[1], slack, masks


def spline_flow(
    points_px: np.ndarray, places_px: np.ndarray, slack: np.ndarray, size_px: tuple[int, int]
) -> np.ndarray:
    """How far every pixel moves when `points_px` move to `places_px`: (H, W, 2) float32, x before y.

    Args:
        points_px: (N, 2).
        places_px: (N, 2).
        slack: (N,) smoothing at each point.
        size_px: width and height.

    Source: thin-plate splines, Bookstein 1989.
    """
    across, down = ((np.arange(GRID) + 0.5) * side / GRID for side in size_px)
    where = np.stack(np.meshgrid(across, down), -1).reshape(-1, 2)
    spline = RBFInterpolator(points_px, places_px - points_px, smoothing=slack)
    moved = spline(where).reshape(GRID, GRID, 2).astype(np.float32)
    return cv2.resize(moved, size_px, interpolation=cv2.INTER_CUBIC)


def evened(picture: Tensor) -> np.ndarray:
    """What two faces share and two colours do not: lightness by its local mean and spread, (H, W) uint8, of (1, 3, H, W)."""
    lightness = picture.mean(1, keepdim=True)
    radius = max(3, round(EVENED * max(picture.shape[-2:])))
    relief = lightness - box(lightness, radius)
    contrast = relief / (box(relief.square(), radius).sqrt() + LEAST_SPREAD)
    return ((contrast[0, 0].clamp(-2, 2) + 2) / 4 * 255).byte().numpy()


def refined(first: Tensor, second: Tensor, there: Tensor) -> Tensor:
    """A motion from the first to the second picture (1, 3, H, W), corrected where the pictures themselves agree on it.

    Strands, collars and brows that the spline leaves a few pixels apart meet; where the ways there and back do not fit,
    the spline stays.

    Args:
        first: RGB in [0, 1].
        second: the same.
        there: (1, 2, H, W), pixels.

    Source: Kroeger et al. 2016, "Fast Optical Flow using Dense Inverse Search", on locally normalised lightness.
    """
    pictures = evened(first), evened(backward_warp(second, there))
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flows = [search.calc(one, other, None) for one, other in (pictures, pictures[::-1])]
    rest, back = (torch.from_numpy(flow).permute(2, 0, 1)[None] for flow in flows)
    side = max(first.shape[-2:])
    gap = (rest + backward_warp(back, rest)).norm(dim=1, keepdim=True)
    trust = torch.exp(-gap) * (rest.norm(dim=1, keepdim=True) < MOST_REST * side)
    radius = max(1, round(REST_RADIUS * side))
    rest, trust = (box(box(maps, radius), radius) for maps in (rest * trust, trust))
    rest = rest / (trust + LEAST_TRUST)
    return rest + backward_warp(there, rest)


def face_motion(first: Image.Image, second: Image.Image) -> Tensor:
    """The motion between two faces in the form of `core.sdl.methods.flow_hypotheses.optical_flow.dense_motion`, fully trusted, and where the people are.

    Returns:
        (1, 8, h, w): there, back, two maps of ones, and how deep inside the first and the second person each pixel of the
        first and the second picture lies, in pixels.

    Args:
        first: RGB.
        second: of the same size.

    Raises:
        NothingFoundError: a picture without a face.
    """
    first, second = limit_size(first, MOTION_PX), limit_size(second, MOTION_PX)
    points, places, slack, masks = correspondences(first, second)
    flows = [spline_flow(*pair, slack, first.size) for pair in ((points, places), (places, points))]
    motion = torch.from_numpy(np.concatenate(flows, -1)).permute(2, 0, 1)
    views = to_tensor(first), to_tensor(second)
    there, back = refined(*views, motion[None, :2]), refined(*views[::-1], motion[None, 2:])
    people = torch.from_numpy(np.stack([depth(mask) for mask in masks]))
    ones = torch.ones(1, 2, *motion.shape[1:])
    return torch.cat([there, back, ones, people[None]], 1)


def face_guide(picture: Image.Image) -> Tensor | None:
    """Where the largest face and its person are, for the ageing network; None without a face or a person.

    Returns:
        (1, 4, h, w): place right of and below the middle of the face, in face heights; the person, and the oval of the
        face mesh, each from 0 to 1.
    """
    picture = limit_size(picture, GUIDE_PX)
    try:
        points, person = detect_faces(picture)[0].points, person_mask(picture)[0, 0].numpy()
    except NothingFoundError:
        return None
    oval = np.zeros((picture.height, picture.width), np.float32)
    cv2.fillConvexPoly(oval, cv2.convexHull(points.astype(np.float32)).round().astype(np.int32), (1.0,))
    oval = cv2.GaussianBlur(oval, (0, 0), max(0.8, picture.width / 160))
    middle, height = (points.min(0) + points.max(0)) / 2, np.ptp(points[:, 1])
    y, x = np.mgrid[0 : picture.height, 0 : picture.width].astype(np.float32) + 0.5
    maps = np.stack([(x - middle[0]) / height, (y - middle[1]) / height, person, oval])
    return torch.from_numpy(maps.astype(np.float32))[None]


def try_face_motion(first: Image.Image, second: Image.Image) -> Tensor | None:
    """`face_motion`, or None where a picture shows no face or no person."""
    try:
        return face_motion(first, second)
    except NothingFoundError:
        return None

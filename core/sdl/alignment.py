"""Where two faces correspond: landmarks and the outline of head and shoulders, as the motion that a morph starts from."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from PIL import Image
from scipy.interpolate import RBFInterpolator
from torch import Tensor

from core.detect.faces import detect_faces
from core.detect.segment import person_mask
from core.errors import NothingFoundError
from core.image import limit_size

MOTION_PX, GUIDE_PX = 512, 256
# The spline is solved on a grid this coarse and enlarged; landmarks lie further apart than its cells.
GRID = 49
RAYS = 40
# How far the spline may pass by its points: the face mesh is sure, an outline is a guess, the picture's edge stays put.
SLACK_FACE, SLACK_OUTLINE, SLACK_EDGE = 20.0, 100.0, 20.0
# An outline that moves more than this, in face heights, against the faces is another haircut, not the same place.
MOST_MOVE = 0.45
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


def outline(picture: Image.Image, centre: np.ndarray) -> np.ndarray:
    """The last pixel of the person along rays from `centre` (x, y): (RAYS, 2), NaN where it lies at the picture's edge."""
    mask = cv2.GaussianBlur(person_mask(picture)[0, 0].numpy(), (0, 0), max(1.0, picture.width / 160))
    places = np.full((RAYS, 2), np.nan)
    reach = np.arange(2, 2 * max(picture.size))
    for number, angle in enumerate(np.arange(RAYS) * 2 * np.pi / RAYS):
        x, y = centre[0] + reach * np.cos(angle), centre[1] + reach * np.sin(angle)
        inside = (x >= 0) & (x < picture.width) & (y >= 0) & (y < picture.height)
        along = mask[y[inside].astype(int), x[inside].astype(int)] > 0.5
        if len(along) and not along[-3:].any() and along.any():
            last = int(np.flatnonzero(along)[-1])
            places[number] = x[inside][last], y[inside][last]
    return places


def correspondences(first: Image.Image, second: Image.Image) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points of the two pictures that show the same: face mesh, outline, picture's edge.

    Returns:
        (N, 2) pixels in the first and in the second picture, and (N,) how far a spline may pass by.

    Raises:
        NothingFoundError: a picture without a face.
    """
    pictures = (first, second)
    faces = [
        detect_faces(picture, name)[0].points
        for picture, name in zip(pictures, ("the first picture", "the second picture"), strict=True)
    ]
    around = [outline(picture, points.mean(0)) for picture, points in zip(pictures, faces, strict=True)]
    height = np.ptp(faces[0][:, 1])
    moved = around[1] - around[0] - (faces[1].mean(0) - faces[0].mean(0))
    both = np.hypot(*moved.T) < MOST_MOVE * height
    share = np.linspace(0, 1, 5)
    rim = np.array([(x, y) for x in share for y in share if x in (0, 1) or y in (0, 1)])
    found = [
        np.vstack([points, ray[both], rim * picture.size])
        for points, ray, picture in zip(faces, around, pictures, strict=True)
    ]
    slack = np.repeat([SLACK_FACE, SLACK_OUTLINE, SLACK_EDGE], [len(faces[0]), both.sum(), len(rim)])
    return found[0], found[1], slack


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


def face_motion(first: Image.Image, second: Image.Image) -> Tensor:
    """The motion between two faces in the form of `core.sdl.dense.dense_motion`, fully trusted: (1, 6, h, w).

    Args:
        first: RGB.
        second: of the same size.

    Raises:
        NothingFoundError: a picture without a face.
    """
    first, second = limit_size(first, MOTION_PX), limit_size(second, MOTION_PX)
    points, places, slack = correspondences(first, second)
    flows = [spline_flow(*pair, slack, first.size) for pair in ((points, places), (places, points))]
    motion = torch.from_numpy(np.concatenate(flows, -1)).permute(2, 0, 1)
    return torch.cat([motion, torch.ones(2, *motion.shape[1:])])[None]


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

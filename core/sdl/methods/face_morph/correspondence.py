"""Where two faces correspond: landmarks and the outline of head and shoulders, as the motion that a morph starts from."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.detect.faces import TURN, detect_faces, look_apart
from core.detect.segment import outline, person_mask
from core.errors import NothingFoundError
from core.image import limit_size, to_tensor
from core.ops.filters import box_filter
from core.ops.masks import signed_distance
from core.ops.thin_plate import spline_grid
from core.ops.warp import backward_warp

# Points from the height of the chin to the corner of neck and shoulder, and from there to the picture's edge.
SHOULDER = (4, 7)


@dataclass(frozen=True)
class Alignment:
    """Constants of the spline between two faces and of its correction; shares are of the longer side."""

    side_px: int = 512  # longer side at which the motion is found
    grid: int = 49  # cells along each side on which the spline is solved: landmarks lie further apart
    slack_face: float = 20.0  # how far the spline may pass by its points: the face mesh is sure
    slack_outline: float = 100.0  # an outline is a guess
    slack_edge: float = 20.0  # the picture's edge stays
    most_displacement: float = 0.45  # in face heights, of an outline against the faces: more is another haircut
    normalised: float = 0.03  # share: neighbourhood whose lightness is normalised
    least_spread: float = 0.06  # of lightness (of 1), which counts as flat
    most_correction: float = 0.05  # share: how far the pictures may correct the spline
    smoothness: float = 0.01  # share: radius of the correction's smoothing
    least_confidence: float = 0.1  # counts as little: there the spline stays


ALIGNMENT = Alignment()


def isolate_person(picture: Image.Image, centre: np.ndarray) -> np.ndarray:
    """The person around `centre` (x, y) alone, without what else was taken for one: (H, W) float32 in [0, 1]."""
    mask = cv2.GaussianBlur(person_mask(picture)[0, 0].numpy(), (0, 0), max(1.0, picture.width / 160))
    _, pieces = cv2.connectedComponents((mask > 0.5).astype(np.uint8))
    column, row = (int(np.clip(at, 0, side - 1)) for at, side in zip(centre, picture.size, strict=True))
    own = pieces == (pieces[row, column] or np.bincount(pieces[pieces > 0]).argmax())
    return mask * cv2.GaussianBlur(own.astype(np.float32), (0, 0), 1.0)


def trace_shoulder(mask: np.ndarray, chin_px: float, right: bool) -> np.ndarray:
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
    return np.vstack(
        [resample_line(points[: corner + 1], SHOULDER[0] + 1)[:-1], resample_line(points[corner:], SHOULDER[1])]
    )


def resample_line(points: np.ndarray, count: int) -> np.ndarray:
    """`count` places at equal distances along a line of points (N, 2), both ends among them."""
    run = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    at = np.linspace(0, run[-1], count)
    return np.stack([np.interp(at, run, points[:, axis]) for axis in (0, 1)], 1)


def match_edges(ends: list[np.ndarray], size_px: tuple[int, int]) -> list[np.ndarray]:
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


def find_correspondences(
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
    masks = [isolate_person(picture, points.mean(0)) for picture, points in zip(pictures, faces, strict=True)]
    around = [outline(mask, points.mean(0)) for mask, points in zip(masks, faces, strict=True)]
    sides = [
        np.stack([trace_shoulder(mask, points[:, 1].max(), right) for right in (False, True)])
        for mask, points in zip(masks, faces, strict=True)
    ]
    around = [np.vstack([ray, *side]) for ray, side in zip(around, sides, strict=True)]
    height = np.ptp(faces[0][:, 1])
    moved = around[1] - around[0] - (faces[1].mean(0) - faces[0].mean(0))
    both = np.hypot(*moved.T) < ALIGNMENT.most_displacement * height
    rim = match_edges([side[:, -1] for side in sides], first.size)
    found = [np.vstack([points, ray[both], edge]) for points, ray, edge in zip(faces, around, rim, strict=True)]
    given = (ALIGNMENT.slack_face, ALIGNMENT.slack_outline, ALIGNMENT.slack_edge)
    slack = np.repeat(given, [len(faces[0]), both.sum(), len(rim[0])])
    return found[0], found[1], slack, masks


def interpolate_flow(
    points_px: np.ndarray, places_px: np.ndarray, slack: np.ndarray | float, size_px: tuple[int, int], grid: int
) -> np.ndarray:
    """How far every pixel moves when `points_px` move to `places_px`: (H, W, 2) float32, x before y.

    Args:
        points_px: (N, 2).
        places_px: (N, 2).
        slack: smoothing, one for all or (N,).
        size_px: width and height.
        grid: cells along each side on which the spline is solved, coarser than the pixels.
    """
    moved = spline_grid(points_px, places_px - points_px, slack, size_px, grid)
    return cv2.resize(moved.astype(np.float32), size_px, interpolation=cv2.INTER_CUBIC)


def normalise_lightness(picture: Tensor) -> np.ndarray:
    """What two faces share and two colours do not: lightness by its local mean and spread, (H, W) uint8, of (1, 3, H, W)."""
    lightness = picture.mean(1, keepdim=True)
    radius = max(3, round(ALIGNMENT.normalised * max(picture.shape[-2:])))
    relief = lightness - box_filter(lightness, radius)
    contrast = relief / (box_filter(relief.square(), radius).sqrt() + ALIGNMENT.least_spread)
    return ((contrast[0, 0].clamp(-2, 2) + 2) / 4 * 255).byte().numpy()


def correct_flow(first: Tensor, second: Tensor, there: Tensor) -> Tensor:
    """A motion from the first to the second picture (1, 3, H, W), corrected where the pictures themselves agree on it.

    Strands, collars and brows that the spline leaves a few pixels apart meet; where forward and backward flow are
    not consistent, the spline stays.

    Args:
        first: RGB in [0, 1].
        second: the same.
        there: (1, 2, H, W), pixels.

    Source: Kroeger et al. 2016, "Fast Optical Flow using Dense Inverse Search", on locally normalised lightness.
    """
    pictures = normalise_lightness(first), normalise_lightness(backward_warp(second, there))
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flows = [search.calc(one, other, None) for one, other in (pictures, pictures[::-1])]
    rest, back = (torch.from_numpy(flow).permute(2, 0, 1)[None] for flow in flows)
    side = max(first.shape[-2:])
    gap = (rest + backward_warp(back, rest)).norm(dim=1, keepdim=True)
    confidence = torch.exp(-gap) * (rest.norm(dim=1, keepdim=True) < ALIGNMENT.most_correction * side)
    radius = max(1, round(ALIGNMENT.smoothness * side))
    rest, confidence = (box_filter(box_filter(maps, radius), radius) for maps in (rest * confidence, confidence))
    rest = rest / (confidence + ALIGNMENT.least_confidence)
    return rest + backward_warp(there, rest)


def measure_face_motion(first: Image.Image, second: Image.Image) -> tuple[Tensor, bool]:
    """The motion between two faces, in the form of `estimate_motion` of optical flow, and where the people are.

    Returns:
        (1, 8, h, w): there, back, two maps of ones, and how deep inside the first and the second person each pixel of the
        first and the second picture lies, in pixels; and whether the faces look in different directions.

    Args:
        first: RGB.
        second: of the same size.

    Raises:
        NothingFoundError: a picture without a face.
    """
    first, second = limit_size(first, ALIGNMENT.side_px), limit_size(second, ALIGNMENT.side_px)
    points, places, slack, masks = find_correspondences(first, second)
    flows = [
        interpolate_flow(*pair, slack, first.size, ALIGNMENT.grid) for pair in ((points, places), (places, points))
    ]
    motion = torch.from_numpy(np.concatenate(flows, -1)).permute(2, 0, 1)
    views = to_tensor(first), to_tensor(second)
    there, back = correct_flow(*views, motion[None, :2]), correct_flow(*views[::-1], motion[None, 2:])
    people = torch.from_numpy(np.stack([signed_distance(mask) for mask in masks]))
    ones = torch.ones(1, 2, *motion.shape[1:])
    return torch.cat([there, back, ones, people[None]], 1), look_apart(points[list(TURN)], places[list(TURN)])


def find_face_motion(first: Image.Image, second: Image.Image) -> tuple[Tensor | None, bool]:
    """`measure_face_motion`, or None and False where a picture shows no face or no person."""
    try:
        return measure_face_motion(first, second)
    except NothingFoundError:
        return None, False

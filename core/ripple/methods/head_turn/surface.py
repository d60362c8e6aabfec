"""A head as a surface: where every pixel of a photographed head goes when it turns. Nothing here is learned.

MediaPipe's mesh knows how deep each point of the face lies; around it, hair and ears lie on an upright ellipse; both turn about
the neck's axis. What turns into sight was never photographed: the skin and hair beside it are stretched over it.
Source: own; rotation of a face about an axis and its visible side as in Zhu et al. 2016, "Face Alignment Across Large Poses",
section 4; thin-plate splines, Bookstein 1989.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from scipy.interpolate import RBFInterpolator
from torch import Tensor

from core.detect.faces import detect_faces
from core.detect.segment import outline, person_mask
from core.ops.warp import backward_warp
from core.ripple.methods.head_turn import geometry
from core.ripple.methods.head_turn.geometry import (
    BROW,
    EYE_CORNERS,
    EYES_BEFORE_AXIS,
    GRAZING_DEG,
    MESH_RIM,
    MeasuredMesh,
    Square,
)


@dataclass(frozen=True)
class SurfaceConstants:
    """What shapes the surface around the mesh; lengths are shares of the crop's side unless they say otherwise."""

    view_px: int = 480  # width that heads are measured at: MediaPipe finds faces well, the spline stays small
    grid: int = 65  # nodes of the flow along each side: a turn is smooth
    mask_slope: float = 4.0  # from MediaPipe's share of person to a logit
    skull_before_axis: float = 0.06  # the skull's middle
    skull_half_width: float = 0.33  # at its widest
    neck_half_width: float = 0.2
    skull_depth: float = 1.4  # depth of a skull over its width
    neck_follows: float = 0.3  # share of the turn that the neck makes below the chin
    neck_ends: float = 0.3  # of the face's height below the chin: where the neck stands still
    jaw_stretch: float = 0.7  # how far the cheek is stretched to where the corner of the jaw comes out
    jaw_reach: float = 0.10  # how near the mesh's rim an outline is the jaw's
    skin_inset: float = 0.02  # how far inside the rim skin is surely skin
    cheek_given_up: float = 0.06  # how far inside the rim the mesh gives way to the stretched skin
    ear_left: float = 0.012  # what is left of an ear behind the cheek
    chin_zone: float = 0.08  # the part above the chin that the mesh alone moves
    mesh_smoothing: float = 20.0  # of the spline, px of the view: how far it may pass by a point of the mesh
    outline_smoothing: float = 60.0  # px: the outline is the least certain
    border_smoothing: float = 20.0  # px


SURFACE = SurfaceConstants()


def person_logit(share: Tensor) -> Tensor:
    """MediaPipe's share of person in [0, 1] as a logit, above 0 where the person is."""
    return SURFACE.mask_slope * (share - 0.5)


@dataclass(frozen=True)
class HeadMotion:
    """Where a head goes.

    Attributes:
        flow: (1, 2, h, w) from each point of the turned picture to where it was, shares of the picture's width and height.
        person: (1, 1, h', w') in [0, 1], where the person is after the turn.
    """

    flow: Tensor
    person: Tensor

    def flow_px(self, size: int) -> Tensor:
        """(1, 2, size, size), pixels of a picture of this size."""
        return F.interpolate(self.flow, (size, size), mode="bicubic", align_corners=False) * size

    def logit(self, size: int) -> Tensor:
        """(1, 1, size, size), above 0 where the person is."""
        return person_logit(F.interpolate(self.person, (size, size), mode="area"))


@dataclass(frozen=True)
class HeadSurface(MeasuredMesh):
    """A head in a picture that is `SURFACE.view_px` wide; all lengths in its pixels.

    Attributes:
        mesh: (478, 3) x, y, and how far before the axis each point of the mesh lies.
        axis_x: where the axis of turning stands.
        yaw: radians that the head looks to the picture's right already.
        square: the crop around the face.
        outline: (N, 2) of the person.
        person: (H, W) float32 in [0, 1].
    """

    mesh: np.ndarray
    axis_x: float
    yaw: float
    square: Square
    outline: np.ndarray
    person: np.ndarray

    @classmethod
    def of(cls, picture: Image.Image) -> HeadSurface:
        """The surface of a picture's largest face.

        Raises:
            NothingFoundError: no face or no person.
        """
        width = SURFACE.view_px
        size = (width, max(1, round(picture.height * width / picture.width)))
        view = picture.resize(size, Image.Resampling.BICUBIC)
        face = detect_faces(view)[0]
        square, mesh = geometry.measure_face(face)
        left, right = (mesh[list(corners)].mean(0) for corners in EYE_CORNERS)
        yaw = float(np.arctan2(left[2] - right[2], right[0] - left[0]))
        arm = EYES_BEFORE_AXIS * square.side
        mesh[:, 2] += arm * (np.cos(yaw) - 1)
        axis_x = float((left[0] + right[0]) / 2 - arm * np.sin(yaw))
        person = person_mask(view)[0, 0].numpy()
        rim = outline(cv2.GaussianBlur(person, (0, 0), width / 160), face.points.mean(0))
        return cls(mesh, axis_x, yaw, square, rim[~np.isnan(rim[:, 0])], person)

    def motion(self, turn_deg: float) -> HeadMotion:
        """The motion of a turn of so many degrees to the picture's right."""
        flow, person = self.flow(turn_deg), torch.from_numpy(self.person)[None, None]
        height, width = self.person.shape
        px = F.interpolate(flow, (height, width), mode="bicubic", align_corners=False)
        return HeadMotion(flow, backward_warp(person, px * px.new_tensor([width, height]).view(1, 2, 1, 1)))

    def flow(self, turn_deg: float, grid: int = SURFACE.grid) -> Tensor:
        """`HeadMotion.flow` of a turn of so many degrees to the picture's right, (1, 2, grid, grid)."""
        if turn_deg == 0:
            return torch.zeros(1, 2, grid, grid)
        before, after, smoothing = self.control_points(np.deg2rad(turn_deg))
        height, width = self.person.shape
        across, down = ((np.arange(grid) + 0.5) * side / grid for side in (width, height))
        at = np.stack(np.meshgrid(across, down), -1).reshape(-1, 2)
        moved = RBFInterpolator(after, before - after, smoothing=smoothing)(at) / (width, height)
        return torch.from_numpy(moved.astype(np.float32)).T.reshape(1, 2, grid, grid)

    def control_points(self, turn: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The spline's points (N, 2) before and after a turn of `turn` radians, and its smoothing at each, (N,)."""
        mesh, visible = self.rotated_mesh(turn)
        visible &= ~self.cheek_that_gives_way(turn)
        before, after = [self.mesh[visible, :2]], [mesh[visible]]
        pairs = [pair for point in self.outline if (pair := self.outline_pair(point, mesh, turn)) is not None]
        if pairs:
            before.append(np.array([pair[0] for pair in pairs]))
            after.append(np.array([pair[1] for pair in pairs]))
        share = np.linspace(0, 1, 9)
        border = np.array([(x, y) for x in share for y in share if x in (0, 1) or y in (0, 1)])
        border = border * self.person.shape[::-1]
        smoothing = [SURFACE.mesh_smoothing, SURFACE.outline_smoothing, SURFACE.border_smoothing]
        counts = [int(visible.sum()), len(pairs), len(border)]
        return np.vstack([*before, border]), np.vstack([*after, border]), np.repeat(smoothing, counts)

    def rotated_mesh(self, turn: float) -> tuple[np.ndarray, np.ndarray]:
        """Where the mesh is after a turn, (478, 2), and which points still face the viewer, (478,)."""
        mesh, _ = geometry.rotate_about_axis(self.mesh, self.axis_x, np.rad2deg(turn))
        middle = SURFACE.skull_before_axis * self.square.side
        around = np.arctan2(self.mesh[:, 0] - self.axis_x, self.mesh[:, 2] - middle)
        return mesh, np.abs(around + turn) < np.deg2rad(GRAZING_DEG)

    def cheek_that_gives_way(self, turn: float) -> np.ndarray:
        """(478,) points of the cheek that comes into sight: stretched skin takes their place."""
        side, y = -np.sign(turn), self.mesh[:, 1]
        outside = side * (self.mesh[:, 0] - self.rim_x(self.mesh[:, :2], y, int(side)))
        low = (y > self.eyes_y) & (y < self.chin_y - SURFACE.chin_zone * self.square.side)
        near_rim = outside > -SURFACE.cheek_given_up * self.square.side
        return low & (side * (self.mesh[:, 0] - self.axis_x) > 0) & near_rim

    def outline_pair(self, point: np.ndarray, mesh: np.ndarray, turn: float) -> tuple[list[float], list[float]] | None:
        """A point of the outline before and after the turn; None where the mesh alone decides."""
        (x, y), unit = point, self.square.side
        side = 1 if x > self.axis_x else -1
        hides = side == np.sign(turn)
        rim_before, rim_after = (float(self.rim_x(points, y, side)) for points in (self.mesh[:, :2], mesh))
        if y > self.chin_y:
            height = self.chin_y - self.mesh[BROW, 1]
            follows = SURFACE.neck_follows * np.clip(1 - (y - self.chin_y) / (SURFACE.neck_ends * height), 0, 1)
            return [x, y], [x + follows * (self.rotated_skull(x, turn, SURFACE.neck_half_width) - x), y]
        if y > self.ears_y and abs(x - rim_before) < SURFACE.jaw_reach * unit:
            if hides or y > self.chin_y - SURFACE.chin_zone * unit:
                return None
            share = SURFACE.jaw_stretch * (self.chin_y - y) / (self.chin_y - self.ears_y)
            stretched = rim_after + share * (self.rotated_ear(rim_before, turn) - rim_after)
            return [rim_before - side * SURFACE.skin_inset * unit, y], [stretched, y]
        skull, ear = self.rotated_skull(x, turn, SURFACE.skull_half_width), self.rotated_ear(x, turn)
        # A head that looks down has its ears at the height of its eyes.
        below_eyes = (y - self.eyes_y) / max(1.0, self.ears_y - self.eyes_y)
        if hides and y > self.mesh[BROW, 1]:
            share = np.clip(below_eyes, 0, 1)
            beyond = side * (share * ear + (1 - share) * skull - rim_after)
            return [x, y], [rim_after + side * max(SURFACE.ear_left * unit, beyond), y]
        return [x, y], [skull, y]

    def rotated_skull(self, x: float, turn: float, half_width: float) -> float:
        """Where the rim of the skull that was at x is: that of an ellipse turned about the axis."""
        arm, after = SURFACE.skull_before_axis * self.square.side, self.yaw + turn
        middle = self.axis_x + arm * np.sin(self.yaw)
        side, width = np.sign(x - middle), abs(x - middle)
        skull = min(width, half_width * self.square.side)
        half = skull / np.hypot(np.cos(self.yaw), SURFACE.skull_depth * np.sin(self.yaw))
        new = half * np.hypot(np.cos(after), SURFACE.skull_depth * np.sin(after)) + width - skull
        return float(self.axis_x + arm * np.sin(after) + side * new)

    def rotated_ear(self, x: float, turn: float) -> float:
        """Where a point at the skull's side that was at x is."""
        before = SURFACE.skull_before_axis * self.square.side * np.cos(self.yaw)
        return float(self.axis_x + (x - self.axis_x) * np.cos(turn) + before * np.sin(turn))

    def rim_x(self, mesh: np.ndarray, y: np.ndarray | float, side: int) -> np.ndarray:
        """X of the mesh's rim on one side at heights y of the photograph."""
        rim = np.array(MESH_RIM[side])
        order = rim[np.argsort(self.mesh[rim, 1])]
        return np.interp(y, self.mesh[order, 1], mesh[order, 0])

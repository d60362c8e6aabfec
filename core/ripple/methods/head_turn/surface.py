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

from core.detect.faces import Face, detect_faces
from core.detect.segment import outline, person_mask
from core.errors import NothingFoundError
from core.ops.warp import backward_warp
from core.ripple.data.head_pairs import Square, face_square

EYES_BEFORE_AXIS = (
    0.4  # of the crop's side: how far the eyes lie before the axis of turning (median of the rendered heads)
)
GRAZING_DEG = 62.0  # surfaces turned further away than this count as hidden
EYE_RIMS, MOUTH = ((33, 133), (362, 263)), (61, 291)
VIEW_PX, GRID = 480, 65
MASK_SLOPE = 4.0  # from MediaPipe's share of person to a logit
# The rim of the mesh from the brow's middle to the chin, on the picture's left and on its right.
RIMS = {
    -1: (10, 109, 67, 103, 54, 21, 162, 127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152),
    1: (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152),
}
BROW, CHIN, EARS = 10, 152, (234, 454)
# Of the crop's side: the skull's middle before the axis, its greatest half width, and the neck's.
SKULL_BEFORE_AXIS, WIDEST, NECK = 0.06, 0.33, 0.2
DEEPER = 1.4  # how much deeper a skull is than wide
NECK_FOLLOWS, NECK_ENDS = 0.3, 0.3  # share of the turn below the chin, and after how many face heights none is left
JAW_FILLS = 0.7  # how far the cheek is stretched to where the corner of the jaw comes out
# Of the crop's side: how near the mesh's rim an outline is the jaw's; how far inside the rim skin is surely skin; how far
# the mesh gives way to it; what is left of an ear behind the cheek; and the part above the chin that the mesh alone moves.
BESIDE, INSIDE, GIVES_WAY, HIDDEN, CHIN_ZONE = 0.10, 0.02, 0.06, 0.012, 0.08
SLACK_MESH, SLACK_OUTLINE, SLACK_EDGE = 20.0, 60.0, 20.0  # of the spline, in pixels of the view


def eyes_and_mouth(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eye centres (2, 2) and mouth corners (2, 2) of a mesh (478, 2)."""
    return np.stack([points[list(rim)].mean(0) for rim in EYE_RIMS]), points[list(MOUTH)]


def before_axis(face: Face, square: Square) -> np.ndarray:
    """(478, 3): x and y px, and how far before the axis of turning each point lies, px."""
    if face.depths is None:
        raise NothingFoundError("these landmarks have no depth: detect them rather than setting them by hand")
    rims = [index for rim in EYE_RIMS for index in rim]
    near = face.depths[rims].mean() - face.depths + EYES_BEFORE_AXIS * square.side
    return np.concatenate([face.points, near[:, None]], axis=1)


def turned(spatial: np.ndarray, axis_x: float, yaw_deg: float) -> tuple[np.ndarray, np.ndarray]:
    """Where points (N, 3) go and whether they still face the viewer, (N, 2) and (N,) bool.

    Seen from afar: x' = axis + (x - axis) cos + depth sin, y stays; the rendered heads keep to it within 0.3 px.
    """
    yaw = np.deg2rad(yaw_deg)
    x, near = spatial[:, 0] - axis_x, spatial[:, 2]
    places = np.stack([axis_x + x * np.cos(yaw) + near * np.sin(yaw), spatial[:, 1]], axis=1)
    facing = np.abs(np.arctan2(x, near) + yaw) < np.deg2rad(GRAZING_DEG)
    return places, facing


def person_logit(share: Tensor) -> Tensor:
    """MediaPipe's share of person in [0, 1] as a logit, above 0 where the person is."""
    return MASK_SLOPE * (share - 0.5)


@dataclass(frozen=True)
class Course:
    """Where a head goes.

    Attributes:
        flow: (1, 2, h, w) from each place of the turned picture to where it was, shares of the picture's width and height.
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
class HeadSurface:
    """A head in a picture that is `VIEW_PX` wide; all lengths in its pixels.

    Attributes:
        spatial: (478, 3) x, y, and how far before the axis each point of the mesh lies.
        axis_x: where the axis of turning stands.
        yaw: radians that the head looks to the picture's right already.
        square: the crop around the face.
        rim: (N, 2) outline of the person.
        person: (H, W) float32 in [0, 1].
    """

    spatial: np.ndarray
    axis_x: float
    yaw: float
    square: Square
    rim: np.ndarray
    person: np.ndarray

    @classmethod
    def of(cls, picture: Image.Image) -> HeadSurface:
        """The surface of a picture's largest face.

        Raises:
            NothingFoundError: no face or no person.
        """
        view = picture.resize(
            (VIEW_PX, max(1, round(picture.height * VIEW_PX / picture.width))), Image.Resampling.BICUBIC
        )
        face = detect_faces(view)[0]
        square = face_square(*eyes_and_mouth(face.points))
        spatial = before_axis(face, square)
        left, right = (spatial[list(rim)].mean(0) for rim in EYE_RIMS)
        yaw = float(np.arctan2(left[2] - right[2], right[0] - left[0]))
        arm = EYES_BEFORE_AXIS * square.side
        spatial[:, 2] += arm * (np.cos(yaw) - 1)
        axis_x = float((left[0] + right[0]) / 2 - arm * np.sin(yaw))
        person = person_mask(view)[0, 0].numpy()
        rim = outline(cv2.GaussianBlur(person, (0, 0), VIEW_PX / 160), face.points.mean(0))
        return cls(spatial, axis_x, yaw, square, rim[~np.isnan(rim[:, 0])], person)

    def course(self, turn_deg: float) -> Course:
        """The way of a turn of so many degrees to the picture's right."""
        flow, person = self.flow(turn_deg), torch.from_numpy(self.person)[None, None]
        height, width = self.person.shape
        px = F.interpolate(flow, (height, width), mode="bicubic", align_corners=False)
        return Course(flow, backward_warp(person, px * px.new_tensor([width, height]).view(1, 2, 1, 1)))

    def flow(self, turn_deg: float, grid: int = GRID) -> Tensor:
        """`Course.flow` of a turn of so many degrees to the picture's right, (1, 2, grid, grid)."""
        if turn_deg == 0:
            return torch.zeros(1, 2, grid, grid)
        was, now, slack = self.held(np.deg2rad(turn_deg))
        height, width = self.person.shape
        across, down = ((np.arange(grid) + 0.5) * side / grid for side in (width, height))
        at = np.stack(np.meshgrid(across, down), -1).reshape(-1, 2)
        moved = RBFInterpolator(now, was - now, smoothing=slack)(at) / (width, height)
        return torch.from_numpy(moved.astype(np.float32)).T.reshape(1, 2, grid, grid)

    def held(self, turn: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Points (N, 2) of the photograph, where they are after the turn, and how far the spline may pass by (N,)."""
        mesh, facing = self.turned_mesh(turn)
        facing &= ~self.given_up(turn)
        was, now = [self.spatial[facing, :2]], [mesh[facing]]
        pairs = [pair for place in self.rim if (pair := self.rim_pair(place, mesh, turn)) is not None]
        if pairs:
            was.append(np.array([pair[0] for pair in pairs]))
            now.append(np.array([pair[1] for pair in pairs]))
        share = np.linspace(0, 1, 9)
        edge = np.array([(x, y) for x in share for y in share if x in (0, 1) or y in (0, 1)]) * self.person.shape[::-1]
        slack = np.repeat([SLACK_MESH, SLACK_OUTLINE, SLACK_EDGE], [int(facing.sum()), len(pairs), len(edge)])
        return np.vstack([*was, edge]), np.vstack([*now, edge]), slack

    def turned_mesh(self, turn: float) -> tuple[np.ndarray, np.ndarray]:
        """Where the mesh is after a turn of `turn` radians, (478, 2), and which points still face the viewer, (478,)."""
        mesh, _ = turned(self.spatial, self.axis_x, np.rad2deg(turn))
        middle = SKULL_BEFORE_AXIS * self.square.side
        around = np.arctan2(self.spatial[:, 0] - self.axis_x, self.spatial[:, 2] - middle)
        return mesh, np.abs(around + turn) < np.deg2rad(GRAZING_DEG)

    def given_up(self, turn: float) -> np.ndarray:
        """(478,) points of the cheek that comes into sight whose place the stretched skin takes."""
        side, y = -np.sign(turn), self.spatial[:, 1]
        outside = side * (self.spatial[:, 0] - self.at_rows(self.spatial[:, :2], y, int(side)))
        low = (y > self.eyes_y) & (y < self.chin_y - CHIN_ZONE * self.square.side)
        return low & (side * (self.spatial[:, 0] - self.axis_x) > 0) & (outside > -GIVES_WAY * self.square.side)

    def rim_pair(self, place: np.ndarray, mesh: np.ndarray, turn: float) -> tuple[list[float], list[float]] | None:
        """Where a point of the outline is held and where to; None where the mesh alone decides."""
        (x, y), whole = place, self.square.side
        side = 1 if x > self.axis_x else -1
        hides = side == np.sign(turn)
        was = float(self.at_rows(self.spatial[:, :2], y, side))
        now = float(self.at_rows(mesh, y, side))
        if y > self.chin_y:
            height = self.chin_y - self.spatial[BROW, 1]
            follows = NECK_FOLLOWS * np.clip(1 - (y - self.chin_y) / (NECK_ENDS * height), 0, 1)
            return [x, y], [x + follows * (self.on_skull(x, turn, NECK) - x), y]
        if y > self.ears_y and abs(x - was) < BESIDE * whole:
            if hides or y > self.chin_y - CHIN_ZONE * whole:
                return None
            share = JAW_FILLS * (self.chin_y - y) / (self.chin_y - self.ears_y)
            return [was - side * INSIDE * whole, y], [now + share * (self.like_an_ear(was, turn) - now), y]
        skull, ear = self.on_skull(x, turn, WIDEST), self.like_an_ear(x, turn)
        # A head that looks down has its ears at the height of its eyes.
        below_eyes = (y - self.eyes_y) / max(1.0, self.ears_y - self.eyes_y)
        if hides and y > self.spatial[BROW, 1]:
            share = np.clip(below_eyes, 0, 1)
            beyond = side * (share * ear + (1 - share) * skull - now)
            return [x, y], [now + side * max(HIDDEN * whole, beyond), y]
        return [x, y], [skull, y]

    def on_skull(self, x: float, turn: float, widest: float) -> float:
        """Where the rim of the skull that was at x is: that of an ellipse turned about the axis."""
        arm, after = SKULL_BEFORE_AXIS * self.square.side, self.yaw + turn
        middle = self.axis_x + arm * np.sin(self.yaw)
        side, width = np.sign(x - middle), abs(x - middle)
        round_ = min(width, widest * self.square.side)
        half = round_ / np.hypot(np.cos(self.yaw), DEEPER * np.sin(self.yaw))
        new = half * np.hypot(np.cos(after), DEEPER * np.sin(after)) + width - round_
        return float(self.axis_x + arm * np.sin(after) + side * new)

    def like_an_ear(self, x: float, turn: float) -> float:
        """Where a point at the skull's side that was at x is."""
        before = SKULL_BEFORE_AXIS * self.square.side * np.cos(self.yaw)
        return float(self.axis_x + (x - self.axis_x) * np.cos(turn) + before * np.sin(turn))

    def at_rows(self, mesh: np.ndarray, y: np.ndarray | float, side: int) -> np.ndarray:
        """X of the mesh's rim on one side at heights y of the photograph."""
        rim = np.array(RIMS[side])
        order = rim[np.argsort(self.spatial[rim, 1])]
        return np.interp(y, self.spatial[order, 1], mesh[order, 0])

    @property
    def chin_y(self) -> float:
        """The height of the chin."""
        return float(self.spatial[CHIN, 1])

    @property
    def ears_y(self) -> float:
        """The height of the ears."""
        return float(self.spatial[list(EARS), 1].mean())

    @property
    def eyes_y(self) -> float:
        """The height of the eyes."""
        return float(self.spatial[[index for rim in EYE_RIMS for index in rim], 1].mean())

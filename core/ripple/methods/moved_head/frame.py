"""Where a head stands in a photograph: its own upright frame, its mesh in space, its axis of turning, and what it can bear."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.detect.align import face_quad
from core.detect.faces import Face
from core.errors import NothingFoundError
from core.ripple.methods.head_turn.geometry import EYE_CORNERS, EYES, EYES_BEFORE_AXIS, MeasuredMesh


@dataclass(frozen=True)
class HeadFrame:
    """An upright frame: unit is the side of the FFHQ crop, y points down, the crop's middle is (0, 0).

    Attributes:
        centre: (2,) px of the photograph.
        across: (2,) px: one unit to the head's right side in the picture; one unit down is a quarter turn further.
    """

    centre: np.ndarray
    across: np.ndarray

    @classmethod
    def of(cls, face: Face) -> HeadFrame:
        """The frame of a face."""
        corner, lower, _, right = face_quad(face.points68())
        return cls((lower + right) / 2, right - corner)

    @property
    def unit_px(self) -> float:
        """Pixels of the photograph in one unit."""
        return float(np.hypot(*self.across))

    @property
    def matrix(self) -> np.ndarray:
        """(2, 2): pixels = centre + matrix @ (x, y)."""
        across, down = self.across, np.array([-self.across[1], self.across[0]])
        return np.stack([across, down], 1)

    def to_px(self, points: np.ndarray) -> np.ndarray:
        """Places (..., 2) of the frame in pixels of the photograph."""
        return points @ self.matrix.T + self.centre

    def from_px(self, points: np.ndarray) -> np.ndarray:
        """Pixels (..., 2) of the photograph in the frame."""
        return (points - self.centre) @ np.linalg.inv(self.matrix).T


@dataclass(frozen=True)
class Head(MeasuredMesh):
    """A measured head, in units of its frame.

    Attributes:
        frame: where it stands.
        mesh: (478, 3) x, y, and how far before the axis of turning each point of MediaPipe's mesh lies.
        axis_x: where the axis of turning stands.
        yaw: radians that the head looks to the picture's right already.
    """

    frame: HeadFrame
    mesh: np.ndarray
    axis_x: float
    yaw: float

    @classmethod
    def of(cls, face: Face) -> Head:
        """A head from its face.

        Raises:
            NothingFoundError: landmarks without depth.
        """
        if face.depths is None:
            raise NothingFoundError("these landmarks have no depth: detect them rather than setting them by hand")
        frame = HeadFrame.of(face)
        mesh = np.column_stack([frame.from_px(face.points), -face.depths / frame.unit_px])
        mesh[:, 2] += EYES_BEFORE_AXIS - mesh[EYES, 2].mean()
        left, right = (mesh[list(corners)].mean(0) for corners in EYE_CORNERS)
        yaw = float(np.arctan2(left[2] - right[2], right[0] - left[0]))
        mesh[:, 2] += EYES_BEFORE_AXIS * (np.cos(yaw) - 1)
        axis_x = float((left[0] + right[0]) / 2 - EYES_BEFORE_AXIS * np.sin(yaw))
        return cls(frame, mesh, axis_x, yaw)

    @property
    def yaw_deg(self) -> float:
        """Degrees that the head looks to the picture's right already."""
        return float(np.rad2deg(self.yaw))

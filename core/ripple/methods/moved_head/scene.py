"""A portrait measured once and drawn for every pose: the photograph itself, resampled along its head's surface."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from core.ops.smoothstep import smoothstep
from core.ripple.methods.moved_head.beard import Jaw
from core.ripple.methods.moved_head.expression_map import FaceMap
from core.ripple.methods.moved_head.frame import Head
from core.ripple.methods.moved_head.maps import index_map, resample
from core.ripple.methods.moved_head.matte import (
    find_neck_end,
    find_person,
    own_person,
    refine_matte,
    to_region,
    view_of,
)
from core.ripple.methods.moved_head.motion import SHEET, Pose, Sheet, grid

MOVES = 0.05  # of the head's motion: what moves less is not the head


@dataclass(frozen=True)
class HeadScene:
    """A portrait whose head can be moved.

    Attributes:
        head: as measured.
        sheet: its surface.
        box: left, top, right, bottom of the region around it, px of the photograph.
        matte: (h, w) float32 in [0, 1], the head's own share of each pixel of the region.
        jaws: the last one that was measured, see `jaw`.
        less: the same scene at a bounded size, once `bounded.py` has worked with it.
    """

    head: Head
    sheet: Sheet
    box: tuple[int, int, int, int]
    matte: np.ndarray
    jaws: list[Jaw] = field(default_factory=list, init=False, repr=False, compare=False)
    less: list[HeadScene] = field(default_factory=list, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, photo: np.ndarray, head: Head) -> HeadScene:
        """Measure a portrait.

        Args:
            photo: (H, W, 3) uint8.
            head: measured on it.
        """
        view, size = view_of(photo, head), (photo.shape[1], photo.shape[0])
        found = find_person(view, head)
        own = own_person(found, head, size)
        person = cv2.resize(own.astype(np.float32), (SHEET.coarse,) * 2, interpolation=cv2.INTER_AREA) > 0.5
        sheet = Sheet.of(head, person, size, find_neck_end(view, head))
        corners = head.frame.to_px(SHEET.reach * np.array([(-1, -1), (1, -1), (-1, 1), (1, 1)]))
        left, top = np.floor(corners.min(0)).clip(0).astype(int)
        right, bottom = np.minimum(np.ceil(corners.max(0)), size).astype(int)
        box = (int(left), int(top), int(right), int(bottom))
        near = np.where(cv2.dilate(own.astype(np.uint8), np.ones((9, 9))) > 0, found, 0)
        region = np.ascontiguousarray(photo[top:bottom, left:right])
        matte = refine_matte(to_region(near, head, box), region, head.frame.unit_px)
        moves = to_region(sheet.levers[..., 3], head, box, nodes=True)
        return cls(head, sheet, box, (matte * smoothstep(moves / MOVES)).astype(np.float32))

    def render(self, photo: np.ndarray, pose: Pose, face: FaceMap | None = None) -> np.ndarray:
        """The photograph with the head moved, (H, W, 3) uint8.

        Args:
            photo: (H, W, 3) uint8, as the scene was made of, or aged.
            pose: how it moves.
            face: an expression, drawn in the scene's region.
        """
        if pose.still and face is None:
            return photo
        left, top, right, bottom = self.box
        region, inner = photo[top:bottom, left:right].astype(np.float32), self.source_map(pose)
        made = resample(region, inner) if face is None else face.drawn_on(region, inner)
        picture = photo.copy()
        picture[top:bottom, left:right] = np.rint(made).clip(0, 255)
        return picture

    def jaw(self, photo: np.ndarray) -> Jaw:
        """What a beard meets in the photograph (H, W, 3) uint8, or in one that was aged: measured once for all its frames."""
        left, top, right, bottom = self.box
        region = photo[top:bottom, left:right]
        for known in self.jaws:
            if np.array_equal(known.region, region):
                return known
        jaw = Jaw(region.copy(), self.head, (left, top), self.matte)
        self.jaws[:] = [jaw]
        return jaw

    def source_map(self, pose: Pose) -> np.ndarray:
        """(h, w, 2) float32: where each pixel of the region was, in index coordinates of the region."""
        still = index_map(self.box[3] - self.box[1], self.box[2] - self.box[0])
        if pose.still:
            return still
        shift = (self.sheet.sources(pose) - grid()) @ self.head.frame.matrix.T
        return still + np.dstack([to_region(one, self.head, self.box, nodes=True) for one in np.moveaxis(shift, -1, 0)])

"""A portrait taken apart once and put together for every pose: a filled background, and the head as a sheet before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from core.ripple.methods.moved_head.frame import Head
from core.ripple.methods.moved_head.matte import (
    find_neck_end,
    find_person,
    own_person,
    paint_neck,
    refine_matte,
    to_region,
    view_of,
)
from core.ripple.methods.moved_head.motion import SHEET, Pose, Sheet, grid
from core.ripple.methods.moved_head.raster import draw_sheet, triangles_of

Fill = Callable[[np.ndarray, np.ndarray, np.ndarray | None], np.ndarray]


@dataclass(frozen=True)
class SceneConstants:
    """How the layers are joined; lengths in units of the head's frame unless they say otherwise."""

    raster_px: int = 1400  # longest side at which the sheet is drawn; larger photographs enlarge its map, not its pixels
    hole_grows: float = 0.02  # the background is filled a little beyond the matte
    rest_kept: float = 0.02  # below so much motion the photograph itself stays behind the sheet
    seam_px: float = 3.0  # a jump of the map that is a fold's edge, smoothed over a pixel


SCENE = SceneConstants()


@dataclass(frozen=True)
class HeadScene:
    """A portrait in layers.

    Attributes:
        head: as measured.
        sheet: its surface.
        box: left, top, right, bottom of the region around it, px of the photograph.
        matte: (h, w) float32 in [0, 1], the head's own share of each pixel of the region.
        plate: (h, w, 3) uint8, the region without the head; None where it was not filled.
    """

    head: Head
    sheet: Sheet
    box: tuple[int, int, int, int]
    matte: np.ndarray
    plate: np.ndarray | None

    @classmethod
    def of(cls, photo: np.ndarray, head: Head, fill: Fill | None = None) -> HeadScene:
        """Take a portrait apart.

        Args:
            photo: (H, W, 3) uint8.
            head: measured on it.
            fill: paints a hole (h, w) bool in a region (h, w, 3), taking nothing from a third mask; None leaves the
                old head behind the new one.

        Raises:
            NothingFoundError: no person.
        """
        view = view_of(photo, head)
        found = find_person(view)
        own = own_person(found, head)
        neck_end = find_neck_end(view, head)
        coarse = grid(SHEET.coarse)
        person = cv2.resize(own.astype(np.float32), (SHEET.coarse,) * 2, interpolation=cv2.INTER_AREA) > 0.5
        px = head.frame.to_px(coarse)
        height, width = photo.shape[:2]
        inset = np.minimum(px, (width, height) - px).min(-1) / head.frame.unit_px
        sheet = Sheet.of(head, person, inset, neck_end)
        corners = head.frame.to_px(SHEET.reach * np.array([(-1, -1), (1, -1), (-1, 1), (1, 1)]))
        left, top = np.floor(corners.min(0)).clip(0).astype(int)
        right, bottom = np.minimum(np.ceil(corners.max(0)), (width, height)).astype(int)
        box = (int(left), int(top), int(right), int(bottom))
        region = np.ascontiguousarray(photo[top:bottom, left:right])
        share = to_region(np.where(cv2.dilate(own.astype(np.uint8), np.ones((9, 9))) > 0, found, 0), head, box)
        unit = head.frame.unit_px
        matte = refine_matte(share, region, unit)
        moves = to_region(sheet.rest.astype(np.float32), head, box)
        matte = (matte * (moves > 0)).astype(np.float32)
        if fill is None:
            return cls(head, sheet, box, matte, None)
        reach = max(1, round(SCENE.hole_grows * unit))
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2)
        hole = (cv2.dilate(matte, kernel) > 0.03) & (moves > SCENE.rest_kept)
        others = cv2.dilate(to_region(found, head, box), kernel) > 0.3
        plate = paint_neck(fill(region, hole, others), view, own, head, box)
        return cls(head, sheet, box, matte, np.where(hole[..., None], plate, region))

    def render(self, photo: np.ndarray, pose: Pose) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The photograph with the head moved.

        Args:
            photo: (H, W, 3) uint8, as the scene was made of, or recoloured.
            pose: how it moves.

        Returns:
            The picture (H, W, 3) uint8; the region's matte before (h, w) and after (h, w), float32 in [0, 1].
        """
        if pose.still:
            return photo, self.matte, self.matte
        left, top, right, bottom = self.box
        region = photo[top:bottom, left:right].astype(np.float32)
        behind = region if self.plate is None else self.plate.astype(np.float32)
        map_px = self.source_map(pose)
        lost = np.isnan(map_px[..., 0])
        where = np.nan_to_num(map_px, nan=-1e4)
        # What the matte leaves to the background is taken off first: at rest the layers add up to the photograph exactly.
        own = region - (1 - self.matte[..., None]) * behind
        moved = cv2.remap(own, where, None, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
        matte = cv2.remap(self.matte, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        moved[lost], matte[lost] = 0, 0
        made = moved + (1 - matte[..., None]) * behind
        made = smooth_seams(made, where, lost, matte)
        touched = (matte > 0) | (self.matte > 0)
        result = photo.copy()
        result[top:bottom, left:right][touched] = np.rint(made).clip(0, 255).astype(np.uint8)[touched]
        return result, self.matte, matte

    def source_map(self, pose: Pose) -> np.ndarray:
        """(h, w, 2) float32: where each pixel of the region was, in index coordinates of the region; NaN beside the sheet."""
        places, near = self.sheet.moved(pose)
        left, top, right, bottom = self.box
        size = np.array([right - left, bottom - top])
        scale = min(1.0, SCENE.raster_px / size.max())
        drawn = tuple(np.maximum(1, np.rint(size * scale)).astype(int))
        scales = np.array(drawn) / size
        frame, rest = self.head.frame, grid()
        source = (frame.to_px(rest) - (left, top)) - 0.5
        target = (frame.to_px(places) - (left, top)) * scales
        active = self.active_cells(source)
        shown = draw_sheet(
            target.reshape(-1, 2), near.ravel(), source.reshape(-1, 2), triangles_of(active), drawn
        )  # fmt: skip
        if scale < 1:
            shown = enlarge_map(shown, tuple(size))
        return shown

    def active_cells(self, source: np.ndarray) -> np.ndarray:
        """(n - 1, n - 1) bool: the cells that hold any of the head."""
        nodes = source.shape[0]
        seen = cv2.remap(
            cv2.dilate(self.matte, np.ones((5, 5))), source.astype(np.float32), None, cv2.INTER_NEAREST
        )
        held = cv2.dilate((seen > 0).astype(np.uint8), np.ones((5, 5)))[: nodes - 1, : nodes - 1]
        return held > 0


def enlarge_map(shown: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A map (h, w, 2) at another size (W, H); at its jumps and rims the nearest value stays."""
    jumps = find_jumps(shown, SCENE.seam_px)
    smooth = cv2.resize(np.nan_to_num(shown), size, interpolation=cv2.INTER_LINEAR)
    nearest = cv2.resize(shown, size, interpolation=cv2.INTER_NEAREST)
    unsure = cv2.resize(cv2.dilate(jumps.astype(np.uint8), np.ones((3, 3))), size, interpolation=cv2.INTER_NEAREST) > 0
    return np.where(unsure[..., None], nearest, smooth)


def find_jumps(shown: np.ndarray, jump_px: float) -> np.ndarray:
    """(h, w) bool: pixels of a map whose right or lower neighbour shows another place of the sheet, or none."""
    jumps = np.zeros(shown.shape[:2], bool)
    for axis in (0, 1):
        change = np.abs(np.diff(shown, axis=axis)).max(-1)
        far = ~(change < jump_px * max(1.0, float(np.nanmedian(change)) if change.size else 1.0))
        far &= ~(np.isnan(np.take(shown[..., 0], range(1, shown.shape[axis]), axis)) & np.isnan(
            np.take(shown[..., 0], range(shown.shape[axis] - 1), axis)
        ))
        pads = [(0, 1), (0, 0)] if axis == 0 else [(0, 0), (0, 1)]
        jumps |= np.pad(far, pads)
    return jumps


def smooth_seams(picture: np.ndarray, where: np.ndarray, lost: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """A picture whose stairs along the edges of folds are softened over a pixel."""
    shown = np.where(lost[..., None], np.nan, where)
    seams = find_jumps(shown, SCENE.seam_px)
    seams &= cv2.dilate(matte, np.ones((3, 3))) > 0.2
    band = cv2.GaussianBlur(cv2.dilate(seams.astype(np.float32), np.ones((3, 3))), (0, 0), 0.7)[..., None]
    return picture + band * (cv2.GaussianBlur(picture, (0, 0), 0.8) - picture)

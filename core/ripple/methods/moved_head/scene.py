"""A portrait taken apart once and put together for every pose: a filled background, and the head as a sheet before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from core.ops.smoothstep import smoothstep
from core.ripple.methods.moved_head.expression_map import FaceMap
from core.ripple.methods.moved_head.frame import Head
from core.ripple.methods.moved_head.matte import (
    find_neck,
    find_neck_end,
    find_person,
    own_person,
    refine_matte,
    to_region,
    view_of,
)
from core.ripple.methods.moved_head.motion import SHEET, Pose, Sheet, grid
from core.ripple.methods.moved_head.plate import (
    PLATE,
    add_grain,
    disc,
    fill_lines,
    is_plain,
    mirror_in,
    thin_lines,
    widen,
)
from core.ripple.methods.moved_head.raster import draw_sheet, triangles_of

Fill = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class SceneConstants:
    """How the layers are joined; lengths in units of the head's frame unless they say otherwise."""

    raster_px: int = 1400  # longest side at which the sheet is drawn; for larger photographs its map is enlarged
    fill_px: int = 288  # longest side at which the background is filled
    near: float = 0.08  # how far into the hole the background beside it runs on
    hole_grows: float = 0.018  # the background is filled a little beyond the matte
    others_grow: float = 0.012  # people are left out of what is copied, a little wider
    wisps_grow: float = 0.09  # single hairs go with the head so far beyond it
    seam_soft: float = 0.003  # over which the filled part joins the photograph, from where the head's rim ends outwards
    rim_colour: float = 0.012  # how far around its colour a soft rim takes from what is surely the head's
    thin: float = 0.15  # a share of the matte that says nothing of the head's colour ...
    thick: float = 0.85  # ... and one that does
    cut: float = 0.02  # so near the upper edge a head goes on to it
    surely: float = 0.97  # a larger share of the matte shows nothing but the head
    hole_from: float = 0.08  # of the matte, or of the mask that it came from
    others_from: float = 0.3  # of the person's mask
    rest_kept: float = 0.05  # below so much motion the photograph itself stays behind the sheet
    seen_levels: int = 10  # of 255: a filled background that differs by more is seen to be filled
    wisps: float = 0.006  # what else the rim shows fades over so much motion
    seam_px: float = 3.0  # a jump of the map that is a fold's edge, smoothed over a pixel


SCENE = SceneConstants()


@dataclass(frozen=True)
class Moved:
    """A photograph whose head was moved.

    Attributes:
        picture: (H, W, 3) uint8.
        before: (h, w) float32 in [0, 1], the head's share of the scene's region before.
        after: the same afterwards.
    """

    picture: np.ndarray
    before: np.ndarray
    after: np.ndarray


@dataclass(frozen=True)
class HeadScene:
    """A portrait in layers.

    Attributes:
        head: as measured.
        sheet: its surface.
        box: left, top, right, bottom of the region around it, px of the photograph.
        matte: (h, w) float32 in [0, 1], the head's own share of each pixel of the region.
        hole: (h, w) bool, what is to be filled behind the head.
        others: (h, w) bool, people, from whom nothing is taken to fill it.
        plate: (h, w, 3) uint8, the region without the head; None where it was not filled.
    """

    head: Head
    sheet: Sheet
    box: tuple[int, int, int, int]
    matte: np.ndarray
    hole: np.ndarray
    others: np.ndarray
    plate: np.ndarray | None

    @classmethod
    def of(cls, photo: np.ndarray, head: Head) -> HeadScene:
        """Take a portrait apart.

        Args:
            photo: (H, W, 3) uint8.
            head: measured on it.

        Raises:
            NothingFoundError: no person.
        """
        view = view_of(photo, head)
        found = find_person(view)
        own = own_person(found, head, photo.shape[1::-1])
        person = cv2.resize(own.astype(np.float32), (SHEET.coarse,) * 2, interpolation=cv2.INTER_AREA) > 0.5
        px, size = head.frame.to_px(grid(SHEET.coarse)), photo.shape[1::-1]
        sides = np.dstack([px[..., 0], size[0] - px[..., 0], size[1] - px[..., 1]]).min(-1)
        inset = sides / head.frame.unit_px, px[..., 1] / head.frame.unit_px
        near = np.where(cv2.dilate(own.astype(np.uint8), np.ones((9, 9))) > 0, found, 0)
        firm = refine_matte(near, view, view.shape[0] / (2 * SHEET.reach)) > 0.5
        sheet = Sheet.of(head, person, inset, find_neck_end(view, head), find_neck(firm, head))
        corners = head.frame.to_px(SHEET.reach * np.array([(-1, -1), (1, -1), (-1, 1), (1, 1)]))
        left, top = np.floor(corners.min(0)).clip(0).astype(int)
        right, bottom = np.minimum(np.ceil(corners.max(0)), size).astype(int)
        box = (int(left), int(top), int(right), int(bottom))
        share = to_region(near, head, box)
        region = np.ascontiguousarray(photo[top:bottom, left:right])
        matte = refine_matte(share, region, head.frame.unit_px)
        if top == 0:
            # A head that the upper edge cuts is whole there, whatever the mask's rim says.
            cut = min(len(matte) - 1, max(1, round(SCENE.cut * head.frame.unit_px)))
            matte[:cut] = np.maximum(matte[:cut], matte[cut] * (matte[cut] > SCENE.surely))
        moves = to_region(sheet.rest.astype(np.float32), head, box)
        # What hardly moves is the photograph behind already: cut off sharply its edge would ring.
        matte = (matte * smoothstep(moves / SCENE.rest_kept)).astype(np.float32)
        unit = head.frame.unit_px
        hole = (cv2.dilate(matte, disc(SCENE.hole_grows * unit)) > SCENE.hole_from) & (moves > SCENE.rest_kept)
        others = cv2.dilate(to_region(found, head, box), disc(SCENE.others_grow * unit)) > SCENE.others_from
        return cls(head, sheet, box, matte, hole, others, None)

    def filled(self, photo: np.ndarray, fill: Fill) -> HeadScene:
        """The same with its background filled behind the head, once for all poses.

        Args:
            photo: (H, W, 3) uint8.
            fill: paints a hole (h, w) bool in a region (h, w, 3), taking nothing from a third mask.
        """
        left, top, right, bottom = self.box
        region = np.ascontiguousarray(photo[top:bottom, left:right])
        unit = self.head.frame.unit_px
        plain = is_plain(region, self.hole | self.others)
        rim = SCENE.seam_soft * unit
        free = ~self.others | (to_region(self.sheet.rest.astype(np.float32), self.head, self.box) > SCENE.rest_kept)
        beside = free & widen(self.hole, SCENE.wisps_grow * unit)
        lines = thin_lines(region, self.hole, beside, unit, plain)
        gone = self.hole | lines
        # The seam lies outside all that goes: blended over the head's rim it would draw the old outline.
        shown = gone | (free & widen(gone, 4 * rim))
        plate = fill(region, shown, self.others)
        solid = self.hole | (free & widen(self.hole, 4 * rim))
        cleared = fill_lines(region, shown & ~solid, shown | self.others, unit)
        plate = mirror_in(np.where(solid[..., None], plate, cleared), cleared, solid, self.others, unit)
        plate = add_grain(plate, region, shown | self.others, PLATE.fine * unit)
        soft = cv2.GaussianBlur(widen(gone, 2 * rim).astype(np.float32), (0, 0), rim)
        soft = np.where(gone, 1, np.where(shown, soft, 0))[..., None]
        return replace(self, plate=np.rint(region + soft * (plate.astype(np.float32) - region)).astype(np.uint8))

    def render(self, photo: np.ndarray, pose: Pose, face: FaceMap | None = None, clean: bool = True) -> Moved:
        """The photograph with the head moved.

        Args:
            photo: (H, W, 3) uint8, as the scene was made of, or recoloured.
            pose: how it moves.
            face: an expression, drawn in the scene's region.
            clean: False, or a scene without a plate, leaves the old head behind the new one.
        """
        if pose.still and face is None:
            return Moved(photo, self.matte, self.matte)
        left, top, right, bottom = self.box
        region = photo[top:bottom, left:right].astype(np.float32)
        behind = self.plate.astype(np.float32) if clean and self.plate is not None else region
        where = index_map(*region.shape[:2]) if pose.still else self.source_map(pose)
        lost = np.isnan(where[..., 0])
        where = np.nan_to_num(where, nan=-1e4)
        inner = where
        if face is not None:
            where = where + cv2.remap(face.shift, where, None, cv2.INTER_LINEAR, borderValue=0)
        # What the matte leaves to the background is taken off first: at rest the layers add up to the photograph exactly.
        own = region - (1 - self.matte[..., None]) * behind
        moved, pure = (
            cv2.remap(one, where, None, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
            for one in (own, self.pure(region, own))
        )
        moved = pure + self.kept(where) * (moved - pure)
        matte = cv2.remap(self.matte, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        if face is not None and face.mouth.any():
            seen = cv2.remap(face.mouth, inner, None, cv2.INTER_LINEAR, borderValue=0)[..., None]
            inside = cv2.remap(face.inside, inner, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            moved = moved + seen * (inside - moved)
        moved[lost], matte[lost] = 0, 0
        made = moved + (1 - matte[..., None]) * behind
        made = smooth_seams(made, inner, lost, matte)
        touched = (matte > 0) | (self.matte > 0) | (behind != region).any(-1)
        result = photo.copy()
        result[top:bottom, left:right][touched] = np.rint(made).clip(0, 255).astype(np.uint8)[touched]
        return Moved(result, self.matte, matte)

    def repainted(self, moved: Moved, uncleaned: Moved) -> np.ndarray:
        """(h, w) bool: what the head left, and where else a picture differs from the one with the old head behind it."""
        left, top, right, bottom = self.box
        first, second = (one.picture[top:bottom, left:right].astype(np.int16) for one in (moved, uncleaned))
        uncovered = (moved.before > 0.5) & (moved.after < 0.5)
        return uncovered | (np.abs(first - second).max(-1) > SCENE.seen_levels)

    def kept(self, where: np.ndarray) -> np.ndarray:
        """(h, w, 1): how far the head's rim keeps what else it shows, from a map (h, w, 2).

        With a head that hardly moves it stays as photographed; further away the old background in it would ring the head.
        """
        way = np.square(where - index_map(*where.shape[:2])).sum(-1, keepdims=True)
        return np.exp(-way / (SCENE.wisps * self.head.frame.unit_px) ** 2)

    def pure(self, region: np.ndarray, own: np.ndarray) -> np.ndarray:
        """(h, w, 3) float32: the head's share of a region; where the matte is thin, in the colour of the head beside it."""
        sure = (self.matte > SCENE.surely).astype(np.float32)
        total, weight = np.zeros_like(region), np.full((*sure.shape, 1), 1e-9, np.float32)
        # The wider look counts only where the near one finds nothing.
        for wider, share in ((1, 1.0), (3, 1e-3)):
            blur = wider * SCENE.rim_colour * self.head.frame.unit_px
            total += share * cv2.GaussianBlur(region * sure[..., None], (0, 0), blur)
            weight += share * cv2.GaussianBlur(sure, (0, 0), blur)[..., None]
        known = smoothstep(self.matte[..., None], SCENE.thin, SCENE.thick)
        thin = self.matte[..., None] * total / weight
        return (thin + known * (own - thin)).astype(np.float32)

    def in_photo(self, mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """A mask (h, w) of the region as one of the photograph, whose shape is (H, W, ...)."""
        left, top, right, bottom = self.box
        whole = np.zeros(shape[:2], np.float32)
        whole[top:bottom, left:right] = mask
        return whole

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
        seen = cv2.remap(cv2.dilate(self.matte, np.ones((5, 5))), source.astype(np.float32), None, cv2.INTER_NEAREST)
        # As far as the background may be filled, so that it comes up behind the sheet as smoothly as the sheet moves.
        reach = 2 + round((SCENE.hole_grows + SCENE.wisps_grow + 4 * SCENE.seam_soft) * (nodes - 1) / (2 * SHEET.reach))
        held = cv2.dilate((seen > 0).astype(np.uint8), np.ones((2 * reach + 1,) * 2))[: nodes - 1, : nodes - 1]
        return held > 0


def index_map(height: int, width: int) -> np.ndarray:
    """(height, width, 2) float32: every pixel's own index coordinates."""
    return np.stack(np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)), -1)


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
        far &= ~(
            np.isnan(np.take(shown[..., 0], range(1, shown.shape[axis]), axis))
            & np.isnan(np.take(shown[..., 0], range(shown.shape[axis] - 1), axis))
        )
        pads = [(0, 1), (0, 0)] if axis == 0 else [(0, 0), (0, 1)]
        jumps |= np.pad(far, pads)
    return jumps


def smooth_seams(picture: np.ndarray, where: np.ndarray, lost: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """A picture whose stairs along the edges of folds are softened over a pixel."""
    shown = np.where(lost[..., None], np.nan, where)
    seams = find_jumps(shown, SCENE.seam_px)
    seams &= cv2.dilate(matte, np.ones((3, 3))) > 0.2
    band = cv2.GaussianBlur(cv2.dilate(seams.astype(np.float32), np.ones((3, 3))), (0, 0), 0.8)[..., None]
    return picture + band * (cv2.GaussianBlur(picture, (0, 0), 1.1) - picture)

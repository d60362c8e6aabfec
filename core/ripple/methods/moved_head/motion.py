"""Where the nodes of a head's sheet go when it turns, nods and tilts.

The face moves as its mesh; hair, ears and the outline as an ellipsoid with a soft shell; between them the sheet is stretched as a
membrane, and it comes to rest at the collar. The outline lands on the outline, so hair keeps its soft rim on both sides.
Source: own; the face's rotation as in Zhu et al. 2016, "Face Alignment Across Large Poses", section 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator
from scipy.ndimage import distance_transform_edt

from core.ops.smoothstep import smoothstep
from core.ripple.methods.head_turn.geometry import CHIN, EYE_CORNERS, EYES, MOUTH_CORNERS
from core.ripple.methods.moved_head.frame import Head
from core.ripple.methods.moved_head.membrane import solve_membrane


@dataclass(frozen=True)
class SheetConstants:
    """What shapes the sheet; lengths are units of the head's frame unless they say otherwise."""

    reach: float = 0.8  # half the side of what is looked at: hair and shoulders around the FFHQ crop
    nodes: int = 257  # along each side: one per 4 to 6 px of a face of 1024 px
    coarse: int = 97  # nodes of the membrane, which is smooth
    skull_before_axis: float = 0.05  # the skull's middle
    skull_half_width: float = 0.33  # at its widest
    neck_half_width: float = 0.24
    skull_depth: float = 1.25  # depth of a skull over its width
    ear_before_axis: float = 0.12
    jaw_reach: float = 0.13  # an outline so near the mesh's rim is bare: an ear's or the jaw's, not hair's
    jaw_fades: float = 0.05
    flesh_left: float = 0.1  # of what lies outside the mesh's rim, on the jaw that turns away
    ear_left: float = 0.012  # what is left of an ear behind the cheek
    ear_ends: float = 0.25  # share of the way from the ears to the chin
    outline_blur: float = 0.04  # heights over which the outline's motion is evened out
    band: float = 0.03  # heights that count as one when the mesh's rim is sought
    inset_shown: float = 0.05  # how far inside the rim the mesh gives way on the side that comes into sight
    inset_hidden: float = 0.012  # and on the side that goes
    sides_join: float = 0.2  # around the middle the one becomes the other
    feather: float = 0.04  # over which mesh and membrane share
    feather_jaw: float = 0.07  # and more of it on the jaw that comes into sight
    beside_feature: float = 0.8  # of the way from the mesh's rim to eye and mouth, that may be stretched
    grazing_deg: float = 72.0  # mesh points that look further aside were not really seen
    neck_least: float = 0.16  # from the chin to where nothing moves, at least and at most
    neck_most: float = 0.34
    shell: float = 0.12  # from where hair counts as too wide for a skull ...
    far: float = 0.26  # ... to where nothing moves: another person's, or far hair
    corner: float = 0.08  # heights over which a jaw's outline becomes the neck's
    corner_shown: float = 0.6  # of the way from the ears to the neck, the same on the side that comes into sight
    corner_hidden: float = 0.12  # the same on the side that turns away
    border: float = 0.06  # from the photograph's edge inwards the motion begins
    depth_blur: float = 2.0  # nodes: the mesh is made of flat facets
    hair_depth: float = -0.04  # how far before the axis the outline lies


SHEET = SheetConstants()


@dataclass(frozen=True)
class Pose:
    """How a head moves, in degrees: `yaw` to the picture's right, `pitch` down, `roll` clockwise."""

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0

    @property
    def still(self) -> bool:
        """Whether nothing moves."""
        return self.yaw == self.pitch == self.roll == 0.0


def grid(nodes: int = SHEET.nodes) -> np.ndarray:
    """(nodes, nodes, 2) places of a sheet's nodes in the head's frame."""
    line = np.linspace(-SHEET.reach, SHEET.reach, nodes)
    return np.stack(np.meshgrid(line, line), -1)


Neck = tuple[tuple[float, float] | None, ...]


@dataclass(frozen=True)
class Sheet:
    """A head's sheet at rest.

    Attributes:
        head: as measured.
        person: (n, n) bool at the coarse nodes, the head's own person.
        rest: (n, n) in [0, 1] at the coarse nodes: 0 where nothing may move.
        depth: (n, n) before the axis at the fine nodes, from the mesh.
        inside: (n, n) how deep inside the mesh's rim the fine nodes lie, negative outside.
        upright: (n, n) in [0, 1] at the fine nodes: 0 where nothing may move up or down, at the photograph's upper edge.
        neck: where the neck's outline begins, left and right; None under hair.
    """

    head: Head
    person: np.ndarray
    rest: np.ndarray
    depth: np.ndarray
    inside: np.ndarray
    upright: np.ndarray
    neck: Neck

    @classmethod
    def of(
        cls, head: Head, person: np.ndarray, photo_inset: tuple[np.ndarray, np.ndarray], neck_end: float, neck: Neck
    ) -> Sheet:
        """The sheet of a head.

        Args:
            head: as measured.
            person: (n, n) bool at the coarse nodes.
            photo_inset: (n, n) how far inside the photograph the coarse nodes lie, and how far below its upper edge.
            neck_end: height from which down nothing moves.
            neck: where the neck's outline begins.
        """
        mesh = head.mesh
        around = np.arctan2(mesh[:, 0] - head.axis_x, mesh[:, 2] - SHEET.skull_before_axis)
        known = mesh[np.abs(around) < np.deg2rad(SHEET.grazing_deg)]
        places = grid()
        depth = LinearNDInterpolator(known[:, :2], known[:, 2])(places)
        nearest = NearestNDInterpolator(known[:, :2], known[:, 2])(places)
        depth = cv2.GaussianBlur(np.where(np.isnan(depth), nearest, depth), (0, 0), SHEET.depth_blur)
        rim = cv2.convexHull(to_nodes(known[:, :2], SHEET.nodes).astype(np.float32))[:, 0]
        mask = np.zeros(depth.shape, np.uint8)
        cv2.fillPoly(mask, [np.rint(rim).astype(np.int32)], 1)
        step = 2 * SHEET.reach / (SHEET.nodes - 1)
        inside = (distance_transform_edt(mask) - distance_transform_edt(1 - mask)) * step
        coarse = grid(SHEET.coarse)
        down = smoothstep((neck_end - coarse[..., 1]) / (neck_end - head.chin_y))
        skull = head.axis_x + SHEET.skull_before_axis * np.sin(head.yaw)
        # Shoulders stay: below the ears what moves narrows from the skull with its hair to the neck.
        low = np.clip((coarse[..., 1] - head.ears_y) / max(1e-6, head.chin_y - head.ears_y), 0, 1)
        half = (
            SHEET.skull_half_width + SHEET.shell + low * (SHEET.neck_half_width - SHEET.skull_half_width - SHEET.shell)
        )
        aside = np.abs(coarse[..., 0] - skull) - half
        rest = down * smoothstep(1 - aside / SHEET.far) * smoothstep(photo_inset[0] / SHEET.border)
        # A head that the upper edge cuts turns along that edge.
        upright = cv2.resize(smoothstep(photo_inset[1] / SHEET.border), (SHEET.nodes,) * 2)
        return cls(head, person, rest, depth, inside, upright, neck)

    def moved(self, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
        """The fine nodes after a motion, (n, n, 2), and how near each is to the viewer, (n, n)."""
        places = grid()
        turn = np.deg2rad(pose.yaw)
        face, near = self.rotate(np.dstack([places, self.depth]), pose)
        # From one side to the other the rim gives way by more: a step would crease the chin and the forehead.
        coming = smoothstep(0.5 - np.sign(turn) * (places[..., 0] - self.head.axis_x) / SHEET.sides_join)
        inset = SHEET.inset_hidden + coming * (SHEET.inset_shown - SHEET.inset_hidden)
        # Cheeks are broad below the eyes: what comes into sight there is stretched over more of them. The jaw's lower edge
        # before the neck stays an edge.
        rows = self.head.mesh[[*EYES, MOUTH_CORNERS[0], CHIN], 1]
        broad = np.interp(places[..., 1], [rows[:4].mean(), rows[4], rows[5]], [0, 1, 0])
        inset = np.where(places[..., 1] > rows[4], SHEET.inset_hidden + broad * (inset - SHEET.inset_hidden), inset)
        wide = SHEET.feather + coming * broad * SHEET.feather_jaw
        # Eyes and mouth are not stretched with them.
        free = 1 - coming + coming * (self.beside_features(np.sign(turn)) / (inset + wide)).clip(0.2, 1)
        share = smoothstep((self.inside - free * inset) / (free * wide))
        shift, level = self.membrane(pose, share, face - places, near)
        share = share[..., None]
        way = share * (face - places) + (1 - share) * shift
        way[..., 1] *= self.upright
        return places + way, np.where(share[..., 0] > 0.5, near, level)

    def beside_features(self, way: float) -> np.ndarray:
        """(n, 1): how far inside the mesh's rim its skin ends beside eye and mouth, at the rows of the fine nodes.

        Args:
            way: -1 for a turn to the picture's left, which brings the right side into sight; 1 for one to its right.
        """
        side = 1 if way < 0 else 0
        features = self.head.mesh[[EYE_CORNERS[side][side], MOUTH_CORNERS[side]], :2]
        columns, rows = np.rint(to_nodes(features, SHEET.nodes)).astype(int).clip(0, SHEET.nodes - 1).T
        deep = SHEET.beside_feature * self.inside[rows, columns]
        return np.interp(np.arange(SHEET.nodes), rows, deep)[:, None]

    def rotate(self, points: np.ndarray, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
        """Points (..., 3) before the axis after a motion: (..., 2), and how near each is, (...)."""
        yaw, pitch = np.deg2rad([pose.yaw, pose.pitch])
        x, y, z = points[..., 0] - self.head.axis_x, points[..., 1] - self.head.ears_y, points[..., 2]
        x, z = x * np.cos(yaw) + z * np.sin(yaw), z * np.cos(yaw) - x * np.sin(yaw)
        y, z = y * np.cos(pitch) + z * np.sin(pitch), z * np.cos(pitch) - y * np.sin(pitch)
        return self.tilt(np.stack([x + self.head.axis_x, y + self.head.ears_y], -1), pose), z

    def tilt(self, points: np.ndarray, pose: Pose) -> np.ndarray:
        """Points (..., 2) tilted about the neck."""
        roll, pivot = np.deg2rad(pose.roll), np.array([self.head.axis_x, self.head.chin_y])
        turn = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
        return (points - pivot) @ turn.T + pivot

    def membrane(
        self, pose: Pose, share: np.ndarray, face: np.ndarray, near: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """How far the fine nodes move outside the face, (n, n, 2), and how near they are, (n, n)."""
        coarse, step = grid(SHEET.coarse), (SHEET.nodes - 1) / (SHEET.coarse - 1)
        every = np.rint(np.arange(SHEET.coarse) * step).astype(int)
        pick = np.ix_(every, every)
        values = np.full((SHEET.coarse, SHEET.coarse, 3), np.nan)
        held = share[pick] > 0.6
        values[held] = np.dstack([face, near])[pick][held]
        values[..., :2] *= self.rest[..., None]
        beyond = distance_transform_edt(np.pad(self.person, 1, mode="edge"))[1:-1, 1:-1]
        outline = self.person & (beyond <= 1.5) & ~held & (self.rest > 0) & (coarse[..., 1] < self.head.chin_y)
        rim = coarse[outline]
        if len(rim):
            ends = (self.outline_ends(rim, pose) - rim) * self.above_neck(rim, turn=pose.yaw)[:, None]
            values[outline] = np.column_stack([ends * self.rest[outline, None], np.full(len(rim), SHEET.hair_depth)])
        below = self.person & (beyond <= 1.5) & ~held & (self.above_neck(coarse) == 0)
        still = below | (self.person & (self.rest == 0))
        values[still] = 0, 0, SHEET.hair_depth
        solved = solve_membrane(values, self.person | held)
        fine = cv2.resize(solved, (SHEET.nodes,) * 2, interpolation=cv2.INTER_CUBIC)
        return fine[..., :2], fine[..., 2]

    def above_neck(self, places: np.ndarray, turn: float = 0.0) -> np.ndarray:
        """(...) in [0, 1] at places (..., 2): 0 along the outline of a bare neck, which turns within itself.

        On the side that a turn hides the jaw's flesh stays back with it, and the face covers both.
        """
        share = np.ones(places.shape[:-1])
        for corner, way in zip(self.neck, (-1, 1), strict=True):
            if corner is not None:
                beside = way * (places[..., 0] - self.head.axis_x) > 0
                # A jaw that comes into sight runs smoothly into the neck.
                coming = max(SHEET.corner, SHEET.corner_shown * (corner[1] - self.head.ears_y))
                over = SHEET.corner_hidden if way * turn > 0 else coming if turn else SHEET.corner
                share[beside] = smoothstep((corner[1] + SHEET.corner / 2 - places[..., 1]) / over)[beside]
        return share

    def outline_ends(self, places: np.ndarray, pose: Pose) -> np.ndarray:
        """Where places (N, 2) of the outline go, (N, 2): hair with the skull, ears with the ears, the jaw with the mesh."""
        head, turn = self.head, np.deg2rad(pose.yaw)
        x, y = places.T
        side = np.where(x > head.axis_x, 1, -1)
        before, after = self.rim(y, side, Pose()), self.rim(y, side, Pose(pose.yaw))
        skull = self.turned_skull(x, turn)
        ear = head.axis_x + (x - head.axis_x) * np.cos(turn) + SHEET.ear_before_axis * np.sin(turn)
        low = np.clip((y - head.ears_y) / max(1e-6, head.chin_y - head.ears_y), 0, 1)
        hides = side == np.sign(turn)
        # Flesh outside the mesh lies behind its rim: it goes out of sight with the side that does.
        jaw = after + (x - before) * np.where(hides, SHEET.flesh_left, 1.0)
        bare = (1 - low) * ear + low * jaw
        near = smoothstep((SHEET.jaw_reach - side * (x - before)) / SHEET.jaw_fades)
        up = smoothstep((head.eyes_y - y) / max(1e-6, head.eyes_y - head.brow_y))
        end = up * skull + (1 - up) * (near * bare + (1 - near) * skull)
        covered = np.where(side > 0, np.maximum(end, after + SHEET.ear_left), np.minimum(end, after - SHEET.ear_left))
        # Below the ear the mesh's own rim is the outline of the side that turns away.
        end = np.where(hides & (y > head.brow_y) & (low < SHEET.ear_ends), covered, end)
        # Rules that change from one height to the next must not tear the outline.
        apart = np.abs(y[:, None] - y) + 10 * (side[:, None] != side)
        weight = np.exp(-((apart / SHEET.outline_blur) ** 2) / 2)
        end = x + weight @ (end - x) / weight.sum(1)
        nod = -SHEET.skull_before_axis * np.sin(np.deg2rad(pose.pitch))
        return self.tilt(np.column_stack([end, y - nod]), pose)

    def turned_skull(self, x: np.ndarray, turn: float) -> np.ndarray:
        """Where the rim of the skull that was at x is: that of an ellipse turned about the axis."""
        arm, yaw = SHEET.skull_before_axis, self.head.yaw
        middle = self.head.axis_x + arm * np.sin(yaw)
        side, width = np.sign(x - middle), np.abs(x - middle)
        skull = np.minimum(width, SHEET.skull_half_width)
        half = skull / np.hypot(np.cos(yaw), SHEET.skull_depth * np.sin(yaw))
        new = half * np.hypot(np.cos(yaw + turn), SHEET.skull_depth * np.sin(yaw + turn)) + width - skull
        return self.head.axis_x + arm * np.sin(yaw + turn) + side * new

    def rim(self, y: np.ndarray, side: np.ndarray, pose: Pose) -> np.ndarray:
        """X of the mesh's outermost point on a side at heights y of the photograph, after a turn; all (N,)."""
        across, rows = self.rotate(self.head.mesh, pose)[0][:, 0], self.head.mesh[:, 1]
        levels = np.linspace(rows.min(), rows.max(), 40)
        found = np.empty((2, 40))
        for number, level in enumerate(levels):
            band = across[np.abs(rows - level) < SHEET.band]
            found[:, number] = band.min(), band.max()
        low, high = (np.interp(y, levels, line) for line in found)
        return np.where(side < 0, low, high)


def to_nodes(points: np.ndarray, nodes: int) -> np.ndarray:
    """Places (..., 2) of the head's frame as columns and rows of a grid."""
    return (points + SHEET.reach) / (2 * SHEET.reach) * (nodes - 1)

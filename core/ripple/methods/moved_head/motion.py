"""Where every place of a portrait goes when its head turns, nods and tilts: one surface, without holes and without folds.

A depth before the neck's axis is known on the face (its mesh) and on the head's outline (ears and skull); beyond the head and from the
collar down nothing moves. Between them depth and levers run as a membrane, so hair, neck and the background beside the head give way
smoothly. A shift may rise and fall no faster than skin may be stretched or pressed together: the map can be turned round, nothing
is torn and nothing has to be made up.
Source: own; the rotation as in Zhu et al. 2016, "Face Alignment Across Large Poses", section 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator
from scipy.ndimage import distance_transform_edt

from core.ops.smoothstep import smoothstep
from core.ripple.methods.moved_head.frame import Head
from core.ripple.methods.moved_head.membrane import solve_membrane


@dataclass(frozen=True)
class SheetConstants:
    """What shapes the surface; lengths are units of the head's frame unless they say otherwise."""

    reach: float = 0.8  # half the side of what is looked at: hair and shoulders around the FFHQ crop
    nodes: int = 257  # along each side: one per 4 to 6 px of a face of 1024 px
    coarse: int = 97  # nodes of the membrane, which is smooth
    grazing_deg: float = 72.0  # mesh points that look further aside were not really seen
    depth_blur: float = 2.0  # nodes: the mesh is made of flat facets
    skull_before_axis: float = 0.05  # the skull's outline
    ear_before_axis: float = 0.06  # rendered heads say so
    ear_aside: float = 0.3
    crown: float = 0.55  # from the eyes up over so much the ears' depth becomes the skull's
    inset: float = 0.05  # how far inside the mesh's rim it begins to give way
    feather: float = 0.08  # over which mesh and membrane share
    skull_half_width: float = 0.33  # at its widest
    neck_half_width: float = 0.24
    shell: float = 0.12  # from where hair counts as too wide for a skull ...
    far: float = 0.26  # ... to where nothing moves: another person's, or far hair
    neck_least: float = 0.16  # from the chin to where nothing moves, at least and at most
    neck_most: float = 0.34
    stands: float = 0.3  # the background so far beside the head stands still
    fall_shown: float = 0.5  # what comes into sight is widened by no larger share
    fall_hidden: float = 0.6  # and what goes out of sight is narrowed by no larger one
    fall_up: float = 0.2  # a shift falls off by so much in a unit upwards: hair does not bulge over the ear
    fall_neck: float = 2.0  # and so much from the chin down, which moves before the neck ...
    chin_soft: float = 0.1  # ... the one becomes the other over so much
    fall_nod: float = 0.25  # a nod falls off by so much in a unit aside: brows and glasses stay level
    rim: float = 0.04  # so far inside the mesh's rim that begins
    fold: float = 0.65  # nothing is narrowed by more: it would fold
    edge: float = 0.7  # nothing moves by a larger share of its way to the photograph's edge
    still_rim: float = 0.08  # and background so near that edge stands still: a film flickered there
    still_from: float = 0.3  # the head's own hair moves up to the edge, background from so far beside it does not
    shift_blur: float = 1.5  # nodes, where such a limit bites
    rim_blur: float = 14.0  # nodes, around the face's rim and outside it ...
    rim_from: float = 0.02  # ... from so far inside
    rim_soft: float = 0.12  # over so much
    rounds: int = 30  # of turning a map round: each leaves `fold` of the error at most


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


@dataclass(frozen=True)
class Sheet:
    """A head's surface at rest.

    Attributes:
        head: as measured.
        levers: (n, n, 4) float32 at the nodes: how far beside the axis, below the ears and before the axis a place turns, and in
            [0, 1] how far it tilts; all 0 where nothing moves.
        inside: (n, n) how deep inside the mesh's rim the nodes lie, negative outside.
        inset: (n, n, 2) how far inside the photograph's sides, and its upper and lower edge, the nodes lie, or inside what is looked
            at, less a rim of background that stands still; 0 outside.
    """

    head: Head
    levers: np.ndarray
    inside: np.ndarray
    inset: np.ndarray

    @classmethod
    def of(cls, head: Head, person: np.ndarray, size: tuple[int, int], neck_end: float) -> Sheet:
        """The surface of a head.

        Args:
            head: as measured.
            person: (n, n) bool at the coarse nodes, the head's own person.
            size: (W, H) px of the photograph.
            neck_end: height from which down nothing moves.
        """
        depth, inside = mesh_depth(head)
        share = smoothstep((inside - SHEET.inset) / SHEET.feather)
        every = np.rint(np.arange(SHEET.coarse) * (SHEET.nodes - 1) / (SHEET.coarse - 1)).astype(int)
        pick = np.ix_(every, every)
        fine, coarse = grid(), grid(SHEET.coarse)
        known = np.dstack([fine[..., 0] - head.axis_x, fine[..., 1] - head.ears_y, depth, np.ones_like(depth)])
        held, step = share[pick] > 0.5, 2 * SHEET.reach / (SHEET.coarse - 1)
        rest = may_move(head, coarse, neck_end)
        beyond = distance_transform_edt(np.pad(person, 1, mode="edge"))[1:-1, 1:-1]
        outline = person & (beyond <= 1.5) & ~held & (coarse[..., 1] < head.chin_y)
        values = np.full((*held.shape, 4), np.nan)
        values[outline] = known[pick][outline]
        values[outline, 2] = outline_depth(head, coarse[outline])
        values[outline] *= rest[outline, None]
        beside = distance_transform_edt(~person) * step
        still = (beside > SHEET.stands) | (rest == 0)
        still[[0, -1]] = still[:, [0, -1]] = True
        values[still] = 0
        values[held] = known[pick][held]
        solved = solve_membrane(values, np.ones_like(held))
        smooth = cv2.resize(solved, (SHEET.nodes,) * 2, interpolation=cv2.INTER_CUBIC)
        levers = smooth + share[..., None] * (known - smooth)
        px = head.frame.to_px(fine)
        inset = np.minimum(px, np.array(size) - px).clip(0) / head.frame.unit_px
        inset = np.minimum(inset, SHEET.reach - np.abs(fine).max(-1, keepdims=True))
        beside = cv2.resize(beside, (SHEET.nodes,) * 2, interpolation=cv2.INTER_LINEAR)
        inset = (inset - SHEET.still_rim * (beside / SHEET.still_from).clip(0, 1)[..., None]).clip(0)
        return cls(head, levers.astype(np.float32), inside, inset)

    def sources(self, pose: Pose) -> np.ndarray:
        """Where what is seen at each node after a motion was before it, (n, n, 2) in the head's frame."""
        yaw, pitch, roll = np.deg2rad([pose.yaw, pose.pitch, pose.roll])
        aside, below, before, tilts = np.moveaxis(self.levers, -1, 0)
        sources, nothing = grid().astype(np.float32), np.zeros_like(aside)
        if yaw:
            turned = self.eased(aside * (np.cos(yaw) - 1) + before * np.sin(yaw), np.sign(yaw))
            sources = turn_round(self.within(np.dstack([turned, nothing])))
        if pitch:
            before = before * np.cos(yaw) - aside * np.sin(yaw)
            nodded = sample(below * (np.cos(pitch) - 1) + before * np.sin(pitch), sources)
            fall = SHEET.fall_hidden * nodes_line()[:, None]
            nodded = np.sign(pitch) * envelope(np.sign(pitch) * nodded, fall, fall, 0)
            level = SHEET.fall_nod * nodes_line()
            level = np.sign(pitch) * envelope(np.sign(pitch) * nodded, level, level, 1)
            nodded = nodded + smoothstep(2 * sample(tilts, sources)) * (level - nodded)
            sources = sample(sources, turn_round(self.within(np.dstack([nothing, nodded]))))
        if roll:
            angle = roll * sample(tilts, sources)
            x, y = np.moveaxis(grid() - (self.head.axis_x, self.head.chin_y), -1, 0)
            tilted = np.dstack(
                [x * (np.cos(angle) - 1) - y * np.sin(angle), y * (np.cos(angle) - 1) + x * np.sin(angle)]
            )
            sources = sample(sources, turn_round(self.within(tilted), 0.5))
        return sources

    def eased(self, shift: np.ndarray, way: float) -> np.ndarray:
        """Shifts aside (n, n) that rise and fall no faster than skin may be stretched: what lies beside goes along.

        Args:
            shift: in units of the head's frame.
            way: -1 for a turn to the picture's left, 1 for one to its right.
        """
        line, chin = nodes_line(), self.head.chin_y
        folds = SHEET.fold * line
        moved = envelope(way * shift, folds, folds, 1)
        # The face itself is measured: what is eased lies around it.
        around = np.where(self.inside > SHEET.rim, -1.0, moved)
        falls = SHEET.fall_shown * line, SHEET.fall_hidden * line
        around = envelope(around, *(falls if way > 0 else falls[::-1]), 1)
        fall = np.interp(line, [chin, chin + SHEET.chin_soft], [SHEET.fall_up, SHEET.fall_neck])
        down = (np.cumsum(fall) * (line[1] - line[0]))[:, None]
        eased = np.maximum(moved, envelope(around, down, down, 0))
        # Far from the head nothing goes along.
        near = smoothstep(2 * self.levers[..., 3])
        eased = cv2.GaussianBlur(moved + near * (eased - moved), (0, 0), SHEET.shift_blur)
        # A lock or an outline that crosses the mesh's rim would be kinked there.
        soft = cv2.GaussianBlur(eased, (0, 0), SHEET.rim_blur)
        near *= 1 - smoothstep((self.inside - SHEET.rim_from) / SHEET.rim_soft)
        soft = envelope(eased + near * (soft - eased), folds, folds, 1)
        return way * cv2.GaussianBlur(soft, (0, 0), SHEET.shift_blur)

    def within(self, shift: np.ndarray) -> np.ndarray:
        """Shifts (n, n, 2) that bring nothing into the photograph from beyond its edge; along an edge they are free."""
        upright = self.head.frame.matrix / self.head.frame.unit_px
        most = SHEET.edge * self.inset
        return np.clip(shift @ upright.T, -most, most) @ upright


def nodes_line() -> np.ndarray:
    """(nodes,) where the nodes stand along a side."""
    return np.linspace(-SHEET.reach, SHEET.reach, SHEET.nodes)


def mesh_depth(head: Head) -> tuple[np.ndarray, np.ndarray]:
    """At the fine nodes: how far before the axis the face lies, (n, n), and how deep inside its rim they are, (n, n)."""
    mesh = head.mesh
    around = np.arctan2(mesh[:, 0] - head.axis_x, mesh[:, 2] - SHEET.skull_before_axis)
    known = mesh[np.abs(around) < np.deg2rad(SHEET.grazing_deg)]
    depth = LinearNDInterpolator(known[:, :2], known[:, 2])(grid())
    nearest = NearestNDInterpolator(known[:, :2], known[:, 2])(grid())
    rim = cv2.convexHull(to_nodes(known[:, :2]).astype(np.float32))[:, 0]
    mask = np.zeros(depth.shape, np.uint8)
    cv2.fillPoly(mask, [np.rint(rim).astype(np.int32)], 1)
    inside = (distance_transform_edt(mask) - distance_transform_edt(1 - mask)) * 2 * SHEET.reach / (SHEET.nodes - 1)
    return cv2.GaussianBlur(np.where(np.isnan(depth), nearest, depth), (0, 0), SHEET.depth_blur), inside


def may_move(head: Head, places: np.ndarray, neck_end: float) -> np.ndarray:
    """(...) in [0, 1] at places (..., 2): shoulders stay, below the ears what moves narrows from skull and hair to the neck."""
    down = smoothstep((neck_end - places[..., 1]) / (neck_end - head.chin_y))
    low = np.clip((places[..., 1] - head.ears_y) / max(1e-6, head.chin_y - head.ears_y), 0, 1)
    wide = SHEET.skull_half_width + SHEET.shell
    half = wide + low * (SHEET.neck_half_width - wide)
    skull = head.axis_x + SHEET.skull_before_axis * np.sin(head.yaw)
    return down * smoothstep(1 - (np.abs(places[..., 0] - skull) - half) / SHEET.far)


def outline_depth(head: Head, places: np.ndarray) -> np.ndarray:
    """(N,) how far before the axis the outline lies at places (N, 2): as the ears do, towards the crown as the skull does."""
    side = np.sign(places[:, 0] - head.axis_x)
    ears = SHEET.ear_before_axis * np.cos(head.yaw) - side * SHEET.ear_aside * np.sin(head.yaw)
    # An ear behind the cheek is no outline.
    ears = np.maximum(ears, SHEET.skull_before_axis)
    up = smoothstep((head.eyes_y - places[:, 1]) / SHEET.crown)
    return ears + up * (SHEET.skull_before_axis - ears)


def envelope(values: np.ndarray, rise: np.ndarray, fall: np.ndarray, axis: int) -> np.ndarray:
    """The least values above those given (n, n) that along an axis rise and fall no faster than two costs, which fit it, grow.

    Source: the distance transform of sampled functions, Felzenszwalb and Huttenlocher 2012, section 2, with linear costs.
    """
    first = np.maximum.accumulate(values + fall, axis) - fall
    last = np.flip(np.maximum.accumulate(np.flip(values - rise, axis), axis), axis) + rise
    return np.maximum(first, last)


def turn_round(shift: np.ndarray, step: float = 1.0) -> np.ndarray:
    """For each node the place (n, n, 2) that a shift (n, n, 2), a map without folds, brings there.

    Source: fixed points as in Chen et al. 2008, "A simple fixed-point approach to invert a deformation field"; where a shift turns places
    about each other a smaller step than 1 is needed.
    """
    goal = grid().astype(np.float32)
    places, shift = goal, shift.astype(np.float32)
    for _ in range(SHEET.rounds):
        places = places + step * (goal - sample(shift, places) - places)
    return places


def sample(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Values (n, n, ...) of the nodes at places (..., 2) of the head's frame."""
    at = to_nodes(places).astype(np.float32)
    return cv2.remap(np.asarray(values, np.float32), at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def to_nodes(points: np.ndarray, nodes: int = SHEET.nodes) -> np.ndarray:
    """Places (..., 2) of the head's frame as columns and rows of a grid."""
    return (points + SHEET.reach) / (2 * SHEET.reach) * (nodes - 1)

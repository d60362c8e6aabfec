"""The puppet: a person cut out of a photo once, then shown there in any number of poses."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from PIL import Image

from core.detect.body import Body
from core.detect.cutout import cut_out_person, draw_axes
from core.errors import InputError, NothingFoundError
from core.gfla.methods.limb_layers.skeleton import HIP_CENTRE
from core.gfla.methods.puppet.firm import Held, held_by
from core.gfla.methods.puppet.layers import BODY, Layer, Region, make_layers, moving_limbs, read_region
from core.gfla.methods.puppet.mesh import Mesh, make_mesh
from core.gfla.methods.puppet.retarget import aimed, apart
from core.gfla.methods.puppet.settings import SETTINGS
from core.gfla.methods.puppet.skeleton import ARMS, CHAINS, LEGS, Skeleton, ankles_on_mask, read_skeleton
from core.gfla.methods.puppet.warp import lay
from core.gfla.paper import pose
from core.gfla.paper.visuals import titled_sheet
from core.image import Box, limit_size
from core.ops.masks import disc
from core.ops.patch_fill import fill_holes

# Behind cut-outs in explanations.
GREEN = np.array([0, 190, 0])
SHEET_TILE_PX = 360


@dataclass(frozen=True)
class Puppet:
    """A person in a photo, ready to move.

    Attributes:
        picture: (H, W, 3) uint8.
        alpha: (H, W) float32, the person's share.
        ground: (H, W, 3) uint8, the photo without the person; equal to the bit away from it.
        hole: (H, W) bool, where the ground was filled.
        region: its part of the picture, with the limbs told apart.
        skeleton: its joints.
        moving: names of the limbs that follow poses.
        held: what keeps head and upper body in their places.
        made: what `parts` has made, by limbs.
    """

    picture: np.ndarray
    alpha: np.ndarray
    ground: np.ndarray
    hole: np.ndarray
    region: Region
    skeleton: Skeleton
    moving: tuple[str, ...]
    held: Held
    made: dict[tuple[str, ...], tuple[tuple[Layer, ...], Mesh]] = field(default_factory=dict)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """All that the person is taken apart into."""
        return self.parts(self.moving)[0]

    @property
    def mesh(self) -> Mesh:
        """Over all layers."""
        return self.parts(self.moving)[1]

    def parts(self, limbs: Collection[str]) -> tuple[tuple[Layer, ...], Mesh]:
        """The layers where only some limbs move apart from the body, and the mesh over them: what stays joined cannot tear."""
        key = tuple(name for name in self.moving if name in limbs)
        if key not in self.made:
            layers = tuple(make_layers(self.region, key))
            self.made[key] = layers, make_mesh(self.region, layers, self.skeleton)
        return self.made[key]

    def target(self, wanted: np.ndarray | str, shift_px: float | None = None) -> np.ndarray:
        """Keypoints (18, 2) of the photo in a pose (18, 2) of another body or of the library, with this person's limbs.

        Joints that the photo does not show stay -1. `shift_px` moves hips to the side if legs follow; the lower foot
        keeps its place by default.
        """
        height, width = self.alpha.shape
        return aimed(self.skeleton, wanted, (width, height), self.moving, shift_px, self.held)

    def limbs_of(self, poses: Iterable[np.ndarray]) -> tuple[str, ...]:
        """The limbs that some poses (18, 2) in the photo move so far that they need layers of their own."""
        found = {name for points in poses for name in apart(self.skeleton, points)}
        if found & set(LEGS):
            found |= set(LEGS)
        return tuple(name for name in self.moving if name in found)

    def follow(self, bodies: np.ndarray) -> list[np.ndarray]:
        """Keypoints (18, 2) of the photo for each of a clip's (T, 18, 2); who walks there walks here."""
        first = read_skeleton(bodies[0])
        scale = self.skeleton.unit / first.unit
        middles = [read_skeleton(body).joints[HIP_CENTRE, 0] for body in bodies]
        return [self.target(body, scale * (x - middles[0])) for body, x in zip(bodies, middles, strict=True)]

    def show(
        self, points: np.ndarray, ground: np.ndarray | None = None, limbs: Collection[str] | None = None
    ) -> np.ndarray:
        """The photo (H, W, 3) uint8 with the person's joints at these places (18, 2) in it, -1 where they stay.

        Args:
            points: in the photo's pixels.
            ground: what lies behind, the photo without the person by default.
            limbs: those that move apart from the body, such as of `limbs_of`; all that can by default.
        """
        layers, mesh = self.parts(self.moving if limbs is None else limbs)
        wanted = self.joints_at(points)
        places = mesh.posed(self.skeleton.joints, wanted)
        order = self.order(wanted)
        if ground is None:
            return lay(self.ground, self.picture, self.hole, layers, mesh, places, order)
        return lay(ground, ground, self.hole, layers, mesh, places, order)

    def joints_at(self, points: np.ndarray) -> np.ndarray:
        """All joints (20, 2) for keypoints (18, 2), -1 where they stay."""
        own = self.skeleton.joints
        given = (np.asarray(points) != -1).all(1)
        joints = np.where(given[:, None], points, own[:18])
        wanted = own.copy()
        wanted[:18] = joints
        wanted[HIP_CENTRE] = wanted[[8, 11]].mean(0)
        heads = [joint for joint in (0, 14, 15, 16, 17) if self.skeleton.seen[joint]]
        wanted[18] = wanted[heads].mean(0) if heads else own[18] + wanted[1] - own[1]
        return wanted

    def order(self, joints: np.ndarray) -> list[str]:
        """The layers, the farthest first: the leg whose foot is higher, the other leg, body, arms."""
        legs = sorted(LEGS, key=lambda name: joints[CHAINS[name][2], 1])
        return [*legs, BODY, *ARMS]


def layers_sheet(puppet: Puppet) -> Image.Image:
    """What the person was taken apart into: the cut-out, the place without it, and each layer before plain green."""
    region = next(layer for layer in puppet.layers if layer.chain == BODY)
    (left, top), (height, width) = region.corner, region.rgba.shape[:2]
    part = (slice(top, top + height), slice(left, left + width))
    tiles = [np.dstack([puppet.picture[part], (puppet.alpha[part] * 255).astype(np.uint8)])]
    tiles += [np.dstack([puppet.ground[part], np.full((height, width), 255, np.uint8)])]
    tiles += [layer.rgba for layer in puppet.layers]
    titles = ["cut-out", "behind", *(layer.chain for layer in puppet.layers)]
    shown = []
    for tile in tiles:
        share = tile[..., 3:].astype(np.float32) / 255
        shown.append(Image.fromarray((tile[..., :3] * share + GREEN * (1 - share)).astype(np.uint8)))
    return titled_sheet([(title, limit_size(tile, SHEET_TILE_PX)) for title, tile in zip(titles, shown, strict=True)])


def make_puppet(picture: Image.Image, bodies: Sequence[Body], person: int, alpha: np.ndarray | None = None) -> Puppet:
    """Cut a person out, fill the place behind it, and take it apart.

    Args:
        picture: RGB.
        bodies: everybody found in it.
        person: index of the one to move.
        alpha: the person's share (H, W) in [0, 1], such as a corrected one; cut out here otherwise.

    Raises:
        NothingFoundError: this person cannot be cut out.
    """
    array = np.asarray(picture.convert("RGB"))
    share = cut_out_person(picture, bodies, person) if alpha is None else alpha
    skeleton = ankles_on_mask(read_skeleton(bodies[person].points), share)
    bystanders = _others(share, bodies, person)
    region = read_region(array, share, skeleton, bystanders)
    moving = tuple(moving_limbs(region, skeleton))
    hole = hole_of(share, skeleton, moving) & ~(bystanders & (share < 0.05))
    ground = fill_holes(array, hole, forbidden=_near_others(array.shape, bodies, person) & ~hole)
    held = held_by(share, bystanders, skeleton, region)
    return Puppet(array, share, ground, hole, region, skeleton, moving, held)


def hole_of(share: np.ndarray, skeleton: Skeleton, moving: Collection[str]) -> np.ndarray:
    """What is filled behind a person of a share (H, W), (H, W) bool: so much more that no rim and no sole stays."""
    margin = disc(max(2.0, SETTINGS.margin * skeleton.unit))
    hole = cv2.dilate((share > 0.05).astype(np.uint8), margin)
    ends = np.zeros_like(hole)
    for name, joints in CHAINS.items():
        if name in moving:
            x, y = (int(value) for value in skeleton.joints[joints[2]].round())
            cv2.circle(ends, (x, y), round(0.4 * skeleton.unit), 1, -1)
    # Masks end before soles and finger tips.
    far = cv2.dilate((share > 0.05).astype(np.uint8), disc(max(2.0, 2 * SETTINGS.margin * skeleton.unit)))
    return (hole | (far & ends)) > 0


def before_cut_out(picture: Image.Image, people: list[Body], index: int) -> tuple[Image.Image, list[str]]:
    """The photo with everything but the person paled, and what is to be said about the cut-out."""
    try:
        share = cut_out_person(picture, people, index)[..., None]
    except NothingFoundError as error:
        return picture, [f"**{error}.**"]
    pale = 255 - (255 - np.asarray(picture, np.float32)) * 0.25
    return Image.fromarray((np.asarray(picture) * share + pale * (1 - share)).astype(np.uint8)), []


def chosen(bodies: Sequence[Body], person: int, name: str = "the picture") -> Body:
    """The body of that number, from 1.

    Raises:
        InputError: there is none.
    """
    if not 1 <= person <= len(bodies):
        raise InputError(
            f"{name} shows {len(bodies)} people, person {person} was asked for: choose a number from 1 to {len(bodies)}"
        )
    return bodies[person - 1]


def with_person(points: np.ndarray, detect: Callable[[], list[Body]]) -> tuple[list[Body], int]:
    """Everybody whom `detect` finds and the index of the person with these keypoints (18, 2), which replace the detected.

    Raises:
        InputError: fewer than 4 keypoints are known.
    """
    if pose.present(points).sum() < SETTINGS.fewest_points:
        raise InputError(f"{pose.present(points).sum()} keypoints are known, at least 4 are needed: set them by hand")
    seen = points[pose.present(points)]
    own = Body(points, Box(*map(float, (*seen.min(0), *seen.max(0)))))
    try:
        found = detect()
    except NothingFoundError:
        return [own], 0
    size = max(own.box.width, own.box.height, 1.0)
    for index, body in enumerate(found):
        both = body.seen & pose.present(points)
        if both.any() and np.hypot(*(body.points[both] - points[both]).T).mean() < SETTINGS.same_person * size:
            return [*found[:index], own, *found[index + 1 :]], index
    return [own, *found], 0


def _others(share: np.ndarray, bodies: Sequence[Body], person: int) -> np.ndarray:
    """Where other people surely are, (H, W) bool: round their axes, but not where the person is."""
    found = np.zeros(share.shape, np.uint8)
    for index, body in enumerate(bodies):
        if index != person:
            width = round(SETTINGS.bystander * max(body.box.width, body.box.height))
            found |= draw_axes(share.shape, body.points, max(1, width))
    return (found > 0) & (share < 0.5)


def _near_others(shape: tuple[int, ...], bodies: Sequence[Body], person: int) -> np.ndarray:
    """Where other people are, roughly, (H, W) bool: nothing is copied from there."""
    found = np.zeros(shape[:2], np.uint8)
    for index, body in enumerate(bodies):
        if index != person:
            reach = 0.15 * max(body.box.width, body.box.height)
            corners = (body.box.left - reach, body.box.top - reach, body.box.right + reach, body.box.bottom + reach)
            left, top, right, bottom = (round(value) for value in corners)
            cv2.rectangle(found, (left, top), (right, bottom), 1, -1)
    return found > 0

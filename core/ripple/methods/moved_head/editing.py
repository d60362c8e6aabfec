"""What an edit of a photographed head consists of, and its picture: expression first, then the motion, then the background."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from core.errors import OptionError
from core.ripple.methods.moved_head.beard import grow_beard, refuse_beard
from core.ripple.methods.moved_head.bounded import draw_bounded, paint_bounded
from core.ripple.methods.moved_head.bounds import wears_glasses
from core.ripple.methods.moved_head.expressions import Expression, displace
from core.ripple.methods.moved_head.folds import ease_smile, shade_smile
from core.ripple.methods.moved_head.motion import Pose
from core.ripple.methods.moved_head.scene import HeadScene
from core.ripple.options import SHAPES, RippleOptions


@dataclass(frozen=True)
class Change:
    """An edit: how the head moves, what the face does, how much beard grows (-1 to 1)."""

    pose: Pose
    expression: Expression
    beard: float

    @classmethod
    def of(cls, amounts: dict[str, float]) -> Change:
        """From degrees by name of `SHAPES`."""
        strength = {
            name: amounts.get(name, 0.0) / SHAPES[name].high
            for name in ("smile", "mouth", "eyes", "lip", "gaze", "beard")
        }
        beard = strength.pop("beard")
        return cls(Pose(*(amounts.get(name, 0.0) for name in ("pose", "nod", "tilt"))), Expression(**strength), beard)


def amounts_of(name: str, degree: float, options: RippleOptions) -> dict[str, float]:
    """Degrees by name: the edit's own, and what the options add beside it."""
    beside = {edit: float(getattr(options, f"also_{edit}")) for edit in (*SHAPES, "age")}
    return {**beside, name: degree}


def bear(amounts: dict[str, float], bears: dict[str, tuple[float, float]]) -> dict[str, float]:
    """The same degrees by name, those in `bears` within the range that a photograph bears."""
    return {**amounts, **{name: min(max(amounts[name], low), high) for name, (low, high) in bears.items()}}


def bear_beard(scene: HeadScene, photo: np.ndarray, change: Change) -> tuple[Change, str | None]:
    """The change without a beard that a photograph (H, W, 3) uint8 does not bear, and why."""
    reason = refuse_beard(scene.jaw(photo), change.beard) if change.beard else None
    return (replace(change, beard=0.0), reason) if reason else (change, None)


def refuse_company(name: str, amounts: dict[str, float]) -> None:
    """Refuse what stands beside an edit that the networks alone answer.

    Raises:
        OptionError: something does.
    """
    if beside := [other for other, degree in amounts.items() if other != name and degree]:
        raise OptionError(
            f"{', '.join(beside)} beside {name} needs the head's surface: use the preview weights, with turn at 'surface' "
            "and mask_from at 'auto'"
        )


def move_head(scene: HeadScene, photo: np.ndarray, change: Change) -> np.ndarray:
    """A photograph (H, W, 3) uint8 with its head changed.

    Args:
        scene: the photograph as measured.
        photo: the same, or aged.
        change: what happens.
    """
    if change.beard or change.expression.smile:
        photo = paint_bounded(lambda less, seen: paint_skin(less, seen, change), scene, photo)
    left, top, right, bottom = scene.box
    face = None
    if not change.expression.still:
        glasses = change.expression.eyes > 0 and wears_glasses(photo, scene.head)
        moved = displace(scene.head, change.expression, glasses)
        face = draw_bounded(scene.head, moved, photo[top:bottom, left:right], (left, top))
    return scene.render(photo, change.pose, face)


def paint_skin(scene: HeadScene, photo: np.ndarray, change: Change) -> np.ndarray:
    """A photograph (H, W, 3) uint8 with what a change draws on its head before that moves: a beard, a smile's folds."""
    left, top, right, bottom = scene.box
    smile, painted = change.expression.smile, photo.copy()
    region = painted[top:bottom, left:right]
    jaw = scene.jaw(photo) if change.beard or smile < 0 else None
    if jaw and change.beard:
        region[:] = grow_beard(jaw, change.beard)
    if smile > 0:
        region[:] = shade_smile(region, scene.head, (left, top), smile)
    elif jaw and smile < 0:
        region[:] = ease_smile(region, scene.head, (left, top), -smile, None if change.beard < 0 else jaw.worn.mask)
    return painted


def follow(scene: HeadScene, photo: np.ndarray, pose: Pose, moved: np.ndarray) -> np.ndarray:
    """A photograph (H, W, 3) uint8 with its head posed and its mesh's points moved by (478, 2) units of its frame."""
    left, top, right, bottom = scene.box
    face = draw_bounded(scene.head, moved, photo[top:bottom, left:right], (left, top))
    return scene.render(photo, pose, face)


def cut_square(picture: np.ndarray, quad: np.ndarray | None, side: int) -> np.ndarray:
    """The square of a picture (H, W) or (H, W, 3) whose corners are `quad` (as of `Aligned`), (side, side); None: all of it."""
    height, width = picture.shape[:2]
    if quad is None:
        return cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA if side < width else cv2.INTER_CUBIC)
    corner, lower, _, right = np.asarray(quad, np.float64)
    scale = float(np.hypot(*(right - corner))) / side
    if scale > 1:
        picture = cv2.resize(picture, None, fx=1 / scale, fy=1 / scale, interpolation=cv2.INTER_AREA)
        corner, lower, right = (p * np.array(picture.shape[1::-1]) / (width, height) for p in (corner, lower, right))
    matrix = np.stack([right - corner, lower - corner], 1) / side
    warp = np.column_stack([matrix, corner + matrix @ (0.5, 0.5) - 0.5])
    return cv2.warpAffine(
        picture, warp, (side, side), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT_101
    )

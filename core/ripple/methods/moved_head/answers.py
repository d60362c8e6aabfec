"""A portrait's edits by its measured surface, as results of the pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
from PIL import Image
from torch import Tensor

from core.detect.align import cut_quad
from core.progress import Progress, silent
from core.ripple.methods.moved_head.driving import Motion, put_on
from core.ripple.methods.moved_head.editing import Change, bear, cut_square, follow, move_head
from core.ripple.methods.moved_head.membrane import fill_smoothly
from core.ripple.methods.moved_head.scene import SCENE, HeadScene
from core.ripple.methods.repainting.compositing import repaint
from core.ripple.options import MASK_PX, RippleOptions
from core.ripple.paper.inpainting import Inpainter
from core.ripple.paper.masks import background
from core.ripple.results import RipplePrepared, RippleResult


def fill_behind(scene: HeadScene, photo: np.ndarray, options: RippleOptions, fill: Inpainter) -> HeadScene:
    """The scene with its background filled once for all degrees, by an inpainter."""
    soft = replace(options, feather_px=0.5)

    def paint(region: np.ndarray, hole: np.ndarray, others: np.ndarray) -> np.ndarray:
        # A rim of the filled part is seen at a time, mostly of blurred backgrounds: a moderate size serves, and is quick.
        scale = min(1.0, SCENE.fill_px / max(hole.shape))
        size = tuple(max(1, round(length * scale)) for length in region.shape[1::-1])
        small = Image.fromarray(cv2.resize(region, size, interpolation=cv2.INTER_AREA))
        gap, people = (
            cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=cv2.INTER_NEAREST) for mask in (hole, others)
        )
        hidden = people if options.hide_person and not ((gap > 0) | (people > 0)).all() else None
        filled = np.asarray(repaint(small, gap, fill, soft, silent, hidden))
        if options.inpainter == "auto":
            filled = run_on(filled, small, (gap > 0) | (people > 0), SCENE.near * scene.head.frame.unit_px * scale)
        return cv2.resize(filled, region.shape[1::-1], interpolation=cv2.INTER_CUBIC)

    return scene.filled(photo, paint)


def run_on(filled: np.ndarray, picture: Image.Image, unknown: np.ndarray, reach_px: float) -> np.ndarray:
    """A filled picture (H, W, 3) uint8 whose colours run on smoothly from the background beside the hole.

    Patches that fit one another may show another part of the scene than what lies beside the hole, and a turn shows no more
    than that rim; their texture stays.

    Args:
        filled: the picture with its hole filled.
        picture: the same before.
        unknown: (H, W) bool, hole and people.
        reach_px: how far into the hole.
    """
    smooth = fill_smoothly(np.asarray(picture), ~unknown)
    blur = max(1.0, reach_px / 3)
    smooth = np.where(unknown[..., None], smooth, np.asarray(picture, np.float32))
    smooth, coarse = (cv2.GaussianBlur(one, (0, 0), blur) for one in (smooth, filled.astype(np.float32)))
    near = np.exp(-np.square(cv2.distanceTransform(unknown.astype(np.uint8), cv2.DIST_L2, 5) / reach_px))[..., None]
    return np.where(unknown[..., None], np.rint(filled + near * (smooth - coarse)).clip(0, 255), filled).astype(
        np.uint8
    )


def answer(
    prepared: RipplePrepared, amounts: dict[str, float], options: RippleOptions, scene: HeadScene, photo: np.ndarray,
    codes: Tensor,
) -> RippleResult:  # fmt: skip
    """One edit by the surface.

    Args:
        prepared: what it is an edit of.
        amounts: degrees by name of the edit.
        options: whether to clean.
        scene: its layers.
        photo: (H, W, 3) uint8, the photograph, recoloured perhaps.
        codes: the edited codes.
    """
    asked, amounts, notes = amounts["pose"], bear(amounts, prepared.turn), tuple[str, ...]()
    if asked != amounts["pose"]:
        notes = (f"turned by {amounts['pose']:g} of {asked:g} degrees: this photograph bears no more",)
    change = Change.of(amounts)
    moved = move_head(scene, photo, change, options.clean)
    quad = prepared.aligned.quad if prepared.aligned else None
    clean, plain = Image.fromarray(cut_face(moved.picture, prepared)), None
    mask: np.ndarray = np.zeros((prepared.side,) * 2, np.uint8)
    scenes: list[Image.Image | None] = [None, None]
    if options.clean:
        left_behind = move_head(scene, photo, change, clean=False)
        plain = Image.fromarray(cut_face(left_behind.picture, prepared))
        seen = scene.in_photo(scene.repainted(moved, left_behind), photo.shape)
        mask = (cut_square(seen, quad, prepared.side) > 0.5).astype(np.uint8) * 255
    if mask.any():
        for number, matte in enumerate((moved.before, moved.after)):
            person = cut_square(scene.in_photo(matte, photo.shape), quad, MASK_PX) > 0.5
            scenes[number] = Image.fromarray(background(person.astype(np.uint8)))
    figures = {"ripple_share": float((mask > 0).mean())}
    whole = Image.fromarray(moved.picture)
    return RippleResult(
        plain or clean, Image.fromarray(mask), clean, whole, codes, figures, scenes[0], scenes[1], notes
    )


def cut_face(picture: np.ndarray, prepared: RipplePrepared) -> np.ndarray:
    """The face crop (P, P, 3) uint8 of an edited photograph (H, W, 3)."""
    if prepared.aligned is None:
        return cut_square(picture, None, prepared.side)
    quad = prepared.aligned.quad
    if quad.min() >= 0 and (quad <= picture.shape[1::-1]).all():
        return cut_square(picture, quad, prepared.side)
    # What lies beyond the photograph is made up anew, so that it fits the edited head at the edge.
    return np.asarray(cut_quad(Image.fromarray(picture), quad, prepared.side, prepared.side))


def animate(
    prepared: RipplePrepared, motion: Motion, strength: float = 1.0, progress: Progress = silent
) -> Iterator[Image.Image]:
    """The photograph moving as the head of a film does, frame by frame; identity and background stay.

    Args:
        prepared: what the pipeline's `prepare` returned.
        motion: of the film, see `read_motion`.
        strength: 1 as in the film, less is calmer.
        progress: called as the work goes on.

    Raises:
        OptionError: the head's surface was not measured.
    """
    photo, scene = np.asarray(prepared.whole), prepared.known_scene
    for number in range(len(motion.poses)):
        pose, moved = put_on(scene.head, motion, number, strength, prepared.turn)
        yield Image.fromarray(follow(scene, photo, pose, moved))
        progress((number + 1) / len(motion.poses), f"frame {number + 1} of {len(motion.poses)}")

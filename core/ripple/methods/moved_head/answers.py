"""A portrait's edits by its measured surface, as results of the pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from PIL import Image
from torch import Tensor

from core.progress import Progress, silent
from core.ripple.methods.moved_head.driving import Motion, put_on
from core.ripple.methods.moved_head.editing import Change, bear, cut_square, follow, move_head
from core.ripple.methods.moved_head.scene import HeadScene
from core.ripple.methods.repainting.compositing import repaint
from core.ripple.options import MASK_PX, RippleOptions
from core.ripple.paper.inpainting import Inpainter
from core.ripple.paper.masks import background
from core.ripple.results import RipplePrepared, RippleResult


def fill_behind(scene: HeadScene, photo: np.ndarray, options: RippleOptions, fill: Inpainter) -> HeadScene:
    """The scene with its background filled once for all degrees, by an inpainter."""
    soft = replace(options, feather_px=0.5)

    def paint(region: np.ndarray, hole: np.ndarray, others: np.ndarray) -> np.ndarray:
        hidden = others.astype(np.uint8) * 255 if options.hide_person and not (hole | others).all() else None
        mask = hole.astype(np.uint8) * 255
        return np.asarray(repaint(Image.fromarray(region), mask, fill, soft, silent, hidden))

    return scene.filled(photo, paint)


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
    uncovered = ((moved.before > 0.5) & (moved.after < 0.5)).astype(np.float32) * options.clean
    mask = (cut_square(scene.in_photo(uncovered, photo.shape), quad, prepared.side) > 0.5).astype(np.uint8) * 255
    clean = Image.fromarray(cut_square(moved.picture, quad, prepared.side))
    plain, scenes = clean, list[Image.Image | None]((None, None))
    if mask.any():
        left_behind = move_head(scene, photo, change, clean=False)
        plain = Image.fromarray(cut_square(left_behind.picture, quad, prepared.side))
        for number, matte in enumerate((moved.before, moved.after)):
            person = cut_square(scene.in_photo(matte, photo.shape), quad, MASK_PX) > 0.5
            scenes[number] = Image.fromarray(background(person.astype(np.uint8)))
    figures = {"ripple_share": float((mask > 0).mean())}
    whole = Image.fromarray(moved.picture)
    return RippleResult(plain, Image.fromarray(mask), clean, whole, codes, figures, scenes[0], scenes[1], notes)


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

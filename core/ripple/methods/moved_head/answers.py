"""A portrait's edits by its measured surface, as results of the pipeline."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image
from torch import Tensor

from core.detect.align import cut_quad
from core.progress import Progress, silent
from core.ripple.methods.moved_head.bounds import bounds_of
from core.ripple.methods.moved_head.driving import Motion, put_on
from core.ripple.methods.moved_head.edges import kept
from core.ripple.methods.moved_head.editing import Change, bear, bear_beard, cut_square, follow, move_head
from core.ripple.methods.moved_head.scene import HeadScene
from core.ripple.options import AGEING
from core.ripple.results import RipplePrepared, RippleResult


def answer(
    prepared: RipplePrepared, amounts: dict[str, float], scene: HeadScene, photo: np.ndarray, codes: Tensor
) -> RippleResult:
    """One edit by the surface, which leaves no ripple: nothing is uncovered, and nothing cleaned.

    Args:
        prepared: what it is an edit of.
        amounts: degrees by name of the edit.
        scene: its surface.
        photo: (H, W, 3) uint8, the photograph, aged perhaps.
        codes: the edited codes.
    """
    change, _ = bear_beard(scene, photo, Change.of(bear(amounts, prepared.bears)))
    moved = move_head(scene, photo, change)
    face, none = Image.fromarray(cut_face(moved, prepared)), Image.new("L", (prepared.side,) * 2)
    return RippleResult(
        face,
        none,
        face,
        Image.fromarray(moved),
        codes,
        {"ripple_share": 0.0},
        notes=limits_of(prepared, amounts, photo),
    )


def limits_of(prepared: RipplePrepared, asked: dict[str, float], photo: np.ndarray) -> tuple[str, ...]:
    """What a photograph does not bear of what was asked, and what draws its age; a sentence each.

    Args:
        prepared: the photograph.
        asked: degrees by name of the edit.
        photo: (H, W, 3) uint8, the photograph, aged perhaps.
    """
    scene, amounts = prepared.known_scene, bear(asked, prepared.bears)
    notes = bounds_of(scene.head, amounts)
    if asked["pose"] != amounts["pose"]:
        notes += (f"turned by {amounts['pose']:g} of {asked['pose']:g} degrees: this photograph bears no more",)
    if amounts["age"]:
        notes += (AGEING,)
    notes += tuple(
        f"{name} {amounts[name]:g} of {degree:g}: this photograph bears no more"
        for name, degree in asked.items()
        if name != "pose" and degree != amounts[name]
    )
    _, reason = bear_beard(scene, photo, Change.of(amounts))
    return notes + ((reason,) if reason else ())


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
    prepared: RipplePrepared, motion: Motion, strength: float = 1.0, progress: Progress = silent, absolute: bool = False
) -> Iterator[Image.Image]:
    """The photograph moving as the head of a film does, frame by frame; identity and background stay.

    Args:
        prepared: what the pipeline's `prepare` returned.
        motion: of the film, see `read_motion`.
        strength: 1 as in the film, less is calmer.
        progress: called as the work goes on.
        absolute: whether the head looks where the film's does, and not from its own pose on.

    Raises:
        OptionError: the head's surface was not measured.
    """
    photo, scene = np.asarray(prepared.whole), prepared.known_scene
    keep = kept(scene.head, prepared.bears)[:, None]
    for number in range(len(motion.poses)):
        pose, moved = put_on(scene.head, motion, number, strength, prepared.bears, absolute)
        yield Image.fromarray(follow(scene, photo, pose, keep * moved))
        progress((number + 1) / len(motion.poses), f"frame {number + 1} of {len(motion.poses)}")

"""Repainting a hole at a size that suits the inpainter, and pasting a face back without touching what no edit changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from core.detect.align import Aligned
from core.errors import InputError
from core.image import resize
from core.progress import Progress, silent
from core.ripple.methods.repainting.inpainters import HIDDEN, fill_by_patches
from core.ripple.methods.repainting.masks import feather_mask, refine_mask
from core.ripple.options import MASK_PX, RippleOptions
from core.ripple.paper.inpainting import Inpainter


@dataclass(frozen=True)
class PasteConstants:
    """How the edited face goes back into the photograph."""

    unchanged_levels: int = 3  # of 255: less is rounding
    rim_share: int = 64  # the rim is the face's side divided by this wide, at least 2 px, and as soft


PASTE = PasteConstants()


def paste_face(whole: Image.Image, aligned: Aligned | None, face: Image.Image) -> Image.Image:
    """The photograph with an edited face (P, P) in it; where the edit changed nothing, its own pixels stay.

    Cutting out and pasting back resamples twice, which would soften a background that nothing happened to.

    Args:
        whole: the photograph.
        aligned: the face in it, as it was cut out; None where the picture itself is the face.
        face: what takes its place.
    """
    if aligned is None:
        return face
    back, rim_px = aligned.paste_back(whole, face), face.width / PASTE.rim_share
    before = np.asarray(resize(aligned.picture, face.size), np.int16)
    changed = np.abs(np.asarray(face, np.int16) - before).max(2) > PASTE.unchanged_levels
    wide = refine_mask(changed.astype(np.uint8) * 255, open_px=1, dilate_px=max(2, int(rim_px)))
    soft = Image.fromarray((feather_mask(wide, rim_px) * 255).round().astype(np.uint8)).convert("RGB")
    share = aligned.paste_back(Image.new("RGB", whole.size), soft)
    return Image.composite(back, whole, share.convert("L"))


def repaint(
    picture: Image.Image,
    mask: np.ndarray,
    fill: Inpainter,
    options: RippleOptions,
    progress: Progress = silent,
    hidden: np.ndarray | None = None,
) -> Image.Image:
    """The picture with its hole filled at a size that the inpainter likes (the shared filler bounds its own work), softly joined.

    Outside the hole and its rim nothing changes.

    Args:
        picture: RGB.
        mask: (H, W) uint8, 255 = hole.
        fill: the inpainter.
        options: sizes and the rim.
        progress: called as the work goes on.
        hidden: (H, W) uint8, 255 = filled too, so that it cannot bleed into the hole, but not shown.
    """
    share = 1.0 if fill is fill_by_patches else min(1.0, options.inpaint_px / max(picture.size))
    small = resize(picture, (max(1, round(picture.width * share)), max(1, round(picture.height * share))))
    unseen = mask if hidden is None else np.where((hidden > 0) & (mask == 0), HIDDEN, mask).astype(np.uint8)
    unseen = np.asarray(Image.fromarray(unseen).resize(small.size, Image.Resampling.NEAREST))
    if hidden is not None and (unseen > 0).all():
        raise InputError(
            "the person fills the whole face crop, no background is left to repaint from: set hide_person off"
        )
    filled = resize(fill(small, unseen, progress), picture.size)
    soft = feather_mask(mask, options.feather_px * picture.width / MASK_PX)
    return Image.composite(filled, picture, Image.fromarray((soft * 255).round().astype(np.uint8)))

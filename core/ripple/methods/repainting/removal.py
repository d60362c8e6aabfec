"""Taking an object out of a photograph: a brushed mask, grown and softly joined, filled from round it at the photograph's own size."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image
from scipy.ndimage import distance_transform_edt

from core.detect.segment import person_mask
from core.errors import InputError, NothingFoundError, ShapeError
from core.image import resize
from core.progress import Progress, part_of, silent
from core.ripple.methods.repainting.inpainters import HIDDEN, fill_by_patches
from core.ripple.options import RemoverOptions
from core.ripple.paper.inpainting import Inpainter


@dataclass(frozen=True)
class RemovalConstants:
    """What round the hole is looked at."""

    context_share: float = 1.0  # the region worked on reaches this far beyond the hole, in sides of the hole
    context_least_px: int = 256  # and at least this far
    network_px: int = 1024  # longest side that a network sees; the shared filler bounds its own work
    free_least: float = 0.02  # share of the region that has to be left when people are not copied from
    person_rim: float = 0.015  # share of the longer side by which people are taken to be wider than their mask
    mostly: float = 0.5  # the share from which a hole lies on a person, and from which a person is in the hole


REMOVAL = RemovalConstants()


def remove_object(
    picture: Image.Image, mask: np.ndarray, fill: Inpainter, options: RemoverOptions, progress: Progress = silent
) -> tuple[Image.Image, list[str]]:
    """The photograph without what the mask covers, at its own size, and what there is to tell about it.

    Beyond the grown mask and its feather every pixel stays as it was.

    Args:
        picture: RGB.
        mask: (H, W) uint8, above 0 = goes.
        fill: who repaints.
        options: how far the mask grows, and how softly it ends.
        progress: called as the work goes on.

    Raises:
        ShapeError: mask and picture differ in size.
        InputError: nothing is masked, or everything.
    """
    if mask.shape != picture.size[::-1]:
        raise ShapeError(f"the mask is {mask.shape[::-1]}, the picture {picture.size}: give both one size")
    if not mask.any():
        raise InputError("the mask is empty: paint what shall go")
    share = mask_share(mask, options.grow_px, options.feather_px)
    if share.all():
        raise InputError("the mask and what it grows by cover the whole picture: paint less, or let it grow less")
    place = _region(share > 0)
    part, share = np.asarray(picture.convert("RGB"))[place], share[place]
    hole, notes = (share > 0).astype(np.uint8) * 255, list[str]()
    if fill is fill_by_patches:
        progress(0.05, "looking for people")
        hidden = people_beside(part, hole > 0)
        if hidden.any() and (~hidden & (hole == 0)).mean() < REMOVAL.free_least:
            notes.append("people fill what lies round the hole, so it was filled from them too")
        elif hidden.any():
            hole = np.where(hidden, HIDDEN, hole).astype(np.uint8)
            notes.append("nothing was copied from the people beside it")
    filled = _fill_bounded(Image.fromarray(part), hole, fill, part_of(progress, 0.1, 1.0))
    out = np.array(picture.convert("RGB"))
    mixed = part + share[..., None] * (filled.astype(np.float32) - part)
    out[place] = np.where(share[..., None] > 0, mixed.round(), part).astype(np.uint8)
    return Image.fromarray(out), notes


def mask_share(mask: np.ndarray, grow_px: int, feather_px: int) -> np.ndarray:
    """(H, W) float32 in [0, 1]: 1 in the mask grown by `grow_px`, falling to 0 within `feather_px` beyond that."""
    away = distance_transform_edt(mask == 0).astype(np.float32)
    return np.clip(1 - (away - grow_px) / (feather_px + 1), 0, 1) * (away < grow_px + feather_px + 1)


def people_beside(picture: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """(H, W) bool: the people that must not be copied from; none where the hole is a spot on a person.

    A person who goes, most of whom the hole covers, leaves no copies of a hand or a shoe that was not brushed over.
    """
    try:
        person = person_mask(Image.fromarray(picture))[0, 0].numpy() > 0.5
    except NothingFoundError:
        return np.zeros(hole.shape, bool)
    _, labels = cv2.connectedComponents(person.astype(np.uint8))
    touched = np.isin(labels, np.unique(labels[hole & person])) & person
    on_person = (hole & person).sum() > REMOVAL.mostly * hole.sum()
    if on_person and (hole & touched).sum() <= REMOVAL.mostly * touched.sum():
        return np.zeros(hole.shape, bool)
    # The network sees 256 px: rims are soft, and shoes or hair are missed by a little.
    rim = 2 * int(np.ceil(REMOVAL.person_rim * max(hole.shape))) + 1
    return (cv2.dilate(person.astype(np.uint8), np.ones((rim, rim), np.uint8)) > 0) & ~hole


def _region(hole: np.ndarray) -> tuple[slice, slice]:
    high, wide = hole.shape
    x, y, columns, rows = cv2.boundingRect(hole.astype(np.uint8))
    margin = int(max(REMOVAL.context_least_px, REMOVAL.context_share * max(rows, columns)))
    return (
        slice(max(0, y - margin), min(high, y + rows + margin)),
        slice(max(0, x - margin), min(wide, x + columns + margin)),
    )


def _fill_bounded(part: Image.Image, hole: np.ndarray, fill: Inpainter, progress: Progress) -> np.ndarray:
    share = 1.0 if fill is fill_by_patches else min(1.0, REMOVAL.network_px / max(part.size))
    size = max(1, round(part.width * share)), max(1, round(part.height * share))
    # Whatever a pixel of the hole falls on is hole.
    small = (
        hole
        if share == 1.0
        else np.asarray(Image.fromarray(hole).resize(size, Image.Resampling.BOX).point(lambda v: 255 * (v > 0)))
    )
    return np.asarray(resize(fill(resize(part, size), small, progress), part.size))

"""Everybody in a photo: who is hidden from the detector by somebody more visible is found with that one painted out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from core.detect.body import MISSING, Body, body_of, detect_bodies, pose_in, same_body
from core.detect.cutout import covered_by, draw_axes, person_mask_of, without
from core.errors import NothingFoundError
from core.image import Box

# How often it looks again after having found somebody new.
ROUNDS = 3
# Sides of the square views by the picture's shorter side, and how many of them lie behind one another along half a side.
SIDES = (1.0, 0.6)
# Nobody is looked for in parts of a picture so small.
LEAST_SIDE_PX = 240
# A body so low, by the picture's height, is nobody whom one would move, and often a chair.
LEAST_HEIGHT = 0.12
# So many of the 18 joints must be seen, and so much of the axes between them lie in the detector's mask of that person.
LEAST_JOINTS, LEAST_MASK = 9, 0.6
# A skeleton narrower than this, by its height, is a post or an arm; one that lies so far in known people is one of them.
LEAST_WIDTH, MOST_TAKEN = 0.2, 0.4
# What is seen but in the shape of the painted places is gone when they are painted in another light.
OTHER_LIGHT = 0.3
# Room round it in that view.
VIEW = 0.25


def detect_everybody(picture: Image.Image, name: str = "the picture") -> list[Body]:
    """All people of a photo: those of `detect_bodies`, largest first, then likewise those that it overlooks beside them.

    The detector follows the most visible person, so that in views of others it answers with the same one again. Whoever is
    found is painted out, and the photo and squares of it are looked at again; what is found there must be found a second
    time in a view of its own, with a mask that holds its limbs.

    Args:
        picture: RGB, any size.
        name: what the message calls it.

    Raises:
        NothingFoundError: nobody.
    """
    picture = picture.convert("RGB")
    found: list[Body] = []
    nobody: NothingFoundError | None = None
    try:
        found = detect_bodies(picture, name)
    except NothingFoundError as error:
        nobody = error
    later: list[Body] = []
    for _ in range(ROUNDS):
        known = [*found, *later]
        hidden, again = without(picture, known), without(picture, known, OTHER_LIGHT)
        for place in views(picture.width, picture.height):
            points = pose_in(hidden, place)
            if points is None or any(same_body(points, body.points) for body in (*found, *later)):
                continue
            body = confirmed(again, body_of(points), known)
            if body is not None and not any(same_body(body.points, other.points) for other in (*found, *later)):
                later.append(body)
        if len(found) + len(later) == len(known):
            break
    if not found and not later and nobody is not None:
        raise nobody
    return [*found, *sorted(later, key=lambda body: -body.box.width * body.box.height)]


def views(width: int, height: int) -> list[Box]:
    """The whole picture, then squares that overlap by half at least."""
    found = [Box(0, 0, width, height)]
    for share in SIDES:
        side = share * min(width, height)
        if share < 1 and side < LEAST_SIDE_PX:
            continue
        lefts, tops = (
            np.linspace(0, length - side, int(np.ceil(2 * (length - side) / side)) + 1) for length in (width, height)
        )
        found += [Box(x, y, x + side, y + side) for y in map(float, tops) for x in map(float, lefts)]
    return found


def confirmed(picture: Image.Image, body: Body, known: Sequence[Body]) -> Body | None:
    """The body as a view of its own shows it; None where that shows none, no whole person, or a strip of a known one."""
    points = pose_in(picture, body.box.squared(VIEW))
    if points is None or not same_body(points, body.points) or (points[:, 0] != MISSING).sum() < LEAST_JOINTS:
        return None
    again = body_of(points)
    if again.box.height < LEAST_HEIGHT * picture.height or again.box.width < LEAST_WIDTH * again.box.height:
        return None
    mask = person_mask_of(picture, again)
    if mask is None:
        return None
    axes = draw_axes(mask.shape, points, 1) > 0
    taken = covered_by(mask.shape, known)[axes].mean() if axes.any() else 1.0
    return again if taken < MOST_TAKEN and (mask[axes] > 0.5).mean() > LEAST_MASK else None

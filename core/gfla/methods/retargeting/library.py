"""The pose library: named skeletons of the rendered people (ours, CC0), in their 176 x 256 frame."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from core.errors import unknown_name

FRAME_HW = (256, 176)
# The person's right side, left side, and middle, as the figures show them.
RIGHT, LEFT, MIDDLE = (234, 120, 40), (40, 110, 220), (90, 90, 100)
# Poses that no shipped method reaches from a front view.
BEHIND = "from behind"
FILE = Path(__file__).with_name("poses.json")
LIMBS = ((2, 3, 4), (5, 6, 7), (8, 9, 10), (11, 12, 13))
# A pose is of the limbs with a joint farther than this, in torso lengths, from where "standing" has it.
UNNAMED = 0.25
# Names that speak of arms alone, and of both.
OF_ARMS = ("arm", "hand", "waving", "pointing", "thinking", "shrugging", "flexing")
OF_BOTH = ("arms", "hands")


@cache
def poses() -> dict[str, np.ndarray]:
    """All skeletons by name, (18, 2) x, y in the 176 x 256 frame, -1 where missing."""
    return {name: np.array(points, dtype=np.float64) for name, points in json.loads(FILE.read_text()).items()}


def library_pose(name: str) -> np.ndarray:
    """One skeleton; an unknown name is refused with the nearest known one."""
    known = poses()
    if name not in known:
        raise unknown_name("pose", name, known)
    return known[name].copy()


def named_pose(name: str) -> np.ndarray:
    """A skeleton (18, 2) with -1 for the limbs that its name says nothing of: what hangs as in "standing" is no pose.

    Both legs go together: who steps stands on the other one.
    """
    points, standing = library_pose(name), library_pose("standing")
    torso = np.hypot(*(points[[8, 11]].mean(0) - points[1]))

    def moved(limb: tuple[int, ...]) -> bool:
        apart = points[list(limb)] - points[limb[0]] - standing[list(limb)] + standing[limb[0]]
        return bool(np.hypot(*apart.T).max() > UNNAMED * torso)

    named = [moved(limb) for limb in LIMBS]
    named[2:] = [any(named[2:])] * 2
    if any(word in name for word in OF_ARMS) and "dancing" not in name:
        both = any(word in name for word in OF_BOTH)
        named = [both or named[0], both or named[1], False, False]
    for limb, is_named in zip(LIMBS, named, strict=True):
        if any(named) and not is_named:
            points[list(limb[1:])] = -1
    return points


def shown_poses() -> list[str]:
    """The names offered as figures: poses from behind are not, which neither the weights nor the layers can do."""
    return [name for name in poses() if not name.startswith(BEHIND)]


def draw_figure(name: str) -> Image.Image:
    """A pose as a small figure, (176, 256) px: limbs with flesh, coloured by side."""
    points = library_pose(name)
    figure = Image.new("RGB", FRAME_HW[::-1], "white")
    pen = ImageDraw.Draw(figure)

    def limb(joints: tuple[int, ...], colour: tuple[int, int, int], width: int) -> None:
        line = [tuple(points[joint]) for joint in joints]
        pen.line(line, colour, width, joint="curve")
        for x, y in line:
            pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), colour)

    for joints, colour in (((8, 9, 10), RIGHT), ((11, 12, 13), LEFT)):
        limb(joints, colour, 17)
    pen.polygon([tuple(points[joint]) for joint in (2, 5, 11, 8)], MIDDLE)
    limb((2, 5, 11, 8, 2), MIDDLE, 12)
    limb((1, 0), MIDDLE, 10)
    for joints, colour in (((2, 3, 4), RIGHT), ((5, 6, 7), LEFT)):
        limb(joints, colour, 13)
    x, y = points[0]
    pen.ellipse((x - 15, y - 22, x + 15, y + 14), MIDDLE)
    return figure

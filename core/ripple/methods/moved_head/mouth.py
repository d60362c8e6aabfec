"""The inside of a mouth that opens, painted: dark, a tongue in the light that falls in, the edge of the upper teeth. Source: own."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.ops.smoothstep import smoothstep
from core.ripple.methods.moved_head.expressions import CHEEKS, INNER_CORNERS, LOWER_LIP, UPPER_LIP


@dataclass(frozen=True)
class MouthConstants:
    """What lies in a mouth; colours of 255 in full light, lengths as shares of its opening unless they say otherwise."""

    dark: tuple[int, int, int] = (34, 11, 11)
    wall: tuple[int, int, int] = (104, 42, 38)  # the inside of the cheeks
    tongue: tuple[int, int, int] = (184, 92, 88)
    teeth: tuple[int, int, int] = (228, 216, 198)
    bright: float = 220.0  # of 255: a cheek in full light
    dimmest: float = 0.3  # share of light that every mouth gets
    grey: float = 12.0  # CIELab chroma: lips with less are those of a grey photograph
    wall_light: float = 0.5  # share of light on it, at the corners
    tongue_at: float = 1.12  # its middle, below the upper lip
    tongue_high: float = 0.66
    tongue_wide: float = 0.74  # of half the mouth's width
    tongue_rim: float = 0.22  # of its round form, that turns into the dark
    tongue_back: float = 0.34  # share of light that is left where it is furthest back
    tongue_shade: float = 0.35  # share of light that the lower lip takes from what lies behind it ...
    tongue_shaded: float = 0.24  # ... over so much
    groove: float = 0.14  # share of light, in the tongue's middle
    groove_wide: float = 0.09  # of half the mouth's width
    teeth_height: float = 0.1  # of the mouth's width, at most
    teeth_share: float = 0.3  # of the opening, at most
    teeth_least: float = 0.1  # of the mouth's width: a smaller opening shows none
    teeth_wide: float = 0.86  # of half the mouth's width: there they end in the dark
    tooth: float = 0.25  # of half the mouth's width: a front tooth
    tooth_gap: float = 0.2  # share of light that is lost between two
    lip_shade: float = 0.45  # share of light that the upper lip takes from them at their upper end
    teeth_light: float = 0.84  # of what falls on the face: they lie behind the lips
    grain: float = 0.03  # of its light: what is painted is not smoother than a photograph
    lumps: float = 0.08  # and of a tongue's, whose relief is ...
    lump: float = 0.03  # ... so large, of half the mouth's width
    wet: float = 0.14  # share of light that glints add on it


MOUTH = MouthConstants()


def paint_mouth(
    places: np.ndarray, after: np.ndarray, gap: float, region: np.ndarray, before: np.ndarray
) -> np.ndarray:
    """(h, w, 3) uint8: the inside of a mouth.

    Args:
        places: (h, w, 2) px, of each pixel.
        after: (478, 2) px of the mesh with the mouth open.
        gap: how far it opened, px; 0 paints no teeth.
        region: (h, w, 3) uint8 of the photograph, for its light.
        before: (478, 2) px of its mesh.
    """
    ends = after[list(INNER_CORNERS)]
    middle, half = ends[:, 0].mean(), max(1.0, 0.5 * float(np.ptp(ends[:, 0])))
    across = ((places[..., 0] - middle) / half).clip(-1, 1)
    top, bottom = (arc(after[[INNER_CORNERS[0], *part["inner"], INNER_CORNERS[1]]], middle, half, across)
                   for part in (UPPER_LIP, LOWER_LIP))  # fmt: skip
    open_px = max(1.0, float((bottom - top).max()))
    down, up = ((places[..., 1] - top) / open_px).clip(0, 1), (bottom - places[..., 1]) / open_px
    random = np.random.default_rng(5)
    dark, wall, tongue, teeth = (
        np.array(colour, np.float32) for colour in (MOUTH.dark, MOUTH.wall, MOUTH.tongue, MOUTH.teeth)
    )
    inside = dark + (MOUTH.wall_light * smoothstep(np.abs(across), 0.45, 1.0) * (0.4 + 0.6 * down))[..., None] * (
        wall - dark
    )
    share, lit = round_tongue(across, down, up, half, random)
    inside = inside + share[..., None] * (lit[..., None] * tongue - inside)
    height = min(MOUTH.teeth_height * 2 * half, MOUTH.teeth_share * gap)
    share, shade = row_of_teeth(places[..., 1] - top, across, height, gap / (2 * half))
    inside = inside + share[..., None] * (shade[..., None] * teeth - inside)
    noise = cv2.GaussianBlur(random.standard_normal(across.shape, np.float32), (0, 0), 0.8)
    inside = inside * (1 + MOUTH.grain * noise / max(1e-6, float(noise.std())))[..., None]
    return np.rint(in_light(inside, region, before)).clip(0, 255).astype(np.uint8)


def colours_at(region: np.ndarray, mesh: np.ndarray, indices: list[int]) -> np.ndarray:
    """(N, 3) float32: the colours of a region at points of a mesh (478, 2) px."""
    column, row = np.rint(mesh[indices] - 0.5).astype(int).T
    return region[row.clip(0, region.shape[0] - 1), column.clip(0, region.shape[1] - 1)].astype(np.float32)


def arc(line: np.ndarray, middle: float, half: float, across: np.ndarray) -> np.ndarray:
    """The height of a lip's inner line (N, 2) at places across a mouth: an even arc, for landmarks err one by one."""
    return np.polyval(np.polyfit((line[:, 0] - middle) / half, line[:, 1], 4), across)


def round_tongue(
    across: np.ndarray, down: np.ndarray, up: np.ndarray, half: float, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The share and the light (h, w) of a tongue, round and wet, at shares of the opening below and above the lips."""
    # As an ellipsoid whose far side lies in the dark: what points up and forward is lit.
    x, y = across / MOUTH.tongue_wide, (down - MOUTH.tongue_at) / MOUTH.tongue_high
    away = x**2 + y**2
    front = np.sqrt((1 - away).clip(0))
    share = smoothstep(1 - away, 0, MOUTH.tongue_rim)
    lit = (MOUTH.tongue_back + (1 - MOUTH.tongue_back) * front) * (1 - 0.25 * x**2)
    lit = lit * (1 - MOUTH.groove * np.exp(-((across / MOUTH.groove_wide) ** 2)) * smoothstep(front, 0.2, 0.6))
    relief = cv2.GaussianBlur(random.standard_normal(across.shape, np.float32), (0, 0), max(0.8, MOUTH.lump * half))
    relief /= max(1e-6, float(relief.std()))
    lit = lit * (1 + MOUTH.lumps * relief) + MOUTH.wet * smoothstep(relief, 1.2, 2.2) * smoothstep(front, 0.4, 0.8)
    behind = smoothstep(up, 0, MOUTH.tongue_shaded)
    return share, lit * (1 - MOUTH.tongue_shade * (1 - behind))


def row_of_teeth(beyond: np.ndarray, across: np.ndarray, height: float, opened: float) -> tuple[np.ndarray, np.ndarray]:
    """The share and the light (h, w) of the upper teeth.

    Args:
        beyond: (h, w) px from the lip that they stand behind.
        across: (h, w), -1 to 1 across the mouth.
        height: px that the two in the middle show.
        opened: the opening, of the mouth's width.
    """
    # The row bends back: teeth look narrower towards the corners, and those beside the middle are shorter.
    place = np.arcsin((np.abs(across) / 1.02).clip(0, 1)) / MOUTH.tooth
    number = place.astype(int)
    within = np.abs(place - number - 0.5) * 2
    long = height * (1 - 0.12 * (number == 1) - 0.2 * (number >= 2)) * (1 - 0.25 * within**4)
    share = smoothstep((long - beyond) / max(1.0, 0.16 * height) + 0.5)
    share = share * smoothstep(np.abs(across), MOUTH.teeth_wide, 0.55 * MOUTH.teeth_wide)
    share = share * smoothstep(opened, MOUTH.teeth_least, 1.6 * MOUTH.teeth_least)
    light = MOUTH.teeth_light * (1 - MOUTH.tooth_gap * smoothstep(within, 0.72, 1.0)) * (1 - 0.6 * across**2)
    return share, light * (1 - MOUTH.lip_shade * (1 - smoothstep(beyond / max(1.0, height), -0.1, 0.8)))


def in_light(colours: np.ndarray, region: np.ndarray, mesh: np.ndarray) -> np.ndarray:
    """Colours (h, w, 3) in the light of a photograph's face with a mesh (478, 2) px, grey in a grey one."""
    light = float(np.clip(colours_at(region, mesh, list(CHEEKS)).max(-1).mean() / MOUTH.bright, MOUTH.dimmest, 1))
    lips = np.median(colours_at(region, mesh, [*LOWER_LIP["middle"]]), axis=0)
    chroma = np.hypot(*cv2.cvtColor((lips / 255)[None, None], cv2.COLOR_RGB2LAB)[0, 0, 1:])
    grey = colours.mean(-1, keepdims=True)
    return light * (grey + min(1.0, float(chroma) / MOUTH.grey) * (colours - grey))

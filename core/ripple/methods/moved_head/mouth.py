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

    dark: tuple[int, int, int] = (40, 15, 14)
    tongue: tuple[int, int, int] = (172, 84, 80)
    teeth: tuple[int, int, int] = (226, 214, 196)
    bright: float = 220.0  # of 255: a cheek in full light
    dimmest: float = 0.3  # share of light that every mouth gets
    grey: float = 12.0  # CIELab chroma: lips with less are those of a grey photograph
    tongue_top: float = 0.5  # below the upper lip, in the middle
    tongue_round: float = 0.3  # and so much lower towards the corners
    tongue_soft: float = 0.4
    tongue_shade: float = 0.45  # share of light that the lower lip takes from what lies behind it ...
    tongue_shaded: float = 0.28  # ... over so much
    groove: float = 0.1  # share of light, in the tongue's middle
    groove_wide: float = 0.07  # of half the mouth's width
    teeth_height: float = 0.075  # of the mouth's width, at most
    teeth_share: float = 0.3  # of the opening, at most
    teeth_least: float = 0.1  # of the mouth's width: a smaller opening shows none
    teeth_wide: float = 0.8  # of half the mouth's width: there they end in the dark
    tooth: float = 0.27  # of half the mouth's width: a front tooth
    tooth_gap: float = 0.2  # share of light that is lost between two
    lip_shade: float = 0.3  # share of light that the upper lip takes from them at their upper end
    teeth_light: float = 0.84  # of what falls on the face: they lie behind the lips
    grain: float = 0.03  # of its light: what is painted is not smoother than a photograph
    lumps: float = 0.09  # and of a tongue's, whose relief is ...
    lump: float = 0.05  # ... so large, of half the mouth's width
    wet: float = 0.22  # share of light that glints add on it


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
    down = ((places[..., 1] - top) / open_px).clip(0, 1)
    edge = MOUTH.tongue_top + MOUTH.tongue_round * across**2
    lit = smoothstep(down - edge, 0, MOUTH.tongue_soft) * (1 - 0.8 * across**2)
    lit = lit * (1 - MOUTH.groove * np.exp(-((across / MOUTH.groove_wide) ** 2)))
    random = np.random.default_rng(5)
    relief = cv2.GaussianBlur(random.standard_normal(across.shape, np.float32), (0, 0), max(0.8, MOUTH.lump * half))
    relief /= max(1e-6, float(relief.std()))
    lit = lit * (1 + MOUTH.lumps * relief) + MOUTH.wet * smoothstep(relief, 1.4, 2.4) * smoothstep(lit, 0.3, 0.7)
    behind = smoothstep((bottom - places[..., 1]) / open_px, 0, MOUTH.tongue_shaded)
    lit = lit * (1 - MOUTH.tongue_shade * (1 - behind))
    dark, tongue, teeth = (np.array(colour, np.float32) for colour in (MOUTH.dark, MOUTH.tongue, MOUTH.teeth))
    inside = dark + lit[..., None] * (tongue - dark)
    share, shade = front_teeth(places[..., 1] - top, across, half, gap)
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


def front_teeth(below: np.ndarray, across: np.ndarray, half: float, gap: float) -> tuple[np.ndarray, np.ndarray]:
    """The share and the light (h, w) of upper teeth, at so many pixels below the lip, -1 to 1 across the mouth."""
    height = min(MOUTH.teeth_height * 2 * half, MOUTH.teeth_share * gap)
    # The two in the middle are the widest; those beside them stand back and are shorter.
    place = np.abs(across) / MOUTH.tooth
    number = place.astype(int)
    within = np.abs(place - number - 0.5) * 2
    long = height * (1 - 0.14 * (number == 1) - 0.3 * (number >= 2)) * (1 - 0.22 * within**4)
    soft = max(1.0, 0.22 * height)
    share = smoothstep((long - below) / soft + 0.5) * smoothstep(
        np.abs(across), MOUTH.teeth_wide, 0.4 * MOUTH.teeth_wide
    )
    share = share * smoothstep(gap / (2 * half), MOUTH.teeth_least, 1.6 * MOUTH.teeth_least)
    light = MOUTH.teeth_light * (1 - MOUTH.tooth_gap * smoothstep(within, 0.8, 1.0)) * (1 - 0.5 * across**2)
    return share, light * (1 - MOUTH.lip_shade * (1 - smoothstep(below / max(1.0, height), 0, 0.8)))


def in_light(colours: np.ndarray, region: np.ndarray, mesh: np.ndarray) -> np.ndarray:
    """Colours (h, w, 3) in the light of a photograph's face with a mesh (478, 2) px, grey in a grey one."""
    light = float(np.clip(colours_at(region, mesh, list(CHEEKS)).max(-1).mean() / MOUTH.bright, MOUTH.dimmest, 1))
    lips = np.median(colours_at(region, mesh, [*LOWER_LIP["middle"]]), axis=0)
    chroma = np.hypot(*cv2.cvtColor((lips / 255)[None, None], cv2.COLOR_RGB2LAB)[0, 0, 1:])
    grey = colours.mean(-1, keepdims=True)
    return light * (grey + min(1.0, float(chroma) / MOUTH.grey) * (colours - grey))

"""Which colours a face's skin has: learned from the face, but not from what hangs before it.

A lock or a fringe before the face would teach its own colour as skin's, and then stay as it is while the rest turns grey.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.face_ageing.shapes import colour_distance, fade, strand_contrast
from core.ops.masks import disc
from core.ops.tangents import edge_coherence, tangent_field


@dataclass(frozen=True)
class SkinColours:
    """Constants; lengths in face heights, colours in units of `colour_distance`."""

    middle: float = 0.2  # beside the middle line: nothing hangs there below the eyes
    like: float = 1.1  # up to which a strand's colour is skin's all the same: a crease
    strand_px: float = 4.0  # over which the direction of strands is averaged, pixels of the view
    strands_px: float = 6.0  # and how many there are
    coherent: tuple[float, float] = (0.4, 0.7)  # see `edge_coherence`: of skin, of a lock
    upright: tuple[float, float] = (0.4, 0.7)  # cosine to the face's axis: across it are wrinkles
    hanging: float = 0.35  # of strands around, from where on a place may belong to a lock
    forehead: float = 1.5  # up to which a forehead's colour is skin


COLOURS = SkinColours()


def strands_along(lightness: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """How much each place looks like strands that run along the face, (h, w) in [0, 1].

    Args:
        lightness: (h, w), 0 to 100.
        axis: (2,) from forehead to chin.
    """
    axis = axis / max(1e-6, float(np.hypot(*axis)))
    along = fade(np.abs(tangent_field(lightness, COLOURS.strand_px) @ axis), *COLOURS.upright)
    strands = strand_contrast(lightness) * fade(edge_coherence(lightness, COLOURS.strand_px), *COLOURS.coherent)
    return cv2.GaussianBlur(strands * along, (0, 0), COLOURS.strands_px)


def skin_colours(
    lab: np.ndarray, bare: np.ndarray, across: np.ndarray, below_eyes: np.ndarray, below_top: np.ndarray,
    hanging: np.ndarray, height: float,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Distance of each colour to the skin's, (h, w), see `colour_distance`, and where skin is sure, (h, w) bool.

    Args:
        lab: (h, w, 3) L*a*b*.
        bare: (h, w) bool, the face without brows, eyes, lips and nostrils.
        across: (h, w) right of the middle line, face heights, as the next two.
        below_eyes: (h, w) down from the bridge of the nose.
        below_top: (h, w) down from the forehead's top.
        hanging: from `strands_along`.
        height: of the face, pixels.
    """
    inner = (cv2.erode(bare.astype(np.uint8), disc(0.03 * height)) > 0) & (below_eyes > 0)
    middle = colour_distance(lab, inner & (np.abs(across) < COLOURS.middle), 5)
    other = (hanging > COLOURS.hanging) & (middle > COLOURS.like)
    sure = inner & ~other
    from_skin = colour_distance(lab, sure, 5)
    # The forehead is often lighter than the cheeks, or hidden by hair.
    high = (cv2.erode(bare.astype(np.uint8), disc(0.06 * height)) > 0) & (below_top > 0.02) & ~other
    return colour_distance(lab, sure | (high & (from_skin < COLOURS.forehead)), 7), sure

"""A beard grown along the jaw in the hair's colour, or taken off: texture, not shape."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.ripple.methods.moved_head.expressions import LOWER_LIP, MOUTH_CORNERS, UPPER_LIP
from core.ripple.methods.moved_head.frame import Head


@dataclass(frozen=True)
class BeardConstants:
    """How a beard looks; lengths in units of the head's frame."""

    strand: float = 0.009  # how long a strand is drawn
    spacing: float = 0.0008  # how wide
    soft: float = 0.017  # over which it thins out towards the cheek
    cover: float = 0.88  # share of the skin that a full beard hides
    stubble: float = 0.5  # of the full beard's cover that shades the skin itself
    own_light: float = 0.3  # share of the beard's own shading that shaven skin keeps
    grain: float = 0.4  # and of its finest relief
    shaven: float = 0.85  # share of a beard that shaving takes off


BEARD = BeardConstants()
# Closed lines of the mesh: from the left ear along the jaw to the right ear and back above beard and moustache.
OUTLINE = (
    *(132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361),
    *(435, 416, 434, 432, 410, 391, 326, 2, 97, 165, 186, 212, 214, 192, 215),
)
LIPS = (
    MOUTH_CORNERS[0], *UPPER_LIP["outer"], MOUTH_CORNERS[1], *reversed(LOWER_LIP["outer"]),
)  # fmt: skip


def beard_share(head: Head, start: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    """(h, w) float32 in [0, 1]: where a beard grows in a region of so many px that begins at `start`."""
    places = head.frame.to_px(head.mesh[:, :2]) - start
    unit = head.frame.unit_px
    mask, mouth = np.zeros(size[::-1], np.float32), np.zeros(size[::-1], np.float32)
    cv2.fillPoly(mask, [np.rint(places[list(OUTLINE)]).astype(np.int32)], 1.0)
    cv2.fillPoly(mouth, [np.rint(places[list(LIPS)]).astype(np.int32)], 1.0)
    mask = cv2.GaussianBlur(mask, (0, 0), BEARD.soft * unit)
    return mask * (1 - cv2.GaussianBlur(mouth, (0, 0), max(0.6, 0.004 * unit)))


def hair_colour(region: np.ndarray, head: Head, start: tuple[int, int]) -> np.ndarray:
    """(3,) the darker tone of brows and hair."""
    unit = head.frame.unit_px
    brows = head.mesh[[105, 66, 334, 296, 63, 293], :2]
    crown = head.mesh[[10, 109, 338], :2] + np.array([0, -0.12])
    places = np.rint(head.frame.to_px(np.vstack([brows, crown])) - start).astype(int)
    reach = max(1, round(0.01 * unit))
    shades = []
    for x, y in places:
        patch = region[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1].reshape(-1, 3)
        if len(patch):
            shades.append(np.percentile(patch, 25, axis=0))
    darkest = sorted(shades, key=lambda shade: shade.sum())[: max(1, len(shades) // 2)]
    return np.mean(darkest, axis=0) if darkest else np.array([60.0, 45.0, 40.0])


def strands(size: tuple[int, int], head: Head, start: tuple[int, int]) -> np.ndarray:
    """(h, w) float32 in [0, 1]: noise drawn out downwards and away from the chin's middle, as hair lies. Always the same."""
    width, height = size
    unit = head.frame.unit_px
    # Drawn in the head's own pixels, so that a beard sits on the skin and not on the picture.
    noise = np.random.default_rng(7).random((height, width), np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), max(0.5, BEARD.spacing * unit))
    length = max(3, round(BEARD.strand * unit))
    layers = []
    for lean in (-0.5, 0.0, 0.5):
        kernel = np.zeros((2 * length + 1,) * 2, np.float32)
        cv2.line(kernel, (round(length - lean * length), 0), (round(length + lean * length), 2 * length), 1.0, 1)
        layers.append(cv2.filter2D(noise, -1, kernel / kernel.sum()))
    middle = (head.frame.to_px(head.mesh[152, :2]) - start)[0]
    aside = np.clip((np.arange(width) - middle) / (0.15 * unit), -1, 1)[None, :]
    drawn = np.where(
        aside < 0, layers[1] + (-aside) * (layers[0] - layers[1]), layers[1] + aside * (layers[2] - layers[1])
    )
    drawn = (drawn - drawn.mean()) / max(1e-6, float(drawn.std()))
    return (0.5 + 0.28 * drawn).clip(0, 1).astype(np.float32)


def grow_beard(region: np.ndarray, head: Head, start: tuple[int, int], strength: float) -> np.ndarray:
    """A region (h, w, 3) uint8 with a beard of a strength up to 1, or with less of its own down to -1."""
    size = (region.shape[1], region.shape[0])
    share = beard_share(head, start, size)
    skin = region.astype(np.float32)
    if strength > 0:
        colour = hair_colour(region, head, start)
        hair = strands(size, head, start)
        # More strands reach the surface as it grows; between them the skin is shaded.
        shown = ((hair - (0.75 - 0.65 * strength)) / 0.5).clip(0, 1)
        cover = share * BEARD.cover * (BEARD.stubble * min(1.0, 2 * strength) + (1 - BEARD.stubble) * shown)
        light = cv2.GaussianBlur(skin, (0, 0), 0.03 * head.frame.unit_px).mean(-1, keepdims=True)
        lit = colour * (0.55 + 0.45 * light / max(1.0, float(np.percentile(light, 90))))
        lit = lit * (0.8 + 0.35 * hair[..., None])
        made = skin + cover[..., None] * (lit - skin)
    else:
        made = skin + (share * BEARD.shaven * -strength)[..., None] * (shaven_skin(skin, share, head) - skin)
    return np.rint(made).clip(0, 255).astype(np.uint8)


def shaven_skin(skin: np.ndarray, share: np.ndarray, head: Head) -> np.ndarray:
    """(h, w, 3): the region as if its beard were skin: the cheeks' colour, mostly their light, and a fine grain."""
    unit = head.frame.unit_px
    lab = cv2.cvtColor(skin / 255, cv2.COLOR_RGB2LAB)
    # Known is the skin of the mesh around the beard, weighted as it lies near.
    known = (1 - share)[..., None]
    tone = (lab[..., 1] > 4) & (lab[..., 2] > 4) & (lab[..., 0] > 25)
    known = known * tone[..., None]
    reach = 0.09 * unit
    around = (
        cv2.GaussianBlur(lab * known, (0, 0), reach)
        / np.maximum(0.01, cv2.GaussianBlur(known[..., 0], (0, 0), reach))[..., None]
    )
    shading = cv2.GaussianBlur(lab[..., 0], (0, 0), 0.03 * unit)
    made = around.copy()
    made[..., 0] = (1 - BEARD.own_light) * around[..., 0] + BEARD.own_light * shading
    fine = lab[..., 0] - cv2.GaussianBlur(lab[..., 0], (0, 0), 0.004 * unit)
    made[..., 0] += BEARD.grain * fine
    return cv2.cvtColor(made.astype(np.float32), cv2.COLOR_LAB2RGB) * 255

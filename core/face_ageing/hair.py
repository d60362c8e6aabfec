"""Hair that greys from the temples on, and keeps its own strands: light ones become white, dark ones stay darker."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.special import ndtr

from core.face_ageing.head import Head
from core.face_ageing.places import BRIDGE, CHIN, FOREHEAD, OVAL, SEARCH, down_of, face_axes
from core.face_ageing.shapes import fade, fill, strand_contrast
from core.face_ageing.skin import strands_along
from core.face_ageing.strength import STRENGTH
from core.ops.masks import disc
from core.ops.tangents import average_along, edge_coherence, tangent_field


@dataclass(frozen=True)
class Greying:
    """Constants of the hair; lightness in [0, 1] of sRGB."""

    strand_px: int = 14  # half of the length of a strand, pixels of the view
    strand_width_px: float = 0.8  # half of its width
    tensor_px: float = 3.0  # over which its direction is averaged
    clear_px: float = 10.0  # over which a direction has to last
    clear: tuple[float, float] = (0.45, 0.75)  # coherence of strands from where on they turn as such, and wholly
    seed: int = 11
    grey: float = 0.5  # lightness that the bright strands of dark hair reach
    least_gain: float = 1.08  # of light hair: without any it would look dull, not grey
    most_gain: float = 1.8  # of dark hair's lightness: more would show the file's noise
    lock_px: float = 6.0  # sigma over which a lock's lightness is averaged, pixels of the view
    contrast: float = 0.35  # of a strand to its lock, by the lock's lightness: that of clear ones
    apart: float = 0.25  # share of single strands in the order
    temple: tuple[float, float] = (0.36, 0.3)  # beside the middle line, and below the forehead's top, face heights
    crown: float = 0.75  # away from there hair turns last
    mixed: tuple[float, float] = (2.2, 1.3)  # lightness by that of bright strands: skin shines through, and hair alone
    white: float = 0.4  # lightness that lit hair reaches however dark it is
    white_most: float = 0.17  # added to the lightness, at most
    white_strand: float = 0.6  # how much more of it light strands get, and less dark ones
    bright_strand: float = 0.16  # of the lightness, natural logarithm, the same
    lock: tuple[float, float] = (0.35, 0.6)  # how much skin looks like strands, from where on it is a lock
    lock_rim: float = 0.17  # from the face's outline inwards, where locks hang, face heights
    reach: float = 1.3  # with which amount the last hair is grey at t = 1
    soft: float = 0.8  # how gradually a strand turns, in shares
    chroma_left: float = 0.12  # of its colour that grey hair keeps
    most: float = 0.9  # of the way to grey that hair goes: a little of its own is left
    own_chroma: float = 1.6  # of what nine tenths of the hair have, that greying takes, see `hair_chroma`
    most_chroma: float = 0.15  # and at most, [0, 1]; amid strands all of it goes
    noise: float = 22.0  # lightness below which what changes in it is noise, 0 to 100
    smooth: float = 0.25  # of the lightening, where there are no strands: an ear or a shadowed cheek
    light_tint: float = 0.35  # of the skin's colour that it shows: the light's
    dip_px: float = 4.0  # radius of gaps in the matte that are no rim of hair, pixels of the view
    deep_px: tuple[float, float] = (4.0, 24.0)  # from the rim inwards: skin and background shine through up to there
    coloured: tuple[float, float] = (0.0, 0.12)  # of that way: up to where bright pixels keep their colour
    rim: float = 0.35  # of the lightening, at the rim
    light_px: float = 12.0  # sigma over which light on hair is averaged
    thin: tuple[float, float] = (1.35, 0.9)  # lightness around by that of bright strands: not whitened, and wholly
    end: float = 1.4  # times the bright strands' new lightness: brighter pixels are not hair
    young_rich: float = 1.12  # saturation of hair at t = -1
    young_gain: float = 0.84  # lightness of hair at t = -1
    brown: tuple[float, float, float] = (1.10, 0.97, 0.84)  # by channel: what grey hair becomes at t = -1
    young_grey_gain: float = 0.68  # and its lightness


GREYING = Greying()


def grey_order(head: Head) -> np.ndarray:
    """When each place of the hair turns grey, 0 to 1, (h, w): temples first, the crown last, strands a little apart."""
    luma = cv2.cvtColor(head.view, cv2.COLOR_RGB2GRAY)
    across, down = face_axes((luma.shape[0], luma.shape[1]), head.points)
    place = fade(np.hypot(np.abs(across) - GREYING.temple[0], down - GREYING.temple[1]), 0.05, GREYING.crown)
    noise = np.random.default_rng(GREYING.seed).standard_normal(luma.shape).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), GREYING.strand_width_px)
    streaks = average_along(noise, tangent_field(luma, GREYING.tensor_px), [1.0] * GREYING.strand_px)
    # Where no direction is clear, as in short curls, streaks would be worms.
    clear = fade(edge_coherence(luma, GREYING.clear_px), *GREYING.clear)
    return ((1 - GREYING.apart) * place + GREYING.apart * (0.5 + clear * (ndtr(streaks / streaks.std()) - 0.5))).astype(
        np.float32
    )


def find_strands(view: np.ndarray, matte: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a head has of light and dark strands, in [-1, 1], its light on the hair, and how far amid hair a place is,
    [0, 1]; (h, w) each.
    """
    luma = cv2.cvtColor(view, cv2.COLOR_RGB2GRAY)

    def around(sigma: float) -> np.ndarray:
        return cv2.GaussianBlur(luma * matte, (0, 0), sigma) / cv2.GaussianBlur(matte, (0, 0), sigma).clip(0.05)

    lock = around(GREYING.lock_px)
    # A dip in the matte is no rim.
    inside = cv2.morphologyEx((matte > 0.6).astype(np.uint8), cv2.MORPH_CLOSE, disc(GREYING.dip_px))
    deep = fade(cv2.distanceTransform(inside, cv2.DIST_L2, 5), *GREYING.deep_px)
    deep = deep * (GREYING.smooth + (1 - GREYING.smooth) * strand_contrast(100 * luma, GREYING.noise))
    return np.tanh((luma - lock) / (GREYING.contrast * (lock + 0.08))), around(GREYING.light_px), deep


def find_locks(head: Head) -> np.ndarray:
    """Locks of hair in front of the face, (h, w) in [0, 1]: skin that looks like strands.

    Only above the brows and near the face's outline: nowhere else do they hang for long.
    """
    luma = cv2.cvtColor(head.view, cv2.COLOR_RGB2GRAY)
    axis = head.points[CHIN] - head.points[FOREHEAD]
    along = np.abs(tangent_field(luma, 4.0) @ (axis / max(1e-6, float(np.hypot(*axis)))))
    strands = strand_contrast(100 * luma) * fade(edge_coherence(luma, 4.0), 0.4, 0.7) * fade(along, 0.5, 0.75)
    oval = fill(luma.shape, head.points[list(OVAL)])
    inner = cv2.distanceTransform((oval > 0.5).astype(np.uint8), cv2.DIST_L2, 5) / SEARCH.face_px
    _, below = face_axes((luma.shape[0], luma.shape[1]), head.points)
    place = np.maximum(fade(inner, GREYING.lock_rim, 0.7 * GREYING.lock_rim), fade(below, 0.22, 0.15)) * oval
    return fade(cv2.GaussianBlur(strands * head.skin, (0, 0), 5.0), *GREYING.lock) * place


def bright_level(view: np.ndarray, matte: np.ndarray, percentile: float) -> float:
    """Lightness of the brighter strands; 1 where there is no hair."""
    inside = matte > 0.7
    return (
        float(np.percentile(cv2.cvtColor(view, cv2.COLOR_RGB2GRAY)[inside], percentile)) if inside.sum() > 30 else 1.0
    )


def hair_chroma(view: np.ndarray, matte: np.ndarray) -> float:
    """How much colour, in [0, 1], greying takes from a pixel at most: what the hair has, and no more than leaves what the
    matte misses of blond or red hair near to the rest.
    """
    inside = view[matte > 0.7]
    if len(inside) < 30:
        return 1.0
    luma = inside @ np.array((0.299, 0.587, 0.114), np.float32)
    nine_tenths = float(np.percentile(np.linalg.norm(inside - luma[:, None], axis=1), 90))
    return min(GREYING.most_chroma, GREYING.own_chroma * nine_tenths)


def lighten(luma: np.ndarray, level: float, gain: float) -> tuple[np.ndarray, np.ndarray]:
    """Lightness of hair times a gain, and how much each pixel is hair by its lightness.

    Up to the hair's bright strands the gain is the same, so that depth between strands stays dark. Beyond them it falls,
    evenly, to none: what is much brighter than dark hair is skin or background behind a fringe.
    """
    bright = gain * level
    end = max(GREYING.end * bright, 1.2 * level)
    slope = (end - bright) / (end - level)
    return np.where(luma < level, gain * luma, np.maximum(luma, bright + slope * (luma - level))), fade(
        luma, end, level
    )


def whiten(
    luma: np.ndarray, strands: tuple[np.ndarray, np.ndarray, np.ndarray], level: float, most_gain: float
) -> tuple[np.ndarray, np.ndarray]:
    """Lightness of grey hair, (H, W), and how much each pixel is hair by its own; arguments as of `grey_hair`."""
    strand, light, deep = strands
    gain = float(np.clip(GREYING.grey / max(level, 0.02), GREYING.least_gain, most_gain))
    lighter, own = lighten(luma, level, gain)
    # Hair that is as light as its bright strands all over is thin: skin between it would become a haze.
    thick = fade(light / max(level, 0.02), *GREYING.thin)
    lighter = luma + thick * (GREYING.rim + (1 - GREYING.rim) * deep) * (lighter - luma)
    # Black hair would stay black: what light there is on it shows white strands.
    white = float(np.clip(GREYING.white - 0.8 * gain * level, 0, GREYING.white_most)) * thick
    white = white * (light / max(level, 0.02)).clip(0, 1) * deep * (1 + GREYING.white_strand * strand)
    lighter = lighter * np.exp(GREYING.bright_strand * strand) + white * fade(luma / max(level, 0.02), *GREYING.mixed)
    # Beyond this highlights are compressed, not clipped.
    return np.where(lighter > 0.75, np.maximum(luma, 0.75 + 0.25 * np.tanh((lighter - 0.75) / 0.25)), lighter), own


def grey_hair(
    picture: np.ndarray,
    matte: np.ndarray,
    order: np.ndarray,
    strands: tuple[np.ndarray, np.ndarray, np.ndarray],
    level: float,
    tint: np.ndarray | None,
    most_chroma: float,
    amount: float,
    most_gain: float = GREYING.most_gain,
) -> np.ndarray:
    """Hair that has turned grey, its own strands apart.

    Args:
        picture: (H, W, 3) in [0, 1].
        matte: (H, W), where hair is.
        order: from `grey_order`, (H, W).
        strands: from `find_strands`, (H, W) each.
        level: from `bright_level`.
        tint: (3,), the colour of the skin by its lightness; None keeps the hair's own colour.
        most_chroma: from `hair_chroma`: what a pixel has beyond is skin's that shines through, or an ear's, and stays.
        amount: 0 none, 1 all.
        most_gain: of lightness.
    """
    luma, deep = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), strands[2]
    lighter, own = whiten(luma, strands, level, most_gain)
    last = amount * GREYING.reach + GREYING.soft * (amount - 0.5)
    # A blond lock amid hair turns with the others, however bright it is; at the rim that is skin or background.
    share = GREYING.most * matte * fade(order, last, last - GREYING.soft)
    sure = fade(deep, *GREYING.coloured)
    turned = np.maximum(own, sure) * share
    made = luma[..., None] + (np.maximum(own, deep) * share)[..., None] * (lighter - luma)[..., None]
    colour = picture - luma[..., None]
    if tint is None:
        return made + colour
    # Strands amid hair are hair, whatever their colour, but for skin between dark ones.
    most = most_chroma + sure * fade(luma / max(level, 0.02), *GREYING.mixed) * (1 - most_chroma)
    taken = np.tanh(most / np.linalg.norm(colour, axis=2).clip(1e-4))
    pale = 1 - (1 - GREYING.chroma_left) * turned * taken
    tinted = 1 + GREYING.light_tint * (tint - 1) * turned[..., None]
    return made * tinted + colour * pale[..., None]


def darken_hair(
    picture: np.ndarray, matte: np.ndarray, level: float, tint: np.ndarray | None, amount: float
) -> np.ndarray:
    """Hair of younger years: darker; grey hair becomes brown, but in a picture of one hue, whose `tint` is None."""
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    chroma = picture.max(2) - picture.min(2)
    greyness = float(tint is not None) * (fade(chroma, 0.26, 0.1) * fade(luma, 0.25, 0.5))[..., None]
    brown = luma[..., None] * GREYING.young_grey_gain * np.array(GREYING.brown, np.float32)
    rich = luma[..., None] + GREYING.young_rich * (picture - luma[..., None])
    wanted = (1 - greyness) * rich * GREYING.young_gain + greyness * brown
    _, own = lighten(luma, level, 1.3)
    return picture + amount * (matte * own)[..., None] * (wanted - picture)


def even_hair(head: Head) -> np.ndarray:
    """See `AgeingLayers`: what is between strands greys with them, and no edge of the matte shows."""
    closed = cv2.morphologyEx(head.hair, cv2.MORPH_CLOSE, disc(STRENGTH.hair_gap_px))
    # What is much brighter than hair in a gap is skin.
    luma = cv2.cvtColor(head.view, cv2.COLOR_RGB2GRAY)
    closed = head.hair + (closed - head.hair) * fade(luma / bright_level(head.view, head.hair, 80), *GREYING.mixed)
    soft = cv2.GaussianBlur(closed, (0, 0), STRENGTH.hair_soft_px) * (1 - head.skin)
    shape = (closed.shape[0], closed.shape[1])
    oval = fill(shape, head.points[list(OVAL)])
    beside = cv2.distanceTransform((oval < 0.5).astype(np.uint8), cv2.DIST_L2, 5) / SEARCH.face_px
    _, down = face_axes(shape, head.points)
    low = fade(down, down_of(head.points, BRIDGE) - 0.2, down_of(head.points, BRIDGE) - 0.1)
    # A shadow on the face is taken for a fringe where it is black alone.
    black = oval * low * fade(luma, *STRENGTH.black)
    beside = fade(beside, 0.25, 0.1) * np.maximum(low * (1 - oval), black)
    strands = strand_contrast(100 * luma, GREYING.noise)
    # A light lock is smooth for its lightness, but runs along the face.
    axis = head.points[CHIN] - head.points[FOREHEAD]
    strands = np.maximum(strands, strands_along(100 * luma, axis) * fade(luma, *STRENGTH.light_lock))
    soft = soft * (1 - (1 - STRENGTH.smooth_hair) * beside * (1 - cv2.GaussianBlur(strands, (0, 0), 8.0)))
    # Beyond the matte's own soft rim nothing greys that is not enclosed by hair.
    return np.minimum(soft, np.maximum(closed, head.hair))


def outer_strands(head: Head) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """From `find_strands`; far from the face a rim of hair turns, too: no skin shines through there."""
    strand, light, deep = find_strands(head.view, np.maximum(head.hair, head.beard))
    oval = fill((deep.shape[0], deep.shape[1]), head.points[list(OVAL)])
    away = cv2.distanceTransform((oval < 0.5).astype(np.uint8), cv2.DIST_L2, 5) / SEARCH.face_px
    return strand, light, np.maximum(deep, STRENGTH.outer_rim * head.hair * fade(away, *STRENGTH.outer))

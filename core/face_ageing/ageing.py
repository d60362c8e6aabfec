"""One face at another age: folds, skin, hair and shape in layers whose strength is t.

The layers are found once on a view of fixed scale; every picture is made at the photo's own size from the photo's own
pixels, so that no detail is lost, and t = 0 is the photo.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from core.detect.faces import Face
from core.face_ageing.folds import mottle, shade_folds
from core.face_ageing.hair import (
    bright_level,
    darken_hair,
    even_hair,
    find_locks,
    grey_hair,
    grey_order,
    hair_chroma,
    outer_strands,
)
from core.face_ageing.head import Head, find_head
from core.face_ageing.places import EYES
from core.face_ageing.shape import ageing_shift, youth_shift
from core.face_ageing.shapes import fade, fill
from core.face_ageing.strength import STRENGTH
from core.face_ageing.wrinkles import find_contours, hollow_shade
from core.ops.masks import disc

CHEEKS = (50, 280)
# What is less of a matte makes no level of 255.
LEAST_MATTE = 1e-3


@dataclass(frozen=True)
class AgeingLayers:
    """A photo and what age does to it; maps are (h, w) float32 on the head's view.

    Attributes:
        photo: (H, W, 3) uint8.
        head: where what is.
        folds: what folds do to lightness, natural logarithm.
        hollows: what the soft forms of an old face do to it; younger skin is lighter there.
        exposed: how much of the skin's changes each place bears: little where the photo is white.
        bands: what the skin's own detail does, each band.
        blotches: what the skin's uneven colour does to each channel, natural logarithm, (h, w, 3).
        eyes: the whites of the open eyes.
        shade: from `skin_shade`.
        cloud: unevenness of old skin.
        spots: age spots.
        hair: the head's hair with its gaps, where it greys: softer than the matte.
        order: when hair turns grey.
        strands: from `find_strands`.
        levels: lightness of the bright strands of hair, brows and beard.
        chromas: from `hair_chroma`, of the same.
        tint: (3,), the skin's colour by its lightness; None in a picture of one hue.
        blush: cheeks that are rosy when younger.
        shift: displacement, (h, w, 2).
        young_shift: the same for t = -1.
    """

    photo: np.ndarray
    head: Head
    folds: np.ndarray
    hollows: np.ndarray
    exposed: np.ndarray
    bands: tuple[np.ndarray, ...]
    blotches: np.ndarray
    eyes: np.ndarray
    shade: tuple[float, ...]
    cloud: np.ndarray
    spots: np.ndarray
    hair: np.ndarray
    order: np.ndarray
    strands: tuple[np.ndarray, np.ndarray, np.ndarray]
    levels: tuple[float, float, float]
    chromas: tuple[float, ...]
    tint: np.ndarray | None
    blush: np.ndarray
    shift: np.ndarray
    young_shift: np.ndarray

    @property
    def figures(self) -> dict[str, float]:
        """How many faces are changed, and how many of them are covered in part."""
        return {"faces": 1, "covered": int(self.head.cover.any())}

    def paint(self, t: float) -> np.ndarray:
        """The photo at t in [-1, 1], 1 = older: (H, W, 3) uint8, equal to the photo outside head and neck and at t = 0."""
        return render_age(self, t)


def find_layers(photo: Image.Image, face: Face | None = None) -> AgeingLayers:
    """Everything that t does not touch, of one face; the largest where none is given.

    Raises:
        NothingFoundError: no face.
    """
    head = find_head(photo, face)
    cloud, spots = mottle(head)
    mattes = ((head.hair, 80), (head.brows, 50), (head.beard, 75))
    levels = [bright_level(head.view, matte, percentile) for matte, percentile in mattes]
    return AgeingLayers(
        np.asarray(photo), head, visible_folds(head), hollow_shade(head), find_exposed(head), skin_bands(head), skin_blotches(head),
        find_eyes(head), skin_shade(head), cloud, spots, even_hair(head), grey_order(head),
        outer_strands(head), (levels[0], levels[1], levels[2]),
        tuple(hair_chroma(head.view, matte) for matte, _ in mattes), skin_tint(head), find_cheeks(head), ageing_shift(head),
        youth_shift(head),
    )  # fmt: skip


def visible_folds(head: Head) -> np.ndarray:
    """Folds where there is skin around, as sharp as the photo: none over a fringe, locks or anything else that hides it."""
    folds, sigma = shade_folds(head), softness(head)
    if sigma > 0.3:
        folds = (1 + STRENGTH.soft_gain * sigma) * cv2.GaussianBlur(folds, (0, 0), sigma)
    return (
        folds
        * (1 - find_locks(head))
        * (1 - head.rims)
        * fade(cv2.GaussianBlur(head.skin, (0, 0), STRENGTH.bands_px[2]), *STRENGTH.fold_skin)
    )


def softness(head: Head) -> float:
    """How much softer than its view a small or blurred photo is, sigma in pixels of the view."""
    luma, skin = cv2.cvtColor(head.view, cv2.COLOR_RGB2GRAY), head.skin > 0.5
    if skin.sum() < 100:
        return 0.0
    fine, coarse = (cv2.GaussianBlur(luma, (0, 0), sigma) for sigma in (1.0, 2.0))
    ratio = float((luma - fine)[skin].std() / max(1e-6, (fine - coarse)[skin].std()))
    sharp, slope, most = STRENGTH.soft
    return float(np.clip(slope * (sharp - ratio), 0, most))


def find_exposed(head: Head) -> np.ndarray:
    """See `AgeingLayers`."""
    brightest = cv2.GaussianBlur(head.view.max(2), (0, 0), STRENGTH.bands_px[3])
    return 1 - (1 - STRENGTH.white_keeps) * fade(brightest, *STRENGTH.white)


def skin_tint(head: Head) -> np.ndarray | None:
    """The skin's mean colour by its lightness, (3,); None in a picture of one hue, whose grey has that hue already."""
    chroma = cv2.cvtColor(head.view, cv2.COLOR_RGB2LAB)[..., 1:]
    if float(np.hypot(*chroma.reshape(-1, 2).std(0))) < STRENGTH.one_hue or head.skin.sum() < 1:
        return None
    colour = (head.view * head.skin[..., None]).sum((0, 1))
    # Rosy skin would tint grey hair purple.
    colour[1] = max(colour[1], colour[::2].mean())
    return (colour / max(1e-3, float(colour @ (0.299, 0.587, 0.114)))).astype(np.float32)


def skin_shade(head: Head) -> tuple[float, ...]:
    """How much darker each channel of the skin is where its lightness is, as the photo's own shading tells: light falls
    into a fold through skin, so that red is left, and in a sepia print or a grey one it is as there.
    """
    view = np.log(cv2.GaussianBlur(head.view, (0, 0), STRENGTH.bands_px[1]).clip(0.02))
    chosen = view[(head.skin > 0.9) & (head.view.max(2) < STRENGTH.white[1])]
    if len(chosen) < 100:
        return (1.0, 1.0, 1.0)
    luma = np.log(np.exp(chosen) @ np.array((0.299, 0.587, 0.114), np.float32))
    slopes = ((chosen - chosen.mean(0)) * (luma - luma.mean())[:, None]).mean(0) / max(1e-6, float(luma.var()))
    return tuple(float(np.clip(slope, *ends)) for slope, ends in zip(slopes, STRENGTH.shade, strict=True))


def skin_bands(head: Head) -> tuple[np.ndarray, ...]:
    """The skin's own detail from fine to coarse, natural logarithm of lightness; skin alone is averaged over."""
    luma = np.log(cv2.cvtColor(head.view, cv2.COLOR_RGB2GRAY).clip(0.02))
    levels = []
    for sigma in STRENGTH.bands_px:
        weight = cv2.GaussianBlur(head.skin, (0, 0), sigma)
        levels.append(cv2.GaussianBlur(luma * head.skin, (0, 0), sigma) / weight.clip(0.02))
    bands = (fine - coarse for fine, coarse in zip(levels, levels[1:], strict=False))
    dark, light = STRENGTH.most_groove, STRENGTH.most_detail
    return tuple(np.where(band < 0, dark * np.tanh(band / dark), light * np.tanh(band / light)) for band in bands)


def skin_blotches(head: Head) -> np.ndarray:
    """See `AgeingLayers`: colour by lightness, less its surroundings'; skin alone is averaged over."""
    luma = cv2.cvtColor(head.view, cv2.COLOR_RGB2GRAY)[..., None].clip(0.02)
    colour = np.log(head.view.clip(0.02) / luma) * head.skin[..., None]
    fine, coarse = (
        cv2.GaussianBlur(colour, (0, 0), sigma) / cv2.GaussianBlur(head.skin, (0, 0), sigma).clip(0.02)[..., None]
        for sigma in STRENGTH.blotch_px
    )
    most = STRENGTH.most_detail
    return (most * np.tanh((fine - coarse) / most)).astype(np.float32)


def find_eyes(head: Head) -> np.ndarray:
    """See `AgeingLayers`."""
    shape = (head.view.shape[0], head.view.shape[1])
    opened, luma = np.zeros(shape, np.float32), cv2.cvtColor(head.view, cv2.COLOR_RGB2GRAY)
    for ring in EYES:
        eye = fill(shape, head.points[list(ring)])
        brightest = float(np.percentile(luma[eye > 0], 90)) if eye.any() else 1.0
        opened = np.maximum(opened, eye * fade(luma / max(0.02, brightest), *STRENGTH.sclera))
    return cv2.GaussianBlur(opened, (0, 0), 1.5)


def find_cheeks(head: Head) -> np.ndarray:
    """See `AgeingLayers`; none in a picture of one hue."""
    shape = (head.view.shape[0], head.view.shape[1])
    if skin_tint(head) is None:
        return np.zeros(shape, np.float32)
    across, down = np.meshgrid(np.arange(shape[1]) + 0.5, np.arange(shape[0]) + 0.5)
    width = STRENGTH.cheek * float(np.hypot(*(head.points[CHEEKS[0]] - head.points[CHEEKS[1]])))
    return np.maximum(*(
        np.exp(-((across - x) ** 2 + (down - y) ** 2) / (2 * width**2)) for x, y in head.points[list(CHEEKS)]
    )).astype(np.float32)  # fmt: skip


def render_age(layers: AgeingLayers, t: float) -> np.ndarray:
    """See `AgeingLayers.paint`."""
    if t == 0:
        return layers.photo.copy()
    left, top, right, bottom = (int(side) for side in layers.head.box)
    photo = layers.photo[top:bottom, left:right]
    size = (right - left, bottom - top)

    def at_size(maps: np.ndarray) -> np.ndarray:
        small = size[0] < maps.shape[1]
        return cv2.resize(maps, size, interpolation=cv2.INTER_AREA if small else cv2.INTER_LINEAR)

    source = photo.astype(np.float32) / 255
    made = age_skin(source, layers, t, at_size)
    hair, brows, beard, order, strand, light, deep = (
        at_size(maps) for maps in (layers.hair, layers.head.brows, layers.head.beard, layers.order, *layers.strands)
    )
    # A brow's few hairs turn together: single ones would look like specks.
    even = np.zeros_like(order)
    kinds = (
        (hair, order, strand, light, deep),
        (brows, even + 0.5, even, even, even),
        (beard, order, strand, light, deep),
    )
    shares = STRENGTH.hair if t > 0 else STRENGTH.young_hair
    for (matte, *maps), level, chroma, share, gain in zip(
        kinds, layers.levels, layers.chromas, shares, STRENGTH.hair_gain, strict=True
    ):
        if (matte < LEAST_MATTE).all():
            continue
        rows, columns = (np.flatnonzero(matte.max(axis) >= LEAST_MATTE) for axis in (1, 0))
        part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        if t > 0:
            turns, strand, light, deep = (one[part] for one in maps)
            made[part] = grey_hair(
                made[part], matte[part], turns, (strand, light, deep), level, layers.tint, chroma, share * t, gain
            )
        else:
            made[part] = darken_hair(made[part], matte[part], level, layers.tint, -share * t)
    shift = at_size(layers.shift if t > 0 else layers.young_shift) * (size[0] / layers.shift.shape[1] * abs(t))
    y, x = np.mgrid[: size[1], : size[0]].astype(np.float32)
    made = cv2.remap(made, x + shift[..., 0], y + shift[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    zone = at_size(layers.head.zone)[..., None]
    levels = np.rint((source + zone * (made - source)).clip(0, 1) * 255).astype(np.uint8)
    result = layers.photo.copy()
    result[top:bottom, left:right] = np.where(zone > 0, levels, photo)
    return result


def hollow_gain(head: Head) -> float:
    """How much deeper the soft forms are in a small photo, which has no room for wrinkles."""
    enlarged = head.view.shape[1] / max(1.0, head.box.width)
    return 1 + STRENGTH.small_gain * float(np.clip(enlarged - 1, 0, 1))


def younger_tone(layers: AgeingLayers, flat: np.ndarray, t: float) -> np.ndarray:
    """What t < 0 does to the lightness, natural logarithm, (h, w); `flat` is where the skin changes."""
    # What changes large areas begins softly; grooves are filled more than highlights are dulled.
    closed = cv2.morphologyEx(flat, cv2.MORPH_CLOSE, disc(STRENGTH.across_px))
    soft = fade(cv2.GaussianBlur(closed, (0, 0), STRENGTH.feather_px), 0.3, 1.0)
    soft *= np.maximum(flat, (1 - layers.head.hair) * (1 - layers.head.beard))
    *fine, coarse = (
        weight * np.where(band < 0, 1.0, 0.6) * band for weight, band in zip(STRENGTH.smooth, layers.bands, strict=True)
    )
    inner = 1 - find_contours(layers.head)
    smooth = flat * (1 - cv2.GaussianBlur(layers.head.hair, (0, 0), STRENGTH.shy_px)) * inner
    tone = smooth * sum(fine) + soft * (inner * coarse + STRENGTH.young_fill * layers.hollows - STRENGTH.young_light)
    return STRENGTH.young_most * np.tanh(t * tone / STRENGTH.young_most)


def age_skin(
    source: np.ndarray, layers: AgeingLayers, t: float, at_size: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Folds, spots, colour and detail of the skin at t, (H, W, 3) in about [0, 1]."""
    skin = layers.head.skin
    flat = fade(skin, 0.15, 0.85) * layers.exposed
    if t > 0:
        tone = t * (layers.folds + hollow_gain(layers.head) * layers.hollows + STRENGTH.cloud * layers.cloud)
        tone = tone + t * sum(
            weight * np.maximum(band, -STRENGTH.most_detail)
            for weight, band in zip(STRENGTH.deepen, layers.bands, strict=True)
        )
        shown = fade(layers.spots * min(1.0, 1.4 * t), 0.1, 0.8)
        # Sepia that is paler on the skin alone would be a patch.
        saturation = 1.0 if layers.tint is None else 1 + t * (STRENGTH.old_saturation - 1)
    else:
        tone = younger_tone(layers, flat, t)
        shown = np.zeros_like(skin)
        saturation = 1 - t * (STRENGTH.young_saturation - 1)
    pallor, stain = (STRENGTH.pallor, STRENGTH.spot) if layers.tint is not None else ((0.02,) * 3, (-0.15,) * 3)
    gains = [
        flat * (share * tone + t * pale + shown * spot) if t > 0 else tone
        for share, pale, spot in zip(layers.shade, pallor, stain, strict=True)
    ]
    change = np.stack(gains, 2).astype(np.float32)
    if t < 0:
        change += t * (
            STRENGTH.young_even * (flat * (1 - find_contours(layers.head)))[..., None] * layers.blotches
            - STRENGTH.young_eyes * layers.eyes[..., None]
            - (flat * layers.blush)[..., None] * np.array(STRENGTH.blush, np.float32)
        )
    gain = np.exp(at_size(change))
    made = source * gain
    luma = cv2.cvtColor(made, cv2.COLOR_RGB2GRAY)[..., None]
    lips = saturation if t > 0 else 1 - t * (STRENGTH.young_lips - 1)
    more = np.where(layers.head.lips > flat, layers.head.lips * (lips - 1), flat * (saturation - 1))
    return luma + (made - luma) * (1 + at_size(more.astype(np.float32))[..., None])

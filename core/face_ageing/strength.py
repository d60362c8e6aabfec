"""How much age does: the constants of the skin's layers and of their mixture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AgeingStrength:
    """How much each layer does at t = 1 and t = -1."""

    bands_px: tuple[float, ...] = (
        1.0,
        2.5,
        6.0,
        15.0,
        30.0,
    )  # sigmas that part the skin's own detail, pixels of the view
    deepen: tuple[float, ...] = (0.7, 0.6, 0.25, 0.0)  # what is added of each band when older
    smooth: tuple[float, ...] = (0.5, 1.15, 1.2, 0.75)  # and taken away when younger
    most_detail: float = 0.16  # of lightness, natural logarithm: what is more is no skin
    most_groove: float = 0.26  # the same of what is darker and goes when younger: a groove is deeper than a pore
    cloud: float = 0.035  # unevenness of old skin, natural logarithm
    spot: tuple[float, float, float] = (-0.10, -0.17, -0.23)  # of age spots, by channel, natural logarithm
    shade: tuple[tuple[float, float], ...] = ((0.5, 1.0), (1.0, 1.25), (0.9, 1.7))  # least and most, see `skin_shade`
    pallor: tuple[float, float, float] = (0.03, 0.02, 0.0)  # of old skin, by channel
    old_saturation: float = 0.86
    young_saturation: float = 1.02
    young_fill: float = 0.35  # of the hollows, the other way
    young_light: float = 0.05  # natural logarithm
    young_even: float = 0.8  # of the skin's blotches that go
    blotch_px: tuple[float, float] = (1.5, 14.0)  # sigmas between which colour is a blotch, pixels of the view
    young_lips: float = 1.18  # saturation of younger lips
    blush: tuple[float, float, float] = (0.014, -0.012, 0.004)  # of younger cheeks, by channel, natural logarithm
    cheek: float = 0.17  # sigma of the blush by how far the cheeks are apart
    young_eyes: float = 0.13  # natural logarithm of the eyes' lightness
    contour_px: float = 7.0  # sigma over which a wrinkle averages out, and an edge of nose or jaw does not
    contour: tuple[float, float] = (
        0.012,
        0.03,
    )  # its slope by pixel, natural logarithm: from where it is kept, and wholly
    contour_soft_px: float = 8.0  # radius and sigma over which it is: a kept line amid smooth skin would glow
    around_eyes: float = 2.2  # of an eye's outline: inside there is none
    sclera: tuple[float, float] = (
        0.5,
        0.8,
    )  # lightness by the eye's brightest tenth: from where on it is white of the eye
    young_most: float = 0.27  # of lightness, natural logarithm: more would bleach, or leave a patch
    feather_px: float = 10.0  # sigma over which the younger skin begins, pixels of the view
    across_px: float = 16.0  # radius of brows, eyes and lips, across which its light goes on
    shy_px: float = 5.0  # sigma of hair around which skin is not smoothed: fine strands lie there
    smooth_hair: float = (
        0.3  # of hair beside and before the face that greys where it shows no strands: shaded skin has none
    )
    black: tuple[float, float] = (0.25, 0.12)  # lightness of shadows on the face where hair cannot be told from them
    outer: tuple[float, float] = (0.12, 0.25)  # from the face, face heights: from where on hair's rim turns
    outer_rim: float = 0.16  # as far as hair so deep inside, see `find_strands`
    hair_gap_px: float = 6.0  # radius of gaps between strands that grey with them
    hair_soft_px: float = 4.0  # sigma over which grey hair begins
    fold_skin: tuple[float, float] = (0.25, 0.75)  # of skin around a place, from where folds show, and wholly
    soft: tuple[float, float, float] = (1.25, 1.9, 2.0)  # see `softness`: of a sharp photo, its slope, and at most
    soft_gain: float = 0.2  # what a softened fold gains in depth
    small_gain: float = 0.8  # of hollows where the photo's face is half as large as the view's, or smaller
    light_lock: tuple[float, float] = (0.2, 0.35)  # lightness of a lock beside the face, from where on it is no shadow
    hair: tuple[float, float, float] = (1.0, 0.65, 0.95)  # of hair, brows and beard
    young_hair: tuple[float, float, float] = (1.0, 0.55, 0.3)  # the same when younger: darker stubble is a smear
    white: tuple[float, float] = (0.9, 1.0)  # of the brightest channel: from where on skin is overexposed, and wholly
    white_keeps: float = 0.35  # of the changes, there
    one_hue: float = 5.0  # deviation of a* and b* below which a picture is of one hue, sepia or grey
    hair_gain: tuple[float, float, float] = (1.9, 1.25, 1.8)  # at most, of their lightness


STRENGTH = AgeingStrength()

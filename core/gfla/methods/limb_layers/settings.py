"""What tunes limb layers, in one place. Lengths are torso lengths (neck to hip) unless a name says otherwise."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LimbLayerSettings:
    """Settings of the method; weights were trained with those above `seam_sharpness`.

    Attributes:
        body_weight: weight of the whole body's movement in the limbs' flow, against 1 on a limb's axis: it wins at about
            3 reaches, so that the flow has no jump round the person.
        lowest_prior: the log prior of a layer falls no lower, so that a strong learned logit can still win.
        noise, apart: distance from the background's grey, of 2, at which a pixel begins to be the person's, and is wholly.
        rim_weight: how much the outermost pixels, which are part background, count where a limb is too thin for others.
        known_alpha: share of a pixel that must be the person's to give its colour by itself.
        rows_a_rim: pictures of so many rows have a rim of one pixel; photos that were enlarged have more.
        seam_sharpness: factor of the blend's logits at the result's size, without unit: half shares are ghosts there. On
            held-out people 2 makes heads more like their own for 0.004 of SSIM.
        head_reach, head_below: how far the head's surroundings reach from its middle: to the sides and up, where hair
            is; and down.
        neck: how much further down a head may reach in its own picture.
        flip_penalty: a mirrored head jumps in a video and changes sides: it must fit so much better than an upright one.
    """

    body_weight: float = 0.01
    lowest_prior: float = -8.0
    noise: float = 0.03
    apart: float = 0.12
    rim_weight: float = 1e-3
    known_alpha: float = 0.5
    rows_a_rim: int = 192
    seam_sharpness: float = 4.0
    head_reach: float = 0.6
    head_below: float = 0.18
    neck: float = 0.1
    flip_penalty: float = 1.25


SETTINGS = LimbLayerSettings()

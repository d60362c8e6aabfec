"""Faces as a draughtsman paints them: skin in one colour and one shade with round borders, features on it.

A palette follows every step of a photo's light, and a face in many bands looks posterised, not drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.sdl.methods.drawing.colours import to_rgb
from core.sdl.methods.drawing.features import (
    CHIN,
    FACE_RING,
    FEATURES,
    LIPS,
    NOSE,
    TOP,
    brow_rings,
    clear_ink,
    draw_eyes,
    draw_shapes,
    draw_strokes,
    eye_rings,
    eyes_seen,
    face_height,
    mouth_seen,
    region,
    seen_brows,
)
from core.sdl.methods.drawing.regions import join_small

# Between the brows: skin that neither a mask nor a fringe hides.
BROW = (9, 107, 55, 168, 285, 336)
CHEEKS = ((117, 50, 205, 203, 129, 126), (346, 280, 425, 423, 358, 355))


@dataclass(frozen=True)
class Skin:
    """Constants; lengths in face heights, colours in L*a*b*."""

    tinged: float = 26.0  # distance in a* and b* from the face's own up to which a colour inside the mesh is skin's
    lightness: float = 32.0  # and in lightness
    beyond: float = 1.15  # of the mesh's outline: how far skin may go on beside it
    forehead: float = 0.25  # and above it
    neck: float = 0.8  # how far below the chin its neck goes on
    alike: float = 17.0  # distance from a tone of the face up to which what touches it is its skin too
    parted: float = 16.0  # strength of the edge between them from which it is not
    feature: float = 0.03  # how far around eyes, brows and lips their own shade reaches
    soft: float = 0.07  # sigma over which the light on it is averaged: borders are that round
    base: float = 60.0  # percentile of its lightness that is the face's own
    shade: float = -10.0  # by that: where shade begins
    least: float = 0.06  # of the face: smaller patches of shade are not drawn
    hue: float = 0.3  # of its own colour that a tone keeps; the rest is the face's
    deepest: float = 16.0  # lightness by which shade differs at most
    chroma: float = 26.0  # up to which pale skin is warmed
    warmest: float = 1.6  # and by how much at most
    one_hue: float = 3.0  # narrower spread of a picture's colours below which it has one hue
    ruddy: float = 1.0  # hue in radians beyond which skin is yellow or green from what is around it
    turn: float = 0.6  # and by which share of that it is turned back
    light: float = 76.0  # lightness to which dark pictures' skin is lifted
    lift: float = 0.35  # by that share of the way
    brightest: float = 0.97  # of a picture's pixels: what is light in it
    dark: tuple[float, float] = (92.0, 72.0)  # its lightness, by which skin is lifted by at most ...
    most: tuple[float, float] = (4.0, 20.0)  # ... so much


SKIN = Skin()


def find_skin(lab: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(h, w) bool: skin inside the mesh of a face, eyes and mouth with it, hair and glasses not.

    Args:
        lab: (h, w, 3) without texture.
        points: (478, 2) landmarks, pixels of `lab`.
    """
    shape, outline = lab.shape[:2], points[list(FACE_RING)]
    rgb = (255 * to_rgb(lab, 1.0)).astype(np.uint8)
    bare = mouth_seen(rgb, points)
    rings = (NOSE, *CHEEKS) if bare else (BROW,)
    cheeks = np.maximum.reduce([region(shape, points[list(ring)]) for ring in rings]) > 0.5
    if not cheeks.any():
        return cheeks
    own = np.median(lab[cheeks], 0)
    skin = (region(shape, outline) > 0.5) & (np.hypot(*(lab[..., 1:] - own[1:]).transpose(2, 0, 1)) < SKIN.tinged)
    if bare:  # A nose is often redder.
        skin |= region(shape, points[list(NOSE)]) > 0.5
    skin &= np.abs(lab[..., 0] - own[0]) < SKIN.lightness
    lips = [points[list(LIPS)]] if bare else []
    for ring in (*lips, *(eye_rings(points) if eyes_seen(rgb, points) != "hidden" else [])):
        skin |= region(shape, ring) > 0.5
    disc = round_window(0.02 * face_height(points))
    closed = cv2.morphologyEx(skin.astype(np.uint8), cv2.MORPH_CLOSE, disc)
    return cv2.morphologyEx(closed, cv2.MORPH_OPEN, disc) > 0


def round_window(radius: float) -> np.ndarray:
    """A disc for cv2's morphology, at least 3 pixels wide."""
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * max(1, round(radius)) + 1,) * 2)


def adopt_skin(
    skins: np.ndarray, number: int, things: np.ndarray, lab: np.ndarray, strength: np.ndarray, points: np.ndarray
) -> np.ndarray:
    """Skins (h, w) with the regions that touch a face and look like it: forehead, ears and neck beyond its mesh.

    Args:
        skins: (h, w) int, numbers of faces, 0 elsewhere.
        number: the face's.
        things: (h, w) labels from 0.
        lab: (h, w, 3).
        strength: (h, w), from `edge_strength`.
        points: (478, 2) landmarks.
    """
    own = skins == number
    if not own.any():
        return skins
    height, outline = face_height(points), points[list(FACE_RING)]
    y, x = np.mgrid[: lab.shape[0], : lab.shape[1]]
    # Blond hair looks like skin: beside the face only what is close to it counts, below the chin more.
    middle, down = outline.mean(0), points[CHIN] - points[TOP]
    down = down / max(1e-3, float(np.hypot(*down)))
    near = region(lab.shape, middle + SKIN.beyond * (outline - middle)) > 0.5
    near |= region(lab.shape, outline - SKIN.forehead * height * down) > 0.5
    below = (x - points[CHIN, 0]) * down[0] + (y - points[CHIN, 1]) * down[1]
    aside = np.abs((x - points[CHIN, 0]) * down[1] - (y - points[CHIN, 1]) * down[0])
    near |= (below > -0.1 * height) & (below < SKIN.neck * height) & (aside < 0.5 * height)
    light = np.percentile(lab[own][:, 0], (25, 75))
    tones = [np.median(lab[own & part], 0) for part in (lab[..., 0] <= light[0], lab[..., 0] >= light[1])]
    made, window = skins.copy(), np.ones((5, 5), np.uint8)
    rim = (cv2.dilate(own.astype(np.uint8), window) > 0) & ~own
    for label in np.unique(things[rim & (skins == 0)]):
        inside = (things == label) & (skins == 0)
        if (inside & near).sum() < 0.6 * inside.sum():
            continue
        colour = np.median(lab[inside], 0)
        if min(float(np.hypot(*(colour - tone)[1:]) + 0.5 * abs(colour - tone)[0]) for tone in tones) > SKIN.alike:
            continue
        if np.median(strength[rim & inside]) < SKIN.parted:
            made[inside] = number
    return made


def shade_skin(lab: np.ndarray, skin: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(h, w) int: 1 where skin (h, w) bool lies in shade, by its light averaged without that of eyes, brows and lips."""
    if not skin.any():
        return np.zeros(skin.shape, int)
    height = face_height(points)
    rings = (points[list(LIPS)], *eye_rings(points), *brow_rings(points))
    features = np.maximum.reduce([region(skin.shape, ring) for ring in rings])
    features = cv2.dilate(features, round_window(SKIN.feature * height))
    weight, sigma = skin * (1 - features), max(1.0, SKIN.soft * height)
    light = cv2.GaussianBlur(lab[..., 0] * weight, (0, 0), sigma) / cv2.GaussianBlur(weight, (0, 0), sigma).clip(1e-3)
    level = float(np.percentile(light[skin], SKIN.base))
    shade = (skin & (light < level + SKIN.shade)).astype(int)
    return join_small(shade, int(SKIN.least * skin.sum()), skin) * skin


def warm_skin(colours: np.ndarray, labels: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Colours (k, 3) of labels (h, w) with skin, where `owner` (h, w) is below 0, as light and warm as one draws it."""
    made = colours.copy()
    counted = np.bincount(labels.ravel(), minlength=len(colours))
    # A picture in one hue, such as a sepia print, keeps it.
    # Dark skin stays dark: what is lifted is the skin in a dark picture.
    by_light = colours[:, 0].argsort()
    bright = colours[by_light[np.searchsorted(counted[by_light].cumsum(), SKIN.brightest * counted.sum())], 0]
    most = float(np.interp(bright, SKIN.dark[::-1], SKIN.most[::-1]))
    many_hued = np.linalg.eigvalsh(np.cov(colours[:, 1:].T, fweights=counted))[0] > SKIN.one_hue**2
    for number in np.unique(owner[owner < 0]):
        chosen, counts = np.unique(labels[owner == number], return_counts=True)
        own = colours[chosen[counts.argmax()]]
        # Its shade has its hue: light from elsewhere would make it green or grey.
        made[chosen, 1:] = own[1:] + SKIN.hue * (made[chosen, 1:] - own[1:])
        made[chosen, 0] = own[0] + (made[chosen, 0] - own[0]).clip(-SKIN.deepest, SKIN.deepest)
        if many_hued:
            hue = np.arctan2(own[2], own[1])
            turn = SKIN.turn * float(np.clip(hue - SKIN.ruddy, 0, 0.6))
            made[chosen, 1:] = made[chosen, 1:] @ np.array(
                [(np.cos(turn), -np.sin(turn)), (np.sin(turn), np.cos(turn))]
            )
        made[chosen, 1:] *= np.clip(SKIN.chroma / max(1e-3, float(np.hypot(*own[1:]))), 1, SKIN.warmest)
        made[chosen, 0] += min(most, SKIN.lift * max(0.0, SKIN.light - own[0]))
    return made


def draw_face(
    areas: np.ndarray, ink: np.ndarray, photo: np.ndarray, smooth: np.ndarray, points: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Areas and ink with one face's features drawn.

    Args:
        areas: (H, W, 3) in [0, 1], flat.
        ink: (H, W) in [0, 1].
        photo: (H, W, 3) uint8.
        smooth: (H, W, 3) in [0, 1], the photo without texture in the drawing's colours.
        points: (478, 2) landmarks.
    """
    part, scale, places = near(photo.shape, points, 0.2)
    if not areas[part].size:
        return areas, ink
    seen, plain, below, lines = (enlarged(item[part], scale) for item in (photo, smooth, areas, ink))
    eyes = eyes_seen(seen, places)
    mouth = mouth_seen(seen, places)
    below = draw_shapes(below, plain, places, mouth)
    if eyes == "open":
        below = draw_eyes(below, seen, places)
    lines = clear_ink(lines, places, seen_brows(plain, places), eyes)
    lines = draw_strokes(lines, places, eyes, scale * FEATURES.least_pen_px, mouth)
    made, drawn = areas.copy(), ink.copy()
    made[part], drawn[part] = (
        cv2.resize(item, made[part].shape[1::-1], interpolation=cv2.INTER_AREA) for item in (below, lines)
    )
    return made, drawn


def near(shape: tuple[int, ...], points: np.ndarray, margin: float) -> tuple[tuple[slice, slice], int, np.ndarray]:
    """The part of a picture of that shape around a face, `margin` heights wide, how many times to enlarge it for drawing
    (`Features.drawn_px`), and the landmarks there.
    """
    height, reach = face_height(points), points[list(FACE_RING)]
    left, top = np.maximum(0, np.floor(reach.min(0) - margin * height)).astype(int)
    right, bottom = np.minimum(np.array(shape[1::-1]), np.ceil(reach.max(0) + margin * height)).astype(int)
    scale = max(1, int(np.ceil(FEATURES.drawn_px / height)))
    # Pixels' centres, not their corners, stay in place.
    return np.s_[top : max(top, bottom), left : max(left, right)], scale, (points - (left, top) + 0.5) * scale - 0.5


def enlarged(part: np.ndarray, scale: int) -> np.ndarray:
    """A part of a picture (h, w) or (h, w, 3), that many times as large."""
    if scale == 1:
        return np.ascontiguousarray(part)
    return cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)

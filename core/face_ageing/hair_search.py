"""Hair by place and colour: of the person, not of the face, and nearer in colour to what lies above the forehead."""

from __future__ import annotations

import cv2
import numpy as np

from core.face_ageing.fringe import whole_hair, without_holes
from core.face_ageing.places import BRIDGE, BROWS, CHIN, SEARCH, down_of, draw_to_edges, face_axes
from core.face_ageing.shapes import (
    colour_distance,
    fade,
    fill,
    grow,
    keep_connected,
    natural_colour,
    strand_contrast,
)
from core.face_ageing.skin import COLOURS
from core.ops.masks import disc


def find_hair(
    view: np.ndarray, lab: np.ndarray, from_skin: np.ndarray, body: np.ndarray, oval: np.ndarray, across: np.ndarray,
    below_chin: np.ndarray, below_eyes: np.ndarray, hanging: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Hair: of the person, not of the face, and nearer in colour to what lies above the forehead than to skin and clothes."""
    height = SEARCH.face_px
    away = cv2.distanceTransform((oval < 0.5).astype(np.uint8), cv2.DIST_L2, 5) / height
    seeds = (body > 0.7) & (away > 0.05) & (below_eyes < -0.1) & (from_skin > SEARCH.hair_contrast)
    if seeds.sum() < SEARCH.least_hair * height**2:
        return np.zeros_like(oval)
    clothes = (body > 0.6) & (from_skin > 1.2) & (below_chin > 0.25) & (np.abs(across) < 0.9)
    own = colour_distance(lab, seeds, 4)
    natural = natural_colour(lab)
    if natural[seeds].mean() < SEARCH.least_natural:
        return np.zeros_like(oval)
    # Dark hair on light skin is told pixel by pixel; hair as light as the skin only roughly, by its place.
    skin_level = (
        np.median(lab[..., 0][(oval > 0.5) & (from_skin < SEARCH.skin_reach)]) if (from_skin < 1).any() else 60.0
    )
    clear = float(fade(np.float32(np.median(lab[..., 0][seeds]) / max(5.0, skin_level)), *SEARCH.clear_contrast))
    darker = fade(lab[..., 0] / max(5.0, float(skin_level)), 0.65, 0.45)  # as a fringe is
    place = np.where(oval > 0.5, 0.6 * darker - 0.9, np.clip(6 * away, 0, 0.6) * fade(below_eyes, 0.15, -0.1))
    like = np.minimum(from_skin, 2.5) + place - own
    if clothes.sum() > 0.02 * height**2:
        worn = colour_distance(lab, clothes, 5) + 1.2 * fade(below_chin, 0.5, -0.2)
        like = np.where(below_chin > -0.25, np.minimum(like, worn - own), like)
    throat = (np.abs(across) < 0.3) & (below_chin > -0.05)
    # On the face itself only a fringe, and locks that hang over its sides.
    inner = cv2.distanceTransform((oval > 0.5).astype(np.uint8), cv2.DIST_L2, 5) / height
    lock = ((inner < SEARCH.lock) | ((inner < SEARCH.far_lock) & (hanging > COLOURS.hanging))) & (from_skin > 1.2)
    like = np.where(throat | ((oval > 0.5) & ~lock & ((below_eyes > -0.12) | (clear < 0.5))), -1, like)
    rough = fade(like, -0.25, 0.25) * (own < 2.5) * natural
    rough = cv2.medianBlur((255 * rough * (body > 0.25)).astype(np.uint8), 7).astype(np.float32) / 255
    soft = draw_to_edges(view, rough) * fade(own, 2.2, 1.3)
    soft = keep_connected(fade(soft, 0.3, 0.9), seeds)
    vague = cv2.GaussianBlur(soft, (0, 0), 0.03 * height) * (1 - cv2.GaussianBlur(oval, (0, 0), 0.02 * height))
    matte = without_islands(clear * soft + (1 - clear) * np.minimum(soft, vague)) * fade(body, 0.4, 0.85)
    # Close to the face only what differs from skin: a forehead reaches beyond the mesh.
    differs = cv2.GaussianBlur(fade(from_skin, *SEARCH.hairline), (0, 0), 0.5 + (1 - clear) * 0.03 * height)
    matte = matte * np.maximum(differs, fade(away, 0.12, 0.25))
    for side in (across < 0, across >= 0):
        # Short hair ends above the jaw: what is dark below it is a shadow or a collar.
        beside = side & (away > 0.02) & (away < 0.2) & (below_chin > -0.32) & (below_chin < -0.12) & (body > 0.5)
        if beside.sum() < 0.004 * height**2 or matte[beside].mean() < SEARCH.long_hair:
            matte = matte * np.where(side, fade(below_chin, -0.12, -0.5), 1)
    # A shadow has no strands, and black hair without any would become a grey veil: the less, the lower down.
    strands = cv2.GaussianBlur(strand_contrast(lab[..., 0]), (0, 0), 0.06 * height)
    matte = matte * np.maximum(strands, 0.5 * fade(below_eyes, 0.4, 0.0))
    reach = fade(np.where(below_chin < 0, away, np.abs(across) - 0.3), SEARCH.hair_beside, 0.6 * SEARCH.hair_beside)
    return matte * reach * fade(below_chin, SEARCH.hair_below, SEARCH.hair_ends)


def complete_hair(
    view: np.ndarray, lab: np.ndarray, hair: np.ndarray, from_skin: np.ndarray, body: np.ndarray, oval: np.ndarray,
    points: np.ndarray, sure_skin: np.ndarray, level: float,
) -> np.ndarray:  # fmt: skip
    """Hair with what its colours left out, where that is no skin; `level` is the lightness of the skin."""
    shape = (view.shape[0], view.shape[1])
    across, down = face_axes(shape, points)
    # A fringe lets the skin through, and is darker for it.
    fringe = fade(lab[..., 0] / level, 0.6, 0.45) * (oval > 0.5) * (down - down_of(points, BRIDGE) < SEARCH.fringe)
    never = never_hair(lab, from_skin, body, oval, points, across, down, level)
    never |= np.maximum(*(fill(shape, grow(points[list(ring)], 1.25)) for ring in BROWS)) > 0
    # Hair as light as skin is never sure by its colours; the cut tells more.
    known = hair / max(SEARCH.known_hair, float(hair.max()))
    found = whole_hair(view, np.maximum(known, 0.6 * fringe), sure_skin, never, SEARCH.face_px) * fade(body, 0.4, 0.85)
    # Ears, and a forehead that is higher than the mesh, are nearer to skin in colour than to this hair.
    beside = fade(cv2.distanceTransform((oval < 0.5).astype(np.uint8), cv2.DIST_L2, 5) / SEARCH.face_px, 0.3, 0.15)
    nearer = cv2.GaussianBlur(from_skin - colour_distance(lab, known > 0.85, 5), (0, 0), 2.0)
    # Beside the face are ears: there a colour has to be clearly hair's.
    ears = SEARCH.ear_strict * fade(down - down_of(points, BRIDGE), -0.2, -0.12)
    found = found * np.maximum(1 - beside, np.maximum(fringe, fade(nearer - ears, *SEARCH.hair_like)))
    sure = min(1.0, float(hair.max()) / SEARCH.sure_hair)
    return np.maximum(hair, sure * draw_to_edges(view, without_holes(found, never, SEARCH.hole * SEARCH.face_px**2)))


def never_hair(
    lab: np.ndarray, from_skin: np.ndarray, body: np.ndarray, oval: np.ndarray, points: np.ndarray, across: np.ndarray,
    down: np.ndarray, level: float,
) -> np.ndarray:  # fmt: skip
    """(h, w) bool: beyond the person, the face itself but for a fringe and locks over its sides, the throat."""
    below_chin, below_eyes = down - down_of(points, CHIN), down - down_of(points, BRIDGE)
    inner = cv2.distanceTransform((oval > 0.5).astype(np.uint8), cv2.DIST_L2, 5) / SEARCH.face_px
    # A dark bar at the height of the eyes is the arm of spectacles.
    light = (lab[..., 0] > 0.8 * level) | (np.abs(below_eyes) > SEARCH.arms)
    lock = (inner < SEARCH.lock) | ((inner < SEARCH.far_lock) & (from_skin > SEARCH.skin_reach + 0.3) & light)
    face = (inner > 0) & ~lock & (below_eyes > SEARCH.fringe)
    return (body < 0.4) | face | ((np.abs(across) < 0.3) & (below_chin > -0.05)) | (below_chin > SEARCH.hair_below)


def without_islands(matte: np.ndarray) -> np.ndarray:
    """A matte without the parts that are narrower than a lock."""
    core = cv2.morphologyEx((matte > 0.3).astype(np.uint8), cv2.MORPH_OPEN, disc(0.015 * SEARCH.face_px))
    near = cv2.dilate(core, disc(0.02 * SEARCH.face_px)).astype(np.float32)
    return matte * cv2.GaussianBlur(near, (0, 0), 2.0)

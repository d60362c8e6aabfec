"""The largest head of a picture, taken apart: skin, hair, brows, beard, and what may change at all.

Everything is found on a view of fixed scale, so that constants are in its pixels whatever the photo's size.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from core.detect.faces import Face, detect_faces
from core.detect.segment import person_mask
from core.errors import NothingFoundError
from core.face_ageing.fringe import hanging_hair, whole_hair, without_holes
from core.face_ageing.glasses import find_rims
from core.face_ageing.shapes import (
    colour_distance,
    fade,
    fill,
    grow,
    keep_connected,
    natural_colour,
    raw_red,
    strand_contrast,
)
from core.image import Box, crop_box
from core.ops.masks import disc

OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150,
        136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)  # fmt: skip
EYES = (
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
)
BROWS = ((70, 63, 105, 66, 107, 55, 65, 52, 53, 46), (300, 293, 334, 296, 336, 285, 295, 282, 283, 276))
LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
NOSTRILS = (98, 97, 2, 326, 327, 294, 278, 344, 440, 275, 4, 45, 220, 115, 48, 64)
FOREHEAD, CHIN, BRIDGE, NOSE_BASE = 10, 152, 168, 2


@dataclass(frozen=True)
class HeadSearch:
    """Constants of the search; lengths in face heights (top of the mesh to chin) unless they say otherwise."""

    face_px: int = 400  # height of the face in the view: a crow's foot is then 2 pixels wide
    above: float = 1.4  # how far the view reaches above the middle of the face
    beside: float = 1.05  # and to each side
    below: float = 1.35  # and below: long hair and the neck
    skin_reach: float = 1.0  # colour distance (see `colour_distance`) to the face's own up to which skin is sure
    skin_fade: float = 0.9  # and over which it ends
    hair_contrast: float = 0.9  # the same, from which on what lies above the forehead is no skin
    least_natural: float = 0.7  # of the colours above the forehead that hair can have: with less it is a hat
    clear_contrast: tuple[float, float] = (0.95, 0.7)  # lightness of hair by the skin's: told roughly, and surely
    hairline: tuple[float, float] = (0.6, 1.3)  # the same, from none to sure hair beside the face
    long_hair: float = 0.5  # of what is beside the jaw: with more of it hair hangs down there
    least_hair: float = 0.02  # of the face's height squared: with less of such pixels a head is bald
    neck: float = 0.42  # below the chin: how far the neck goes
    hair_beside: float = 0.7  # away from the face: how far hair changes, less and less
    hair_ends: float = 0.45  # below the chin: from where on hair changes less and less
    hair_below: float = 0.85  # and how far at all
    hair_like: tuple[float, float] = (
        -0.8,
        0.0,
    )  # how much nearer a colour is to hair than to skin: from where on it is
    ear_strict: float = 0.5  # more of it beside the face
    sure_hair: float = 0.6  # of the matte by colours: with less of it the cut counts as much less
    hole: float = 0.03  # of the face's height squared: smaller gaps amid hair are its highlights
    known_hair: float = 0.3  # of the matte: with less nothing is known
    fringe: float = -0.06  # below the eyes' height: down to where hair hangs in front of the face
    lock: float = 0.09  # how far it does so from the sides, at any height
    far_lock: float = 0.22  # and where its colour is clearly another than the skin's
    lit_skin: tuple[float, float] = (0.45, 0.65)  # lightness by the skin's: darker above the eyes it is a fringe's
    high_front: float = 0.12  # how much higher than its mesh a forehead is
    arms: float = 0.14  # above and below the eyes, where spectacles have theirs
    matte_px: int = 9  # radius of the filter that draws mattes to the picture's edges, pixels of the view
    matte_variance: float = 4e-4  # of colours in [0, 1], below which an edge does not count


SEARCH = HeadSearch()


@dataclass(frozen=True)
class Head:
    """A head on its view, in pixels of the view; all mattes (h, w) float32 in [0, 1].

    Attributes:
        box: what the view shows of the picture, in the picture's pixels, whole ones.
        view: (h, w, 3) float32 RGB in [0, 1].
        points: (478, 2) landmarks.
        depths: (478,) how far behind the middle of the head, in the same pixels.
        skin: skin of face and neck without eyes, brows, lips, nostrils and beard.
        hair: hair of the head.
        lips: the lips.
        brows: the brows' hair.
        beard: beard and moustache.
        zone: where anything may change: 1 on head and neck, 0 elsewhere.
        rims: rims of spectacles.
    """

    box: Box
    view: np.ndarray
    points: np.ndarray
    depths: np.ndarray
    skin: np.ndarray
    hair: np.ndarray
    lips: np.ndarray
    brows: np.ndarray
    beard: np.ndarray
    zone: np.ndarray
    rims: np.ndarray


def find_head(picture: Image.Image, face: Face | None = None) -> Head:
    """A face's head; the largest face's where none is given.

    Raises:
        NothingFoundError: no face.
    """
    face = face or detect_faces(picture)[0]
    box, scale = view_box(face, picture.size)
    shown = crop_box(picture, box, (max(8, round(box.width * scale)), max(8, round(box.height * scale))))
    view = np.asarray(shown, np.float32) / 255
    points = (face.points - (box.left, box.top)) * scale
    depths = np.zeros(len(points)) if face.depths is None else face.depths * scale
    try:
        person = person_mask(shown)[0, 0].numpy()
    except NothingFoundError:
        person = fill((view.shape[0], view.shape[1]), points[list(OVAL)])
    return Head(box, view, points, depths, **take_apart(view, points, person))


def view_box(face: Face, size: tuple[int, int]) -> tuple[Box, float]:
    """What the view shows, whole pixels inside the picture, and how many of its pixels one of the picture's is."""
    height = face_height(face.points)
    x, y = (face.points[FOREHEAD] + face.points[CHIN]) / 2
    left, top = x - SEARCH.beside * height, y - SEARCH.above * height
    right, bottom = x + SEARCH.beside * height, y + SEARCH.below * height
    box = Box(max(0, round(left)), max(0, round(top)), min(size[0], round(right)), min(size[1], round(bottom)))
    return box, SEARCH.face_px / height


def face_height(points: np.ndarray) -> float:
    """Forehead to chin, or what the width says where a face looks up or down."""
    tall = np.hypot(*(points[FOREHEAD] - points[CHIN]))
    return float(max(tall, 1.1 * np.hypot(*(points[234] - points[454]))))


def take_apart(view: np.ndarray, points: np.ndarray, person: np.ndarray) -> dict[str, np.ndarray]:
    """The mattes of a head; see `Head`."""
    shape, height = (view.shape[0], view.shape[1]), SEARCH.face_px
    lab = cv2.cvtColor(cv2.GaussianBlur(view, (0, 0), 1.2), cv2.COLOR_RGB2LAB)
    oval = fill(shape, points[list(OVAL)])
    across, down = face_axes(shape, points)
    below_chin = down - down_of(points, CHIN)
    features = np.maximum.reduce([
        *(fill(shape, grow(points[list(ring)], 1.35)) for ring in EYES), fill(shape, grow(points[list(LIPS)], 1.12)),
        *(fill(shape, grow(points[list(ring)], 1.25)) for ring in BROWS), fill(shape, points[list(NOSTRILS)]),
    ])  # fmt: skip
    body = draw_to_edges(view, person)
    sure = (cv2.erode(oval, disc(0.03 * height)) > 0.5) & (features < 0.5) & (down > down_of(points, BRIDGE))
    from_skin = colour_distance(lab, sure, 5)
    # The forehead is often lighter than the cheeks, or hidden by hair.
    brow = (cv2.erode(oval, disc(0.06 * height)) > 0.5) & (features < 0.5) & (down > 0.02) & (from_skin < 1.5)
    from_skin = colour_distance(lab, sure | brow, 7)
    hair = find_hair(view, lab, from_skin, body, oval, across, below_chin, down - down_of(points, BRIDGE))
    near = fade(from_skin, SEARCH.skin_reach + SEARCH.skin_fade, SEARCH.skin_reach)
    face = cv2.GaussianBlur(cv2.dilate(oval, disc(0.05 * height)), (0, 0), 0.02 * height) * (1 - features)
    level = max(5.0, float(np.median(lab[..., 0][sure])) if sure.any() else 50.0)
    hair = complete_hair(view, lab, hair, from_skin, body, oval, points, (near > 0.9) & sure, level)
    beard = find_beard(lab, from_skin, face * body, points, across, down)
    neck = fade(below_chin, SEARCH.neck, 0.03) * fade(np.abs(across), 0.95, 0.5)
    outside = np.maximum(neck, fade(np.abs(below_chin + 0.5), 0.6, 0.5))
    # Beyond the face the mask is soft, so that no edge of it shows on a neck.
    vague = cv2.GaussianBlur(near, (0, 0), 0.03 * height) * near * outside * body
    skin = np.maximum(draw_to_edges(view, near * oval) * oval, vague)
    skin = skin * (1 - cv2.GaussianBlur(features, (0, 0), 2.0)) * (1 - beard) * (1 - hair)
    # Where hair hangs over the forehead, or a shadow is black, there is no skin to see.
    eyes = down_of(points, BRIDGE)
    light = lab[..., 0] / level
    skin = skin * fade(light + 0.2 * fade(down, eyes - 0.05, eyes + 0.05), 0.4, 0.62)
    brows, rims = find_brows(view, lab, points), find_rims(view, points, points[CHIN] - points[FOREHEAD], EYES)
    front = np.maximum(oval, cv2.dilate(oval, disc(SEARCH.high_front * height)) * fade(down, eyes, eyes - 0.06))
    told = np.maximum.reduce(
        [skin * fade(light, *SEARCH.lit_skin), cv2.dilate(features, disc(4)), beard, rims, raw_red(lab)]
    )
    hanging = hanging_hair(light, hair, front * body * (1 - told), down - eyes, points[CHIN] - points[FOREHEAD])
    hair, skin = np.maximum(hair, hanging), skin * (1 - hanging)
    zone = np.maximum.reduce([hair, oval * np.maximum(body, 0.5), skin, beard])
    zone = fade(cv2.GaussianBlur(zone, (0, 0), 2.0), 0.02, 0.2)
    lips = cv2.GaussianBlur(fill(shape, points[list(LIPS)]), (0, 0), 2.0)
    return {"skin": skin, "lips": lips, "hair": hair, "brows": brows * (1 - hair), "beard": beard, "zone": zone,
            "rims": rims}  # fmt: skip


def find_hair(
    view: np.ndarray, lab: np.ndarray, from_skin: np.ndarray, body: np.ndarray, oval: np.ndarray, across: np.ndarray,
    below_chin: np.ndarray, below_eyes: np.ndarray,
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
    lock = (inner < 0.09) & (from_skin > 1.2)
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


def find_beard(
    lab: np.ndarray, from_skin: np.ndarray, face: np.ndarray, points: np.ndarray, across: np.ndarray, down: np.ndarray
) -> np.ndarray:
    """Beard and moustache: parts of the lower face that are darker than its skin, on both sides of the mouth."""
    start = down_of(points, NOSE_BASE)
    low = face * fade(down, start - 0.02, start + 0.03)
    upper = (face > 0.5) & (down < start - 0.05) & (from_skin < SEARCH.skin_reach)
    if upper.sum() < 50 or not (low > 0.5).any():
        return np.zeros_like(from_skin)
    # Each side by its own cheek: light often comes from one.
    sides = [upper & (across < -0.05), upper & (across > 0.05)]
    both = [np.median(lab[side], 0) if side.sum() > 20 else np.median(lab[upper], 0) for side in sides]
    share = np.clip((across + 0.2) / 0.4, 0, 1)[..., None]
    level = (1 - share) * both[0] + share * both[1]
    darker = (level[..., 0] - lab[..., 0]) / 12
    greyer = (np.hypot(level[..., 1], level[..., 2]) - np.hypot(lab[..., 1], lab[..., 2])) / 10
    found = fade(darker + greyer, 2.4, 3.4) * fade(darker, 1.0, 1.8) * low
    shares = [
        found[(low > 0.5) & side].mean() if ((low > 0.5) & side).any() else 0.0 for side in (across < 0, across >= 0)
    ]
    return cv2.GaussianBlur(found, (0, 0), 1.5) * float(np.clip((min(shares) - 0.18) / 0.1, 0, 1))


def find_brows(view: np.ndarray, lab: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The brows' hair: what is darker than the skin around it, inside the outlines."""
    shape = (view.shape[0], view.shape[1])
    outline = np.maximum(*(fill(shape, grow(points[list(ring)], 1.25)) for ring in BROWS))
    around = cv2.GaussianBlur(lab[..., 0], (0, 0), 0.05 * SEARCH.face_px)
    darker = fade(around - lab[..., 0], 0.0, 9.0)
    return cv2.GaussianBlur(outline, (0, 0), 3.0) * darker


def draw_to_edges(view: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """A rough matte drawn to the picture's edges (He, Sun and Tang 2010, guided filter with a colour guide)."""
    # Its 3 x 3 systems are solved to an absolute precision: colours in [0, 1] would count as singular, and be blurred.
    made = cv2.ximgproc.guidedFilter(
        255 * view, matte.astype(np.float32), SEARCH.matte_px, SEARCH.matte_variance * 255**2
    )
    return np.clip(1.25 * made - 0.125, 0, 1)


def face_axes(shape: tuple[int, int], points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Right of the middle line, and down along it from the forehead, of every pixel, in face heights."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32) + 0.5
    axis = (points[CHIN] - points[FOREHEAD]) / SEARCH.face_px
    axis = axis / max(1e-6, float(np.hypot(*axis)))
    x, y = x - points[FOREHEAD, 0], y - points[FOREHEAD, 1]
    return ((axis[1] * x - axis[0] * y) / SEARCH.face_px).astype(np.float32), (
        (axis[0] * x + axis[1] * y) / SEARCH.face_px
    ).astype(np.float32)


def down_of(points: np.ndarray, index: int) -> float:
    """Where a landmark lies along the middle line, in face heights below the forehead."""
    axis = points[CHIN] - points[FOREHEAD]
    return float((points[index] - points[FOREHEAD]) @ axis / max(1e-6, np.hypot(*axis)) / SEARCH.face_px)

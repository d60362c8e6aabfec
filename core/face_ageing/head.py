"""The largest head of a picture, taken apart: skin, hair, brows, beard, and what may change at all.

Everything is found on a view of fixed scale, so that constants are in its pixels whatever the photo's size.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from core.detect.covers import mouth_covered
from core.detect.faces import Face, detect_faces
from core.detect.segment import person_mask
from core.errors import NothingFoundError
from core.face_ageing.covered import find_cover
from core.face_ageing.fringe import hanging_hair
from core.face_ageing.glasses import find_rims
from core.face_ageing.hair_search import complete_hair, find_hair
from core.face_ageing.locks import Seen, mend_hair, near_wounds, without_skin
from core.face_ageing.places import (
    BRIDGE,
    BROWS,
    CHIN,
    EYES,
    FOREHEAD,
    LIPS,
    NOSE_BASE,
    NOSTRILS,
    OVAL,
    SEARCH,
    down_of,
    draw_to_edges,
    face_axes,
)
from core.face_ageing.shapes import (
    fade,
    fill,
    grow,
)
from core.face_ageing.skin import skin_colours, strands_along
from core.image import Box, crop_box
from core.ops.masks import disc

# How much higher than the bridge of the nose skin is looked for where a mask hides the rest, face heights.
MASKED = 0.14


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
        cover: a mask or a cloth over the mouth, which does not age.
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
    cover: np.ndarray


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
    covered = mouth_covered(picture.convert("RGB"), face)
    cover = find_cover(view, points) if covered else np.zeros(view.shape[:2], np.float32)
    return Head(box, view, points, depths, **take_apart(view, points, person, cover), cover=cover)


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


def take_apart(view: np.ndarray, points: np.ndarray, person: np.ndarray, cover: np.ndarray) -> dict[str, np.ndarray]:
    """The mattes of a head; see `Head`."""
    shape, height = (view.shape[0], view.shape[1]), SEARCH.face_px
    lab = cv2.cvtColor(cv2.GaussianBlur(view, (0, 0), 1.2), cv2.COLOR_RGB2LAB)
    oval = fill(shape, points[list(OVAL)])
    across, down = face_axes(shape, points)
    below_chin = down - down_of(points, CHIN)
    lids = np.maximum(*(fill(shape, grow(points[list(ring)], 1.35)) for ring in EYES))
    features = np.maximum.reduce([
        lids, fill(shape, grow(points[list(LIPS)], 1.12)),
        *(fill(shape, grow(points[list(ring)], 1.25)) for ring in BROWS), fill(shape, points[list(NOSTRILS)]),
    ])  # fmt: skip
    body = draw_to_edges(view, person)
    below_eyes, bare = down - down_of(points, BRIDGE), (oval > 0.5) & (features < 0.5) & (cover < 0.5)
    along = strands_along(lab[..., 0], points[CHIN] - points[FOREHEAD])
    # Above a mask little skin is bare but that between the brows.
    from_skin, sure = skin_colours(lab, bare, across, below_eyes + (MASKED if cover.any() else 0), down, along, height)
    hair = find_hair(view, lab, from_skin, body, oval, across, below_chin, below_eyes, along)
    near = fade(from_skin, SEARCH.skin_reach + SEARCH.skin_fade, SEARCH.skin_reach)
    face = cv2.GaussianBlur(cv2.dilate(oval, disc(0.05 * height)), (0, 0), 0.02 * height) * (1 - features)
    level = max(5.0, float(np.median(lab[..., 0][sure])) if sure.any() else 50.0)
    hair = complete_hair(view, lab, hair, from_skin, body, oval, points, (near > 0.9) & sure, level)
    seen = Seen(view, lab, body, oval, across, down, points, from_skin, along, near * sure, level)
    hair, shaded = mend_hair(seen, hair, lids)
    beard = find_beard(lab, from_skin, face * body, points, across, down)
    neck = fade(below_chin, SEARCH.neck, 0.03) * fade(np.abs(across), 0.95, 0.5)
    outside = np.maximum(neck, fade(np.abs(below_chin + 0.5), 0.6, 0.5))
    skin = find_skin(seen, near, outside) * (1 - cv2.GaussianBlur(features, (0, 0), 2.0)) * (1 - beard) * (1 - hair)
    light, eyes = lab[..., 0] / level, down_of(points, BRIDGE)
    brows, rims = find_brows(view, lab, points), find_rims(view, points, points[CHIN] - points[FOREHEAD], EYES)
    front = np.maximum(oval, cv2.dilate(oval, disc(SEARCH.high_front * height)) * fade(down, eyes, eyes - 0.06))
    wounds = near_wounds(lab, near * sure, oval, height)
    told = [skin * fade(light, *SEARCH.lit_skin), cv2.dilate(features, disc(4)), beard, rims, wounds]
    fringe = hanging_hair(
        light, hair, front * body * (1 - np.maximum.reduce(told)), below_eyes, points[CHIN] - points[FOREHEAD]
    )
    hair, skin = np.maximum(hair, fringe), skin * (1 - fringe)
    zone = np.maximum(hair, oval * np.maximum(body, 0.5))
    hair = without_skin(seen, hair, skin, shaded)
    zone = np.maximum.reduce([zone, skin, beard])
    zone = fade(cv2.GaussianBlur(zone, (0, 0), 2.0), 0.02, 0.2)
    lips = cv2.GaussianBlur(fill(shape, points[list(LIPS)]), (0, 0), 2.0)
    mattes = {"skin": skin, "lips": lips, "hair": hair, "beard": beard, "zone": zone}
    return {name: matte * (1 - cover) for name, matte in mattes.items()} | {"brows": brows * (1 - hair), "rims": rims}


def find_skin(seen: Seen, near: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Skin of the face and, where `outside` allows, around it, (h, w): `near` says how near to its colours each place is."""
    # Beyond the face the mask is soft, so that no edge of it shows on a neck.
    vague = cv2.GaussianBlur(near, (0, 0), 0.03 * SEARCH.face_px) * near * outside * seen.body
    skin = np.maximum(draw_to_edges(seen.view, near * seen.oval) * seen.oval, vague)
    # Where hair hangs over the forehead, or a shadow is black, there is no skin to see.
    light = seen.lab[..., 0] / seen.level
    return skin * fade(light + 0.2 * fade(seen.below_eyes, -0.05, 0.05), 0.4, 0.62)


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

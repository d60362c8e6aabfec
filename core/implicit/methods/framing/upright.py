"""Landmarks of faces that lie on their side or stand upside down."""

from __future__ import annotations

import numpy as np
from PIL import Image

from core.detect.faces import Face, detect_faces
from core.errors import NothingFoundError
from core.image import Box
from core.implicit.methods.framing.framing import find_anchor
from core.implicit.paper.landmarks import choose_face, landmarks_of

# Quarter turns to the left that are tried where the upright picture shows no face.
QUARTERS = (1, 3, 2)


def find_faces(picture: Image.Image, name: str = "the picture") -> list[Face]:
    """Every face, largest first, in the pixels of the picture as it came; it is turned for the search where that helps.

    Raises:
        NothingFoundError: no face, whichever way the picture is held.
    """
    picture = picture.convert("RGB")
    try:
        found = detect_faces(picture, name)
    except NothingFoundError as error:
        for quarters in QUARTERS:
            if turned := _find_turned(picture, quarters):
                return turned
        raise NothingFoundError(f"{error}, or set the landmarks by hand") from None
    # A mesh on a face that lies on its side is loose: it is looked for again upright.
    quarters = round(find_anchor(landmarks_of(found[0])).tilt / (np.pi / 2)) % 4
    return (_find_turned(picture, quarters) if quarters else []) or found


def detect_landmarks(picture: Image.Image, name: str = "the picture", face: int = 1) -> np.ndarray:
    """(131, 2) landmarks of a face however it lies, (x, y) pixels of a picture that messages call `name`; 1 is the largest.

    Raises:
        NothingFoundError: no face.
        InputError: fewer faces than `face`.
    """
    return landmarks_of(choose_face(find_faces(picture, name), name, face))


def _find_turned(picture: Image.Image, quarters: int) -> list[Face]:
    """The faces of the picture turned left by quarters, in the pixels of the picture as it came; none is an empty list."""
    turned = Image.fromarray(np.ascontiguousarray(np.rot90(np.asarray(picture), quarters)))
    try:
        faces = detect_faces(turned)
    except NothingFoundError:
        return []
    turned_back = []
    for face in faces:
        points = _turn_back(face.points, quarters, picture.size)
        turned_back.append(Face(points, Box(*map(float, (*points.min(0), *points.max(0)))), face.depths))
    return turned_back


def _turn_back(points: np.ndarray, quarters: int, size_px: tuple[int, int]) -> np.ndarray:
    x, y = points.T
    width, height = size_px
    places = {1: (width - y, x), 2: (width - x, height - y), 3: (y, height - x)}[quarters]
    return np.stack(places, 1)

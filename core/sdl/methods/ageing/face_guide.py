"""Where the face of a picture is: the part that training heads show, and the guide that the ageing network sees."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.detect.faces import detect_faces
from core.detect.segment import person_mask
from core.errors import NothingFoundError
from core.image import limit_size

# Longer side at which face and person are looked for; the network sees less.
GUIDE_PX = 256
# Side of a rendered training head's picture, in heights of its face.
HEAD_SIDE = 2.2


def find_head_box(picture: Image.Image) -> tuple[int, int, int, int] | None:
    """The part of the picture around its largest face that rendered training heads show; None without a face.

    Returns:
        left, top, right, bottom in whole pixels inside the picture.
    """
    try:
        face = detect_faces(picture)[0].box
    except NothingFoundError:
        return None
    half = HEAD_SIDE * max(face.width, face.height) / 2
    x, y = (face.left + face.right) / 2, (face.top + face.bottom) / 2
    left, top = max(0, round(x - half)), max(0, round(y - half))
    return left, top, min(picture.width, round(x + half)), min(picture.height, round(y + half))


def find_face_guide(picture: Image.Image) -> Tensor | None:
    """Where the largest face and its person are, for the ageing network; None without a face or a person.

    Returns:
        (1, 4, h, w): place right of and below the middle of the face, in face heights; the person, and the oval of the
        face mesh, each from 0 to 1.
    """
    picture = limit_size(picture, GUIDE_PX)
    try:
        points, person = detect_faces(picture)[0].points, person_mask(picture)[0, 0].numpy()
    except NothingFoundError:
        return None
    oval = cv2.GaussianBlur(fill_ovals(picture, [points]), (0, 0), max(0.8, picture.width / 160))
    middle, height = (points.min(0) + points.max(0)) / 2, np.ptp(points[:, 1])
    y, x = np.mgrid[0 : picture.height, 0 : picture.width].astype(np.float32) + 0.5
    maps = np.stack([(x - middle[0]) / height, (y - middle[1]) / height, person, oval])
    return torch.from_numpy(maps.astype(np.float32))[None]


def find_face_ovals(picture: Image.Image) -> Tensor:
    """(1, 1, H, W): 1 on all faces up to the hairline, which lies above the landmarks; empty without any."""
    try:
        faces = [grow_upwards(face.points) for face in detect_faces(picture)]
    except NothingFoundError:
        faces = []
    return torch.from_numpy(fill_ovals(picture, faces))[None, None]


def fill_ovals(picture: Image.Image, faces: list[np.ndarray]) -> np.ndarray:
    """(H, W): 1 inside the hulls of landmarks."""
    ovals = np.zeros((picture.height, picture.width), np.float32)
    for points in faces:
        cv2.fillConvexPoly(ovals, cv2.convexHull(points.astype(np.float32)).round().astype(np.int32), (1.0,))
    return ovals


def grow_upwards(points: np.ndarray) -> np.ndarray:
    """Landmarks a tenth further apart, from the chin upwards."""
    low = np.array((points[:, 0].mean(), points[:, 1].max()))
    return low + (points - low) * (1.1, 1.2)

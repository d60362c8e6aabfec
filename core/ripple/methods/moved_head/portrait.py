"""A photograph made ready for moving its head: upright, one face chosen, what it cannot bear said before any work."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from PIL import Image

from core.detect.align import Aligned, align_face
from core.detect.covers import eyes_covered, mouth_covered
from core.detect.faces import Face, detect_faces
from core.detect.hands import detect_hands
from core.errors import InputError, NothingFoundError
from core.ripple.methods.moved_head.edges import WITH_EYES, WITH_MOUTH, held_by_edges
from core.ripple.methods.moved_head.frame import Head
from core.ripple.options import SHAPES, RippleOptions

QUARTERS = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270, Image.Transpose.ROTATE_180)


@dataclass(frozen=True)
class Bearing:
    """What a photograph must show to be turned; degrees unless they say otherwise."""

    lying: float = 50.0  # a face tilted further is turned upright first
    profile: float = 42.0  # a face that looks further aside shows one eye and half a mouth only
    furthest: float = 36.0  # the head may look so far aside in the end, before stretched skin shows
    cheek: float = 50.0  # so far round from the nose its far cheek is looked at ...
    stretch: float = 1.6  # ... which a turn back may widen by so much, before it smears
    most: float = SHAPES["pose"].high  # and turn by so much at most
    covered: float = 12.0  # what a face bears with a hand before it, or cut by the photograph's edge
    edge: float = 0.1  # of the crop's side: a face so near the photograph's left or right edge is cut with its hair
    hand_points: int = 3  # of a hand's 21, inside the face
    hand_reach: float = 0.5  # of the face's box, around it: where hands are looked for
    told: float = 20.0  # a range that ends before that is explained
    rivals: float = 0.6  # a second face so wide, as a share of the first: which is meant?
    small_px: float = 90.0  # a crop smaller than this shows its pixels
    crop_least_px: int = 256  # side of the face crop that is shown; the whole photograph keeps its own size
    crop_most_px: int = 1024


BEARING = Bearing()


@dataclass(frozen=True)
class Portrait:
    """A face to be moved.

    Attributes:
        whole: the photograph, upright.
        face: its face.
        notes: what was done to it or limits it, a sentence each.
        turn: degrees of turn that it bears, to the picture's left (below 0) and right.
        held: degrees by name of the other edits that it bears less of than other photographs.
        faces: how many it shows.
    """

    whole: Image.Image
    face: Face | None
    notes: tuple[str, ...]
    turn: tuple[float, float]
    held: dict[str, tuple[float, float]] = field(default_factory=dict)
    faces: int = 1

    @property
    def known_face(self) -> Face:
        """The face.

        Raises:
            InputError: none was looked for.
        """
        if self.face is None:
            raise InputError("no face was looked for in this picture: set turn to 'network'")
        return self.face


def tilt_of(face: Face) -> float:
    """Degrees that a face is tilted clockwise."""
    eyes = face.points[[33, 133]].mean(0), face.points[[362, 263]].mean(0)
    across = eyes[1] - eyes[0]
    return float(np.rad2deg(np.arctan2(across[1], across[0])))


def find_upright(whole: Image.Image) -> tuple[Image.Image, list[Face], bool]:
    """The photograph with its faces upright, the faces, largest first, and whether it had to be turned.

    Raises:
        NothingFoundError: no face in any of four directions.
    """
    try:
        faces = detect_faces(whole)
        if abs(tilt_of(faces[0])) <= BEARING.lying:
            return whole, faces, False
    except NothingFoundError as error:
        faces, missing = [], error
    for quarter in QUARTERS:
        turned = whole.transpose(quarter)
        try:
            found = detect_faces(turned)
        except NothingFoundError:
            continue
        if abs(tilt_of(found[0])) <= BEARING.lying:
            return turned, found, True
    if faces:
        return whole, faces, False
    raise missing


def find_face(whole: Image.Image, number: int) -> Portrait:
    """One face of a photograph turned upright, the largest being number 1; how far it turns was not looked at.

    Raises:
        NothingFoundError: no face.
        InputError: fewer faces.
    """
    whole, faces, turned = find_upright(whole)
    if number > len(faces):
        raise InputError(f"face {number} was asked for, {len(faces)} found: use a number from 1 to {len(faces)}")
    notes = ["the photograph lay on its side or stood on its head and was turned upright"] if turned else []
    if number == 1 and len(faces) > 1 and faces[1].box.width > BEARING.rivals * faces[0].box.width:
        notes.append(f"{len(faces)} faces were found and the largest was taken: `face` 2 to {len(faces)} takes another")
    return Portrait(whole, faces[number - 1], tuple(notes), (0.0, 0.0), faces=len(faces))


def face_in(whole: Image.Image, cut: Aligned) -> Portrait:
    """The face that was cut out by hand: of those that are found the one nearest to the cut's middle.

    Raises:
        NothingFoundError: no face.
    """
    middle = cut.quad.mean(0)
    face = min(detect_faces(whole), key=lambda face: float(np.hypot(*(face.points.mean(0) - middle))))
    return Portrait(whole, face, (), (0.0, 0.0))


def hand_before(whole: Image.Image, face: Face) -> bool:
    """Whether a hand covers part of a face."""
    place = face.box.squared(BEARING.hand_reach)
    left, top = max(0, int(place.left)), max(0, int(place.top))
    near = whole.crop((left, top, min(whole.width, int(place.right)), min(whole.height, int(place.bottom))))
    hull = cv2.convexHull((face.points - (left, top)).astype(np.float32))
    for hand in detect_hands(near):
        inside = sum(cv2.pointPolygonTest(hull, (float(x), float(y)), False) > 0 for x, y in hand)
        if inside >= BEARING.hand_points:
            return True
    return False


def turn_back(yaw_deg: float) -> float:
    """Degrees by which a head that looks so far aside turns back, until its far cheek is widened by too much."""
    seen = np.deg2rad(BEARING.cheek + yaw_deg)
    return float(np.rad2deg(seen - np.arccos(min(1.0, BEARING.stretch * np.cos(seen)))))


def judge(portrait: Portrait) -> Portrait:
    """A portrait with what it bears.

    Raises:
        InputError: a face that cannot be turned.
    """
    head, notes = Head.of(portrait.known_face), list(portrait.notes)
    if abs(head.yaw_deg) > BEARING.profile:
        side = (
            f"the face looks {abs(head.yaw_deg):.0f} degrees to the side and hides half of itself: "
            f"use a picture that looks within {BEARING.profile:g} degrees of the camera"
        )
        raise InputError(f"{side}, or another of the {portrait.faces} faces" if portrait.faces > 1 else side)
    if head.frame.unit_px < BEARING.small_px:
        notes.append(f"the face is small ({head.frame.unit_px:.0f} px): a larger photograph shows more")
    most = BEARING.most
    if hand_before(portrait.whole, portrait.known_face):
        most = BEARING.covered
        notes.append(f"a hand lies before the face and moves with it: {most:g} degrees of turn are the most")
    points = portrait.known_face.points
    held, cut = held_by_edges(points, portrait.whole.size, head.frame.unit_px)
    notes += cut
    if mouth_covered(portrait.whole, portrait.known_face):
        held |= dict.fromkeys(WITH_MOUTH, (0.0, 0.0))
        notes.append("something covers the mouth in this photograph: smile, mouth, lip and beard change nothing")
    if eyes_covered(portrait.whole, portrait.known_face):
        held |= dict.fromkeys(WITH_EYES, (0.0, 0.0))
        notes.append("dark glasses cover the eyes in this photograph: eyes and gaze change nothing")
    if "pose" in held:
        most = held.pop("pose")[1]
    elif min(points[:, 0].min(), portrait.whole.width - points[:, 0].max()) < BEARING.edge * head.frame.unit_px:
        most = BEARING.covered
        notes.append(f"the photograph's edge cuts the head, which is held there: {most:g} degrees of turn are the most")
    away, back = BEARING.furthest - abs(head.yaw_deg), turn_back(abs(head.yaw_deg))
    low, high = (away, back) if head.yaw < 0 else (back, away)
    low, high = -float(np.floor(np.clip(low, 0, most))), float(np.floor(np.clip(high, 0, most)))
    if min(-low, high) < min(most, BEARING.told):
        side = "left" if head.yaw < 0 else "right"
        notes.append(
            f"the head looks {abs(head.yaw_deg):.0f} degrees to the {side} already, so it turns from {low:g} to {high:g} "
            "degrees: further round the photograph shows nothing, and further back its far cheek too little"
        )
    return replace(portrait, notes=tuple(notes), turn=(low, high), held=held)


def find_portrait(whole: Image.Image, options: RippleOptions, aligned: Aligned | None, moves: bool) -> Portrait:
    """The face that is meant, upright, and what the photograph bears where its surface moves."""
    if aligned is not None or not options.align:
        if not moves:
            return Portrait(whole, None, (), (0.0, 0.0))
        given = aligned or Aligned(whole, np.array([(0, 0), (0, whole.height), whole.size, (whole.width, 0)], float))
        return judge(face_in(whole, given))
    found = find_face(whole, options.face)
    return judge(found) if moves else found


def cut_out(
    portrait: Portrait, aligned: Aligned | None, options: RippleOptions, own_px: int, keep_size: bool
) -> tuple[int, Aligned | None]:
    """The side of the face crop in pixels, and the crop, unless the picture itself is the face.

    Args:
        portrait: whose face.
        aligned: one that was cut by hand.
        options: `output_px` and `align`.
        own_px: the side that the weights make.
        keep_size: whether the photograph's own detail is kept: then its own size within bounds.
    """
    side = options.output_px or own_px
    if keep_size and not options.output_px:
        if aligned is not None or not options.align:
            seen = max(aligned.picture.size if aligned else portrait.whole.size)
        else:
            seen = round(Head.of(portrait.known_face).frame.unit_px)
        side = max(own_px, min(max(seen, BEARING.crop_least_px), BEARING.crop_most_px))
    if aligned is None and options.align:
        aligned = align_face(portrait.whole, portrait.known_face.points68(), side, transform_px=side)
    return side, aligned

"""Hair that the search by colour and the cut leave out, and skin that they take in.

Lower hair beside the neck is told from shadows and collars by its strands and because it hangs together with the rest; wounds
are no fringe; and an ear, or a temple that hair darkens, lies nearer to skin on the way from skin to hair.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.face_ageing.fringe import without_holes
from core.face_ageing.places import BRIDGE, CHIN, SEARCH, down_of, draw_to_edges
from core.face_ageing.shapes import colour_distance, fade, fill, natural_colour, raw_red, strand_contrast
from core.ops.masks import disc


@dataclass(frozen=True)
class Locks:
    """Constants; lengths in face heights, colours in units of `colour_distance`."""

    other: float = 0.6  # see `place_between`: from where on a lock's colour is none of the skin
    own: float = 1.2  # from the hair's, up to where it is one
    nearer: float = 0.5  # to hair than to what is worn below
    rest: float = 0.012  # what is narrower is no lock
    thin: tuple[float, float] = (0.4, 1.8)  # the first two at a lock's rim
    rim: float = 0.025  # and how wide that is
    gap: float = 0.2  # over which it hangs together with hair
    below: tuple[float, float] = (0.25, 0.1)  # the chin, down to where locks are looked for, less and less
    middle: float = -0.02  # and where the middle of one lies at most: what lies lower is worn
    above: tuple[float, float] = (-0.75, -0.6)  # and from where on
    throat: tuple[float, float] = (0.34, -0.12)  # beside the middle line and below the chin: within and below is a neck
    strands: float = 0.3  # least share of a lock's surroundings that shows strands, see `strand_contrast`
    redder: float = 8.0  # degrees of hue than the skin, from where on red is a wound's
    wound: float = 0.07  # around raw red, where nothing dark is a fringe
    ear: tuple[float, float] = (0.17, 0.05)  # how far an ear reaches outwards from the mesh, and up and down
    place: tuple[float, float] = (0.45, 0.75)  # on the way from skin to hair: up to where it is an ear, and hair
    saturated: tuple[float, float] = (
        0.5,
        0.85,
    )  # between the saturations of hair and skin: up to where it is hair, and skin
    paler: tuple[float, float] = (0.75, 0.6)  # saturation of hair by the skin's, from where on that tells, and surely
    beside: tuple[float, float] = (0.3, 0.18)  # the face: up to where shaded skin is looked for, less and less
    hanging: tuple[float, float] = (0.2, 0.4)  # strands along the face, from where on a place may be a lock before it
    crossing: float = 0.04  # how wide a place without any amid strands may be
    gap_area: float = 0.008  # of the face's height squared: larger gaps amid locks are no hair
    off_skin: tuple[float, float] = (0.9, 1.3)  # and its distance to the skin's colours
    inner: float = 0.22  # how far locks hang before the face
    jaw: tuple[float, float] = (-0.3, -0.42)  # below the chin: down to where they do
    least: float = 0.002  # of the face's height squared: what is less is no lock before the face
    light: tuple[float, float] = (0.76, 0.62)  # lightness of hair by the skin's, from where on its matte is whole
    covered: tuple[float, float] = (0.55, 0.8)  # of what may be hair: with less its matte is not, if it is light
    soft_px: float = 4.0  # sigma over which shaded skin ends, pixels of the view
    local: float = 0.12  # sigma over which hair and skin around a place are averaged


LOCKS = Locks()


@dataclass(frozen=True)
class Seen:
    """What is known of a view, whose maps are (h, w), before its hair is.

    Attributes:
        view: (h, w, 3) float32 RGB in [0, 1].
        lab: (h, w, 3) L*a*b* of it, a little blurred.
        body: the person.
        oval: the face.
        across: right of the middle line, face heights.
        below_top: down from the forehead's top, face heights.
        points: (478, 2) landmarks, pixels.
        from_skin: distance to the skin's colours, see `colour_distance`.
        along: from `strands_along`.
        sure: how surely a place is skin by place and colour.
        level: lightness L* of the skin.
    """

    view: np.ndarray
    lab: np.ndarray
    body: np.ndarray
    oval: np.ndarray
    across: np.ndarray
    below_top: np.ndarray
    points: np.ndarray
    from_skin: np.ndarray
    along: np.ndarray
    sure: np.ndarray
    level: float

    @property
    def below_chin(self) -> np.ndarray:
        """Down from the chin, face heights."""
        return self.below_top - down_of(self.points, CHIN)

    @property
    def below_eyes(self) -> np.ndarray:
        """Down from the bridge of the nose, face heights."""
        return self.below_top - down_of(self.points, BRIDGE)


def mend_hair(seen: Seen, hair: np.ndarray, lids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A matte of hair without wounds and shaded skin and with its locks, and where that skin is; (h, w) each."""
    height = SEARCH.face_px
    hair = hair * (1 - near_wounds(seen.lab, seen.sure, seen.oval, height))
    shaded = shaded_skin(seen.lab, hair, seen.sure, seen.oval, seen.below_top, height)
    shaded = shaded * without_strands(seen.lab[..., 0], seen.lab[..., 0] / seen.level, seen.below_eyes)
    # Without an edge of its own.
    shaded = cv2.GaussianBlur(shaded, (0, 0), LOCKS.soft_px)
    hair = hair * (1 - shaded)
    front = front_locks(seen.lab, hair, seen.from_skin, seen.along, seen.oval, seen.body, seen.below_chin, height)
    hair = np.maximum(hair, draw_to_edges(seen.view, front * (1 - cv2.dilate(lids, disc(4)))))
    # Amid them a gap in the strands' colours is theirs, too.
    amid = cv2.dilate((front > 0.5).astype(np.uint8), disc(LOCKS.crossing * height)) * (shaded < 0.5)
    hair = np.maximum(hair, amid * without_holes(hair, (shaded > 0.5) | (lids > 0), LOCKS.gap_area * height**2))
    lower = lower_locks(
        seen.lab, hair, seen.sure, seen.from_skin, seen.body, seen.oval, seen.across, seen.below_chin, shaded, height
    )
    return np.maximum(hair, draw_to_edges(seen.view, lower) * fade(seen.body, 0.4, 0.85)), shaded


def without_skin(seen: Seen, hair: np.ndarray, skin: np.ndarray, shaded: np.ndarray) -> np.ndarray:
    """A matte of hair without ears and shaded skin, (h, w); nothing where it is known in part alone."""
    height = SEARCH.face_px
    ears = find_ears(seen.points, (hair.shape[0], hair.shape[1]), height) * (1 - fade(seen.along, *LOCKS.hanging))
    ears = ears * (1 - fade(place_between(seen.lab, hair, skin, height), *LOCKS.place))
    hair = hair * (1 - ears) * (1 - shaded)
    return hair * told_whole(seen.lab, hair, skin, seen.from_skin, seen.body, seen.oval, seen.below_chin, height)


# From the upper end of an ear to its lobe: left and right half of the mesh, from eye to jaw.
EARS = ((127, 234, 93, 132), (356, 454, 323, 361))


def lower_locks(
    lab: np.ndarray, hair: np.ndarray, skin: np.ndarray, from_skin: np.ndarray, body: np.ndarray, oval: np.ndarray,
    across: np.ndarray, below_chin: np.ndarray, shaded: np.ndarray, height: float,
) -> np.ndarray:  # fmt: skip
    """Hair beside jaw and neck that hangs together with a matte, (h, w) float32 in [0, 1]."""
    seeds = hair > 0.9
    if seeds.sum() < 200:
        return np.zeros_like(hair)
    own = colour_distance(lab, seeds, 5)
    worn = (body > 0.6) & (from_skin > 1.2) & (below_chin > 0.3) & (np.abs(across) < 0.9)
    cloth = colour_distance(lab, worn, 5) if worn.sum() > 0.02 * height**2 else np.full_like(own, 9.0)
    hairy = place_between(lab, hair, skin, height)
    like = (hairy > LOCKS.other) & (shaded < 0.5) & (own < LOCKS.own) & (natural_colour(lab) > 0.5)
    place = (body > 0.5) & (oval < 0.5) & (below_chin > LOCKS.above[0]) & (cloth > own + LOCKS.nearer)
    # Below the jaw are shadows.
    place &= (np.abs(across) > LOCKS.throat[0]) | (below_chin < LOCKS.throat[1])
    found = (like & place).astype(np.uint8)
    found = cv2.morphologyEx(cv2.medianBlur(found, 5), cv2.MORPH_OPEN, disc(LOCKS.rest * height))
    _, labels, figures, middles = cv2.connectedComponentsWithStats(found)
    low = figures[:, cv2.CC_STAT_TOP] + figures[:, cv2.CC_STAT_HEIGHT] >= len(hair)
    columns, rows = np.rint(middles).astype(int).clip(0, np.array(hair.shape[::-1]) - 1).T
    low |= below_chin[rows, columns] > LOCKS.middle
    found = found * ~low[labels]
    joined = cv2.dilate(np.maximum(found, (hair > 0.5).astype(np.uint8)), disc(LOCKS.gap * height / 2))
    _, labels = cv2.connectedComponents(joined)
    kept = np.zeros(int(labels.max()) + 1, bool)
    kept[np.unique(labels[seeds])] = True
    kept[0] = False
    # What hangs together with hair; from there on to its rim, where it is thin.
    rim = (hairy > LOCKS.thin[0]) & (own < LOCKS.thin[1]) & (body > 0.4) & (oval < 0.5)
    found = cv2.dilate(found * kept[labels], disc(LOCKS.rim * height)) * rim
    strands = cv2.GaussianBlur(strand_contrast(lab[..., 0]), (0, 0), 0.05 * height)
    found = found * fade(strands, 0.5 * LOCKS.strands, LOCKS.strands)
    return (found * fade(below_chin, *LOCKS.below) * fade(below_chin, *LOCKS.above)).astype(np.float32)


def shaded_skin(
    lab: np.ndarray, hair: np.ndarray, skin: np.ndarray, oval: np.ndarray, below_top: np.ndarray, height: float
) -> np.ndarray:
    """How surely a place is skin, dark as it may be, (h, w) in [0, 1]: beside pale hair its saturation tells, which no
    shade changes. Nothing where hair is as saturated as the skin.
    """
    top = (hair > 0.9) & (oval < 0.5) & (below_top < 0.1)
    if min(top.sum(), (skin > 0.9).sum()) < 200:
        return np.zeros_like(hair)
    soft = cv2.GaussianBlur(lab, (0, 0), 2.0)
    hue = np.median(soft[skin > 0.9], 0)[1:]
    rich = (soft[..., 1:] @ (hue / max(1.0, float(np.hypot(*hue))))) / (soft[..., 0] + 6)
    ends = float(np.median(rich[top])), float(np.median(rich[skin > 0.9]))
    sure = float(fade(np.float32(ends[0] / max(0.05, ends[1])), *LOCKS.paler)) * float(ends[1] > 0.1)
    found = fade((rich - ends[0]) / max(0.05, ends[1] - ends[0]), *LOCKS.saturated)
    away = cv2.distanceTransform((oval < 0.5).astype(np.uint8), cv2.DIST_L2, 5) / height
    return sure * found * fade(away, *LOCKS.beside)


def without_strands(lightness: np.ndarray, light: np.ndarray, below_eyes: np.ndarray) -> np.ndarray:
    """How far a colour like the skin's is skin, (h, w) in [0, 1]: where it shows no strands, or is lit.

    Args:
        lightness: (h, w) L*.
        light: the same by the skin's.
        below_eyes: (h, w) down from the bridge of the nose, face heights; above the brows dark strands are a fringe.
    """
    strands = cv2.GaussianBlur(strand_contrast(lightness, 22.0), (0, 0), 8.0)
    fringe = strands * fade(light, 0.55, 0.4) * fade(below_eyes, -0.08, -0.16)
    return np.maximum(1 - strands, fade(light, 0.35, 0.5)) * (1 - fringe)


def near_wounds(lab: np.ndarray, skin: np.ndarray, oval: np.ndarray, height: float) -> np.ndarray:
    """(h, w) in [0, 1]: on the face, around red that no hair has and that is redder than the skin."""
    if (skin > 0.9).sum() < 200:
        return np.zeros_like(oval)
    _, a, b = np.median(lab[skin > 0.9], 0)
    redder = np.degrees(np.arctan2(lab[..., 2], lab[..., 1])) < np.degrees(np.arctan2(b, a)) - LOCKS.redder
    raw = ((raw_red(lab) * oval > 0.5) & redder).astype(np.uint8)
    raw = cv2.dilate(cv2.morphologyEx(raw, cv2.MORPH_OPEN, disc(1)), disc(LOCKS.wound * height))
    return cv2.GaussianBlur(raw.astype(np.float32), (0, 0), 2.0)


def find_ears(points: np.ndarray, shape: tuple[int, int], height: float) -> np.ndarray:
    """(h, w) in [0, 1]: where ears may lie beside the mesh."""
    ears = np.zeros(shape, np.float32)
    down = points[EARS[0][-1]] + points[EARS[1][-1]] - points[EARS[0][0]] - points[EARS[1][0]]
    down = down / max(1e-6, float(np.hypot(*down)))
    for ring in EARS:
        rim = points[list(ring)]
        out = np.array((down[1], -down[0])) * (
            1 if rim[0] @ (down[1], -down[0]) > points[1] @ (down[1], -down[0]) else -1
        )
        rim = np.concatenate([rim[:1] - LOCKS.ear[1] * height * down, rim, rim[-1:] + LOCKS.ear[1] * height * down])
        ears = np.maximum(ears, fill(shape, np.concatenate([rim, rim + LOCKS.ear[0] * height * out])))
    return cv2.GaussianBlur(ears, (0, 0), 0.02 * height)


def place_between(lab: np.ndarray, hair: np.ndarray, skin: np.ndarray, height: float) -> np.ndarray:
    """Where each colour lies on the way from the skin's around it to the hair's, (h, w): 0 skin, 1 hair, may lie beyond."""

    def around(weight: np.ndarray) -> np.ndarray:
        small = cv2.resize(
            np.dstack([lab * weight[..., None], weight]), None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA
        )
        soft = cv2.GaussianBlur(small, (0, 0), LOCKS.local * height / 4) + 1e-4 * small.mean((0, 1))
        return cv2.resize(soft[..., :3] / soft[..., 3:].clip(1e-9), (lab.shape[1], lab.shape[0]))

    ends = around((hair > 0.9).astype(np.float32)), around((skin > 0.9).astype(np.float32))
    way = ends[0] - ends[1]
    return ((lab - ends[1]) * way).sum(2) / (way * way).sum(2).clip(25.0)


def front_locks(
    lab: np.ndarray, hair: np.ndarray, from_skin: np.ndarray, hanging: np.ndarray, oval: np.ndarray, body: np.ndarray,
    below_chin: np.ndarray, height: float,
) -> np.ndarray:  # fmt: skip
    """Locks before the sides of the face, whatever their colour but skin's, and what goes on below in the same colours,
    (h, w) in [0, 1]: strands along the face that hang together with hair.
    """
    inner = cv2.distanceTransform((oval > 0.5).astype(np.uint8), cv2.DIST_L2, 5) / height
    off = cv2.GaussianBlur(from_skin, (0, 0), 3.0)
    # Where strands cross, none runs along.
    closed = cv2.morphologyEx(hanging, cv2.MORPH_CLOSE, disc(LOCKS.crossing * height))
    lock = natural_colour(lab) * fade(closed, *LOCKS.hanging) * fade(off, *LOCKS.off_skin)
    place = fade(inner, 1.15 * LOCKS.inner, LOCKS.inner) * (inner > 0) * fade(below_chin, *LOCKS.jaw)
    before = joined_to(hair, lock * place)
    if (before > 0.9).sum() < LOCKS.least * height**2:
        return before
    # Beside the face are shadows and clothes, too: there a lock has the colours of the one before it.
    own = colour_distance(lab, before > 0.9, 4)
    away = cv2.distanceTransform((oval < 0.5).astype(np.uint8), cv2.DIST_L2, 5) / height
    beside = fade(away, *LOCKS.beside) * fade(below_chin, *LOCKS.below) * fade(body, 0.4, 0.85) * (inner == 0)
    return np.maximum(before, joined_to(np.maximum(hair, before), lock * beside * fade(own, 1.6, 1.1)))


def joined_to(hair: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Only the parts of a matte that hang together with hair."""
    _, labels = cv2.connectedComponents((np.maximum(found, hair) > 0.5).astype(np.uint8))
    kept = np.zeros(int(labels.max()) + 1, bool)
    kept[np.unique(labels[hair > 0.7])] = True
    kept[0] = False
    return found * cv2.dilate(kept[labels].astype(np.float32), disc(2))


def told_whole(
    lab: np.ndarray, hair: np.ndarray, skin: np.ndarray, from_skin: np.ndarray, body: np.ndarray, oval: np.ndarray,
    below_chin: np.ndarray, height: float,
) -> float:  # fmt: skip
    """How surely a matte has the whole of the hair, in [0, 1]: hair that is about as light as the skin and covers little
    of what is beside the face and no skin is known in part alone, and half a grey head is a patch.
    """
    away = cv2.distanceTransform((oval < 0.5).astype(np.uint8), cv2.DIST_L2, 5) / height
    maybe = (body > 0.6) & (from_skin > 1.0) & (oval < 0.5) & (below_chin < 0) & (away < 0.5)
    known = (hair > 0.9) & (oval < 0.5)
    if min(maybe.sum(), known.sum(), (skin > 0.9).sum()) < 200:
        return 1.0
    light = np.median(lab[..., 0][known]) / max(1.0, float(np.median(lab[..., 0][skin > 0.9])))
    covered = float(hair[maybe].mean())
    return float(max(fade(np.float32(light), *LOCKS.light), fade(np.float32(covered), *LOCKS.covered)))

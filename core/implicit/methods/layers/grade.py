"""Pictures brought to one tone all along a film, faces to faces and backgrounds to backgrounds, so that less of the change is left
for the moments when something changes over.
"""

from __future__ import annotations

import numpy as np

from core.implicit.methods.layers.face import Picture
from core.ops.blur import soft_blur

# Brighter or darker by no more than this power half way: noise and blocks would show.
MOST = 1.35
LEAST_TONE = 0.02
# A background that is a smaller share of the frame says nothing of its tone.
LEAST_BACKGROUND = 0.03
# What of clothes is smoother than this share of the frame's longer side is colour; finer, folds, seams and collars.
COLOUR = 0.03


def tones_of(picture: np.ndarray, person: np.ndarray | None, face: np.ndarray) -> np.ndarray:
    """(2, 3): mean of each channel of the background and of the face, in [0, 1]; of the whole picture where there is none.

    Args:
        picture: (H, W, 3) uint8.
        person: (H, W) in [0, 1]; None where nobody is known apart from the background.
        face: (H, W) in [0, 1].
    """
    whole = picture.mean((0, 1))
    around = 1 - person if person is not None else np.zeros_like(face)
    parts = (around, face if person is not None else around)
    tones = [(picture * p[..., None]).mean((0, 1)) / p.mean() if p.mean() > LEAST_BACKGROUND else whole for p in parts]
    return np.stack(tones) / 255


def bring_to(picture: Picture, person: np.ndarray | None, own: np.ndarray, other: np.ndarray, way: float) -> Picture:
    """A picture (H, W, 3) float32 in [0, 1] of tones `own` some way to tones `other`, (2, 3) each.

    Two pictures have one tone where the one has gone as far as the other has still to go. Black stays black and white white.
    `person`, (H, W) in [0, 1], is toned as faces are; where it is None, all is as backgrounds are.
    """
    logs = [np.log(np.clip(tones, LEAST_TONE, 1 - LEAST_TONE)) for tones in (other, own)]
    around, within = (np.clip(logs[0] / logs[1], 1 / MOST**2, MOST**2) ** way).astype(np.float32)
    return np.power(picture.clip(0, 1), around if person is None else around + person[..., None] * (within - around))


def share_colours(
    pictures: tuple[Picture, Picture], people: tuple[np.ndarray, np.ndarray], where: Picture | float, share: Picture
) -> tuple[Picture, Picture]:
    """Both pictures, (H, W, 3) float32 in [0, 1], with colours that go over softly where finer things change over at a narrow front.

    Source: Burt and Adelson 1983, "A Multiresolution Spline with Application to Image Mosaics", section 2, with two bands.

    Args:
        pictures: in one shape.
        people: (H, W) in [0, 1], where both are: nothing else is changed or counts.
        where: (H, W, 1) in [0, 1], how much each place is changed.
        share: (H, W, 1) in [0, 1], the second picture's of the colours.
    """
    smooth = []
    for picture, person in zip(pictures, people, strict=True):
        both = soft_blur(np.dstack((picture * person[..., None], person)), COLOUR * max(person.shape))
        smooth.append(both[..., :3] / np.maximum(both[..., 3:], 1e-3))
    change = (people[0] * people[1])[..., None] * where * (smooth[1] - smooth[0])
    first, second = pictures[0] + share * change, pictures[1] - (1 - share) * change
    return first.clip(0, 1), second.clip(0, 1)

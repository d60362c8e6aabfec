"""Pictures brought to one tone all along a film, faces to faces and backgrounds to backgrounds, so that less of the change is left
for the moments when something changes over.
"""

from __future__ import annotations

import numpy as np

from core.implicit.methods.layers.face import Picture

# Brighter or darker by no more than this power half way: noise and blocks would show.
MOST = 1.35
LEAST_TONE = 0.02
# A background that is a smaller share of the frame says nothing of its tone.
LEAST_BACKGROUND = 0.03


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

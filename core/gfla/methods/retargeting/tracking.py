"""One person of a driving clip: followed from frame to frame, gaps bridged, its motion smoothed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.detect.body import Body
from core.errors import NothingFoundError
from core.gfla.methods.retargeting.framing import steadied
from core.gfla.paper import pose


@dataclass(frozen=True)
class TrackingSettings:
    """What tunes the method.

    Attributes:
        most_jump: a body that lies farther from where the person was, by the body's longer side, is somebody else.
        sigma_frames: deviation of the Gaussian over time that smooths the joints.
    """

    most_jump: float = 0.35
    sigma_frames: float = 1.5


SETTINGS = TrackingSettings()


def tracked(frames: Sequence[Sequence[Body]], start: Body | None = None) -> np.ndarray:
    """Keypoints (T, 18, 2) of one person, from the first frame on that shows anybody.

    In each frame it is who is nearest to where the person was. Joints that a frame does not show lie between those of the
    frames around it; a joint that no frame shows stays -1. Then all are smoothed by a Gaussian over time.

    Args:
        frames: everybody found in each frame, the largest first.
        start: whom to follow; the largest of the first frame that shows anybody by default.

    Raises:
        NothingFoundError: no frame shows anybody.
    """
    first = next((index for index, bodies in enumerate(frames) if bodies), None)
    if first is None:
        raise NothingFoundError("no person found in any frame of the driving clip: use a clip of one whole person")
    last = start or frames[first][0]
    found = []
    for bodies in frames[first:]:
        near = min(bodies, key=lambda body: jump(last, body), default=None)
        if near is None or jump(last, near) > SETTINGS.most_jump:
            found.append(np.full((18, 2), pose.MISSING))
            continue
        last = near
        found.append(near.points)
    return steadied(bridged(np.stack(found)), SETTINGS.sigma_frames)


def jump(before: Body, after: Body) -> float:
    """How far a body lies from where another was: mean distance of joints seen in both, by the longer side."""
    both = before.seen & after.seen
    if not both.any():
        return np.inf
    size = max(before.box.width, before.box.height, 1.0)
    return float(np.hypot(*(after.points[both] - before.points[both]).T).mean() / size)


def bridged(bodies: np.ndarray) -> np.ndarray:
    """A sequence (T, 18, 2) with missing joints put between the frames that show them, in time; ends are held."""
    out, time = bodies.copy(), np.arange(len(bodies))
    for joint in range(bodies.shape[1]):
        seen = pose.present(bodies[:, joint])
        if seen.any():
            for axis in (0, 1):
                out[:, joint, axis] = np.interp(time, time[seen], bodies[seen, joint, axis])
    return out

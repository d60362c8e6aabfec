"""How long a film takes here: from the seconds that earlier films of this tab took on this machine."""

from __future__ import annotations

from collections import deque
from statistics import median

REMEMBERED = 5
SHORT_S = 3.0
MINUTE_S = 90.0


class Pace:
    """Seconds per frame of a tab's films.

    Args:
        frame_s: what one frame takes, all preparing included, until the first film was made here.
    """

    def __init__(self, frame_s: float) -> None:
        self._first = frame_s
        self._frame_s: deque[float] = deque(maxlen=REMEMBERED)

    def add(self, seconds: float, frames: int) -> None:
        """A film was made."""
        self._frame_s.append(seconds / max(1, frames))

    def about(self, frames: int) -> str:
        """How long so many frames take, in words."""
        seconds = (median(self._frame_s) if self._frame_s else self._first) * frames
        return f"{frames} frames: {rounded(seconds)} here."


def rounded(seconds: float) -> str:
    """A time as exactly as it is known."""
    if seconds < SHORT_S:
        return "a few seconds"
    if seconds >= MINUTE_S:
        return f"about {round(seconds / 60)} minutes"
    step = 1 if seconds < 10 else 5
    return f"about {step * round(seconds / step)} s"

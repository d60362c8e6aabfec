"""Pictures between two frames, by the motion between them.

Source: dense inverse search, Kroeger et al. 2016, by OpenCV; occlusions where forward and backward flow disagree, Sundaram, Brox,
Keutzer 2010, equation 5; the flow at a time in between by fixed-point steps, as in Werlberger et al. 2011.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from core.errors import ShapeError


@dataclass(frozen=True)
class MotionSettings:
    """What tunes the motion.

    Attributes:
        steps: of the fixed point; it rests by then except at edges of what moves.
        slack_share: of the squared length of a flow that forward and backward may disagree by,
        slack_px2: and in squared pixels on top.
        soft_px2: over how many squared pixels more a place counts less and less.
        hidden: weight of a place that is hidden in a frame.
        least_known: share of places seen in both frames, below which the frames may be of two scenes,
        least_gain: and are, if the motion leaves more than this share of their difference.
        window_px: standard deviation of the neighbourhood in which a flow has to explain something.
        noise: variance of grey values that is noise.
        gain_from: share of a neighbourhood's difference that a flow explains, up to which it is not used,
        gain_to: and from which on it is.
        least_px: shorter side below which there is no flow.
    """

    steps: int = 4
    slack_share: float = 0.01
    slack_px2: float = 0.5
    soft_px2: float = 4.0
    hidden: float = 1e-3
    least_known: float = 0.6
    least_gain: float = 0.75
    window_px: float = 5.0
    noise: float = 4.0
    gain_from: float = 0.1
    gain_to: float = 0.4
    least_px: int = 24


SETTINGS = MotionSettings()


class Motion:
    """The motion between two frames (H, W, 3) uint8 of one size.

    Raises:
        ShapeError: frames of two sizes.
    """

    def __init__(self, first: np.ndarray, second: np.ndarray) -> None:
        if first.shape != second.shape:
            raise ShapeError(f"frames of {first.shape} and {second.shape}: all need one size")
        self.frames = [frame.astype(np.float32) for frame in (first, second)]
        grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (first, second)]
        height, width = grey[0].shape
        self.places = np.stack(np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)), -1)
        self.flows = [self._useful(_flow(*pair), *pair) for pair in (grey, grey[::-1])]
        self.seen = [self._agreement(*self.flows), self._agreement(*self.flows[::-1])]

    @property
    def is_one_scene(self) -> bool:
        """Whether enough is seen in both frames, or the motion at least explains their difference."""
        if min(float(seen.mean()) for seen in self.seen) > SETTINGS.least_known:
            return True
        first, second = self.frames
        moved = self._fetched(second, self.places + self.flows[0])
        return bool(np.abs(moved - first).mean() < SETTINGS.least_gain * np.abs(second - first).mean())

    def at(self, time: float) -> np.ndarray:
        """The picture (H, W, 3) uint8 at a time between 0 and 1; of two scenes, the nearer frame."""
        if not self.is_one_scene:
            return self.frames[round(time)].astype(np.uint8)
        total, weights = np.zeros_like(self.frames[0]), np.zeros_like(self.places[..., :1])
        # Each frame's own flow knows where what it shows went.
        for frame, seen, flow, along in zip(self.frames, self.seen, self.flows, (time, 1 - time), strict=True):
            way = along * flow
            for _ in range(SETTINGS.steps):
                way = along * self._fetched(flow, self.places - way)
            source = self.places - way
            weight = (1 - along) * np.maximum(self._fetched(seen, source), SETTINGS.hidden)[..., None]
            total += weight * self._fetched(frame, source, cv2.INTER_CUBIC)
            weights += weight
        return (total / np.maximum(weights, 1e-9)).clip(0, 255).round().astype(np.uint8)

    def _useful(self, flow: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """The flow where it explains more of what differs than standing still does, whatever the light does; 0 elsewhere."""
        sigma = SETTINGS.window_px
        here, there = (
            grey - cv2.GaussianBlur(grey, (0, 0), sigma) for grey in (x.astype(np.float32) for x in (first, second))
        )
        still, moved = (
            cv2.GaussianBlur((here - other) ** 2, (0, 0), sigma)
            for other in (there, self._fetched(there, self.places + flow))
        )
        gain = (still - moved) / (still + SETTINGS.noise)
        share = ((gain - SETTINGS.gain_from) / (SETTINGS.gain_to - SETTINGS.gain_from)).clip(0, 1)
        return flow * share[..., None]

    def _agreement(self, there: np.ndarray, back: np.ndarray) -> np.ndarray:
        """(H, W) in [0, 1]: 1 where a place is found again in the other frame and leads back."""
        returned = self._fetched(back, self.places + there)
        error = ((there + returned) ** 2).sum(-1)
        slack = SETTINGS.slack_share * ((there**2).sum(-1) + (returned**2).sum(-1)) + SETTINGS.slack_px2
        return (1 - (error - slack) / SETTINGS.soft_px2).clip(0, 1).astype(np.float32)

    @staticmethod
    def _fetched(values: np.ndarray, places: np.ndarray, how: int = cv2.INTER_LINEAR) -> np.ndarray:
        return cv2.remap(values, places, None, how, borderMode=cv2.BORDER_REPLICATE)


def _flow(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(H, W, 2) float32: where each pixel of the first grey frame lies in the second, less where it is."""
    if min(first.shape) < SETTINGS.least_px:
        return np.zeros((*first.shape, 2), np.float32)
    return cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(first, second, None)


def pictures_between(first: np.ndarray, second: np.ndarray, factor: int) -> Iterator[np.ndarray]:
    """The `factor` - 1 pictures at even times between two frames (H, W, 3) uint8."""
    motion = Motion(first, second)
    for step in range(1, factor):
        yield motion.at(step / factor)

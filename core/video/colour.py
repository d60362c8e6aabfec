"""How a decoded frame becomes sRGB: matrix, range, and tone mapping of HDR.

Sources: ITU-R BT.601, BT.709 and BT.2020 (matrices), BT.2100 (PQ and HLG), BT.2408 (reference white at 203 cd/m2).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import av
import numpy as np

# FFmpeg's numbers (ITU-T H.273) for what a frame is tagged with.
RGB, UNSPECIFIED = 0, 2
PQ, HLG = 16, 18
BT2020_PRIMARIES = 9
_MATRICES = {1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020", 10: "bt2020"}
FULL_RANGE = 2
# Untagged material of at least this size is HD, and HD is BT.709.
HD_WIDTH_PX, HD_HEIGHT_PX = 1280, 720

WHITE_NITS = 203.0
HLG_PEAK_NITS, HLG_GAMMA = 1000.0, 1.2
# Light up to this share of white is shown as it is, brighter light is rolled off above it.
KNEE = 0.7
_TO_709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], dtype=np.float32
)


@dataclass(frozen=True)
class ColourTags:
    """What a frame says about its colours, by FFmpeg's numbers; 2 is "unspecified", except that a range of 2 is full."""

    matrix: int
    range: int
    transfer: int
    primaries: int

    @classmethod
    def of(cls, frame: av.VideoFrame) -> ColourTags:
        """The tags of a decoded frame; pixel formats named yuvj are of full range."""
        full = FULL_RANGE if frame.format.name.startswith("yuvj") else int(frame.color_range)
        return cls(int(frame.colorspace), full, int(frame.color_trc), int(frame.color_primaries))

    @property
    def is_hdr(self) -> bool:
        """PQ or HLG."""
        return self.transfer in (PQ, HLG)

    def scale_options(self, width: int, height: int) -> str:
        """Options of FFmpeg's scale filter that read these colours; untagged HD is BT.709, untagged SD BT.601."""
        hd = width >= HD_WIDTH_PX or height >= HD_HEIGHT_PX
        matrix = _MATRICES.get(self.matrix, "bt709" if hd else "smpte170m")
        return f"in_color_matrix={matrix}:in_range={'full' if self.range == FULL_RANGE else 'limited'}"


def tone_mapped(codes: np.ndarray, tags: ColourTags) -> np.ndarray:
    """An HDR picture as sRGB.

    Args:
        codes: (H, W, 3) uint16 of full range, PQ or HLG, usually of BT.2020.
        tags: says which.

    Returns:
        (H, W, 3) uint8. Reference white (203 cd/m2) comes out near 0.9 of linear full scale, brighter light rolls off.
    """
    light = _linear_curve(tags.transfer)[codes]
    if tags.transfer == HLG:
        luminance = light @ np.array([0.2627, 0.6780, 0.0593], np.float32)
        light = light * (HLG_PEAK_NITS / WHITE_NITS) * (luminance ** (HLG_GAMMA - 1))[..., None]
    if tags.primaries == BT2020_PRIMARIES:
        light = light @ _TO_709.T
    light = np.maximum(light, 0)
    strongest = light.max(-1, keepdims=True)
    over = np.maximum(strongest - KNEE, 0) / (1 - KNEE)
    wanted = np.where(strongest > KNEE, KNEE + (1 - KNEE) * (1 - np.exp(-over)), strongest)
    light = light * (wanted / np.maximum(strongest, 1e-6))
    return _srgb_curve()[(light * 65535 + 0.5).astype(np.uint16)]


@cache
def _linear_curve(transfer: int) -> np.ndarray:
    """Codes 0 to 65535 as light: PQ in units of reference white, HLG as scene light in [0, 1]. BT.2100, tables 4 and 5."""
    code = np.linspace(0, 1, 65536)
    if transfer == PQ:
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
        power = code ** (1 / m2)
        light = 10000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1) / WHITE_NITS
    else:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
    return light.astype(np.float32)


@cache
def _srgb_curve() -> np.ndarray:
    """Linear light 0 to 65535 as sRGB bytes. IEC 61966-2-1."""
    light = np.linspace(0, 1, 65536)
    code = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return (code * 255 + 0.5).astype(np.uint8)

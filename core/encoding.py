"""How a video is encoded: codec, quality, bit depth. No video library is imported here, so that `--help` is quick."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import OptionError, unknown_name
from core.options import option

CONTAINERS = ("mp4", "webm", "mov")
CODECS = ("auto", "h264", "h265", "av1", "vp9", "prores")
_FITS = {"mp4": ("h264", "h265", "av1", "vp9"), "webm": ("vp9", "av1"), "mov": ("prores", "h264", "h265")}

# Whose HDR players know.
_DEEP = ("h265", "av1", "prores")


@dataclass(frozen=True)
class Encoding:
    """How an mp4, webm or mov is encoded."""

    codec: str = option("auto", "video codec; auto is H.264 in mp4, VP9 in webm, ProRes in mov", choices=CODECS)
    quality: int = option(
        18, "constant rate factor on x264's scale, lower is better and larger", low=0, high=40, step=1
    )
    ten_bit: bool = option(False, "10 bits per colour, smoother skies; some players cannot show it")
    keep_hdr: bool = option(
        False, "a clip in HDR (PQ, HLG) stays HDR with 10 bits, in h265, av1 or prores; else it is tone-mapped"
    )

    def checked(self, container: str) -> Encoding:
        """With the container's own codec in place of auto.

        Raises:
            OptionError: a codec that this container does not hold.
        """
        if container not in CONTAINERS:
            return self
        fits = _FITS[container]
        codec = fits[0] if self.codec == "auto" else self.codec
        if self.keep_hdr and self.codec == "auto":
            codec = next(name for name in fits if name in _DEEP)
        if codec not in fits:
            raise unknown_name(f"codec for .{container}", self.codec, fits)
        if self.ten_bit and codec == "vp9":
            raise OptionError("vp9 is written with 8 bits, 10 bits were asked for: use h264, h265, av1 or prores")
        if self.keep_hdr and codec not in _DEEP and codec in fits:
            raise OptionError(f"HDR is kept in {', '.join(_DEEP)}, {codec} was asked for: choose one of these, or auto")
        return Encoding(codec, self.quality, self.ten_bit or self.keep_hdr, self.keep_hdr)

    @property
    def suffix(self) -> str:
        """Of the file that holds this codec and that a browser plays, where one does."""
        return next((f".{kind}" for kind in CONTAINERS if self.codec == _FITS[kind][0]), ".mp4")

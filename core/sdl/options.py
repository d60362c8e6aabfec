"""What a transition and a video can be told. No network is imported here, so that `--help` is quick."""

from __future__ import annotations

from dataclasses import dataclass

from core.options import option

ORIGINAL_TASKS = ("vfi", "vfi-dir", "morphing", "i2i", "style_transfer")
LOOKS = ("comic", "flat")
MONTAGES = ("none", "beside", "wipe")
LAYOUTS = ("vimeo90k", "ucf101", "middlebury", "clips")


@dataclass(frozen=True)
class SDLOptions:
    """How a transition is computed."""

    max_side_px: int = option(1024, "larger pictures are reduced to this longer side", low=64, high=4096, step=32)
    square_px: int = option(
        0, "squeeze to a square of this side, as the original does; 0 keeps the shape", low=0, high=1024
    )
    exact_ends: bool = option(True, "show the given pictures themselves at the ends of t")
    keep_size: bool = option(True, "face ageing: keep the photo's own size, whatever the longer side says")
    look: str = option("comic", "toon: comic with ink, or flat like a poster", choices=LOOKS)
    colour: float = option(1.0, "style: strength of its colours; 0 keeps the content's", low=0, high=1)
    texture: float = option(1.0, "style: strength of its brush strokes; 0 leaves broad areas", low=0, high=1)
    strokes: float = option(1.0, "style: size of its brush strokes, by the painter's own", low=0.5, high=3, step=0.25)
    clean: bool = option(
        True, "style: take the painter's own pattern out of smooth areas, and colours that the style lacks"
    )
    protect_faces: bool = option(False, "style: paint faces more faintly")
    tile_px: int = option(0, "side of the tiles of large pictures; 0 chooses it by memory", low=0, high=4096, step=64)


@dataclass(frozen=True)
class RateOptions:
    """How a video's frames are multiplied."""

    factor: int = option(2, "frames in the result for each frame of the video", low=2, high=16, step=1)
    slow_motion: bool = option(False, "keep the frame rate, so that the video lasts factor times as long")
    cut_sensitivity: float = option(
        0.5, "0 blends over every cut, 1 takes many changes for cuts", low=0, high=1, step=0.05
    )
    max_side_px: int = option(1280, "larger videos are reduced to this longer side", low=64, high=4096, step=32)
    target_fps: float = option(
        0.0,
        "frames per second of the result in place of the factor, such as 60 or 59.94; 0 goes by the factor",
        low=0,
        high=240,
    )
    duration_s: float = option(
        0.0, "seconds that the result lasts, as slow motion at the clip's rate; 0 goes by the factor", low=0, high=86400
    )
    doubled: bool = option(True, "frames shown twice (telecine, animation on twos) count as one, and motion is spread")
    start_s: float = option(0.0, "second at which the part begins", low=0, high=86400)
    end_s: float = option(0.0, "second at which the part ends; 0 is the clip's end", low=0, high=86400)
    montage: str = option(
        "none", "a second video that compares source and result: beside each other, or a wipe from one to the other",
        choices=MONTAGES,
    )  # fmt: skip
    background: str = option(
        "white",
        "colour under clear parts where the format keeps none clear",
        choices=("white", "black", "grey", "green"),
    )

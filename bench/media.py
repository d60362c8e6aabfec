"""Media as people have it: colours, time, shape and memory of pictures and clips on their way through (needs ../shared/real).

Bars, clocks and the long clip are generated, so their right answers are known; the rest is what people brought.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import cv2
import imageio_ffmpeg
import numpy as np
from PIL import Image

from bench import Row
from core.errors import MorphospaceError
from core.image import read_image
from core.sdl.methods.video_rate.conversion import convert_video
from core.sdl.methods.video_rate.retouch import Retouch
from core.sdl.options import RateOptions, SDLOptions
from core.sdl.pipeline import SDLPipeline
from core.video import TimedFrame, read_video, write_video

REAL = Path(__file__).resolve().parents[2] / "shared" / "real"
BARS = ((255, 255, 255), (255, 255, 0), (0, 255, 255), (0, 255, 0), (255, 0, 255), (255, 0, 0), (0, 0, 255), (0, 0, 0))
SKIN = ((224, 172, 105), (141, 85, 36))
# Luma weights of red and blue. Source: ITU-R BT.601 and BT.709.
LUMA = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722)}
SMALL_PX = 128  # longer side of clips whose times alone are measured
PROFILES = ("made_01_display_p3.jpg", "made_03_prophoto.png")
REFERENCE = "made_00_reference_srgb.png"
SHARP_CLIPS = {
    "01_person_jumping_50fps_audio.mp4": 40, "08_PHONE_PORTRAIT_rot90_data_tracks.mov": 40,
    "10_ANAMORPHIC_sar15_16.mp4": 60, "11_video_starts_0.85s_after_audio.mp4": 60,
    "22_cartoon_webm_cuts.webm": 200, "25_talking_portrait_720x1080.mp4": 20,
}  # fmt: skip
LONG_S, LONG_FPS, LONG_SIZE = 600, 10, (64, 48)
FORMATS = ("mp4", "webm", "mov", "gif", "webp", "png", "zip")


def rows() -> list[Row]:
    """Measure; what needs the pictures and clips of others says so where they are not here."""
    answer = [*bars(), *memory()]
    if not REAL.is_dir():
        return [*answer, Row("pictures and clips of others", "as stated", f"skipped: no {REAL}")]
    return [*profiles(), *answer, *durations(), *flash(), *sharpness(), *awkward()]


def profiles() -> list[Row]:
    """The same picture under several ICC profiles."""
    wanted = np.asarray(read_image(REAL / "awkward" / REFERENCE).picture).astype(int)
    errors = {
        name: float(np.abs(np.asarray(read_image(REAL / "awkward" / name).picture).astype(int) - wanted).mean())
        for name in PROFILES
    }
    told = ", ".join(f"{name} {error:.2f}" for name, error in errors.items())
    return [
        Row("ICC variants against the sRGB reference, mean error", "<= 1.5 of 255", told, max(errors.values()) <= 1.5)
    ]


def decoded_as_browsers_do(path: Path) -> np.ndarray:
    """The middle frame (H, W, 3) in [0, 255], by the matrix and range that the file states, in floating point as shaders do."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    frame = frames[len(frames) // 2]
    wide, weights = int(frame.color_range) == 2, LUMA["bt709" if int(frame.colorspace) == 1 else "bt601"]
    luma, *chroma = frame.reformat(format="yuv444p").to_ndarray().astype(np.float64)
    y = luma / 255 if wide else (luma - 16) / 219
    blue, red = (2 * (plane - 128) / (255 if wide else 224) for plane in chroma)
    r, b = y + (1 - weights[0]) * red, y + (1 - weights[1]) * blue
    return 255 * np.stack([r, (y - weights[0] * r - weights[1] * b) / (1 - sum(weights)), b], -1).clip(0, 1)


def bars() -> list[Row]:
    """Colour bars through read, 2x rate, write, and a decoder that follows the tags."""
    pipe, worst = SDLPipeline.from_record("sdl-vfi"), {}
    colours = np.array([*BARS, *SKIN], np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        for matrix, size in (("bt601", (320, 240)), ("bt709", (1280, 720))):
            for tagged, wide in ((True, False), (False, False), (True, True)):
                path = Path(folder) / "bars.mp4"
                name = f"{matrix[2:]} {'tagged' if tagged else 'untagged'}{' full range' if wide else ''}"
                _write_bars(path, colours, size, matrix, tagged, wide)
                convert_video(pipe, path, out := Path(folder) / "out.mp4")
                worst[name] = _off(decoded_as_browsers_do(out), colours)
    told = ", ".join(f"{name} {error:.1f}" for name, error in worst.items())
    return [
        Row(
            "colour bars and skin: read, 2x, write, decoded by the tags, worst",
            "<= 3 of 255",
            told,
            max(worst.values()) <= 3,
        )
    ]


def _write_bars(path: Path, colours: np.ndarray, size: tuple[int, int], matrix: str, tagged: bool, wide: bool) -> None:
    """Lossless, and converted here: no filter's rounding is taken for ours."""
    stripe, (kr, kb) = size[0] // len(colours), LUMA[matrix]
    shape = f"{stripe * len(colours)}x{size[1]}"
    r, _, b = (colours / 255).T
    y = (colours / 255) @ np.array([kr, 1 - kr - kb, kb])
    luma = 255 * y if wide else 16 + 219 * y
    chroma = (128 + (255 if wide else 224) * (part - y) / (2 - 2 * k) for part, k in ((b, kb), (r, kr)))
    planes = np.rint(np.stack([luma, *chroma])).clip(0, 255).astype(np.uint8)
    picture = np.repeat(planes[:, None], size[1], 1).repeat(stripe, 2)
    number, spread = "smpte170m" if matrix == "bt601" else "bt709", "pc" if wide else "tv"
    said = f"setparams=range={spread}:colorspace={number}:color_primaries={number}:color_trc={number}"
    # Without tags, as many recorders leave them.
    metadata = "h264_metadata=colour_primaries=2:transfer_characteristics=2:matrix_coefficients=2"
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "yuv444p",
         "-s", shape, "-r", "10", "-i", "-", "-c:v", "libx264", "-qp", "0", "-vf", said,
         *([] if tagged else ["-bsf:v", metadata]), str(path)],
        input=picture.tobytes() * 4, check=True,
    )  # fmt: skip


def _off(shown: np.ndarray, colours: np.ndarray) -> float:
    stripe = shown.shape[1] // len(colours)
    rows = slice(shown.shape[0] // 4, shown.shape[0] * 3 // 4)
    found = [
        shown[rows, (i * stripe + stripe // 4) : (i * stripe + stripe * 3 // 4)].reshape(-1, 3).mean(0)
        for i in range(len(colours))
    ]
    return float(np.abs(np.array(found) - colours).max())


def durations() -> list[Row]:
    """Every clip that has frames, doubled at small size: as long as it came."""
    pipe, off, refused = SDLPipeline.from_record("sdl-vfi"), {}, []
    options = RateOptions(max_side_px=SMALL_PX, end_s=1.5)
    with tempfile.TemporaryDirectory() as folder:
        for file in sorted((REAL / "video").iterdir()):
            if file.suffix == ".png":
                continue
            try:
                clip = read_video(file)
                out = Path(folder) / "out.mp4"
                convert_video(pipe, file, out, options)
                off[file.name] = abs(read_video(out).duration_s - min(1.5, clip.duration_s)) * clip.fps
            except MorphospaceError as error:
                refused.append(f"{file.name}: {error}")
    worst = max(off, key=lambda name: off[name])
    return [
        Row(f"duration of {len(off)} clips after doubling (their first 1.5 s)", "within one frame",
            f"worst {off[worst]:.2f} frames ({worst}); refused in a sentence: {len(refused)}", off[worst] <= 1)
    ]  # fmt: skip


def flash() -> list[Row]:
    """Flash and beep of the made sync clip, before and after."""
    file, moved = REAL / "video" / "made_15_sync_video_starts_half_second_late.mp4", []
    pipe = SDLPipeline.from_record("sdl-vfi")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.mp4"
        convert_video(pipe, file, out, RateOptions(max_side_px=64))
        for path in (file, out):
            seen, heard = _flash_s(path), _beep_s(path)
            moved.append(seen - heard)
    return [
        Row("flash to beep after doubling, against the source", "within 20 ms",
            f"{1000 * (moved[1] - moved[0]):.0f} ms (source {1000 * moved[0]:.0f} ms)", abs(moved[1] - moved[0]) <= 0.02)
    ]  # fmt: skip


def _flash_s(path: Path) -> float:
    frames = [
        (float(f.start_s), float(np.asarray(f.picture.convert("L")).mean())) for f in read_video(path).timed_frames()
    ]
    level = (max(v for _, v in frames) + statistics.median(v for _, v in frames)) / 2
    # The second flash: the first picture of a result is shown from the start, and here that is a flash.
    onsets = [start for (_, before), (start, value) in zip(frames, frames[1:], strict=False) if before <= level < value]
    return onsets[0]


def _beep_s(path: Path) -> float:
    sound = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path), "-af", "aresample=async=1:first_pts=0", "-ac", "1",
         "-ar", "16000", "-f", "f32le", "-"], capture_output=True, check=True,
    ).stdout  # fmt: skip
    samples = np.abs(np.frombuffer(sound, np.float32))
    loud = np.flatnonzero(samples > samples.max() / 2) / 16000
    # The beep that belongs to the second flash follows the first pause.
    return float(loud[1:][np.diff(loud) > 0.3][0])


def sharpness() -> list[Row]:
    """Variance of the Laplacian of new frames by that of their neighbours."""
    pipe, found = SDLPipeline.from_record("sdl-vfi"), {}
    for name, start in SHARP_CLIPS.items():
        frames = [
            frame.resize((480, max(2, round(480 * frame.height / frame.width))), Image.Resampling.LANCZOS)
            for frame in islice(read_video(REAL / "video" / name).frames(), start, start + 4)
        ]
        shares = []
        for first, last in zip(frames, frames[2:], strict=False):
            ((made,),) = pipe.in_betweens([(first, last)], (0.5,), SDLOptions())
            between = _laplacian(Retouch(first, last).apply(made, 0.5))
            shares.append(between / ((_laplacian(first) + _laplacian(last)) / 2))
        found[name] = statistics.fmean(shares)
    told = ", ".join(f"{name[:2]}: {share:.2f}" for name, share in found.items())
    return [
        Row(
            "sharpness of new frames by that of their neighbours, 6 real clips",
            ">= 0.95 each",
            told,
            min(found.values()) >= 0.95,
        )
    ]


def _laplacian(picture: Image.Image) -> float:
    return float(cv2.Laplacian(np.asarray(picture.convert("L")), cv2.CV_64F).var())


def long_clip() -> Iterator[TimedFrame]:
    """Ten minutes of a square on a gradient, small."""
    width, height = LONG_SIZE
    ground = np.repeat(np.linspace(0, 255, width, dtype=np.uint8)[None, :, None], height, 0).repeat(3, 2)
    for index in range(LONG_S * LONG_FPS):
        frame = ground.copy()
        at = index % (width - 8)
        frame[10:18, at : at + 8] = (255, 40, index % 256)
        yield TimedFrame(Image.fromarray(frame), Fraction(index, LONG_FPS), Fraction(index + 1, LONG_FPS))


def memory() -> list[Row]:
    """What a process holds while it writes a tenth of the clip and the whole of it, in every format."""
    grown = {}
    for kind in FORMATS:
        tenth, whole = (_held_mb(kind, share) for share in (10, 1))
        grown[kind] = whole - tenth
    told = ", ".join(f"{kind} {more:+.0f}" for kind, more in grown.items())
    return [
        Row(f"memory: {LONG_S // 60} minutes written ({LONG_S * LONG_FPS} frames of {LONG_SIZE[0]} x {LONG_SIZE[1]}) beyond one minute, MB",
            "flat (< 32)", told, max(grown.values()) < 32)
    ]  # fmt: skip


def _held_mb(kind: str, part: int) -> float:
    code = f"from bench.media import hold; hold({kind!r}, {part})"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return float(answer.split()[-1])


def hold(kind: str, part: int) -> None:
    """Write a part of the long clip and read it back as a clip where it is one; prints the most memory held, in MB."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"long.{kind}"
        write_video(islice(long_clip(), LONG_S * LONG_FPS // part), path, LONG_FPS)
    # Of this process alone: what getrusage tells begins with the memory of the one that started it.
    status = Path("/proc/self/status").read_text()
    print(int(status.partition("VmHWM:")[2].split()[0]) / 1024)


def awkward() -> list[Row]:
    """Every awkward file: read, or refused with a sentence."""
    read, refused, broken = 0, [], []
    for file in sorted((REAL / "awkward").iterdir()):
        if file.is_dir():
            continue
        try:
            read_image(file)
            read += 1
        except MorphospaceError as error:
            refused.append(str(error))
        except Exception as error:
            broken.append(f"{file.name}: {type(error).__name__}")
    return [
        Row("awkward pictures: right, or refused with a sentence", "0 tracebacks",
            f"{read} read, {len(refused)} refused, {len(broken)} tracebacks {'; '.join(broken)}", not broken)
    ]  # fmt: skip

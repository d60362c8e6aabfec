"""Videos: length, sound, cuts, streaming."""

import subprocess
import weakref

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from core.errors import CancelledError, InputError
from core.sdl.methods.video_rate.conversion import RateReport, convert_video, is_cut, multiplied
from core.sdl.options import RateOptions
from core.sdl.pipeline import SDLPipeline
from core.video import read_video
from tests.sdl.conftest import textured, tiny


@pytest.fixture(scope="module")
def pipe():
    return SDLPipeline(tiny(num_in_ch=6, output="motion", reduction=2, work_px=64, matching="landmarks"), "interpolate")


def panned(count, width=64, height=48, seed=0):
    whole = np.asarray(textured(width + 4 * count, height, seed))
    return [Image.fromarray(np.ascontiguousarray(whole[:, 4 * i : 4 * i + width])) for i in range(count)]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Half a second of motion with a tone."""
    path = tmp_path_factory.mktemp("clip") / "tone.mp4"
    source = path.with_suffix(".raw")
    source.write_bytes(b"".join(frame.tobytes() for frame in panned(8)))
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "64x48"]
    command += ["-r", "16", "-i", str(source), "-f", "lavfi", "-i", "sine=frequency=440:duration=0.5"]
    subprocess.run([*command, "-c:v", "libx264", "-c:a", "aac", "-shortest", str(path)], check=True)
    return path


def seconds_of_sound(path):
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-v",
        "error",
        "-i",
        str(path),
        "-f",
        "s16le",
        "-ac",
        "1",
        "-ar",
        "8000",
    ]
    return len(subprocess.run([*command, "-"], capture_output=True, check=True).stdout) / 16000


def test_doubling_keeps_length_and_sound(pipe, clip, tmp_path):
    report = convert_video(pipe, clip, tmp_path / "double.mp4", RateOptions(factor=2))
    made = read_video(tmp_path / "double.mp4")
    assert (report.frames_in, report.frames_out, report.cuts) == (8, 16, [])
    assert made.fps == pytest.approx(32) and len(list(made.frames())) == 16 and made.has_audio
    assert seconds_of_sound(tmp_path / "double.mp4") == pytest.approx(0.5, abs=0.1)


def test_slow_motion_stretches_the_sound(pipe, clip, tmp_path):
    convert_video(pipe, clip, tmp_path / "slow.mp4", RateOptions(factor=4, slow_motion=True))
    made = read_video(tmp_path / "slow.mp4")
    assert made.fps == pytest.approx(16) and len(list(made.frames())) == 32 and made.has_audio
    assert seconds_of_sound(tmp_path / "slow.mp4") == pytest.approx(2.0, abs=0.25)


def test_given_frames_come_through_untouched(pipe):
    frames = panned(4)
    made = list(multiplied(pipe, frames, RateOptions(factor=3), RateReport()))
    assert len(made) == 12
    for index, frame in enumerate(frames):
        assert made[3 * index].tobytes() == frame.tobytes()
    assert made[-1].tobytes() == frames[-1].tobytes()


def test_a_cut_is_not_blended(pipe):
    night = Image.fromarray((np.asarray(textured(64, 48, 9)) // 5).astype(np.uint8))
    frames = [*panned(2), night, night]
    report = RateReport()
    made = list(multiplied(pipe, frames, RateOptions(factor=4), report))
    assert report.cuts == [2] and report.repeats == 1
    known = {frame.tobytes() for frame in frames}
    assert all(frame.tobytes() in known for frame in made[4:]), "across the cut only given frames are shown"
    assert made[3].tobytes() not in known, "before it new ones are"


def test_motion_is_no_cut():
    frames = panned(6)
    assert not any(is_cut(a, b, 0.5) for a, b in zip(frames, frames[1:], strict=False))
    assert is_cut(frames[0], Image.new("RGB", frames[0].size, "black"), 0.5)
    assert not is_cut(frames[0], Image.new("RGB", frames[0].size, "black"), 0.0)


def test_frames_are_let_go(pipe):
    given, peak = [], 0

    def source():
        for frame in panned(12):
            handed = frame.copy()
            given.append(weakref.ref(handed))
            yield handed

    for _ in multiplied(pipe, source(), RateOptions(factor=2), RateReport()):
        peak = max(peak, sum(frame() is not None for frame in given))
    assert peak <= 3, f"{peak} of 12 frames were held at once"


def test_cancel_leaves_no_file(pipe, clip, tmp_path):
    def stop(fraction, text=""):
        if fraction > 0.3:
            raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        convert_video(pipe, clip, tmp_path / "out.mp4", progress=stop)
    assert not list(tmp_path.iterdir())


def test_no_video_is_told(pipe, tmp_path):
    (tmp_path / "x.mp4").write_text("no video")
    with pytest.raises(InputError, match="not a video"):
        convert_video(pipe, tmp_path / "x.mp4", tmp_path / "y.mp4")


def test_a_lent_gpu_gets_several_pairs_at_once(pipe, monkeypatch):
    frames, asked = panned(12), []
    at_home = [np.asarray(frame) for frame in multiplied(pipe, frames, RateOptions(factor=3), RateReport())]
    inner = SDLPipeline.in_betweens

    def counted(self, pairs, t, options):
        asked.append(len(pairs))
        return inner(self, pairs, t, options)

    monkeypatch.setattr(SDLPipeline, "in_betweens", counted)
    monkeypatch.setattr(SDLPipeline, "gpu_is_lent", True)
    report = RateReport()
    lent = [np.asarray(frame) for frame in multiplied(pipe, iter(frames), RateOptions(factor=3), report)]
    assert asked == [8, 3] and report.frames_in == 12 and report.frames_out == len(lent) == 36
    assert all(np.array_equal(a, b) for a, b in zip(at_home, lent, strict=True))

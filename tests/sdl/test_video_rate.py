"""Videos: length, sound, cuts, streaming."""

import subprocess
import weakref
from dataclasses import replace
from fractions import Fraction

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from core.errors import CancelledError, InputError
from core.sdl.methods.video_rate.conversion import convert_video, converted, part_of_clip
from core.sdl.methods.video_rate.retouch import Retouch
from core.sdl.methods.video_rate.scenes import is_cut
from core.sdl.methods.video_rate.schedule import RateReport
from core.sdl.options import RateOptions
from core.sdl.pipeline import SDLPipeline
from core.video import TimedFrame, read_video, write_video
from tests.sdl.conftest import FORMS, textured, tiny

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pipe():
    return SDLPipeline(tiny(**FORMS["direct-pair"]), "interpolate")


@pytest.fixture(scope="module")
def moving_pipe():
    """A network that moves what it was given; the plain one paints anew, and its weights are stirred."""
    return SDLPipeline(tiny(**FORMS["landmarks"]), "interpolate")


def panned(count, width=64, height=48, seed=0):
    whole = np.asarray(textured(width + 4 * count, height, seed))
    return [Image.fromarray(np.ascontiguousarray(whole[:, 4 * i : 4 * i + width])) for i in range(count)]


def timed(frames, times=None):
    """Frames with their times in seconds, 25 per second if none are given."""
    times = [Fraction(t).limit_denominator(1000) for t in times] if times else None
    for index, frame in enumerate(frames):
        start, end = times[index : index + 2] if times else (Fraction(index, 25), Fraction(index + 1, 25))
        yield TimedFrame(frame, start, end)


def multiplied(pipe, frames, options, report):
    """The pictures alone."""
    return (frame.picture for frame in converted(pipe, timed(frames), options, report))


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
    at_home = [np.asarray(frame) for frame in multiplied(pipe, frames, RateOptions(factor=2), RateReport())]
    inner = SDLPipeline.in_betweens

    def counted(self, pairs, t, options):
        asked.append(len(pairs))
        return inner(self, pairs, t, options)

    monkeypatch.setattr(SDLPipeline, "in_betweens", counted)
    monkeypatch.setattr(SDLPipeline, "gpu_is_lent", True)
    report = RateReport()
    lent = [np.asarray(frame) for frame in multiplied(pipe, iter(frames), RateOptions(factor=2), report)]
    assert asked == [8, 3] and report.frames_in == 12 and report.frames_out == len(lent) == 24
    assert all(np.array_equal(a, b) for a, b in zip(at_home, lent, strict=True))


def test_a_variable_rate_keeps_its_length(pipe):
    times = [0, 0.04, 0.12, 0.16, 0.24]
    made = list(converted(pipe, timed(panned(4), times), RateOptions(factor=2), RateReport()))
    assert [float(frame.start_s) for frame in made] == pytest.approx([0, 0.02, 0.04, 0.08, 0.12, 0.14, 0.16, 0.20])
    assert float(made[-1].end_s) == pytest.approx(0.24)


@pytest.mark.parametrize(
    ("wanted", "rate"), [(60.0, Fraction(60)), (59.94, Fraction(60000, 1001)), (10.0, Fraction(10))]
)
def test_a_target_rate_is_met_exactly(pipe, clip, tmp_path, wanted, rate):
    convert_video(pipe, clip, tmp_path / "a.mp4", RateOptions(target_fps=wanted))
    made = read_video(tmp_path / "a.mp4")
    assert made.rate == rate and not made.variable and made.duration_s == pytest.approx(0.5, abs=1 / float(rate))


def test_motion_is_spread_over_doubled_frames_but_not_over_a_still(pipe):
    moving = panned(3)
    rng = np.random.default_rng(0)
    noisy = [
        Image.fromarray((np.asarray(f) + rng.integers(-2, 3, (48, 64, 3))).clip(0, 255).astype(np.uint8))
        for f in moving
    ]
    report = RateReport()
    made = list(multiplied(pipe, [x for pair in zip(moving, noisy, strict=True) for x in pair], RateOptions(), report))
    assert report.doubled == 2 and len(made) == 12
    # Four places per doubled frame: only the first is a frame of the clip, the others are new.
    assert [frame.tobytes() in {f.tobytes() for f in moving} for frame in made[:5]] == [True, False, False, False, True]
    report = RateReport()
    still = list(multiplied(pipe, [moving[0]] * 6 + [moving[1]], RateOptions(), report))
    assert report.doubled == 0 and all(frame.tobytes() == moving[0].tobytes() for frame in still[:11])
    off = RateReport()
    list(multiplied(pipe, [moving[0], noisy[0], moving[1]], RateOptions(doubled=False), off))
    assert off.doubled == 0


def test_a_flash_is_one_event(pipe):
    wide = textured(12, 8).resize((96, 64), Image.Resampling.BICUBIC)
    frames = [wide.crop((2 * index, 0, 64 + 2 * index, 48)) for index in range(5)]
    frames[2] = Image.new("RGB", frames[0].size, "white")
    report = RateReport()
    list(multiplied(pipe, frames, RateOptions(), report))
    assert report.flashes == [2] and report.cuts == []


def test_a_flash_begins_and_ends_when_the_clip_says(pipe):
    frames = panned(6)
    frames[2] = frames[3] = Image.new("RGB", frames[0].size, "white")
    made = list(multiplied(pipe, frames, RateOptions(), RateReport()))
    assert [index for index, frame in enumerate(made) if np.asarray(frame).min() > 250] == [4, 5, 6, 7]


def test_captions_stand_still_to_the_bit(pipe):
    frames = panned(2)
    for frame in frames:
        frame.paste((255, 255, 0), (0, 30, 64, 48))
    new = list(multiplied(pipe, frames, RateOptions(), RateReport()))[1]
    assert np.array_equal(np.asarray(new)[40:], np.asarray(frames[0])[40:])


def test_a_clear_logo_stands_still_before_what_moves():
    ground = np.asarray(textured(40, 32, 3).resize((160, 128), Image.Resampling.BICUBIC)).astype(np.float32)
    logo = np.zeros((128, 128, 1), np.float32)
    logo[40:80, 60:100:8] = logo[40:80, 61:100:8] = 0.6

    def shown(shift, logo):
        return (1 - logo) * ground[:128, shift : shift + 128] + 255 * logo

    def picture(levels):
        return Image.fromarray(levels.round().astype(np.uint8))

    first, truth, second = (shown(shift, logo) for shift in (0, 6, 12))
    # The motion of what is behind takes the logo along, from either frame.
    made = (shown(6, np.roll(logo, -6, 1)) + shown(6, np.roll(logo, 6, 1))) / 2
    new = np.asarray(Retouch(picture(first), picture(second)).apply(picture(made), 0.5))
    part = np.s_[44:76, 64:96]
    before, after = (float(np.abs(frame[part] - truth[part]).mean()) for frame in (made, new))
    assert after < before / 2
    # Without a logo nothing stands, and nothing is blended.
    bare = [picture(shown(shift, 0 * logo)) for shift in (0, 6, 12)]
    new = Retouch(bare[0], bare[2]).apply(bare[1], 0.5)
    assert np.abs(np.asarray(new).astype(int) - np.asarray(bare[1]).astype(int)).max() <= 1


def test_new_frames_are_as_sharp_as_their_neighbours(pipe):
    import cv2

    frames = [textured(128, 96, 3).transform((120, 90), Image.Transform.AFFINE, (1, 0, 2.5 * i, 0, 1, 0), Image.Resampling.BICUBIC) for i in range(2)]  # fmt: skip
    made = list(multiplied(pipe, frames, RateOptions(), RateReport()))
    own, new = (
        [cv2.Laplacian(np.asarray(f.convert("L")), cv2.CV_64F).var() for f in group] for group in (frames, made[1:2])
    )
    assert new[0] >= 0.95 * np.mean(own)


def test_a_part_is_cut_out_with_its_sound(pipe, clip, tmp_path):
    convert_video(pipe, clip, tmp_path / "a.mp4", RateOptions(start_s=0.125, end_s=0.375))
    made = read_video(tmp_path / "a.mp4")
    assert made.duration_s == pytest.approx(0.25, abs=0.04) and seconds_of_sound(tmp_path / "a.mp4") == pytest.approx(
        0.25, abs=0.06
    )
    with pytest.raises(InputError, match="lasts 0.50 s"):
        convert_video(pipe, clip, tmp_path / "b.mp4", RateOptions(start_s=3))


def test_a_part_before_the_first_picture_is_refused_by_its_time(tmp_path):
    clip = read_video(write_video(panned(2), tmp_path / "late.mp4", 10))
    clip = replace(clip, times_s=(Fraction(9, 10), Fraction(1)), end_s=Fraction(11, 10))
    with pytest.raises(InputError, match=r"begin at 0\.90 s, after its sound"):
        part_of_clip(clip, RateOptions(end_s=0.5))
    assert part_of_clip(clip, RateOptions(end_s=0.95)) == (0, Fraction(95, 100))


def test_alpha_moves_with_the_picture(moving_pipe, tmp_path):
    frames = [frame.convert("RGBA") for frame in panned(3)]
    for index, frame in enumerate(frames):
        mask = Image.new("L", frame.size, 0)
        mask.paste(255, (8 + 4 * index, 8, 40 + 4 * index, 40))
        frame.putalpha(mask)
    source = write_video(frames, tmp_path / "clear.mov", 25)
    convert_video(moving_pipe, source, tmp_path / "a.webm", RateOptions())
    made = read_video(tmp_path / "a.webm")
    alpha = np.asarray(list(made.timed_frames(alpha=True))[1].picture)[..., 3]
    assert made.has_alpha and alpha[24, 24] > 200 and alpha[2, 2] < 64
    said = convert_video(moving_pipe, source, tmp_path / "a.mp4", RateOptions()).notes
    assert any("over white" in note for note in said)


def test_source_and_result_stand_side_by_side(pipe, clip, tmp_path):
    made = convert_video(pipe, clip, tmp_path / "double.mp4", RateOptions(factor=2, montage="beside"))
    both = read_video(made.montage)
    assert both.size_px == (128, 48) and both.has_audio and both.fps == pytest.approx(32)
    first, given = (np.asarray(next(c.frames())).astype(int) for c in (both, read_video(clip)))
    for half in (first[:, :64], first[:, 64:]):
        assert np.abs(half - given).mean() < 8 and np.abs((half - given).mean((0, 1))).max() < 2


def test_a_wipe_shows_the_source_left_of_its_edge(tmp_path):
    from core.video.montage import write_montage

    for name, colour in (("red", (200, 0, 0)), ("blue", (0, 0, 200))):
        write_video([Image.new("RGB", (64, 48), colour)] * 12, tmp_path / f"{name}.mp4", 8)
    wiped = write_montage(tmp_path / "red.mp4", tmp_path / "blue.mp4", tmp_path / "w.mp4", "wipe", 0.5)
    frames = [np.asarray(frame).astype(int) for frame in read_video(wiped).frames()]
    # A second in, the edge is at the right end; at the start it is in the middle.
    assert frames[0][24, 8, 0] > 150 and frames[0][24, 56, 2] > 150 and frames[8][24, 56, 0] > 150

"""Choices of a frame rate conversion: duration, codec, colour under clear parts, preview, a folder of clips."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from core.encoding import Encoding
from core.errors import CancelledError, InputError, OptionError
from core.image import deep_codes, deep_picture
from core.sdl.methods.flow_hypotheses.network import HypothesisSDLNet
from core.sdl.methods.video_rate.conversion import convert_video, converted
from core.sdl.methods.video_rate.folder import convert_folder
from core.sdl.methods.video_rate.preview import hardest_in_betweens
from core.sdl.methods.video_rate.schedule import RateReport
from core.sdl.options import RateOptions
from core.sdl.paper.original import Request, run
from core.sdl.pipeline import SDLPipeline
from core.video import TimedFrame, parts, read_video, write_video
from core.video.colour import PQ
from tests.sdl.conftest import FORMS, TINY, textured, tiny

SMALL, FINE = Encoding(quality=30), Encoding(quality=4)


@pytest.fixture(scope="module")
def pipe():
    return SDLPipeline(tiny(**FORMS["direct-pair"]), "interpolate")


def panned(steps):
    """Frames 64 x 48 of a scene that has moved on by so many pixels each."""
    whole = np.asarray(textured(64 + sum(steps), 48, 1))
    places = np.cumsum([0, *steps])
    return [Image.fromarray(np.ascontiguousarray(whole[:, at : at + 64])) for at in places]


def written(path: Path, steps=(2, 2, 2)) -> Path:
    return write_video(panned(steps), path, 10, encoding=SMALL)


def test_slow_motion_lasts_as_long_as_asked_at_the_clips_own_rate(pipe, tmp_path):
    source = written(tmp_path / "in.mp4")
    report = convert_video(pipe, source, tmp_path / "slow.mp4", RateOptions(duration_s=1.0))
    slow = read_video(tmp_path / "slow.mp4")
    assert slow.duration_s == pytest.approx(1.0, abs=0.05) and slow.rate == 10 and report.frames_out == 10
    with pytest.raises(InputError, match="a result of 0.2 s is asked for, the part lasts 0.40 s"):
        convert_video(pipe, source, tmp_path / "fast.mp4", RateOptions(duration_s=0.2))


def test_codec_and_depth_are_as_asked_and_a_wrong_one_costs_no_work(pipe, tmp_path):
    source = written(tmp_path / "in.mp4")
    convert_video(pipe, source, tmp_path / "deep.mp4", encoding=Encoding("h265", 30, True))
    with av.open(str(tmp_path / "deep.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("hevc", "yuv420p10le")
    with pytest.raises(OptionError, match="prores"):
        convert_video(pipe, source, tmp_path / "wrong.mp4", encoding=Encoding("prores"))
    assert (
        Encoding("prores").suffix == ".mov" and Encoding("vp9").suffix == ".webm" and Encoding("h265").suffix == ".mp4"
    )


def test_clear_parts_are_laid_over_the_colour_asked_for(pipe, tmp_path):
    clear = [Image.new("RGBA", (64, 48), (255, 0, 0, 0)) for _ in range(2)]
    source = write_video(clear, tmp_path / "clear.webm", 10)
    report = convert_video(pipe, source, tmp_path / "on_green.mp4", RateOptions(background="green"))
    shown = np.asarray(next(iter(read_video(tmp_path / "on_green.mp4").frames()))).reshape(-1, 3).mean(0)
    assert np.allclose(shown, (0, 128, 0), atol=4)
    assert any("laid over green" in note for note in report.notes)


def test_the_preview_shows_where_most_changes(pipe, tmp_path):
    source = written(tmp_path / "in.mp4", (1, 1, 4, 1, 3))
    found = hardest_in_betweens(pipe, source, count=2)
    assert [at for at, _ in found] == pytest.approx([0.25, 0.45])
    assert all(frame.size == (64, 48) for _, frame in found)
    still = write_video([panned((1,))[0]] * 4, tmp_path / "still.mp4", 10)
    assert hardest_in_betweens(pipe, still) == []


def test_a_folder_goes_on_where_it_stopped(pipe, tmp_path):
    folder, out = tmp_path / "clips", tmp_path / "smooth"
    folder.mkdir()
    written(folder / "a.mp4"), written(folder / "b.mp4")
    (folder / "c.mp4").write_bytes(b"no video")
    first = convert_folder(pipe, folder, out, RateOptions(), SMALL)
    assert [Path(file).name for file in first["files"]] == ["a.mp4", "b.mp4"]
    assert len(first["failed"]) == 1 and first["failed"][0].startswith("c.mp4: ")
    (out / "b.mp4").unlink()
    again = convert_folder(pipe, folder, out, RateOptions(), SMALL)
    assert [Path(file).name for file in again["files"]] == ["b.mp4"] and len(again["kept"]) == 1
    other = convert_folder(pipe, folder, out, RateOptions(factor=3), SMALL)
    assert len(other["files"]) == 2 and not other["kept"], "made with other settings it is made anew"
    with pytest.raises(InputError, match="name another one for the results"):
        convert_folder(pipe, folder, folder, RateOptions(), SMALL)


@pytest.mark.parametrize("kind", ["mp4", "webm"])
def test_a_clip_goes_on_where_it_stopped(pipe, tmp_path, monkeypatch, kind):
    monkeypatch.setattr(parts, "PART_FRAMES", 4)
    clip, out = written(tmp_path / "a.mp4", (2,) * 6), tmp_path / f"out.{kind}"

    def stop(done: float, text: str) -> None:
        if done > 0.8:
            raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        convert_video(pipe, clip, out, RateOptions(), stop, FINE, resumable=True)
    assert not out.exists() and len(list(tmp_path.glob(f".out.{kind}.parts/part-*"))) == 2
    report = convert_video(pipe, clip, out, RateOptions(), encoding=FINE, resumable=True)
    assert "went on after a stop at 0.4 s" in report.notes and report.frames_out == 14
    convert_video(pipe, clip, tmp_path / f"whole.{kind}", RateOptions(), encoding=FINE)
    made, whole = (list(read_video(tmp_path / name).timed_frames()) for name in (out.name, f"whole.{kind}"))
    assert [frame[1:] for frame in made] == [frame[1:] for frame in whole]
    far = [
        np.abs(np.asarray(a.picture).astype(int) - np.asarray(b.picture)).mean()
        for a, b in zip(made, whole, strict=True)
    ]
    assert max(far) < 8, "the same pictures, compressed from another key frame on"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.mp4", out.name, f"whole.{kind}"]


def test_hdr_is_kept_on_request_and_said(tmp_path):
    pipe = SDLPipeline(tiny(**FORMS["landmarks"]), "interpolate")
    codes = [np.full((48, 64, 3), level, np.uint16) for level in (20000, 22000, 38000)]
    source = write_video(
        [deep_picture(one, PQ) for one in codes], tmp_path / "pq.mp4", 10, encoding=Encoding("h265", 4, True)
    )
    clip = read_video(source)
    assert clip.is_hdr and "tone-mapped" in clip.notes[0]
    said = convert_video(pipe, source, tmp_path / "hdr.mp4", encoding=Encoding(quality=4, keep_hdr=True)).notes
    made = read_video(tmp_path / "hdr.mp4")
    with av.open(str(tmp_path / "hdr.mp4")) as container:
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p10le"
    shown = [deep_codes(frame.picture).codes.mean() for frame in made.timed_frames(deep=True)]
    # A step of 10 bits is 64 codes; what lies between two frames lies between their values.
    assert made.is_hdr and "kept" in said[0] and len(shown) == 6
    assert np.abs(np.array(shown[::2]) - [20000, 22000, 38000]).max() < 130 and 15000 < shown[1] < 27000


def test_new_frames_among_jpegs_are_hardly_compressed(pipe, tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for index, frame in enumerate(panned((2,))):
        frame.save(folder / f"{index}.jpg", quality=95)
    files = run(pipe, Request("vfi-dir", 1), [folder], tmp_path / "out")
    tables = [Image.open(file).quantization for file in files]
    assert tables[1] == tables[0] == tables[2]


def test_up_to_a_cut_the_motion_goes_on():
    # Untrained, it takes what the flow says.
    pipe = SDLPipeline(HypothesisSDLNet(**{**TINY, **FORMS["direct-pair"]}).eval(), "interpolate")
    first, second, halfway = panned((4, 2))
    night = Image.new("RGB", (64, 48), (10, 0, 30))
    frames = [TimedFrame(frame, Fraction(n, 10), Fraction(n + 1, 10)) for n, frame in enumerate((first, second, night))]
    made = [np.asarray(f.picture).astype(int) for f in converted(pipe, frames, RateOptions(factor=2), RateReport())]
    truth = np.asarray(halfway)[8:40, 8:48].astype(int)
    error, held = (np.abs(picture[8:40, 8:48] - truth).mean() for picture in (made[3], made[2]))
    assert error < held / 2 and np.array_equal(made[4], np.asarray(night))

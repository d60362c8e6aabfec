"""Videos have exactly the frames that went in, carry their settings, and play in browsers."""

import subprocess

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from core.errors import ExportError, InputError, OptionError
from core.video import FORMATS, read_settings, read_video, write_picture, write_video
from tests.conftest import gradient_picture

SETTINGS = {"system": "implicit", "t": 0.3, "note": "a=b; c#\\d 'e' \"f\" ü\nnew line"}


def stills(count: int, size=(64, 48)) -> list[Image.Image]:
    return [Image.new("RGB", size, (8 * index, 255 - 8 * index, 60)) for index in range(count)]


@pytest.mark.parametrize(("fps", "count"), [(10, 13), (24, 24), (23.976, 12), (30, 7), (7, 2), (60, 30), (25, 1)])
def test_every_frame_arrives_in_order(tmp_path, fps, count):
    clip = read_video(write_video(iter(stills(count)), tmp_path / "a.mp4", fps))
    reds = [np.asarray(frame)[..., 0].mean() for frame in clip.frames()]
    assert len(reds) == count
    assert np.abs(np.array(reds) - 8 * np.arange(count)).max() < 4
    assert abs(clip.fps - fps) < 0.01 and not clip.has_audio


@pytest.mark.parametrize("size", [(64, 48), (65, 48), (64, 47), (33, 35)])
def test_mp4_is_what_browsers_play_at_any_size(tmp_path, size):
    path = write_video(stills(3, size), tmp_path / "a.mp4", 24)
    said = subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(path)], capture_output=True, text=True).stderr
    assert "h264" in said and "yuv420p" in said
    assert read_video(path).size_px == (size[0] + size[0] % 2, size[1] + size[1] % 2)
    head = path.read_bytes()[:4096]
    assert b"moov" in head, "the index must come first, so that the video starts before it is loaded"


@pytest.mark.parametrize("kind", FORMATS)
def test_settings_survive_in_every_format(tmp_path, kind):
    path = write_video(iter(stills(3)), tmp_path / f"a.{kind}", 24, SETTINGS)
    assert read_settings(path) == SETTINGS


def test_picture_is_lossless_and_carries_settings(tmp_path):
    picture = gradient_picture()
    path = write_picture(picture, tmp_path / "p.png", SETTINGS)
    assert np.array_equal(np.asarray(Image.open(path)), np.asarray(picture)) and read_settings(path) == SETTINGS


def test_animations_keep_count_and_length(tmp_path):
    for kind in ("gif", "webp", "png"):
        with Image.open(write_video(stills(10), tmp_path / f"a.{kind}", 24)) as animation:
            assert animation.n_frames == 10
            length = 0
            for index in range(10):
                animation.seek(index)
                animation.load()
                length += animation.info["duration"]
            assert abs(length - 10000 / 24) <= 10, kind


def test_audio_is_kept(tmp_path):
    source = tmp_path / "tone.mp4"
    make = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "testsrc=size=64x48:rate=10:duration=1",
    ]
    subprocess.run([*make, "-f", "lavfi", "-i", "sine=duration=1", "-shortest", str(source)], check=True)
    clip = read_video(source)
    assert clip.has_audio
    again = read_video(write_video(clip.frames(), tmp_path / "b.mp4", 10, audio=source))
    assert again.has_audio and len(list(again.frames())) == 10


def test_bad_exports_leave_nothing_behind(tmp_path):
    with pytest.raises(ExportError, match="no frame"):
        write_video([], tmp_path / "a.mp4", 24)
    with pytest.raises(ExportError, match="one size"):
        write_video([*stills(1), *stills(1, (32, 32))], tmp_path / "a.mp4", 24)
    with pytest.raises(OptionError, match="mp4"):
        write_video(stills(2), tmp_path / "a.avi", 24)
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(ExportError, match="another folder"):
        write_video(stills(2), blocked / "a.mp4", 24)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_no_video_is_refused(tmp_path):
    text = tmp_path / "a.mp4"
    text.write_text("hello")
    with pytest.raises(InputError, match="not a video"):
        read_video(text)
    with pytest.raises(InputError, match="does not exist"):
        read_video(tmp_path / "none.mp4")
    with pytest.raises(InputError, match="no Morphospace settings"):
        read_settings(text)

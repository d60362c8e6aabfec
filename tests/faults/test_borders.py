"""What must not get in or out: files of this machine, addresses behind it, uploads beyond the limit, full disks."""

from __future__ import annotations

import errno
import signal
import subprocess
from pathlib import Path

import imageio_ffmpeg
import pytest

from core import settings
from core.errors import ExportError, OptionError
from tests.conftest import ROOT, gradient_picture

pytestmark = pytest.mark.slow
SECRETS = [
    "/etc/passwd",
    "/proc/self/environ",
    "../../../../../../etc/passwd",
    "file:///etc/passwd",
    str(ROOT / "app.py"),
]


@pytest.mark.parametrize("place", SECRETS)
def test_no_file_of_this_machine_is_an_input(place, ask, uploaded):
    for file in ({"path": place, "meta": {"_type": "gradio.FileData"}}, {"path": place}, place):
        status, text = ask("implicit_landmarks", {"picture": file})
        assert "event: complete" not in text and "root:" not in text and "Traceback" not in text


@pytest.mark.parametrize("place", [*SECRETS, "../app.py", "%2e%2e/%2e%2e/etc/passwd", "core/settings.py"])
def test_no_file_of_this_machine_is_served(place, http_client):
    for route in ("/gradio_api/file=", "/file=", "/gradio_api/static/", "/assets/"):
        answer = http_client.get(f"{route}{place}")
        assert answer.status_code in (400, 403, 404, 307) and "root:" not in answer.text and "import" not in answer.text


def test_an_upload_keeps_to_its_folder(http_client):
    for name in ("../../evil.png", "/tmp/evil.png", "..\\..\\evil.png"):
        answer = http_client.post("/gradio_api/upload", files={"files": (name, b"x")})
        if answer.status_code == 200:
            path = Path(answer.json()[0]).resolve()
            assert path.name.endswith("evil.png") and len(path.parent.name) == 64, path
    assert not Path("/tmp/evil.png").exists()


def test_no_address_behind_this_machine_is_asked(ask, trap):
    address, seen = trap
    port = address.rsplit(":", 1)[1]
    places = [
        f"{address}/a.png", f"http://localhost:{port}/a.png", f"http://[::1]:{port}/a.png", f"http://0.0.0.0:{port}/a.png",
        f"http://127.1:{port}/a.png", f"http://2130706433:{port}/a.png", f"http://[::ffff:127.0.0.1]:{port}/a.png",
        "http://169.254.169.254/latest/meta-data", "http://10.0.0.1/a.png", "gopher://127.0.0.1/", "ftp://127.0.0.1/a.png",
    ]  # fmt: skip
    for place in places:
        for file in ({"url": place}, {"path": place, "url": place, "meta": {"_type": "gradio.FileData"}}):
            status, text = ask("implicit_landmarks", {"picture": file})
            assert "event: complete" not in text and "Traceback" not in text
    assert seen == [], f"the server asked {seen} for a stranger"


def test_an_upload_beyond_the_limit_is_refused(http_client):
    too_much = bytes((settings.number(settings.UPLOAD_MB) + 1) * 1_000_000 + 5_000_000)
    answer = http_client.post("/gradio_api/upload", files={"files": ("huge.png", too_much)})
    assert answer.status_code == 413 and "Traceback" not in answer.text


def test_a_full_disk_is_told(ask, uploaded, monkeypatch):
    from core.ui.parts import handlers

    monkeypatch.setattr(handlers.tempfile, "mkdtemp", full)
    with pytest.raises(ExportError, match="No space left"):
        handlers.result_folder()
    monkeypatch.undo()
    monkeypatch.setattr("core.video.writer.write_container", full)
    send = {"picture_a": uploaded["a"], "picture_b": uploaded["b"], "size_px": 64, "frames": 2}
    status, text = ask("implicit_morph", send)
    assert "event: error" in text and "No space left" in text and "Traceback" not in text
    monkeypatch.undo()
    assert "event: complete" in ask("implicit_morph", send)[1]


def full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_told_for_one_picture(ask, uploaded, monkeypatch, capfd):
    send = {"picture_a": uploaded["a"], "picture_b": uploaded["b"], "size_px": 64}
    monkeypatch.setattr("gradio.processing_utils.save_pil_to_cache", full)
    status, text = ask("implicit_frame", send)
    assert "event: error" in text and "the server's disk is full" in text
    assert "Traceback" not in "".join(capfd.readouterr())
    monkeypatch.undo()
    assert "event: complete" in ask("implicit_frame", send)[1]


def test_a_full_disk_is_told_to_who_uploads(http_client, monkeypatch, capfd):
    send = {"files": {"files": ("a.png", b"x" * 3_000_000)}}
    monkeypatch.setattr("gradio.route_utils.NamedTemporaryFile", full)
    answer = http_client.post("/gradio_api/upload", **send)
    assert answer.status_code == 507 and "the server's disk is full" in answer.json()["error"]
    assert "Traceback" not in "".join(capfd.readouterr())
    monkeypatch.undo()
    assert http_client.post("/gradio_api/upload", **send).status_code == 200


def test_an_unwritable_cache_is_told_at_start(tmp_path, monkeypatch):
    from core.ui.build import build_demo

    (tmp_path / "file").write_text("")
    monkeypatch.setenv(settings.CACHE, str(tmp_path / "file" / "cache"))
    with pytest.raises(OptionError, match=settings.CACHE):
        build_demo(["implicit"])


def test_a_killed_ffmpeg_is_told_and_the_next_job_works(tmp_path, monkeypatch):
    """The one process that the app starts at home is the ffmpeg that adds sound."""
    from core.video import read_video, sound, write_video

    film = tmp_path / "film.mp4"
    tone = ["-f", "lavfi", "-i", "sine=duration=1", "-f", "lavfi", "-i", "color=size=64x48:duration=1"]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *tone, str(film)], check=True)
    real = subprocess.Popen

    def killed(*args, **kwargs):
        process = real(*args, **kwargs)
        process.send_signal(signal.SIGKILL)
        return process

    monkeypatch.setattr(sound.subprocess, "Popen", killed)
    with pytest.raises(ExportError, match="ffmpeg was ended from outside") as told:
        write_video([gradient_picture(64, 48)] * 25, tmp_path / "a.mp4", 25, audio=film)
    assert "\n" not in str(told.value)
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]
    monkeypatch.undo()
    path = write_video([gradient_picture(64, 48)] * 25, tmp_path / "b.mp4", 25, audio=film)
    assert read_video(path).has_audio and len(list(read_video(path).frames())) == 25

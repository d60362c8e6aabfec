"""Settings are checked at start, and the README's table is the list."""

from __future__ import annotations

import pytest

from core import settings
from core.errors import MorphospaceError, OptionError
from tests.conftest import ROOT

GOOD = {
    settings.DEVICE: "cuda:1",
    settings.PRECISION: "bfloat16",
    settings.WEIGHTS_REPO: "me/weights@v2",
    settings.TOKEN: "hf_abc",
    settings.OFFLINE: "1",
    settings.FETCH: "1",
    settings.QUEUE_SIZE: "8",
    settings.WORKERS: "1",
    settings.UPLOAD_MB: "5",
    settings.SHARE_HOURS: "0",
}
BAD = {
    settings.DEVICE: "gpu",
    settings.PRECISION: "int8",
    settings.WEIGHTS_REPO: "weights",
    settings.WEIGHTS_DIR: "/no/such/folder",
    settings.CACHE: "/proc/nothing",
    settings.OFFLINE: "perhaps",
    settings.FETCH: "sometimes",
    settings.QUEUE_SIZE: "0",
    settings.WORKERS: "many",
    settings.UPLOAD_MB: "-1",
    settings.SHARE_HOURS: "1.5",
}


def test_what_fits_passes(tmp_path):
    settings.check_settings({**GOOD, settings.CACHE: str(tmp_path / "new"), settings.WEIGHTS_DIR: str(tmp_path)})
    settings.check_settings({name: "" for name in GOOD})


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_fit_is_named(name):
    with pytest.raises(OptionError, match=name) as caught:
        settings.check_settings({**GOOD, name: BAD[name]})
    assert BAD[name] in str(caught.value) and "it fits as" in str(caught.value)


def test_all_mistakes_at_once_and_no_secret_is_repeated():
    with pytest.raises(OptionError) as caught:
        settings.check_settings({settings.WORKERS: "0", settings.TOKEN: "my secret words"})
    assert settings.WORKERS in str(caught.value) and settings.TOKEN in str(caught.value)
    assert "my secret" not in str(caught.value)


def test_the_app_refuses_to_start(monkeypatch):
    from core.ui.build import build_demo

    monkeypatch.setenv(settings.WORKERS, "none")
    with pytest.raises(MorphospaceError, match=settings.WORKERS):
        build_demo(["implicit"])


def test_workers_and_queue_reach_the_app(monkeypatch):
    from core.ui.build import WORK, build_demo

    monkeypatch.setenv(settings.WORKERS, "5")
    monkeypatch.setenv(settings.QUEUE_SIZE, "7")
    demo = build_demo(["implicit"])
    limits = {fn.concurrency_limit for fn in demo.fns.values() if fn.concurrency_id == WORK}
    assert limits == {5} and demo._queue.max_size == 7


def test_the_readme_shows_this_table():
    assert settings.table() in (ROOT / "README.md").read_text(), "paste core.settings.table() into README.md"


def test_no_other_file_reads_the_environment_by_name():
    for file in (ROOT / "core").rglob("*.py"):
        if file.name != "settings.py":
            text = file.read_text()
            assert 'environ.get("MORPHOSPACE' not in text and 'environ["MORPHOSPACE' not in text, file

"""The tabs' example results can be made again from nothing but the repository."""

from __future__ import annotations

import shutil

import pytest

from core.cli import main
from core.ui.parts import examples
from core.video import read_settings, read_video


@pytest.mark.slow
def test_an_example_is_made_again(tmp_path, monkeypatch):
    shutil.copytree(examples.EXAMPLES, tmp_path / "examples")
    monkeypatch.setattr(examples, "EXAMPLES", tmp_path / "examples")
    file = tmp_path / "examples/crossbreed.mp4"
    file.unlink()
    assert main(["examples", "crossbreed"]) == 0
    clip = read_video(file)
    assert len(list(clip.frames())) > 36 and read_settings(file)["system"] == "crossbreed"


def test_an_unknown_tab_is_named(capsys):
    assert main(["examples", "crossbread"]) == 2
    assert "crossbreed" in capsys.readouterr().err

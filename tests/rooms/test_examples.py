"""The tabs' example results can be made again from nothing but the repository."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from core.cli import main
from core.ui.parts import examples
from core.ui.tabs import all_tabs
from core.ui.tabs.crossbreed import TAB


@pytest.mark.slow
def test_an_example_is_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr(examples, "EXAMPLES", tmp_path)
    monkeypatch.setattr(examples, "THUMBNAILS", tmp_path / "thumbnails")
    assert main(["examples", "crossbreed"]) == 0
    first = examples.FirstExample("crossbreed", dict(TAB.build.axes))
    assert {name for name, _ in first.places()} <= {file.name for file in first.folder.iterdir()}
    assert Image.open(first.folder / "film.webp").n_frames > 18
    assert first.start() == first.folder / "frame-4-4.webp"
    panels, said = first.found()
    assert len(panels) == 2 and "cat" in said
    assert examples.thumbnail(TAB.build.example_rows[0][0]).is_file()


@pytest.mark.parametrize("tab", [tab for tab in all_tabs()], ids=lambda tab: tab.id)
def test_what_ships_is_complete_and_credited(tab):
    first = examples.FirstExample(tab.id, dict(tab.build.axes))
    wanted = [first.folder / "film.webp", first.folder / "still.webp"]
    wanted += [first.folder / name for name, _ in first.places()] if first.axes else []
    shown = [item for row in tab.build.example_rows for item in row if isinstance(item, str) and item.endswith(".jpg")]
    wanted += [Path(item) for item in shown] + [examples.thumbnail(item) for item in shown]
    assert not [file for file in wanted if not file.is_file()]
    credits = examples.CREDITS.read_text(encoding="utf-8")
    assert not [item for item in shown if Path(item).parent == examples.PICTURES and Path(item).stem not in credits]


def test_the_examples_stay_small():
    total = sum(file.stat().st_size for file in examples.EXAMPLES.rglob("*") if file.is_file())
    assert total < 7e6, f"{total / 1e6:.1f} MB"


def test_an_unknown_tab_is_named(capsys):
    assert main(["examples", "crossbread"]) == 2
    assert "crossbreed" in capsys.readouterr().err

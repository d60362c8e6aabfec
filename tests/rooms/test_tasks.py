"""The table of tasks: written anew it is the same, its records exist, and the example of every row gives its result."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core.cli import main
from core.gfla.methods.object_model.fit import drawn
from core.tasks import PAPERS, TASKS, Task, markdown
from core.ui.parts.examples import EXAMPLES
from core.video import write_video
from core.weights import records
from core.weights.catalogue import WEIGHTS
from tests.conftest import ROOT
from tests.sdl.conftest import textured

# Said after the row's own words, so that they count: fewer frames, fewer steps, smaller pictures; nothing else answers.
SHORTER = {
    "implicit video": "--frames 2 --size-px 64",
    "implicit render": "--out frames",
    "implicit chain": "--frames 3 --size-px 64",
    "implicit average": "--size-px 64",
    "implicit poisson": "--size-px 64",
    "implicit image-fit": "--steps 2 --dims 16 16",
    "implicit align": "--output-size 64",
    "crossbreed morph": "--frames 3 --size-px 64",
    "crossbreed grid": "--count 2 --size-px 64",
    "crossbreed transfer": "--size-px 64",
    "crossbreed chain": "--frames 4 --size-px 64",
    "sdl video": "--frames 2",
    "ripple edit": "--degrees 5",
    "gfla turn": "--frames 2 --side-px 64 --tries 4",
    "gfla views": "--count 2",
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory) -> Path:
    """A folder with every file that the examples name, in small."""
    place = tmp_path_factory.mktemp("desk")
    heads, people, pets = ([Image.open(path).convert("RGB") for path in files] for files in (
        sorted((EXAMPLES / "heads").glob("*.jpg"))[:3], sorted((EXAMPLES / "people").glob("*.jpg"))[:1],
        sorted((EXAMPLES / "pets").glob("*.png"))[:3],
    ))  # fmt: skip
    heads, pets = [head.resize((112, 112)) for head in heads], [pet.resize((160, 160)) for pet in pets]
    named = {
        "anna.jpg": heads[0], "ben.jpg": heads[1], "cara.jpg": heads[2], "face.jpg": heads[0], "photos/one.jpg": heads[0], "me.jpg": people[0],
        "cat.jpg": pets[0], "dog.jpg": pets[1], "a.jpg": pets[0], "b.jpg": pets[1], "c.jpg": pets[2],
        "one.png": textured(64, 64, 0), "two.png": textured(64, 64, 1), "photo.jpg": textured(64, 64, 2),
        "painting.jpg": textured(64, 64, 3), "original.png": textured(64, 64, 4), "edited.png": textured(64, 64, 5),
        "room.jpg": textured(64, 64, 6), "chair.png": drawn("chair", np.random.default_rng(0), 40, 96),
        "car.png": drawn("car", np.random.default_rng(0), 40, 96),
    }  # fmt: skip
    hole = Image.new("L", (64, 64))
    ImageDraw.Draw(hole).rectangle((20, 20, 40, 40), fill=255)
    (place / "photos").mkdir()
    for name, picture in {**named, "room_mask.png": hole}.items():
        picture.save(place / name)
    for name, frame in {"cat": pets[0], "clip": named["one.png"], "talk": heads[1], "dance": people[0]}.items():
        write_video([frame, frame.transpose(Image.Transpose.FLIP_LEFT_RIGHT)], place / f"{name}.mp4", 8)
    pair = [str(place / name) for name in ("anna.jpg", "ben.jpg")]
    assert main(["implicit", "fit", *pair, "--size-px", "64", "--out", str(place / "fits/anna-ben"), "--json"]) == 0
    return place


def test_the_page_is_written_from_the_list():
    assert (ROOT / "docs/tasks.md").read_text(encoding="utf-8") == markdown(), "run `python -m core tasks`"
    assert len(TASKS) >= 25 and {task.system for task in TASKS} == set(PAPERS)


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.what)
def test_the_example_of_every_row_gives_its_result(task: Task, desk, monkeypatch, capsys):
    assert task.ours and all(records()[name].kind == "published" for name in task.published)
    for word in task.ours.replace(";", " ").replace(",", " ").split():
        assert not word.startswith("weights/") or (WEIGHTS / word.removeprefix("weights/")).is_dir(), word
    monkeypatch.chdir(desk)
    before = {path: path.stat().st_mtime_ns for path in desk.rglob("*") if path.is_file()}
    words = shlex.split(task.example)
    code = main([*words, *SHORTER.get(" ".join(words[:2]), "").split(), "--json"])
    said = json.loads(capsys.readouterr().out)
    assert code == 0, said
    made = [path for path in desk.rglob("*") if path.is_file() and before.get(path) != path.stat().st_mtime_ns]
    assert made and all(path.stat().st_size for path in made), said

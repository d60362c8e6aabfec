"""The command line itself: flags from options, the forms people type, exit codes, and mistakes that are told in one line."""

from __future__ import annotations

import json
import logging
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
import torch
import typer
from PIL import Image
from typer import Argument, Option

from core.cli import command_line, main
from core.cli.flags import Given, Result, each, verb
from core.errors import InputError
from core.image import load_image
from core.options import option
from core.progress import Progress
from tests.conftest import ROOT


@dataclass(frozen=True)
class Sample:
    size: int = option(64, "pixels", low=32, high=512)
    blend: str = option("linear", "how", choices=("linear", "poisson"))
    fast: bool = option(False, "hurry")
    seed: int | None = option(None, "random numbers")


app = typer.Typer(rich_markup_mode=None)
got: Result = {}


@app.callback()
def toy() -> None:
    """A suite with one verb."""


@verb(app, "a.png --size 128")
def run(
    names: Annotated[list[str], Argument(help="pictures")],
    sample: Sample,
    given: Given,
    progress: Progress,
    degrees: Annotated[list[float] | None, Option("--degrees", "-d", metavar="DEGREE ...")] = None,
    pair: Annotated[tuple[int, int] | None, Option(metavar="H W")] = None,
) -> Result:
    """Collect what came."""
    got.update(names=names, sample=sample, given=given, degrees=degrees, pair=pair)
    return {"size": sample.size}


def typed(words: str) -> Result:
    got.clear()
    typer.main.get_command(app)(["run", *shlex.split(words)], standalone_mode=False)
    return got


def test_options_become_flags(capsys):
    found = typed("a.png --size 128 --fast --blend poisson")
    assert found["sample"] == Sample(128, "poisson", True, None) and found["names"] == ["a.png"]
    assert typed("a.png --no-fast --seed 7")["sample"] == Sample(seed=7)
    typed("--help")
    said = " ".join(capsys.readouterr().out.split())
    assert "32 to 512" in said and "linear|poisson" in said and "sample:" in said and "run a.png --size 128" in said


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        ("a.png --degrees -3 0 .5", "degrees", [-3, 0, 0.5]),
        ("-d -1 2 --size 64 a.png", "degrees", [-1, 2]),
        ("a.png --degrees=4", "degrees", [4]),
        ("a.png --pair 3 4", "pair", (3, 4)),
        ("a.png --siz 99 b.png", "names", ["a.png", "b.png"]),
        ("-- -a.png", "names", ["-a.png"]),
        ("a.png --size 64", "given", {"names", "size"}),
    ],
)
def test_the_forms_that_people_type(words, name, value):
    assert typed(words)[name] == value


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("a.png --size 1", "between 32 and 512"),
        ("a.png --blend poison", "did you mean 'poisson'"),
        ("a.png --size --fast", "--size needs a value"),
        ("a.png --pair 3", "--pair needs 2 values"),
        ("a.png --s 3", "No such option"),
    ],
)
def test_what_does_not_fit_is_refused(words, said):
    with pytest.raises((typer.TyperException, InputError)) as caught:
        typed(words)
    assert said in getattr(caught.value, "message", str(caught.value))


def test_a_batch_goes_on_and_one_item_does_not(tmp_path):
    def work(item: int, progress: Progress) -> list[str]:
        if item == 2:
            raise InputError("two is refused")
        return [str(item)]

    assert each([1, 2, 3], work, lambda *_: None) == {"written": ["1", "3"], "failed": ["2: two is refused"]}
    with pytest.raises(InputError, match="two"):
        each([2], work, lambda *_: None)


def documented() -> list[str]:
    """Every complete command line in the help of the verbs, the README, the docs and the model cards."""
    pages = (ROOT / "README.md", *sorted((ROOT / "weights").glob("*/README.md")))
    texts = [path.read_text().replace("\\\n", " ") for path in pages]
    for group in command_line().commands.values():
        for command in (group, *getattr(group, "commands", {}).values()):
            texts.append((command.epilog or "").replace("\\\n", " "))
    found = re.findall(r"python -m core ([a-z-]+ [^`\n]*?)(?:  +[(#].*)?(?: #.*)?(?=`|\n|$)", "\n".join(texts))
    return sorted({line.rstrip(" \\") for line in found if not re.search(r"\.\.\.|\||\bKIND\b|\$|>|sequences\"", line)})


@pytest.mark.parametrize("line", documented())
def test_documented_command_lines_are_understood(line):
    words = shlex.split(line.replace("\\", " "))
    command, context = command_line(), None
    while hasattr(command, "commands"):
        assert words, line
        command, name = command.commands[words[0]], words.pop(0)
    context = command.make_context(name, words)
    assert set(context.params) >= {param.name for param in command.params if param.name != "help"}


def test_documents_show_many_commands():
    assert len(documented()) > 60


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with wrong files of many kinds."""
    folder = tmp_path_factory.mktemp("wrong")
    Image.effect_noise((64, 64), 80).convert("RGB").save(folder / "noise.png")
    Image.new("RGB", (8, 8)).save(folder / "tiny.png")
    (folder / "nothing").mkdir()
    texts = {
        "blocked": "a file", "README.md": "# A title\n", "broken.yaml": "a: [1, 2\nb: {", "odd.yaml": "img_size: many\n",
        "absent.yaml": "root_dir: runs\ncheckpoints: nc/best.pt\n", "pairs.txt": "noise nobody\n", "pairs3.txt": "a b c\n",
        "exp.yaml": "initial_conditions: {0: noise.png, 1: nobody.png}\n", "points.json": "[[1, 2]]",
        "table.csv": "file,species,x0,y0,x1,y1\nx.jpg,cat,1,1,9,9\n", "box.csv": "file,species,x0,y0,x1,y1\nx.jpg,cat,a,1,9,9\n",
        "table.zip": "no archive", "box.zip": "no archive",
    }  # fmt: skip
    for name, text in texts.items():
        (folder / name).write_text(text)
    (folder / "bytes.txt").write_bytes(b"\xff\xfe\x00")
    (folder / "run").mkdir()
    (folder / "run" / "run.json").write_text("{")
    torch.save({"w": torch.ones(1)}, folder / "small.pth")
    return folder


WRONG = """
nonsense                                                        | No such command
implicit                                                        | Missing command
implicit fit                                                    | Missing argument
implicit fit noise.png                                          | came alone
implicit fit tiny.png noise.png                                 | 8 x 8 pixels
implicit fit noise.png noise.png --size-px many                 | 'many' came
implicit fit noise.png noise.png --out blocked/deep             | is a file
implicit fit broken.yaml                                        | no experiment file
implicit fit exp.yaml                                           | nobody.png does not exist
implicit fit exp.yaml -c best                                   | best.pth does not exist
implicit render noise.png noise.png -b liner                    | did you mean 'linear'
implicit render noise.png noise.png -t 0 2                      | between 0 and 1
implicit video noise.png noise.png --out x.xyz                  | kind of file '.xyz'
implicit poisson noise.png noise.png --out x.xyz                | kind of file '.xyz'
implicit poisson noise.png noise.png -g unknown                 | mixclone
implicit batch pairs.txt                                        | no picture nobody
implicit batch pairs3.txt                                       | has 3 names
implicit batch bytes.txt                                        | is no text
implicit image-fit small.pth                                    | --dims
implicit image-fit noise.png --dims 0 8                         | sides from 1
implicit align nothing out                                      | holds no pictures
crossbreed morph noise.png noise.png --out x.xyz                | kind of file '.xyz'
crossbreed morph noise.png noise.png -c broken.yaml             | cannot be read
crossbreed morph noise.png noise.png -c odd.yaml                | a number fits
crossbreed morph noise.png noise.png -c absent.yaml             | not there: fetch it first
crossbreed morph noise.png noise.png --weights crossbreed-pet   | did you mean 'crossbreed-pets'
crossbreed morph noise.png noise.png --box 99,99,120,120 --box auto | covers nothing
crossbreed train --data photos --from README.md                 | needs a folder
crossbreed train --data table --from nobody.csv                 | needs a CSV file
crossbreed train --data table --from table.csv                  | no zip archive
crossbreed train --data photos --from nothing --img-size 100    | multiple of 8
crossbreed train-heads --from table.csv                         | no zip archive
crossbreed train-points --from table.csv --points box.csv       | eye_l_x
crossbreed train-points --from box.csv                          | no four numbers
crossbreed export --run run --to out                            | damaged
sdl video noise.png                                             | the job morph takes 2
sdl video noise.png noise.png --out x.xyz                       | kind of file '.xyz'
sdl original --task vfi --source noise.png --target noise.png --model SDL_vfi_psnr.pth | leave --model out
sdl original --task vfi --source noise.png --target noise.png --model small.pth | no SDL network
sdl evaluate nothing --blend --vgg README.md                    | no file of weights
sdl sequences toon --source nowhere --out out                   | does not exist
sdl train --data nothing                                        | holds no sequence
ripple edit noise.png --edit smile --degrees 9                  | between -5 and 5
ripple edit noise.png --degrees 90                              | between -24 and 24
ripple edit noise.png --degrees ,                               | give numbers
ripple edit noise.png --inpainter photoshop                     | opencv
ripple mask noise.png noise.png --out x.xyz                     | kind of file '.xyz'
ripple inpaint noise.png --mask noise.png --out x.xyz           | kind of file '.xyz'
ripple train parser --from nothing --data nothing               | parser holds no config.json
ripple train turn --option size=100                             | works at 16
gfla generate noise.png --pose "arms spred"                     | did you mean 'arms spread'
gfla generate noise.png --pose points.json                      | 18
gfla generate noise.png --pose walking --out x.xyz              | kind of file '.xyz'
gfla export --run run --to out                                  | damaged
gfla test --task fashion --data nowhere --out out               | is no folder
weights convert crossbreed-dog README.md                        | is a text file, not a checkpoint
weights convert crossbreed-dog noise.png                        | is a picture, not a checkpoint
weights convert ripple-stylegan2 small.pth                      | does not hold what
weights convert crossbreed-pets small.pth                       | needs no conversion
weights verify nonsense                                         | weights list
weights list --system sdk                                       | did you mean 'sdl'
space build nonsense --to out                                   | suite
app --port 99999999                                             | 65535
api-docs --out blocked/api.md                                   | is a file
sdl video noise.png noise.png --behind gren                     | did you mean 'green'
"""


@pytest.mark.parametrize(
    "case", [line for line in WRONG.splitlines() if line.strip()], ids=lambda c: c.split("|")[0].strip()
)
def test_mistakes_are_told_in_one_line(case, place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    monkeypatch.setenv("MORPHOSPACE_CACHE", str(place / "cache"))
    words, _, said = (part.strip() for part in case.rpartition("|"))
    assert main(shlex.split(words)) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(told) == 1 and said in told[0], told
    assert main(["--json", *shlex.split(words)]) == 2
    assert said in json.loads(capsys.readouterr().out)["error"]


@pytest.mark.parametrize("words", [["--behind", "black"], ["--behind=black"], []])
def test_a_command_is_told_what_lies_behind_clear_parts(words, monkeypatch, tmp_path):
    Image.new("RGBA", (32, 32), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    seen: list[object] = []
    look = lambda: seen.append(load_image(tmp_path / "clear.png").getextrema()[0]) or []  # noqa: E731
    monkeypatch.setattr("core.publish.space_names", look)
    assert main(["space", "list", *words]) == 0
    assert seen == [(0, 0) if words else (255, 255)]


def test_verbose_logs_to_standard_error_for_one_command(capsys, monkeypatch):
    def speak() -> Result:
        logging.getLogger("core.sdl").info("half way")
        return {"said": 1}

    monkeypatch.setattr("core.publish.space_names", lambda: speak() and [])
    assert main(["space", "list", "--verbose"]) == 0
    assert "core.sdl: half way" in capsys.readouterr().err
    assert main(["space", "list"]) == 0
    assert "half way" not in capsys.readouterr().err
    assert not logging.getLogger("core").handlers

"""Every Space: its card, its lists, what is staged, that it starts alone, and its upload."""

from __future__ import annotations

import ast
import re

import pytest

from core import publish
from core.errors import ExportError, OptionError
from tests.conftest import ROOT

NAMES = publish.space_names()


def test_all_six_are_there():
    assert NAMES == ["crossbreed", "gfla", "implicit", "ripple", "sdl", "suite"]


@pytest.mark.parametrize("name", [*NAMES, "."])
def test_card_is_valid_and_agrees_with_the_lists(name):
    from huggingface_hub import SpaceCard

    folder = ROOT if name == "." else publish.SPACES / name
    facts = SpaceCard.load(folder / "README.md").data.to_dict()
    assert facts["sdk"] == "gradio" and facts["app_file"] == "app.py" and (folder / "app.py").is_file()
    assert facts["python_version"] == "3.12"
    assert facts["title"] and len(facts["short_description"]) <= 60
    assert re.fullmatch(r"red|yellow|green|blue|indigo|purple|pink|gray", facts["colorFrom"])
    pinned = re.search(r"^gradio\S*==(\S+)", (ROOT / "requirements.txt").read_text(), re.M)
    assert facts["sdk_version"] == pinned.group(1)


@pytest.mark.parametrize("name", NAMES)
def test_lists_are_the_projects(name):
    assert (publish.SPACES / name / "requirements.txt").read_text() == publish.requirements_of(), (
        "run `python -m core space lists`"
    )
    assert (publish.SPACES / name / "packages.txt").read_text() == publish.packages_of()
    assert "-e ." not in publish.requirements_of() and "-r " not in publish.requirements_of()


@pytest.mark.parametrize("name", NAMES)
def test_app_imports_the_hubs_package_first(name):
    body = ast.parse((publish.SPACES / name / "app.py").read_text()).body
    first = next(node for node in body if isinstance(node, ast.Import | ast.ImportFrom))
    assert isinstance(first, ast.Import) and first.names[0].name == "spaces"
    assert len(body) <= 6, "a Space's app is five lines"


def test_nothing_turns_the_folder_into_a_package():
    assert not list(publish.SPACES.rglob("__init__.py"))


@pytest.mark.parametrize("name", [name for name in NAMES if name != publish.SUITE])
def test_only_what_the_space_needs(name, staged):
    folder = staged(name)
    others = {"implicit", "crossbreed", "sdl", "ripple", "gfla"} - {name}
    assert not [other for other in others if (folder / "core" / other).exists()]
    assert [file.stem for file in (folder / "core/ui/tabs").glob("*.py") if file.stem != "__init__"] == [name]
    assert not (folder / "tests").exists() and not (folder / "core/cli").exists()
    shipped = [place.name for place in (folder / "weights").glob("*") if place.is_dir()]
    assert not [place for place in shipped if place.split("-")[0] in others]
    assert max(file.stat().st_size for file in folder.rglob("*") if file.is_file()) < 10_000_000


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_staged_space_starts_alone(name, endpoints_of):
    wanted = publish.tabs_of(name)
    assert {endpoint.strip("/").split("_")[0] for endpoint in endpoints_of(name)} == set(wanted)


@pytest.mark.slow
@pytest.mark.exhaustive
def test_a_space_is_tried_in_a_fresh_process(staged, endpoints_of, monkeypatch):
    monkeypatch.setenv("SPACE_ID", "me/implicit")
    monkeypatch.setenv("SYSTEM", "spaces")
    assert publish.try_out(staged("implicit")) == endpoints_of("implicit")


def test_examples_of_a_tab_come_along(staged):
    found = {str(f.relative_to(staged("implicit"))) for f in staged("implicit").rglob("core/ui/examples/**/*.*")}
    assert {"core/ui/examples/pictures/CREDITS.md", "core/ui/examples/pictures/mona_lisa.jpg"} <= found
    assert {f"core/ui/examples/implicit/{name}" for name in ("film.webp", "frame-0.webp", "found.json")} <= found
    assert not [name for name in found if "/sdl/" in name or "/people/" in name]


def test_staging_twice_renews_and_never_deletes_other_things(tmp_path):
    folder = publish.stage("implicit", tmp_path / "one")
    (folder / "core/stale.py").write_text("")
    publish.stage("implicit", folder)
    assert not (folder / "core/stale.py").exists()
    precious = tmp_path / "mine"
    precious.mkdir()
    (precious / "thesis.txt").write_text("mine")
    with pytest.raises(ExportError, match="holds other things"):
        publish.stage("implicit", precious)
    assert (precious / "thesis.txt").exists()
    with pytest.raises(OptionError, match="did you mean 'crossbreed'"):
        publish.stage("crosbreed", tmp_path / "x")


def test_a_broken_space_is_told(tmp_path):
    (tmp_path / "core").mkdir()
    (tmp_path / "core/__init__.py").write_text("")
    (tmp_path / "app.py").write_text("import core.progress\n")
    with pytest.raises(ExportError, match=r"core\.progress"):
        publish.try_out(tmp_path)


def test_push_creates_uploads_and_cleans(hub, staged):
    folder = staged("implicit")
    address = publish.push(folder, "me/space", hardware="zero-a10g")
    assert address == f"{hub.address}/spaces/me/space"
    made = hub.created[0]
    assert made["type"] == "space" and made["sdk"] == "gradio" and made["hardware"] == "zero-a10g"
    assert made["name"] == "space" and made["visibility"] == "private"
    staged = {str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file()}
    assert set(hub.files) >= staged and "left_over.py" not in hub.files
    assert hub.files["app.py"] == (folder / "app.py").read_bytes()
    assert "Bearer hf_test" in hub.tokens


def test_push_says_what_the_hub_said(hub, staged, tmp_path):
    hub.refuses = True
    with pytest.raises(ExportError, match="hf auth login"):
        publish.push(staged("implicit"), "me/space")
    with pytest.raises(ExportError, match="no Space"):
        publish.push(tmp_path, "me/space")

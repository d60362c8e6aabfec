"""The authors' weights by one click and in one go: Drive folders walked, archives unpacked, consent, failure, absent ones told."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import pytest
from gradio.helpers import special_args

from core import settings
from core.cli import main
from core.errors import InputError, WeightsError
from core.progress import silent
from core.ui.parts import authors
from core.weights import catalogue, drive, record, records, resolve
from tests.weights.conftest import remote
from tests.weights.published_files import CONTENTS, saved, tarred, zipped


@pytest.fixture
def motion(server, clean, known):
    """GFLA's smallest network, in an archive in a folder of a shared folder."""
    data = saved(CONTENTS["gfla-motion"]())
    server.shared["PACKED"] = zipped("dance_keypoint_checkpoints/latest_net_G.pth", data)
    server.folders["ROOT"] = [("N", "notes.txt", False), ("SUB", "checkpoints", True)]
    server.folders["SUB"] = [("PACKED", "keypoint.zip", False)]
    return known(replace(record("gfla-motion"), page=f"{server.address}/drive/folders/ROOT?usp=sharing"))


def test_one_click_walks_unpacks_converts_and_is_found(motion):
    assert authors.labelled({"network": "gfla-motion"}) == [(f"network ({authors.NOT_HERE})", "network")]
    with pytest.raises(InputError, match=r"tick the box.*CC BY-NC"):
        authors.fetch("gfla-motion", False, silent)
    said = authors.fetch("gfla-motion", True, silent)
    assert "gfla-motion** is here" in said and resolve("gfla-motion").kind == "published"
    assert authors.labelled({"network": "gfla-motion"}) == [("network", "network")]
    assert "- here: yes" in authors.facts("gfla-motion")


def test_a_failure_keeps_what_was_here(server, clean, known, motion):
    authors.fetch("gfla-motion", True, silent)
    before = {f: f.read_bytes() for f in resolve("gfla-motion").folder.rglob("*") if f.is_file()}
    server.shared["PACKED"] = zipped("latest_net_G.pth", b"no checkpoint")
    (clean / "cache" / "downloads" / "gfla-motion" / "latest_net_G.pth").unlink()
    with pytest.raises(WeightsError, match="Nothing that was here is lost"):
        authors.fetch("gfla-motion", True, silent)
    assert {f: f.read_bytes() for f in resolve("gfla-motion").folder.rglob("*") if f.is_file()} == before


def test_a_shared_file_and_a_folder_without_what_is_wanted(server, clean):
    page = f"{server.address}/open?id="
    entry = remote("", page=page + "ONE")
    assert drive.direct_address(entry) == f"{server.address}/uc?export=download&id=ONE"
    server.folders["ONE"] = [("A", "readme.txt", False)]
    with pytest.raises(WeightsError, match=r"holds no file.bin and no archive, but readme.txt"):
        drive.direct_address(entry)
    server.folders["ONE"] = [("A", "all.rar", False), ("B", "file.bin", False)]
    assert drive.direct_address(entry).endswith("id=B")


def test_an_archive_read_as_published_is_unpacked(server, clean, known):
    server.shared["T"] = tarred("frll/001.pth", b"weights")
    known(replace(record("implicit-frll"), url=f"{server.address}/file?id=T"))
    authors.fetch("implicit-frll", True, silent)
    assert (clean / "cache/downloads/implicit-frll/unpacked/frll/001.pth").read_bytes() == b"weights"


def test_every_published_record_can_be_asked_for():
    published = [entry for entry in records().values() if entry.kind == "published"]
    assert all(entry.url or drive.identity_of(entry.page) for entry in published)
    assert all(entry.fetchable and entry.licence in authors.facts(entry.name) for entry in published)


def test_setup_goes_on_after_a_failure(server, motion, known, monkeypatch, capsys):
    entries = {"gfla-motion": motion, "gfla-face": replace(record("gfla-face"), url=f"{server.address}/missing")}
    monkeypatch.setattr(catalogue, "records", lambda: entries)
    monkeypatch.setattr("core.weights.records", lambda: entries)
    assert main(["weights", "setup", "--yes", "--quiet"]) == 1
    told = capsys.readouterr()
    assert "gfla-motion: " in told.out and "gfla-face: " in told.out + told.err and "CC BY-NC" in told.err
    for fact in (
        "what: GFLA skeleton cleaning",
        f"source: {server.address}",
        "terms: CC BY-NC",
        "size: ",
        "free disk: ",
    ):
        assert fact in told.err


def test_on_a_space_its_owner_switches_it_on(monkeypatch):
    monkeypatch.setenv("SPACE_ID", "me/suite")
    assert not authors.may_fetch() and settings.FETCH in authors.facts("gfla-chair")
    with pytest.raises(InputError, match="only its owner"):
        authors.fetch("gfla-chair", True, silent)
    monkeypatch.setenv(settings.FETCH, "1")
    assert authors.may_fetch() and settings.FETCH not in authors.facts("gfla-chair")


def test_a_spaces_owner_logs_in_and_keeps_what_was_fetched(motion, monkeypatch, tmp_path):
    monkeypatch.setenv("SPACE_ID", "me/suite")
    monkeypatch.setenv("SPACE_AUTHOR_NAME", "me")
    monkeypatch.setenv(settings.OWNERS, "friend,colleague")
    assert authors.may_fetch("me") and authors.may_fetch("friend") and not authors.may_fetch("visitor")
    monkeypatch.setenv("OAUTH_CLIENT_ID", "x")
    for name in ("OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL"):
        monkeypatch.setattr(f"gradio.oauth.{name}", "x")
    monkeypatch.setenv("SYSTEM", "spaces")
    with gr.Blocks() as page:
        authors.draw_authors("gfla")
    assert any(isinstance(block, gr.LoginButton) for block in page.blocks.values())
    get = next(fn.fn for fn in page.fns.values() if fn.name == "get")

    def click(user):
        who = {"name": user, "preferred_username": user, "profile": "", "picture": ""}
        held = {"userinfo": who, "access_token": "", "scope": "", "expires_at": 9e12}
        request = SimpleNamespace(session={"oauth_info": held} if user else {})
        return list(get(*special_args(get, ["gfla-motion", True], request)[0]))

    for stranger in ("visitor", None):
        with pytest.raises((gr.Error, InputError), match="only its owner"):
            click(stranger)
    pushed = []
    monkeypatch.setattr(authors, "push", lambda name, repo: pushed.append((name, repo)) or "there")
    assert "forgets them" in click("me")[-1][0]
    monkeypatch.setattr(authors, "SPACE_STORAGE", tmp_path)
    assert "stay in the Space's storage" in click("me")[-1][0]
    monkeypatch.setenv(settings.TOKEN, "secret")
    monkeypatch.setenv(settings.WEIGHTS_REPO, "me/weights@main")
    assert "A copy is in there" in click("friend")[-1][0] and pushed == [("gfla-motion", "me/weights")]


def test_the_panel_stands_on_a_tab():
    for tab in ("sdl", "gfla"):
        with gr.Blocks() as page:
            authors.draw_authors(tab)
        ids = {block.elem_id for block in page.blocks.values()}
        assert {f"{tab}-authors-accept", f"{tab}-authors-go"} <= ids

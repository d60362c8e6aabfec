"""Where weights are looked for, in which order, and what is said about them; converting, pulling, the command line."""

import hashlib
import json
import sys
import types
import zipfile

import pytest
import torch

from core.cli import main
from core.errors import OptionError, WeightsError
from core.weights import (
    check_seal,
    checksums,
    convert,
    fill_strict,
    load_strict,
    open_checkpoint,
    pull,
    records,
    resolve,
    save_model,
)
from core.weights import places as places_room
from core.weights.conversion import AS_PUBLISHED, converter_of
from core.weights.share import push
from tests.weights.conftest import OTHERS, ToyNetwork, remote


@pytest.fixture
def toy(known):
    return known(remote("", bytes=None, sha256=None, page="https://example.org/page"))


@pytest.fixture
def toy_converter(monkeypatch):
    """A system whose converter reads a bare state dict."""

    def converter(file, folder):
        save_model(fill_strict(ToyNetwork(), open_checkpoint(file), file.name), folder)

    module = types.ModuleType("core.toy.convert")
    module.CONVERTERS = {"toy-net": converter}
    monkeypatch.setitem(sys.modules, "core.toy", types.ModuleType("core.toy"))
    monkeypatch.setitem(sys.modules, "core.toy.convert", module)


def put(folder):
    return save_model(ToyNetwork(), folder)


def test_places_are_asked_in_order(clean, toy, monkeypatch):
    put(clean / "shipped" / "toy-net")
    assert resolve("toy-net").folder == clean / "shipped" / "toy-net"
    hub = put(clean / "hub" / "toy-net")
    monkeypatch.setenv("MORPHOSPACE_WEIGHTS_REPO", "me/weights@v2")
    monkeypatch.setattr(places_room, "from_hub", lambda repo, name: hub if repo == "me/weights@v2" else None)
    assert resolve("toy-net").folder == hub
    put(clean / "cache" / "toy-net")
    assert resolve("toy-net").folder == clean / "cache" / "toy-net"
    monkeypatch.setenv("MORPHOSPACE_WEIGHTS_DIR", str(clean / "mine"))
    assert resolve("toy-net").folder == clean / "cache" / "toy-net"
    put(clean / "mine" / "toy-net")
    assert resolve("toy-net").folder == clean / "mine" / "toy-net"
    found = resolve("toy-net", put(clean / "given"))
    assert (found.folder, found.kind) == (clean / "given", "yours")


def test_the_label_says_whose_weights_they_are(clean, known):
    known(remote("", name="toy-shipped", kind="shipped", title="toy, trained on toys", licence="CC0"))
    known(remote("", name="toy-net"))
    put(clean / "shipped" / "toy-shipped")
    put(clean / "cache" / "toy-net")
    assert resolve("toy-shipped").label == "preview weights: toy, trained on toys (CC0)"
    assert resolve("toy-net").label == "toy network, Toy et al. 2020 (CC BY-NC 4.0)"
    (put(clean / "cache" / "toy-shipped") / "README.md").write_text("---\nlicense: mit\n---\n# My own toys\n")
    found = resolve("toy-shipped")
    assert (found.label, found.kind) == ("My own toys", "yours")


def test_missing_weights_say_all_that_helps(clean, toy):
    with pytest.raises(WeightsError) as caught:
        resolve("toy-net")
    for part in ("file.bin", str(clean / "cache"), str(clean / "shipped"), "https://example.org/page", "CC BY-NC 4.0"):
        assert part in str(caught.value)
    assert "python -m core weights convert toy-net PATH/TO/file.bin" in str(caught.value)
    with pytest.raises(WeightsError, match="holds no weights"):
        resolve("toy-net", clean / "nowhere" / "at" / "all")
    with pytest.raises(OptionError, match="toy-net"):
        resolve("toy-nets")


def test_a_hub_repository_offline_is_not_asked(clean, toy, monkeypatch):
    monkeypatch.setenv("MORPHOSPACE_OFFLINE", "1")
    monkeypatch.setenv("MORPHOSPACE_WEIGHTS_REPO", "nobody/nothing")
    monkeypatch.setenv("HF_HUB_CACHE", str(clean / "hub"))
    with pytest.raises(WeightsError, match="hub:nobody/nothing/toy-net"):
        resolve("toy-net")


def test_converting_puts_sealed_weights_where_they_are_found(clean, toy, toy_converter):
    network = ToyNetwork()
    torch.save(network.state_dict(), clean / "file.bin")
    folder = convert("toy-net", clean / "file.bin")
    assert resolve("toy-net").folder == folder and check_seal(folder) == 2
    assert torch.equal(load_strict(ToyNetwork, folder).last.weight, network.last.weight)
    convert("toy-net", clean / "file.bin")
    assert sorted(p.name for p in (clean / "cache").iterdir()) == ["checksums.json", "toy-net"], "nothing is left over"


def test_a_wrong_file_leaves_what_was_there(clean, toy, toy_converter):
    torch.save(ToyNetwork().state_dict(), clean / "file.bin")
    folder = convert("toy-net", clean / "file.bin")
    torch.save({"w": torch.ones(1)}, clean / "other.bin")
    with pytest.raises(WeightsError, match=r"other\.bin does not fill a ToyNetwork"):
        convert("toy-net", clean / "other.bin")
    assert check_seal(folder) == 2


def test_a_member_of_an_archive_is_taken(clean, known, toy_converter):
    known(remote("", member="best.ckpt"))
    torch.save(ToyNetwork().state_dict(), clean / "best.ckpt")
    with zipfile.ZipFile(clean / "all.zip", "w") as archive:
        archive.write(clean / "best.ckpt", "big/models/best.ckpt")
    assert check_seal(convert("toy-net", clean / "all.zip")) == 2


def test_other_folders_are_not_overwritten(clean, toy, toy_converter):
    torch.save(ToyNetwork().state_dict(), clean / "file.bin")
    (clean / "photos").mkdir()
    (clean / "photos" / "dear.jpg").write_bytes(b"x")
    with pytest.raises(WeightsError, match="holds other things"):
        convert("toy-net", clean / "file.bin", clean / "photos")
    assert (clean / "photos" / "dear.jpg").exists()


def test_pull_fetches_and_converts(server, clean, known, toy_converter, monkeypatch):
    buffer = clean / "served.bin"
    torch.save(ToyNetwork().state_dict(), buffer)
    monkeypatch.setattr("tests.weights.conftest.CONTENT", buffer.read_bytes())
    known(remote(server.address + "/plain", bytes=None, sha256=None))
    assert resolve_after(pull("toy-net", accept=lambda _: True))


def test_a_cut_file_of_unknown_size_is_not_kept_and_a_second_pull_starts_anew(
    server, clean, known, toy_converter, monkeypatch
):
    torch.save(ToyNetwork().state_dict(), clean / "served.bin", _use_new_zipfile_serialization=False)
    whole = (clean / "served.bin").read_bytes()
    monkeypatch.setitem(OTHERS, "/cut", ("application/octet-stream", "", whole[:-200]))
    known(remote(server.address + "/cut", bytes=None, sha256=None))
    with pytest.raises(WeightsError, match="damaged.*deleted, `python -m core weights pull toy-net` begins anew"):
        pull("toy-net", accept=lambda _: True)
    monkeypatch.setitem(OTHERS, "/cut", ("application/octet-stream", "", whole))
    assert resolve_after(pull("toy-net", accept=lambda _: True))
    assert [wanted for _, wanted in server.asked] == [None, None]


def test_the_first_strict_conversion_sets_the_checksum(server, clean, known, toy_converter, monkeypatch, caplog):
    torch.save(ToyNetwork().state_dict(), clean / "served.bin")
    monkeypatch.setitem(OTHERS, "/cut", ("application/octet-stream", "", (clean / "served.bin").read_bytes()))
    entry = known(remote(server.address + "/cut", bytes=None, sha256=None))
    pull("toy-net", accept=lambda _: True)
    digest = hashlib.sha256((clean / "served.bin").read_bytes()).hexdigest()
    assert checksums.expected(entry) == digest and f"{digest[:16]} is remembered" in caplog.text
    (clean / "cache/downloads/toy-net/file.bin").unlink()
    torch.save(ToyNetwork().state_dict(), clean / "other.bin")
    monkeypatch.setitem(OTHERS, "/cut", ("application/octet-stream", "", (clean / "other.bin").read_bytes()))
    with pytest.raises(WeightsError, match=f"{digest[:16]} was expected as remembered.*it is deleted"):
        pull("toy-net", accept=lambda _: True)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"# Morphospace\n\nFive systems, h\xc3\xbcbsch.\n", "is a text file, not a checkpoint"),
        (b'{"a": 1}', "is JSON"),
        (b"<!DOCTYPE html>", "is a web page"),
        (b"", "damaged"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_named_for_what_it_is(clean, toy, toy_converter, content, said):
    (clean / "README.md").write_bytes(content)
    for read in (lambda: convert("toy-net", clean / "README.md"), lambda: open_checkpoint(clean / "README.md")):
        with pytest.raises(WeightsError, match=said):
            read()


def resolve_after(folder) -> bool:
    return resolve("toy-net").folder == folder


def test_every_published_record_is_complete_and_has_a_converter():
    for entry in records().values():
        assert entry.title and entry.licence and entry.kind in ("shipped", "published"), entry
        if entry.kind == "published":
            assert entry.url or entry.page, entry
            assert entry.paper and entry.filename, entry


@pytest.mark.parametrize("entry", [e for e in records().values() if e.kind == "published"], ids=lambda e: e.name)
def test_every_converter_exists(entry):
    if entry.converter == AS_PUBLISHED:
        with pytest.raises(WeightsError, match="needs no conversion"):
            convert(entry.name, "any.file")
        return
    assert callable(converter_of(entry))


@pytest.mark.parametrize("entry", [e for e in records().values() if e.kind == "shipped"], ids=lambda e: e.name)
def test_shipped_weights_are_sealed_small_and_described(entry):
    folder = places_room.WEIGHTS / entry.name
    assert check_seal(folder) > 0
    assert (folder / "README.md").is_file()
    assert max(file.stat().st_size for file in folder.rglob("*")) < 10_000_000


def test_published_weights_go_to_private_repositories_only(clean, toy):
    put(clean / "cache" / "toy-net")
    with pytest.raises(WeightsError, match="private repository only"):
        push("toy-net", "me/weights", public=True)


def test_the_command_line_lists_verifies_and_explains(clean, capsys, monkeypatch):
    assert main(["weights", "list", "--system", "sdl", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["weights"]
    assert {row["system"] for row in rows} == {"sdl"} and len(rows) >= 12
    assert {"licence", "sha256", "bytes", "command", "here", "url"} <= rows[0].keys()
    assert main(["weights", "list"]) == 0
    assert "ripple-lama" in capsys.readouterr().out
    assert main(["weights", "verify", "ripple-lama"]) == 2
    assert "weights pull ripple-lama" in capsys.readouterr().err
    monkeypatch.setenv("MORPHOSPACE_OFFLINE", "1")
    assert main(["weights", "pull", "crossbreed-dog", "--yes", "--quiet"]) == 2
    assert "offline" in capsys.readouterr().err


def test_pull_without_a_terminal_or_yes_fetches_nothing(clean, capsys):
    assert main(["weights", "pull", "ripple-lama", "--quiet"]) == 2
    said = capsys.readouterr().err
    assert "Apache-2.0" in said and "add --yes" in said

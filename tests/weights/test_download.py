"""Downloads from a server that misbehaves in every way we know of."""

import hashlib
import threading

import pytest

from core.errors import CancelledError, WeightsError
from core.weights import download, records
from tests.weights.conftest import CONTENT, remote


def fetch(entry, folder, **options):
    return download(entry, folder, **{"accept": lambda _: True, **options})


@pytest.mark.parametrize("path", ["/plain", "/hub/resolve/main/file.bin", "/uc?id=ID1", "/old?id=ID1"])
def test_plain_hub_and_drive_addresses_give_the_file(server, clean, path):
    steps = []
    file = fetch(remote(server.address + path), clean, progress=lambda fraction, text="": steps.append(fraction))
    assert file.read_bytes() == CONTENT
    assert steps == sorted(steps) and steps[-1] == 1
    assert sorted(p.name for p in clean.iterdir() if p.is_file()) in (["file.bin"], ["file.bin", "file.bin.lock"])


def test_the_licence_is_shown_first_and_a_no_stops(server, clean):
    shown = []
    with pytest.raises(WeightsError, match=r"terms \(CC BY-NC 4.0\) were not accepted"):
        fetch(remote(server.address + "/plain"), clean, accept=lambda entry: shown.append(entry.licence))
    assert shown == ["CC BY-NC 4.0"] and server.asked == []


def test_an_interrupted_download_is_resumed(server, clean):
    server.faults = 2
    assert fetch(remote(server.address + "/interrupted"), clean).read_bytes() == CONTENT
    assert [wanted for _, wanted in server.asked] == [None, "bytes=700000-", "bytes=1400000-"]


def test_a_later_call_goes_on_where_a_cancelled_one_stopped(server, clean):
    def stop(fraction, text=""):
        raise CancelledError("stopped")

    entry = remote(server.address + "/plain")
    with pytest.raises(CancelledError):
        fetch(entry, clean, progress=stop)
    kept = (clean / "file.bin.part").stat().st_size
    assert 0 < kept < len(CONTENT)
    assert fetch(entry, clean).read_bytes() == CONTENT
    assert server.asked[-1][1] == f"bytes={kept}-"


def test_a_file_that_changed_meanwhile_is_fetched_anew(server, clean):
    (clean / "file.bin.part").write_bytes(b"old" * 1000)
    (clean / "file.bin.part.stamp").write_text('"before"')
    assert fetch(remote(server.address + "/plain"), clean).read_bytes() == CONTENT


def test_a_server_without_ranges_is_asked_from_the_start(server, clean):
    server.faults = 1
    assert fetch(remote(server.address + "/norange"), clean).read_bytes() == CONTENT


def test_a_part_longer_than_the_file_is_dropped(server, clean):
    (clean / "file.bin.part").write_bytes(CONTENT + b"more")
    (clean / "file.bin.part.stamp").write_text(server.version)
    assert fetch(remote(server.address + "/plain"), clean).read_bytes() == CONTENT


def test_a_busy_server_is_asked_again(server, clean):
    server.faults = 3
    assert fetch(remote(server.address + "/busy"), clean).read_bytes() == CONTENT


def test_a_file_that_never_ends_says_how_to_go_on(server, clean):
    with pytest.raises(WeightsError, match="incomplete after 5 attempts.*500 bytes are kept.*weights pull toy-net"):
        fetch(remote(server.address + "/stops"), clean)
    assert not (clean / "file.bin").exists()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/uc-quota", "web page titled 'Quota exceeded'"),
        ("/loop", "again and again"),
        ("/missing", "answered 404"),
    ],
)
def test_a_page_instead_of_the_file_is_refused(server, clean, path, said):
    with pytest.raises(WeightsError, match=f"{said}.*by hand.*weights convert toy-net PATH/TO/file.bin"):
        fetch(remote(server.address + path), clean)
    assert not (clean / "file.bin").exists()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/json", "answered with JSON"),
        ("/commented", "web page titled 'Gone'"),
        ("/words", "answered with a text file"),
        ("/packed", "packed with gzip"),
        ("/archive", "ends early"),
    ],
)
def test_what_is_no_checkpoint_is_not_kept_and_fetched_anew(server, clean, path, said):
    """Size and checksum are unknown, as for most published files, and the server states no length."""
    entry = remote(server.address + path, bytes=None, sha256=None)
    with pytest.raises(WeightsError, match=said):
        fetch(entry, clean)
    assert not list(clean.glob("file.bin*[!k]"))
    with pytest.raises(WeightsError, match=said):
        fetch(entry, clean)
    assert [wanted for _, wanted in server.asked] == [None, None]


def test_a_cut_answer_without_length_is_told_by_the_size(server, clean):
    with pytest.raises(WeightsError, match="incomplete after 5 attempts"):
        fetch(remote(server.address + "/cut"), clean)
    assert not (clean / "file.bin").exists()


def test_another_part_than_asked_for_is_dropped(server, clean):
    server.faults = 1
    assert fetch(remote(server.address + "/shifted"), clean).read_bytes() == CONTENT
    assert [wanted for _, wanted in server.asked] == [None, "bytes=700000-", None]
    with pytest.raises(WeightsError, match="another part than was asked for.* 0 bytes are kept"):
        fetch(remote(server.address + "/unasked", name="other"), clean / "other")


def test_a_name_that_carries_its_checksum_is_checked(server, clean):
    digest = hashlib.sha256(CONTENT).hexdigest()[:8]
    good = remote(server.address + "/plain", filename=f"vgg19-{digest}.pth", sha256=None)
    assert fetch(good, clean).read_bytes() == CONTENT
    with pytest.raises(WeightsError, match="dcbb9e9d was expected"):
        fetch(remote(server.address + "/plain", filename="vgg19-dcbb9e9d.pth", sha256=None), clean)
    named = {entry.checksum for entry in records().values() if entry.sha256 is None}
    assert {"dcbb9e9d", "7be5be79"} <= named


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sha256": "0" * 64}, "has the checksum"),
        ({"bytes": 5}, "5 were expected"),
        ({"bytes": 9**9, "sha256": None}, "bytes"),
    ],
)
def test_another_file_is_deleted(server, clean, changes, said):
    with pytest.raises(WeightsError, match=said):
        fetch(remote(server.address + "/plain", **changes), clean)
    assert not list(clean.glob("file.bin")) and not list(clean.glob("*.part"))


def test_offline_and_unfetchable_records_give_the_command(server, clean, monkeypatch):
    with pytest.raises(WeightsError, match="only a person.*https://drive.example.*weights convert toy-net"):
        fetch(remote("", page="https://drive.example"), clean)
    monkeypatch.setenv("MORPHOSPACE_OFFLINE", "1")
    with pytest.raises(WeightsError, match="offline.*Licence: CC BY-NC 4.0.*weights pull toy-net"):
        fetch(remote(server.address + "/plain"), clean)
    assert server.asked == []


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://127.0.0.1/file.bin"])
def test_only_web_addresses_are_opened(clean, address):
    with pytest.raises(WeightsError, match="no web address"):
        fetch(remote(address), clean)


def test_no_server_is_told(clean):
    with pytest.raises(WeightsError, match="incomplete after 5 attempts"):
        fetch(remote("http://127.0.0.1:9/file.bin"), clean)


def test_two_at_once_fetch_once(server, clean):
    entry, done = remote(server.address + "/plain"), []
    threads = [threading.Thread(target=lambda: done.append(fetch(entry, clean))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 4 and len(server.asked) == 1


def test_an_unwritable_place_is_told(server, clean):
    (clean / "taken").write_text("a file where a folder should be")
    with pytest.raises(WeightsError, match="cannot be written.*MORPHOSPACE_CACHE"):
        fetch(remote(server.address + "/plain"), clean / "taken")

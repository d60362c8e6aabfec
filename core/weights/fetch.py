"""Downloads that survive interruption and refuse what is not the file: resumed, locked, checked, renamed at the end."""

from __future__ import annotations

import http.cookiejar
import logging
import os
import re
import shutil
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.parse import urlencode, urljoin, urlsplit

from core.errors import WeightsError
from core.progress import Progress, silent
from core.weights import drive
from core.weights.catalogue import Record
from core.weights.checkpoint import foreign_kind
from core.weights.checksums import wrong_checksum
from core.weights.places import cache_folder, missing_text, offline

ATTEMPTS = 5
CHUNK = 1 << 20
TIMEOUT_S = 30
LOCK_TIMEOUT_S = 3600
log = logging.getLogger(__name__)


def download(
    entry: Record,
    folder: Path | None = None,
    *,
    accept: Callable[[Record], bool],
    progress: Progress = silent,
) -> Path:
    """The published file of a record, complete and checked.

    A second call takes up where an interrupted one stopped; two processes do not disturb each other.

    Args:
        entry: the record; needs a `url` or a Drive page, which is walked.
        folder: where to put the file; `downloads/<record>` in the cache by default.
        accept: called with the record before anything is fetched, to show its licence; False stops here.
        progress: called as bytes arrive.

    Raises:
        WeightsError: offline, refused terms, no direct address, or a wrong, cut or missing answer.
    """
    from filelock import FileLock, Timeout

    folder = folder or cache_folder() / "downloads" / entry.name
    target = folder / entry.filename
    if not entry.url and drive.identity_of(entry.page) is None:
        raise WeightsError("only a person can fetch this file. " + missing_text(entry, [str(target)]))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{target}.lock", timeout=LOCK_TIMEOUT_S):
            if target.is_file() and _fault(entry, target) is None:
                return target
            if offline():
                raise WeightsError("the environment says offline. " + missing_text(entry, [str(target)]))
            if not accept(entry):
                raise WeightsError(f"{entry.name} was not fetched: its terms ({entry.licence}) were not accepted")
            return _fetch(replace(entry, url=_located(entry)), target, progress)
    except Timeout as error:
        raise WeightsError(
            f"another process has been fetching {entry.filename} for an hour: stop it and try again"
        ) from error
    except OSError as error:
        raise WeightsError(f"{target} cannot be written ({error}): free space, or set MORPHOSPACE_CACHE") from error


def _located(entry: Record) -> str:
    try:
        return drive.direct_address(entry)
    except WeightsError as error:
        raise WeightsError(f"{error}; {_by_hand(entry)}") from error


def _fetch(entry: Record, target: Path, progress: Progress) -> Path:
    part = target.with_name(target.name + ".part")
    said = ""
    for _ in range(ATTEMPTS):
        try:
            complete = _one_attempt(entry, part, progress)
        except urllib.error.HTTPError as error:
            if error.code == 416:  # the part is longer than the file: it is another file's
                part.unlink(missing_ok=True)
                continue
            if error.code < 500:
                raise WeightsError(f"{entry.url} answered {error.code} {error.reason}: {_by_hand(entry)}") from error
            said = f"the server answered {error.code}"
        except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
            said = str(getattr(error, "reason", error)) or type(error).__name__
        else:
            if complete:
                return _checked(entry, part, target)
            said = "the connection ended early"
        log.info("%s: %s, asking again", entry.url, said)
    here = part.stat().st_size if part.is_file() else 0
    raise WeightsError(
        f"{entry.filename} is incomplete after {ATTEMPTS} attempts ({said}; {here} bytes are kept): "
        f"run the command again to go on: {entry.command}"
    )


def _one_attempt(entry: Record, part: Path, progress: Progress) -> bool:
    """Append what the server still has; True when all of it is there."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    stamp = part.with_name(part.name + ".stamp")
    have = part.stat().st_size if part.is_file() and stamp.is_file() else 0
    headers = {"User-Agent": "morphospace", "Accept-Encoding": "identity"}
    if have:
        # Without the same stamp the server sends the whole file: two versions are never glued together.
        log.info("going on at byte %d of %s", have, entry.filename)
        headers |= {"Range": f"bytes={have}-", "If-Range": stamp.read_text()}
    response, body = _open(opener, entry.url, headers, entry)
    with response:
        resumed = response.status == 206
        start = have if resumed else 0
        if resumed and not _continues(response, have, entry):
            part.unlink(missing_ok=True)
            stamp.unlink(missing_ok=True)
            raise ConnectionError("the server sent another part than was asked for")
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else entry.bytes
        if total and total - start > (free := shutil.disk_usage(part.parent).free):
            raise WeightsError(
                f"{entry.filename} needs {(total - start) / 1e6:.0f} MB, {free / 1e6:.0f} MB are free in {part.parent}: "
                "free space, or set MORPHOSPACE_CACHE"
            )
        if version := response.headers.get("ETag") or response.headers.get("Last-Modified"):
            stamp.write_text(version)
        else:
            stamp.unlink(missing_ok=True)
        with part.open("ab" if resumed else "wb") as file:
            done = start
            while body:
                file.write(body)
                done += len(body)
                progress(min(1.0, done / total) if total else 0.0, f"{entry.filename}: {done / 1e6:.1f} MB")
                body = response.read(CHUNK)
    return total is None or done >= total


def _continues(response: HTTPResponse, have: int, entry: Record) -> bool:
    """Whether a partial answer begins where our part ends, and belongs to a file of the expected size."""
    named = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.headers.get("Content-Range", "").strip())
    if not named or not have or int(named[1]) != have:
        return False
    length = response.headers.get("Content-Length")
    size = named[3] if named[3].isdigit() else str(entry.bytes or int(named[2]) + 1)
    whole = int(named[2]) + 1 == int(size) and (entry.bytes is None or int(size) == entry.bytes)
    return whole and (length is None or int(length) == int(size) - have)


def _open(
    opener: urllib.request.OpenerDirector, url: str, headers: dict[str, str], entry: Record
) -> tuple[HTTPResponse, bytes]:
    """The answer that carries the file, and its first bytes; a drive's "download anyway" page is answered once."""
    for _ in range(2):
        if urlsplit(url).scheme not in ("http", "https"):
            raise WeightsError(f"{url} is no web address: {_by_hand(entry)}")
        response = opener.open(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_S)
        body = response.read(CHUNK)
        kind = _unfit(response, body)
        if kind is None:
            return response, body
        page = body.decode("utf-8", errors="replace")
        response.close()
        if kind != "a web page":
            raise WeightsError(f"{url} answered with {kind} instead of {entry.filename}: {_by_hand(entry)}")
        onward = _confirmation(page, url)
        if onward is None:
            title = re.search(r"<title[^>]*>(.*?)</title>", page, re.I | re.S)
            named = f" titled {title.group(1).strip()[:80]!r}" if title else ""
            raise WeightsError(f"{url} answered with a web page{named} instead of {entry.filename}: {_by_hand(entry)}")
        url = onward
    raise WeightsError(f"{entry.url} asks for confirmation again and again: {_by_hand(entry)}")


def _unfit(response: HTTPResponse, body: bytes) -> str | None:
    """What came in place of a file; None where it may be one. The rest of a file that was begun may look like anything."""
    packed = response.headers.get("Content-Encoding", "identity").lower()
    if packed not in ("identity", ""):
        return f"a body packed with {packed}"
    if response.status == 206:
        return None
    return foreign_kind(body[:512])


class _Form(HTMLParser):
    """The first form with a `confirm` field: its action and its fields."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.link = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note forms, their fields and links that carry a confirmation."""
        values = {name: value or "" for name, value in attrs}
        if tag == "form" and not self.fields.get("confirm"):
            self.action, self.fields = values.get("action", ""), {}
        elif tag == "input" and values.get("name"):
            self.fields[values["name"]] = values.get("value", "")
        elif tag == "a" and "confirm=" in values.get("href", ""):
            self.link = values["href"]


def _confirmation(page: str, url: str) -> str | None:
    """Where a drive's warning page ("too large to scan") leads on to, None for any other page."""
    form = _Form()
    form.feed(page)
    if form.action and form.fields.get("confirm"):
        onward = urljoin(url, form.action)
        return onward + ("&" if urlsplit(onward).query else "?") + urlencode(form.fields)
    return urljoin(url, form.link) if form.link else None


def _checked(entry: Record, part: Path, target: Path) -> Path:
    fault = _fault(entry, part)
    if fault:
        part.unlink()
        part.with_name(part.name + ".stamp").unlink(missing_ok=True)
        raise WeightsError(f"{entry.filename} from {entry.url} {fault}: it is deleted; {_by_hand(entry)}")
    part.with_name(part.name + ".stamp").unlink(missing_ok=True)
    os.replace(part, target)
    return target


def _fault(entry: Record, file: Path) -> str | None:
    """What is wrong with a complete file, None if nothing is."""
    size = file.stat().st_size
    if size == 0:
        return "is empty"
    if entry.bytes is not None and size != entry.bytes:
        return f"has {size} bytes, {entry.bytes} were expected"
    with file.open("rb") as stream:
        start = stream.read(512)
    if kind := foreign_kind(start):
        return f"is {kind}"
    if start.startswith(b"PK\x03\x04") and not zipfile.is_zipfile(file):
        return "ends early"
    return wrong_checksum(entry, file)


def _by_hand(entry: Record) -> str:
    return (
        f"fetch it by hand from {entry.page or entry.url} and run "
        f"python -m core weights convert {entry.name} PATH/TO/{entry.filename}"
    )

"""Google Drive pages: the file that a record wants from a shared folder or link, as an address that `fetch` can ask.

A shared folder is read through its embedded view, the only listing that needs no key; layout as of 2026.
"""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from html.parser import HTMLParser
from http.client import HTTPException
from urllib.parse import urlsplit

from core.errors import WeightsError
from core.weights.archives import is_archive_name
from core.weights.catalogue import Record

TIMEOUT_S = 30
DEEPEST = 3
PAGE = re.compile(r"/(?:drive/(?:u/\d+/)?folders|file/d)/([\w-]+)|/open\?(?:.*&)?id=([\w-]+)")


@dataclass(frozen=True)
class Item:
    """A file or folder of a shared folder."""

    identity: str
    name: str
    is_folder: bool


class _Listing(HTMLParser):
    """The entries of an embedded folder view: a link to each, and its name."""

    def __init__(self) -> None:
        super().__init__()
        self.items: list[Item] = []
        self.link = ""
        self.in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note links and where a title begins."""
        values = {name: value or "" for name, value in attrs}
        if tag == "a" and PAGE.search(values.get("href", "")):
            self.link = values["href"]
        self.in_title = "flip-entry-title" in values.get("class", "")

    def handle_data(self, data: str) -> None:
        """A title ends an entry."""
        if self.in_title and self.link and data.strip():
            self.items.append(Item(identity_of(self.link) or "", data.strip(), "/folders/" in self.link))
            self.link, self.in_title = "", False


def identity_of(page: str) -> str | None:
    """The identity in a Drive address, None where it is none."""
    found = PAGE.search(page)
    return (found[1] or found[2]) if found else None


def direct_address(entry: Record) -> str:
    """The address of a record's file: its own, or found by walking its Drive page.

    Raises:
        WeightsError: the page cannot be read, or nothing in the folder fits.
    """
    if entry.url:
        return entry.url
    root = identity_of(entry.page)
    if root is None:
        raise WeightsError(f"{entry.page or entry.name} is no page that can be walked")
    parts = urlsplit(entry.page)
    host = f"{parts.scheme}://{parts.netloc}"
    items = _list(host, root)
    if items:
        found = _fitting(entry, host, items, 1)
        if found is None:
            names = ", ".join(item.name for item in items[:8])
            raise WeightsError(f"{entry.page} holds no {entry.filename} and no archive, but {names}")
        root = found
    # A page without entries is that of a single file.
    return f"{host}/uc?export=download&id={root}"


def _list(host: str, identity: str) -> list[Item]:
    address = f"{host}/embeddedfolderview?id={identity}"
    request = urllib.request.Request(address, headers={"User-Agent": "morphospace"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            page = answer.read().decode("utf-8", errors="replace")
    except urllib.error.HTTPError as error:
        if error.code in (400, 403, 404):
            return []
        raise WeightsError(f"{address} answered {error.code} {error.reason}: try again later") from error
    except (urllib.error.URLError, HTTPException, TimeoutError, OSError) as error:
        raise WeightsError(f"{address} cannot be reached ({getattr(error, 'reason', error)}): try again") from error
    listing = _Listing()
    listing.feed(page)
    return listing.items


def _fitting(entry: Record, host: str, items: list[Item], depth: int) -> str | None:
    """The wanted file: by its name, else an archive, else in a folder below."""
    files = [item for item in items if not item.is_folder]
    wanted = [item for item in files if item.name == entry.filename] or [
        item for item in files if is_archive_name(item.name)
    ]
    if wanted:
        return wanted[0].identity
    for folder in (item for item in items if item.is_folder and depth < DEEPEST):
        if found := _fitting(entry, host, _list(host, folder.identity), depth + 1):
            return found
    return None

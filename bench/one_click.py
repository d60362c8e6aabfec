"""The authors' weights by one click: every published record from an imitation server, on deterministic weights in its layout."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path
from unittest import mock

from bench import Row
from core import settings
from core.errors import MorphospaceError
from core.progress import silent
from core.ui.parts.authors import fetch
from core.weights import Record, catalogue, load_strict, records
from core.weights.conversion import AS_PUBLISHED
from core.weights.places import local_folder
from tests.weights.conftest import Server, serving
from tests.weights.published_files import CONTENTS, published_bytes, zipped


def rows() -> list[Row]:
    """Click on every record that has a network here."""
    wanted = [e for e in records().values() if e.kind == "published" and e.name in CONTENTS]
    apart = [e.name for e in records().values() if e.kind == "published" and e.name not in CONTENTS]
    failed = [f"{entry.name} ({said})" for entry in wanted if (said := fault_of(entry))]
    measured = f"{len(wanted) - len(failed)} of {len(wanted)}" + (f"; not: {', '.join(failed)}" if failed else "")
    told = (
        f"{sum(e.converter == AS_PUBLISHED for e in records().values())} are read as published; without a manifest: "
        + ", ".join(apart)
    )
    return [
        Row(
            "published records downloaded, converted and loaded strictly",
            "all with a network here",
            measured,
            not failed,
        ),
        Row("published records left out", "", told),
    ]


def fault_of(entry: Record) -> str | None:
    """What went wrong with one record's click, None if nothing did. Drive pages are walked, archives unpacked."""
    with serving() as server, tempfile.TemporaryDirectory() as cache:
        offered = offer(server, entry)
        listed = {**records(), entry.name: offered}
        clean = {name: value for name, value in os.environ.items() if name not in (settings.OFFLINE, "HF_HUB_OFFLINE")}
        with (
            mock.patch.object(catalogue, "records", lambda: listed),
            mock.patch.dict(os.environ, {**clean, settings.CACHE: cache}, clear=True),
        ):
            try:
                fetch(entry.name, True, silent)
                return loaded_fault(local_folder(entry.name, shipped=False))
            except MorphospaceError as error:
                return str(error)[:120]


def loaded_fault(folder: Path | None) -> str | None:
    """What keeps the networks of a converted folder from loading."""
    import json

    if folder is None:
        return "not found after the conversion"
    for config in folder.rglob("config.json"):
        name = json.loads(config.read_text())["_class_name"]
        if (found := network_class(name)) is None:
            return f"no class {name}"
        load_strict(found, config.parent)
    return None


def network_class(name: str) -> type | None:
    """A network of ours by its name; its module was imported by the converter."""
    from diffusers import ModelMixin

    below = list(ModelMixin.__subclasses__())
    while below:
        found = below.pop()
        if found.__name__ == name:
            return found
        below += found.__subclasses__()
    return None


def offer(server: Server, entry: Record) -> Record:
    """The record as the server gives it: a file, or a Drive folder with an archive in a folder."""
    data = published_bytes(entry)
    if entry.url:
        server.shared["ID1"] = data
        return replace(entry, url=f"{server.address}/file?id=ID1")
    server.shared["ID1"] = zipped(f"checkpoints/{entry.filename}", data)
    server.folders["ID2"] = [("ID3", "notes.txt", False), ("ID4", "checkpoints", True)]
    server.folders["ID4"] = [("ID1", "checkpoints.zip", False)]
    return replace(entry, page=f"{server.address}/drive/folders/ID2")

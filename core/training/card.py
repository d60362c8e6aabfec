"""A finished run as weights to ship: averaged networks, a model card that says where they come from, checksums."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import WeightsError
from core.training.checkpoint import load_trained

CARD = """---
license: {licence_id}
library_name: diffusers
tags: [morphospace, {system}]
---
# {title}

{summary}

| | |
|---|---|
| system | `core/{system}` |
| trained on | {data} |
| licence | {licence} |
| steps | {steps} |
| command | `{command}` |
| commit | {commit} |
| machine | {machine} |
| started | {started} |

Options: {options}

{curves}## Limits

{limits}
"""


@dataclass(frozen=True)
class Card:
    """What a model card says that a run does not know.

    Attributes:
        title: one line, shown to users as the name of the weights.
        system: the folder below `core`.
        summary: what it does, at which size, how well; Markdown.
        data: what it was trained on, with licences and what was held out.
        licence: terms of the weights in words.
        limits: what it cannot do; Markdown.
        licence_id: the hub's identifier of the licence.
    """

    title: str
    system: str
    summary: str
    data: str
    licence: str
    limits: str
    licence_id: str = "other"


def export(run: str | Path, networks: Mapping[str, Any], folder: str | Path, card: Card, averaged: bool = True) -> Path:
    """Write a run's newest weights in the layout that `core.weights.load_strict` reads.

    Args:
        run: the run's `out`.
        networks: networks to fill and write, by their name in the recipe; one goes into `folder` itself, several into
            a folder each.
        folder: `weights/<record>`, made if missing.
        card: what the model card shall say.
        averaged: take averaged weights where the run kept them.

    Raises:
        WeightsError: no such run, or other networks.
    """
    from core.weights import save_model

    steps = load_trained(run, networks, averaged)
    for name, network in networks.items():
        save_model(network, folder if len(networks) == 1 else Path(folder) / name)
    return describe(run, folder, card, steps)


def describe(run: str | Path, folder: str | Path, card: Card, steps: int | None = None) -> Path:
    """Add the model card, the curves and the checksums to weights that are written already."""
    from core.weights import seal

    origin = Path(run) / "run.json"
    if not origin.is_file():
        raise WeightsError(f"{run} holds no run.json: name the folder (--out) of a training run")
    facts = json.loads(origin.read_text(encoding="utf-8"))
    folder, curves = Path(folder), Path(run) / "curves.png"
    if curves.is_file():
        shutil.copyfile(curves, folder / "curves.png")
    text = CARD.format(
        **vars(card),
        steps=steps if steps is not None else facts["options"]["steps"],
        command="python -m core " + " ".join(_without_folders(word) for word in facts["command"].split()[1:]),
        commit=facts["commit"] or "unknown",
        machine=facts["machine"],
        started=facts["started"],
        options=", ".join(f"{k}={_without_folders(str(v))}" for k, v in facts["options"].items() if k != "out"),
        curves="![curves](curves.png)\n\n" if curves.is_file() else "",
    )
    (folder / "README.md").write_text(text, encoding="utf-8")
    seal(folder)
    return folder


def _without_folders(word: str) -> str:
    """A path of the machine that trained tells nobody anything: its last part stays."""
    return Path(word).name if word.startswith("/") else word

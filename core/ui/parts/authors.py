"""*Get the authors' weights*: source, terms, size, free disk, consent, then download, conversion and use, on every tab."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from core import settings
from core.errors import InputError, WeightsError
from core.progress import Progress
from core.ui.parts.handlers import BAR, stream
from core.weights import before_consent, cache_folder, pull, record, records
from core.weights.catalogue import Record
from core.weights.places import SPACE_STORAGE, local_folder
from core.weights.share import push

NOT_HERE = "not here: see Get the authors' weights"
CLOSED = (
    "On a Space only its owner fetches weights: log in as the owner (`hf_oauth: true` in the Space's card), or set "
    "MORPHOSPACE_FETCH to 1 in its settings. They are kept in its persistent storage, and in the private repository that "
    "MORPHOSPACE_WEIGHTS_REPO names, if the secret HF_TOKEN may write there."
)
Choices = list[tuple[str, str]]


def published(system: str) -> list[Record]:
    """The authors' files of a system, in the order of the list."""
    return [entry for entry in records().values() if entry.system == system and entry.kind == "published"]


def is_here(entry: Record) -> bool:
    """Whether weights are on this machine, converted or as they were published; no server is asked."""
    return local_folder(entry.name) is not None or fetched_file(entry).is_file()


def fetched_file(entry: Record) -> Path:
    """Where the published file lies after a download."""
    return cache_folder() / "downloads" / entry.name / entry.filename


def labelled(names: dict[str, str]) -> Choices:
    """Choices of a control, (label, value) by value and record: those whose weights are absent say so."""
    return [
        (value if not name or is_here(record(name)) else f"{value} ({NOT_HERE})", value)
        for value, name in names.items()
    ]


def facts(name: str) -> str:
    """What a person should know before fetching a record."""
    entry = record(name)
    terms = f"[{entry.licence}]({entry.licence_url})" if entry.licence_url else entry.licence
    lines = {
        **before_consent(entry), "terms": terms, "here": "yes" if is_here(entry) else "no", "by hand": f"`{entry.command}`",
    }  # fmt: skip
    return "\n".join(f"- {key}: {value}" for key, value in lines.items()) + ("" if may_fetch() else f"\n\n{CLOSED}")


def may_fetch(user: str | None = None) -> bool:
    """Whether this server fetches weights for a user: at home, for a Space's owner, or where a setting opens it to all."""
    return user in settings.owners() or settings.switched_on(settings.FETCH) or not settings.on_a_space()


def offers_login() -> bool:
    """Whether the Hub's login works here: on a Space whose card asks for it."""
    return settings.on_a_space() and bool(os.environ.get("OAUTH_CLIENT_ID"))


def kept(name: str) -> str:
    """Where fetched weights outlive a restart; on a Space they also go to the private repository that a setting names."""
    repo = os.environ.get(settings.WEIGHTS_REPO, "").split("@")[0]
    if not settings.on_a_space():
        return ""
    if repo and os.environ.get(settings.TOKEN):
        try:
            return f" A copy is in {push(name, repo)}."
        except WeightsError as error:
            return f" No copy of them: {error}."
    if cache_folder().is_relative_to(SPACE_STORAGE):
        return " They stay in the Space's storage."
    return " The Space forgets them when it restarts: give it persistent storage, or name a private repository."


def fetch(name: str, accepted: bool, progress: Progress, user: str | None = None) -> str:
    """Download and convert a record; what is here already stays as it is until the new one is whole.

    Raises:
        InputError: no consent, or nobody may.
        WeightsError: it failed; a part that was fetched is kept, and the next try goes on there.
    """
    entry = record(name)
    if not may_fetch(user):
        raise InputError(CLOSED)
    if not accepted:
        raise InputError(f"{name}: tick the box first; its terms are: {entry.licence}")
    try:
        place = pull(name, accept=lambda _: True, progress=progress)
    except WeightsError as error:
        raise WeightsError(f"{error}. Nothing that was here is lost.") from error
    return f"**{name}** is here: {place}. It answers from now on where it is chosen.{kept(name)}"


def draw_authors(tab: str, chooser: Component | None = None, choices: Callable[[], Choices] | None = None) -> None:
    """The panel of a system.

    Args:
        tab: the tab's id, which is the system's name.
        chooser: the control that chooses weights, if any.
        choices: its labelled choices, asked again after a download.
    """
    names = [entry.name for entry in published(tab)]
    if not names:
        return
    with gr.Accordion("Get the authors' weights", open=False, elem_id=f"{tab}-authors"):
        which = gr.Dropdown(
            names, value=names[0], label="Weights", info="which of the published files to fetch",
            elem_id=f"{tab}-authors-record",
        )  # fmt: skip
        shown = gr.Markdown(facts(names[0]), elem_id=f"{tab}-authors-facts")
        accepted = gr.Checkbox(
            False, label="I have read these terms and accept them", info="nothing is fetched without it",
            elem_id=f"{tab}-authors-accept",
        )  # fmt: skip
        if offers_login():
            gr.LoginButton("Log in as the Space's owner", elem_id=f"{tab}-authors-login")
        allowed = may_fetch() or offers_login()
        go = gr.Button("Download, convert and use", elem_id=f"{tab}-authors-go", interactive=allowed)
        said = gr.Markdown(elem_id=f"{tab}-authors-said")
    which.change(lambda name: (facts(name), False), which, [shown, accepted], api_visibility="private")
    outputs = [said, shown, *([chooser] if chooser else [])]

    def get(name: str, yes: bool, profile: gr.OAuthProfile | None = None, bar: gr.Progress = BAR) -> Iterator[Any]:
        def work(progress: Progress) -> tuple[Any, ...]:
            told = fetch(name, yes, progress, profile.username if profile else None)
            return told, facts(name), *([gr.update(choices=choices())] if chooser and choices else [])

        yield from stream(work, bar, len(outputs))

    go.click(get, [which, accepted], outputs, api_visibility="private", concurrency_id="fetch", concurrency_limit=1)

"""Licence texts and credits travel with what needs them."""

from __future__ import annotations

import re

import pytest
from huggingface_hub import ModelCard, SpaceCard

from core import publish
from core.weights import records
from tests.conftest import ROOT

WEIGHTS = ROOT / "weights"
SHIPPED = sorted(name for name, entry in records().items() if entry.kind == "shipped")
# Identifier on the Hub: how a record names it, and how its text begins; the strictest last.
LICENCES = {
    "cc0-1.0": ("CC0 1.0", "Creative Commons Legal Code\n\nCC0 1.0 Universal"),
    "cc-by-4.0": ("CC BY 4.0", "Creative Commons Attribution 4.0 International"),
    "cc-by-sa-4.0": ("CC BY-SA 4.0", "Creative Commons Attribution-ShareAlike 4.0 International"),
}
# What a card says it learned from, and whom it has to name for that.
CREDITS = {
    r"Oxford-IIIT|photos of cats|pets\.csv": ["Parkhi", "Vedaldi", "Zisserman", "Jawahar", "vgg/data/pets"],
    r"London": ["DeBruine", "figshare.5047666"],
    r"Bunny": ["Blender Foundation", "licenses/by/3.0"],
    r"Intel": ["intel-iot-devkit/sample-videos"],
    r"Magenta": ["Google LLC", "LICENSE-Apache-2.0", "NOTICE"],
}
DATA_THAT_ASKS = {"Oxford-IIIT": "cc-by-sa-4.0", "London": "cc-by-4.0", "Intel": "cc-by-4.0", "Bunny": "cc-by-4.0"}


def card(name: str) -> tuple[str, str]:
    """Identifier and Licence section of a record's card."""
    loaded = ModelCard.load(WEIGHTS / name / "README.md")
    return loaded.data.license, loaded.content.partition("## Licence\n")[2]


@pytest.mark.parametrize("name", SHIPPED)
def test_weights_carry_licence_and_credits(name):
    identifier, section = card(name)
    words, beginning = LICENCES[identifier]
    whole = (WEIGHTS / name / "README.md").read_text()
    assert (WEIGHTS / name / "LICENSE").read_text().startswith(beginning)
    assert words in section and records()[name].licence.startswith(words)
    for learned, credits in CREDITS.items():
        if re.search(learned, whole):
            assert not [credit for credit in credits if credit not in section], learned
    strictness = list(LICENCES).index(identifier)
    for data, least in DATA_THAT_ASKS.items():
        assert data not in whole or strictness >= list(LICENCES).index(least), f"learned from {data}"


@pytest.mark.parametrize("name", [*publish.space_names(), "."])
def test_a_spaces_card_says_what_its_weights_carry(name):
    text = SpaceCard.load((ROOT if name == "." else publish.SPACES / name) / "README.md")
    tabs = publish.tabs_of(publish.SUITE if name == "." else name)
    sources = publish.reached(["core.ui.build", *(f"core.ui.tabs.{tab}" for tab in tabs)])
    carried = {file.relative_to(WEIGHTS).parts[0] for file in publish.weights_of(tabs, sources)} - {"records.json"}
    strictest = max((card(each)[0] for each in carried), key=list(LICENCES).index, default="cc0-1.0")
    assert text.data.license == (
        "mit" if strictest == "cc0-1.0" else strictest
    )  # the code's, where weights ask nothing
    if name != ".":
        section = text.content.partition("## Licence\n")[2]
        assert "MIT" in section
        assert set(re.findall(r"`([a-z]+-[a-z-]+)`", section)) == carried
        for each in carried:
            line = next(line for line in section.split(";\n- ") if f"`{each}`" in line)
            assert LICENCES[card(each)[0]][0] in line


def test_apache_layers_bring_text_and_notice():
    folder = WEIGHTS / "sdl-style"
    assert "Version 2.0, January 2004" in (folder / "LICENSE-Apache-2.0").read_text()
    notice = (folder / "NOTICE").read_text()
    assert "Copyright Google LLC" in notice and "Changes:" in notice


def test_texts_are_staged_with_what_needs_them(staged):
    for file in ("LICENSE", "LICENSE-Apache-2.0", "NOTICE"):
        assert (staged("sdl") / "weights/sdl-style" / file).is_file()
    assert "omertov" in (staged("ripple") / "core/ripple/paper/constants/LICENSE-encoder4editing.txt").read_text()
    assert (staged("ripple") / "LICENSE").read_text().startswith("MIT")

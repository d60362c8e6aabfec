"""Morphs of cats and dogs: the pictures at the ends, one animal between, people and textures left to the network."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from core.animals.blending import layers
from core.animals.head_alignment.detector import PetHead
from core.image import Box, limit_size
from core.sdl.jobs import JOBS, answered_by, misfit
from core.sdl.methods.animal_morph import morph
from tests.conftest import ROOT
from tests.sdl.conftest import textured

PETS = sorted((ROOT / "core" / "ui" / "examples" / "pets").glob("*.png"))


@pytest.fixture
def pets(monkeypatch):
    """Two drawn heads, wider than high, (96, 128); the filler has tests of its own."""
    monkeypatch.setattr(layers, "fill_holes", lambda picture, hole: picture)
    return [limit_size(Image.open(file).convert("RGB"), 128).crop((0, 16, 128, 112)) for file in PETS[:2]]


@pytest.mark.slow
def test_ends_are_the_pictures_and_the_middle_is_sharp(pets):
    found = morph.find_animal_morph(*pets)
    first, second = (np.asarray(picture) for picture in pets)
    assert np.array_equal(found.paint(0.0), first) and np.array_equal(found.paint(1.0), second)
    middle = found.paint(0.5)
    assert middle.shape == first.shape and middle.dtype == np.uint8
    # On the heads: what lies around them is the filler's.
    heads = [picture[24:72, 32:96].astype(float) for picture in (first, middle, second)]
    steps = [np.abs(np.diff(head, axis=0)).mean() for head in heads]
    fade = np.abs(np.diff((heads[0] + heads[2]) / 2, axis=0)).mean()
    assert steps[1] > 0.9 * min(steps[0], steps[2]) and steps[1] > 1.1 * fade


def test_what_is_no_animal_is_left_to_the_network(monkeypatch):
    pictures, box = [textured(128, 96, seed) for seed in range(2)], Box(0, 0, 90, 90)
    monkeypatch.setattr(
        morph, "find_heads", lambda picture: [PetHead(box, 0.9, "cat")] if picture is pictures[0] else []
    )
    assert morph.find_animal_morph(*pictures) is None
    monkeypatch.setattr(morph, "find_heads", lambda _: [PetHead(box, 0.9, "cat")])
    monkeypatch.setattr(morph, "detect_faces", lambda _: [SimpleNamespace(box=Box(0, 0, 95, 95))])
    assert morph.find_animal_morph(*pictures) is None


def test_a_head_that_is_moved_as_a_whole_is_told():
    assert "look in different directions" in misfit(JOBS["morph"], {"landmarks": 1, "looking_apart": 1})
    assert "as a whole" in misfit(JOBS["morph"], {"animals": 1}) and not misfit(JOBS["morph"], {"animals": 2})
    assert "no network" in answered_by({"animals": 2}, "ours") and answered_by({"landmarks": 1}, "ours") == "ours"

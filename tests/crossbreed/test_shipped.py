"""The weights that ship, on our drawn pets: heads, copies, morphs."""

import pytest
from PIL import Image
from torch.nn import functional as F

from core.animals.head_alignment.detector import find_head
from core.crossbreed.options import CrossbreedOptions
from core.crossbreed.pipeline import CrossbreedPipeline
from core.metrics import psnr
from core.weights import WEIGHTS, check_seal
from tests.conftest import ROOT

PETS = sorted((ROOT / "core" / "ui" / "examples" / "pets").glob("*.png"))


@pytest.fixture(scope="module")
def pipe():
    return CrossbreedPipeline.from_record(
        "crossbreed-pets", WEIGHTS / "crossbreed-pets", device="cpu", precision="float32"
    )


@pytest.fixture(scope="module")
def prepared(pipe):
    return pipe.prepare(*PETS[:2])


@pytest.mark.parametrize("name", ["crossbreed-pets", "pet-heads", "pet-look"])
def test_files_are_what_was_sealed(name):
    assert check_seal(WEIGHTS / name) >= 2
    card = (WEIGHTS / name / "README.md").read_text()
    assert "Licence" in card and "CC BY-SA 4.0" in card


@pytest.mark.parametrize("file", PETS, ids=lambda file: file.stem)
def test_drawn_heads_are_found(file):
    picture = Image.open(file).convert("RGB")
    box = find_head(picture).box
    x, y = (box.left + box.right) / 2 / picture.width, (box.top + box.bottom) / 2 / picture.height
    assert 0.35 < x < 0.65 and 0.35 < y < 0.65 and 0.3 < box.width / picture.width < 1


@pytest.mark.slow
def test_copies_resemble_their_pictures(prepared):
    assert prepared.figures["reconstruction_psnr_db"] > 20


def test_morph_runs_from_picture_to_picture(pipe, prepared):
    frames = pipe.render(prepared, [0.0, 0.25, 0.5, 0.75, 1.0])
    assert psnr(frames[:1], prepared.crops[:1]) > 60 and psnr(frames[-1:], prepared.crops[1:]) > 60
    to_first = [psnr(frame[None], prepared.crops[:1]) for frame in frames]
    assert to_first == sorted(to_first, reverse=True)


def test_appearance_carries_colour(pipe, prepared):
    """The cat in the dog's appearance goes a good part of the way to the dog's colours (the card says how far)."""
    places = {"shape": [0.0, 1.0, 0.0], "appearance": [0.0, 1.0, 1.0]}
    plain = pipe.prepare(*PETS[:2], options=CrossbreedOptions(size_px=128, exact_ends=False))
    cat, dog, swapped = pipe.render(plain, [0.0] * 3, tau=0.0, **places).mean(dim=(2, 3))
    assert (swapped - dog).abs().mean() < 0.85 * (cat - dog).abs().mean()
    assert (swapped - cat).abs().mean() > 0.15 * (cat - dog).abs().mean()


@pytest.mark.slow
def test_every_size_is_the_same_picture(pipe):
    small, large = (
        pipe.render(pipe.prepare(*PETS[:2], options=CrossbreedOptions(size_px=size, exact_ends=False)), [0.5])
        for size in (128, 256)
    )
    assert psnr(F.interpolate(large, (128, 128), mode="area"), small) > 30

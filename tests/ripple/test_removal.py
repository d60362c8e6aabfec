"""The object remover: what stays, what joins, who is not copied."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from gradio.components.image_editor import EditorData
from gradio.data_classes import FileData
from PIL import Image

from core.errors import InputError, NothingFoundError, ShapeError
from core.progress import silent
from core.ripple.components import choose_inpainter
from core.ripple.methods.repainting import removal
from core.ripple.methods.repainting.inpainters import fill_by_patches
from core.ripple.methods.repainting.removal import mask_share, people_beside, remove_object
from core.ripple.options import REMOVER_SIDE_PX, RemoverOptions
from core.ui.parts.picture import MaskInput
from core.ui.remover import remove
from tests.ripple.conftest import grey_fill

OPTIONS = RemoverOptions(grow_px=2, feather_px=3)


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(picture: Image.Image) -> torch.Tensor:
        raise NothingFoundError("no person")

    monkeypatch.setattr(removal, "person_mask", none)


def noise(high: int, wide: int) -> np.ndarray:
    return np.random.default_rng(1).integers(60, 200, (high, wide, 3)).astype(np.uint8)


@pytest.mark.parametrize("size", [(150, 210), (90, 2600)])
def test_only_the_mask_and_its_feather_change(size: tuple[int, int]) -> None:
    picture, mask = noise(*size), np.zeros(size, np.uint8)
    mask[40:60, 50:80] = 255
    result, _ = remove_object(Image.fromarray(picture), mask, grey_fill, OPTIONS)
    out, share = np.asarray(result), mask_share(mask, 2, 3)
    assert out.shape == picture.shape
    assert np.array_equal(out[share == 0], picture[share == 0])
    assert (out[share == 1] == 128).all()
    # The mask ends 2 px further, the feather 3 px beyond that.
    assert share[50, 81] == 1 and 0 < share[50, 82] < 1 and share[50, 84] > 0 and share[50, 85] == 0


def test_a_network_sees_a_bounded_region_and_the_photograph_keeps_its_size() -> None:
    sizes = []

    def fill(picture: Image.Image, mask: np.ndarray, progress: object) -> Image.Image:
        sizes.append(picture.size)
        return grey_fill(picture, mask)

    picture, mask = Image.new("RGB", (6000, 900)), np.zeros((900, 6000), np.uint8)
    mask[100:800, 1000:2500] = 255
    assert remove_object(picture, mask, fill, OPTIONS)[0].size == (6000, 900)
    assert max(sizes[0]) == 1024


def test_by_default_texture_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    picture, mask = noise(120, 120), np.zeros((120, 120), np.uint8)
    mask[40:80, 40:80] = 255
    picture[mask > 0] = (255, 0, 0)
    monkeypatch.setattr("core.ripple.components.local_folder", lambda *_, **__: None)
    fill, label = choose_inpainter("auto")
    assert "PatchMatch" in label
    inside = np.asarray(remove_object(Image.fromarray(picture), mask, fill, OPTIONS)[0])[45:75, 45:75]
    assert inside.std(0).mean() > 20 and inside[..., 1].min() > 40  # a smear of the same has less than 10


def person_at(columns: slice) -> object:
    def found(picture: Image.Image) -> torch.Tensor:
        mask = torch.zeros(1, 1, picture.height, picture.width)
        mask[..., columns] = 1
        return mask

    return found


def test_people_beside_the_hole_are_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    mask = np.zeros((100, 160), np.uint8)
    mask[30:70, 55:95] = 255
    monkeypatch.setattr(removal, "person_mask", person_at(slice(101, 160)))
    filled = []
    for colour in ((255, 0, 255), (0, 90, 0)):
        picture = noise(100, 160)
        picture[:, 98:] = colour
        result, notes = remove_object(Image.fromarray(picture), mask, fill_by_patches, RemoverOptions(0, 0))
        filled.append(np.asarray(result)[30:70, 55:95])
        assert "people" in notes[0]
    assert np.array_equal(*filled)  # what they wear does not matter


def test_a_spot_on_a_person_is_filled_from_the_person(monkeypatch: pytest.MonkeyPatch) -> None:
    hole = np.zeros((60, 60), bool)
    hole[20:25, 20:25] = True
    monkeypatch.setattr(removal, "person_mask", person_at(slice(0, 40)))
    assert not people_beside(noise(60, 60), hole).any()
    hole[:, :35] = True  # the person goes: what was not brushed over is not copied
    beside = people_beside(noise(60, 60), hole)
    assert beside[:, 35:41].all() and not beside[:, 42:].any() and not beside[hole].any()


def test_masks_that_do_not_fit_are_told() -> None:
    picture = Image.fromarray(noise(40, 50))
    for mask, words, error in (
        (np.zeros((40, 50), np.uint8), "empty", InputError),
        (np.full((40, 50), 255, np.uint8), "whole picture", InputError),
        (np.full((40, 40), 255, np.uint8), "one size", ShapeError),
    ):
        with pytest.raises(error, match=words):
            remove_object(picture, mask, grey_fill, OPTIONS, silent)


def test_a_long_photograph_comes_to_the_remover_and_back_at_its_own_size(tmp_path: Path) -> None:
    photo, layer = np.zeros((40, 5000, 3), np.uint8), np.zeros((40, 5000, 4), np.uint8)
    photo[...], layer[10:20, 4900:4920] = (90, 120, 60), 255
    files = []
    for name, array in (("photo", photo), ("layer", layer)):
        Image.fromarray(array).save(tmp_path / f"{name}.png")
        files.append(FileData(path=str(tmp_path / f"{name}.png")))
    canvas = MaskInput(max_side_px=REMOVER_SIDE_PX)
    read = canvas.preprocess(EditorData(background=files[0], layers=[files[1]], composite=None))
    assert read is not None
    *_, (result, details, said) = remove(read, "patches", 2, 3)
    assert result.size == (5000, 40) and "PatchMatch" in said and details["seconds"] >= 0
    assert (np.asarray(result) == (90, 120, 60)).all()

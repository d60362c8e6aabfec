"""Masks, inpainters, parsers, edits and converters beyond their goldens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.errors import OptionError, ShapeError, WeightsError
from core.ripple import components as parts
from core.ripple.data.sources import mirrored_labels
from core.ripple.methods.repainting.inpainters import diffusers_inpainter, opencv_fill
from core.ripple.methods.repainting.masks import feather_mask, find_ripple, refine_mask
from core.ripple.options import RULES
from core.ripple.paper.convert import CONVERTERS, convert_graphonomy, graphonomy_key
from core.ripple.paper.directions import Directions, load_directions, published_directions
from core.ripple.paper.parsing import graphonomy_parser
from core.ripple.paper.stylegan2 import Generator
from core.ripple.training.preview import PARSER, grown
from tests.ripple.conftest import GENERATOR


def test_mask_is_cleaned_and_grown() -> None:
    mask = np.zeros((32, 32), np.uint8)
    mask[8:20, 8:20] = 255
    mask[14, 14] = 0
    mask[28, 28] = 255
    clean = refine_mask(mask, open_px=1, close_px=1)
    assert clean[28, 28] == 0
    assert clean[14, 14] == 0 or refine_mask(mask, close_px=1)[14, 14] == 255
    assert refine_mask(mask, dilate_px=3)[14, 5] == 255


def test_feathering_keeps_the_range() -> None:
    mask = np.zeros((32, 32), np.uint8)
    mask[:, :16] = 255
    soft = feather_mask(mask, 4)
    assert 0 <= soft.min() < soft.max() <= 1
    assert (np.diff(soft[16]) <= 1e-6).all()


@pytest.mark.parametrize("name", ["rule", "side"])
def test_unknown_mask_words_are_refused(name: str) -> None:
    with pytest.raises(OptionError, match="nonsense"):
        find_ripple(*2 * [np.zeros((4, 4), np.uint8)], **{"rule": "xor", "side": "both", name: "nonsense"})


def test_masks_of_two_sizes_are_refused() -> None:
    for rule in RULES:
        with pytest.raises(ShapeError):
            find_ripple(np.zeros((4, 4), np.uint8), np.zeros((5, 4), np.uint8), rule, "both")


def test_opencv_fills_from_the_surroundings() -> None:
    picture = Image.new("RGB", (40, 30), (90, 120, 60))
    mask = np.zeros((30, 40), np.uint8)
    mask[10:20, 10:20] = 255
    assert np.abs(np.asarray(opencv_fill(picture, mask)).astype(int) - (90, 120, 60)).max() <= 3


def test_missing_diffusers_model_is_named(tmp_path: Path) -> None:
    fill = diffusers_inpainter(str(tmp_path / "nothing"))
    with pytest.raises(WeightsError, match="nothing"):
        fill(Image.new("RGB", (32, 32)), np.full((32, 32), 255, np.uint8), lambda *_: None)


def test_unknown_parts_are_refused() -> None:
    with pytest.raises(OptionError, match="lama"):
        parts.choose_inpainter("lamma")
    with pytest.raises(OptionError, match="mediapipe"):
        parts.choose_parser("mediapip")


def test_missing_published_parts_say_where_to_get_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MORPHOSPACE_CACHE", str(tmp_path))
    with pytest.raises(WeightsError, match="ripple-graphonomy"):
        parts.choose_parser("graphonomy")


def test_directions_survive_saving(tmp_path: Path) -> None:
    directions = published_directions()
    directions.save(tmp_path)
    again, codes = load_directions(tmp_path), torch.randn(1, 18, 512)
    assert again.names() == directions.names() == ["inversion", "pose", "age", "smile", "eyes", "lip", "beard"]
    for name in again.names():
        assert torch.equal(again(codes, name, 1.0), directions(codes, name, 1.0))
    with pytest.raises(WeightsError, match="directions"):
        load_directions(tmp_path / "elsewhere")


def test_degree_zero_leaves_codes_alone() -> None:
    codes = torch.randn(1, 18, 512)
    for name in published_directions().names():
        assert torch.equal(published_directions()(codes, name, 0.0), codes)


def test_direction_of_another_width_is_refused() -> None:
    with pytest.raises(ShapeError):
        Directions.of({"linear.pose": torch.zeros(1, 8)})(torch.zeros(1, 4, 16), "pose", 1.0)


def test_grown_generator_makes_the_same_picture() -> None:
    small = Generator(**GENERATOR).eval()
    codes = torch.randn(1, 12, 16)
    with torch.no_grad():
        large = torch.nn.functional.avg_pool2d(grown(small, 128).eval()(codes), 4)
        assert (large - small(codes)).abs().mean() < 0.1 * small(codes).abs().mean()


def test_keys_of_old_graphonomy_files() -> None:
    assert graphonomy_key("module.graph_conv1.weight") == "source_graph_conv1.weight"
    assert graphonomy_key("target_graph_conv1.weight") == "target_graph_conv1.weight"
    assert graphonomy_key("fc_graph.weight") == "fc_graph.weight"


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "inference.pth"
    torch.save({"conv.weight": torch.zeros(1)}, file)
    with pytest.raises(WeightsError, match="Graphonomy"):
        convert_graphonomy(file, tmp_path / "out")
    assert {"ripple-hfgi", "ripple-graphonomy", "ripple-lama"} <= set(CONVERTERS)


def test_parser_labels_every_pixel() -> None:
    from core.ripple.paper.graphonomy import Graphonomy

    labels = graphonomy_parser(Graphonomy(**PARSER).eval(), (1.0, 0.5))(Image.new("RGB", (70, 51)), lambda *_: None)
    assert labels.shape == (51, 70)
    assert labels.dtype == np.uint8


def test_mirrored_labels_exchange_limbs() -> None:
    labels = torch.tensor([[[14, 0, 255, 19]]], dtype=torch.uint8)
    assert mirrored_labels(labels).tolist() == [[[18, 255, 0, 15]]]

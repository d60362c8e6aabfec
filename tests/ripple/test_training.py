"""Every trainer: a tiny run learns or at least moves, and exports what the pipeline loads; how it resumes: tests/training/test_processes.py."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from core.errors import InputError
from core.metrics.lpips import Lpips
from core.ripple.data.head_pairs import HeadPairs, cut
from core.ripple.methods.head_turn.geometry import Square, face_square
from core.ripple.methods.head_turn.painter import Painter
from core.ripple.paper.e4e import Encoder
from core.ripple.paper.graphonomy import Graphonomy
from core.ripple.paper.lama import Lama
from core.ripple.paper.stylegan2 import Generator
from core.ripple.paper.train_e4e import EncoderOptions, EncoderRecipe
from core.ripple.paper.train_graphonomy import ParserOptions, ParserRecipe
from core.ripple.paper.train_hfgi import FusionOptions, FusionRecipe
from core.ripple.paper.train_lama import InpainterOptions, InpainterRecipe, random_hole
from core.ripple.paper.train_stylegan2 import GeneratorOptions, GeneratorRecipe
from core.ripple.pipeline import RipplePipeline
from core.ripple.training import run as parts
from core.ripple.training.autoencoder import AutoencoderOptions, AutoencoderRecipe, LearnedDirections
from core.ripple.training.preview import PARSER, OwnFusionOptions, OwnFusionRecipe, PairFusionRecipe
from core.ripple.training.turn import TurnOptions, TurnRecipe
from core.training import Run, load_trained, train
from core.weights import save_model
from tests.ripple.conftest import ENCODER, GENERATOR, SIDE, SMALL, tiny_networks

COMMON = {"batch": 4, "log_every": 1, "sample_every": 0, "save_every": 1000, "cpu": True}


class Faces:
    """A few fixed discs that shift with the degree, as batches of every kind that the recipes read.

    The measured course falls short by half, so that a painter has something to finish.
    """

    def draw(self, rng: np.random.Generator, size: int) -> dict[str, Tensor]:
        degree = torch.from_numpy(rng.integers(-2, 3, size)).float()
        x = torch.from_numpy(rng.uniform(12, 20, size)).float()
        source, target = disc(x), disc(x + 2 * degree)
        mask, moved = (source[:, :1] > 0).float(), (target[:, :1] > 0).float()
        centre = torch.stack([x, torch.full_like(x, 16)], dim=1)[:, None]
        return {
            "source": source, "target": target, "source_mask": mask, "target_mask": moved,
            "mask_known": torch.ones(size, dtype=torch.bool), "picture_known": torch.ones(size), "labels": (mask[:, 0] * 13).to(torch.uint8),
            "source_points": centre, "target_points": centre + torch.stack([2 * degree, 0 * x], 1)[:, None],
            "points_seen": torch.ones(size, 1), "degrees": torch.stack([degree, 0 * degree], dim=1),
            "flow": F.pad((-degree)[:, None, None, None].expand(-1, 1, SIDE, SIDE), (0, 0, 0, 0, 0, 1)), "person": mask,
            "image": (source + 1) / 2, "mask": torch.from_numpy(random_hole(SIDE, rng))[None, None].repeat(size, 1, 1, 1),
        }  # fmt: skip


def disc(x: Tensor) -> Tensor:
    """(B, 3, 32, 32): bright discs of radius 8 centred at x."""
    rows, columns = torch.meshgrid(torch.arange(SIDE) + 0.5, torch.arange(SIDE) + 0.5, indexing="ij")
    inside = (columns - x.view(-1, 1, 1)) ** 2 + (rows - 16) ** 2 < 64
    return torch.where(inside, 0.7, -0.5)[:, None].repeat(1, 3, 1, 1)


class ParserFaces(Faces):
    """Labels as the parser's loss wants them."""

    def draw(self, rng: np.random.Generator, size: int) -> dict[str, Tensor]:
        batch = super().draw(rng, size)
        return {"image": batch["source"], "labels": batch["labels"].long()}


def tiny_autoencoder(out: Path, **more: Any) -> AutoencoderRecipe:
    networks = tiny_networks(pre_aligner=True) | {"directions": LearnedDirections(8, 16)}
    del networks["aligner"], networks["residual"]
    return AutoencoderRecipe(AutoencoderOptions(out=str(out), size=SIDE, **COMMON | more), networks)


def tiny_fusion(out: Path, **more: Any) -> FusionRecipe:
    chosen = {"lpips_lambda": 0.0, "id_lambda": 0.0, "lr": 1e-2} | COMMON | more
    networks = tiny_networks(pre_aligner=True) | {"directions": LearnedDirections(8, 16)}
    recipe = PairFusionRecipe if chosen.get("pairs") else OwnFusionRecipe
    return recipe(OwnFusionOptions(out=str(out), **chosen), networks)


def tiny_turn(out: Path, **more: Any) -> TurnRecipe:
    networks = tiny_networks(pre_aligner=True) | {"directions": LearnedDirections(8, 16)}
    del networks["aligner"], networks["residual"]
    options = TurnOptions(
        out=str(out), size=SIDE, **COMMON | {"course": "network", "critic_from": 1, "r1_every": 2} | more
    )
    return TurnRecipe(options, networks | {"painter": Painter(SIDE, (8, 8, 8))})


def tiny_encoder(out: Path, **more: Any) -> EncoderRecipe:
    chosen = {"lpips_lambda": 0.0, "id_lambda": 0.0} | COMMON | more
    return EncoderRecipe(EncoderOptions(out=str(out), **chosen), tiny_networks())


def tiny_generator(out: Path, **more: Any) -> GeneratorRecipe:
    chosen = {"size": SIDE, "style_dim": 16, "channel_base": 256, "channel_max": 16} | COMMON | more
    return GeneratorRecipe(GeneratorOptions(out=str(out), **chosen))


def tiny_parser(out: Path, **more: Any) -> ParserRecipe:
    return ParserRecipe(ParserOptions(out=str(out), size=SIDE, **COMMON | {"lr": 0.05} | more), Graphonomy(**PARSER))


def tiny_inpainter(out: Path, **more: Any) -> InpainterRecipe:
    options = InpainterOptions(out=str(out), size=SIDE, discriminator_width=4, **COMMON | more)
    return InpainterRecipe(options, Lama(width=4, blocks=1))


RECIPES: dict[str, Callable[..., Any]] = {
    "autoencoder": tiny_autoencoder, "fusion": tiny_fusion, "turn": tiny_turn, "encoder": tiny_encoder,
    "surface": partial(tiny_turn, course="surface"),
    "generator": tiny_generator, "parser": tiny_parser, "inpainter": tiny_inpainter,
}  # fmt: skip
SOURCES = {"parser": ParserFaces()}


def curves(recipe: Any, source: Any) -> list[dict[str, float]]:
    """What every step of a run said."""
    seen: list[dict[str, float]] = []
    step = recipe.step
    recipe.step = lambda batch, run: seen.append({k: float(v) for k, v in step(batch, run).items()}) or seen[-1]
    train(recipe, source, recipe.options)
    return seen


LEARN = {
    "autoencoder": ({"steps": 60, "batch": 8, "lr": 1e-2}, {"picture": 0.5, "flow": 0.6}),
    # as published: squared error and aligned map, of one picture whose map was distorted
    "fusion": ({"steps": 100, "batch": 4, "lr": 6e-2}, {"mse": 0.7, "residual": 0.8}),
    "turn": ({"steps": 40, "batch": 8, "lr": 1e-2, "critic_from": 100}, {"picture": 0.7, "flow": 0.6, "rim": 0.7}),
    "surface": ({"steps": 40, "batch": 8, "lr": 1e-2, "critic_from": 100}, {"picture": 0.7, "rim": 0.7}),
    "encoder": ({"steps": 40, "batch": 4, "lr": 2e-2}, {"loss": 0.9}),
    "parser": ({"steps": 25, "batch": 8}, {"loss": 0.7}),
    "inpainter": ({"steps": 40, "batch": 4, "lr": 1e-2}, {"l1": 0.7}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LEARN)
def test_a_short_run_learns(name: str, tmp_path: Path) -> None:
    """What the trainer is judged by falls clearly within a few steps."""
    more, shares = LEARN[name]
    torch.manual_seed(0)
    seen = curves(RECIPES[name](tmp_path, **more), SOURCES.get(name, Faces()))
    for value, share in shares.items():
        first, last = (np.mean([said[value] for said in part if value in said]) for part in (seen[:10], seen[-10:]))
        assert last < share * first, f"{value}: {first:.3g} -> {last:.3g}"


@pytest.mark.slow
def test_the_published_penalties_come_when_they_are_due(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """StyleGAN2: R1 every 16 steps and path lengths every 4, each an update of its own with its own weight."""
    recipe, updates = tiny_generator(tmp_path, steps=17), []
    published = Run.update

    def update(run: Run, name: str, loss: Tensor) -> None:
        updates.append((run.step, name))
        published(run, name, loss)

    monkeypatch.setattr(Run, "update", update)
    train(recipe, Faces(), recipe.options)
    count = {(step, name): updates.count((step, name)) for step, name in updates}
    assert [step for step in range(17) if count[step, "discriminator"] == 2] == [0, 16]
    assert [step for step in range(17) if count[step, "generator"] == 2] == [0, 4, 8, 12, 16]
    assert recipe.networks["generator"].mean_path_length > 0
    assert (recipe.options.r1, recipe.options.path, recipe.options.mixing) == (10, 2, 0.9)


def test_the_published_fusion_sees_a_distorted_map(tmp_path: Path) -> None:
    """HFGI: in training the aligner gets the map moved by a random perspective and must give the true one back."""
    recipe, batch, seen = tiny_fusion(tmp_path), Faces().draw(np.random.default_rng(0), 2), []
    recipe.networks["aligner"].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0][:, :3]))
    straight = recipe.forward(recipe.networks, batch)
    moved = recipe.forward(recipe.networks, batch, rng=np.random.default_rng(1))
    assert torch.equal(seen[0], straight.wanted)
    assert torch.equal(moved.wanted, straight.wanted)
    assert not torch.allclose(seen[1], seen[0])
    assert set(recipe.terms(moved)) == {"mse", "residual"}


def test_fusion_learns_on_pairs_and_as_published(tmp_path: Path) -> None:
    for more in ({}, {"pairs": True, "train_decoder": True, "l1_lambda": 1.0}):
        recipe = tiny_fusion(tmp_path / str(len(more)), steps=2, **more)
        frozen = recipe.networks["encoder"].state_dict()
        before = {name: value.clone() for name, value in frozen.items()}
        train(recipe, Faces(), recipe.options)
        assert all(torch.equal(before[name], value) for name, value in frozen.items())


def test_a_loss_without_its_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="lpips, identity"):
        FusionRecipe(FusionOptions(out=str(tmp_path)), tiny_networks())
    with pytest.raises(InputError, match="lpips"):
        EncoderRecipe(EncoderOptions(out=str(tmp_path), id_lambda=0.0), tiny_networks())


def test_perceptual_losses_are_used_where_they_are_there(tmp_path: Path) -> None:
    options = FusionOptions(out=str(tmp_path), id_lambda=0.0, **COMMON)
    judge = Lpips()
    recipe = FusionRecipe(options, tiny_networks(), {"lpips": judge})
    batch = Faces().draw(np.random.default_rng(0), 2)
    big = {name: torch.nn.functional.interpolate(batch[name], 64) for name in ("source", "target")}
    terms = recipe.terms(recipe.forward(recipe.networks, batch)._replace(image=big["source"], target=big["target"]))
    assert torch.allclose(terms["lpips"], 0.8 * judge(big["source"], big["target"]).mean()) and terms["lpips"] != 0


def test_fusion_resizes_its_first_picture_bilinearly_and_pools_the_final_one() -> None:
    networks = tiny_networks()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        networks["encoder"] = Encoder(**ENCODER | {"heads": 12})
        networks["generator"] = Generator(**GENERATOR | {"size": 4 * SIDE})
    recipe = FusionRecipe(FusionOptions(lpips_lambda=0.0, id_lambda=0.0), networks)
    source = Faces().draw(np.random.default_rng(0), 2)["source"]
    with torch.no_grad():
        made = recipe.forward({name: network.eval() for name, network in networks.items()}, {"source": source})
        codes = networks["encoder"](source)
        first = networks["generator"](codes)
        final, _ = networks["generator"](codes, networks["residual"](made.aligned), return_features=True)
    blocks = first.clamp(-1, 1).unfold(2, 4, 4).unfold(3, 4, 4)
    bilinear, mean = blocks[..., 1:3, 1:3].mean((-2, -1)), blocks.mean((-2, -1))
    assert first.abs().max() > 1.05 and (bilinear - mean).abs().max() > 0.02  # the order and the way both show
    assert torch.allclose(made.wanted, source - bilinear, atol=1e-5)
    assert torch.allclose(made.plain, bilinear, atol=1e-5)
    assert torch.allclose(made.image, final.unfold(2, 4, 4).unfold(3, 4, 4).mean((-2, -1)), atol=1e-5)


@pytest.mark.slow
def test_trained_parts_export_and_load(tmp_path: Path) -> None:
    recipe = tiny_autoencoder(tmp_path / "run", steps=1)
    train(recipe, Faces(), recipe.options)
    target = tmp_path / "record"
    parts.export(recipe, tmp_path / "run", target)
    fusion = tiny_fusion(tmp_path / "fusion", steps=1)
    train(fusion, Faces(), fusion.options)
    parts.export(fusion, tmp_path / "fusion", target)
    pipe = RipplePipeline.from_record(path=str(target))
    assert pipe.directions.names() == ["inversion", "pose", "age"] == pipe.edits[:3]
    load_trained(tmp_path / "fusion", fusion.networks)
    assert torch.equal(pipe.residual.conv_layer1[0].weight, fusion.networks["residual"].conv_layer1[0].weight)


def test_parser_and_inpainter_records_load(tmp_path: Path) -> None:
    from core.ripple.components import inpainting_network, parsing_network

    recipes = (tiny_parser(tmp_path / "p", steps=1), tiny_inpainter(tmp_path / "i", steps=1))
    for recipe, source in zip(recipes, (ParserFaces(), Faces()), strict=True):
        train(recipe, source, recipe.options)
        parts.export(recipe, Path(recipe.options.out), tmp_path / "record")
    assert isinstance(parsing_network(tmp_path / "record"), Graphonomy)
    assert isinstance(inpainting_network(tmp_path / "record"), Lama)


def test_the_generator_grows_before_fusion(tmp_path: Path) -> None:
    networks = tiny_networks(pre_aligner=True)
    for name, network in networks.items():
        save_model(network, tmp_path / name)
    LearnedDirections(8, 16).directions().save(tmp_path)
    options = OwnFusionOptions(lpips_lambda=0.0, id_lambda=0.0, grow_to=64, pairs=True)
    recipe = parts.fusion_recipe(options, tmp_path)
    assert recipe.networks["generator"].config.size == 64
    assert isinstance(recipe.networks["generator"], Generator)


def test_holes_cover_a_fair_share() -> None:
    rng = np.random.default_rng(0)
    shares = np.array([random_hole(256, rng).mean() for _ in range(200)])
    assert 0.1 < shares.mean() < 0.5
    assert shares.max() < 1


def test_face_square_meets_the_ffhq_rule() -> None:
    from core.detect.align import face_quad

    points = np.zeros((68, 2))
    points[36:42], points[42:48] = (40.0, 50.0), (60.0, 50.0)
    points[48], points[54] = (42.0, 75.0), (58.0, 75.0)
    square = face_square(np.array([[40.0, 50.0], [60.0, 50.0]]), points[[48, 54]])
    quad = face_quad(points)
    assert np.allclose(quad.mean(0), (square.x, square.y))
    assert np.allclose(np.linalg.norm(quad[3] - quad[0]), square.side)


def test_cutting_out_the_whole_picture_returns_it() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    assert np.array_equal(cut(picture, Square(16, 16, 32), 32), picture)


def test_pairs_of_rendered_heads(shared_data: Path) -> None:
    pairs = HeadPairs(shared_data, size=48, split="test", portrait_share=0.2)
    batch = pairs.draw(np.random.default_rng(1), 24)
    assert batch["source"].shape == (24, 3, 48, 48)
    assert batch["source"].abs().max() <= 1
    again = pairs.draw(np.random.default_rng(1), 24)
    assert all(torch.equal(batch[name], again[name]) for name in batch)
    still = (batch["degrees"].abs().sum(1) == 0).nonzero()[:, 0]
    assert len(still)
    assert torch.equal(batch["source"][still], batch["target"][still])
    known = batch["mask_known"]
    assert set(batch["labels"][known].unique().tolist()) <= {0, 2, 5, 13}
    assert (batch["labels"][~known] == 255).all()


def test_missing_data_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"heads\.zip"):
        HeadPairs(tmp_path)
    assert ENCODER["heads"] == 2 * 5 - 2 == Generator(**GENERATOR).code_count
    assert SMALL["channels"][0] == 4

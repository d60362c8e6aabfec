"""HFGI's four nets, its whole path and its training pass, filled as published, converted, loaded strictly, compared."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
import torch
import torch.nn.functional as F

from core.ripple.paper.convert import assemble, fitted_encoder, fitted_generator
from core.ripple.paper.directions import published_directions
from core.ripple.paper.e4e import Encoder
from core.ripple.paper.fusion import ResidualAligner, ResidualEncoder
from core.ripple.paper.inversion import Inverter, resized, to_input, to_uint8
from core.ripple.paper.stylegan2 import Generator, mix_codes
from core.ripple.paper.train_hfgi import FusionOptions, FusionRecipe
from tests.parity import golden
from tests.ripple.cases import case, cases, compare, few_levels_off, filled, manifest_entries, picture, tensor

pytestmark = pytest.mark.slow
LARGEST = 1024
# One size by default, the smallest and the published one in the exhaustive run: their layers are the same.
SIZES = [pytest.param(size, marks=() if size == 256 else pytest.mark.exhaustive) for size in (64, 256, LARGEST)]


@cache
def decoder() -> dict[str, torch.Tensor]:
    """The tensors of the published generator; they take seconds to fill."""
    return filled("hfgi", "decoder.")


def generator_state(size: int) -> dict[str, torch.Tensor]:
    """The tensors of a published generator of `size`: what a smaller one has of the 1024 file."""
    have = {f"decoder.{key}" for key in Generator(size).state_dict()}
    kernels = {key for key in manifest_entries("hfgi") if key.endswith("kernel") and size == LARGEST}
    return {k: v for k, v in decoder().items() if f"decoder.{k}" in have | kernels}


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return fitted_encoder(filled("hfgi", "encoder."), filled("hfgi", "latent_avg")[""])


@pytest.fixture(scope="module")
def aligner() -> ResidualAligner:
    return assemble(ResidualAligner(), filled("hfgi", "grid_align."))


@pytest.fixture(scope="module")
def residual() -> ResidualEncoder:
    return assemble(ResidualEncoder(), filled("hfgi", "residue."))


@pytest.fixture(scope="module", params=SIZES)
def generator(request: pytest.FixtureRequest) -> Iterator[Generator]:
    yield fitted_generator(generator_state(request.param))


@pytest.fixture(autouse=True)
def inference() -> Iterator[None]:
    with torch.no_grad():
        yield


def run_generator(generator: Generator, key: str) -> dict[str, torch.Tensor]:
    """Image and features of one case."""
    inputs, call = case("generator", key)["inputs"], case("generator", key)["call"]
    codes = tensor(inputs["styles[0]"])
    if "styles[1]" in inputs:
        codes = mix_codes(codes, tensor(inputs["styles[1]"]), call["inject_index"], generator.code_count)
    if "truncation_latent" in inputs:
        mean = tensor(inputs["truncation_latent"])
        codes = mean + call["truncation"] * (codes - mean)  # the truncation trick in W
    conditions = None
    if "conditions[0]" in inputs:
        conditions = (tensor(inputs["conditions[0]"]), tensor(inputs["conditions[1]"]))
    noise = [tensor(spec) for spec in inputs["noise"]] if "noise" in inputs else None
    image, features = generator(codes, conditions, noise, return_features=True)
    outputs = {"image": image, "features": features}
    return {name: outputs[name] for name in case("generator", key)["outputs"]}


def test_generator(generator: Generator) -> None:
    keys = cases("generator", f"size{generator.config.size}_")
    assert keys
    for key in keys:
        compare("generator", key, run_generator(generator, key))


@pytest.mark.parametrize("key", cases("encoder"))
def test_encoder(encoder: Encoder, key: str) -> None:
    taps = {}
    hooks = [
        encoder.body[n].register_forward_hook(lambda _, __, y, n=n: taps.__setitem__(f"body_{n}", y))
        for n in (2, 6, 20, 23)
    ]
    image = tensor(case("encoder", key)["inputs"]["x"])
    offsets = encoder.offsets(image)
    for hook in hooks:
        hook.remove()
    compare("encoder", key, {"codes": offsets, "codes_plus_avg": offsets + encoder.latent_avg, **taps})


def test_aligner(aligner: ResidualAligner) -> None:
    x = torch.cat([tensor(spec) for spec in case("ada", "px256")["inputs"].values()], dim=1)
    compare("ada", "px256", {"aligned": aligner(x)})


@pytest.mark.parametrize("key", cases("residual"))
def test_residual(residual: ResidualEncoder, key: str) -> None:
    scale, shift = residual(tensor(case("residual", key)["inputs"]["x"]))
    compare("residual", key, {"scale": scale, "shift": shift})


def codes_of(key: str, codes: torch.Tensor) -> torch.Tensor:
    """The inversion's codes, edited as a case asks."""
    call = case("hfgi", key)["call"]
    degree = 1.0 if call["edit_degree"] is None else call["edit_degree"]
    return published_directions()(codes, call["edit_attribute"], degree)


@pytest.mark.parametrize("size", SIZES[1:])
def test_whole_path(encoder: Encoder, aligner: ResidualAligner, residual: ResidualEncoder, size: int) -> None:
    """A picture inverted and turned, step by step, and the codes of every edit."""
    generator, drawn = fitted_generator(generator_state(size)), []
    inverter = Inverter(encoder, generator, aligner, residual)
    keys = cases("hfgi", f"g{size}_")
    hook = generator.register_forward_hook(lambda _, __, picture: drawn.append(picture))
    inversion = inverter.invert(to_input(picture(case("hfgi", keys[0])["inputs"]["image"])))
    hook.remove()
    first = resized(drawn[0], 256)
    for key in keys:
        spec = case("hfgi", key)
        limits, codes = spec["tolerance"], codes_of(key, inversion.codes)
        compare("hfgi", key, {"latents": codes}, max_abs=limits["latents_max_abs"])
        if "aligned" not in spec["outputs"]:
            continue
        edited = inverter.edit(inversion, codes)
        result = resized(edited.image, 256)
        compare("hfgi", key, {"result": result})
        scale, shift = residual(edited.aligned)
        compare("hfgi", key, {"scale": scale, "shift": shift}, max_abs=limits["conditions_max_abs"])
        compare("hfgi", key, {"aligned": edited.aligned}, max_abs=limits["aligned_max_abs"])
        steps = {"residual": inversion.distortion, "edit_image": edited.plain, "codes": inversion.codes, "first": first}
        compare("hfgi", key, steps)
        facts = spec["outputs"]["uint8"]
        want = golden.arrays("ripple", "hfgi")[facts["array"]]
        few_levels_off(to_uint8(result[0])[:: facts["stride"][0], :: facts["stride"][1]], want, 0.005)


@pytest.mark.exhaustive
@pytest.mark.parametrize("size", [256, LARGEST])
def test_picture_of_every_edit(
    encoder: Encoder, aligner: ResidualAligner, residual: ResidualEncoder, size: int
) -> None:
    """All edits of one picture from one inversion: what the script computes from scratch every time."""
    inverter = Inverter(encoder, fitted_generator(generator_state(size)), aligner, residual)
    keys = [key for key in cases("hfgi", f"g{size}_") if "aligned" not in case("hfgi", key)["outputs"]]
    inversion = inverter.invert(to_input(picture(case("hfgi", keys[0])["inputs"]["image"])))
    for key in keys:
        edited = inverter.edit(inversion, codes_of(key, inversion.codes))
        compare("hfgi", key, {"result": resized(edited.image, 256)})


def test_training_pass(encoder: Encoder, aligner: ResidualAligner, residual: ResidualEncoder) -> None:
    generator = fitted_generator(generator_state(256))
    networks = {"encoder": encoder, "generator": generator, "aligner": aligner, "residual": residual}
    options = FusionOptions(lpips_lambda=0.0, id_lambda=0.0, aug_rate=0.0)
    recipe = FusionRecipe(options, networks)
    for network in networks.values():
        network.eval()  # the golden was made with fixed statistics
    image = tensor(case("training", "train_forward")["inputs"]["x"])
    made = recipe.forward(networks, {"source": image})
    l1, mse = F.l1_loss(made.aligned, made.wanted), F.mse_loss(made.image, image)
    delta = made.aligned - made.wanted
    got = {"image": made.image, "delta": delta, "first": made.plain, "residual_l1": l1, "mse_to_x": mse}
    compare("training", "train_forward", got)

"""LaMa: generator, prediction path, Fourier units and losses."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from core.ripple.paper import losses
from core.ripple.paper.convert import assemble, lama_state, under
from core.ripple.paper.inpainting import lama_fill, lama_inpainter, prepared
from core.ripple.paper.lama import FFCLayer, FourierUnit, Lama, SpectralTransform
from tests.parity import golden
from tests.ripple.cases import case, cases, compare, few_levels_off, filled, load_parameters, picture, state, tensor


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lama]:
    """Saved as the lightning file nests it, converted."""
    file = tmp_path_factory.mktemp("lama") / "best.ckpt"
    torch.save({"state_dict": filled("lama") | {"discriminator.model0.0.bias": torch.zeros(1)}, "epoch": 39}, file)
    yield assemble(Lama(), under(lama_state(file), "generator."))


@pytest.mark.slow
@pytest.mark.parametrize("key", cases("lama", "px"))
def test_generator(network: Lama, key: str) -> None:
    inputs = case("lama", key)["inputs"]
    image, mask = tensor(inputs["image"]), tensor(inputs["mask"])
    seen: dict[str, torch.Tensor] = {}

    def keep(index: int, output: torch.Tensor | tuple[torch.Tensor, ...]) -> None:
        for part, value in enumerate(output if isinstance(output, tuple) else (output,)):
            if value is not None:
                # the golden saw batch norms after the in-place ReLU that follows them
                after = isinstance(network.model[index], torch.nn.BatchNorm2d)
                seen[f"model.{index}.{part}"] = (F.relu(value) if after else value)[:1]

    hooks = [m.register_forward_hook(lambda _, __, y, n=n: keep(n, y)) for n, m in enumerate(network.model)]
    with torch.no_grad():
        predicted = network.predict(image, mask)
        for hook in hooks:
            hook.remove()
        compare("lama", key, {"predicted": predicted, "inpainted": mask * predicted + (1 - mask) * image})
        if key == "px64x64":
            assert torch.equal(network(image, mask), mask * predicted + (1 - mask) * image)
    for name, facts in case("lama", key)["outputs"].items():
        if name.startswith("model."):
            limit = case("lama", key)["tolerance"]["intermediate_rel"] * max(1.0, facts["max"])
            compare("lama", key, {name: seen[name]}, max_abs=limit)


@pytest.mark.parametrize("key", cases("lama", "predict_"))
def test_prediction_path(network: Lama, key: str) -> None:
    inputs = case("lama", key)["inputs"]
    seen = picture(inputs["image"])
    spec = {**inputs["mask"], "then": ""}
    mask = (tensor(spec)[0, 0] > 0.4).numpy().astype(np.uint8) * 255
    mask[:2, :2] = 7
    image, hole = prepared(seen, mask)
    compare("lama", key, {"padded_image": image[0], "padded_mask": hole[0]})
    compare("lama", key, {"inpainted": lama_fill(network, seen, mask)})
    result = np.asarray(lama_inpainter(network)(seen, mask, lambda *_: None))
    few_levels_off(result, golden.arrays("ripple", "lama")[f"{key}.uint8"], 0.005)


@pytest.mark.parametrize(
    ("key", "make"),
    [
        ("fourier_unit", lambda: FourierUnit(4, 6)),
        ("spectral_transform", lambda: SpectralTransform(8, 12)),
        ("ffc_bn_act", lambda: FFCLayer(8, 12, global_in=0.75, global_out=0.5)),
    ],
)
def test_units(key: str, make: type) -> None:
    spec = case("lama", key)
    unit = load_parameters(make(), state(spec))
    x = tensor(spec["inputs"]["x"])
    with torch.no_grad():
        outputs = unit((x[:, :2], x[:, 2:])) if key == "ffc_bn_act" else unit(x)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    compare("lama", key, {f"y{index}": value for index, value in enumerate(outputs)})


def test_masked_l1() -> None:
    inputs = case("lama", "masked_l1")["inputs"]
    loss = losses.masked_l1(*(tensor(inputs[name]) for name in ("pred", "target", "mask")))
    compare("lama", "masked_l1", {"loss": loss})


def test_feature_matching() -> None:
    inputs = case("lama", "feature_matching")["inputs"]
    fake, real = ([tensor(spec) for spec in inputs[name]] for name in ("fake", "real"))
    mask = tensor(case("lama", "masked_l1")["inputs"]["mask"])
    got = {"loss": losses.feature_matching(fake, real), "loss_masked": losses.feature_matching(fake, real, mask)}
    compare("lama", "feature_matching", got)


def test_adversarial() -> None:
    spec = case("lama", "adversarial_r1")
    real, fake, weight = (tensor(value) for value in spec["inputs"].values())
    real.requires_grad_(True)
    mask = tensor(case("lama", "masked_l1")["inputs"]["mask"])

    def judge(x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(x, weight, stride=2, padding=1)

    penalty = spec["call"]["gp_coef"] * losses.gradient_penalty(judge(real), real)
    compare(
        "lama",
        "adversarial_r1",
        {
            "discriminator_loss": losses.discriminator_loss(judge(real), judge(fake), mask) + penalty,
            "generator_loss": spec["call"]["weight"] * losses.generator_loss(judge(fake)),
            "grad_penalty_times_coef": penalty,
        },
    )


def test_every_case_is_met_here() -> None:
    units = {"fourier_unit", "spectral_transform", "ffc_bn_act"}
    rest = {"masked_l1", "feature_matching", "adversarial_r1"}
    assert set(cases("lama")) == units | rest | set(cases("lama", "px")) | set(cases("lama", "predict_"))


def test_mask_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="one size"):
        prepared(Image.new("RGB", (16, 16)), np.zeros((8, 16), np.uint8))

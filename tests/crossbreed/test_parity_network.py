"""Generator and discriminator against the published code, on folded and on trainable weights."""

import json

import pytest
import torch

from core.crossbreed.paper.disentanglement import contract, grid_alphas
from core.crossbreed.paper.network import Codes, lerp
from tests.crossbreed.published import case_of, cases, check, discriminator, generator, picture
from tests.parity.golden import PARITY, assert_matches

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folded():
    return generator()


def test_folded_network_has_the_published_layers():
    manifest = json.loads((PARITY / "crossbreed" / "generator.manifest.json").read_text())["tensors"]
    trainable = generator(spectral=True).state_dict()
    read = {key: spec["shape"] for key, spec in manifest.items() if ".norm.running_" not in key}
    assert {key: list(value.shape) for key, value in trainable.items()} == read


def test_parameter_counts_are_the_published_ones(folded):
    sizes = {
        name: sum(p.numel() for p in getattr(folded, name).parameters())
        for name in ("cont_enc", "style_enc", "mlp", "dec")
    }
    assert sizes == {"cont_enc": 4_169_504, "style_enc": 40_545_824, "mlp": 3_872_640, "dec": 4_169_251}
    assert sum(p.numel() for p in discriminator().parameters()) == 261_078


@torch.no_grad()
@pytest.mark.parametrize("case", cases("morph", "basic_", "native_"))
def test_morph(folded, case):
    spec = case_of("morph", case)
    a, b = picture(spec["inputs"]["x_A"]), picture(spec["inputs"]["x_B"])
    alphas = [torch.tensor(spec["options"][name], dtype=torch.float32) for name in ("a_c", "a_s")]
    y = folded.morph(a, b, *alphas)
    check("morph", case, "y", y, max_abs=spec["tolerance"]["max_abs"])
    if "y_half" in spec["outputs"]:
        check("morph", case, "y_half", y, max_abs=spec["tolerance"]["y_half"])


@torch.no_grad()
def test_codes(folded):
    spec = case_of("morph", "codes")
    a, b = (folded.encode(picture(spec["inputs"][name])) for name in ("x_A", "x_B"))
    mixed = 0.75 * a.style + 0.25 * b.style
    check("morph", "codes", "content_A", a.content)
    check("morph", "codes", "style_A", a.style)
    check("morph", "codes", "style_B", b.style)
    check("morph", "codes", "style_mixed", mixed)
    check("morph", "codes", "adain_params_mixed", folded.mlp(mixed))
    check("morph", "codes", "adain_params_A", folded.mlp(a.style))


@torch.no_grad()
def test_three_pictures_at_once(folded):
    spec = case_of("morph", "multi_image_3")
    codes = [folded.encode(picture(x)) for x in spec["inputs"]["x"]]
    weights = spec["options"]["weights"]
    mixed = Codes(*(sum(w * c for w, c in zip(weights, part, strict=True)) for part in zip(*codes, strict=True)))
    check("morph", "multi_image_3", "y", folded.decode(mixed))


@torch.no_grad()
def test_training_mode_moves_the_vectors_as_published():
    spec = case_of("morph", "as_test_script")
    network = generator(spectral=True)
    a, b = picture(spec["inputs"]["x_A"]), picture(spec["inputs"]["x_B"])
    steps = [torch.tensor([float(alpha)]) for alpha in spec["options"]["alphas"]]
    check("morph", "as_test_script", "y", torch.cat([network.morph(a, b, alpha, alpha) for alpha in steps]))
    check("morph", "as_test_script", "u_cont_enc_0_after", network.cont_enc.model[0].conv.weight_u)
    check("morph", "as_test_script", "u_dec_4_after", network.dec.model[4].conv.weight_u)


@pytest.mark.parametrize("case", cases("disentangled", "schedule"))
def test_schedule(case):
    options = case_of("disentangled", case)["options"]
    for tau, suffix in ((0.0, ""), (options["tau"], "_tau")):
        content, style = grid_alphas(options["n_images"], tau)
        check("disentangled", case, f"a_c{suffix}", content)
        check("disentangled", case, f"a_s{suffix}", style)


ENCODED = {}


def encoded(network, **spec):
    """The codes of an input picture, found once for all cases that use it."""
    key = spec["test_image"], tuple(spec["size"])
    if key not in ENCODED:
        ENCODED[key] = network.encode(picture(spec))
    return ENCODED[key]


@torch.no_grad()
@pytest.mark.parametrize("case", cases("disentangled", "content"))
def test_disentangled(folded, case):
    spec = case_of("disentangled", case)
    options = spec["options"]
    content, style = contract(torch.tensor(float(options["a_c"])), torch.tensor(float(options["a_s"])), options["tau"])
    assert_matches(content, options["a_c_after_tau"], "content position", max_abs=1e-6)
    assert_matches(style, options["a_s_after_tau"], "style position", max_abs=1e-6)
    a, b = (encoded(folded, **spec["inputs"][name]) for name in ("x_A", "x_B"))
    y = folded.decode(Codes(lerp(a.content, b.content, content), lerp(a.style, b.style, style)))
    check("disentangled", case, "y", y)


@torch.no_grad()
@pytest.mark.parametrize("case", cases("discriminator"))
def test_discriminator(case):
    spec = case_of("discriminator", case)
    x, index = picture(spec["inputs"]["x"]), torch.tensor(spec["inputs"]["index"])
    network = discriminator(spectral=spec["mode"] == "train")
    if spec["mode"] == "train":
        check("discriminator", case, "first", network(x, index))
        check("discriminator", case, "second", network(x, index))
        check("discriminator", case, "u_last_after", network.disc.cnn_c[0].conv.weight_u)
        return
    check("discriminator", case, "own", network(x, index))
    if "all" in spec["outputs"]:
        check("discriminator", case, "all", network.disc(x))

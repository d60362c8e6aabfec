"""The published file by one command into our layout: same pictures, spectral norm gone, damage refused."""

import pytest
import torch

from core.crossbreed.paper.biggan import BigGANDeep
from core.crossbreed.paper.convert import CONVERTERS, folded
from core.crossbreed.paper.discriminator import CrossbreedDiscriminator
from core.crossbreed.paper.network import CrossbreedGenerator
from core.errors import WeightsError
from core.weights import convert, load_strict, record, resolve
from tests.crossbreed.published import case_of, check, picture, state


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The published file: G, D and counters in one torch.save."""
    file = tmp_path_factory.mktemp("published") / "best_00174000.pt"
    torch.save({"G": state("generator"), "D": state("discriminator"), "iter": 174000, "epoch": 1740}, file)
    return file


@torch.no_grad()
@pytest.mark.slow
def test_published_file_converts_and_gives_the_same_pictures(published, tmp_path, monkeypatch):
    monkeypatch.setenv("MORPHOSPACE_WEIGHTS_DIR", str(tmp_path))
    monkeypatch.setenv("MORPHOSPACE_CACHE", str(tmp_path / "cache"))
    folder = convert("crossbreed-dog", published, tmp_path / "crossbreed-dog")
    found = resolve("crossbreed-dog")
    assert found.folder == folder and found.kind == "published"
    generator = load_strict(CrossbreedGenerator, found.folder)
    assert not any("weight_u" in key or "running" in key for key in generator.state_dict())
    spec = case_of("morph", "basic_64_a0.5")
    y = generator.morph(
        *(picture(spec["inputs"][name]) for name in ("x_A", "x_B")), torch.tensor(0.5), torch.tensor(0.5)
    )
    check("morph", "basic_64_a0.5", "y", y)
    critic = load_strict(CrossbreedDiscriminator, found.folder, "discriminator")
    spec = case_of("discriminator", "d_64")["inputs"]
    check("discriminator", "d_64", "own", critic(picture(spec["x"]), torch.tensor(spec["index"])))


def test_other_files_are_refused(tmp_path):
    file = tmp_path / "other.pt"
    torch.save({"state_dict": {}}, file)
    with pytest.raises(WeightsError, match="holds state_dict; a Crossbreed checkpoint holds G and D"):
        CONVERTERS["crossbreed-dog"](file, tmp_path / "out")
    torch.save({"G": {"cont_enc.x": torch.zeros(1)}, "D": {}}, file)
    with pytest.raises(WeightsError, match="cont_enc"):
        CONVERTERS["crossbreed-dog"](file, tmp_path / "out")


def test_every_record_has_its_converter():
    for name in ("crossbreed-dog", "biggan-deep-128", "biggan-deep-256", "biggan-deep-512"):
        assert name in CONVERTERS and record(name).system == "crossbreed"


@torch.no_grad()
@pytest.mark.parametrize("size", [128, 256, 512])
def test_teacher_of_every_size_folds(size):
    torch.manual_seed(0)
    network = BigGANDeep(img_size=size, channel_width=8, spectral_norm=True)
    z, vector = 0.25 * torch.randn(1, 128), torch.eye(1000)[151:152]
    for _ in range(3):  # the fresh singular vectors are random: let them settle
        network(z, vector, 0.25)
    want = network.eval()(z, vector, 0.25)
    assert want.shape == (1, 3, size, size)
    assert torch.allclose(folded(network)(z, vector, 0.25), want, atol=1e-5)

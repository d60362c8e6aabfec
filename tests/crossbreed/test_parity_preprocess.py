"""Pictures in and out as the official script does it, its file names, and (where they lie at hand) its samples.

The two sample photographs of the official repository have no licence and are not ours to ship. Where the folder
`MORPHOSPACE_CROSSBREED_SAMPLES` holds `dog5.png` and `dog3.png`, their cases run; elsewhere they are skipped.
"""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.crossbreed.paper.disentanglement import contract, released_name
from core.crossbreed.paper.preprocessing import centre_square, from_network, to_network
from core.image import to_pil
from tests.crossbreed.published import SYSTEM, case_of, cases, check, generator, wanted
from tests.parity.golden import arrays, assert_matches

SAMPLES = os.environ.get("MORPHOSPACE_CROSSBREED_SAMPLES")
needs_samples = pytest.mark.skipif(
    not SAMPLES, reason="MORPHOSPACE_CROSSBREED_SAMPLES names no folder with dog5.png, dog3.png"
)


@pytest.mark.parametrize("case", [c for c in cases("preprocess") if "_to_" in c])
def test_resize_and_crop(case):
    stored = arrays(SYSTEM, "preprocess")
    pixels = next(stored[key] for key in stored if key.startswith(f"{case}.in."))
    picture = Image.fromarray(pixels)
    x = to_network(centre_square(picture.convert("RGB"), case_of("preprocess", case)["options"]["size"]))
    check("preprocess", case, "x", x, max_abs=1e-6)


def test_save():
    y = torch.from_numpy(arrays(SYSTEM, "preprocess")["save.in.y"])
    check("preprocess", "save", "unit", from_network(y))
    assert np.array_equal(np.asarray(to_pil(from_network(y))[0]), wanted("preprocess", "save", "pixels"))


def positions(case):
    """The positions of the official script in the order that it writes them: (content, style or None)."""
    options = case_of("preprocess", case)["options"]
    steps = torch.linspace(0, 1, options["niter"] + 2).tolist()
    return [(c, s) for s in steps for c in steps] if options["disentangled"] else [(c, None) for c in steps]


@pytest.mark.parametrize("case", cases("preprocess", "script_"))
def test_script_file_names(case):
    names = [released_name(*position) for position in positions(case)]
    assert [*names, "x_A.png", "x_B.png"] == case_of("preprocess", case)["options"]["files"]


def sample(name):
    return Image.open(Path(SAMPLES) / f"{name}.png")


@needs_samples
@pytest.mark.parametrize("name", ["dog5", "dog3"])
def test_sample_pictures(name):
    spec = case_of("preprocess", f"sample_{name}")["inputs"]
    assert hashlib.sha256((Path(SAMPLES) / f"{name}.png").read_bytes()).hexdigest() == spec["sha256"]
    x = to_network(centre_square(sample(name), 128))
    check("preprocess", f"sample_{name}", "x", x)
    check("preprocess", f"sample_{name}", "channel_mean", x[0].mean((1, 2)))
    check("preprocess", f"sample_{name}", "channel_std", x[0].std((1, 2)))


def morph(network, content, style):
    a, b = (to_network(centre_square(sample(name), 128)) for name in ("dog5", "dog3"))
    with torch.no_grad():
        return network.morph(a, b, torch.as_tensor(float(content)), torch.as_tensor(float(style)))


@needs_samples
@pytest.mark.parametrize("case", cases("preprocess", "sample_morph"))
def test_sample_morphs(case):
    options = case_of("preprocess", case)["options"]
    content, style = options.get("a_c", options.get("alpha")), options.get("a_s", options.get("alpha"))
    ends = contract(torch.tensor(float(content)), torch.tensor(float(style)), 0.3 if "tau" in case else 0.0)
    check("preprocess", case, "y", morph(generator(), *ends))


@needs_samples
@pytest.mark.parametrize("case", cases("preprocess", "script_"))
def test_script_pixels(case):
    network, options, pictures = generator(), case_of("preprocess", case)["options"], []
    for content, style in positions(case):
        ends = contract(torch.tensor(content), torch.tensor(content if style is None else style), options["tau"])
        pictures += to_pil(from_network(morph(network, *ends)))
    pictures += [centre_square(sample(name), 128) for name in ("dog5", "dog3")]
    got = np.stack([np.asarray(picture)[::8, ::8] for picture in pictures])
    assert_matches(got, wanted("preprocess", case, "pixels"), case, max_abs=1)

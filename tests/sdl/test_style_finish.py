"""What is done to a painting: the grid leaves smooth areas, colours are the style's, strengths and protection count."""

from __future__ import annotations

import torch
from PIL import Image

from core.image import to_tensor
from core.ops.colour_lab import lab_of
from core.sdl.methods.style.finish import prepare_finishing, protect
from core.sdl.options import SDLOptions
from core.sdl.pipeline import SDLPipeline
from tests.sdl.conftest import shipped_network, textured

ONE = torch.ones(1)


def smooth_and_textured() -> torch.Tensor:
    """(1, 3, 128, 256): a ramp at the left, stripes 16 pixels wide at the right."""
    ramp = torch.linspace(0.3, 0.6, 256).expand(128, 256).clone()
    ramp[:, 128:] += 0.25 * torch.sign(torch.sin(torch.arange(128) * torch.pi / 16 + 0.1))
    return ramp.expand(1, 3, -1, -1).clone()


def grid(size: tuple[int, int] = (128, 256)) -> torch.Tensor:
    """A pattern that repeats after 4 pixels."""
    y, x = torch.meshgrid(torch.arange(size[0]), torch.arange(size[1]), indexing="ij")
    return 0.08 * torch.cos(x * torch.pi / 2) * torch.cos(y * torch.pi / 2)


def energy(pictures: torch.Tensor) -> float:
    """Of the waves of 4 pixels, in the smooth half."""
    part = pictures.mean(1)[0, 16:112, 16:112]
    return float((part * grid((96, 96))).mean().abs())


def colourful(seed: int = 0) -> torch.Tensor:
    return torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(seed))


def test_the_grid_leaves_smooth_areas_and_edges_stay():
    content = smooth_and_textured()
    painting = (content + grid()).clamp(0, 1)
    made = prepare_finishing(content, colourful(), None, 1.0, 1.0).apply(painting, ONE)
    assert energy(made) < 0.03 * energy(painting)
    # The stripes, 0.5 apart, keep their contrast.
    steps = made.mean(1)[0, 64].diff()[132:250].abs()
    assert steps.max() > 0.3
    whole = prepare_finishing(content, colourful(), None, 1.0, 0.0).apply(painting, ONE)
    assert (whole - made).abs()[..., 140:].mean() > 3 * (whole - made).abs()[..., 20:100].mean(), (
        "texture at 0 is coarser"
    )


def test_a_plain_sky_has_no_broad_bars_either():
    content = torch.linspace(0.6, 0.7, 300).expand(1, 3, 200, 300).clone()
    bars = 0.1 * torch.sign(torch.sin(torch.arange(300) * torch.pi / 20 + 0.1))
    made = prepare_finishing(content, colourful(), None, 1.0, 1.0).apply(content + bars, ONE)
    assert made.mean(1)[0, 60:140, 60:240].std() < 0.4 * (content + bars).mean(1)[0, 60:140, 60:240].std()


def test_strokes_of_another_size_keep_the_photos_size_and_its_ends():
    pipe = SDLPipeline(shipped_network("sdl-style"), "style")
    photo, style = textured(120, 90, 1, cell_px=3), textured(64, 64, 2)
    plain, bold = (pipe.prepare(photo, style, options=SDLOptions(strokes=size, clean=False)) for size in (1.0, 2.0))
    start, some, whole = pipe.render(bold, [0.0, 0.02, 1.0])
    assert torch.equal(start, to_tensor(photo)[0]) and bold.figures == plain.figures
    assert (some - start).abs().mean() < 0.06, "a photo that is hardly painted stays sharp"
    fine = [picture.diff(dim=2).abs().mean() for picture in (whole, pipe.render(plain, [1.0])[0])]
    assert fine[0] < 0.8 * fine[1], fine


def test_scales_become_strokes_along_the_contents_lines():
    y, x = torch.meshgrid(torch.arange(128), torch.arange(160), indexing="ij")
    content = (0.5 + 0.08 * torch.sign(torch.sin(y * torch.pi / 12 + 0.1))).expand(1, 3, -1, -1)
    scales = 0.15 * torch.cos(x * torch.pi / 3) * torch.cos(y * torch.pi / 3)
    made = prepare_finishing(content, colourful(), None, 1.0, 1.0).apply(content + scales, ONE).mean(1)[0]
    inner = made[24:-24, 24:-24]
    assert inner.diff(dim=1).abs().mean() < 0.3 * (content.mean(1)[0] + scales)[24:-24, 24:-24].diff(dim=1).abs().mean()
    assert inner.mean(1).std() > 0.8 * content.mean(1)[0][24:-24].mean(1).std(), "the stripes stay"


def test_at_the_start_nothing_is_done():
    content = smooth_and_textured()
    painting = (content + grid()).clamp(0, 1)
    assert torch.allclose(
        prepare_finishing(content, colourful(), None, 1.0, 0.3).apply(painting, torch.zeros(1)), painting, atol=1e-6
    )


def test_a_grey_style_makes_grey_pictures_and_no_colour_keeps_the_contents():
    content = 0.2 + 0.6 * torch.nn.functional.interpolate(colourful(1), (96, 96), mode="bicubic").clamp(0, 1)
    painting = 0.2 + 0.6 * torch.nn.functional.interpolate(colourful(2), (96, 96), mode="bicubic").clamp(0, 1)
    grey = prepare_finishing(content, colourful().mean(1, keepdim=True).expand(-1, 3, -1, -1), None, 1.0, 1.0)
    assert lab_of(grey.apply(painting, ONE))[:, 1:].abs().max() < 1.5
    own = prepare_finishing(content, colourful(), None, 0.0, 1.0).apply(painting, ONE)
    assert (lab_of(own) - lab_of(content))[:, 1:].abs().median() < 1


def test_a_protected_face_stays_nearer_to_the_photo_and_its_rim_is_soft():
    content, painting = torch.full((1, 3, 200, 200), 0.7), torch.full((1, 3, 200, 200), 0.2)
    oval = torch.zeros(1, 1, 200, 200)
    oval[..., 70:130, 80:120] = 1
    made = prepare_finishing(content, colourful(), protect(oval), 1.0, 1.0).apply(painting, ONE).mean(1)[0]
    assert made[100, 100] > 0.45 > 0.25 > made[10, 10]
    assert made.diff(dim=0).abs().max() < 0.08


def test_the_pipeline_finishes_paintings_unless_asked_not_to():
    network = shipped_network("sdl-style")
    pipe, pair = SDLPipeline(network, "style"), (textured(128, 96), textured(96, 96, 1))
    raw = pipe.render(pipe.prepare(*pair, options=SDLOptions(clean=False)), [1.0])
    with torch.inference_mode():
        content, style = (to_tensor(picture.resize((128, 96), Image.Resampling.BICUBIC)) for picture in pair)
        assert torch.allclose(raw, network(torch.cat([content, style], 1), torch.ones(1)).clamp(0, 1), atol=1e-5)
    finished = pipe.prepare(*pair)
    assert (pipe.render(finished, [1.0]) - raw).abs().mean() > 1e-3
    assert torch.equal(pipe.render(finished, [0.0]), content), "the photo at its end"
    close = (pipe.render(finished, [0.01]) - content).abs().max()
    assert close < 0.1, "and near it nothing jumps"

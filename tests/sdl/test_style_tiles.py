"""Large paintings: tiles are the whole to rounding, and what is computed in smaller pictures stays close."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.ops.filters import box_filter, guided_filter
from core.ops.tangents import average_along
from core.sdl.methods.style import finish, network, tiles
from tests.sdl.conftest import shipped_network


def test_a_painting_in_tiles_is_the_whole_one(monkeypatch: pytest.MonkeyPatch):
    painter = shipped_network("sdl-style")
    pair = torch.rand(1, 6, 160, 228, generator=torch.Generator().manual_seed(0))
    pair[:, :3] = torch.nn.functional.avg_pool2d(pair[:, :3], 9, 1, 4)
    with torch.inference_mode():
        whole = painter(pair, torch.ones(1))
        monkeypatch.setattr(network, "WHOLE_PIXELS", 0)
        monkeypatch.setattr(tiles, "SIDE_PX", 64)
        tiled = painter(pair, torch.ones(1))
    # 12 tiles, the last ones narrow. Where two meet nothing differs more than elsewhere.
    assert (tiled - whole).abs().max() < 1e-4
    assert whole.std() > 0.01, "there is something to compare"


def test_large_pictures_are_smoothed_as_at_full_size():
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(1, 3, 6, 160, generator=generator)
    picture = torch.nn.functional.interpolate(coarse, (84, 2240), mode="bicubic").clamp(0, 1)
    guide = picture.mean(1, keepdim=True)
    radius = finish.scaled(finish.FINISH.broad_px, picture)
    assert finish.reduction(picture) == 2
    made = finish.averaged(guide, picture, finish.FINISH.broad_px, finish.FINISH.edge_variance)
    exact = guided_filter(guide, picture, lambda x: box_filter(x, radius), finish.FINISH.edge_variance)
    assert (made - exact).abs().mean() < 0.1 * (picture - exact).abs().mean()
    assert finish.reduction(picture[..., :1024]) == 1


def test_strokes_in_steps_are_those_without():
    noise = np.random.default_rng(0).normal(0, 1, (80, 200)).astype(np.float32)
    field = np.zeros((80, 200, 2), np.float32)
    field[..., 0] = 1
    exact = average_along(noise, field, [1.0] * 40)
    stepped = average_along(average_along(noise, field, [1.0] * 10, 4), field, [1.0, 1.0, 0.5])
    inner = np.s_[:, 45:-45]
    assert np.corrcoef(exact[inner].ravel(), stepped[inner].ravel())[0, 1] > 0.95
    assert stepped[inner].std() < 1.2 * exact[inner].std()

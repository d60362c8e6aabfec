"""One outline of two animals in line, and masks that end where the colours change."""

import numpy as np
import torch

from core.crossbreed.methods.blending.fusion import blend_silhouettes
from core.crossbreed.methods.colour_transfer.masks import apply_grabcut
from core.ops.masks import signed_distance

SIDE = 128
FUR, GROUND = torch.tensor([0.9, 0.5, 0.2]), torch.tensor([0.2, 0.4, 0.6])


def painted(mask: torch.Tensor) -> torch.Tensor:
    """An animal of one colour before a ground of another, (3, S, S), of a mask (S, S)."""
    return mask * FUR[:, None, None] + (1 - mask) * GROUND[:, None, None]


def head(ear: slice) -> torch.Tensor:
    """A square head with one ear on its upper edge, 10 pixels wide and 24 high, (S, S)."""
    mask = torch.zeros(SIDE, SIDE)
    mask[60:120, 30:98] = mask[36:60, ear] = 1.0
    return mask


def depths_of(masks: list[torch.Tensor]) -> torch.Tensor:
    return torch.stack([torch.from_numpy(signed_distance(mask.numpy()))[None] for mask in masks])[None]


def test_ears_shrink_and_grow_and_are_never_seen_twice():
    masks = [head(slice(35, 45)), head(slice(80, 90))]
    alone = torch.stack([painted(mask) for mask in masks])[None]
    share = {}
    for w in (0.25, 0.5, 0.75):
        weights = torch.tensor([[1 - w, w]])
        faded = (weights[:, :, None, None, None] * alone).sum(1)
        made = blend_silhouettes(faded, weights, alone, depths_of(masks))
        assert torch.equal(made[..., 70:, :], faded[..., 70:, :]), "the head is alike in both"
        # 1 where fur is shown, 0 where ground is.
        fur = ((made - GROUND[:, None, None]) * (FUR - GROUND)[:, None, None]).sum(1) / (FUR - GROUND).square().sum()
        tips = fur[0, 38:46, 37:43].mean(), fur[0, 38:46, 82:88].mean()
        share[w] = [float(tip) for tip in tips]
    assert max(share[0.5]) < 0.1, "half-way neither tip is there, where a fade shows both"
    assert share[0.25][1] < 0.1 and share[0.75][0] < 0.1
    assert np.allclose(share[0.25], share[0.75][::-1], atol=0.05)


def test_one_picture_stays_as_it_is():
    masks = [head(slice(35, 45)), head(slice(80, 90))]
    alone = torch.stack([painted(mask) for mask in masks])[None]
    for w, index in ((0.0, 0), (1.0, 1)):
        made = blend_silhouettes(alone[:, index], torch.tensor([[1 - w, w]]), alone, depths_of(masks))
        assert torch.allclose(made, alone[:, index], atol=1e-5)


def test_bodies_fade_as_before():
    masks = [torch.zeros(SIDE, SIDE), torch.zeros(SIDE, SIDE)]
    masks[0][20:110, 10:60] = masks[1][20:110, 70:120] = 1.0
    alone = torch.stack([painted(mask) for mask in masks])[None]
    weights = torch.tensor([[0.5, 0.5]])
    faded = (weights[:, :, None, None, None] * alone).sum(1)
    made = blend_silhouettes(faded, weights, alone, depths_of(masks))
    assert torch.equal(made[..., 50:80, 30:40], faded[..., 50:80, 30:40])


def test_a_rough_mask_gets_back_the_ear_it_cut_off():
    whole = head(slice(35, 45))
    rough = whole.clone()
    rough[36:52] = 0.0
    noise = 0.02 * torch.randn(3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    picture = (painted(whole) + noise).clamp(0, 1)[None]
    again = apply_grabcut(picture, rough[None, None])
    assert (again[0, 0] - whole).abs().mean() < 0.2 * (rough - whole).abs().mean()
    assert torch.equal(again, apply_grabcut(picture, rough[None, None])), "no chance in it"
    nothing = torch.zeros(1, 1, SIDE, SIDE)
    assert torch.equal(apply_grabcut(picture, nothing), nothing)


def test_depth_counts_pixels_from_the_rim():
    mask = np.zeros((64, 64), np.float32)
    mask[:, 20:44] = 1
    inside = signed_distance(mask)[32]
    assert abs(inside[32] - 11.5) < 1 and abs(inside[4] + 15.5) < 1 and inside[19] < 0 < inside[20]

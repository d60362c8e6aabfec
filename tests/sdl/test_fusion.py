"""One picture of two in line: what is mixed, what is chosen, and the one silhouette."""

import torch

from core.metrics import evenness, sharpness
from core.sdl.methods.ageing.network import AgeingSDLNet, upsample_along_edges
from core.sdl.methods.face_morph.fusion import fuse_pictures
from core.sdl.methods.small_network.network import enlarge


def noise(seed: int, side: int = 96) -> torch.Tensor:
    return torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(seed))


def share(value: float, side: int = 96) -> torch.Tensor:
    return torch.full((1, 1, side, side), value)


def disc(radius: float, side: int = 96) -> torch.Tensor:
    """How deep inside a disc in the middle each pixel lies."""
    place = torch.arange(side) + 0.5 - side / 2
    return (radius - torch.hypot(place[:, None], place[None]))[None, None]


def test_the_ends_are_the_pictures():
    first, second, depths = noise(0), noise(1), (disc(20), disc(35))
    for t, wanted in ((0.0, first), (1.0, second)):
        person = torch.lerp(*depths, t)
        assert torch.allclose(fuse_pictures(first, second, share(t), None), wanted, atol=1e-5)
        assert torch.allclose(fuse_pictures(first, second, share(t), (*depths, person)), wanted, atol=2e-3)


def test_unlike_textures_stay_sharp_and_like_ones_stay():
    first, second = noise(0), noise(1)
    made = fuse_pictures(first, second, share(0.5), None)
    assert sharpness((first + second) / 2) < 0.6 * sharpness(first) < 0.85 * sharpness(made) < sharpness(first)
    assert torch.allclose(fuse_pictures(first, first, share(0.5), None), first, atol=1e-5)
    # The same detail in another light is mixed, not chosen.
    darker = 0.8 * first
    assert torch.allclose(fuse_pictures(first, darker, share(0.5), None), 0.9 * first, atol=0.02)


def test_places_change_over_at_their_own_time():
    first, second = noise(0), noise(1)
    frames = torch.cat([fuse_pictures(first, second, share(step / 8), None) for step in range(9)])
    assert evenness(frames[2:7]) > 0.5, "texture alone, which only changes over, does not jump"
    changed = ((frames - first).abs() / (second - first).abs().clamp(min=0.05)).clamp(0, 1).mean((1, 3))
    assert changed[4, :24].mean() > changed[4, -24:].mean() + 0.3
    assert (changed.mean(1).diff() > 0).all() and changed[0].max() < 1e-3


def test_the_silhouette_is_one_and_in_between():
    # White people of two sizes before black: a mix would show two rims.
    depths = disc(20), disc(36)
    first, second = ((depth + 0.5).clamp(0, 1).repeat(1, 3, 1, 1) for depth in depths)
    for t in (0.25, 0.5, 0.75):
        person = torch.lerp(*depths, t)
        row = fuse_pictures(first, second, share(t), (*depths, person))[0, 0, 48]
        assert (row[person[0, 0, 48] > 2] > 0.95).all() and (row[person[0, 0, 48] < -2] < 0.1).all()


def test_small_maps_follow_the_edges_of_the_picture():
    picture = torch.zeros(1, 3, 64, 64)
    picture[..., 30:] = 1.0
    maps = torch.zeros(1, 2, 16, 16)
    maps[..., 8:] = 1.0
    drawn = upsample_along_edges(maps, picture)[0, 0, 32]
    plain = enlarge(maps, picture)[0, 0, 32]
    assert drawn[31] - drawn[28] > 0.9 > 2 * (plain[31] - plain[28])
    assert torch.allclose(upsample_along_edges(torch.full((1, 2, 16, 16), 0.3), picture), torch.tensor(0.3), atol=1e-4)


def test_what_is_worn_keeps_its_shape_and_the_background_its_colours():
    source, t = noise(2, 64), torch.tensor([1.0])
    maps = torch.zeros(1, 26, 32, 32)
    maps[:, 0], maps[:, 14:] = 1.0, 0.2
    guide = torch.zeros(1, 4, 32, 32)
    guide[:, 1], guide[:, 2, :, :16] = torch.linspace(-1, 1.5, 32)[:, None], 1.0
    made = AgeingSDLNet(work_px=64, num_in_ch=3).compose(maps, source, t, guide)
    change = (made - source).abs().mean(1)[0]
    assert change[4:40, 4:26].mean() > 0.1
    assert change[54:].max() < 1e-5 and change[:, 40:].max() < 1e-5

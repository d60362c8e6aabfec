"""One outline of two animals in line, and masks that end where the colours change."""

import numpy as np
import torch

from core.animals.blending.eyes import iris_colour
from core.animals.blending.layers import Layers
from core.animals.blending.mixing import mix_layers, sharpened
from core.animals.blending.settling import settled
from core.animals.colour_transfer.masks import apply_grabcut, mark_ears
from core.animals.colour_transfer.palette import Palette
from core.metrics import sharpness
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


def turned(points: torch.Tensor, tips: tuple[float, float]) -> torch.Tensor:
    """Points with the tips of both ears at a height and as far out, fractions of the picture."""
    made = points.clone()
    made[7], made[8] = torch.tensor([0.5 - tips[0], tips[1]]), torch.tensor([0.5 + tips[0], tips[1]])
    return made


POINTS = torch.tensor([[0.4, 0.55], [0.6, 0.55], [0.5, 0.65], [0.5, 0.85], [0.25, 0.65], [0.75, 0.65], [0.5, 0.45],
                       [0.3, 0.2], [0.7, 0.2]])  # fmt: skip


def pair_with_other_ears() -> tuple[Layers, Palette, list[torch.Tensor]]:
    """Two heads alike but for their ears: pricked above, hanging aside."""
    pricked, hanging = torch.zeros(SIDE, SIDE), torch.zeros(SIDE, SIDE)
    for mask in (pricked, hanging):
        mask[56:120, 34:94] = 1.0
    pricked[24:60, 36:48] = pricked[24:60, 80:92] = 1.0
    hanging[60:100, 18:36] = hanging[60:100, 92:110] = 1.0
    masks, points = (
        torch.stack([pricked, hanging])[:, None],
        [turned(POINTS, (0.17, 0.2)), turned(POINTS, (0.28, 0.75))],
    )
    crops = torch.stack([painted(mask[0]) for mask in masks])
    return Layers.cut(crops, masks, torch.stack(points)), Palette.measure(crops, masks), [pricked, hanging]


def fur_in(frame: np.ndarray) -> np.ndarray:
    """1 where fur is shown, 0 where ground is."""
    way = (FUR - GROUND).numpy()
    return ((frame - GROUND.numpy()) @ way) / (way @ way)


SURE = (True, True), (True, True)
STILL = {0: np.zeros((8, 8, 2), np.float32), 1: np.zeros((8, 8, 2), np.float32)}


def test_one_pair_of_ears_is_seen_never_two():
    layers, palette, masks = pair_with_other_ears()
    own = [mask.bool().numpy() & ~other.bool().numpy() for mask, other in (masks, masks[::-1])]
    for t in (0.1, 0.25, 0.5, 0.75, 0.9):
        share = {0: 1 - t, 1: t}
        fur = fur_in(mix_layers(layers, palette, STILL, share, share, *SURE))
        seen = [fur[ears].mean() for ears in own]
        assert min(seen) < 0.12, f"at {t} both pairs are seen: {seen}"
        assert t in (0.25,) or max(seen) > 0.65, f"at {t} no ears are seen: {seen}"
        assert fur[70:110, 45:85].min() > 0.9, "the head is alike in both"


def test_one_outline_between_two_and_no_half_shown_rim():
    """A narrow and a wide body: in the midst of their turn one of the width between, where a fade shows the wide one faintly; then one."""
    masks = torch.zeros(2, 1, SIDE, SIDE)
    masks[0, 0, 30:, 44:84] = masks[1, 0, 30:, 28:100] = 1.0
    crops = torch.stack([painted(mask[0]) for mask in masks])
    layers, share = Layers.cut(crops, masks, torch.stack([POINTS, POINTS])), {0: 0.645, 1: 0.355}
    layers.gazes[:] = (0, 1)
    fur = fur_in(mix_layers(layers, Palette.measure(crops, masks), STILL, share, share, *SURE))[90]
    assert fur[40:88].min() > 0.9 and max(fur[:32].max(), fur[96:].max()) < 0.1
    assert ((fur > 0.1) & (fur < 0.9)).sum() <= 8
    half = {0: 0.5, 1: 0.5}
    fur = fur_in(mix_layers(layers, Palette.measure(crops, masks), STILL, half, half, *SURE))[90]
    assert fur[30:98].min() > 0.9 and max(fur[:26].max(), fur[102:].max()) < 0.1


def test_markings_come_with_the_appearance_and_stay_in_place():
    """One white, one with a dark left half: in the other's appearance the white one has the dark half."""
    mask = torch.zeros(1, SIDE, SIDE)
    mask[:, 20:, 14:114] = 1.0
    white = torch.full((3, SIDE, SIDE), 0.9)
    patched = white.clone()
    patched[..., :64] = 0.1
    crops = torch.stack([torch.where(mask > 0, fur, GROUND[:, None, None]) for fur in (white, patched)])
    masks = torch.stack([mask, mask])
    layers = Layers.cut(crops, masks, torch.stack([POINTS, POINTS]))
    made = mix_layers(layers, Palette.measure(crops, masks), STILL, {0: 1.0}, {1: 1.0}, *SURE)
    assert made[50:110, 24:50].mean() < 0.2 and made[50:110, 78:104].mean() > 0.8
    assert np.abs(made[:12, :, 0] - float(GROUND[0])).max() < 0.1, "what is behind has no halo"


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


def test_an_ear_longer_than_the_rims_doubt_is_led_to_by_its_points():
    """The rough mask ends at the skull, the ear is longer than what GrabCut may add."""
    whole = torch.zeros(SIDE, SIDE)
    whole[70:120, 30:98] = whole[24:70, 40:52] = whole[24:70, 76:88] = 1.0
    rough = whole.clone()
    rough[:70] = 0.0
    points = turned(POINTS, (0.14, 0.2))
    points[6, 1], points[:2, 1] = 0.55, 0.66
    noise = 0.02 * torch.randn(3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    picture, missing = (painted(whole) + noise).clamp(0, 1)[None], whole - rough
    plain = apply_grabcut(picture, rough[None, None])
    marked = apply_grabcut(picture, mark_ears(rough[None, None], [points]))
    assert (plain[0, 0] * missing).sum() < 0.5 * missing.sum() < 0.9 * (marked[0, 0] * missing).sum()
    assert torch.equal(mark_ears(rough[None, None], [None])[0, 0], rough)


def test_depth_counts_pixels_from_the_rim():
    mask = np.zeros((64, 64), np.float32)
    mask[:, 20:44] = 1
    inside = signed_distance(mask)[32]
    assert abs(inside[32] - 11.5) < 1 and abs(inside[4] + 15.5) < 1 and inside[19] < 0 < inside[20]


def spotted(eyes: float, nose: float) -> torch.Tensor:
    """A head with spots of a lightness where eyes and nose are, (3, S, S)."""
    crop = painted(head(slice(60, 70)))
    for x, y in (POINTS[[0, 1]] * SIDE).round().int().tolist():
        crop[:, y - 4 : y + 4, x - 4 : x + 4] = eyes
    x, y = (POINTS[2] * SIDE).round().int().tolist()
    crop[:, y - 3 : y + 3, x - 4 : x + 4] = nose
    return crop


def test_the_middle_has_eyes_and_muzzle_of_one():
    crops = torch.stack([spotted(0.0, 0.9), spotted(0.4, 0.0)])
    masks = head(slice(60, 70)).expand(2, 1, -1, -1)
    layers, palette = Layers.cut(crops, masks, POINTS.expand(2, -1, -1)), Palette.measure(crops, masks)
    half = {0: 0.5, 1: 0.5}
    places = [(POINTS[i] * SIDE).round().int().tolist() for i in (0, 2)]
    for clear, sure in (((True, True), (True, True)), ((True, False), (True, True)), ((True, False), (True, False))):
        made = mix_layers(layers, palette, STILL, half, half, sure, clear)
        turned_round = mix_layers(layers, palette, STILL, {1: 0.5, 0: 0.5}, half, sure, clear)
        assert np.array_equal(made, turned_round), "whatever the order"
        for (x, y), level in zip(places, (0.1, 0.9), strict=True):
            assert abs(made[y - 1 : y + 2, x - 1 : x + 2].mean() - level) < 0.2


def test_a_dark_eye_stays_dark_in_brighter_colours():
    dark, bright = spotted(0.02, 0.02), spotted(0.02, 0.02) * 0.3 + 0.6
    crops, masks = torch.stack([dark, bright]), head(slice(60, 70)).expand(2, 1, -1, -1)
    layers, palette = Layers.cut(crops, masks, POINTS.expand(2, -1, -1)), Palette.measure(crops, masks)
    made = mix_layers(layers, palette, STILL, {0: 1.0}, {1: 1.0}, *SURE)
    x, y = (POINTS[0] * SIDE).round().int().tolist()
    eye, fur = made[y - 1 : y + 2, x - 1 : x + 2].mean(), made[112:118, 40:50].mean()
    assert eye < 0.25 < 0.65 < fur


def test_what_is_softer_than_wanted_is_sharpened_and_nothing_else():
    frame = np.random.default_rng(0).random((64, 64, 3), np.float32) * 0.2 + 0.4
    energy = sharpness(torch.from_numpy(frame).permute(2, 0, 1)[None])
    assert sharpened(frame, energy) is frame
    made = sharpness(torch.from_numpy(sharpened(frame, 1.44 * energy)).permute(2, 0, 1)[None])
    assert 1.3 * energy < made < 1.5 * energy


def test_eyes_are_one_animal_s_in_the_colour_between():
    """Green eyes and red ones, in fur alike: the middle's are as sharp as either's and half-way in colour; pupils stay black."""
    green, red = torch.tensor([0.3, 0.7, 0.1]), torch.tensor([0.7, 0.3, 0.1])
    crops = torch.stack([spotted(0.0, 0.1), spotted(0.0, 0.1)])
    (x, y), right = (POINTS[[0, 1]] * SIDE).round().int().tolist()
    for crop, colour in zip(crops, (green, red), strict=True):
        for at_x, at_y in ((x, y), right):
            crop[:, at_y - 4 : at_y + 4, at_x - 4 : at_x + 4] = colour[:, None, None]
            crop[:, at_y - 1 : at_y + 1, at_x - 1 : at_x + 1] = 0.0
    masks, half = head(slice(60, 70)).expand(2, 1, -1, -1), {0: 0.5, 1: 0.5}
    layers = Layers.cut(crops, masks, POINTS.expand(2, -1, -1))
    made = mix_layers(layers, Palette.measure(crops, masks), STILL, half, half, *SURE)
    assert np.abs(made[y - 3 : y - 1, x - 2 : x + 2].mean((0, 1)) - ((green + red) / 2).numpy()).max() < 0.08
    assert made[y - 1 : y + 1, x - 1 : x + 1].mean() < 0.1


def test_an_eye_of_two_pixels_has_a_colour():
    seen, openings = np.full((8, 8, 3), 0.3, np.float32), np.zeros((8, 8), np.float32)
    seen[2, 2], openings[2, 2:4] = 0.1, 1
    assert np.isfinite(iris_colour(seen, openings)).all() and np.isfinite(iris_colour(seen, openings * 0)).all()


def test_white_fur_does_not_lead():
    """White fur has no detail to show when it is darkened; black fur, brightened, gains contrast."""
    dark = spotted(0.5, 0.5) * 0.2
    white = torch.where(head(slice(60, 70)) > 0, 0.95, dark)
    noise = 0.02 * torch.randn(SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    crops, masks = torch.stack([(dark + noise).clamp(0, 1), white]), head(slice(60, 70)).expand(2, 1, -1, -1)
    layers, half = Layers.cut(crops, masks, POINTS.expand(2, -1, -1)), {0: 0.5, 1: 0.5}
    layers.gazes[:] = (0.1, 0.12)
    made = mix_layers(layers, Palette.measure(crops, masks), STILL, half, half, *SURE)
    patch, own = made[72:84, 76:90].mean(2), crops[0, :, 72:84, 76:90].mean(0).numpy()
    assert patch.mean() > own.mean() + 0.2 and patch.std() > 1.2 * own.std()


def test_eyes_are_moved_whole_and_nothing_comes_from_beyond_the_edge():
    along = (np.arange(32, dtype=np.float32) + 0.5) / 32
    place = np.stack(np.meshgrid(along, along), -1)
    points, shear = POINTS.numpy(), np.stack([0.4 * (place[..., 1] - 0.55), np.zeros((32, 32), np.float32)], -1)
    way = settled(shear - np.array([0.06, 0.0], np.float32), points, points - np.array([0.06, 0.0], np.float32))
    fine = (np.arange(128, dtype=np.float32) + 0.5) / 128
    x, y = (points[0] * 128).astype(int)
    assert np.abs(way[y - 2 : y + 3, x - 2 : x + 3, 0] + 0.06).max() < 0.01, "an eye is moved, not sheared"
    assert abs(way[100, 90, 0] - 0.4 * (fine[100] - 0.55) + 0.06) < 0.01, "elsewhere all is as it was"
    reached = fine + way[..., 0]
    assert reached.min() > -0.005 and reached.max() < 1.005 and np.diff(reached, axis=1).min() > 0


def test_a_hole_within_an_animal_is_animal():
    mask = head(slice(60, 70))
    picture = painted(mask)
    picture[:, 85:95, 60:68] = GROUND[:, None, None]
    rough = mask.clone()
    rough[85:95, 60:68] = 0
    assert apply_grabcut(picture[None], rough[None, None])[0, 0, 88:92, 62:66].min() == 1

"""A hole filled from coarse to fine with patches that agree where they overlap; of several beginnings the most consistent goes on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt

from core.ops.masks import disc
from core.ops.patch_detail import known_share, reduce_known
from core.ops.patch_lines import continue_lines
from core.ops.patch_seams import close_seams
from core.ops.patch_search import AROUND, OFFSETS, SIDE, Patches, R, compare_all, find_nearest, valid_centres


@dataclass(frozen=True)
class VoteConstants:
    """How far down the filling begins, what is tried there and how often patches vote."""

    thin_px: float = 4.0  # half the hole's width at the coarsest size: a patch reaches across
    beginnings: tuple[tuple[str, int], ...] = (  # what the hole holds at first, and how many sizes above the coarsest
        ("spread", 0),
        ("onion", 0),
        ("smooth", 0),
        ("onion", 1),
        ("smooth", 1),
        ("onion", 2),
    )
    begin_blurs: int = 128  # of the smooth beginning
    guide_blurs: int = 400  # of the membrane that fillings should not depart from too far
    guide_px: float = 3.0  # sigma of that comparison
    guide: float = 0.3  # its weight beside inconsistency: of 72 holes' fillings it chose those nearest to the truth
    beside_px: float = 6.0  # of a line: what the line's own colours fill
    compared_px: int = 2000  # of hole: the size up to which all beginnings are worked on
    few_px: int = 1000  # of hole: up to here one beginning will do
    rounds: tuple[tuple[int, int], ...] = ((2000, 15), (8000, 6))  # up to so many pixels of hole so many votes
    rounds_least: int = 4
    settled: float = 0.2  # levels: where a vote changes less, more votes change nothing
    trust: float = 1.15  # by which factor a pixel further in counts less: what is sure goes inwards
    trust_px: int = 40  # and no further
    onion_sources: int = 3000  # patches that the first filling is taken from: its time grows with them


VOTE = VoteConstants()


@dataclass(frozen=True)
class State:
    """A filling at one size: (H, W, 5) float32 as `Patches` has it, and of all patches that touch the hole their sources (N,)."""

    patches: Patches
    picture: np.ndarray
    nearest: np.ndarray


def fill_by_votes(picture: np.ndarray, hole: np.ndarray, forbidden: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The picture with its hole filled, and from where.

    Args:
        picture: (H, W, 3) uint8.
        hole: (H, W) bool.
        forbidden: (H, W) bool, must not be copied from; a whole patch of 7 px is neither.

    Returns:
        (H, W, 3) uint8, equal to the picture outside the hole, and (H, W, 2) int: for the hole and the 3 px round it the
        (row, column) of the known pixel that each was copied from or resembles, elsewhere the pixel's own.

    Source: Wexler et al. 2007, "Space-Time Completion of Video", with the texture and the first filling, layer by layer, of
    Newson et al. 2014, "Video Inpainting of Complex Scenes"; restarts compared by the energy that the votes lower are ours.
    """
    sizes = _pyramid(picture, hole, forbidden)
    small = [size for size, patches in enumerate(sizes) if patches.hole.sum() <= VOTE.compared_px]
    compared = small[0] if small else len(sizes) - 1
    tried = []
    # A small hole leaves little to choose, and a wide one that is thin everywhere has its surroundings near.
    many = bool(small) and sizes[0].hole.sum() > VOTE.few_px
    for kind, above in VOTE.beginnings if many else VOTE.beginnings[:1]:
        size = len(sizes) - 1 - above
        if size < compared:
            continue
        rng = np.random.default_rng(0)
        state = _vote_often(_begin(sizes[size], kind, rng), rng, first=True)
        while size > compared:
            size -= 1
            state = _vote_often(_enlarge(state, sizes[size], rng), rng)
        tried.append(state)
    state, rng = _choose(tried), np.random.default_rng(0)
    if small and (lined := _draw_lines(state, picture, hole, forbidden)) is not None:
        state = min(state, _vote_often(lined, rng), key=_inconsistency)
    for patches in sizes[:compared][::-1]:
        state = _vote_often(_enlarge(state, patches, rng), rng)
    return _finish(picture, state)


def _pyramid(picture: np.ndarray, hole: np.ndarray, forbidden: np.ndarray) -> list[Patches]:
    """The holed picture at its own size and at halves of it, the last with a hole as thin as a patch."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    slopes = np.stack([np.abs(cv2.Sobel(grey, -1, *way, ksize=1)) for way in ((1, 0), (0, 1))], -1)
    clean = (~(cv2.dilate(hole.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)).astype(np.float32)
    mean = [cv2.blur(one, (SIDE, SIDE), borderType=cv2.BORDER_REFLECT) for one in (slopes * clean[..., None], clean)]
    texture = mean[0] / np.maximum(mean[1], 1e-3)[..., None]
    sizes = [Patches(np.dstack([picture, texture]).astype(np.float32), hole, ~hole & ~forbidden)]
    while distance_transform_edt(hole).max() > VOTE.thin_px and min(hole.shape) > 3 * SIDE:
        smaller = reduce_known(picture, hole, forbidden, 0.5)
        share = known_share(hole, *smaller[1].shape)[..., None]
        texture = cv2.resize(texture * ~hole[..., None], share.shape[1::-1], interpolation=cv2.INTER_AREA)
        texture /= np.maximum(share, 1e-3)
        picture, hole, forbidden = smaller
        if not hole.any() or not valid_centres(~hole & ~forbidden).any():
            break
        sizes.append(Patches(np.dstack([picture, texture]).astype(np.float32), hole, ~hole & ~forbidden))
    return sizes


def _begin(patches: Patches, kind: str, rng: np.random.Generator) -> State:
    """The hole filled at first: by the nearest known pixel, smoothly between all, or by patches, layer by layer."""
    hole, valid = patches.hole, patches.valid.reshape(patches.shape)
    picture = _smoothed(patches.picture, hole, patches.known, VOTE.begin_blurs if kind == "smooth" else 0)
    if kind == "onion":
        picture[hole] = patches.picture.reshape(-1, 5)[_peel(patches, rng)]
    at = distance_transform_edt(~valid, return_distances=False, return_indices=True)
    nearest = at[:, patches.rows, patches.columns].astype(np.int64)
    return State(patches, picture, nearest[0] * patches.shape[1] + nearest[1])


def _smoothed(picture: np.ndarray, hole: np.ndarray, known: np.ndarray, blurs: int) -> np.ndarray:
    """(H, W, C): the hole by the nearest known pixels, and the more often blurred, the nearer to a membrane over its rim."""
    at = distance_transform_edt(~known, return_distances=False, return_indices=True)
    out = np.where(hole[..., None], picture[tuple(at)], picture)
    for _ in range(blurs):
        out[hole] = cv2.blur(out, (3, 3))[hole]
    return out


def _draw_lines(state: State, picture: np.ndarray, hole: np.ndarray, forbidden: np.ndarray) -> State | None:
    """The same filling with edges led on behind the hole, if any are found."""
    lined, drawn = continue_lines(picture, hole, forbidden)
    if not drawn.any():
        return None
    shape, empty = state.patches.shape, hole & ~drawn
    share = known_share(empty, *shape)[..., None]
    colours = cv2.resize(lined * ~empty[..., None], shape[::-1], interpolation=cv2.INTER_AREA) / np.maximum(share, 1e-3)
    at = (share[..., 0] > 0.5) & state.patches.hole
    made = replace(state, picture=state.picture.copy())
    made.picture[at, :3] = colours[at]
    # What lies between two lines belongs to them: a filling that knew nothing of them is no guide there.
    beside = (cv2.dilate(at.astype(np.uint8), disc(VOTE.beside_px)) > 0) & made.patches.hole & ~at
    made = replace(made, picture=_smoothed(made.picture, beside, ~beside, VOTE.begin_blurs))
    return replace(made, nearest=compare_all(made.patches, made.patches.describe_hole(made.picture)))


def _peel(patches: Patches, rng: np.random.Generator) -> np.ndarray:
    """(P,) sources of the hole's pixels: from the rim inwards, those whose patches resemble what is filled by then."""
    (high, wide), todo = patches.shape, patches.hole.copy()
    sources = patches.sources
    if len(sources) > VOTE.onion_sources:
        sources = np.sort(rng.choice(sources, VOTE.onion_sources, replace=False))
    windows = (AROUND[:, None] * (wide + 2 * R) + AROUND).ravel()
    picture = patches.picture[..., :3].copy()
    padded = np.pad(picture, [(R, R), (R, R), (0, 0)], mode="symmetric")

    def flat(at: np.ndarray) -> np.ndarray:
        return (at // wide + R) * (wide + 2 * R) + at % wide + R

    known = padded.reshape(-1, 3)[flat(sources)[:, None] + windows]
    lengths, chosen = np.square(known).sum(-1), np.zeros(high * wide, np.int64)
    while todo.any():
        rim = todo & (cv2.erode(todo.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) == 0)
        padded = np.pad(picture, [(R, R), (R, R), (0, 0)], mode="symmetric").reshape(-1, 3)
        for at in np.array_split(np.flatnonzero(rim), 1 + int(rim.sum()) // 1000):
            seen = np.pad(~todo, R, mode="symmetric").ravel()[flat(at)[:, None] + windows].astype(np.float32)
            wanted = padded[flat(at)[:, None] + windows] * seen[..., None]
            # Without the wanted patch's own length, which is the same for all.
            far = seen @ lengths.T - 2 * wanted.reshape(len(at), -1) @ known.reshape(len(sources), -1).T
            far /= np.maximum(seen.sum(1, keepdims=True), 1)
            way = [patches.features[one][:, -2:] for one in (at, sources)]
            chosen[at] = sources[(far + np.square(way[0][:, None] - way[1]).sum(-1)).argmin(1)]
        picture[rim] = patches.picture.reshape(-1, 5)[chosen[rim.ravel()], :3]
        todo &= ~rim
    return chosen[patches.hole.ravel()]


def _enlarge(state: State, patches: Patches, rng: np.random.Generator) -> State:
    """The same filling at the next larger size: what was copied there is copied here."""
    before, (high, wide) = state.patches, patches.shape
    moves = np.full((*before.shape, 2), np.iinfo(np.int64).min // 2)
    y, x = np.divmod(state.nearest, before.shape[1])
    moves[before.rows, before.columns] = np.stack([y - before.rows, x - before.columns], -1)
    scale = high / before.shape[0], wide / before.shape[1]
    cells = [
        np.minimum(((at + 0.5) / by).astype(int), most - 1)
        for at, by, most in zip((patches.rows, patches.columns), scale, before.shape, strict=True)
    ]
    move = moves[tuple(cells)]
    y = np.clip(np.round(patches.rows + move[:, 0] * scale[0]), 0, high - 1).astype(np.int64)
    x = np.clip(np.round(patches.columns + move[:, 1] * scale[1]), 0, wide - 1).astype(np.int64)
    usable = (move[:, 0] > np.iinfo(np.int64).min // 2) & patches.valid[y * wide + x]
    nearest = np.where(usable, y * wide + x, patches.draw(rng))
    made = State(patches, patches.picture.copy(), nearest)
    made.picture[patches.hole] = _vote(made, np.where(usable, 1, 1e4).astype(np.float32))
    return made


def _vote_often(state: State, rng: np.random.Generator, *, first: bool = False) -> State:
    """Patches found and voted on in turn, until the filling is likely to stay."""
    patches, area = state.patches, int(state.patches.hole.sum())
    rounds = next((count for most, count in VOTE.rounds if area <= most), VOTE.rounds_least)
    jumps = (4, 2, 1) if first else (2, 1) if area <= VOTE.rounds[-1][0] else (1,)
    for turn in range(rounds):
        wanted = patches.describe_hole(state.picture)
        nearest, cost = find_nearest(patches, wanted, state.nearest, jumps, turn, rng)
        before, state = state.picture[patches.hole], replace(state, picture=state.picture.copy(), nearest=nearest)
        voted = state.picture[patches.hole] = _vote(state, cost)
        if np.abs(voted - before).mean() < VOTE.settled:
            break
    return state


def _vote(state: State, cost: np.ndarray) -> np.ndarray:
    """(P, 5): colours and mean gradients that the patches over each pixel of the hole agree on."""
    patches = state.patches
    sources, cost = _over(state, cost)
    depth = np.minimum(patches.depth[patches.rows, patches.columns], VOTE.trust_px)
    trust = patches.over((VOTE.trust**-depth).astype(np.float32), 0)
    # As Newson et al.: what three quarters of the patches reach is usual; where a quarter is far better, less is.
    few, many = len(OFFSETS) // 4, 3 * len(OFFSETS) // 4
    ranked = np.partition(np.minimum(cost, 1e9), (few, many), axis=1)
    usual = np.minimum(ranked[:, many], 4 * ranked[:, few] + 1)
    weight = np.exp(-cost / (2 * usual[:, None] + 1e-3)) * trust + np.float32(1e-12) * np.isfinite(cost)
    weight /= weight.sum(1, keepdims=True)
    return np.matmul(weight[:, None], patches.picture.reshape(-1, 5)[sources])[:, 0]


def _over(state: State, cost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(P, 49) the sources that each pixel of the hole has in the patches over it, and what those patches cost; infinite: none."""
    patches, (high, wide) = state.patches, state.patches.shape
    sources = patches.over(state.nearest, 0) + OFFSETS @ (wide, 1)
    return np.clip(sources, 0, high * wide - 1), patches.over(cost.astype(np.float32), np.inf)


def _inconsistency(state: State) -> float:
    """How little the filling's patches resemble known ones on average, in levels; the ways to them do not count."""
    wanted = state.patches.describe_hole(state.picture)
    return float(np.linalg.norm((state.patches.features[state.nearest] - wanted)[:, :-2], axis=1).mean())


def _choose(tried: list[State]) -> State:
    """The most consistent filling that departs least from a membrane over the hole."""
    if len(tried) == 1:
        return tried[0]
    of = tried[0].patches
    guide = _smoothed(of.picture, of.hole, of.known, VOTE.guide_blurs)
    return min(tried, key=lambda one: _inconsistency(one) + VOTE.guide * _departure(one, guide))


def _departure(state: State, guide: np.ndarray) -> float:
    """How far the filling's coarse colours are from the guide's on average, in levels."""
    change = cv2.GaussianBlur(state.picture[..., :3] - guide[..., :3], (0, 0), VOTE.guide_px)
    return float(np.abs(change[state.patches.hole]).mean())


def _finish(picture: np.ndarray, state: State) -> tuple[np.ndarray, np.ndarray]:
    """Every pixel from the best patch over it, seams closed, as `fill_by_votes` answers."""
    patches, (high, wide) = state.patches, state.patches.shape
    cost = patches.cost(patches.describe_hole(state.picture), state.nearest)
    sources, cost = _over(state, cost)
    source = np.take_along_axis(sources, cost.argmin(1)[:, None], 1)[:, 0]
    field = np.arange(high * wide).reshape(high, wide)
    field[patches.rows, patches.columns] = state.nearest
    field[patches.hole] = source
    out = picture.copy()
    colours = close_seams(patches.picture[..., :3], patches.hole, patches.known, source)
    out[patches.hole] = np.clip(colours, 0, 255).round()
    return out, np.stack(np.divmod(field, wide), -1)

"""Views of chairs and cars that we draw (CC0), made while training asks for them: nothing is stored, no object comes twice.

A batch holds `source`, `target` (B, 3, S, S) in [-1, 1], `source_view`, `target_view` (B, 21, 1, 1), and what the renderer
knows: `flow` (B, 2, S, S), how far from each target pixel its place is seen in the source, in pixels, x before y, and `seen`
(B, 1, S, S), 1 where the source shows that place or its mirror image.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import default_collate

from core.gfla.methods.object_model.objects import object_of
from core.gfla.methods.object_model.render import SAMPLES, Array, Camera, View, render
from core.gfla.options import KINDS
from core.gfla.paper.pictures import as_network_picture
from core.gfla.paper.views import AZIMUTH_STEP_DEG, AZIMUTHS, ELEVATION_STEP_DEG, ELEVATIONS, view_code

MIRROR = np.array([-1.0, 1.0, 1.0])
# Objects of these seeds are held out: benches and sheets draw theirs with them (`held_out`), training never does.
HELD_OUT_SEED = 2023


class DrawnViews:
    """Pairs of views of drawn objects at one elevation, as the published pairs are.

    Args:
        kinds: of objects; each draws an equal share.
        side_px: side of the pictures.
    """

    def __init__(self, kinds: Sequence[str] = KINDS, side_px: int = 128) -> None:
        self.kinds, self.side_px = tuple(kinds), side_px

    def draw(self, rng: np.random.Generator, size: int) -> dict[str, Tensor]:
        """`size` pairs: half as many objects, each turned there and back."""
        return default_collate([pair for _ in range(-(-size // 2)) for pair in self.pairs(rng)][:size])

    def shown(self, count: int = 4) -> dict[str, Tensor]:
        """Held-out objects for sample sheets, `count` pairs of each kind."""
        numbers = [(kind, number) for kind in self.kinds for number in range(count)]
        return default_collate([DrawnViews((k,), self.side_px).pairs(held_out(k, number))[0] for k, number in numbers])

    def pairs(self, rng: np.random.Generator) -> list[dict[str, Tensor]]:
        """An object from two sides, either as the source, without the batch axis."""
        scene = object_of(self.kinds[int(rng.integers(len(self.kinds)))], rng)
        elevation, (first, second) = int(rng.integers(ELEVATIONS)), rng.integers(AZIMUTHS, size=2).tolist()
        views = [
            render(scene, Camera(a * AZIMUTH_STEP_DEG, elevation * ELEVATION_STEP_DEG), self.side_px)
            for a in (first, second)
        ]
        codes = [view_code(azimuth, elevation) for azimuth in (first, second)]
        pictures = [as_network_picture((view.picture * 255).round().astype(np.uint8)) for view in views]
        found = []
        for a, b in ((0, 1), (1, 0)):
            flow, seen = true_flow(views[a], views[b])
            found.append({
                "source": pictures[a], "source_view": codes[a], "target": pictures[b], "target_view": codes[b],
                "flow": flow, "seen": seen,
            })  # fmt: skip
        return found


def held_out(kind: str, number: int) -> np.random.Generator:
    """What draws the held-out object of a number; training's generators have other seeds."""
    return np.random.default_rng([HELD_OUT_SEED, KINDS.index(kind), number])


def true_flow(source: View, target: View) -> tuple[Tensor, Tensor]:
    """Where the source shows what the target shows: flow (2, S, S) in pixels, and (1, S, S) whether it does."""
    faces, places = target.faces[::SAMPLES, ::SAMPLES], target.places[::SAMPLES, ::SAMPLES]
    side, hit = len(faces), faces >= 0
    goal, seen = np.zeros((side, side, 2)), np.zeros((side, side), bool)
    direct = _looked_up(source, places[hit])
    mirrored = _looked_up(source, places[hit] * MIRROR)
    goal[hit] = np.where(direct[1][:, None], direct[0], mirrored[0]) * side
    seen[hit] = direct[1] | mirrored[1]
    own = (np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1) + 0.5 / SAMPLES) * seen[..., None]
    flow = goal * seen[..., None] - own
    return torch.from_numpy(flow.astype(np.float32)).permute(2, 0, 1), torch.from_numpy(seen.astype(np.float32))[None]


def _looked_up(view: View, places: Array) -> tuple[Array, Array]:
    """Where a view has places (N, 3), in parts of its side, and whether it shows them."""
    return view.camera.project(places)[0], view.shows(places)

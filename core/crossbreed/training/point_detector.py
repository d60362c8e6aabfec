"""Training the point finder on heads that we marked by hand: turned, scaled, mirrored and recoloured at random."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.animals.head_alignment.network_points import (
    CELL_PX,
    MIRRORED,
    POINT_NAMES,
    PetPointNetwork,
    PetPoints,
    cell_centres,
)
from core.construction import building
from core.crossbreed.data.tables import CORNERS, PhotoTable, read_rows
from core.crossbreed.training.detector_recipe import DetectorRecipe
from core.errors import InputError
from core.image import crop_box, to_tensor
from core.training import TrainOptions

# Marked by us on photos of the data pack; see the card of weights/pet-points.
MARKS = Path(__file__).parents[1] / "data/pet_points.csv"
ROOM = 0.75
MARGIN = 0.25
SIDE_PX = 320
EYES = (0, 1)


@dataclass(frozen=True)
class MarkedHeads:
    """Heads with some room around and their points.

    Attributes:
        pictures: (N, 3, S, S) uint8; the head's box takes the middle 1 / (1 + 2 ROOM).
        points: (N, 9, 2) x and y in [-1, 1] of the picture, NaN where a point is hidden.
    """

    pictures: Tensor
    points: Tensor

    def __len__(self) -> int:
        return len(self.pictures)

    def split(self, held_out: int) -> tuple[MarkedHeads, MarkedHeads]:
        """(to train, to measure): every `held_out`-th head is kept for measuring."""
        kept = torch.arange(len(self)) % held_out == held_out - 1
        parts = [MarkedHeads(self.pictures[which], self.points[which]) for which in (~kept, kept)]
        return parts[0], parts[1]

    def draw(self, rng: np.random.Generator, size: int) -> dict[str, Tensor]:
        """An augmented batch: pictures (B, 3, 128, 128) in [0, 1] and points (B, 9, 2) in their pixels."""
        chosen = torch.from_numpy(rng.integers(len(self), size=size))
        x, points, _ = augmented(self.pictures[chosen], self.points[chosen], rng)
        return {"x": x, "points": points}


def read_marked(points: Path, table: Path, archive: Path) -> MarkedHeads:
    """Heads of the photos in `points` (`file`, then `eye_l_x, eye_l_y, ...` in pixels, empty where hidden).

    Boxes come from `table` (`file, x0, y0, x1, y1`); the photos lie in a zip archive.
    """
    photos = PhotoTable.read(table, archive, ("file", *CORNERS))
    rows = {Path(row.fields["file"]).name: row for row in photos.rows}
    boxes = {name: row.box for name, row in rows.items() if row.box}
    marks = read_rows(points, ("file", *(f"{name}_{axis}" for name in POINT_NAMES for axis in "xy")))
    missing = [row["file"] for row in marks if row["file"] not in boxes]
    if missing:
        raise InputError(f"{missing[0]} has points but no box in {photos.name}: use the table of these points")
    pictures, places = [], []
    photos = photos.only([rows[row["file"]] for row in marks])
    for mark, (row, picture) in zip(marks, photos.pictures(), strict=True):
        box = boxes[Path(row.fields["file"]).name].squared(ROOM)
        pictures.append((to_tensor(crop_box(picture, box, (SIDE_PX, SIDE_PX)))[0] * 255).round().to(torch.uint8))
        xy = [float(mark[f"{name}_{axis}"] or "nan") for name in POINT_NAMES for axis in "xy"]
        corner = torch.tensor([box.left, box.top])
        places.append((torch.tensor(xy).reshape(-1, 2) - corner) / box.width * 2 - 1)
    return MarkedHeads(torch.stack(pictures), torch.stack(places))


def augmented(
    pictures: Tensor, points: Tensor, rng: np.random.Generator, size_px: int = 128, masks: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures (B, 3, size, size) in [0, 1] and points (B, 9, 2) in pixels, moved and recoloured at random.

    Masks (B, 1, S, S) uint8 move along and come back in [0, 1]; zeros where there are none.
    """
    count = len(pictures)
    draw = lambda low, high, *shape: torch.from_numpy(rng.uniform(low, high, (count, *shape))).float()  # noqa: E731
    angle, zoom, stretch = draw(-0.5, 0.5) * draw(0, 1), torch.exp(draw(-0.3, 0.3)), torch.exp(draw(-0.12, 0.12))
    mirror = torch.where(draw(0, 1) < 0.5, -1.0, 1.0)
    base = (1 + 2 * MARGIN) / (1 + 2 * ROOM)
    # Output places to source places: the usual window around the head, changed.
    turn = torch.stack([torch.cos(angle), -torch.sin(angle), torch.sin(angle), torch.cos(angle)], 1).reshape(-1, 2, 2)
    scale = torch.diag_embed(torch.stack([mirror * zoom * stretch, zoom / stretch], 1)) * base
    linear, shift = turn @ scale, draw(-0.1, 0.1, 2)
    theta = torch.cat([linear, shift[:, :, None]], 2)
    places = F.affine_grid(theta, [count, 3, size_px, size_px], align_corners=False)
    x = F.grid_sample(pictures / 255, places, padding_mode="border", align_corners=False)
    masks = torch.zeros_like(pictures[:, :1]) if masks is None else masks
    moved_masks = F.grid_sample(masks / 255, places, padding_mode="border", align_corners=False)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * draw(0.2, 1.3, 1, 1, 1)
    middle = x.mean(dim=(1, 2, 3), keepdim=True)
    x = middle + (x - middle) * draw(0.6, 1.4, 1, 1, 1) * draw(0.85, 1.15, 3, 1, 1)
    x = x + draw(-0.2, 0.2, 1, 1, 1)
    blurred = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    x = torch.lerp(x, blurred, (draw(0, 1.6, 1, 1, 1) - 0.6).clamp(min=0)).clamp(0, 1)
    moved = torch.linalg.solve(linear[:, None], (points - shift[:, None])[..., None])[..., 0]
    moved = torch.where(mirror[:, None, None] < 0, moved[:, list(MIRRORED)], moved)
    return x, (moved + 1) / 2 * size_px, moved_masks


def plain_window(pictures: Tensor, size_px: int = 128) -> Tensor:
    """(N, C, size, size): of heads with room around (N, C, S, S) the window that users' heads are shown in."""
    base = (1 + 2 * MARGIN) / (1 + 2 * ROOM)
    theta = torch.tensor([[base, 0, 0], [0, base, 0]]).expand(len(pictures), 2, 3)
    places = F.affine_grid(theta, [len(pictures), 3, size_px, size_px], align_corners=False)
    return F.grid_sample(pictures, places, padding_mode="border", align_corners=False)


def plain(heads: MarkedHeads, size_px: int = 128) -> tuple[Tensor, Tensor]:
    """Heads in the window that users' heads are shown in: pictures (N, 3, size, size), points in their pixels."""
    base = (1 + 2 * MARGIN) / (1 + 2 * ROOM)
    return plain_window(heads.pictures / 255, size_px), (heads.points / base + 1) / 2 * size_px


def point_loss(found: PetPoints, points: Tensor) -> dict[str, Tensor]:
    """Cross-entropy to a bell around each point, and the distance of the mean place; hidden points do not count."""
    known = torch.isfinite(points).all(2)
    known &= ((points > -2) & (points < found.logits.shape[-1] * CELL_PX + 2)).all(2)
    wanted = torch.where(known[..., None], points, torch.zeros_like(points))
    cells = cell_centres(*found.logits.shape[-2:]).to(points)
    bell = torch.exp(-(wanted[:, :, None] - cells).square().sum(3) / (2 * (1.2 * CELL_PX) ** 2)) + 1e-9
    bell = bell / bell.sum(2, keepdim=True)
    entropy = -(bell * found.logits.flatten(2).log_softmax(2)).sum(2)
    distance = F.smooth_l1_loss(found.places, wanted, reduction="none", beta=2.0).sum(2)
    count = known.sum().clamp(min=1)
    entropy, distance = (entropy * known).sum() / count, (distance * known).sum() / count
    return {"loss": entropy + 0.2 * distance, "entropy": entropy, "distance": distance}


def errors(found: Tensor, points: Tensor) -> Tensor:
    """Distances (B, 9) of found from marked points, in distances between the marked eyes; NaN where hidden."""
    eyes = (points[:, EYES[0]] - points[:, EYES[1]]).norm(dim=1)
    return (found - points).norm(dim=2) / eyes[:, None]


class PetPointRecipe(DetectorRecipe):
    """The curves show the error on held-out heads."""

    name, weight_decay, warm_up = "points", 5e-2, 50

    def __init__(self, options: TrainOptions, held_out: MarkedHeads) -> None:
        with building(options.seed):
            network = PetPointNetwork()
        super().__init__(options, network)
        self.held_out = plain(held_out)

    def loss(self, found: PetPoints, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """See `point_loss`."""
        return point_loss(found, batch["points"])

    @torch.no_grad()
    def measured(self, network: nn.Module) -> dict[str, Tensor]:
        """Mean error on the held-out heads, in distances between the eyes: eyes and nose, and all points."""
        x, points = self.held_out
        found = errors(network(x).places, points)
        return {"face": found[:, :3].nanmean(), "all": found.nanmean()}

"""Training the head detector on photos with boxes: letterboxed squares, shifted, scaled and mirrored at random."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.animals.head_alignment.network_heads import (
    CELL_PX,
    SPECIES,
    HeadMaps,
    PetHeadNetwork,
    letterbox,
    read_maps,
)
from core.construction import building
from core.crossbreed.data.tables import CORNERS, PhotoTable
from core.crossbreed.training.detector_recipe import DetectorRecipe
from core.errors import InputError
from core.image import to_tensor
from core.training import TrainOptions


@dataclass(frozen=True)
class BoxedPhotos:
    """Photos as squares and the head in each.

    Attributes:
        pictures: (N, 3, S, S) uint8, letterboxed.
        boxes: (N, 4) left, top, right, bottom in pixels of the square.
        species: (N,) index into `SPECIES`.
    """

    pictures: Tensor
    boxes: Tensor
    species: Tensor

    def __len__(self) -> int:
        return len(self.pictures)

    def part(self, index: np.ndarray) -> BoxedPhotos:
        """Some of them."""
        chosen = torch.from_numpy(index)
        return BoxedPhotos(self.pictures[chosen], self.boxes[chosen], self.species[chosen])

    def split(self, held_out: int) -> tuple[BoxedPhotos, BoxedPhotos]:
        """(to train, to measure): every `held_out`-th photo is kept for measuring."""
        index = np.arange(len(self))
        kept = index % held_out == held_out - 1
        return self.part(index[~kept]), self.part(index[kept])

    def draw(self, rng: np.random.Generator, size: int) -> dict[str, Tensor]:
        """An augmented batch."""
        chosen = self.part(rng.integers(len(self), size=size))
        x, boxes = augmented(chosen, rng)
        return {"x": x, "boxes": boxes, "species": chosen.species}


def read_boxed_photos(table: Path, archive: Path, size_px: int) -> BoxedPhotos:
    """The photos of a table (`file, species, x0, y0, x1, y1`) that have a box; files lie in a zip archive."""
    photos = PhotoTable.read(table, archive, ("file", "species", *CORNERS))
    photos = photos.only([row for row in photos.rows if row.box])
    if not photos.rows:
        raise InputError(f"{photos.name} holds no photo with a box: columns file, species, x0, y0, x1, y1 are needed")
    pictures, boxes, species = [], [], []
    for row, picture in photos.pictures():
        square, scale, corner = letterbox(picture, size_px)
        boxes.append(torch.tensor(row.box) * scale + torch.tensor(corner * 2))
        pictures.append((to_tensor(square)[0] * 255).to(torch.uint8))
        if row.fields["species"] not in SPECIES:
            raise InputError(f"a species is {row.fields['species']!r} in {photos.name}: {' or '.join(SPECIES)} fits")
        species.append(SPECIES.index(row.fields["species"]))
    return BoxedPhotos(torch.stack(pictures), torch.stack(boxes), torch.tensor(species))


def augmented(photos: BoxedPhotos, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Pictures (B, 3, S, S) in [0, 1] and boxes (B, 4), moved, scaled, mirrored and recoloured at random."""
    count, size = len(photos), photos.pictures.shape[-1]
    draw = lambda low, high, *shape: torch.from_numpy(rng.uniform(low, high, (count, *shape))).float()  # noqa: E731
    zoom, flip = torch.exp(draw(-0.35, 0.5)), torch.where(draw(0, 1) < 0.5, -1.0, 1.0)
    centre = (photos.boxes[:, :2] + photos.boxes[:, 2:]) / size - 1
    # Zooming in goes towards the head, so that it stays in the picture.
    move = draw(-0.3, 0.3, 2) + centre * (1 - 1 / zoom)[:, None].clamp(min=0)
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1], theta[:, :, 2] = flip / zoom, 1 / zoom, move
    places = F.affine_grid(theta, [count, 3, size, size], align_corners=False)
    x = F.grid_sample(photos.pictures / 255 - 0.5, places, padding_mode="zeros", align_corners=False) + 0.5
    x = ((x - 0.5) * draw(0.7, 1.3, 1, 1, 1) * draw(0.85, 1.15, 3, 1, 1) + 0.5 + draw(-0.15, 0.15, 1, 1, 1)).clamp(0, 1)
    corners = ((photos.boxes.reshape(-1, 2, 2) / size * 2 - 1) - move[:, None]) * zoom[:, None, None]
    corners[..., 0] *= flip[:, None]
    corners = (corners + 1) * size / 2
    return x, torch.cat([corners.amin(1), corners.amax(1)], 1)


def head_loss(maps: HeadMaps, boxes: Tensor, species: Tensor) -> dict[str, Tensor]:
    """Penalty-reduced focal loss on the centres, absolute error on offset and size.

    Source: Zhou et al. 2019, equations 1 to 3.
    """
    batch, _, height, width = maps.centre.shape
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 / CELL_PX
    size = (boxes[:, 2:] - boxes[:, :2]).clamp(min=2) / CELL_PX
    column, row = centre[:, 0].long().clamp(0, width - 1), centre[:, 1].long().clamp(0, height - 1)
    inside = ((centre >= 0) & (centre < torch.tensor([width, height]))).all(1).float()
    ys, xs = torch.arange(height)[None, :, None], torch.arange(width)[None, None, :]
    spread = (size.mean(1) / 6).clamp(min=0.6)[:, None, None]
    near = torch.exp(-((xs - column[:, None, None]) ** 2 + (ys - row[:, None, None]) ** 2) / (2 * spread**2))
    target = torch.zeros(batch, 2, height, width)
    every = torch.arange(batch)
    target[every, species] = near * inside[:, None, None]
    hit = target == 1
    p = torch.sigmoid(maps.centre)
    positive = (1 - p) ** 2 * F.logsigmoid(maps.centre) * hit
    negative = (1 - target) ** 4 * p**2 * F.logsigmoid(-maps.centre) * ~hit
    focal = -(positive + negative).sum() / batch
    at = (every, slice(None), row, column)
    offset = ((maps.offset[at] - (centre - centre.floor())).abs() * inside[:, None]).mean()
    log_size = ((maps.log_size[at] - size.log()).abs() * inside[:, None]).mean()
    return {"loss": focal + offset + 2 * log_size, "focal": focal, "offset": offset, "log_size": log_size}


def overlaps(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of boxes (B, 4) and (B, 4)."""
    common = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0).prod(1)
    areas = [(box[:, 2:] - box[:, :2]).prod(1) for box in (a, b)]
    return common / (areas[0] + areas[1] - common)


class PetHeadRecipe(DetectorRecipe):
    """The curves show overlap, hits and species on the held-out photos."""

    name, weight_decay, warm_up = "heads", 1e-2, 50

    def __init__(self, options: TrainOptions, held_out: BoxedPhotos) -> None:
        with building(options.seed):
            network = PetHeadNetwork(img_size=held_out.pictures.shape[-1])
        super().__init__(options, network)
        self.held_out = held_out

    def loss(self, found: HeadMaps, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """See `head_loss`."""
        return head_loss(found, batch["boxes"], batch["species"])

    @torch.no_grad()
    def measured(self, network: nn.Module) -> dict[str, Tensor]:
        """Overlap and hits on the held-out photos."""
        boxes, _, species = (found[:, 0] for found in read_maps(network(self.held_out.pictures / 255)))
        found = overlaps(boxes, self.held_out.boxes)
        right = species == self.held_out.species
        return {"overlap": found.mean(), "found": (found > 0.5).float().mean(), "species": right.float().mean()}

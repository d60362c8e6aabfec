"""Training the head detector on photos with boxes: letterboxed squares, shifted, scaled and mirrored at random."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from core.detect.network_pets import SPECIES, HeadMaps
from core.errors import InputError
from core.image import to_tensor

CELL_PX = 8


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

    def part(self, index: Tensor) -> BoxedPhotos:
        """Some of them."""
        return BoxedPhotos(self.pictures[index], self.boxes[index], self.species[index])


def letterbox(picture: Image.Image, size_px: int) -> tuple[Image.Image, float]:
    """The picture in the middle of a grey square, and the factor by which it was scaled."""
    scale = size_px / max(picture.size)
    inner = picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))), Image.Resampling.BILINEAR)
    square = Image.new("RGB", (size_px, size_px), (128, 128, 128))
    square.paste(inner, ((size_px - inner.width) // 2, (size_px - inner.height) // 2))
    return square, scale


def read_boxed_photos(table: Path, archive: Path, size_px: int) -> BoxedPhotos:
    """The photos of a table (`file, species, x0, y0, x1, y1`) that have a box; files lie in a zip archive."""
    rows = [row for row in csv.DictReader(Path(table).read_text().splitlines()) if row["x0"]]
    if not rows:
        raise InputError(f"{Path(table).name} holds no photo with a box: columns file, species, x0, y0, x1, y1 are needed")
    pictures, boxes, species = [], [], []
    with zipfile.ZipFile(archive) as photos:
        names = {Path(name).name: name for name in photos.namelist()}
        for row in rows:
            picture = Image.open(io.BytesIO(photos.read(names[Path(row["file"]).name]))).convert("RGB")
            square, scale = letterbox(picture, size_px)
            left = (size_px - round(picture.width * scale)) // 2
            top = (size_px - round(picture.height * scale)) // 2
            box = torch.tensor([float(row[name]) for name in ("x0", "y0", "x1", "y1")]) * scale
            boxes.append(box + torch.tensor([left, top, left, top]))
            pictures.append((to_tensor(square)[0] * 255).to(torch.uint8))
            species.append(SPECIES.index(row["species"]))
    return BoxedPhotos(torch.stack(pictures), torch.stack(boxes), torch.tensor(species))


def augmented(photos: BoxedPhotos, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Pictures (B, 3, S, S) in [0, 1] and boxes (B, 4), moved, scaled, mirrored and recoloured at random."""
    count, size = len(photos), photos.pictures.shape[-1]
    draw = lambda low, high: low + (high - low) * torch.rand(count, generator=generator)  # noqa: E731
    zoom, flip = torch.exp(draw(-0.35, 0.5)), torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
    centre = (photos.boxes[:, :2] + photos.boxes[:, 2:]) / size - 1
    # Zooming in goes towards the head, so that it stays in the picture.
    move = torch.stack([draw(-0.3, 0.3), draw(-0.3, 0.3)], 1) + centre * (1 - 1 / zoom)[:, None].clamp(min=0)
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1], theta[:, :, 2] = flip / zoom, 1 / zoom, move
    places = F.affine_grid(theta, (count, 3, size, size), align_corners=False)
    x = F.grid_sample(photos.pictures / 255 - 0.5, places, padding_mode="zeros", align_corners=False) + 0.5
    gain, shift = draw(0.7, 1.3)[:, None, None, None], draw(-0.15, 0.15)[:, None, None, None]
    tint = 1 + 0.1 * torch.randn(count, 3, 1, 1, generator=generator)
    x = ((x - 0.5) * gain * tint + 0.5 + shift).clamp(0, 1)
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

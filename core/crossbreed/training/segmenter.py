"""Training the network that tells the animal from the background in crops of heads, on photos with trimaps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.animals.head_alignment.network_points import PetMaskNetwork
from core.construction import building
from core.crossbreed.data.photos import known_or_found
from core.crossbreed.data.tables import CORNERS, PhotoTable, cut_mask, held_out
from core.crossbreed.training.detector_recipe import DetectorRecipe
from core.crossbreed.training.point_detector import ROOM, SIDE_PX, augmented, plain_window
from core.errors import InputError
from core.image import crop_box, to_tensor
from core.training import TrainOptions

# Trimaps leave a rim undecided: it counts neither way.
DECIDED = 64


@dataclass(frozen=True)
class CutHeads:
    """Heads with some room around, and what is animal in them.

    Attributes:
        pictures: (N, 4, S, S) uint8: red, green, blue and the mask (255 animal, 0 background, between them unsure).
    """

    pictures: Tensor

    def __len__(self) -> int:
        return len(self.pictures)

    def draw(self, rng: np.random.Generator, size: int) -> dict[str, Tensor]:
        """An augmented batch: pictures (B, 3, 128, 128) in [0, 1] and masks (B, 1, 128, 128) in [0, 1]."""
        chosen = self.pictures[torch.from_numpy(rng.integers(len(self), size=size))]
        x, _, mask = augmented(chosen[:, :3], torch.zeros(size, 9, 2), rng, masks=chosen[:, 3:])
        return {"x": x, "mask": mask}


def read_cut(table: Path, archive: Path) -> tuple[CutHeads, CutHeads]:
    """(to train, to measure) from a table (`file`, `trimap`, `x0` ...) and a zip archive; measured is what is held out."""
    photos = PhotoTable.read(table, archive, ("file", "trimap", *CORNERS))
    kept_back = held_out([row.fields for row in photos.rows])
    photos = photos.only([row for row in photos.rows if row.fields["trimap"]])
    parts: dict[bool, list[Tensor]] = {False: [], True: []}
    for row, picture in photos.pictures(trimaps=True):
        box = known_or_found(row.box, picture)
        if box is None:
            continue
        square = box.squared(ROOM)
        head = (to_tensor(crop_box(picture, square, (SIDE_PX, SIDE_PX)))[0] * 255).round().to(torch.uint8)
        mask = cut_mask(row.trimap, square, SIDE_PX)
        parts[row.fields["file"] in kept_back].append(torch.cat([head, mask]))
    if not all(parts.values()):
        raise InputError(f"{photos.name} holds no photo with a trimap to train on or none to measure with")
    return CutHeads(torch.stack(parts[False])), CutHeads(torch.stack(parts[True]))


def mask_loss(logits: Tensor, mask: Tensor) -> Tensor:
    """Cross-entropy where the trimap is decided; all (B, 1, H, W)."""
    decided = ((mask * 255 - 127.5).abs() > DECIDED).float()
    loss = F.binary_cross_entropy_with_logits(logits, (mask > 0.5).float(), reduction="none")
    return (loss * decided).sum() / decided.sum().clamp(min=1)


class PetMaskRecipe(DetectorRecipe):
    """The curves show the overlap on held-out heads.

    Args:
        options: of the run.
        held_out: what to measure on.
        start: a landmark detector whose trunk to begin with, None to begin from nothing.
    """

    name, weight_decay, warm_up = "mask", 5e-2, 30

    def __init__(self, options: TrainOptions, held_out: CutHeads, start: nn.Module | None = None) -> None:
        with building(options.seed):
            network = PetMaskNetwork()
        if start is not None:
            trunk = {key: value for key, value in start.state_dict().items() if not key.startswith("head.1.")}
            network.load_state_dict({**network.state_dict(), **trunk})
        super().__init__(options, network)
        whole = plain_window(held_out.pictures / 255)
        self.held_out = whole[:, :3], whole[:, 3:]

    def loss(self, found: Tensor, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """See `mask_loss`."""
        return {"loss": mask_loss(found.float(), batch["mask"])}

    @torch.no_grad()
    def measured(self, network: nn.Module) -> dict[str, Tensor]:
        """Intersection over union of the animal on the held-out heads, where the trimap is decided."""
        x, mask = self.held_out
        logits = torch.cat([network(part) for part in x.split(16)])
        decided = (mask * 255 - 127.5).abs() > DECIDED
        found, wanted = (logits > 0) & decided, (mask > 0.5) & decided
        return {"overlap": ((found & wanted).sum() / (found | wanted).sum()).float()}

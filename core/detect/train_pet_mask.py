"""Training the network that tells the animal from the background in crops of heads, on photos with trimaps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.detect.network_pet_points import PetMaskNetwork
from core.detect.pet_photos import cut_mask, held_out
from core.detect.pets import find_head
from core.detect.train_pet_points import ROOM, SIDE_PX, augmented, plain_window
from core.errors import InputError, NothingFoundError
from core.image import crop_box, load_image, to_tensor
from core.training import Run, TrainOptions
from core.training.photo_table import CORNERS, PhotoArchive, box_of, read_rows

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
    rows = read_rows(table, ("file", "trimap", *CORNERS))
    kept_back = held_out(rows)
    parts: dict[bool, list[Tensor]] = {False: [], True: []}
    with PhotoArchive(archive) as photos:
        for row in rows:
            if not row["trimap"]:
                continue
            picture = load_image(photos.open(row["file"]))
            try:
                square = (box_of(row) or find_head(picture).box).squared(ROOM)
            except NothingFoundError:
                continue
            cut = crop_box(picture, square, (SIDE_PX, SIDE_PX))
            mask = cut_mask(photos.open(row["trimap"]), square, SIDE_PX)
            parts[row["file"] in kept_back].append(torch.cat([(to_tensor(cut)[0] * 255).round().to(torch.uint8), mask]))
    if not all(parts.values()):
        raise InputError(f"{Path(table).name} holds no photo with a trimap to train on or none to measure with")
    return CutHeads(torch.stack(parts[False])), CutHeads(torch.stack(parts[True]))


def mask_loss(logits: Tensor, mask: Tensor) -> Tensor:
    """Cross-entropy where the trimap is decided; all (B, 1, H, W)."""
    decided = ((mask * 255 - 127.5).abs() > DECIDED).float()
    loss = F.binary_cross_entropy_with_logits(logits, (mask > 0.5).float(), reduction="none")
    return (loss * decided).sum() / decided.sum().clamp(min=1)


class PetMaskRecipe:
    """AdamW with a cosine from `lr` to nothing; the curves show the overlap on held-out heads.

    Args:
        options: of the run.
        held_out: what to measure on.
        start: a point finder whose trunk to begin with, None to begin from nothing.
    """

    averaged: tuple[str, ...] = ("mask",)

    def __init__(self, options: TrainOptions, held_out: CutHeads, start: nn.Module | None = None) -> None:
        torch.manual_seed(options.seed)
        network = PetMaskNetwork()
        if start is not None:
            trunk = {key: value for key, value in start.state_dict().items() if not key.startswith("head.1.")}
            network.load_state_dict({**network.state_dict(), **trunk})
        network = network.to(memory_format=torch.channels_last)
        self.networks: dict[str, nn.Module] = {"mask": network}
        optimizer = torch.optim.AdamW(network.parameters(), lr=options.lr, weight_decay=5e-2)
        self.optimizers: dict[str, torch.optim.Optimizer] = {"mask": optimizer}
        whole = plain_window(held_out.pictures / 255)
        self.held_out = whole[:, :3], whole[:, 3:]

    def step(self, batch: Mapping[str, Tensor], run: Run) -> dict[str, float | Tensor]:
        """One update; every `log_every` steps the overlap is measured too."""
        run.set_cosine_rate("mask", 30)
        with run.accelerator.autocast():
            logits = run.networks["mask"](batch["x"])
        loss = mask_loss(logits.float(), batch["mask"])
        run.update("mask", loss)
        values: dict[str, float | Tensor] = {"loss": loss.detach()}
        if (run.step + 1) % run.options.log_every == 0:
            values |= self.measured(run.averages["mask"].module)
        return values

    @torch.no_grad()
    def measured(self, network: nn.Module) -> dict[str, Tensor]:
        """Intersection over union of the animal on the held-out heads, where the trimap is decided."""
        x, mask = self.held_out
        modes = network.training
        logits = torch.cat([network.eval()(part) for part in x.split(16)])
        network.train(modes)
        decided = (mask * 255 - 127.5).abs() > DECIDED
        found, wanted = (logits > 0) & decided, (mask > 0.5) & decided
        return {"overlap": ((found & wanted).sum() / (found | wanted).sum()).float()}

    def samples(self, networks: Mapping[str, nn.Module]) -> None:
        """None: the figure says it."""

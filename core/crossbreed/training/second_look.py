"""The line through the features of the second look, fitted to boxes with and without heads of cats and dogs.

With: the annotated boxes of a table of pets and what the head detector finds in its photos. Without: what the detector finds in
photos of other things, and boxes beside the heads of pets: bodies, grass, furniture.
Source: logistic regression; each side counts alike.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from core.animals.head_alignment.detector import candidate_heads
from core.animals.head_alignment.second_look import SETTINGS, Look, PetLookNetwork, SecondLook
from core.construction import building
from core.crossbreed.data.tables import CORNERS, PhotoTable, held_out
from core.errors import InputError
from core.image import Box, load_image
from core.progress import Progress, silent
from core.weights import save_model, seal

RIDGE = 1e-3
MEASURED_STEP = 5
MOST_PER_ARCHIVE = 200
PICTURES = (".jpg", ".jpeg", ".png")
Seen = list[tuple[Look, bool]]


def read_pets(table: Path, look: SecondLook, progress: Progress = silent) -> tuple[Seen, Seen]:
    """(to fit, to measure) from a table (`file, x0, y0, x1, y1`) beside a zip archive of its name; `held_out` is measured."""
    photos = PhotoTable.read(table, table.with_suffix(".zip"), ("file", *CORNERS))
    kept_back, rng = held_out([row.fields for row in photos.rows]), np.random.default_rng(0)
    parts: dict[bool, Seen] = {False: [], True: []}
    for row, picture in photos.pictures(progress):
        part = parts[row.fields["file"] in kept_back]
        found = [head.box for head in candidate_heads(picture)[:1]]
        part += [(look(picture, box), True) for box in (*found, row.box) if box is not None]
        aside = row.box and box_beside(row.box, picture, rng)
        if aside:
            part.append((look(picture, aside), False))
    return parts[False], parts[True]


def box_beside(head: Box, picture: Image.Image, rng: np.random.Generator) -> Box | None:
    """A box of a head's size that shows hardly any of it; None where chance finds no place."""
    side = max(head.width, head.height)
    for left, top in rng.uniform(-0.15, 0.85, (20, 2)) * picture.size:
        box = Box(left, top, left + side, top + side)
        across, down = (min(box[i + 2], head[i + 2]) - max(box[i], head[i]) for i in (0, 1))
        if (
            min(across, down) < 0.15 * side
            and box.right < picture.width + side / 4
            and box.bottom < picture.height + side / 4
        ):
            return box
    return None


def read_others(archives: Sequence[Path], look: SecondLook) -> tuple[Seen, Seen]:
    """(to fit, to measure): what the detector finds in zip archives of pictures without pets; every fifth is measured."""
    parts: tuple[Seen, Seen] = ([], [])
    for archive in archives:
        for index, picture in enumerate(_pictures_in(archive)):
            part = parts[index % MEASURED_STEP == 0]
            part += [(look(picture, head.box), False) for head in candidate_heads(picture)[:1]]
    return parts


def _pictures_in(archive: Path) -> Iterator[Image.Image]:
    try:
        with zipfile.ZipFile(archive) as photos:
            names = sorted(name for name in photos.namelist() if name.endswith(PICTURES) and "masks/" not in name)
            for name in names[:: max(1, len(names) // MOST_PER_ARCHIVE)]:
                yield load_image(Image.open(io.BytesIO(photos.read(name))))
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{archive} is no zip archive of pictures that can be read ({error}): name another") from error


def fit_line(features: np.ndarray, is_pet: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights (K,) and bias of the logistic regression of `is_pet` (N,) bool on features (N, K)."""
    middle, spread = features.mean(0), features.std(0) + 1e-3
    x, wanted = torch.from_numpy((features - middle) / spread).double(), torch.from_numpy(is_pet).double()
    counts = torch.where(wanted > 0, 0.5 / wanted.sum(), 0.5 / (1 - wanted).sum())
    weight, bias = (torch.zeros(size, dtype=torch.float64, requires_grad=True) for size in (x.shape[1], 1))
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=300, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        entropy = F.binary_cross_entropy_with_logits(x @ weight + bias, wanted, reduction="none")
        total = (counts * entropy).sum() + RIDGE * weight.square().sum()
        total.backward()
        return total

    optimizer.step(loss)
    line = weight.detach().numpy() / spread
    return line, float(bias.detach()) - float(line @ middle)


def fit_second_look(
    table: Path, without: Sequence[Path], graph: Path, to: Path, progress: Progress = silent
) -> dict[str, float]:
    """Fit the line, write the network to `to`, and say what share of the measured boxes is told rightly.

    Args:
        table: CSV file of pets beside a zip archive of its name.
        without: zip archives of pictures without pets.
        graph: the published TF-Lite file.
        to: folder of the weights.
        progress: called as the work goes on.
    """
    data = np.frombuffer(graph.read_bytes(), np.uint8).copy()
    with building(0):
        network = PetLookNetwork(graph_bytes=len(data))
    network.graph.copy_(torch.from_numpy(data))
    look = SecondLook(network)
    pets, others = read_pets(table, look, progress), read_others(without, look)
    fitted, measured = ([*a, *b] for a, b in zip(pets, others, strict=True))
    weight, bias = fit_line(np.stack([seen.features for seen, _ in fitted]), np.array([pet for _, pet in fitted]))
    network.weight.copy_(torch.from_numpy(weight))
    network.bias.fill_(bias)
    save_model(network, to)
    seal(to)
    passed: dict[bool, list[bool]] = {True: [], False: []}
    for seen, pet in measured:
        score = float(seen.features @ weight) + bias
        passed[pet].append(score > SETTINGS.min_score and seen.person < SETTINGS.max_person)
    return {
        "fitted": float(len(fitted)), "pets_found": float(np.mean(passed[True])), "pets_measured": float(len(passed[True])),
        "others_refused": 1 - float(np.mean(passed[False])), "others_measured": float(len(passed[False])),
    }  # fmt: skip

"""Published experiment files: one YAML per pair says which pictures, landmarks and settings; read, written and made in lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from core.errors import InputError
from core.implicit.paper.losses import DEFAULT_TIMES, LossWeights
from core.implicit.paper.recipe import PUBLISHED_RECIPES, WarpRecipe

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".pth")


@dataclass(frozen=True)
class Experiment:
    """One pair of a published experiment.

    Attributes:
        name: stem of its file; results go to a folder of that name.
        first: path of the first picture or image network.
        second: path of the second.
        sources: (K, 2) landmarks of the first, (y, x) in [-1, 1]; empty if they are to be detected.
        targets: (K, 2) their partners.
        recipe: how the published network is trained.
        frame_dims: (height, width) of frames.
        frames: number of frames of the video.
        fps: frames per second.
        checkpoint_steps: a raw checkpoint each so many steps, 0 for none.
    """

    name: str
    first: Path
    second: Path
    sources: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))
    targets: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))
    recipe: WarpRecipe = field(default_factory=WarpRecipe)
    frame_dims: tuple[int, int] = (512, 512)
    frames: int = 101
    fps: int = 20
    checkpoint_steps: int = 0


def read_experiment(path: str | Path) -> Experiment:
    """A published configuration; paths in it count from its folder, or from where we are if that is where they lead.

    Raises:
        InputError: no such file, no YAML, or a key that is missing or of a wrong kind.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"the experiment file {path} does not exist: check the path")
    try:
        data = yaml.safe_load(path.read_text())
        return _experiment(data, path)
    except InputError:
        raise
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path.name} is no experiment file ({type(error).__name__}: {error}): see the published YAML"
        ) from error


def _experiment(data: dict[str, Any], path: Path) -> Experiment:
    pictures = {int(key): _resolved(value, path) for key, value in data["initial_conditions"].items()}
    loss, training = data.get("loss") or {}, data.get("training") or {}
    network, reconstruct = data.get("network") or {}, data.get("reconstruct") or {}
    steps = int(training.get("n_steps", WarpRecipe.steps))
    omega = float(network.get("omega_0", WarpRecipe.omega_0))
    recipe = WarpRecipe(
        hidden_features=tuple(int(n) for n in network.get("hidden_layers", (128, 128))),
        omega_0=omega,
        omega_w=float(network.get("omega_w", omega)),
        steps=steps,
        samples=int(training.get("n_samples", WarpRecipe.samples)),
        warmup_steps=int(training.get("warmup_steps", max(1, steps // 10))),
        learning_rate=float((data.get("optimizer") or {}).get("lr", WarpRecipe.learning_rate)),
        times=tuple(float(t) for t in loss.get("intermediate_times") or DEFAULT_TIMES),
        weights=_weights(loss.get("constraint_weights") or {}),
    )
    height, width = reconstruct.get("frame_dims", (512, 512))
    return Experiment(
        path.stem, pictures[0], pictures[1], _points(loss.get("sources"), path), _points(loss.get("targets"), path), recipe,
        (int(height), int(width)), int(reconstruct.get("n_frames", 101)), int(reconstruct.get("fps", 20)),
        int(training.get("checkpoint_steps") or 0),
    )  # fmt: skip


def _weights(given: dict[str, Any]) -> LossWeights:
    known = {item.name for item in fields(LossWeights)}
    return LossWeights(**{name: float(value) for name, value in given.items() if name in known})


def _points(given: Any, path: Path) -> np.ndarray:
    if isinstance(given, str):
        given = yaml.safe_load(_resolved(given, path).read_text())
    return np.asarray(given if given is not None else [], dtype=np.float64).reshape(-1, 2)


def _resolved(given: str, path: Path) -> Path:
    beside = path.parent / given
    return beside if beside.exists() else Path(given)


def write_experiment(experiment: Experiment, path: str | Path) -> Path:
    """Write the published YAML of an experiment."""
    recipe = experiment.recipe
    data = {
        "experiment_name": experiment.name,
        "initial_conditions": {0: str(experiment.first), 1: str(experiment.second)},
        "loss": {
            "type": "featurematching",
            "sources": experiment.sources.tolist(),
            "targets": experiment.targets.tolist(),
            "intermediate_times": list(recipe.times),
            "constraint_weights": asdict(recipe.weights),
        },
        "network": {
            "in_channels": 3,
            "out_channels": 2,
            "hidden_layers": list(recipe.hidden_features),
            "omega_0": recipe.omega_0,
            "omega_w": recipe.omega_w,
            "initialization": "siren",
        },
        "optimizer": {"lr": recipe.learning_rate},
        "training": {
            "n_steps": recipe.steps,
            "n_samples": recipe.samples,
            "warmup_steps": recipe.warmup_steps,
            "checkpoint_steps": experiment.checkpoint_steps,
        },
        "reconstruct": {
            "frame_dims": list(experiment.frame_dims), "n_frames": experiment.frames, "fps": experiment.fps,
        },
    }  # fmt: skip
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    return path


def read_pairs(path: str | Path) -> list[tuple[str, str]]:
    """Lines "A B" of a pair list; empty lines and lines that begin with # are skipped."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"the pair list {path} does not exist: check the path")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} is no text: write one pair of pictures per line") from error
    pairs = []
    for number, line in enumerate(lines, 1):
        names = line.replace(",", " ").split()
        if not names or names[0].startswith("#"):
            continue
        if len(names) != 2:
            raise InputError(f"line {number} of {path.name} has {len(names)} names, two fit: first and second picture")
        pairs.append((names[0], names[1]))
    if not pairs:
        raise InputError(f"{path.name} names no pair: write one pair of pictures per line")
    return pairs


def find_picture(folder: str | Path, name: str) -> Path:
    """The picture of a name, with or without suffix, in a folder."""
    folder = Path(folder)
    for candidate in (folder / name, *(folder / f"{name}{suffix}" for suffix in PICTURE_SUFFIXES)):
        if candidate.is_file():
            return candidate
    raise InputError(f"no picture {name} in {folder}: looked for {name} and {', '.join(PICTURE_SUFFIXES)}")


def make_experiments(pairs: Sequence[tuple[str, str]], pictures: str | Path, output: str | Path) -> list[Path]:
    """One `{first}-{second}.yaml` per pair, in `output`."""
    written = []
    for a, b in pairs:
        first, second = find_picture(pictures, a).resolve(), find_picture(pictures, b).resolve()
        name = f"{first.stem}-{second.stem}"
        experiment = Experiment(name, first, second, recipe=PUBLISHED_RECIPES["pairwise"])
        written.append(write_experiment(experiment, Path(output) / f"{name}.yaml"))
    return written

"""Fitted morphs as folders, ours and published ones. Ours: both pictures in their frame, the landmarks and, for the published recipe, the network.

    fit.json  first.png  second.png  [weights.pth  best.pth  config.yaml]

The fast warp is its landmarks, so nothing else is stored for it. No pickled objects: a folder from elsewhere is safe.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.errors import InputError
from core.image import load_image
from core.implicit.convert import load_published, save_published
from core.implicit.experiment import Experiment, read_experiment, write_experiment
from core.implicit.flow import FlowWarp
from core.implicit.frame import Placement, place
from core.implicit.landmark_files import pixels, published_list
from core.implicit.maps import draw_maps
from core.implicit.pipeline import ImplicitOptions, ImplicitPrepared, figures_of
from core.implicit.siren_warp import SirenWarp
from core.implicit.train import WarpRecipe
from core.implicit.warp import Warp
from core.options import build
from core.pipeline import content_key
from core.progress import Progress, silent

FACTS = "fit.json"


def save_fit(prepared: ImplicitPrepared, folder: str | Path) -> Path:
    """Write a prepared morph; returns the folder."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(prepared.picture_a).save(folder / "first.png")
    Image.fromarray(prepared.picture_b).save(folder / "second.png")
    facts: dict[str, Any] = {
        "system": "implicit",
        "key": prepared.key,
        "options": asdict(prepared.options),
        "figures": prepared.figures,
        "placements": [asdict(prepared.placement_a), asdict(prepared.placement_b)],
        "points": [prepared.points_a.tolist(), prepared.points_b.tolist()],
        "oval": prepared.oval.tolist(),
    }
    if isinstance(prepared.warp, SirenWarp):
        save_published(prepared.warp.network, folder / "weights.pth")
        width, height = prepared.maps.size_px
        sources, targets = (
            np.array(published_list(points, (width, height))) for points in (prepared.points_a, prepared.points_b)
        )
        recipe = WarpRecipe(steps=prepared.options.published_steps, samples=prepared.options.published_samples)
        experiment = Experiment(
            folder.name,
            Path("first.png"),
            Path("second.png"),
            sources,
            targets,
            recipe=recipe,
            frame_dims=(height, width),
        )
        write_experiment(experiment, folder / "config.yaml")
    # Written last: a folder with this file is complete.
    (folder / FACTS).write_text(json.dumps(facts))
    return folder


def is_finished(folder: str | Path) -> bool:
    """Whether a fit was written there to its end."""
    return (Path(folder) / FACTS).is_file()


def load_fit(folder: str | Path, progress: Progress = silent) -> ImplicitPrepared:
    """A prepared morph from its folder.

    Raises:
        InputError: no fit there, or a damaged one.
    """
    folder = Path(folder)
    if not is_finished(folder):
        raise InputError(
            f"{folder} holds no fitted morph ({FACTS} is missing): make one with `python -m core implicit fit`"
        )
    try:
        facts = json.loads((folder / FACTS).read_text())
        options = build(ImplicitOptions, facts["options"])
        a, b, oval = (np.array(points, dtype=np.float64) for points in (*facts["points"], facts["oval"]))
        place_a, place_b = (Placement(**item) for item in facts["placements"])
        figures, key = dict(facts["figures"]), facts["key"]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{folder / FACTS} is damaged ({type(error).__name__}: {error}): fit the pair again"
        ) from error
    first, second = (np.asarray(load_image(folder / name)) for name in ("first.png", "second.png"))
    size = (first.shape[1], first.shape[0])
    if options.recipe == "published":
        warp: Warp = SirenWarp(load_published(folder / "weights.pth"), size)
    else:
        warp = FlowWarp(a, b, size, figures.get("smoothing", options.smoothing), options.edges_stay)
    maps = draw_maps(warp, progress)
    return ImplicitPrepared(key, figures, first, second, place_a, place_b, a, b, oval, warp, maps, options)


def load_published_fit(
    config: str | Path, checkpoint: str = "last", options: ImplicitOptions | None = None, progress: Progress = silent
) -> ImplicitPrepared:
    """A pair that the authors' own code trained: `config.yaml` with its weights beside it.

    Args:
        config: the experiment file; its pictures must be files, not image networks.
        checkpoint: "last" (`weights.pth`), "best" (`best.pth`) or a step (`checkpoint_N.pth`).
        options: blending; the frame comes from the experiment.
        progress: called as the work goes on.
    """
    config = Path(config)
    experiment = read_experiment(config)
    names = {"last": "weights.pth", "best": "best.pth"}
    network = load_published(config.parent / names.get(checkpoint, f"checkpoint_{checkpoint}.pth"))
    height, width = experiment.frame_dims
    options = replace(options or ImplicitOptions(), recipe="published", size_px=max(height, width))
    placed = [place(load_image(path), (width, height), options.fill) for path in (experiment.first, experiment.second)]
    a, b = pixels(experiment.sources, (width, height)), pixels(experiment.targets, (width, height))
    warp = SirenWarp(network, (width, height))
    maps = draw_maps(warp, progress)
    first, second = (np.asarray(picture) for picture, _ in placed)
    key = content_key(first, second, a, b, options, config.read_bytes(), checkpoint)
    return ImplicitPrepared(
        key, figures_of(warp, maps, a, b), first, second, placed[0][1], placed[1][1], a, b, a, warp, maps, options
    )

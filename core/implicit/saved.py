"""A fitted morph as a folder: both pictures in their frame, the landmarks and, for the published recipe, the network.

    fit.json  first.png  second.png  [weights.pth  best.pth  config.yaml]

The fast warp is its landmarks, so nothing else is stored for it. No pickled objects: a folder from elsewhere is safe.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.errors import InputError
from core.image import load_image
from core.implicit.convert import load_published, save_published
from core.implicit.experiment import Experiment, write_experiment
from core.implicit.flow import FlowWarp
from core.implicit.frame import Placement
from core.implicit.landmark_files import published_list
from core.implicit.maps import draw_maps
from core.implicit.pipeline import ImplicitOptions, ImplicitPrepared
from core.implicit.siren_warp import SirenWarp
from core.implicit.train import WarpRecipe
from core.options import build
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
        lists = [np.array(published_list(p, (width, height))) for p in (prepared.points_a, prepared.points_b)]
        recipe = WarpRecipe(steps=prepared.options.published_steps, samples=prepared.options.published_samples)
        pictures = (Path("first.png"), Path("second.png"))
        experiment = Experiment(folder.name, *pictures, *lists, recipe=recipe, frame_dims=(height, width))
        write_experiment(experiment, folder / "config.yaml")
    # Written last: a folder with this file is complete.
    (folder / FACTS).write_text(json.dumps(facts))
    return folder


def is_finished(folder: str | Path) -> bool:
    """Whether a fit was written there to its end."""
    return (Path(folder) / FACTS).is_file()


def load_fit(folder: str | Path, progress: Progress = silent) -> ImplicitPrepared:
    """A prepared morph from its folder, or from a folder of published results (config.yaml, weights.pth).

    Raises:
        InputError: no fit there, or a damaged one.
    """
    folder = Path(folder)
    if not is_finished(folder):
        raise InputError(f"{folder} holds no fitted morph ({FACTS} is missing): make one with `python -m core implicit fit`")
    try:
        facts = json.loads((folder / FACTS).read_text())
        options = build(ImplicitOptions, facts["options"])
        a, b, oval = (np.array(points, dtype=np.float64) for points in (*facts["points"], facts["oval"]))
        placements = [Placement(**item) for item in facts["placements"]]
        figures, key = dict(facts["figures"]), facts["key"]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{folder / FACTS} is damaged ({type(error).__name__}: {error}): fit the pair again") from error
    pictures = [np.asarray(load_image(folder / name)) for name in ("first.png", "second.png")]
    size = (pictures[0].shape[1], pictures[0].shape[0])
    if options.recipe == "published":
        warp: SirenWarp | FlowWarp = SirenWarp(load_published(folder / "weights.pth"), size)
    else:
        warp = FlowWarp(a, b, size, figures.get("smoothing", options.smoothing), options.edges_stay)
    maps = draw_maps(warp, progress)
    return ImplicitPrepared(key, figures, *pictures, *placements, a, b, oval, warp, maps, options)

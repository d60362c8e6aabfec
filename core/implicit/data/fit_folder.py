"""Fitted morphs as folders, ours and published ones.

Ours: both pictures in their frame, the landmarks and, for the published recipe, the network.

    fit.json  first.png  second.png  [first_person.png  second_person.png]  [weights.pth  best.pth  config.yaml]

The fast warp is its landmarks, so nothing else is stored for it. No pickled objects: a folder from elsewhere is safe.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from PIL import Image

from core.content import content_key
from core.errors import InputError
from core.image import load_image
from core.implicit.methods.landmark_flow.displacement_grid import sample_displacements
from core.implicit.methods.landmark_flow.fitting import figures_of, flow_through
from core.implicit.methods.landmark_flow.siren_warp import SirenWarp
from core.implicit.methods.landmark_flow.warp import Warp
from core.implicit.methods.letterbox.letterbox import Letterbox, letterbox
from core.implicit.options import ImplicitOptions
from core.implicit.paper.convert import load_published, save_published
from core.implicit.paper.coordinates import from_published, to_published
from core.implicit.paper.experiment import Experiment, read_experiment, write_experiment
from core.implicit.paper.recipe import WarpRecipe
from core.implicit.prepared import ImplicitPrepared
from core.options import build
from core.progress import Progress, silent

FACTS = "fit.json"
MATTES = ("first_person.png", "second_person.png")


def save_fit(prepared: ImplicitPrepared, folder: str | Path) -> Path:
    """Write a prepared morph; returns the folder."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(prepared.picture_a).save(folder / "first.png")
    Image.fromarray(prepared.picture_b).save(folder / "second.png")
    for name, matte in zip(MATTES, prepared.mattes or (), strict=False):
        Image.fromarray(np.rint(matte * 255).astype(np.uint8)).save(folder / name)
    options = prepared.options
    if isinstance(prepared.warp, SirenWarp):
        save_published(prepared.warp.network, folder / "weights.pth")
        width, height = size = prepared.displacements.size_px
        experiment = Experiment(
            folder.name,
            Path("first.png"),
            Path("second.png"),
            sources=to_published(prepared.points_a, size),
            targets=to_published(prepared.points_b, size),
            recipe=WarpRecipe(steps=options.published_steps, samples=options.published_samples),
            frame_dims=(height, width),
        )
        write_experiment(experiment, folder / "config.yaml")
    facts = {
        "system": "implicit",
        "key": prepared.key,
        "options": asdict(options),
        "figures": prepared.figures,
        "notes": prepared.notes,
        "placements": [asdict(prepared.letterbox_a), asdict(prepared.letterbox_b)],
        "points": [prepared.points_a.tolist(), prepared.points_b.tolist()],
        "oval": prepared.oval.tolist(),
    }
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
        at_a, at_b = (Letterbox(**item) for item in facts["placements"])
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
        warp = flow_through(a, b, size, {"smoothing": options.smoothing, **figures}, options.edges_stay)
    displacements = sample_displacements(warp, progress)
    mattes = None
    if all((folder / name).is_file() for name in MATTES):
        one, other = (np.asarray(Image.open(folder / name).convert("L"), np.float32) / 255 for name in MATTES)
        mattes = (one, other)
    notes = tuple(facts.get("notes", ()))
    return ImplicitPrepared(
        key, figures, first, second, at_a, at_b, a, b, oval, warp, displacements, options, mattes, notes
    )


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
    size = (width, height)
    options = replace(options or ImplicitOptions(), recipe="published", size_px=max(size))
    pictures = [letterbox(load_image(path), size, options.fill) for path in (experiment.first, experiment.second)]
    (first, at_a), (second, at_b) = ((np.asarray(picture), lies) for picture, lies in pictures)
    a, b = (from_published(points, size) for points in (experiment.sources, experiment.targets))
    warp = SirenWarp(network, size)
    displacements = sample_displacements(warp, progress)
    key = content_key(first, second, a, b, options, config.read_bytes(), checkpoint)
    figures = figures_of(warp, displacements, a, b)
    return ImplicitPrepared(key, figures, first, second, at_a, at_b, a, b, a, warp, displacements, options)

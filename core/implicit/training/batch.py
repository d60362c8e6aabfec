"""Many pairs at once: fit each, write its frames and video, in several processes; finished ones are left alone."""

from __future__ import annotations

import logging
import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from core.errors import InputError, MorphospaceError
from core.image import load_image, to_pil
from core.implicit.data.fit_folder import is_finished, save_fit
from core.implicit.options import ImplicitOptions
from core.implicit.paper.coordinates import from_published
from core.implicit.paper.experiment import Experiment
from core.implicit.pipeline import ImplicitMorphPipeline
from core.implicit.prepared import ImplicitPrepared
from core.options import to_query
from core.progress import Progress, silent
from core.timeline import Timeline
from core.video import write_video

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """One pair to do.

    Attributes:
        experiment: pictures, landmarks (detected if there are none) and frame.
        options: of the morph; frame size and, for the published recipe, its training come from the experiment.
        output: the folder of all results; this pair's is named after the experiment.
        times: frames to write.
        video: whether to write a video too.
    """

    experiment: Experiment
    options: ImplicitOptions
    output: Path
    times: tuple[float, ...] = (0.5,)
    video: bool = True


def run_jobs(
    jobs: Sequence[Job], tasks: int = 1, skip_finished: bool = False, progress: Progress = silent
) -> list[dict[str, Any]]:
    """Do all jobs; one result per job, in order: name, folder, state ("done", "skipped", "failed") and figures.

    Args:
        jobs: what to do; names must differ.
        tasks: processes.
        skip_finished: leave pairs alone whose fit is complete.
        progress: called after every pair; may raise to cancel.
    """
    if tasks < 1:
        raise InputError(f"{tasks} tasks came, at least 1 is needed")
    names = [job.experiment.name for job in jobs]
    if len(set(names)) < len(names):
        raise InputError("two experiments have the same name, so their results would overwrite each other: rename one")
    results: dict[str, dict[str, Any]] = {}
    waiting = []
    for job in jobs:
        if skip_finished and is_finished(job.output / job.experiment.name):
            results[job.experiment.name] = {"name": job.experiment.name, "state": "skipped"}
        else:
            waiting.append(job)
    if tasks == 1:
        for index, job in enumerate(waiting):
            results[job.experiment.name] = run_job(job)
            progress((index + 1) / len(waiting), job.experiment.name)
    elif waiting:
        # Spawned, because torch's threads do not survive a fork.
        with ProcessPoolExecutor(tasks, multiprocessing.get_context("spawn"), torch.set_num_threads, (1,)) as pool:
            futures = [pool.submit(run_job, job) for job in waiting]
            for index, future in enumerate(as_completed(futures)):
                result = future.result()
                results[result["name"]] = result
                progress((index + 1) / len(waiting), result["name"])
    return [results[name] for name in names]


def run_job(job: Job) -> dict[str, Any]:
    """Fit one pair and write its results; a mistake in its files is reported, not raised, so that others go on."""
    experiment, folder = job.experiment, job.output / job.experiment.name
    started = time.perf_counter()
    try:
        for path in (experiment.first, experiment.second):
            if path.suffix == ".pth":
                raise InputError(f"{path.name} is an image network: draw it first with `implicit image-fit --draw`")
        prepared = prepare_job(job)
        pipe = ImplicitMorphPipeline()
        folder.mkdir(parents=True, exist_ok=True)
        for t in job.times:
            to_pil(pipe.render(prepared, [t]))[0].save(folder / f"frame_{t:g}_{job.options.blend}.png")
        if job.video:
            timeline = Timeline(frames=experiment.frames, fps=experiment.fps, easing="linear")
            settings = {"system": "implicit", **to_query(job.options)}
            write_video(pipe.frames(prepared, timeline), folder / "video.mp4", experiment.fps, settings)
        save_fit(prepared, folder)
    except MorphospaceError as error:
        log.warning("%s failed: %s", experiment.name, error)
        return {"name": experiment.name, "state": "failed", "reason": str(error)}
    seconds = time.perf_counter() - started
    log.info("%s done in %.1f s", experiment.name, seconds)
    return {"name": experiment.name, "state": "done", "folder": str(folder), "seconds": seconds, **prepared.figures}


def prepare_job(job: Job, progress: Progress = silent) -> ImplicitPrepared:
    """The fit of a job: its experiment's landmarks, or detected ones."""
    experiment = job.experiment
    recipe = experiment.recipe
    options = replace(
        job.options,
        framing="whole",
        size_px=max(experiment.frame_dims),
        published_steps=recipe.steps,
        published_samples=recipe.samples,
    )
    first, second = (load_image(path) for path in (experiment.first, experiment.second))
    points_a, points_b = (
        from_published(places, picture.size) if len(places) else None
        for places, picture in ((experiment.sources, first), (experiment.targets, second))
    )
    return ImplicitMorphPipeline().prepare(
        first, second, options=options, progress=progress, points_a=points_a, points_b=points_b
    )

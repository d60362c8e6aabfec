"""The pipeline that the original `--model` names: a record, a converted folder, or a checkpoint file as it is."""

from __future__ import annotations

from pathlib import Path

from core.devices import policy
from core.sdl.jobs import JOBS, Job, job_of, trained_side_px
from core.sdl.paper.convert import PUBLISHED, network_of, state_of
from core.sdl.pipeline import SDLPipeline
from core.weights import open_checkpoint


def default_job(task: str) -> Job:
    """The first job of an original task."""
    return next(job for job in JOBS.values() if job.task == task.removesuffix("-dir"))


def pipeline_for(
    task: str,
    model: str | None = None,
    key: str | None = None,
    split: float = 0.5,
    device: str = "auto",
    precision: str = "float32",
) -> SDLPipeline:
    """The pipeline of an original call.

    Args:
        task: the original `--task`.
        model: a record's name, a folder in our layout, or a `.pth` file; None takes the task's shipped weights.
        key: the file's top-level entry, the original `--key`.
        split: for a file, which does not say its own.
        device: see `core.devices.policy`.
        precision: see `core.devices.policy`.
    """
    job = default_job(task)
    if model is None or model in (record for entry in JOBS.values() for record in entry.records):
        return SDLPipeline.from_record(model or job.records[0], None, device, precision)
    path = Path(model)
    if path.suffix not in (".pth", ".pt", ".safetensors"):
        return SDLPipeline.from_record(job.records[0], model, device, precision)
    record = next((name for name, (file, _) in PUBLISHED.items() if file == path.name), None)
    name = job_of(record).name if record else job.name
    pipe = SDLPipeline(network_of(state_of(open_checkpoint(path), key), split), name).use(policy(device, precision))
    pipe.weights_label = path.name
    pipe.only_side_px = trained_side_px(record) if record else None
    return pipe

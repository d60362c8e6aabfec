"""The original command line, option by option: which frames it writes, at which t, under which names.

Kept as released: t leaves the ends out (image-to-image starts at 0), `--size` is clamped to [32, 512] and rounded down
to a multiple of 32, style pictures are cut to multiples of 32, and interpolation pads by mirroring. Not kept: folders
may hold jpg as well as png, `--in_ch` is read off the weights and only checked, and every device works.

Source: the released test script of Yang et al. 2022.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.errors import InputError, OptionError, unknown_name
from core.image import SRGB_PROFILE, load_image, to_tensor
from core.progress import Progress, silent
from core.sdl.jobs import JOBS, Job
from core.sdl.options import ORIGINAL_TASKS, SDLOptions
from core.sdl.paper.frames import pictures_in
from core.sdl.paper.resizing import resize_bilinear
from core.sdl.pipeline import SDLPipeline

LEAST_PX, MOST_PX, STEP_PX = 32, 512, 32
# Of new frames in a sequence of JPEGs; Pillow's own 75 shows beside them.
JPEG_QUALITY = 95


def positions(task: str, num: int, extend_t: bool = False) -> list[float]:
    """The t of every frame that a task writes; of one pair for vfi-dir."""
    if num < 1:
        raise OptionError(f"num is {num}, at least 1 in-between fits")
    first = 1 if task != "i2i" else -num if extend_t else 0
    return [index / (num + 1) for index in range(first, num + 1)]


def file_names(task: str, count: int) -> list[str]:
    """Names of the frames of one pair: numbered from 01, image-to-image from 00."""
    first = 0 if task == "i2i" else 1
    return [f"{index:02d}_sdl.png" for index in range(first, first + count)]


def folder_schedule(frames: int, num: int, copy: bool = True) -> list[tuple[int, float]]:
    """What a whole folder becomes: (pair, t) per written frame; t = 0 copies the pair's first frame, 1 its second.

    Args:
        frames: frames in the folder.
        num: new frames between two.
        copy: False renders the given frames anew at t = 0 (and 1, at the very end) in place of copying them.
    """
    if frames < 2:
        raise InputError(f"the folder holds {frames} frames, at least 2 are needed")
    schedule = [(pair, j / (num + 1)) for pair in range(frames - 1) for j in range(num + 1)]
    return [*schedule, (frames - 2, 1.0)]


def working_side(size: int) -> int:
    """`--size` as the script uses it."""
    return min(max(size, LEAST_PX), MOST_PX) // STEP_PX * STEP_PX


def to_levels(picture: Tensor) -> np.ndarray:
    """(H, W, 3) uint8 of (3, H, W): clipped to [0, 1], halves rounded to even."""
    return (picture.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()


@dataclass(frozen=True)
class Request:
    """One call of the original script."""

    task: str
    num: int = 7
    size: int = 512
    extend_t: bool = False
    in_ch: int | None = None

    def check(self, pipe: SDLPipeline) -> None:
        """Refuse a task that the weights do not do, and a wrong `--in_ch`."""
        if self.task not in ORIGINAL_TASKS:
            raise unknown_name("task", self.task, ORIGINAL_TASKS)
        if pipe.job.task != self.task.removesuffix("-dir"):
            raise OptionError(f"the task is {self.task}, these weights do {pipe.job.task}: choose weights of that task")
        channels = pipe.network.config.num_in_ch
        if self.in_ch is not None and self.in_ch != channels:
            raise OptionError(
                f"--in_ch is {self.in_ch}, these weights take {channels}: leave it out, it is read off them"
            )


def job_for(task: str) -> Job:
    """The first job of an original task."""
    return next(job for job in JOBS.values() if job.task == task.removesuffix("-dir"))


def open_pipeline(
    task: str,
    model: str | None = None,
    key: str | None = None,
    split: float = 0.5,
    device: str = "auto",
    precision: str = "float32",
) -> SDLPipeline:
    """The pipeline that the original `--model` names.

    Args:
        task: the original `--task`.
        model: a record's name, a folder in our layout, or a `.pth` file; None takes the task's shipped weights.
        key: the file's top-level entry, the original `--key`.
        split: for a file, which does not say its own.
        device: see `core.devices.policy`.
        precision: see `core.devices.policy`.
    """
    job = job_for(task)
    if model is None or model in (record for entry in JOBS.values() for record in entry.records):
        return SDLPipeline.from_record(model or job.records[0], None, device, precision)
    if Path(model).suffix in (".pth", ".pt", ".safetensors"):
        return SDLPipeline.from_file(Path(model), job.name, key, split, device, precision)
    return SDLPipeline.from_record(job.records[0], model, device, precision)


def join_inputs(task: str, pictures: list[Image.Image], size: int) -> Tensor:
    """The network's input as the script makes it: (1, 3 or 6, H, W)."""
    tensors = [to_tensor(picture) for picture in pictures]
    if task in ("morphing", "i2i"):
        side = working_side(size)
        tensors = [resize_bilinear(tensor, side, side) for tensor in tensors]
    elif task == "style_transfer":
        height, width = tensors[0].shape[-2:]
        cut_height, cut_width = height // STEP_PX * STEP_PX, width // STEP_PX * STEP_PX
        if not cut_height * cut_width:
            raise InputError(f"the content is {width} x {height} pixels, at least {STEP_PX} x {STEP_PX} are needed")
        tensors = [resize_bilinear(tensor, height, width)[..., :cut_height, :cut_width] for tensor in tensors]
    elif tensors[0].shape != tensors[1].shape:
        sizes = " and ".join(f"{picture.width} x {picture.height}" for picture in pictures)
        raise InputError(f"the frames are {sizes} pixels: interpolation needs one size, resize one of them")
    return torch.cat(tensors, 1)


def run(pipe: SDLPipeline, request: Request, files: list[Path], out: Path, progress: Progress = silent) -> list[Path]:
    """Write the frames of one call; returns the files.

    Args:
        pipe: the weights.
        request: the options.
        files: source, or source and target; for vfi-dir the folder alone.
        out: the output folder, made if missing.
        progress: called as the work goes on.
    """
    request.check(pipe)
    out.mkdir(parents=True, exist_ok=True)
    if request.task == "vfi-dir":
        return run_folder(pipe, request, files[0], out, progress)
    if len(files) != pipe.job.pictures:
        raise InputError(f"{len(files)} pictures came, the task {request.task} takes {pipe.job.pictures}")
    size = pipe.only_side_px or request.size
    # Weights that know one size alone were, as released, never asked for negative t.
    extend = request.extend_t and pipe.only_side_px is None
    t = positions(request.task, request.num, extend)
    written = []
    pictures = paint_frames(pipe, join_inputs(request.task, [load_image(file) for file in files], size), t)
    for index, (name, picture) in enumerate(zip(file_names(request.task, len(t)), pictures, strict=True)):
        Image.fromarray(picture).save(out / name)
        written.append(out / name)
        progress((index + 1) / len(t), f"frame {index + 1} of {len(t)}")
    return written


def run_folder(pipe: SDLPipeline, request: Request, folder: Path, out: Path, progress: Progress = silent) -> list[Path]:
    """Frames of a folder with new ones between them; the given ones are copied byte for byte."""
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: vfi-dir takes --indir with the frames in name order")
    frames = pictures_in(folder)
    schedule = folder_schedule(len(frames), request.num)
    suffix, written = frames[0].suffix, []
    for number, (pair, t) in enumerate(schedule):
        path = out / f"{number:03d}{suffix}"
        if t in (0.0, 1.0):
            shutil.copyfile(frames[pair + int(t)], path)
        else:
            if number % (request.num + 1) == 1:
                both = join_inputs("vfi", [load_image(frames[pair]), load_image(frames[pair + 1])], request.size)
                new = paint_frames(pipe, both, positions("vfi", request.num))
            # Neighbours that are copied byte for byte are as a rule no worse than this.
            Image.fromarray(next(new)).save(path, quality=JPEG_QUALITY, icc_profile=SRGB_PROFILE)
        written.append(path)
        progress((number + 1) / len(schedule), f"frame {number + 1} of {len(schedule)}")
    return written


def paint_frames(pipe: SDLPipeline, both: Tensor, t: list[float]) -> Iterator[np.ndarray]:
    """The frames of one pair, a few at a time."""
    prepared = pipe.prepare_tensor(both, SDLOptions(exact_ends=False))
    for start in range(0, len(t), pipe.batch_size):
        for picture in pipe.pictures_at(prepared, t[start : start + pipe.batch_size]):
            yield to_levels(picture)

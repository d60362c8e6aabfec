"""A folder of clips in one go, which goes on where it stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.errors import InputError, MorphospaceError
from core.progress import Progress, part_of, silent
from core.sdl.methods.video_rate.conversion import convert_video, settings_of
from core.sdl.options import RateOptions
from core.sdl.pipeline import SDLPipeline
from core.video import Encoding, read_settings

CLIPS = (".mp4", ".mov", ".m4v", ".webm", ".mkv", ".avi", ".mpg", ".mpeg", ".gif")


def convert_folder(
    pipe: SDLPipeline,
    folder: Path,
    out: Path,
    options: RateOptions,
    encoding: Encoding,
    progress: Progress = silent,
    suffix: str = ".mp4",
) -> dict[str, list[Any]]:
    """Write every clip of a folder with more frames, under its own name.

    A result appears only when it is complete, so one that is there with the same settings is taken as done: after a stop
    the same call goes on, within a clip too. A clip that cannot be read costs itself alone.

    Args:
        pipe: an interpolation pipeline.
        folder: where the clips are.
        out: where the results go; made if missing.
        options: as for `convert_video`.
        encoding: codec, quality and bit depth.
        progress: called as the work goes on.
        suffix: of the results.

    Returns:
        files written, those kept from before, and what failed, a sentence each.

    Raises:
        InputError: a folder without clips, or the same folder for both.
    """
    clips = [file for file in sorted(folder.iterdir()) if file.suffix.lower() in CLIPS and file.is_file()]
    if not clips:
        raise InputError(f"{folder} holds no clip: {', '.join(CLIPS)} are read")
    if out.resolve() == folder.resolve():
        raise InputError(f"{out} is the folder of the clips: name another one for the results")
    encoding = encoding.checked(suffix.removeprefix("."))
    done: dict[str, list[Any]] = {"files": [], "kept": [], "failed": []}
    for index, clip in enumerate(clips):
        # Two clips of one name keep what tells them apart.
        alone = sum(other.stem == clip.stem for other in clips) == 1
        path = out / f"{clip.stem if alone else clip.name.replace('.', '-')}{suffix}"
        if _is_done(path, settings_of(options, encoding)):
            done["kept"].append(str(path))
            continue
        step = part_of(progress, index / len(clips), (index + 1) / len(clips))
        try:
            convert_video(pipe, clip, path, options, step, encoding, resumable=True)
            done["files"].append(str(path))
        except InputError as error:
            done["failed"].append(f"{clip.name}: {error}")
    return done


def _is_done(path: Path, settings: dict[str, str]) -> bool:
    """Whether the result is there, made as it is asked for now."""
    try:
        return path.is_file() and read_settings(path) == settings
    except MorphospaceError:
        return False

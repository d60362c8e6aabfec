"""Sound tracks and subtitles of a clip, put beside new pictures without a shift."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import av
import av.error
import imageio_ffmpeg

from core.errors import ExportError

# What each container takes as it is; anything else is encoded anew.
_COPIED = {
    "mp4": ("aac", "mp3", "ac3", "alac"),
    "mov": ("aac", "mp3", "ac3", "alac", "pcm_s16le"),
    "webm": ("opus", "vorbis"),
}
_ENCODER = {"mp4": "aac", "mov": "aac", "webm": "libopus"}
_TEXT = {"mp4": "mov_text", "mov": "mov_text", "webm": "webvtt"}
_TEXT_KINDS = ("subrip", "mov_text", "webvtt", "ass", "ssa", "text")
# atempo halves or doubles at most once per filter.
_TEMPO_LIMIT = 2.0


@dataclass(frozen=True)
class Sound:
    """Which sound goes along.

    Attributes:
        path: the file that it comes from.
        tempo: 1 as it is, 0.5 at half speed; the pitch stays.
        start_s: where the part begins.
        end_s: where it ends; None is the file's end.
    """

    path: Path
    tempo: float = 1.0
    start_s: float = 0.0
    end_s: float | None = None

    @property
    def untouched(self) -> bool:
        """Whether tracks can be copied as they are."""
        return self.tempo == 1 and self.start_s == 0 and self.end_s is None


def add_sound(silent: Path, sound: Sound, notes: list[str]) -> None:
    """Put all sound tracks and subtitles into `silent`, in place; a track that cannot be read is left out and said.

    Args:
        silent: a finished mp4, webm or mov without sound.
        sound: what goes along.
        notes: takes a sentence for each thing that could not be kept.

    Raises:
        ExportError: ffmpeg cannot write the file.
    """
    kind = silent.suffix.removeprefix(".")
    with av.open(f"file:{sound.path}") as container:
        tracks = [stream.codec_context.name for stream in container.streams.audio]
        texts = [stream.codec_context.name if stream.codec_context else "" for stream in container.streams.subtitles]
    kept = [index for index, name in enumerate(texts) if name in _TEXT_KINDS] if sound.untouched else []
    if len(kept) < len(texts):
        notes.append("subtitles that cannot go along were left out")
    if not tracks and not kept:
        return
    for audio in ([*range(len(tracks))], [n for n in range(len(tracks)) if _readable(sound.path, n)]):
        if _muxed(silent, sound, audio, [tracks[n] for n in audio], kept, kind):
            if len(audio) < len(tracks):
                notes.append(
                    f"{len(tracks) - len(audio)} of {len(tracks)} sound tracks cannot be read and were left out"
                )
            return
    notes.append("the sound cannot be read and was left out")


def _muxed(silent: Path, sound: Sound, audio: list[int], codecs: list[str], texts: list[int], kind: str) -> bool:
    """Whether ffmpeg put the tracks beside the pictures."""
    target = silent.with_name(f"{silent.stem}.sound{silent.suffix}")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", "-i", str(silent)]
    if sound.start_s:
        command += ["-ss", f"{sound.start_s:.6f}"]
    if sound.end_s is not None:
        command += ["-t", f"{sound.end_s - sound.start_s:.6f}"]
    command += ["-i", f"file:{sound.path}", "-map", "0:v"]
    for number, (track, codec) in enumerate(zip(audio, codecs, strict=True)):
        command += ["-map", f"1:a:{track}"]
        if sound.untouched and codec in _COPIED[kind]:
            command += [f"-c:a:{number}", "copy"]
        else:
            command += [f"-c:a:{number}", _ENCODER[kind]]
            if sound.tempo != 1:
                command += [f"-filter:a:{number}", _tempo_filters(sound.tempo)]
    for number, track in enumerate(texts):
        command += ["-map", f"1:s:{track}", f"-c:s:{number}", _TEXT[kind]]
    command += ["-map_metadata", "0", "-map_chapters", "-1", "-c:v", "copy"]
    command += ["-movflags", "+faststart"] if kind != "webm" else []
    try:
        done = subprocess.run([*command, f"file:{target}"], capture_output=True, text=True, check=False)
        if done.returncode < 0:
            raise ExportError(
                f"ffmpeg was ended from outside (signal {-done.returncode}) while sound was added: start again"
            )
        if "No space left" in done.stderr:
            raise OSError(28, "No space left on device")
        if done.returncode != 0:
            return False
        target.replace(silent)
        return True
    finally:
        target.unlink(missing_ok=True)


def _readable(path: Path, track: int) -> bool:
    """Whether some of a sound track can be decoded."""
    try:
        with av.open(f"file:{path}") as container:
            for _ in container.decode(container.streams.audio[track]):
                return True
    except (av.error.FFmpegError, ValueError):
        pass
    return False


def _tempo_filters(tempo: float) -> str:
    steps = []
    while tempo < 1 / _TEMPO_LIMIT:
        steps.append(1 / _TEMPO_LIMIT)
        tempo *= _TEMPO_LIMIT
    while tempo > _TEMPO_LIMIT:
        steps.append(_TEMPO_LIMIT)
        tempo /= _TEMPO_LIMIT
    return ",".join(f"atempo={step:.6f}" for step in [*steps, tempo])

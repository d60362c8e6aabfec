"""A long result in finished parts, so that after a stop the work goes on where it was; joined without encoding anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path

import av

from core.encoding import Encoding
from core.video.encoding import write_container
from core.video.reader import TimedFrame

# What a stop costs at most, in frames of the result.
PART_FRAMES = 120
_MADE_FOR = "made-for.txt"


class Parts:
    """The finished parts of one mp4, webm or mov.

    Args:
        folder: where they lie until the result is complete; made if missing.
        key: all that the result depends on. Parts that were made for another key are deleted.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.folder = folder
        told = folder / _MADE_FOR
        if not told.is_file() or told.read_text() != key:
            self.clear()
            folder.mkdir(parents=True, exist_ok=True)
            told.write_text(key)

    @property
    def finished(self) -> list[Path]:
        """The parts, in order."""
        return sorted(self.folder.glob("part-*"))

    @property
    def end_s(self) -> Fraction:
        """When the last finished part ends: from here on frames are needed."""
        return _end_of(self.finished[-1]) if self.finished else Fraction(0)

    def write(self, frames: Iterable[TimedFrame], kind: str, rate: Fraction, note: str, encoding: Encoding) -> None:
        """Encode the frames from `end_s` on; each part appears when it is complete."""
        stream = iter(frames)
        for first in stream:
            start, partial = first.start_s if self.finished else Fraction(0), self.folder / f"next.{kind}"
            ends = [first.end_s]
            shifted = _shifted(islice(chain([first], stream), PART_FRAMES), start, ends)
            write_container(shifted, partial, rate, note, encoding)
            name = f"part-{len(self.finished):05d}-{ends[-1].numerator}-{ends[-1].denominator}.{kind}"
            partial.rename(self.folder / name)

    def join(self, path: Path) -> None:
        """Write all parts into one file, packet by packet."""
        moov_first = {"movflags": "+faststart"} if path.suffix != ".webm" else {}
        with av.open(str(path), "w", options=moov_first) as container:
            stream, start, last = None, Fraction(0), None
            for part in self.finished:
                with av.open(str(part)) as opened:
                    given = opened.streams.video[0]
                    if stream is None:
                        container.metadata.update(opened.metadata)
                        stream = container.add_stream_from_template(given)
                    for packet in opened.demux(given):
                        if packet.dts is None or packet.pts is None:
                            continue
                        late = round(start / packet.time_base)
                        packet.pts, packet.dts = packet.pts + late, packet.dts + late
                        # Of unequal steps a part's first decoding time may lie before the last one of the part before it.
                        if last is not None and packet.dts <= last:
                            packet.dts = last + 1
                        last = packet.dts
                        packet.stream = stream
                        container.mux(packet)
                start = _end_of(part)

    def clear(self) -> None:
        """Delete what was written here, and the folder if nothing else is in it."""
        for file in (*self.finished, *self.folder.glob("next.*"), self.folder / _MADE_FOR):
            file.unlink(missing_ok=True)
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()


def _end_of(part: Path) -> Fraction:
    return Fraction(*(int(number) for number in part.stem.split("-")[2:]))


def _shifted(frames: Iterable[TimedFrame], start: Fraction, ends: list[Fraction]) -> Iterator[TimedFrame]:
    """The frames with their times from `start` on; `ends` takes when each ends."""
    for frame in frames:
        ends.append(frame.end_s)
        yield frame._replace(start_s=frame.start_s - start, end_s=frame.end_s - start)

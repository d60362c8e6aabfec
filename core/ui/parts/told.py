"""What is told beside an input before any work: what was found and how well it fits, with a sign, a colour and a reason."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import gradio as gr
import numpy as np

from core.detect.faces import Face
from core.ui.parts.handlers import PRIVATE
from core.video import read_video

# Sign and name of each level; the sign says it without colour too.
SIGNS = {"good": "✓", "weak": "!", "bad": "✗"}
# Beyond the first a face's far side is stretched, beyond the second it is hardly seen.
TURNED_DEG, FAR_TURNED_DEG = 15.0, 35.0
SMALL_FACE_PX = 80
# The mesh's points at both ends of the cheekbones.
CHEEKS = (234, 454)
LONG_CLIP_S = 60.0


def told(level: str, about: str, text: str) -> str:
    """One line for a person."""
    return f'<span class="told-{level}"><b aria-hidden="true">{SIGNS[level]}</b> {about}: {text}</span>'


def lines(items: Iterable[str]) -> str:
    """Several of them."""
    return "<br>".join(item for item in items if item)


def told_notes(notes: Iterable[str]) -> str:
    """What a pipeline says about its own result, beside the preview."""
    return lines(told("weak", "Note", note.replace("`", "")) for note in notes)


def turned_deg(face: Face) -> float | None:
    """How far a face is turned to a side, 0 to 90; None where its depths are unknown."""
    if face.depths is None:
        return None
    left, right = CHEEKS
    across = float(np.linalg.norm(face.points[right] - face.points[left]))
    behind = float(abs(face.depths[right] - face.depths[left]))
    return math.degrees(math.atan2(behind, across))


def told_face(about: str, face: Face, count: int = 1) -> str:
    """How well a face fits, and that there are others."""
    turned, height = turned_deg(face), face.box.height
    others = f"; {count} faces, the largest is 1" if count > 1 else ""
    if height < SMALL_FACE_PX:
        return told("weak", about, f"small face, {height:.0f} pixels high: the result is soft{others}")
    if turned is None or turned <= TURNED_DEG:
        return told("good", about, f"a face, seen from the front{others}")
    level = "bad" if turned > FAR_TURNED_DEG else "weak"
    return told(level, about, f"a face turned {turned:.0f} degrees: its far side is stretched{others}")


def clip_facts(path: str | None) -> str:
    """Size, rate, length and what is changed on the way in."""
    if path is None:
        return ""
    clip = read_video(path)
    width, height = clip.size_px
    seconds = float(clip.duration_s)
    facts = f"{width} x {height}, {float(clip.rate):.5g} fps, {seconds:.1f} s{', with sound' if clip.has_audio else ''}"
    level = "weak" if clip.notes or seconds > LONG_CLIP_S else "good"
    long = " A long clip: this takes a while, shorten it to try." if seconds > LONG_CLIP_S else ""
    return lines([told(level, "Clip", f"{facts}.{long}"), told_notes(clip.notes)])


def draw_clip_facts(clip: Any, tab: str) -> None:
    """Tell about a clip as soon as it is there."""
    said = gr.Markdown(elem_id=f"{tab}-clip-facts")
    clip.change(clip_facts, clip, said, queue=False, **PRIVATE)

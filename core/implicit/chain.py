"""Three portraits and more: a film from each to the next, closed to a loop if wanted, and the average of all faces.

All of them are framed together, so that a portrait between two others is the same picture in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.content import content_key
from core.errors import InputError
from core.image import load_image
from core.implicit.methods.framing.portraits import Framed, frame_portraits
from core.implicit.methods.framing.upright import detect_landmarks
from core.implicit.methods.landmark_flow.fitting import fit_warp
from core.implicit.methods.layers.face import box_of, face_middle, grey_of, in_one_light, soft_region
from core.implicit.options import MOST_PORTRAITS, ImplicitOptions
from core.implicit.pipeline import ImplicitMorphPipeline
from core.implicit.prepared import ImplicitPrepared
from core.options import check
from core.pipeline import Prepared, TransitionPipeline
from core.progress import Progress, part_of, silent
from core.timeline import Chain


@dataclass(frozen=True)
class ImplicitChain(Prepared):
    """Portraits in a row.

    Attributes:
        chain: which follows which.
        pairs: the prepared morph of each pair of neighbours.
        notes: what a person should know, one sentence each.
    """

    chain: Chain
    pairs: tuple[ImplicitPrepared, ...]
    notes: tuple[str, ...] = ()


class ImplicitChainPipeline(TransitionPipeline[ImplicitChain]):
    """Face morphs along a row of portraits; a position in [0, 1] falls into one pair of them."""

    name = "implicit"
    Options = ImplicitOptions

    def __init__(self) -> None:
        super().__init__()

    def prepare(
        self,
        *images: Image.Image | str | Path,
        options: ImplicitOptions | None = None,
        progress: Progress = silent,
        closed: bool = False,
    ) -> ImplicitChain:
        """Find all faces, frame the portraits together and fit a warp per pair.

        Args:
            images: two portraits or more, any sizes; the largest face of each is taken.
            options: see `ImplicitOptions`; `face_a` and `face_b` do not count.
            progress: called as the work goes on; may raise to cancel.
            closed: whether the last goes back to the first.

        Raises:
            NothingFoundError: a picture without a face.
            InputError: fewer than two or more than `MOST_PORTRAITS` pictures.
        """
        options, pipe = check(options or ImplicitOptions()), ImplicitMorphPipeline()
        framed = _frame_all(images, options, part_of(progress, 0.0, 0.3))
        chain = Chain(len(framed), closed)
        pairs, notes, count = [], [], len(chain.pairs)
        for number, (first, second) in enumerate(chain.pairs):
            share = part_of(progress, 0.3 + 0.7 * number / count, 0.3 + 0.7 * (number + 1) / count)
            pairs.append(pipe.prepare_framed(framed[first], framed[second], options, share))
            notes += [f"From {first + 1} to {second + 1}: {note}" for note in pairs[-1].notes]
        figures = {key: max(pair.figures[key] for pair in pairs) for key in ("landmark_error_max_px", "folded_share")}
        figures |= {"portraits": float(len(framed)), "fit_cpu_s": sum(pair.figures["fit_cpu_s"] for pair in pairs)}
        return ImplicitChain(content_key(*(pair.key for pair in pairs)), figures, chain, tuple(pairs), tuple(notes))

    def render(
        self, prepared: ImplicitChain, t: Sequence[float], blend: str | None = None, background: str | None = None
    ) -> Tensor:
        """Frames (T, 3, H, W) float32 in [0, 1] at positions t along the whole chain; see `ImplicitMorphPipeline.render`."""
        pipe, frames = ImplicitMorphPipeline(), []
        for position in t:
            segment, within = prepared.chain.at(position)
            frames.append(pipe.render(prepared.pairs[segment], [within], blend=blend, background=background))
        return torch.cat(frames)


@dataclass(frozen=True)
class AverageFace:
    """The average of several faces.

    Attributes:
        picture: RGB.
        around: whose hair, clothes and surroundings it has, 1 is the first picture.
        figures: measured facts.
    """

    picture: Image.Image
    around: int
    figures: dict[str, float]


def average_faces(
    images: Sequence[Image.Image | str | Path],
    options: ImplicitOptions | None = None,
    progress: Progress = silent,
    around: int = 0,
) -> AverageFace:
    """The mean of shapes and of details of several faces, in one light, with one person's hair, clothes and surroundings.

    Args:
        images: two portraits or more, any sizes; the largest face of each is taken.
        options: framing, size and warp count.
        progress: called as the work goes on; may raise to cancel.
        around: whose everything else is, 1 is the first picture; 0 is who has the shape nearest to the mean.

    Raises:
        NothingFoundError: a picture without a face.
        InputError: too few or too many pictures, or no such picture.
    """
    if not 0 <= around <= len(images):
        raise InputError(f"around is {around}, 0 to {len(images)} fit: 0 chooses, 1 is the first picture")
    options = check(options or ImplicitOptions())
    framed = _frame_all(images, options, part_of(progress, 0.0, 0.3))
    mean = np.mean([one.points for one in framed], axis=0)
    away = [float(np.linalg.norm(one.points - mean, axis=1).mean()) for one in framed]
    owner = around - 1 if around else int(np.argmin(away))
    size = (framed[0].picture.shape[1], framed[0].picture.shape[0])
    warped, missed = [], 0.0
    for number, one in enumerate(framed):
        share = part_of(progress, 0.3 + 0.7 * number / len(framed), 0.3 + 0.7 * (number + 1) / len(framed))
        _, displacements, figures = fit_warp(one.points, mean, size, options, share)
        missed = max(missed, figures["landmark_error_max_px"])
        at = displacements.sampling_positions(1.0)[0] - 0.5
        picture = cv2.remap(one.picture, at[..., 0], at[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        warped.append(picture.astype(np.float32) / 255)
    middle = soft_region(face_middle(mean), size)
    box, frame = box_of(middle), warped[owner].copy()
    lit, _ = in_one_light([face[box] for face in warped], middle[box], np.eye(len(framed))[owner].tolist())
    frame[box] += middle[box] * grey_of(np.mean(lit, axis=0) - frame[box])
    figures = {"faces": float(len(framed)), "landmark_error_max_px": missed, "largest_distance_px": max(away)}
    return AverageFace(Image.fromarray(np.rint(frame.clip(0, 1) * 255).astype(np.uint8)), owner + 1, figures)


def _frame_all(
    images: Sequence[Image.Image | str | Path], options: ImplicitOptions, progress: Progress
) -> list[Framed]:
    """All portraits in one frame, around their largest faces."""
    if not 2 <= len(images) <= MOST_PORTRAITS:
        raise InputError(f"{len(images)} portraits came: give 2 to {MOST_PORTRAITS}")
    pictures, points = [load_image(image) for image in images], []
    for number, picture in enumerate(pictures):
        progress(number / len(pictures), "finding landmarks")
        points.append(detect_landmarks(picture, f"picture {number + 1}"))
    return frame_portraits(pictures, points, options)

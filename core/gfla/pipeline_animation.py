"""Face animation and dance: a picture made to move as a driving clip does, frame by frame.

Each painted frame is the `previous` of the next, so frames come in order; `render` plays up to the last one asked for.
The weights are the authors' (records gfla-face, gfla-dance-fashion, gfla-dance-iper, gfla-motion).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.content import content_key
from core.detect.body import Body, detect_bodies
from core.detect.faces import detect_faces
from core.devices import Policy, policy
from core.errors import InputError, NothingFoundError, unknown_name
from core.gfla.methods.retargeting.tracking import tracked
from core.gfla.options import ANIMATIONS, AnimationOptions, PoseOptions
from core.gfla.paper import dance, face, pose
from core.gfla.paper.motion import cleaned
from core.gfla.paper.network_animation import AnimationGenerator, DanceGenerator, FaceGenerator
from core.gfla.paper.network_motion import MotionExtractionNet
from core.gfla.paper.pictures import as_network_picture, resized
from core.gfla.pipeline import PosePipeline
from core.image import load_image, to_pil
from core.options import check
from core.pipeline import Prepared, TransitionPipeline
from core.progress import Progress, part_of, silent

SIDE_PX = 256


@dataclass(frozen=True)
class AnimationPrepared(Prepared):
    """A reference and what it shall do.

    Attributes:
        reference: (1, 3, 256, 256) in [-1, 1].
        reference_structure: (1, S, 256, 256).
        structures: (T, S, 256, 256), one per frame.
    """

    reference: Tensor
    reference_structure: Tensor
    structures: Tensor


class AnimationPipeline(TransitionPipeline[AnimationPrepared]):
    """Recurrent animation by a face or a dance generator."""

    name: ClassVar[str] = "gfla-animation"
    Options: ClassVar[type] = AnimationOptions
    # Not `prepare`: MediaPipe, which it needs, does not survive the fork of ZeroGPU's worker.
    gpu_methods: ClassVar[tuple[str, ...]] = ("play",)
    render_methods = ("generator.paint",)
    _optional_components = ["motion"]

    generator: AnimationGenerator
    motion: MotionExtractionNet | None

    def __init__(self, generator: AnimationGenerator, motion: MotionExtractionNet | None = None) -> None:
        super().__init__(generator=generator, motion=motion)

    @classmethod
    def from_record(
        cls, mode: str, path: str | None = None, device: str = "auto", precision: str = "auto"
    ) -> AnimationPipeline:
        """The pipeline for "face", "dance" or "dance-fashion" on the authors' weights.

        Raises:
            WeightsError: they are not here; the message says how to get them.
        """
        from core.weights import load_strict, resolve

        if mode not in ANIMATIONS:
            raise unknown_name("animation", mode, ANIMATIONS)
        found = resolve(ANIMATIONS[mode], path)
        if mode == "face":
            pipe = cls(load_strict(FaceGenerator, found.folder))
        else:
            pipe = cls(
                load_strict(DanceGenerator, found.folder),
                load_strict(MotionExtractionNet, resolve("gfla-motion").folder),
            )
        pipe.use(policy(device, precision)).weights_label = found.label
        return pipe

    def use(self, chosen: Policy) -> Self:
        """Place the generator where `chosen` says; `prepare`, which runs the motion network, has no GPU on a Space."""
        super().use(chosen)
        if self.motion is not None:
            self.motion.to("cpu")
        return self

    def prepare(
        self, *inputs: Any, options: AnimationOptions | None = None, progress: Progress = silent
    ) -> AnimationPrepared:
        """Structures of the reference and of every driving frame.

        Args:
            *inputs: the reference picture, then the driving frames (an iterable of pictures).
            options: how.
            progress: called as the work goes on.
        """
        options = check(options or AnimationOptions())
        if len(inputs) != 2:
            raise InputError(f"{len(inputs)} inputs: a reference picture and driving frames fit")
        reference, driving = load_image(inputs[0]), _chosen(inputs[1], options)
        frame = resized(reference, (SIDE_PX, SIDE_PX), "bicubic")
        make = self._face if isinstance(self.generator, FaceGenerator) else self._dance
        own, structures = make(frame, driving, options, progress)
        key = content_key(frame, structures, self.weights_label)
        source = as_network_picture(np.asarray(frame))[None]
        return AnimationPrepared(
            key, {"frames": float(len(structures))}, source,
            torch.from_numpy(own)[None], torch.from_numpy(structures),
        )  # fmt: skip

    def _face(
        self, frame: Image.Image, driving: list[Image.Image], options: AnimationOptions, progress: Progress
    ) -> tuple[np.ndarray, np.ndarray]:
        found = []
        for index, picture in enumerate([frame, *driving]):
            progress(index / (1 + len(driving)), f"landmarks of frame {index}")
            view = resized(picture, (SIDE_PX, SIDE_PX), "bicubic")
            landmarks = detect_faces(view, f"driving frame {index}" if index else "the reference")[0].points68()
            found.append(face.structure(landmarks, view, SIDE_PX, options.background_edges))
        return found[0], np.stack(found[1:])

    def _dance(
        self, frame: Image.Image, driving: list[Image.Image], options: AnimationOptions, progress: Progress
    ) -> tuple[np.ndarray, np.ndarray]:
        size = (SIDE_PX, SIDE_PX)
        own = detect_bodies(frame, "the reference")[0].points
        own = np.where(pose.present(own)[:, None], own, dance.MISSING)
        bodies = []
        for index, picture in enumerate(driving):
            progress(index / len(driving), f"keypoints of frame {index}")
            bodies.append(detect_bodies(resized(picture, size, "bicubic"), f"driving frame {index}")[0].points)
        if self.motion is None:
            raise InputError("dancers need the motion network: make the pipeline with it, or by from_record")
        joints = cleaned(self.motion, np.stack(bodies), SIDE_PX)
        structures = [dance.structure(item, size, dance.HUMAN36M_LIMBS) for item in joints]
        return dance.structure(dance.coco17(own), size, dance.COCO_LIMBS), np.stack(structures)

    @torch.inference_mode()
    def play(self, prepared: AnimationPrepared) -> Iterator[Tensor]:
        """The frames in order, each (1, 3, 256, 256) in [0, 1]."""
        device = self.device
        with self.policy.autocast():
            for painted in self.generator.animate(
                prepared.structures[None].to(device),
                prepared.reference.to(device),
                prepared.reference_structure.to(device),
            ):
                yield ((painted.image.float().cpu() + 1) / 2).clamp(0, 1)

    def render(self, prepared: AnimationPrepared, t: Sequence[float], **controls: Any) -> Tensor:
        """Frames at positions t of the clip, (T, 3, 256, 256) in [0, 1]."""
        last = len(prepared.structures) - 1
        wanted = [round(min(max(position, 0.0), 1.0) * last) for position in t]
        found = {}
        for index, picture in enumerate(self.play(prepared)):
            if index in wanted:
                found[index] = picture
            if index == max(wanted):
                break
        return torch.cat([found[index] for index in wanted])


def driven(
    pipe: PosePipeline,
    picture: Any,
    driving: Iterable[Any],
    options: AnimationOptions,
    look: PoseOptions,
    progress: Progress = silent,
) -> Iterator[Image.Image]:
    """A person following a clip: prepared once, then every frame on its own, over one background.

    The person of the clip is followed from the first frame on that shows anybody; who that is the largest one there says.
    Its motion, smoothed over time, is fitted to the person's size and place.
    """
    frames = _chosen(driving, options)
    prepared = pipe.prepare(picture, options=look, progress=part_of(progress, 0.0, 0.2))
    found: list[list[Body]] = []
    for index, frame in enumerate(frames):
        progress(0.2 + 0.4 * index / len(frames), f"keypoints of frame {index}")
        try:
            found.append(detect_bodies(frame, f"driving frame {index}"))
        except NothingFoundError:
            found.append([])
    poses = pipe.poses_of_clip(prepared, tracked(found))
    for start in range(0, len(poses), pipe.batch_size):
        progress(0.6 + 0.4 * start / len(poses), f"frame {start} of {len(poses)}")
        some = poses[start : start + pipe.batch_size]
        yield from to_pil(pipe.render_fitting(prepared, [0.0] * len(some), poses=list(some)))


def _chosen(driving: Iterable[Any], options: AnimationOptions) -> list[Image.Image]:
    """The driving frames that the options name.

    Raises:
        InputError: none are left.
    """
    found = []
    for index, picture in enumerate(driving):
        if index >= options.start_frame:
            found.append(load_image(picture))
        if options.frames and len(found) == options.frames:
            break
    if not found:
        raise InputError(f"the driving clip has no frame {options.start_frame}: start earlier")
    return found

"""The pose pipeline: a person's picture encoded once, then painted in any number of poses.

pipe = PosePipeline.from_record("gfla-people")
prepared = pipe.prepare(photo, "arms spread")              # a library pose, a second photo, or (18, 2) keypoints
pipe.render(prepared, [0.0, 0.5, 1.0])                     # on the way from the own pose to the target's
pipe.paint(prepared, [pose_a, pose_b])                     # these poses, with flow and attention
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from core.content import content_key
from core.detect.body import Body
from core.detect.everybody import detect_everybody
from core.errors import InputError, NothingFoundError
from core.gfla.methods.compositing.person import cut_out, lay_back, without_person
from core.gfla.methods.limb_layers.compose import compose
from core.gfla.methods.limb_layers.network import LayeredPainting, generator_class
from core.gfla.methods.limb_layers.visuals import layers_picture
from core.gfla.methods.puppet.assess import sentences
from core.gfla.methods.puppet.offers import reasons
from core.gfla.methods.puppet.puppet import Puppet, chosen, layers_sheet, make_puppet, with_person
from core.gfla.methods.retargeting import framing
from core.gfla.methods.retargeting.library import FRAME_HW, library_pose
from core.gfla.options import PoseOptions
from core.gfla.paper import pose
from core.gfla.paper.attention import SourceTables
from core.gfla.paper.network import Painted, PoseGenerator
from core.gfla.paper.visuals import flow_tiles, titled_sheet
from core.image import Box, crop_box, load_image, to_pil, to_tensor
from core.options import check
from core.pipeline import GeneratorPipeline, Prepared
from core.progress import Progress, silent
from core.weights.layout import config_of

ANSWERED = "The photo's own pixels are moved limb by limb (painter: layers)."
# Of the plain background where the network says none.
STUDIO_GREY = 0.5


@dataclass(frozen=True)
class PosePrepared(Prepared):
    """A person ready to be painted.

    Attributes:
        source: (1, 3, H, W) in [-1, 1], the network's frame.
        fine: (1, 3, h, w) in [0, 1], the same frame at the result's size.
        points: (18, 2) of the person, in the network's frame.
        path: (N, 18, 2) poses of the way, the person's own first.
        box: the frame in the picture.
        picture: the whole picture.
        hole: (H', W') share of the person in each pixel of the picture; None where it was not cut out.
        tables: the encoded source.
        options: as prepared.
        puppet: what the photo's own pixels are moved by; None where the network paints.
        limbs: those that move apart from the body on the way.
        notes: which painter answers and what stays in place, one sentence each.
    """

    source: Tensor
    fine: Tensor
    points: np.ndarray
    path: np.ndarray
    box: Box
    picture: Image.Image | None
    hole: np.ndarray | None
    tables: tuple[SourceTables, ...]
    options: PoseOptions
    puppet: Puppet | None = None
    limbs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class PosePipeline(GeneratorPipeline[PosePrepared]):
    """Pose transfer by a `PoseGenerator`."""

    name: ClassVar[str] = "gfla"
    Options: ClassVar[type] = PoseOptions
    Network: ClassVar[type] = PoseGenerator
    record: ClassVar[str] = "gfla-people"
    # Not `prepare`: MediaPipe, which it needs, does not survive the fork of ZeroGPU's worker.
    gpu_methods: ClassVar[tuple[str, ...]] = ("encode", "paint")
    render_methods = ("generator.paint",)
    batch_size: ClassVar[int] = 8

    generator: PoseGenerator

    @classmethod
    def network_class(cls, folder: Path) -> type[PoseGenerator]:
        """Ours or the paper's, by the folder's configuration."""
        return generator_class(config_of(folder))

    @property
    def grey(self) -> float | None:
        """The plain background that the network paints, in [0, 1]; None where it keeps backgrounds."""
        return self.generator.config.get("studio_grey")

    @property
    def size_hw(self) -> tuple[int, int]:
        """(H, W) of the network's frame."""
        height, width = self.generator.config.sample_hw
        return height, width

    @property
    def aspect(self) -> float:
        """Width by height of the part of a picture that the frame shows; fashion frames are squeezed from 176 x 256."""
        height, width = self.size_hw
        return 0.5 if height == 2 * width else FRAME_HW[1] / FRAME_HW[0]

    def find(self, picture: Image.Image, person: int = 1, name: str = "the picture") -> np.ndarray:
        """The keypoints of a person, (18, 2) in the picture's pixels, -1 where missing.

        Raises:
            NothingFoundError: nobody.
            InputError: fewer people than asked for.
        """
        return chosen(self.people(picture, name), person, name).points

    def people(self, picture: Image.Image, name: str = "the picture") -> list[Body]:
        """Everybody in a picture, those first who are seen at once, the largest first; nobody is an error."""
        return detect_everybody(picture, name)

    def prepare(
        self,
        *inputs: Any,
        options: PoseOptions | None = None,
        progress: Progress = silent,
        points: np.ndarray | None = None,
    ) -> PosePrepared:
        """Find, frame and encode a person, and lay out the way through the target poses.

        Args:
            *inputs: the picture, then target poses in order: pictures, (18, 2) arrays in the picture's pixels, or
                names of the pose library.
            options: how.
            progress: called as the work goes on.
            points: the person's keypoints (18, 2) in the picture's pixels, found by detection otherwise.

        Raises:
            NothingFoundError: nobody in a picture.
            InputError: too few keypoints.
        """
        options = check(options or PoseOptions())
        if not inputs:
            raise InputError("no picture was given: the first input is the person's picture")
        picture = load_image(inputs[0])
        progress(0.05, "looking for the person")
        people, index = self.among(picture, points, options.person)
        own = people[index].points
        box = framing.person_box(own, self.aspect)
        progress(0.3, "cutting out")
        notes: tuple[str, ...] = ()
        if options.painter == "layers":
            try:
                return self.prepare_layers(picture, people, index, inputs[1:], options)
            except NothingFoundError as error:
                notes = (f"{error}. The network paints instead.",)
        fine, hole = self.framed(picture, box, options)
        source = (F.interpolate(fine, self.size_hw, mode="area") * 2 - 1).clamp(-1, 1)
        framed = framing.into_frame(own, box, self.size_hw)
        progress(0.5, "reading the poses")
        path = [framed, *(self.target_pose(item, framed, box, options) for item in inputs[1:])]
        progress(0.7, "encoding")
        tables = self.encode(source)
        key = content_key(picture, own, np.stack(path), dataclasses.astuple(options), self.weights_label)
        figures = {"keypoints": float(pose.present(own).sum()), "poses": float(len(path) - 1)}
        progress(1.0, "ready")
        return PosePrepared(
            key, figures, source, fine, framed, np.stack(path), box, picture, hole, tables, options, None, (), notes)  # fmt: skip

    def framed(self, picture: Image.Image, box: Box, options: PoseOptions) -> tuple[Tensor, np.ndarray | None]:
        """The frame (1, 3, h, w) in [0, 1] at the result's size, and the share of people cut out in it (H, W)."""
        size = (round(options.height_px * self.aspect), options.height_px)
        if options.cut_out and self.grey is not None:
            return cut_out(picture, box, size, self.grey)
        return to_tensor(crop_box(picture, box, size)), None

    def among(self, picture: Image.Image, points: np.ndarray | None, person: int) -> tuple[list[Body], int]:
        """Everybody in the picture and the index of the chosen one, whose keypoints (18, 2) may be given."""
        if points is not None:
            return with_person(pose.checked(points), lambda: self.people(picture))
        people = self.people(picture)
        chosen(people, person)
        return people, person - 1

    def prepare_layers(
        self, picture: Image.Image, people: list[Body], index: int, targets: Sequence[Any], options: PoseOptions
    ) -> PosePrepared:
        """A person that is moved layer by layer in its own photo; poses are those of the way, in the network's frame."""
        own = people[index].points
        box = framing.person_box(own, self.aspect)
        puppet = make_puppet(picture, people, index)
        framed = framing.into_frame(own, box, self.size_hw)
        aims = [pose.checked(x) if np.shape(x) == (18, 2) else puppet.target(self.wanted(x)) for x in targets]
        way = [framed, *(framing.into_frame(aim, box, self.size_hw) for aim in aims)]
        key = content_key(picture, own, np.stack(way), dataclasses.astuple(options), "layers")
        figures = {"keypoints": float(pose.present(own).sum()), "poses": float(len(way) - 1)}
        size = (round(options.height_px * self.aspect), options.height_px)
        fine = to_tensor(crop_box(picture, box, size))
        return PosePrepared(
            key, figures, fine * 2 - 1, fine, framed, np.stack(way), box, picture, puppet.alpha, (), options, puppet, puppet.limbs_of(aims),
            (ANSWERED, *(item for item in sentences(puppet.skeleton, len(people), index + 1, puppet.moving) if "stay" in item),
             *reasons(puppet, targets)),
        )  # fmt: skip

    def wanted(self, item: Any) -> np.ndarray | str:
        """A pose to aim at: a name of the library as it is, or the keypoints (18, 2) of the body in a picture."""
        if isinstance(item, str) and not item.lower().endswith((".jpg", ".jpeg", ".png", ".webp")):
            return item
        return self.find(load_image(item), 1, "the target picture")

    @torch.inference_mode()
    def encode(self, source: Tensor) -> tuple[SourceTables, ...]:
        """What the network keeps of a source (1, 3, H, W) in [-1, 1] for all poses, on the CPU."""
        with self.policy.autocast():
            encoded = self.generator.encode(source.to(self.device))
        return tuple(SourceTables(*(item.detach().cpu().clone() for item in table)) for table in encoded)

    def target_pose(self, item: Any, framed: np.ndarray, box: Box, options: PoseOptions) -> np.ndarray:
        """A target pose in the network's frame."""
        if isinstance(item, str) and not item.lower().endswith((".jpg", ".jpeg", ".png", ".webp")):
            return self.placed(library_pose(item), framed, FRAME_HW, options)
        if isinstance(item, np.ndarray) and item.shape == (18, 2):
            return framing.into_frame(pose.checked(item), box, self.size_hw)
        other = load_image(item)
        found = self.find(other, 1, "the target picture")
        frame = framing.person_box(found, self.aspect)
        return self.placed(framing.into_frame(found, frame, self.size_hw), framed, self.size_hw, options)

    def placed(
        self, points: np.ndarray, framed: np.ndarray, frame_hw: tuple[int, int], options: PoseOptions
    ) -> np.ndarray:
        """Another body's pose of a frame of `frame_hw` in the network's frame, scaled to the person if so wished."""
        points = pose.scaled(points, self.size_hw, frame_hw)
        if not options.fit_body:
            return points
        points = framing.fitted(points, framed)
        # Of an upper body the legs may leave the frame, as they do in its picture.
        whole = pose.present(framed)[list(framing.ANKLES)].any()
        return framing.contained(points, self.size_hw) if whole else points

    def poses_at(self, prepared: PosePrepared, t: Sequence[float]) -> list[np.ndarray]:
        """The poses at positions t of the way, 0 = the person's own, 1 = the last target."""
        steps = len(prepared.path) - 1
        if steps == 0:
            return [prepared.path[0]] * len(t)
        found = []
        for position in t:
            along = min(max(position, 0.0), 1.0) * steps
            index = min(int(along), steps - 1)
            found.append(framing.between(prepared.path[index], prepared.path[index + 1], along - index))
        return found

    def poses_of_clip(self, prepared: PosePrepared, bodies: np.ndarray) -> np.ndarray:
        """Poses in the network's frame, (T, 18, 2), of another body's keypoints in a clip, (T, 18, 2) in its pixels."""
        if prepared.puppet is None:
            return framing.following(bodies, prepared.points, prepared.options.fit_body, self.size_hw, self.aspect)
        found = [framing.into_frame(item, prepared.box, self.size_hw) for item in prepared.puppet.follow(bodies)]
        return np.stack(found)

    def render(self, prepared: PosePrepared, t: Sequence[float], **controls: Any) -> Tensor:
        """Pictures at positions t, (T, 3, H, W) in [0, 1].

        Args:
            prepared: from `prepare`.
            t: positions along the way.
            **controls: `poses`, a list of (18, 2) in the network's frame, in place of the way.
        """
        poses = controls.get("poses") or self.poses_at(prepared, t)
        if prepared.puppet is not None:
            limbs = prepared.puppet.moving if "poses" in controls else prepared.limbs
            return torch.cat([to_tensor(self.moved(prepared, prepared.puppet, item, limbs)) for item in poses])
        return self.finish(prepared, self.paint(prepared, poses))

    def moved(
        self, prepared: PosePrepared, puppet: Puppet, points: np.ndarray, limbs: Sequence[str] | None = None
    ) -> Image.Image:
        """The person's own pixels with its joints (18, 2) at places of the network's frame, limbs apart as on the way."""
        limbs = prepared.limbs if limbs is None else limbs
        places = framing.out_of_frame(points, prepared.box, self.size_hw)
        if prepared.options.background == "picture":
            return Image.fromarray(puppet.show(places, None, limbs))
        grey = round(255 * (self.grey or STUDIO_GREY))
        studio = Image.fromarray(puppet.show(places, np.full_like(puppet.picture, grey), limbs))
        return crop_box(studio, prepared.box, (prepared.fine.shape[3], prepared.fine.shape[2]))

    @torch.inference_mode()
    def paint(self, prepared: PosePrepared, poses: Sequence[np.ndarray]) -> Painted:
        """The network's own pictures of poses (18, 2) in its frame, with flows, masks and attention, on the CPU."""
        points = torch.from_numpy(np.stack(poses)).float()
        own = torch.from_numpy(prepared.points)[None].float()
        structures = [item.to(self.device) for item in self.generator.structures(own, points, self.size_hw)]
        tables = [SourceTables(*(item.to(self.device) for item in table)) for table in prepared.tables]
        with self.policy.autocast():
            return self.generator.paint(tables, prepared.source.to(self.device), *structures).cpu()

    def finish(self, prepared: PosePrepared, painted: Painted) -> Tensor:
        """Painted pictures at the result's size, before grey or back in the picture."""
        alphas: Tensor | None = None
        if isinstance(painted, LayeredPainting) and self.grey is not None:
            large, alphas = compose(painted, prepared.fine, self.grey)
        else:
            size = prepared.fine.shape[2:]
            large = F.interpolate((painted.image + 1) / 2, size, mode="bicubic", align_corners=False).clamp(0, 1)
        picture = prepared.picture
        if prepared.options.background == "studio" or picture is None:
            return large
        background = picture if prepared.hole is None else without_person(picture, prepared.hole)
        laid = [
            lay_back(background, frame, prepared.box, None if alphas is None else alphas[item], self.grey or 0.0)
            for item, frame in enumerate(large)
        ]
        return torch.cat([to_tensor(item) for item in laid])

    def explained(self, prepared: PosePrepared, target: np.ndarray) -> Image.Image:
        """How a pose (18, 2) of the network's frame came about: the person's layers, or what the network moved."""
        if prepared.puppet is not None:
            return layers_sheet(prepared.puppet)
        return self.explain(prepared, self.paint(prepared, [target]), target)

    def explain(self, prepared: PosePrepared, painted: Painted, target: np.ndarray, item: int = 0) -> Image.Image:
        """A sheet of titled pictures: person and target with their skeletons, the blend of layers or the result, and flow, mask and attention.

        The scales run from coarse to fine, one line each.
        """
        height, width = prepared.fine.shape[2:]
        size, frame = (height, width), self.size_hw
        person = to_pil(prepared.fine)[0]
        own = pose.draw(pose.scaled(prepared.points, size, frame), size, radius_px=4, under=person)
        wanted = pose.draw(pose.scaled(target, size, frame), size, radius_px=4)
        tiles = [("person", to_tensor(own)[0]), ("target pose", to_tensor(wanted)[0])]
        if isinstance(painted, LayeredPainting):
            tiles.append(("limbs by colour, painted white", layers_picture(painted, item, size)))
        else:
            tiles.append(("result", F.interpolate((painted.image[item : item + 1] + 1) / 2, size, mode="bilinear")[0]))
        tiles += flow_tiles(painted, item, size)
        return titled_sheet([(title, to_pil(tile.clamp(0, 1))[0]) for title, tile in tiles])

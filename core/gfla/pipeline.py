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
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from core.detect.body import detect_bodies
from core.detect.segment import person_mask
from core.errors import InputError
from core.gfla import framing, pose
from core.gfla.attention import SourceTables
from core.gfla.data import batch_heatmaps
from core.gfla.ground import cut_out
from core.gfla.head import BELOW, NECK, best_head, surroundings, whole_head
from core.gfla.layers import LAYERS, LimbLayers, fetch_layers, limb_layers
from core.gfla.library import FRAME_HW, library_pose
from core.gfla.limbs import limb_prior
from core.gfla.network import Painted, PoseGenerator
from core.gfla.operators import fetch_along
from core.gfla.options import PoseOptions
from core.image import Box, crop_box, load_image, resize, to_tensor
from core.options import check
from core.pipeline import GeneratorPipeline, Prepared, content_key
from core.progress import Progress, silent

# Layers are chosen more strictly at the result's size than the network was taught: half shares are ghosts there. On
# held-out people 2 makes heads more like their own for 0.004 of SSIM.
SEAM_SHARPNESS = 4.0


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


class PosePipeline(GeneratorPipeline[PosePrepared]):
    """Pose transfer by a `PoseGenerator`."""

    name: ClassVar[str] = "gfla"
    Options: ClassVar[type] = PoseOptions
    Network: ClassVar[type] = PoseGenerator
    record: ClassVar[str] = "gfla-people"
    # Not `prepare`: MediaPipe, which it needs, does not survive the fork of ZeroGPU's worker.
    gpu_methods: ClassVar[tuple[str, ...]] = ("encode", "paint")
    batch_size: ClassVar[int] = 8

    generator: PoseGenerator

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
            NothingFoundError: nobody, or fewer people than asked for.
        """
        return framing.choose_person(detect_bodies(picture, name), person, name).points

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
        own = pose.checked(points if points is not None else self.find(picture, options.person))
        box = framing.person_box(own, self.aspect)
        progress(0.3, "cutting out")
        height, width = self.size_hw
        fine_size = (round(options.height_px * self.aspect), options.height_px)
        fine, hole = self._framed(picture, box, fine_size, options.cut_out)
        source = (F.interpolate(fine, (height, width), mode="area") * 2 - 1).clamp(-1, 1)
        framed = framing.into_frame(own, box, self.size_hw)
        progress(0.5, "reading the poses")
        path = [framed, *(self.target_pose(item, framed, box, options) for item in inputs[1:])]
        progress(0.7, "encoding")
        tables = self.encode(source)
        key = content_key(picture, own, np.stack(path), dataclasses.astuple(options), self.weights_label)
        figures = {"keypoints": float(pose.present(own).sum()), "poses": float(len(path) - 1)}
        progress(1.0, "ready")
        return PosePrepared(
            key, figures, source, fine, framed, np.stack(path), box, picture, hole, tables, options
        )  # fmt: skip

    @torch.inference_mode()
    def encode(self, source: Tensor) -> tuple[SourceTables, ...]:
        """What the network keeps of a source (1, 3, H, W) in [-1, 1] for all poses, on the CPU."""
        with self.policy.autocast():
            encoded = self.generator.encode(source.to(self.policy.device))
        return tuple(SourceTables(*(item.detach().cpu().clone() for item in table)) for table in encoded)

    def _framed(
        self, picture: Image.Image, box: Box, size: tuple[int, int], cut_out: bool
    ) -> tuple[Tensor, np.ndarray | None]:
        """The frame at `size` (width, height) in [0, 1], and the person's share of every pixel of the picture."""
        frame = to_tensor(crop_box(picture, box, size))
        grey = self.generator.config.studio_grey
        if not cut_out or grey is None:
            return frame, None
        mask = person_mask(picture)[0, 0].numpy()
        share = Image.fromarray((mask * 255).astype(np.uint8)).convert("RGB")
        alpha = to_tensor(crop_box(share, box, size))[:, :1]
        # The detector's rim is soft and wide; the network was trained on sharp cut-outs.
        alpha = ((alpha - 0.4) / 0.3).clamp(0, 1)
        return frame * alpha + grey * (1 - alpha), mask

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

    def render(self, prepared: PosePrepared, t: Sequence[float], **controls: Any) -> Tensor:
        """Pictures at positions t, (T, 3, H, W) in [0, 1].

        Args:
            prepared: from `prepare`.
            t: positions along the way.
            **controls: `poses`, a list of (18, 2) in the network's frame, in place of the way.
        """
        poses = controls.get("poses") or self.poses_at(prepared, t)
        return self.finish(prepared, self.paint(prepared, poses))

    @torch.inference_mode()
    def paint(self, prepared: PosePrepared, poses: Sequence[np.ndarray]) -> Painted:
        """The network's own pictures of poses (18, 2) in its frame, with flows, masks and attention, on the CPU."""
        device = self.policy.device
        points = torch.from_numpy(np.stack(poses)).float()
        own = torch.from_numpy(prepared.points)[None].float()
        config = self.generator.config
        target = batch_heatmaps(points, self.size_hw, config.heatmap_sigma_px)
        source_pose = batch_heatmaps(own, self.size_hw, config.heatmap_sigma_px)
        prior = None
        if config.flow_prior:
            prior = limb_prior(own.expand_as(points), points, self.size_hw).to(device)
        layers = self.layers_of(prepared, points).to(device) if config.limb_layers else None
        tables = [SourceTables(*(item.to(device) for item in table)) for table in prepared.tables]
        with self.policy.autocast():
            painted = self.generator.paint(
                tables, prepared.source.to(device), source_pose.to(device), target.to(device), prior, layers
            )
        flows, masks, attention = (
            [item.float().cpu() for item in part] for part in (painted.flows, painted.masks, painted.attention)
        )
        own_paint, copied, layered, ground = (
            None if item is None else item.float().cpu()
            for item in (painted.painted, painted.copied, painted.layered, painted.ground)
        )
        places = None if layers is None else layers.places.cpu()
        image = painted.image.float().cpu()
        return Painted(image, flows, masks, attention, own_paint, copied, layered, places, None, ground, points)

    def layers_of(self, prepared: PosePrepared, points: Tensor) -> LimbLayers:
        """The limb layers from the person's own skeleton to skeletons (B, 18, 2) in the network's frame."""
        own = torch.from_numpy(prepared.points)[None].float()
        return limb_layers(own.expand_as(points), points, self.size_hw)

    def finish(self, prepared: PosePrepared, painted: Painted) -> Tensor:
        """Painted pictures at the result's size, before grey or back in the picture.

        What the network copies from the source is copied at the result's size: that is where fine texture comes from.
        """
        size = tuple(prepared.fine.shape[2:])
        made = painted.image if painted.painted is None else painted.painted
        large = F.interpolate((made + 1) / 2, size, mode="bicubic", align_corners=False).clamp(0, 1)
        persons: list[Tensor | None] = [None] * len(large)
        if painted.copied is not None:
            moving = prepared.fine
            if painted.ground is not None:
                cut = cut_out(prepared.fine * 2 - 1, self.generator.config.studio_grey)
                moving = torch.cat([(cut[:, :3] + 1) / 2, cut[:, 3:]], 1)
            both = [self._copied(prepared, moving, painted, item, large[item]) for item in range(len(large))]
            large, persons = torch.stack([made for made, _ in both]), [person for _, person in both]
        if prepared.options.background == "studio" or prepared.picture is None:
            return large
        laid = [self._back(prepared, prepared.picture, *item) for item in zip(large, persons, strict=True)]
        return torch.cat([to_tensor(item) for item in laid])

    def _copied(
        self, prepared: PosePrepared, moving: Tensor, painted: Painted, item: int, large: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """One enlarged painting (3, h, w) with its copied shares taken from the source at that size.

        `moving` is the source (1, 3, h, w), or (1, 4, h, w) with the person's share where ground is a choice; then the
        result's person's share (h, w) comes back too.
        """
        size, one = (large.shape[1], large.shape[2]), slice(item, item + 1)
        shares = painted.shares
        if shares is None:
            return large, None
        # Logarithms are enlarged, not shares: that keeps the seams of layers as sharp as the picture.
        logits = F.interpolate(shares[one].clamp_min(1e-4).log(), size, mode="bilinear", align_corners=False)
        logits = SEAM_SHARPNESS * logits[0]
        share = logits.softmax(0)
        if painted.ground is not None:
            # The outline first: among many pieces of the person none need be likelier than the ground.
            person = (1 - painted.ground[one]).clamp(1e-4, 1 - 1e-4).logit()
            person = F.interpolate(person, size, mode="bilinear", align_corners=False)[0]
            person = (SEAM_SHARPNESS * person).sigmoid()
            share = torch.cat([logits[:-1].softmax(0) * person, 1 - person])
            share = self._with_head(prepared, moving, painted, item, share)
        moving = moving[:, :3]
        made = large * share[0] + fetch_along(moving, painted.flows[-1][one])[0] * share[1]
        if painted.places is not None:
            # Layer by layer: all at once would hold the picture dozens of times.
            for index in range(painted.places.shape[1]):
                if share[2 + index].max() > 1e-3:
                    places = painted.places[one, index : index + 1]
                    made = made + fetch_layers(moving, places, size)[0, 0] * share[2 + index]
        if painted.ground is None:
            return made.clamp(0, 1), None
        return (made + self.generator.config.studio_grey * share[-1]).clamp(0, 1), 1 - share[-1]

    def _with_head(self, prepared: PosePrepared, moving: Tensor, painted: Painted, item: int, share: Tensor) -> Tensor:
        """The shares (2 + K + 1, h, w) of one item with the head laid whole, where both skeletons have one."""
        if painted.points is None or painted.places is None:
            return share
        places, size = painted.places[item : item + 1], (share.shape[1], share.shape[2])
        own = torch.from_numpy(prepared.points).float()
        layer = best_head(places, own, painted.points[item], self.size_hw)
        if layer is None:
            return share
        lean = LAYERS[layer].lean
        # Of the source no more than its head: with a turned layer its shoulders would come along.
        own_head = surroundings(own, self.size_hw, size, lean, BELOW + NECK)
        outlines = torch.cat([moving[:, 3:], moving[:, 3:] * own_head], 1)
        person, head = fetch_layers(outlines, places[:, layer : layer + 1], size)[0, 0]
        # A copy that leans leaves the upright head's neck beside it: that goes too.
        ways = (False, True) if lean else (False,)
        place = torch.stack([surroundings(painted.points[item], self.size_hw, size, way) for way in ways]).amax(0)
        return whole_head(share, layer, person, head, place)

    def _back(self, prepared: PosePrepared, picture: Image.Image, frame: Tensor, person: Tensor | None) -> Image.Image:
        """One frame laid back into the picture, where the person stood, by its share (h, w) where that is known."""
        box = prepared.box
        grey = self.generator.config.studio_grey
        array = frame.permute(1, 2, 0).numpy()
        cut = np.ones(array.shape[:2], np.float32)
        if grey is not None:
            cut = framing.matte(array, grey) if person is None else person.numpy()
            array = framing.unmixed(array, cut, grey)
        ground = picture if prepared.hole is None else framing.without_person(picture, prepared.hole)
        size = (max(1, round(box.width)), max(1, round(box.height)))
        patch = resize(Image.fromarray((array * 255 + 0.5).astype(np.uint8)), size)
        alpha = Image.fromarray((cut * 255).astype(np.uint8)).resize(size, Image.Resampling.BILINEAR)
        whole = ground.copy()
        whole.paste(patch, (round(box.left), round(box.top)), alpha)
        return whole

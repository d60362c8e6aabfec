"""The ripple pipeline: cut the face out, invert it once, turn it as often as wanted, clean, paste it back.

pipe = RipplePipeline.from_record("ripple-preview")
prepared = pipe.prepare("anna.jpg")
result = pipe.edit(prepared, degree=2.0)        # result.plain, result.mask, result.clean, result.whole
pipe.render(prepared, [0.0, 0.5, 1.0])          # whole pictures from degree_from to degree_to
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from core.detect.align import Aligned, align_face
from core.detect.faces import detect_faces
from core.devices import Policy, policy
from core.errors import InputError, NothingFoundError, OptionError
from core.image import load_image, resize, to_tensor
from core.options import check
from core.pipeline import Prepared, TransitionPipeline, content_key
from core.progress import Progress, part_of, silent
from core.ripple.data import DEG_PER_DEGREE
from core.ripple.inpaint import Inpainter
from core.ripple.inversion import Edited, Inversion, Inverter, resized, to_input, to_uint8
from core.ripple.masks import background, feathered, grown, ripple_mask
from core.ripple.options import RippleOptions
from core.ripple.parse import Parser
from core.ripple.parts import choose_inpainter, choose_parser
from core.ripple.surface import Course, HeadSurface

DETAIL_PX = 512
UNCHANGED_LEVELS = 3  # of 255: less is rounding
PARSE_PX = 256
CPU = torch.device("cpu")
Kept = TypeVar("Kept", Inversion, Edited)


@dataclass(frozen=True)
class RipplePrepared(Prepared):
    """An inverted face.

    Attributes:
        whole: the photograph.
        aligned: the face in it; None where the picture itself is the face.
        inversion: codes and distortion map.
        start: (1, 3, P, P) the inversion's picture without an edit, in [-1, 1].
        missing: (1, 3, P, P) photograph minus `start`, carried along with the head; None where the weights cannot.
        background: (256, 256, 3) uint8, 255 = background of the inversion.
        silhouette: (256, 256) bool, where surface or pre-aligner see the person before the edit; None without either.
        side: P, the side of results in pixels.
        surface: the head as measured; None where a network says where it goes, or nothing does.
        options: what it was prepared with.
    """

    whole: Image.Image
    aligned: Aligned | None
    inversion: Inversion
    start: Tensor
    missing: Tensor | None
    background: np.ndarray | None
    silhouette: np.ndarray | None
    side: int
    surface: HeadSurface | None
    options: RippleOptions


@dataclass(frozen=True)
class RippleResult:
    """One edit.

    Attributes:
        plain: the inversion's edit with its details, ripple and all.
        mask: white = ripple (black where nothing was cleaned).
        clean: the same face with the ripple repainted.
        whole: the photograph with the clean face in it.
        codes: (1, N, D) the edited codes.
        figures: measured facts.
        before: background of the inversion, 256 px, white = background; None where nothing was cleaned.
        after: the same of the edit.
    """

    plain: Image.Image
    mask: Image.Image
    clean: Image.Image
    whole: Image.Image
    codes: Tensor
    figures: dict[str, float]
    before: Image.Image | None = None
    after: Image.Image | None = None


class RipplePipeline(TransitionPipeline[RipplePrepared]):
    """Pose, age and other edits of portraits without a ripple where the head used to be.

    Args:
        inverter: HFGI's networks and directions.
    """

    name: ClassVar[str] = "ripple"
    Options: ClassVar[type] = RippleOptions
    # Not `prepare`: MediaPipe, which it needs, does not survive the fork of ZeroGPU's worker.
    gpu_methods: ClassVar[tuple[str, ...]] = ("invert", "edited")
    batch_size: ClassVar[int] = 1

    def __init__(self, inverter: Inverter) -> None:
        self.inverter = inverter
        names = ("encoder", "generator", "aligner", "residual")
        super().__init__(**{name: getattr(inverter, name) for name in names})

    @classmethod
    def from_record(
        cls, name: str = "ripple-preview", path: str | None = None, device: str = "auto", precision: str = "float32"
    ) -> RipplePipeline:
        """The pipeline on a record's weights: "ripple-preview" (shipped) or "ripple-hfgi" (converted)."""
        from core.weights import resolve

        found = resolve(name, path)
        pipe = cls(Inverter.load(found.folder)).use(policy(device, precision))
        pipe.weights_label = found.label
        return pipe

    def use(self, chosen: Policy) -> RipplePipeline:
        """Place the networks where `chosen` says; returns the pipeline."""
        self.inverter.move(chosen.device)
        return super().use(chosen)

    @property
    def edits(self) -> list[str]:
        """What these weights can change."""
        return self.inverter.directions.names()

    @torch.no_grad()
    def prepare(
        self,
        *inputs: Any,
        options: RippleOptions | None = None,
        progress: Progress = silent,
        aligned: Aligned | None = None,
    ) -> RipplePrepared:
        """Find, cut out, invert and parse one face.

        Args:
            *inputs: one picture, or anything that `core.image.load_image` reads.
            options: how to cut and parse.
            progress: called as the work goes on.
            aligned: a face cut by hand in place of detection.

        Raises:
            InputError: not one picture, or an edit that these weights do not know.
            NothingFoundError: no face, or no person for the mask.
        """
        chosen = check(options or RippleOptions())
        if len(inputs) != 1 or inputs[0] is None:
            raise InputError(f"{sum(item is not None for item in inputs)} pictures came, one portrait is needed")
        whole = load_image(inputs[0])
        side = chosen.output_px or max(self.inverter.generator.config.size, DETAIL_PX if self.carries_detail else 0)
        progress(0.05, "finding the face")
        if aligned is None and chosen.align:
            aligned = cut_face(whole, chosen.face, side)
        crop = aligned.picture if aligned else whole
        progress(0.2, "inverting")
        surface = self.surface_of(crop) if self.carries_detail and chosen.turn == "surface" else None
        inversion, base = self.invert(to_input(crop, self.inverter.size), surface.course(0.0) if surface else None)
        start, missing = enlarged(base.image, side).cpu(), None
        seen = start
        if self.carries_detail:
            missing = to_tensor(resize(crop, (side, side))) * 2 - 1 - start
            seen = start + chosen.detail * missing
        progress(0.6, "parsing the inversion")
        scene = self.find_background(to_picture(seen), chosen, part_of(progress, 0.6, 1.0)) if chosen.clean else None
        figures = {"inversion_psnr_db": psnr(resized(base.image, self.inverter.size), inversion)}
        key = content_key(whole, chosen, self.weights_label, inversion.codes)
        return RipplePrepared(
            key, figures, whole, aligned, inversion, start, missing, scene, silhouette(base), side, surface, chosen
        )

    @property
    def part_device(self) -> torch.device:
        """Where parser and inpainter compute."""
        return CPU if self.gpu_is_lent else self.policy.device

    @torch.no_grad()
    def invert(self, image: Tensor, course: Course | None = None) -> tuple[Inversion, Edited]:
        """A face (1, 3, S, S) in [-1, 1] as codes, and what comes back without an edit; both on the CPU."""
        inversion = self.inverter.invert(image.to(self.policy.device))
        return moved(inversion, CPU), moved(self.inverter.render(inversion, inversion.codes, None, course), CPU)

    @torch.no_grad()
    def edited(self, inversion: Inversion, name: str, degree: float, course: Course | None = None) -> Edited:
        """One edit of an inversion by the networks, on the CPU."""
        return moved(self.inverter.edit(moved(inversion, self.policy.device), name, degree, course), CPU)

    @staticmethod
    def surface_of(face: Image.Image) -> HeadSurface:
        """The head of an aligned face, measured.

        Raises:
            NothingFoundError: no face or no person.
        """
        try:
            return HeadSurface.of(face)
        except NothingFoundError as error:
            raise NothingFoundError(f"{error}; or set turn to 'network', which needs no landmarks") from error

    @property
    def carries_detail(self) -> bool:
        """Whether these weights move details along a flow."""
        return self.inverter.pre_aligner is not None

    @torch.no_grad()
    def edit(
        self,
        prepared: RipplePrepared,
        degree: float,
        edit: str | None = None,
        options: RippleOptions | None = None,
        progress: Progress = silent,
    ) -> RippleResult:
        """One edit of an inverted face; everything the degree does not touch is kept from `prepare`.

        Args:
            prepared: what `prepare` returned.
            degree: how much; see `core.ripple.edits.EDITS` for ranges.
            edit: which edit; that of the options otherwise.
            options: cleaning options that differ from those of `prepared`.
            progress: called as the work goes on.

        Raises:
            OptionError: an edit that these weights do not know.
        """
        chosen, name = check(options or prepared.options), edit or (options or prepared.options).edit
        progress(0.05, f"{name} {degree:+g}")
        edited = self.edited(prepared.inversion, name, degree, course_of(prepared, name, degree))
        plain = to_picture(self.detailed(prepared, edited, chosen.detail))
        mask = np.zeros(plain.size[::-1], np.uint8)
        clean, before, after = plain, prepared.background, None
        # a degree of 0 is the inversion, and an edit along a flow moves the head by pose alone: nothing was uncovered
        moves = name == "pose" or (name != "inversion" and not self.carries_detail)
        if chosen.clean and degree != 0 and moves:
            progress(0.4, "finding the ripple")
            if before is None:
                before = self.find_background(to_picture(self.detailed(prepared, None, chosen.detail)), chosen)
            after = self.edited_background(prepared, edited, plain, before, chosen, part_of(progress, 0.4, 0.7))
            mask = self.mask_of(before, after, degree if name == "pose" else 0.0, chosen, prepared.side)
            progress(0.7, "repainting")
            if mask.any():
                fill, _ = choose_inpainter(chosen.inpainter, self.part_device)
                hidden = self.person_of(before, after, chosen, prepared.side) if chosen.hide_person else None
                clean = repainted(plain, mask, fill, chosen, part_of(progress, 0.7, 1.0), hidden)
        whole = pasted(prepared, clean)
        figures = {"ripple_share": float((mask > 0).mean())}
        scenes = (before, after) if before is not None and after is not None else ()
        parsed = [Image.fromarray(scene) for scene in scenes]
        return RippleResult(plain, Image.fromarray(mask), clean, whole, edited.codes.cpu(), figures, *parsed)

    def detailed(self, prepared: RipplePrepared, edited: Edited | None, share: float) -> Tensor:
        """The edited face (1, 3, P, P), with the photograph's own detail moved along where that is possible."""
        if edited is None:
            edited = self.edited(prepared.inversion, "inversion", 0.0, course_of(prepared, "inversion", 0.0))
        image = enlarged(edited.image, prepared.side).cpu()
        if prepared.missing is None or share == 0:
            return image
        return self.inverter.carried(prepared.start, share * prepared.missing, image, edited).cpu()

    def find_background(self, picture: Image.Image, options: RippleOptions, progress: Progress = silent) -> np.ndarray:
        """(256, 256, 3) uint8, 255 = background, as the thesis draws it."""
        parse: Parser = choose_parser(options.parser, options.single_scale, self.part_device)[0]
        return background(parse(resize(picture, (PARSE_PX, PARSE_PX)), progress))

    def edited_background(
        self,
        prepared: RipplePrepared,
        edited: Edited,
        plain: Image.Image,
        before: np.ndarray,
        options: RippleOptions,
        progress: Progress = silent,
    ) -> np.ndarray:
        """The background of the edited picture: parsed, or where surface or pre-aligner expect it.

        A large ripple looks like a person to a parser; the turn itself knows where the head should end.
        Where that misses the rim of the parsed person, the rim shares the fate of the nearest part it knows.

        Raises:
            OptionError: a prediction was asked of weights without a pre-aligner.
        """
        after = silhouette(edited)
        if options.mask_from == "prediction" and after is None:
            raise OptionError("mask_from is 'prediction', these weights have no pre-aligner: use 'parsing'")
        if options.mask_from == "parsing" or after is None or prepared.silhouette is None:
            return self.find_background(plain, options, progress)
        if not prepared.silhouette.any():
            return self.find_background(plain, options, progress)
        nearest = distance_transform_edt(~prepared.silhouette, return_distances=False, return_indices=True)
        rim = (before[..., 0] == 0) & ~prepared.silhouette & after[tuple(nearest)]
        return background((after | rim).astype(np.uint8))

    @staticmethod
    def mask_of(before: np.ndarray, after: np.ndarray, degree: float, options: RippleOptions, side: int) -> np.ndarray:
        """The ripple at the result's size, (P, P) uint8, 255 = repaint."""
        mask = ripple_mask(before, after, options.mask_rule, options.mask_side, degree)
        return fitted(grown(mask, options.open_px, options.close_px, options.dilate_px), side)

    @staticmethod
    def person_of(before: np.ndarray, after: np.ndarray, options: RippleOptions, side: int) -> np.ndarray:
        """Where the person is or was, (P, P) uint8, 255 = keep from the inpainter's eyes."""
        person = 255 - np.minimum(before, after)[..., 0]
        return fitted(grown(person, dilate_px=max(2, options.dilate_px)), side)

    def render(self, prepared: RipplePrepared, t: Sequence[float], **controls: Any) -> Tensor:
        """Whole pictures (T, 3, H, W) in [0, 1] at positions t between `degree_from` and `degree_to`.

        Args:
            prepared: what `prepare` returned.
            t: positions.
            **controls: `degrees` (as many as t) in place of the options' range; `edit`; `options`.
        """
        options = controls.get("options") or prepared.options
        span = options.degree_to - options.degree_from
        degrees = controls.get("degrees") or [options.degree_from + span * position for position in t]
        results = [self.edit(prepared, degree, controls.get("edit"), options) for degree in degrees]
        return torch.cat([to_tensor(result.whole) for result in results])

    def parts_label(self, options: RippleOptions) -> str:
        """Which weights and stand-ins an edit with these options uses."""
        labels = [self.weights_label]
        if options.clean:
            labels += [choose_parser(options.parser, options.single_scale)[1], choose_inpainter(options.inpainter)[1]]
        return "; ".join(labels)


def course_of(prepared: RipplePrepared, edit: str, degree: float) -> Course | None:
    """Where the head goes, if its surface was measured."""
    if prepared.surface is None:
        return None
    return prepared.surface.course(degree * DEG_PER_DEGREE if edit == "pose" else 0.0)


def moved(kept: Kept, device: torch.device) -> Kept:
    """A dataclass of tensors on another device."""
    tensors = {field.name: getattr(kept, field.name) for field in fields(kept)}
    return replace(kept, **{name: item.to(device) for name, item in tensors.items() if hasattr(item, "to")})


def pasted(prepared: RipplePrepared, face: Image.Image) -> Image.Image:
    """The photograph with an edited face (P, P) in it; where the edit changed nothing, its own pixels stay.

    Cutting out and pasting back resamples twice, which would soften a background that nothing happened to.
    """
    if prepared.aligned is None:
        return face
    back = prepared.aligned.paste_back(prepared.whole, face)
    before = np.asarray(resize(prepared.aligned.picture, face.size), np.int16)
    changed = (np.abs(np.asarray(face, np.int16) - before).max(2) > UNCHANGED_LEVELS).astype(np.uint8) * 255
    wide = grown(changed, open_px=1, dilate_px=max(2, face.width // 64))
    soft = (feathered(wide, face.width / 64) * 255).round().astype(np.uint8)
    share = prepared.aligned.paste_back(Image.new("RGB", prepared.whole.size), Image.fromarray(soft).convert("RGB"))
    return Image.composite(back, prepared.whole, share.convert("L"))


def silhouette(edited: Edited) -> np.ndarray | None:
    """(256, 256) bool, where surface or pre-aligner expect the person; None without either."""
    if edited.person is None:
        return None
    person = F.interpolate(edited.person, (PARSE_PX, PARSE_PX), mode="bicubic", align_corners=False)
    return (person[0, 0] > 0).cpu().numpy()


def cut_face(whole: Image.Image, number: int, side: int) -> Aligned:
    """The FFHQ crop of one face, the largest being number 1."""
    faces = detect_faces(whole)
    if number > len(faces):
        raise InputError(f"face {number} was asked for, {len(faces)} found: use a number from 1 to {len(faces)}")
    return align_face(whole, faces[number - 1].points68(), side, transform_px=side)


def fitted(mask: np.ndarray, side: int) -> np.ndarray:
    """A mask at side x side, hard-edged."""
    return np.asarray(Image.fromarray(mask).resize((side, side), Image.Resampling.NEAREST))


def repainted(
    picture: Image.Image,
    mask: np.ndarray,
    fill: Inpainter,
    options: RippleOptions,
    progress: Progress = silent,
    hidden: np.ndarray | None = None,
) -> Image.Image:
    """The picture with its hole filled at a size that the inpainter likes, softly joined.

    Outside the hole and its rim nothing changes.

    Args:
        picture: RGB.
        mask: (H, W) uint8, 255 = hole.
        fill: who repaints.
        options: sizes and the rim.
        progress: called as the work goes on.
        hidden: (H, W) uint8, 255 = filled too, so that it cannot bleed into the hole, but not shown.
    """
    share = min(1.0, options.inpaint_px / max(picture.size))
    small = resize(picture, (max(1, round(picture.width * share)), max(1, round(picture.height * share))))
    unseen = mask if hidden is None else np.maximum(mask, hidden)
    unseen = np.asarray(Image.fromarray(unseen).resize(small.size, Image.Resampling.NEAREST))
    if hidden is not None and (unseen > 0).all():
        raise InputError(
            "the person fills the whole face crop, no background is left to repaint from: set hide_person off"
        )
    filled = resize(fill(small, unseen, progress), picture.size)
    soft = feathered(mask, options.feather_px * picture.width / PARSE_PX)
    return Image.composite(filled, picture, Image.fromarray((soft * 255).round().astype(np.uint8)))


def enlarged(image: Tensor, side: int) -> Tensor:
    """The generator's picture at the result's side: HFGI's resize downwards, bicubic upwards."""
    if image.shape[-1] >= side:
        return resized(image, side)
    return F.interpolate(image, (side, side), mode="bicubic", align_corners=False)


def to_picture(image: Tensor) -> Image.Image:
    """(1, 3, H, W) in [-1, 1] as a picture, truncated as published."""
    return Image.fromarray(to_uint8(image[0].float().cpu()))


def psnr(made: Tensor, inversion: Inversion) -> float:
    """How well the inversion meets its input, in dB."""
    error = (made.clamp(-1, 1) - inversion.first - inversion.distortion).square().mean() / 4
    return float(-10 * torch.log10(error + 1e-10))

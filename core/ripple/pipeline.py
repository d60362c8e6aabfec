"""The ripple pipeline: cut the face out, invert it once, turn it as often as wanted, clean, paste it back.

pipe = RipplePipeline.from_record("ripple-preview")
prepared = pipe.prepare("anna.jpg")
result = pipe.edit(prepared, degree=2.0)        # result.plain, result.mask, result.clean, result.whole
pipe.render(prepared, [0.0, 0.5, 1.0])          # whole pictures from degree_from to degree_to
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.detect.align import Aligned, align_face
from core.detect.faces import detect_faces
from core.devices import Policy, policy
from core.errors import InputError, NothingFoundError, OptionError
from core.image import load_image, resize, to_tensor
from core.options import check
from core.pipeline import TransitionPipeline, content_key
from core.progress import Progress, part_of, silent
from core.ripple.components import HFGI, OURS, choose_inpainter, choose_parser, load_networks
from core.ripple.methods.head_turn.geometry import DEG_PER_DEGREE
from core.ripple.methods.head_turn.painter import Painter, enlarged
from core.ripple.methods.head_turn.pre_aligner import PreAligner
from core.ripple.methods.head_turn.surface import HeadMotion, HeadSurface
from core.ripple.methods.head_turn.turn import HeadTurner, Turned, degrees_of, edit_photograph, fit_size
from core.ripple.methods.repainting.compositing import paste_face, repaint
from core.ripple.methods.repainting.masks import find_ripple, fit_mask, person_mask, predict_background, refine_mask
from core.ripple.options import MASK_PX, RippleOptions
from core.ripple.paper.directions import Directions, load_directions
from core.ripple.paper.e4e import Encoder
from core.ripple.paper.fusion import ResidualAligner, ResidualEncoder
from core.ripple.paper.inversion import Edited, Inversion, Inverter, resized, to_input, to_picture
from core.ripple.paper.masks import background
from core.ripple.paper.stylegan2 import Generator
from core.ripple.results import RipplePrepared, RippleResult
from core.weights import resolve

DETAIL_PX = 512  # side of results that carry the photograph's detail along, at least
CPU = torch.device("cpu")


class RipplePipeline(TransitionPipeline[RipplePrepared]):
    """Pose, age and other edits of portraits without a ripple where the head used to be.

    Args:
        encoder: of HFGI.
        generator: of HFGI.
        aligner: of HFGI.
        residual: of HFGI.
        directions: what can be edited.
        pre_aligner: ours; None as published.
        painter: ours; None as published. Needs a pre-aligner.
    """

    name: ClassVar[str] = "ripple"
    Options: ClassVar[type] = RippleOptions
    # Not `prepare`: MediaPipe, which it needs, does not survive the fork of ZeroGPU's worker.
    gpu_methods: ClassVar[tuple[str, ...]] = ("invert", "edited")
    batch_size: ClassVar[int] = 1
    _optional_components: ClassVar[list[str]] = ["pre_aligner", "painter"]

    def __init__(
        self,
        encoder: Encoder,
        generator: Generator,
        aligner: ResidualAligner,
        residual: ResidualEncoder,
        directions: Directions,
        pre_aligner: PreAligner | None = None,
        painter: Painter | None = None,
    ) -> None:
        super().__init__(
            encoder=encoder, generator=generator, aligner=aligner, residual=residual, directions=directions,
            pre_aligner=pre_aligner, painter=painter,
        )  # fmt: skip

    @classmethod
    def from_record(
        cls, name: str = "ripple-preview", path: str | None = None, device: str = "auto", precision: str = "float32"
    ) -> Self:
        """The pipeline on a record's weights: "ripple-preview" (shipped) or "ripple-hfgi" (converted)."""
        found = resolve(name, path)
        networks = load_networks(found.folder, HFGI, OURS)
        pipe = cls(**networks, directions=load_directions(found.folder)).use(policy(device, precision))
        pipe.weights_label = found.label
        return pipe

    def use(self, chosen: Policy) -> Self:
        """Place the networks where `chosen` says; the generator's five-dimensional weights have no channels_last."""
        return super().use(replace(chosen, channels_last=False))

    @property
    def hfgi(self) -> Inverter:
        """HFGI's networks, with ours where there are any."""
        published = (self.encoder, self.generator, self.aligner, self.residual)
        if self.pre_aligner is None:
            return Inverter(*published)
        return HeadTurner(*published, self.pre_aligner, self.painter)

    @property
    def edits(self) -> list[str]:
        """What these weights can change."""
        return self.directions.names()

    @property
    def carries_detail(self) -> bool:
        """Whether these weights move details along a flow."""
        return self.pre_aligner is not None

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
        side = chosen.output_px or max(self.generator.config.size, DETAIL_PX if self.carries_detail else 0)
        progress(0.05, "finding the face")
        if aligned is None and chosen.align:
            aligned = cut_face(whole, chosen.face, side)
        crop = aligned.picture if aligned else whole
        progress(0.2, "inverting")
        size = self.aligner.config.size
        surface = measure_surface(crop) if self.carries_detail and chosen.turn == "surface" else None
        inversion, base = self.invert(to_input(crop, size), surface.motion(0.0) if surface else None)
        start, missing = fit_size(base.image, side).cpu(), None
        seen = start
        if self.carries_detail:
            missing = to_tensor(resize(crop, (side, side))) * 2 - 1 - start
            seen = start + chosen.detail * missing
        progress(0.6, "parsing the inversion")
        scene = self.find_background(to_picture(seen), chosen, part_of(progress, 0.6, 1.0)) if chosen.clean else None
        figures = {"inversion_psnr_db": inversion.psnr(resized(base.image, size))}
        key = content_key(whole, chosen, self.weights_label, inversion.codes)
        return RipplePrepared(
            key, figures, whole, aligned, inversion, start, missing, scene, silhouette(base), side, surface, chosen
        )

    @property
    def part_device(self) -> torch.device:
        """Where parser and inpainter compute."""
        return CPU if self.gpu_is_lent else self.device

    @torch.no_grad()
    def invert(self, image: Tensor, motion: HeadMotion | None = None) -> tuple[Inversion, Edited]:
        """A face (1, 3, S, S) in [-1, 1] as codes, and what comes back without an edit; both on the CPU."""
        inversion = self.hfgi.invert(image.to(self.device))
        return inversion.to(CPU), self.run(inversion, "inversion", 0.0, motion).to(CPU)

    @torch.no_grad()
    def edited(self, inversion: Inversion, name: str, degree: float, motion: HeadMotion | None = None) -> Edited:
        """One edit of an inversion by the networks, on the CPU."""
        return self.run(inversion.to(self.device), name, degree, motion).to(CPU)

    def run(self, inversion: Inversion, name: str, degree: float, motion: HeadMotion | None) -> Edited:
        """One edit of an inversion on the networks' device, along a flow where these weights know one."""
        hfgi, codes = self.hfgi, self.directions(inversion.codes, name, degree)
        if isinstance(hfgi, HeadTurner):
            return hfgi.turn(inversion, codes, degrees_of(name, degree).to(codes), motion)
        return hfgi.edit(inversion, codes)

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
            degree: how much; see `core.ripple.options.EDITS` for ranges.
            edit: which edit; that of the options otherwise.
            options: cleaning options that differ from those of `prepared`.
            progress: called as the work goes on.

        Raises:
            OptionError: an edit that these weights do not know.
        """
        chosen, name = check(options or prepared.options), edit or (options or prepared.options).edit
        progress(0.05, f"{name} {degree:+g}")
        edited = self.edited(prepared.inversion, name, degree, motion_of(prepared, name, degree))
        plain = to_picture(self.add_detail(prepared, edited, chosen.detail))
        mask, clean, scenes = np.zeros(plain.size[::-1], np.uint8), plain, []
        # a degree of 0 is the inversion, and an edit along a flow moves the head by pose alone: nothing was uncovered
        moves = name == "pose" or (name != "inversion" and not self.carries_detail)
        if chosen.clean and degree != 0 and moves:
            progress(0.4, "finding the ripple")
            before = self.background_before(prepared, chosen)
            after = self.background_after(prepared, edited, plain, before, chosen, part_of(progress, 0.4, 0.7))
            mask = find_ripple(before, after, chosen.mask_rule, chosen.mask_side, degree if name == "pose" else 0.0)
            mask = fit_mask(refine_mask(mask, chosen.open_px, chosen.close_px, chosen.dilate_px), prepared.side)
            scenes = [Image.fromarray(before), Image.fromarray(after)]
            progress(0.7, "repainting")
            if mask.any():
                fill, _ = choose_inpainter(chosen.inpainter, self.part_device)
                person = fit_mask(person_mask(before, after, chosen.dilate_px), prepared.side)
                clean = repaint(
                    plain, mask, fill, chosen, part_of(progress, 0.7, 1.0), person if chosen.hide_person else None
                )
        whole = paste_face(prepared.whole, prepared.aligned, clean)
        figures = {"ripple_share": float((mask > 0).mean())}
        return RippleResult(plain, Image.fromarray(mask), clean, whole, edited.codes, figures, *scenes)

    def add_detail(self, prepared: RipplePrepared, edited: Edited, share: float) -> Tensor:
        """The edited face (1, 3, P, P), with the photograph's own detail moved along where that is possible."""
        image = fit_size(edited.image, prepared.side)
        if prepared.missing is None or share == 0:
            return image
        return edit_photograph(prepared.start, share * prepared.missing, image, edited)

    def find_background(self, picture: Image.Image, options: RippleOptions, progress: Progress = silent) -> np.ndarray:
        """(256, 256, 3) uint8, 255 = background, as the thesis draws it."""
        parse, _ = choose_parser(options.parser, options.single_scale, self.part_device)
        return background(parse(resize(picture, (MASK_PX, MASK_PX)), progress))

    def background_before(self, prepared: RipplePrepared, options: RippleOptions) -> np.ndarray:
        """The background of the inversion, parsed now where `prepare` was told not to clean."""
        if prepared.background is not None:
            return prepared.background
        still = self.edited(prepared.inversion, "inversion", 0.0, motion_of(prepared, "inversion", 0.0))
        return self.find_background(to_picture(self.add_detail(prepared, still, options.detail)), options)

    def background_after(
        self,
        prepared: RipplePrepared,
        edited: Edited,
        plain: Image.Image,
        before: np.ndarray,
        options: RippleOptions,
        progress: Progress = silent,
    ) -> np.ndarray:
        """The background of the edited picture: parsed, or where surface or pre-aligner expect it.

        Raises:
            OptionError: a prediction was asked of weights without a pre-aligner.
        """
        person = silhouette(edited)
        if options.mask_from == "prediction" and person is None:
            raise OptionError("mask_from is 'prediction', these weights have no pre-aligner: use 'parsing'")
        known = prepared.silhouette
        if options.mask_from == "parsing" or person is None or known is None or not known.any():
            return self.find_background(plain, options, progress)
        return predict_background(before, known, person)

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


def motion_of(prepared: RipplePrepared, edit: str, degree: float) -> HeadMotion | None:
    """Where the head goes, if its surface was measured."""
    if prepared.surface is None:
        return None
    return prepared.surface.motion(degree * DEG_PER_DEGREE if edit == "pose" else 0.0)


def measure_surface(face: Image.Image) -> HeadSurface:
    """The head of an aligned face, measured.

    Raises:
        NothingFoundError: no face or no person.
    """
    try:
        return HeadSurface.of(face)
    except NothingFoundError as error:
        raise NothingFoundError(f"{error}; or set turn to 'network', which needs no landmarks") from error


def silhouette(edited: Edited) -> np.ndarray | None:
    """(256, 256) bool, where surface or pre-aligner expect the person; None without either."""
    return (enlarged(edited.person, MASK_PX)[0, 0] > 0).numpy() if isinstance(edited, Turned) else None


def cut_face(whole: Image.Image, number: int, side: int) -> Aligned:
    """The FFHQ crop of one face, the largest being number 1."""
    faces = detect_faces(whole)
    if number > len(faces):
        raise InputError(f"face {number} was asked for, {len(faces)} found: use a number from 1 to {len(faces)}")
    return align_face(whole, faces[number - 1].points68(), side, transform_px=side)

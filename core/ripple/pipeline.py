"""The ripple pipeline: cut the face out, invert it once, turn it as often as wanted, clean, paste it back.

pipe = RipplePipeline.from_record("ripple-preview")
prepared = pipe.prepare("anna.jpg")
result = pipe.edit(prepared, degree=20.0)       # result.plain, result.mask, result.clean, result.whole
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

from core.content import content_key
from core.detect.align import Aligned
from core.devices import Policy, policy
from core.errors import InputError, OptionError
from core.face_ageing.ageing import AgeingLayers, find_layers
from core.image import WHOLE_SIDE_PX, load_image, resize, to_tensor
from core.once import Recent
from core.options import check
from core.pipeline import TransitionPipeline
from core.progress import Progress, part_of, silent
from core.ripple.components import HFGI, OURS, choose_inpainter, choose_parser, find_background, load_networks
from core.ripple.methods.head_turn.geometry import DEG_PER_DEGREE
from core.ripple.methods.head_turn.painter import Painter
from core.ripple.methods.head_turn.pre_aligner import PreAligner
from core.ripple.methods.head_turn.surface import HeadMotion
from core.ripple.methods.head_turn.turn import (
    HeadTurner,
    degrees_of,
    edit_photograph,
    fit_size,
    silhouette,
    still_motion,
)
from core.ripple.methods.moved_head.answers import answer, limits_of
from core.ripple.methods.moved_head.editing import Change, amounts_of, bear, bear_beard, move_head, refuse_company
from core.ripple.methods.moved_head.frame import Head
from core.ripple.methods.moved_head.portrait import cut_out, find_portrait
from core.ripple.methods.moved_head.scene import HeadScene
from core.ripple.methods.repainting.cleaning import background_after, clean_face
from core.ripple.methods.repainting.compositing import paste_face
from core.ripple.options import EDITS, SHAPES, Edit, RippleOptions, held
from core.ripple.paper.directions import Directions, load_directions
from core.ripple.paper.e4e import Encoder
from core.ripple.paper.fusion import ResidualAligner, ResidualEncoder
from core.ripple.paper.inversion import Edited, Inversion, Inverter, resized, to_input, to_picture
from core.ripple.paper.stylegan2 import Generator
from core.ripple.results import RipplePrepared, RippleResult
from core.weights import resolve

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
    render_methods = ("generator.lower", "generator.upper", "aligner.forward", "residual.forward", "painter.paint")
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
        self.layers = Recent(2)

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
        """What can be changed: what these weights know, and what the measured surface of a head can do."""
        shapes = [name for name in SHAPES if name not in self.directions.names()] if self.carries_detail else []
        return [*self.directions.names(), *shapes]

    def by_surface(self, edit: str) -> bool:
        """Whether the measured surface answers an edit rather than the weights."""
        return self.carries_detail and edit in SHAPES and (edit == "pose" or edit not in self.directions.names())

    def facts_of(self, edit: str) -> Edit:
        """The range of an edit's degrees: of turn where the surface answers, of the published direction otherwise."""
        return SHAPES[edit] if self.by_surface(edit) else EDITS[edit]

    @property
    def carries_detail(self) -> bool:
        """Whether these weights move details along a flow."""
        return self.pre_aligner is not None

    @torch.no_grad()
    def prepare(
        self, *inputs: Any, options: RippleOptions | None = None, progress: Progress = silent,
        aligned: Aligned | None = None,
    ) -> RipplePrepared:  # fmt: skip
        """Find, cut out, invert and parse one face.

        Args:
            *inputs: one picture, or anything that `core.image.load_image` reads.
            options: how to cut and parse.
            progress: called as the work goes on.
            aligned: a face cut by hand in place of detection.

        Raises:
            InputError: not one picture, or a face that cannot be turned.
            OptionError: an edit that these weights do not know.
            WeightsError: a parser or inpainter that is not here.
            NothingFoundError: no face, or no person for the mask.
        """
        chosen = check(options or RippleOptions())
        if len(inputs) != 1 or inputs[0] is None:
            raise InputError(f"{sum(item is not None for item in inputs)} pictures came, one portrait is needed")
        self.refuse_missing(chosen)
        progress(0.05, "finding the face")
        moves = self.carries_detail and chosen.turn == "surface"
        portrait = find_portrait(load_image(inputs[0], max_side_px=WHOLE_SIDE_PX), chosen, aligned, moves)
        whole = portrait.whole
        side, aligned = cut_out(portrait, aligned, chosen, self.generator.config.size, keep_size=self.carries_detail)
        crop = aligned.picture if aligned else whole
        progress(0.1, "measuring the head")
        scene = HeadScene.of(np.asarray(whole), Head.of(portrait.known_face)) if moves else None
        progress(0.4, "inverting")
        size = self.aligner.config.size
        inversion, base = self.invert(to_input(crop, size), still_motion(crop) if scene else None)
        start, missing = fit_size(base.image, side).cpu(), None
        if self.carries_detail:
            missing = to_tensor(resize(crop, (side, side))) * 2 - 1 - start
        parsed = None
        if chosen.clean and (scene is None or chosen.mask_from == "parsing"):
            seen = start if missing is None else start + chosen.detail * missing
            parsed = find_background(to_picture(seen), chosen, self.part_device, part_of(progress, 0.6, 1.0))
        figures = {"inversion_psnr_db": inversion.psnr(resized(base.image, size))}
        key = content_key(whole, chosen, self.weights_label, inversion.codes)
        return RipplePrepared(
            key, figures, whole, aligned, inversion, start, missing, parsed, silhouette(base), side, scene,
            portrait.face, {"pose": portrait.turn, **portrait.held}, portrait.notes, chosen,
        )  # fmt: skip

    def refuse_missing(self, options: RippleOptions) -> None:
        """Refuse, before a face is inverted, an edit that these weights do not know and parts that are not here.

        Raises:
            OptionError: such an edit.
            WeightsError: such a parser or inpainter.
        """
        if options.edit not in self.edits:
            raise OptionError(f"{self.weights_label} know no edit {options.edit!r}; they know: {', '.join(self.edits)}")
        self.parts_label(options)

    @property
    def part_device(self) -> torch.device:
        """Where parser and inpainter compute."""
        return CPU if self.gpu_is_lent else self.device

    @torch.no_grad()
    def invert(self, image: Tensor, motion: HeadMotion | None = None) -> tuple[Inversion, Edited]:
        """A face (1, 3, S, S) in [-1, 1] as codes, and what comes back without an edit; both on the CPU."""
        with self.policy.autocast():
            inversion = self.hfgi.invert(image.to(self.device))
        return inversion.to(CPU), self.run(inversion, "inversion", 0.0, motion).to(CPU)

    @torch.no_grad()
    def edited(self, inversion: Inversion, name: str, degree: float, motion: HeadMotion | None = None) -> Edited:
        """One edit of an inversion by the networks, on the CPU."""
        return self.run(inversion.to(self.device), name, degree, motion).to(CPU)

    def run(self, inversion: Inversion, name: str, degree: float, motion: HeadMotion | None) -> Edited:
        """One edit of an inversion on the networks' device, along a flow where these weights know one."""
        if name == "pose" and self.carries_detail:
            degree /= DEG_PER_DEGREE
        hfgi, codes = self.hfgi, self.directions(inversion.codes, name, degree)
        with self.policy.autocast():
            if isinstance(hfgi, HeadTurner):
                return hfgi.turn(inversion, codes, degrees_of(name, degree).to(codes), motion)
            return hfgi.edit(inversion, codes)

    @torch.no_grad()
    def edit(
        self, prepared: RipplePrepared, degree: float, edit: str | None = None, options: RippleOptions | None = None,
        progress: Progress = silent,
    ) -> RippleResult:  # fmt: skip
        """One edit of an inverted face; everything the degree does not touch is kept from `prepare`.

        Args:
            prepared: what `prepare` returned.
            degree: how much; `facts_of` knows the range. A turn by the surface counts in degrees of turn.
            edit: which edit; that of the options otherwise.
            options: cleaning options that differ from those of `prepared`.
            progress: called as the work goes on.

        Raises:
            OptionError: an edit that these weights do not know.
        """
        chosen, name = check(options or prepared.options), edit or (options or prepared.options).edit
        progress(0.05, f"{name} {degree:+g}")
        amounts, scene = amounts_of(name, degree, chosen), prepared.scene
        if self.moves(prepared, name, chosen):
            return answer(prepared, amounts, *self.aged(prepared, amounts["age"]))
        refuse_company(name, amounts)
        edited = self.edited(prepared.inversion, name, degree, still_motion(prepared.crop) if scene else None)
        # The edit "inversion" shows what the weights make of a face, and not the photograph.
        plain = to_picture(self.add_detail(prepared, edited, 0.0 if name == "inversion" else chosen.detail))
        if scene is not None and self.by_surface(name):
            plain = answer(prepared, amounts, *self.aged(prepared, amounts["age"])).plain
        mask, clean = np.zeros(plain.size[::-1], np.uint8), plain
        scenes: tuple[Image.Image | None, Image.Image | None] = (None, None)
        # a degree of 0 is the inversion, and an edit along a flow moves the head by pose alone: nothing was uncovered
        moves = name == "pose" or (name != "inversion" and not self.carries_detail)
        if chosen.clean and degree != 0 and moves:
            before = prepared.background
            if before is None:
                before = find_background(self.seen_before(prepared, chosen), chosen, self.part_device)
            share, turn = part_of(progress, 0.4, 0.7), degree if name == "pose" else 0.0
            after = background_after(prepared, edited, plain, before, chosen, self.part_device, share)
            share = part_of(progress, 0.7, 1.0)
            mask, clean = clean_face(plain, before, after, turn, chosen, self.part_device, share)
            scenes = (Image.fromarray(before), Image.fromarray(after))
        whole = paste_face(prepared.whole, prepared.aligned, clean)
        figures = {"ripple_share": float((mask > 0).mean())}
        return RippleResult(plain, Image.fromarray(mask), clean, whole, edited.codes, figures, scenes[0], scenes[1])

    def moves(self, prepared: RipplePrepared, edit: str, options: RippleOptions) -> bool:
        """Whether an edit is made by the measured surface, alone or on a photograph that is aged."""
        parsed = edit == "pose" and options.mask_from == "parsing"
        return prepared.scene is not None and not parsed and (self.by_surface(edit) or edit == "age")

    def aged(self, prepared: RipplePrepared, degree: float) -> tuple[HeadScene, np.ndarray, Tensor]:
        """The surface, the photograph (H, W, 3) uint8 as `core/face_ageing` makes it older (degree > 0), the codes alike."""
        scene, photo, codes = prepared.known_scene, np.asarray(prepared.whole), prepared.inversion.codes
        if degree:
            layers: AgeingLayers = self.layers(prepared.key, lambda: find_layers(prepared.whole, prepared.face))
            photo = layers.paint(float(np.clip(degree / EDITS["age"].high, -1, 1)))
            codes = self.directions(codes, "age", degree)
        return scene, photo, codes

    def add_detail(self, prepared: RipplePrepared, edited: Edited, share: float) -> Tensor:
        """The edited face (1, 3, P, P), with the photograph's own detail moved along where that is possible."""
        image = fit_size(edited.image, prepared.side)
        if prepared.missing is None or share == 0:
            return image
        return edit_photograph(prepared.start, share * prepared.missing, image, edited)

    def seen_before(self, prepared: RipplePrepared, options: RippleOptions) -> Image.Image:
        """The face without an edit, for parsers: the inversion with its details."""
        motion = still_motion(prepared.crop) if prepared.scene else None
        still = self.edited(prepared.inversion, "inversion", 0.0, motion)
        return to_picture(self.add_detail(prepared, still, options.detail))

    def render(self, prepared: RipplePrepared, t: Sequence[float], **controls: Any) -> Tensor:
        """Whole pictures (T, 3, H, W) in [0, 1] at positions t between `degree_from` and `degree_to`.

        Args:
            prepared: what `prepare` returned.
            t: positions.
            **controls: `degrees` (as many as t) in place of the options' range; `edit`; `options`.
        """
        options, edit = controls.get("options") or prepared.options, controls.get("edit")
        low, high = self.span(prepared, options, edit or options.edit)
        degrees = controls.get("degrees") or [low + (high - low) * position for position in t]
        return torch.cat([to_tensor(self.picture(prepared, degree, edit, options)) for degree in degrees])

    def picture(self, prepared: RipplePrepared, degree: float, edit: str | None, options: RippleOptions) -> Image.Image:
        """The whole photograph at one degree; `edit` tells more about it."""
        name = edit or options.edit
        if not self.moves(prepared, name, options):
            return self.edit(prepared, degree, name, options).whole
        amounts = amounts_of(name, degree, options)
        scene, photo, _ = self.aged(prepared, amounts["age"])
        change, _ = bear_beard(scene, photo, Change.of(bear(amounts, prepared.bears)))
        return Image.fromarray(move_head(scene, photo, change))

    def span(self, prepared: RipplePrepared, options: RippleOptions, edit: str) -> tuple[float, float]:
        """From which to which degree a video goes: as the options say, as far as photograph and edit allow.

        Raises:
            OptionError: a degree beyond the edit's range.
        """
        facts = self.facts_of(edit)
        low, high = prepared.bears.get(edit, (facts.low, facts.high)) if prepared.scene else (facts.low, facts.high)
        first, last = options.degree_from, options.degree_to
        ends = (low if first is None else first, high if last is None else last)
        start, stop = (min(max(facts.checked(end), low), high) for end in ends)
        return start, stop

    def limits(self, prepared: RipplePrepared, options: RippleOptions) -> tuple[str, ...]:
        """What limits a film with these options; a sentence each."""
        ends = self.span(prepared, options, options.edit)
        said = held(options, *ends)
        for degree in ends if self.moves(prepared, options.edit, options) else ():
            amounts = amounts_of(options.edit, degree, options)
            said += limits_of(prepared, amounts, self.aged(prepared, amounts["age"])[1])
        return tuple(dict.fromkeys(said))

    def parts_label(self, options: RippleOptions) -> str:
        """Which weights and stand-ins an edit with these options uses."""
        labels = [self.weights_label]
        if options.clean:
            labels += [choose_parser(options.parser, options.single_scale)[1], choose_inpainter(options.inpainter)[1]]
        return "; ".join(labels)

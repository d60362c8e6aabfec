"""What a pose edit can be told, and the names that pipeline, command line and page share; importing it loads nothing heavy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import OptionError
from core.options import option

MASK_PX = 256  # side of the face that masks are found at, and that their radii are counted in
RULES = ("xor", "uncovered")
SIDES = ("auto", "left", "right", "both")
TURNS = ("surface", "network")
SILHOUETTES = ("auto", "parsing", "prediction")
PARSERS = ("auto", "graphonomy", "preview", "mediapipe")
INPAINTERS = ("auto", "lama", "patches", "opencv")
REMOVER_SIDE_PX = 8192  # photographs up to here come back from the remover at their own size
TRAINERS = ("autoencoder", "generator", "encoder", "fusion", "turn", "parser", "inpainter")


@dataclass(frozen=True)
class Edit:
    """One edit as the interface shows it: degrees from `low` to `high`, 0 = no change."""

    name: str
    low: float
    high: float
    start: float
    help: str

    def checked(self, degree: float | None) -> float:
        """A degree within the range; None is `start`.

        Raises:
            OptionError: a degree beyond it.
        """
        if degree is None:
            return self.start
        if not self.low <= degree <= self.high:
            raise OptionError(
                f"the degree {degree:g} of {self.name} does not lie between {self.low:g} and {self.high:g}"
            )
        return degree


EDITS = {
    edit.name: edit
    for edit in (
        Edit("inversion", 0, 0, 0, "no change: what the encoder and the residual path make of the picture"),
        Edit("pose", -3, 3, 3, "turn the head; 3 is furthest to the viewer's right"),
        Edit("age", -5, 5, 3, "older above 0, younger below"),
        Edit("smile", -5, 5, 1, "more smile above 0"),
        Edit("eyes", -1.5, 1.5, 1, "eyes wider; 1 is the published strength"),
        Edit("lip", -1.5, 1.5, 1, "redder lips; 1 is the published strength"),
        Edit("beard", -1.5, 1.5, 1, "beard; 1 is the published strength"),
    )
}
# What the measured surface of a head can do on any photograph, whatever the weights know.
SHAPES = {
    edit.name: edit
    for edit in (
        Edit("pose", -24, 24, 15, "degrees that the head turns; above 0 to the viewer's right"),
        Edit("nod", -15, 15, 8, "degrees that the head nods; above 0 down"),
        Edit("tilt", -20, 20, 10, "degrees that the head tilts; above 0 clockwise"),
        Edit("smile", -5, 5, 3, "more smile above 0, sad below"),
        Edit("mouth", 0, 5, 2.5, "how far the mouth opens"),
        Edit("eyes", -1.5, 1.5, 1, "wider above 0, closed at -1.5"),
        Edit("lip", -1.5, 1.5, 1, "fuller lips above 0, thinner below"),
        Edit("gaze", -1.5, 1.5, 1, "look aside; above 0 to the viewer's right"),
        Edit("beard", -1.5, 1.5, 1, "a beard above 0, shaven below"),
    )
}
NAMES = tuple({**EDITS, **SHAPES})


@dataclass(frozen=True)
class RemoverOptions:
    """How the object remover joins what it fills."""

    grow_px: int = option(3, "the mask grows by this radius (pixels of the photograph)", low=0, high=128)
    feather_px: int = option(4, "and fades into the photograph over this width", low=0, high=128)


@dataclass(frozen=True)
class RippleOptions:
    """Options of the ripple pipeline.

    The thesis' own chain is `output_px=256, mask_rule="xor",
    mask_side="auto", close_px=0, dilate_px=0, feather_px=0, parser="graphonomy",
    inpainter="lama", mask_from="parsing",
    hide_person=False`; the defaults clean better: both sides of what was uncovered, a little wider, softly joined.
    """

    edit: str = option("pose", "what to change", choices=NAMES, group="edit")
    degree_from: float | None = option(
        None,
        "degree at the start of a video; empty: as far as the photograph bears",
        low=-45,
        high=45,
        step=0.1,
        group="video",
    )
    degree_to: float | None = option(
        None,
        "degree at the end of a video; empty: as far as the photograph bears",
        low=-45,
        high=45,
        step=0.1,
        group="video",
    )
    align: bool = option(
        True, "find the face and paste the result back; off: the picture is an aligned face", group="input"
    )
    face: int = option(1, "which face, 1 is the largest", low=1, high=20, group="input")
    output_px: int = option(0, "side of the edited face; 0 takes the weights' own", low=0, high=2048, group="input")
    detail: float = option(1.0, "share of the photograph's own detail that is carried along (needs a pre-aligner)",
                           low=0, high=1, group="edit")  # fmt: skip
    turn: str = option(
        "surface",
        "how weights with a pre-aligner know where the head goes: its surface as measured on the photograph, or that network",
        choices=TURNS,
        group="edit",
    )
    clean: bool = option(True, "find the ripple and repaint it", group="mask")
    mask_from: str = option(
        "auto",
        "how the edited silhouette is found: parsing the edited picture, as in the thesis, or where the turn itself expects it",
        choices=SILHOUETTES,
        group="mask",
    )
    mask_rule: str = option("uncovered", "what counts as ripple: xor is the thesis' mask, uncovered only what the head left",
                            choices=RULES, group="mask")  # fmt: skip
    mask_side: str = option(
        "both",
        "which half of the mask is kept; auto: the side that the head left, as in the thesis",
        choices=SIDES,
        group="mask",
    )
    open_px: int = option(0, "specks up to this radius go (pixels of a 256 px face)", low=0, high=32, group="mask")
    close_px: int = option(2, "pinholes up to this radius close", low=0, high=32, group="mask")
    dilate_px: int = option(4, "the mask grows by this radius", low=0, high=64, group="mask")
    feather_px: float = option(3.0, "soft rim of the repainted part", low=0, high=64, step=0.5, group="mask")
    parser: str = option("auto", "who finds the person", choices=PARSERS, group="parts")
    single_scale: bool = option(False, "Graphonomy at one size instead of six: 12 times faster", group="parts")
    inpainter: str = option(
        "auto", "who repaints: auto, lama, patches, opencv, or diffusers:<hub id or folder>", group="parts"
    )
    hide_person: bool = option(
        True, "the inpainter sees background only, so that no hair or skin bleeds into the hole", group="parts"
    )
    inpaint_px: int = option(512, "longest side that the inpainter sees", low=64, high=2048, group="parts")
    also_pose: float = option(
        0.0, "beside the edit: degrees of turn to the viewer's right", low=-24, high=24, step=1, group="together"
    )
    also_nod: float = option(
        0.0, "beside the edit: degrees of nodding down", low=-15, high=15, step=1, group="together"
    )
    also_tilt: float = option(
        0.0, "beside the edit: degrees of tilting clockwise", low=-20, high=20, step=1, group="together"
    )
    also_age: float = option(0.0, "beside the edit: older", low=-5, high=5, step=0.1, group="together")
    also_smile: float = option(0.0, "beside the edit: more smile", low=-5, high=5, step=0.1, group="together")
    also_mouth: float = option(0.0, "beside the edit: an opened mouth", low=0, high=5, step=0.1, group="together")
    also_eyes: float = option(0.0, "beside the edit: wider eyes", low=-1.5, high=1.5, step=0.1, group="together")
    also_lip: float = option(0.0, "beside the edit: fuller lips", low=-1.5, high=1.5, step=0.1, group="together")
    also_gaze: float = option(
        0.0, "beside the edit: looking to the viewer's right", low=-1.5, high=1.5, step=0.1, group="together"
    )
    also_beard: float = option(0.0, "beside the edit: a beard", low=-1.5, high=1.5, step=0.1, group="together")


# Who answers `age` where the head's surface is measured.
AGEING = "age is drawn over the photograph by the Face ageing of the SDL tab, not by these weights"


def held(options: RippleOptions, low: float, high: float) -> tuple[str, ...]:
    """What to tell where a video was asked to go further than from `low` to `high`, the degrees that it goes; a sentence each."""
    asked = [end for end in (options.degree_from, options.degree_to) if end is not None]
    if all(end in (low, high) for end in asked):
        return ()
    return (f"the film goes from {low:g} to {high:g} degrees: this photograph bears no more",)


def answered_by(edit: str, by_surface: bool, notes: Sequence[str]) -> tuple[str, ...]:
    """Whether geometry or the weights make an edit, in words; nothing where the `notes` on it say so."""
    if edit == "age" and AGEING in notes:
        return ()
    who = "geometry answered (the head's measured surface)" if by_surface else "the weights answered"
    return (f"{edit}: {who}",)

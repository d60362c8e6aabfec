"""Names that the pipeline, the command line and the tab share; importing them loads nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass

RULES = ("xor", "uncovered")
SIDES = ("auto", "left", "right", "both")
TURNS = ("surface", "network")
SILHOUETTES = ("auto", "parsing", "prediction")
PARSERS = ("auto", "graphonomy", "preview", "mediapipe")
INPAINTERS = ("auto", "lama", "preview", "opencv")
TRAINERS = ("autoencoder", "generator", "encoder", "fusion", "turn", "parser", "inpainter")


@dataclass(frozen=True)
class Edit:
    """One edit as the interface shows it: degrees from `low` to `high`, 0 = no change."""

    name: str
    low: float
    high: float
    start: float
    help: str


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

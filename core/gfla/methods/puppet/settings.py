"""What tunes the puppet, in one place. Lengths are torso lengths (neck to hip) unless a name says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class PuppetSettings:
    """Settings of the method.

    Attributes:
        label_px: height of the person at which its pixels are given to limbs.
        colour_bins: of a limb's colour histogram, per channel; `colour_weight` of its log likelihood against the squared
            distance in radii.
        seed: within this share of a limb's radius its pixels tell its colour.
        inside_torso: cost of the torso within shoulders and hips, in squared radii: nearer than its root to an arm's axis,
            a pixel is the arm's.
        skirt: factor of the distance from the torso below the hips, where coats and skirts hang.
        longest_skirt: how far below the hips they reach.
        low_thigh: of a thigh only what is so near to the shin, in the shin's radii, tells its colour.
        label_radius, label_variance: window (share of the label picture's height) and edge variance of the filter that
            draws the limbs' costs to edges.
        hand, foot: how far an arm goes on beyond the wrist, a leg beyond the ankle, by the last limb's length.
        cell: side of the mesh's cells.
        armhole: how far inwards of the shoulder an arm's sheet is one with the body's.
        waist: part of the torso from the neck down that moves as one piece.
        held_upper, held_lower: part of a limb along which its bone carries the mesh; between, it bends.
        held_width: half width of what a bone carries, by 0.14 (arms) and 0.18 (legs).
        arm_rim: by which the body draws back from an arm, where its shadow is.
        behind_arm: diameter of the notches that arms leave in the outline of the body and that are closed.
        root: radius of the disc round a shoulder in which arm and body overlap.
        hand_reach: radius of the disc beyond a wrist in which skin is the hand's; `hand_apart` how far its colour may lie from
            the face's, in 8-bit Lab.
        most_turn_deg: how far the upper part of a limb turns in the body, and the lower on the upper, from the photo's own pose:
            what lies round a joint is drawn out no farther without showing it.
        joined_deg: up to this turn a limb bends with the body's mesh, which cannot tear; beyond it has a layer of its own.
        least_way: shorter ways are none, and longer ones shorter by it.
        stretch: least and largest length of a limb's part by that in the photo.
        hidden_share: with less of its axis in sight a limb stays in place.
        foreshortened: an arm shorter than this share of its usual length stays in place.
        crowded: so much of other people's bodies at the person's outline, in squared torso lengths, that it keeps its place.
        least_hand: share of skin in that disc from which on a hand is seen; an arm bent by more than
            `straight_deg` stays without one.
        hand_in_mask: share of the place beyond a wrist that must be the person's for the arm to follow.
        least_foot: share of the place below an ankle that must be the leg's for the leg to follow.
        chest: how near to the torso, in 0.16 of its length, an arm lies before it.
        alike: share of a forearm before the chest, and of its colours that the chest has too, from which on the two cannot be
            told apart and the arm stays where it is.
        most_lean_deg: the torso leans at most so far from where the photo has it; not at all where arms alone follow.
        margin: by which the hole grows, so that no rim of the person stays behind; twice at hands and feet that move.
        bystander: width of what is surely another person round its axes, by its longer side.
        same_person: keypoints set by hand are a detected person's up to this mean distance, by the body's longer side.
        fewest_points: with fewer known keypoints no body is told.
    """

    label_px: int = 420
    colour_bins: int = 12
    colour_weight: float = 0.4
    seed: float = 0.4
    inside_torso: float = 0.75
    skirt: float = 0.45
    longest_skirt: float = 1.0
    low_thigh: float = 2.5
    label_radius: float = 0.008
    label_variance: float = 1e-3
    hand: float = 0.6
    foot: float = 0.4
    cell: float = 0.07
    armhole: float = 0.03
    waist: float = 0.8
    held_upper: tuple[float, float] = (0.4, 0.85)
    held_lower: tuple[float, float] = (0.18, 1.0)
    held_width: float = 0.6
    arm_rim: float = 0.03
    behind_arm: float = 0.6
    root: float = 0.3
    hand_reach: float = 0.3
    hand_apart: float = 45.0
    most_turn_deg: Mapping[str, tuple[float, float]] = field(
        default_factory=lambda: {"arm": (80.0, 80.0), "leg": (18.0, 22.0)}
    )
    joined_deg: Mapping[str, float] = field(default_factory=lambda: {"arm": 14.0, "leg": 11.0})
    least_way: float = 0.01
    stretch: Mapping[str, tuple[float, float]] = field(default_factory=lambda: {"arm": (0.7, 1.25), "leg": (0.8, 1.1)})
    hidden_share: float = 0.4
    foreshortened: float = 0.6
    crowded: float = 0.03
    least_hand: float = 0.06
    straight_deg: float = 35.0
    hand_in_mask: float = 0.45
    least_foot: float = 0.3
    chest: float = 0.3
    alike: float = 0.5
    most_lean_deg: float = 20.0
    margin: float = 0.045
    bystander: float = 0.09
    same_person: float = 0.15
    fewest_points: int = 4


SETTINGS = PuppetSettings()

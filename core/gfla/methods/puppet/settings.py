"""What tunes the puppet, in one place. Lengths are torso lengths (neck to hip) unless a name says otherwise."""

from __future__ import annotations

from dataclasses import dataclass


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
        bend: half width of the zone in which a joint bends, by the limb's radius.
        root: radius of the disc round shoulder or hip that a limb shares with the body, by the limb's.
        most_stretch: a limb that the photo shows foreshortened is drawn out at most so far.
        least_share: shortest foreshortening that is followed; shorter limbs look broken in the plane.
        hidden_share: with less of a limb's axis in sight, the other side's limb stands in for it, mirrored.
        stand_in_share: share of its own axes in sight from which on a limb stands in.
        foreshortened: a limb shorter than this share of the other side's is shown by that one.
        chest: how near to the torso, in 0.16 of its length, an arm lies before it.
        alike: share of a forearm before the chest, and of its colours that the chest has too, from which on the two cannot be
            told apart and the arm stays where it is.
        most_lean_deg: the torso leans at most so far from where the photo has it where legs stay in place.
        margin_px: by which the hole grows at 1000 px of height, so that no rim of the person stays behind.
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
    bend: float = 0.8
    root: float = 0.8
    most_stretch: float = 1.7
    least_share: float = 0.45
    hidden_share: float = 0.4
    stand_in_share: float = 0.6
    foreshortened: float = 0.75
    chest: float = 0.3
    alike: float = 0.5
    most_lean_deg: float = 14.0
    margin_px: float = 6.0
    same_person: float = 0.15
    fewest_points: int = 4


SETTINGS = PuppetSettings()

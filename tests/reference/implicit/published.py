"""What the published code has and the suite does not use, in the form that the goldens compare."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from core.implicit.paper.coordinates import from_published, to_published
from core.implicit.paper.network import Siren, alike, scaled

# The mesh vertices of the published editor with its three repetitions: each lip line is written out with both corners.
OVAL_END, LIPS_OUTER_END, LIPS_INNER_UPPER_END, LIPS_END = 36, 56, 67, 76
# dlib's 68 points by part of the face; the published spelling of the names.
GROUPS_OF_68 = {
    "sillhouete": range(17),
    "left_eyebrow": range(22, 27),
    "right_eyebrow": range(17, 22),
    "nose": range(27, 31),
    "lower_nose": range(31, 36),
    "left_eye": range(42, 48),
    "right_eye": range(36, 42),
    "upper_lip_outer": range(48, 55),
    "lower_lip_outer": range(0),
    "upper_lip_inner": range(61, 64),
    "lower_lip_inner": range(65, 68),
}


def published_order(vertices: Sequence[int]) -> tuple[int, ...]:
    """Our list of mesh vertices with the three entries that the published one repeats."""
    whole = list(vertices)
    return (
        *(*whole[:LIPS_OUTER_END], 291, *whole[LIPS_OUTER_END:LIPS_INNER_UPPER_END], 78),
        *(*whole[LIPS_INNER_UPPER_END:LIPS_END], 308, *whole[LIPS_END:]),
    )


def folded_as_published(network: Siren) -> Siren:
    """Folded the published way: hidden layers by omega_0, which changes the function where omega_w differs."""
    factors = [network.config.omega_0] * (len(network.net) - 1) + [1.0]
    return scaled(network, factors, omega_0=1.0, omega_w=1.0)


def unfold_published(network: Siren, omega_0: float, omega_w: float) -> Siren:
    """The published folding taken back for frequencies that differ, such as the 40 and 30 of Poisson networks."""
    hidden = [omega_w / omega_0] * (len(network.net) - 2)
    return scaled(network, [1.0, *hidden, 1.0])


def lift_in_time(still: Siren, hidden_features: Sequence[int]) -> Siren:
    """A time-dependent network that starts as `still`: time does nothing, extra units pass on what they get."""
    lifted = alike(still, in_features=still.config.in_features + 1, hidden_features=list(hidden_features))
    with torch.no_grad():
        for index, (new, old) in enumerate(zip(lifted.linears(), still.linears(), strict=True)):
            height, width = old.weight.shape
            new.weight.zero_()
            if 0 < index < len(still.net) - 1:
                new.weight[height:, width:] = torch.eye(*new.weight[height:, width:].shape)
            new.weight[:height, :width] = old.weight
            new.bias.zero_()
            new.bias[:height] = old.bias
    return lifted


def to_editor(points: np.ndarray, size_px: tuple[int, int], right: bool = False) -> np.ndarray:
    """Published points (N, 2), (y, x), as screen pixels (x, y) of the left or the right picture of the editor."""
    return from_published(points, size_px) + (size_px[0] if right else 0, 0)


def from_editor(screen: np.ndarray, size_px: tuple[int, int], right: bool = False) -> np.ndarray:
    """Screen pixels (x, y) back to published points (y, x). Their own function leaves x first."""
    return to_published(np.asarray(screen) - (size_px[0] if right else 0, 0), size_px)

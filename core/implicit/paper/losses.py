"""The published loss of the warp network: landmarks, identity, inverse and thin plate.

Source: section 3.3 of Schardong et al. 2024, equations 4 to 9. Their code detaches the inner warp of every composed term,
which the paper does not say; it is needed to get their gradients and is done here where `detach` stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.implicit.paper.network import Siren

DEFAULT_TIMES = (0.25, 0.5, 0.75)
FACE_TIMES = (0.16, 0.32, 0.5, 0.66, 0.82)
END, MEETING, RETURN = 100.0, 50.0, 20.0


@dataclass(frozen=True)
class LossWeights:
    """Weight of each term; the fields carry the names of the published configuration."""

    data_constraint: float = 1e4
    identity_constraint: float = 1e3
    inv_constraint: float = 1e4
    TPS_constraint: float = 1e3


class WarpLoss:
    """All four weighted terms.

    Args:
        source: (K, 2) landmarks of the first picture, (y, x) in [-1, 1].
        target: (K, 2) their partners.
        times: intermediate times at which landmarks must meet; a quarter, a half and three quarters if empty.
        weights: of the terms; a term of weight 0 is not computed.
    """

    def __init__(
        self, source: Tensor, target: Tensor, times: Sequence[float] = FACE_TIMES, weights: LossWeights | None = None
    ) -> None:
        self.source, self.target = source, target
        self.times = tuple(times) or DEFAULT_TIMES
        self.weights = weights or LossWeights()

    def __call__(self, network: Siren, batch: Tensor) -> dict[str, Tensor]:
        """Weighted terms by name, scalars. `batch` is (rows, 3) from `WarpSamples`."""
        weights = self.weights
        zero = batch.new_zeros(())
        value, hessian = (network(batch), None)
        if weights.TPS_constraint:
            value, _, hessian = network.derivatives(batch)
        return {
            "data_constraint": weights.data_constraint * self.data(network) if weights.data_constraint else zero,
            "identity_constraint": weights.identity_constraint * identity(batch, value)
            if weights.identity_constraint
            else zero,
            "inv_constraint": weights.inv_constraint * inverse(network, batch, value)
            if weights.inv_constraint
            else zero,
            "TPS_constraint": weights.TPS_constraint * hessian.square().mean() if hessian is not None else zero,
        }

    def data(self, network: Siren) -> Tensor:
        """Landmarks arrive at both ends, meet in between, and come back from there."""
        source, target = self.source, self.target
        error = END * (target - warp(network, source, 1.0)).square()
        error = error + END * (source - warp(network, target, -1.0)).square()
        for t in self.times:
            forth, back = warp(network, source, t), warp(network, target, t - 1)
            error = error + MEETING * (forth - back).square()
            error = error + RETURN * (warp(network, forth.detach(), -t) - source).square()
            error = error + RETURN * (warp(network, back.detach(), 1 - t) - target).square()
        return error.mean()


def identity(batch: Tensor, value: Tensor) -> Tensor:
    """T(p, 0) = p. Rows at other times count as zero in the mean."""
    still = batch[:, 2:] == 0
    return ((value - batch[:, :2]) * still).square().mean()


def inverse(network: Siren, batch: Tensor, value: Tensor) -> Tensor:
    """T(T(p, t), -t) = p and T(T(p, t), 1 - t) = T(p, 1). Rows at t = 0 count as zero in the mean."""
    moving = batch[:, 2] != 0
    places, times, warped = batch[moving, :2], batch[moving, 2:], value[moving].detach()
    back = network(torch.cat((warped, -times), 1)) - places
    onward = network(torch.cat((warped, 1 - times), 1)) - warp(network, places, 1.0)
    return (back.square() + onward.square()).sum() / (2 * len(batch))


def warp(network: Siren, places: Tensor, t: float) -> Tensor:
    """T(p, t) for places (N, 2), (y, x)."""
    return network(torch.cat((places, places.new_full((len(places), 1), t)), 1))

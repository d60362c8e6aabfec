"""The sine network: warp T(y, x, t), image I(y, x) and Poisson blend, with exact first and second derivatives.

Convention of everything published: (y, x) in [-1, 1], rows first, pixel i of n at -1 + (2 i + 1) / n.
Source: Sitzmann et al. 2020 for the sine layers; section 3.2 of Schardong et al. 2024 for their use.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from core.construction import building
from core.errors import InputError, ShapeError


class Derivatives(NamedTuple):
    """A network's value (N, out) with its Jacobian (N, out, in) and Hessian (N, out, in, in), or None if not asked for."""

    value: Tensor
    jacobian: Tensor
    hessian: Tensor | None


class Sine(nn.Module):
    """sin(omega x)."""

    def __init__(self, omega: float) -> None:
        super().__init__()
        self.omega = omega

    def forward(self, x: Tensor) -> Tensor:
        """Any shape in and out."""
        return torch.sin(self.omega * x)


class Siren(ModelMixin, ConfigMixin):
    """A multilayer perceptron with sine activations and a linear last layer.

    Args:
        in_features: 2 for pictures (y, x), 3 for warps (y, x, t).
        out_features: 2 for warps (y, x), 3 for colours.
        hidden_features: width of every hidden layer.
        omega_0: frequency of the first layer's sine.
        omega_w: frequency of the other sines. Published files have both multiplied into the weights: then both are 1.
    """

    @register_to_config
    def __init__(
        self,
        in_features: int = 3,
        out_features: int = 2,
        hidden_features: Sequence[int] = (128, 128),
        omega_0: float = 24.0,
        omega_w: float = 24.0,
    ) -> None:
        super().__init__()
        if not hidden_features:
            raise InputError("a sine network needs at least one hidden layer")
        widths = (in_features, *hidden_features)
        layers = []
        for index, (fan_in, fan_out) in enumerate(zip(widths, widths[1:], strict=False)):
            layers.append(nn.Sequential(nn.Linear(fan_in, fan_out), Sine(omega_w if index else omega_0)))
        layers.append(nn.Sequential(nn.Linear(widths[-1], out_features)))
        self.net = nn.Sequential(*layers)
        self._init_weights()

    def linears(self) -> list[nn.Linear]:
        """The linear maps, first to last."""
        return [module for module in self.net.modules() if isinstance(module, nn.Linear)]

    def sines(self) -> list[Sine]:
        """The activations: one behind every linear map but the last."""
        return [module for module in self.net.modules() if isinstance(module, Sine)]

    def _init_weights(self) -> None:
        """Uniform in 1 / fan-in for the first layer, sqrt(6 / fan-in) / omega_w for the others; biases keep torch's."""
        for index, linear in enumerate(self.linears()):
            bound = math.sqrt(6 / linear.in_features) / self.config.omega_w if index else 1 / linear.in_features
            nn.init.uniform_(linear.weight, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        """Values (N, out) at places (N, in). The published forward detaches its input; here losses do that."""
        if x.shape[-1] != self.config.in_features:
            raise ShapeError(f"places have {x.shape[-1]} coordinates, this network takes {self.config.in_features}")
        return self.net(x)

    def derivatives(self, x: Tensor, order: int = 2) -> Derivatives:
        """Value and derivatives by the chain rule, layer by layer; differentiable in the weights and in `x`.

        Value, first and distinct second derivatives travel as rows of one matrix, so every layer is one product.

        Args:
            x: (N, in).
            order: 1 or 2, the highest derivative.
        """
        if order not in (1, 2):
            raise InputError(f"derivatives of order {order} were asked for, 1 and 2 are there")
        count, width = x.shape
        rows, columns = torch.triu_indices(width, width)
        value, first = x, torch.eye(width, dtype=x.dtype, device=x.device)[:, None].expand(width, count, width)
        second = x.new_zeros(len(rows) if order == 2 else 0, count, width)
        for linear, sine in zip_longest(self.linears(), self.sines()):
            stacked = torch.cat((value[None], first, second)) @ linear.weight.T
            value, first, second = stacked[0] + linear.bias, stacked[1 : width + 1], stacked[width + 1 :]
            if sine is not None:
                omega = sine.omega
                wave, slope = torch.sin(omega * value), omega * torch.cos(omega * value)
                if order == 2:
                    second = slope * second - omega**2 * wave * first[rows] * first[columns]
                value, first = wave, slope * first
        jacobian = first.permute(1, 2, 0)
        if order == 1:
            return Derivatives(value, jacobian, None)
        place = torch.zeros(width, width, dtype=torch.long)
        place[rows, columns] = place[columns, rows] = torch.arange(len(rows))
        hessian = second.permute(1, 2, 0)[..., place.to(x.device)]
        return Derivatives(value, jacobian, hessian)


def alike(network: Siren, **changes: Any) -> Siren:
    """A network with the configuration of another, but for `changes`; its weights are not filled yet."""
    names = ("in_features", "out_features", "hidden_features", "omega_0", "omega_w")
    with building():
        return Siren(**{**{name: network.config[name] for name in names}, **changes})


def scaled(network: Siren, factors: Sequence[float], **changes: Any) -> Siren:
    """A network whose layers' weights and biases are those of another times a factor per layer; see `alike`."""
    changed = alike(network, **changes)
    state = network.state_dict()
    changed.load_state_dict({key: value * factors[int(key.split(".")[1])] for key, value in state.items()})
    return changed


def folded(network: Siren, omega_0: float = 1.0, omega_w: float | None = None) -> Siren:
    """The same function with other frequencies; with 1 they are folded into the weights, as published files are.

    Args:
        network: left as it is.
        omega_0: frequency of the first sine afterwards.
        omega_w: of the others; `omega_0` by default.
    """
    omega_w = omega_0 if omega_w is None else omega_w
    hidden = [network.config.omega_w / omega_w] * (len(network.net) - 2)
    factors = [network.config.omega_0 / omega_0, *hidden, 1.0]
    return scaled(network, factors, omega_0=omega_0, omega_w=omega_w)

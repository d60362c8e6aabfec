"""Ranger, the optimiser that HFGI and e4e train with."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

BETAS, EPS = (0.95, 0.999), 1e-5  # decay of the two moments; added to the root of the second
SHORTEST_AVERAGE = 5.0  # below this length of the moving average, steps are not adapted
# the slow weights, which start at the first weights seen, follow by this share every so many steps
LOOKAHEAD_STEPS, LOOKAHEAD_SHARE = 6, 0.5


class Ranger(Optimizer):
    """RAdam with centralised gradients and lookahead.

    Source: Liu et al. 2020 (RAdam), algorithm 2; Yong et al. 2020 (gradient centralisation),
    equation 1; Zhang et al. 2019 (Lookahead), algorithm 1.
    """

    def __init__(self, params: Iterable[Tensor], lr: float = 1e-4) -> None:
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]  # torch splits it
        """One update of all parameters that have a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self.update(parameter, parameter.grad.float(), group["lr"])
        return loss

    def update(self, parameter: Tensor, gradient: Tensor, lr: float) -> None:
        """One parameter's step."""
        state: dict[str, Any] = self.state[parameter]
        if not state:
            state |= {"step": 0, "mean": torch.zeros_like(parameter), "square": torch.zeros_like(parameter)}
            state["slow"] = parameter.clone()
        state["step"] += 1
        if gradient.dim() > 1:
            gradient = gradient - gradient.mean(dim=tuple(range(1, gradient.dim())), keepdim=True)
        state["mean"].lerp_(gradient, 1 - BETAS[0])
        state["square"].mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
        rectified = rectification(state["step"], BETAS[1])
        rate = lr / (1 - BETAS[0] ** state["step"])
        if rectified is None:
            parameter.add_(state["mean"], alpha=-rate)
        else:
            parameter.addcdiv_(state["mean"], state["square"].sqrt() + EPS, value=-rate * rectified)
        if state["step"] % LOOKAHEAD_STEPS == 0:
            state["slow"].lerp_(parameter, LOOKAHEAD_SHARE)
            parameter.copy_(state["slow"])


def rectification(step: int, beta: float) -> float | None:
    """RAdam's variance rectification times the bias correction of the second moment; None while too short."""
    longest, decay = 2 / (1 - beta) - 1, beta**step
    length = longest - 2 * step * decay / (1 - decay)
    if length <= SHORTEST_AVERAGE:
        return None
    ratio = (length - 4) / (longest - 4) * (length - 2) / length * longest / (longest - 2)
    return math.sqrt((1 - decay) * ratio)

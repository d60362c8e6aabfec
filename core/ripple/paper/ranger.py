"""Ranger, the optimiser that HFGI and e4e train with."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


class Ranger(Optimizer):
    """RAdam with centralised gradients and lookahead.

    Args:
        params: what to train.
        lr: learning rate.
        betas: decay of the two moments.
        eps: added to the root of the second moment.
        sma_threshold: below this length of the moving average, steps are not adapted.
        lookahead_steps: the slow weights follow every so many steps.
        lookahead_share: by this share of the way; they start at the first weights seen.

    Source: Liu et al. 2020 (RAdam), algorithm 2; Yong et al. 2020 (gradient centralisation),
    equation 1; Zhang et al. 2019 (Lookahead), algorithm 1.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.95, 0.999),
        eps: float = 1e-5,
        sma_threshold: float = 5.0,
        lookahead_steps: int = 6,
        lookahead_share: float = 0.5,
    ) -> None:
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "sma_threshold": sma_threshold,
            "lookahead_steps": lookahead_steps, "lookahead_share": lookahead_share,
        }  # fmt: skip
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(  # type: ignore[override]  # torch's base splits this signature into overloads
        self, closure: Callable[[], float] | None = None
    ) -> float | None:
        """One update of all parameters that have a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self.update(parameter, parameter.grad.float(), group)
        return loss

    def update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        """One parameter's step."""
        state, (fast, slow) = self.state[parameter], group["betas"]
        if not state:
            state |= {"step": 0, "mean": torch.zeros_like(parameter), "square": torch.zeros_like(parameter)}
            state["slow"] = parameter.clone()
        state["step"] += 1
        if gradient.dim() > 1:
            gradient = gradient - gradient.mean(dim=tuple(range(1, gradient.dim())), keepdim=True)
        state["mean"].lerp_(gradient, 1 - fast)
        state["square"].mul_(slow).addcmul_(gradient, gradient, value=1 - slow)
        rectified = rectification(state["step"], slow, group["sma_threshold"])
        rate = group["lr"] / (1 - fast ** state["step"])
        if rectified is None:
            parameter.add_(state["mean"], alpha=-rate)
        else:
            parameter.addcdiv_(state["mean"], state["square"].sqrt() + group["eps"], value=-rate * rectified)
        if state["step"] % group["lookahead_steps"] == 0:
            state["slow"].lerp_(parameter, group["lookahead_share"])
            parameter.copy_(state["slow"])


def rectification(step: int, beta: float, threshold: float) -> float | None:
    """RAdam's variance rectification times the bias correction of the second moment; None while too short."""
    longest, decay = 2 / (1 - beta) - 1, beta**step
    length = longest - 2 * step * decay / (1 - decay)
    if length <= threshold:
        return None
    ratio = (length - 4) / (longest - 4) * (length - 2) / length * longest / (longest - 2)
    return math.sqrt((1 - decay) * ratio)

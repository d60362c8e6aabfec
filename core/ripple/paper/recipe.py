"""What the published training recipes share: weighted losses of one optimizer, and networks that only judge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.errors import InputError
from core.ripple.paper.losses import identity_loss
from core.training import Run


class LossRecipe:
    """A `core.training.Recipe` without a sample sheet: `python -m core ripple` on the exported run shows more."""

    def samples(self, networks: Mapping[str, nn.Module]) -> Tensor | None:
        """No sheet."""
        return None


def update_by(run: Run, optimizer: str, terms: Mapping[str, Tensor]) -> dict[str, float | Tensor]:
    """One step down the sum of weighted losses; what the curves show."""
    loss = torch.stack(list(terms.values())).sum()
    run.update(optimizer, loss)
    return {"loss": loss.detach(), **{name: value.detach() for name, value in terms.items()}}


def checked_judges(options: Any, judges: Mapping[str, nn.Module] | None) -> dict[str, Any]:
    """The judges "lpips" and "identity", frozen.

    Raises:
        InputError: one whose weight `lpips_lambda` or `id_lambda` is not 0 is missing.
    """
    given = dict(judges or {})
    weights = {"lpips": getattr(options, "lpips_lambda", 0), "identity": getattr(options, "id_lambda", 0)}
    missing = [name for name, weight in weights.items() if weight and name not in given]
    if missing:
        raise InputError(f"the losses {', '.join(missing)} need their networks: convert them, or set their weight to 0")
    return {name: judge.requires_grad_(False).eval() for name, judge in given.items()}


def perceptual_terms(options: Any, judges: Mapping[str, Any], made: Tensor, target: Tensor) -> dict[str, Tensor]:
    """Mean squared error, LPIPS and identity of pictures (B, 3, S, S) in [-1, 1], weighted; what has weight 0 is left out.

    Source: Richardson et al. 2021 (pSp), section 3.2; e4e and HFGI use the same.
    """
    terms: dict[str, Tensor] = {}
    if options.l2_lambda:
        terms["mse"] = options.l2_lambda * F.mse_loss(made, target)
    if options.lpips_lambda:
        terms["lpips"] = options.lpips_lambda * judges["lpips"](made, target).mean()
    if options.id_lambda:
        identity = judges["identity"]
        terms["identity"] = options.id_lambda * identity_loss(identity.of_aligned(made), identity.of_aligned(target))
    return terms

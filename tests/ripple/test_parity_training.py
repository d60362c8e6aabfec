"""HFGI's training pieces: identity, LPIPS, the perspective, Ranger."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.metrics.lpips import Lpips
from core.ripple.paper.convert import assemble
from core.ripple.paper.loss_networks import IdentityNet
from core.ripple.paper.losses import identity_loss
from core.ripple.paper.random_perspective import perspective, random_corners
from core.ripple.paper.ranger import Ranger
from tests.parity import fill, golden
from tests.ripple.cases import case, compare, filled, tensor


def pictures() -> tuple[torch.Tensor, torch.Tensor]:
    """Target and changed picture of the identity case."""
    inputs = case("training", "identity_loss")["inputs"]
    y = tensor(inputs["y"])
    return y, (y + 0.5 * tensor(inputs["y_hat"]["n"])).clamp(-1, 1)


@pytest.mark.slow
def test_identity_loss() -> None:
    network = assemble(IdentityNet(), filled("irse50"))
    y, y_hat = pictures()
    with torch.no_grad():
        features, changed = network.of_aligned(y), network.of_aligned(y_hat)
    got = {"features_of_y": features, "similarity": (features * changed).sum(1)}
    compare("training", "identity_loss", got | {"loss": identity_loss(changed, features)})


def test_lpips() -> None:
    network = assemble(Lpips(), filled("lpips_alex"))
    y, y_hat = pictures()
    with torch.no_grad():
        compare("training", "lpips_alex", {"loss": network(y_hat[..., ::2, ::2], y[..., ::2, ::2]).mean()})


def test_perspective() -> None:
    spec = case("training", "perspective")
    points = ([tuple(p) for p in spec["call"][name]] for name in ("startpoints", "endpoints"))
    compare("training", "perspective", {"y": perspective(tensor(spec["inputs"]["x"]), *points)})


def test_range_of_corners() -> None:
    rng = np.random.default_rng(0)
    draws = np.array([random_corners(256, 256, 0.15, rng) for _ in range(2000)])
    compare("training", "perspective_range", {"min_of_corners": draws.min(0), "max_of_corners": draws.max(0)})


def test_ranger() -> None:
    spec = case("training", "ranger")
    parameters = [torch.nn.Parameter(tensor(value)) for value in spec["inputs"]["params"]]
    call, trace = spec["call"], []
    optimizer = Ranger(parameters, lr=call["lr"])
    for step in range(call["steps"]):
        for index, parameter in enumerate(parameters):
            gradient = fill.fill_tensor(f"ripple-g{step}.{index}", list(parameter.shape), "normal")
            parameter.grad = torch.from_numpy(gradient).float()
        optimizer.step()
        trace.append(torch.cat([p.detach().flatten() for p in parameters]))
    compare("training", "ranger", {"params_after_each_step": torch.stack(trace)})


def test_ranger_resumes_exactly() -> None:
    first = torch.nn.Parameter(torch.arange(4.0))
    second = torch.nn.Parameter(torch.arange(4.0))
    one, other = Ranger([first], lr=0.1), Ranger([second], lr=0.1)
    for step in range(10):
        if step == 5:
            again = Ranger([second], lr=0.1)
            again.load_state_dict(other.state_dict())
            other = again
        first.grad = second.grad = torch.full((4,), float(step + 1))
        one.step()
        other.step()
    golden.assert_matches(second, first.detach(), "resumed", max_abs=0.0)

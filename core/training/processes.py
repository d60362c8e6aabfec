"""Processes that train one run together: the same start, the mean gradient, the same running statistics.

No wrapper stands around the networks, so a recipe may call any method of them, any number of times, differentiate
twice, or leave parameters out of a loss; DistributedDataParallel refuses each of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from torch import Tensor, nn


def average_gradients(parameters: Sequence[nn.Parameter], accelerator: Accelerator) -> None:
    """Give all processes the mean of their gradients; a parameter that no process's loss reached keeps none."""
    if accelerator.num_processes == 1:
        return
    learned = [p for p in parameters if p.requires_grad]
    reached = torch.tensor([float(p.grad is not None) for p in learned], device=accelerator.device)
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in learned]
    sizes = [gradient.numel() for gradient in gradients]
    # One message: as many as there are parameters would each wait for the slowest process.
    message = torch.cat([reached, *(gradient.flatten().float() for gradient in gradients)])
    mean = accelerator.reduce(message, reduction="mean")
    parts = mean[len(learned) :].split(sizes)
    for parameter, part, share in zip(learned, parts, mean[: len(learned)].tolist(), strict=True):
        parameter.grad = part.view_as(parameter).to(parameter.dtype) if share else None


def share_weights(networks: Iterable[nn.Module], accelerator: Accelerator) -> None:
    """Let every process begin with the first one's parameters and buffers."""
    _share([value for network in networks for value in network.state_dict().values()], accelerator)


def share_buffers(networks: Iterable[nn.Module], accelerator: Accelerator) -> None:
    """Let every process go on with the first one's running statistics, which are the ones that checkpoints keep."""
    _share([buffer for network in networks for buffer in network.buffers()], accelerator)


@torch.no_grad()
def _share(tensors: Sequence[Tensor], accelerator: Accelerator) -> None:
    if accelerator.num_processes == 1:
        return
    for kind in dict.fromkeys(tensor.dtype for tensor in tensors):
        alike = [tensor for tensor in tensors if tensor.dtype == kind and tensor.numel()]
        message = broadcast(torch.cat([tensor.flatten() for tensor in alike]))
        for tensor, part in zip(alike, message.split([tensor.numel() for tensor in alike]), strict=True):
            tensor.copy_(part.view_as(tensor))

"""Graphonomy: logits, graph nodes, multi-scale inference, and its training pieces."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from core.ripple.paper import parsing as parse
from core.ripple.paper.convert import GRAPHONOMY_UNUSED, assemble
from core.ripple.paper.graphonomy import Graphonomy, graph_constants
from core.ripple.paper.losses import parsing_loss, polynomial_rate
from core.ripple.paper.masks import background
from tests.parity import golden
from tests.ripple.cases import case, cases, compare, filled, picture, tensor


@pytest.fixture(scope="module")
def network() -> Iterator[Graphonomy]:
    yield assemble(Graphonomy(), filled("graphonomy"), GRAPHONOMY_UNUSED)


def array(key: str, name: str) -> np.ndarray:
    return golden.arrays("ripple", "graphonomy")[f"{key}.{name}"]


@pytest.mark.slow
@pytest.mark.parametrize("key", cases("graphonomy", "logits_"))
def test_logits_and_nodes(network: Graphonomy, key: str) -> None:
    nodes: dict[str, list[torch.Tensor]] = defaultdict(list)
    hooks = [
        module.register_forward_hook(lambda _, __, y, name=name: nodes[name].append(y))
        for name, module in network.named_children()
        if "graph" in name
    ]
    with torch.no_grad():
        logits = network(tensor(case("graphonomy", key)["inputs"]["x"]))
    for hook in hooks:
        hook.remove()
    compare("graphonomy", key, {"logits": logits})
    best = logits.topk(2, dim=1).values
    labels, sure = logits.argmax(1)[:, ::2, ::2], (best[:, 0] - best[:, 1])[:, ::2, ::2] > 1e-3
    assert (labels[sure] == torch.from_numpy(array(key, "labels").astype(np.int64))[sure]).all()
    wanted = [name for name in case("graphonomy", key)["outputs"] if name not in ("logits", "labels")]
    assert len(wanted) == 15
    relative = case("graphonomy", key)["tolerance"]["graph_rel"]
    for name in wanted:
        layer, _, index = name.rpartition("_")
        size = case("graphonomy", key)["outputs"][name]["max"]
        compare("graphonomy", key, {name: nodes[layer][int(index)]}, max_abs=relative * max(1.0, size))


@pytest.mark.slow
def test_many_sizes_and_mirror(network: Graphonomy) -> None:
    key = "multiscale_96x80"
    logits = parse.summed_logits(network, picture(case("graphonomy", key)["inputs"]["image"]))
    compare("graphonomy", key, {"summed_logits": logits})
    best = logits[0].topk(2, dim=0).values
    sure = (best[0] - best[1] > 1e-3).numpy()
    labels = logits.argmax(1)[0].numpy()
    assert (labels == array(key, "labels"))[sure].all()
    assert (background(labels)[..., 0] == array(key, "mask"))[sure].all()


@pytest.mark.parametrize("key", cases("graphonomy", "prep_"))
def test_preprocessing(key: str) -> None:
    spec = case("graphonomy", key)
    plain, flipped = parse.scaled_pair(picture(spec["inputs"]["image"]), spec["call"]["scale"])
    compare("graphonomy", key, {"plain": plain, "flipped": flipped})


def test_mirrored_channels() -> None:
    """The published function mirrors and exchanges left and right in one go."""
    x = tensor(case("graphonomy", "flip_channels")["inputs"]["x"])
    mirrored = parse.unmirrored_mean(torch.stack([torch.zeros_like(x), 2 * x]))[0]
    compare("graphonomy", "flip_channels", {"y": mirrored}, max_abs=0.0)


def test_constants() -> None:
    constants = graph_constants()
    compare(
        "graphonomy",
        "adjacency",
        {
            "cihp_20x20": constants["cihp_adjacency"],
            "pascal_7x7": constants["pascal_adjacency"],
            "transfer_20x7_raw": constants["transfer"],
            "transfer_20x7_softmax": torch.softmax(torch.relu(constants["transfer"]), dim=1),
        },
    )


def test_loss() -> None:
    logits = tensor(case("graphonomy", "cross_entropy")["inputs"]["logits"]).requires_grad_(True)
    loss = parsing_loss(logits, torch.from_numpy(array("cross_entropy", "target"))[:, 0])
    loss.backward()
    compare("graphonomy", "cross_entropy", {"loss": loss, "grad": logits.grad})


def test_rate() -> None:
    call = case("graphonomy", "lr_poly")["call"]
    rates = [polynomial_rate(call["base_lr"], n, call["max_iter"], call["power"]) for n in call["iters"]]
    compare("graphonomy", "lr_poly", {"lr": np.array(rates)})

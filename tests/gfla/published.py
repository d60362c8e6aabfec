"""Networks filled and loaded as a published checkpoint would be, and inputs as the goldens describe them."""

import json
import random
import zlib

import numpy as np
import torch

from core.gfla.paper.convert import NETWORKS, load_published
from core.gfla.paper.pose import heatmaps, scaled
from core.gfla.paper.views import view_code
from tests.parity import fill
from tests.parity.golden import PARITY, arrays

RECORDS = {
    "pose_fashion_G": "gfla-fashion", "pose_market_G": "gfla-market", "poseflow_G": "gfla-fashion-flow",
    "face_G": "gfla-face", "dance_G": "gfla-dance-iper", "keypoint_G": "gfla-motion",
    "shapenet_G": "gfla-chair", "shapenetflow_G": "gfla-view-flow", "fashion_D": "gfla-fashion-discriminator",
    "market_D": "gfla-market-discriminator", "face_D_V": "gfla-face-clip-discriminator",
    "dance_D_V": "gfla-dance-clip-discriminator",
}  # fmt: skip


def checkpoint(stem, salt, prefix=""):
    """The state dict as the published file holds it, both copies of the aliased tensors included."""
    manifest = PARITY / "gfla" / f"{stem}.manifest.json"
    state = fill.fill_state_dict(manifest, salt)
    for a, b in json.loads(manifest.read_text())["aliases"].items():
        state[a] = state[b]
    return {prefix + key: value for key, value in state.items()}


def network(case):
    stem = case["manifest"].removesuffix(".manifest.json")
    # Every other case as a multi-GPU run writes it.
    prefix = random.Random(zlib.crc32(case["name"].encode())).choice(["", "module."])
    return load_published(NETWORKS[RECORDS[stem]](), checkpoint(stem, case["salt"], prefix))


def tensor(spec, file):
    """An input as a golden describes it."""
    if "none" in spec:
        return None
    if "test_image" in spec:
        facts = spec["test_image"]
        image = fill.test_image(facts["name"], tuple(facts["size"]), facts["batch"], facts["channels"])
        return image.reshape(spec["reshape"]) if "reshape" in spec else image
    if "one_hot_view" in spec:
        return view_code(*spec["one_hot_view"])[None]
    if "pose_maps" in spec:
        maps = spec["pose_maps"]
        points = arrays("gfla", file)[maps["keypoints_yx"]]
        placed = scaled(points[:, ::-1], maps["size"], maps["old_size"])
        return heatmaps(torch.from_numpy(placed)[None], maps["size"]).float()
    return torch.from_numpy(np.asarray(arrays("gfla", file)[spec["array"]]))

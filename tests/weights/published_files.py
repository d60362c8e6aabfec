"""Every published record's file as its authors lay it out, on deterministic weights: bytes for the imitation server."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from typing import Any

import torch

from core.construction import building
from core.crossbreed.paper.biggan import BigGANDeep
from core.sdl.paper.convert import PUBLISHED
from core.weights import Record
from tests.parity.fill import fill_state_dict
from tests.parity.golden import PARITY

GFLA = {
    "gfla-fashion": "pose_fashion_G", "gfla-market": "pose_market_G", "gfla-face": "face_G", "gfla-motion": "keypoint_G",
    "gfla-dance-fashion": "dance_G", "gfla-dance-iper": "dance_G", "gfla-car": "shapenet_G", "gfla-chair": "shapenet_G",
}  # fmt: skip
RIPPLE = {"ripple-graphonomy": "graphonomy", "ripple-identity": "irse50"}


def filled(system: str, name: str, salt: str = "") -> dict[str, torch.Tensor]:
    manifest = PARITY / system / f"{name}.manifest.json"
    state = fill_state_dict(manifest, salt)
    for twin, kept in json.loads(manifest.read_text()).get("aliases", {}).items():
        state[twin] = state[kept]
    return state


def teacher(size: int) -> dict[str, torch.Tensor]:
    with building(0):
        return BigGANDeep(img_size=size, spectral_norm=True).state_dict()


def hfgi() -> dict[str, Any]:
    state = filled("ripple", "hfgi")
    return {"state_dict": {k: v for k, v in state.items() if k != "latent_avg"}, "latent_avg": state["latent_avg"]}


def generator_of_e4e() -> dict[str, Any]:
    state = {k.removeprefix("decoder."): v for k, v in filled("ripple", "hfgi").items() if k.startswith("decoder.")}
    return {"g_ema": state}


CONTENTS: dict[str, Callable[[], Any]] = {
    "crossbreed-dog": lambda: {
        "G": filled("crossbreed", "generator"), "D": filled("crossbreed", "discriminator"), "iter": 1, "epoch": 1,
    },
    **{f"biggan-deep-{size}": (lambda size=size: teacher(size)) for size in (128, 256, 512)},
    **{
        name: (lambda n=channels: {"params": filled("sdl", f"sdlnet_in{n}", "sdl/v1")})
        for name, (_, channels) in PUBLISHED.items()
    },
    **{name: (lambda stem=stem: filled("gfla", stem, "gfla-1")) for name, stem in GFLA.items()},
    "ripple-hfgi": hfgi, "ripple-e4e": hfgi, "ripple-stylegan2": generator_of_e4e,
    **{name: (lambda stem=stem: filled("ripple", stem)) for name, stem in RIPPLE.items()},
    "ripple-lama": lambda: {"state_dict": filled("ripple", "lama")},
}  # fmt: skip


def saved(content: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def zipped(name: str, data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, data)
    return file.getvalue()


def tarred(name: str, data: bytes, packing: str = "bz2") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=f"w:{packing}") as archive:
        facts = tarfile.TarInfo(name)
        facts.size = len(data)
        archive.addfile(facts, io.BytesIO(data))
    return file.getvalue()


def published_bytes(entry: Record) -> bytes:
    """The file behind a record's address: a checkpoint, packed where the authors pack it."""
    data = saved(CONTENTS[entry.name]())
    return zipped(entry.member, data) if entry.member else data

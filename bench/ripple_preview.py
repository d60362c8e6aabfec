"""Ripple: what the preview weights reach on held-out rendered heads (needs ../shared/data)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from bench import Row
from core.ripple.components import choose_inpainter, choose_parser
from core.ripple.data.head_pairs import HeadPairs, as_tensor, cut
from core.ripple.methods.head_turn.turn import edit_photograph
from core.ripple.methods.repainting.inpainters import HIDDEN
from core.ripple.methods.repainting.masks import refine_mask
from core.ripple.paper.train_lama import random_hole
from core.ripple.pipeline import RipplePipeline

DATA = Path(__file__).parents[2] / "shared" / "data"
IDENTITIES = 12
HOLES = 12


def psnr(error: torch.Tensor) -> float:
    """DB of a difference of pictures in [-1, 1]."""
    return float(-10 * torch.log10(error.square().mean() / 4 + 1e-10))


@torch.no_grad()
def rows() -> list[Row]:
    """Turned heads against the true frames, silhouettes, holes and labels."""
    if not (DATA / "heads.zip").is_file():
        return [Row("preview weights on held-out heads", "", "not measured: ../shared/data is absent")]
    pairs = HeadPairs(DATA, 128, "test", portrait_share=0.0)
    return [*turn_rows(pairs), *fill_rows(pairs), parse_row(pairs)]


def turn_rows(pairs: HeadPairs) -> list[Row]:
    """Frontal heads turned by 10 to 30 degrees, compared with the rendered truth inside its silhouette."""
    pipe = RipplePipeline.from_record("ripple-preview", device="cpu")
    made, still, overlaps = [], [], []
    for name in pairs.turns[:IDENTITIES]:
        frames = pairs.frames[name]
        front = frames[3]
        for target in (frames[1], frames[2], frames[4], frames[5], frames[6]):
            item = pairs.pair(front, target, front["square"])
            source, truth = item["source"][None], item["target"][None]
            inversion, base = pipe.invert(source)
            edited = pipe.edited(inversion, "pose", float(item["degrees"][0]))
            result = edit_photograph(base.image, source - base.image, edited.image, edited)
            person = item["target_mask"][None].bool().expand_as(truth)
            made.append((result - truth)[person])
            still.append((source - truth)[person])
            found, wanted = edited.person > 0, item["target_mask"][None] > 0
            overlaps.append(float((found & wanted).sum() / (found | wanted).sum()))
    before, after, overlap = psnr(torch.cat(still)), psnr(torch.cat(made)), float(np.mean(overlaps))
    return [
        Row("turned head against the true frame, person only", f"> {before:.1f} dB (not turning)", f"{after:.1f} dB", after > before),
        Row("predicted silhouette of the turned head, IoU", ">= 0.8", f"{overlap:.3f}", overlap >= 0.8),
    ]  # fmt: skip


def fill_rows(pairs: HeadPairs) -> list[Row]:
    """Holes in backgrounds, inside the hole only: the shared filler against OpenCV's fill."""
    rng, errors = np.random.default_rng(5), {"patches": [], "opencv": []}
    for name in pairs.turns[:HOLES]:
        frame = pairs.frames[name][3]
        picture = cut(frame["picture"], frame["square"], 128)
        person = cut((frame["mask"] > 0).astype(np.uint8), frame["square"], 128, smooth=False)
        hole = ((random_hole(128, rng) > 0) & (person == 0)).astype(np.uint8) * 255
        for method, kept in errors.items():
            # as the pipeline hides the person
            hidden = (refine_mask(person * 255, dilate_px=2) > 0) & (hole == 0)
            unseen = np.where(hidden, HIDDEN, hole).astype(np.uint8)
            filled = choose_inpainter(method)[0](Image.fromarray(picture), unseen, lambda *_: None)
            difference = as_tensor(np.asarray(filled)) - as_tensor(picture)
            kept.append(difference[:, torch.from_numpy(hole > 0)].flatten())
    ours, classical = (psnr(torch.cat(errors[name])) for name in ("patches", "opencv"))
    return [
        Row("filled background holes, shared filler against OpenCV", "", f"{ours:.1f} dB against {classical:.1f} dB")
    ]


def parse_row(pairs: HeadPairs) -> Row:
    """Person against background on held-out heads."""
    parse, overlaps = choose_parser("preview", single_scale=True)[0], []
    for name in pairs.turns[:IDENTITIES]:
        frame = pairs.frames[name][2]
        labels = parse(Image.fromarray(cut(frame["picture"], frame["square"], 256)), lambda *_: None)
        wanted = cut((frame["mask"] > 0).astype(np.uint8), frame["square"], 256, smooth=False) > 0
        overlaps.append(((labels > 0) & wanted).sum() / ((labels > 0) | wanted).sum())
    return Row("preview parser, person IoU", "", f"{np.mean(overlaps):.3f}")

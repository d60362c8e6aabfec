"""Crossbreed: what the shipped pet weights reach on 40 pairs of photos that no training saw (needs ../shared/data).

Photos: every third one without an annotated box (`core.crossbreed.data.tables.held_out`), heads found by the shipped detector, those
whose points are found surely, as the tab tells its users; 80 of them in a fixed random order make 40 pairs. All at 128 px.

Ends: SSIM of the frame at 0 (at 1) with the first (second) crop, once by the network alone and once with exact ends.
Sharpness: gradient energy (`core.metrics.sharpness`) of the frame in the middle by the mean of that of the two frames at the
ends, per pair; the mean over pairs. A double exposure or a blur has less energy than the pictures it is made of.
Separation: for each measure a vector m and the place p = <m - m_00, m_11 - m_00> / |m_11 - m_00|^2 of a frame between the frames
at (0, 0) and (1, 1) of (shape, appearance). Moving one slider from end to end while the other stands should move its own
measure by 1 and the other's by nothing; given is |the change of the other's p|, the mean over pairs and both resting places.
The measure of shape sees no colour: orientations of the luma's gradients in 8 x 8 cells, each normalised to length 1. The measure
of appearance sees no places: mean and standard deviation of the colours in the inner ellipse and in the rest.
Middle in place: eyes and nose that the point finder sees in the middle frame, against the mean of those of the two crops, in % of
the crop; where two animals lie over one another it finds one of them, or none.
"""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from bench import Row, sheet_path
from core.animals import HEAD_MARGIN
from core.animals.head_alignment.detector import candidate_heads, find_points
from core.animals.head_alignment.framing import cut_square, frame_picture
from core.crossbreed.data.pairs import as_bytes
from core.crossbreed.data.tables import held_out
from core.crossbreed.options import CrossbreedOptions
from core.crossbreed.pipeline import CrossbreedPipeline
from core.crossbreed.sheet import tile
from core.image import Box, load_image, to_pil
from core.metrics import LUMA, sharpness, ssim

DATA = Path(__file__).parents[2] / "shared" / "data"
PAIRS, SIZE_PX, SHOWN = 40, 128, 12
# Of the points, fractions of the crop: as at the first measurement, so that the pairs stay the same.
SURE_STD = 0.13
CELLS, ORIENTATIONS = 8, 8
LINE = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass
class Head:
    """A held-out photo and the square around the head in it; `crop` (1, 3, S, S) in [0, 1], `points` (9, 2) in fractions of it."""

    name: str
    picture: object
    box: Box
    crop: Tensor
    points: Tensor


@dataclass
class Morph:
    """Frames (5, 3, S, S) of one pair and the four corners (4, 3, S, S): (0,0), (1,0), (0,1), (1,1) of (shape, appearance)."""

    line: Tensor
    corners: Tensor


def read_held_out() -> list[Head]:
    """The photos that are measured, in the order of the pairs."""
    table = list(csv.DictReader((DATA / "pets.csv").read_text().splitlines()))
    heads = []
    with zipfile.ZipFile(DATA / "pets.zip") as archive:
        for name in sorted(held_out(table)):
            picture = load_image(Image.open(io.BytesIO(archive.read(name))))
            found = candidate_heads(picture)
            if not found:
                continue
            head = frame_picture(picture, None, found[0].box, HEAD_MARGIN)
            crop = as_bytes(cut_square(picture, head.square, SIZE_PX))[None] / 255
            if head.spread < SURE_STD:
                heads.append(Head(name, picture, head.square, crop, head.points))
    order = np.random.default_rng(0).permutation(len(heads))[: 2 * PAIRS]
    return [heads[index] for index in order]


def morph(pipe: CrossbreedPipeline, pair: tuple[Head, Head], options: CrossbreedOptions) -> Morph:
    """One pair's frames."""
    prepared = pipe.prepare(*(head.picture for head in pair), options=options,
                            boxes=[head.box for head in pair])  # fmt: skip
    line = pipe.render(prepared, LINE)
    corners = pipe.render(prepared, [0.0] * 4, shape=[0.0, 1.0, 0.0, 1.0], appearance=[0.0, 0.0, 1.0, 1.0], tau=0.0)
    return Morph(line, corners)


def cross_fade(pair: tuple[Head, Head]) -> Morph:
    """The baseline: the two crops laid over one another. It has one slider; both sliders move it here."""
    a, b = (head.crop for head in pair)
    line = torch.cat([torch.lerp(a, b, t) for t in LINE])
    return Morph(line, torch.cat([a, (a + b) / 2, (a + b) / 2, b]))


def shape_of(pictures: Tensor) -> Tensor:
    """(B, n): orientations of gradients, without colour and contrast."""
    luma = (pictures * pictures.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
    luma = F.avg_pool2d(F.pad(luma, (1, 1, 1, 1), mode="replicate"), 3, 1)
    dx, dy = luma[..., 1:-1, 2:] - luma[..., 1:-1, :-2], luma[..., 2:, 1:-1] - luma[..., :-2, 1:-1]
    angle = torch.remainder(torch.atan2(dy, dx), torch.pi) / torch.pi * ORIENTATIONS
    near = (1 - (torch.remainder(angle - torch.arange(ORIENTATIONS).view(1, -1, 1, 1), ORIENTATIONS))).clamp(min=0)
    near = near + (1 - torch.remainder(torch.arange(ORIENTATIONS).view(1, -1, 1, 1) - angle, ORIENTATIONS)).clamp(min=0)
    cells = F.adaptive_avg_pool2d(near.clamp(max=1) * torch.hypot(dx, dy), CELLS).flatten(2)
    return F.normalize(cells, dim=1).flatten(1)


def appearance_of(pictures: Tensor) -> Tensor:
    """(B, 12): mean and standard deviation of the colours inside an ellipse around the head and outside it."""
    place = (torch.arange(SIZE_PX) + 0.5) / SIZE_PX * 2 - 1
    inside = ((place[None, :] / 0.5) ** 2 + ((place[:, None] - 0.1) / 0.6) ** 2 < 1).flatten()
    values = pictures.flatten(2)
    parts = [values[..., inside], values[..., ~inside]]
    return torch.cat([statistic for part in parts for statistic in (part.mean(2), part.std(2))], 1)


def crosstalk(corners: Tensor) -> dict[str, float]:
    """How far each measure moves with either slider, as a share of the way from (0, 0) to (1, 1)."""
    found = {}
    for name, measure in (("shape", shape_of), ("appearance", appearance_of)):
        values = measure(corners).double()
        way = values[3] - values[0]
        p = ((values - values[0]) @ way / way.square().sum()).tolist()
        found[f"{name} by shape"] = (abs(p[1] - p[0]) + abs(p[3] - p[2])) / 2
        found[f"{name} by appearance"] = (abs(p[2] - p[0]) + abs(p[3] - p[1])) / 2
    return found


def out_of_place(morphs: list[Morph], pairs: list[tuple[Head, Head]]) -> float:
    """Mean distance of eyes and nose in the middle frames from where they should be, in % of the crop."""
    found, _ = find_points(torch.stack([morph.line[2] for morph in morphs]))
    wanted = torch.stack([(a.points + b.points) / 2 for a, b in pairs])
    return 100 * (found - wanted)[:, :3].norm(dim=2).mean().item()


def middle_sharpness(morphs: list[Morph]) -> float:
    """Gradient energy of the middle by that of the ends, the mean over pairs."""
    shares = []
    for item in morphs:
        ends = (sharpness(item.line[:1]) + sharpness(item.line[-1:])) / 2
        shares.append(sharpness(item.line[2:3]) / ends)
    return float(np.mean(shares))


def end_ssim(morphs: list[Morph], pairs: list[tuple[Head, Head]]) -> float:
    """SSIM of the first and last frames with the crops."""
    frames = torch.cat([item.line[[0, -1]] for item in morphs])
    return ssim(frames, torch.cat([head.crop for pair in pairs for head in pair]))


def rows(weights: str | None = None, align: bool = True) -> list[Row]:
    """The figures, and a contact sheet.

    Args:
        weights: a folder with other weights than those of the record.
        align: bring heads into line, as the tab does; False is how it was before that.
    """
    if not (DATA / "pets.zip").is_file():
        return [Row("held-out pairs of pets", "", "not measured: ../shared/data is absent")]
    heads = read_held_out()
    pairs = list(zip(heads[::2], heads[1::2], strict=True))
    pipe = CrossbreedPipeline.from_record("crossbreed-pets", weights, device="cpu", precision="float32")
    options = [CrossbreedOptions(size_px=SIZE_PX, align=align, exact_ends=exact) for exact in (True, False)]
    exact, alone = ([morph(pipe, pair, chosen) for pair in pairs] for chosen in options)
    fades = [cross_fade(pair) for pair in pairs]
    write_sheet(exact, alone, fades)
    return [
        *end_rows(exact, alone, pairs), *middle_rows(exact, alone, fades, pairs), *separation_rows(exact, alone),
    ]  # fmt: skip


def end_rows(exact: list[Morph], alone: list[Morph], pairs: list[tuple[Head, Head]]) -> list[Row]:
    """Are the ends the photographs?"""
    near, same = end_ssim(alone, pairs), end_ssim(exact, pairs)
    return [
        Row(f"ends of {len(pairs)} held-out pairs, the network alone: SSIM", ">= 0.75", f"{near:.3f}", near >= 0.75),
        Row("ends, exact ends: SSIM", "1", f"{same:.4f}", same > 0.9995),
    ]


def middle_rows(
    exact: list[Morph], alone: list[Morph], fades: list[Morph], pairs: list[tuple[Head, Head]]
) -> list[Row]:
    """Is the middle one sharp animal?"""
    shares = [middle_sharpness(morphs) for morphs in (exact, alone, fades)]
    places = [out_of_place(morphs, pairs) for morphs in (exact, alone, fades)]
    return [
        Row("sharpness of the middle by that of the ends, exact ends (photographs)", ">= 0.9",
            f"{shares[0]:.2f} (cross-fade {shares[2]:.2f})", shares[0] >= 0.9),
        Row("sharpness of the middle by that of the ends, the network alone", ">= 0.9", f"{shares[1]:.2f}", shares[1] >= 0.9),
        Row("eyes and nose in the middle, from where they should be", "better than a cross-fade",
            f"{places[0]:.1f} % of the crop, network alone {places[1]:.1f} % (cross-fade {places[2]:.1f} %)",
            places[0] < places[2]),
    ]  # fmt: skip


def separation_rows(exact: list[Morph], alone: list[Morph]) -> list[Row]:
    """Do the sliders move only what they should? (A cross-fade has one slider: it moves both all the way.)"""
    result = []
    for how, morphs in (("exact ends", exact), ("the network alone", alone)):
        found = [crosstalk(item.corners) for item in morphs]
        mean = {name: float(np.mean([item[name] for item in found])) for name in found[0]}
        for moved, other in (("shape", "appearance"), ("appearance", "shape")):
            share = mean[f"{other} by {moved}"]
            own = mean[f"{moved} by {moved}"]
            result.append(Row(f"moving {moved} alone moves {other}, {how}", "< 30 %",
                              f"{share:.0%} (and {moved} itself {own:.0%})", share < 0.3))  # fmt: skip
    return result


def write_sheet(exact: list[Morph], alone: list[Morph], fades: list[Morph]) -> None:
    """Rows: the morph with exact ends, the two swaps, the network's own middle, the cross-fade's middle."""
    columns = [
        torch.cat([a.line, a.corners[1:3], b.line[2:3], c.line[2:3]])
        for a, b, c in zip(exact[:SHOWN], alone, fades, strict=False)
    ]
    to_pil(tile(torch.stack(columns)))[0].save(sheet_path("quality_crossbreed"))

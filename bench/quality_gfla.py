"""GFLA: what the shipped people weights reach on unseen people, outfits and poses (needs ../shared/data)."""

from __future__ import annotations

import csv
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from scipy.interpolate import RBFInterpolator
from torch import Tensor

from bench import Row, sheet_path
from core.detect.body import detect_bodies
from core.errors import NothingFoundError
from core.gfla.data.people import STUDIO_GREY, People, load_people
from core.gfla.methods.limb_layers.skeleton import HEAD, torso_length
from core.gfla.methods.random_features.features import RandomFeatures
from core.gfla.options import PoseOptions
from core.gfla.paper import pose
from core.gfla.paper.losses import CONTENT_FEATURES, gram
from core.gfla.paper.pictures import as_network_picture
from core.gfla.pipeline import PosePipeline, PosePrepared
from core.image import Box, to_pil
from core.metrics import psnr, ssim
from core.ops.warp import sample_at

DATA = Path(__file__).parents[2] / "shared" / "data"
# The rendered people's own size; everything is measured there, whatever the network's frame is.
SIZE_HW = (256, 176)
PAIRS = 64
SHOWN = 8
DETECTED_HEIGHT_PX = 768
FRONTAL_DEG = 50
WAYS = ("painted", "copy", "spline")


@dataclass
class Pair:
    """Two pictures of a held-out person: (1, 3, H, W) in [0, 1], skeletons (18, 2), what was made of them."""

    identity: int
    source: Tensor
    target: Tensor
    own: np.ndarray
    wanted: np.ndarray
    yaw: tuple[float, float]
    made: dict[str, Tensor]


def rows(weights: str | None = None) -> list[Row]:
    """Figures of 64 held-out pairs, and a contact sheet of the first ones.

    Args:
        weights: a folder with other weights than those of the record.
    """
    if not (DATA / "people.zip").is_file():
        return [Row("held-out rendered people", "", "not measured: ../shared/data is absent")]
    people = load_people(DATA, SIZE_HW)
    people, yaw = people.subset(people.test), yaws(people.test)
    pairs = drawn(people, yaw)
    pipe = PosePipeline.from_record("gfla-people", weights, device="cpu")
    for pair in pairs:
        pair.made = {
            "painted": painted(pipe, pair), "copy": pair.source,
            "spline": spline_warp(pair.source, pair.own, pair.wanted),
        }  # fmt: skip
    contact_sheet(pairs[:SHOWN]).save(sheet_path("quality_gfla"))
    return [*picture_rows(pairs), *crop_rows(pairs), *keypoint_rows(pairs), *face_rows(pairs, people, yaw)]


def yaws(keep: np.ndarray) -> np.ndarray:
    """The bodies' turns in degrees, 0 = facing the camera, of the pictures kept."""
    with (DATA / "people.csv").open(newline="") as file:
        return np.array([float(row["yaw_deg"]) for row in csv.DictReader(file)])[keep]


def drawn(people: People, yaw: np.ndarray) -> list[Pair]:
    """Random pairs, every identity in turn."""
    rng = np.random.default_rng(0)
    members = [np.flatnonzero(people.identity == number) for number in np.unique(people.identity)]
    found = []
    for index in range(PAIRS):
        a, b = rng.choice(members[index % len(members)], 2, replace=False)
        source, target = ((as_network_picture(people.pictures[i])[None] + 1) / 2 for i in (a, b))
        turn = (float(yaw[a]), float(yaw[b]))
        found.append(Pair(int(people.identity[a]), source, target, people.points[a], people.points[b], turn, {}))
    return found


def painted(pipe: PosePipeline, pair: Pair) -> Tensor:
    """The source in the target's pose, at the pictures' size, by the pipeline's own way."""
    size = pipe.size_hw
    source = F.interpolate(pair.source, size, mode="area") * 2 - 1
    own, wanted = (pose.scaled(points, size, SIZE_HW) for points in (pair.own, pair.wanted))
    prepared = PosePrepared(
        "", {}, source, pair.source, own, own[None], Box(0, 0, SIZE_HW[1], SIZE_HW[0]), None, None,
        pipe.encode(source), PoseOptions(),
    )  # fmt: skip
    return pipe.finish(prepared, pipe.paint(prepared, [wanted]))


def spline_warp(source: Tensor, own: np.ndarray, wanted: np.ndarray) -> Tensor:
    """The source bent by the thin-plate spline that takes the wanted joints to its own (Bookstein 1989)."""
    shared = pose.present(own) & pose.present(wanted)
    height, width = source.shape[2:]
    places = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), -1).reshape(-1, 2)
    # A little smoothing: joints that lie on each other in one view would fold the plane.
    bend = RBFInterpolator(wanted[shared], own[shared], kernel="thin_plate_spline", smoothing=1.0, degree=1)
    fetched = torch.from_numpy(bend(places)).float().reshape(1, height, width, 2) - 0.5
    inside = ((fetched > -1) & (fetched < fetched.new_tensor((width, height)))).all(-1)[:, None]
    return torch.where(inside, sample_at(source, fetched), torch.tensor(STUDIO_GREY))


def picture_rows(pairs: list[Pair]) -> list[Row]:
    """Whole pictures against the truth."""
    found = {way: float(np.mean([ssim(pair.made[way], pair.target) for pair in pairs])) for way in WAYS}
    noise = {way: float(np.mean([psnr(pair.made[way], pair.target) for pair in pairs])) for way in WAYS}
    best = max(found["copy"], found["spline"])
    said = ", ".join(f"{way} {value:.3f}" for way, value in found.items() if way != "painted")
    return [
        Row(
            f"SSIM of {len(pairs)} held-out pairs at 176 x 256", f">= {best + 0.05:.3f} ({said}, + 0.05)",
            f"{found['painted']:.3f}", found["painted"] >= best + 0.05,
        ),
        Row(
            "PSNR of the same pictures", f"copy {noise['copy']:.1f} dB, spline {noise['spline']:.1f} dB",
            f"{noise['painted']:.1f} dB", noise["painted"] > max(noise["copy"], noise["spline"]),
        ),
    ]  # fmt: skip


def head_box(points: np.ndarray) -> Box | None:
    """A square round the head; None where no head point is known."""
    known = pose.present(points)
    if not known[HEAD].any():
        return None
    there = torch.from_numpy(points)[None].float()
    side = 0.8 * float(torso_length(there, torch.from_numpy(known)[None])[0])
    x, y = points[HEAD][known[HEAD]].mean(0)
    return Box(x - side / 2, y - side / 2, x + side / 2, y + side / 2)


def chest_box(points: np.ndarray) -> Box | None:
    """The box of shoulders and hips; None where one is missing."""
    corners = points[[2, 5, 8, 11]]
    if not pose.present(corners).all():
        return None
    (left, top), (right, bottom) = corners.min(0), corners.max(0)
    return Box(left, top, right, bottom) if min(right - left, bottom - top) >= 12 else None


def cropped(picture: Tensor, box: Box, side_px: int = 48) -> Tensor:
    """A box of a picture as (1, 3, side, side)."""
    x = box.left + (torch.arange(side_px) + 0.5) / side_px * box.width - 0.5
    y = box.top + (torch.arange(side_px) + 0.5) / side_px * box.height - 0.5
    return sample_at(picture, torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)[None])


def crop_rows(pairs: list[Pair]) -> list[Row]:
    """Heads, and chests seen from the front in both pictures (that is where prints are)."""
    frontal = [pair for pair in pairs if max(abs(turn) for turn in pair.yaw) <= FRONTAL_DEG]
    found = []
    for name, some, box in (("head", pairs, head_box), ("chest with its print, frontal pairs", frontal, chest_box)):
        boxed = [(pair, place) for pair in some if (place := box(pair.wanted)) is not None]
        likeness = {
            way: float(np.mean([ssim(cropped(p.made[way], b), cropped(p.target, b)) for p, b in boxed])) for way in WAYS
        }
        best = max(likeness["copy"], likeness["spline"])
        found.append(
            Row(
                f"SSIM of the {name} ({len(boxed)})", f"> {best:.3f} (better baseline)", f"{likeness['painted']:.3f}",
                likeness["painted"] > best,
            )
        )  # fmt: skip
    return found


def detected(picture: Tensor) -> np.ndarray | None:
    """The keypoints that MediaPipe finds, in the pictures' pixels."""
    image = to_pil(picture)[0]
    scale = DETECTED_HEIGHT_PX / image.height
    large = image.resize((round(image.width * scale), DETECTED_HEIGHT_PX), Image.Resampling.BICUBIC)
    try:
        points = detect_bodies(large)[0].points
    except NothingFoundError:
        return None
    return np.where(pose.present(points)[:, None], points / scale, pose.MISSING)


def keypoint_rows(pairs: list[Pair]) -> list[Row]:
    """How far joints that MediaPipe sees in a picture lie from those it was asked to have, by the picture's height.

    Only joints that MediaPipe also sees in the true picture count, so that all ways are judged on the same ones.
    """
    errors: dict[str, list[float]] = {way: [] for way in (*WAYS, "target")}
    lost = {way: 0 for way in errors}
    joints = dict.fromkeys(errors, 0)
    asked = 0
    for pair in pairs:
        true = detected(pair.target)
        if true is None:
            continue
        judged = pose.present(true) & pose.present(pair.wanted)
        asked += int(judged.sum())
        for way in errors:
            found = true if way == "target" else detected(pair.made[way])
            if found is None:
                lost[way] += 1
                continue
            both = judged & pose.present(found)
            joints[way] += int(both.sum())
            errors[way] += list(np.linalg.norm(found[both] - pair.wanted[both], axis=1) / SIZE_HW[0])
    mean = {way: float(np.mean(values)) for way, values in errors.items()}
    return [
        Row(
            "keypoint error on the output, by the picture's height",
            f"<= 4 % (true pictures {mean['target']:.1%}, spline {mean['spline']:.1%}, copy {mean['copy']:.1%})",
            f"{mean['painted']:.1%}", mean["painted"] <= 0.04,
        ),
        Row(
            "joints found again on the output", f"true pictures {asked}, spline {joints['spline']}",
            f"{joints['painted']}; nobody found in {lost['painted']} of {len(pairs)}",
        ),
    ]  # fmt: skip


def face_rows(pairs: list[Pair], people: People, yaw: np.ndarray) -> list[Row]:
    """Whether the head is that of the right person among all held-out people, seen from the nearest side."""
    features = RandomFeatures()

    def described(crop: Tensor) -> list[Tensor]:
        # Square roots of texture statistics: of what was tried, they tell the true pictures' people apart best.
        found = features(crop * 2 - 1)
        return [(gram(found[name]) * found[name].shape[1]).clamp_min(0).sqrt() for name in CONTENT_FEATURES[:3]]

    def apart(a: list[Tensor], b: list[Tensor]) -> float:
        return sum(float((x - y).abs().mean()) for x, y in zip(a, b, strict=True))

    boxes = [head_box(points) for points in people.points]
    heads = {
        index: described(cropped((as_network_picture(people.pictures[index])[None] + 1) / 2, box, 32))
        for index, box in enumerate(boxes) if box is not None
    }  # fmt: skip
    right = dict.fromkeys((*WAYS, "target"), 0)
    count = 0
    for pair in pairs:
        box = head_box(pair.wanted)
        if box is None:
            continue
        count += 1
        rivals = {}
        for number in np.unique(people.identity):
            mine = [i for i in heads if people.identity[i] == number and not (people.points[i] == pair.wanted).all()]
            turn = [abs((yaw[i] - pair.yaw[1] + 180) % 360 - 180) for i in mine]
            rivals[int(number)] = heads[mine[int(np.argmin(turn))]]
        for way in right:
            made = described(cropped(pair.target if way == "target" else pair.made[way], box, 32))
            order = sorted(rivals, key=lambda number: apart(made, rivals[number]))
            right[way] += pair.identity in order[:5]
    share = {way: value / count for way, value in right.items()}
    return [
        Row(
            "head among the 5 likest of 44 people", f"> {max(share['copy'], share['spline']):.0%} (better baseline); "
            f"true pictures {share['target']:.0%}", f"{share['painted']:.0%}",
            share["painted"] > max(share["copy"], share["spline"]),
        )
    ]  # fmt: skip


def contact_sheet(pairs: list[Pair]) -> Image.Image:
    """Source, spline warp, painted, true; two pairs a row."""
    lines = [torch.cat([p.source, p.made["spline"], p.made["painted"], p.target], 3) for p in pairs]
    both = [torch.cat([a, b], 3) for a, b in zip(lines[0::2], lines[1::2], strict=True)]
    return to_pil(torch.cat(both, 2))[0]


if __name__ == "__main__":
    for row in rows(*sys.argv[1:2]):
        print(f"{row.what}: {row.measured}   [{row.target}] {row.met if row.met is not None else ''}")

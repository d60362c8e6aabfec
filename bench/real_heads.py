"""Ripple: heads of photographs that nobody here made, turned by 20 degrees to both sides (needs ../shared/real).

Sharpness: deviation of the Laplacian inside the face by that of the photograph's face. Yaw by the ruler of `quality_ripple`.
Animation: held-out rendered heads driven by the turn of another one, their landmarks against their own true frames
(needs ../shared/data).
"""

from __future__ import annotations

import itertools
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from bench import Row, sheet_path
from bench.quality_ripple import yaw_of
from core.detect.faces import detect_faces
from core.errors import MorphospaceError
from core.image import load_image
from core.ripple.data.head_pairs import HeadPairs
from core.ripple.methods.moved_head.answers import animate
from core.ripple.methods.moved_head.driving import read_motion
from core.ripple.options import RippleOptions
from core.ripple.pipeline import RipplePipeline
from core.ripple.results import RipplePrepared, RippleResult

SHARED = Path(__file__).parents[2] / "shared"
FOLDERS = ("real/faces_ffhq", "real/portraits", "real/faces_celeba", "examples/portraits", "examples/people")
TURN_DEG, FRONTAL_DEG, WANTED, CELL_PX, LARGE_PX = 20, 16, 20, 420, 500
SHARPNESS_TARGET, YAW_TARGET_DEG = 0.9, 5.0
SHOWN = (
    *(("smile", 4.0), ("smile", -3.0), ("mouth", 3.0), ("eyes", 1.2), ("eyes", -1.5)),
    *(("lip", 1.2), ("lip", -1.2), ("beard", 1.2), ("beard", -1.2)),
)
DRIVEN, FRAME_PX = 6, 512


def rows() -> list[Row]:
    """Figures over frontal portraits, and contact sheets: turned heads, expressions."""
    if not (SHARED / "real").is_dir():
        return [Row("heads of real photographs", "", "not measured: ../shared/real is absent")]
    pipe = RipplePipeline.from_record("ripple-preview")
    found, sharp, near, errors, seconds, told = [], [], [], [], [], 0
    strips: dict[str, list[np.ndarray]] = {"turns": [], "ends": []}
    for path in [p for folder in FOLDERS for p in sorted((SHARED / folder).glob("*.*"))]:
        if len(found) == WANTED or path.suffix.lower() not in (".jpg", ".jpeg", ".png"):
            continue
        try:
            prepared = pipe.prepare(load_image(path), options=RippleOptions())
        except MorphospaceError as error:
            told += 1
            print(f"{path.name}: {error}")
            continue
        if (
            prepared.scene is None
            or abs(prepared.scene.head.yaw_deg) > FRONTAL_DEG
            or any("hand" in n for n in prepared.notes)
        ):
            continue
        found.append(prepared)
        free = replace(prepared, bears=prepared.bears | {"pose": (-TURN_DEG, TURN_DEG)})
        strips["ends"].append(show([pipe.edit(prepared, degree) for degree in prepared.turn], prepared))
        front = detect_faces(prepared.whole)[0]
        turned = []
        for degree in (-TURN_DEG, 0.1, TURN_DEG):
            start = time.perf_counter()
            result = pipe.edit(free, degree)
            seconds.append(time.perf_counter() - start)
            ratio = sharpness(result.whole) / sharpness(prepared.whole)
            large = prepared.scene.head.frame.unit_px >= LARGE_PX
            if degree == 0.1:
                near += [ratio] if large else []
                continue
            sharp += [ratio] if large else []
            turned.append(result)
            yaw = yaw_of(front, np.asarray(result.whole))
            errors += [] if yaw is None else [abs(yaw - degree)]
        strips["turns"].append(show(turned, prepared))
    Image.fromarray(np.concatenate(strips["turns"])).save(sheet_path("real_heads"))
    Image.fromarray(np.concatenate(strips["ends"])).save(sheet_path("real_heads_ends"))
    draw_expressions(pipe, found[:12])
    worst = min(*sharp, *near)
    return [
        Row("frontal portraits turned; photographs refused before work", "", f"{len(found)}; {told}"),
        Row(f"sharpness inside the face at +-{TURN_DEG} degrees, {len(sharp)} pictures of large faces: mean, worst",
            f">= {SHARPNESS_TARGET}", f"{np.mean(sharp):.2f}, {min(sharp):.2f}", bool(np.mean(sharp) >= SHARPNESS_TARGET)),
        Row("the same at 0.1 degrees", f">= {SHARPNESS_TARGET}", f"{np.mean(near):.2f}, {min(near):.2f}",
            bool(np.mean(near) >= SHARPNESS_TARGET)),
        Row("mean yaw error", f"<= {YAW_TARGET_DEG:g}", f"{np.mean(errors):.1f}", bool(np.mean(errors) <= YAW_TARGET_DEG)),
        Row("seconds per degree, as the page asks for it: mean, most", "<= 3", f"{np.mean(seconds):.2f}, {max(seconds):.2f}",
            bool(np.mean(seconds) <= 3) and worst > 0),
        *animation_rows(pipe),
    ]  # fmt: skip


def show(results: list[RippleResult], prepared: RipplePrepared) -> np.ndarray:
    """A strip: the photograph around the head as it is, then each result, without what lies beyond the photograph."""
    quad = prepared.aligned.quad
    low, high = quad.min(0).clip(0), np.minimum(quad.max(0), prepared.whole.size)
    side = (high - low).min()
    start = np.minimum(np.maximum(quad.mean(0) - side / 2, low), high - side)
    place = tuple(np.rint([*start, *(start + side)]).astype(int))
    wholes = [prepared.whole, *(result.whole for result in results)]
    cells = [whole.crop(place).resize((CELL_PX,) * 2, Image.Resampling.LANCZOS) for whole in wholes]
    return np.concatenate([np.asarray(cell) for cell in cells], axis=1)


def draw_expressions(pipe: RipplePipeline, found: list[RipplePrepared]) -> None:
    """A contact sheet: each portrait as it is, and every expression to both sides."""
    strips = []
    for prepared in found:
        strips.append(show([pipe.edit(prepared, degree, name) for name, degree in SHOWN], prepared))
    Image.fromarray(np.concatenate(strips)).save(sheet_path("real_heads_expressions"))


def animation_rows(pipe: RipplePipeline) -> list[Row]:
    """Landmarks of driven heads against their own true frames, and how far still background changes."""
    if not (SHARED / "data" / "heads.zip").is_file():
        return []
    pairs = HeadPairs(SHARED / "data", 128, "test", portrait_share=0.0)
    found, changes = list[Row](), list[int]()
    for first in (0, DRIVEN + 1):
        errors = []
        for driver, source in itertools.pairwise(pairs.turns[first : first + DRIVEN + 1]):
            films = [
                [Image.fromarray(frame["picture"]) for frame in pairs.frames[name][1:6]] for name in (driver, source)
            ]
            made = list(animate(pipe.prepare(films[1][2]), read_motion(films[0], 1.0)))
            for picture, truth in zip(made, films[1], strict=True):
                shown, true = (detect_faces(one)[0] for one in (picture, truth))
                errors.append(np.hypot(*(shown.points - true.points).T).mean() / true.box.width)
            corner = np.stack([np.asarray(picture)[:8, :8] for picture in made]).astype(int)
            changes.append(int(np.abs(corner - corner[0]).max()))
        name = f"animation, {len(errors)} frames of {'other ' if first else ''}rendered heads: mean landmark error by the face's width"
        found.append(Row(name, "<= 2 %", f"{np.mean(errors):.2%}", bool(np.mean(errors) <= 0.02)))
    seconds = seconds_per_frame(pipe, films)
    return [
        *found,
        Row("change of still background, levels", "0", f"{max(changes)}", max(changes) == 0),
        Row(f"CPU seconds per frame at {FRAME_PX} px, read and drawn", "<= 0.5", f"{seconds:.2f}", bool(seconds <= 0.5)),
    ]  # fmt: skip


def seconds_per_frame(pipe: RipplePipeline, films: list[list[Image.Image]]) -> float:
    """CPU seconds of a frame of one film that another's head follows, both enlarged to `FRAME_PX`."""
    large = [[frame.resize((FRAME_PX,) * 2) for frame in film] for film in films]
    prepared, start = pipe.prepare(large[1][2]), time.process_time()
    made = list(animate(prepared, read_motion(large[0], 1.0)))
    return (time.process_time() - start) / len(made)


def sharpness(picture: Image.Image) -> float:
    """Deviation of the Laplacian inside the largest face's mesh."""
    array = np.asarray(picture)
    face = detect_faces(picture)[0]
    mask = np.zeros(array.shape[:2], np.uint8)
    hull = cv2.convexHull(face.points.astype(np.float32))[:, 0]
    middle = hull.mean(0)
    cv2.fillConvexPoly(mask, np.rint(middle + 0.85 * (hull - middle)).astype(np.int32), 1)
    edges = cv2.Laplacian(cv2.cvtColor(array, cv2.COLOR_RGB2GRAY).astype(np.float32), cv2.CV_32F)
    return float(edges[mask > 0].std())

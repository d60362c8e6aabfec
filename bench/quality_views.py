"""GFLA views: chairs and cars turned by a fitted model, against copying the picture and against appearance flow alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from PIL import Image

from bench import Row, sheet_path
from core.gfla.data.drawn_views import held_out
from core.gfla.methods.object_model.fit import Sight, fit
from core.gfla.methods.object_model.objects import object_of
from core.gfla.methods.object_model.paint import Source, turned
from core.gfla.methods.object_model.render import SAMPLES, Array, Camera, Scene, render
from core.gfla.options import KINDS
from core.gfla.paper.operators import fetch_along
from core.gfla.paper.views import view_code, view_of_angles
from core.gfla.pipeline_views import ViewPipeline
from core.metrics import ssim

OBJECTS, SIDE = 8, 128
ELSEWHERE = range(0, 360, 40)
BETTER_THAN_COPY, BETTER_THAN_FLOW = 0.05, 0.02


def rows() -> list[Row]:
    """Measure both kinds; the side is estimated, never told."""
    found, shown, right = {kind: [] for kind in KINDS}, [], 0
    for kind in KINDS:
        for number in range(OBJECTS):
            figures, strip, hit = one(kind, number)
            found[kind].append(figures)
            shown.append(strip)
            right += hit
    Image.fromarray((np.concatenate(shown).clip(0, 1) * 255).astype(np.uint8)).save(sheet_path("views"))
    answer = []
    for kind, figures in found.items():
        copy, mirror, flow, full = np.mean(figures, 0)
        answer += [
            Row(f"{kind}s: SSIM, against copying the nearest view", f"+{BETTER_THAN_COPY}",
                f"{full:.3f}, {copy:.3f} ({full - copy:+.3f})", full - copy >= BETTER_THAN_COPY),
            Row(f"{kind}s: the same, the copy mirrored where that is nearer", "", f"{mirror:.3f} ({full - mirror:+.3f})"),
            Row(f"{kind}s: against appearance flow alone", f"+{BETTER_THAN_FLOW}", f"{flow:.3f} ({full - flow:+.3f})",
                full - flow >= BETTER_THAN_FLOW),
        ]  # fmt: skip
    return [
        *answer,
        *network_rows(),
        Row("side estimated to the step of 20 degrees", "", f"{right} of {len(KINDS) * OBJECTS}"),
    ]


def network_rows() -> list[Row]:
    """The shipped network of the paper's kind, told the side, on the same objects."""
    pipe, answer = ViewPipeline.from_record("gfla-views", device="cpu", precision="float32"), []
    for kind in KINDS:
        found = np.mean([by_network(pipe, kind, number) for number in range(OBJECTS)], 0)
        copy, flow, full = found
        answer.append(
            Row(f"{kind}s by weights/gfla-views, told the side: SSIM; copy; its flow alone", "",
                f"{full:.3f}; {copy:.3f} ({full - copy:+.3f}); {flow:.3f} ({full - flow:+.3f})")
        )  # fmt: skip
    return answer


def by_network(pipe: ViewPipeline, kind: str, number: int) -> tuple[float, ...]:
    """Mean SSIM of copying, of the network's flow alone and of the network over all sides."""
    scene, azimuth, elevation = drawn_scene(kind, number)
    seen = tensor(render(scene, Camera(azimuth, elevation), SIDE).picture)
    true = torch.cat([tensor(render(scene, Camera(target, elevation), SIDE).picture) for target in ELSEWHERE])
    source, generator = seen * 2 - 1, pipe.generator
    codes = torch.stack([view_code(*view_of_angles(a, elevation)) for a in (azimuth, *ELSEWHERE)])
    with torch.inference_mode():
        painted = generator.paint(generator.encode(source), source, codes[:1], codes[1:])
        moved = fetch_along(source.expand(len(true), -1, -1, -1), painted.flows[-1])
    made = (seen.expand_as(true), (moved + 1) / 2, (painted.image + 1) / 2)
    return tuple(
        float(np.mean([ssim(a[None].clamp(0, 1), b[None]) for a, b in zip(p, true, strict=True)])) for p in made
    )


def drawn_scene(kind: str, number: int) -> tuple[Scene, int, int]:
    """A held-out object, and the azimuth and elevation that it is seen from."""
    rng = np.random.default_rng([5, number])
    return object_of(kind, held_out(kind, number)), 20 * int(rng.integers(18)), 10 * int(rng.integers(3))


def one(kind: str, number: int) -> tuple[tuple[float, ...], Array, bool]:
    """Mean SSIM of copying, mirrored copying, flow alone and the model over all sides, a strip to look at, the side hit."""
    scene, azimuth, elevation = drawn_scene(kind, number)
    seen = render(scene, Camera(azimuth, elevation), SIDE)
    outline = (seen.faces >= 0).reshape(SIDE, SAMPLES, SIDE, SAMPLES).mean((1, 3))
    cameras = [Camera(a, e) for a in range(0, 360, 20) for e in (0, 10, 20)]
    model = fit(Sight.of(seen.picture, outline), cameras)
    source = Source.of(model.scene, model.camera, seen.picture, outline)
    figures, strip = [], [seen.picture]
    for target in ELSEWHERE:
        true = render(scene, Camera(target, elevation), SIDE).picture
        camera = replace(model.camera, azimuth_deg=model.camera.azimuth_deg + target - azimuth)
        full, flow = turned(source, camera, SIDE), turned(source, camera, SIDE, fill=False)
        nearer = apart(azimuth, target) <= apart(-azimuth, target)
        made = (seen.picture, seen.picture if nearer else seen.picture[:, ::-1], flow, full)
        figures.append([ssim(tensor(picture), tensor(true)) for picture in made])
        strip += [full, true] if target % 80 == 0 else []
    return tuple(np.mean(figures, 0)), np.concatenate(strip, 1), model.camera.azimuth_deg == azimuth


def apart(a: float, b: float) -> float:
    """Degrees between two directions."""
    return abs((a - b + 180) % 360 - 180)


def tensor(picture: Array) -> torch.Tensor:
    """(H, W, 3) to (1, 3, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None].float()

"""SDL: how good the shipped pictures are, on pictures that no training saw, beside what needs no training.

Held out of the data pack: what `core.sdl.data.sequences.held_out` names, rendered heads whose number ends in 7, and two clips.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from bench import Row, sheet_path
from bench._quality_sdl import (
    DATA,
    Faces,
    flow_warp,
    heads,
    kept_line,
    london,
    moving,
    neighbours,
    photos,
    styles,
)
from core.devices import policy
from core.errors import InputError, MorphospaceError
from core.image import to_pil, to_tensor
from core.metrics import evenness, psnr, sharpness, ssim
from core.sdl.jobs import job_of
from core.sdl.loading import load_network
from core.sdl.options import SDLOptions
from core.sdl.pipeline import SDLPipeline
from core.weights import resolve

# A picture's thin lines are whole if so much of them is still there.
WHOLE = 0.75
ALONG = (0.0, 0.25, 0.5, 0.75, 1.0)
# The network's own ends are measured, not the given pictures that the pipeline shows there, and its paintings as they come,
# since the teacher has the same pattern.
OPEN_ENDS = SDLOptions(exact_ends=False, clean=False)


def pipe_of(record: str) -> SDLPipeline:
    """The shipped weights on this processor, in full precision."""
    return SDLPipeline(load_network(resolve(record).folder), job_of(record).name).use(policy("cpu", "float32"))


def rendered(pipe: SDLPipeline, inputs: tuple[Tensor, ...], t: tuple[float, ...]) -> Tensor:
    """Pictures (T, 3, H, W) of inputs (1, 3, H, W) each."""
    return pipe.pictures_at(pipe.prepare(*(to_pil(one)[0] for one in inputs), options=OPEN_ENDS), t)


def mean(values: list[float]) -> float:
    """Their mean, and a message where there are none."""
    if not values:
        raise InputError("nothing was measured: is the data pack complete?")
    return statistics.fmean(values)


def save_sheet(name: str, rows: list[Tensor]) -> None:
    """Rows (N, 3, H, W) of equal shape below one another."""
    strips = [torch.cat(list(row.clamp(0, 1)), 2) for row in rows]
    to_pil(torch.cat(strips, 1)[None])[0].save(sheet_path(name))


def cross_fade(first: Tensor, second: Tensor, t: float) -> Tensor:
    """The plain mix."""
    return (1 - t) * first + t * second


def interpolation() -> list[Row]:
    """sdl-vfi beside the average and a warp by OpenCV's dense flow."""
    pipe, answer, sheet = pipe_of("sdl-vfi"), [], []
    reached: dict[str, tuple[float, float]] = {}
    for name, items in (
        ("20 pictures under known motions, 5 in-betweens each", moving(20, lines=False)),
        ("10 pictures with thin lines that move, the lines alone", moving(10, lines=True)),
        (
            "neighbouring frames, walking people (held-out clip)",
            neighbours("intel_one-by-one-person-detection.mp4", 16),
        ),
        ("neighbouring frames, bottles (held-out clip)", neighbours("intel_bottle-detection.mp4", 16)),
    ):
        found: dict[str, list[float]] = {"ours": [], "average": [], "flow": []}
        kept: dict[str, list[float]] = {"ours": [], "average": [], "flow": []}
        structure = []
        for item in items:
            made = rendered(pipe, (item.first, item.second), item.t)
            ways = {
                "ours": list(made.split(1)),
                "average": [cross_fade(item.first, item.second, t) for t in item.t],
                "flow": [flow_warp(item.first, item.second, t) for t in item.t],
            }
            for way, pictures in ways.items():
                for picture, truth, seen in zip(pictures, item.truths, item.seen, strict=True):
                    found[way].append(psnr(picture * seen, truth * seen) + 10 * float(seen.mean().log10()))
                if item.behind:
                    kept[way].append(mean(list(map(kept_line, pictures, item.truths, item.behind, item.seen))))
            structure += [ssim(picture, truth) for picture, truth in zip(ways["ours"], item.truths, strict=True)]
            half = len(item.t) // 2
            shown = (ways["flow"][half], ways["ours"][half], item.truths[half])
            sheet.append(torch.cat([item.first, item.second, *shown]))
        ours, average, flow = (mean(found[way]) for way in ("ours", "average", "flow"))
        if not kept["ours"]:
            reached[name] = ours, max(average, flow)
        answer.append(
            Row(f"sdl-vfi: {name}", "2 dB above the better baseline",
                f"{ours:.2f} dB, SSIM {mean(structure):.3f} (average {average:.2f}, flow warp {flow:.2f} dB)",
                ours >= max(average, flow) + 2)
        )  # fmt: skip
        if kept["ours"]:
            whole = {way: sum(share >= WHOLE for share in shares) for way, shares in kept.items()}
            answer.append(
                Row(f"sdl-vfi: thin lines whole ({WHOLE:.0%} of their pixels nearer to the line than to what is behind)",
                    "all 10 pictures", f"{whole['ours']} (average {whole['average']}, flow warp {whole['flow']})",
                    whole["ours"] == len(kept["ours"]))
            )  # fmt: skip
    for name, part in (("both held-out clips together", "clip"), ("held-out clips and moved pictures together", "")):
        parts = [figures for known, figures in reached.items() if part in known]
        ours, better = (mean([figures[which] for figures in parts]) for which in (0, 1))
        answer.append(
            Row(f"sdl-vfi: {name}", "2 dB above the better baseline",
                f"{ours:.2f} dB (better baselines {better:.2f} dB)", ours >= better + 2)
        )  # fmt: skip
    for size in {row.shape for row in sheet}:
        save_sheet(f"sdl-vfi-{size[-1]}", [row for row in sheet if row.shape == size][:10])
    return answer


def style() -> list[Row]:
    """sdl-style against its teacher."""
    pipe, close, ends, steps, untouched, sheet = pipe_of("sdl-style"), [], [], [], [], []
    for photo, painting, taught in styles(24):
        made = rendered(pipe, (photo, painting), ALONG)
        close.append(ssim(made[-1:], taught))
        untouched.append(ssim(photo, taught))
        ends.append(min(psnr(made[:1], photo), 100.0))
        steps.append(evenness(made))
        sheet.append(torch.cat([photo, painting, *made[1:].split(1), taught]))
    save_sheet("sdl-style", sheet[:12])
    return [
        Row("sdl-style: SSIM to the teacher at t = 1, 24 unseen contents and styles", ">= 0.7",
            f"{mean(close):.3f}, worst {min(close):.2f} (photo unchanged {mean(untouched):.3f})", mean(close) >= 0.7),
        Row("sdl-style: PSNR to the photo at t = 0", ">= 30 dB", f"{mean(ends):.1f} dB", mean(ends) >= 30),
        Row("sdl-style: smallest step by largest, t in quarters", "even", f"{mean(steps):.2f}"),
    ]  # fmt: skip


def face_rows(record: str, name: str, faces: list[Faces], t: tuple[float, ...] = ALONG) -> list[Row]:
    """Sharpness in the middle and straightness of the landmarks' paths, for jobs on faces."""
    from bench._quality_sdl import straightness

    pipe, sharp, faded, true, bent, sheet = pipe_of(record), [], [], [], [], []
    close: dict[str, list[float]] = {"ours": [], "rough": []}
    for item in faces:
        made = rendered(pipe, item.inputs, t)
        ends = (sharpness(made[:1]) + sharpness(made[-1:])) / 2
        sharp.append(mean([sharpness(made[i : i + 1]) for i in range(1, len(t) - 1)]) / ends)
        middle = cross_fade(item.inputs[0], item.inputs[-1] if len(item.inputs) == 2 else made[-1:], 0.5)
        faded.append(sharpness(middle) / ends)
        if (error := straightness(made)) is not None:
            bent.append(error)
        inner = [sharpness(truth) for at, truth in item.truths.items() if 0 < at < 1]
        if inner:
            given = [item.inputs[0], item.truths.get(1.0, item.inputs[-1])]
            true.append(mean(inner) / mean([sharpness(end) for end in given]))
        for at, truth in item.truths.items():
            own = rendered(pipe, item.inputs, (at,))
            rough = cross_fade(*item.inputs, at) if len(item.inputs) == 2 else item.inputs[0]
            close["ours"].append(psnr(own, truth))
            close["rough"].append(psnr(rough, truth))
        sheet.append(made)
    save_sheet(f"{record}-{name.split()[-1]}", sheet[:10])
    known = f", true in-betweens {mean(true):.2f}" if true else ""
    answer = [
        Row(f"{record}: sharpness between the ends by that of the ends, {name}", ">= 0.9",
            f"{mean(sharp):.2f} (cross-fade {mean(faded):.2f}{known})", mean(sharp) >= 0.9),
        Row(f"{record}: landmarks off their straight path, {name}", "<= 1 % of the face",
            f"{100 * mean(bent):.2f} % ({len(bent)} of {len(faces)} with a face in every frame)", mean(bent) <= 0.01),
    ]  # fmt: skip
    if close["ours"]:
        what = "cross-fade" if len(faces[0].inputs) == 2 else "unchanged"
        reached, plain = mean(close["ours"]), mean(close["rough"])
        answer.append(
            Row(f"{record}: PSNR to the true in-betweens, {name}", f"> {what}",
                f"{reached:.2f} dB ({what} {plain:.2f})", reached > plain)
        )  # fmt: skip
    return answer


def toon() -> list[Row]:
    """sdl-toon against its teacher, on photos."""
    from core.sdl.data.toons import toonify

    pipe, close, alike, untouched, sharp, sheet = pipe_of("sdl-toon"), [], [], [], [], []
    for picture in photos(24, 320):
        photo = to_tensor(picture)

        taught = torch.from_numpy(toonify(np.asarray(picture))).permute(2, 0, 1)[None].float() / 255
        made = rendered(pipe, (photo,), ALONG)
        close.append(psnr(made[-1:], taught))
        alike.append(ssim(made[-1:], taught))
        untouched.append(psnr(photo, taught))
        sharp.append(sharpness(made[-1:]) / sharpness(taught))
        if photo.shape[-2:] == (320, 320):
            sheet.append(torch.cat([made, taught]))
    save_sheet("sdl-toon", sheet[:8])
    return [
        Row("sdl-toon: PSNR to the teacher at t = 1, 24 unseen photos", "+ 6 dB over the photo",
            f"{mean(close):.2f} dB, SSIM {mean(alike):.3f} (photo unchanged {mean(untouched):.2f} dB)",
            mean(close) >= mean(untouched) + 6),
        Row("sdl-toon: sharpness at t = 1 by the teacher's", ">= 0.9", f"{mean(sharp):.2f}", mean(sharp) >= 0.9),
    ]  # fmt: skip


PARTS: dict[str, Callable[[], list[Row]]] = {
    "sdl-vfi": interpolation,
    "sdl-style": style,
    "sdl-ageing": lambda: [
        *face_rows("sdl-ageing", "unseen rendered heads", heads("age", 15)),
        *face_rows("sdl-ageing", "unseen photos", london(9, 1)),
    ],
    "sdl-morph": lambda: [
        *face_rows("sdl-morph", "unseen rendered heads", heads("morph", 20)),
        *face_rows("sdl-morph", "unseen photos", london(9, 2)),
    ],
    "sdl-toon": lambda: [*toon(), *face_rows("sdl-toon", "unseen photos", london(9, 1))],
}


def rows() -> list[Row]:
    """Measure; without the data pack one row says so."""
    if not DATA.is_dir():
        return [Row("SDL: quality of the shipped weights", "stated", f"skipped: no data pack at {DATA}")]
    answer = []
    for record, part in PARTS.items():
        try:
            answer += part()
        except MorphospaceError as error:
            answer.append(Row(f"{record}: quality", "stated", f"skipped: {error}"))
    return answer

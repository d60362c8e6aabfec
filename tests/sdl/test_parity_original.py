"""The original command line: pre- and postprocessing, schedules, data rules, and whole calls on odd sizes."""

import numpy as np
import pytest
import torch
from PIL import Image

from core.image import pad_to_multiple
from core.metrics import psnr, ssim
from core.sdl.data.datasets import choose_triple
from core.sdl.paper import original
from core.sdl.paper.losses import at_square
from core.sdl.paper.recipes import learning_rate
from core.sdl.paper.resizing import resize_bilinear
from core.sdl.pipeline import SDLPipeline
from tests.parity.golden import arrays, assert_matches, facts
from tests.reference.sdl.published import enlarged_order
from tests.sdl.published import image, network

PREPOST = {case["name"]: case for case in facts("sdl", "prepost")["cases"]}
CALLS = facts("sdl", "cli")["cases"]
TABLES = facts("sdl", "tables")
JOBS = {"vfi": "interpolate", "vfi-dir": "interpolate", "morphing": "morph", "i2i": "age", "style_transfer": "style"}


def channels_last(picture):
    return picture[0].permute(1, 2, 0)


def run_pad(case):
    index = torch.arange(case["inputs"]["length"]).reshape(1, 1, -1, 1).expand(-1, -1, -1, 32)
    return {"index": pad_to_multiple(index, 32)[0][0, 0, :, 0]}


def run_resize(case):
    height, width = case["options"]["out"]
    return {"image": channels_last(resize_bilinear(image(case["inputs"]["image"]), height, width))[::2, ::2]}


def run_halves(case):
    values = torch.cat([(torch.arange(254) + 0.5) / 255, torch.tensor([-0.4, 1.7])])
    return {"levels": original.to_levels(values.reshape(1, 1, -1).expand(3, -1, -1))}


def run_metrics(case):
    a, b = ((255 * (image({**case["inputs"][name], "map": "x*0.5+0.5"}).double())).round() for name in ("a", "b"))
    c = (a + torch.floor((b - 128) / 10)).clamp(0, 255)
    measures = {"psnr": psnr, "ssim": ssim}
    return {f"{m}_a{o}": measures[m](a / 255, x / 255) for m in measures for o, x in (("c", c), ("b", b))}


def run_multiscale(case):
    return {"image": at_square(image(case["inputs"]["image"]), case["options"]["size"])[..., ::4, ::4]}


def run_prepost(name, case):
    if name == "tensor2img":
        # The golden is BGR, as OpenCV writes it.
        return {"image": original.to_levels(image(case["inputs"]["image"])[0])[..., ::-1]}
    runs = {"pad": run_pad, "resize": run_resize, "tensor2img": run_halves, "metrics": run_metrics}
    return runs.get(name.split("_")[0], run_multiscale)(case)


@pytest.mark.parametrize("name", PREPOST)
def test_pre_and_postprocessing_match(name):
    case, data = PREPOST[name], arrays("sdl", "prepost")
    got, limits = run_prepost(name, case), dict(case["tolerance"])
    if "rel" in limits:
        limits = {"max_rel": limits["rel"]}
    for output, golden in case["outputs"].items():
        value = np.asarray(got[output]).reshape(data[golden].shape) if data[golden].size == 1 else got[output]
        if output == "levels":
            value = np.asarray(value).reshape(256, -1)[:, : data[golden].size // 256].reshape(data[golden].shape)
        assert_matches(value, data[golden], output, **limits)


@pytest.mark.parametrize("case", CALLS, ids=[case["name"] for case in CALLS])
def test_whole_calls_write_the_published_files(case, tmp_path):
    pictures = []
    folder = tmp_path / "in"
    folder.mkdir()
    for name, spec in case["inputs"].items():
        file = folder / (name if name.endswith(".png") else f"{name}.png")
        Image.fromarray(original.to_levels(image(spec)[0])).save(file)
        pictures.append(file)
    options = dict(case["options"])
    task = options.pop("task")
    pipe = SDLPipeline(network(case["manifest"]), JOBS[task])
    files = [folder] if task == "vfi-dir" else pictures
    written = original.run(pipe, original.Request(task, **options), files, tmp_path / "out")
    assert [file.name for file in written] == list(case["outputs"])
    for file in written:
        want = arrays("sdl", "cli")[case["outputs"][file.name]]
        got = np.asarray(Image.open(file)).astype(int)
        want = want[..., ::-1] if case.get("channels") == "BGR" else want
        assert got.shape == want.shape
        assert np.abs(got - want.astype(int)).max() <= case["tolerance"]["max_abs_levels"]
        assert (got == want).mean() >= case["tolerance"]["fraction_equal_at_least"]


@pytest.mark.parametrize("row", TABLES["schedules"], ids=str)
def test_schedules(row):
    t = original.positions(row["task"], row["num"], row.get("extend_t", False))
    assert t == pytest.approx(row["t"], abs=1e-6)
    assert original.file_names(row["task"], len(t)) == row["files"]
    if "size" in row:
        assert original.working_side(row["size"]) == row["network_input"][-1]


@pytest.mark.parametrize("row", TABLES["vfi_dir"], ids=str)
def test_folder_schedules(row):
    schedule = original.folder_schedule(row["frames_in"], row["num"])
    assert [f"{index:03d}.png" for index in range(len(schedule))] == row["files"]
    called = [t for _, t in schedule if not row["copy"] or t not in (0.0, 1.0)]
    assert called == pytest.approx(row["t_in_call_order"], abs=1e-6)


@pytest.mark.parametrize("row", TABLES["training_triples"]["rows"], ids=str)
def test_training_triples(row):
    draws = (row["draw_reverse"], row["draw_trick"], row["draw_extend"])
    triple = choose_triple(row["task"], row["frames"], row["sample"], *draws)
    assert list(triple.inputs) == row["input_frames"]
    assert triple.truth == row["gt_frame"]
    assert triple.t == pytest.approx(row["t"], abs=1e-6)


def test_learning_rate_table():
    row = TABLES["lr"]
    got = [learning_rate(row["base"], step, row["milestones"], row["gamma"]) for step in range(13)]
    assert got == pytest.approx(row["lr_at_iteration_1_2_3"])


def test_enlarged_sampler_table():
    row = TABLES["enlarged_sampler"]
    for rank, wanted in enumerate(row["indices_by_rank"]):
        assert enlarged_order(row["dataset"], row["ratio"], row["epoch"], rank, row["replicas"]) == wanted

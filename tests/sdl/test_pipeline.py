"""The pipeline's contract: any size, exact ends, batches as singles, tiles without seams, cancelling."""

import pickle

import numpy as np
import pytest
import torch
from PIL import Image

from core.detect.faces import detect_faces
from core.errors import CancelledError, InputError, OptionError
from core.image import to_pil, to_tensor
from core.sdl.jobs import JOBS, job_of, trained_side_px
from core.sdl.loading import build_network
from core.sdl.methods.tiling.tiles import fade_overlap, split_tiles, stitch_tiles
from core.sdl.options import SDLOptions
from core.sdl.pipeline import OVERLAP_PX, SDLPipeline
from core.timeline import Timeline
from core.ui.parts.examples import HEADS
from core.ui.tabs.sdl import told_of
from tests.sdl.conftest import shipped_network, textured, tiny

SINGLE = {"num_in_ch": 3}


def pipe_for(job, **config):
    return SDLPipeline(tiny(num_in_ch=3 * JOBS[job].pictures, **config), job)


def pictures_for(job, width=75, height=50):
    return [textured(width, height, seed) for seed in range(JOBS[job].pictures)]


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize("size", [(75, 50), (33, 97), (64, 64)])
def test_any_size_comes_back(job, size):
    pipe = pipe_for(job)
    prepared = pipe.prepare(*pictures_for(job, *size))
    got = pipe.render(prepared, [0.0, 0.4])
    assert got.shape == (2, 3, size[1], size[0])
    assert got.min() >= 0 and got.max() <= 1
    assert torch.equal(got[0], to_tensor(pictures_for(job, *size)[0])[0]), "t = 0 shows the picture itself"


def test_a_batch_is_its_singles_and_repeats_to_the_byte():
    pipe = pipe_for("morph")
    prepared = pipe.prepare(*pictures_for("morph"))
    t = [0.2, 0.5, 0.9]
    together = pipe.render(prepared, t)
    assert torch.equal(together, pipe.render(prepared, t))
    assert torch.allclose(together, torch.cat([pipe.render(prepared, [one]) for one in t]), atol=1e-5)


def test_prepared_is_picklable_and_keyed_by_content():
    pipe = pipe_for("morph")
    first, again, other = (
        pipe.prepare(*pictures_for("morph")),
        pipe.prepare(*pictures_for("morph")),
        pipe.prepare(*pictures_for("morph")[::-1]),
    )
    assert first.key == again.key != other.key
    thawed = pickle.loads(pickle.dumps(first))
    assert torch.equal(pipe.render(thawed, [0.5]), pipe.render(first, [0.5]))


def test_second_picture_of_another_size_and_mode():
    pipe = pipe_for("interpolate")
    grey = textured(40, 90).convert("L")
    clear = textured(64, 30, 4).convert("RGBA")
    assert pipe.render(pipe.prepare(grey, clear), [0.5]).shape == (1, 3, 90, 40)


def test_mistakes_are_told():
    pipe = pipe_for("age")
    with pytest.raises(InputError, match="takes 1"):
        pipe.prepare(textured(40, 40), textured(40, 40))
    with pytest.raises(OptionError, match="-1 to 1 fit"):
        pipe.render(pipe.prepare(textured(40, 40)), [1.2])
    with pytest.raises(OptionError, match="unknown controls"):
        pipe.render(pipe.prepare(textured(40, 40)), [0.5], shape=1)
    with pytest.raises(OptionError, match="takes 2 pictures"):
        SDLPipeline(tiny(num_in_ch=3), "morph")


def test_frames_stream_and_stop_between():
    pipe = pipe_for("toon")
    prepared, seen = pipe.prepare(textured(40, 40)), []

    def stop(fraction, text=""):
        if fraction > 0.5:
            raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        seen.extend(pipe.frames(prepared, Timeline(frames=12), progress=stop))
    first = next(pipe.frames(prepared, Timeline(frames=12)))
    assert np.array_equal(np.asarray(first), np.asarray(textured(40, 40)))


def test_squares_are_made_as_the_original_does():
    pipe = pipe_for("morph")
    prepared = pipe.prepare(*pictures_for("morph"), options=SDLOptions(square_px=70))
    assert pipe.render(prepared, [0.5]).shape[-2:] == (64, 64)
    assert trained_side_px("sdl-aging-512") == 512 and trained_side_px("sdl-aging-scale") is None
    assert job_of("sdl-cat2cat-512").name == "morph"


@pytest.mark.parametrize("config", [{"num_in_ch": 6}, {"num_in_ch": 3, "output": "abstraction", "reduction": 2}])
def test_tiles_leave_no_seam(config):
    pipe = SDLPipeline(tiny(**config), "style" if config["num_in_ch"] == 6 else "toon")
    pictures = [textured(900, 300, seed) for seed in range(config["num_in_ch"] // 3)]
    whole = pipe.prepare(*pictures)
    tiled = pipe.prepare(*pictures, options=SDLOptions(tile_px=448))
    assert whole.figures["tiles"] == 1 and tiled.figures["tiles"] > 2 and tiled.encoded is None
    a, b = pipe.render(whole, [0.7]), pipe.render(tiled, [0.7])
    error = (a - b).abs()
    scale = float(a.std())
    assert error.mean() < 0.01 * scale, float(error.mean() / scale)
    # A seam is a line: a step in the difference that all rows share at one column.
    lines = (a - b).diff(dim=-1).mean(-2).abs()
    assert lines.max() < 0.02 * scale, float(lines.max() / scale)


def test_tiles_cover_and_weigh_to_one():
    tiles = split_tiles(320, 704, 256, 128, 32)
    assert all(value % 32 == 0 for tile in tiles for value in (tile.top, tile.left, tile.height, tile.width))
    picture = torch.rand(1, 3, 320, 704)
    again = stitch_tiles(tiles, (320, 704), 128, 1, lambda tile: tile.cut(picture))
    assert torch.allclose(again, picture, atol=1e-5)
    assert fade_overlap(0, 64, 64, 32, picture).min() >= 1, "a side of one tile is not faded"
    with pytest.raises(OptionError, match="larger tiles"):
        split_tiles(512, 512, 128, OVERLAP_PX, 32)


def test_small_networks_keep_the_detail_of_large_pictures():
    pipe = SDLPipeline(shipped_network("sdl-ageing"), "age")
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8))
    got = pipe.render(pipe.prepare(picture, options=SDLOptions(exact_ends=False)), [0.5])
    assert torch.allclose(got, to_tensor(picture), atol=2e-3)


def heads(count, side=160):
    return [Image.open(file).convert("RGB").resize((side, side)) for file in sorted(HEADS.glob("*.jpg"))[:count]]


@pytest.mark.slow
def test_faces_of_a_morph_are_aligned_and_other_pairs_are_said_not_to_be():
    pipe = SDLPipeline(build_network("sdl-morph"), "morph")
    first, second = heads(2)
    prepared = pipe.prepare(first, second)
    assert prepared.figures["landmarks"] == 1
    middle = pipe.render(prepared, [0.5])
    points = [detect_faces(picture)[0].points for picture in (first, second, to_pil(middle)[0])]
    size = np.ptp(points[0][:, 1])
    assert np.linalg.norm(points[2] - (points[0] + points[1]) / 2, axis=1).mean() < 0.02 * size
    assert pipe.prepare(textured(96, 80), second).figures["landmarks"] == 0


def test_ageing_works_on_the_face_and_leaves_the_rest():
    network = build_network("sdl-ageing")
    with torch.no_grad():
        network.gridnet.lateral_final.f[2].bias[13] += 0.3
    pipe = SDLPipeline(network, "age")
    wide = Image.new("RGB", (700, 400), (40, 90, 60))
    wide.paste(heads(1)[0], (400, 120))
    prepared = pipe.prepare(wide)
    assert prepared.figures["faces"] == 1 and prepared.figures["width_px"] == 700
    source, made = pipe.render(prepared, [0.0, 1.0])
    assert torch.equal(source, to_tensor(wide)[0])
    change = (made - source).abs().amax(0)
    assert change[:, :300].max() == 0 and change[60:70, 650:].max() == 0, "far from the face nothing changes"
    assert change[200, 480] > 0.1
    assert pipe.prepare(textured(96, 80)).figures["faces"] == 0


@pytest.mark.slow
def test_the_tab_says_who_answered_and_what_did_not_fit():
    pipe = SDLPipeline(build_network("sdl-morph"), "morph")
    pipe.weights_label = "sdl-morph (preview)"
    pair = pipe.prepare(textured(96, 80), textured(96, 80, 1))
    found, told = told_of(JOBS["morph"], pipe, pair)
    assert "Answered by: sdl-morph (preview)" in told and "told-weak" in found
    assert "No face of a person, and no head of a cat or dog" in found
    assert (
        "told-good" in (found := told_of(JOBS["morph"], pipe, pipe.prepare(*heads(2)))[0]) and "faces in both" in found
    )


def test_what_one_job_prepared_no_other_renders():
    style, morph = SDLPipeline(build_network("sdl-style"), "style"), pipe_for("morph")
    with pytest.raises(InputError, match="prepare them again"):
        morph.render(style.prepare(*pictures_for("style")), [0.5])

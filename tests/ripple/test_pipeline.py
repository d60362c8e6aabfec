"""The pipeline's promises, on tiny networks."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from PIL import Image

from core.detect.align import Aligned
from core.errors import CancelledError, InputError, OptionError
from core.ripple.methods.repainting.compositing import paste_face, repaint
from core.ripple.options import RippleOptions, held
from core.ripple.pipeline import RipplePipeline
from core.timeline import Timeline
from tests.ripple.conftest import SIDE, grey_fill, tiny_pipeline

OPTIONS = RippleOptions(align=False, dilate_px=0, feather_px=0.0, mask_side="auto", hide_person=False)


def test_no_change_is_the_inversion(pipe: RipplePipeline, portrait: Image.Image) -> None:
    prepared = pipe.prepare(portrait, options=OPTIONS)
    at_zero = pipe.edit(prepared, 0.0)
    assert not np.asarray(at_zero.mask).any()
    assert at_zero.plain.tobytes() == pipe.edit(prepared, 2.0, edit="inversion").plain.tobytes()
    assert at_zero.plain.tobytes() == at_zero.clean.tobytes()


def test_edits_differ_by_degree_and_repeat(pipe: RipplePipeline, portrait: Image.Image) -> None:
    prepared = pipe.prepare(portrait, options=OPTIONS)
    left, right = pipe.edit(prepared, -2.0), pipe.edit(prepared, 2.0)
    assert left.plain.tobytes() != right.plain.tobytes()
    assert right.plain.tobytes() == pipe.edit(prepared, 2.0).plain.tobytes()


def test_repainting_stays_inside_the_hole(pipe: RipplePipeline, portrait: Image.Image) -> None:
    prepared = pipe.prepare(portrait, options=OPTIONS)
    result = pipe.edit(prepared, 3.0)
    mask = np.asarray(result.mask) > 0
    assert mask.any()
    assert mask[:, mask.shape[1] // 2 :].sum() == 0, "a head turned to the right leaves its ripple on the left"
    assert (np.asarray(result.clean)[~mask] == np.asarray(result.plain)[~mask]).all()
    assert (np.asarray(result.clean)[mask] == 128).all()


def test_turning_left_keeps_the_right_half(pipe: RipplePipeline, portrait: Image.Image) -> None:
    mask = np.asarray(pipe.edit(pipe.prepare(portrait, options=OPTIONS), -3.0).mask)
    assert mask[:, : mask.shape[1] // 2].sum() == 0


def test_paste_back_changes_the_face_only(pipe: RipplePipeline, portrait: Image.Image) -> None:
    quad = np.array([[10.0, 20.0], [10.0, 44.0], [34.0, 44.0], [34.0, 20.0]])
    face = Aligned(portrait.crop((10, 20, 34, 44)).resize((SIDE, SIDE)), quad)
    result = pipe.edit(pipe.prepare(portrait, options=OPTIONS, aligned=face), 2.0)
    before, after = np.asarray(portrait), np.asarray(result.whole)
    assert after.shape == before.shape
    outside = np.ones(before.shape[:2], bool)
    outside[20:44, 10:34] = False
    assert (after[outside] == before[outside]).all()
    assert (after[28:36, 18:26] != before[28:36, 18:26]).any()


def test_frames_follow_the_degrees(pipe: RipplePipeline, portrait: Image.Image) -> None:
    prepared = pipe.prepare(portrait, options=RippleOptions(align=False, clean=False, degree_from=-1.0, degree_to=1.0))
    frames = list(pipe.frames(prepared, Timeline(frames=3)))
    want = [pipe.edit(prepared, degree).whole.tobytes() for degree in (-1.0, 0.0, 1.0)]
    assert [frame.tobytes() for frame in frames] == want


def test_prepared_travels_by_pickle(pipe: RipplePipeline, portrait: Image.Image) -> None:
    prepared = pipe.prepare(portrait, options=OPTIONS)
    again = pickle.loads(pickle.dumps(prepared))
    assert again.key == prepared.key
    assert pipe.edit(again, 1.0).plain.tobytes() == pipe.edit(prepared, 1.0).plain.tobytes()


def test_cancelling_stops_the_work(pipe: RipplePipeline, portrait: Image.Image) -> None:
    def stop(fraction: float, text: str = "") -> None:
        raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        pipe.prepare(portrait, options=OPTIONS, progress=stop)


def test_what_weights_cannot_do_is_refused(pipe: RipplePipeline, portrait: Image.Image) -> None:
    prepared = pipe.prepare(portrait, options=OPTIONS)
    with pytest.raises(OptionError, match="smile"):
        pipe.edit(prepared, 1.0, edit="smile")
    with pytest.raises(OptionError, match="pre-aligner"):
        pipe.edit(prepared, 1.0, options=RippleOptions(align=False, mask_from="prediction"))


def test_degrees_beyond_an_edit_are_refused_and_a_video_goes_as_far_as_the_photograph_bears(
    pipe: RipplePipeline, portrait: Image.Image
) -> None:
    facts = pipe.facts_of("pose")
    assert (facts.checked(None), facts.checked(facts.low)) == (facts.start, facts.low)
    with pytest.raises(OptionError, match=r"degree 24 of pose does not lie between -3 and 3"):
        facts.checked(24)
    prepared = pipe.prepare(portrait, options=OPTIONS)
    assert pipe.span(prepared, OPTIONS, "pose") == (facts.low, facts.high)
    with pytest.raises(OptionError, match="-45"):
        pipe.span(prepared, RippleOptions(degree_from=-45.0), "pose")
    assert held(RippleOptions(degree_from=0.0, degree_to=20.0), 0.0, 12.0) == (
        "the film goes from 0 to 12 degrees: this photograph bears no more",
    )
    assert not held(RippleOptions(), -12.0, 12.0)


def test_one_portrait_is_needed(pipe: RipplePipeline, portrait: Image.Image) -> None:
    for inputs in ((), (None,), (portrait, portrait)):
        with pytest.raises(InputError, match="one portrait"):
            pipe.prepare(*inputs)


def test_pre_aligner_brings_the_photograph_back_unchanged(portrait: Image.Image) -> None:
    """With no flow the carried detail makes the result equal the photograph."""
    pipe = tiny_pipeline(pre_aligner=True)
    last = pipe.pre_aligner.dconv_layer3[-1]
    for parameter in (*last.res_layer[-1].parameters(), *pipe.pre_aligner.dconv_layer3[1].parameters()):
        torch.nn.init.zeros_(parameter)
    prepared = pipe.prepare(portrait, options=RippleOptions(align=False, clean=False, output_px=64, turn="network"))
    result = np.asarray(pipe.edit(prepared, 0.0).plain).astype(int)
    seen = np.asarray(portrait.resize((64, 64), Image.Resampling.LANCZOS)).astype(int)
    assert np.abs(result - seen).max() <= 1


def test_large_pictures_are_filled_at_the_inpainters_size() -> None:
    sizes = []

    def fill(picture: Image.Image, mask: np.ndarray, progress: object) -> Image.Image:
        sizes.append(picture.size)
        return grey_fill(picture, mask)

    picture = Image.new("RGB", (200, 100), (10, 20, 30))
    mask = np.zeros((100, 200), np.uint8)
    mask[40:60, 80:120] = 255
    result = np.asarray(repaint(picture, mask, fill, RippleOptions(inpaint_px=64, feather_px=0.0)))
    assert sizes == [(64, 32)]
    assert (result[:30] == (10, 20, 30)).all()
    assert abs(int(result[50, 100, 0]) - 128) <= 2


def test_pixels_that_no_edit_touched_stay_as_they_were() -> None:
    """Pasting back resamples; where the face crop did not change, the photograph's own pixels come out."""
    noise = np.random.default_rng(0).integers(0, 255, (80, 80, 3), np.uint8)
    whole, quad = Image.fromarray(noise), np.array([[11.3, 12.1], [11.3, 67.4], [66.6, 67.4], [66.6, 12.1]])
    crop = whole.transform((64, 64), Image.Transform.QUAD, quad.ravel(), Image.Resampling.BILINEAR)
    aligned = Aligned(crop, quad)
    assert np.array_equal(np.asarray(paste_face(whole, aligned, crop)), noise)
    edited = crop.copy()
    edited.paste((255, 0, 0), (24, 24, 40, 40))
    after = np.asarray(paste_face(whole, aligned, edited))
    assert np.abs(after[38:41, 38:41].astype(int) - (255, 0, 0)).max() < 30
    changed = (after != noise).any(2)
    assert changed[20:24].sum() == 0
    assert changed[30:50, 30:50].mean() > 0.5

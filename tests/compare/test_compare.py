"""Engines side by side: equal input, figures that mean something, absent engines named."""

from __future__ import annotations

import pytest
import torch
from PIL import Image

from core.compare import CompareOptions, Engine, Run, landmark_error, middle_square, ranked, run_engine, side_by_side
from core.errors import CancelledError, InputError, WeightsError
from core.image import to_tensor
from core.pipeline import Prepared, TransitionPipeline
from core.progress import silent
from core.timeline import Timeline
from tests.conftest import gradient_picture

FADE = Engine("fade", "Plain cross-fade")
OPTIONS = CompareOptions(size_px=64)


def pair():
    return gradient_picture(96, 64), gradient_picture(64, 96).rotate(90, expand=True)


class Jump(TransitionPipeline):
    """The first picture until the middle, then the second; half the size."""

    name = "jump"
    Options = type("None", (), {})

    def __init__(self):
        super().__init__()

    def prepare(self, a, b, options=None, progress=silent):
        prepared = Prepared("jump", {})
        object.__setattr__(prepared, "ends", torch.cat([to_tensor(a), to_tensor(b)]))
        return prepared

    def render(self, prepared, t, **controls):
        return torch.stack([prepared.ends[0 if x < 0.5 else 1, :, ::2, ::2] for x in t])


def test_the_fade_meets_its_ends_in_even_steps():
    run = run_engine(FADE, pair(), Timeline(frames=9, easing="linear"), OPTIONS, silent)
    assert len(run.frames) == 9 and run.frames[0].size == (64, 64)
    assert run.figures["start_db"] == 99 and run.figures["end_db"] == 99
    assert run.figures["evenness"] > 0.9 and run.figures["frame_s"] > 0


def test_a_double_exposure_fits_worst():
    run = run_engine(FADE, pair(), Timeline(frames=3, easing="linear"), OPTIONS, silent)
    assert run.figures["outline"] < 0.1 and run.figures["fit"] < 0.1
    jump = run_engine(Engine("jump", "Jump", Jump), pair(), Timeline(frames=3), OPTIONS, silent)
    assert jump.figures["outline"] > 0.9
    absent, slow = Run("absent", refusal="no"), Run("slow", jump.frames, {"fit": 0.91, "frame_s": 9.0})
    quick = Run("quick", jump.frames, {"fit": 0.89, "frame_s": 1.0})
    assert ranked([absent, run, slow, quick]) == [quick, slow, run, absent]


def test_a_torn_face_is_known_by_its_landmarks(heads):
    face = Image.open(heads[0]).convert("RGB")
    torn = face.copy()
    torn.paste(face.crop((0, 0, face.width // 2, face.height)), (0, face.height // 8))
    assert landmark_error(face, (face, face)) < 0.001 < landmark_error(face.rotate(8), (face, face)) < 0.05
    assert landmark_error(torn, (face, face)) > 0.05 and landmark_error(face, (face, gradient_picture())) is None


def test_holds_and_the_way_back_change_no_figure():
    plain = run_engine(FADE, pair(), Timeline(frames=9), OPTIONS, silent)
    held = run_engine(FADE, pair(), Timeline(frames=9, hold_start_s=0.5, ping_pong=True), OPTIONS, silent)
    assert len(held.frames) > len(plain.frames)
    for name in ("evenness", "sharpness", "start_db", "end_db"):
        assert held.figures[name] == pytest.approx(plain.figures[name])


def test_a_jump_is_uneven_and_sized_like_the_others():
    jump = run_engine(Engine("jump", "Jump", Jump), pair(), Timeline(frames=9), OPTIONS, silent)
    fade = run_engine(FADE, pair(), Timeline(frames=9), OPTIONS, silent)
    assert jump.figures["evenness"] < fade.figures["evenness"] and jump.frames[0].size == (64, 64)
    sheets = list(side_by_side([fade, jump]))
    assert len(sheets) == 9 and sheets[0].width == 128 and sheets[0].height > 64


def test_an_absent_engine_is_named():
    def missing():
        raise WeightsError("the weights toy are not here")

    run = run_engine(Engine("toy", "Toy", missing), pair(), Timeline(frames=3), OPTIONS, silent)
    assert not run.frames and "not here" in run.refusal
    assert len(list(side_by_side([run, run_engine(FADE, pair(), Timeline(frames=3), OPTIONS, silent)]))) == 3
    with pytest.raises(InputError, match="Toy: the weights toy are not here"):
        list(side_by_side([run]))


def test_stop_is_no_refusal():
    def stop(fraction, text=""):
        raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        run_engine(Engine("jump", "Jump", Jump), pair(), Timeline(frames=3), OPTIONS, stop)


def test_too_many_frames_and_sizes_are_refused():
    with pytest.raises(InputError, match="fit side by side"):
        run_engine(FADE, pair(), Timeline(frames=400), OPTIONS, silent)
    with pytest.raises(InputError, match="size_px"):
        run_engine(FADE, pair(), Timeline(frames=3), CompareOptions(size_px=5000), silent)


def test_the_middle_square_is_the_middle():
    picture = Image.new("RGB", (90, 30), "red")
    picture.paste("blue", (30, 0, 60, 30))
    assert middle_square(picture, 30).getcolors() == [(900, (0, 0, 255))]

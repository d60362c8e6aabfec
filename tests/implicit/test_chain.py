"""Rows of portraits, and the average of faces."""

import numpy as np
import pytest

from core.cli import main
from core.errors import InputError
from core.image import load_image
from core.implicit.chain import ImplicitChainPipeline, average_faces
from core.implicit.methods.framing.portraits import frame_portraits
from core.implicit.methods.framing.upright import detect_landmarks
from core.implicit.options import ImplicitOptions

SMALL = ImplicitOptions(size_px=96, outline=False)


@pytest.fixture(scope="module")
def row(heads):
    pipe = ImplicitChainPipeline()
    return pipe, pipe.prepare(*heads[:3], options=SMALL, closed=True)


@pytest.mark.slow
def test_a_closed_chain_shows_each_portrait_and_ends_where_it_began(row):
    pipe, prepared = row
    assert prepared.chain.pairs == [(0, 1), (1, 2), (2, 0)]
    frames = pipe.render(prepared, [0.0, 1 / 3, 2 / 3, 1.0, 0.5]).permute(0, 2, 3, 1).numpy()
    for frame, pair in zip(frames, prepared.pairs, strict=False):
        assert np.abs(frame * 255 - pair.picture_a).max() < 1.5
    assert np.abs(frames[3] - frames[0]).max() < 0.01
    for before, after in zip(prepared.pairs, [*prepared.pairs[1:], prepared.pairs[0]], strict=True):
        assert np.array_equal(before.picture_b, after.picture_a), "all are in one frame"
    assert np.abs(frames[4] - frames[1]).max() > 0.05 and np.abs(frames[4] - frames[2]).max() > 0.05


@pytest.mark.slow
def test_the_average_has_the_mean_shape_and_one_persons_surroundings(heads):
    pictures, options = [load_image(path) for path in heads[:2]], ImplicitOptions(size_px=128, outline=False)
    found = average_faces(pictures, options, around=2)
    assert found.around == 2 and found.figures["faces"] == 2
    framed = frame_portraits(pictures, [detect_landmarks(picture) for picture in pictures], options)
    off = np.linalg.norm(detect_landmarks(found.picture) - np.mean([one.points for one in framed], 0), axis=1)
    assert off.mean() < 2, "pixels of 128"
    corner = np.asarray(found.picture, float)[:12, :12], framed[1].picture[:12, :12].astype(float)
    assert np.abs(corner[0] - corner[1]).mean() < 6


@pytest.mark.slow
def test_the_command_makes_a_film_of_a_row_and_an_average(heads, tmp_path):
    names = [str(path) for path in heads[:2]]
    film, picture = tmp_path / "round.gif", tmp_path / "mean.png"
    size = ["--size-px", "64", "--json"]
    assert main(["implicit", "chain", *names, "--closed", "--frames", "4", "--out", str(film), *size]) == 0
    assert main(["implicit", "average", *names, "--around", "1", "--out", str(picture), *size]) == 0
    assert film.stat().st_size > 0 and max(load_image(picture).size) == 64


def test_what_cannot_be_a_row_is_refused_before_the_work(heads):
    with pytest.raises(InputError, match="give 2 to"):
        ImplicitChainPipeline().prepare(heads[0], options=SMALL)
    with pytest.raises(InputError, match="around is 4"):
        average_faces(heads[:3], SMALL, around=4)

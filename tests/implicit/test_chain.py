"""Rows of portraits, and the average of faces."""

import numpy as np
import pytest

from core.cli import main
from core.errors import InputError
from core.image import load_image
from core.implicit.chain import ImplicitChainPipeline, average_faces
from core.implicit.methods.framing.upright import detect_landmarks
from core.implicit.options import ImplicitOptions

SMALL = ImplicitOptions(size_px=96, outline=False)


@pytest.fixture(scope="module")
def row(heads):
    pipe = ImplicitChainPipeline()
    return pipe, pipe.prepare(*heads[:3], options=SMALL, closed=True)


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


def test_the_average_has_the_mean_shape_and_one_persons_surroundings(heads):
    pictures = [load_image(path) for path in heads[:3]]
    found = average_faces(pictures, SMALL, around=2)
    assert found.around == 2 and found.figures["faces"] == 3
    alone = average_faces([pictures[1]] * 3, SMALL)
    again = average_faces([pictures[1]] * 2, SMALL)
    assert np.abs(np.asarray(alone.picture, float) - np.asarray(again.picture, float)).max() <= 1
    large = ImplicitOptions(size_px=256, outline=False)
    mean = average_faces(pictures, large)
    chain = ImplicitChainPipeline().prepare(*pictures, options=large)
    lists = [chain.pairs[0].points_a, chain.pairs[0].points_b, chain.pairs[1].points_b]
    off = np.linalg.norm(detect_landmarks(mean.picture) - np.mean(lists, 0), axis=1).mean()
    assert off < 4, "pixels of 256"


def test_the_command_makes_a_film_of_a_row_and_an_average(heads, tmp_path):
    names = [str(path) for path in heads[:3]]
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

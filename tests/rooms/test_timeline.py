"""Timelines have the frames they promise and meet their ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError, OptionError
from core.timeline import EASINGS, Chain, Timeline


@given(
    frames=st.integers(2, 300),
    fps=st.integers(1, 60),
    easing=st.sampled_from(sorted(EASINGS)),
    hold=st.floats(0, 3),
    ping_pong=st.booleans(),
)
def test_counts_ends_and_order(frames, fps, easing, hold, ping_pong):
    timeline = Timeline(frames=frames, fps=fps, easing=easing, hold_start_s=hold, ping_pong=ping_pong)
    positions = timeline.positions()
    held = round(hold * fps)
    assert len(positions) == held + frames + (frames - 2 if ping_pong else 0)
    forth = positions[held : held + frames]
    assert forth[0] == 0 and forth[-1] == 1
    assert all(a <= b for a, b in zip(forth, forth[1:], strict=False))
    assert positions[:held] == [0] * held
    if ping_pong:
        assert positions[held + frames :] == forth[-2:0:-1]


def test_beyond_the_ends_and_backwards():
    assert Timeline(frames=3, easing="linear", t_start=1.5, t_end=-0.5).positions() == [1.5, 0.5, -0.5]


@pytest.mark.parametrize("bad", [{"frames": 1}, {"fps": 0}, {"easing": "bounce"}, {"hold_end_s": -1}, {"frames": 2.5}])
def test_bad_values_are_named(bad):
    with pytest.raises(OptionError, match=next(iter(bad))):
        Timeline(**bad).positions()


def test_too_long_a_timeline_is_refused():
    with pytest.raises(OptionError, match="2000 fit"):
        Timeline(frames=600, fps=60, hold_start_s=10, hold_end_s=10, ping_pong=True).positions()


def test_chain_positions():
    assert Chain(3).pairs == [(0, 1), (1, 2)]
    assert Chain(3, closed=True).pairs == [(0, 1), (1, 2), (2, 0)]
    assert Chain(3).at(0) == (0, 0) and Chain(3).at(1) == (1, 1) and Chain(3).at(0.75) == (1, 0.5)
    with pytest.raises(InputError, match="at least 2"):
        Chain(1)

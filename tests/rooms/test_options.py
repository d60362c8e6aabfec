"""One declaration is a check, a flag and a link."""

from dataclasses import dataclass

import pytest

from core.errors import OptionError
from core.options import build, from_query, option, to_query


@dataclass(frozen=True)
class Sample:
    size: int = option(64, "pixels", low=32, high=512)
    tau: float = option(0.3, "coupling", low=0, high=2)
    blend: str = option("linear", "how", choices=("linear", "poisson"))
    fast: bool = option(False, "hurry")
    seed: int | None = option(None, "random numbers")


def test_link_round_trip_drops_defaults():
    changed = build(Sample, {"tau": 0.1 + 0.2, "fast": True, "seed": 7})
    query = to_query(changed)
    assert set(query) == {"tau", "fast", "seed"}
    assert from_query(Sample, query) == changed
    assert to_query(Sample()) == {}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"size": 31}, "between 32 and 512"),
        ({"size": "64"}, "needs a int"),
        ({"tau": float("nan")}, "finite"),
        ({"blend": "liner"}, "did you mean 'linear'"),
        ({"fast": 1}, "needs a bool"),
        ({"siz": 64}, "did you mean 'size'"),
        ({"size": None}, "missing"),
        ({"size": True}, "needs a int"),
    ],
)
def test_bad_values_say_what_fits(values, said):
    with pytest.raises(OptionError, match=said):
        build(Sample, values)


@pytest.mark.parametrize("query", [{"siz": "64"}, {"size": "many"}, {"fast": "perhaps"}, {"tau": "9"}, {"blend": ""}])
def test_bad_links_are_refused(query):
    with pytest.raises(OptionError):
        from_query(Sample, query)

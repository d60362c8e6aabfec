"""Things made on first use and kept, by whichever thread asks first."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Hashable
from typing import Any, ParamSpec, TypeVar, cast

P = ParamSpec("P")
Made = TypeVar("Made")
_NOTHING = object()


class Once:
    """Things made on first use and kept; threads that ask for one at the same time wait for one making of it.

    Unlike `functools.cache`, which lets each of them make its own. What fails is made again when it is asked for again.
    """

    def __init__(self) -> None:
        self._made: dict[Hashable, Any] = {}
        self._locks: dict[Hashable, threading.RLock] = {}
        self._lock = threading.Lock()

    def __call__(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What is kept under `key`, made by `make` if it is not there."""
        with self._lock:
            lock = self._locks.setdefault(key, threading.RLock())
        with lock:
            found = self._made.get(key, _NOTHING)
            if found is _NOTHING:
                found = self._made[key] = make()
            return cast(Made, found)


class Recent(Once):
    """As `Once`, for large things that are asked for again soon or never: only the last `size` of them are kept."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def __call__(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What is kept under `key`, made by `make` if it is not there; it becomes the youngest."""
        found = super().__call__(key, make)
        with self._lock:
            self._made[key] = self._made.pop(key, found)
            for old in list(self._made)[: -self._size]:
                del self._made[old]
                self._locks.pop(old, None)
        return found


def load_once(load: Callable[P, Made]) -> Callable[P, Made]:
    """A loader that keeps its answers by its arguments, which are hashable; see `Once`."""
    once = Once()

    @functools.wraps(load)
    def loaded(*args: P.args, **kwargs: P.kwargs) -> Made:
        return once((args, tuple(sorted(kwargs.items()))), lambda: load(*args, **kwargs))

    return loaded

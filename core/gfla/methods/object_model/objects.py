"""Chairs and cars drawn at random, by us (CC0): what view synthesis is trained on. All are the same on both sides of x = 0."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from core.gfla.methods.object_model.render import Array, Material, Scene
from core.gfla.methods.object_model.solids import box, leant, mirrored, moved, post, prism

PATTERNS = ("plain", "plain", "plain", "stripes", "checks", "dots")


class Rng(Protocol):
    """What draws an object: numpy's generator, or a row of numbers in its place."""

    def uniform(self, low: float = ..., high: float = ..., /) -> float:
        """A number between two."""

    def integers(self, low: int, high: int | None = ..., /) -> Any:
        """A whole number below `low`, or from `low` below `high`."""

    def choice(self, items: Any, /) -> Any:
        """One of the items."""


class Builder:
    """Faces and materials of an object as it grows."""

    def __init__(self, materials: Sequence[Material]) -> None:
        self.faces: list[Array] = []
        self.of_material: list[int] = []
        self.materials = materials

    def add(self, faces: Sequence[Array], material: int) -> None:
        """Add faces of one material."""
        self.faces += faces
        self.of_material += [material] * len(faces)

    def scene(self, rng: Rng, extent: float) -> Scene:
        """The object in the middle of its box, its longest side `extent`, under a light on the plane x = 0."""
        corners = np.concatenate(self.faces)
        low, high = corners.min(0), corners.max(0)
        middle = (low + high) / 2 * np.array([0, 1, 1])
        scale = extent / np.linalg.norm(high - low)
        angle = np.radians(rng.uniform(40, 100))
        light = np.array([0.0, np.sin(angle), np.cos(angle)])
        return Scene(
            [(face - middle) * scale for face in self.faces], np.array(self.of_material), self.materials, light
        )


def colour_of(rng: Rng, saturation: tuple[float, float], value: tuple[float, float]) -> Array:
    """A colour (3,) of any hue."""
    return np.array(colorsys.hsv_to_rgb(rng.uniform(), rng.uniform(*saturation), rng.uniform(*value)))


def any_colour(rng: Rng) -> Array:
    """Vivid, pale, dark or wooden."""
    kind = rng.integers(5)
    if kind == 4:
        return np.array(colorsys.hsv_to_rgb(rng.uniform(0.05, 0.1), rng.uniform(0.4, 0.75), rng.uniform(0.3, 0.85)))
    return colour_of(
        rng, *(((0.6, 1), (0.5, 0.95)), ((0, 0.3), (0.5, 0.9)), ((0, 0.7), (0.1, 0.4)), ((0.2, 0.8), (0.3, 0.9)))[kind]
    )


def material(rng: Rng, colour: Array | None = None, patterned: bool = False) -> Material:
    """A material of a colour, plain or with a pattern of another."""
    pattern = str(rng.choice(PATTERNS)) if patterned else "plain"
    return Material(any_colour(rng) if colour is None else colour, any_colour(rng), pattern, rng.uniform(0.06, 0.14))


def chair(rng: Rng) -> Scene:
    """A chair: seat, back, legs or a foot, with or without arms. Its seat is at y = 0, its front at +z."""
    frame, cloth = material(rng), material(rng, patterned=True)
    made = Builder([frame, cloth, material(rng)])
    wide, deep, thick = rng.uniform(0.42, 0.62), rng.uniform(0.4, 0.56), rng.uniform(0.03, 0.12)
    made.add(box((0, -thick / 2, 0), (wide, thick, deep)), 1)
    legs(rng, made, wide, deep, -thick)
    tall, lean = rng.uniform(0.38, 0.75), rng.uniform(0, 14)
    back(rng, made, (wide, tall, -deep / 2), lean)
    if rng.uniform() < 0.45:
        arms(rng, made, wide, deep)
    return made.scene(rng, rng.uniform(0.98, 1.12))


def legs(rng: Rng, made: Builder, wide: float, deep: float, top: float) -> None:
    """Square, round or splayed legs, a sled, a foot with a star, or a solid base."""
    long, stout, kind = rng.uniform(0.3, 0.48), rng.uniform(0.018, 0.035), rng.integers(6)
    x, z, low = wide / 2 - stout, deep / 2 - stout, top - long
    if kind == 0:
        made.add(box((0, top - long / 3, 0), (wide, long / 1.5, deep)), int(rng.integers(2)))
    elif kind == 1:
        made.add(post((0, low + 0.04, 0), (0, top, 0), stout), 0)
        for angle in np.radians(np.array([0, 72, 144, 216, 288])):
            toe = (0.27 * np.sin(angle), low, 0.27 * np.cos(angle))
            made.add(post((0, low + 0.05, 0), toe, stout * 0.8, 6), 0)
    elif kind == 2:
        made.add(mirrored(box((x, low, 0), (2 * stout, 2 * stout, deep))), 0)
        for end in (-z, z):
            made.add(mirrored(box((x, (low + top) / 2, end), (2 * stout, long, 2 * stout))), 0)
    else:
        splay = rng.uniform(0, 0.07) if kind == 5 else 0.0
        for sign in (-1, 1):
            if kind == 3:
                leg = box((x, (low + top) / 2, sign * z), (2 * stout, long, 2 * stout))
            else:
                leg = post((x + splay, low, sign * (z + splay)), (x, top, sign * z), stout, 8)
            made.add(mirrored(leg), 0)
        if rng.uniform() < 0.4:
            height = low + long * rng.uniform(0.3, 0.6)
            made.add(mirrored(box((x, height, 0), (stout, stout, 2 * z))), 0)


def back(rng: Rng, made: Builder, at: tuple[float, float, float], lean: float) -> None:
    """A panel, upright slats or rails between two posts, leaning backwards from (width, height, z)."""
    (wide, tall, z), thick, kind = at, rng.uniform(0.025, 0.09), rng.integers(4)
    parts: list[tuple[list[Array], int]] = []
    if kind < 2:
        gap = rng.uniform(0, 0.2) * tall if kind else 0.0
        parts.append(
            (box((0, (tall + gap) / 2, z + thick / 2), (wide, tall - gap, thick)), 1 if rng.uniform() < 0.8 else 2)
        )
        if gap:
            parts.append((mirrored(box((wide / 2 - 0.04, gap / 2, z + thick / 2), (0.04, gap, 0.03))), 0))
    else:
        parts.append((mirrored(box((wide / 2 - 0.02, tall / 2, z + 0.02), (0.04, tall, 0.04))), 0))
        parts.append((box((0, tall - 0.04, z + 0.02), (wide, 0.08, 0.035)), 0))
        count = int(rng.integers(2, 5))
        for number in range(count):
            if kind == 2:
                x = wide * ((number + 1) / (count + 1) - 0.5)
                parts.append((box((x, tall / 2, z + 0.02), (0.035, tall - 0.06, 0.025)), 0))
            else:
                height = tall * (number + 0.6) / (count + 0.6)
                parts.append((box((0, height, z + 0.02), (wide - 0.06, 0.06, 0.025)), 2))
    for faces, number in parts:
        made.add(leant(faces, lean, (0, 0, z)), number)


def arms(rng: Rng, made: Builder, wide: float, deep: float) -> None:
    """Two arms on posts, or solid ones."""
    high, thick = rng.uniform(0.16, 0.26), rng.uniform(0.03, 0.08)
    x = wide / 2 + thick / 2
    if rng.uniform() < 0.4:
        made.add(mirrored(box((x, high / 2 - 0.1, 0), (thick, high + 0.2, deep))), 1)
        return
    made.add(mirrored(box((x, high, 0), (thick, 0.035, deep))), int(rng.choice([0, 2])))
    made.add(mirrored(box((x, high / 2, deep / 2 - 0.05), (0.03, high, 0.03))), 0)


def car(rng: Rng) -> Scene:
    """A car: body, cabin with windows, wheels, lamps. Its wheels stand at y = 0, its front at +z."""
    paint = any_colour(rng)
    glass = Material(np.array([0.12, 0.15, 0.2]) * rng.uniform(0.5, 2), paint)
    tyre, rim = Material(np.full(3, 0.1), paint), Material(np.full(3, rng.uniform(0.5, 0.85)), paint)
    second = material(rng, paint if rng.uniform() < 0.7 else None)
    lamp, tail = Material(np.array([0.95, 0.93, 0.8]), paint), Material(np.array([0.75, 0.08, 0.08]), paint)
    body = Material(paint, any_colour(rng), "stripes" if rng.uniform() < 0.12 else "plain", rng.uniform(0.2, 0.4))
    made = Builder([body, glass, tyre, rim, lamp, tail, second])
    long, half, radius = rng.uniform(1.7, 2.3), rng.uniform(0.36, 0.46), rng.uniform(0.14, 0.2)
    low, belt = radius * rng.uniform(0.7, 1.1), radius + rng.uniform(0.28, 0.42)
    hull = hull_profile(rng, long, low, belt)
    made.add(prism(hull, half), 0)
    cabin(rng, made, (long, half, belt))
    for z in (long * rng.uniform(0.28, 0.34), -long * rng.uniform(0.26, 0.33)):
        made.add(mirrored(post((half - 0.14, radius, z), (half + 0.015, radius, z), radius, 14)), 2)
        made.add(mirrored(post((half, radius, z), (half + 0.025, radius, z), radius * 0.6, 10)), 3)
    high, front, rear = (low + belt) / 2 + 0.03, hull[1][0], hull[0][0]
    made.add(mirrored(box((half * 0.72, high, front), (half * 0.4, 0.08, 0.03))), 4)
    made.add(mirrored(box((half * 0.75, high, rear), (half * 0.34, 0.08, 0.03))), 5)
    for end in (front, rear):
        made.add(box((0, low + 0.05, end), (2 * half, 0.08, 0.08)), 6)
    return made.scene(rng, rng.uniform(1.0, 1.12))


def hull_profile(rng: Rng, long: float, low: float, belt: float) -> list[tuple[float, float]]:
    """(z, y) corners of the lower body, from the rear's foot to the front's and round over the bonnet."""
    nose = belt - rng.uniform(0.02, 0.12)
    return [
        (-long / 2, low), (long / 2, low), (long / 2 + 0.02, (low + nose) / 2), (long / 2 - 0.03, nose), (long * 0.2, belt),
        (-long / 2 + 0.02, belt), (-long / 2 - 0.02, (low + belt) / 2),
    ]  # fmt: skip


def cabin(rng: Rng, made: Builder, size: tuple[float, float, float]) -> None:
    """The cabin on a hull of (length, half width, height of the belt) and its windows: saloon, hatchback, van or pickup."""
    (long, half, belt), kind = size, rng.integers(4)
    tall, lean = rng.uniform(0.26, 0.42), rng.uniform(0.1, 0.3)
    front, rear = ((0.24, -0.36), (0.22, -0.49), (0.4, -0.49), (0.26, -0.1))[kind]
    slope_front, slope_rear = (
        rng.uniform(0.12, 0.3) * long / 2,
        ((0.14, 0.26), (0.04, 0.12), (0, 0.03), (0, 0.05))[kind],
    )
    back_top = long * rear + rng.uniform(*slope_rear) * long / 2
    profile = [(long * rear, 0.0), (long * front, 0.0), (long * front - slope_front, tall), (back_top, tall)]
    made.add(moved(prism(profile, half * 0.97, lean), (0, belt, 0)), 0 if rng.uniform() < 0.8 else 6)
    windows = window_faces(profile, half * 0.97, lean)
    made.add(moved(windows if kind != 2 or rng.uniform() < 0.6 else windows[:2], (0, belt, 0)), 1)
    if kind == 3:
        rim = box((half - 0.03, belt + 0.04, long * (rear - 0.49) / 2), (0.05, 0.1, long * (0.49 + rear)))
        made.add(mirrored(rim), 0)


def window_faces(profile: Sequence[tuple[float, float]], half: float, lean: float) -> list[Array]:
    """Panes just outside a cabin: windscreen, rear window, two on each side; thin, seen from outside only."""
    (z0, _), (z1, _), (z2, tall), (z3, _) = profile
    low, high, out = 0.14 * tall, 0.86 * tall, 0.006

    def at(y: float, bottom: float, top: float) -> float:
        return bottom + (top - bottom) * y / tall

    panes = []
    for a, b, sign in ((z1, z2, 1.0), (z0, z3, -1.0)):
        w0, w1 = (half - lean * y - 0.05 for y in (low, high))
        za, zb = at(low, a, b) + sign * out, at(high, a, b) + sign * out
        pane = np.array([(-w0, low, za), (w0, low, za), (w1, high, zb), (-w1, high, zb)])
        panes.append(pane if sign > 0 else pane[::-1])
    pillar = (z0 + z1) / 2
    rear = [(low, at(low, z0, z3) + 0.06), (low, pillar - 0.02), (high, pillar - 0.02), (high, at(high, z0, z3) + 0.06)]
    front = [
        (low, pillar + 0.02),
        (low, at(low, z1, z2) - 0.06),
        (high, at(high, z1, z2) - 0.06),
        (high, pillar + 0.02),
    ]
    for corners in (rear, front):
        panes += mirrored([np.array([(half - lean * y + out, y, z) for y, z in corners])[::-1]])
    return panes


def object_of(kind: str, rng: Rng) -> Scene:
    """A random object of a kind."""
    return chair(rng) if kind == "chair" else car(rng)

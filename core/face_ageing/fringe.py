"""The whole of a head's hair from the parts that its colours tell surely: gaps, highlights and a fringe are part of it.

Colours alone leave holes where light falls on hair, and a fringe that lets the skin through; both would keep their colour
while the rest turns grey. A cut through the picture that prefers its edges closes them.

Source: Rother, Kolmogorov and Blake 2004, "GrabCut", section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.face_ageing.shapes import fade, strand_contrast
from core.ops.masks import disc
from core.ops.tangents import edge_coherence, tangent_field


@dataclass(frozen=True)
class Cut:
    """Constants; lengths in face heights."""

    scale: float = 0.5  # of the view: strands are drawn later
    reach: float = 0.14  # how far beyond what is known hair may be
    gap: float = 0.3  # and how wide a gap between known hair
    rounds: int = 3
    least: int = 50  # pixels of known hair and skin, below which nothing is cut
    seed: int = 1
    dark: tuple[float, float] = (
        0.85,
        0.55,
    )  # lightness of a fringe by the skin's: from where on it is hair, and surely
    least_fringe: float = 0.4  # of a fringe whose strands are blurred
    above: tuple[float, float] = (0.0, -0.06)  # the bridge of the nose, where a fringe ends
    lock_px: float = 4.0  # over which the direction of a lock's strands is averaged, pixels of the view
    coherent: tuple[float, float] = (0.35, 0.6)  # see `edge_coherence`: of skin, of a lock
    upright: tuple[float, float] = (0.5, 0.75)  # cosine to the face's axis: across it are wrinkles


CUT = Cut()


def whole_hair(view: np.ndarray, hair: np.ndarray, skin: np.ndarray, never: np.ndarray, height: float) -> np.ndarray:
    """Where hair is, (h, w) float32 in [0, 1].

    Args:
        view: (h, w, 3) float32 RGB in [0, 1].
        hair: (h, w) float32, a matte with gaps.
        skin: (h, w) bool, surely skin.
        never: (h, w) bool, surely no hair.
        height: of the face, pixels.
    """
    size = (round(view.shape[1] * CUT.scale), round(view.shape[0] * CUT.scale))
    small, matte, known, out = (
        cv2.resize(part.astype(np.float32), size, interpolation=cv2.INTER_AREA) for part in (view, hair, skin, never)
    )
    core, known, out = (matte > 0.5).astype(np.uint8), known > 0.9, out > 0.5
    sure = (cv2.erode((matte > 0.85).astype(np.uint8), disc(3)) > 0) & ~out
    if min(sure.sum(), known.sum()) < CUT.least:
        return np.zeros_like(hair)
    reach = cv2.dilate(core, disc(CUT.reach * height * CUT.scale)) | cv2.morphologyEx(
        core, cv2.MORPH_CLOSE, disc(CUT.gap * height * CUT.scale)
    )
    out |= reach == 0
    marks = np.where(core > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    marks[out], marks[sure] = cv2.GC_BGD, cv2.GC_FGD
    picture = (255 * small).clip(0, 255).astype(np.uint8)
    # A dark background would teach that dark is no hair: what lies out of reach shows skin instead.
    hidden = out & ~known
    colours = picture[known]
    picture[hidden] = colours[np.random.default_rng(CUT.seed).integers(0, len(colours), int(hidden.sum()))]
    hairy = np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD))
    # Started from mixtures of our own: OpenCV's start is drawn by chance.
    cv2.grabCut(picture, marks, None, mixture(picture[~hairy]), mixture(picture[hairy]), CUT.rounds, cv2.GC_EVAL)
    found = np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    return cv2.resize(found, (view.shape[1], view.shape[0]), interpolation=cv2.INTER_LINEAR)


def without_holes(found: np.ndarray, never: np.ndarray, largest: float) -> np.ndarray:
    """A matte (h, w) whose gaps of at most `largest` pixels, amid hair and no place without hair, are closed."""
    _, labels, figures, _ = cv2.connectedComponentsWithStats((found < 0.5).astype(np.uint8), connectivity=4)
    left, top, width, height, size = figures.T
    inside = (left > 0) & (top > 0) & (left + width < found.shape[1]) & (top + height < found.shape[0])
    closed = inside & (size <= largest)
    closed[0] = False
    closed[np.unique(labels[never])] = False
    return np.maximum(found, closed[labels].astype(np.float32))


def mixture(colours: np.ndarray) -> np.ndarray:
    """Five normal distributions of colours (n, 3), started from even steps of lightness, as OpenCV keeps them: (1, 65)."""
    samples = colours.astype(np.float32)
    labels = np.empty((len(samples), 1), np.int32)
    labels[np.argsort(samples.sum(1), kind="stable"), 0] = np.arange(len(samples)) * 5 // len(samples)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 10, 0.1)
    _, labels, centres = cv2.kmeans(samples, 5, labels, stop, 1, cv2.KMEANS_USE_INITIAL_LABELS)
    parts = [samples[labels[:, 0] == number] for number in range(5)]
    spreads = [np.cov(part.T) + np.eye(3) if len(part) > 3 else np.eye(3) for part in parts]
    return np.concatenate(
        [
            np.array([len(part) / len(samples) for part in parts]),
            centres.ravel(),
            *(spread.ravel() for spread in spreads),
        ]
    ).reshape(1, 65)


def hanging_hair(
    light: np.ndarray, hair: np.ndarray, bare: np.ndarray, below_eyes: np.ndarray, axis: np.ndarray
) -> np.ndarray:
    """Fringe and locks in front of a face that a matte left out, (h, w) float32 in [0, 1]: what is neither hair nor skin there,
    hangs together with hair and is dark above the eyes, or runs in strands along the face.

    Args:
        light: (h, w) lightness L* by the skin's.
        hair: (h, w) the matte.
        bare: (h, w) where a face shows neither skin nor brows, eyes, lips or spectacles.
        below_eyes: (h, w) down from the bridge of the nose, face heights.
        axis: (2,) from forehead to chin.
    """
    axis = axis / max(1e-6, float(np.hypot(*axis)))
    strands = strand_contrast(100 * light)
    above = fade(below_eyes, *CUT.above)
    fringe = above * fade(light, *CUT.dark) * np.maximum(strands, CUT.least_fringe)
    along = fade(np.abs(tangent_field(light, CUT.lock_px) @ axis), *CUT.upright)
    lock = strands * along * fade(edge_coherence(light, CUT.lock_px), *CUT.coherent)
    found = bare * np.maximum(fringe, lock)
    _, labels = cv2.connectedComponents((np.maximum(found, hair) > 0.4).astype(np.uint8))
    own = np.zeros(int(labels.max()) + 1, bool)
    own[np.unique(labels[hair > 0.6])] = True
    own[0] = False
    reach = cv2.dilate(own[labels].astype(np.float32), disc(3))
    return cv2.GaussianBlur(found * reach, (0, 0), 1.5).astype(np.float32)

"""What the ripple pipeline finds out about a portrait, and what it makes of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from torch import Tensor

from core.detect.align import Aligned
from core.detect.faces import Face
from core.errors import OptionError
from core.pipeline import Prepared
from core.ripple.methods.moved_head.scene import HeadScene
from core.ripple.options import RippleOptions
from core.ripple.paper.inversion import Inversion


@dataclass(frozen=True)
class RipplePrepared(Prepared):
    """An inverted face.

    Attributes:
        whole: the photograph.
        aligned: the face in it; None where the picture itself is the face.
        inversion: codes and distortion map.
        start: (1, 3, P, P) the inversion's picture without an edit, in [-1, 1].
        missing: (1, 3, P, P) photograph minus `start`, carried along with the head; None where the weights cannot.
        background: (256, 256, 3) uint8, 255 = background of the inversion.
        silhouette: (256, 256) bool, where surface or pre-aligner see the person before the edit; None without either.
        side: P, the side of results in pixels.
        scene: the photograph with its head's surface; None where a network says where the head goes, or nothing does.
        face: the face that is meant; None where none was looked for.
        bears: degrees by name of the edits that its scene bears less of than others, the turn ("pose") always.
        notes: what was done to the photograph, or limits it; a sentence each.
        options: what it was prepared with.
    """

    whole: Image.Image
    aligned: Aligned | None
    inversion: Inversion
    start: Tensor
    missing: Tensor | None
    background: np.ndarray | None
    silhouette: np.ndarray | None
    side: int
    scene: HeadScene | None
    face: Face | None
    bears: dict[str, tuple[float, float]]
    notes: tuple[str, ...]
    options: RippleOptions

    @property
    def turn(self) -> tuple[float, float]:
        """Degrees that its scene bears to be turned to the picture's left (below 0) and right."""
        return self.bears["pose"]

    @property
    def known_scene(self) -> HeadScene:
        """The photograph with its head's surface.

        Raises:
            OptionError: it was not taken apart.
        """
        if self.scene is None:
            raise OptionError("the head's surface was not measured: use the preview weights, with turn at 'surface'")
        return self.scene

    @property
    def crop(self) -> Image.Image:
        """The face as it was cut out."""
        return self.aligned.picture if self.aligned else self.whole


@dataclass(frozen=True)
class RippleResult:
    """One edit.

    Attributes:
        plain: the inversion's edit with its details, ripple and all.
        mask: white = ripple (black where nothing was cleaned).
        clean: the same face with the ripple repainted.
        whole: the photograph with the clean face in it.
        codes: (1, N, D) the edited codes.
        figures: measured facts.
        before: background of the inversion, 256 px, white = background; None where nothing was cleaned.
        after: the same of the edit.
        notes: what limited it; a sentence each.
    """

    plain: Image.Image
    mask: Image.Image
    clean: Image.Image
    whole: Image.Image
    codes: Tensor
    figures: dict[str, float]
    before: Image.Image | None = None
    after: Image.Image | None = None
    notes: tuple[str, ...] = ()

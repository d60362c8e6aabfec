"""Edits of W+ codes: InterFaceGAN directions and GANSpace components."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core.errors import ShapeError, WeightsError, unknown_name
from core.ripple.options import EDITS

PUBLISHED = Path(__file__).parent / "constants" / "edit_directions.npz"
FILE = "directions.safetensors"


@dataclass(frozen=True)
class Component:
    """A GANSpace edit: which component, which layers [start, end), and the coordinate to move to."""

    index: int
    start: int
    end: int
    strength: float


GANSPACE = {"eyes": Component(54, 7, 8, 20), "lip": Component(34, 10, 11, 20), "beard": Component(58, 7, 9, -20)}


@dataclass(frozen=True)
class Directions:
    """What a set of weights can edit.

    Attributes:
        linear: name -> (1 or N, D); `degree` times this is added to the codes.
        mean, components, std: GANSpace's (1, D), (K, 1, D), (K,); None where a set has none.
    """

    linear: Mapping[str, Tensor] = field(default_factory=dict)
    mean: Tensor | None = None
    components: Tensor | None = None
    std: Tensor | None = None

    def names(self) -> list[str]:
        """The edits that these directions allow, in the order of `EDITS`."""
        has_ganspace = self.components is not None
        return [n for n in EDITS if n == "inversion" or n in self.linear or (has_ganspace and n in GANSPACE)]

    def apply(self, codes: Tensor, name: str, degree: float) -> Tensor:
        """Edited codes.

        Args:
            codes: (B, N, D) W+ codes.
            name: one of `names()`.
            degree: 0 leaves the codes as they are; for GANSpace 1 is the published strength.

        Raises:
            OptionError: if these weights cannot do the edit.
        """
        if name not in self.names():
            raise unknown_name("edit of these weights", name, self.names())
        if name == "inversion" or degree == 0:
            return codes
        if name in self.linear:
            return shift(codes, self.linear[name], degree)
        return self.move_along(codes, GANSPACE[name], degree)

    def move_along(self, codes: Tensor, edit: Component, degree: float = 1.0) -> Tensor:
        """GANSpace: move layers [start, end) to coordinate `degree * strength` of a component.

        The present coordinate is read from layer 0, whatever layers are edited, as published.

        Source: Harkonen et al. 2020 (GANSpace), section 3; the rule is that of encoder4editing.
        """
        mean, components, stds = self.ganspace()
        component, std = components[edit.index], stds[edit.index]
        present = ((codes[:, :1] - mean) * component).sum(-1, keepdim=True) / std
        edited = codes.clone()
        edited[:, edit.start : edit.end] += (degree * edit.strength - present) * component * std
        return edited

    def ganspace(self) -> tuple[Tensor, Tensor, Tensor]:
        """Mean, components and standard deviations.

        Raises:
            WeightsError: one of them is missing.
        """
        if self.mean is None or self.components is None or self.std is None:
            raise WeightsError("the GANSpace basis is not whole: give mean, components and std together")
        return self.mean, self.components, self.std

    def save(self, folder: Path) -> None:
        """Write `directions.safetensors` into `folder`."""
        from safetensors.torch import save_file

        tensors = {f"linear.{name}": value.contiguous() for name, value in self.linear.items()}
        if self.components is not None:
            basis = zip(("mean", "components", "std"), self.ganspace(), strict=True)
            tensors |= {f"ganspace.{name}": value.contiguous() for name, value in basis}
        save_file(tensors, folder / FILE)


def shift(codes: Tensor, direction: Tensor, degree: float | Tensor) -> Tensor:
    """Codes + degree * direction: InterFaceGAN's edit on all layers.

    Source: Shen et al. 2020 (InterFaceGAN), section 3.2.
    """
    if direction.shape[-1] != codes.shape[-1] or direction.shape[-2] not in (1, codes.shape[1]):
        raise ShapeError(f"direction is {tuple(direction.shape)}, the codes are {tuple(codes.shape)}")
    return codes + degree * direction.to(codes)


def published_directions() -> Directions:
    """Age, smile, pose and the GANSpace basis that encoder4editing publishes (MIT), for the FFHQ model."""
    with np.load(PUBLISHED) as file:
        data = {name: torch.from_numpy(file[name]) for name in file.files}
    linear = {"age": data["age"], "smile": data["smile"], "pose": data["pose"][0]}
    return Directions(linear, data["ganspace_mean"], data["ganspace_comp"], data["ganspace_std"])


def load_directions(folder: Path) -> Directions:
    """The directions that lie beside a record's networks."""
    from safetensors.torch import load_file

    file = folder / FILE
    if not file.is_file():
        raise WeightsError(f"{folder} has no {FILE}: convert the record again, or copy the file of the same generator")
    data = load_file(file)
    linear = {name.removeprefix("linear."): value for name, value in data.items() if name.startswith("linear.")}
    return Directions(linear, data.get("ganspace.mean"), data.get("ganspace.components"), data.get("ganspace.std"))

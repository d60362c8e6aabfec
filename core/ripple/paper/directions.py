"""Edits of W+ codes: InterFaceGAN directions and GANSpace components."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

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


class Directions(ModelMixin, ConfigMixin):
    """What a set of weights can edit.

    Args:
        counts: name -> how many codes its InterFaceGAN direction has: N, or 1 for one that all codes share.
        width: D, length of a code.
        components: K, number of GANSpace's components; 0 where a set has none.

    Source: Shen et al. 2020 (InterFaceGAN), section 3.2; Harkonen et al. 2020 (GANSpace), section 3.
    """

    @register_to_config
    def __init__(self, counts: Mapping[str, int], width: int = 512, components: int = 0) -> None:
        super().__init__()
        shapes = {name: (count, width) for name, count in counts.items()}
        self.linear = nn.ParameterDict({name: torch.zeros(shape) for name, shape in shapes.items()})
        basis = {"mean": (1, width), "components": (components, 1, width), "std": (components,)} if components else {}
        self.ganspace = nn.ParameterDict({name: torch.zeros(shape) for name, shape in basis.items()})
        self.requires_grad_(False)

    @classmethod
    def of(cls, state: Mapping[str, Tensor]) -> Directions:
        """The directions with these tensors: `linear.NAME` (1 or N, D), and `ganspace.` mean, components and std.

        Raises:
            WeightsError: tensors are missing, unknown or of another shape.
        """
        from core.weights import fill_strict

        counts = {key.removeprefix("linear."): len(state[key]) for key in state if key.startswith("linear.")}
        components = len(state["ganspace.components"]) if "ganspace.components" in state else 0
        width = next((value.shape[-1] for value in state.values() if value.dim() > 1), 0)
        # by name: diffusers takes what comes by position for defaults, and forgets it
        module = cls(counts=counts, width=width, components=components)
        return fill_strict(module, state, "the file of directions").eval()

    def names(self) -> list[str]:
        """The edits that these directions allow, in the order of `EDITS`."""
        return [n for n in EDITS if n == "inversion" or n in self.linear or (n in GANSPACE and len(self.ganspace))]

    def forward(self, codes: Tensor, name: str, degree: float) -> Tensor:
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
        if name in GANSPACE:
            return self.move_along(codes, GANSPACE[name], degree)
        direction = self.linear[name]
        if direction.shape[-1] != codes.shape[-1] or direction.shape[-2] not in (1, codes.shape[1]):
            raise ShapeError(f"direction is {tuple(direction.shape)}, the codes are {tuple(codes.shape)}")
        return codes + degree * direction.to(codes)

    def move_along(self, codes: Tensor, edit: Component, degree: float) -> Tensor:
        """GANSpace: move layers [start, end) to coordinate `degree * strength` of a component.

        The present coordinate is read from layer 0, whatever layers are edited, as encoder4editing does.
        """
        component, std = self.ganspace["components"][edit.index], self.ganspace["std"][edit.index]
        present = ((codes[:, :1] - self.ganspace["mean"]) * component).sum(-1, keepdim=True) / std
        edited = codes.clone()
        edited[:, edit.start : edit.end] += (degree * edit.strength - present) * component * std
        return edited

    def save(self, folder: Path) -> None:
        """Write `directions.safetensors` into a record's folder."""
        from safetensors.torch import save_file

        save_file({key: value.cpu().contiguous() for key, value in self.state_dict().items()}, folder / FILE)


def published_directions() -> Directions:
    """Age, smile, pose and the GANSpace basis that encoder4editing publishes (MIT), for the FFHQ model."""
    with np.load(PUBLISHED) as file:
        data = {name: torch.from_numpy(file[name]) for name in file.files}
    linear = {"age": data["age"], "smile": data["smile"], "pose": data["pose"][0]}
    basis = {"mean": data["ganspace_mean"], "components": data["ganspace_comp"], "std": data["ganspace_std"]}
    state = {f"linear.{name}": value for name, value in linear.items()}
    return Directions.of(state | {f"ganspace.{name}": value for name, value in basis.items()})


def load_directions(folder: Path) -> Directions:
    """The directions that lie beside a record's networks."""
    from safetensors.torch import load_file

    file = folder / FILE
    if not file.is_file():
        raise WeightsError(f"{folder} has no {FILE}: convert the record again, or copy the file of the same generator")
    return Directions.of(load_file(file))

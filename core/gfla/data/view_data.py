"""Views of ShapeNet objects for training: the published HDF5 files and their lists.

    <root>/data_<category>.hdf5          groups "<model>_<A>_<E>" with `image` (H, W, 3) uint8 and `pose` = (A, E)
    <root>/id_<category>_<phase>.txt     those ids, one a line
    <root>/name_<category>_test.txt      models of the test set, one a line

A is the azimuth by 10 degrees (0, 2, .. 34 are used), E the elevation: 0, 10 or 20 degrees.
A batch holds `source`, `target` (B, 3, 256, 256) in [-1, 1] and `source_view`, `target_view` (B, 21, 1, 1).

Source: Ren et al. 2020, supplementary material; data of Sun et al. 2018, "Multi-view to Novel View".
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor
from torch.utils.data import default_collate

from core.errors import InputError
from core.gfla.data.annotations import listed
from core.gfla.paper.pictures import as_network_picture
from core.gfla.paper.views import AZIMUTH_STEP_DEG, AZIMUTHS, view_code, view_of_annotation


def open_hdf5(file: Path) -> Any:
    """The open file.

    Raises:
        InputError: no such file, no h5py, or no HDF5.
    """
    if not file.is_file():
        raise InputError(f"no view data at {file}: give the folder with data_<category>.hdf5")
    try:
        import h5py
    except ImportError as error:
        raise InputError(
            f"{file.name} is HDF5, which needs the package h5py: pip install h5py (or the extra: pip install -e .[views])"
        ) from error
    try:
        return h5py.File(file, "r")
    except OSError as error:
        raise InputError(f"{file} is no HDF5 file ({error}): download it again") from error


def read_ids(file: Path) -> list[str]:
    """The lines of a list.

    Raises:
        InputError: no such list, or an empty one.
    """
    if not file.is_file():
        raise InputError(f"no list at {file}: the published splits belong beside the HDF5 file")
    found = file.read_text().split()
    if not found:
        raise InputError(f"{file} names nothing: one id a line fits")
    return found


def parsed_id(name: str) -> tuple[str, int, int]:
    """(model, azimuth by 10 degrees, elevation in degrees) of "<model>_<A>_<E>".

    Raises:
        InputError: another form, or an angle that the data have not.
    """
    try:
        model, azimuth, elevation = name.rsplit("_", 2)
        parts = model, int(azimuth), int(elevation)
    except ValueError as error:
        raise InputError(f"{name!r} is no view id: <model>_<azimuth / 10>_<elevation> fits") from error
    view_code(*view_of_annotation(parts[1], parts[2]))
    return parts


class ViewPairs:
    """Pairs of views of one object at one elevation.

    Args:
        root: folder of the HDF5 file and its lists.
        category: car or chair.
        phase: train or test; the test list names objects, the others views.
        side_px: side of the pictures.
    """

    def __init__(self, root: Path, category: str, phase: str, side_px: int) -> None:
        self.file, self.side_px = root / f"data_{category}.hdf5", side_px
        whole = phase == "test"
        self.names = read_ids(root / f"{'name' if whole else 'id'}_{category}_{phase}.txt")
        self.handle: Any = None
        self.process = -1
        faults = []
        for name in () if whole else self.names:
            try:
                parsed_id(name)
            except InputError as error:
                faults.append(str(error))
        if faults:
            raise InputError(f"{len(faults)} bad ids in the list: {listed(faults)}")
        self._data()

    def __len__(self) -> int:
        """Number of views."""
        return len(self.names)

    def draw(self, rng: np.random.Generator, size: int) -> dict[str, Tensor]:
        """`size` random views, each with a random one of the same object."""
        return default_collate([self.pair(rng) for _ in range(size)])

    def pair(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """One pair, without the batch axis."""
        source = self.names[int(rng.integers(len(self.names)))]
        model, _, elevation = parsed_id(source)
        azimuth = int(rng.integers(AZIMUTHS)) * AZIMUTH_STEP_DEG // 10
        target = f"{model}_{azimuth}_{elevation}"
        (a, view_a), (b, view_b) = self.view(source), self.view(target)
        return {"source": a, "source_view": view_a, "target": b, "target_view": view_b}

    def view(self, name: str) -> tuple[Tensor, Tensor]:
        """Picture (3, side, side) in [-1, 1] and code (21, 1, 1) of one id.

        Raises:
            InputError: an id that the file lacks.
        """
        data = self._data()
        if name not in data:
            raise InputError(f"{self.file.name} has no view {name}: the list belongs to another file")
        picture = Image.fromarray(np.asarray(data[name]["image"][()], np.uint8)).convert("RGB")
        picture = picture.resize((self.side_px, self.side_px), Image.Resampling.BILINEAR)
        azimuth, elevation = (int(number) for number in np.ravel(data[name]["pose"][()])[:2])
        return as_network_picture(np.asarray(picture)), view_code(*view_of_annotation(azimuth, elevation))

    def _data(self) -> Any:
        # An open HDF5 file does not survive a fork, so every worker opens its own.
        if self.handle is None or self.process != os.getpid():
            self.handle, self.process = open_hdf5(self.file), os.getpid()
        return self.handle

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "handle": None}


def tested_views(objects: ViewPairs, index: int) -> tuple[str, list[str]]:
    """The published test of one object of a test list: the id of its source, and those of its 18 views at elevation 0."""
    model = objects.names[index]
    ids = [f"{model}_{number * AZIMUTH_STEP_DEG // 10}_0" for number in range(AZIMUTHS)]
    return ids[index % AZIMUTHS], ids

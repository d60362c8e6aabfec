"""The published measures of generated people, and what a number must be told with: resize, file type, code.

Pictures are (H, W, 3) uint8. SSIM is taken twice, as published: with a uniform window of 51 pixels, and with a Gaussian
of 1.5 pixels on the range of the generated picture. Result names are matched to truth by what stands after `_2_`.

Source: Ren et al. 2020, section 4.2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor

from core.errors import InputError, ShapeError, WeightsError
from core.metrics import backbone_files as files
from core.metrics.fid import InceptionPool, frechet_distance
from core.metrics.lpips import Lpips

WINDOW = 51
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def image_metrics(real: np.ndarray, generated: np.ndarray) -> dict[str, float]:
    """L1 and MAE (sum of differences by sum of values), PSNR in dB, SSIM with both windows.

    Raises:
        ShapeError: different sizes, or a side below 51 pixels.
    """
    if real.shape != generated.shape or min(real.shape[:2]) < WINDOW:
        raise ShapeError(
            f"pictures are {real.shape} and {generated.shape}; equal sizes of at least {WINDOW} pixels a side fit"
        )
    a, b = real.astype(np.float32) / 255, generated.astype(np.float32) / 255
    gap = np.abs(a - b)
    bell = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return {
        "l1": float(gap.mean()),
        "mae": float(gap.sum() / (a + b).sum()),
        "psnr": float(peak_signal_noise_ratio(a, b, data_range=1)) if gap.any() else float("inf"),
        "ssim": float(structural_similarity(a, b, data_range=1, win_size=WINDOW, channel_axis=-1)),
        "ssim_256": float(
            structural_similarity(a, b, data_range=float(b.max() - b.min()) or 1.0, channel_axis=-1, **bell)
        ),
    }


def target_name(result: str) -> str:
    """The stem of the target that a result file shows: what stands between `_2_` and `_vis`.

    Raises:
        InputError: a name of another form.
    """
    stem = Path(result).stem.removesuffix("_vis")
    if "_2_" not in stem:
        raise InputError(f"{result} is no result name: <source>_2_<target>_vis.jpg fits")
    return stem.split("_2_", 1)[1]


def matched(results: Path, truth: Path) -> list[tuple[Path, Path]]:
    """(result, its true picture) of a folder of results.

    Raises:
        InputError: no results, or targets that are missing (named).
    """
    found = [file for file in pictures_of(results) if "_2_" in file.name] if Path(results).is_dir() else []
    if not found:
        raise InputError(f"{results} holds no results: files named <source>_2_<target>_vis.jpg fit")
    if not Path(truth).is_dir():
        raise InputError(f"no folder {truth}: that with the true pictures fits")
    targets = {file.stem: file for file in pictures_of(truth)}
    missing = sorted({target_name(file.name) for file in found} - set(targets))
    if missing:
        raise InputError(f"{truth} lacks {len(missing)} targets: {', '.join(missing[:5])}")
    return [(file, targets[target_name(file.name)]) for file in found]


def pictures_of(folder: Path) -> list[Path]:
    """The pictures right in a folder, sorted."""
    return sorted(file for file in Path(folder).iterdir() if file.suffix.lower() in SUFFIXES)


def read_pair(result: Path, target: Path) -> tuple[np.ndarray, np.ndarray]:
    """True and generated picture, at the generated one's size (bicubic)."""
    with Image.open(result) as made, Image.open(target) as real:
        made, real = made.convert("RGB"), real.convert("RGB").resize(made.size, Image.Resampling.BICUBIC)
        return np.asarray(real), np.asarray(made)


def evaluate_folders(results: Path, truth: Path) -> dict[str, float]:
    """Mean measures of a folder of results against the folder of true pictures, and how many pairs there were.

    Raises:
        InputError: no results, or targets that are missing (named).
    """
    rows = [image_metrics(*read_pair(*pair)) for pair in matched(results, truth)]
    return {"pairs": float(len(rows)), **{key: float(np.mean([row[key] for row in rows])) for key in rows[0]}}


@dataclass(frozen=True)
class Backbones:
    """Files of the networks behind FID and LPIPS; "" looks in the usual places (`core.metrics.backbone_files`)."""

    inception: str = ""
    alexnet: str = ""
    lpips: str = ""


def deep_metrics(
    results: Path, truth: Path, given: Backbones, training_set: Path | None = None
) -> tuple[dict[str, float], list[str]]:
    """FID against the training set and mean LPIPS against the truth, and what was left out because a file is missing.

    Args:
        results: folder of results.
        truth: folder of true pictures.
        given: files of the backbones. One that was named but is missing is an error, others leave their measure out.
        training_set: folder whose pictures FID compares with, as published; the truth if None.
    """
    pairs = matched(results, truth)

    def fid() -> float:
        network = InceptionPool.from_file(files.backbone_file(files.INCEPTION, given.inception))
        made, real = [result for result, _ in pairs], pictures_of(training_set or truth)
        return frechet_distance(pooled(network, made), pooled(network, real))

    def lpips() -> float:
        alexnet = files.read_backbone(files.backbone_file(files.ALEXNET, given.alexnet))
        judge = Lpips.from_published(alexnet, files.read_backbone(files.backbone_file(files.LPIPS, given.lpips)))
        with torch.inference_mode():
            return float(np.mean([float(judge(*(2 * as_batch(p) - 1 for p in read_pair(*pair)))) for pair in pairs]))

    measures: tuple[tuple[str, Callable[[], float], str], ...] = (
        ("FID", fid, given.inception), ("LPIPS", lpips, given.alexnet + given.lpips),
    )  # fmt: skip
    found, left_out = {}, []
    for name, measure, named in measures:
        try:
            found[name.lower()] = measure()
        except WeightsError as error:
            if named:
                raise
            left_out.append(f"{name}: {error}")
    return found, left_out


def as_batch(picture: np.ndarray) -> Tensor:
    """(H, W, 3) uint8 to (1, 3, H, W) in [0, 1]."""
    return torch.from_numpy(picture.copy()).permute(2, 0, 1).float()[None] / 255


@torch.inference_mode()
def pooled(network: InceptionPool, pictures: list[Path], batch: int = 64) -> np.ndarray:
    """Features (N, D) of pictures in batches of one size; a last batch that is not full is dropped, as published.

    With fewer pictures than one batch all of them count.
    """
    rows = []
    for file in pictures[: len(pictures) // batch * batch] or pictures:
        with Image.open(file) as picture:
            rows.append(network(as_batch(np.asarray(picture.convert("RGB"))))[0].double().numpy())
    return np.stack(rows)

"""The published measures of generated people, and what a number must be told with: resize, file type, code.

Pictures are (H, W, 3) uint8. SSIM is taken twice, as published: with a uniform window of 51 pixels, and with a Gaussian
of 1.5 pixels on the range of the generated picture. Result names are matched to truth by what stands after `_2_`.

Source: Ren et al. 2020, section 4.2; FID: Heusel et al. 2017.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor, nn

from core.errors import InputError, ShapeError, WeightsError

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


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Distance of two feature sets (N, D), (M, D), each taken as a Gaussian (FID without the network)."""
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ShapeError(f"features are {a.shape} and {b.shape}; two sets (N, D) of at least 2 rows fit")
    means = a.mean(0) - b.mean(0)
    # Of covariances R'R and S'S, the root of the product has as its trace the sum of the singular values of R S'.
    root_a, root_b = (np.linalg.qr((x - x.mean(0)) / np.sqrt(len(x) - 1), mode="r") for x in (a, b))
    shared = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    return float((means**2).sum() + (root_a**2).sum() + (root_b**2).sum() - 2 * shared)


def target_name(result: str) -> str:
    """The stem of the target that a result file shows: what stands between `_2_` and `_vis`.

    Raises:
        InputError: a name of another form.
    """
    stem = Path(result).stem.removesuffix("_vis")
    if "_2_" not in stem:
        raise InputError(f"{result} is no result name: <source>_2_<target>_vis.jpg fits")
    return stem.split("_2_", 1)[1]


def evaluate_folders(results: Path, truth: Path) -> dict[str, float]:
    """Mean measures of a folder of results against the folder of true pictures (resized to the results, bicubic).

    Raises:
        InputError: no results, or targets that are missing (named).
    """
    return mean_of(image_metrics(*_pair(*pair)) for pair in matched(results, truth))


def matched(results: Path, truth: Path) -> list[tuple[Path, Path]]:
    """(result, its true picture) of a folder of results.

    Raises:
        InputError: no results, or targets that are missing (named).
    """
    files = sorted(file for file in Path(results).glob("*_2_*") if file.suffix.lower() in SUFFIXES)
    if not files:
        raise InputError(f"{results} holds no results: files named <source>_2_<target>_vis.jpg fit")
    if not Path(truth).is_dir():
        raise InputError(f"no folder {truth}: that with the true pictures fits")
    targets = {file.stem: file for file in pictures_of(truth)}
    missing = sorted({target_name(file.name) for file in files} - set(targets))
    if missing:
        raise InputError(f"{truth} lacks {len(missing)} targets: {', '.join(missing[:5])}")
    return [(file, targets[target_name(file.name)]) for file in files]


def pictures_of(folder: Path) -> list[Path]:
    """The pictures right in a folder, sorted."""
    return sorted(file for file in Path(folder).iterdir() if file.suffix.lower() in SUFFIXES)


def _pair(result: Path, target: Path) -> tuple[np.ndarray, np.ndarray]:
    """True and generated picture, at the generated one's size."""
    with Image.open(result) as made, Image.open(target) as real:
        made, real = made.convert("RGB"), real.convert("RGB").resize(made.size, Image.Resampling.BICUBIC)
        return np.asarray(real), np.asarray(made)


@dataclass(frozen=True)
class Backbones:
    """Files of the networks behind FID and LPIPS; "" looks in the usual places (`core.gfla.backbones`)."""

    inception: str = ""
    alexnet: str = ""
    lpips: str = ""


def deep_metrics(
    results: Path, truth: Path, files: Backbones, training_set: Path | None = None
) -> tuple[dict[str, float], list[str]]:
    """FID against the training set and mean LPIPS against the truth, and what was left out because a file is missing.

    Args:
        results: folder of results.
        truth: folder of true pictures.
        files: of the backbones. One that was named but is missing is an error, others leave their measure out.
        training_set: folder whose pictures FID compares with, as published; the truth if None.
    """
    from core.gfla import backbones

    found: dict[str, float] = {}
    left_out = []
    try:
        network = backbones.InceptionPool.from_file(backbones.backbone_file(backbones.INCEPTION, files.inception))
        made = [result for result, _ in matched(results, truth)]
        real = pictures_of(training_set or truth)
        found["fid"] = frechet_distance(pooled(network, made), pooled(network, real))
    except WeightsError as error:
        if files.inception:
            raise
        left_out.append(f"FID: {error}")
    try:
        judge = backbones.LpipsAlex.from_files(
            backbones.backbone_file(backbones.ALEXNET, files.alexnet),
            backbones.backbone_file(backbones.LPIPS, files.lpips),
        )
        found["lpips"] = float(np.mean([_distance(judge, *_pair(*pair)) for pair in matched(results, truth)]))
    except WeightsError as error:
        if files.alexnet or files.lpips:
            raise
        left_out.append(f"LPIPS: {error}")
    return found, left_out


def _tensor(picture: np.ndarray) -> Tensor:
    return torch.from_numpy(picture.copy()).permute(2, 0, 1).float()[None] / 255


@torch.inference_mode()
def _distance(judge: nn.Module, real: np.ndarray, made: np.ndarray) -> float:
    return float(judge(_tensor(real), _tensor(made))[0])


@torch.inference_mode()
def pooled(network: nn.Module, files: list[Path], batch: int = 64) -> np.ndarray:
    """Features (N, D) of pictures in batches of one size; a last batch that is not full is dropped, as published.

    With fewer pictures than one batch all of them count.
    """
    files = files[: len(files) // batch * batch] or files
    rows = []
    for file in files:
        with Image.open(file) as picture:
            rows.append(network(_tensor(np.asarray(picture.convert("RGB"))))[0].double().numpy())
    return np.stack(rows)


def mean_of(measured: Iterable[dict[str, float]]) -> dict[str, float]:
    """The mean of every measure, and how many pairs there were."""
    rows = list(measured)
    return {"pairs": float(len(rows)), **{key: float(np.mean([row[key] for row in rows])) for key in rows[0]}}

"""The configuration file of the official scripts (YAML), read into this project's options.

Keys that say what our networks always do are checked; what the official code itself never reads is passed over.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.errors import InputError, OptionError

# Published key, our training option.
TRAINING = {
    "img_size": "img_size",
    "batch_size": "batch",
    "truncation": "truncation",
    "adv_w": "adversarial",
    "rec_w": "reconstruction",
    "gp_w": "penalty",
    "G_lr": "lr",
    "D_lr": "lr_discriminator",
    "log_freq": "log_every",
    "checkpoint_freq": "save_every",
    "gen.n_f": "n_f",
    "gen.n_mlp_f": "n_mlp_f",
    "gen.n_mlp_blks": "n_mlp_blks",
    "dis.n_res": "n_res",
}
# What is the same in every network and optimiser here.
FIXED = {
    "gen.n_cont_down": 3,
    "gen.n_cont_res_blks": 3,
    "gen.n_style_down": 6,
    "gen.n_style_res_blks": 0,
    "beta1": 0.5,
    "beta2": 0.999,
    "eps": 1e-8,
}
PASSED_OVER = ("biggan_model", "num_workers", "which_best", "dis.n_f")
COUNTED = ("n_inter", "max_epochs")
PLACES = ("root_dir", "checkpoints", "out_path")


def read_config(path: str | Path) -> dict[str, Any]:
    """The file's keys, those of a group with its name before: `gen.n_f`.

    Raises:
        InputError: a file that is missing or no YAML table.
        OptionError: a key that nobody knows, a value of the wrong kind, or one that our networks cannot follow.
    """
    import yaml

    try:
        table = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"the configuration {path} cannot be read ({error}): name a YAML file") from error
    if not isinstance(table, Mapping):
        raise InputError(f"the configuration {path} holds no table: `img_size: 128` and the like are needed")
    flat: dict[str, Any] = {}
    for name, value in table.items():
        inner = value if isinstance(value, Mapping) else {None: value}
        flat |= {str(name) if key is None else f"{name}.{key}": part for key, part in inner.items()}
    known = (*TRAINING, *FIXED, *PASSED_OVER, *COUNTED, *PLACES)
    for name, value in flat.items():
        if name not in known:
            raise OptionError(f"the configuration has the key {name!r}: {', '.join(sorted(known))} are known")
        # YAML 1.1 reads 1e-4 as a word.
        flat[name] = value = value if name in PLACES or name == "which_best" else _number(name, value)
        if name in FIXED and value != FIXED[name]:
            raise OptionError(f"the configuration says {name} {value}: only {FIXED[name]} can be built here")
    return flat


def training_values(config: Mapping[str, Any]) -> dict[str, Any]:
    """Training options that a configuration sets, by their names here."""
    values = {ours: config[theirs] for theirs, ours in TRAINING.items() if theirs in config}
    whole = ("img_size", "batch", "log_every", "save_every", "n_f", "n_mlp_f", "n_mlp_blks", "n_res")
    values = {name: int(value) if name in whole else float(value) for name, value in values.items()}
    if all(name in config for name in COUNTED):
        values["steps"] = int(config["n_inter"] * config["max_epochs"])
    if "gen.n_f" in config:
        values["max_style_f"] = values["n_f"] * 2 ** FIXED["gen.n_style_down"]
    if "checkpoints" in config:
        values["out"] = str((Path(config.get("root_dir", ".")) / config["checkpoints"]).parent)
    return values


def morph_values(config: Mapping[str, Any]) -> dict[str, Any]:
    """Options of `morph` that a configuration sets: size, weights (a folder or a file to convert) and output."""
    values: dict[str, Any] = {}
    if "img_size" in config:
        values["size_px"] = int(config["img_size"])
    if "checkpoints" in config:
        place = Path(config.get("root_dir", ".")) / config["checkpoints"]
        values["checkpoint"] = str(place)
    if "out_path" in config:
        # The official script writes its frames beside this name.
        values["out"] = Path(config["out_path"]).parent
    return values


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise OptionError(f"the configuration says {name} {value!r}: a number fits")
    return number

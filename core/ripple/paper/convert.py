"""The authors' files to our records: one function per file, `python -m core weights convert`.

Constants that are not learned (FIR filters, adjacencies) and tensors that the published code stores
but never reads are dropped; anything else missing or left over is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from diffusers import ModelMixin
from torch import Tensor

from core.errors import WeightsError
from core.metrics.lpips import Lpips
from core.ripple.paper.directions import published_directions
from core.ripple.paper.e4e import Encoder
from core.ripple.paper.fusion import ResidualAligner, ResidualEncoder
from core.ripple.paper.graphonomy import Graphonomy
from core.ripple.paper.lama import Lama
from core.ripple.paper.loss_networks import IdentityNet
from core.ripple.paper.stylegan2 import Generator
from core.weights import fill_strict, open_checkpoint, save_model

State = Mapping[str, Tensor]
GRAPHONOMY_UNUSED = (
    r"source_graph_conv3\.weight", r"transpose_graph\.adj", r".*node_fea_for_res", r".*num_batch.*",
    r"source_graph_2_fea\..*", r"source_skip_conv\..*", r"source_semantic\..*", r"middle_.*",
)  # fmt: skip


def assemble(network: ModelMixin, state: State, drop: tuple[str, ...] = ()) -> ModelMixin:
    """`network` with the tensors of `state`, complete and of the right shapes.

    Args:
        network: freshly built with the published configuration.
        state: published tensors under our names.
        drop: patterns of keys that are known to be unused.

    Raises:
        WeightsError: for missing, unknown or misshapen tensors.
    """
    given = {key: value for key, value in state.items() if not any(re.fullmatch(p, key) for p in drop)}
    # files of torch before 1.6 have no batch counters; they play no part in inference
    counters = {k: v for k, v in network.state_dict().items() if k.endswith("num_batches_tracked")}
    return fill_strict(network, counters | given, "the published file").eval()


def under(state: State, prefix: str) -> dict[str, Tensor]:
    """The entries below a prefix, without it."""
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


def fitted_generator(state: State) -> Generator:
    """A generator of the size that the tensors speak of."""
    if "input.input" not in state:
        raise WeightsError("no StyleGAN2 generator inside: the key input.input is missing")
    layers = sum(1 for key in state if re.fullmatch(r"convs\.\d+\.conv\.weight", key))
    mapping = sum(1 for key in state if re.fullmatch(r"style\.\d+\.weight", key))
    return assemble(Generator(size=4 * 2 ** (layers // 2), mapping_layers=mapping), state, (r".*\.kernel",))


def fitted_encoder(state: State, latent_avg: Tensor) -> Encoder:
    """The e4e encoder with its mean latent, which the file may hold as one code or as 18."""
    mean = latent_avg.reshape(-1, latent_avg.shape[-1]).expand(18, -1)
    return assemble(Encoder(), {**state, "latent_avg": mean})


def convert_hfgi(file: Path, folder: Path) -> None:
    """HFGI's ckpt.pt: encoder, generator, ADA, residual encoder; with the published directions."""
    state = convert_e4e(file, folder)
    save_model(assemble(ResidualAligner(), under(state, "grid_align.")), folder / "aligner")
    save_model(assemble(ResidualEncoder(), under(state, "residue.")), folder / "residual")


def convert_e4e(file: Path, folder: Path) -> State:
    """e4e_ffhq_encode.pt: encoder and generator without HFGI's parts, to start HFGI training from; returns all tensors."""
    checkpoint = open_checkpoint(file)
    if not {"state_dict", "latent_avg"} <= set(checkpoint):
        raise WeightsError(f"{file.name} holds {sorted(map(str, checkpoint))[:5]}, not state_dict and latent_avg")
    state = checkpoint["state_dict"]
    save_model(fitted_encoder(under(state, "encoder."), checkpoint["latent_avg"]), folder / "encoder")
    save_model(fitted_generator(under(state, "decoder.")), folder / "generator")
    published_directions().save(folder)
    return state


def convert_stylegan2(file: Path, folder: Path) -> None:
    """stylegan2-ffhq-config-f.pt in the layout {"g_ema", "latent_avg"}."""
    save_model(fitted_generator(open_checkpoint(file)["g_ema"]), folder / "generator")


def convert_graphonomy(file: Path, folder: Path) -> None:
    """inference.pth or universal_trained.pth of Graphonomy."""
    state = {graphonomy_key(key): value for key, value in open_checkpoint(file).items()}
    save_model(assemble(Graphonomy(), state, GRAPHONOMY_UNUSED), folder / "parser")


def graphonomy_key(key: str) -> str:
    """Our name of a stored tensor: no `module.`, and graph layers of the source named so."""
    key = key.replace("module.", "")
    named = ("source", "target", "fc_", "transpose_graph")
    return f"source_{key}" if "graph" in key and not any(part in key for part in named) else key


def convert_lama(file: Path, folder: Path) -> None:
    """big-lama's best.ckpt (lightning), or big-lama.pt (TorchScript), generator only."""
    state = lama_state(file)
    found = under(state, "model.generator.") or under(state, "generator.")
    save_model(assemble(Lama(), found), folder / "inpainter")


def lama_state(file: Path) -> State:
    """The tensors of either layout of big-lama."""
    try:
        return torch.jit.load(str(file), map_location="cpu").state_dict()
    except RuntimeError:
        checkpoint = open_checkpoint(
            file, inert=("pytorch_lightning.", "omegaconf.", "collections.", "saicinpainting.")
        )
        return checkpoint.get("state_dict", checkpoint)


def convert_identity(file: Path, folder: Path) -> None:
    """model_ir_se50.pth, for the identity loss."""
    save_model(assemble(IdentityNet(), open_checkpoint(file)), folder / "identity")


def convert_lpips(file: Path, folder: Path) -> None:
    """Torchvision's alexnet-*.pth with LPIPS' alex.pth (v0.1) beside it, for the perceptual loss."""
    lines = file.with_name("alex.pth")
    if not lines.is_file():
        raise WeightsError(f"{lines} is missing: put LPIPS' weights/v0.1/alex.pth beside {file.name}")
    save_model(Lpips.from_published(open_checkpoint(file), open_checkpoint(lines)), folder / "lpips")


CONVERTERS: dict[str, Callable[[Path, Path], object]] = {
    "ripple-hfgi": convert_hfgi,
    "ripple-e4e": convert_e4e,
    "ripple-stylegan2": convert_stylegan2,
    "ripple-graphonomy": convert_graphonomy,
    "ripple-lama": convert_lama,
    "ripple-identity": convert_identity,
    "ripple-lpips": convert_lpips,
}

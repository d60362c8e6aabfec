"""The generator: content encoder, style encoder, mapping network and AdaIN decoder.

Attribute names follow the published state dict. Pictures are (B, 3, H, W) in [-1, 1].
Source: Park, Seo, Noh, "Neural Crossbreed", ACM TOG 39(6), 2020, arXiv 2009.00905.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple, cast

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from torch.nn import functional as F

from core.crossbreed.paper.blocks import ConvUnit, DownBlock, ResidualBlock, ResidualStack, UpBlock
from core.errors import ShapeError, unknown_name

PLANS = ("released", "together", "copies", "mixtures")


class Codes(NamedTuple):
    """What the encoders find in pictures: content (B, C, h, w) is shape and pose, style (B, S) is appearance."""

    content: Tensor
    style: Tensor


class Copies(NamedTuple):
    """Two pictures as the network gives them back, each (B, 3, H, W)."""

    AA: Tensor
    BB: Tensor


class Mixtures(NamedTuple):
    """What is learned from pairs in line, each (B, 3, H, W).

    Attributes:
        copies: pictures as the network gives them back.
        swapped: the shape of A in the appearance of B.
        mixed: shape and appearance each at a position of its own.
    """

    copies: Tensor
    swapped: Tensor
    mixed: Tensor


class TrainingImages(NamedTuple):
    """The seven pictures of a training step, each (B, 3, H, W).

    AB has the content of A and the style of B; cycle_AA has the content of AB and the style of A.
    """

    AA: Tensor
    BB: Tensor
    mixed: Tensor
    AB: Tensor
    BA: Tensor
    cycle_AA: Tensor
    cycle_BB: Tensor


class ContentEncoder(nn.Module):
    """A picture to its content code: down blocks, then residual blocks, no final activation."""

    def __init__(self, n_f: int, n_down: int, n_res_blks: int, spectral: bool) -> None:
        super().__init__()
        widths = [n_f * 2**step for step in range(n_down + 1)]
        self.model = nn.Sequential(
            ConvUnit(3, n_f, 7, activation="relu", spectral=spectral),
            *(DownBlock(a, b, spectral=spectral) for a, b in pairwise(widths)),
            ResidualStack(widths[-1], n_res_blks, norm="instance", spectral=spectral),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, n_f 2^n_down, H / 2^n_down, W / 2^n_down)."""
        return self.model(x)


class StyleEncoder(nn.Module):
    """A picture to its style code: the last feature map, SUMMED over the picture.

    The code therefore grows with the number of pixels: pictures of another size than the trained one need
    the code scaled, see `CrossbreedPipeline`.
    """

    def __init__(self, n_f: int, n_down: int, max_f: int, spectral: bool) -> None:
        super().__init__()
        widths = [min(n_f * 2**step, max_f) for step in range(n_down + 1)]
        self.model = nn.Sequential(
            ConvUnit(3, n_f, 7, activation="relu", spectral=spectral),
            *(DownBlock(a, b, spectral=spectral) for a, b in pairwise(widths)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, S)."""
        return self.model(x).sum(dim=(2, 3))


class LinearUnit(nn.Module):
    """A linear layer, with or without ReLU."""

    def __init__(self, inputs: int, outputs: int, relu: bool) -> None:
        super().__init__()
        self.fc = nn.Linear(inputs, outputs)
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs) to (B, outputs)."""
        x = self.fc(x)
        return F.relu(x) if self.relu else x


class MappingNetwork(nn.Module):
    """A style code to the scales and shifts of all AdaINs."""

    def __init__(self, inputs: int, hidden: int, n_blks: int, outputs: int) -> None:
        super().__init__()
        widths = [inputs, *[hidden] * (n_blks + 1)]
        self.model = nn.Sequential(
            *(LinearUnit(a, b, relu=True) for a, b in pairwise(widths)), LinearUnit(hidden, outputs, relu=False)
        )

    def forward(self, style: Tensor) -> Tensor:
        """(B, S) to (B, outputs)."""
        return self.model(style)


class Decoder(nn.Module):
    """A content code and AdaIN parameters to a picture."""

    def __init__(self, n_f: int, n_up: int, n_res_blks: int, spectral: bool) -> None:
        super().__init__()
        widths = [n_f * 2**step for step in range(n_up, -1, -1)]
        self.model = nn.ModuleList(
            [
                ResidualStack(widths[0], n_res_blks, norm="adain", spectral=spectral),
                *(UpBlock(a, b, spectral=spectral) for a, b in pairwise(widths)),
                ConvUnit(n_f, 3, 7, activation="tanh", spectral=spectral),
            ]
        )
        blocks = [module for module in self.modules() if isinstance(module, ResidualBlock)]
        self.affine_sizes = [2 * size for block in blocks for size in block.affine_sizes]

    def forward(self, content: Tensor, affine: Tensor) -> Tensor:
        """Content (B, C, h, w) and affine (B, sum of `affine_sizes`) to (B, 3, H, W) in [-1, 1].

        The affine vector holds, AdaIN by AdaIN in the order of the layers, the shifts and then the scales.
        """
        affines = affine.split(self.affine_sizes, dim=1)
        stack, *ups, last = self.model
        used = 2 * len(cast(ResidualStack, stack).model)
        x = stack(content, affines[:used])
        for up in ups:
            x = up(x, affines[used : used + 2])
            used += 2
        return last(x)


class CrossbreedGenerator(ModelMixin, ConfigMixin):
    """Encode two pictures, mix their codes, decode the mixture.

    Args:
        img_size: side in pixels of the pictures it was trained on; the style code depends on it.
        n_f: width of the first convolution.
        n_cont_down: halvings between picture and content code.
        n_cont_res_blks: residual blocks at the content code's size, in encoder and decoder.
        n_style_down: halvings before the style code is summed.
        max_style_f: largest width of the style encoder.
        n_mlp_f: width of the mapping network.
        n_mlp_blks: its middle layers.
        spectral_norm: keep spectral normalisation (to train); False is the folded network (to use).
        trained_on: what the weights were trained on, shown to the user.

    Source: Park et al. 2020, section 4; the numbers are those of the released model.
    """

    @register_to_config
    def __init__(
        self,
        *,
        img_size: int = 128,
        n_f: int = 32,
        n_cont_down: int = 3,
        n_cont_res_blks: int = 3,
        n_style_down: int = 6,
        max_style_f: int = 2048,
        n_mlp_f: int = 512,
        n_mlp_blks: int = 3,
        spectral_norm: bool = False,
        trained_on: str = "",
    ) -> None:
        super().__init__()
        self.cont_enc = ContentEncoder(n_f, n_cont_down, n_cont_res_blks, spectral_norm)
        self.style_enc = StyleEncoder(n_f, n_style_down, max_style_f, spectral_norm)
        self.dec = Decoder(n_f, n_cont_down, n_cont_res_blks, spectral_norm)
        style_size = min(n_f * 2**n_style_down, max_style_f)
        self.mlp = MappingNetwork(style_size, n_mlp_f, n_mlp_blks, sum(self.dec.affine_sizes))

    @property
    def multiple_px(self) -> int:
        """Sides that are multiples of this come back unchanged."""
        return 2**self.config.n_cont_down

    @property
    def smallest_side_px(self) -> int:
        """The smallest side that the style encoder's padding can reflect: its last block needs 2 pixels."""
        return 2 ** (self.config.n_style_down - 1) + 1

    def encode(self, x: Tensor) -> Codes:
        """The codes of (B, 3, H, W) in [-1, 1].

        Raises:
            ShapeError: a picture that is too small to be halved that often.
        """
        if x.ndim != 4 or x.shape[1] != 3 or min(x.shape[-2:]) < self.smallest_side_px:
            raise ShapeError(
                f"pictures are {tuple(x.shape)}, the encoder needs (B, 3, H, W) with sides of "
                f"{self.smallest_side_px} px or more: enlarge them"
            )
        return Codes(self.cont_enc(x), self.style_enc(x))

    def decode(self, codes: Codes) -> Tensor:
        """(B, 3, H, W) in [-1, 1]."""
        return self.dec(codes.content, self.mlp(codes.style))

    def morph(self, x_a: Tensor, x_b: Tensor, content_alpha: Tensor, style_alpha: Tensor) -> Tensor:
        """The picture between two: encode both, mix, decode; in training mode in the published order of calls.

        Args:
            x_a: (B, 3, H, W) in [-1, 1].
            x_b: the same.
            content_alpha: (B,) or scalar, 0 is A's shape, 1 is B's.
            style_alpha: (B,) or scalar, 0 is A's appearance, 1 is B's.
        """
        z_a, z_b = self.cont_enc(x_a), self.cont_enc(x_b)
        s_a, s_b = self.style_enc(x_a), self.style_enc(x_b)
        return self.decode(Codes(lerp(z_a, z_b, content_alpha), lerp(s_a, s_b, style_alpha)))

    def forward(
        self, x_a: Tensor, x_b: Tensor, alpha: Tensor, plan: str = "released"
    ) -> TrainingImages | Copies | Mixtures:
        """The pictures of a training step.

        Args:
            x_a: (B, 3, H, W) in [-1, 1].
            x_b: the same.
            alpha: (B,), position of the mixture; for "mixtures" (B, 2), those of its shape and of its appearance.
            plan: "released" makes all seven in the published order of calls, which fixes the power iterations;
                "together" makes them in three calls; "copies" makes AA and BB only; "mixtures" makes a `Mixtures`
                of the first B pictures of `x_a` with those of `x_b`, and copies of the pictures of `x_a` beyond them.
                All but the first scale the style code of pictures that are windows of the trained size.

        Source: Park et al. 2020, section 4.3; order of "released" as in the released code.
        """
        if plan not in PLANS:
            raise unknown_name("plan", plan, PLANS)
        if plan == "mixtures":
            return self._mixtures(x_a, x_b, alpha)
        return (
            self._released(x_a, x_b, alpha) if plan == "released" else self._together(x_a, x_b, alpha, plan == "copies")
        )

    def _mixtures(self, x_a: Tensor, x_b: Tensor, alpha: Tensor) -> Mixtures:
        content, style = self.encode(torch.cat([x_a, x_b]))
        style = style * (self.config.img_size**2 / (x_a.shape[-1] * x_a.shape[-2]))
        count = len(x_b)
        sizes = [count, len(x_a) - count, count]
        (z_a, z, z_b), (s_a, s, s_b) = content.split(sizes), style.split(sizes)
        contents = torch.cat([z, z_a, lerp(z_a, z_b, alpha[:, 0])])
        styles = torch.cat([s, s_b, lerp(s_a, s_b, alpha[:, 1])])
        return Mixtures(*self.decode(Codes(contents, styles)).split([sizes[1], count, count]))

    def _released(self, x_a: Tensor, x_b: Tensor, alpha: Tensor) -> TrainingImages:
        z_a, z_b = self.cont_enc(x_a), self.cont_enc(x_b)
        s_a, s_b = self.style_enc(x_a), self.style_enc(x_b)
        aa = self.decode(Codes(z_a, s_a))
        ba = self.decode(Codes(z_b, s_a))
        bb = self.decode(Codes(z_b, s_b))
        ab = self.decode(Codes(z_a, s_b))
        mixed = self.decode(Codes(lerp(z_a, z_b, alpha), lerp(s_a, s_b, alpha)))
        z_ab, z_ba = self.cont_enc(ab), self.cont_enc(ba)
        cycle_aa = self.decode(Codes(z_ab, s_a))
        cycle_bb = self.decode(Codes(z_ba, s_b))
        return TrainingImages(aa, bb, mixed, ab, ba, cycle_aa, cycle_bb)

    def _together(self, x_a: Tensor, x_b: Tensor, alpha: Tensor, copies_only: bool) -> TrainingImages | Copies:
        content, style = self.encode(torch.cat([x_a, x_b]))
        style = style * (self.config.img_size**2 / (x_a.shape[-1] * x_a.shape[-2]))
        if copies_only:
            return Copies(*self.decode(Codes(content, style)).chunk(2))
        (z_a, z_b), (s_a, s_b) = content.chunk(2), style.chunk(2)
        contents = torch.cat([z_a, z_b, lerp(z_a, z_b, alpha), z_a, z_b])
        styles = torch.cat([s_a, s_b, lerp(s_a, s_b, alpha), s_b, s_a])
        aa, bb, mixed, ab, ba = self.decode(Codes(contents, styles)).chunk(5)
        cycle = self.decode(Codes(self.cont_enc(torch.cat([ab, ba])), style))
        return TrainingImages(aa, bb, mixed, ab, ba, *cycle.chunk(2))


def lerp(a: Tensor, b: Tensor, alpha: Tensor) -> Tensor:
    """(1 - alpha) a + alpha b with one alpha per sample: (B,) or scalar, any shape of a and b after the first axis."""
    if alpha.ndim == 1:
        alpha = alpha.reshape(-1, *[1] * (a.ndim - 1))
    return (1 - alpha) * a + alpha * b

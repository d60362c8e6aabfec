"""The generator: content encoder, style encoder, mapping network and AdaIN decoder.

Attribute names follow the published state dict. Pictures are (B, 3, H, W) in [-1, 1].
Source: Park, Seo, Noh, "Neural Crossbreed", ACM TOG 39(6), 2020, arXiv 2009.00905.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple, cast

from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from torch.nn import functional as F

from core.crossbreed.paper.blocks import ConvUnit, DownBlock, ResidualBlock, ResidualStack, UpBlock
from core.errors import ShapeError


class Codes(NamedTuple):
    """What the encoders find in pictures: content (B, C, h, w) is shape and pose, style (B, S) is appearance."""

    content: Tensor
    style: Tensor


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

    The code therefore grows with the number of pixels, see `CrossbreedGenerator.encode_at_any_size`.
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

    def encode_at_any_size(self, x: Tensor) -> Codes:
        """`encode` for pictures of another size than the trained one: the style code is a sum over their pixels."""
        codes = self.encode(x)
        return Codes(codes.content, codes.style * (self.config.img_size**2 / (x.shape[-1] * x.shape[-2])))

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

    def forward(self, x_a: Tensor, x_b: Tensor, alpha: Tensor) -> TrainingImages:
        """The seven pictures of a training step; the order of the calls is the released code's and fixes the power iterations.

        Args:
            x_a: (B, 3, H, W) in [-1, 1].
            x_b: the same.
            alpha: (B,), position of the mixture.

        Source: Park et al. 2020, section 4.3.
        """
        # Content and style of both pictures.
        z_a, z_b = self.cont_enc(x_a), self.cont_enc(x_b)
        s_a, s_b = self.style_enc(x_a), self.style_enc(x_b)
        # Reconstructions and swaps: the content of each in the style of either.
        aa = self.decode(Codes(z_a, s_a))
        ba = self.decode(Codes(z_b, s_a))
        bb = self.decode(Codes(z_b, s_b))
        ab = self.decode(Codes(z_a, s_b))
        # The morph: content and style mixed at the same position.
        mixed = self.decode(Codes(lerp(z_a, z_b, alpha), lerp(s_a, s_b, alpha)))
        # Cycle: the swapped pictures give their content back.
        z_ab, z_ba = self.cont_enc(ab), self.cont_enc(ba)
        cycle_aa = self.decode(Codes(z_ab, s_a))
        cycle_bb = self.decode(Codes(z_ba, s_b))
        return TrainingImages(aa, bb, mixed, ab, ba, cycle_aa, cycle_bb)


def lerp(a: Tensor, b: Tensor, alpha: Tensor) -> Tensor:
    """(1 - alpha) a + alpha b with one alpha per sample: (B,) or scalar, any shape of a and b after the first axis."""
    if alpha.ndim == 1:
        alpha = alpha.reshape(-1, *[1] * (a.ndim - 1))
    return (1 - alpha) * a + alpha * b

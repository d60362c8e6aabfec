"""The discriminator: small patches, one verdict per class.

Source: Park et al. 2020, section 4.3, in the manner of FUNIT (Liu et al. 2019).
"""

from __future__ import annotations

from typing import Any

from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from core.crossbreed.paper.blocks import ConvUnit, ResidualBlock


class PatchNetwork(nn.Module):
    """Features of patches (`cnn_f`) and their verdicts (`cnn_c`)."""

    def __init__(self, n_f: int, n_res: int, n_class: int, spectral: bool, max_f: int = 1024) -> None:
        super().__init__()
        block: dict[str, Any] = {"norm": "none", "activation": "leaky", "spectral": spectral}
        layers: list[nn.Module] = [ConvUnit(3, n_f, 7, spectral=spectral)]
        width = n_f
        stages = n_res // 2
        for stage in range(stages):
            wider = min(2 * width, max_f)
            layers += [ResidualBlock(width, width, **block), ResidualBlock(width, wider, **block)]
            if stage < stages - 1:
                # Published numbering: the reflection pad and the pooling are two layers.
                layers += [nn.ReflectionPad2d(1), nn.AvgPool2d(3, stride=2)]
            width = wider
        self.cnn_f = nn.Sequential(*layers)
        self.cnn_c = nn.Sequential(
            ConvUnit(width, n_class, 1, activation="leaky", activate_first=True, spectral=spectral)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, n_class, H/2, W/2)."""
        return self.cnn_c(self.cnn_f(x))


class CrossbreedDiscriminator(ModelMixin, ConfigMixin):
    """A verdict per patch and class; hinge losses read it, so it has no final activation.

    Args:
        n_f: width of the first convolution.
        n_res: residual blocks, two per stage.
        n_class: number of classes; 118 dog breeds in the released model.
        spectral_norm: keep spectral normalisation (to train); False is the folded network.
    """

    @register_to_config
    def __init__(self, *, n_f: int = 32, n_res: int = 4, n_class: int = 118, spectral_norm: bool = False) -> None:
        super().__init__()
        self.disc = PatchNetwork(n_f, n_res, n_class, spectral_norm)

    def forward(self, x: Tensor, index: Tensor) -> Tensor:
        """Verdicts of (B, 3, H, W) in [-1, 1] for the class (B,) of each sample: (B, H/2, W/2)."""
        verdicts = self.disc(x)
        rows = index.to(verdicts.device)[:, None, None, None].expand(-1, 1, *verdicts.shape[-2:])
        return verdicts.gather(1, rows).squeeze(1)

"""The patch discriminator that morphing and image-to-image training use; it sees one picture, not the inputs nor t.

Source: Isola et al. 2017, "Image-to-Image Translation with Conditional Adversarial Networks", section 3.2.2; spectral
normalisation: Miyato et al. 2018.
"""

from __future__ import annotations

from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from torch.nn.utils import spectral_norm

from core.errors import unknown_name

NORMS = ("spectral", "batch", "instance", "batchspectral", "instancespectral")
MAX_WIDTH = 512


class PatchGANDiscriminator(ModelMixin, ConfigMixin):
    """A map of scores, one per overlapping patch.

    Args:
        num_in_ch: channels of the picture.
        num_feat: channels of the first layer; they double up to 512.
        n_layers: layers of stride 2.
        norm_type: one of `NORMS`; a name with `spectral` normalises every convolution by its largest singular value.
    """

    @register_to_config
    def __init__(self, num_in_ch: int = 3, num_feat: int = 64, n_layers: int = 3, norm_type: str = "spectral") -> None:
        super().__init__()
        if norm_type not in NORMS:
            raise unknown_name("norm", norm_type, NORMS)
        widths = [num_in_ch] + [min(num_feat * 2**i, MAX_WIDTH) for i in range(n_layers + 1)] + [1]
        self.model = nn.Module()
        for index, (before, after) in enumerate(zip(widths, widths[1:], strict=False)):
            conv = nn.Conv2d(before, after, 4, 2 if index < n_layers else 1, 2)
            nn.init.normal_(conv.weight, 0, 0.02)
            layers: list[nn.Module] = [spectral_norm(conv) if "spectral" in norm_type else conv]
            if 0 < index <= n_layers:
                layers.append(norm_layer(norm_type, after))
            if index <= n_layers:
                layers.append(nn.LeakyReLU(0.2))
            self.model.add_module(f"child{index}", nn.Sequential(*layers))

    def forward(self, pictures: Tensor) -> Tensor:
        """Scores (B, 1, h, w), unbounded, of pictures (B, 3, H, W) in [0, 1]; 64 px give 11 x 11."""
        for layer in self.model.children():
            pictures = layer(pictures)
        return pictures


def norm_layer(norm_type: str, channels: int) -> nn.Module:
    """The normalisation that stands between convolution and activation."""
    if norm_type.startswith("batch"):
        return nn.BatchNorm2d(channels)
    return nn.InstanceNorm2d(channels) if norm_type.startswith("instance") else nn.Identity()

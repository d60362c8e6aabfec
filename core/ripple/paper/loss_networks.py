"""The frozen network that only judges faces during training: ArcFace identity."""

from __future__ import annotations

import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from core.ripple.paper.e4e import ir_body, stem


class IdentityNet(ModelMixin, ConfigMixin):
    """IR-SE50 face recognition: a face of 112 px to a unit vector of 512.

    Source: Deng et al. 2019 (ArcFace), section 3; the variant with squeeze-and-excite.
    """

    @register_to_config
    def __init__(
        self, channels: tuple[int, ...] = (64, 128, 256, 512), depths: tuple[int, ...] = (3, 4, 14, 3), width: int = 512
    ) -> None:
        super().__init__()
        self.input_layer = stem(3, channels[0])
        self.body = ir_body(channels, depths)
        last = channels[-1]
        linear = nn.Linear(last * 49, width)
        head = [nn.BatchNorm2d(last), nn.Dropout(), nn.Flatten(), linear, nn.BatchNorm1d(width)]
        self.output_layer = nn.Sequential(*head)

    def forward(self, face: Tensor) -> Tensor:
        """(B, 3, 112, 112) in [-1, 1] to (B, width) of length 1."""
        return F.normalize(self.output_layer(self.body(self.input_layer(face))), dim=1)

    def of_aligned(self, image: Tensor) -> Tensor:
        """The same from FFHQ crops (B, 3, 256, 256): rows 35..222 and columns 32..219 hold the face."""
        return self(F.adaptive_avg_pool2d(image[:, :, 35:223, 32:220], 112))

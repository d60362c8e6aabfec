"""Frozen networks that only judge pictures during training: ArcFace identity and LPIPS."""

from __future__ import annotations

import torch
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


class AlexFeatures(nn.Module):
    """The five ReLU outputs of AlexNet, inputs normalised as LPIPS does."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1))
        relu, pool = nn.ReLU, lambda: nn.MaxPool2d(3, 2)
        self.layers = nn.Sequential(
            nn.Conv2d(3, 64, 11, 4, 2), relu(), pool(),
            nn.Conv2d(64, 192, 5, padding=2), relu(), pool(),
            nn.Conv2d(192, 384, 3, padding=1), relu(),
            nn.Conv2d(384, 256, 3, padding=1), relu(),
            nn.Conv2d(256, 256, 3, padding=1), relu(),
        )  # fmt: skip

    def forward(self, image: Tensor) -> list[Tensor]:
        """Feature maps of (B, 3, H, W) in [-1, 1]."""
        x, found = (image - self.mean) / self.std, []
        for layer in self.layers:
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                found.append(x)
        return found


class Lpips(ModelMixin, ConfigMixin):
    """Learned perceptual distance, AlexNet, version 0.1.

    Source: Zhang et al. 2018, section 3.
    """

    @register_to_config
    def __init__(self) -> None:
        super().__init__()
        self.net = AlexFeatures()
        widths = (64, 192, 384, 256, 256)
        # index 0 is a dropout without effect; the published keys count it
        self.lin = nn.ModuleList(nn.Sequential(nn.Dropout(), nn.Conv2d(n, 1, 1, bias=False)) for n in widths)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Mean distance over the batch; both (B, 3, H, W) in [-1, 1]."""
        total = first.new_zeros(())
        weighings = (line.get_submodule("1") for line in self.lin)
        for weigh, a, b in zip(weighings, self.net(first), self.net(second), strict=True):
            a, b = (x / (x.norm(dim=1, keepdim=True) + 1e-10) for x in (a, b))
            total = total + weigh((a - b).square()).mean((2, 3)).sum()
        return total / len(first)

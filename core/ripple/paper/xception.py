"""The Xception backbone of Graphonomy, output stride 16."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn


class Separable(nn.Module):
    """Depthwise 3x3 and pointwise 1x1 convolution, each with a batch norm, zero padding of one dilation.

    Args:
        inputs: channels in.
        outputs: channels out.
        stride: of the depthwise part.
        dilation: of the depthwise part.
        activate: ReLU after both norms (the dilated form) rather than nowhere.

    Source: Chollet 2017 (Xception), section 3; Chen et al. 2018 (DeepLabv3+), section 3.2.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1, dilation: int = 1, activate: bool = False) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, inputs, 3, stride, dilation, dilation, groups=inputs, bias=False)
        self.depthwise_bn = nn.BatchNorm2d(inputs)
        self.pointwise = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.pointwise_bn = nn.BatchNorm2d(outputs)
        self.activate = activate

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H/stride, W/stride)."""
        x = self.depthwise_bn(self.depthwise(x))
        x = self.pointwise_bn(self.pointwise(F.relu(x) if self.activate else x))
        return F.relu(x) if self.activate else x


class Block(nn.Module):
    """Separable units with ReLU before each, around a skip.

    The published blocks run their first ReLU in place, so their skips see relu(input): a
    checkpoint depends on it, and it is written out here (`open_relu` is False for block 1 only).

    Args:
        widths: channels of input and of each unit.
        stride: of the last unit.
        open_relu: ReLU before the first unit, which the skip sees too.
        skip_stride: stride of the skip's convolution; None for an identity skip.
    """

    def __init__(
        self, widths: tuple[int, ...], stride: int = 1, open_relu: bool = True, skip_stride: int | None = None
    ) -> None:
        super().__init__()
        self.open_relu = open_relu
        layers: list[nn.Module] = []
        for index, (below, here) in enumerate(zip(widths[:-1], widths[1:], strict=True)):
            if index or open_relu:
                layers.append(nn.ReLU())
            layers.append(Separable(below, here, stride if index == len(widths) - 2 else 1))
        self.rep = nn.Sequential(*layers)
        if skip_stride is not None:
            self.skip = nn.Conv2d(widths[0], widths[-1], 1, skip_stride, bias=False)
            self.skipbn = nn.BatchNorm2d(widths[-1])

    def shortcut(self, x: Tensor) -> Tensor:
        """What is added to the units' output."""
        x = F.relu(x) if self.open_relu else x
        return self.skipbn(self.skip(x)) if hasattr(self, "skip") else x

    def forward(self, x: Tensor) -> Tensor:
        """(B, widths[0], H, W) to (B, widths[-1], H/stride, W/stride)."""
        return self.rep(x) + self.shortcut(x)


class LowLevelBlock(Block):
    """Block 2: the feature between its second and third unit is what the decoder reads."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__((inputs, outputs, outputs), skip_stride=2)
        self.block2_lastconv = nn.Sequential(nn.ReLU(), Separable(outputs, outputs, 2))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]  # only Xception calls it
        """Output at half size, and the low-level feature before any ReLU."""
        low_level = self.rep(x)
        return self.block2_lastconv(low_level) + self.shortcut(x), low_level


class Xception(nn.Module):
    """The modified aligned Xception.

    Args:
        stem: channels of the two first convolutions.
        entry: channels of blocks 1 to 3.
        middle_blocks: identity blocks after those.
        leave: channels of the last block and of the three dilated units after it.

    Source: Chen et al. 2018, figure 4, with the middle and exit flow that Graphonomy ships.
    """

    def __init__(
        self,
        stem: Sequence[int] = (32, 64),
        entry: Sequence[int] = (128, 256, 728),
        middle_blocks: int = 16,
        leave: Sequence[int] = (1024, 1536, 2048),
    ) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, stem[0], 3, 2, 1, bias=False), nn.BatchNorm2d(stem[0])
        self.conv2, self.bn2 = nn.Conv2d(stem[0], stem[1], 3, 1, 1, bias=False), nn.BatchNorm2d(stem[1])
        a, b, c = entry
        self.block1 = Block((stem[1], a, a, a), 2, open_relu=False, skip_stride=2)
        self.block2 = LowLevelBlock(a, b)
        self.block3 = Block((b, c, c, c), 2, skip_stride=2)
        self.middle = [f"block{4 + index}" for index in range(middle_blocks)]
        for name in self.middle:
            setattr(self, name, Block((c, c, c, c)))
        # the published name, whatever the number of middle blocks
        self.block20 = Block((c, c, leave[0], leave[0]), skip_stride=1)
        self.conv3 = Separable(leave[0], leave[1], dilation=2, activate=True)
        self.conv4 = Separable(leave[1], leave[1], dilation=2, activate=True)
        self.conv5 = Separable(leave[1], leave[2], dilation=2, activate=True)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) to features (B, leave[2], H/16, W/16) and low-level (B, entry[1], H/4, W/4)."""
        x = F.relu(self.bn1(self.conv1(image)))
        x = F.relu(self.bn2(self.conv2(x)))
        x, low_level = self.block2(self.block1(x))
        x = self.block3(x)
        for name in self.middle:
            x = getattr(self, name)(x)
        return self.conv5(self.conv4(self.conv3(self.block20(x)))), low_level

"""GridNet, which turns the decoder's features into a picture: rows are scales, columns are depth.

Source: Fourure et al. 2017, "Residual Conv-Deconv Grid Network"; as the last stage, Yang et al. 2022, section 3.2.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from core.errors import OptionError
from core.sdl.paper.blocks import conv_act, upsample


class Lateral(nn.Module):
    """Two convolutions beside a shortcut; the shortcut is a convolution where the channel numbers differ."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.f = nn.Sequential(*conv_act(in_channels, channels, channels))
        self.conv = nn.Conv2d(in_channels, channels, 3, 1, 1) if in_channels != channels else None

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C', H, W) at the size of `maps`."""
        return self.f(maps) + (maps if self.conv is None else self.conv(maps))


class Lower(nn.Module):
    """One row down: half the size."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.f = nn.Sequential(*conv_act(in_channels, channels, channels, stride=2))

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C', H/2, W/2)."""
        return self.f(maps)


class Higher(nn.Module):
    """One row up: twice the size."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.f = nn.Sequential(upsample(), *conv_act(in_channels, channels, channels))

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C', 2H, 2W)."""
        return self.f(maps)


class GridNet(nn.Module):
    """Grid of `len(widths)` rows and `columns` columns: the left half carries detail down, the right half up again.

    Args:
        in_channels: of the input.
        out_channels: of the output.
        widths: channels of each row, finest first.
        columns: even; 0 leaves only the first and the last block.

    Raises:
        OptionError: an odd number of columns.
    """

    def __init__(self, in_channels: int, out_channels: int, widths: Sequence[int], columns: int) -> None:
        super().__init__()
        if columns < 0 or columns % 2:
            raise OptionError(f"a grid of {columns} columns: an even number fits, half lead down and half up")
        self.rows, self.columns = len(widths), columns
        self.lateral_init = Lateral(in_channels, widths[0])
        for row, width in enumerate(widths):
            for column in range(columns - 1):
                setattr(self, f"lateral_{row}_{column}", Lateral(width, width))
        for row, (fine, coarse) in enumerate(zip(widths, widths[1:], strict=False)):
            for column in range(columns // 2):
                setattr(self, f"down_{row}_{column}", Lower(fine, coarse))
                setattr(self, f"up_{row}_{column}", Higher(coarse, fine))
        self.lateral_final = Lateral(widths[0], out_channels)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, out_channels, H, W); sides must be multiples of 2 ** (rows - 1)."""
        state = [self.lateral_init(maps)]
        if self.columns:
            for row in range(self.rows - 1):
                state.append(self.block("down", row, 0)(state[row]))
        for column in range(1, self.columns // 2):
            state = self.step_down(state, column)
        for column in range(self.columns // 2, self.columns):
            state = self.step_up(state, column)
        return self.lateral_final(state[0])

    def step_down(self, state: list[Tensor], column: int) -> list[Tensor]:
        """The next column of the left half; each row also takes from the finer row of the same column."""
        new = [self.block("lateral", 0, column - 1)(state[0])]
        for row in range(1, self.rows):
            lateral = self.block("lateral", row, column - 1)(state[row])
            new.append(self.block("down", row - 1, column)(new[-1]) + lateral)
        return new

    def step_up(self, state: list[Tensor], column: int) -> list[Tensor]:
        """The next column of the right half; each row also takes from the coarser row of the same column."""
        new = [self.block("lateral", self.rows - 1, column - 1)(state[-1])]
        for row in reversed(range(self.rows - 1)):
            lateral = self.block("lateral", row, column - 1)(state[row])
            new.insert(0, self.block("up", row, column - self.columns // 2)(new[0]) + lateral)
        return new

    def block(self, kind: str, row: int, column: int) -> nn.Module:
        """A block by its name in the published checkpoints."""
        return getattr(self, f"{kind}_{row}_{column}")

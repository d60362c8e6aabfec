"""The transition network: what two pictures (or one picture and a learned direction) look like at t.

Source: Yang et al. 2022, section 3.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from core.errors import OptionError, ShapeError, unknown_name
from core.ops.warp import backward_warp
from core.sdl.methods.face_morph.block_matching import DENSE, MATCHINGS, block_motion, coarse_motion
from core.sdl.methods.flow_hypotheses.hypotheses import (
    CANDIDATES,
    EVIDENCE_CHANNELS,
    MOMENT_CHANNELS,
    candidates_at,
    compose_candidates,
    evidence,
    pair_motion,
)
from core.sdl.methods.flow_hypotheses.optical_flow import at_moment
from core.sdl.methods.refinement.network import SecondLook
from core.sdl.methods.small_network.composition import MOTION_UNIT_PX, compose, compose_dense, map_channels
from core.sdl.methods.thin_structures.segmentation import ThinSearch
from core.sdl.methods.toon.abstraction import abstracted
from core.sdl.paper.blocks import Down, SkipPart, Up, conv_act, over_batch
from core.sdl.paper.gridnet import GridNet

HALVINGS = 5
# Two aligned frames, folded by 2, and six maps of the dense motion.
START_CHANNELS = 30
# See `core.sdl.methods.face_morph.correspondence.face_guide`.
GUIDE_CHANNELS = 4


@dataclass
class Encoded:
    """What does not depend on t, for one batch of inputs.

    Attributes:
        flow: first merge's share of the flow space, to be multiplied by t, (B, C, h, w).
        feature: first merge's share of the feature space, bias included, (B, C, h, w).
        skips: the skip connections' shares for the other up blocks, coarse first.
        start: the motion that the last maps are counted from, (B, 4, h, w) of blocks or (B, 6, h, w) of
            `core.sdl.methods.flow_hypotheses.optical_flow`, where the network has one; (B, 16, h, w) of `core.sdl.methods.flow_hypotheses.hypotheses`.
        seen: the inputs as the network sees them, for one that looks at them again at every t.
        moment: the last t and its candidates, which `maps` leaves for `compose`.
    """

    flow: Tensor
    feature: Tensor
    skips: list[SkipPart]
    start: Tensor | None = None
    seen: Tensor | None = None
    moment: tuple[Tensor, Tensor] | None = None


class SDLNet(ModelMixin, ConfigMixin):
    """U-net whose decoder is split into a space that t moves and a space that t leaves alone, then a GridNet.

    The defaults are the published network. `forward` follows the paper; `encode` and `decode` give the same picture
    and share among many t all that t does not touch.

    Args:
        num_in_ch: 6 for two pictures, source first; 3 for one.
        num_out_ch: colour channels of the picture.
        split: share of the decoder's channels that is multiplied by t.
        widths: channels at full size, 1/2, 1/4, 1/8, 1/16 and 1/32.
        grid_widths: channels of the GridNet's rows.
        ncol: columns of the GridNet.
        output: how the last maps become a picture, see `core.sdl.methods.small_network.composition`; `direct` is the published way.
        reduction: how many times smaller than the picture the whole network works; its pixels become channels.
        work_px: longer side of what the network sees at most; the maps are enlarged to the inputs. 0 = no limit.
        matching: none, colour or structure: start the motion from block matching between the two pictures, and let the
            network see it, see `core.sdl.methods.face_morph.block_matching`; dense: from optical flow, see `core.sdl.methods.flow_hypotheses.optical_flow`; landmarks: from a motion that the
            caller knows, see `core.sdl.methods.face_morph.correspondence`; face: no motion, but where face and person are.
        look_widths: channels of the rows of `core.sdl.methods.refinement.network`, for the output candidates; empty = no second look.
        thin_widths: channels of the rows of `core.sdl.methods.thin_structures.segmentation`, for the matching dense; empty = votes alone.

    Source: Yang et al. 2022, section 3.2; the published network has none of what follows `ncol`.
    """

    @register_to_config
    def __init__(
        self,
        num_in_ch: int = 6,
        num_out_ch: int = 3,
        split: float = 0.5,
        widths: Sequence[int] = (32, 64, 128, 256, 512, 512),
        grid_widths: Sequence[int] = (32, 64, 96),
        ncol: int = 6,
        output: str = "direct",
        reduction: int = 1,
        work_px: int = 0,
        matching: str = "none",
        look_widths: Sequence[int] = (),
        thin_widths: Sequence[int] = (),
    ) -> None:
        super().__init__()
        if num_in_ch not in (3, 6) or num_out_ch != 3:
            raise OptionError(f"{num_in_ch} channels in, {num_out_ch} out: 3 or 6 in and 3 out fit")
        if not 0 <= split <= 1 or len(widths) != HALVINGS + 1:
            raise OptionError(
                f"split {split} and {len(widths)} widths: a split in [0, 1] and {HALVINGS + 1} widths fit"
            )
        if output == "direct" and work_px:
            raise OptionError("a network that paints every pixel sees the whole size: use work_px 0 or another output")
        if matching not in MATCHINGS:
            raise unknown_name("matching", matching, MATCHINGS)
        extra = {"none": 0, "dense": EVIDENCE_CHANNELS, "landmarks": START_CHANNELS, "face": GUIDE_CHANNELS}.get(
            matching, 4
        )
        form = "candidates" if matching == "dense" else "motion"
        if (output == "candidates") != (matching == "dense"):
            raise OptionError("the output candidates and matching dense belong together")
        drawn = 3 * reduction**2 if output == "abstraction" else 0
        if output in ("abstraction", "retouch") and num_in_ch != 3:
            raise OptionError(f"the output {output} takes one picture, 3 channels in")
        if matching == "face" and (output != "retouch" or reduction != 2):
            raise OptionError("matching face needs the output retouch and a reduction of 2")
        if extra and matching != "face" and (output != form or num_in_ch != 6 or not work_px or reduction != 2):
            raise OptionError(f"matching needs two pictures, the output {form}, a work_px and a reduction of 2")
        if (look_widths or thin_widths) and output != "candidates":
            raise OptionError(f"a second look and a search for thin things are for the output candidates, not {output}")
        s1, s2, s3, s4, s5, s6 = widths
        self.head = nn.Sequential(*conv_act(num_in_ch * reduction**2 + extra + drawn, s1, s1))
        self.down1, self.down2, self.down3 = Down(s1, s2), Down(s2, s3), Down(s3, s4)
        self.down4, self.down5 = Down(s4, s5), Down(s5, s6)
        self.up1, self.up2 = Up(s6, s5, s5, split), Up(s5, s4, s4, split)
        self.up3, self.up4, self.up5 = Up(s4, s3, s3, split), Up(s3, s2, s2, split), Up(s2, s1, s1, split)
        self.tail = nn.Sequential(*conv_act(s1, s1))
        again = EVIDENCE_CHANNELS if output == "candidates" else 0
        self.gridnet = GridNet(s1 + again, map_channels(output, num_in_ch // 3, reduction), grid_widths, ncol)
        self.look = SecondLook(2 * CANDIDATES, MOMENT_CHANNELS + 1, look_widths) if look_widths else None
        self.thin = ThinSearch(thin_widths) if thin_widths else None
        if output != "direct":
            self.start_from_the_inputs()

    def start_from_the_inputs(self) -> None:
        """Make the untrained network return its inputs' blend, but keep every layer's signal alive.

        PyTorch's own initialisation, which the published network has, shrinks the signal at every layer without a
        norm; a short training would never reach the deep ones. The last convolutions are silent; were the ones before
        them silent too, no gradient would reach either.

        Source: He et al. 2015, "Delving Deep into Rectifiers", section 2.2.
        """
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d) and layer.bias is not None:
                nn.init.kaiming_normal_(layer.weight, a=0.25)
                nn.init.zeros_(layer.bias)
        for grid in (self.gridnet, *(part.grid for part in (self.look, self.thin) if part is not None)):
            final = grid.lateral_final
            last = [layer for layer in final.f if isinstance(layer, nn.Conv2d)][-1]
            for conv in (last, *([] if final.conv is None else [final.conv])):
                nn.init.zeros_(conv.weight)

    @property
    def whole_only(self) -> bool:
        """Whether tiles make no sense: a network that sees a reduced picture sees all of it."""
        return bool(self.config.work_px)

    @property
    def side_multiple(self) -> int:
        """What both sides of what the network sees must be multiples of; with `work_px` any input fits."""
        return 2**HALVINGS * self.config.reduction

    def encoder(self, inputs: Tensor, motion: Tensor | None = None) -> tuple[list[Tensor], Tensor | None]:
        """Features from full size to 1/32, and the motion to start from, if any; `motion` as in `encode`."""
        seen = self.seen(inputs)
        folded, start = F.pixel_unshuffle(seen, self.config.reduction), None
        if self.config.output == "abstraction":
            folded = torch.cat([folded, F.pixel_unshuffle(abstracted(seen), self.config.reduction)], 1)
        if self.config.matching == "face":
            start = motion
            size = [side // 2 for side in seen.shape[2:]]
            guide = seen.new_zeros(len(seen), GUIDE_CHANNELS, *size)
            if start is not None:
                guide = F.interpolate(start.to(seen), size, mode="bilinear", align_corners=False)
            folded = torch.cat([folded, guide], 1)
        elif self.config.matching == "dense":
            start = pair_motion(inputs, self.thin) if motion is None else motion
            half = start.new_full((len(start),), 0.5)
            folded = torch.cat([folded, evidence(candidates_at(start, half), seen, half)], 1)
        elif self.config.matching == "landmarks":
            start = coarse_motion(seen) if motion is None else motion
            folded = torch.cat([folded, self.aligned(seen, start)], 1)
        elif self.config.matching != "none":
            source, target = seen.split(3, 1)
            # From the frame in between, content is fetched against its motion.
            how = self.config.matching
            there, back = -block_motion(source, target, how), -block_motion(target, source, how)
            start = torch.cat([there, back], 1) / MOTION_UNIT_PX
            folded = torch.cat([folded, start], 1)
        features = [self.head(folded)]
        for down in (self.down1, self.down2, self.down3, self.down4, self.down5):
            features.append(down(features[-1]))
        return features, start

    def aligned(self, seen: Tensor, start: Tensor) -> Tensor:
        """What the dense motion makes of the middle moment, for the network to judge: (B, `START_CHANNELS`, h, w).

        Both frames brought to the middle, folded, then velocity, share, movement, and the trust in both flows.
        """
        middle = at_moment(start[:, :6], start.new_full((len(start),), 0.5))
        scale = seen.new_tensor([seen.shape[3] / start.shape[3], seen.shape[2] / start.shape[2]]).reshape(1, 2, 1, 1)
        small = F.interpolate(
            torch.cat([middle, start[:, 4:6]], 1), seen.shape[2:], mode="bilinear", align_corners=False
        )
        velocity = small[:, :2] * scale
        source, target = seen.split(3, 1)
        both = torch.cat([backward_warp(source, -velocity / 2), backward_warp(target, velocity / 2)], 1)
        maps = F.avg_pool2d(torch.cat([velocity / MOTION_UNIT_PX, small[:, 2:3] / 4, small[:, 3:]], 1), 2)
        return torch.cat([F.pixel_unshuffle(both, 2), maps], 1).to(seen.dtype)

    def with_start(self, maps: Tensor, start: Tensor | None) -> Tensor:
        """The maps with their motion counted from the block matching's; a dense one is added when composing."""
        if start is None or self.config.matching in (*DENSE, "face"):
            return maps
        colours = maps.shape[1] - 5
        return torch.cat([maps[:, :colours], maps[:, colours:-1] + start, maps[:, -1:]], 1)

    def forward(self, inputs: Tensor, t: Tensor, motion: Tensor | None = None) -> Tensor:
        """The picture at t.

        Args:
            inputs: (B, 3 or 6, H, W) in [0, 1], source first; sides multiples of `side_multiple`.
            t: (B,) or (B, 1), 0 = source, 1 = target; values outside [0, 1] extrapolate in feature space.
            motion: as for `encode`.

        Returns:
            (B, 3, H, W), trained towards [0, 1], not clipped.

        Raises:
            ShapeError: channels or sides that do not fit.
        """
        t = t.reshape(-1)
        (s1, s2, s3, s4, s5, maps), start = self.encoder(inputs, motion)
        for up, skip in ((self.up1, s5), (self.up2, s4), (self.up3, s3), (self.up4, s2), (self.up5, s1)):
            maps = up(maps, skip, t)
        maps, moment = self.tail(maps), None
        if self.config.output == "candidates" and start is not None:
            moment = candidates_at(start, t)
            maps = torch.cat([maps, evidence(moment, self.seen(inputs), t)], 1)
        return self.composed(self.with_start(self.gridnet(maps), start), inputs, t, start, moment)

    def encode(self, inputs: Tensor, motion: Tensor | None = None) -> Encoded:
        """Everything that t does not touch: the encoder, the skip connections' shares, and the first up block.

        Args:
            inputs: as for `forward`.
            motion: (B, 6, h, w) in the form of `core.sdl.methods.flow_hypotheses.optical_flow.dense_motion`, for a network with `matching` landmarks;
                None starts from block matching. With `matching` face: (B, 4, h, w) of `core.sdl.methods.face_morph.correspondence.face_guide`;
                None tells the network nothing.

        In that block t meets only the merge convolution, which is linear: merge(t flow, feature) = t merge(flow) +
        merge(feature).
        """
        (s1, s2, s3, s4, s5, deepest), start = self.encoder(inputs, motion)
        spaces = self.up1.decouple(torch.cat([self.up1.head(deepest), s5], 1))
        cut, merge = self.up1.translatable, cast(nn.Conv2d, self.up1.merge[0])
        flow = F.conv2d(spaces[:, :cut], merge.weight[:, :cut], padding=1) if cut else torch.zeros_like(spaces)
        feature = torch.zeros_like(spaces) + merge.get_parameter("bias").reshape(1, -1, 1, 1)
        if cut < spaces.shape[1]:
            feature = F.conv2d(spaces[:, cut:], merge.weight[:, cut:], merge.bias, padding=1)
        ups = zip((self.up2, self.up3, self.up4, self.up5), (s4, s3, s2, s1), strict=True)
        seen = self.seen(inputs) if self.config.output == "candidates" else None
        return Encoded(flow, feature, [up.skip_part(skip) for up, skip in ups], start, seen)

    def maps(self, encoded: Encoded, t: Tensor) -> Tensor:
        """The last maps at t, (T, C, h, w), from what `encode` kept; `compose` makes the pictures of them.

        Args:
            encoded: of one pair, which serves all t, or of T pairs.
            t: (T,).
        """
        t = t.reshape(-1)
        maps = self.up1.merge[1](over_batch(t, encoded.flow) * encoded.flow + encoded.feature)
        for up, known in zip((self.up2, self.up3, self.up4, self.up5), encoded.skips, strict=True):
            maps = up.from_known(maps, known, t)
        maps = self.tail(maps)
        if encoded.seen is not None and encoded.start is not None:
            seen, start = (known.expand(len(t), -1, -1, -1) for known in (encoded.seen, encoded.start))
            encoded.moment = t, candidates_at(start, t)
            maps = torch.cat([maps, evidence(encoded.moment[1], seen, t)], 1)
        return self.with_start(self.gridnet(maps), encoded.start)

    def compose(self, maps: Tensor, inputs: Tensor, t: Tensor, encoded: Encoded | None = None) -> Tensor:
        """Pictures (T, 3, H, W) of the maps, at the size of `inputs` (1 or T, 3 or 6, H, W).

        Args:
            maps: from `maps`.
            inputs: as given to `encode`.
            t: (T,).
            encoded: what `encode` returned; only a network with dense matching needs it.
        """
        moment = None
        if encoded is not None and encoded.moment is not None and torch.equal(encoded.moment[0], t.reshape(-1)):
            moment = encoded.moment[1]
        return self.composed(maps, inputs, t, None if encoded is None else encoded.start, moment)

    def composed(
        self, maps: Tensor, inputs: Tensor, t: Tensor, start: Tensor | None, moment: Tensor | None = None
    ) -> Tensor:
        """`compose` with the start itself, and with its candidates at t where they are known already."""
        inputs, t = inputs.expand(len(maps), -1, -1, -1), t.reshape(-1)
        if self.config.matching in DENSE:
            if start is None:
                raise OptionError("a network with dense motion composes with what encode returned: pass it too")
            start = start.expand(len(maps), -1, -1, -1)
            if self.config.output == "candidates":
                known = candidates_at(start, t) if moment is None else moment
                return compose_candidates(maps, known, inputs, t, self.config.reduction, self.look)
            moment = at_moment(start[:, :6], t)
            return compose_dense(
                maps, moment, inputs, t, self.config.reduction, start[:, 6:] if start.shape[1] > 6 else None
            )
        guide = None
        if self.config.matching == "face" and start is not None:
            guide = start.expand(len(maps), -1, -1, -1).to(maps)
        return compose(self.config.output, maps, inputs, t, self.config.reduction, guide)

    def decode(self, encoded: Encoded, inputs: Tensor, t: Tensor) -> Tensor:
        """Pictures at t, the same as `forward`: (T, 3, H, W)."""
        return self.compose(self.maps(encoded, t), inputs, t, encoded)

    def seen(self, inputs: Tensor) -> Tensor:
        """The inputs as the network sees them, reduced to `work_px`.

        Raises:
            ShapeError: channels or sides that do not fit; better here than in a concatenation deep inside.
        """
        height, width = inputs.shape[-2:]
        if inputs.shape[1] != self.config.num_in_ch:
            raise ShapeError(
                f"the input has {inputs.shape[1]} channels, this network takes {self.config.num_in_ch}: "
                "6 is two RGB pictures, 3 is one"
            )
        multiple, limit = self.side_multiple, self.config.work_px
        if limit:
            scale = min(1.0, limit / max(height, width))
            size = [max(multiple, round(side * scale / multiple) * multiple) for side in (height, width)]
            return F.interpolate(inputs, size=size, mode="bilinear", align_corners=False, antialias=True)
        if height % multiple or width % multiple or not height * width:
            raise ShapeError(
                f"the input is {width} x {height} pixels; multiples of {multiple} fit: pad it and cut the result"
            )
        return inputs

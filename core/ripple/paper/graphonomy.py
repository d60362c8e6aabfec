"""Graphonomy: human parsing by graph reasoning, transferred from 7 body parts to 20 labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from core.ripple.paper.xception import Separable, Xception

LABELS = (
    "background", "hat", "hair", "glove", "sunglasses", "upper clothes", "dress", "coat", "socks", "pants",
    "torso skin", "scarf", "skirt", "face", "left arm", "right arm", "left leg", "right leg", "left shoe", "right shoe",
)  # fmt: skip
MIRRORED = (*range(14), 15, 14, 17, 16, 19, 18)  # each label's in a mirrored picture: left and right limbs exchanged
CONSTANTS = Path(__file__).parent / "constants" / "graphonomy.npz"


def graph_constants() -> dict[str, Tensor]:
    """Normalised adjacencies of the two label graphs and the word-vector cosines between them.

    Returns:
        `cihp_adjacency` (20, 20), `pascal_adjacency` (7, 7), `transfer` (20, 7), float32.
    """
    with np.load(CONSTANTS) as file:
        return {name: torch.from_numpy(file[name]).float() for name in file.files}


def resized(x: Tensor, size: Sequence[int]) -> Tensor:
    """Bilinear, align_corners=True, as everywhere in this network."""
    return F.interpolate(x, tuple(size), mode="bilinear", align_corners=True)


class Atrous(nn.Module):
    """One branch of the pyramid: a dilated separable convolution, or a plain 1x1 for rate 1."""

    def __init__(self, inputs: int, outputs: int, rate: int, pointwise: bool = False) -> None:
        super().__init__()
        self.atrous_convolution: nn.Conv2d | Separable
        if pointwise:
            self.atrous_convolution = nn.Conv2d(inputs, outputs, 1, bias=False)
            self.bn = nn.BatchNorm2d(outputs)
        else:
            self.atrous_convolution = Separable(inputs, outputs, dilation=rate, activate=True)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H, W), not negative."""
        y = self.atrous_convolution(x)
        return F.relu(self.bn(y)) if hasattr(self, "bn") else y


class PixelsToNodes(nn.Module):
    """Every node gathers the pixels that vote for it (a sum, so it grows with the picture)."""

    def __init__(self, width: int, hidden: int, nodes: int) -> None:
        super().__init__()
        self.pre_fea = nn.Parameter(torch.randn(width, nodes) * width**-0.5)
        self.weight = nn.Parameter(torch.randn(width, hidden) * width**-0.5)

    def forward(self, feature: Tensor) -> Tensor:
        """(B, width, H, W) to (B, nodes, hidden)."""
        pixels = feature.flatten(2).transpose(1, 2)
        votes = torch.softmax(pixels @ self.pre_fea, dim=-1)
        return F.relu(votes.transpose(1, 2) @ (pixels @ self.weight))


class GraphConvolution(nn.Module):
    """relu(A X W). Source: Kipf and Welling 2017."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs) * inputs**-0.5)

    def forward(self, nodes: Tensor, matrix: Tensor | None = None) -> Tensor:
        """(B, N, inputs) and matrix (M, N) to (B, M, outputs); without a matrix nodes stay apart."""
        mapped = nodes @ self.weight
        return F.relu(mapped if matrix is None else matrix @ mapped)


class NodesToFeature(nn.Module):
    """One vector per picture from all nodes.

    The published layer weighs nodes per pixel, but its pixel term is equal for all nodes and
    cancels in the softmax, so every pixel gets this same vector.
    """

    def __init__(self, hidden: int, width: int) -> None:
        super().__init__()
        self.node_fea_for_hidden = nn.Parameter(torch.randn(hidden, 1) * hidden**-0.5)
        self.weight = nn.Parameter(torch.randn(hidden, width) * hidden**-0.5)

    def forward(self, nodes: Tensor) -> Tensor:
        """(B, N, hidden) to (B, width)."""
        share = torch.softmax(nodes @ self.node_fea_for_hidden, dim=1)
        return F.relu((share * (nodes @ self.weight)).sum(1))


def similarity_transfer(source: Tensor, target: Tensor) -> Tensor:
    """Each target node as a mixture of the source nodes that look like it, (B, M, hidden)."""
    cosine = F.normalize(target, dim=-1, eps=1e-12) @ F.normalize(source, dim=-1, eps=1e-12).transpose(1, 2)
    return torch.softmax(cosine, dim=-1) @ source


class Graphonomy(ModelMixin, ConfigMixin):
    """Labels every pixel of a person.

    Args:
        stem: channels of the backbone's first two convolutions.
        entry: channels of its blocks 1 to 3.
        middle_blocks: its identity blocks.
        leave: channels of its last block and dilated units.
        width: channels of the pyramid, the decoder and the final feature.
        low_width: channels that the low-level feature is projected to.
        hidden: width of graph nodes.

    Source: Gong et al. 2019 (Graphonomy), sections 3.1 to 3.3.
    """

    @register_to_config
    def __init__(
        self,
        stem: Sequence[int] = (32, 64),
        entry: Sequence[int] = (128, 256, 728),
        middle_blocks: int = 16,
        leave: Sequence[int] = (1024, 1536, 2048),
        width: int = 256,
        low_width: int = 48,
        hidden: int = 128,
    ) -> None:
        super().__init__()
        deep = leave[2]
        self.xception_features = Xception(stem, entry, middle_blocks, leave)
        self.aspp1 = Atrous(deep, width, 1, pointwise=True)
        self.aspp2, self.aspp3, self.aspp4 = (Atrous(deep, width, rate) for rate in (6, 12, 18))
        pool = [nn.AdaptiveAvgPool2d(1), nn.Conv2d(deep, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        self.global_avg_pool = nn.Sequential(*pool)
        self.concat_projection_conv1 = nn.Conv2d(5 * width, width, 1, bias=False)
        self.concat_projection_bn1 = nn.BatchNorm2d(width)
        self.feature_projection_conv1 = nn.Conv2d(entry[1], low_width, 1, bias=False)
        self.feature_projection_bn1 = nn.BatchNorm2d(low_width)
        self.decoder = nn.Sequential(Atrous(width + low_width, width, 1), Atrous(width, width, 1))
        self.semantic = nn.Conv2d(width, len(LABELS), 1)
        self.source_featuremap_2_graph = PixelsToNodes(width, hidden, 7)
        self.source_graph_conv1 = GraphConvolution(hidden, hidden)
        self.source_graph_conv2 = GraphConvolution(hidden, hidden)
        self.target_featuremap_2_graph = PixelsToNodes(width, hidden, len(LABELS))
        self.transpose_graph = GraphConvolution(hidden, hidden)
        self.fc_graph = GraphConvolution(3 * hidden, hidden)
        self.target_graph_conv1 = GraphConvolution(hidden, hidden)
        self.target_graph_conv2 = GraphConvolution(hidden, hidden)
        self.target_graph_conv3 = GraphConvolution(hidden, hidden)
        self.target_graph_2_fea = NodesToFeature(hidden, width)
        self.target_skip_conv = nn.Sequential(nn.Conv2d(width, width, 1), nn.ReLU())
        constants = graph_constants()
        self.register_buffer("target_adjacency", constants["cihp_adjacency"], persistent=False)
        self.register_buffer("source_adjacency", constants["pascal_adjacency"], persistent=False)
        transfer = torch.softmax(F.relu(constants["transfer"]), dim=1)
        self.register_buffer("transfer", transfer, persistent=False)

    def feature(self, image: Tensor) -> Tensor:
        """Pyramid and decoder: (B, 3, H, W) to (B, width, H/4, W/4)."""
        deep, low_level = self.xception_features(image)
        branches = [branch(deep) for branch in (self.aspp1, self.aspp2, self.aspp3, self.aspp4)]
        branches.append(resized(self.global_avg_pool(deep), deep.shape[2:]))
        x = F.relu(self.concat_projection_bn1(self.concat_projection_conv1(torch.cat(branches, dim=1))))
        low_level = F.relu(self.feature_projection_bn1(self.feature_projection_conv1(low_level)))
        return self.decoder(torch.cat([resized(x, low_level.shape[2:]), low_level], dim=1))

    def reason(self, feature: Tensor) -> Tensor:
        """The graphs' opinion on the whole picture, (B, width)."""
        source = self.source_graph_conv1(self.source_featuremap_2_graph(feature), self.source_adjacency)
        # as published: the second layer runs twice, the stored third one is never used
        sources = [source, self.source_graph_conv2(source, self.source_adjacency)]
        sources.append(self.source_graph_conv2(sources[1], self.source_adjacency))
        target = self.target_featuremap_2_graph(feature)
        layers = (self.target_graph_conv1, self.target_graph_conv2, self.target_graph_conv3)
        for nodes, layer in zip(sources, layers, strict=True):
            semantic = self.transpose_graph(nodes, self.transfer)
            target = self.fc_graph(torch.cat([target, similarity_transfer(nodes, target), semantic], dim=-1))
            target = layer(target, self.target_adjacency)
        return self.target_graph_2_fea(target)

    def forward(self, image: Tensor) -> Tensor:
        """Logits (B, 20, H, W) for (B, 3, H, W) in [-1, 1], channels in the order B, G, R."""
        feature = self.feature(image)
        opinion = self.reason(feature)[:, :, None, None]
        return resized(self.semantic(self.target_skip_conv(feature) + opinion), image.shape[2:])

"""StyleGAN2: generator against discriminator, with the published losses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.options import option
from core.ripple.paper.losses import discriminator_loss, generator_loss, gradient_penalty, path_length_penalty
from core.ripple.paper.stylegan2 import Discriminator, Generator, mix_codes
from core.training import Run, TrainOptions


@dataclass(frozen=True)
class GeneratorOptions(TrainOptions):
    """Options of StyleGAN2 training; the defaults are configuration F."""

    data: str = option("../shared/data", "folder with heads.zip and faces.zip")
    out: str = option("runs/ripple-generator", "folder of the run")
    size: int = option(128, "side of the pictures", low=16, high=1024)
    lr: float = option(2e-3, "learning rate of Adam", low=0, high=1)
    batch: int = option(32, "pictures per step", low=2, high=4096)
    mixing: float = option(0.9, "share of batches made from two codes", low=0, high=1)
    r1: float = option(10.0, "weight of the gradient penalty on real pictures", low=0, high=1000)
    r1_every: int = option(16, "steps between two gradient penalties", low=1, high=1000)
    path: float = option(2.0, "weight of the path length penalty", low=0, high=1000)
    path_every: int = option(4, "steps between two path length penalties", low=1, high=1000)
    style_dim: int = option(512, "length of a code", low=8, high=512)
    channel_base: int = option(32768, "channels times side of a level", low=64, high=65536)
    channel_max: int = option(512, "limit of channels", low=8, high=512)


class GeneratorRecipe:
    """Source: Karras et al. 2020, sections 3 and 4.2 and appendix B (lazy regularisation)."""

    averaged = ("generator",)

    def __init__(self, options: GeneratorOptions) -> None:
        self.options = options
        width = {"channel_base": options.channel_base, "channel_max": options.channel_max}
        self.networks: dict[str, nn.Module] = {
            "generator": Generator(options.size, options.style_dim, fusion_size=min(64, options.size), **width).train(),
            "discriminator": Discriminator(options.size, **width).train(),
        }
        self.networks["generator"].register_buffer("mean_path_length", torch.zeros(()), persistent=True)
        self.optimizers = {
            "generator": self.adam("generator", options.path_every),
            "discriminator": self.adam("discriminator", options.r1_every),
        }

    def adam(self, name: str, every: int) -> torch.optim.Adam:
        """Adam, slowed for the extra step that a lazy penalty adds every so often."""
        ratio = every / (every + 1)
        return torch.optim.Adam(self.networks[name].parameters(), self.options.lr * ratio, betas=(0.0, 0.99**ratio))

    def codes(self, generator: Generator, batch: int, device: torch.device) -> Tensor:
        """W+ codes of random Z, mostly mixed from two at a random layer."""
        count, width = generator.code_count, self.options.style_dim
        first, second = (generator.mapping(torch.randn(batch, width).to(device)) for _ in range(2))
        inject = int(torch.randint(1, count, ())) if torch.rand(()) < self.options.mixing else count
        return mix_codes(first, second, inject, count)

    def step(self, batch: Mapping[str, Tensor], run: Run) -> dict[str, float | Tensor]:
        """Discriminator, then generator, each with its penalty now and then."""
        real, nets, options = batch["source"], run.networks, self.options
        generator, judge = nets["generator"], nets["discriminator"]
        with torch.no_grad():
            fake = generator(self.codes(generator, len(real), real.device), noise=generator.random_noise(len(real)))
        d_loss = discriminator_loss(judge(real), judge(fake))
        run.update("discriminator", d_loss)
        if options.r1 and run.step % options.r1_every == 0:
            real = real.detach().requires_grad_(True)
            penalty = gradient_penalty(judge(real), real)
            run.update("discriminator", options.r1 / 2 * options.r1_every * penalty)
        codes = self.codes(generator, len(real), real.device)
        g_loss = generator_loss(judge(generator(codes, noise=generator.random_noise(len(real)))))
        run.update("generator", g_loss)
        if options.path and run.step % options.path_every == 0:
            self.regularise_paths(run, max(1, len(real) // 2))
        return {"discriminator": d_loss.detach(), "generator": g_loss.detach()}

    def regularise_paths(self, run: Run, batch: int) -> None:
        """The path length penalty on half a batch, with its running mean kept in the network."""
        generator = run.networks["generator"]
        codes = self.codes(generator, batch, generator.mean_path_length.device)
        image = generator(codes, noise=generator.random_noise(batch))
        penalty, mean = path_length_penalty(image, codes, generator.mean_path_length, torch.randn_like(image))
        run.update("generator", self.options.path * self.options.path_every * penalty)
        generator.mean_path_length.copy_(mean)

    def samples(self, networks: Mapping[str, Any]) -> Tensor | None:
        """Eight pictures of fixed codes beside each other."""
        generator = networks["generator"]
        z = torch.randn(8, self.options.style_dim, generator=torch.Generator().manual_seed(0))
        image = generator(generator.mapping(z.to(next(generator.parameters()).device)))
        return ((image + 1) / 2).clamp(0, 1).transpose(0, 1).transpose(1, 2).flatten(2).cpu()

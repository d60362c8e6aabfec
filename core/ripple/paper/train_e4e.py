"""e4e: an encoder into the W+ space of a frozen generator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.options import option
from core.ripple.paper.losses import delta_penalty, discriminator_loss, generator_loss, gradient_penalty
from core.ripple.paper.ranger import Ranger
from core.ripple.paper.recipe import LossRecipe, checked_judges, perceptual_terms, update_by
from core.ripple.paper.stylegan2_layers import EqualLinear
from core.ripple.paper.train_hfgi import pooled
from core.training import Run, TrainOptions


@dataclass(frozen=True)
class EncoderOptions(TrainOptions):
    """Options of e4e training; the defaults are the published weights of the losses."""

    data: str = option("../shared/data", "folder with heads.zip and faces.zip")
    out: str = option("runs/ripple-encoder", "folder of the run")
    lr: float = option(1e-4, "learning rate of Ranger", low=0, high=1)
    batch: int = option(8, "pictures per step", low=2, high=4096)
    l2_lambda: float = option(1.0, "weight of the mean squared error", low=0, high=100)
    lpips_lambda: float = option(0.8, "weight of LPIPS; needs the weights ripple-lpips", low=0, high=100)
    id_lambda: float = option(0.1, "weight of the identity loss; needs the weights ripple-identity", low=0, high=100)
    delta_lambda: float = option(2e-4, "weight of what codes differ from the base code", low=0, high=100)
    code_lambda: float = option(0.1, "weight of the discriminator of codes", low=0, high=100)
    code_r1: float = option(10.0, "gradient penalty of the discriminator of codes", low=0, high=1000)


class CodeDiscriminator(nn.Module):
    """Tells codes of the mapping network from the encoder's. Source: Nitzan et al. 2020, section 3.3."""

    def __init__(self, width: int, layers: int = 4) -> None:
        super().__init__()
        hidden = [EqualLinear(width, width, activate=True) for _ in range(layers - 1)]
        self.layers = nn.Sequential(*hidden, EqualLinear(width, 1))

    def forward(self, code: Tensor) -> Tensor:
        """(B, width) to (B, 1, 1, 1)."""
        return self.layers(code).view(-1, 1, 1, 1)


class EncoderRecipe(LossRecipe):
    """Source: Tov et al. 2021 (e4e), section 4; all codes from the start instead of one by one."""

    averaged = ("encoder",)

    def __init__(
        self, options: Any, networks: Mapping[str, Any], judges: Mapping[str, nn.Module] | None = None
    ) -> None:
        self.options, self.judges = options, checked_judges(options, judges)
        generator, encoder = networks["generator"].requires_grad_(False).eval(), networks["encoder"].train()
        self.networks: dict[str, nn.Module] = {"encoder": encoder, "generator": generator}
        self.optimizers: dict[str, torch.optim.Optimizer] = {"encoder": Ranger(encoder.parameters(), options.lr)}
        if options.code_lambda:
            self.networks["code_discriminator"] = CodeDiscriminator(generator.config.style_dim)
            judge = self.networks["code_discriminator"].parameters()
            self.optimizers["code_discriminator"] = torch.optim.Adam(judge, 2e-5)

    def step(self, batch: Mapping[str, Tensor], run: Run) -> dict[str, float | Tensor]:
        """One update of the discriminator of codes and one of the encoder."""
        image, nets, options = batch["source"], run.networks, self.options
        offsets = nets["encoder"].offsets(pooled(image, nets["encoder"].config.input_size))
        codes = offsets + nets["encoder"].latent_avg
        made = pooled(nets["generator"](codes, noise=nets["generator"].random_noise(len(image))), image.shape[-1])
        terms = {"delta": options.delta_lambda * delta_penalty(offsets), **self.terms(made, image)}
        if options.code_lambda:
            self.teach_discriminator(run, codes.detach())
            terms["codes"] = options.code_lambda * generator_loss(nets["code_discriminator"](codes.flatten(0, 1)))
        return update_by(run, "encoder", terms)

    def terms(self, made: Tensor, image: Tensor) -> dict[str, Tensor]:
        """The weighted losses of the pictures."""
        return perceptual_terms(self.options, self.judges, made, image)

    def teach_discriminator(self, run: Run, codes: Tensor) -> None:
        """Real codes come from the mapping network, made ones from the encoder."""
        judge, generator = run.networks["code_discriminator"], run.networks["generator"]
        z = torch.randn(len(codes), generator.config.style_dim).to(codes)
        real = generator.mapping(z).detach().requires_grad_(True)
        score = judge(real)
        loss = discriminator_loss(score, judge(codes.flatten(0, 1)).mean().view(1, 1, 1, 1))
        if self.options.code_r1 and run.step % 16 == 0:
            loss = loss + self.options.code_r1 / 2 * 16 * gradient_penalty(score, real)
        run.update("code_discriminator", loss)

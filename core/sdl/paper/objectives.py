"""What a transition network is trained for, step by step: one class per objective.

Source: Yang et al. 2022, section 3.3 (losses) and the released option files (values, in `core.sdl.paper.recipes`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.ops.vgg import VGG19Features
from core.sdl.methods.style.network import SDLStyleNet
from core.sdl.networks import AnyNet
from core.sdl.options import TransitionTrainOptions
from core.sdl.paper import losses
from core.sdl.paper import style_losses as losses_style
from core.sdl.paper.network import SDLNet
from core.sdl.paper.recipes import learning_rate, published
from core.training import Run

# Of runs with `decay_steps`.
WARM_UP_STEPS = 100
SHEET_T = (0.0, 0.25, 0.5, 0.75, 1.0)


class TransitionRecipe(ABC):
    """What all trainers share: one generator, Adam, the falling rate, and the sample sheet.

    Args:
        generator: the network.
        options: with no None left.
        sheet: a batch whose transitions the sample sheet shows.
    """

    def __init__(self, generator: AnyNet, options: TransitionTrainOptions, sheet: Mapping[str, Tensor]) -> None:
        self.options, self.sheet = options, sheet
        self.values = published(options.task)
        self.networks: dict[str, nn.Module] = {"generator": generator}
        self.optimizers = {"generator": self.adam(generator)}
        self.averaged: tuple[str, ...] = ("generator",) if options.ema_decay > 0 else ()

    def adam(self, network: nn.Module) -> torch.optim.Adam:
        """The published optimizer."""
        lr, recipe = self.options.lr, self.values
        return torch.optim.Adam(network.parameters(), lr, recipe.betas, weight_decay=recipe.weight_decay)

    def set_rate(self, run: Run) -> None:
        """The rate of this step, from the step alone, so that a resumed run has it too."""
        base = self.options.lr
        if self.options.decay_steps:
            along = min(1.0, run.step / self.options.decay_steps)
            # A layer that starts silent must not shout before Adam knows its gradients.
            rate = base * (0.1 + 0.45 * (1 + float(np.cos(np.pi * along)))) * min(1.0, (run.step + 1) / WARM_UP_STEPS)
        else:
            rate = learning_rate(base, run.step, self.values.milestones, self.values.gamma)
        for optimizer in run.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = rate

    def step(self, batch: Mapping[str, Tensor], run: Run) -> dict[str, float | Tensor]:
        """One update."""
        self.set_rate(run)
        return self.learn(batch, run)

    @abstractmethod
    def learn(self, batch: Mapping[str, Tensor], run: Run) -> dict[str, float | Tensor]:
        """The objective's own update; returns its terms by their published names."""

    def samples(self, networks: Mapping[str, nn.Module]) -> Tensor:
        """One row per item: its inputs, the transition at `SHEET_T`, and the truth where there is one."""
        network, rows = networks["generator"], []
        inputs = self.sheet["inputs"].to(next(network.parameters()).device)
        for index, pair in enumerate(inputs):
            t = torch.tensor(SHEET_T, device=pair.device)
            motion = {}
            if "motion" in self.sheet:
                motion["motion"] = self.sheet["motion"][index].to(pair.device).expand(len(t), -1, -1, -1)
            row = [*pair.split(3), *network(pair.expand(len(t), -1, -1, -1), t, **motion)]
            if "truth" in self.sheet:
                row.append(self.sheet["truth"][index].to(pair.device))
            rows.append(torch.cat(row, 2))
        return torch.cat(rows, 1).clamp(0, 1)


class PictureRecipe(TransitionRecipe):
    """Interpolation as published: Charbonnier and, unless its weight is 0, VGG19 features; `pixels` adds gradients and coarse scales."""

    def __init__(
        self, generator: AnyNet, options: TransitionTrainOptions, sheet: Mapping[str, Tensor], vgg: VGG19Features | None
    ) -> None:
        if isinstance(generator, SDLNet) and generator.thin is not None:
            # It has an objective of its own, see `core.sdl.training.thin_structures`.
            generator.thin.requires_grad_(False)
        super().__init__(generator, options, sheet)
        self.vgg = vgg

    def learn(self, batch: Mapping[str, Tensor], run: Run) -> dict[str, float | Tensor]:
        """One step of the generator."""
        known = {"motion": batch["motion"]} if "motion" in batch else {}
        painted = run.networks["generator"](batch["inputs"], batch["t"], **known)
        terms = {"l_cb": losses.charbonnier(painted, batch["truth"])}
        if self.vgg is not None:
            weight = float(self.options.perceptual or 0)
            terms["l_percep"] = weight * losses.perceptual(self.vgg.to(painted.device), painted, batch["truth"])
        if self.options.objective == "pixels":
            terms["l_gradient"] = losses.gradient_difference(painted, batch["truth"])
            terms["l_coarse"] = losses.coarse_difference(painted, batch["truth"])
            if self.options.psnr:
                terms["l_psnr"] = self.options.psnr * losses.negative_psnr(painted, batch["truth"])
            if self.options.detail:
                terms["l_detail"] = self.options.detail * losses.detail_difference(painted, batch["truth"])
        run.update("generator", sum(terms.values(), painted.new_zeros(())))
        return {name: term.detach() for name, term in terms.items()}


class AdversarialRecipe(TransitionRecipe):
    """Morphing and image-to-image as published: L1 and a relativistic patch discriminator."""

    def __init__(
        self, generator: AnyNet, discriminator: nn.Module, options: TransitionTrainOptions, sheet: Mapping[str, Tensor]
    ) -> None:
        super().__init__(generator, options, sheet)
        self.networks["discriminator"] = discriminator
        self.optimizers["discriminator"] = self.adam(discriminator)

    def learn(self, batch: Mapping[str, Tensor], run: Run) -> dict[str, float | Tensor]:
        """One step of the generator, then one of the discriminator."""
        inputs, truth = batch["inputs"], batch["truth"]
        if self.options.multi_scale and (side := losses.random_square(32, inputs.shape[-1], 32)) is not None:
            inputs, truth = losses.at_square(inputs, side), losses.at_square(truth, side)
        judge = run.networks["discriminator"]
        painted = run.networks["generator"](inputs, batch["t"])
        pixel = F.l1_loss(painted, truth)
        judge.requires_grad_(False)
        real = judge(truth).detach()
        gan = float(self.options.gan or 0) * losses.relativistic(real, judge(painted), for_generator=True).mean
        judge.requires_grad_(True)
        run.update("generator", pixel + gan)
        logged = self.judge_both(judge, painted.detach(), truth, run)
        return {"l_g_pix": pixel.detach(), "l_g_gan": gan.detach(), **logged}

    @staticmethod
    def judge_both(judge: nn.Module, painted: Tensor, truth: Tensor, run: Run) -> dict[str, float | Tensor]:
        """One step of the discriminator; the scores of its opponents are constants, and every pass iterates the norms."""
        fake_before = judge(painted).detach()
        real = judge(truth)
        on_real = losses.relativistic(real, fake_before, for_generator=False).real / 2
        fake = judge(painted)
        on_fake = losses.relativistic(real.detach(), fake, for_generator=False).fake / 2
        run.update("discriminator", on_real + on_fake)
        values = {"l_d_real": on_real, "l_d_fake": on_fake, "out_d_real": real.mean(), "out_d_fake": fake.mean()}
        return {name: value.detach() for name, value in values.items()}


class StyleRecipe(TransitionRecipe):
    """Style transfer as published: content and style statistics and relations, style weighted by t."""

    def __init__(
        self, generator: AnyNet, options: TransitionTrainOptions, sheet: Mapping[str, Tensor], vgg: VGG19Features
    ) -> None:
        super().__init__(generator, options, sheet)
        self.vgg = vgg
        self.weights = losses_style.StyleWeights(**self.values.terms)

    def learn(self, batch: Mapping[str, Tensor], run: Run) -> dict[str, float | Tensor]:
        """One step of the generator."""
        content, style = batch["inputs"].split(3, 1)
        painted = run.networks["generator"](batch["inputs"], batch["t"])
        vgg, gradient = self.vgg.to(painted.device), self.options.style_gradient
        terms = losses_style.style_terms(vgg, painted, content, style, self.weights, differentiable=gradient)
        run.update("generator", terms.total(float(batch["t"][0])))
        named = {"l_content": terms.content, "l_style": terms.style}
        named |= {"l_content_r": terms.content_relation, "l_style_r": terms.style_relation}
        return {name: term.detach() for name, term in named.items()}


class CodeRecipe(TransitionRecipe):
    """The shipped style network's first step: its own reading of a style against the teacher's, the painter left alone."""

    def __init__(self, generator: SDLStyleNet, options: TransitionTrainOptions, sheet: Mapping[str, Tensor]) -> None:
        generator.requires_grad_(False)
        generator.code.requires_grad_(True)
        super().__init__(generator, options, sheet)

    def learn(self, batch: Mapping[str, Tensor], run: Run) -> dict[str, float | Tensor]:
        """One step of the code's network."""
        network = run.accelerator.unwrap_model(run.networks["generator"])
        code = network.code_of(batch["inputs"][:, 3:]).float()
        strokes = F.l1_loss(network.strokes(code).float(), network.strokes(batch["code"]).float())
        near = F.mse_loss(code, batch["code"])
        run.update("generator", strokes + near)
        return {"l_strokes": strokes.detach(), "l_code": near.detach()}

"""What a transition network is trained for, step by step: one class per objective.

Source: Yang et al. 2022, section 3.3 (losses) and the released option files (values, in `core.sdl.paper.recipes`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import fields

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.ops.vgg import VGG19Features
from core.sdl.paper import losses, style_losses
from core.sdl.paper.recipes import Published, learning_rate
from core.training import Run

SHEET_T = (0.0, 0.25, 0.5, 0.75, 1.0)


class TransitionRecipe(ABC):
    """What all trainers share: one generator, Adam, the falling rate, and the sample sheet.

    Args:
        generator: the network.
        values: the recipe.
        sheet: a batch whose transitions the sample sheet shows.
    """

    def __init__(self, generator: nn.Module, values: Published, sheet: Mapping[str, Tensor]) -> None:
        self.values, self.sheet = values, sheet
        self.rate: Callable[[int], float] = lambda step: learning_rate(values.lr, step, values.milestones, values.gamma)
        self.networks: dict[str, nn.Module] = {"generator": generator}
        self.optimizers = {"generator": self.adam(generator)}
        self.averaged: tuple[str, ...] = ("generator",) if values.ema_decay > 0 else ()

    def adam(self, network: nn.Module) -> torch.optim.Adam:
        """The published optimizer."""
        values = self.values
        return torch.optim.Adam(network.parameters(), values.lr, values.betas, weight_decay=values.weight_decay)

    def set_rate(self, run: Run) -> None:
        """The rate of this step, from the step alone, so that a resumed run has it too."""
        for optimizer in run.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = self.rate(run.step)

    def paint(self, network: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        """The network's pictures of a batch."""
        return network(batch["inputs"], batch["t"])

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
        device = next(network.parameters()).device
        t = torch.tensor(SHEET_T, device=device)
        for index in range(len(self.sheet["inputs"])):
            item = {name: values[index].to(device) for name, values in self.sheet.items()}
            batch = {name: values.expand(len(t), *values.shape) for name, values in item.items()} | {"t": t}
            truth = [item["truth"]] if "truth" in item else []
            rows.append(torch.cat([*item["inputs"].split(3), *self.paint(network, batch), *truth], 2))
        return torch.cat(rows, 1).clamp(0, 1)


class PictureRecipe(TransitionRecipe):
    """Interpolation as published: Charbonnier and, unless its weight is 0, VGG19 features."""

    def __init__(
        self, generator: nn.Module, values: Published, sheet: Mapping[str, Tensor], vgg: VGG19Features | None = None
    ) -> None:
        super().__init__(generator, values, sheet)
        self.vgg = vgg

    def learn(self, batch: Mapping[str, Tensor], run: Run) -> dict[str, float | Tensor]:
        """One step of the generator."""
        painted = self.paint(run.networks["generator"], batch)
        terms = self.measure(painted, batch["truth"])
        run.update("generator", sum(terms.values(), painted.new_zeros(())))
        return {name: term.detach() for name, term in terms.items()}

    def measure(self, painted: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """The weighted terms of the loss, equation by equation in section 3.3, by their published names."""
        terms = {"l_cb": losses.charbonnier(painted, truth)}
        if self.vgg is not None:
            weight = self.values.terms["perceptual"]
            terms["l_percep"] = weight * losses.perceptual(self.vgg.to(painted.device), painted, truth)
        return terms


class AdversarialRecipe(TransitionRecipe):
    """Morphing and image-to-image as published: L1 and a relativistic patch discriminator."""

    def __init__(
        self, generator: nn.Module, discriminator: nn.Module, values: Published, sheet: Mapping[str, Tensor]
    ) -> None:
        super().__init__(generator, values, sheet)
        self.networks["discriminator"] = discriminator
        self.optimizers["discriminator"] = self.adam(discriminator)

    def learn(self, batch: Mapping[str, Tensor], run: Run) -> dict[str, float | Tensor]:
        """One step of the generator, then one of the discriminator."""
        inputs, truth = batch["inputs"], batch["truth"]
        if self.values.multi_scale and (side := losses.random_square(32, inputs.shape[-1], 32)) is not None:
            inputs, truth = losses.at_square(inputs, side), losses.at_square(truth, side)
        judge = run.networks["discriminator"]
        painted = run.networks["generator"](inputs, batch["t"])
        pixel = F.l1_loss(painted, truth)
        judge.requires_grad_(False)
        real = judge(truth).detach()
        gan = self.values.terms["gan"] * losses.relativistic(real, judge(painted), for_generator=True).mean
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
    """Style transfer as published: content and style statistics and relations, style weighted by t.

    `differentiable` gives the relaxed transport a gradient, which the released code lacks.
    """

    def __init__(
        self, generator: nn.Module, values: Published, sheet: Mapping[str, Tensor], vgg: VGG19Features,
        differentiable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(generator, values, sheet)
        self.vgg, self.differentiable = vgg, differentiable
        names = [field.name for field in fields(style_losses.StyleWeights)]
        self.weights = style_losses.StyleWeights(**{name: values.terms[name] for name in names})

    def learn(self, batch: Mapping[str, Tensor], run: Run) -> dict[str, float | Tensor]:
        """One step of the generator."""
        content, style = batch["inputs"].split(3, 1)
        painted = run.networks["generator"](batch["inputs"], batch["t"])
        terms = style_losses.style_terms(
            self.vgg.to(painted.device), painted, content, style, self.weights, differentiable=self.differentiable
        )
        run.update("generator", terms.total(float(batch["t"][0])))
        named = {"l_content": terms.content, "l_style": terms.style}
        named |= {"l_content_r": terms.content_relation, "l_style_r": terms.style_relation}
        return {name: term.detach() for name, term in named.items()}

"""Training of face animation and dance: clips in chunks, each painted frame the `previous` of the next.

One step takes a piece of every clip in the batch and makes an update per chunk of `chunk_frames`; gradients run through
a chunk, and the last painted frame goes on into the next chunk without them.

Source: Ren et al. 2020, section 4.4 (faces); Ren et al. 2020b, arXiv 2008.12606 (dance).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.errors import InputError
from core.gfla.options import GflaTrainOptions
from core.gfla.paper import losses
from core.gfla.paper.blocks import initialise
from core.gfla.paper.discriminators import ResDiscriminator, TemporalDiscriminator
from core.gfla.paper.network import Painted
from core.gfla.paper.network_animation import DanceGenerator, FaceGenerator
from core.gfla.paper.recipe import BETAS, Recipe, discriminator_widths
from core.training import Run

# Frames that the discriminator of clips sees.
WATCHED = {"face": 3, "dance": 6}
# With masks (iPER) the correctness counts less, as published, unless it was set.
MASKED_CORRECT = 2.0


class AnimationRecipe(Recipe):
    """Generator, discriminator of frames and discriminator of short clips."""

    def __init__(self, options: GflaTrainOptions, config: Mapping[str, Any], features: nn.Module) -> None:
        super().__init__(options, config, features)
        self.watched = WATCHED[options.task]
        if options.chunk_frames < self.watched:
            raise InputError(
                f"chunks of {options.chunk_frames} frames are too short, the clip discriminator of task {options.task} "
                f"sees {self.watched}: raise --chunk-frames"
            )
        generator = (FaceGenerator if options.task == "face" else DanceGenerator)(**self.config)
        widths = discriminator_widths(options.width)
        frame = ResDiscriminator(**widths)
        clip: nn.Module = ResDiscriminator(image_nc=6, **widths) if self.faces else TemporalDiscriminator(**widths)
        for network in (generator, frame, clip):
            initialise(network)
        self.networks = {"generator": generator, "discriminator": frame, "clip_discriminator": clip}
        rate = options.lr * options.ratio_g2d
        self.optimizers = {
            "generator": torch.optim.Adam(generator.parameters(), options.lr, BETAS),
            "discriminator": torch.optim.Adam([*frame.parameters(), *clip.parameters()], rate, BETAS),
        }

    @property
    def faces(self) -> bool:
        """Whether faces are animated."""
        return self.options.task == "face"

    def step(self, batch: Mapping[str, Tensor], run: Run) -> dict[str, float | Tensor]:
        """An update of both sides per chunk; returns the mean over chunks."""
        self.features.to(batch["frames"].device)
        self.learning_rate(run)
        length, size = batch["frames"].shape[1], self.options.chunk_frames
        # A rest that the clip discriminator could not watch is left out.
        starts = [start for start in range(0, length, size) if min(size, length - start) >= self.watched]
        if not starts:
            raise InputError(f"the clips have {length} frames, at least {self.watched} are needed: take longer ones")
        previous: Tensor | None = None
        previous_structure: Tensor | None = None
        before = batch["reference"]
        rows = []
        for start in starts:
            chunk = {
                key: batch[key][:, start : start + size] for key in ("frames", "structures", "masks") if key in batch
            }
            painted = run.networks["generator"](
                chunk["structures"], batch["reference"], batch["reference_structure"], previous, previous_structure
            )
            rows.append(self.chunk(painted, chunk, batch["reference"], before, previous, run))
            previous, previous_structure = painted[-1].image.detach(), chunk["structures"][:, -1]
            before = chunk["frames"][:, -1]
        return {name: torch.stack([row[name].detach() for row in rows]).mean() for name in rows[0]}

    def chunk(
        self,
        painted: list[Painted],
        chunk: Mapping[str, Tensor],
        reference: Tensor,
        before: Tensor,
        previous: Tensor | None,
        run: Run,
    ) -> dict[str, Tensor]:
        """One update of the discriminators, then of the generator.

        Args:
            painted: the chunk's frames.
            chunk: its truth.
            reference: the reference picture.
            before: the true frame before the chunk.
            previous: the painted one, None at the beginning.
            run: the run.
        """
        made = torch.stack([item.image for item in painted], 1)
        real = chunk["frames"]
        frame, clip = run.networks["discriminator"], run.networks["clip_discriminator"]
        told = self.critic_loss(frame, *self.one_frame(real, made))
        told_clip = self.critic_loss(clip, *self.watched_clip(real, made))
        run.update("discriminator", told + told_clip)
        found = self.generator_losses(painted, chunk, reference, before, previous)
        mode = self.options.gan_mode
        spatial = losses.adversarial(frame(self.one_frame(real, made)[1]), True, False, mode)
        temporal = losses.adversarial(clip(self.watched_clip(real, made)[1]), True, False, mode)
        found["g"] = spatial + temporal
        loss = self.total(found)
        run.update("generator", loss)
        return {"loss": loss, **found, "discriminator": told, "clip_discriminator": told_clip}

    def one_frame(self, real: Tensor, made: Tensor) -> tuple[Tensor, Tensor]:
        """A random frame of both."""
        index = int(torch.randint(real.shape[1], ()))
        return real[:, index], made[:, index]

    def watched_clip(self, real: Tensor, made: Tensor) -> tuple[Tensor, Tensor]:
        """A random window of both: for faces the differences of its frames, for dance the frames (B, 3, T, H, W)."""
        start = int(torch.randint(real.shape[1] - self.watched + 1, ()))
        parts = [item[:, start : start + self.watched] for item in (real, made)]
        if self.faces:
            parts = [(item[:, :-1] - item[:, 1:]).flatten(1, 2) for item in parts]
        else:
            parts = [item.transpose(1, 2) for item in parts]
        return parts[0], parts[1]

    def generator_losses(
        self,
        painted: list[Painted],
        chunk: Mapping[str, Tensor],
        reference: Tensor,
        before: Tensor,
        previous: Tensor | None,
    ) -> dict[str, Tensor]:
        """Everything but the adversarial losses, summed over the chunk's frames."""
        sums: dict[str, Tensor] = {}
        with torch.no_grad():
            own = self.features(reference)
        last = reference if previous is None else previous
        for index, item in enumerate(painted):
            real = chunk["frames"][:, index]
            mask = chunk["masks"][:, index] if "masks" in chunk else None
            with torch.no_grad():
                wanted = self.features(real)
                # Faces are held against the frame that was painted before, dancers against the true one.
                earlier = self.features(last if self.faces else before)
            made = self.features(item.image)
            terms = {
                "rec": F.l1_loss(item.image, real), "content": losses.content_loss(made, wanted),
                "style": losses.style_loss(made, wanted),
            }  # fmt: skip
            # Flows come previous, reference per scale.
            for seen, flows in ((earlier, item.flows[0::2]), (own, item.flows[1::2])):
                add(terms, self.flow_losses(flows, seen, wanted, mask))
            add(sums, terms)
            last, before = item.image.detach(), real
        if "masks" in chunk and self.options.lambda_correct == type(self.options).lambda_correct:
            sums["correct"] = sums["correct"] * (MASKED_CORRECT / self.options.lambda_correct)
        return sums


def add(sums: dict[str, Tensor], terms: Mapping[str, Tensor]) -> None:
    """Add losses to their sums by name."""
    for name, value in terms.items():
        sums[name] = sums[name] + value if name in sums else value

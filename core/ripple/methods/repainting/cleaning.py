"""Cleaning a face crop by masks: where its head should end, what it uncovered, and that repainted."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from core.errors import OptionError
from core.progress import Progress, silent
from core.ripple.components import choose_inpainter, find_background
from core.ripple.methods.head_turn.turn import silhouette
from core.ripple.methods.repainting.compositing import repaint
from core.ripple.methods.repainting.masks import find_ripple, fit_mask, person_mask, predict_background, refine_mask
from core.ripple.options import RippleOptions
from core.ripple.paper.inversion import Edited
from core.ripple.results import RipplePrepared


def background_after(
    prepared: RipplePrepared,
    edited: Edited,
    plain: Image.Image,
    before: np.ndarray,
    options: RippleOptions,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> np.ndarray:
    """The background of the edited picture: parsed, or where surface or pre-aligner expect it.

    Raises:
        OptionError: a prediction was asked of weights without a pre-aligner.
    """
    person = silhouette(edited)
    if options.mask_from == "prediction" and person is None:
        raise OptionError("mask_from is 'prediction', these weights have no pre-aligner: use 'parsing'")
    known = prepared.silhouette
    if options.mask_from == "parsing" or person is None or known is None or not known.any():
        return find_background(plain, options, device, progress)
    return predict_background(before, known, person)


def clean_face(
    plain: Image.Image,
    before: np.ndarray,
    after: np.ndarray,
    degree: float,
    options: RippleOptions,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> tuple[np.ndarray, Image.Image]:
    """The ripple's mask (P, P) uint8 and a face crop (P, P) without it.

    Args:
        plain: the crop, ripple and all.
        before: (256, 256, 3) uint8, 255 = background before the edit.
        after: the same after it.
        degree: of turn, for the mask's side; 0 where nothing turns.
        options: mask and inpainter.
        device: where the inpainter computes.
        progress: called as the work goes on.
    """
    mask = find_ripple(before, after, options.mask_rule, options.mask_side, degree)
    mask = fit_mask(refine_mask(mask, options.open_px, options.close_px, options.dilate_px), plain.width)
    if not mask.any():
        return mask, plain
    fill, _ = choose_inpainter(options.inpainter, device)
    person = fit_mask(person_mask(before, after, options.dilate_px), plain.width) if options.hide_person else None
    return mask, repaint(plain, mask, fill, options, progress, person)

"""Measures of pictures, transitions and maps; pictures are (B, 3, H, W) in [0, 1], results plain floats.

`lpips` and `fid` need networks and files of their own and are imported by name.
"""

from core.metrics.fidelity import LUMA, psnr, sharpness
from core.metrics.folding import folded_share
from core.metrics.structural_similarity import ssim, ssim_loss
from core.metrics.transitions import evenness, one_outline, step_sizes

__all__ = ["LUMA", "evenness", "folded_share", "one_outline", "psnr", "sharpness", "ssim", "ssim_loss", "step_sizes"]

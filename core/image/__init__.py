"""Pictures in and out: the only room where dtype, range, colours, EXIF, alpha and size change.

Outside a network a picture is an RGB `PIL.Image` in sRGB or a float tensor (B, 3, H, W) in [0, 1].
Boxes and points are (x, y) in pixels, the centre of the top-left pixel at (0.5, 0.5).
"""

from core.image.boxes import Box, crop_box, limit_size, paste_back, resize
from core.image.colour import SRGB_PROFILE
from core.image.deep import DeepCodes, deep_codes, deep_picture, levels_of, picture_like
from core.image.read import (
    BACKGROUNDS,
    MAX_JPEG_MEGAPIXELS,
    MAX_MEGAPIXELS,
    MAX_SIDE_PX,
    MIN_SIDE_PX,
    WHOLE_SIDE_PX,
    Loaded,
    Source,
    behind_clear_parts,
    laid_over,
    load_alpha,
    load_image,
    notes_of,
    own_colours,
    read_image,
    with_alpha,
    write_backed,
)
from core.image.tensors import Crop, pad_to_multiple, to_pil, to_tensor

__all__ = [
    "BACKGROUNDS", "MAX_JPEG_MEGAPIXELS", "MAX_MEGAPIXELS", "MAX_SIDE_PX", "MIN_SIDE_PX", "SRGB_PROFILE", "WHOLE_SIDE_PX", "Box", "Crop", "DeepCodes",
    "Loaded", "Source", "behind_clear_parts", "crop_box", "deep_codes", "deep_picture", "levels_of", "picture_like",
    "laid_over", "limit_size", "load_alpha", "load_image", "notes_of", "own_colours", "pad_to_multiple", "paste_back", "read_image", "resize", "to_pil", "to_tensor",
    "with_alpha", "write_backed",
]  # fmt: skip

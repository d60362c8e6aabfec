"""Embedded colour profiles to sRGB, by LittleCMS (in Pillow).

A picture without a profile is taken as sRGB; CMYK without a profile by the device formula R = (1 - C)(1 - K).
"""

from __future__ import annotations

import io

from PIL import Image, ImageCms

_SRGB = ImageCms.createProfile("sRGB")
SRGB_PROFILE: bytes = ImageCms.ImageCmsProfile(_SRGB).tobytes()
# What a profile's header calls the space of its device, by Pillow's modes.
_SPACES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}
# Colours of a probe per channel: a profile that moves none of them by more than rounding is sRGB by another name.
_PROBE_STEPS = 6
_ROUNDING = 1


def to_srgb(picture: Image.Image, profile: bytes | None) -> tuple[Image.Image, str]:
    """A picture in mode L, RGB, CMYK or LAB as RGB in sRGB.

    Args:
        picture: without alpha.
        profile: its embedded ICC profile, if any.

    Returns:
        The picture (RGB), and a note on what was done to its colours; empty where nothing was.
    """
    if picture.mode == "LAB" and not profile:
        return _converted(picture, ImageCms.createProfile("LAB")), "colours converted from Lab"
    if not profile:
        note = "CMYK without a profile, converted by the device formula" if picture.mode == "CMYK" else ""
        return picture.convert("RGB"), note
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = _SPACES.get(source.profile.xcolor_space.strip())
        if space == "L" and picture.mode == "RGB":
            picture = picture.convert("L")
        if space == "RGB" and picture.mode == "L":
            picture = picture.convert("RGB")
        if space != picture.mode:
            return picture.convert("RGB"), "its colour profile is for another kind of picture and was left out"
        if space == "RGB" and _is_srgb(source):
            return picture, ""
        name = ImageCms.getProfileDescription(source).strip() or "its profile"
        return _converted(picture, source), f"colours converted from {name}"
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return picture.convert("RGB"), "its colour profile is damaged and was left out"


def _converted(picture: Image.Image, source: ImageCms.ImageCmsProfile | ImageCms.core.CmsProfile) -> Image.Image:
    converted = ImageCms.profileToProfile(
        picture,
        source,
        _SRGB,
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    assert converted is not None  # only an in-place conversion returns nothing
    return converted


def _is_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    levels = [round(255 * i / (_PROBE_STEPS - 1)) for i in range(_PROBE_STEPS)]
    values = bytes(level for red in levels for green in levels for blue in levels for level in (red, green, blue))
    probe = Image.frombytes("RGB", (len(values) // 3, 1), values)
    after = _converted(probe, profile).tobytes()
    return all(abs(a - b) <= _ROUNDING for a, b in zip(values, after, strict=True))

"""A loaded PIL image of any mode → "L" or "RGB" of 8 bit, alpha over white, more than 8 bits scaled, never clipped."""

from __future__ import annotations

import numpy as np
from PIL import Image

from oneofeach.kernels.levels import to_8_bit


def flatten(image: Image.Image) -> tuple[Image.Image, str]:
    """The image as "L" or "RGB", and a note on what was done to its values. ICC profiles are ignored."""
    if image.mode.startswith("I;16"):
        return _from_16_bit(image), ""
    if image.mode in ("I", "F"):
        return _from_wide(image)
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        return _over_white(image), ""
    if image.mode in ("L", "RGB"):
        return image, ""
    if image.mode == "1":
        return image.convert("L"), ""
    if image.mode == "LAB":
        return _from_lab(image), ""
    return image.convert("RGB"), ""


def _over_white(image: Image.Image) -> Image.Image:
    rgba = image.convert("RGBA")
    alpha = rgba.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return rgba.convert("RGB")
    flat = Image.new("RGB", image.size, "white")
    flat.paste(rgba, mask=alpha)
    return flat


def _from_16_bit(image: Image.Image) -> Image.Image:
    return Image.fromarray(to_8_bit(np.asarray(image)))


def _from_wide(image: Image.Image) -> tuple[Image.Image, str]:
    """32-bit integers and floats. Their white is nowhere written: 1, 255 or 65535 by range, else stretched."""
    values = np.asarray(image)
    notes = []
    if image.mode == "F" and not np.isfinite(values).all():
        values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
        notes.append("NaN and infinite pixels compare as 0")
    low, high = float(values.min()), float(values.max())
    white = next((white for white in _whites(image) if high <= white), None) if low >= 0 else None
    if white is None:
        notes.append(f"values stretched from {low:g}..{high:g}")
        values, white = values.astype(np.float64) - low, (high - low) or 1.0
    return Image.fromarray(np.rint(values * (255.0 / white)).astype(np.uint8)), "; ".join(notes)


def _whites(image: Image.Image) -> tuple[float, ...]:
    if image.mode == "F":
        return 1.0, 255.0, 65535.0
    return (65535.0,) if image.format == "PNG" else (255.0, 65535.0)  # Pillow 10 opens PNG of 16 bits in this mode


def _from_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    assert converted is not None  # only in-place conversion returns None
    return converted

"""What stored descriptions depend on beside the image: this package's way of decoding, and the decoders at hand."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

VERSION = "decode-3"
"""Raise it whenever the same file gives other pixels or other facts: everything stored is then described anew."""

_PACKAGES = ("pillow", "pillow-heif", "pillow-jxl-plugin", "simplejpeg", "deflate", "imagecodecs")


def tools() -> str:
    """The decoders and their versions. An image that could not be decoded is tried again when they change."""
    return ", ".join(filter(None, map(_installed, _PACKAGES)))


def _installed(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return ""

"""The first bytes of a file → its format, and the Pillow plugin that reads it. Only listed formats are ever opened."""

from __future__ import annotations

from importlib import import_module

from oneofeach.errors import MissingExtra, UnreadableImage
from oneofeach.plugins import extra

_MAGIC = (
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (8, b"WEBP", "WEBP"),
    (0, b"GIF8", "GIF"),
    (0, b"BM", "BMP"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"II+\0", "TIFF"),
    (0, b"MM\0+", "TIFF"),
    (0, b"\xff\x4f\xff\x51", "JPEG2000"),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"),
    (0, b"\xff\x0a", "JXL"),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", "JXL"),
    (0, b"8BPS", "PSD"),
    (0, b"DDS ", "DDS"),
    (0, b"qoif", "QOI"),
    (0, b"icns", "ICNS"),
    (0, b"\0\0\x01\0", "ICO"),
    (0, b"\x01\xda", "SGI"),
    *((0, b"P%d" % digit, "PPM") for digit in range(1, 7)),
)
_REFUSED = (
    (b"%PDF", "PDF is a document, not an image"),
    (b"%!PS", "PostScript is a program, not an image"),
    (b"\xc5\xd0\xd3\xc6", "PostScript is a program, not an image"),
    (b"<svg", "SVG is a drawing, not a pixel image"),
    (b"<?xml", "XML is not a pixel image"),
    (b"<!DOCTYPE", "HTML page, not an image"),
    (b"<html", "HTML page, not an image"),
    (b"PK\x03\x04", "ZIP archive, not an image"),
    (b"version https://git-lfs", "Git LFS pointer; run: git lfs pull"),
)
_AVIF_BRANDS = (b"avif", b"avis")
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")

# Pillow's own lookup would import every plugin it has to open one WebP file.
_PLUGINS = {
    "WEBP": "PIL.WebPImagePlugin",
    "AVIF": "PIL.AvifImagePlugin",
    "TIFF": "PIL.TiffImagePlugin",
    "JPEG2000": "PIL.Jpeg2KImagePlugin",
    "PSD": "PIL.PsdImagePlugin",
    "DDS": "PIL.DdsImagePlugin",
    "QOI": "PIL.QoiImagePlugin",
    "ICNS": "PIL.IcnsImagePlugin",
    "ICO": "PIL.IcoImagePlugin",
    "SGI": "PIL.SgiImagePlugin",
    "TGA": "PIL.TgaImagePlugin",
}


def format_of(data: bytes) -> str:
    """Pillow's name of the format of an encoded image, by its first bytes; "TGA", which has no mark, by its header.

    Raises UnreadableImage for anything else.
    """
    for offset, magic, name in _MAGIC:
        if data.startswith(magic, offset):
            return name
    if data[4:8] == b"ftyp":
        return _box_format(data)
    if _looks_like_tga(data):
        return "TGA"
    start = data[:256].lstrip(b"\xef\xbb\xbf \t\r\n")
    raise UnreadableImage(next((why for magic, why in _REFUSED if start.startswith(magic)), "not an image"))


def activate(name: str) -> None:
    """Make Pillow able to open the format. Raises UnreadableImage with the pip command of the missing extra."""
    try:
        if name == "HEIF":
            extra("pillow_heif", "heif").register_heif_opener()
        elif name == "JXL":
            extra("pillow_jxl", "jxl")
        elif name in _PLUGINS:
            import_module(_PLUGINS[name])
    except MissingExtra as error:
        raise UnreadableImage(f"{name} needs an extra: {str(error).splitlines()[-1]}") from error
    except ModuleNotFoundError as error:
        raise UnreadableImage(f"{name} needs a newer Pillow: pip install --upgrade pillow") from error


def _box_format(data: bytes) -> str:
    """AVIF or HEIF by the brands of an ISO base media file; a film is neither."""
    brands = [data[at : at + 4] for at in (8, *range(16, min(int.from_bytes(data[:4], "big"), 256), 4))]
    if any(brand in _AVIF_BRANDS for brand in brands):
        return "AVIF"
    if any(brand in _HEIF_BRANDS for brand in brands):
        return "HEIF"
    raise UnreadableImage("film or unknown media file, not an image")


def _looks_like_tga(data: bytes) -> bool:
    return (
        len(data) > 18
        and data[1] in (0, 1)
        and data[2] in (1, 2, 3, 9, 10, 11)
        and data[16] in (8, 16, 24, 32)
        and data[12:14] != b"\0\0" != data[14:16]
        and data[17] & 0xC0 == 0
    )

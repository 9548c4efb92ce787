"""A table of files that cannot be images: name → (bytes, what the reason must say)."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

from PIL import Image
from skimage import data

PHOTO = Image.fromarray(data.astronaut()).resize((200, 150))
FORMATS: dict[str, dict[str, Any]] = {
    "JPEG": {},
    "progressive JPEG": {"progressive": True},
    "PNG": {},
    "WEBP": {},
    "lossless WEBP": {"lossless": True},
    "AVIF": {},
    "GIF": {},
    "BMP": {},
    "TIFF": {},
    "LZW TIFF": {"compression": "tiff_lzw"},
    "JPEG2000": {},
    "ICO": {},
    "TGA": {},
    "PPM": {},
}


def encoded(name: str) -> bytes:
    buffer = io.BytesIO()
    PHOTO.save(buffer, name.split()[-1], **FORMATS[name])
    return buffer.getvalue()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *chunks: bytes, depth: int = 8, color: int = 0) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + b"".join(chunks) + png_chunk(b"IEND", b"")


def _truncated() -> Iterator[tuple[str, bytes, str]]:
    for name in FORMATS:
        whole = encoded(name)
        for part in (0.01, 0.1, 0.5, 0.9):
            yield f"{name} cut at {part:.0%}", whole[: max(int(len(whole) * part), 3)], "."


def _text() -> Iterator[tuple[str, bytes, str]]:
    yield "nothing", b"", "file is empty"
    yield "one zero byte", b"\0", "not an image"
    yield "zeros", bytes(5000), "not an image"
    yield "text", b"just some words\n" * 100, "not an image"
    yield "HTML error page", b"<!DOCTYPE html><html><body>404</body></html>", "HTML page"
    yield "SVG", b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG is a drawing"
    yield "XML", b'\xef\xbb\xbf<?xml version="1.0"?><svg/>', "XML"
    yield "PDF", b"%PDF-1.7\n%", "PDF is a document"
    yield "PostScript", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "PostScript is a program"
    yield "ZIP", b"PK\x03\x04" + bytes(100), "ZIP archive"
    yield "Git LFS pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "git lfs pull"
    yield "MP4", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(100), "film"
    yield "RIFF that is sound", b"RIFF\x24\0\0\0WAVEfmt " + bytes(100), "not an image"


def _headers() -> Iterator[tuple[str, bytes, str]]:
    jpeg = encoded("JPEG")
    frame = jpeg.index(b"\xff\xc0")
    size = frame + 5
    yield "PNG bomb", png(60000, 60000, png_chunk(b"IDAT", zlib.compress(bytes(1000)))), "Pillow's limit"
    yield "PNG of absurd width", png(2**31 - 1, 1), "."
    yield "PNG of no size", png(0, 10), "."
    yield "PNG without data", png(10, 10), "."
    yield "PNG of an unknown depth", png(10, 10, png_chunk(b"IDAT", zlib.compress(bytes(110))), depth=3), "."
    yield "PNG with a broken checksum", encoded("PNG")[:29] + b"\0\0\0\0" + encoded("PNG")[33:], "."
    yield "PNG with too little data", png(100, 100, png_chunk(b"IDAT", zlib.compress(bytes(1000)))), "truncated"
    yield "PNG with garbage data", png(100, 100, png_chunk(b"IDAT", b"\x55" * 1000)), "."
    yield "PNG with a text bomb", png(9, 9, png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**8), 9))), "."
    yield "JPEG bomb", jpeg[:size] + b"\xff\xff\xff\xff" + jpeg[size + 4 :], "Pillow's limit"
    yield "JPEG of no height", jpeg[:size] + b"\0\0" + jpeg[size + 2 :], "."
    yield "JPEG without a picture", b"\xff\xd8\xff\xd9", "."
    yield "JPEG header of zeros", b"\xff\xd8\xff" + bytes(500), "."
    yield "JPEG with 2 channels", jpeg[: frame + 9] + b"\x02" + jpeg[frame + 10 :], "."
    yield "JPEG without tables", jpeg[:2] + jpeg[frame:], "."
    yield "WebP of zeros", b"RIFF\xff\xff\xff\xffWEBPVP8 " + bytes(200), "."
    yield "WebP bomb", b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff\xff\xff" * 2 + bytes(8), "."
    yield "GIF bomb", b"GIF89a\xff\xff\xff\xff\x80\0\0" + bytes(6) + b",\0\0\0\0\xff\xff\xff\xff\0\x02\0;", "limit"
    yield "GIF without a frame", b"GIF89a\x10\0\x10\0\0\0\0;", "."
    yield "BMP bomb", b"BM" + struct.pack("<IIIIiiHHIIIIII", 54, 0, 54, 40, 30000, 30000, 1, 24, *[0] * 6), "limit"
    yield "BMP of negative width", b"BM" + struct.pack("<IIIIiiHHIIIIII", 54, 0, 54, 40, -9, 9, 1, 24, *[0] * 6), "."
    yield "TIFF whose directory points to itself", b"II*\0\x08\0\0\0\0\0\x08\0\0\0", "."
    yield "TIFF whose directory is far away", b"II*\0\xff\xff\xff\x7f", "."
    yield "TIFF without tags", b"MM\0*\0\0\0\x08\0\0\0\0\0\0", "."
    yield "AVIF of zeros", b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miaf" + bytes(300), "."
    yield "HEIC of zeros", b"\0\0\0\x20ftypheic\0\0\0\0mif1heicmiaf" + bytes(300), "."
    yield "JPEG XL of zeros", b"\xff\x0a" + bytes(300), "."
    yield "JPEG 2000 of zeros", b"\xff\x4f\xff\x51" + bytes(300), "."
    yield "PPM bomb", b"P6 60000 60000 255\n", "limit"
    yield "PPM of negative size", b"P6 -5 5 255\n" + bytes(75), "."
    yield "TGA bomb", bytes([0, 0, 2, *[0] * 9, 255, 255, 255, 255, 24, 0]) + bytes(20), "limit"
    yield "ICO without a picture", b"\0\0\1\0\0\0" + bytes(20), "."
    yield "ICO that points outside", b"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0\xff\xff\0\0\xff\xff\xff\x7f", "."
    yield "DDS of zeros", b"DDS " + bytes(200), "."
    yield "PSD of zeros", b"8BPS" + bytes(200), "."
    yield "QOI of zeros", b"qoif" + bytes(50), "."


FILES = {name: (content, reason) for name, content, reason in [*_truncated(), *_text(), *_headers()]}

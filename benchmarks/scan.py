"""How long a scan takes, as a multiple of what the file format costs, and of what others take for the same files.

uv run --all-extras python benchmarks/scan.py
Names of rows as arguments run only these. One core per side, except where a row says otherwise. imagededup (with torch)
and perception are installed on first use, see peers.py.
"""

from __future__ import annotations

import os

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")  # before NumPy: one core per side

import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from struct import unpack_from

from peers import IMAGEDEDUP, PERCEPTION, Peer
from photos import write
from PIL import Image
from turns import Turns, turns

import oneofeach
from oneofeach import describe
from oneofeach.engines import threads
from oneofeach.seen import Seen
from oneofeach.stages.fingerprints.oneofeach import OneOfEach
from oneofeach.tables import Item

Work = Callable[[], object]


def scan(paths: list[str], workers: int = 1) -> None:
    """Read, hash, decode, measure and fingerprint every file."""
    function = partial(describe.describe_chunk, method=OneOfEach(), seen=Seen())
    items = [Item(key=path, input=path) for path in paths]
    chunks = [items[start : start + describe.CHUNK] for start in range(0, len(items), describe.CHUNK)]
    for part in threads.run(function, chunks, workers=workers):
        assert not any(row.error for row in part)


def gray_decode(paths: list[str]) -> Work:
    """libjpeg-turbo alone, from memory, gray, scaled by the largest 1/n that leaves 128 pixels."""
    import simplejpeg

    files = [Path(path).read_bytes() for path in paths]
    return lambda: [simplejpeg.decode_jpeg(file, "GRAY", min_height=128, min_width=128) for file in files]


def inflate(paths: list[str]) -> Work:
    """libdeflate alone, on the image data of PNG files."""
    import deflate

    streams = [_image_data(Path(path).read_bytes()) for path in paths]
    return lambda: [deflate.zlib_decompress(stream, size) for stream, size in streams]


def _image_data(png: bytes) -> tuple[bytes, int]:
    width, height = unpack_from(">II", png, 16)
    data, at = b"", 8
    while at < len(png):
        (length,) = unpack_from(">I", png, at)
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + length]
        at += 12 + length
    return data, (3 * width + 1) * height


def decoded_and_hashed(paths: list[str]) -> Work:
    """The least that any scan of these files takes: gray decode, inflate and SHA-256, each by the fastest library."""
    suffixes = {suffix: [path for path in paths if path.endswith(suffix)] for suffix in (".jpg", ".png")}
    gray, inflated = gray_decode(suffixes[".jpg"]), inflate(suffixes[".png"])
    files = [Path(path).read_bytes() for path in paths]
    return lambda: [gray(), inflated(), [hashlib.sha256(file).digest() for file in files]]


def webp_decode(paths: list[str]) -> Work:
    """libwebp alone, from memory."""
    import imagecodecs

    files = [Path(path).read_bytes() for path in paths]
    return lambda: [imagecodecs.webp_decode(file) for file in files]


def phash(paths: list[str]) -> Work:
    import imagehash

    return lambda: [imagehash.phash(Image.open(path)) for path in paths]


def imagehash_find(paths: list[str]) -> Work:
    """What imagehash's users write: hash all, compare each with each."""
    import imagehash

    def find() -> object:
        hashes = [imagehash.phash(Image.open(path)) for path in paths]
        return [(i, j) for i, a in enumerate(hashes) for j, b in enumerate(hashes[:i]) if a - b <= 3]

    return find


def python(*arguments: str) -> Work:
    """A start of Python; bytecode is cached, as it is for users."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return lambda: subprocess.run([sys.executable, *arguments], check=True, capture_output=True, env=environment)


def jpeg(count: int, size: tuple[int, int], **options: object) -> Callable[[Path], list[str]]:
    return lambda folder: write(folder, count, size, ".jpg", **{"quality": 90, **options})


def others(count: int, suffix: str) -> Callable[[Path], list[str]]:
    return lambda folder: write(folder, count, (1024, 1024), suffix)


SCANS: dict[str, tuple[Callable[[Path], list[str]], Callable[[list[str]], Work]]] = {
    "1,000 JPEG 500x375 : imagehash.phash": (jpeg(1000, (500, 375)), phash),
    "JPEG 500x375 : libjpeg-turbo gray": (jpeg(100, (500, 375)), gray_decode),
    "JPEG 12 MP : libjpeg-turbo gray": (jpeg(2, (4000, 3000)), gray_decode),
    "progressive JPEG 12 MP : libjpeg-turbo gray": (jpeg(2, (4000, 3000), progressive=True), gray_decode),
    "PNG 1024x1024 : libdeflate": (others(8, ".png"), inflate),
    "WebP 1024x1024 : libwebp": (others(12, ".webp"), webp_decode),
    "JPEG 32x32 : imagehash.phash": (jpeg(500, (32, 32)), phash),
    "JPEG 256x256 : imagehash.phash": (jpeg(200, (256, 256)), phash),
}


def mixed(folder: Path) -> list[str]:
    """1,000 photos and 150 PNG."""
    return write(folder / "photos", 1000, (500, 375), ".jpg", quality=90) + others(150, ".png")(folder / "png")


def find(folder: Path, workers: int) -> Work:
    return lambda: oneofeach.deduplicate(folder, workers=workers)


def measure_finds(folder: Path) -> dict[str, Turns]:
    paths = mixed(folder)
    ours = find(folder, 1)
    peers = {
        "imagehash, each with each": imagehash_find(paths),
        "imagededup PHash": Peer("imagededup", IMAGEDEDUP, folder, paths),
        "perception PHash": Peer("perception", PERCEPTION, folder, paths),
    }
    faster = {f"{name} : find": turns(theirs, ours, 2) for name, theirs in peers.items()}
    faster["find : decoding and hashing alone"] = turns(ours, decoded_and_hashed(paths), 2)
    return {**faster, "find with two threads : with one": turns(find(folder, 2), ours, 3)}


def measure_starts(folder: Path) -> dict[str, Turns]:
    jpeg(10, (500, 375))(folder)
    least = python("-c", "import numpy, PIL.Image")
    return {
        "oneofeach --version : import numpy, PIL.Image": turns(python("-m", "oneofeach", "--version"), least, 9),
        "find on 10 images : import numpy, PIL.Image": turns(python("-m", "oneofeach", "find", str(folder)), least, 9),
    }


def main(wanted: list[str]) -> None:
    """Print each row whose name contains any of `wanted`; all rows without it."""
    with tempfile.TemporaryDirectory() as name:
        for number, (row, (make, theirs)) in enumerate(SCANS.items()):
            if not wanted or any(word in row for word in wanted):
                paths = make(Path(name, str(number)))
                print(f"{row} = {turns(partial(scan, paths), theirs(paths), 3)}", flush=True)
        for group, measure in {"find": measure_finds, "start": measure_starts}.items():
            if not wanted or group in wanted:
                for row, result in measure(Path(name, group)).items():
                    print(f"{row} = {result}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

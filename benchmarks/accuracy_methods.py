"""Images in, what every method keeps of them out; pairs in, similarities or Hamming distances out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import imagehash
import numpy as np
from PIL import Image

from oneofeach import plugins
from oneofeach.kernels import hamming
from oneofeach.tables import Bytes, Floats, Picture, Rows

OURS = plugins.load("fingerprints", "oneofeach-1")()
FLOOR = 0.6  # unrelated pairs are all measured from here on, and a sample of them below
PEERS: dict[str, tuple[int, Callable[[Image.Image], Any]]] = {
    "aHash 64": (64, lambda image: imagehash.average_hash(image, 8)),
    "dHash 64": (64, lambda image: imagehash.dhash(image, 8)),
    "pHash 64": (64, lambda image: imagehash.phash(image, 8)),
    "wHash 64": (64, lambda image: imagehash.whash(image, 8)),
    "aHash 256": (256, lambda image: imagehash.average_hash(image, 16)),
    "dHash 256": (256, lambda image: imagehash.dhash(image, 16)),
    "pHash 256": (256, lambda image: imagehash.phash(image, 16)),
    "wHash 256": (256, lambda image: imagehash.whash(image, 16)),
    "PDQ": (256, lambda image: _pdq(image)),
}
USUAL = {  # the distances that each is used with, and that of the duplicate node of ComfyUI
    "aHash 64": (3, 10),
    "dHash 64": (3, 10),
    "pHash 64": (3, 10),
    "wHash 64": (3,),
    "pHash 256": (12,),
    "PDQ": (31, 79),
}
_PDQ = plugins.load("fingerprints", "pdq")()


def _pdq(image: Image.Image) -> Bytes:
    return np.asarray(_PDQ.describe([_picture(image)])[0])


def _picture(image: Image.Image) -> Picture:
    return Picture(np.asarray(image), image.size)


def described(image: Image.Image) -> dict[str, Bytes]:
    """One row of bytes for every method."""
    bits, descriptors = OURS.describe([_picture(image)])
    found = {"bits": bits[0], "descriptors": descriptors[0]}
    for name, (_, make) in PEERS.items():
        made = make(image)
        found[name] = made.reshape(-1) if isinstance(made, np.ndarray) else np.packbits(made.hash.ravel())
    return found


def similarities(rows: dict[str, Bytes], i: Rows, j: Rows, floor: float = 0.0) -> Floats:
    """Of oneofeach-1; 0.0 below the floor."""
    step, parts = 1 << 14, [np.zeros(0)]
    for begin in range(0, len(i), step):
        part = slice(begin, begin + step)
        values, _ = OURS.similarity(rows["bits"], rows["descriptors"], i[part], j[part], floor)
        parts.append(np.where(values >= floor, values, 0.0))
    return np.concatenate(parts)


def distances(rows: dict[str, Bytes], name: str, i: Rows, j: Rows) -> Rows:
    return hamming(rows[name][i], rows[name][j])

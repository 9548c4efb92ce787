"""The user's own ONNX model as a fingerprint: images → vectors of length 1; similarity is the cosine, 0.0 if negative.

Named `embed:FILE`. Nothing is downloaded, and the SHA-256 of the file is part of the name: vectors of two models never
meet. A model takes one image, float32 or uint8, [1, 3, h, w] or [1, h, w, 3], and gives one vector, [1, d]. The whole
picture is resampled to h×w, 224×224 where the model leaves it open. Floats are scaled by the mean and deviation of
ImageNet, or by the model's own metadata `mean` and `std`, three numbers each.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from oneofeach.errors import OneOfEachError, named
from oneofeach.plugins import extra
from oneofeach.stages.fingerprints.classic import turned
from oneofeach.tables import EVIDENCE, Bytes, Floats, Picture, Rows

_SIDE = 224  # where the model takes any size
_MEAN, _STD = "0.485,0.456,0.406", "0.229,0.224,0.225"
_BLOCK = 1024  # vectors on each side of one product
_MARGIN = 1e-3  # products in single precision only propose pairs
_DIGEST = re.compile(r"(.+)#([0-9a-f]{16})")

Vectors = npt.NDArray[np.float32]


class _Model(NamedTuple):
    session: Any
    output: str
    dims: int
    size: tuple[int, int]  # width, height
    channels_first: bool
    tone: tuple[Vectors, Vectors] | None  # mean and deviation; None: takes bytes


class Embed:
    """path: of an ONNX file, as the user gave it, or with the `#digest` that `name` ends in."""

    key_bits = 64
    descriptor_bytes = 0

    def __init__(self, path: str = "") -> None:
        stated = _DIGEST.fullmatch(path)
        self.path = os.path.abspath(stated[1] if stated else path)
        if not os.path.isfile(self.path) or not path:
            raise OneOfEachError(f"No such model: {named(path)}\nName an ONNX file: --fingerprint embed:model.onnx")
        digest = _digest(self.path)
        if stated and stated[2] != digest:
            raise OneOfEachError(f"The model has changed: {self.path}\nScan the images again with it.")
        self.name = f"embed:{self.path}#{digest}"

    def __reduce__(self) -> tuple[type[Embed], tuple[str]]:
        return Embed, (self.name.removeprefix("embed:"),)

    @cached_property
    def _model(self) -> _Model:
        return _opened(self.path)

    @property
    def bits(self) -> int:
        """32 for each number of a vector: the fingerprint is the vector itself."""
        return 32 * self._model.dims

    @property
    def min_side(self) -> int:
        return max(self._model.size)

    def describe(self, pictures: Sequence[Picture]) -> tuple[Bytes, Bytes]:
        """uint8[n, 4d], float32 vectors of length 1, and uint8[n, 0]. One image at a time: no batch changes a value."""
        found = np.zeros((len(pictures), self._model.dims), "<f4")
        for row, picture in enumerate(pictures):
            found[row] = _embedded(self._model, picture)
        return found.view(np.uint8), np.zeros((len(pictures), 0), np.uint8)

    def keys(self, bits: Bytes) -> tuple[Rows, Bytes]:
        """The same key for all: a Hamming distance rules nothing out."""
        return np.arange(len(bits)), np.zeros((len(bits), self.key_bits // 8), np.uint8)

    def radius(self, threshold: float) -> int:
        return 0

    def near(self, bits: Bytes, against: Bytes | None, floor: float) -> tuple[Rows, Rows]:
        """int64[m] positions i < j in `bits`, or of `bits` and of `against`, of all pairs that may reach `floor`."""
        parts = list(_near(_vectors(bits), None if against is None else _vectors(against), floor - _MARGIN))
        none = np.zeros((2, 0), np.int64)
        i, j = np.concatenate([none, *parts], axis=1)
        return i, j

    def similarity(
        self, bits: Bytes, descriptors: Bytes, i: Rows, j: Rows, floor: float
    ) -> tuple[Floats, npt.NDArray[np.void]]:
        """float64[m] cosines and EVIDENCE[m] of the pairs (i, j)."""
        vectors, values = _vectors(bits), np.zeros(len(i))
        for start in range(0, len(i), _BLOCK):
            part = slice(start, start + _BLOCK)
            values[part] = (vectors[i[part]].astype(np.float64) * vectors[j[part]]).sum(axis=1)
        cosines = np.asarray(np.clip(values, 0.0, 1.0).round(4), np.float64)
        evidence = np.zeros(len(i), EVIDENCE)
        evidence["orientation"], evidence["overlap"], evidence["verified"] = 1, 1, cosines
        return cosines, evidence

    def turned(self, bits: Bytes, descriptors: Bytes, orientation: int) -> tuple[Bytes, Bytes]:
        raise OneOfEachError("A model knows no other orientations\nUse the fingerprint oneofeach-1 for them.")


def _digest(path: str) -> str:
    """The first 16 digits of the SHA-256 of a file."""
    found = sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()[:16]


def _vectors(bits: Bytes) -> Vectors:
    return np.ascontiguousarray(bits).view("<f4")


def _near(rows: Vectors, against: Vectors | None, floor: float) -> Iterator[npt.NDArray[np.int64]]:
    """Blocks of pairs int64[2, k] whose product reaches the floor; sorted by neither."""
    others = rows if against is None else against
    for top in range(0, len(rows), _BLOCK):
        for left in range(0 if against is not None else top, len(others), _BLOCK):
            high = rows[top : top + _BLOCK] @ others[left : left + _BLOCK].T >= floor
            found = np.stack(np.nonzero(high)) + np.array([[top], [left]])
            yield found if against is not None else found[:, found[0] < found[1]]


def _opened(path: str) -> _Model:
    runtime = extra("onnxruntime", "embed")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # images run side by side instead
    options.log_severity_level = 3
    try:
        session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        wanted, shape = session.get_inputs()[0], session.get_inputs()[0].shape
        taken = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8}[wanted.type]
        first = shape[1] == 3
        if len(shape) != 4 or len(session.get_inputs()) != 1 or 3 not in (shape[1], shape[3]):
            raise ValueError(f"its input is {shape}")
        height, width = (side if isinstance(side, int) else _SIDE for side in (shape[2:] if first else shape[1:3]))
        output = session.get_outputs()[0].name
        blank = np.zeros((1, 3, height, width) if first else (1, height, width, 3), taken)
        given = session.run([output], {wanted.name: blank})[0]
        if given.ndim != 2 or len(given) != 1:
            raise ValueError(f"its output is {list(given.shape)}")
        about = session.get_modelmeta().custom_metadata_map
        tone = [np.array(about.get(*kind).split(","), np.float32) for kind in (("mean", _MEAN), ("std", _STD))]
    except Exception as error:  # whatever the runtime raises
        hint = "Export it with one image [1, 3, h, w] as float32 or uint8 in, and one vector [1, d] out."
        raise OneOfEachError(f"The model cannot be used: {path}: {error}\n{hint}") from error
    bytewise = taken is np.uint8
    return _Model(session, output, given.shape[1], (width, height), first, None if bytewise else (tone[0], tone[1]))


def _embedded(model: _Model, picture: Picture) -> Vectors:
    """float32[d] of length 1. OneOfEachError where the model gives no finite vector."""
    image = Image.fromarray(np.ascontiguousarray(turned(picture))).convert("RGB")
    image = image.resize(model.size, Image.Resampling.BICUBIC)
    values: npt.NDArray[Any] = np.asarray(image)
    if model.tone:
        values = (values.astype(np.float32) / np.float32(255) - model.tone[0]) / model.tone[1]
    if model.channels_first:
        values = np.moveaxis(values, -1, 0)
    name = model.session.get_inputs()[0].name
    vector = model.session.run([model.output], {name: np.ascontiguousarray(values)[None]})[0][0].astype(np.float64)
    length = float(np.sqrt((vector * vector).sum()))
    if not np.isfinite(length) or length == 0:
        raise OneOfEachError("the model gives no vector for it\nTry another model.")
    return np.asarray(vector / length, np.float32)

"""Images that are already in memory → items: PIL images, encoded bytes, arrays and tensors (batches are flattened).

Tensors are recognized by what they can do, so no tensor library is ever imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from PIL import Image

from oneofeach.tables import Item, Readable


class MemorySource:
    """Keys are "" for a single image and "[0]", "[1]", ... for the images of a batch."""

    def accepts(self, source: Any) -> bool:
        if isinstance(source, (Image.Image, bytes, bytearray, memoryview, Readable)):
            return True
        return hasattr(source, "__array__") and hasattr(source, "shape")

    def items(self, source: Any) -> Iterator[Item]:
        shape: tuple[int, ...] = tuple(getattr(source, "shape", ()))
        if isinstance(source, (Image.Image, bytes, bytearray, memoryview)) or len(shape) != 4:
            yield Item("", source)
        elif shape[0] == 0:
            yield Item("", source, error=f"an empty batch: shape {shape}")
        else:
            for number in range(shape[0]):
                yield Item(f"[{number}]", source[number])

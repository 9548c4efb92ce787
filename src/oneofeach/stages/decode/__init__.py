"""The only opener of images: a file, bytes or an array → pixels near the size asked for, and facts.

`load` reads once; content hash, header and pixels come from those bytes. Every failure is an UnreadableImage.
"""

from __future__ import annotations

from oneofeach.stages.decode.arrays import images_in
from oneofeach.stages.decode.door import Decoded, decode, open_image
from oneofeach.stages.decode.files import describe_files, plain
from oneofeach.stages.decode.read import Loaded, load
from oneofeach.stages.decode.room import Room, weight
from oneofeach.stages.decode.together import describe_arrays, small_array
from oneofeach.stages.decode.version import VERSION, tools

__all__ = [
    "VERSION",
    "Decoded",
    "Loaded",
    "Room",
    "decode",
    "describe_arrays",
    "describe_files",
    "images_in",
    "load",
    "open_image",
    "plain",
    "small_array",
    "tools",
    "weight",
]

"""The caption among the files that belong to an image: of `.txt`, then `.caption`, then "caption" in `.json`, the first
that is not empty.
"""

from __future__ import annotations

import json
from codecs import BOM_UTF16_BE, BOM_UTF16_LE

CAPTION_EXTENSIONS = (".txt", ".caption")  # files that hold nothing else
ENDINGS = (*CAPTION_EXTENSIONS, ".json")


def text_in(data: bytes, ending: str) -> str:
    """The caption in a file of that ending; "" when there is none.

    UTF-8, or UTF-16 that begins with its mark, as Windows writes it. What is neither comes as replacement characters.
    """
    wide = data.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
    text = data.decode("utf-16" if wide else "utf-8-sig", errors="replace")
    if ending == ".json":
        text = _caption_of(text)
    return text if text.strip() else ""


def _caption_of(record: str) -> str:
    try:
        found = json.loads(record)
    except ValueError:
        return ""
    caption = found.get("caption") if isinstance(found, dict) else ""
    return caption if isinstance(caption, str) else ""

"""HEIC and JPEG XL: decoded by extras; without them, the row says how to get them."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from pictures import encoded, picture

import oneofeach
from oneofeach.stages.decode import decode, load

EXTRAS = [("HEIF", "pillow_heif", "heif"), ("JXL", "pillow_jxl", "jxl")]


def a_file(file_format: str, module: str) -> bytes:
    library = pytest.importorskip(module, reason=f"{module} has no wheel here")
    if file_format == "HEIF":
        library.register_heif_opener()
    return encoded(picture(1), file_format, quality=95)


@pytest.mark.parametrize(("file_format", "module", "extra"), EXTRAS)
def test_a_picture_looks_as_before_it_was_encoded(file_format, module, extra):
    decoded = decode(load(a_file(file_format, module)))
    difference = np.abs(np.asarray(decoded.picture.pixels, float) - np.asarray(picture(1), float))
    assert difference.mean() < 4
    assert decoded.facts["format"].decode() == file_format


@pytest.mark.parametrize(("file_format", "module", "extra"), EXTRAS)
def test_it_is_a_duplicate_of_the_same_picture_in_another_format(tmp_path, file_format, module, extra):
    (tmp_path / f"a.{extra}").write_bytes(a_file(file_format, module))
    picture(1).save(tmp_path / "b.png")
    counts = oneofeach.deduplicate([tmp_path / f"a.{extra}", tmp_path / "b.png"]).counts
    assert counts == {"seen": 2, "kept": 1, "removed": 1, "skipped": 0}


@pytest.mark.parametrize(("file_format", "module", "extra"), EXTRAS)
def test_without_the_extra_the_row_names_the_exact_command(tmp_path, monkeypatch, file_format, module, extra):
    data = a_file(file_format, module)
    monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed
    ((_, reason),) = oneofeach.deduplicate([data]).skipped
    assert reason == f"{file_format} needs an extra: Install it with: pip install 'oneofeach[{extra}]'"

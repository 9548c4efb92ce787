"""Does memory stay flat? Scans a folder of generated files, 200,000 unless told otherwise, and prints what is resident.

uv run --all-extras python benchmarks/soak.py [FILES]
Every file has bytes of its own, so each is decoded. What grows is the catalog itself: its bytes per row are printed
beside the growth of the process per row between a tenth of the way and the end.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
from pathlib import Path

from photos import photos

import oneofeach

DISTINCT = 500
PER_FOLDER = 2000


def generate(folder: Path, count: int) -> None:
    """Photos of five sizes and four formats; a number behind the end of the file makes each one new."""
    files = []
    for number, image in enumerate(photos(DISTINCT, (160, 120))):
        side = (32, 64, 96, 128, 160)[number % 5]
        suffix, options = ((".jpg", {}), (".jpg", {"progressive": True}), (".png", {}), (".webp", {}))[number % 4]
        buffer = io.BytesIO()
        image.resize((side, side)).save(buffer, {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP"}[suffix], **options)
        files.append((suffix, buffer.getvalue()))
    for number in range(count):
        suffix, content = files[number % DISTINCT]
        part = folder / str(number // PER_FOLDER)
        part.mkdir(exist_ok=True)
        (part / f"{number}{suffix}").write_bytes(content + number.to_bytes(8, "big"))


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def main(count: int) -> None:
    seen: dict[int, int] = {}

    def sample(stage: str, done: int, total: int) -> None:
        tenth = 10 * done // total
        if stage == "scan" and tenth not in seen:
            seen[tenth] = resident()
            print(f"{done:>9,} images  {seen[tenth] / 1e6:7.1f} MB", flush=True)

    with tempfile.TemporaryDirectory() as name:
        generate(Path(name), count)
        catalog = oneofeach.scan(name, progress=sample)
    per_row = (catalog.facts.nbytes + catalog.bits.nbytes + catalog.descriptors.nbytes) / len(catalog)
    growth = (seen[10] - seen[1]) / (0.9 * count)
    print(
        f"{len(catalog.errors)} errors; {growth:.0f} bytes per image grown, {per_row:.0f} of them are the catalog's row"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)

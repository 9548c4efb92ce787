"""A zip → one item per image in it, without unpacking: the directory is read once, members later by offset.

Sidecars are found by name, as in a folder, and travel with their image.
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from oneofeach.errors import UnreadableImage
from oneofeach.stages.sources.files import hints_of, name_of, open_binary, read_range, suffix_of
from oneofeach.stages.sources.listing import companion_name, images_among
from oneofeach.tables import Item

LOCAL_HEADER = 30
ENCRYPTED = 1


@dataclass(frozen=True, slots=True)
class ZipMember:
    """Where one member is, and how to check it."""

    name: str
    offset: int
    packed: int
    size: int
    method: int
    checksum: int

    def read(self, path: str) -> bytes:
        """UnreadableImage when the bytes are not those that were packed."""
        header = read_range(path, self.offset, LOCAL_HEADER)
        name_size, extra_size = struct.unpack_from("<HH", header, 26)
        data = read_range(path, self.offset + LOCAL_HEADER + name_size + extra_size, self.packed)
        try:
            plain = data if self.method == zipfile.ZIP_STORED else zlib.decompress(data, -15, self.size)
        except zlib.error as error:
            raise UnreadableImage(f"{self.name} is damaged in {name_of(path)}\nRestore the zip: {error}.") from error
        if zlib.crc32(plain) != self.checksum:
            raise UnreadableImage(f"{self.name} is damaged in {name_of(path)}\nRestore the zip: its checksum differs.")
        return plain


@dataclass(frozen=True, slots=True)
class ZipSample:
    """An image in a zip, and the members that travel with it."""

    path: str
    member: ZipMember
    others: tuple[ZipMember, ...] = ()

    @property
    def name(self) -> str:
        return os.path.splitext(self.member.name)[0]

    @property
    def stem(self) -> str:
        """What it shares with the images that it may share companions with."""
        return f"{self.path}#{self.name}"

    @property
    def extension(self) -> str:
        return os.path.splitext(self.member.name)[1][1:]

    @property
    def place(self) -> str:
        return f"{self.path}#{self.member.offset}"

    def read(self) -> bytes:
        return self.member.read(self.path)

    def companions(self) -> dict[str, bytes]:
        return {companion_name(other.name, self.member.name): other.read(self.path) for other in self.others}


class ZipSource:
    """Accepts the path or URL of a zip."""

    def accepts(self, source: Any) -> bool:
        return suffix_of(source) in (".zip", ".cbz")

    def items(self, source: Any) -> Iterator[Item]:
        path = str(source)
        _, mtime_ns, inode = hints_of(path)
        try:
            with open_binary(path) as file, zipfile.ZipFile(file) as zipped:
                entries = {info.filename: info for info in zipped.infolist() if not info.is_dir()}
        except zipfile.BadZipFile as error:
            yield Item(f"{path}#", path, error=f"the zip cannot be read: {error}")
            return
        for name, others in images_among(entries):
            info, key = entries[name], f"{path}#{name}"
            if refusal := _refusal(info):
                yield Item(key, key, error=refusal)
                continue
            sample = ZipSample(path, _member(info), tuple(_member(entries[other]) for other in others))
            yield Item(key, key, sample, info.file_size, mtime_ns, inode)


def _refusal(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & ENCRYPTED:
        return "encrypted in the zip"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return f"packed with method {info.compress_type}, which is not supported"
    return ""


def _member(info: zipfile.ZipInfo) -> ZipMember:
    return ZipMember(
        info.filename, info.header_offset, info.compress_size, info.file_size, info.compress_type, info.CRC
    )

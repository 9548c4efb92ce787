"""The work folder: files under fixed names, on a disk or behind a URL that fsspec understands.

A file appears whole or not at all: by a temporary name and a rename on file systems, by one PUT on object stores.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, cast
from uuid import uuid4

from oneofeach.stages.sources.reach import file_system

FILE_SYSTEMS = {"file", "local", "hdfs", "sftp", "ssh", "smb", "dbfs"}
"""Protocols on which a write can be seen half done; the others publish an object when it is complete."""


@dataclass(frozen=True)
class Store:
    """Names are relative to `root` and use slashes. Every failure of the storage is an OSError."""

    root: str

    def write(self, name: str, data: bytes | memoryview) -> None:
        """Create or replace a file in one step."""
        with self._appearing(name) as (system, path):
            if self._protocol(system) not in FILE_SYSTEMS:
                system.pipe_file(path, bytes(data))
                return
            with system.open(path, "wb") as file:
                file.write(data)
                file.flush()
                if self._protocol(system) in ("file", "local"):
                    os.fsync(file.fileno())

    def put(self, name: str, path: str) -> None:
        """The same with the contents of a file of this machine."""
        with self._appearing(name) as (system, target):
            system.put_file(path, target)

    @contextmanager
    def _appearing(self, name: str) -> Iterator[tuple[Any, str]]:
        """Where to write: the file itself where it appears when it is complete, else one that is renamed at the end."""
        system, path = self._at(name)
        with reaching(path):
            if self._protocol(system) not in FILE_SYSTEMS:
                yield system, path
                return
            folder, _, base = path.rpartition("/")
            temporary = f"{folder}/.{base}.{uuid4().hex}"
            system.makedirs(folder, exist_ok=True)
            try:
                yield system, temporary
                system.mv(temporary, path)
            except BaseException:
                if system.exists(temporary):
                    system.rm_file(temporary)
                raise

    def exists(self, name: str = "") -> bool:
        """Is there such a file, or anything at the root?"""
        system, path = self._at(name)
        with reaching(path):
            return bool(system.exists(path))

    def read(self, name: str) -> bytes:
        """FileNotFoundError when there is no such file."""
        system, path = self._at(name)
        with reaching(path):
            return bytes(system.cat_file(path))

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """A seekable file, read in blocks."""
        system, path = self._at(name)
        with reaching(path), system.open(path, "rb", block_size=1 << 20) as file:
            yield cast(BinaryIO, file)

    def names(self, folder: str) -> set[str]:
        """Names of the files in a folder, temporary ones left out; empty when there is no folder."""
        system, path = self._at(folder)
        with reaching(path):
            try:
                listed = system.ls(path, detail=False, refresh=True)
            except FileNotFoundError:
                return set()
        found = {f"{folder}/{entry.rstrip('/').rpartition('/')[2]}" for entry in listed}
        return {name for name in found if not name.rpartition("/")[2].startswith(".")}

    def read_json(self, name: str) -> Any:
        """The value, or None when there is no such file."""
        try:
            return json.loads(self.read(name))
        except FileNotFoundError:
            return None

    def write_json(self, name: str, value: Any) -> None:
        self.write(name, json.dumps(value, indent=1).encode())

    def remove(self) -> None:
        """Delete the work folder with all its files."""
        system, path = self._at("")
        with reaching(path):
            system.rm(path, recursive=True)

    def _at(self, name: str) -> tuple[Any, str]:
        system, root = file_system(self.root, use_listings_cache=False)
        return system, f"{root.rstrip('/')}/{name}" if name else root

    @staticmethod
    def _protocol(system: Any) -> str:
        return str(system.protocol if isinstance(system.protocol, str) else system.protocol[0])


@contextmanager
def reaching(path: str) -> Iterator[None]:
    """Client libraries of object stores raise what they like: make it an OSError."""
    try:
        yield
    except OSError:
        raise
    except (ConnectionError, TimeoutError) as error:
        raise OSError(errno.EIO, str(error), path) from error
    except Exception as error:
        if type(error).__module__.startswith(("oneofeach", "pyarrow")):
            raise
        raise OSError(errno.EIO, f"{type(error).__name__}: {error}", path) from error

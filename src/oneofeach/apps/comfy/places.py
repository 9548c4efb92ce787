"""Folders that a workflow names → real paths, which must lie inside ComfyUI's input or output folder.

A workflow can come from anyone; only the administrator widens this, by ONEOFEACH_ROOTS in the server's environment.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

import folder_paths

from oneofeach.errors import OneOfEachError, Refused

if TYPE_CHECKING:
    from oneofeach.tables import Item

ROOTS = "ONEOFEACH_ROOTS"


def input_folders() -> list[str]:
    """What the `folder` input offers; an empty name when there is none, so that `path` can be used instead."""
    return list(folder_paths.get_input_subfolders()) or [""]


def chosen(folder: str, path: str) -> str:
    """The absolute real path of `path`, or without it of `folder` inside the input folder. Refused when outside."""
    return inside(os.path.join(folder_paths.get_input_directory(), path.strip() or folder), allowed())


def in_output(folder: str) -> str:
    """The absolute real path of a folder below the output folder. Refused when it is outside, or the folder itself."""
    root = os.path.realpath(folder_paths.get_output_directory())
    path = inside(os.path.join(root, folder.strip()), [root])
    if path == root:
        raise OneOfEachError("Folder name is empty\nName a folder to be made inside ComfyUI's output folder.")
    return path


def allowed() -> list[str]:
    named = filter(None, os.environ.get(ROOTS, "").split(os.pathsep))
    return [folder_paths.get_input_directory(), folder_paths.get_output_directory(), *named]


def inside(path: str, roots: Sequence[str]) -> str:
    """Links are followed first: a link inside that leads outside is outside."""
    real = os.path.realpath(path)
    for root in map(os.path.realpath, roots):
        try:
            if os.path.commonpath((real, root)) == root:
                return real
        except ValueError:  # another drive
            continue
    raise Refused(
        f"Folder is outside ComfyUI's input and output folders: {path}\n"
        "Move it there, or ask the administrator to allow it."
    )


def images_in(folder: str, recursive: bool) -> list[Item]:
    """The images of a folder in natural order, with their sidecars. OneOfEachError when there is none."""
    from oneofeach.stages.sources import items_of  # not needed to offer folders when ComfyUI starts

    items = items_of(folder) if os.path.isdir(folder) else []
    items = [item for item in items if recursive or os.sep not in item.key]
    if not items:
        raise no_images(folder)
    return items


def no_images(folder: str) -> OneOfEachError:
    return OneOfEachError(f"No images found in {folder}\nSupported: PNG, JPG, JPEG, WEBP.")


def state_of(folder: str, path: str, recursive: bool) -> str | float:
    """A fingerprint of names, times and sizes of images and sidecars, and of what was decided and kept before.

    NaN, equal to nothing, where there are no images.
    """
    from oneofeach.index import users_own

    try:
        items = images_in(chosen(folder, path), recursive)
    except OneOfEachError:
        return float("nan")
    digest = blake2b(digest_size=16)
    with users_own() as index:
        if index:
            decisions = index.decisions.load()
            for part in (decisions.apart, decisions.kept, index.runs.load()):
                digest.update(repr(sorted(part)).encode())
    for item in items:
        digest.update(repr((item.key, item.mtime_ns, item.size)).encode())
        for path in sorted(item.sidecars):
            digest.update(repr((path, *_stamp(path))).encode())
    return digest.hexdigest()


def _stamp(path: str) -> tuple[int, int]:
    try:
        status = os.stat(path)
    except OSError:
        return -1, -1
    return status.st_mtime_ns, status.st_size

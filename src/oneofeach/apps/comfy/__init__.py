"""The ComfyUI nodes: image lists and folders in, one of each image out, with its caption, mask and name beside it.

This package alone imports ComfyUI. Loading it costs milliseconds: the library is imported when a node runs.
"""

from __future__ import annotations

from comfy_api.latest import ComfyExtension, io

from oneofeach.apps.comfy.clean import OneOfEachCleanFolder
from oneofeach.apps.comfy.deduplicate import OneOfEachImageDeduplication
from oneofeach.apps.comfy.load import OneOfEachLoadUniqueImages
from oneofeach.apps.comfy.save import OneOfEachSaveDataset


class Extension(ComfyExtension):
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [OneOfEachImageDeduplication, OneOfEachLoadUniqueImages, OneOfEachCleanFolder, OneOfEachSaveDataset]

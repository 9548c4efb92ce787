"""`oneofeach doctor`: which versions, kernels, decoders and extras are at hand, and how to get what is missing."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from oneofeach import __version__, kernels, plugins
from oneofeach.apps.cli.printing import put

DECODERS = (
    ("JPEG, PNG, GIF, BMP, TIFF, WebP", "PIL", "PIL", ""),
    ("AVIF", "PIL.AvifImagePlugin", "PIL", "pip install --upgrade pillow"),
    ("JPEG 2000", "PIL.Jpeg2KImagePlugin", "PIL", ""),
    ("HEIC", "pillow_heif", "pillow-heif", "pip install 'oneofeach[heif]'"),
    ("JPEG XL", "pillow_jxl", "pillow-jxl-plugin", "pip install 'oneofeach[jxl]'"),
    ("JPEG, faster", "simplejpeg", "simplejpeg", "pip install 'oneofeach[fast]'"),
    ("WebP, faster", "imagecodecs", "imagecodecs", "pip install 'oneofeach[webp]'"),
)


def doctor() -> None:
    """Show which decoders, kernels and extras are there."""
    put(f"oneofeach   {__version__}")
    put(f"Python      {platform.python_version()} on {platform.system()} {platform.machine()}")
    for package in ("numpy", "pillow"):
        put(f"{package:<11} {version(package)}")
    twin = "" if kernels.active() == "compiled" else " (slower, same results; a C compiler at installation builds them)"
    put(f"kernels     {kernels.active()}{twin}")
    put("")
    put("Decoders")
    for formats, module, package, command in DECODERS:
        put(f"  {formats:<32} {_state(module, package, command)}")
    for kind in plugins.BUILT_IN:
        put(f"{kind.capitalize():<13} {', '.join(plugins.names(kind))}")


def _state(module: str, package: str, command: str) -> str:
    try:
        if find_spec(module):
            return f"yes ({package} {version('pillow' if package == 'PIL' else package)})"
    except (ModuleNotFoundError, PackageNotFoundError):
        pass
    return f"no: {command}"

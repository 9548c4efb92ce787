"""Builds the optional C kernels; without a compiler the package installs all the same and runs its NumPy twins."""

from glob import glob
from hashlib import sha256
from pathlib import Path

from setuptools import Extension, setup

SOURCES = sorted(glob("src/oneofeach/kernels/*.c"))
HEADERS = sorted(glob("src/oneofeach/kernels/*.h"))
# kernels/__init__.py compares it with the sources it finds, so that a stale build is never used
DIGEST = sha256(b"".join(Path(file).read_bytes() for file in sorted(SOURCES + HEADERS))).hexdigest()

setup(
    ext_modules=[
        Extension(
            "oneofeach._kernels",
            sources=SOURCES,
            depends=HEADERS,
            define_macros=[("Py_LIMITED_API", "0x030A0000"), ("DIGEST", f'"{DIGEST}"')],
            extra_compile_args=["-O3", "-ffp-contract=off", "-fno-trapping-math"],
            py_limited_api=True,
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp310"}},
)

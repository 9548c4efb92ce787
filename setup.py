"""Builds the optional C kernels; without a compiler the package installs all the same and runs its NumPy twins."""

from glob import glob

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "oneofeach._kernels",
            sources=sorted(glob("src/oneofeach/kernels/*.c")),
            depends=sorted(glob("src/oneofeach/kernels/*.h")),
            define_macros=[("Py_LIMITED_API", "0x030A0000")],
            extra_compile_args=["-O3", "-ffp-contract=off"],
            py_limited_api=True,
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp310"}},
)

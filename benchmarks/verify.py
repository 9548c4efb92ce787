"""Pairs verified per second on one core, directly and with a registration: compiled against the NumPy twin, and against
SSIM of scikit-image on planes of the same size.

python benchmarks/verify.py
"""

from __future__ import annotations

import numpy as np
from PIL import Image
from skimage import data
from skimage.metrics import structural_similarity
from turns import turns

from oneofeach import kernels
from oneofeach.kernels import verify, verify_numpy
from oneofeach.stages.fingerprints import description
from oneofeach.tables import Picture

PAIRS = 1024


def planes(image: Image.Image) -> np.ndarray:
    return description.descriptor(Picture(np.asarray(image), image.size))[description.WHOLE]


def ssim(first: np.ndarray, second: np.ndarray) -> list[float]:
    """Of the luma planes, one pair after the other, as the package offers it."""
    luma = (rows[:, description.LUMA].reshape(-1, description.SIDE, description.SIDE) for rows in (first, second))
    return [structural_similarity(a, b) for a, b in zip(*luma, strict=True)]


def main() -> None:
    photo = Image.fromarray(data.astronaut())
    first = np.stack([planes(photo)] * PAIRS)
    second = np.stack([planes(photo.crop((4 + k % 20, 3, 512, 512))) for k in range(PAIRS)])
    still = np.zeros(PAIRS, bool)
    for name, cap in (("direct", np.zeros(PAIRS)), ("registered", np.ones(PAIRS))):
        taken = turns(lambda cap=cap: verify.verify(first, second, cap),
                      lambda cap=cap: verify_numpy.verify(first, second, cap, still), rounds=3)  # fmt: skip
        against = turns(lambda cap=cap: verify.verify(first, second, cap), lambda: ssim(first, second), rounds=3)
        rate, twin = (PAIRS / min(seconds) for seconds in (taken.first_cpu, taken.second_cpu))
        print(f"{name}: {kernels.active()} {rate:,.0f} pairs/s, NumPy twin {twin:,.0f} pairs/s of CPU time; {taken}")
        print(f"{name}, against SSIM: {against}")


if __name__ == "__main__":
    main()

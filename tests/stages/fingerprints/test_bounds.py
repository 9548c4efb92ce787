from __future__ import annotations

import numpy as np
import pytest
from skimage import data

from oneofeach.plugins import Bounded
from oneofeach.stages.fingerprints.oneofeach import OneOfEach
from oneofeach.tables import Picture

METHOD = OneOfEach()


def variants() -> list[np.ndarray]:
    """Three photos, each as it is, darker, noisy, cropped, framed, shrunk and in gray."""
    rng = np.random.default_rng(0)
    made = []
    for photo in (data.astronaut(), data.chelsea(), data.coffee()):
        made += [photo, (photo * 0.8).astype(np.uint8), photo[::3, ::3], photo[8:-8, 8:-8], photo[20:-40, 30:-10]]
        made.append(np.clip(photo + rng.normal(0, 12, photo.shape), 0, 255).astype(np.uint8))
        made += [np.pad(photo, ((width, width), (width, width), (0, 0))) for width in (12, 40, 80)]
        made.append(np.repeat(photo.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8))
    return made


@pytest.mark.parametrize("floor", [0.0, 0.5, 0.8, 0.85, 0.9, 0.95, 0.99, 1.0])
def test_no_pair_at_or_above_the_floor_is_ruled_out(floor: float) -> None:
    assert isinstance(METHOD, Bounded)
    pictures = [Picture(pixels, (pixels.shape[1], pixels.shape[0])) for pixels in variants()]
    bits, descriptors = METHOD.describe(pictures)
    i, j = np.triu_indices(len(pictures))
    similarity, _ = METHOD.similarity(bits, descriptors, i, j, floor)
    possible = METHOD.possible(bits[i], bits[j], floor)
    assert possible[similarity >= floor].all()
    assert floor < 0.8 or not possible.all()

"""Whoever runs the tests finds everything of theirs as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from oneofeach.apps.review import memory, thumbnails
from oneofeach.index.index import default_path
from oneofeach.stages.acting.journals import journals_folder


@pytest.mark.parametrize("place", [default_path, journals_folder, memory.default_path, thumbnails.default_path])
def test_what_the_tests_store_lies_in_their_own_folder(place, tmp_path_factory):
    assert tmp_path_factory.getbasetemp() in Path(place()).parents

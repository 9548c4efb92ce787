"""The checks we ship for plugin authors hold for the built-in plugins, and notice what is broken."""

import numpy as np
import pytest
from pictures import encoded, picture

from oneofeach import plugins, testing
from oneofeach.engines import threads
from oneofeach.errors import MissingExtra, UnknownPlugin
from oneofeach.stages.fingerprints.oneofeach import OneOfEach
from oneofeach.stages.sources.folder import FolderSource
from oneofeach.stages.sources.memory import MemorySource


@pytest.fixture(scope="module")
def images():
    first = picture(1)
    return [first, encoded(first, "JPEG", quality=50), picture(2), picture(3).convert("L"), np.zeros((9, 5, 3))]


def test_the_built_in_sources_keep_the_laws(tmp_path, images):
    picture(1).save(tmp_path / "a.png")
    (tmp_path / "b.jpg").symlink_to(tmp_path / "none")
    assert len(testing.check_source(FolderSource(), tmp_path)) == 2
    assert len(testing.check_source(MemorySource(), np.zeros((2, 8, 8, 3)))) == 2


def test_the_built_in_fingerprint_keeps_the_laws(images):
    testing.check_fingerprint(OneOfEach(), images)


def test_threads_keep_the_laws_of_engines():
    testing.check_engine(threads.run)


def test_a_fingerprint_that_is_not_symmetric_is_noticed(images):
    class Lopsided(OneOfEach):
        def similarity(self, bits, descriptors, i, j, floor):
            similarity, evidence = super().similarity(bits, descriptors, i, j, floor)
            return np.where(i < j, 0.5, similarity), evidence

    with pytest.raises(AssertionError, match="symmetric"):
        testing.check_fingerprint(Lopsided(), images)


def test_an_engine_that_loses_the_order_is_noticed():
    with pytest.raises(AssertionError):
        testing.check_engine(lambda function, chunks, *, workers: map(function, reversed(list(chunks))))


def test_every_built_in_plugin_loads_by_its_name():
    for kind, built_in in plugins.BUILT_IN.items():
        for name in built_in:
            assert plugins.load(kind, name)


def test_an_unknown_plugin_lists_the_known_ones():
    with pytest.raises(UnknownPlugin, match=r"^Unknown engine: steam\nChoose one of: threads"):
        plugins.load("engines", "steam")


def test_a_missing_extra_names_the_pip_command():
    with pytest.raises(MissingExtra, match=r"^nowhere is not installed\n.*: pip install 'oneofeach\[x\]'$"):
        plugins.extra("nowhere", "x")


def test_a_foreign_plugin_is_found_by_its_entry_point(monkeypatch):
    class Point:
        name, group = "mine", "oneofeach.engines"

        def load(self):
            return threads.run

    monkeypatch.setattr(plugins, "entry_points", lambda **_: [Point()])
    assert "mine" in plugins.names("engines")
    assert plugins.load("engines", "mine") is threads.run

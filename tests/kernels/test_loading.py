import sys
from types import SimpleNamespace

import pytest

from oneofeach import kernels


def test_a_build_of_other_sources_is_never_used(monkeypatch):
    monkeypatch.delenv("ONEOFEACH_KERNELS", raising=False)
    monkeypatch.setitem(sys.modules, "oneofeach._kernels", SimpleNamespace(DIGEST="old"))
    with pytest.warns(UserWarning, match="older than their sources"):
        assert kernels._load() is None


def test_the_environment_chooses_the_numpy_twins(monkeypatch):
    monkeypatch.setenv("ONEOFEACH_KERNELS", "numpy")
    assert kernels._load() is None

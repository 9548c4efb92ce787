"""A user's own ONNX model as a fingerprint: one made here, which draws pictures small and mixes their pixels."""

from __future__ import annotations

import json
import pickle
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from skimage import data

import oneofeach
from oneofeach.apps.cli import run
from oneofeach.errors import MissingExtra, OneOfEachError
from oneofeach.plugins import load
from oneofeach.testing import check_fingerprint

PHOTO, CAT, CUP = data.astronaut(), data.chelsea(), data.coffee()


def model(path: Path, *, seed: int = 1, first: bool = True, kind: int = TensorProto.FLOAT, dims: int = 48) -> Path:
    """A linear map of 12×16 pixels without their mean, which makes unlike pictures point elsewhere."""
    shape = [1, 3, 12, 16] if first else [1, 12, 16, 3]
    weights = np.random.default_rng(seed).normal(size=(576, dims)).astype(np.float32)
    weights -= weights.mean(axis=0)
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["float"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["vector"]),
    ]
    made = helper.make_model(
        helper.make_graph(
            nodes,
            "mixed",
            [helper.make_tensor_value_info("image", kind, shape)],
            [helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1, dims])],
            [numpy_helper.from_array(weights, "weights")],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    onnx.save(made, path)
    return path


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model(tmp_path_factory.mktemp("model") / "mixed.onnx")


def test_it_keeps_the_promises_of_a_fingerprint(network: Path) -> None:
    check_fingerprint(load("fingerprints", f"embed:{network}")(), [PHOTO, CAT, CUP])


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.UINT8])
def test_copies_are_near_and_other_pictures_are_not(tmp_path: Path, first: bool, kind: int) -> None:
    name = f"embed:{model(tmp_path / 'm.onnx', first=first, kind=kind)}"
    result = oneofeach.deduplicate([PHOTO, PHOTO[::2, ::2], CAT, CUP, CUP[4:, 4:]], 0.95, fingerprint=name)
    assert result.counts == {"seen": 5, "kept": 3, "removed": 2, "skipped": 0}


def test_a_blocked_search_proposes_every_pair_at_or_above_the_floor(
    network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oneofeach.stages.fingerprints.embed._BLOCK", 7)
    method = load("fingerprints", f"embed:{network}")()
    vectors = np.random.default_rng(3).normal(size=(40, 6)).astype(np.float32)
    bits = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype("<f4").view(np.uint8)
    i, j = np.triu_indices(40, 1)
    values, _ = method.similarity(bits, bits[:, :0], i, j, 0.3)
    near = set(zip(*(part.tolist() for part in method.near(bits, None, 0.3)), strict=True))
    assert set(zip(i[values >= 0.3].tolist(), j[values >= 0.3].tolist(), strict=True)) <= near
    assert len(near) < len(i) / 2
    across = set(zip(*(part.tolist() for part in method.near(bits[:9], bits[9:], 0.3)), strict=True))
    assert across == {(a, b - 9) for a, b in near if a < 9 <= b}


def test_vectors_of_two_models_never_meet(network: Path, tmp_path: Path) -> None:
    method = load("fingerprints", f"embed:{network}")()
    assert load("fingerprints", method.name)().name == method.name
    assert pickle.loads(pickle.dumps(method)).name == method.name
    copy = model(tmp_path / "copy.onnx")
    name = load("fingerprints", f"embed:{copy}")().name
    assert name.split("#")[1] == method.name.split("#")[1]
    model(copy, seed=2)
    with pytest.raises(OneOfEachError, match="has changed"):
        load("fingerprints", name)()


def test_the_index_answers_for_a_model_and_for_no_other(network: Path, tmp_path: Path) -> None:
    folder, index = tmp_path / "photos", tmp_path / "index.sqlite"
    folder.mkdir()
    for name, pixels in (("a", PHOTO), ("b", PHOTO[2:]), ("c", CAT)):
        Image.fromarray(pixels).save(folder / f"{name}.png")
    for path, removed in ((network, 1), (network, 1), (model(tmp_path / "other.onnx", seed=5), 1)):
        result = oneofeach.deduplicate(folder, 0.95, index=index, fingerprint=f"embed:{path}")
        assert result.counts["removed"] == removed
    with oneofeach.Index(index) as opened:
        matches = opened.query(PHOTO[1:], 0.95, fingerprint=f"embed:{network}")
    contents = [sha256((folder / f"{name}.png").read_bytes()).hexdigest() for name in "ab"]
    assert sorted(match.content for match in matches) == sorted(contents)


def test_the_command_line_takes_a_model(network: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, pixels in (("a", PHOTO), ("b", PHOTO[2:]), ("c", CAT)):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    assert run(["find", str(tmp_path), "--fingerprint", f"embed:{network}", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["fingerprint"].startswith("embed:")
    assert told["counts"]["removed"] == 1


@pytest.mark.parametrize(
    ("name", "told"),
    [("embed", "No such model"), ("embed:none.onnx", "No such model"), (f"embed:{__file__}", "cannot be used")],
)
def test_what_is_no_model_is_told(name: str, told: str) -> None:
    with pytest.raises(OneOfEachError, match=told):
        oneofeach.deduplicate([PHOTO, CAT], fingerprint=name)


def test_without_the_runtime_the_extra_is_named(network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtra, match=r"oneofeach\[embed\]"):
        oneofeach.deduplicate([PHOTO, CAT], fingerprint=f"embed:{network}")

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import oneofeach
from oneofeach.engines.ray.engine import Ray
from oneofeach.engines.ray.store import Store
from oneofeach.errors import MissingExtra, Unreachable, UnsupportedInput
from oneofeach.plugins import Walk
from oneofeach.stages.sources.files import named_by

URLS = ["gs://nowhere/a.tar", "gs://nowhere/a.parquet", "gs://nowhere/folder", "gs://nowhere/a.png"]


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the packages of these schemes were not installed, nor loaded before."""
    for scheme, package in (("gs", "gcsfs"), ("hf", "huggingface_hub")):
        monkeypatch.delitem(import_module("fsspec.registry")._registry, scheme, raising=False)
        monkeypatch.setitem(sys.modules, package, None)


@pytest.mark.usefixtures("without")
@pytest.mark.parametrize("url", URLS)
def test_a_package_that_is_missing_is_named_with_its_command(url: str, tmp_path: Path) -> None:
    said = r"^gs:// needs gcsfs, which is not installed\nInstall it with: pip install gcsfs$"
    with pytest.raises(MissingExtra, match=said):
        oneofeach.scan(url)
    with pytest.raises(MissingExtra, match=said):
        Ray(work_folder=str(tmp_path)).scan(Walk(url))
    with pytest.raises(MissingExtra, match=said):
        Store(url).exists()


@pytest.mark.usefixtures("without")
def test_the_package_for_hugging_face_is_named_too() -> None:
    with pytest.raises(MissingExtra, match=r"^hf:// needs huggingface_hub.*\n.*pip install huggingface_hub$"):
        named_by("hf://datasets/someone/pictures/*.parquet")


@pytest.mark.parametrize("url", ["foo://a/b.tar", "foo://a/*.tar"])
def test_a_scheme_that_nothing_opens_is_told(url: str) -> None:
    with pytest.raises(UnsupportedInput, match=r"^Nothing opens foo:// URLs: foo://a.*\n.*s3://, gs://, hf://"):
        oneofeach.scan(named_by(url))


@pytest.fixture
def stranger(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A user of s3:// whom nobody has given credentials."""
    s3 = pytest.importorskip("s3fs")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ENDPOINT_URL", "FSSPEC_S3_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    s3.S3FileSystem.clear_instance_cache()
    yield
    s3.S3FileSystem.clear_instance_cache()


@pytest.mark.usefixtures("stranger")
@pytest.mark.parametrize("url", ["s3://nowhere/a.tar", "s3://nowhere/a.parquet", "s3://nowhere/folder"])
def test_missing_credentials_are_told_with_how_to_give_them(url: str, tmp_path: Path) -> None:
    said = rf"^Cannot be reached: {url}\S* \(NoCredentialsError: .*\n.*AWS_ACCESS_KEY_ID"
    with pytest.raises(Unreachable, match=said):
        Ray(work_folder=str(tmp_path)).scan(Walk(url))
    with pytest.raises(Unreachable, match=said):
        oneofeach.scan(url)
    with pytest.raises(Unreachable, match=said):
        named_by(f"{url}/*")

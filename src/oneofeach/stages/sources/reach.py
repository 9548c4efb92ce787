"""A URL → its fsspec file system; what keeps us from it is told with what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from oneofeach.errors import MissingExtra, OneOfEachError, Unreachable, UnsupportedInput
from oneofeach.plugins import extra

SIGN_IN = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    "gs": "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS",
    "hf": "run `hf auth login`, or set HF_TOKEN",
}
"""How to give credentials, by scheme."""


def file_system(url: str, **options: Any) -> tuple[Any, str]:
    """The fsspec file system of a URL, and the path inside it.

    MissingExtra when the package that knows such URLs is not installed, UnsupportedInput when there is none, and
    Unreachable when it cannot be used.
    """
    scheme = url.partition("://")[0]
    with reached(url):
        try:
            found: tuple[Any, str] = extra("fsspec.core", "remote").url_to_fs(url, **options)
        except MissingExtra:
            raise
        except ImportError as error:
            package = getattr(error.__cause__, "name", None) or f"a package for {scheme}://"
            said = f"{scheme}:// needs {package}, which is not installed"
            raise MissingExtra(f"{said}\nInstall it with: pip install {package}") from error
        except ValueError as error:
            if "rotocol not known" not in str(error):
                raise
            hint = "Use a scheme that fsspec knows, such as s3://, gs://, hf:// or https://."
            raise UnsupportedInput(f"Nothing opens {scheme}:// URLs: {url}\n{hint}") from error
    return found


@contextmanager
def reached(url: str) -> Iterator[None]:
    """Client libraries raise what they like: make it Unreachable, unless the storage says that nothing is there."""
    try:
        yield
    except (OneOfEachError, FileNotFoundError):
        raise
    except Exception as error:
        sign_in = SIGN_IN.get(
            url.partition("://")[0].replace("gcs", "gs"), "give them as its fsspec package wants them"
        )
        said = str(error).strip().partition("\n")[0]
        hint = f"Check the name, the network and your credentials: {sign_in}."
        raise Unreachable(f"Cannot be reached: {url} ({type(error).__name__}: {said})\n{hint}") from error

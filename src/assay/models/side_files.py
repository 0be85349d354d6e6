"""Side files: what Assay keeps beside a model, each JSON of a version of its own.

A reader takes every version up to its own; a newer one is told as that, not misread.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from assay.errors import InvalidModel


class Versioned(Protocol):
    """Content of a side file."""

    @property
    def version(self) -> int:
        """Of the file's layout."""


T = TypeVar("T", bound=Versioned)


def read(folder: Path, name: str, kind: type[T], *, version: int) -> T | None:
    """The content of a side file; ``None`` if the model has none.

    Args:
        folder: of the model.
        name: of the file.
        kind: the struct of its content.
        version: the newest that this program knows.

    Raises:
        InvalidModel: it is damaged, or of a newer version.
    """
    try:
        content = msgspec.json.decode((folder / name).read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidModel(str(folder), f"{name} can't be read: {error}") from None
    if content.version > version:
        raise InvalidModel(
            str(folder),
            f"{name} has version {content.version}, this Assay knows up to {version}: update Assay",
        )
    return content

"""Reading the files of frameworks: whatever they raise about a damaged one becomes one error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from assay.errors import AssayError, InvalidModel

_MAX_WHY: Final = 200
"""Some frameworks add the stack of their C++ code to the message."""


@contextmanager
def reading(folder: Path, file: Path, kind: str) -> Iterator[None]:
    """Read ``file`` of the model in ``folder`` within this.

    Args:
        folder: of the model.
        file: what is read.
        kind: what it should be, such as ``a CatBoost model``.

    Raises:
        InvalidModel: the framework raised something; missing modules and memory pass as they are.
    """
    try:
        yield
    except (AssayError, ImportError, MemoryError):
        raise
    except Exception as error:
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InvalidModel(
            str(folder), f"{file.name} can't be read as {kind}: {why[:_MAX_WHY]}"
        ) from error

"""Pickles, for frameworks that have no other format.

Reading one runs what it holds: every flavor that reads it names it among its ``hazards``, whatever
``MLmodel`` says of the file.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from assay.errors import InvalidInput, MissingFramework
from assay.flavors.reading import reading


def write(model: Any, path: Path, *, pickler: Any = pickle) -> None:
    """Write a pickle; ``pickler`` may be the module ``cloudpickle``.

    Raises:
        InvalidInput: it can't be pickled.
    """
    try:
        content = pickler.dumps(model)
    except Exception as error:
        raise InvalidInput(
            f"{pickler.__name__} can't keep {type(model).__name__}: {error}"
        ) from error
    path.write_bytes(content)


def read(folder: Path, path: Path, *, title: str) -> Any:
    """The object of a pickle, once the caller has seen to it that the model is trusted.

    Raises:
        InvalidModel: it is damaged.
        MissingFramework: a module that it needs isn't installed.
    """
    with reading(folder, path, "a pickle"), path.open("rb") as file:
        try:
            return pickle.load(file)  # noqa: S301 - named by the flavor's hazards
        except ModuleNotFoundError as error:
            root = (error.name or "").split(".")[0]
            raise MissingFramework(root, purpose=f"A {title} model ({path.name})") from error

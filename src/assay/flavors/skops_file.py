"""skops files: estimators as plain data, for flavors whose models are scikit-learn's or alike."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from assay.errors import InvalidInput


def write(model: Any, path: Path, *, types: Iterable[str] = ()) -> str | None:
    """Write the model; why skops can't, if so, and then there is no file.

    Args:
        model: an estimator.
        path: where to.
        types: names of types that may stand in the file beside those that skops knows.
    """
    try:
        from skops import io
    except ImportError:
        return "isn't installed"
    try:
        io.dump(model, path)
        unknown = sorted(set(io.get_untrusted_types(file=path)) - set(types))
    except Exception as error:  # noqa: BLE001 - types that skops doesn't know raise anything
        path.unlink(missing_ok=True)
        return f"can't write it ({error})"
    if unknown:
        path.unlink()
        return f"doesn't know the types {', '.join(unknown)}"
    return None


def refused(why: str) -> InvalidInput:
    """What to tell somebody who asked for skops, where ``write`` said why not."""
    return InvalidInput(
        f"skops can't keep this model: it {why}. Name types that you trust in skops_trusted_types,"
        " or use serialization_format='cloudpickle'."
    )

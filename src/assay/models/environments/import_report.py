"""What ``assay.models.environments.import_probe`` reports to the process that started it."""

from __future__ import annotations

import msgspec


class Edge(msgspec.Struct, frozen=True, array_like=True):
    """One module imported by another."""

    importer: str
    """``__name__`` where the import statement ran."""
    file: str | None
    """``__file__`` there; ``None`` for functions that were pickled by value."""
    dynamic: bool
    """Whether it ran inside a function, not while the importing module was loaded."""
    imported: str
    """Dotted name."""


class Report(msgspec.Struct):
    """What a run of the probe saw."""

    edges: list[Edge] = []
    files: dict[str, str | None] = {}
    """Each loaded module with its file."""
    packages: list[str] = []
    """What the model's flavors name as their own packages."""
    outputs: list[str] = []
    """Modules of the types of the predictions."""
    load_error: str | None = None
    predict_error: str | None = None

"""The program that finds out what a saved model imports: runs in a process of its own.

``assay.models.environments.requirements`` starts it. It loads the model, predicts on the saved
input example, and writes who imported what: imports are noted with the importing module, so that
those of the model's own code can be told from those that a library merely tries. No module imports
this one, because it replaces ``__import__``.
"""

from __future__ import annotations

import builtins
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import msgspec

from assay.models.environments.import_report import Edge, Report

_LOOKED_AT: Final = 20
"""Of the elements of a list or dict of predictions."""


class Recorder:
    """Notes imports from ``install`` on, for as long as the process lives."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, bool, str]] = set()
        self._files: dict[str, str | None] = {}

    def install(self) -> None:
        """Take the place of ``__import__`` and ``importlib.import_module``."""
        builtins.__import__ = self._statement(builtins.__import__)
        importlib.import_module = self._function(importlib.import_module)  # type: ignore[assignment]

    def _statement(self, original: Callable[..., ModuleType]) -> Callable[..., ModuleType]:
        def noting(
            name: str,
            globals: Any = None,
            locals: Any = None,
            fromlist: Any = (),
            level: int = 0,
        ) -> ModuleType:
            module = original(name, globals, locals, fromlist, level)
            # A relative import stays inside its package. Unpickling in C passes no globals that
            # could tell more than the frame does.
            if level == 0:
                frame = sys._getframe(1)
                known = frame.f_globals if globals is None else globals
                self._note(known, frame.f_code.co_name, name)
                for part in fromlist or ():
                    if f"{name}.{part}" in sys.modules:
                        self._note(known, frame.f_code.co_name, f"{name}.{part}")
            return module

        return noting

    def _function(
        self, original: Callable[[str, str | None], ModuleType]
    ) -> Callable[[str, str | None], ModuleType]:
        def noting(name: str, package: str | None = None) -> ModuleType:
            module = original(name, package)
            if not name.startswith("."):
                frame = sys._getframe(1)
                self._note(frame.f_globals, frame.f_code.co_name, name)
            return module

        return noting

    def _note(self, known: dict[str, Any], code: str, name: str) -> None:
        importer = known.get("__name__")
        if isinstance(importer, str):
            key = (importer, code != "<module>", name)
            if key not in self._seen:
                self._seen.add(key)
                self._files[importer] = _text(known.get("__file__"))

    def edges(self) -> list[Edge]:
        """What was noted, sorted."""
        return [
            Edge(importer, self._files.get(importer), dynamic, imported)
            for importer, dynamic, imported in sorted(self._seen)
        ]


def main(request: dict[str, Any]) -> None:
    """Load and run the model folder ``request["model"]``; write a ``Report`` as JSON to the file
    ``request["report"]``.
    """
    # Compiled files would become part of the model: its code folder is being saved.
    sys.dont_write_bytecode = True
    recorder, report = Recorder(), Report()
    recorder.install()
    _run(Path(request["model"]), report)
    report.edges = recorder.edges()
    report.files = {
        name: _text(getattr(module, "__file__", None)) for name, module in list(sys.modules.items())
    }
    Path(request["report"]).write_bytes(msgspec.json.encode(report))


def _run(folder: Path, report: Report) -> None:
    # Imported here, where the recorder is in place.
    from assay.flavors.base import PYTHON_FUNCTION, flavor_named, flavor_names
    from assay.models.input_example import load_example
    from assay.models.loading import load_native, load_pyfunc
    from assay.models.mlmodel import Model

    try:
        described = Model.load(folder)
        for name in described.flavors:
            # Other tools may have added flavors that are no use here.
            if name != PYTHON_FUNCTION and name in flavor_names():
                report.packages += flavor_named(name).packages
        if described.python_function is None:
            load_native(folder, trust=True)
            return
        model = load_pyfunc(folder, trust=True)
    except BaseException as error:  # noqa: BLE001 - a model's code may raise anything; it is reported
        report.load_error = _told(error)
        return
    try:
        example = load_example(folder)
        if example is not None:
            output = model.predict(example.data, example.params)
            report.outputs = sorted(_modules_of(output, depth=2))
    except BaseException as error:  # noqa: BLE001 - as above
        report.predict_error = _told(error)


def _modules_of(output: Any, *, depth: int) -> set[str]:
    found = {type(output).__module__}
    if depth and isinstance(output, dict | list | tuple):
        items = list(output.values() if isinstance(output, dict) else output)
        for item in items[:_LOOKED_AT]:
            found |= _modules_of(item, depth=depth - 1)
    return found


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:1000]


def _text(value: object) -> str | None:
    # Lazy modules answer any attribute with objects of their own.
    return value if isinstance(value, str) else None

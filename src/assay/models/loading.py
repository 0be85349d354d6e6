"""Loading: from a model's folder to the framework's object, or to the face that all models share.

The order is fixed: read ``MLmodel``, compare the digests of all files, ask whether code of others
may run, and only then let the flavor read. A model that fails any step is not touched further.
"""

from __future__ import annotations

import atexit
import importlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from assay.errors import InvalidInput, InvalidModel, UnknownFlavor
from assay.flavors.base import (
    FOREIGN_LOADER,
    PYTHON_FUNCTION,
    Flavor,
    Predictor,
    flavor_named,
    flavor_names,
)
from assay.models import digests
from assay.models import trust as trust_room
from assay.models.folder import inside
from assay.models.mlmodel import Model
from assay.models.pyfunc import PyFuncModel

PYTHON_MODEL_LOADERS: Final = frozenset({"mlflow.pyfunc.model", "mlflow.pyfunc.loaders.code_model"})
"""``loader_module`` of models that are a class, a function or a file of the user."""
_code_folders: set[str] = set()
"""Code folders of models that this process has loaded."""


class _Word(NamedTuple):
    """What decides whether code of a model may run."""

    trust: bool | None
    origin: str | None


def load_native(
    path: str | Path,
    flavor: str | None = None,
    *,
    trust: bool | None = None,
    origin: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Any:
    """The framework's own object from a model's folder.

    Args:
        path: the folder.
        flavor: which one, where the model has several.
        trust: ``True`` lets code of the model run; ``None``: if this user made it.
        origin: the address it was fetched from.
        options: keyword arguments of the flavor's ``load``.

    Raises:
        ArtifactNotFound: there is no ``MLmodel``.
        InvalidModel: the folder can't be read as a model.
        UnknownFlavor: the model has no such flavor, or it isn't installed.
        Corrupted: a file isn't what was saved.
        UntrustedModel: loading would run code of others.
        MissingFramework: the framework isn't installed.
    """
    folder = Path(path)
    model = Model.load(folder)
    name = flavor or _only_flavor(folder, model)
    if name not in model.flavors:
        has = sorted(set(model.flavors) - {PYTHON_FUNCTION})
        raise UnknownFlavor(name, known=has)
    chosen = flavor_named(name)
    facts = model.flavors[name]
    _check(folder, lambda: chosen.hazards(folder, facts), facts, _Word(trust, origin))
    return chosen.load(folder, facts, **(options or {}))


def load_pyfunc(
    path: str | Path,
    *,
    trust: bool | None = None,
    origin: str | None = None,
    model_config: Mapping[str, Any] | None = None,
) -> PyFuncModel:
    """The face that all models share, from a model's folder; errors as of ``load_native``.

    ``model_config`` replaces settings that the model was saved with, where it takes any.
    """
    folder = Path(path)
    model = Model.load(folder)
    entry = model.python_function
    if entry is None:
        has = ", ".join(sorted(model.flavors)) or "none"
        raise InvalidInput(
            f"The model {str(path)!r} can't predict: it has no python_function (flavors: {has})."
        )
    config = {**(entry.get("config") or {}), **(model_config or {})}
    loader = str(entry.get("loader_module") or "")
    flavor = _flavor_behind(loader, model)
    if flavor is None:
        return _load_foreign(folder, model, entry, _Word(trust, origin))
    own = model.flavors.get(flavor.name) or {}
    facts = {**entry, **own, "config": config}
    _check(folder, lambda: flavor.hazards(folder, facts), entry, _Word(trust, origin))
    native = flavor.load(folder, facts)
    return PyFuncModel(
        flavor.predictor(native, facts), model, path=folder, native=native, model_config=config
    )


def hazards_of(path: str | Path) -> list[str]:
    """What loading a model would execute, whichever flavor is used; with none, it is plain data."""
    folder = Path(path)
    model = Model.load(folder)
    found: list[str] = []
    for name, facts in model.flavors.items():
        if name != PYTHON_FUNCTION:
            found += flavor_named(name).hazards(folder, facts)
        found += _code_hazards(folder, facts)
    entry = model.python_function
    if entry is not None:
        loader = str(entry.get("loader_module") or "")
        flavor = _flavor_behind(loader, model)
        if flavor is None:
            found.append(f"its loader module {loader!r}")
        else:
            # As load_pyfunc merges them: either entry may name a file.
            own = model.flavors.get(flavor.name) or {}
            found += flavor.hazards(folder, {**entry, **own})
    return list(dict.fromkeys(found))


def _only_flavor(folder: Path, model: Model) -> str:
    names = [name for name in model.flavors if name != PYTHON_FUNCTION]
    if len(names) == 1:
        return names[0]
    if not names and PYTHON_FUNCTION in model.flavors:
        return PYTHON_FUNCTION
    raise InvalidModel(
        str(folder), f"it has {len(names)} flavors ({', '.join(names)}): say which one to load"
    )


def _flavor_behind(loader: str, model: Model) -> Flavor | None:
    """The flavor that a ``loader_module`` stands for; ``None``: a module of the user."""
    if loader in PYTHON_MODEL_LOADERS:
        return flavor_named(PYTHON_FUNCTION)
    for name in model.flavors:
        if name != PYTHON_FUNCTION and name in flavor_names():
            flavor = flavor_named(name)
            if loader in (flavor.loader_module, FOREIGN_LOADER):
                return flavor
    if loader.startswith(("mlflow.", "assay.")):
        raise UnknownFlavor(loader.rpartition(".")[2], known=flavor_names())
    if not loader:
        raise InvalidModel(str(model.model_uuid), "its python_function names no loader_module")
    return None


def _load_foreign(folder: Path, model: Model, entry: Mapping[str, Any], word: _Word) -> PyFuncModel:
    """A model with a loader module of its own, as ``save_model(loader_module=…)`` makes one."""
    name = str(entry["loader_module"])
    _check(folder, lambda: [f"its loader module {name!r}"], entry, word)
    data = inside(folder, entry["data"]) if entry.get("data") else folder
    try:
        loaded: Predictor = importlib.import_module(name)._load_pyfunc(str(data))
    except (ImportError, AttributeError) as error:
        raise InvalidModel(str(folder), f"its loader module {name!r} fails: {error}") from error
    return PyFuncModel(_Adapted(loaded), model, path=folder, native=loaded)


class _Adapted:
    """A predictor of the user's, whose ``predict`` may know no params."""

    def __init__(self, loaded: Any) -> None:
        self._loaded = loaded
        import inspect

        known = inspect.signature(loaded.predict).parameters
        self._takes_params = "params" in known or any(
            one.kind is one.VAR_KEYWORD for one in known.values()
        )

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        if self._takes_params:
            return self._loaded.predict(data, params=params)
        return self._loaded.predict(data)


def _check(
    folder: Path, hazards: Callable[[], list[str]], facts: Mapping[str, Any], word: _Word
) -> None:
    """Let a model be loaded, its code folder included, or raise.

    A file that isn't what was saved is told as that, before it is looked into for hazards.
    """
    listed = digests.check(folder)
    code = _code_hazards(folder, facts)
    trust_room.check(
        folder, [*hazards(), *code], trust=word.trust, digests=listed, origin=word.origin
    )
    if code:
        _use_code(inside(folder, facts["code"]))


def _code_hazards(folder: Path, facts: Mapping[str, Any]) -> list[str]:
    code = facts.get("code")
    if not code:
        return []
    names = sorted(path.name for path in inside(folder, code).iterdir())
    return [f"{code}/ holds code ({', '.join(names[:5])})"] if names else []


def _use_code(folder: Path) -> None:
    """Let modules of a model's code folder be imported, before those of models loaded earlier."""
    place = str(_without_compiled(folder.resolve()))
    if place in sys.path:
        sys.path.remove(place)
    sys.path.insert(0, place)
    _code_folders.add(place)
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and any(_is_below(file, other) for other in _code_folders - {place}):
            # A module of the same name of another model: the next import finds this model's.
            del sys.modules[name]
    importlib.invalidate_caches()


def _without_compiled(folder: Path) -> Path:
    """The folder, or a copy of its sources where compiled files lie beside them.

    Python may run those without a look at their sources, and digests don't cover them, since
    importing a model's code makes them.
    """
    if next(folder.rglob("__pycache__"), None) is None:
        return folder
    work = tempfile.mkdtemp(prefix="assay-code-")
    atexit.register(shutil.rmtree, work, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree(folder, Path(work) / folder.name, ignore=ignored)).resolve()


def _is_below(file: str, folder: str) -> bool:
    return Path(file).is_relative_to(folder)

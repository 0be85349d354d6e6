"""Keras 3 models as files: writing, what loading would execute, and reading.

A ``.keras`` archive is JSON and numbers. Keras makes the objects that its JSON names, so an archive
is plain data only as long as these are Keras' own layers and the like; ``safe_mode`` of older
releases was bypassed more than once by naming other functions, so names are checked here too. The
flavors ``keras`` and ``tensorflow`` share this.
"""

from __future__ import annotations

import json
import logging
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from assay.errors import InvalidInput, InvalidModel
from assay.flavors.base import Flavor, framework

MODEL: Final = "model"
CUSTOM_OBJECTS: Final = "custom_objects.cloudpickle"
_PICKLES: Final = (CUSTOM_OBJECTS, "global_custom_objects.cloudpickle")
"""As ``mlflow.tensorflow`` names them."""
_MAX_CONFIG_BYTES: Final = 64 << 20
_CLASS_MODULES: Final = re.compile(
    r"keras(\.(layers|initializers|regularizers|constraints|optimizers(\.schedules|\.legacy)?|losses"
    r"|metrics|activations|models|dtype_policies|quantizers|random|src\.(ops|models|layers)(\.\w+)*))?"
)
_FUNCTION_MODULES: Final = re.compile(r"builtins|keras\.(activations|losses|metrics|src\.ops\.\w+)")
_RISKY: Final = frozenset(
    {"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "__lambda__"}
)
"""Layers that hold code, or read other files."""
_VALUES: Final = frozenset(
    {"__tensor__", "__numpy__", "__keras_tensor__", "__bytes__", "__ellipsis__", "__slice__"}
)
_COMPILED: Final = ("optimizer", "loss")
"""What a compiled model has beside layers."""
_CLASS_NAME: Final = re.compile(r"[A-Z]\w*", re.ASCII)
_FUNCTION_NAME: Final = re.compile(r"[A-Za-z]\w*", re.ASCII)
_MEMBERS: Final = re.compile(
    r"(metadata|config)\.json|model\.weights\.(h5|npz)|assets(/(?!\.+(/|$))[\w.-]+)*/?"
)
_log = logging.getLogger(__name__)


def saved_file(data: Path) -> Path:
    """The model's file or SavedModel in its folder.

    Raises:
        InvalidModel: there is none.
    """
    for name in (f"{MODEL}.keras", f"{MODEL}.h5", MODEL):
        if (data / name).exists():
            place = data / name
            if not place.resolve().is_relative_to(data.resolve()):
                break
            return place
    raise InvalidModel(str(data), f"the file '{MODEL}.keras' is missing")


def keras_hazards(data: Path) -> list[str]:
    """What loading the model in this folder would execute."""
    found = [f"{name} is a pickle" for name in _PICKLES if (data / name).exists()]
    path = saved_file(data)
    if path.is_dir():
        return found + program_hazards(path)
    if path.suffix == ".keras":
        return found + archive_hazards(path)
    return [*found, f"{path.name} is an HDF5 model, whose layers may hold Python code"]


def archive_hazards(path: Path) -> list[str]:
    """What the objects named by a ``.keras`` archive would execute."""
    try:
        with zipfile.ZipFile(path) as archive:
            strange = [one for one in archive.namelist() if not _MEMBERS.fullmatch(one)]
        config = _config(path)
    except (
        zipfile.BadZipFile,
        KeyError,
        OSError,
        ValueError,
        RuntimeError,
        RecursionError,
    ) as error:
        return [f"{path.name} can't be looked into ({error})"]
    found = [f"it holds the file {name!r}" for name in strange]
    found += [why for entry in _named(config) if (why := _why(entry)) is not None]
    return [f"{path.name}: {one}" for one in list(dict.fromkeys(found))[:5]]


def program_hazards(path: Path) -> list[str]:
    """What a TensorFlow SavedModel is; always something.

    Its graph is a program: ops may read and write files, and some run while it is loaded
    (TensorFlow's SECURITY.md: models are programs). No list of harmless ops would be kept up with,
    so none is taken for plain data; ops known to touch files or Python are named.
    """
    try:
        content = (path / "saved_model.pb").read_bytes()
    except OSError:
        content = b""
    known = ("ReadFile", "WriteFile", "MatchingFiles", "EagerPyFunc", "PyFuncStateless", "PyFunc")
    ops = [name for name in known if name.encode() in content]
    more = f": it holds the ops {', '.join(ops)}" if ops else ""
    return [f"{path.name}/ is a TensorFlow program, which can read and write files{more}"]


def write_archive(
    flavor: Flavor, model: Any, data: Path, *, custom_objects: Any, kwargs: Mapping[str, Any]
) -> bool:
    """Write ``model.keras``, and what of the user's own it is made of; whether there is any.

    Raises:
        InvalidInput: Keras can't keep it.
    """
    path = data / f"{MODEL}.keras"
    try:
        model.save(path, **kwargs)
    except Exception as error:
        raise InvalidInput(f"Keras can't keep {type(model).__name__}: {error}") from error
    if custom_objects is None:
        custom_objects = _custom_objects(flavor, model, _config(path))
    return write_custom_objects(data, custom_objects)


def write_custom_objects(data: Path, custom_objects: Mapping[str, Any] | None) -> bool:
    """Keep classes and functions of the user by name; whether there are any."""
    if not custom_objects:
        return False
    import cloudpickle

    try:
        (data / CUSTOM_OBJECTS).write_bytes(cloudpickle.dumps(dict(custom_objects)))
    except Exception as error:
        raise InvalidInput(f"The custom objects can't be pickled: {error}") from error
    return True


def read_model(
    flavor: Flavor,
    data: Path,
    facts: Mapping[str, Any],
    *,
    custom_objects: Mapping[str, Any] | None = None,
    **kwargs: Any,
) -> Any:
    """The Keras model in this folder; ``kwargs`` are those of ``keras.saving.load_model``."""
    keras = framework("keras", flavor=flavor, facts=facts)
    path = saved_file(data)
    if path.is_dir():
        tensorflow = framework("tensorflow", flavor=flavor, facts=facts)
        return tensorflow.saved_model.load(str(path))
    known: dict[str, Any] = {}
    for name in reversed(_PICKLES):
        if (data / name).exists():
            known |= framework("pickle", flavor=flavor).loads((data / name).read_bytes())
    known |= custom_objects or {}
    # What isn't plain data was declared, so whoever came here trusts it.
    safe = path.suffix == ".keras" and not archive_hazards(path)
    settings = {"custom_objects": known, "safe_mode": safe, **kwargs}
    try:
        return keras.saving.load_model(path, **settings)
    except ValueError as error:
        if path.suffix != ".h5" or "compile" in kwargs:
            raise
        # Keras 3 doesn't find again the losses that it names in HDF5 itself.
        _log.warning("%s is loaded without what it was compiled with: %s", path.name, error)
        return keras.saving.load_model(path, **settings, compile=False)


def is_keras_model(model: Any) -> bool:
    """A model of Keras 3, told without importing it."""
    return any(
        kind.__name__ == "Model" and kind.__module__.startswith("keras.src.models")
        for kind in type(model).__mro__
    )


def _config(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("config.json")
        if info.file_size > _MAX_CONFIG_BYTES:
            raise ValueError("its config is too large")
        return json.loads(archive.read(info))


def _named(value: Any) -> Iterator[dict[str, Any]]:
    """Every entry that names an object to be made."""
    if isinstance(value, dict):
        if "class_name" in value:
            yield value
        for inner in value.values():
            yield from _named(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _named(inner)


def _why(entry: Mapping[str, Any]) -> str | None:
    """Why the object that an entry names isn't plain data; ``None`` if it is.

    Names without a module are looked up among those that the program itself registered.
    """
    name, module = str(entry["class_name"]), entry.get("module")
    if name in _RISKY:
        return f"its {name} layer holds code" if module else "it holds code of a lambda"
    if name == "function":
        config = entry.get("config")
        fits = isinstance(config, str) and _FUNCTION_NAME.fullmatch(config)
        if module is None or (_FUNCTION_MODULES.fullmatch(str(module)) and fits):
            return None
        return f"it names the function {module}.{config}"[:120]
    if module is None:
        dunder = name.startswith("__") and name not in _VALUES
        return f"it holds a {name}" if dunder else None
    plain = _CLASS_MODULES.fullmatch(str(module)) and _CLASS_NAME.fullmatch(name)
    return None if plain else f"it names {module}.{name}"[:120]


def _custom_objects(flavor: Flavor, model: Any, config: Any) -> dict[str, Any]:
    """Classes and functions of the user that the config names: registered ones, and those of the
    model's parts.
    """
    keras = framework("keras", flavor=flavor)
    registered = keras.saving.get_custom_objects()
    parts = [model, *model._flatten_layers(), *(getattr(model, a, None) for a in _COMPILED)]
    classes = {type(part).__name__: type(part) for part in parts if part is not None}
    found: dict[str, Any] = {}
    for entry in _named(config):
        name = str(entry.get("registered_name") or entry["class_name"])
        if entry["class_name"] == "function":
            name = str(entry.get("config"))
            if name in registered:
                found[name] = registered[name]
        elif not str(entry.get("module") or "").startswith("keras") and not name.startswith("__"):
            own = registered.get(name) or classes.get(name)
            if own is None:
                _log.warning("Keras will not find %r when it loads: give custom_objects.", name)
            else:
                found[name] = own
    return found

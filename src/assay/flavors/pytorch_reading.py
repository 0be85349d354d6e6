"""Reading PyTorch modules: which format a folder holds, and one function for each."""

from __future__ import annotations

import contextlib
import importlib
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from assay.errors import InvalidModel
from assay.flavors.base import Flavor, framework
from assay.flavors.pytorch_archive import small_records
from assay.flavors.pytorch_writing import (
    EXPORTED,
    MLFLOW_PICKLE_MODULE,
    PICKLE_MODULE_FILE,
    PICKLED,
    WEIGHTS,
    class_named,
)
from assay.models.folder import inside


def kind_of(folder: Path, facts: Mapping[str, Any]) -> tuple[str, Path]:
    """The format, told by the files as MLflow does, and the file to read."""
    data = inside(folder, facts.get("model_data"))
    if data.is_file():
        return _pickled_kind(data), data
    place = str(facts["model_data"]).rstrip("/")
    if facts.get("model_class") is not None:
        return "state_dict", inside(folder, f"{place}/{WEIGHTS}")
    if (data / PICKLED).exists():
        path = inside(folder, f"{place}/{PICKLED}")
        return _pickled_kind(path), path
    return "pt2", inside(folder, f"{place}/{EXPORTED}")


def _pickled_kind(path: Path) -> str:
    with contextlib.suppress(zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
        if any(name.partition("/")[2] == "constants.pkl" for name in archive.namelist()):
            return "torchscript"
    return "pickle"


def _read_exported(flavor: Flavor, path: Path, facts: Mapping[str, Any], _: Any) -> Any:
    torch = framework("torch", flavor=flavor, facts=facts)
    _compare_readers(torch, path)
    with _silent():
        module = torch.export.load(path).module()
    for part in module.modules():
        # The graph was traced for prediction; this only says so.
        part.training = False
    return module


def _compare_readers(torch: Any, path: Path) -> None:
    """See that torch finds in the archive what the check of hazards has looked at."""
    seen = small_records(path)
    reader = torch._C.PyTorchFileReader(str(path))
    names = [name for name in reader.get_all_records() if not name.endswith("/")]
    with zipfile.ZipFile(path) as archive:
        count = len(archive.namelist())
    if len(names) != count or any(reader.get_record(name) != seen[name] for name in seen):
        raise InvalidModel(str(path), "torch finds other records in it than Python")


def _read_state(flavor: Flavor, path: Path, facts: Mapping[str, Any], _: Any) -> Any:
    torch = framework("torch", flavor=flavor, facts=facts)
    kind = class_named(torch, str(facts["model_class"]))
    kwargs = facts.get("model_kwargs") or {}
    if not isinstance(kwargs, dict):
        raise InvalidModel(str(path), "its model_kwargs are no dict")
    safetensors = framework("safetensors.torch", flavor=flavor)
    model = kind(**kwargs)
    safetensors.load_model(model, path)
    return model


def _read_script(flavor: Flavor, path: Path, facts: Mapping[str, Any], options: Any) -> Any:
    torch = framework("torch", flavor=flavor, facts=facts)
    with _silent():
        return torch.jit.load(path, map_location=options.get("map_location"))


def _read_pickle(flavor: Flavor, path: Path, facts: Mapping[str, Any], options: Any) -> Any:
    torch = framework("torch", flavor=flavor, facts=facts)
    note = path.parent / PICKLE_MODULE_FILE
    name = note.read_text(encoding="utf-8").strip() if note.is_file() else "pickle"
    if name in (MLFLOW_PICKLE_MODULE, "cloudpickle"):
        # What cloudpickle writes, pickle reads; its own modules are imported by then.
        name = "pickle"
    module = importlib.import_module(name)
    # Everything that isn't a checked graph was declared as a hazard.
    return torch.load(path, **{"weights_only": False, "pickle_module": module, **options})


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Without the warnings that torch gives of its own inner workings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


READERS: Final = {
    "pt2": _read_exported,
    "state_dict": _read_state,
    "torchscript": _read_script,
    "pickle": _read_pickle,
}
"""By what ``kind_of`` tells; they get the flavor, the file, its facts and options of the user."""

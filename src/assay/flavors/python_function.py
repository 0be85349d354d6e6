"""``python_function`` itself: models that are a class, a function or a Python file of the user.

Files and entries as ``mlflow.pyfunc`` of MLflow 3 has them: ``python_model.pkl`` by cloudpickle, or
the file whose code makes the model; ``artifacts/`` beside it. All of them run code when loaded.
"""

from __future__ import annotations

import importlib
import shutil
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

import msgspec

from assay.errors import AlreadyExists, ArtifactNotFound, InvalidInput, InvalidModel
from assay.flavors.base import PYTHON_FUNCTION, Flavor, Predictor, Saved, framework
from assay.flavors.options import refuse
from assay.models.folder import inside
from assay.models.python_model import (
    FunctionModel,
    PythonModelContext,
    PythonPredictor,
    as_python_model,
    run_model_file,
    streams,
)
from assay.models.signatures.type_hints import signature_from_type_hints

FILE: Final = "python_model.pkl"
ARTIFACTS: Final = "artifacts"
CODE_LOADER: Final = "mlflow.pyfunc.loaders.code_model"
_OPENERS: Final = {"gzip": "gzip", "bzip2": "bz2", "lzma": "lzma"}
"""MLflow's names of compressions, and the modules that undo them."""
_contexts: weakref.WeakKeyDictionary[Any, PythonModelContext] = weakref.WeakKeyDictionary()
"""What loaded models were given, for as long as they live."""


class LoaderModule(msgspec.Struct, frozen=True):
    """A model that is a module with ``_load_pyfunc(path)``, and the data that it reads."""

    name: str
    data_path: str | Path | None = None


class PythonFunctionFlavor(Flavor):
    """``python_function``."""

    name: ClassVar[str] = PYTHON_FUNCTION
    title: ClassVar[str] = "Python"
    packages: ClassVar[tuple[str, ...]] = ("cloudpickle",)
    loader_module: ClassVar[str] = "mlflow.pyfunc.model"
    argument: ClassVar[str] = "python_model"

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        artifacts: Mapping[str, str | Path] | None = None,
        model_config: Mapping[str, Any] | str | Path | None = None,
        streamable: bool | None = None,
        **options: Any,
    ) -> Saved:
        """Write the model's pickle, or copy its file, and copy its artifacts."""
        refuse(self, options)
        entry: dict[str, Any] = {}
        config = _read_config(model_config)
        if isinstance(model, LoaderModule):
            return Saved({}, _copy_data(model, folder))
        if isinstance(model, str | Path):
            source = Path(model)
            if not source.is_file():
                raise ArtifactNotFound(str(model))
            shutil.copyfile(source, folder / source.name)
            entry |= {"model_code_path": source.name, "loader_module": CODE_LOADER}
            python_model = run_model_file(source, config)
        else:
            python_model = as_python_model(model)
            cloudpickle = framework("cloudpickle", flavor=self)
            try:
                (folder / FILE).write_bytes(cloudpickle.dumps(python_model))
            except Exception as error:
                raise InvalidInput(
                    f"{type(model).__name__} can't be pickled: {error}. Put it into a file that"
                    " calls assay.models.set_model and give the file's path."
                ) from error
            entry |= {"python_model": FILE, "cloudpickle_version": cloudpickle.__version__}
        if artifacts:
            entry["artifacts"] = _copy_artifacts(artifacts, folder)
        if config:
            entry["config"] = config
        entry["streamable"] = streams(python_model) if streamable is None else streamable
        function = (
            python_model.function
            if isinstance(python_model, FunctionModel)
            else python_model.predict
        )
        return Saved({}, entry, signature_from_type_hints(function))

    def load(
        self,
        folder: Path,
        facts: Mapping[str, Any],
        *,
        model_config: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Any:
        """The ``PythonModel``, with its context loaded."""
        refuse(self, options)
        config = {**(facts.get("config") or {}), **(model_config or {})}
        if facts.get("model_code_path"):
            # MLflow keeps the path of the machine that saved it; the file lies in the folder.
            name = Path(str(facts["model_code_path"])).name
            model = run_model_file(inside(folder, name), config)
        else:
            model = self._unpickle(folder, facts)
        context = PythonModelContext(_artifacts(folder, facts), config)
        if hasattr(model, "load_context"):
            model.load_context(context)
        _contexts[model] = context
        return model

    def _unpickle(self, folder: Path, facts: Mapping[str, Any]) -> Any:
        cloudpickle = framework("cloudpickle", flavor=self)
        file = inside(folder, facts.get("python_model"))
        content = file.read_bytes()
        compression = facts.get("python_model_compression")
        if compression:
            if compression not in _OPENERS:
                raise InvalidModel(str(folder), f"its compression {compression!r} is unknown")
            content = framework(_OPENERS[compression], flavor=self).decompress(content)
        try:
            return cloudpickle.loads(content)
        except (ImportError, MemoryError):
            raise
        except Exception as error:
            raise InvalidModel(str(folder), f"{file.name} can't be unpickled: {error}") from error

    def hazards(self, folder: Path, facts: Mapping[str, Any]) -> list[str]:
        """The pickle or the file: both are code."""
        if facts.get("model_code_path"):
            return [f"{Path(str(facts['model_code_path'])).name} is run as code"]
        return [f"{facts.get('python_model')} is a pickle (cloudpickle)"]

    def predictor(self, model: Any, facts: Mapping[str, Any]) -> Predictor:
        """``predict``, and ``predict_stream`` where the model defines it."""
        if isinstance(model, LoaderModule):
            loaded: Predictor = importlib.import_module(model.name)._load_pyfunc(
                str(model.data_path)
            )
            return loaded
        if isinstance(model, str | Path):
            model = run_model_file(Path(model), facts.get("config"))
        model = as_python_model(model)
        context = _contexts.get(model)
        if context is None:
            context = PythonModelContext(
                {name: str(entry["uri"]) for name, entry in (facts.get("artifacts") or {}).items()},
                facts.get("config"),
            )
            if hasattr(model, "load_context"):
                model.load_context(context)
        return PythonPredictor(model, context)

    def accepts(self, model: Any) -> bool:
        """Whether it derives from ``PythonModel``, MLflow's or Assay's."""
        return any(
            base.__name__ == "PythonModel" and base.__module__.split(".")[0] in ("assay", "mlflow")
            for base in type(model).__mro__
        )


def _read_config(config: Mapping[str, Any] | str | Path | None) -> dict[str, Any]:
    if config is None:
        return {}
    if isinstance(config, Mapping):
        found: Any = dict(config)
    else:
        import yaml

        try:
            found = yaml.safe_load(Path(config).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ArtifactNotFound(str(config)) from None
        except yaml.YAMLError as error:
            raise InvalidInput(f"model_config {str(config)!r} is no YAML: {error}") from None
    try:
        plain = msgspec.to_builtins(found)
    except TypeError as error:
        raise InvalidInput(f"model_config must hold plain values: {error}") from None
    if not isinstance(plain, dict):
        raise InvalidInput("model_config must be a dict of settings by name.")
    return plain


def _copy_data(model: LoaderModule, folder: Path) -> dict[str, Any]:
    entry: dict[str, Any] = {"loader_module": model.name}
    if model.data_path is not None:
        source = Path(model.data_path)
        if not source.exists():
            raise ArtifactNotFound(str(model.data_path))
        target = folder / "data" / source.name
        target.parent.mkdir()
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copyfile(source, target)
        entry["data"] = f"data/{source.name}"
    return entry


def _copy_artifacts(artifacts: Mapping[str, str | Path], folder: Path) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    taken: dict[str, str] = {}
    for name, given in artifacts.items():
        source = Path(given)
        if not source.exists():
            raise ArtifactNotFound(str(given))
        other = taken.setdefault(source.name, str(source.resolve()))
        if other != str(source.resolve()):
            raise AlreadyExists("artifact of the model", source.name, hint="Rename one of the two.")
        target = folder / ARTIFACTS / source.name
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            shutil.copyfile(source, target)
        kept[name] = {"path": f"{ARTIFACTS}/{source.name}", "uri": str(given)}
    return kept


def _artifacts(folder: Path, facts: Mapping[str, Any]) -> dict[str, str]:
    entries = facts.get("artifacts") or {}
    if not isinstance(entries, Mapping):
        raise InvalidModel(str(folder), "its artifacts are no entries by name")
    return {
        str(name): str(inside(folder, entry.get("path") if isinstance(entry, Mapping) else None))
        for name, entry in entries.items()
    }

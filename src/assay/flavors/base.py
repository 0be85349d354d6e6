"""The contract of a flavor, and the table of those that exist.

A flavor turns a model of one framework into files of a folder and back; all that models have in
common (signature, environment, digests, trust, upload) is done around it, in ``assay.models``.

Promises of every flavor:

- ``save`` writes below the folder that it is given and nowhere else, and never changes the model.
- ``load`` reads what ``save`` wrote, and what MLflow's flavor of the same name writes.
- Each path that ``MLmodel`` names goes through ``assay.models.folder.inside`` before it is opened.
- ``hazards`` names all of what ``load`` would execute; with none, loading runs no code of others.
- The framework is imported inside methods only.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import msgspec

from assay.errors import InvalidInput, MissingFramework, UnknownFlavor
from assay.models.signatures.schema import Signature

ENTRY_POINTS = "assay.flavor"
"""Group in which packages register flavors: name of the flavor = module:class."""
PYTHON_FUNCTION = "python_function"
"""The flavor that all models share: ``predict(data, params=None)``."""
FOREIGN_LOADER = "assay.mlflow_loader"
"""``loader_module`` of what MLflow's own flavors can't read: MLflow then loads it through Assay."""


class Saved(msgspec.Struct, frozen=True):
    """What a flavor wrote, in the words of ``MLmodel``."""

    facts: dict[str, Any]
    """Entry of the flavor: versions, and paths relative to the folder."""
    python_function: dict[str, Any] | None = None
    """What the entry ``python_function`` says beside ``loader_module``, ``env`` and
    ``python_version``, or instead of them; ``None``: the model can't predict."""
    signature: Signature | None = None
    """What the model itself says of its inputs, such as by type hints."""


class Predictor(Protocol):
    """A loaded model behind the face that all models share."""

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """Predictions for ``data``, which has the form that the signature says."""


@runtime_checkable
class SupportsStream(Protocol):
    """Predictors that give their answer piece by piece."""

    def predict_stream(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """An iterator of the pieces."""


@runtime_checkable
class SupportsArrays(Protocol):
    """Predictors that can do without a frame's column names: serving spares making the frame."""

    def from_arrays(self, columns: list[str]) -> Predictor | None:
        """A predictor of two-dimensional arrays with these columns, in this order, that answers
        exactly what this one does to frames of them; ``None``: it might not.
        """


class Flavor(ABC):
    """Models of one framework. Instances hold nothing and may be shared by threads."""

    name: ClassVar[str]
    """Key in ``MLmodel``, such as ``sklearn``."""
    title: ClassVar[str]
    """What people call the framework, such as ``scikit-learn``."""
    packages: ClassVar[tuple[str, ...]]
    """Distributions that a loaded model needs, the framework's own first."""
    loader_module: ClassVar[str]
    """What MLflow writes for the pyfunc face, such as ``mlflow.sklearn``."""
    argument: ClassVar[str] = "model"
    """MLflow's name of the model among the arguments of ``save_model``, such as ``sk_model``."""
    wants_example: ClassVar[bool] = False
    """``save`` takes the input example as the option ``example_inputs``, such as to trace with."""
    is_base: ClassVar[bool] = False
    """Other frameworks derive their models from this one's: it is asked last whose a model is."""

    @abstractmethod
    def save(self, model: Any, folder: Path, **options: Any) -> Saved:
        """Write the model's files into the empty ``folder``; options are keyword arguments with
        the names of MLflow's where it has them.

        Raises:
            InvalidInput: this is no model of the framework, or an option doesn't fit.
        """

    @abstractmethod
    def load(self, folder: Path, facts: Mapping[str, Any], **options: Any) -> Any:
        """The framework's own object, from the entry that ``save`` or MLflow wrote.

        Raises:
            InvalidModel: a file is missing or damaged.
            MissingFramework: the framework isn't installed.
        """

    @abstractmethod
    def predictor(self, model: Any, facts: Mapping[str, Any]) -> Predictor:
        """The face of a model that was just loaded or is about to be saved.

        Args:
            model: as ``load`` gives it.
            facts: the entries ``python_function`` and of this flavor, the latter over the former.
        """

    @abstractmethod
    def hazards(self, folder: Path, facts: Mapping[str, Any]) -> list[str]:
        """What ``load`` would execute: a phrase for each, such as ``model.pkl is a pickle``."""

    def accepts(self, model: Any) -> bool:
        """Whether the model is of this framework; asked without importing it."""
        root = self.packages[0].split("[")[0].replace("-", "_")
        return any(
            base.__module__.split(".")[0] in (self.name, root) for base in type(model).__mro__
        )


_BUILT_IN = {
    "catboost": "assay.flavors.catboost:CatboostFlavor",
    "fastai": "assay.flavors.fastai:FastaiFlavor",
    "h2o": "assay.flavors.h2o:H2oFlavor",
    "jax": "assay.flavors.jax:JaxFlavor",
    "keras": "assay.flavors.keras:KerasFlavor",
    "lightgbm": "assay.flavors.lightgbm:LightgbmFlavor",
    "onnx": "assay.flavors.onnx:OnnxFlavor",
    "paddle": "assay.flavors.paddle:PaddleFlavor",
    "pmdarima": "assay.flavors.pmdarima:PmdarimaFlavor",
    "prophet": "assay.flavors.prophet:ProphetFlavor",
    "python_function": "assay.flavors.python_function:PythonFunctionFlavor",
    "pytorch": "assay.flavors.pytorch:PytorchFlavor",
    "sentence_transformers": "assay.flavors.sentence_transformers:SentenceTransformersFlavor",
    "sklearn": "assay.flavors.sklearn:SklearnFlavor",
    "spacy": "assay.flavors.spacy:SpacyFlavor",
    "spark": "assay.flavors.spark:SparkFlavor",
    "statsmodels": "assay.flavors.statsmodels:StatsmodelsFlavor",
    "tensorflow": "assay.flavors.tensorflow:TensorflowFlavor",
    "transformers": "assay.flavors.transformers:TransformersFlavor",
    "xgboost": "assay.flavors.xgboost:XgboostFlavor",
}


def flavor_names() -> list[str]:
    """The names of all flavors that are installed."""
    # 15 ms, here and below, that no flavor of our own needs.
    from importlib.metadata import entry_points

    return sorted({*_BUILT_IN, *(point.name for point in entry_points(group=ENTRY_POINTS))})


@cache
def flavor_named(name: str) -> Flavor:
    """The flavor of this name.

    Raises:
        UnknownFlavor: there is none.
    """
    place = _BUILT_IN.get(name)
    if place is None:
        from importlib.metadata import entry_points

        for point in entry_points(group=ENTRY_POINTS, name=name):
            place = point.value
    if place is None:
        raise UnknownFlavor(name, known=flavor_names())
    module, _, attribute = place.partition(":")
    kind = getattr(importlib.import_module(module), attribute)
    if not (isinstance(kind, type) and issubclass(kind, Flavor)):
        raise InvalidInput(f"The entry point {place!r} of flavor {name!r} is no assay Flavor.")
    return kind()


def framework(module: str, *, flavor: Flavor, facts: Mapping[str, Any] | None = None) -> Any:
    """Import a framework's module.

    Raises:
        MissingFramework: it isn't installed; the message pins the version that saved the model
            where ``facts`` tell it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        root = module.split(".", maxsplit=1)[0]
        if error.name is not None and error.name.split(".")[0] != root:
            # The framework is there; one of its own dependencies isn't.
            root = error.name.split(".")[0]
            raise MissingFramework(
                root, purpose=f"A {flavor.title} model (its module {module!r})"
            ) from error
        package = flavor.packages[0] if root == flavor.packages[0].replace("-", "_") else None
        own = package or (flavor.packages[0] if root == flavor.name else root)
        version = (facts or {}).get(f"{flavor.name}_version")
        # Without the label of a local build, which indexes don't have.
        pinned = f"{own}=={version.split('+')[0]}" if isinstance(version, str) else own
        raise MissingFramework(own, purpose=f"A {flavor.title} model", requirement=pinned) from None

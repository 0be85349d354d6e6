"""Datasets of NumPy arrays. NumPy is imported when an array comes: by then the program has it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from assay.data.dataset import Dataset
from assay.data.digests import Digest
from assay.data.sources import DatasetSource, resolve_source

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Arrays = NDArray[Any] | Mapping[str, NDArray[Any]]


class NumpyDataset(Dataset):
    """One array, or several by name, with the targets beside them if given."""

    def __init__(
        self,
        features: Arrays,
        *,
        source: DatasetSource,
        targets: Arrays | None = None,
        name: str | None = None,
        digest: str | None = None,
    ) -> None:
        super().__init__(name=name, digest=digest, source=source)
        self.features = features
        self.targets = targets

    @property
    def schema(self) -> dict[str, Any]:
        """MLflow's ``mlflow_tensorspec``: dtype and shape, with -1 for the number of examples."""
        targets = None if self.targets is None else _specs(self.targets)
        return {"mlflow_tensorspec": {"features": _specs(self.features), "targets": targets}}

    @property
    def profile(self) -> dict[str, Any]:
        """Shapes, sizes and bytes of features and targets."""
        facts = _sizes("features", self.features)
        if self.targets is not None:
            facts.update(_sizes("targets", self.targets))
        return facts

    def _compute_digest(self) -> str:
        digest = Digest()
        for part in (self.features, self.targets):
            if part is None:
                digest.text("none")
            elif isinstance(part, Mapping):
                for key in sorted(part):
                    digest.text(key)
                    digest.array(part[key])
            else:
                digest.array(part)
        return digest.result()


def _specs(part: Arrays) -> str:
    if isinstance(part, Mapping):
        specs = [{"name": key, **_spec(array)} for key, array in part.items()]
    else:
        specs = [_spec(part)]
    return msgspec.json.encode(specs).decode()


def _spec(array: NDArray[Any]) -> dict[str, Any]:
    shape = [-1, *array.shape[1:]] if array.ndim else [-1]
    return {"type": "tensor", "tensor-spec": {"dtype": array.dtype.name, "shape": shape}}


def _sizes(what: str, part: Arrays) -> dict[str, Any]:
    if isinstance(part, Mapping):
        return {
            f"{what}_shape": {key: list(array.shape) for key, array in part.items()},
            f"{what}_size": {key: int(array.size) for key, array in part.items()},
            f"{what}_nbytes": {key: int(array.nbytes) for key, array in part.items()},
        }
    return {
        f"{what}_shape": list(part.shape),
        f"{what}_size": int(part.size),
        f"{what}_nbytes": int(part.nbytes),
    }


def from_numpy(
    features: Arrays,
    source: str | os.PathLike[str] | DatasetSource | None = None,
    targets: Arrays | None = None,
    name: str | None = None,
    digest: str | None = None,
) -> NumpyDataset:
    """A data set of arrays, or of a mapping of names to arrays.

    Args:
        features: the examples along the first axis.
        source: path or URL they came from; left out, the running program.
        targets: labels of the same examples.
        name: left out, ``dataset``.
        digest: left out, computed from the content.
    """
    return NumpyDataset(
        _as_arrays(features),
        source=resolve_source(source),
        targets=None if targets is None else _as_arrays(targets),
        name=name,
        digest=digest,
    )


def _as_arrays(part: Arrays) -> Arrays:
    import numpy as np

    if isinstance(part, Mapping):
        return {str(key): np.asarray(array) for key, array in part.items()}
    return np.asarray(part)

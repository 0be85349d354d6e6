"""Checkpoints of PyTorch: state dicts kept as artifacts, in the layout of MLflow.

A state dict is tensors by name, or a dict that holds several of them beside plain values. It is no
model: it has no signature and can't predict. Reading one runs no code unless the caller asks.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Final

from assay.errors import ArtifactNotFound, InvalidInput, InvalidModel, UntrustedModel
from assay.flavors.base import flavor_named, framework
from assay.fluent.artifacts import download_artifacts, log_artifacts

FILE: Final = "state_dict.pth"
"""As ``mlflow.pytorch`` of MLflow 3 names it."""


def save_state_dict(state_dict: dict[str, Any], path: str | Path, **kwargs: Any) -> None:
    """Write a state dict into a folder, which is made if it isn't there.

    Args:
        state_dict: ``module.state_dict()``, or a dict of those and of plain values.
        path: the folder.
        kwargs: arguments of ``torch.save``.

    Raises:
        InvalidInput: this is no dict; a module was given, perhaps.
    """
    if not isinstance(state_dict, dict):
        raise InvalidInput(
            f"A state dict is a dict, not {type(state_dict).__name__}: give module.state_dict()."
        )
    torch = framework("torch", flavor=flavor_named("pytorch"))
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(state_dict, folder / FILE, **kwargs)


def log_state_dict(state_dict: dict[str, Any], artifact_path: str, **kwargs: Any) -> None:
    """Keep a state dict with the active run, in the folder ``artifact_path``; as
    ``save_state_dict`` otherwise.
    """
    with tempfile.TemporaryDirectory(prefix="assay-state-") as work:
        save_state_dict(state_dict, work, **kwargs)
        log_artifacts(work, artifact_path)


def load_state_dict(
    state_dict_uri: str | Path, *, trust: bool = False, **kwargs: Any
) -> dict[str, Any]:
    """The state dict that was saved or logged.

    Args:
        state_dict_uri: its folder: a path, ``runs:/<run id>/<artifact path>``, or an address.
        trust: let the file's pickle run code, which plain state dicts have no need of.
        kwargs: arguments of ``torch.load``, such as ``map_location``.

    Raises:
        ArtifactNotFound: there is none.
        UntrustedModel: it holds more than tensors and plain values.
        InvalidModel: the file is damaged.
    """
    torch = framework("torch", flavor=flavor_named("pytorch"))
    text = str(state_dict_uri)
    elsewhere = ":/" in text and not isinstance(state_dict_uri, Path)
    folder = Path(download_artifacts(artifact_uri=text)) if elsewhere else Path(text)
    path = folder / FILE
    if not path.is_file():
        raise ArtifactNotFound(str(path))
    try:
        loaded: dict[str, Any] = torch.load(path, **{"weights_only": not trust, **kwargs})
    except Exception as error:
        if type(error).__name__ == "UnpicklingError" and "weights_only" in str(error):
            raise UntrustedModel(
                text, hazards=[f"{FILE} is a pickle of more than tensors"]
            ) from None
        raise InvalidModel(text, f"{FILE} can't be read: {error}") from error
    return loaded

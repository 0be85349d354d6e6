"""Models in workers of an engine: told by a small reference, loaded once in each process.

The process that starts the work finds the model, decides on trust, and makes the reference. A
worker uses the same folder where it sees it, else what the engine brought along, else it fetches
the model by its URI; what it finds must have the digests of what was trusted.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from assay.client.tracking_uri import get_tracking_uri, set_tracking_uri
from assay.errors import ArtifactNotFound, Corrupted, InvalidInput
from assay.fluent.model_places import find_model
from assay.fluent.model_signatures import find_signed_model
from assay.models import digests, loading, trust
from assay.models.mlmodel import FILE as MLMODEL
from assay.models.mlmodel import Model
from assay.models.pyfunc import PyFuncModel

MAX_LOADED: Final = 4
"""Models that a worker holds at once; one is the rule, a comparison of some happens."""
_loaded: OrderedDict[Reference, PyFuncModel] = OrderedDict()
_lock = threading.Lock()


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker needs to know of a model. It is hashable and goes through ``pickle``."""

    uri: str
    folder: str
    """Where the process that made the reference has it."""
    tracking_uri: str
    key: str | None
    """Digest of the digests of its files; ``None``: it has none, as models of MLflow."""
    trusted: bool
    """Whether its code may run if it is fetched again and has no digests."""
    model_config: bytes = b"{}"
    """JSON of settings that replace those it was saved with."""
    stamp: int = 0
    """Time of the last change where there are no digests, in nanoseconds."""
    archive: str | None = None
    """Name under which the engine brings it along."""


def refer_to(
    model_uri: str | Path,
    *,
    trusted: bool | None = None,
    model_config: Mapping[str, Any] | None = None,
) -> tuple[Reference, Model]:
    """A reference to a model, and what its ``MLmodel`` says.

    Raises:
        InvalidInput: it can't predict.
        UntrustedModel: loading would run code of others.
        Corrupted: a file isn't what was saved.
    """
    place = find_signed_model(model_uri)
    model = Model.load(place.folder)
    if model.python_function is None:
        raise InvalidInput(f"The model {str(model_uri)!r} can't predict.")
    listed = digests.check(place.folder)
    hazards = loading.hazards_of(place.folder)
    trust.check(place.folder, hazards, trust=trusted, digests=listed, origin=place.origin)
    reference = Reference(
        uri=str(model_uri),
        folder=str(place.folder.resolve()),
        tracking_uri=get_tracking_uri(),
        key=None if listed is None else digests.content_key(listed),
        trusted=trusted is True,
        model_config=msgspec.json.encode(dict(model_config or {})),
        stamp=0 if listed is not None else (place.folder / MLMODEL).stat().st_mtime_ns,
    )
    return reference, model


def model_in_worker(
    reference: Reference, *, unpacked: Callable[[str], str] | None = None
) -> PyFuncModel:
    """The model, loaded when this process asks for the first time; thread-safe.

    Args:
        reference: which one.
        unpacked: gives the folder of what the engine brought along, by its name.

    Raises:
        Corrupted: what is found here isn't what the reference was made of.
    """
    with _lock:
        model = _loaded.get(reference)
        if model is None:
            model = _loaded[reference] = _load(reference, unpacked)
            while len(_loaded) > MAX_LOADED:
                _loaded.popitem(last=False)
        _loaded.move_to_end(reference)
        return model


def _load(reference: Reference, unpacked: Callable[[str], str] | None) -> PyFuncModel:
    folder = _folder(reference, unpacked)
    listed = digests.check(folder)
    if reference.key is not None and (
        listed is None or digests.content_key(listed) != reference.key
    ):
        raise Corrupted(
            f"The model {reference.uri!r} is another one here, in {str(folder)!r}, than where the"
            " work was started."
        )
    # The starter has asked for trust; here it holds for the very same files only.
    same = reference.key is not None or str(folder) == reference.folder
    return loading.load_pyfunc(
        folder,
        trust=True if same or reference.trusted else None,
        model_config=msgspec.json.decode(reference.model_config),
    )


def _folder(reference: Reference, unpacked: Callable[[str], str] | None) -> Path:
    here = Path(reference.folder)
    if (here / MLMODEL).is_file():
        return here
    if reference.archive is not None and unpacked is not None:
        return Path(unpacked(reference.archive))
    set_tracking_uri(reference.tracking_uri)
    try:
        return find_model(reference.uri).folder
    except ArtifactNotFound as error:
        raise ArtifactNotFound(
            f"{reference.uri} (workers must see the model: log it, or put it where all of them do)"
        ) from error

"""Loading models by URI: the framework's own object, or the face that all models share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay.errors import PredictionsDiffer
from assay.fluent.model_places import find_model
from assay.fluent.model_signatures import find_signed_model
from assay.models import golden, loading
from assay.models.mlmodel import Model
from assay.models.pyfunc import PyFuncModel


def load_native(
    model_uri: str | Path,
    flavor: str | None = None,
    *,
    dst_path: str | Path | None = None,
    trust: bool | None = None,
    require_signature: bool | str | Path | None = None,
    options: Mapping[str, Any] | None = None,
) -> Any:
    """The framework's own object; URIs and ``require_signature`` as of ``load_pyfunc``, ``flavor``
    where a model has several.

    Raises:
        UntrustedSignature: a signature is required, and no trusted key has signed these files.
        UnknownFlavor: the model has no such flavor.
        UntrustedModel: loading would run code of others.
        Corrupted: a file isn't what was saved.
        MissingFramework: the framework isn't installed.
    """
    place = find_signed_model(model_uri, require_signature=require_signature, dst_path=dst_path)
    return loading.load_native(
        place.folder, flavor, trust=trust, origin=place.origin, options=options
    )


def load_pyfunc(
    model_uri: str | Path,
    suppress_warnings: bool = False,
    dst_path: str | Path | None = None,
    model_config: Mapping[str, Any] | None = None,
    *,
    trust: bool | None = None,
    verify: bool = False,
    require_signature: bool | str | Path | None = None,
) -> PyFuncModel:
    """A model of any flavor with ``predict(data, params=None)``.

    Args:
        model_uri: a path, ``models:/<name>/<version or stage>``, ``models:/<name>@<alias>``,
            ``models:/<model id>``, ``runs:/<run id>/<name>``, or the address of the folder
            (``s3://…``, ``mlflow-artifacts:/…``).
        suppress_warnings: taken for MLflow's sake.
        dst_path: an existing folder to fetch it into, instead of the cache.
        model_config: settings that replace those it was saved with.
        trust: ``True`` lets code of the model run; ``None``: if this user made it, or it comes
            from one of ``ASSAY_TRUSTED_ORIGINS``.
        verify: replay its golden predictions before it is given out.
        require_signature: ``True``: one of the keys in ``ASSAY_TRUSTED_KEYS`` must have signed
            exactly these files; a path: that public key; ``None``: as
            ``ASSAY_REQUIRE_SIGNATURE`` says.

    Raises:
        UntrustedSignature: it isn't signed as required.
        InvalidInput: it can't predict; ``verify``: it has no golden predictions.
        PredictionsDiffer: it doesn't answer what it answered when it was saved.
        UntrustedModel: loading would run code of others.
        Corrupted: a file isn't what was saved.
        MissingFramework: the framework isn't installed.
    """
    place = find_signed_model(model_uri, require_signature=require_signature, dst_path=dst_path)
    model = loading.load_pyfunc(
        place.folder, trust=trust, origin=place.origin, model_config=model_config
    )
    if verify:
        differences = golden.replay(place.folder, model, model.metadata)
        if differences:
            raise PredictionsDiffer(str(model_uri), [str(one) for one in differences])
    return model


def get_model_info(model_uri: str | Path) -> Model:
    """What a model's ``MLmodel`` says; nothing of it is loaded."""
    return Model.load(find_model(model_uri).folder)

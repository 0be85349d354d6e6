"""Signatures at load time: nothing is loaded before a trusted key is seen to have signed the files.

The bundles of a version are fetched with it and kept beside its copy, so that a later load needs no
server. A folder of one's own has them in ``<folder>.sig``.
"""

from __future__ import annotations

import logging
from pathlib import Path

from assay.client.version_uris import find_version, names_version, parse_version_uri
from assay.errors import AssayError
from assay.fluent.model_places import Place, find_model
from assay.fluent.reading import client_for
from assay.models import signing

_log = logging.getLogger(__name__)


def find_signed_model(
    uri: str | Path,
    *,
    require_signature: bool | str | Path | None = None,
    dst_path: str | Path | None = None,
) -> Place:
    """As ``find_model``, for a model that is to be loaded: signed, if that is required.

    Args:
        uri: what is asked for.
        require_signature: ``True``: one of the keys in ``ASSAY_TRUSTED_KEYS`` must have signed
            exactly these files; a path: that public key, or one of that folder; ``None``: as
            ``ASSAY_REQUIRE_SIGNATURE`` says.
        dst_path: as of ``find_model``.

    Raises:
        UntrustedSignature: no trusted key has signed these files.
        MissingExtra: the extra ``signing`` isn't installed.
    """
    place = find_model(uri, dst_path=dst_path)
    if signing.is_required(require_signature):
        _require(uri, place, require_signature)
    return place


def _require(uri: str | Path, place: Place, asked: bool | str | Path | None) -> None:
    keys = signing.trusted_keys(None if isinstance(asked, bool | None) else asked)
    bundles = signatures_of(uri) or signing.read_beside(place.folder)
    signing.verify(place.folder, bundles, keys, where=str(uri))
    if place.origin is not None:
        _keep(place.folder, bundles)


def signatures_of(uri: str | Path) -> list[str]:
    """The bundles that the registry has for a version; none for what isn't one, or while the
    store is away.
    """
    if not names_version(str(uri)):
        return []
    try:
        store = client_for().store
        version = find_version(store, *parse_version_uri(str(uri)))
        found = store.signatures.of(version.name, version.version)
    except AssayError as error:
        _log.warning("The signatures of %s can't be asked for: %s", uri, error.message)
        return []
    return [signature.bundle for signature in found]


def _keep(folder: Path, bundles: list[str]) -> None:
    try:
        signing.write_beside(folder, bundles)
    except OSError as error:
        _log.debug("The signatures of %s are not kept: %s", folder, error)

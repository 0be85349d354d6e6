"""The subject of an image: which model it holds, as labels and the bill of materials name it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from assay.client.version_uris import find_version, names_version, parse_version_uri
from assay.fluent.model_places import Place, is_local
from assay.fluent.model_signatures import find_signed_model
from assay.fluent.reading import client_for
from assay.models import digests, trust
from assay.models.digests import Digests
from assay.models.loading import hazards_of


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """A model that goes into an image."""

    uri: str
    """As it was asked for; of a local folder only its name."""
    name: str
    version: str | None = None
    """Its number in the registry."""
    digest: str | None = None
    """SHA-256 over all its files; ``None`` for a model without digests."""
    folder: Path
    runs_code: bool
    """Whether loading it runs code that it brings."""


def find_subject(
    uri: str | Path, *, trusted: bool | None = None, require_signature: bool | None = None
) -> Subject:
    """The model behind an address, fetched, its files compared with their digests, and trusted.

    Raises:
        ArtifactNotFound: there is none.
        Corrupted: a file isn't what was saved.
        UntrustedModel: it, or installing what it names, runs code of somebody else.
        UntrustedSignature: it isn't signed as required.
    """
    text = str(uri)
    name, version, exact = _name_of(text), None, uri
    if names_version(text):
        name, selector = parse_version_uri(text)
        version = str(find_version(client_for().store, name, selector).version)
        # What the address means may change before the files are fetched.
        exact = f"models:/{name}/{version}"
    place = find_signed_model(exact, require_signature=require_signature or None)
    listed, hazards = _ask(place, trusted)
    return Subject(
        # Where it lies on this machine is nobody's business.
        uri=name if is_local(uri) else text,
        name=name,
        version=version,
        digest=None if listed is None else digests.content_key(listed),
        folder=place.folder,
        runs_code=bool(hazards),
    )


def _ask(place: Place, trusted: bool | None) -> tuple[Digests | None, list[str]]:
    listed = digests.check(place.folder)
    hazards = hazards_of(place.folder)
    # What requirements name is run by installing it, and somebody else runs the image.
    told = [*hazards, "its environment has the packages that it names"]
    trust.check(place.folder, told, trust=trusted, digests=listed, origin=place.origin)
    return listed, hazards


def _name_of(uri: str) -> str:
    """Of a logged model its id, of all else the last part of the address."""
    if uri.startswith("models:/"):
        return uri.removeprefix("models:/").strip("/").split("/")[0]
    return Path(uri.rstrip("/")).resolve().name or "model"

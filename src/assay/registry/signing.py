"""Signing versions with a local key, and verifying them against trusted ones."""

from __future__ import annotations

from pathlib import Path

from assay.entities.model_versions import VersionSignature
from assay.errors import UntrustedSignature
from assay.fluent.model_places import find_model
from assay.fluent.reading import client_for
from assay.models import signing
from assay.registry.checks import keep_signature
from assay.store.user import claimed_name

__all__ = ["sign_version", "verify_version"]


def sign_version(name: str, version: int, *, key: str | Path, reason: str = "") -> VersionSignature:
    """Sign all files of a version with a private key, and keep the signature in the registry.

    Args:
        name: of the registered model.
        version: its number.
        key: a PEM file with a private key on P-256, P-384 or P-521; ``assay registry key`` makes
            one.
        reason: why.

    Raises:
        ModelVersionNotFound: there is no such version.
        InvalidInput: the key can't be read.
        Corrupted: the files aren't what their digests say.
        MissingExtra: the extra ``signing`` isn't installed.
    """
    client = client_for()
    chosen = client.store.model_versions.get(name, version)
    made = signing.sign(find_model(chosen.uri).folder, Path(key))
    return keep_signature(client, chosen, made, signer=claimed_name(), reason=reason)


def verify_version(name: str, version: int, *, keys: str | Path | None = None) -> VersionSignature:
    """The signature of a trusted key over exactly the files of a version.

    ``keys``: a public key, or a folder of them; left out, those of ``ASSAY_TRUSTED_KEYS``.

    Raises:
        UntrustedSignature: there is none.
        ModelVersionNotFound: there is no such version.
        MissingExtra: the extra ``signing`` isn't installed.
    """
    client = client_for()
    chosen = client.store.model_versions.get(name, version)
    known = client.store.signatures.of(chosen.name, chosen.version)
    folder = find_model(chosen.uri).folder
    bundles = [one.bundle for one in known]
    key = signing.verify(folder, bundles, signing.trusted_keys(keys), where=chosen.uri)
    for one in known:
        if one.key_id == key.key_id:
            return one
    raise UntrustedSignature(chosen.uri, "the registry names another key than the signature does")

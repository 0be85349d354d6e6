"""The bill of materials of an image, in CycloneDX's JSON form.

Lists the model, Assay, and each package in its version, as the specification *CycloneDX 1.6*
(ECMA-424) lays it out, with package URLs of type ``pypi``. The packages of the base image's
system are not listed, which the composition says.
"""

from __future__ import annotations

import json
import uuid
from typing import Any, Final
from urllib.parse import quote

from assay.deployments.image.closure import Closure
from assay.deployments.image.subject import Subject
from assay.version import __version__

FILE: Final = "sbom.cdx.json"
SPEC_VERSION: Final = "1.6"
_SCHEMA: Final = "http://cyclonedx.org/schema/bom-1.6.schema.json"
_SPACE: Final = uuid.UUID("8a6d8e4c-0f0f-5d0b-9d41-5c6d0f1e7a55")
"""Of serial numbers: the same content has the same number."""


def sbom_text(subject: Subject, closure: Closure, *, base_image: str) -> str:
    """The document, the same for the same content."""
    model: dict[str, Any] = {
        "type": "machine-learning-model",
        "bom-ref": "model",
        "name": subject.name,
        **({"version": subject.version} if subject.version else {}),
        **({"hashes": [_sha256(subject.digest)]} if subject.digest else {}),
        "properties": [{"name": "assay:uri", "value": subject.uri}],
    }
    base = {"type": "container", "bom-ref": "base-image", "name": base_image}
    packages = [_package(name, version) for name, version in closure.packages]
    components = [model, base, _package("assay", __version__), *packages]
    refs = [one["bom-ref"] for one in components]
    content: dict[str, Any] = {
        "$schema": _SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "version": 1,
        "metadata": {
            "tools": {
                "components": [{"type": "application", "name": "assay", "version": __version__}]
            },
            "component": {
                "type": "container",
                "bom-ref": "image",
                "name": subject.name,
                **({"version": subject.version} if subject.version else {}),
            },
            "properties": [
                {"name": "assay:python", "value": closure.python},
                {
                    "name": "assay:packages",
                    "value": "locked" if closure.is_locked else "as the model names them",
                },
            ],
        },
        "components": components,
        "dependencies": [
            {"ref": "image", "dependsOn": refs},
            *({"ref": ref} for ref in refs),
        ],
        "compositions": [{"aggregate": "incomplete", "assemblies": ["image"]}],
    }
    number = uuid.uuid5(_SPACE, json.dumps(content, sort_keys=True))
    content["serialNumber"] = f"urn:uuid:{number}"
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _package(name: str, version: str) -> dict[str, Any]:
    url = f"pkg:pypi/{name.lower().replace('_', '-')}@{quote(version, safe='.')}"
    return {
        "type": "library",
        "bom-ref": url,
        "name": name,
        "version": version,
        "purl": url,
    }


def _sha256(digest: str) -> dict[str, str]:
    return {"alg": "SHA-256", "content": digest}

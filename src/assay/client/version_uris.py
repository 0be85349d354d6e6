"""URIs of versions: ``models:/<name>/<version or stage>`` and ``models:/<name>@<alias>``.

``models:/m-<32 hex digits>`` is a logged model, which has no name in the registry.
"""

from __future__ import annotations

import re
from typing import Final

from assay.entities.model_versions import ModelVersion
from assay.entities.registry_names import parse_version
from assay.errors import InvalidInput, NotFound
from assay.store.base import Store

_SCHEME: Final = "models:/"
_LATEST: Final = "latest"
_LOGGED_MODEL_ID: Final = re.compile(r"m-[0-9a-f]{32}(/|\Z)")


def names_version(uri: str) -> bool:
    """Whether it is ``models:/`` and a registered name, not the id of a logged model.

    What is neither, such as a name without a version, counts as the former:
    ``parse_version_uri`` says what is missing.
    """
    if not uri.startswith(_SCHEME):
        return False
    rest = uri.removeprefix(_SCHEME).strip("/")
    if "/" in rest or "@" in rest:
        return not _LOGGED_MODEL_ID.match(rest)
    return not rest.startswith("m-")


def parse_version_uri(uri: str) -> tuple[str, str]:
    """Name and selector: a number, a stage, ``latest``, or ``@`` and an alias.

    Raises:
        InvalidInput: it names no version.
    """
    rest = uri.removeprefix(_SCHEME).strip("/")
    name, _, selector = rest.rpartition("/")
    if not name:
        name, _, alias = rest.rpartition("@")
        selector = f"@{alias}"
    if not name or not selector.strip("@"):
        raise InvalidInput(
            f"{uri!r} names no version: models:/<name>/<version or stage>,"
            " or models:/<name>@<alias>."
        )
    return name, selector


def split_version_uri(uri: str) -> tuple[str, str]:
    """An address below a version as the version's own, and the path below; ``""``: the version.

    ``models:/<name>@<alias>/<path>`` is told from a model whose name has an ``@`` by what follows:
    for that one it must be a number.
    """
    name, *rest = uri.removeprefix(_SCHEME).strip("/").split("/")
    is_alias = "@" in name and not (rest and rest[0].isdecimal())
    count = 0 if is_alias else 1
    return _SCHEME + "/".join([name, *rest[:count]]), "/".join(rest[count:])


def find_version(store: Store, name: str, selector: str) -> ModelVersion:
    """The version of a registered model that a URI means.

    ``selector``: a number, a stage, ``latest``, or ``@`` and an alias.

    Raises:
        NotFound: there is no such model or version, or no version in that stage.
        AliasNotFound: it has no such alias.
    """
    if selector.startswith("@"):
        return store.model_versions.by_alias(name, selector[1:])
    if selector.isdecimal():
        return store.model_versions.get(name, parse_version(selector))
    stages = None if selector.lower() == _LATEST else [selector]
    found = store.registered_models.latest(name, stages)
    if not found:
        raise NotFound(f"The registered model {name!r} has no version for {selector!r}.")
    return max(found, key=lambda one: one.version)


def files_of_version(store: Store, uri: str) -> str:
    """The address of the files of the version that a URI means.

    Raises:
        InvalidInput: the URI names no version, or the server gives a version's URI as the address.
        NotFound: as ``find_version``.
    """
    version = find_version(store, *parse_version_uri(uri))
    place = store.model_versions.download_uri(version.name, version.version)
    if names_version(place):
        raise InvalidInput(f"The server says that {uri!r} is at {place!r}, which is a name again.")
    return place

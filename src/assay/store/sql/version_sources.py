"""Sources: what a version is registered from, and where its files are then.

A source comes from a client, so it is a name and never an address to fetch: it has to be a logged
model, a version, something below the artifacts of a run that exists, or below a root that was
configured. Everything else is refused, in any spelling.
"""

from __future__ import annotations

import os.path
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from assay.entities.ids import ModelId, RunId
from assay.entities.lifecycle import LifecycleStage
from assay.entities.model_versions import NewModelVersion
from assay.entities.names import artifact_path
from assay.entities.registry_names import parse_version
from assay.errors import (
    AliasNotFound,
    InactiveResource,
    InvalidInput,
    InvalidName,
    LoggedModelNotFound,
    ModelVersionNotFound,
    RunNotFound,
)
from assay.store.sql.model_refs import find_ref
from assay.store.sql.registry_tags import says_prompt
from assay.store.sql.statements import Sql

if TYPE_CHECKING:
    from sqlalchemy import Connection

_MODELS: Final = "models:/"
_RUNS: Final = "runs:/"
_PROMPT_SOURCES: Final = frozenset({"prompt-template", "dummy-source"})
"""What MLflow's clients name as the source of a prompt, which has no files."""
_LOCAL: Final = ("file", "")
# The locks keep what is registered out of the bin, and so out of a purge, until the version is
# there and protects it. That of a logged model makes registrations of it follow each other: each
# adds itself to one tag.
_RUN = Sql("SELECT artifact_uri, lifecycle_stage FROM runs WHERE run_id = ? {FOR SHARE}")
_MODEL = Sql(
    "SELECT artifact_location, source_run_id FROM logged_models"
    " WHERE model_id = ? AND lifecycle_stage = 'active' {FOR NO KEY UPDATE}"
)
_MODEL_OF_RUN = Sql(
    "SELECT m.model_id FROM logged_models m"
    " JOIN runs r ON r.experiment_id = m.experiment_id"
    " WHERE r.run_id = ? AND m.source_run_id = r.run_id AND m.name = ?"
    " AND m.lifecycle_stage = 'active' ORDER BY m.creation_timestamp DESC, m.model_id LIMIT 1"
)
_MODELS_OF_RUN = Sql(
    "SELECT m.model_id, m.artifact_location FROM logged_models m"
    " JOIN runs r ON r.experiment_id = m.experiment_id"
    " WHERE r.run_id = ? AND m.source_run_id = r.run_id AND m.lifecycle_stage = 'active'"
)
_VERSION = Sql(
    "SELECT storage_location, run_id, model_id, files_run_id, files_model_id, version_id"
    " FROM model_versions WHERE registered_id = ? AND version = ? {FOR KEY SHARE}"
)
_OF_ALIAS = Sql(
    "SELECT version FROM registered_model_aliases WHERE registered_id = ? AND alias = ?"
)
_OF_STAGE = Sql(
    "SELECT max(version) FROM model_versions WHERE registered_id = ? AND lower(current_stage) = ?"
)
_LAST = Sql("SELECT max(version) FROM model_versions WHERE registered_id = ?")


class Files(NamedTuple):
    """Where a version's files are, and to what it belongs."""

    location: str
    run_id: RunId | None = None
    model_id: ModelId | None = None
    files_run_id: RunId | None = None
    files_model_id: ModelId | None = None
    copied_from: int | None = None
    """``version_id`` of the version that it is a copy of."""
    source: str = ""
    """Of a copy: the version by its number, which an alias or stage won't mean for ever."""


def files_of(conn: Connection, new: NewModelVersion, roots: Sequence[str]) -> Files:
    """Where the files of a new version are.

    Raises:
        InvalidInput: the source uses tricks, lies elsewhere, or belongs to another run than named.
        RunNotFound, LoggedModelNotFound, ModelVersionNotFound, RegisteredModelNotFound
    """
    source = new.source
    if source in _PROMPT_SOURCES and says_prompt(new.tags):
        return Files(source)
    _refuse_tricks(source)
    if source.startswith(_MODELS):
        found = _of_models_uri(conn, source)
    elif source.startswith(_RUNS):
        found = _of_runs_uri(conn, new)
    else:
        found = _of_address(conn, new, roots)
    _require_same(source, "run", found.run_id, named=new.run_id)
    _require_same(source, "logged model", found.model_id, named=new.model_id, always=True)
    if found.run_id is None and new.run_id is not None:
        _artifacts_of(conn, new.run_id)
    return found._replace(run_id=found.run_id or new.run_id)


def _require_same(
    source: str, kind: str, owner: str | None, *, named: str | None, always: bool = False
) -> None:
    """Refuse files of one with the name of another: gates would judge the figures of that one.

    ``always``: also where nothing is known of who made them.
    """
    if named is None or named == owner or (owner is None and not always):
        return
    told = f"belongs to {kind} {owner}" if owner else f"belongs to no {kind}"
    raise InvalidInput(f"The source {source!r} {told}, not to {kind} {named}.")


def _of_models_uri(conn: Connection, source: str) -> Files:
    rest = _inner(source, _MODELS)
    first, _, below = rest.partition("/")
    if first.startswith("m-") and _MODEL.one(conn, first) is not None:
        return _of_logged_model(conn, ModelId(first), below)
    if not below and "@" not in rest:
        raise LoggedModelNotFound(rest)
    name, _, selector = rest.rpartition("/")
    if not name:
        name, _, alias = rest.rpartition("@")
        selector = f"@{alias}"
    ref = find_ref(conn, name)
    version = _selected(conn, ref.registered_id, name, selector)
    row = _VERSION.one(conn, ref.registered_id, version)
    if row is None:
        raise ModelVersionNotFound(name, version)
    return Files(*row)._replace(source=f"{_MODELS}{ref.name}/{version}")


def _selected(conn: Connection, registered_id: int, name: str, selector: str) -> int:
    if selector.startswith("@"):
        row = _OF_ALIAS.one(conn, registered_id, selector[1:])
        if row is None:
            raise AliasNotFound(name, selector[1:])
    elif selector.isdecimal():
        return parse_version(selector)
    elif selector.lower() == "latest":
        row = _LAST.one(conn, registered_id)
    else:
        row = _OF_STAGE.one(conn, registered_id, selector.lower())
    if row is None or row[0] is None:
        raise ModelVersionNotFound(name, selector)
    found: int = row[0]
    return found


def _of_logged_model(conn: Connection, model_id: ModelId, below: str = "") -> Files:
    row = _MODEL.one(conn, model_id)
    if row is None:
        raise LoggedModelNotFound(model_id)
    return Files(_joined(row[0], below), row[1], model_id, files_model_id=model_id)


def _of_runs_uri(conn: Connection, new: NewModelVersion) -> Files:
    run_id, _, path = _inner(new.source, _RUNS).partition("/")
    if new.run_id is not None and new.run_id != run_id:
        raise InvalidInput(
            f"The source {new.source!r} belongs to run {run_id}, not to run {new.run_id}."
        )
    artifacts = _artifacts_of(conn, RunId(run_id))
    if not path:
        raise InvalidInput(f"The source {new.source!r} names no model: runs:/<run id>/<path>.")
    first, _, below = path.partition("/")
    model = _MODEL_OF_RUN.one(conn, run_id, first)
    if model is not None:
        return _of_logged_model(conn, model[0], below)
    return Files(_joined(artifacts, path), RunId(run_id), files_run_id=RunId(run_id))


def _of_address(conn: Connection, new: NewModelVersion, roots: Sequence[str]) -> Files:
    source = new.source.rstrip("/")
    if new.model_id is not None:
        found = _of_logged_model(conn, new.model_id)
        if _is_below(source, found.location):
            return found._replace(location=source)
    if new.run_id is not None:
        run_id = new.run_id
        if _is_below(source, _artifacts_of(conn, run_id)):
            return Files(source, run_id, files_run_id=run_id)
        for model_id, location in _MODELS_OF_RUN.all(conn, run_id):
            if _is_below(source, location):
                return _of_logged_model(conn, model_id)._replace(location=source)
    if any(_is_below(source, root) for root in roots):
        return Files(source)
    owner = " and ".join(
        f"{kind} {ident}"
        for kind, ident in (("run", new.run_id), ("logged model", new.model_id))
        if ident is not None
    )
    told = f"it is not among the artifacts of {owner}" if owner else "it belongs to no run"
    raise InvalidInput(
        f"Invalid model version source {new.source!r}: {told}. Register models:/<model id>,"
        " runs:/<run id>/<path>, or an address below the artifacts of the run named by run_id;"
        " places outside have to be listed in ASSAY_MODEL_ROOTS."
    )


def _artifacts_of(conn: Connection, run_id: RunId) -> str:
    """Where a run's files are. What is in the bin may be purged while we look: it is refused."""
    row = _RUN.one(conn, run_id)
    if row is None:
        raise RunNotFound(run_id)
    if row[1] != LifecycleStage.ACTIVE:
        raise InactiveResource("run", run_id)
    artifacts: str = row[0]
    return artifacts


def _inner(source: str, scheme: str) -> str:
    """What follows the scheme, which no host does: other registries are none of ours."""
    rest = source.removeprefix(scheme)
    if rest.startswith("/"):
        raise InvalidInput(
            f"Invalid model version source {source!r}: it names a host. Write {scheme}…, which is"
            " of this store."
        )
    return rest.rstrip("/")


def _joined(location: str, below: str) -> str:
    if not below:
        return location
    return f"{location.rstrip('/')}/{artifact_path(below.strip('/'))}"


def _is_below(source: str, root: str) -> bool:
    """Whether an address is that of ``root`` or lies below it, component by component.

    On this machine the real paths decide as well: a link may lead elsewhere.
    """
    if not root:
        return False
    place, names = _taken_apart(source)
    root_place, root_names = _taken_apart(root)
    if place != root_place or "" in names or names[: len(root_names)] != root_names:
        return False
    return place != _LOCAL or _real(names)[: len(_real(root_names))] == _real(root_names)


def _taken_apart(uri: str) -> tuple[tuple[str, str], list[str]]:
    """Scheme and host, and the names of the path. A relative path is of no scheme."""
    scheme, colon, _ = uri.partition(":")
    if not colon or "/" in scheme:
        return (_LOCAL if uri.startswith("/") else ("", "")), uri.strip("/").split("/")
    parts = urlsplit(uri)
    place = (parts.scheme.lower(), parts.netloc)
    if place in (_LOCAL, ("file", "localhost")):
        return _LOCAL, unquote(parts.path).strip("/").split("/")
    return place, parts.path.strip("/").split("/")


def _real(names: Sequence[str]) -> list[str]:
    return os.path.realpath("/" + "/".join(names)).strip("/").split("/")


def _refuse_tricks(source: str) -> None:
    if not source.strip():
        raise InvalidInput(
            "Missing value for required parameter 'source'. A version needs a source."
        )
    seen = unquote(source, errors="replace")
    if unquote(seen, errors="replace") != seen:
        raise InvalidName("model version source", source, "it is percent-encoded more than once")
    if any(c in seen for c in "#?;\\") or any(ord(c) < 0x20 or ord(c) == 0x7F for c in seen):
        raise InvalidName(
            "model version source",
            source,
            "'#', '?', ';', backslashes and control characters are not allowed in it",
        )
    segments = seen.replace(":", "/").split("/")
    if ".." in segments or "." in segments:
        raise InvalidName("model version source", source, "'.' and '..' are not allowed in it")

"""Which files are there, and what a file came of and went into."""

from __future__ import annotations

from typing import Annotated

import msgspec

from assay.artifacts.base import ArtifactStore
from assay.entities.governance import NodeKind
from assay.entities.names import artifact_path
from assay.entities.registry_names import parse_version
from assay.errors import ArtifactNotFound, InvalidInput
from assay.http.replies import Reply
from assay.server.assay_api.encoding import answer
from assay.server.assay_api.run_files import GROUP, PREFIX, Place, find_place
from assay.server.context import Context
from assay.server.files.facts import sha256_of
from assay.server.files.opened import open_artifact
from assay.server.files.tree import Entry
from assay.server.files.uses import Uses, Whose, uses_of
from assay.server.routing import Permission, Route

MAX_PATHS = 200


class Paths(Place, frozen=True):
    """Paths below a place."""

    paths: Annotated[list[str], msgspec.Meta(max_length=MAX_PATHS)] = []  # noqa: RUF012 - copied


class Present(msgspec.Struct, frozen=True):
    """Those of the paths that are there."""

    entries: list[Entry]


def present(context: Context, request: Paths) -> Reply:
    """Those of some paths where a file or folder is. What can be no path isn't there."""
    store = find_place(context, request).store
    found = [_entry(store, path) for path in dict.fromkeys(request.paths)]
    return answer(context, Present([entry for entry in found if entry is not None]))


def _entry(store: ArtifactStore, path: str) -> Entry | None:
    try:
        info = store.info(artifact_path(path))
    except (ArtifactNotFound, InvalidInput):
        return None
    return Entry(info.path, info.is_dir, info.file_size)


def uses(context: Context, request: Place) -> Reply:
    """The run that made a file, and the runs, versions and deployments that use it."""
    path = artifact_path(request.path)
    found = find_place(context, request)
    with open_artifact(found.store, path) as opened:
        sha256 = sha256_of(opened)
    kind, ident = _named(context, request)
    whose = Whose(kind, ident, found.uri, found.made_by, seen_from=request.version)
    return answer(context, uses_of(context.store, whose, path, sha256=sha256))


def _named(context: Context, place: Place) -> tuple[NodeKind, str]:
    """What the files are those of: a version's may be a logged model's."""
    if place.run_id:
        return NodeKind.RUN, place.run_id
    model_id: str | None = place.model_id
    if not model_id:
        name, _, number = place.version.rpartition("/")
        model_id = context.store.model_versions.get(name, parse_version(number)).model_id
    return (NodeKind.LOGGED_MODEL, model_id) if model_id else (NodeKind.VERSION, place.version)


ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path=PREFIX + "/present",
        handler=present,
        permission=Permission.READ,
        summary="Those of some paths where a file or folder is.",
        request=Paths,
        response=Present,
        group=GROUP,
    ),
    Route(
        method="GET",
        path=PREFIX + "/uses",
        handler=uses,
        permission=Permission.READ,
        summary="The run that made a file, and the runs, versions and deployments that use it.",
        request=Place,
        response=Uses,
        group=GROUP,
    ),
)

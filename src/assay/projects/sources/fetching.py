"""Fetching: from an address to a folder with the project's code."""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path

from assay.client.client import Client
from assay.errors import InvalidInput
from assay.projects.sources import archive, git
from assay.projects.sources.source import Source, project_folder
from assay.projects.sources.uri import Address, address_of, checked_version
from assay.store.uri import Location


def fetch(
    uri: str,
    version: str | None = None,
    into: Path | None = None,
    *,
    location: Location | None = None,
) -> Source:
    """Get a project's code.

    Args:
        uri: a folder, a Git repository (``#subfolder``), a ZIP archive, or ``runs:/ID/file.zip``.
        version: commit, tag or branch of a Git repository.
        into: an existing folder, empty or not, in which what is fetched gets a folder of its own;
            a temporary one if left out.
        location: whose runs ``runs:/`` means.

    Raises:
        InvalidInput: the address can't be used, or there is no such version.
        StoreUnavailable: the repository can't be reached.
    """
    address = address_of(uri)
    wanted = checked_version(version)
    if address.kind == "folder":
        return _folder(address, wanted, into)
    if address.kind == "git":
        return git.fetch(address, wanted, new_folder(into))
    if wanted is not None:
        raise InvalidInput(f"Only a Git repository has versions, and {address.place} is none.")
    if address.kind == "zip":
        return archive.fetch(address, new_folder(into))
    return _of_run(address, new_folder(into), location)


def new_folder(into: Path | None) -> Path:
    """A folder for what is fetched, for its owner alone."""
    if into is None:
        return Path(tempfile.mkdtemp(prefix="assay-project-"))
    folder = into / f"project-{secrets.token_hex(4)}"
    folder.mkdir(mode=0o700, parents=True)
    return folder


def _folder(address: Address, version: str | None, into: Path | None) -> Source:
    root = Path(address.place)
    folder = project_folder(root, address.subfolder, address.place)
    if version is not None:
        repository = git.local_repository(folder, version)
        inner = folder.resolve().relative_to(repository.resolve()).as_posix()
        place = Address("git", repository.as_uri(), "" if inner == "." else inner)
        return git.fetch(place, version, new_folder(into))
    return Source(folder, uri=address.place, subfolder=address.subfolder)


def _of_run(address: Address, target: Path, location: Location | None) -> Source:
    run_id, _, path = address.place.removeprefix("runs:/").strip("/").partition("/")
    if not run_id or not path.endswith(".zip"):
        raise InvalidInput(
            f"{address.place!r} must name a ZIP archive of a run, as in runs:/ID/code.zip."
        )
    client = Client() if location is None else Client.at(location)
    with tempfile.TemporaryDirectory(prefix="assay-archive-") as work:
        file = Path(client.download_artifacts(run_id, path, work))
        archive.unpack(file, target)
    return Source(
        project_folder(target, address.subfolder, address.place),
        root=target,
        uri=address.place,
        subfolder=address.subfolder,
        is_temporary=True,
    )

"""Source: a project's code in a folder of this machine, and where it came from."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from assay.errors import InvalidInput

if TYPE_CHECKING:
    from typing import Self


class Source:
    """Fetched code. A temporary one is removed by ``close``, a user's own folder never."""

    def __init__(
        self,
        folder: Path,
        *,
        root: Path | None = None,
        uri: str = "",
        subfolder: str = "",
        commit: str | None = None,
        branch: str = "",
        repository: str = "",
        is_temporary: bool = False,
    ) -> None:
        self.folder = folder
        """The project's folder."""
        self.root = root or folder
        """What was fetched: the folder itself, or one above it."""
        self.uri = uri
        """As it can be fetched again, without the subfolder; a folder's is absolute."""
        self.subfolder = subfolder
        self.commit = commit
        """Of a Git repository that was fetched."""
        self.branch = branch
        self.repository = repository
        """URL of the Git repository, without secrets."""
        self.is_temporary = is_temporary

    @property
    def full_uri(self) -> str:
        """With the subfolder."""
        return f"{self.uri}#{self.subfolder}" if self.subfolder else self.uri

    def close(self) -> None:
        """Remove what was fetched for this use only."""
        if self.is_temporary:
            shutil.rmtree(self.root, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def project_folder(root: Path, subfolder: str, uri: str) -> Path:
    """The folder ``subfolder`` of what was fetched.

    Raises:
        InvalidInput: it isn't there, or a link leads out.
    """
    folder = root / subfolder if subfolder else root
    if not folder.is_dir() or not folder.resolve().is_relative_to(root.resolve()):
        raise InvalidInput(f"{uri} has no folder {subfolder!r}.")
    return folder

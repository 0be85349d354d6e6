"""What waits in a spool: descriptions of files, alone beside their content or bundled with it.

Making a file is what a file costs on most disks; so many small ones that are logged at once, for a
store to which they are sent anyway, wait as one bundle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from assay.entities.names import ArtifactPath

WAVE_FILES = 1_000


class SpooledFile(msgspec.Struct, frozen=True, tag="file"):
    """Description of a file that waits."""

    owner: Literal["run", "model"]
    owner_id: str
    path: ArtifactPath
    size: int
    position: int
    """Where the journal stood: what is before it is delivered first."""
    sha256: str = ""
    """Empty for a large file."""
    completes: bool = False
    """The last file of its model: once it is published, the model is READY."""


class Bundle(msgspec.Struct, frozen=True):
    """Files of one owner that wait together, each with its content."""

    files: list[SpooledFile]
    contents: list[bytes]


class Waiting(NamedTuple):
    """A file in the spool."""

    number: int
    content: Path | bytes
    """Where its copy is, or the content itself of one that was bundled."""
    file: SpooledFile
    together: int = 1
    """Files of its bundle."""

    @property
    def is_there(self) -> bool:
        """Whether its content is still in the spool."""
        return isinstance(self.content, bytes) or self.content.exists()


def waves(files: Iterable[Waiting], *, before: int) -> Iterator[list[Waiting]]:
    """Files logged before position ``before``, in pieces of one owner within which their order
    doesn't matter: no path stands twice, or below another, and what completes a model stands alone.
    """
    wave: list[Waiting] = []
    paths: set[str] = set()
    above: set[str] = set()
    for waiting in files:
        file = waiting.file
        if file.position > before:
            break
        parents = _parents(file.path)
        fits = not wave or (
            file.owner_id == wave[0].file.owner_id
            and len(wave) < WAVE_FILES
            and not file.completes
            and not wave[-1].file.completes
            and file.path not in paths
            and file.path not in above
            and paths.isdisjoint(parents)
        )
        if not fits:
            yield wave
            wave, paths, above = [], set(), set()
        wave.append(waiting)
        paths.add(file.path)
        above.update(parents)
    if wave:
        yield wave


def _parents(path: str) -> list[str]:
    found = []
    while path := path.rpartition("/")[0]:
        found.append(path)
    return found

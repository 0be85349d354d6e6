"""Bundle: a run frozen into one ZIP file, from which it can be repeated on a machine that has
neither the repository nor the server.

Format: docs/formats/bundle.md. A bundle is input from outside: its members are exactly those that
the manifest lists, each is checked against its SHA-256, and sizes are limited.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from assay.comparison.facts import RunFacts
from assay.entities.names import artifact_path
from assay.errors import Corrupted, InvalidInput
from assay.reproduction.recipe import Code, Recipe
from assay.reproduction.results import Results

FORMAT_VERSION: Final = 1
"""Raise it when a reader of this version could misread a bundle; keep reading all older ones."""
MANIFEST: Final = "manifest.json"
RECIPE: Final = "recipe.json"
RESULTS: Final = "results.json"
FACTS: Final = "facts.json"
CODE: Final = "code.zip"
PATCH: Final = "source.patch"
REQUIREMENTS: Final = "requirements.txt"
FILES: Final = "files/"
"""Followed by the artifact path of a small file, whose content can be compared."""
DATA: Final = "data/"
"""Followed by the digest of a data set's file."""
MAX_MEMBERS: Final = 100_000
MAX_BYTES: Final = 4 << 30
"""Of all members unpacked."""
MAX_FACTS_BYTES: Final = 512 << 20
"""Of one member that is read into memory."""
_TIME: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest that a ZIP archive can hold: the same run gives the same bytes."""
_CHUNK: Final = 1 << 20
_UNREADABLE: Final = (
    zipfile.BadZipFile,
    OSError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    zlib.error,
)
"""What reading a damaged or hostile archive raises."""

T = TypeVar("T")


class Member(msgspec.Struct, frozen=True):
    """A file of the bundle as the manifest knows it."""

    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What the bundle holds; written last, read first."""

    format: int
    written_by: str
    run_id: str
    run_name: str
    experiment_name: str
    members: dict[str, Member]


class Writer:
    """Writes a bundle; the file appears when it is whole."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.members: dict[str, Member] = {}

    def add(self, name: str, content: bytes) -> None:
        """Add a member."""
        self._archive.writestr(_info(name), content)
        self.members[name] = Member(len(content), hashlib.sha256(content).hexdigest())

    def add_file(self, name: str, path: Path) -> None:
        """Add a file of this machine."""
        digest, size = hashlib.sha256(), 0
        with path.open("rb") as source, self._archive.open(_info(name), "w") as sink:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                sink.write(chunk)
        self.members[name] = Member(size, digest.hexdigest())

    def finish(self, *, recipe: Recipe, experiment_name: str, written_by: str) -> None:
        """Add the manifest."""
        manifest = Manifest(
            format=FORMAT_VERSION,
            written_by=written_by,
            run_id=recipe.run_id,
            run_name=recipe.run_name,
            experiment_name=experiment_name,
            members=self.members,
        )
        content = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        self._archive.writestr(_info(MANIFEST), content)


def _info(name: str) -> zipfile.ZipInfo:
    facts = zipfile.ZipInfo(name, _TIME)
    facts.external_attr = 0o100644 << 16
    facts.compress_type = zipfile.ZIP_DEFLATED
    return facts


class Bundle:
    """A bundle that is read; a context manager."""

    def __init__(self, path: Path) -> None:
        """Open a bundle and read its manifest.

        Raises:
            InvalidInput: it is none, is of a later format, or holds what it may not.
        """
        self.path = path
        try:
            self._archive = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise InvalidInput(f"There is no bundle {path}.") from None
        except (zipfile.BadZipFile, OSError) as error:
            raise InvalidInput(f"{path} is no bundle: {error}.") from None
        try:
            self.manifest = self._read_manifest()
        except BaseException:
            self._archive.close()
            raise

    def __enter__(self) -> Bundle:
        return self

    def __exit__(self, *_error: object) -> None:
        self._archive.close()

    def _read_manifest(self) -> Manifest:
        infos = self._archive.infolist()
        names = [info.filename for info in infos]
        if MANIFEST not in names:
            raise InvalidInput(f"{self.path} is no bundle: it has no {MANIFEST}.")
        if len(infos) > MAX_MEMBERS or sum(info.file_size for info in infos) > MAX_BYTES:
            raise InvalidInput(
                f"{self.path} has over {MAX_MEMBERS} members or {MAX_BYTES >> 30} GB."
            )
        manifest = _decoded(self._bytes(MANIFEST), Manifest, MANIFEST)
        if manifest.format > FORMAT_VERSION:
            raise InvalidInput(
                f"{self.path} has format {manifest.format}, this Assay reads up to"
                f" {FORMAT_VERSION}. Install a newer Assay."
            )
        for name in manifest.members:
            artifact_path(name)
        if sorted(names) != sorted([*manifest.members, MANIFEST]):
            raise InvalidInput(f"The members of {self.path} are not those that it lists.")
        return manifest

    def recipe(self) -> Recipe:
        """How the run came about, its code included. Raises ``Corrupted``, ``InvalidInput``."""
        recipe = _decoded(self.read(RECIPE), Recipe, RECIPE)
        if recipe.code.directory not in ("", "."):
            artifact_path(recipe.code.directory)
        code = Code(
            commit=recipe.code.commit,
            root=recipe.code.root,
            directory=recipe.code.directory,
            repository=recipe.code.repository,
            patch=self.read(PATCH) if PATCH in self.manifest.members else b"",
            archive=self.read(CODE),
        )
        return msgspec.structs.replace(recipe, code=code)

    def results(self) -> Results:
        """What the run came to. Raises ``Corrupted``, ``InvalidInput``."""
        return _decoded(self.read(RESULTS), Results, RESULTS)

    def facts(self) -> RunFacts:
        """What the run is told apart by. Raises ``Corrupted``, ``InvalidInput``."""
        return _decoded(self.read(FACTS), RunFacts, FACTS)

    def file(self, path: str) -> bytes | None:
        """A file of the run, if the bundle has it."""
        return self.read(FILES + path) if FILES + path in self.manifest.members else None

    def data(self, folder: Path) -> dict[str, Path]:
        """Unpack the data into ``folder``; files by digest."""
        found = {}
        for name in self.manifest.members:
            if name.startswith(DATA):
                digest = name.removeprefix(DATA)
                target = folder / hashlib.sha256(digest.encode()).hexdigest()
                self._copy(name, target)
                found[digest] = target
        return found

    def read(self, name: str) -> bytes:
        """A member's content, checked.

        Raises:
            InvalidInput: there is no such member, or it is too large.
            Corrupted: it isn't what the manifest says.
        """
        known = self.manifest.members.get(name)
        if known is None:
            raise InvalidInput(f"The bundle {self.path} has no {name}.")
        content = self._bytes(name)
        if len(content) != known.size or hashlib.sha256(content).hexdigest() != known.sha256:
            raise _damaged(self.path, name)
        return content

    def _bytes(self, name: str) -> bytes:
        try:
            with self._archive.open(name) as source:
                content = source.read(MAX_FACTS_BYTES + 1)
        except _UNREADABLE as error:
            raise Corrupted(f"{name} of {self.path} can't be read: {error}.") from None
        if len(content) > MAX_FACTS_BYTES:
            raise InvalidInput(f"{name} of {self.path} is over {MAX_FACTS_BYTES >> 20} MB.")
        return content

    def _copy(self, name: str, target: Path) -> None:
        known, digest, size = self.manifest.members[name], hashlib.sha256(), 0
        try:
            with self._archive.open(name) as source, target.open("xb") as sink:
                while (chunk := source.read(_CHUNK)) and size <= known.size:
                    digest.update(chunk)
                    size += len(chunk)
                    sink.write(chunk)
        except _UNREADABLE as error:
            raise Corrupted(f"{name} of {self.path} can't be read: {error}.") from None
        if size != known.size or digest.hexdigest() != known.sha256:
            raise _damaged(self.path, name)


def _damaged(path: Path, name: str) -> Corrupted:
    return Corrupted(f"{name} of the bundle {path} isn't what its manifest says. Fetch it again.")


def _decoded(content: bytes, kind: type[T], name: str) -> T:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidInput(f"{name} of the bundle can't be read: {error}.") from None

"""What is kept of the deployments of this machine: a folder each, for this user alone.

They lie below ``$XDG_STATE_HOME/assay/deployments/local`` (``~/.local/state/…``)::

    <name>/deployment.json   what was asked for, and the process that carries it out
    <name>/models.json       what the server is to serve; it reads this again and again
    <name>/log               what the server wrote, ``log.1`` what it wrote before
    .<name>.lock             held by who changes it

A folder without ``deployment.json`` is what a killed program left of one that was never made.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from assay.client.journal_files import make_private_folder, write_private
from assay.deployments.base import check_name
from assay.deployments.process import Process
from assay.errors import Corrupted, StoreUnavailable

_RECORD: Final = "deployment.json"
_MODELS: Final = "models.json"
_LOG: Final = "log"
_LARGEST_LOG: Final = 10 << 20
"""A log that is longer when a server is started is put aside."""
_TAIL_BYTES: Final = 1 << 20


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment of this machine, as it was asked for and started last."""

    name: str
    model_uri: str
    config: dict[str, str]
    variables: dict[str, str]
    """Those of its environment that say which registry it follows and whom it trusts."""
    deployment_id: str
    actor: str
    created_ms: int
    updated_ms: int
    process: Process | None = None
    url: str = ""
    """Where it answers."""
    coming: Process | None = None
    """One that is being started, to take over when it answers."""
    model: str = ""
    version: str = ""
    """What answered when it was started or changed last."""
    has_token: bool = False
    """Whether it asks for a token; the token itself isn't kept."""


def state_folder() -> Path:
    """Where all of them are; it need not exist yet."""
    base = os.environ.get("XDG_STATE_HOME", "")
    # The XDG Base Directory specification has relative paths ignored.
    state = Path(base) if base.startswith(os.sep) else Path.home() / ".local" / "state"
    return state / "assay" / "deployments" / "local"


def names() -> list[str]:
    """Names of all deployments, in order."""
    root = state_folder()
    if not root.is_dir():
        return []
    return sorted(one.name for one in root.iterdir() if (one / _RECORD).is_file())


class LocalFolder:
    """The folder of one deployment."""

    def __init__(self, name: str) -> None:
        self.name = check_name(name)
        self.path = state_folder() / name
        self.log = self.path / _LOG
        self.models = self.path / _MODELS

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only one who changes it.

        Raises:
            StoreUnavailable: somebody else is at it.
        """
        make_private_folder(self.path.parent)
        file = self.path.parent / f".{self.name}.lock"
        held = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(held)
            raise StoreUnavailable(
                f"The deployment {self.name!r} is being changed by somebody else; try again when"
                " that is done."
            ) from None
        try:
            yield
        finally:
            os.close(held)

    def find(self) -> Kept | None:
        """What is kept of it; ``None``: nothing.

        Raises:
            Corrupted: it can't be read.
        """
        try:
            content = (self.path / _RECORD).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            return msgspec.json.decode(content, type=Kept)
        except msgspec.MsgspecError as error:
            raise Corrupted(
                f"{self.path / _RECORD} can't be read: {error}. End its server by hand, and delete"
                " the folder."
            ) from None

    def make(self) -> None:
        """Make the folder, empty."""
        shutil.rmtree(self.path, ignore_errors=True)
        make_private_folder(self.path)

    def keep(self, kept: Kept) -> None:
        """Write what is known of it."""
        write_private(self.path / _RECORD, msgspec.json.format(msgspec.json.encode(kept)))

    def ask_for(self, uri: str) -> None:
        """Write which model the server is to serve."""
        write_private(self.models, msgspec.json.encode({self.name: uri}))

    def put_log_aside(self) -> None:
        """Begin a new log where the old one has grown long."""
        if self.log.is_file() and self.log.stat().st_size > _LARGEST_LOG:
            self.log.rename(self.path / f"{_LOG}.1")

    def written(self, *, after: int = 0) -> str:
        """What the log has after this many bytes, of the last million."""
        try:
            with self.log.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(after, size - _TAIL_BYTES))
                return file.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def log_size(self) -> int:
        """Bytes of the log."""
        return self.log.stat().st_size if self.log.is_file() else 0

    def remove(self) -> None:
        """Let nothing be left of it."""
        # The record goes first: what a crash leaves counts as nothing.
        (self.path / _RECORD).unlink(missing_ok=True)
        shutil.rmtree(self.path, ignore_errors=True)

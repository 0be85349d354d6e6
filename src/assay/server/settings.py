"""Settings of a server: one frozen struct, made from command-line options, ``ASSAY_*`` variables
and defaults.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from assay.errors import InvalidInput

MEBIBYTE = 1 << 20
ENVIRONMENT_PREFIX = "ASSAY_SERVER_"
_LISTS = ("allowed_hosts", "allowed_origins", "webhook_allow", "model_roots")
"""Settings with commas between their parts in a variable."""


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to serve one store. Every field may be given as ``ASSAY_SERVER_<FIELD>`` too."""

    host: str = "127.0.0.1"
    """Address to listen on. One beyond this machine needs ``auth``, or ``insecure``."""
    port: int = 5000
    """TCP port; 0 lets the system choose a free one, which the start line names."""
    workers: int = 1
    """Processes. They keep no state, so any number may serve one store."""
    store_uri: str
    """``sqlite:///…`` or ``postgresql://…``."""
    artifacts_uri: str
    """Root of the artifacts: a folder, ``file:``, ``s3:``, ``gs:`` or ``az:`` URI."""
    durability: Literal["normal", "full"] = "normal"
    """``full`` makes a commit of SQLite survive a power cut too, not only a killed process."""
    auth: Literal["none", "tokens"] = "none"
    """``tokens``: everybody signs in with an API token, made by ``assay users``."""
    insecure: bool = False
    """Allow an address beyond this machine without authentication."""
    allowed_hosts: tuple[str, ...] = ()
    """Names, addresses and address ranges (``10.0.0.0/8``) that a Host header may carry, beside
    loopback
    and the address listened on."""
    allowed_origins: tuple[str, ...] = ()
    """Origins of foreign pages that may change state, such as ``https://lab.example.org``."""
    webhook_allow: tuple[str, ...] = ()
    """Hosts, addresses and ranges (``10.0.0.0/8``) that webhooks may reach over http too, and
    though they aren't public."""
    model_roots: tuple[str, ...] = ()
    """Addresses below which versions may be registered from, beside the artifacts of runs and
    logged models; clients reach them by themselves."""
    threads: int = 16
    """Threads per process for calls of the store."""
    max_body_bytes: int = 64 * MEBIBYTE
    """Largest JSON or MessagePack body, after decompression. Uploads of artifacts have no limit of
    their own."""
    access_log: bool = False
    """Write one line per request to the log."""
    log_level: Literal["critical", "error", "warning", "info", "debug"] = "info"
    stop_timeout_s: int = 4
    """How long requests in flight may take to end after SIGTERM."""


def settings_from_environment(
    given: Mapping[str, object], environ: Mapping[str, str] | None = None
) -> ServerSettings:
    """Settings out of ``given`` (what is ``None`` counts as not given) and the environment.

    Raises:
        InvalidInput: a variable doesn't parse, or a needed setting is missing.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, object] = {}
    for field in msgspec.structs.fields(ServerSettings):
        value = given.get(field.name)
        if value is None:
            value = environ.get(ENVIRONMENT_PREFIX + field.name.upper())
            if isinstance(value, str) and field.name in _LISTS:
                value = [part.strip() for part in value.split(",") if part.strip()]
        if value is not None:
            values[field.name] = value
    try:
        return msgspec.convert(values, ServerSettings, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"Bad server settings: {error}") from None


def artifacts_path(uri: str) -> Path | None:
    """The local folder that ``uri`` names, or ``None`` where it names an object store."""
    if uri.startswith("file://"):
        return Path(uri.removeprefix("file://"))
    return None if "://" in uri else Path(uri)

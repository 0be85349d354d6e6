"""Settings of pip, told to uv: whoever set a mirror for pip gets models' packages from there too.

uv reads neither pip's variables nor its configuration files. Each setting is translated only where
the user gave uv none of its own.
"""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_DROPPED: Final = ("VIRTUAL_ENV", "CONDA_PREFIX", "UV_PYTHON", "UV_PROJECT_ENVIRONMENT")
"""What would point uv at another environment than the one it is told."""
_INDEX_VARIABLES: Final = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL")


def uv_variables(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables to run uv with: those of ``environ`` (this process's), and what pip's settings
    add to them.
    """
    given = dict(os.environ if environ is None else environ)
    variables = {
        name: value
        for name, value in given.items()
        if name not in _DROPPED and not name.startswith("PYTHON")
    }
    variables.update(NO_COLOR="1", UV_NO_PROGRESS="1")
    if _has_configuration(given):
        return variables
    pip = _pip_settings(given)
    if "UV_FIND_LINKS" not in given and (links := pip.get("find-links", "").split()):
        variables["UV_FIND_LINKS"] = ",".join(links)
    if not any(name in given for name in _INDEX_VARIABLES):
        if index := pip.get("index-url", "").strip():
            variables["UV_DEFAULT_INDEX"] = index
        if extra := pip.get("extra-index-url", "").split():
            variables["UV_INDEX"] = " ".join(extra)
            # As pip does: the best version of all indexes. uv alone stops at the first index that
            # has the package, where a mirror may lack the version that is pinned.
            variables.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    if "SSL_CERT_FILE" not in given and (cert := pip.get("cert", "").strip()):
        variables["SSL_CERT_FILE"] = cert
    return variables


def uses_no_index(environ: Mapping[str, str] | None = None) -> bool:
    """Whether pip is told to use no index at all; uv has no variable for that."""
    given = os.environ if environ is None else environ
    value = _pip_settings(given).get("no-index", "").strip().lower()
    return value in ("1", "true", "yes", "on", "t", "y")


def _has_configuration(environ: Mapping[str, str]) -> bool:
    """Whether the user configured uv by a file: then that says where packages come from."""
    if environ.get("UV_CONFIG_FILE"):
        return True
    base = environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME", "~")).expanduser() / ".config"
    return any((Path(place) / "uv" / "uv.toml").is_file() for place in (base, "/etc"))


def _pip_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Settings of pip by name, as ``pip config`` merges them: files in order, then variables."""
    found: dict[str, str] = {}
    for file in _pip_files(environ):
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (OSError, configparser.Error, UnicodeDecodeError):
            continue
        for section in ("global", "install"):
            if parser.has_section(section):
                found.update({key.replace("_", "-"): value for key, value in parser.items(section)})
    for name, value in environ.items():
        if name.startswith("PIP_") and value:
            found[name[4:].lower().replace("_", "-")] = value
    return found


def _pip_files(environ: Mapping[str, str]) -> list[Path]:
    named = environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return []
    home = Path(environ.get("HOME", "~")).expanduser()
    config = environ.get("XDG_CONFIG_HOME") or home / ".config"
    places = [
        *(Path(base) / "pip" / "pip.conf" for base in ("/etc/xdg",)),
        Path("/etc/pip.conf"),
        home / ".pip" / "pip.conf",
        Path(config) / "pip" / "pip.conf",
        Path(sys.prefix) / "pip.conf",
    ]
    return [*places, Path(named)] if named else places

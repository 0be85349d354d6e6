"""Source: which program or notebook started the run, how it was called, and by whom.

Values that look like secrets are masked before they leave this module: a command line is shown to
everybody who may read the run.
"""

from __future__ import annotations

import getpass
import os
import re
import shlex
import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from assay.entities import tags

MASK = "***"
_MAX_COMMAND_LENGTH = 8_000
_SENSITIVE = (
    r"pass(?:word|wd|phrase)?|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key"
    r"|credentials?|auth(?:orization)?|bearer"
)
_SECRET_FLAG = re.compile(rf"-{{0,2}}[\w.\-]*?(?:{_SENSITIVE})[\w.\-]*", re.IGNORECASE)
_KNOWN_TOKEN = re.compile(
    r"\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|hf_\w{16,}|sk-[\w-]{16,}"
    r"|xox[abprs]-[\w-]{10,}|AKIA[0-9A-Z]{12,}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*)"
)
"""Shapes of tokens that their makers gave a prefix, so that scanners can find them."""
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.\-]*://[^\s'\"]+")


def strip_url_secrets(url: str) -> str:
    """``url`` without user, password and query; what is no URL (``git@host:path``) stays as it
    is.
    """
    parts = urlsplit(url)
    if not parts.scheme or not parts.netloc:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def mask_secrets(argv: list[str]) -> list[str]:
    """``argv`` with the values of options that are named like secrets replaced by ``***``."""
    shown: list[str] = []
    hide_next = False
    for word in argv:
        name, equals, _ = word.partition("=")
        if hide_next and not word.startswith("-"):
            shown.append(MASK)
            hide_next = False
            continue
        hide_next = False
        if _SECRET_FLAG.fullmatch(name):
            shown.append(f"{name}={MASK}" if equals else name)
            hide_next = not equals and name.startswith("-")
            continue
        shown.append(mask_text(word))
    return shown


def is_sensitive(name: str) -> bool:
    """Whether a variable or option of this name would hold a secret."""
    return _SECRET_FLAG.fullmatch(name) is not None


def mask_text(text: str) -> str:
    """``text`` with users and passwords in URLs, and tokens of known shape, replaced by ``***``."""
    without_urls = _URL.sub(lambda found: _mask_url(found.group()), text)
    return _KNOWN_TOKEN.sub(MASK, without_urls)


def _mask_url(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return MASK
    if "@" not in parts.netloc:
        return url
    return urlunsplit(parts._replace(netloc=f"{MASK}@{parts.netloc.rpartition('@')[2]}"))


def command_line() -> str:
    """How this process was called, secrets masked, in a form that a shell takes back."""
    argv = getattr(sys, "orig_argv", None) or sys.argv
    return shlex.join(mask_secrets(list(argv)))[:_MAX_COMMAND_LENGTH]


def in_notebook() -> bool:
    """Whether the program runs in a Jupyter kernel, where one process outlives many cell runs."""
    return "ipykernel" in sys.modules and "IPython" in sys.modules


def source_name() -> str:
    """The script, module or notebook that runs, as MLflow's ``mlflow.source.name``."""
    if in_notebook():
        return _notebook_name()
    main = sys.argv[0] if sys.argv else ""
    return main if main not in ("", "-c") else sys.executable or "python"


def script_folder() -> Path | None:
    """Where the script lies that runs; ``None`` for a notebook, ``-c`` or an installed program."""
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    if not isinstance(file, str) or in_notebook():
        return None
    folder = Path(file).resolve().parent
    return None if folder.is_relative_to(Path(sys.prefix).resolve()) else folder


def _notebook_name() -> str:
    # Jupyter Server and VS Code say it in these places; there is no official question to ask a
    # kernel.
    name = os.environ.get("JPY_SESSION_NAME", "")
    if not name:
        shell = sys.modules["IPython"].get_ipython()
        names = getattr(shell, "user_ns", {}) if shell is not None else {}
        name = str(names.get("__vsc_ipynb_file__", "")) or "notebook"
    return Path(name).name if name.startswith("/") else name


def source_type() -> str:
    """MLflow's word for the kind of source: ``NOTEBOOK``, ``PROJECT`` or ``LOCAL``."""
    if in_notebook():
        return "NOTEBOOK"
    return "PROJECT" if os.environ.get("MLFLOW_PROJECT_ENV") else "LOCAL"


def user_name() -> str:
    """The login name, or ``unknown`` in containers whose user id has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def source_tags() -> dict[str, str]:
    """What is known at once, in microseconds: it travels with the start of the run."""
    return {
        tags.USER: os.environ.get("MLFLOW_USER") or user_name(),
        tags.SOURCE_NAME: source_name(),
        tags.SOURCE_TYPE: source_type(),
    }


def process_tags() -> dict[str, str]:
    """Command line, host and interpreter."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    return {
        tags.COMMAND_LINE: command_line(),
        tags.HOST: socket.gethostname(),
        tags.PYTHON: f"{sys.implementation.name} {version}",
    }

"""Kubectl: the program that reaches a cluster, bound to a context and a namespace."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from assay.errors import StoreUnavailable

TIMEOUT_S: Final = 120
_MAX_TOLD: Final = 500
_LINES_TOLD: Final = 3


class Kubectl:
    """Asks a cluster about one namespace of it.

    Raises:
        StoreUnavailable: there is no ``kubectl``; the message says what to do.
    """

    def __init__(self, namespace: str, context: str | None) -> None:
        program = shutil.which("kubectl")
        if program is None:
            raise StoreUnavailable(
                "There is no kubectl here: install it, and set it up for the cluster."
            )
        self.command = [program, *(["--context", context] if context else [])]
        self.command += ["--namespace", namespace]

    def run(
        self, arguments: Sequence[str], *, text: str | None = None, timeout_s: int = TIMEOUT_S
    ) -> str:
        """What it prints when it is run with these arguments, and ``text`` as its input.

        Raises:
            StoreUnavailable: it ends with an error, or takes too long.
        """
        try:
            done = subprocess.run(  # noqa: S603 - an argument list
                [*self.command, *arguments],
                input=text,
                stdin=subprocess.DEVNULL if text is None else None,
                capture_output=True,
                text=True,
                check=False,
                timeout=timeout_s,
            )
        except subprocess.TimeoutExpired:
            raise StoreUnavailable(f"kubectl {arguments[0]} took over {timeout_s} s.") from None
        if done.returncode != 0:
            raise StoreUnavailable(f"kubectl {arguments[0]} failed: {last_lines(done.stderr)}")
        return done.stdout


def last_lines(text: str) -> str:
    """The end of what a program said, in short."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " ".join(lines[-_LINES_TOLD:])[-_MAX_TOLD:] or "it doesn't say why"


def decoded(text: str) -> Any:
    """The JSON that ``kubectl`` printed.

    Raises:
        StoreUnavailable: it is none.
    """
    try:
        return msgspec.json.decode(text)
    except msgspec.MsgspecError as error:
        raise StoreUnavailable(f"kubectl answered something else than JSON: {error}.") from None

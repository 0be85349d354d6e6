"""Handing over: a process of its own delivers what a program couldn't while it ended.

From Python 3.12 on no thread can be started once the main thread is done, and a database store
needs one. A program that ends before its store was open therefore leaves its journal to this
helper, and waits for it.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import msgspec

from assay.errors import AssayError
from assay.store.uri import Location

_log = logging.getLogger(__name__)


class _Order(msgspec.Struct, frozen=True):
    """A location, as it goes through a pipe: the URI may hold a password, so no argument."""

    tracking_uri: str
    kind: str
    home: str
    journal_folder: str
    artifact_root: str


def deliver_in_new_process(location: Location, *, timeout_s: float) -> bool:
    """Have the journals of dead processes delivered, this one's too; whether it went well."""
    if not sys.executable:
        return False  # an interpreter inside another program
    order = _Order(
        tracking_uri=location.tracking_uri,
        kind=location.kind,
        home=str(location.home),
        journal_folder=str(location.journal_folder),
        artifact_root=location.artifact_root,
    )
    program = "from assay.client.handover import main; main()"
    try:
        done = subprocess.run(  # noqa: S603  # our own interpreter with a fixed program
            [sys.executable, "-c", program],
            input=msgspec.json.encode(order),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            timeout=timeout_s,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        _log.debug("The helper that delivers the rest did not run.", exc_info=error)
        return False
    return done.returncode == 0


def main() -> None:
    """Deliver what an order on the standard input says."""
    # Only the helper delivers; whoever calls it should not pay for this.
    from assay.client.sync import sync

    order = msgspec.json.decode(sys.stdin.buffer.read(), type=_Order)
    location = msgspec.convert(
        {
            **msgspec.structs.asdict(order),
            "home": Path(order.home),
            "journal_folder": Path(order.journal_folder),
        },
        Location,
    )
    try:
        sync(location)
    except AssayError as error:
        _log.debug("What is left is kept.", exc_info=error)
        raise SystemExit(1) from None

"""Starting a run on a plain MLflow server, which insists on ids of its own.

When the server can be asked, the run is made there at once, so that a program sees the id that
others see. When it can't, the run starts under our id all the same, and gets the server's at
delivery.
"""

from __future__ import annotations

import logging
import threading

import msgspec

from assay.client import connect
from assay.client.foreign import ForeignTarget
from assay.client.journal_files import make_private_folder, write_private
from assay.entities.operations import StartRun
from assay.errors import AssayError
from assay.store.uri import Location

_log = logging.getLogger(__name__)

PATIENCE_S = 5.0
"""How long the start of a run waits at most for a server that doesn't answer."""
KIND_NAME = "server-kind"
"""File that remembers what kind of server it is, so that it is asked once in the life of a folder.
"""
_ASSAY = b"assay"


def start_on_server(location: Location, operation: StartRun) -> StartRun:
    """Make the run on the server if that is a plain MLflow server and answers; else change nothing.

    Returns:
        The operation with the id under which the run is to be recorded.
    """
    if _remembered(location) == _ASSAY:
        return operation
    started: list[StartRun] = []
    given_up = threading.Event()

    def ask() -> None:
        try:
            started.append(_start(location, operation, given_up=given_up))
        except AssayError as error:
            _log.debug("The run starts without its server.", exc_info=error)

    thread = threading.Thread(target=ask, name="assay-start", daemon=True)
    thread.start()
    thread.join(PATIENCE_S)
    given_up.set()
    return started[0] if started else operation


def _start(location: Location, operation: StartRun, *, given_up: threading.Event) -> StartRun:
    # The journal does without the server, so the start of a run is not held up by trying again.
    store = connect.open_store(location, patient=False)
    try:
        if getattr(store, "is_assay", True):
            make_private_folder(location.journal_folder)
            write_private(location.journal_folder / KIND_NAME, _ASSAY)
            return operation
        if given_up.is_set():
            return operation
        run_id = ForeignTarget(store, location.journal_folder).start(operation)
        return msgspec.structs.replace(operation, run_id=run_id)
    finally:
        store.close()


def _remembered(location: Location) -> bytes:
    try:
        return (location.journal_folder / KIND_NAME).read_bytes()
    except OSError:
        return b""

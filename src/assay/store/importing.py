"""Late imports: parts of a store are imported when they are first needed, and a fork waits for it.

SQLAlchemy's parts, NumPy and our own modules over them take longer to import than a short command
works. A child that is forked in the middle of an import by another thread would wait for ever for
the rest of it, so whoever imports late holds ``IMPORTING``::

    with IMPORTING:
        from assay.store.sql.metrics import append_points
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Final

__all__ = ["IMPORTING"]

IMPORTING: Final = threading.RLock()
"""Held while a part of a store is imported."""


def _before_fork() -> None:
    # Where SQLite is open already, its own hook ran first: reads and changes under way, which may
    # import too, have ended.
    IMPORTING.acquire()
    # Imported while the fork waited, it was too late for Python to call it.
    sqlite = sys.modules.get("assay.store.sql.sqlite")
    if sqlite is not None:
        sqlite.before_fork()


os.register_at_fork(
    before=_before_fork,
    after_in_parent=IMPORTING.release,
    after_in_child=IMPORTING.release,
)

"""Lets the browser and the servers of a measurement run before other work on a shared machine.

Linux gives each session a group, and shares the cores between groups by their weight; only the
superuser may raise one. Just the processes that this one started are touched.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

EVERY_S = 0.2
NICE = "-18"


@contextmanager
def ahead_of_others() -> Iterator[None]:
    """While it lasts, this process and all that it starts run ahead of the rest."""
    own = Path("/proc/self/autogroup")
    try:
        # In a session of its own, so that the shell it was started from gains nothing.
        if os.getsid(0) != os.getpid():
            os.setsid()
        own.write_text(NICE)
    except OSError as error:
        raise SystemExit(f"--priority needs Linux and the superuser: {error}") from None
    over = threading.Event()
    watcher = threading.Thread(target=_raise_all, args=(over,), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _raise_all(over: threading.Event) -> None:
    raised: set[int] = set()
    while not over.wait(EVERY_S):
        for pid in _family(os.getpid()) - raised:
            try:
                Path(f"/proc/{pid}/autogroup").write_text(NICE)
            except OSError:
                continue  # ended meanwhile
            raised.add(pid)


def _family(root: int) -> set[int]:
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # ended meanwhile
        parents[int(stat.parent.name)] = int(fields[1])
    family = {root}
    while grown := {child for child, parent in parents.items() if parent in family} - family:
        family |= grown
    return family

"""Guards: what runs outside of this process, in a container or on a cluster, ends with it."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from typing import Final

from assay.projects.process import LINEAGE_VARIABLE

_REMOVAL_S: Final = 60.0
_GUARD: Final = 'read -r _; "$@" >/dev/null 2>&1'


@contextlib.contextmanager
def guarded(removal: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``removal`` when the block is left, or this process dies in it, however it does.

    It yields the process that will do it; where there is nothing to remove, kill that.
    """
    theirs, ours = os.pipe()
    try:
        guard = subprocess.Popen(  # noqa: S603 - an argument list; the script is fixed
            ["/bin/sh", "-c", _GUARD, "sh", *removal],
            stdin=theirs,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # What ends the command around us must not end it.
            env={k: v for k, v in os.environ.items() if k != LINEAGE_VARIABLE},
            start_new_session=True,
        )
    finally:
        os.close(theirs)
    try:
        yield guard
    finally:
        os.close(ours)
        with contextlib.suppress(subprocess.TimeoutExpired):
            guard.wait(_REMOVAL_S)

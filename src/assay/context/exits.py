"""Exits: what a process knows about its own end: the exception, the exit code, what it used.

All of it is asked of this process only, in less than a millisecond, and nothing here can raise: a
program's end must not depend on what is noted about it.
"""

from __future__ import annotations

import sys
import time
from typing import Final

from assay.context.packages import imported_names
from assay.context.source import mask_text
from assay.entities import tags

try:
    import resource
except ImportError:  # Windows has no such module
    resource = None  # type: ignore[assignment]

MAX_EXCEPTION_LENGTH: Final = 2_000
MAX_IMPORTED_LENGTH: Final = 8_000
"""What the value of a tag may take."""
INTERRUPTED: Final = 130
"""What shells say of a program that Ctrl-C ended: 128 and the number of the signal."""


def cpu_time_s() -> float:
    """Processor time of this process and of its children that have ended, in seconds."""
    used = time.process_time()
    if resource is not None:
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        used += ended.ru_utime + ended.ru_stime
    return used


def usage_tags(cpu_before_s: float) -> dict[str, str]:
    """Processor time since ``cpu_before_s``, the largest memory this process ever held, and what
    it has imported.
    """
    facts = {tags.CPU_SECONDS: f"{max(0.0, cpu_time_s() - cpu_before_s):.3f}"}
    imported = " ".join(imported_names())
    if 0 < len(imported) <= MAX_IMPORTED_LENGTH:
        facts[tags.IMPORTED] = imported
    if resource is not None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        # Kilobytes on Linux and the BSDs, bytes on macOS.
        facts[tags.PEAK_MEMORY] = str(peak if sys.platform == "darwin" else peak * 1024)
    return facts


def exception_tags(error: BaseException | None) -> dict[str, str]:
    """The exception that ends a run, and the exit code if it names one."""
    if error is None:
        return {}
    if isinstance(error, SystemExit):
        code = exit_code(error)
        return {} if code == 0 else {tags.EXIT_CODE: str(code), **_message_of(error)}
    return {tags.EXCEPTION: _told(error)}


def exit_code(error: BaseException) -> int:
    """The code with which Python ends a program that nobody keeps this exception from leaving."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if not isinstance(error, SystemExit):
        return 1
    if error.code is None:
        return 0
    # ``sys.exit("text")`` prints the text and ends with 1; of numbers the system keeps eight bits.
    return error.code & 0xFF if isinstance(error.code, int) else 1


def _message_of(error: SystemExit) -> dict[str, str]:
    return {} if isinstance(error.code, int) else {tags.EXCEPTION: _told(error)}


def _told(error: BaseException) -> str:
    kind = type(error)
    name = kind.__qualname__
    if kind.__module__ not in ("builtins", "__main__"):
        name = f"{kind.__module__}.{name}"
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - a program's own class may do anything here
        text = ""
    # Cut first: masking reads all of it, and a message may hold a whole tensor.
    text = mask_text(text[:MAX_EXCEPTION_LENGTH]).encode("utf-8", "replace").decode()
    return f"{name}: {text}" if text else name

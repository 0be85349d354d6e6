"""Requirements of a saved model, found by really loading it and letting it predict.

That happens in a process of its own (``import_probe``), so what the caller's process imported plays
no part and lazily imported packages are seen. ``import_roots`` decides what of it is needed;
answers are kept in the user's cache (``requirements_cache``).
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from assay.models.environments import requirements_cache
from assay.models.environments.child_process import run_child
from assay.models.environments.import_report import Report
from assay.models.environments.import_roots import required
from assay.models.environments.packages import Distributions, pins

_PROGRAM: Final = (
    "import sys, json; r = json.load(sys.stdin); sys.path[:] = r['sys_path'];"
    " from assay.models.environments.import_probe import main; main(r)"
)
_log = logging.getLogger(__name__)


class _ProbeFailed(Exception):
    """The process didn't get as far as a report; the message says why."""


def infer_requirements(
    model_path: str | Path, *, fallback: Sequence[str] = (), timeout_s: float = 120
) -> list[str]:
    """Exact pins of what a model needs to be loaded and to predict, sorted by name.

    Args:
        model_path: the saved model's folder; its ``MLmodel`` must be there, its environment files
            and digests need not. Its code is run: it must be trusted.
        fallback: names or requirements to answer with when the model can't be loaded; names of
            installed packages are pinned.
        timeout_s: seconds that loading and predicting may take together.

    Never raises for what the model does: one warning says why the fallback was used.
    """
    folder = Path(model_path)
    index = Distributions()
    key = requirements_cache.key_of(folder, index)
    kept = None if key is None else requirements_cache.find(key)
    if kept is not None:
        return kept
    try:
        report = _probe(folder, timeout_s)
    except _ProbeFailed as failure:
        return _fall_back(fallback, str(failure))
    if report.load_error is not None:
        return _fall_back(fallback, f"it can't be loaded ({report.load_error})")
    found = required(report, index)
    if report.predict_error is not None:
        # What prediction imports wasn't seen: the flavor's own packages are added blindly.
        named = {_name(line) for line in found.pins}
        missing = [line for line in _pinned(fallback) if _name(line) not in named]
        _log.warning(
            "The requirements of the model were inferred from loading it alone, because it can't"
            " predict its input example in a new process (%s). Check its requirements.txt.",
            report.predict_error,
        )
        return sorted([*found.pins, *missing])
    if key is not None and not found.has_user_code:
        requirements_cache.keep(key, found.pins)
    return found.pins


def _fall_back(fallback: Sequence[str], why: str) -> list[str]:
    answer = _pinned(fallback)
    _log.warning(
        "The requirements of the model can't be inferred: %s. Used instead: %s. Pass"
        " pip_requirements if the model needs others.",
        why,
        ", ".join(answer) or "none",
    )
    return answer


def _pinned(lines: Sequence[str]) -> list[str]:
    found: list[str] = []
    for line in lines:
        plain = not any(mark in line for mark in "=<>~!@;")
        found += (pins([line]) or [line]) if plain else [line]
    return sorted(found)


def _name(line: str) -> str:
    return line.partition("==")[0].partition(" @ ")[0].partition("[")[0]


def _probe(folder: Path, timeout_s: float) -> Report:
    with tempfile.TemporaryDirectory(prefix="assay-probe-") as work:
        report = Path(work) / "report.json"
        request = {
            "model": str(folder.absolute()),
            "report": str(report),
            # What the caller can import, the process can: a notebook's folder, a changed path.
            "sys_path": [os.path.abspath(place) for place in sys.path],  # noqa: PTH100 - keeps links
        }
        try:
            told = run_child(
                # -P: the current folder must not replace json before the path is set.
                [sys.executable, "-P", "-c", _PROGRAM],
                request,
                output=Path(work) / "output.txt",
                timeout_s=timeout_s,
            )
        except OSError as error:
            # Too slow, or not to be started at all, as in an embedded interpreter.
            raise _ProbeFailed(f"loading it in a new process failed: {error}") from None
        try:
            return msgspec.json.decode(report.read_bytes(), type=Report)
        except (OSError, msgspec.DecodeError):
            raise _ProbeFailed(f"the process that loaded it died ({told})") from None

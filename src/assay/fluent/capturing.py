"""Capturing: sends what ``assay.context`` finds out along with a run, from a thread of its own."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections.abc import Collection
from functools import partial

from assay.context.capture import snapshot, wanted_parts
from assay.context.exits import cpu_time_s, exception_tags, usage_tags
from assay.context.output import start_output_log, stop_output_log
from assay.context.seeds import seed_tags
from assay.context.system_metrics import SystemMonitor
from assay.context.variables import variable_tags
from assay.entities import tags
from assay.entities.names import artifact_path
from assay.entities.operations import SetTags
from assay.errors import AssayError
from assay.fluent.active import OpenRun
from assay.fluent.live_output import LiveOutput, publish_output
from assay.models.environments.lockfiles import project_lock

_log = logging.getLogger(__name__)

_SYSTEM_METRICS_VARIABLES = ("ASSAY_LOG_SYSTEM_METRICS", "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING")
_END_WAITS_S = 10.0
"""How long the end of a run waits for facts that are still being gathered, such as a long diff."""

_system_metrics: bool | None = None


def enable_system_metrics_logging() -> None:
    """Log system metrics with every run that starts from now on."""
    global _system_metrics
    _system_metrics = True


def disable_system_metrics_logging() -> None:
    """Log no system metrics unless a run asks for them."""
    global _system_metrics
    _system_metrics = False


def parts_of(choice: str | bool | Collection[str] | None) -> frozenset[str]:
    """What a run takes along. Raises ``InvalidInput`` for an unknown part."""
    return wanted_parts(choice)


def begin(
    run: OpenRun, parts: frozenset[str], *, nested: bool, system_metrics: bool | None
) -> None:
    """Start capturing for a run that has just started.

    A nested run takes the facts as tags; their files and the output are with the run around it, or
    a sweep of a thousand runs would keep a thousand copies.
    """
    if "exit" in parts:
        run.cpu_before_s = cpu_time_s()
    if run.is_described_here:
        facts = {**(variable_tags() if "environment" in parts else {}), **seed_tags()}
        if run.number > 1 and "process" in parts:
            facts[tags.RUN_NUMBER] = str(run.number)
        if facts:
            # At once: what the program sets from now on isn't what it was started with.
            run.recorder.append(SetTags(run.run_id, facts))
    if _wants_system_metrics(system_metrics):
        log = partial(_log_system_metrics, run)
        run.monitor = SystemMonitor(log, start_time_ms=run.start_time_ms)
        run.monitor.start()
    if "output" in parts and not nested:
        run.output_log = start_output_log()
        if run.output_log is not None:
            run.live_output = LiveOutput(run.run_id, run.recorder, run.output_log)
    slow = parts - {"source", "output", "exit", "environment"}
    if slow and run.is_described_here:
        thread = threading.Thread(
            target=_send_snapshot,
            args=(run, slow - {"patch", "packages"} if nested else slow),
            name="assay-capture",
            daemon=True,
        )
        try:
            thread.start()
        except RuntimeError:
            return  # the interpreter is ending
        run.capture = thread


def _wants_system_metrics(choice: bool | None) -> bool:
    if choice is not None:
        return choice
    if _system_metrics is not None:
        return _system_metrics
    return any(
        os.environ.get(name, "").lower() in ("1", "true") for name in _SYSTEM_METRICS_VARIABLES
    )


def _log_system_metrics(run: OpenRun, values: dict[str, float], step: int, time_ms: int) -> None:
    run.recorder.metrics(run.run_id, values, step, time_ms)


def _send_snapshot(run: OpenRun, parts: frozenset[str]) -> None:
    try:
        facts = snapshot(parts)
        known = {**facts.tags, **(_lock_tags() if "packages" in parts else {})}
        if new := {key: value for key, value in known.items() if key not in run.known_tags}:
            run.recorder.append(SetTags(run.run_id, new))
        for path, content in facts.files.items():
            run.recorder.artifact(run.run_id, artifact_path(path), content)
    except Exception:  # noqa: BLE001 - what a run notes about its surroundings must never end it
        _log.warning("The surroundings of run %s were not captured.", run.run_id, exc_info=True)


def _lock_tags() -> dict[str, str]:
    lock = project_lock()
    if lock is None:
        return {}
    return {tags.LOCK: f"{lock.name} sha256:{hashlib.sha256(lock.read_bytes()).hexdigest()}"}


def end(run: OpenRun) -> None:
    """Stop capturing, and send what is left: the last sample and the output."""
    if run.capture is not None:
        run.capture.join(_END_WAITS_S)
        run.capture = None
    if run.monitor is not None:
        run.monitor.stop()
        run.monitor = None
    if run.live_output is not None:
        run.live_output.stop()
        run.live_output = None
    if run.output_log is not None:
        log, run.output_log = run.output_log, None
        stop_output_log(log)
        try:
            if log.size_bytes:
                publish_output(run.run_id, run.recorder, log)
        except (OSError, AssayError) as error:
            _log.warning("The output of run %s was not kept: %s", run.run_id, error)
        finally:
            log.close()


def note_exit(run: OpenRun, error: BaseException | None, code: int | None) -> None:
    """Tag the run with what ended it, if something did, and with what its process used."""
    if run.cpu_before_s is None:
        return
    facts = {**usage_tags(run.cpu_before_s), **exception_tags(error)}
    if code is not None:
        facts[tags.EXIT_CODE] = str(code)
    run.recorder.append(SetTags(run.run_id, facts))

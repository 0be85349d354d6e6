"""Ending: how a launch ended is recorded in its run, also where the journal has no room for it."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Final

import msgspec

from assay.client.client import Client
from assay.client.recorder import Recorder
from assay.entities import tags
from assay.entities.ids import RunId
from assay.entities.operations import SetTags, UpdateRun
from assay.entities.runs import RunStatus
from assay.errors import AssayError, StoreUnavailable
from assay.fluent.reading import client_for
from assay.projects.launch import Outcome
from assay.store.uri import Location

MAX_TAG: Final = 2_000
"""Characters of a reason or a command line that are kept."""
_DELIVERY_S: Final = 30.0
"""What the end of a run waits for a server that is away; the journal keeps what is left."""

_log = logging.getLogger(__name__)


def record_end(outcome: Outcome, recorder: Recorder, run_id: RunId, location: Location) -> Outcome:
    """Record it in the run, and return it as it is now: a command may have ended its run itself."""
    outcome = _with_own_word(outcome, client_for(location), run_id)
    facts = {}
    if outcome.exit_code is not None:
        facts[tags.EXIT_CODE] = str(outcome.exit_code)
    if outcome.reason:
        facts[tags.PROJECT_REASON] = outcome.reason[:MAX_TAG]
    if facts:
        recorder.append(SetTags(run_id, facts))
    now = time.time_ns() // 1_000_000
    recorder.append(UpdateRun(run_id, RunStatus(outcome.status), now))
    try:
        recorder.flush(_DELIVERY_S)
        if recorder.lacks_room:
            _record_at_once(outcome, client_for(location), run_id, facts)
    except StoreUnavailable as error:
        _log.warning("The end of run %s is delivered later: %s", run_id, error.message)
    return outcome


def _record_at_once(
    outcome: Outcome, client: Client, run_id: RunId, facts: Mapping[str, str]
) -> None:
    """The end of a run for which the journal has no room: the store may have some."""
    try:
        for key, value in facts.items():
            client.set_tag(run_id, key, value)
        client.set_terminated(run_id, RunStatus(outcome.status))
    except AssayError as error:
        _log.error("The end of run %s can't be recorded: %s", run_id, error.message)


def _with_own_word(outcome: Outcome, client: Client, run_id: RunId) -> Outcome:
    """A run that its command ended as FAILED or KILLED stays that, though the command went well."""
    if outcome.status != "FINISHED":
        return outcome
    try:
        status = client.get_run(run_id).info.status
    except AssayError:
        return outcome
    if status in (RunStatus.FAILED, RunStatus.KILLED):
        return msgspec.structs.replace(
            outcome, status=status.value, reason=f"Its command ended the run as {status.value}."
        )
    return outcome

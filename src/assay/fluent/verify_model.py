"""Verifying models by URI, and keeping what was found with the model."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from assay.errors import AssayError
from assay.fluent.log_model import ENVIRONMENT_TAG, REPORT_TAG
from assay.fluent.model_places import Place, is_local, logged_model_id
from assay.fluent.model_signatures import find_signed_model
from assay.fluent.reading import client_for
from assay.models import verification
from assay.models.checks import Outcome
from assay.models.environments.report import EnvReport
from assay.models.environments.verifying import verify_environment
from assay.models.verification import RECORD, Verification
from assay.version import __version__

VERIFIED_TAG = "assay.verified"
"""``true`` or ``false``: whether the model was what was saved, the last time somebody looked."""
VERIFIED_TIME_TAG = "assay.verified.time"
RECORD_VERSION = 1
"""Of ``verification.json``; raised when its entries change their meaning."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What is written down of a verification."""

    ok: bool
    time: str
    """UTC, ISO 8601."""
    assay_version: str = __version__
    checks: Verification
    environment: EnvReport | None = None
    version: int = RECORD_VERSION


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """A verification, and where it was written down."""

    record: Record
    recorded: str
    """For people: where, or why not."""

    @property
    def ok(self) -> bool:
        """Whether all held."""
        return self.record.ok

    @property
    def outcomes(self) -> list[Outcome]:
        """What was checked, in order; the environment is in ``environment``."""
        return self.record.checks.outcomes

    @property
    def environment(self) -> EnvReport | None:
        """What came of it in an environment of its own, if that was asked for."""
        return self.record.environment


def verify(
    model_uri: str | Path,
    *,
    environment: bool = False,
    trust: bool | None = None,
    require_signature: bool | str | Path | None = None,
    record: bool = True,
    progress: Callable[[str], None] | None = None,
) -> Verified:
    """Check that a model is what was saved, loads, and still predicts what it did.

    Compares digests, loads the model, replays its golden predictions and runs its declared checks.

    Args:
        model_uri: as of ``assay.pyfunc.load_model``.
        environment: also rebuild its environment from its files alone, and replay there.
        trust: ``True`` lets code of the model run.
        require_signature: as of ``assay.pyfunc.load_model``.
        record: keep the outcome as tags of a logged model, or in ``verification.json`` beside it.
        progress: told each step of making the environment.

    Raises:
        ArtifactNotFound: there is no model.
        UntrustedModel: loading would run code of others.
        UntrustedSignature: it isn't signed as required.
    """
    place = find_signed_model(model_uri, require_signature=require_signature)
    found = verification.verify(place.folder, trust=trust, origin=place.origin)
    report = None
    # Files that aren't what was saved are tried nowhere.
    if environment and not any(one.check == "digests" and not one.ok for one in found.outcomes):
        report = verify_environment(
            place.folder, trust=trust, origin=place.origin, progress=progress
        )
    made = Record(
        ok=found.ok and (report is None or report.ok),
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        checks=found,
        environment=report,
    )
    return Verified(
        record=made, recorded=_keep(model_uri, place, made) if record else "not recorded"
    )


def _keep(uri: str | Path, place: Place, record: Record) -> str:
    if is_local(uri):
        file = place.folder / RECORD
        try:
            file.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=1))
        except OSError as error:
            return f"not recorded: {error}"
        return f"recorded in {file}"
    model_id = logged_model_id(uri)
    if model_id is None:
        return "not recorded: the address names files, not a logged model"
    try:
        client_for().set_logged_model_tags(model_id, _tags(record))
    except AssayError as error:
        return f"not recorded: {error.message}"
    return f"recorded in the tags of {model_id}"


def _tags(record: Record) -> dict[str, str]:
    tags = {VERIFIED_TAG: str(record.ok).lower(), VERIFIED_TIME_TAG: record.time}
    if record.environment is not None:
        tags[ENVIRONMENT_TAG] = str(record.environment.ok).lower()
        tags[REPORT_TAG] = msgspec.json.encode(record.environment).decode()
    return tags

"""Ids: their types, how new ones are made, and what a well-formed one looks like.

Clients make ids, so a run can start without a round trip and offline; 122 random bits keep them
apart.
"""

from __future__ import annotations

import os
import re
from typing import NewType

from assay.errors import InvalidName

ExperimentId = NewType("ExperimentId", str)
RunId = NewType("RunId", str)
ModelId = NewType("ModelId", str)
WriterId = NewType("WriterId", str)

DEFAULT_EXPERIMENT_ID = ExperimentId("0")
DEFAULT_EXPERIMENT_NAME = "Default"

_EXPERIMENT_ID = re.compile(r"[0-9]{1,19}\Z")
_RUN_ID = re.compile(r"[a-zA-Z0-9][\w\-]{0,255}\Z", re.ASCII)
_MODEL_ID = re.compile(r"m-[a-zA-Z0-9]{1,64}\Z")


def new_run_id() -> RunId:
    """A fresh run id: 32 lower-case hex digits, as MLflow's."""
    return RunId(os.urandom(16).hex())


def new_experiment_id() -> ExperimentId:
    """A fresh experiment id: 18 decimal digits, which fits a signed 64-bit integer."""
    return ExperimentId(str(10**17 + int.from_bytes(os.urandom(8), "big") % (9 * 10**17)))


def new_model_id() -> ModelId:
    """A fresh logged-model id: ``m-`` and 32 hex digits, as MLflow's."""
    return ModelId("m-" + os.urandom(16).hex())


def new_writer_id() -> WriterId:
    """A fresh id of one journal; deliveries are counted per writer."""
    return WriterId(os.urandom(16).hex())


def check_experiment_id(text: str) -> ExperimentId:
    """``text`` as an experiment id.

    Raises:
        InvalidName: it is not 1 to 19 decimal digits.
    """
    if not _EXPERIMENT_ID.match(text):
        raise InvalidName("experiment id", text, "it must be a decimal number")
    return ExperimentId(text)


def check_run_id(text: str) -> RunId:
    """``text`` as a run id.

    Raises:
        InvalidName: it is empty, longer than 256, or has characters other than letters, digits,
            ``_`` and ``-``.
    """
    if not _RUN_ID.match(text):
        raise InvalidName("run id", text, "it must be 1 to 256 letters, digits, '_' or '-'")
    return RunId(text)


def check_model_id(text: str) -> ModelId:
    """``text`` as a logged-model id.

    Raises:
        InvalidName: it is not ``m-`` followed by letters and digits.
    """
    if not _MODEL_ID.match(text):
        raise InvalidName("model id", text, "it must be 'm-' followed by letters and digits")
    return ModelId(text)

"""Tags: text that may change, on experiments, runs and logged models; and the tag keys with a
meaning.
"""

from __future__ import annotations

from typing import Final

import msgspec


class Tag(msgspec.Struct, frozen=True):
    """One tag."""

    key: str
    value: str


RUN_NAME: Final = "mlflow.runName"
"""The run's name; one thing with ``RunInfo.run_name`` in both directions."""
USER: Final = "mlflow.user"
PARENT_RUN_ID: Final = "mlflow.parentRunId"
NOTE: Final = "mlflow.note.content"
"""Description, in Markdown."""
SOURCE_NAME: Final = "mlflow.source.name"
SOURCE_TYPE: Final = "mlflow.source.type"
GIT_COMMIT: Final = "mlflow.source.git.commit"
GIT_BRANCH: Final = "mlflow.source.git.branch"
GIT_REMOTE: Final = "mlflow.source.git.repoURL"
GIT_DIRTY: Final = "assay.source.git.dirty"
COMMAND_LINE: Final = "assay.command"
HOST: Final = "assay.host"
PYTHON: Final = "assay.python"
CPU: Final = "assay.cpu"
GPU: Final = "assay.gpu"
EXCEPTION: Final = "assay.exception"
"""The exception that ended the run: its class and the beginning of its message."""
EXIT_CODE: Final = "assay.exit_code"
"""With which the run's process ended, where it could know."""
CPU_SECONDS: Final = "assay.cpu_seconds"
PEAK_MEMORY: Final = "assay.peak_memory_bytes"
DATASET_CONTEXT: Final = "mlflow.data.context"
LOGGED_ARTIFACTS: Final = "mlflow.loggedArtifacts"
"""JSON list of what ``log_table`` wrote, which ``load_table`` reads."""
EXPERIMENT_NOTE: Final = "mlflow.note.content"

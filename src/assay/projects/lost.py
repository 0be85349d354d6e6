"""Lost: what is done when the process that carried a launch out was killed.

All that its command left is killed, and what it recorded is delivered, which ends the run; see
``assay.client.orphans``. The command's guard runs this as a program:
``python -m assay.projects.lost TRACKING_URI RUN_ID FOLDER MARKER``.
"""

from __future__ import annotations

import shutil
import sys

from assay.client.sync import sync
from assay.client.tracking_uri import current_location
from assay.entities import tags
from assay.entities.runs import RunStatus
from assay.errors import AssayError
from assay.fluent.reading import client_for
from assay.projects.process import LINEAGE_VARIABLE
from assay.projects.strays import kill_strays
from assay.store.uri import resolve_location

LOST_REASON = "The process that carried it out was killed."


def clean_up(tracking_uri: str, run_id: str, folder: str, marker: str) -> None:
    """End what is left of a run whose process is gone.

    Args:
        tracking_uri: where it is recorded, without a password.
        run_id: of the run.
        folder: of what was fetched for it, which is removed.
        marker: of its command.

    Raises:
        AssayError: the store can't be reached; the next program of this folder tells it then.
    """
    kill_strays(LINEAGE_VARIABLE, marker, patience_s=0)
    shutil.rmtree(folder, ignore_errors=True)
    here = current_location()
    location = here if here.address == tracking_uri else resolve_location(tracking_uri)
    sync(location)
    client = client_for(location)
    run = client.get_run(run_id)
    if run.info.status is RunStatus.FAILED and tags.PROJECT_REASON not in run.data.tags:
        client.set_tag(run_id, tags.PROJECT_REASON, LOST_REASON)


if __name__ == "__main__":
    try:
        clean_up(*sys.argv[1:])
    except AssayError as error:
        sys.exit(error.message)

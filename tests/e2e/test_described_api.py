"""The API's own description, thrown back at the server by Schemathesis: nothing breaks it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.mlflow_client import ServerProcess
from tests.services.raw_http import Raw


@pytest.mark.slow
def test_no_request_made_from_the_description_breaks_the_server(
    tmp_path: Path, assay_server: ServerProcess
) -> None:
    raw = Raw(assay_server.url)
    description = tmp_path / "openapi.json"
    description.write_bytes(raw("GET", "/api/assay/v1/openapi.json").body)
    raw.close()  # the server hangs up on who is silent for as long as the next part takes

    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "st"),
            "run",
            str(description),
            *("--url", assay_server.url),
            *("--checks", "not_a_server_error"),
            # Live updates stream until the client hangs up.
            *("--exclude-path-regex", "live"),
            *("--max-examples", "3"),
            *("--seed", "1"),
            # Other tests run beside this one on the same two cores.
            *("--request-timeout", "60"),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
    )

    assert done.returncode == 0, done.stdout[-5000:]
    generated = re.search(r"(\d+) generated", done.stdout)
    assert generated is not None
    assert int(generated[1]) >= 1_200
    raw = Raw(assay_server.url)
    assert raw("GET", "/health").body == b"OK"
    assert "Traceback" not in assay_server.log.read_text()
    raw.close()

"""Which failures of a delivery are final: the content is refused, rather than the way to the store
blocked.
"""

from __future__ import annotations

import pytest

from assay.client.delivery import is_final
from assay.errors import InvalidInput, PermissionDenied, RunNotFound, StoreUnavailable
from assay.store.rest.failures import failure


@pytest.mark.parametrize(
    "error",
    [
        InvalidInput("no"),
        RunNotFound("r1"),
        failure(400, b'{"error_code": "SOMETHING_NEW", "message": "no"}'),
        failure(413, b"<html>too large</html>"),
    ],
)
def test_refused_content_is_final(error: Exception) -> None:
    assert is_final(error)


@pytest.mark.parametrize(
    "error",
    [
        failure(404, b"<html>nginx: not found</html>"),
        failure(502, b"bad gateway"),
        failure(401, b'{"error_code": "UNAUTHENTICATED", "message": "who?"}'),
        PermissionDenied("sign in"),
        StoreUnavailable("away"),
    ],
)
def test_a_blocked_way_is_tried_again(error: Exception) -> None:
    assert not is_final(error)

"""Who asks for an answer piece by piece."""

from __future__ import annotations

import pytest

from assay.serving.protocols.bodies import CSV, JSON
from assay.serving.protocols.streaming import wants_stream


@pytest.mark.parametrize(
    ("body", "kind", "wants"),
    [
        (b'{"stream": true, "inputs": []}', JSON, True),
        (b'{"inputs": [{"stream": true}]}', JSON, False),
        (b'{"stream": false}', JSON, False),
        (b'{"stream": 1}', JSON, False),
        (b'{"stream": "true"}', JSON, False),
        (b'{"stream": true', JSON, False),
        (b'["stream"]', JSON, False),
        (b'"stream"', CSV, False),
        (b"", JSON, False),
    ],
)
def test_only_true_beside_the_data_asks_for_a_stream(body: bytes, kind: str, wants: bool) -> None:
    assert wants_stream(body, kind) is wants

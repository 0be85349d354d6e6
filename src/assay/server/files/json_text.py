"""JSON of files: what Python's own writer writes is read too, NaN and infinities included."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from assay.errors import InvalidInput


def read_json(text: bytes) -> Any:
    """The value in ``text``.

    Raises:
        InvalidInput: it is no JSON in UTF-8, or nested too deeply.
    """
    try:
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError:
            return json.loads(text.decode("utf-8-sig"))
    except RecursionError:
        raise InvalidInput("it is nested too deeply") from None
    except ValueError as error:
        raise InvalidInput(str(error)[:200]) from None

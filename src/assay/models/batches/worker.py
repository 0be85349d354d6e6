"""The program that predicts for another process: loads one model, then answers until its input
ends.

``assay.models.batches.pool`` starts it and no module imports it. Standard input and output carry
messages; whatever else the model's code prints goes to standard error.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import msgspec

from assay.errors import AssayError
from assay.models.batches.pool import (
    FAILED,
    HEADER,
    LOAD,
    SCORE,
    TABLE,
    Failure,
    Wanted,
    read_exactly,
)
from assay.models.loading import load_pyfunc
from assay.models.pyfunc import PyFuncModel


def main(request: Mapping[str, Any]) -> None:
    """Answer requests. ``request`` is what made this module importable."""
    del request
    requests = sys.stdin.buffer
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115 - for good
    worker = _Worker()
    while True:
        try:
            kind, size = HEADER.unpack(read_exactly(requests, HEADER.size))
            content = read_exactly(requests, size)
        except EOFError:
            return
        try:
            answer = worker.answer(kind, content)
        except BaseException as error:  # noqa: BLE001 - a model's code may raise anything; it is told
            kind, answer = FAILED, msgspec.json.encode(_failure(error))
        _send(answers, kind, answer)


def _send(answers: IO[bytes], kind: bytes, answer: Any) -> None:
    answers.write(HEADER.pack(kind, len(answer)))
    answers.write(answer)
    answers.flush()


def _failure(error: BaseException) -> Failure:
    is_ours = isinstance(error, AssayError)
    return Failure(type(error).__name__, str(error), is_ours)


class _Worker:
    def __init__(self) -> None:
        self._model: PyFuncModel | None = None
        self._params: dict[str, Any] | None = None

    def answer(self, kind: bytes, content: bytes) -> Any:
        if kind == LOAD:
            wanted = msgspec.json.decode(content, type=Wanted)
            self._params = wanted.params
            self._model = load_pyfunc(wanted.model, trust=wanted.trust, origin=wanted.origin)
            return b""
        assert self._model is not None
        if kind == SCORE:
            from assay.models.scoring import answer, parse_request

            data, params = parse_request(content, self._model.metadata)
            return answer(self._model.predict(data, params)).encode()
        assert kind == TABLE
        return predict_table(self._model, content, self._params)


def predict_table(model: PyFuncModel, content: bytes, params: dict[str, Any] | None) -> Any:
    """Predictions of an Arrow stream, as one."""
    from assay.models.batches.outputs import output_table
    from assay.models.batches.stream import from_stream, to_stream

    table = from_stream(content)
    return to_stream(output_table(model.predict(table.to_pandas(), params), table.num_rows))

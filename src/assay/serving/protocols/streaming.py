"""Answers that come piece by piece, as server-sent events.

A request asks for one by ``"stream": true`` beside its data, as MLflow's agent server and the
deployments client have it: each piece is ``data: <JSON>``, the end is ``data: [DONE]``. What fails
before the first piece is an ordinary error; later it is an event ``error``. The model's generator
is advanced in the threads of the process, one step at a time, and closed when the client has gone.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import msgspec

from assay.errors import AssayError, InvalidInput
from assay.http.errors import HttpError
from assay.http.replies import StreamReply
from assay.models.scoring import json_text, parse_request
from assay.serving.errors import prediction_error
from assay.serving.lane import Lane, ModelFailed
from assay.serving.log.recorder import Note, Pieces
from assay.serving.protocols.bodies import JSON
from assay.serving.request import Request
from assay.serving.watching.counts import Outcome

_log = logging.getLogger(__name__)
_KEY: Final = "stream"
_EVENTS: Final = b"text/event-stream; charset=utf-8"
_DONE: Final = b"data: [DONE]\n\n"
_END: Final = object()


class _Wish(msgspec.Struct):
    """All that is to be known of a body at first."""

    stream: Any = False


_decoder: Final = msgspec.json.Decoder(_Wish)


def wants_stream(body: bytes, kind: str) -> bool:
    """Whether a body asks for the answer piece by piece."""
    if kind != JSON or b'"stream"' not in body:
        return False
    try:
        return _decoder.decode(body).stream is True
    except msgspec.MsgspecError:
        # The general road says what is wrong with it.
        return False


async def stream(request: Request, lane: Lane, body: bytes) -> StreamReply:
    """The pieces of an answer. The first is waited for, so that what fails at once has a status.
    It is logged, as far as that goes, when it is over.

    Raises:
        InvalidInput: the body can't be read, or doesn't fit the model.
        ModelFailed: the model raised.
        HttpError: the first piece took too long.
    """
    note = request.host.note(request.id, body)
    pieces = _Pieces(lane, body, note)
    try:
        first = await pieces.next()
    except BaseException:
        pieces.leave()
        raise
    events = _events(request, pieces, first)
    headers = lane.headers if note is None else lane.headers + note.headers
    return StreamReply(events, _EVENTS, headers=(*headers, (b"x-accel-buffering", b"no")))


async def _events(request: Request, pieces: _Pieces, piece: Any) -> AsyncIterator[bytes]:
    gone = asyncio.create_task(request.gone())
    with request.host.staying():
        try:
            while piece is not _END:
                yield b"data: %b\n\n" % piece
                step = asyncio.create_task(pieces.next())
                await asyncio.wait([step, gone], return_when=asyncio.FIRST_COMPLETED)
                if gone.done():
                    step.cancel()
                    return
                piece = step.result()
            yield _DONE
        except Exception as error:  # noqa: BLE001 - the status is sent already; an event tells it
            yield b"event: error\ndata: %b\n\n" % _told(error, request.id)
            yield _DONE
        finally:
            gone.cancel()
            pieces.leave()


def _told(error: Exception, request_id: str) -> bytes:
    body = prediction_error(error, request_id=request_id, path="").body
    facts = msgspec.json.decode(body)
    return msgspec.json.encode({"error": facts["message"], "error_code": facts["error_code"]})


class _Pieces:
    """The model's generator, and what was counted of it."""

    def __init__(self, lane: Lane, body: bytes, note: Note | None) -> None:
        self._lane, self._body, self._note = lane, body, note
        self._kept = Pieces()
        if note is not None:
            note.pieces = self._kept
        self._iterator: Iterator[Any] | None = None
        self._lock = threading.Lock()
        self._is_stepping = False
        self._is_left = False
        self._outcome: Outcome = "answered"
        self._begun = time.perf_counter()

    async def next(self) -> Any:
        """The next piece as JSON, or ``_END``."""
        try:
            piece = await self._lane.in_thread(self._step)
        except InvalidInput:
            self._outcome = "refused"
            raise
        except Exception:
            self._outcome = "failed"
            raise
        if piece is _END:
            self._kept.end()
        elif self._note is not None:
            self._kept.add(piece)
        return piece

    def leave(self) -> None:
        """Ask for no more: the generator is closed as soon as it stands still."""
        with self._lock:
            if self._is_left:
                return
            self._is_left = True
            is_stepping = self._is_stepping
        seconds = time.perf_counter() - self._begun
        self._lane.finish(self._note, seconds=seconds, outcome=self._outcome)
        if not is_stepping and self._iterator is not None:
            self._lane.threads.submit(self._close)

    def _step(self) -> Any:
        with self._lock:
            if self._is_left:
                return _END
            self._is_stepping = True
        try:
            if self._iterator is None:
                self._iterator = self._begin()
            piece = next(self._iterator, _END)
            return piece if piece is _END else json_text(piece).encode()
        except (AssayError, HttpError):
            raise
        except Exception as error:
            raise ModelFailed(f"{type(error).__name__}: {error}") from error
        finally:
            if self._stand_still():
                self._close()

    def _stand_still(self) -> bool:
        """End a step. Whether somebody left during it."""
        with self._lock:
            self._is_stepping = False
            return self._is_left

    def _begin(self) -> Iterator[Any]:
        model = self._lane.served.model
        asked = msgspec.json.decode(self._body)
        asked.pop(_KEY)
        example = parse_request(asked, model.metadata)
        if self._note is not None:
            self._note.take(example.data)
        return model.predict_stream(example.data, example.params)

    def _close(self) -> None:
        close = getattr(self._iterator, "close", None)
        try:
            if close is not None:
                close()
        except Exception:  # noqa: BLE001 - a model may raise anything; nobody waits for it
            _log.exception("%s failed while its stream was closed", self._lane.version.key)

"""A server as the resources see it: what kind it is, and calls with typed requests and answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from assay.errors import InvalidInput, InvalidName, NotFound, RemoteError, StoreUnavailable
from assay.store.rest import mlflow_wire, wire
from assay.store.rest.transport import MSGPACK, Transport

T = TypeVar("T")

_MLFLOW = "/api/2.0/mlflow"
_AJAX = "/ajax-api/2.0/mlflow"
_NO_SUCH_ROUTE = (400, 404, 405, 501)


class Server:
    """One server, Assay's or MLflow's."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self._lock = threading.Lock()
        self._info: wire.Info | None = None
        self._asked = False

    @property
    def url(self) -> str:
        """Its address, without credentials."""
        return self.transport.base_url

    @property
    def is_assay(self) -> bool:
        """Whether it has Assay's own routes. Asked once; a server that can't be reached is asked
        again.
        """
        return self.info is not None

    @property
    def info(self) -> wire.Info | None:
        """What an Assay server says of itself; ``None`` for any other."""
        if not self._asked:
            with self._lock:
                if not self._asked:
                    self._info = self._ask()
                    self._asked = True
        return self._info

    def _ask(self) -> wire.Info | None:
        try:
            answer = self.transport.exchange("GET", wire.PREFIX + "/info")
            info = msgspec.json.decode(answer.body, type=wire.Info)
        except (NotFound, InvalidInput, msgspec.DecodeError):
            info = None
        except RemoteError as error:
            # Proxies and other programs spell "no such route" in several ways, none of which is
            # ours.
            if error.remote_status not in _NO_SUCH_ROUTE:
                raise
            info = None
        if info is not None and info.name == "assay":
            return info
        self._require_mlflow()
        return None

    def _require_mlflow(self) -> None:
        """Tell a plain MLflow server from whatever else answers, such as a proxy whose server
        starts.

        What was taken for MLflow by mistake would get its deliveries without their numbers, so
        twice.
        """
        try:
            self.mlflow(
                "GET",
                "/experiments/search",
                mlflow_wire.ExperimentsAnswer,
                query={"max_results": "1"},
            )
        except RemoteError as error:
            raise StoreUnavailable(
                f"{self.url} answers, but neither as an Assay nor as an MLflow server"
                f" ({error.message}). Check the address."
            ) from error

    def require_assay(self, ability: str, *, hint: str = "") -> None:
        """Refuse what only an Assay server can do.

        Raises:
            InvalidInput: this one is a plain MLflow server.
        """
        if not self.is_assay:
            raise InvalidInput(
                f"The server at {self.url} is not an Assay server and can't {ability}."
                f"{' ' + hint if hint else ''}"
            )

    def mlflow(
        self,
        method: str,
        path: str,
        answer: type[T],
        *,
        query: Mapping[str, str | list[str]] | None = None,
        body: Mapping[str, Any] | None = None,
        repeatable: bool = True,
        ajax: bool = False,
    ) -> T:
        """Call a route of MLflow's REST API; ``None`` values of ``body`` are left out.

        ``ajax`` is for the few routes that MLflow has only under ``/ajax-api``.
        """
        payload = None
        if body is not None:
            given = {name: value for name, value in body.items() if value is not None}
            payload = _encoded(msgspec.json.encode, given)
        reply = self.transport.exchange(
            method,
            (_AJAX if ajax else _MLFLOW) + path,
            query=query,
            body=payload,
            repeatable=repeatable,
        )
        return mlflow_wire.decode(reply.body, answer, server=self.url)

    def assay(
        self,
        path: str,
        answer: type[T],
        request: msgspec.Struct | None = None,
        *,
        query: Mapping[str, str | list[str]] | None = None,
        repeatable: bool = True,
    ) -> T:
        """Call one of Assay's own routes: ``POST`` of a request, or ``GET`` without one."""
        reply = self.transport.exchange(
            "GET" if request is None else "POST",
            wire.PREFIX + path,
            query=query,
            body=None if request is None else _encoded(msgspec.msgpack.encode, request),
            content_type=MSGPACK,
            accept=MSGPACK,
            repeatable=repeatable,
        )
        try:
            return msgspec.msgpack.decode(reply.body, type=answer)
        except (msgspec.DecodeError, ValueError) as error:
            raise RemoteError(
                f"{self.url} answered {path} with what this version doesn't read: {error}",
                error_code="MALFORMED_ANSWER",
                http_status=reply.status,
            ) from error


def _encoded(encode: Callable[[Any], bytes], request: Any) -> bytes:
    """What can't travel can't be stored either, and is refused with the store's own kind of error.

    Raises:
        InvalidInput: half of a surrogate pair, an integer over 64 bits, a value of a foreign type.
    """
    try:
        return encode(request)
    except UnicodeEncodeError as error:
        shown = str(error.object).encode("utf-8", "backslashreplace").decode()
        raise InvalidName("text", shown, "it holds half of a surrogate pair") from None
    except (OverflowError, TypeError) as error:
        raise InvalidInput(f"The request can't be sent: {error}.") from error


def segment(text: str) -> str:
    """``text`` as one segment of a path."""
    return quote(text, safe="")

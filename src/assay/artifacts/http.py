"""HTTP as artifacts need it: kept-alive connections, streamed bodies, downloads that go on where
they broke.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Self
from urllib.parse import urlencode

import msgspec
import urllib3
from urllib3.exceptions import HTTPError, ProtocolError

from assay.artifacts import http_errors
from assay.artifacts.base import CHUNK_BYTES, ByteRange
from assay.artifacts.digests import check_digest
from assay.artifacts.routes import SHA256_HEADER
from assay.entities.names import ArtifactPath
from assay.errors import StoreUnavailable

CONNECTIONS = 16
"""Kept alive at most; as many as ``transfer`` uses threads, with a few to spare."""
RESUMES = 5
"""How often one download is taken up where it stopped."""
_TIMEOUT = urllib3.Timeout(connect=10.0, read=120.0)
"""Reading waits for one chunk, or for the server to publish a large upload, not for a whole
file."""


class ArtifactHttp:
    """A pool of connections to one server, with the headers that every request to it carries.
    Thread-safe.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = {"Accept-Encoding": "identity", **headers}
        self._pools: dict[str, urllib3.HTTPConnectionPool] = {}
        self.takes_batches = True
        """Whether the server is worth asking; it has answered, if false."""

    def _send(
        self,
        method: str,
        url: str,
        *,
        body: bytes | Iterable[bytes] | None,
        headers: dict[str, str],
        stream: bool,
    ) -> urllib3.BaseHTTPResponse:
        # urllib3's PoolManager does the same with a third more CPU a request, which small files
        # feel.
        start = url.find("/", url.index("://") + 3)
        origin, target = (url[:start], url[start:]) if start > 0 else (url, "/")
        pool = self._pools.get(origin)
        if pool is None:
            made = urllib3.connection_from_url(origin, maxsize=CONNECTIONS, timeout=_TIMEOUT)
            pool = self._pools.setdefault(origin, made)
        return pool.urlopen(
            method,
            target,
            body=body,
            headers=headers,
            retries=False,
            redirect=False,
            assert_same_host=False,
            preload_content=not stream,
            decode_content=False,
        )

    def request(
        self,
        method: str,
        url: str,
        *,
        path: ArtifactPath,
        fields: Mapping[str, str] | None = None,
        json: dict[str, object] | None = None,
        packed: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        stream: bool = False,
        checked: bool = True,
    ) -> urllib3.BaseHTTPResponse:
        """The answer, read whole unless ``stream``. ``packed`` is a body in MessagePack.

        Raises:
            StoreUnavailable: no answer came, even from a second connection.
            AssayError: the answer is a refusal, unless ``checked`` is false.
        """
        sent = {**self._headers, **(headers or {})}
        body = packed
        if packed is not None:
            sent["Content-Type"] = sent["Accept"] = "application/msgpack"
        if json is not None:
            body = msgspec.json.encode(json)
            sent["Content-Type"] = "application/json"
        if fields:
            url = f"{url}?{urlencode(fields)}"
        for attempt in (1, 2):
            try:
                answer = self._send(method, url, body=body, headers=sent, stream=stream)
            except HTTPError as error:
                # A server may close an idle connection just as it is used again: try once more.
                if attempt == 2 or not isinstance(error, ProtocolError):
                    raise unavailable(url, error) from error
            else:
                break
        if checked:
            http_errors.check(answer, path)
        return answer

    def put(
        self,
        url: str,
        chunks: Iterable[bytes],
        *,
        path: ArtifactPath,
        headers: Mapping[str, str],
        size_bytes: int | None = None,
        own: bool = True,
    ) -> tuple[urllib3.BaseHTTPResponse, str]:
        """Send a body as it comes; returns the answer and the body's SHA-256.

        With ``own`` false, nothing of this pool's headers (tokens) is sent along.

        Raises:
            StoreUnavailable: the connection broke; what of the body arrived is not published.
            AssayError: the answer is a refusal. An error from ``chunks`` is passed on.
        """
        body = _Body(chunks)
        sent = {**(self._headers if own else {}), **headers}
        sent.setdefault("Content-Type", "application/octet-stream")
        if size_bytes is not None:
            sent["Content-Length"] = str(size_bytes)
        try:
            answer = self._send("PUT", url, body=body, headers=sent, stream=False)
        except Exception as error:
            if body.failure is not None:
                raise body.failure from None
            if isinstance(error, HTTPError):
                raise unavailable(url, error) from error
            raise
        got = body.sha256.hexdigest()
        expected = headers.get(SHA256_HEADER)
        if answer.status == 400 and expected is not None:
            # The server refused what it was told to expect; say so, if that is the reason.
            check_digest(repr(path), expected=expected, got=got)
        http_errors.check(answer, path)
        return answer, got

    def close(self) -> None:
        """Close idle connections."""
        for pool in self._pools.values():
            pool.close()
        self._pools = {}


def unavailable(url: str, error: Exception) -> StoreUnavailable:
    """The error for a server that gives no, or no whole, answer."""
    host = urllib3.util.parse_url(url).netloc
    return StoreUnavailable(
        f"The artifact server {host} can't be reached or broke off: {error}."
        " Check that it runs, then try again."
    )


class _Body:
    """Chunks on their way out. Their own failure is kept, as urllib3 may take it for one of the
    network.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self.sha256 = hashlib.sha256()
        self.failure: BaseException | None = None

    def __iter__(self) -> Iterator[bytes]:
        source = iter(self._chunks)
        while True:
            try:
                chunk = next(source)
            except StopIteration:
                return
            except BaseException as error:
                self.failure = error
                raise
            self.sha256.update(chunk)
            yield chunk


class Download:
    """Content of a file as it arrives, taken up where it stopped when the connection breaks.

    The request is sent at once, so that a missing file is an error before the first chunk.
    """

    def __init__(
        self, http: ArtifactHttp, url: str, *, path: ArtifactPath, byte_range: ByteRange
    ) -> None:
        self._http, self._url, self._path = http, url, path
        self._position, self._end = byte_range.start, byte_range.end
        self._sha256 = hashlib.sha256() if byte_range == ByteRange() else None
        self._resumes = RESUMES
        self._skip = 0
        self._same: str | None = None
        self._answer: urllib3.BaseHTTPResponse | None = None
        if self._end is None or self._end > self._position:
            self._answer = self._open()
            self._same = _identity(self._answer)

    def _open(self) -> urllib3.BaseHTTPResponse:
        headers = {}
        if self._position or self._end is not None:
            last = "" if self._end is None else str(self._end - 1)
            headers["Range"] = f"bytes={self._position}-{last}"
        answer = self._http.request(
            "GET", self._url, path=self._path, headers=headers, stream=True, checked=False
        )
        if answer.status == 416:  # the range begins behind the end of the file
            answer.drain_conn()
            self._end = self._position
            return answer
        http_errors.check(answer, self._path)
        # A server that knows no ranges sends all: what lies before the range is passed over.
        self._skip = self._position if headers and answer.status != 206 else 0
        return answer

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        while self._answer is not None:
            try:
                chunk = self._answer.read(CHUNK_BYTES)
            except HTTPError as error:
                self._resume(error)
                continue
            if not chunk:
                return self._finish()
            if self._skip:
                passed = min(self._skip, len(chunk))
                self._skip -= passed
                chunk = chunk[passed:]
            if self._end is not None:
                chunk = chunk[: self._end - self._position]
                if not chunk and not self._skip:
                    return self._finish()
            if chunk:
                self._position += len(chunk)
                if self._sha256 is not None:
                    self._sha256.update(chunk)
                return chunk
        raise StopIteration

    def _resume(self, error: Exception) -> None:
        self.close()
        self._resumes -= 1
        if self._resumes < 0:
            raise unavailable(self._url, error) from error
        self._answer = self._open()
        if self._same is None or _identity(self._answer) != self._same:
            self.close()
            raise StoreUnavailable(
                f"The download of {self._path!r} broke off, and the file may have changed since."
                " Start it again."
            ) from error

    def _finish(self) -> bytes:
        answer, self._answer = self._answer, None
        assert answer is not None
        expected = answer.headers.get(SHA256_HEADER)
        if self._end is None:
            answer.release_conn()
        else:
            answer.close()
        if expected is not None and self._sha256 is not None:
            check_digest(repr(self._path), expected=expected, got=self._sha256.hexdigest())
        raise StopIteration

    def close(self) -> None:
        """Want no more; the connection is not used again, as the rest of the answer is still on
        it.
        """
        if self._answer is not None:
            self._answer.close()
            self._answer = None

    def __del__(self) -> None:
        self.close()


def _identity(answer: urllib3.BaseHTTPResponse) -> str | None:
    """What tells that two answers are of the same content, or ``None`` if nothing does."""
    for header in ("ETag", "Last-Modified"):
        if value := answer.headers.get(header):
            return f"{header}: {value}"
    return None

"""Artifacts behind a tracking server: a client of its ``mlflow-artifacts`` routes.

Works with Assay's server and MLflow's. Assay's answers carry ``X-Assay-SHA256``, against which
downloads are
checked; requests to PUT carry it when the caller knows it. Connections are kept alive and shared by
threads.
"""

from __future__ import annotations

import builtins
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Self, TypeVar
from urllib.parse import quote, unquote, urljoin, urlsplit

import msgspec
import urllib3

from assay.artifacts import batches, http_errors
from assay.artifacts.base import WHOLE, ArtifactInfo, ArtifactStore, ByteRange, Part
from assay.artifacts.digests import check_digest
from assay.artifacts.http import ArtifactHttp, Download
from assay.artifacts.paths import file_segments, is_listable, join, segments
from assay.artifacts.routes import PROXY_ROUTE, SHA256_HEADER, UPLOAD_ROUTE
from assay.entities.names import ArtifactPath
from assay.errors import ArtifactNotFound, AssayError, InvalidInput, NotFound, StoreUnavailable


class _Listed(msgspec.Struct):
    path: str
    is_dir: bool = False
    file_size: int | str | None = None


class _Listing(msgspec.Struct):
    files: list[_Listed] = []


class _Target(msgspec.Struct):
    url: str
    part_number: int
    headers: dict[str, str] = {}


class _Upload(msgspec.Struct):
    upload_id: str | None = None
    credentials: list[_Target] = []


class _Completed(msgspec.Struct):
    sha256: str | None = None


_Reply = TypeVar("_Reply")


def _decoded(answer: bytes, kind: type[_Reply]) -> _Reply:
    try:
        return msgspec.msgpack.decode(answer, type=kind)
    except msgspec.DecodeError as error:
        raise StoreUnavailable(f"The artifact server's answer is none: {error}") from error


class ProxyArtifactStore(ArtifactStore):
    """Files of a tracking server below ``prefix``.

    Digests are only known for files of an Assay server. A download that breaks off is taken up
    where it stopped,
    a few times, if the file is still the same.
    """

    def __init__(
        self,
        base_url: str,
        prefix: str = "",
        headers: Mapping[str, str] | None = None,
        *,
        http: ArtifactHttp | None = None,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidInput(f"Not the http(s) address of a tracking server: {base_url!r}.")
        own = dict(headers or {})
        netloc = parts.netloc
        if parts.username is not None:
            user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            own.update(urllib3.make_headers(basic_auth=user))
            netloc = netloc.rpartition("@")[2]
        self._base = f"{parts.scheme}://{netloc}{parts.path.rstrip('/')}"
        self._prefix = ArtifactPath("/".join(segments(prefix)))
        self._http = http or ArtifactHttp(own)
        self._uploads: dict[tuple[str, str], dict[int, _Target]] = {}

    @property
    def uri(self) -> str:
        """The server's route, without credentials."""
        return self._url(ArtifactPath(""))

    def at(self, folder: ArtifactPath) -> Self:
        """The same store seen from a folder below; connections are shared."""
        segments(folder)
        return type(self)(self._base, join(self._prefix, folder), http=self._http)

    def list(self, path: ArtifactPath, *, recursive: bool = False) -> list[ArtifactInfo]:
        """See ``ArtifactStore.list``; recursion asks once a folder, as the route lists one
        level.
        """
        segments(path)
        found: list[ArtifactInfo] = []
        waiting = [path]
        while waiting:
            for info in self._list_folder(waiting.pop()):
                if recursive and info.is_dir:
                    waiting.append(info.path)
                else:
                    found.append(info)
        found.sort(key=lambda info: info.path)
        return found

    def _list_folder(self, folder: ArtifactPath) -> Iterator[ArtifactInfo]:
        full = join(self._prefix, folder)
        answer = self._http.request(
            "GET", self._base + PROXY_ROUTE, path=folder, fields={"path": full} if full else {}
        ).data
        try:
            listing = msgspec.json.decode(answer, type=_Listing)
        except msgspec.DecodeError as error:
            raise StoreUnavailable(
                f"{self.uri} doesn't answer like a tracking server: {error}"
            ) from error
        for item in listing.files:
            # Servers list base names; one that isn't a single plain name is none of ours to follow.
            name = item.path.rstrip("/").rpartition("/")[2]
            if not is_listable(name, folder):
                continue
            size = None if item.is_dir or item.file_size is None else int(item.file_size)
            yield ArtifactInfo(join(folder, name), item.is_dir, size)

    def info(self, path: ArtifactPath) -> ArtifactInfo:
        """See ``ArtifactStore.info``; a list of the folder decides where HEAD gives no size."""
        names = segments(path)
        if not names:
            return ArtifactInfo(path, True)
        size = self._head(path).get("Content-Length", "")
        if size.isascii() and size.isdigit():
            return ArtifactInfo(path, False, int(size))
        folder = ArtifactPath("/".join(names[:-1]))
        for info in self._list_folder(folder):
            if info.path == path:
                return info
        raise ArtifactNotFound(path)

    def _head(self, path: ArtifactPath) -> Mapping[str, str]:
        """Headers of a file; none when there is no such file or the server knows no HEAD."""
        answer = self._http.request("HEAD", self._url(path), path=path, checked=False)
        answer.release_conn()
        if answer.status in (200, 206):
            return answer.headers
        if answer.status in (400, 404, 405, 501):  # 400: our server's answer for a folder
            return {}
        raise http_errors.error_for(answer.status, b"", path=path)

    def read(self, path: ArtifactPath, byte_range: ByteRange = WHOLE) -> Iterator[bytes]:
        """See ``ArtifactStore.read``.

        Raises:
            Corrupted: at the end, when the whole file was read and isn't what the server says it
            wrote.
        """
        file_segments(path, purpose="read")
        try:
            return Download(self._http, self._url(path), path=path, byte_range=byte_range)
        except InvalidInput as error:
            if self.info(path).is_dir:
                raise ArtifactNotFound(path) from error
            raise

    def read_verified(self, path: ArtifactPath) -> Iterator[bytes]:
        """See ``ArtifactStore.read_verified``; the answer to a read brings the digest along."""
        return self.read(path)

    def write(
        self,
        path: ArtifactPath,
        chunks: Iterable[bytes],
        *,
        sha256: str | None = None,
        size_bytes: int | None = None,
    ) -> str:
        """See ``ArtifactStore.write``.

        With ``sha256`` an Assay server checks what arrives before it publishes; with ``size_bytes``
        the content
        travels with its length instead of chunk by chunk, which costs less.
        """
        file_segments(path, purpose="written")
        headers = {SHA256_HEADER: sha256} if sha256 else {}
        answer, sent = self._http.put(
            self._url(path), chunks, path=path, headers=headers, size_bytes=size_bytes
        )
        stored = answer.headers.get(SHA256_HEADER)
        if stored is not None:
            check_digest(repr(path), expected=sent, got=stored)
        return sent

    def delete(self, path: ArtifactPath) -> None:
        """See ``ArtifactStore.delete``."""
        file_segments(path, purpose="deleted")
        self._http.request("DELETE", self._url(path), path=path).drain_conn()

    def digest(self, path: ArtifactPath) -> str | None:
        """See ``ArtifactStore.digest``; ``None`` from a server that isn't Assay's."""
        file_segments(path, purpose="read")
        headers = self._head(path)
        if not headers and self.info(path).is_dir:
            raise ArtifactNotFound(path)
        return headers.get(SHA256_HEADER)

    @property
    def takes_batches(self) -> bool:
        """See ``SupportsBatches``."""
        return self._http.takes_batches

    def write_batch(
        self, files: Sequence[batches.SmallFile]
    ) -> builtins.list[AssayError | None] | None:
        """See ``SupportsBatches``."""
        request = batches.WriteBatch(builtins.list(files), self._prefix)
        answer = self._batch(batches.WRITE_ROUTE, request)
        if answer is None:
            return None
        outcomes = _decoded(answer, batches.WriteBatchReply).outcomes
        if len(outcomes) != len(files):
            raise StoreUnavailable(f"{self.uri} told of {len(outcomes)} of {len(files)} files.")
        return [
            http_errors.error_of(outcome.status, outcome, path=file.path)
            if outcome.error_code
            else None
            for file, outcome in zip(files, outcomes, strict=True)
        ]

    def read_batch(self, paths: Sequence[ArtifactPath]) -> builtins.list[batches.ReadFile] | None:
        """See ``SupportsBatches``.

        Raises:
            Corrupted: what came isn't what the server says it wrote.
        """
        answer = self._batch(
            batches.READ_ROUTE, batches.ReadBatch(builtins.list(paths), self._prefix)
        )
        if answer is None:
            return None
        files = _decoded(answer, batches.ReadBatchReply).files
        if [file.path for file in files] != builtins.list(paths):
            raise StoreUnavailable(f"{self.uri} sent other files than those it was asked for.")
        for file in files:
            if file.content is not None and file.sha256 is not None:
                got = hashlib.sha256(file.content).hexdigest()
                check_digest(repr(file.path), expected=file.sha256, got=got)
        return files

    def _batch(self, route: str, request: msgspec.Struct) -> bytes | None:
        if not self._http.takes_batches:
            return None
        answer = self._http.request(
            "POST",
            self._base + route,
            path=self._prefix,
            packed=msgspec.msgpack.encode(request),
            checked=False,
        )
        # MLflow's server knows no such route, and a proxy in between may take small bodies only.
        if answer.status in (404, 405, 413):
            self._http.takes_batches = False
            return None
        http_errors.check(answer, self._prefix)
        return answer.data

    def create_upload(self, path: ArtifactPath, *, parts: int = 1) -> str:
        """See ``SupportsMultipart``; the server must know the number of ``parts``.

        Raises:
            RemoteError: the server, or the store behind it, takes no parts.
        """
        names = file_segments(path, purpose="written")
        answer = self._post("create", path, {"path": names[-1], "num_parts": parts})
        upload = msgspec.json.decode(answer, type=_Upload)
        upload_id = upload.upload_id or ""
        self._uploads[path, upload_id] = {part.part_number: part for part in upload.credentials}
        return upload_id

    def write_part(
        self,
        path: ArtifactPath,
        upload_id: str,
        number: int,
        chunks: Iterable[bytes],
        *,
        size_bytes: int | None = None,
    ) -> Part:
        """See ``SupportsMultipart``; only in the process that created the upload, which knows where
        parts go.
        """
        target = self._uploads.get((path, upload_id), {}).get(number)
        if target is None:
            raise NotFound(
                f"No part {number} of an upload {upload_id!r} of {path!r} is expected here."
            )
        # Parts may go to an object store directly; credentials of the tracking server stay with it.
        url = urljoin(self._base + "/", target.url)
        answer, _ = self._http.put(
            url,
            chunks,
            path=path,
            headers=target.headers,
            size_bytes=size_bytes,
            own=self._is_own(url),
        )
        return Part(number, answer.headers.get("ETag", ""))

    def complete_upload(
        self, path: ArtifactPath, upload_id: str, parts: builtins.list[Part]
    ) -> str | None:
        """See ``SupportsMultipart``."""
        names = file_segments(path, purpose="written")
        targets = self._uploads.get((path, upload_id))
        if targets is None:
            raise NotFound(f"No upload {upload_id[:40]!r} of {path!r} was begun here.")
        sent = [
            {
                "part_number": part.number,
                "etag": part.etag,
                "url": targets[part.number].url if part.number in targets else "",
            }
            for part in parts
        ]
        answer = self._post(
            "complete", path, {"path": names[-1], "upload_id": upload_id, "parts": sent}
        )
        self._uploads.pop((path, upload_id), None)
        return msgspec.json.decode(answer or b"{}", type=_Completed).sha256

    def abort_upload(self, path: ArtifactPath, upload_id: str) -> None:
        """See ``SupportsMultipart``."""
        names = file_segments(path, purpose="written")
        self._uploads.pop((path, upload_id), None)
        try:
            self._post("abort", path, {"path": names[-1], "upload_id": upload_id})
        except NotFound:
            pass

    def _post(self, action: str, path: ArtifactPath, body: dict[str, object]) -> bytes:
        # The route names the folder, the body the file: so MLflow's client does it.
        folder = join(self._prefix, path).rpartition("/")[0]
        url = f"{self._base}{UPLOAD_ROUTE}/{action}/{quote(folder)}"
        return self._http.request("POST", url, path=path, json=body).data

    def _is_own(self, url: str) -> bool:
        there, here = urlsplit(url), urlsplit(self._base)
        return (there.scheme, there.netloc) == (here.scheme, here.netloc)

    def _url(self, path: ArtifactPath) -> str:
        full = join(self._prefix, path)
        return f"{self._base}{PROXY_ROUTE}/{quote(full)}" if full else self._base + PROXY_ROUTE

    def close(self) -> None:
        """Close idle connections; the store may be used again."""
        self._http.close()

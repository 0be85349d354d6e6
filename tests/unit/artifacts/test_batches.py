"""Small files to servers that know no batches, or answer them wrongly."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from assay.artifacts.batches import ReadBatchReply, ReadFile, SmallFile, WriteBatchReply
from assay.artifacts.parallel import in_parallel
from assay.artifacts.proxy import ProxyArtifactStore
from assay.artifacts.transfer import upload_tree
from assay.entities.names import artifact_path
from assay.errors import Corrupted, StoreUnavailable

A = artifact_path
Answer = Callable[[str, bytes], tuple[int, bytes]]


@pytest.fixture
def peer() -> Iterator[tuple[str, list[tuple[str, str, bytes]], list[Answer]]]:
    """A server's address, the requests it got, and how it answers POST."""
    requests: list[tuple[str, str, bytes]] = []
    answers: list[Answer] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            requests.append((self.command, self.path, body))
            status, content = (
                answers[0](self.path, body) if self.command == "POST" else (200, b"{}")
            )
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_PUT = reply

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", requests, answers
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("status", [404, 405, 413])
def test_a_server_without_batches_gets_file_by_file_and_is_asked_once(
    peer: Any, tmp_path: Path, status: int
) -> None:
    url, requests, answers = peer
    answers.append(lambda _path, _body: (status, b"<html>no</html>"))
    for number in range(20):
        (tmp_path / str(number)).write_bytes(b"%d" % number)
    store = ProxyArtifactStore(url)
    upload_tree(store, tmp_path, A("a"))
    upload_tree(store, tmp_path, A("b"))
    store.close()
    put = {
        path.rpartition("artifacts/")[2]: body for method, path, body in requests if method == "PUT"
    }
    assert put == {f"{folder}/{n}": b"%d" % n for folder in "ab" for n in range(20)}
    assert len([method for method, _, _ in requests if method == "POST"]) == 1


def test_an_answer_about_other_files_is_no_answer(peer: Any, tmp_path: Path) -> None:
    url, _, answers = peer
    answers.append(lambda _path, _body: (200, msgspec.msgpack.encode(WriteBatchReply([]))))
    store = ProxyArtifactStore(url)
    with pytest.raises(StoreUnavailable):
        store.read_batch([A("a")])
    with pytest.raises(StoreUnavailable):
        store.write_batch([SmallFile(A("a"), b"", "0" * 64)])
    store.close()


def test_damaged_content_of_a_batch_is_told(peer: Any) -> None:
    url, _, answers = peer
    reply = ReadBatchReply([ReadFile("a", b"damaged", "0" * 64)])
    answers.append(lambda _path, _body: (200, msgspec.msgpack.encode(reply)))
    store = ProxyArtifactStore(url)
    with pytest.raises(Corrupted):
        store.read_batch([A("a")])
    store.close()


def test_results_before_a_failure_are_given_and_nothing_is_begun_after_it() -> None:
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        if number == 2:
            raise ValueError("two")
        return number

    results = in_parallel(work, range(1_000), workers=2)
    got: list[int] = []
    with pytest.raises(ValueError, match="two"):
        got.extend(results)
    assert {0, 1} <= set(got)
    assert len(begun) < 1_000
    assert sorted(got) == sorted(set(begun) - {2})

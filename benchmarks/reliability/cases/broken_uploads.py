"""Uploads that break off at a random byte, whole and in parts, and readers during overwrites."""

from __future__ import annotations

import hashlib
import http.client
import json
import random
import socket
import tempfile
import threading
from pathlib import Path
from urllib.parse import quote, urlsplit

from benchmarks.reliability.case import Figures, Outcome
from tests.services.mlflow_client import ServerProcess

CLAIM = (
    "an upload cut at a random byte is never visible; a reader during an overwrite sees old or"
    " new, never a mix"
)

BODY_BYTES = 2 << 20
VERSION_BYTES = 3 << 20
NOTES_BYTES = 4096
"""What the store may keep beside the files themselves, such as their digests."""
ROUTE = "/api/2.0/mlflow-artifacts"


def run(short: bool) -> Outcome:
    cuts, overwrites = (20, 15) if short else (100, 150)
    with tempfile.TemporaryDirectory() as name:
        server = ServerProcess(Path(name))
        server.start()
        try:
            figures = _cut(_Files(server.url), cuts)
            figures |= _overwrite(server.url, overwrites)
        finally:
            server.stop()
        left = [p for p in (Path(name) / "artifacts").rglob("*") if p.is_file()]
        figures["bytes_left_behind"] = sum(p.stat().st_size for p in left) - VERSION_BYTES
        figures["bytes_left_behind"] -= figures.pop("kept_bytes")
    broken = ("visible", "damaged_old", "mixed", "failed_reads", "retry_failed")
    held = not any(figures[key] for key in broken) and figures["reads"] > 0
    return Outcome(held and figures["bytes_left_behind"] <= NOTES_BYTES, figures)


class _Files:
    """The artifacts of a server, over plain HTTP."""

    def __init__(self, url: str) -> None:
        self.place = urlsplit(url).netloc

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self.place, timeout=30)
        try:
            headers = {"Content-Type": "application/json"} if method == "POST" else {}
            connection.request(method, f"{ROUTE}/{path}", body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def names(self, folder: str) -> set[str]:
        _, content = self.ask("GET", f"artifacts?path={folder}")
        return {file["path"] for file in json.loads(content).get("files", [])}

    def put_and_break(self, path: str, body: bytes, sent: int) -> None:
        """Announce the whole body, send a part and hang up: politely or not."""
        host, _, port = self.place.partition(":")
        head = f"PUT {path} HTTP/1.1\r\nHost: {self.place}\r\nContent-Length: {len(body)}\r\n\r\n"
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            if random.random() < 0.5:
                reset = (1).to_bytes(4, "little") + bytes(4)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            connection.sendall(head.encode() + body[:sent])


def _cut(files: _Files, cuts: int) -> Figures:
    """A third of them onto a new name, a third over an old file, a third a part of several."""
    figures: Figures = {"cuts": cuts, "visible": 0, "damaged_old": 0, "retry_failed": 0}
    old, body = random.randbytes(BODY_BYTES // 3), random.randbytes(BODY_BYTES)
    files.ask("PUT", "artifacts/cut/old.bin", old)
    for number in range(cuts):
        sent = random.randrange(len(body))
        if number % 3 == 0:
            files.put_and_break(f"{ROUTE}/artifacts/cut/new-{number}.bin", body, sent)
        elif number % 3 == 1:
            files.put_and_break(f"{ROUTE}/artifacts/cut/old.bin", body, sent)
        else:
            figures["retry_failed"] += _break_a_part(files, body, sent, number)
        figures["visible"] += len(files.names("cut") - {"old.bin"})
        figures["damaged_old"] += files.ask("GET", "artifacts/cut/old.bin") != (200, old)
    figures["kept_bytes"] = len(old) + len(body)
    return figures


def _break_a_part(files: _Files, body: bytes, sent: int, number: int) -> int:
    """The first part arrives, the second breaks, the upload is given up; 1 if it can't be."""
    half = len(body) // 2
    begin = json.dumps({"path": f"parts-{number}.bin", "num_parts": 2}).encode()
    status, content = files.ask("POST", "mpu/create/cut", begin)
    assert status == 200, content
    made = json.loads(content)
    first, second = (urlsplit(c["url"]).path for c in made["credentials"])
    assert files.ask("PUT", first.removeprefix(f"{ROUTE}/"), body[:half])[0] == 200
    files.put_and_break(second, body[half:], min(sent, len(body) - half - 1))
    asked = {"path": f"parts-{number}.bin", "upload_id": made["upload_id"]}
    if files.ask("POST", "mpu/abort/cut", json.dumps(asked).encode())[0] != 200:
        return 1
    return number == 2 and _retry_a_part(files, body, sent)


def _retry_a_part(files: _Files, body: bytes, sent: int) -> bool:
    """In a folder of its own the part that broke is sent again; whether that went wrong."""
    half = len(body) // 2
    begin = json.dumps({"path": "whole.bin", "num_parts": 2}).encode()
    made = json.loads(files.ask("POST", "mpu/create/whole", begin)[1])
    paths = [urlsplit(c["url"]).path.removeprefix(f"{ROUTE}/") for c in made["credentials"]]
    files.put_and_break(f"{ROUTE}/{paths[1]}", body[half:], min(sent, half - 1))
    parts = []
    for place, part in enumerate((body[:half], body[half:])):
        connection = http.client.HTTPConnection(files.place, timeout=30)
        connection.request("PUT", f"{ROUTE}/{paths[place]}", part)
        answer = connection.getresponse()
        parts.append({"part_number": place + 1, "etag": answer.getheader("etag"), "url": ""})
        connection.close()
    asked = {"path": "whole.bin", "upload_id": made["upload_id"], "parts": parts}
    status, _ = files.ask("POST", "mpu/complete/whole", json.dumps(asked).encode())
    return status != 200 or files.ask("GET", f"artifacts/{quote('whole/whole.bin')}")[1] != body


def _overwrite(url: str, overwrites: int) -> Figures:
    files = _Files(url)
    versions = [random.randbytes(VERSION_BYTES) for _ in range(4)]
    digests = {hashlib.sha256(version).hexdigest() for version in versions}
    files.ask("PUT", "artifacts/over/file.bin", versions[0])
    done = threading.Event()
    readers = [_Reader(url, done, digests) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(overwrites):
        files.ask("PUT", "artifacts/over/file.bin", versions[number % len(versions)])
    done.set()
    for reader in readers:
        reader.join(60)
    return {
        "overwrites": overwrites,
        "reads": sum(reader.reads for reader in readers),
        "mixed": sum(reader.mixed for reader in readers),
        "failed_reads": sum(reader.failed for reader in readers),
    }


class _Reader(threading.Thread):
    """Reads a file again and again while it is replaced."""

    def __init__(self, url: str, done: threading.Event, digests: set[str]) -> None:
        super().__init__(daemon=True)
        self.files, self.done, self.digests = _Files(url), done, digests
        self.reads = self.mixed = self.failed = 0

    def run(self) -> None:
        while not self.done.is_set():
            try:
                status, content = self.files.ask("GET", "artifacts/over/file.bin")
            except (OSError, http.client.HTTPException):
                status, content = 0, b""
            self.reads += 1
            self.failed += status != 200
            self.mixed += status == 200 and (
                hashlib.sha256(content).hexdigest() not in self.digests
            )

"""Files of runs over HTTP: folders, bytes, text, archives, facts."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
import urllib3

from assay.artifacts.base import WHOLE, ArtifactInfo, ArtifactStore, ByteRange
from assay.artifacts.local import LocalArtifactStore
from assay.entities.names import ArtifactPath, artifact_path
from assay.errors import ArtifactNotFound, InvalidInput
from assay.server.files.opened import open_artifact
from assay.server.files.order import natural
from assay.server.files.tables import table_page
from assay.server.files.tree import list_folder, search
from assay.server.files.zips import files_below, zip_chunks
from tests.services.mlflow_client import ServerProcess

API = "/api/assay/v1"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + b"\0\0\0\x02\0\0\0\x03" + b"\x08\x06\0\0\0"
HOSTILE = [
    "<img src=x onerror=alert(1)>.txt",
    "\u202etxt.exe",
    "evil'\"; rm -rf ~.log",
    "emoji 🙂.csv",
    "100%.txt",
    "a" * 200 + ".bin",
]


class Files:
    """One run of a server, and the routes for its files."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        self.http = urllib3.PoolManager(retries=False)
        run = self.post("/api/2.0/mlflow/runs/create", {"experiment_id": "0"}).json()["run"]
        self.run_id = run["info"]["run_id"]
        inner = run["info"]["artifact_uri"].removeprefix("mlflow-artifacts:/").lstrip("/")
        root = LocalArtifactStore(server.settings.artifacts_uri)
        self.store = root.at(artifact_path(inner))

    def post(self, path: str, body: Any) -> urllib3.BaseHTTPResponse:
        return self.http.request("POST", self.server.url + path, json=body)

    def write(self, path: str, content: bytes) -> None:
        self.store.write(ArtifactPath(path), [content])

    def url(self, route: str, **query: Any) -> str:
        return f"{API}/files/{route}?{urlencode({'run_id': self.run_id, **query})}"

    def get(
        self, route: str, headers: dict[str, str] | None = None, **query: Any
    ) -> urllib3.BaseHTTPResponse:
        url = self.server.url + self.url(route, **query)
        return self.http.request("GET", url, headers=headers)


@pytest.fixture
def files(assay_server: ServerProcess) -> Iterator[Files]:
    made = Files(assay_server)
    yield made
    made.http.clear()


def test_folders_come_first_and_numbers_count(files: Files) -> None:
    for name in ("step-10.txt", "step-9.txt", "b/x", "a/x", "Step-1.txt"):
        files.write(name, b"12")
    answer = files.get("list").json()
    assert [entry["path"] for entry in answer["entries"]] == [
        "a",
        "b",
        "Step-1.txt",
        "step-9.txt",
        "step-10.txt",
    ]
    assert answer["entries"][0] == {"path": "a", "is_dir": True, "size": None}
    assert answer["entries"][2]["size"] == 2
    assert answer["token"] is None
    assert files.run_id in answer["root"]


def test_large_folder_pages_by_name_and_shows_each_file_once(files: Files) -> None:
    folder = Path(files.store.root)
    folder.mkdir(parents=True)
    for number in range(2_345):
        (folder / f"f{number}.txt").touch()
    seen: list[str] = []
    token = ""
    for _ in range(3):
        page = files.get("list", page_token=token).json()
        seen += [entry["path"] for entry in page["entries"]]
        token = page["token"]
    assert token is None
    assert seen == [f"f{number}.txt" for number in range(2_345)]


def test_search_looks_below_all_folders_and_stops_at_its_limit(tmp_path: Path) -> None:
    store = LocalArtifactStore(tmp_path / "root")
    for number in range(30):
        store.write(artifact_path(f"deep/{number}/Model.bin"), [b""])
    assert len(search(store, ArtifactPath(""), "model").entries) == 30
    found = search(store, ArtifactPath(""), "deep/7/MODEL")
    assert [entry.path for entry in found.entries] == ["deep/7/Model.bin"]
    assert not found.truncated
    assert search(store, ArtifactPath(""), "model", most=20).truncated


def test_natural_order_survives_any_digits() -> None:
    names = ["a" + "9" * 200, "a2", "a10", "a02", "²", "a", ""]
    assert sorted(names, key=natural)[:2] == ["", "a"]
    assert natural("a2") < natural("a10")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_listed_read_and_saved_harmlessly(files: Files, name: str) -> None:
    files.write(f"x/{name}", b"content")
    listed = files.get("list", path="x").json()["entries"]
    assert [entry["path"] for entry in listed] == [f"x/{name}"]
    answer = files.get("raw", path=f"x/{name}", download=1)
    assert answer.data == b"content"
    assert "\n" not in answer.headers["content-disposition"]
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    found = files.get("list", search=name[:20]).json()["entries"]
    assert [entry["path"] for entry in found] == [f"x/{name}"]


@pytest.mark.parametrize("route", ["list", "raw", "text", "zip", "facts", "header", "figure"])
@pytest.mark.parametrize(
    "path",
    [
        "../secret",
        "/etc/passwd",
        "a/../../b",
        "%2e%2e/x",
        "a\\b",
        "a\0b",
        "x" * 1_000,
        ".assay-store/writing",
        "a//b",
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(files: Files, route: str, path: str) -> None:
    answer = files.get(route, path=path)
    assert answer.status == 400, answer.data
    assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize("route", ["raw", "text", "zip", "facts", "header", "figure"])
def test_what_is_not_there_is_a_404(files: Files, route: str) -> None:
    assert files.get(route, path="nothing.html").status == 404
    assert files.get(route, path="nothing.html", run_id="0" * 32).status == 404


def test_a_place_is_named_once(files: Files) -> None:
    files.write("a.txt", b"x")
    assert files.get("text", path="a.txt", model_id="m-1").status == 400
    assert files.get("text", path="a.txt", run_id="").status == 400
    assert files.get("text", path="a.txt", run_id="", version="no-number").status == 400
    assert files.get("text", path="a.txt", run_id="", version="none/1").status == 404


def test_links_out_of_the_root_are_not_followed(files: Files, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    files.write("a.txt", b"x")
    os.symlink(tmp_path / "secret.txt", Path(files.store.root) / "link.txt")
    os.symlink(tmp_path, Path(files.store.root) / "folder")
    assert [entry["path"] for entry in files.get("list").json()["entries"]] == ["a.txt"]
    assert files.get("raw", path="link.txt").status == 404
    assert files.get("raw", path="folder/secret.txt").status == 404
    assert b"secret" not in files.get("zip").data


def test_files_of_models_and_versions_are_reached_too(files: Files) -> None:
    name = f"model-{files.run_id}"
    files.write("model/MLmodel", b"flavors: {}\n")
    files.post("/api/2.0/mlflow/registered-models/create", {"name": name})
    made = files.post(
        "/api/2.0/mlflow/model-versions/create",
        {"name": name, "source": f"runs:/{files.run_id}/model", "run_id": files.run_id},
    )
    assert made.status == 200, made.data
    place = {"run_id": "", "version": f"{name}/1"}
    listed = files.get("list", **place).json()["entries"]
    assert [entry["path"] for entry in listed] == ["MLmodel"]
    facts = files.get("facts", path="MLmodel", **place).json()
    assert facts["made_by"] == files.run_id
    assert facts["uri"].endswith("/model/MLmodel")
    model = files.post(
        "/api/2.0/mlflow/logged-models",
        {"experiment_id": "0", "name": "m", "source_run_id": files.run_id},
    ).json()["model"]["info"]["model_id"]
    assert files.get("list", run_id="", model_id=model).json()["entries"] == []


def test_files_of_a_deleted_run_can_still_be_looked_at(files: Files) -> None:
    files.write("a.txt", b"kept")
    files.post("/api/2.0/mlflow/runs/delete", {"run_id": files.run_id})
    assert files.get("raw", path="a.txt").data == b"kept"


def test_raw_bytes_come_in_ranges_with_validators(files: Files) -> None:
    content = bytes(range(256)) * 100
    files.write("clip.mp4", b"\0\0\0\x18ftypisom" + content)
    whole = files.get("raw", path="clip.mp4")
    etag = whole.headers["etag"]
    assert whole.headers["content-type"] == "video/mp4"
    assert int(whole.headers["content-length"]) == len(whole.data)
    part = files.get("raw", {"Range": "bytes=5-9", "If-Range": etag}, path="clip.mp4")
    assert part.status == 206
    assert part.data == whole.data[5:10]
    assert part.headers["content-range"] == f"bytes 5-9/{len(whole.data)}"
    assert (
        files.get("raw", {"Range": "bytes=5-9", "If-Range": '"x"'}, path="clip.mp4").status == 200
    )
    assert files.get("raw", {"If-None-Match": etag}, path="clip.mp4").status == 304
    assert files.get("raw", {"Range": "bytes=99999999-"}, path="clip.mp4").status == 416


def test_a_file_put_there_by_other_means_has_an_etag_that_changes(files: Files) -> None:
    file = Path(files.store.root) / "a.txt"
    file.parent.mkdir(parents=True)
    file.write_text("one")
    before = files.get("raw", path="a.txt").headers["etag"]
    file.write_text("three")
    assert files.get("raw", {"If-None-Match": before}, path="a.txt").data == b"three"


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.png", PNG, "image/png"),
        ("a.jpg", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("a.webp", b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        ("a.wav", b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
        ("a.pdf", b"%PDF-1.7", "application/pdf"),
        ("a.txt", b"<script>alert(1)</script>", "text/plain; charset=utf-8"),
        ("a.py", "print('ż')".encode(), "text/plain; charset=utf-8"),
        ("MLmodel", b"flavors: {}", "text/plain; charset=utf-8"),
        ("a.json", b"{}", "text/plain; charset=utf-8"),
    ],
)
def test_inert_kinds_are_shown_in_place(files: Files, name: str, content: bytes, kind: str) -> None:
    files.write(name, content)
    headers = files.get("raw", path=name).headers
    assert headers["content-type"] == kind
    assert headers["content-disposition"].startswith("inline")
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]
    saved = files.get("raw", path=name, download=1).headers
    assert saved["content-type"] == "application/octet-stream"
    assert saved["content-disposition"].startswith("attachment")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.html", b"<script>alert(1)</script>"),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("a.xhtml", b"<html/>"),
        ("a.png", b"<script>alert(1)</script>"),
        ("a.html", PNG),
        ("a.pdf", b"<script>"),
        ("a.txt", b"\0binary"),
        ("a.txt", b"\xff\xfe"),
        ("a.swf", b"FWS"),
        ("a.mp4", b"\0\0\0\x18ftypevil"),
        ("a.unknown", b"text"),
    ],
)
def test_all_else_is_an_attachment_of_no_kind(files: Files, name: str, content: bytes) -> None:
    files.write(name, content)
    headers = files.get("raw", path=name).headers
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"].startswith("attachment")
    assert "sandbox" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"


def test_text_comes_in_pieces_that_put_together_are_the_file(files: Files) -> None:
    content = "".join(f"Zeile {number} żółw 🙂\n" for number in range(500)) + "x" * 900 + "🙂" * 300
    files.write("a.log", content.encode())
    offset, text, pieces = 0, "", 0
    while True:
        piece = files.get("text", path="a.log", offset=offset, limit=777).json()
        assert piece["offset"] == offset
        assert piece["encoding"] == "utf-8"
        text += piece["text"]
        offset, pieces = piece["end"], pieces + 1
        if offset == piece["size"]:
            break
    assert text == content
    assert pieces > 10
    first = files.get("text", path="a.log", limit=777).json()["text"]
    assert first.endswith("\n")


def test_the_end_of_a_text_starts_with_a_line(files: Files) -> None:
    files.write("a.log", b"".join(b"line %d\n" % number for number in range(1_000)))
    piece = files.get("text", path="a.log", offset=-20).json()
    assert piece["text"] == "line 998\nline 999\n"
    assert piece["end"] == piece["size"]
    assert files.get("text", path="a.log", offset=-(10**9)).json()["offset"] == 0
    assert files.get("text", path="a.log", offset=10**9).json()["text"] == ""


def test_binary_files_give_no_text(files: Files) -> None:
    files.write("a.txt", b"\x89\0" + b"z" * 1_000)
    piece = files.get("text", path="a.txt").json()
    assert piece["binary"] is True
    assert piece["text"] == ""
    assert bytes.fromhex(piece["head"]) == b"\x89\0" + b"z" * 510


def test_bytes_that_are_no_utf8_are_replaced_and_told(files: Files) -> None:
    files.write("a.txt", "Grüße".encode("latin-1"))
    piece = files.get("text", path="a.txt").json()
    assert piece["text"] == "Gr\ufffd\ufffde"
    assert piece["encoding"] == "unknown"


def test_a_folder_comes_as_a_sound_zip(files: Files) -> None:
    contents = {
        "a.txt": b"a" * 100_000,
        "deep/er/b.png": PNG,
        "deep/żółw 🙂.bin": os.urandom(3_000_000),
    }
    for name, content in contents.items():
        files.write(f"folder/{name}", content)
    files.write("outside.txt", b"x")
    answer = files.get("zip", path="folder")
    assert answer.headers["content-type"] == "application/zip"
    assert "folder.zip" in answer.headers["content-disposition"]
    archive = zipfile.ZipFile(io.BytesIO(answer.data))
    assert archive.testzip() is None
    assert {name: archive.read(name) for name in archive.namelist()} == contents
    assert archive.getinfo("a.txt").compress_size < 2_000
    assert archive.getinfo("deep/er/b.png").compress_type == zipfile.ZIP_STORED
    assert files.get("zip", path="outside.txt").status == 400


def test_facts_tell_the_digest_that_was_recorded_or_take_it(files: Files) -> None:
    files.write("a.bin", b"abc")
    (Path(files.store.root) / "b.bin").write_bytes(b"abc")
    for name in ("a.bin", "b.bin"):
        facts = files.get("facts", path=name).json()
        assert facts["sha256"] == hashlib.sha256(b"abc").hexdigest()
        assert facts["size"] == 3
        assert facts["made_by"] == files.run_id
        assert facts["uri"].endswith(f"{files.run_id}/artifacts/{name}")
        assert facts["etag"]


def test_odd_requests_are_refused_in_json(files: Files) -> None:
    files.write("a.txt", b"x")
    for route, query in (
        ("text", {"limit": "0"}),
        ("text", {"limit": str(10**9)}),
        ("text", {"offset": "x"}),
        ("text", {"offset": str(2**70)}),
        ("list", {"page_token": "x:y"}),
        ("list", {"page_token": "d:../.."}),
        ("list", {"search": "x" * 501}),
    ):
        answer = files.get(route, path="a.txt", **query)
        assert answer.status == 400, (route, query)
        assert set(answer.json()) == {"error_code", "message"}


def test_listing_a_file_and_reading_a_folder_say_so(files: Files) -> None:
    files.write("folder/a.txt", b"x")
    assert files.get("list", path="folder/a.txt").status == 400
    assert files.get("raw", path="folder").status == 400
    assert files.get("list", path="nothing").status == 404
    assert msgspec.to_builtins(list_folder(files.store, ArtifactPath("folder"))) == {
        "entries": [{"path": "folder/a.txt", "is_dir": False, "size": 1}],
        "root": files.store.uri,
        "token": None,
        "truncated": False,
        "total": 1,
    }


class Far(ArtifactStore):
    """A store that isn't on this machine, as far as its reader can tell."""

    def __init__(self, near: LocalArtifactStore) -> None:
        self.near = near
        self.read_bytes = 0

    @property
    def uri(self) -> str:
        return "s3://bucket"

    def at(self, folder: ArtifactPath) -> Far:
        return Far(self.near.at(folder))

    def list(self, path: ArtifactPath, *, recursive: bool = False) -> list[ArtifactInfo]:
        return self.near.list(path, recursive=recursive)

    def info(self, path: ArtifactPath) -> ArtifactInfo:
        return self.near.info(path)

    def read(self, path: ArtifactPath, byte_range: ByteRange = WHOLE) -> Iterator[bytes]:
        for chunk in self.near.read(path, byte_range):
            self.read_bytes += len(chunk)
            yield chunk

    def write(self, path: ArtifactPath, chunks: Any, **named: Any) -> str:
        return self.near.write(path, chunks, **named)

    def delete(self, path: ArtifactPath) -> None:
        self.near.delete(path)

    def digest(self, path: ArtifactPath) -> str | None:
        return self.near.digest(path)


def test_files_of_an_object_store_are_fetched_in_blocks(tmp_path: Path) -> None:
    content = os.urandom(5_000_000)
    far = Far(LocalArtifactStore(tmp_path / "root"))
    far.write(artifact_path("deep/a.bin"), [content])
    with open_artifact(far, artifact_path("deep/a.bin")) as opened:
        assert opened.size == len(content)
        assert opened.etag == hashlib.sha256(content).hexdigest()
        assert opened.read(1_048_570, 12) == content[1_048_570:1_048_582]
        assert opened.read(1_048_571, 12) == content[1_048_571:1_048_583]
        assert far.read_bytes == 2 << 20
        assert opened.read(4_999_999, 10) == content[-1:]
        assert b"".join(opened.chunks(10)) == content[10:]
        assert opened.file().read() == content
    archive = zipfile.ZipFile(
        io.BytesIO(b"".join(zip_chunks(far, ArtifactPath(""), files_below(far, ArtifactPath("")))))
    )
    assert archive.read("deep/a.bin") == content
    assert [e.path for e in search(far, ArtifactPath(""), "A.BIN").entries] == ["deep/a.bin"]
    with pytest.raises(InvalidInput):
        open_artifact(far, artifact_path("deep"))
    with pytest.raises(ArtifactNotFound):
        open_artifact(far, artifact_path("none"))


def test_a_table_of_an_object_store_pages_too(tmp_path: Path) -> None:
    far = Far(LocalArtifactStore(tmp_path / "root"))
    rows = "".join(f"{number},{'x' * 50}\n" for number in range(50_000))
    far.write(artifact_path("a.csv"), [b"id,x\n" + rows.encode()])
    with open_artifact(far, artifact_path("a.csv")) as opened:
        assert table_page(opened, offset=49_999).rows[0][0] == 49_999
    far.read_bytes = 0
    with open_artifact(far, artifact_path("a.csv")) as opened:
        assert table_page(opened, offset=40_000).rows[0][0] == 40_000
    assert far.read_bytes <= 2 << 20

"""Figures: scripts come from this server, and a page that runs them can reach nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.artifacts.local import LocalArtifactStore
from assay.entities.names import artifact_path
from assay.errors import InvalidInput
from assay.server.assay_api import file_views
from assay.server.files.figures import figure_page, figure_policy, with_own_libraries
from assay.server.files.opened import open_artifact
from tests.services.mlflow_client import ServerProcess
from tests.unit.server.test_run_files import Files


@pytest.fixture
def files(assay_server: ServerProcess) -> Files:
    return Files(assay_server)


def page_of(folder: Path, name: str, content: bytes) -> bytes:
    store = LocalArtifactStore(folder / "root")
    store.write(artifact_path(name), [content])
    with open_artifact(store, artifact_path(name)) as opened:
        return figure_page(opened).body


@pytest.mark.parametrize(
    ("source", "library"),
    [
        ("https://cdn.example/plotly-2.35.2.min.js", "plotly"),
        ("https://cdn.example/plotly-3.0.0-rc.1.min.js", "plotly"),
        ("https://cdn.example/plotly-latest.min.js", "plotly"),
        ("//cdn.example/ajax/libs/plotly.js/2.35.2/plotly.min.js", "plotly"),
        ("https://cdn.example/npm/plotly.js-dist-min@2", "plotly"),
        ("https://cdn.example/npm/plotly.js-basic-dist-min@2/plotly-basic.min.js", "plotly"),
        ("https://cdn.example/npm/vega@5", "vega"),
        ("https://cdn.example/npm/vega-lite@5.20.1", "vega-lite"),
        ("https://cdn.example/npm/vega-embed@6/build/vega-embed.min.js", "vega-embed"),
        ("http://cdn.example/vega-embed.min.js?x=1", "vega-embed"),
    ],
)
def test_known_libraries_come_from_here(source: str, library: str) -> None:
    page = f'<script charset="utf-8" src="{source}" integrity="sha256-x" crossorigin></script>'
    assert with_own_libraries(page.encode()) == (
        f'<script src="../../../../figure-libs/{library}.min.js"></script>'.encode()
    )


@pytest.mark.parametrize(
    "page",
    [
        b"<script>var a = '//cdn.example/vega@5'</script>",
        b"<script src='https://cdn.example/jquery.js'></script>",
        b"<script src='https://cdn.example/my-plotly-thing.js'></script>",
        b"<script type='module' src='https://cdn.example/vega@5'></script>",
        b"<script src='local/plotly.min.js'></script>",
        b"<scripty src='//cdn.example/vega@5'>",
        b"\xff\xfe<p>",
    ],
)
def test_all_else_stays_as_it_is(page: bytes) -> None:
    assert with_own_libraries(page) == page


def test_json_becomes_a_page_that_draws_it(tmp_path: Path) -> None:
    hostile = "</script><script>alert(1)</script><!--"
    plotly = {"data": [{"y": [1, float("nan")]}], "layout": {"title": {"text": hostile}}}
    page = page_of(tmp_path, "fig.plotly.json", json.dumps(plotly).encode())
    assert b'src="../../../../figure-libs/plotly.min.js"' in page
    assert b"alert(1)</script><!--" not in page
    assert b"\\u003c/script\\u003e" in page
    vega = {"$schema": "https://vega.example/schema/vega-lite/v5.json", "mark": "bar"}
    page = page_of(tmp_path, "chart.json", json.dumps(vega).encode())
    assert b"vega-embed.min.js" in page
    assert b"plotly" not in page


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", b'{"data": [1]}'),
        ("a.json", b"[]"),
        ("a.json", b"{"),
        ("a.json", b'{"data": 1, "layout": {}}'),
        ("a.json", b'{"data": [], "layout": 1}'),
        ("a.png", b"\x89PNG"),
    ],
)
def test_what_is_no_figure_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(InvalidInput):
        page_of(tmp_path, name, content)


@pytest.mark.parametrize(
    "host",
    ["", "a b", "a;script-src *", "a,b", "[::1%25x;]", "a/b", "a:99999999", "é", "a'b", "a\nb"],
)
def test_a_host_can_not_break_out_of_the_policy(host: str) -> None:
    with pytest.raises(InvalidInput):
        figure_policy("http", host)


@pytest.mark.parametrize(
    "base", ["", "lab/", "/lab", "//evil.example/", "/a/../b/", "/a;script-src */", "/a%2f/", "/é/"]
)
def test_a_base_can_not_break_out_of_the_policy(base: str) -> None:
    with pytest.raises(InvalidInput):
        figure_policy("http", "localhost", base)


def test_libraries_are_allowed_behind_the_prefix_of_a_proxy() -> None:
    policy = figure_policy("https", "lab.example.org", "/team/assay/").decode()
    assert " https://lab.example.org/team/assay/figure-libs/;" in policy


@pytest.mark.parametrize("host", ["localhost:5000", "[::1]:5000", "lab.example.org", "127.0.0.1"])
def test_policy_names_only_this_server(host: str) -> None:
    policy = figure_policy("https", host).decode()
    assert f"script-src 'unsafe-inline' 'unsafe-eval' https://{host}/figure-libs/;" in policy
    assert policy.startswith("sandbox allow-scripts;")
    assert "allow-same-origin" not in policy


@given(st.binary(max_size=300), st.sampled_from(["a.html", "a.svg", "a.json"]))
def test_noise_is_a_page_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str
) -> None:
    try:
        page_of(tmp_path_factory.mktemp("noise"), name, content)
    except InvalidInput:
        assert name == "a.json"


def test_figure_leaves_with_its_policy_and_can_be_framed_here(files: Files) -> None:
    files.write("fig.html", b"<script src='https://cdn.example/npm/vega@5'></script>")
    answer = files.get("figure", path="fig.html")
    host = files.server.url.removeprefix("http://")
    assert answer.data == b'<script src="../../../../figure-libs/vega.min.js"></script>'
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == figure_policy("http", host).decode()
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_library_is_served_to_frames_in_its_smallest_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assay.http.replies import FileReply, Reply
    from assay.server.context import Context
    from assay.server.routing import Empty

    monkeypatch.setattr(file_views, "_FOLDER", tmp_path)
    (tmp_path / "vega.min.js").write_bytes(b"plain")
    (tmp_path / "vega.min.js.gz").write_bytes(b"packed!")

    def ask(**headers: str) -> FileReply | Reply:
        given = [(key.replace("_", "-").encode(), value.encode()) for key, value in headers.items()]
        context = Context(
            None,  # type: ignore[arg-type]  # no store is asked
            method="GET",
            path="/figure-libs/vega.min.js",
            query=b"",
            headers=given,
            params={},
        )
        return file_views.library(context, Empty(), name="vega.min.js")

    for found, size in ((ask(), 5), (ask(accept_encoding="br, gzip;q=1"), 7)):
        assert isinstance(found, FileReply)
        assert found.end == size
        assert (b"cross-origin-resource-policy", b"cross-origin") in found.headers
        etag = dict(found.headers)[b"etag"].decode()
        file_views.os.close(found.fd)
    assert ask(accept_encoding="gzip", if_none_match=etag).status == 304

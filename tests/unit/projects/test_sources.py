from __future__ import annotations

import functools
import stat
import threading
import zipfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import assay
from assay.client.client import Client
from assay.errors import InvalidInput, StoreUnavailable
from assay.projects.fetching_values import fetch_value
from assay.projects.sources.fetching import fetch
from assay.projects.sources.uri import address_of
from tests.services.git import commit_all, git
from tests.unit.projects.conftest import Make


@pytest.mark.parametrize(
    ("uri", "kind", "subfolder"),
    [
        ("https://example.org/team/code.git#a/b", "git", "a/b"),
        ("https://example.org/team/code", "git", ""),
        ("git@example.org:team/code.git", "git", ""),
        ("ssh://git@example.org/team/code", "git", ""),
        ("git+https://example.org/team/code", "git", ""),
        ("https://example.org/code.zip#x", "zip", "x"),
        ("runs:/abc/code.zip", "run", ""),
    ],
)
def test_address_is_understood(uri: str, kind: str, subfolder: str) -> None:
    found = address_of(uri)

    assert (found.kind, found.subfolder) == (kind, subfolder)


@pytest.mark.parametrize(
    "uri",
    [
        "--upload-pack=touch pwned",
        "-x",
        "ext::sh -c touch% pwned",
        "git+ext::sh",
        "https://[bad",
        "fd::17",
        "transport::address",
        "ftp://example.org/x",
        "https://user:pass@example.org/x",
        "https://token@example.org/x",
        "https://example.org/x#../y",
        "https://example.org/x#/etc",
        "https://example.org/x#a/./b",
        "https://example.org/x#a\\b",
        "ssh://-oProxyCommand=x/y",
        "https:///x",
        "https://example.org/\nx",
        "https://example.org/\x1b[0m",
        "",
        "x" * 4_001,
        "no/such/folder",
    ],
)
def test_hostile_address_is_refused_before_anything_is_fetched(uri: str) -> None:
    with pytest.raises(InvalidInput):
        address_of(uri)


@pytest.fixture
def repository(project: Make, home: Path) -> Path:
    """A repository with two commits, a tag, and a branch of another state."""
    folder = project({"main.py": "print(1)\n", "sub/deep/train.py": "print('sub')\n"})
    commit_all(folder)
    git(folder, "tag", "-a", "v1", "-m", "first")
    (folder / "main.py").write_text("print(2)\n")
    commit_all(folder)
    git(folder, "checkout", "-q", "-b", "other")
    (folder / "main.py").write_text("print(3)\n")
    commit_all(folder)
    git(folder, "checkout", "-q", "main")
    return folder


def test_folder_is_used_where_it_is(repository: Path) -> None:
    with fetch(f"{repository}#sub/deep") as source:
        assert source.folder == repository / "sub" / "deep"
        assert not source.is_temporary
    assert repository.exists()


@pytest.mark.parametrize(
    ("version", "printed"), [(None, "2"), ("main", "2"), ("v1", "1"), ("other", "3")]
)
def test_version_of_a_repository_is_checked_out(
    repository: Path, version: str | None, printed: str
) -> None:
    with fetch(repository.as_uri(), version) as source:
        assert (source.folder / "main.py").read_text() == f"print({printed})\n"
        assert source.commit == git(repository, "rev-parse", f"{version or 'main'}^{{commit}}")
        assert source.branch == {None: "main", "v1": ""}.get(version, version)
        folder = source.root
    assert not folder.exists()


@pytest.mark.parametrize("length", [40, 10])
def test_commit_is_checked_out_by_its_name(repository: Path, length: int) -> None:
    commit = git(repository, "rev-parse", "main~1")

    with fetch(f"{repository.as_uri()}#sub", commit[:length]) as source:
        assert source.commit == commit
        assert (source.root / "main.py").read_text() == "print(1)\n"


def test_known_commit_needs_no_repository_any_more(repository: Path) -> None:
    uri, commit = repository.as_uri(), git(repository, "rev-parse", "main")
    fetch(uri, commit).close()
    repository.rename(repository.parent / "gone")

    # ``file://`` of a folder that isn't there is no project, so the name of the transport is given.
    with fetch(f"git+{uri}", commit) as source:
        assert (source.folder / "main.py").exists()


def test_version_of_a_clean_folder_is_checked_out_elsewhere(repository: Path) -> None:
    with fetch(f"{repository}#sub", "v1") as source:
        assert source.folder != repository / "sub"
        assert source.folder.name == "sub"
        assert source.commit == git(repository, "rev-parse", "v1^{commit}")


def test_folder_with_an_odd_name_is_a_project_too(repository: Path, tmp_path: Path) -> None:
    odd = repository.rename(tmp_path / "odd #1 %41 näme")

    with fetch(str(odd)) as source:
        assert source.folder == odd
    with fetch(str(odd), "v1") as source:
        assert (source.folder / "main.py").read_text() == "print(1)\n"


def test_version_of_a_changed_folder_is_refused(repository: Path) -> None:
    (repository / "main.py").write_text("changed")

    with pytest.raises(InvalidInput, match="uncommitted changes"):
        fetch(str(repository), "v1")


@pytest.mark.parametrize(
    "version",
    ["-x", "a b", "a..b", "HEAD@{1}", "a:b", "x" * 251, "a~1", "$(id)", "nothing", "0123456789"],
)
def test_version_that_is_none_is_refused(repository: Path, version: str) -> None:
    with pytest.raises(InvalidInput):
        fetch(repository.as_uri(), version)


def test_subfolder_that_is_not_there_or_leads_out_is_refused(repository: Path) -> None:
    (repository / "out").symlink_to("/etc")
    commit_all(repository)

    for subfolder in ("none", "out"):
        with pytest.raises(InvalidInput, match="has no folder"):
            fetch(f"{repository.as_uri()}#{subfolder}")


def test_repository_that_cannot_be_reached_is_told(home: Path) -> None:
    with pytest.raises(StoreUnavailable, match="can't be fetched"):
        fetch("git://127.0.0.1:1/x")


def test_hooks_of_the_user_do_not_run(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = tmp_path / "template" / "hooks"
    hooks.mkdir(parents=True)
    hook = hooks / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/pwned\n")
    hook.chmod(0o700)
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(hooks.parent))

    fetch(repository.as_uri()).close()

    assert not (tmp_path / "pwned").exists()


def test_submodules_come_along_by_safe_transports_only(repository: Path, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "lib.py").write_text("x = 1\n")
    commit_all(inner)
    git(repository, "submodule", "--quiet", "add", inner.as_uri(), "inner")
    commit_all(repository)

    with fetch(repository.as_uri()) as source:
        assert (source.folder / "inner" / "lib.py").exists()

    (repository / ".gitmodules").write_text(
        '[submodule "inner"]\n\tpath = inner\n\turl = "ext::sh -c touch% pwned"\n'
    )
    commit_all(repository)
    with pytest.raises(StoreUnavailable, match="can't be fetched"):
        fetch(repository.as_uri())


def zipped(file: Path, members: dict[str, str]) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return file


def test_archive_is_unpacked_and_its_one_folder_entered(tmp_path: Path) -> None:
    file = zipped(tmp_path / "p.zip", {"code-1/main.py": "print(1)", "code-1/sub/x.py": ""})

    with fetch(str(file)) as source:
        assert (source.folder / "main.py").read_text() == "print(1)"
    with fetch(f"{file}#sub") as source:
        assert (source.folder / "x.py").exists()


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "a\\..\\x", "a/\x1b", "a//b"])
def test_archive_with_a_hostile_member_is_refused_whole(tmp_path: Path, name: str) -> None:
    file = zipped(tmp_path / "p.zip", {"main.py": "", name: "x"})

    with pytest.raises(InvalidInput, match="isn't accepted"):
        fetch(str(file), into=tmp_path / "into")

    assert list((tmp_path / "into").iterdir()) == []


def test_archive_with_a_link_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "p.zip"
    with zipfile.ZipFile(file, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")

    with pytest.raises(InvalidInput, match="neither a file nor a folder"):
        fetch(str(file))


def test_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.zip").write_text("nothing")

    with pytest.raises(InvalidInput, match="can't be read as a ZIP archive"):
        fetch(str(tmp_path / "p.zip"))


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """A web server that gives out ``p.zip``."""
    folder = tmp_path / "web"
    folder.mkdir()
    zipped(folder / "p.zip", {"main.py": "print(1)"})
    with ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder))
    ) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_archive_of_a_web_server_is_fetched(web: str) -> None:
    with fetch(f"{web}/p.zip") as source:
        assert (source.folder / "main.py").read_text() == "print(1)"
    with pytest.raises(InvalidInput, match="the server says 404"):
        fetch(f"{web}/none.zip")


def test_archive_of_a_run_is_fetched(home: Path, tmp_path: Path) -> None:
    with assay.start_run(capture="none") as run:
        assay.log_artifact(str(zipped(tmp_path / "code.zip", {"sub/x.py": "", "main.py": ""})))

    with fetch(f"runs:/{run.info.run_id}/code.zip#sub") as source:
        assert (source.folder / "x.py").exists()
    for uri in ("runs:/../code.zip", f"runs:/{run.info.run_id}/code.txt"):
        with pytest.raises(InvalidInput):
            fetch(uri)


def test_values_are_fetched_by_their_scheme(home: Path, web: str, tmp_path: Path) -> None:
    target = tmp_path / "values"
    target.mkdir()
    (home / "there").mkdir()
    (home / "there" / "d.csv").write_text("1")
    client = Client(home / ".assay")

    assert fetch_value(f"{web}/p.zip", target, client) == target / "p.zip"
    got = fetch_value((home / "there" / "d.csv").as_uri(), target, client)
    assert got.read_text() == "1"
    with pytest.raises(InvalidInput, match="the server says 404"):
        fetch_value(f"{web}/none", target, client)

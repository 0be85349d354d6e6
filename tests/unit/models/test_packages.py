"""Installed distributions: whose a module is, what it needs, and its exact pin."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import sys
from pathlib import Path

import pytest

from assay.errors import InvalidInput
from assay.models.environments.packages import Distributions, pin, pins, without_secrets
from assay.models.environments.requires_dist import Requirement, needed, parse


def _install(site: Path, name: str, version: str, files: dict[str, str], **info: str) -> Path:
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir(parents=True)
    for path, text in files.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(text)
    record = [f"{path},sha256=x,1" for path in files]
    (folder / "RECORD").write_text("\n".join([*record, f"{folder.name}/RECORD,,", ""]))
    for file, text in info.items():
        (folder / file.replace("_json", ".json")).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("sklearn.linear_model", "scikit-learn"),
        ("yaml", "pyyaml"),
        ("dateutil", "python-dateutil"),
        ("threadpoolctl", "threadpoolctl"),
        ("_cffi_backend", "cffi"),
        ("opentelemetry.proto", "opentelemetry-proto"),
    ],
)
def test_module_is_traced_to_its_distribution(module: str, expected: str) -> None:
    spec = importlib.util.find_spec(module)
    assert spec is not None
    places = spec.submodule_search_locations or []
    file = spec.origin or next(file for place in places for file in Path(place).rglob("*.py"))

    owner = Distributions().providing(module, str(file))

    assert owner is not None
    assert owner.name == expected
    assert owner.version == importlib.metadata.version(expected)


def test_code_that_no_distribution_brought_has_none(tmp_path: Path) -> None:
    (tmp_path / "mine.py").touch()
    index = Distributions([str(tmp_path), *sys.path])

    assert index.providing("mine", str(tmp_path / "mine.py")) is None
    assert index.providing("json", json.__file__) is None


def test_namespace_shared_by_distributions_is_told_apart_by_file(tmp_path: Path) -> None:
    _install(tmp_path, "one", "1.0", {"shared/a.py": ""})
    _install(tmp_path, "two", "2.0", {"shared/b.py": ""})
    index = Distributions([str(tmp_path)])

    owner = index.providing("shared.b", str(tmp_path / "shared" / "b.py"))

    assert owner is not None
    assert owner.name == "two"
    assert index.providing("shared") is None


def test_editable_install_owns_its_source_folder(tmp_path: Path) -> None:
    site, source = tmp_path / "site", tmp_path / "project" / "src"
    origin = json.dumps({"url": source.parent.as_uri(), "dir_info": {"editable": True}})
    _install(site, "project", "0.1", {"_project.pth": f"{source}\n"}, direct_url_json=origin)
    index = Distributions([str(site), str(source)])

    owner = index.providing("project.core", str(source / "project" / "core.py"))

    assert owner is not None
    assert pin(owner) == "project==0.1  # from an editable install"
    assert index.providing("train", str(source.parent / "train.py")) is None


def test_editable_install_by_setuptools_finder_owns_what_it_maps(tmp_path: Path) -> None:
    site, source = tmp_path / "site", tmp_path / "project" / "pkg"
    origin = json.dumps({"url": source.parent.as_uri(), "dir_info": {"editable": True}})
    finder = f"import sys\nMAPPING: dict[str, str] = {{'pkg': {str(source)!r}}}\n"
    files = {"__editable___pkg_0_1_finder.py": finder, "__editable__.pkg-0.1.pth": "import x\n"}
    _install(site, "pkg", "0.1", files, direct_url_json=origin)

    owner = Distributions([str(site)]).providing("pkg.a", str(source / "a.py"))

    assert owner is not None
    assert owner.name == "pkg"


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("", "torch==2.13.0"),
        (
            '{"url": "https://u:p@h/r.git?t=1", "vcs_info": {"vcs": "git", "commit_id": "abc"}}',
            "torch @ git+https://h/r.git@abc",
        ),
        (
            '{"url": "ssh://git@h/r.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}}',
            "torch @ git+ssh://git@h/r.git@abc",
        ),
        (
            '{"url": "https://u:p@h/torch.whl", "archive_info": {}}',
            "torch @ https://h/torch.whl",
        ),
        (
            '{"url": "file:///home/me/torch.whl", "archive_info": {}}',
            "torch==2.13.0  # from a local file",
        ),
        ("{", "torch==2.13.0"),
    ],
)
def test_pin_can_be_installed_elsewhere(tmp_path: Path, origin: str, expected: str) -> None:
    info = {"direct_url_json": origin} if origin else {}
    _install(tmp_path, "torch", "2.13.0+cpu", {"torch/__init__.py": ""}, **info)

    owner = Distributions([str(tmp_path)]).get("Torch")

    assert owner is not None
    assert pin(owner) == expected


def test_extras_stay_in_the_pin() -> None:
    version = importlib.metadata.version("scikit-learn")

    assert pin("Scikit_Learn[plots]") == f"scikit-learn[plots]=={version}"
    assert pins(["scikit-learn", "not-there-at-all"]) == [f"scikit-learn=={version}"]


def test_pin_of_what_is_not_installed_is_refused() -> None:
    with pytest.raises(InvalidInput, match="'not-there-at-all' isn't installed"):
        pin("not-there-at-all")


def test_first_folder_of_the_path_wins(tmp_path: Path) -> None:
    _install(tmp_path / "a", "pkg", "2.0", {"pkg.py": ""})
    _install(tmp_path / "b", "pkg", "1.0", {"pkg.py": ""})

    owner = Distributions([str(tmp_path / "a"), str(tmp_path / "b")]).get("pkg")

    assert owner is not None
    assert owner.version == "2.0"


def test_digest_changes_when_a_package_does(tmp_path: Path) -> None:
    _install(tmp_path, "pkg", "1.0", {"pkg.py": ""})
    before = Distributions([str(tmp_path)]).digest()
    (tmp_path / "pkg-1.0.dist-info").rename(tmp_path / "pkg-1.1.dist-info")

    assert Distributions([str(tmp_path)]).digest() != before


def test_declared_requirements_are_read() -> None:
    owner = Distributions().get("scikit-learn")

    assert owner is not None
    always = {one.name for one in owner.requires() if needed(one)}
    assert {"numpy", "scipy", "joblib", "threadpoolctl"} <= always
    assert "matplotlib" not in always


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Foo_Bar", Requirement("foo-bar")),
        ("dask[array, distributed]>=2 ", Requirement("dask", ("array", "distributed"))),
        ("a (>=1,<2) ; os_name == 'nt'", Requirement("a", (), "os_name == 'nt'")),
        ("a @ https://h/a.whl ; extra == 'x'", Requirement("a", (), "extra == 'x'")),
        ("", None),
        ("-r file", None),
    ],
)
def test_requirement_is_parsed(text: str, expected: Requirement | None) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("marker", "extras", "expected"),
    [
        ("", set(), True),
        ('python_version >= "3.11"', set(), True),
        ('python_version < "3.9" or sys_platform == "win32"', set(), False),
        ('python_version >= "3" and (os_name == "nt" or os_name == "posix")', set(), True),
        ('"linux" in sys_platform or "darwin" in sys_platform', set(), True),
        ('platform_system not in "Windows"', set(), True),
        ('extra == "Test_Suite"', set(), False),
        ('extra == "Test_Suite"', {"test-suite"}, True),
        ('python_version ~= "3.11"', set(), True),
        ('python_full_version == "3.*"', set(), True),
        ('python_version > "3.9" and python_version < "3.10"', set(), False),
        ("not a marker at all", set(), True),
        ('unknown_name == "x"', set(), True),
        ("(" * 2000 + ")" * 1999, set(), True),
    ],
)
def test_marker_decides_whether_a_requirement_is_needed(
    marker: str, extras: set[str], expected: bool
) -> None:
    assert needed(Requirement("a", (), marker), frozenset(extras)) is expected


@pytest.mark.parametrize(
    "text",
    [
        'python_version >= "3.8" and extra == "a"',
        'implementation_name == "cpython" and python_full_version >= "3.8.1"',
        'platform_machine == "x86_64" or platform_machine == "aarch64"',
        'python_version == "3.11.*"',
        'python_full_version != "3.11.*"',
        'sys_platform != "emscripten" and (python_version < "4" and os_name != "nt")',
    ],
)
def test_marker_is_judged_as_packaging_judges_it(text: str) -> None:
    from packaging.markers import Marker

    assert needed(Requirement("p", (), text)) is Marker(text).evaluate({"extra": ""})


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://user:pass@host/simple?token=x#frag", "https://host/simple"),
        ("ssh://git@host/r.git", "ssh://git@host/r.git"),
        ("git@host:me/r.git", "git@host:me/r.git"),
    ],
)
def test_url_is_kept_without_secrets(url: str, expected: str) -> None:
    assert without_secrets(url) == expected

"""Bundles: what is written reads back, and what somebody tampered with is refused."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import msgspec
import pytest

from assay.comparison.facts import RunFacts
from assay.errors import AssayError, Corrupted, InvalidInput
from assay.reproduction import bundle
from assay.reproduction.bundle import Bundle, Writer
from assay.reproduction.recipe import Code, Recipe
from assay.reproduction.results import Results

RECIPE = Recipe(run_id="r" * 32, run_name="toy", code=Code(commit="a" * 40, directory="x"))


def write(path: Path, recipe: Recipe = RECIPE) -> Path:
    with zipfile.ZipFile(path, "x") as archive:
        writer = Writer(archive)
        writer.add(bundle.CODE, b"zip")
        writer.add(bundle.PATCH, b"patch")
        writer.add(bundle.RECIPE, msgspec.json.encode(recipe))
        writer.add(bundle.RESULTS, msgspec.json.encode(Results(params={"lr": "1"})))
        writer.add(bundle.FACTS, msgspec.json.encode(RunFacts(run_id=recipe.run_id)))
        writer.add(bundle.FILES + "a/b.json", b"{}")
        writer.add(bundle.DATA + "0123", b"rows")
        writer.finish(recipe=recipe, experiment_name="e", written_by="test")
    return path


def tampered(path: Path, *, name: str, content: bytes | None, add: str = "") -> Path:
    """The same bundle with a member replaced or left out, or one added."""
    target = path.with_name("other.zip")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            if info.filename != name:
                new.writestr(info, old.read(info))
            elif content is not None:
                new.writestr(info, content)
        if add:
            new.writestr(add, b"x")
    return target


def test_what_was_written_reads_back_and_is_the_same_each_time(tmp_path: Path) -> None:
    path = write(tmp_path / "a.zip")
    with Bundle(path) as opened:
        recipe = opened.recipe()
        assert (recipe.code.archive, recipe.code.patch) == (b"zip", b"patch")
        assert opened.results().params == {"lr": "1"}
        assert opened.facts().run_id == RECIPE.run_id
        assert (opened.file("a/b.json"), opened.file("c")) == (b"{}", None)
        assert opened.data(tmp_path)["0123"].read_bytes() == b"rows"
    assert write(tmp_path / "b.zip").read_bytes() == path.read_bytes()


def test_damaged_member_is_refused(tmp_path: Path) -> None:
    other = tampered(write(tmp_path / "a.zip"), name=bundle.PATCH, content=b"other")
    with Bundle(other) as opened, pytest.raises(Corrupted, match=r"source\.patch"):
        opened.recipe()


@pytest.mark.parametrize(
    ("name", "content", "add", "message"),
    [
        (bundle.MANIFEST, None, "", "no manifest.json"),
        (bundle.PATCH, None, "", "not those that it lists"),
        ("", None, "more", "not those that it lists"),
        (bundle.MANIFEST, b"{", "", "can't be read"),
    ],
)
def test_other_members_than_listed_are_refused(
    tmp_path: Path, name: str, content: bytes | None, add: str, message: str
) -> None:
    other = tampered(write(tmp_path / "a.zip"), name=name, content=content, add=add)
    with pytest.raises(InvalidInput, match=message):
        Bundle(other)


@pytest.mark.parametrize(("key", "value"), [("format", 99), ("members", {"../x": {}})])
def test_manifest_of_another_kind_is_refused(tmp_path: Path, key: str, value: object) -> None:
    path = write(tmp_path / "a.zip")
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read(bundle.MANIFEST))
    if key == "members":
        manifest["members"]["../x"] = {"size": 1, "sha256": "0"}
    else:
        manifest[key] = value
    other = tampered(path, name=bundle.MANIFEST, content=json.dumps(manifest).encode())
    with pytest.raises(AssayError, match=r"Install a newer Assay|\.\./x"):
        Bundle(other)


def test_folder_that_leads_out_is_refused(tmp_path: Path) -> None:
    code = Code(commit="a" * 40, directory="../../etc")
    path = write(tmp_path / "a.zip", msgspec.structs.replace(RECIPE, code=code))
    with Bundle(path) as opened, pytest.raises(InvalidInput):
        opened.recipe()


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="There is no bundle"):
        Bundle(tmp_path / "none.zip")
    (tmp_path / "text.zip").write_text("text")
    with pytest.raises(InvalidInput, match="is no bundle"):
        Bundle(tmp_path / "text.zip")

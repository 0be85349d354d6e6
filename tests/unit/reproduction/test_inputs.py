"""Data sets that are brought into a fresh folder, and checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay.data.digests import file_digest
from assay.errors import InvalidInput
from assay.reproduction import inputs
from assay.reproduction.inputs import bring
from assay.reproduction.recipe import Code, Dataset, Recipe


@pytest.fixture
def original(tmp_path: Path) -> Path:
    """The folder that the run ran in, with its data."""
    folder = tmp_path / "old" / "project"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "a.csv").write_text("a\n1\n")
    return folder


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    folder = tmp_path / "fresh"
    folder.mkdir()
    return folder


def recipe(place: str, digest: str, root: Path, *, is_file_digest: bool = True) -> Recipe:
    data = Dataset(
        name="d",
        digest=digest,
        source_type="local",
        source=json.dumps({"uri": place}),
        is_file_digest=is_file_digest,
    )
    return Recipe(run_id="r", code=Code(root=str(root), directory="project"), datasets=[data])


def test_relative_data_is_copied_and_checked(original: Path, fresh: Path) -> None:
    digest = file_digest(original / "data" / "a.csv")

    (found,) = bring(recipe("data/a.csv", digest, original.parent), fresh)

    assert found.verdict == "identical"
    assert not (fresh / "data" / "a.csv").is_symlink()
    assert (fresh / "data" / "a.csv").read_text() == "a\n1\n"


def test_large_data_is_linked_to(
    original: Path, fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "MAX_COPIED_BYTES", 1)
    bring(recipe("data/a.csv", "x", original.parent), fresh)
    assert (fresh / "data" / "a.csv").resolve() == original / "data" / "a.csv"


def test_data_of_a_bundle_needs_no_original(tmp_path: Path, fresh: Path) -> None:
    came = tmp_path / "came"
    came.write_text("a\n2\n")
    digest = file_digest(came)
    asked = recipe("data/a.csv", digest, tmp_path / "gone")
    (found,) = bring(asked, fresh, brought={digest: came})
    assert found.verdict == "identical"


def test_changed_data_is_told_and_a_tables_digest_can_not_be(original: Path, fresh: Path) -> None:
    place = str(original / "data" / "a.csv")
    (changed,) = bring(recipe(place, "0" * 16, original.parent), fresh)
    (table,) = bring(recipe(place, "0" * 16, original.parent, is_file_digest=False), fresh)
    assert (changed.verdict, table.verdict) == ("different", "not compared")
    assert "has changed since" in changed.detail


@pytest.mark.parametrize("place", ["../../secret.csv", "data/../../x.csv"])
def test_data_outside_of_the_folder_is_refused(original: Path, fresh: Path, place: str) -> None:
    with pytest.raises(InvalidInput, match="outside of the folder"):
        bring(recipe(place, "x", original.parent), fresh)


def test_data_that_is_gone_or_is_no_file_of_this_machine(original: Path, fresh: Path) -> None:
    with pytest.raises(InvalidInput, match=r"isn.t there any more: data/gone\.csv"):
        bring(recipe("data/gone.csv", "x", original.parent), fresh)
    bucket = Dataset(name="d", digest="x", source_type="s3", source='{"uri": "s3://b/a.csv"}')
    assert bring(Recipe(run_id="r", datasets=[bucket]), fresh) == []

"""Which parts are captured."""

from __future__ import annotations

import pytest

from assay.context.capture import PARTS, REQUIREMENTS_PATH, snapshot, wanted_parts
from assay.errors import InvalidInput


@pytest.mark.parametrize(
    ("choice", "parts"),
    [
        ("all", PARTS),
        (True, PARTS),
        ("1", PARTS),
        ("none", frozenset()),
        (False, frozenset()),
        ("", frozenset()),
        ("git, packages", frozenset({"git", "packages"})),
        (["git"], frozenset({"git"})),
        ("-output", PARTS - {"output"}),
        ("-output,-patch", PARTS - {"output", "patch"}),
    ],
)
def test_choice_of_parts(choice: object, parts: frozenset[str]) -> None:
    assert wanted_parts(choice) == parts  # type: ignore[arg-type]


def test_environment_chooses_where_the_call_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASSAY_CAPTURE", raising=False)
    assert wanted_parts() == PARTS
    monkeypatch.setenv("ASSAY_CAPTURE", "git")
    assert wanted_parts() == {"git"}
    assert wanted_parts("packages") == {"packages"}


def test_unknown_part_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match=r"packges.*packages"):
        wanted_parts("git,packges")


def test_snapshot_has_what_was_asked_for_and_is_shared() -> None:
    taken = snapshot(frozenset({"process", "packages"}))
    assert set(taken.tags) == {"assay.command", "assay.host", "assay.python"}
    assert set(taken.files) == {REQUIREMENTS_PATH}
    assert snapshot(frozenset({"process", "packages"})) is taken
    assert snapshot(frozenset({"hardware"})).tags["assay.cpu"]

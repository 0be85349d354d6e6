from __future__ import annotations

from pathlib import Path

import pytest

from assay.errors import InvalidInput
from assay.projects.parameters import Checked, check, resolved
from assay.projects.spec import EntryPoint, Parameter


def entry(*parameters: Parameter) -> EntryPoint:
    return EntryPoint(name="main", command="x", parameters={one.name: one for one in parameters})


ALL = entry(
    Parameter(name="alpha", type="float", default="0.5", min=0, max=1),
    Parameter(name="epochs", type="int"),
    Parameter(name="kind", type="enum", choices=["a", "b"], default="a"),
    Parameter(name="deep", type="bool", default="true"),
    Parameter(name="note", required=False),
)


def test_values_come_in_the_order_of_their_declaration_with_defaults() -> None:
    checked = check(ALL, {"epochs": 3, "extra": "x y"})

    assert checked.values == {"alpha": "0.5", "epochs": "3", "kind": "a", "deep": "true"}
    assert checked.extras == {"extra": "x y"}


def test_a_default_may_be_of_another_type_and_be_checked_again() -> None:
    chosen = entry(Parameter(name="n", type="int", default="auto"))

    assert check(chosen, check(chosen, {}).all()).values == {"n": "auto"}
    with pytest.raises(InvalidInput, match="'n' must be a whole number"):
        check(chosen, {"n": "many"})


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(InvalidInput) as refused:
        check(ALL, {"alpha": "2", "kind": "c", "deep": "perhaps"})

    message = refused.value.message
    assert "'alpha' must be from 0 to 1, got '2'" in message
    assert "'epochs' (int) has no default and must be given" in message
    assert "'kind' must be one of a, b, got 'c'" in message
    assert "'deep' must be true or false, got 'perhaps'" in message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", "1.5"),
        ("epochs", "1_000"),
        ("epochs", ""),
        ("epochs", "٣"),
        ("alpha", "0,5"),
        ("alpha", "nan"),
        ("alpha", "1_0"),
        ("note", "a\0b"),
        ("--flag", "x"),
        ("a b", "x"),
        ("note", "x" * 100_001),
    ],
)
def test_value_of_another_type_is_refused(name: str, value: str) -> None:
    with pytest.raises(InvalidInput, match="don't fit"):
        check(ALL, {"epochs": "1", name: value})


def test_mistyped_name_is_told_beside_what_is_missing() -> None:
    with pytest.raises(InvalidInput, match="Is 'epoch' meant to be 'epochs'"):
        check(ALL, {"epoch": 3})


@pytest.mark.parametrize(
    "value", ["'; rm -rf /", '"$(id)"', "a\nb", "`id`", "%s {x}", "é 😀", "-x"]
)
def test_hostile_text_is_a_text(value: str) -> None:
    assert check(ALL, {"epochs": "1", "note": value}).values["note"] == value


class Place:
    """A folder of the caller and one of the project."""

    def __init__(self, base: Path) -> None:
        self.caller, self.project, self.work = base / "caller", base / "project", base / "work"
        for folder in (self.caller, self.project, self.work):
            folder.mkdir()
        self.fetched: list[str] = []

    def resolve(self, point: EntryPoint, given: dict[str, str]) -> Checked:
        return resolved(
            point,
            check(point, given),
            caller=self.caller,
            project=self.project,
            work=self.work,
            fetch=self._fetch,
        )

    def _fetch(self, uri: str, folder: Path) -> Path:
        self.fetched.append(uri)
        place = folder / "got"
        place.write_text("data")
        return place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


DATA = entry(Parameter(name="data", type="path", default="data.csv"))


def test_relative_path_starts_at_the_callers_folder(place: Place) -> None:
    (place.caller / "mine.csv").write_text("x")

    checked = place.resolve(DATA, {"data": "mine.csv"})

    assert checked.values["data"] == str(place.caller / "mine.csv")


def test_default_path_is_looked_for_in_the_project_too(place: Place) -> None:
    (place.project / "data.csv").write_text("x")

    assert place.resolve(DATA, {}).values["data"] == str(place.project / "data.csv")


def test_path_that_is_not_there_is_told(place: Place) -> None:
    with pytest.raises(InvalidInput, match=r"'data' names 'no\.csv', and there is no such file"):
        place.resolve(DATA, {"data": "no.csv"})


def test_uri_given_for_a_path_is_fetched_into_a_folder_of_its_own(place: Place) -> None:
    point = entry(Parameter(name="data", type="path", key_dir="inputs"))

    checked = place.resolve(point, {"data": "https://example.org/d.csv"})

    assert checked.values["data"] == str(place.work / "inputs" / "got")
    assert place.fetched == ["https://example.org/d.csv"]


def test_local_path_given_for_a_uri_becomes_absolute(place: Place) -> None:
    point = entry(Parameter(name="where", type="uri"))

    assert place.resolve(point, {"where": "out"}).values["where"] == str(place.caller / "out")
    assert place.resolve(point, {"where": "s3://b/k"}).values["where"] == "s3://b/k"

"""Tables of several runs joined by a column."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import urllib3

from assay.artifacts.local import LocalArtifactStore
from assay.client.client import Client
from assay.comparison.meaning import key_text, meaning
from assay.entities.names import ArtifactPath
from assay.errors import InvalidInput, LimitExceeded
from assay.server.files import joins
from assay.server.files.joins import JoinedPage, JoinSort, Wanted, joined_page
from assay.server.files.opened import open_artifact
from assay.server.files.rows import Rows
from assay.server.files.tables import open_rows
from tests.services.mlflow_client import ServerProcess

FIRST = "id,label\na,1\nb,2\na,3\n"
SECOND = "id,label,score\nb,2.0,0.5\nc,9,\n"


class Tables:
    """Files of one store, joined."""

    def __init__(self, folder: Path) -> None:
        self.store = LocalArtifactStore(folder)

    def join(self, *contents: str | None, **wanted: Any) -> JoinedPage:
        with ExitStack() as stack:
            tables: list[Rows | None] = []
            etags = []
            for number, content in enumerate(contents):
                path = ArtifactPath(f"{number}.csv")
                if content is None:
                    tables.append(None)
                    etags.append("gone")
                    continue
                self.store.write(path, [content.encode()])
                opened = stack.enter_context(open_artifact(self.store, path))
                tables.append(open_rows(opened))
                etags.append(opened.etag)
            problems = ["gone" if table is None else None for table in tables]
            return joined_page(tables, problems, Wanted(**wanted), etags=etags)


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return Tables(tmp_path / "root")


def keys(page: JoinedPage) -> list[str]:
    return [row.key for row in page.rows]


def test_equal_keys_stand_in_one_row(tables: Tables) -> None:
    page = tables.join(FIRST, SECOND)
    assert page.key == "id"
    assert [column.name for column in page.columns] == ["id", "label", "score"]
    assert keys(page) == ["a", "b", "c"]
    assert page.repeated == 1
    assert page.rows[0].cells == [["a", 1, None], None]
    assert page.rows[1].cells[1] == ["b", 2.0, 0.5]
    assert [row.differs for row in page.rows] == [True, True, True]


def test_rows_differ_by_meaning_among_the_tables_there_are(tables: Tables) -> None:
    page = tables.join(FIRST, None, "id,label\na,1.0\n", key="id")
    assert [row.differs for row in page.rows] == [False, True]
    assert page.problems == [None, "gone", None]
    assert keys(tables.join(FIRST, "id,label\na,1.0\n", key="id", only_different=True)) == ["b"]


def test_rows_are_joined_by_their_number_too(tables: Tables) -> None:
    page = tables.join(FIRST, SECOND, key=None)
    assert page.key is None
    assert keys(page) == ["1", "2", "3"]
    assert page.rows[2].cells == [["a", 3, None], None]


def test_a_join_is_sorted_with_what_is_missing_last(tables: Tables) -> None:
    for descending, order in ((False, ["b", "c", "a"]), (True, ["c", "b", "a"])):
        sort = JoinSort(column="label", table=1, descending=descending)
        assert keys(tables.join(FIRST, SECOND, key="id", sort=sort)) == order
    by_key = JoinSort(descending=True)
    assert keys(tables.join(FIRST, SECOND, key="id", sort=by_key)) == ["c", "b", "a"]
    with pytest.raises(InvalidInput):
        tables.join(FIRST, SECOND, key="id", sort=JoinSort(column="score", table=0))


def test_a_join_is_searched_and_paged(tables: Tables) -> None:
    long = "id,text\n" + "".join(f"{n},row {n}\n" for n in range(2_500))
    page = tables.join(long, long, key="id", offset=2_400, limit=50)
    assert keys(page)[0] == "2400"
    assert (page.total, page.found, len(page.rows)) == (2_500, 2_500, 50)
    found = tables.join(long, long, key="id", search="ROW 249")
    assert found.found == 11
    assert keys(found)[-1] == "2499"


def test_key_that_no_table_has_and_tables_too_large_are_refused(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidInput):
        tables.join(FIRST, SECOND, key="none")
    assert keys(tables.join(FIRST, SECOND, key="score")) == ["0.5", ""]
    monkeypatch.setattr(joins, "MAX_CELLS", 11)
    with pytest.raises(LimitExceeded):
        tables.join(FIRST, SECOND)


def test_pictures_tell_no_difference(tmp_path: Path) -> None:
    store = LocalArtifactStore(tmp_path / "root")
    tables: list[Rows | None] = []
    with ExitStack() as stack:
        for number in range(2):
            cell = {"type": "image", "filepath": f"images/{number}.png"}
            path = ArtifactPath(f"{number}.json")
            text = json.dumps({"columns": ["id", "seen"], "data": [["a", cell]]})
            store.write(path, [text.encode()])
            tables.append(open_rows(stack.enter_context(open_artifact(store, path))))
        page = joined_page(tables, [None, None], Wanted("id"), etags=["", ""])
    assert page.columns[1].type == "image"
    assert page.rows[0].differs is False
    assert [cells and cells[1]["filepath"] for cells in page.rows[0].cells] == [
        "images/0.png",
        "images/1.png",
    ]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1e-3", 0.001, True),
        ("0.10000000000000000000", 0.1, True),
        ("0.10000000000000000001", 0.1, False),
        (0.1 + 0.2, "3.0000000000000004e-1", True),
        ("1" + "0" * 40, 1e40, True),
        ("-0.0", 0, True),
        ("1e-400", 0, False),
        ("1e-400", "10e-401", True),
        ("1e400", "1e401", False),
        ("True", True, True),
        (" NaN ", float("nan"), True),
        ('{"b": 1, "a": 2}', {"a": 2, "b": 1}, True),
        (-1, -2, False),
        ("", None, False),
        ("1", "1x", False),
        (2**60, 2**60 + 1, False),
        ("1e999999999", "1e999999998", False),
        ("[" * 9_000, "[" * 9_001, False),
    ],
)
def test_cells_are_compared_by_meaning(one: Any, other: Any, same: bool) -> None:
    assert (meaning(one) == meaning(other)) is same


def test_whole_numbers_are_one_key_however_they_are_kept() -> None:
    assert key_text(1.0) == key_text(1) == key_text("1") == "1"
    assert key_text(True) == "true"
    assert key_text(None) == ""


def test_joined_over_http_tells_of_a_table_that_cannot_be_read(
    assay_server: ServerProcess,
) -> None:
    client = Client(assay_server.url)
    run = client.create_run("0").info.run_id
    client.log_text(run, FIRST, "a.csv")
    client.log_text(run, "no table", "b.txt")
    places = [{"run_id": run, "path": path} for path in ("a.csv", "b.txt", "none.csv")]
    url = f"{assay_server.url}/api/assay/v1/files/joined"
    page = urllib3.request("POST", url, json={"tables": places}).json()
    assert [row["key"] for row in page["rows"]] == ["a", "b"]
    assert page["problems"][0] is None
    assert "shown as no table" in page["problems"][1]
    assert page["problems"][2]
    assert urllib3.request("POST", url, json={"tables": places * 3}).status == 400

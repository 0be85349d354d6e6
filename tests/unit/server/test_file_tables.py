"""Pages of tables: windows, types, order, filters, and files that lie about themselves."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from assay.artifacts.local import LocalArtifactStore
from assay.entities.names import artifact_path
from assay.errors import InvalidInput, LimitExceeded
from assay.server.files import cells, json_rows, tables, text_rows
from assay.server.files.opened import open_artifact
from assay.server.files.tables import Filter, Sort, TablePage, table_page

Page = Callable[..., TablePage]


@pytest.fixture
def page(tmp_path: Path) -> Page:
    """Write a file and read a page of it."""

    def read(name: str, content: bytes | str, **query: Any) -> TablePage:
        data = content.encode() if isinstance(content, str) else content
        store = LocalArtifactStore(tmp_path / "root")
        store.write(artifact_path(name), [data])
        with open_artifact(store, artifact_path(name)) as opened:
            return table_page(opened, **query)

    return read


def types(found: TablePage) -> dict[str, str]:
    return {column.name: column.type for column in found.columns}


def test_csv_has_typed_columns_and_cells(page: Page) -> None:
    found = page("a.csv", 'n,x,ok,zip,text\n1,0.5,true,007,a\n-2,NaN,False,010,\n,1e3,,1,"b,\nc"\n')
    assert types(found) == {
        "n": "integer",
        "x": "number",
        "ok": "boolean",
        "zip": "text",
        "text": "text",
    }
    assert found.rows[0] == [1, 0.5, True, "007", "a"]
    assert found.rows[1][0] == -2
    assert str(found.rows[1][1]) == "nan"
    assert found.rows[2] == [None, 1000.0, None, "1", "b,\nc"]
    assert found.total == 3
    assert not found.truncated


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "a;b\n1;2\n"),
        ("a.tsv", "a\tb\n1\t2\n"),
        ("a.csv", "\ufeffa,b\r\n1,2\r\n"),
        ("a.csv", "\n\na,b\n\r\n\n1,2"),
        ("a.csv", 'a,b\n\n"1",2\n'),
    ],
)
def test_delimiters_line_ends_and_blank_lines(page: Page, name: str, content: str) -> None:
    found = page(name, content)
    assert [column.name for column in found.columns] == ["a", "b"]
    assert found.rows == [[1, 2]]
    assert found.total == 1


@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("offset", [0, 1, 62, 63, 64, 65, 4_999, 99_990, 99_999, 100_000])
def test_any_window_of_a_long_table_is_right(page: Page, quote: str, offset: int) -> None:
    body = "".join(f"{number},{quote}row {number}{quote}\n" for number in range(100_000))
    found = page("a.csv", "id,name\n" + body, offset=offset, limit=70)
    last = min(100_000, offset + 70)
    assert found.rows == [[number, f"row {number}"] for number in range(offset, last)]
    assert found.total == 100_000


@given(
    rows=st.lists(
        st.lists(
            st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=8),
            min_size=2,
            max_size=2,
        ).filter(any),
        max_size=200,
    ),
    end=st.sampled_from(["\n", "\r\n"]),
    offset=st.integers(0, 200),
)
def test_pages_are_what_the_csv_module_reads(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], end: str, offset: int
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([["p", "q"], *rows])
    store = LocalArtifactStore(tmp_path_factory.mktemp("csv") / "root")
    store.write(artifact_path("a.csv"), [text.getvalue().encode()])
    with open_artifact(store, artifact_path("a.csv")) as opened:
        found = table_page(opened, offset=offset, limit=50)
    assert found.total == len(rows)
    kinds = [column.type for column in found.columns]
    wanted = [
        [cells.value_of_text(cell, kind) for cell, kind in zip(row, kinds, strict=True)]
        for row in rows[offset : offset + 50]
    ]
    assert repr(found.rows) == repr(wanted)


def test_order_puts_numbers_first_and_empty_cells_last(page: Page) -> None:
    content = "x,y\n10,a\n,b\n9,c\nNaN,d\n-1,e\n"
    up = page("a.csv", content, sort=Sort("x"))
    assert [row[1] for row in up.rows] == ["e", "c", "a", "b", "d"]
    down = page("a.csv", content, sort=Sort("x", descending=True))
    assert [row[1] for row in down.rows] == ["a", "c", "e", "b", "d"]
    texts = page("a.csv", content, sort=Sort("y", descending=True), offset=1, limit=2)
    assert [row[1] for row in texts.rows] == ["d", "c"]


def test_filters_count_what_matches(page: Page) -> None:
    content = "id,name\n" + "".join(f"{n},Name {n % 7}\n" for n in range(1_000))
    found = page("a.csv", content, filtered=Filter("name", contains="NAME 3"), limit=5)
    assert found.total == 143
    assert [row[0] for row in found.rows] == [3, 10, 17, 24, 31]
    between = page(
        "a.csv", content, filtered=Filter("id", min=990, max=995), sort=Sort("id", descending=True)
    )
    assert [row[0] for row in between.rows] == [995, 994, 993, 992, 991, 990]


def test_unknown_column_and_kind_are_refused(page: Page) -> None:
    with pytest.raises(InvalidInput, match="no column"):
        page("a.csv", "x\n1\n", sort=Sort("y"))
    with pytest.raises(InvalidInput, match="no table"):
        page("a.txt", "x\n1\n")


def test_too_many_rows_are_not_sorted(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_ORDERED_ROWS", 3)
    with pytest.raises(LimitExceeded, match="sorted or filtered"):
        page("a.csv", "x\n1\n2\n3\n4\n", sort=Sort("x"))
    assert page("a.csv", "x\n1\n2\n3\n4\n").total == 4


def test_mlflow_table_with_a_picture_and_nan(page: Page) -> None:
    image = {"type": "image", "filepath": "a.png", "compressed_filepath": "a.webp"}
    table = {"columns": ["x", "pic"], "data": [[1.5, image], [float("nan"), None]]}
    found = page("t.json", json.dumps(table))
    assert types(found) == {"x": "number", "pic": "image"}
    assert found.rows[0] == [1.5, image]
    assert str(found.rows[1][0]) == "nan"


def test_lists_of_objects_and_json_lines(page: Page) -> None:
    rows = [{"a": 1}, {"a": 2, "b": [1, {"c": None}]}]
    for name, content in (
        ("t.json", json.dumps(rows)),
        ("t.jsonl", "\n".join(map(json.dumps, rows)) + "\n\n"),
    ):
        found = page(name, content)
        assert types(found) == {"a": "integer", "b": "json"}
        assert found.rows == [[1, None], [2, [1, {"c": None}]]]
        assert page(name, content, sort=Sort("a", descending=True)).rows[0][0] == 2


def test_parquet_reads_what_is_asked_across_row_groups(page: Page) -> None:
    count = 10_000
    table = pa.table(
        {
            "id": pa.array(range(count), pa.int64()),
            "x": pa.array([None if n == 3 else n / 2 for n in range(count)], pa.float64()),
            "t": pa.array([n * 1_000_000_007 for n in range(count)], pa.timestamp("ns")),
            "s": pa.array([f"row {n}" for n in range(count)]).dictionary_encode(),
            "b": pa.array([b"\0" * 100] * count),
            "l": pa.array([[n] for n in range(count)]),
        }
    )
    out = io.BytesIO()
    parquet.write_table(table, out, row_group_size=777)
    content = out.getvalue()
    found = page("t.parquet", content, offset=770, limit=20)
    assert types(found) == {
        "id": "integer",
        "x": "number",
        "t": "time",
        "s": "text",
        "b": "binary",
        "l": "json",
    }
    assert [row[0] for row in found.rows] == list(range(770, 790))
    assert found.rows[0][3:] == ["row 770", "00" * 64 + "…", [770]]
    assert str(found.rows[0][2]).startswith("1970-01-01 00:12:50")
    assert found.total == count
    order = page("t.parquet", content, sort=Sort("id", descending=True), offset=5, limit=3)
    assert [row[0] for row in order.rows] == [count - 6, count - 7, count - 8]
    hits = page("t.parquet", content, filtered=Filter("s", contains="row 99"), limit=500)
    assert [row[0] for row in hits.rows] == [99, *range(990, 1_000), *range(9_900, 10_000)]
    assert page("t.parquet", content, offset=count).rows == []


def test_cells_are_bounded(page: Page) -> None:
    deep: Any = 0
    for _ in range(60):
        deep = [deep]
    rows = [["x" * 100_000, 2**70, deep, "\ud800"]]
    found = page("t.json", json.dumps({"columns": list("abcd"), "data": rows}))
    assert found.truncated
    assert len(found.rows[0][0]) == cells.MAX_CELL_CHARS + 1
    assert found.rows[0][1] == str(2**70)
    assert found.rows[0][3] == "?"


def test_wide_tables_show_their_first_columns(page: Page) -> None:
    header = ",".join(f"c{number}" for number in range(3_000))
    found = page("a.csv", f"{header}\n{header}\n")
    assert len(found.columns) == len(found.rows[0]) == 1_000
    assert found.truncated


def test_ragged_rows_fit_the_head(page: Page) -> None:
    assert page("a.csv", "a,b\n1\n1,2,3\n").rows == [[1, None], [1, 2]]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b"a,b\n\0\0"),
        ("a.json", b"{"),
        ("a.json", b"[1, 2]"),
        ("a.json", b"[" * 100_000),
        ("a.json", b'{"columns": 1, "data": []}'),
        ("a.jsonl", b"{}\nnonsense\n"),
        ("a.parquet", b"PAR1" + b"\xff" * 100 + b"PAR1"),
        ("a.parquet", b""),
        ("a.csv", b'a,b\n"' + b"x" * (text_rows.MAX_ROW_BYTES + 10)),
    ],
)
def test_what_is_no_table_is_told(page: Page, name: str, content: bytes) -> None:
    with pytest.raises(InvalidInput):
        page(name, content)


def test_a_json_value_that_is_too_large_is_refused(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_rows, "MAX_JSON_BYTES", 10)
    with pytest.raises(LimitExceeded):
        page("t.json", json.dumps({"columns": ["abc"], "data": []}))


def test_a_file_that_changes_shows_its_new_rows(page: Page) -> None:
    assert page("a.csv", "x\n1\n").rows == [[1]]
    assert page("a.csv", "x\n2\n", sort=Sort("x")).rows == [[2]]
    assert page("a.csv", "x\n3\n", sort=Sort("x")).rows == [[3]]


@given(content=st.binary(max_size=400), name=st.sampled_from(["a.csv", "a.json", "a.jsonl"]))
def test_noise_is_a_table_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str
) -> None:
    store = LocalArtifactStore(tmp_path_factory.mktemp("noise") / "root")
    store.write(artifact_path(name), [content])
    with open_artifact(store, artifact_path(name)) as opened:
        try:
            found = table_page(opened)
        except InvalidInput:
            return
    assert all(len(row) == len(found.columns) for row in found.rows)


def test_times_of_day_travel_as_text() -> None:
    made = cells.Cells()
    assert made.plain(datetime(2026, 1, 2, tzinfo=UTC)) == "2026-01-02 00:00:00+00:00"
    assert made.plain(True) is True
    assert not made.cut

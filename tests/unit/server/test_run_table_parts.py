"""Parts of the table of runs that need no server: kept keys, cells of files, importance."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from assay.entities.ids import ExperimentId
from assay.errors import MissingExtra, StoreUnavailable
from assay.search.tree import Figure
from assay.server.analysis import importance
from assay.server.analysis.importance import importances
from assay.server.assay_api.run_facets import KEPT_MOST_S, KeptKeys
from assay.server.assay_api.run_table_files import FORMATS, file_columns, safe_cell
from assay.store.run_views import Column, ColumnKind, KeysQuery, RunKeys

QUERY = KeysQuery(experiment_ids=[ExperimentId("0")])


class Slow:
    """Reads that take a while, by a clock of their own."""

    def __init__(self, takes_s: float) -> None:
        self.now, self.takes_s, self.reads = 100.0, takes_s, 0

    def clock(self) -> float:
        return self.now

    def read(self, query: KeysQuery) -> RunKeys:
        self.reads += 1
        self.now += self.takes_s
        return RunKeys(runs=self.reads, metrics=[], params=[], tags=[], datasets=[])


def test_keys_that_took_long_are_kept_for_a_while() -> None:
    slow = Slow(2.0)
    kept = KeptKeys(slow.clock)
    assert [kept.get(QUERY, slow.read).runs for _ in range(3)] == [1, 1, 1]
    other = KeysQuery(experiment_ids=[ExperimentId("1")])
    assert kept.get(other, slow.read).runs == 2
    slow.now += KEPT_MOST_S
    assert kept.get(QUERY, slow.read).runs == 3


def test_keys_that_were_quick_are_read_anew() -> None:
    quick = Slow(0.01)
    kept = KeptKeys(quick.clock)
    assert [kept.get(QUERY, quick.read).runs for _ in range(3)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("-1e-3", "-1e-3"),
        ("+.5", "+.5"),
        ("-1-1", "'-1-1"),
        ("-1\n=2", "'-1\n=2"),
        ("plain", "plain"),
        ("", ""),
    ],
)
def test_formulas_become_text_and_numbers_stay(text: str, shown: str) -> None:
    assert safe_cell(text) == shown


def test_a_heading_that_two_columns_would_have_is_told_apart() -> None:
    whole = Column(ColumnKind.METRIC, "loss.min")
    figure = Column(ColumnKind.METRIC, "loss", Figure.MIN)
    names = [column.name for column in file_columns([whole, figure])]
    assert names == ["metrics.loss.min", "metrics.loss.min (2)"]


def test_importance_tells_numbers_from_categories_and_what_is_missing() -> None:
    rng = np.random.default_rng(1)
    target = rng.normal(size=60)
    strong = [str(value) for value in target]
    kinds = [None if value < 0 else "big" for value in target]
    found = importances(target, {"strong": strong, "kind": kinds, "same": ["1"] * 60})
    by_name = {entry.param: entry for entry in found.entries}
    assert set(by_name) == {"strong", "kind"}
    assert found.entries[0].param == "strong"
    assert by_name["strong"].correlation == pytest.approx(1.0)
    assert (by_name["kind"].kind, by_name["kind"].correlation) == ("category", None)
    assert by_name["kind"].runs == sum(kind is not None for kind in kinds)
    assert found.warning is None


@pytest.mark.parametrize("count", [60, 400])
def test_noise_is_not_important(count: int) -> None:
    rng = np.random.default_rng(2)
    target = rng.normal(size=count)
    params = {f"noise {i}": [str(value) for value in rng.normal(size=count)] for i in range(3)}
    found = importances(target, {**params, "real": [str(value) for value in target]})
    assert found.entries[0].param == "real"
    assert found.entries[0].importance > 0.5
    assert all(abs(entry.importance) < 0.1 for entry in found.entries[1:])


def test_importance_of_three_runs_is_an_answer_with_a_warning() -> None:
    found = importances(np.array([1.0, 2.0, 4.0]), {"lr": ["1", "2", "3"]})
    assert [entry.param for entry in found.entries] == ["lr"]
    assert "Only 3 runs" in (found.warning or "")


@pytest.mark.parametrize("count", [0, 1, 2])
def test_importance_of_next_to_nothing_says_so(count: int) -> None:
    target = np.arange(count, dtype=np.float64)
    found = importances(target, {"lr": [str(i) for i in range(count)]})
    assert (found.runs, found.entries) == (count, [])
    assert found.warning is not None


def test_hostile_params_are_categories() -> None:
    target = np.arange(40, dtype=np.float64)
    odd = ["<script>", "1e999999", "nan", "∞"] * 10
    found = importances(target, {"odd": odd, "huge": [f"{i}e300" for i in range(40)]})
    assert {entry.param: entry.kind for entry in found.entries} == {
        "odd": "category",
        "huge": "number",
    }


def test_importance_without_its_extra_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(MissingExtra, match=r"pip install 'assay\[analysis\]'"):
        importances(np.arange(5.0), {"lr": list("12345")})


def test_importance_is_refused_while_others_compute_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Busy:
        def acquire(self, timeout: float) -> bool:
            return False

    monkeypatch.setattr(importance, "_AT_ONCE", Busy())
    with pytest.raises(StoreUnavailable):
        importances(np.arange(5.0), {"lr": list("12345")})


def test_parquet_without_its_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"pip install 'assay\[parquet\]'"):
        next(FORMATS["parquet"].write([], iter([])))

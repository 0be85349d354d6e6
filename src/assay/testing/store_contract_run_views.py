"""The store contract: tables of runs, their keys, values and groups."""

# ruff: noqa: D102 - the names of tests say it all; a page token is no password
from __future__ import annotations

import math
from typing import Any

import pytest

from assay import errors
from assay.entities.datasets import Dataset, DatasetInput
from assay.entities.experiments import Experiment
from assay.entities.ids import RunId
from assay.entities.params import Param
from assay.entities.runs import RunStatus
from assay.entities.tags import PARENT_RUN_ID, Tag
from assay.search.tree import Figure
from assay.store.base import Store
from assay.store.run_views import (
    Column,
    ColumnKind,
    GroupKey,
    GroupOrder,
    GroupsQuery,
    KeysQuery,
    RowsQuery,
    RunRows,
    ValuesQuery,
)
from assay.testing.store_contract_base import AWKWARD, ContractPart, point, start

LOSS = Column(ColumnKind.METRIC, "loss")
DEPTH = Column(ColumnKind.PARAM, "depth")
TEAM = Column(ColumnKind.TAG, "team")
STATUS = Column(ColumnKind.ATTRIBUTE, "status")


class RunViewContract(ContractPart):
    """Windows of rows, keys, values and groups."""

    @pytest.fixture
    def ids(self, store: Store, experiment: Experiment) -> list[RunId]:
        """Eight runs ``run 0`` … ``run 7``, later ones started later, with awkward metrics."""
        values = [3.0, -0.0, math.nan, math.inf, -math.inf, 1.5, None, 2.0]
        made = []
        for i, value in enumerate(values):
            run = start(store, experiment.experiment_id, run_name=f"run {i}", start_time=1_000 + i)
            ident = run.info.run_id
            metrics = [] if value is None else [point("loss", 9.0, 0), point("loss", value, 1)]
            params = [Param("depth", str(i % 2))] if i < 6 else []
            tags = [Tag("team", "a" if i < 3 else AWKWARD)]
            store.runs.log_batch(ident, metrics=metrics, params=params, tags=tags)
            made.append(ident)
        return made

    def _rows(self, store: Store, experiment: Experiment, **asked: Any) -> RunRows:
        query = RowsQuery(experiment_ids=[experiment.experiment_id], **asked)
        return store.run_views.rows(query)

    def test_a_window_has_the_asked_columns_in_their_order(
        self, store: Store, experiment: Experiment, ids: list[RunId]
    ) -> None:
        count = Column(ColumnKind.METRIC, "loss", Figure.COUNT)
        found = self._rows(store, experiment, columns=[DEPTH, LOSS, TEAM, count, STATUS])
        assert found.total == 8
        assert found.runs.run_id == ids[::-1]
        assert found.runs.run_name == [f"run {i}" for i in range(7, -1, -1)]
        assert found.runs.start_time == list(range(1_007, 999, -1))
        depth, loss, team, counts, status = found.columns
        assert depth == [None, None, "1", "0", "1", "0", "1", "0"]
        assert loss[:5] == [2.0, None, 1.5, -math.inf, math.inf]
        assert isinstance(loss[5], float)
        assert math.isnan(loss[5])
        assert str(loss[6]) == "-0.0"
        assert loss[7] == 3.0
        assert team == [AWKWARD] * 5 + ["a"] * 3
        assert counts == [2, None, 2, 2, 2, 2, 2, 2]
        assert status == ["RUNNING"] * 8

    @pytest.mark.parametrize(
        ("stat", "expected"),
        [(Figure.MIN, 3.0), (Figure.MAX, 9.0), (Figure.FIRST, 9.0), (Figure.MEAN, 6.0)],
    )
    def test_a_metric_column_may_show_another_figure(
        self, store: Store, experiment: Experiment, ids: list[RunId], stat: Figure, expected: float
    ) -> None:
        columns = [Column(ColumnKind.METRIC, "loss", stat)]
        assert self._rows(store, experiment, run_ids=[ids[0]], columns=columns).columns == [
            [expected]
        ]

    @pytest.mark.parametrize(
        "order_by",
        [[], ["metrics.loss DESC"], ["params.depth"], ["metrics.loss.max", "params.depth DESC"]],
    )
    def test_windows_from_any_place_join_to_the_whole(
        self, store: Store, experiment: Experiment, ids: list[RunId], order_by: list[str]
    ) -> None:
        whole = self._rows(store, experiment, order_by=order_by).runs.run_id
        by_offset: list[RunId] = []
        for offset in range(0, 9, 3):
            window = self._rows(store, experiment, order_by=order_by, offset=offset, limit=3)
            assert window.total == 8
            by_offset += window.runs.run_id
        assert by_offset == whole
        first = self._rows(store, experiment, order_by=order_by, offset=2, limit=2)
        assert first.token
        rest = self._rows(store, experiment, order_by=order_by, page_token=first.token)
        assert first.runs.run_id + rest.runs.run_id == whole[2:]
        assert rest.token is None
        assert self._rows(store, experiment, offset=100).runs.run_id == []

    def test_few_of_many_columns_are_what_all_of_them_are(
        self, store: Store, experiment: Experiment
    ) -> None:
        keys = [f"k{i:02d}" for i in range(60)]
        for i in range(3):
            run = start(store, experiment.experiment_id, start_time=i)
            store.runs.log_batch(
                run.info.run_id,
                metrics=[point(key, i + n / 7) for n, key in enumerate(keys)],
                params=[Param(key, f"{i} {key}") for key in keys],
            )
        kinds = (ColumnKind.METRIC, ColumnKind.PARAM)
        whole = [Column(kind, key) for kind in kinds for key in keys]
        few = [Column(kind, key) for kind in kinds for key in keys[7:9]]
        cells = dict(zip(whole, self._rows(store, experiment, columns=whole).columns, strict=True))
        assert cells[few[0]] == [i + 1.0 for i in (2, 1, 0)]
        assert cells[few[2]] == [f"{i} k07" for i in (2, 1, 0)]
        found = self._rows(store, experiment, columns=few).columns
        assert found == [cells[column] for column in few]

    def test_named_runs_come_in_the_order_of_their_names(
        self, store: Store, experiment: Experiment, ids: list[RunId]
    ) -> None:
        store.runs.delete(ids[5])
        asked = [ids[5], RunId("f" * 32), ids[2], ids[5]]
        found = self._rows(store, experiment, run_ids=asked, columns=[DEPTH])
        assert found.runs.run_id == [ids[5], ids[2]]
        assert found.runs.lifecycle_stage == ["deleted", "active"]
        assert found.columns == [["1", "0"]]
        other = store.experiments.create("other")
        assert self._rows(store, other, run_ids=asked).total == 0
        assert self._rows(store, experiment, run_ids=[], columns=[DEPTH]).columns == [[]]

    def test_default_columns_are_the_metrics_most_logged_and_the_params_that_vary(
        self, store: Store, experiment: Experiment, ids: list[RunId]
    ) -> None:
        for ident in ids:
            more = [point(key, 1.0, step) for step in range(3) for key in ("b", "a", "system/cpu")]
            params = [Param("same", "1"), Param("odd", ident)]
            store.runs.log_batch(ident, metrics=[*more, point("c", 1.0, 0)], params=params)
        found = self._rows(store, experiment, columns="default", limit=2, filter="params.depth='1'")
        keys = [(column.kind, column.key) for column in found.chosen]
        assert keys == [
            *((ColumnKind.METRIC, key) for key in "abc"),
            *((ColumnKind.PARAM, key) for key in ("odd", "depth")),
        ]
        assert found.columns == [[1.0] * 2, [1.0] * 2, [1.0] * 2, [ids[5], ids[3]], ["1", "1"]]
        assert self._rows(store, experiment, columns=[LOSS]).chosen == [LOSS]
        wider = self._rows(
            store, experiment, columns="default", also=[DEPTH], filter="params.depth='1'"
        )
        assert wider.chosen == [*found.chosen, DEPTH]
        assert set(wider.columns[5]) == {"1"}
        other = RowsQuery(experiment_ids=[], columns="default")
        assert store.run_views.rows(other).chosen == []

    def test_runs_that_are_left_out_are_not_counted(
        self, store: Store, experiment: Experiment, ids: list[RunId]
    ) -> None:
        found = self._rows(store, experiment, except_run_ids=ids[1:7], limit=1)
        assert (found.total, found.runs.run_id) == (2, [ids[7]])
        rest = self._rows(
            store, experiment, except_run_ids=ids[1:7], limit=1, page_token=found.token
        )
        assert (rest.runs.run_id, rest.token) == ([ids[0]], None)
        with pytest.raises(errors.InvalidPageToken):
            self._rows(store, experiment, except_run_ids=ids[1:6], page_token=found.token)

    def test_parents_and_children_are_told_apart(
        self, store: Store, experiment: Experiment, ids: list[RunId]
    ) -> None:
        for child in ids[1:3]:
            store.runs.log_batch(child, tags=[Tag(PARENT_RUN_ID, ids[0])])
        roots = self._rows(store, experiment, roots=True)
        assert (roots.total, roots.runs.run_id) == (6, [*ids[:2:-1], ids[0]])
        assert roots.runs.children == [0, 0, 0, 0, 0, 2]
        below = self._rows(store, experiment, parent=ids[0], filter="run_name != 'run 1'")
        assert (below.runs.run_id, below.runs.parent) == ([ids[2]], [ids[0]])
        store.runs.delete(ids[2])
        assert self._rows(store, experiment, run_ids=[ids[0]]).runs.children == [1]

    def test_the_rows_of_a_group_are_those_that_make_it(
        self, store: Store, experiment: Experiment, ids: list[RunId]
    ) -> None:
        def names(by: list[Column], key: list[str | None]) -> list[str]:
            return self._rows(store, experiment, group=GroupKey(by, key)).runs.run_name

        assert names([DEPTH, TEAM], ["1", AWKWARD]) == ["run 5", "run 3"]
        assert names([DEPTH], [None]) == ["run 7", "run 6"]
        assert names([STATUS], ["FAILED"]) == []
        assert names([STATUS], [None]) == []

    @pytest.mark.parametrize(
        "asked",
        [
            {"limit": 0},
            {"limit": 1_001},
            {"offset": -1},
            {"offset": 1_000_001},
            {"columns": [DEPTH] * 1_001},
            {"columns": [Column(ColumnKind.ATTRIBUTE, "password")]},
            {"columns": [Column(ColumnKind.DATASET, "name")]},
            {"columns": [Column(ColumnKind.PARAM, "a\0b")]},
            {"run_ids": [RunId("a")] * 1_001},
            {"run_ids": [RunId("\0")]},
            {"parent": RunId("\0")},
            {"group": GroupKey([], [])},
            {"group": GroupKey([DEPTH], [])},
            {"group": GroupKey([LOSS], ["1"])},
            {"group": GroupKey([DEPTH], ["\0"])},
            {"page_token": "nonsense"},
            {"filter": "metrics.loss >"},
            {"order_by": ["nonsense.x"]},
        ],
    )
    def test_what_cannot_be_is_refused(
        self, store: Store, experiment: Experiment, asked: dict[str, Any]
    ) -> None:
        with pytest.raises(errors.InvalidInput):
            self._rows(store, experiment, **asked)

    def test_a_token_counts_for_its_query_only(
        self, store: Store, experiment: Experiment, ids: list[RunId]
    ) -> None:
        token = self._rows(store, experiment, limit=2).token
        with pytest.raises(errors.InvalidPageToken):
            self._rows(store, experiment, page_token=token, roots=True)

    def test_keys_tell_how_many_runs_have_them_and_whether_they_vary(
        self, store: Store, experiment: Experiment, ids: list[RunId]
    ) -> None:
        for ident in ids:
            extra = [point("epochs", 3.0, step) for step in range(4)]
            store.runs.log_batch(ident, metrics=[*extra, point("acc", 1.0)])
            store.runs.log_batch(ident, params=[Param("seed", "1")])
        dataset = Dataset("train", "d1", "local", "here")
        store.inputs.log_inputs(ids[0], datasets=[DatasetInput(dataset)])
        query = KeysQuery(experiment_ids=[experiment.experiment_id])
        found = store.run_views.keys(query)
        assert found.runs == 8
        assert [(m.key, m.runs, m.varies) for m in found.metrics] == [
            ("epochs", 8, False),
            ("acc", 8, False),
            ("loss", 7, True),
        ]
        params = [(p.key, p.runs, p.varies) for p in found.params]
        assert params == [("seed", 8, False), ("depth", 6, True)]
        tags = {t.key: (t.runs, t.varies) for t in found.tags}
        assert tags["team"] == (8, True)
        assert [(d.name, d.digest, d.runs) for d in found.datasets] == [("train", "d1", 1)]
        some = KeysQuery(experiment_ids=query.experiment_ids, filter="params.depth = '1'")
        assert [(p.key, p.varies) for p in store.run_views.keys(some).params] == [
            ("depth", False),
            ("seed", False),
        ]
        none = KeysQuery(experiment_ids=query.experiment_ids, view="DELETED_ONLY")
        assert store.run_views.keys(none).runs == 0

    def test_one_run_among_many_that_differs_is_seen(
        self, store: Store, experiment: Experiment
    ) -> None:
        for i in range(130):
            run = start(store, experiment.experiment_id, start_time=1_000 + i)
            odd = i == 5
            store.runs.log_batch(
                run.info.run_id,
                metrics=[point("same", 1.0), point("almost", math.nan if odd else 1.0)],
                params=[Param("same", "x"), Param("almost", "y" if odd else "x")],
            )
        found = store.run_views.keys(KeysQuery(experiment_ids=[experiment.experiment_id]))
        expected = {"same": False, "almost": True}
        assert {one.key: one.varies for one in found.metrics} == expected
        assert {one.key: one.varies for one in found.params} == expected

    def test_values_come_most_frequent_first(
        self, store: Store, experiment: Experiment, ids: list[RunId]
    ) -> None:
        def values(kind: ColumnKind, key: str, **more: Any) -> list[tuple[str, int]]:
            query = ValuesQuery(
                experiment_ids=[experiment.experiment_id], kind=kind, key=key, **more
            )
            return [(one.value, one.runs) for one in store.run_views.values(query).values]

        assert values(ColumnKind.TAG, "team") == [(AWKWARD, 5), ("a", 3)]
        assert values(ColumnKind.TAG, "team", limit=1) == [(AWKWARD, 5)]
        assert values(ColumnKind.TAG, "team", prefix="na") == [(AWKWARD, 5)]
        assert values(ColumnKind.PARAM, "depth", prefix="%") == []
        assert values(ColumnKind.ATTRIBUTE, "status") == [("RUNNING", 8)]
        store.runs.delete(ids[0])
        assert values(ColumnKind.PARAM, "depth") == [("1", 3), ("0", 2)]
        for kind, key in (
            (ColumnKind.ATTRIBUTE, "artifact_uri"),
            (ColumnKind.METRIC, "loss"),
            (ColumnKind.DATASET, "name"),
        ):
            with pytest.raises(errors.InvalidInput):
                values(kind, key)

    def test_groups_have_figures_and_null_is_one(
        self, store: Store, experiment: Experiment, ids: list[RunId]
    ) -> None:
        for ident, value in zip(ids, (1.0, 2.0, 3.0, 4.0, math.nan), strict=False):
            store.runs.log_batch(ident, metrics=[point("score", value)])
        score = Column(ColumnKind.METRIC, "score")
        query = GroupsQuery(experiment_ids=[experiment.experiment_id], by=[DEPTH], columns=[score])
        found = store.run_views.groups(query)
        assert found.total == 3
        assert [(group.key, group.runs) for group in found.groups] == [
            (["0"], 3),
            (["1"], 3),
            ([None], 2),
        ]
        even, odd, rest = (group.figures[0] for group in found.groups)
        assert (even.count, even.mean, even.min, even.max) == (2, 2.0, 1.0, 3.0)
        assert even.sd == pytest.approx(math.sqrt(2))
        assert (odd.count, odd.mean) == (2, 3.0)
        assert (rest.count, rest.mean, rest.sd, rest.min) == (0, None, None, None)

    def test_groups_are_ordered_by_a_figure_and_paged(
        self, store: Store, experiment: Experiment, ids: list[RunId]
    ) -> None:
        def keys(**more: Any) -> list[list[str | None]]:
            query = GroupsQuery(
                experiment_ids=[experiment.experiment_id], by=[DEPTH, TEAM], columns=[LOSS], **more
            )
            return [group.key for group in store.run_views.groups(query).groups]

        whole = keys(order_by=GroupOrder(0, descending=True, figure="max"))
        assert whole[0] == ["1", AWKWARD]
        assert len(whole) == 5
        again = [
            key
            for offset in range(5)
            for key in keys(
                order_by=GroupOrder(0, descending=True, figure="max"), offset=offset, limit=1
            )
        ]
        assert again == whole

    def test_a_run_is_in_the_group_of_each_of_its_datasets(
        self, store: Store, experiment: Experiment, ids: list[RunId]
    ) -> None:
        one, two = (Dataset(name, "d", "local", "x") for name in ("one", "two"))
        store.inputs.log_inputs(ids[0], datasets=[DatasetInput(one), DatasetInput(two)])
        store.inputs.log_inputs(ids[1], datasets=[DatasetInput(one)])
        by = [Column(ColumnKind.DATASET, "name")]
        query = GroupsQuery(experiment_ids=[experiment.experiment_id], by=by)
        found = [(group.key, group.runs) for group in store.run_views.groups(query).groups]
        assert found == [([None], 6), (["one"], 2), (["two"], 1)]
        rows = self._rows(store, experiment, group=GroupKey(by, [None]))
        assert rows.total == 6
        assert self._rows(store, experiment, group=GroupKey(by, ["two"])).runs.run_id == [ids[0]]

    @pytest.mark.parametrize(
        "asked",
        [
            {"by": []},
            {"by": [DEPTH] * 5},
            {"by": [LOSS]},
            {"by": [Column(ColumnKind.ATTRIBUTE, "start_time")]},
            {"by": [Column(ColumnKind.DATASET, "source")]},
            {"by": [DEPTH], "columns": [DEPTH]},
            {"by": [DEPTH], "order_by": GroupOrder(0)},
            {"by": [DEPTH], "limit": 201},
            {"by": [DEPTH], "filter": "nonsense"},
        ],
    )
    def test_groups_that_cannot_be_are_refused(
        self, store: Store, experiment: Experiment, asked: dict[str, Any]
    ) -> None:
        with pytest.raises(errors.InvalidInput):
            store.run_views.groups(GroupsQuery(experiment_ids=[experiment.experiment_id], **asked))

    def test_no_experiments_have_no_runs(self, store: Store, ids: list[RunId]) -> None:
        views = store.run_views
        assert views.rows(RowsQuery(experiment_ids=[])).total == 0
        assert views.keys(KeysQuery(experiment_ids=[])).runs == 0
        assert views.groups(GroupsQuery(experiment_ids=[], by=[DEPTH])).groups == []
        query = ValuesQuery(experiment_ids=[], kind=ColumnKind.PARAM, key="depth")
        assert views.values(query).values == []
        assert store.runs.get(ids[0]).info.status is RunStatus.RUNNING

"""Contract of figures that are read from points: the mean of the last ones, the value at a step."""

# ruff: noqa: D102, PLR0917 - the names of tests say it all; their arguments are fixtures
from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from assay.entities.experiments import Experiment
from assay.entities.ids import RunId
from assay.entities.metrics import SeriesKey
from assay.entities.params import Param
from assay.errors import InvalidFilter, InvalidInput, LimitExceeded
from assay.metrics.points import batch_of_columns
from assay.search.tree import Figure
from assay.store.base import Query, Store
from assay.store.run_views import (
    Column,
    ColumnKind,
    GroupsQuery,
    RowsQuery,
    RunRows,
)
from assay.testing.store_contract_base import ContractPart, point, start

LONG = 140_000
"""Points of one batch that are folded into blocks at once."""


def column(figure: Figure, of: int | None, key: str = "loss") -> Column:
    """A metric's column."""
    return Column(ColumnKind.METRIC, key, figure, of)


class PointFigureContract(ContractPart):
    """``mean_last`` and ``at_step``: shown, filtered, ordered, grouped."""

    @pytest.fixture
    def curves(self, store: Store, experiment: Experiment) -> list[RunId]:
        """Runs with the ``loss`` of steps 0, 10, 20 …; the last has none."""
        nan, inf = math.nan, math.inf
        made = []
        for i, curve in enumerate(
            [
                [4.0, 3.0, 2.0],
                [1.0, nan, 5.0],
                [nan, nan],
                [-0.0, -inf],
                [7.0, inf, 1e308, 1e308],
                [],
            ]
        ):
            run = start(store, experiment.experiment_id, run_name=f"run {i}", start_time=1_000 + i)
            ident = run.info.run_id
            metrics = [point("loss", value, 10 * step) for step, value in enumerate(curve)]
            params = [Param("half", "a" if i < 3 else "b")]
            store.runs.log_batch(ident, metrics=metrics, params=params, tags=[])
            made.append(ident)
        return made

    def _rows(self, store: Store, experiment: Experiment, **asked: Any) -> RunRows:
        query = RowsQuery(experiment_ids=[experiment.experiment_id], **asked)
        return store.run_views.rows(query)

    def _found(self, store: Store, experiment: Experiment, text: str) -> list[str]:
        found = self._rows(store, experiment, filter=text).runs
        return sorted(name[-1] for name in found.run_name)

    @pytest.mark.parametrize(
        ("figure", "of", "expected"),
        [
            (Figure.AT_STEP, 0, ["4.0", "1.0", "nan", "-0.0", "7.0", "None"]),
            (Figure.AT_STEP, 19, ["3.0", "nan", "nan", "-inf", "inf", "None"]),
            (Figure.AT_STEP, 2**63 - 1, ["2.0", "5.0", "nan", "-inf", "1e+308", "None"]),
            (Figure.AT_STEP, -1, ["None"] * 6),
            (Figure.MEAN_LAST, 1, ["2.0", "5.0", "nan", "-inf", "1e+308", "None"]),
            (Figure.MEAN_LAST, 2, ["2.5", "5.0", "nan", "-inf", "1e+308", "None"]),
            (Figure.MEAN_LAST, 10_000, ["3.0", "3.0", "nan", "-inf", "inf", "None"]),
        ],
    )
    def test_a_column_may_show_a_figure_of_points(
        self,
        store: Store,
        experiment: Experiment,
        curves: list[RunId],
        figure: Figure,
        of: int,
        expected: list[str],
    ) -> None:
        shown = self._rows(
            store,
            experiment,
            run_ids=curves,
            columns=[column(figure, of), column(Figure.LAST, None)],
        )
        assert [str(cell) for cell in shown.columns[0]] == expected
        assert shown.chosen[0] == column(figure, of)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("metrics.loss.at_step:10 < 3.5", ["0", "3"]),
            ("metrics.loss.at_step:10 != 3", ["1", "2", "3", "4"]),
            ("not metrics.loss.at_step:10 > 3", ["0", "1", "2", "3", "5"]),
            ("metrics.`loss`.mean_last:2 >= 2.5 and params.half = 'a'", ["0", "1"]),
            ("metrics.loss.at_step:0 = 0 or metrics.loss.mean_last:3 = 3", ["0", "1", "3"]),
            ("metrics.other.at_step:0 = 0", []),
        ],
    )
    def test_filters_mean_what_the_column_shows(
        self,
        store: Store,
        experiment: Experiment,
        curves: list[RunId],
        text: str,
        expected: list[str],
    ) -> None:
        assert self._found(store, experiment, text) == expected
        ids = store.runs.search([experiment.experiment_id], Query(filter=text)).items
        assert sorted(run.info.run_name[-1] for run in ids) == expected

    @pytest.mark.parametrize(
        ("order", "expected"),
        [
            ("metrics.loss.at_step:10", "304215"),
            ("metrics.loss.at_step:10 DESC", "403215"),
            ("metrics.loss.mean_last:2 DESC", "410325"),
        ],
    )
    def test_pages_follow_the_order_of_the_column(
        self,
        store: Store,
        experiment: Experiment,
        curves: list[RunId],
        order: str,
        expected: str,
    ) -> None:
        names: list[str] = []
        token = None
        for _ in range(len(curves)):
            page = self._rows(store, experiment, order_by=[order], limit=1, page_token=token)
            names += [name[-1] for name in page.runs.run_name]
            token = page.token
        assert "".join(names) == expected
        assert token is None
        jump = self._rows(store, experiment, order_by=[order], offset=2, limit=3)
        assert "".join(name[-1] for name in jump.runs.run_name) == expected[2:5]

    def test_a_metric_with_the_whole_key_comes_first_without_quotes(
        self, store: Store, experiment: Experiment, curves: list[RunId]
    ) -> None:
        store.runs.log_batch(curves[5], metrics=[point("loss.at_step:10", 3.0)], params=[], tags=[])
        assert self._found(store, experiment, "metrics.loss.at_step:10 = 3") == ["0", "5"]
        assert self._found(store, experiment, "metrics.`loss`.at_step:10 = 3") == ["0"]
        assert self._found(store, experiment, "metrics.`loss.at_step:10` = 3") == ["5"]
        found = self._rows(store, experiment, order_by=["metrics.loss.at_step:10 DESC"])
        assert [name[-1] for name in found.runs.run_name[:3]] == ["4", "5", "0"]

    def test_groups_have_figures_of_points(
        self, store: Store, experiment: Experiment, curves: list[RunId]
    ) -> None:
        query = GroupsQuery(
            experiment_ids=[experiment.experiment_id],
            by=[Column(ColumnKind.PARAM, "half")],
            columns=[column(Figure.AT_STEP, 0), column(Figure.MEAN_LAST, 2)],
            filter="metrics.loss.at_step:0 <= 7",
        )
        groups = {group.key[0]: group for group in store.run_views.groups(query).groups}
        assert (groups["a"].runs, groups["b"].runs) == (2, 2)
        assert groups["a"].figures[0].mean == 2.5
        assert groups["b"].figures[0].max == 7.0
        assert groups["a"].figures[1].min == 2.5

    def test_long_curves_are_read_from_blocks_and_what_came_since(
        self, store: Store, experiment: Experiment
    ) -> None:
        ids = [start(store, experiment.experiment_id).info.run_id for _ in range(2)]
        values = np.random.default_rng(3).normal(size=LONG)
        for ident, count in zip(ids, (LONG, 900), strict=True):
            store.metrics.append(
                ident,
                batch_of_columns(
                    [SeriesKey("loss", "", "", "")],
                    index=np.zeros(count, np.uint32),
                    steps=np.arange(count) * 2,
                    timestamps=np.arange(count),
                    values=values[:count],
                ),
            )
        for asked in (2, 9_000, 10_000, 2 * LONG - 5):
            figure = Figure.MEAN_LAST if asked <= 10_000 else Figure.AT_STEP
            for _ in range(2):  # as it is read, and as it is remembered
                shown = self._rows(store, experiment, run_ids=ids, columns=[column(figure, asked)])
                for cell, ident in zip(shown.columns[0], ids, strict=True):
                    points = store.metrics.history(ident, SeriesKey("loss", "", "", ""))
                    if figure is Figure.MEAN_LAST:
                        expected = points.values[-asked:].mean()
                    else:
                        expected = points.values[points.steps <= asked][-1]
                    assert cell == pytest.approx(expected, rel=1e-12)
        late = [point("loss", 5.0, 2 * LONG + 1), point("loss", 4.0, 2 * LONG - 6, timestamp=LONG)]
        store.runs.log_batch(ids[0], metrics=late, params=[], tags=[])
        columns = [column(Figure.AT_STEP, 2 * LONG - 5), column(Figure.MEAN_LAST, 2)]
        shown = self._rows(store, experiment, run_ids=ids[:1], columns=columns)
        assert shown.columns[0] == [4.0]
        assert shown.columns[1] == [pytest.approx((5.0 + values[-1]) / 2)]

    @pytest.mark.parametrize(
        ("figure", "of"),
        [
            (Figure.MEAN_LAST, 0),
            (Figure.MEAN_LAST, -1),
            (Figure.MEAN_LAST, 10_001),
            (Figure.MEAN_LAST, None),
            (Figure.AT_STEP, None),
            (Figure.MIN, 3),
        ],
    )
    def test_a_number_out_of_range_is_refused_by_its_name(
        self, store: Store, experiment: Experiment, figure: Figure, of: int | None
    ) -> None:
        with pytest.raises(InvalidInput, match="'of'"):
            self._rows(store, experiment, columns=[column(figure, of)])

    def test_what_would_read_too_many_points_is_refused(
        self, store: Store, experiment: Experiment
    ) -> None:
        many = [column(Figure.AT_STEP, step) for step in range(51)]
        with pytest.raises(LimitExceeded):
            self._rows(store, experiment, columns=many)
        by = [Column(ColumnKind.ATTRIBUTE, "status")]
        ids = [experiment.experiment_id]
        with pytest.raises(LimitExceeded):
            store.run_views.groups(GroupsQuery(experiment_ids=ids, by=by, columns=many[:9]))
        terms = [f"metrics.loss.at_step:{step} > 0" for step in range(9)]
        with pytest.raises(LimitExceeded):
            self._rows(store, experiment, filter=" or ".join(terms))

    @pytest.mark.parametrize(
        "text",
        [
            "metrics.loss.mean_last:0 < 1",
            "metrics.loss.mean_last:10001 < 1",
            "metrics.`loss`.at_step < 1",
            f"metrics.loss.at_step:{2**63} < 1",
            "metrics.`loss`.at_step:1e3 < 1",
        ],
    )
    def test_a_filter_with_a_number_out_of_range_does_not_parse(
        self, store: Store, experiment: Experiment, text: str
    ) -> None:
        with pytest.raises(InvalidFilter):
            self._rows(store, experiment, filter=text)

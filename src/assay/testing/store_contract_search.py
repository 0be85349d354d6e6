"""The store contract: searching experiments, runs and logged models.

The grammar itself is tested beside its parser; here is what every store owes: filters reach the
data, order and pages are right, and views show what they should.
"""

# ruff: noqa: D102, S106 - the names of tests say it all; a page token is no password
from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from assay import errors
from assay.entities.experiments import Experiment
from assay.entities.ids import ExperimentId
from assay.entities.lifecycle import ViewType
from assay.entities.metrics import Metric
from assay.entities.params import Param
from assay.entities.runs import Run
from assay.entities.tags import Tag
from assay.store.base import ModelOrder, Query, Store
from assay.testing.store_contract_base import ContractPart, point, start
from assay.testing.store_contract_logged_models import make


class SearchContract(ContractPart):
    """Searches."""

    @pytest.fixture
    def runs(self, store: Store, experiment: Experiment) -> list[Run]:
        """Six runs: ``i`` as param, tag and metric, later ones started later."""
        made = []
        for i in range(6):
            run = start(store, experiment.experiment_id, run_name=f"run {i}", start_time=1_000 + i)
            store.runs.log_batch(
                run.info.run_id,
                metrics=[point("score", float(i))],
                params=[Param("depth", str(i))],
                tags=[Tag("parity", "even" if i % 2 == 0 else "odd")],
            )
            made.append(store.runs.get(run.info.run_id))
        return made

    def _names(self, store: Store, experiment: Experiment, query: Query) -> list[str]:
        page = store.runs.search([experiment.experiment_id], query)
        return [run.info.run_name for run in page]

    def test_latest_started_run_comes_first(
        self, store: Store, experiment: Experiment, runs: list[Run]
    ) -> None:
        found = store.runs.search([experiment.experiment_id], Query())
        assert list(found) == list(reversed(runs))
        assert found.token is None

    @pytest.mark.parametrize(
        ("filter_text", "expected"),
        [
            ("metrics.score > 3", {"run 4", "run 5"}),
            ("params.depth = '2'", {"run 2"}),
            ("tags.parity = 'odd' and metrics.score < 2", {"run 1"}),
            (
                "attributes.run_name LIKE 'run%' and tags.parity != 'odd'",
                {"run 0", "run 2", "run 4"},
            ),
            ("attributes.start_time >= 1004", {"run 4", "run 5"}),
            ("metrics.absent > 0", set()),
        ],
    )
    def test_filter_selects_runs(
        self,
        store: Store,
        experiment: Experiment,
        runs: list[Run],
        filter_text: str,
        expected: set[str],
    ) -> None:
        assert len(runs) == 6
        found = self._names(store, experiment, Query(filter=filter_text))
        assert set(found) == expected

    def test_order_is_followed_and_missing_values_come_last(
        self, store: Store, experiment: Experiment, runs: list[Run]
    ) -> None:
        start(store, experiment.experiment_id, run_name="bare", start_time=1)
        unknown = start(store, experiment.experiment_id, run_name="nan", start_time=1)
        store.runs.log_batch(unknown.info.run_id, metrics=[point("score", math.nan)])
        up = self._names(store, experiment, Query(order_by=["metrics.score ASC"]))
        down = self._names(store, experiment, Query(order_by=["metrics.score DESC"]))
        names = [run.info.run_name for run in runs]
        assert up == [*names, "nan", "bare"]
        assert down == [*reversed(names), "nan", "bare"]

    def test_pages_cover_all_runs_once(
        self, store: Store, experiment: Experiment, runs: list[Run]
    ) -> None:
        seen: list[str] = []
        token: str | None = None
        for _ in range(len(runs)):
            query = Query(order_by=["params.depth ASC"], max_results=4, page_token=token)
            page = store.runs.search([experiment.experiment_id], query)
            seen += [run.info.run_name for run in page]
            token = page.token
            if token is None:
                break
        assert seen == [run.info.run_name for run in runs]

    def test_views_show_active_deleted_or_all(
        self, store: Store, experiment: Experiment, runs: list[Run]
    ) -> None:
        store.runs.delete(runs[0].info.run_id)
        counts = {view: len(self._names(store, experiment, Query(view=view))) for view in ViewType}
        assert counts == {ViewType.ACTIVE_ONLY: 5, ViewType.DELETED_ONLY: 1, ViewType.ALL: 6}

    def test_runs_of_other_experiments_are_not_found(self, store: Store, runs: list[Run]) -> None:
        other = store.experiments.create("other")
        assert list(store.runs.search([other.experiment_id], Query())) == []
        assert list(store.runs.search([], Query())) == []
        assert list(store.runs.search([ExperimentId("777777")], Query())) == []
        assert len(runs) == 6

    def test_malformed_filter_order_and_token_are_refused(
        self, store: Store, experiment: Experiment
    ) -> None:
        for query in (
            Query(filter="metrics.a >"),
            Query(filter="nonsense.a = 'b'"),
            Query(order_by=["metrics.a SIDEWAYS"]),
            Query(page_token="nonsense"),
        ):
            with pytest.raises(errors.InvalidInput):
                store.runs.search([experiment.experiment_id], query)

    def test_table_has_the_same_runs_in_columns(
        self, store: Store, experiment: Experiment, runs: list[Run]
    ) -> None:
        start(store, experiment.experiment_id, run_name="bare", start_time=1)
        table = store.runs.table([experiment.experiment_id], Query())
        assert [info.run_name for info in table.infos] == [
            *(run.info.run_name for run in reversed(runs)),
            "bare",
        ]
        assert table.metrics["score"].tolist()[:6] == [5.0, 4.0, 3.0, 2.0, 1.0, 0.0]
        assert math.isnan(table.metrics["score"].tolist()[6])
        assert table.params["depth"] == ["5", "4", "3", "2", "1", "0", None]
        assert table.tags["parity"] == ["odd", "even"] * 3 + [None]

    def test_experiments_are_searched_by_name_tag_and_view(self, store: Store) -> None:
        one = store.experiments.create("alpha one", tags={"team": "red"})
        two = store.experiments.create("alpha two", tags={"team": "blue"})
        gone = store.experiments.create("alpha gone")
        store.experiments.delete(gone.experiment_id)
        by_name = store.experiments.search(Query(filter="name LIKE 'alpha%'"))
        assert {e.experiment_id for e in by_name} == {one.experiment_id, two.experiment_id}
        by_tag = store.experiments.search(Query(filter="tags.team = 'red'"))
        assert list(by_tag) == [one]
        deleted = store.experiments.search(Query(view=ViewType.DELETED_ONLY))
        assert [e.name for e in deleted] == ["alpha gone"]
        ordered = store.experiments.search(Query(order_by=["name ASC"], view=ViewType.ALL))
        assert [e.name for e in ordered] == ["Default", "alpha gone", "alpha one", "alpha two"]

    def test_experiments_come_in_pages(self, store: Store) -> None:
        for i in range(5):
            store.experiments.create(f"e{i}")
        first = store.experiments.search(Query(order_by=["name ASC"], max_results=4))
        assert first.token is not None
        second = store.experiments.search(
            Query(order_by=["name ASC"], max_results=4, page_token=first.token)
        )
        assert [e.name for e in (*first, *second)] == ["Default", "e0", "e1", "e2", "e3", "e4"]
        assert second.token is None

    def test_models_are_searched_by_name_param_and_metric(
        self, store: Store, experiment: Experiment, run: Run
    ) -> None:
        good = make(store, experiment, "good", params={"depth": "3"})
        bad = make(store, experiment, "bad")
        for model, value in ((good, 0.9), (bad, 0.1)):
            linked = Metric("acc", value, 1_000, model_id=model.model_id)
            store.runs.log_batch(run.info.run_id, metrics=[linked])
        place = [experiment.experiment_id]

        def names(query: Query, order: Sequence[ModelOrder] = ()) -> list[str]:
            return [m.name for m in store.logged_models.search(place, query, order=order)]

        assert names(Query(filter="name = 'good'")) == ["good"]
        assert names(Query(filter="params.depth = '3'")) == ["good"]
        assert names(Query(filter="metrics.acc > 0.5")) == ["good"]
        assert names(Query(), order=[ModelOrder("metrics.acc", ascending=True)]) == ["bad", "good"]
        store.logged_models.delete(good.model_id)
        assert names(Query()) == ["bad"]

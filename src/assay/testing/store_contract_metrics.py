"""The store contract: points of metrics, their histories, pages, figures and buckets."""

# ruff: noqa: D102, S106 - the names of tests say it all; a page token is no password
from __future__ import annotations

import math
import struct
from collections.abc import Sequence

import numpy as np
import pytest

from assay import errors
from assay.entities.ids import RunId, new_model_id
from assay.entities.metrics import Metric, PointBatch, SeriesKey
from assay.entities.runs import Run
from assay.store.base import Store
from assay.testing.store_contract_base import ContractPart, point

_ODD_VALUES = [0.0, -0.0, 1e308, -1e308, 5e-324, 2.0**53 + 2, math.inf, -math.inf, math.nan]
Point = tuple[int, int, float]


def batch(key: str, points: Sequence[Point]) -> PointBatch:
    """Points (step, timestamp, value) of one key in columns."""
    n = len(points)
    return PointBatch(
        series=[SeriesKey(key)],
        index=struct.pack(f"<{n}I", *([0] * n)),
        steps=struct.pack(f"<{n}q", *(p[0] for p in points)),
        timestamps=struct.pack(f"<{n}q", *(p[1] for p in points)),
        values=struct.pack(f"<{n}d", *(p[2] for p in points)),
    )


def bits(values: Sequence[float]) -> list[bytes]:
    """Values so that NaN equals NaN and the zeros differ."""
    return [struct.pack("<d", value) for value in values]


class MetricContract(ContractPart):
    """Points."""

    def _history(self, store: Store, run: Run, key: str) -> list[Point]:
        history = store.metrics.history(run.info.run_id, SeriesKey(key))
        return list(
            zip(
                history.steps.tolist(),
                history.timestamps.tolist(),
                history.values.tolist(),
                strict=True,
            )
        )

    def test_appended_points_read_back_in_order(self, store: Store, run: Run) -> None:
        store.metrics.append(run.info.run_id, batch("m", [(2, 20, 0.2), (1, 30, 0.1)]))
        store.metrics.append(run.info.run_id, batch("m", [(0, 5, 0.0), (1, 10, 0.3)]))
        assert self._history(store, run, "m") == [
            (0, 5, 0.0),
            (1, 10, 0.3),
            (1, 30, 0.1),
            (2, 20, 0.2),
        ]

    def test_equal_points_are_kept_once(self, store: Store, run: Run) -> None:
        points = [(1, 10, 0.5), (1, 10, 0.5), (2, 20, math.nan), (2, 20, math.nan), (1, 10, 0.7)]
        for _ in range(2):
            store.metrics.append(run.info.run_id, batch("m", points))
            store.runs.log_batch(run.info.run_id, metrics=[point("m", 0.5, 1, timestamp=10)])
        history = store.metrics.history(run.info.run_id, SeriesKey("m"))
        assert history.steps.tolist() == [1, 1, 2]
        assert bits(history.values.tolist()) == bits([0.5, 0.7, math.nan])

    def test_odd_values_and_extreme_integers_are_kept_bit_by_bit(
        self, store: Store, run: Run
    ) -> None:
        steps = [-(2**63), -1, 0, 1, 2**53 + 1, 2**63 - 1]
        points = [(step, 2**63 - 1, value) for step, value in zip(steps, _ODD_VALUES, strict=False)]
        store.metrics.append(run.info.run_id, batch("extreme", points))
        store.metrics.append(
            run.info.run_id, batch("odd", [(i, 1, v) for i, v in enumerate(_ODD_VALUES)])
        )
        assert self._history(store, run, "extreme") == points
        odd = store.metrics.history(run.info.run_id, SeriesKey("odd"))
        assert bits(odd.values.tolist()) == bits(_ODD_VALUES)

    @pytest.mark.parametrize("value", _ODD_VALUES, ids=repr)
    def test_odd_value_is_the_latest_of_its_run(self, store: Store, run: Run, value: float) -> None:
        store.metrics.append(run.info.run_id, batch("m", [(1, 1, value)]))
        assert bits([store.runs.get(run.info.run_id).data.metrics["m"]]) == bits([value])

    def test_latest_is_the_largest_step_then_timestamp_then_value(
        self, store: Store, run: Run
    ) -> None:
        store.metrics.append(run.info.run_id, batch("m", [(5, 1, 1.0), (5, 2, 2.0), (5, 2, 3.0)]))
        store.metrics.append(run.info.run_id, batch("m", [(4, 99, 9.0)]))
        latest = store.runs.get(run.info.run_id).data.latest
        assert [(m.key, m.step, m.timestamp, m.value) for m in latest] == [("m", 5, 2, 3.0)]

    def test_history_of_a_range_has_both_ends(self, store: Store, run: Run) -> None:
        store.metrics.append(run.info.run_id, batch("m", [(i, i, float(i)) for i in range(10)]))
        history = store.metrics.history(run.info.run_id, SeriesKey("m"), first_step=3, last_step=6)
        assert history.steps.tolist() == [3, 4, 5, 6]

    def test_history_of_an_unknown_key_is_empty(self, store: Store, run: Run) -> None:
        assert self._history(store, run, "nothing") == []

    def test_points_of_another_model_are_another_series(self, store: Store, run: Run) -> None:
        model = new_model_id()
        plain, linked = Metric("m", 1.0, 1, 1), Metric("m", 2.0, 1, 1, model_id=model)
        store.runs.log_batch(run.info.run_id, metrics=[plain, linked])
        assert self._history(store, run, "m") == [(1, 1, 1.0)]
        other = store.metrics.history(run.info.run_id, SeriesKey("m", model_id=model))
        assert other.values.tolist() == [2.0]

    def test_points_to_missing_and_deleted_runs_are_refused(self, store: Store, run: Run) -> None:
        with pytest.raises(errors.RunNotFound):
            store.metrics.append(RunId("0" * 32), batch("m", [(1, 1, 1.0)]))
        store.runs.delete(run.info.run_id)
        with pytest.raises(errors.InactiveResource):
            store.metrics.append(run.info.run_id, batch("m", [(1, 1, 1.0)]))

    def test_pages_cover_all_points_by_timestamp_step_and_value(
        self, store: Store, run: Run
    ) -> None:
        points = [(3, 10, 0.3), (1, 20, 0.2), (1, 20, 0.1), (0, 30, 0.0), (2, 10, 0.9)]
        store.metrics.append(run.info.run_id, batch("m", points))
        seen: list[Point] = []
        token: str | None = None
        for _ in range(len(points)):
            page = store.metrics.page(run.info.run_id, "m", max_results=2, page_token=token)
            seen += [(m.step, m.timestamp, m.value) for m in page]
            token = page.token
            if token is None:
                break
        assert seen == sorted(points, key=lambda p: (p[1], p[0], p[2]))
        whole = store.metrics.page(run.info.run_id, "m")
        assert [(m.step, m.timestamp, m.value) for m in whole] == seen
        assert whole.token is None

    def test_foreign_page_token_is_refused(self, store: Store, run: Run) -> None:
        store.metrics.append(run.info.run_id, batch("m", [(1, 1, 1.0)]))
        with pytest.raises(errors.InvalidInput):
            store.metrics.page(run.info.run_id, "m", max_results=1, page_token="nonsense")

    def test_figures_are_those_of_all_points(self, store: Store, run: Run) -> None:
        store.metrics.append(run.info.run_id, batch("m", [(1, 1, 4.0), (2, 2, math.nan)]))
        store.metrics.append(run.info.run_id, batch("m", [(0, 0, 1.0), (3, 3, 2.5)]))
        store.metrics.append(run.info.run_id, batch("other", [(1, 1, 0.0)]))
        ident = run.info.run_id
        (summary,) = store.metrics.summaries([ident], ["m"])[ident]
        assert (summary.count, summary.nan_count) == (4, 1)
        assert (summary.first_step, summary.last_step) == (0, 3)
        assert (summary.first, summary.last) == (1.0, 2.5)
        assert (summary.min, summary.max, summary.mean) == (1.0, 4.0, 2.5)
        assert summary.sum_squares == pytest.approx(16 + 1 + 6.25)
        assert {s.series.key for s in store.metrics.summaries([ident])[ident]} == {"m", "other"}

    def test_buckets_cover_each_series_in_at_most_so_many(self, store: Store, run: Run) -> None:
        points = [(i, i * 10, float(i % 7)) for i in range(1_000)]
        store.metrics.append(run.info.run_id, batch("m", points))
        (buckets,) = store.metrics.buckets([run.info.run_id], ["m"], count=10)
        assert buckets.series == SeriesKey("m")
        assert len(buckets.steps) <= 10
        assert buckets.counts.sum() == 1_000
        assert buckets.steps[0] == 0
        assert buckets.last_steps[-1] == 999
        assert (buckets.min.min(), buckets.max.max()) == (0.0, 6.0)

    def test_buckets_of_equal_width_in_log_step_tell_the_first_steps_apart(
        self, store: Store, run: Run
    ) -> None:
        points = [(i, i * 10, float(i % 7)) for i in range(1_000)]
        store.metrics.append(run.info.run_id, batch("m", points))
        (buckets,) = store.metrics.buckets([run.info.run_id], ["m"], count=50, scale="log")
        assert buckets.steps.tolist()[:6] == [0, 1, 2, 3, 4, 5]
        assert buckets.counts.sum() == 1_000
        assert len(buckets.steps) <= 50
        for first, last, count, least, greatest, end in zip(
            buckets.steps,
            buckets.last_steps,
            buckets.counts,
            buckets.min,
            buckets.max,
            buckets.last,
            strict=True,
        ):
            inside = [value for step, _, value in points if first <= step <= last]
            assert (count, least, greatest) == (len(inside), min(inside), max(inside))
            assert end == inside[-1]

    def test_buckets_of_a_restarted_run_are_one_branch_after_the_other(
        self, store: Store, run: Run
    ) -> None:
        ident = run.info.run_id
        store.metrics.append(ident, batch("m", [(i, i, 1.0) for i in range(100)]))
        again = [(i, 1_000 + i, 2.0) for i in range(50, 80)]
        store.metrics.append(ident, batch("m", again))
        (buckets,) = store.metrics.buckets([ident], ["m"], count=10, branches=True)
        (cut,) = np.flatnonzero(buckets.steps[1:] < buckets.steps[:-1]) + 1
        assert (buckets.steps[0], buckets.last_steps[cut - 1]) == (0, 99)
        assert (buckets.steps[cut], buckets.last_steps[-1]) == (50, 79)
        assert buckets.mean.tolist() == [1.0] * cut + [2.0] * (len(buckets.mean) - cut)
        (merged,) = store.metrics.buckets([ident], ["m"], count=10)
        assert (merged.counts.sum(), buckets.counts.sum()) == (130, 130)

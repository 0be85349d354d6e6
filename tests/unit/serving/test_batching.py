"""Batches: everyone gets their own answers, one's bad rows don't fail the others."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from assay.serving.batching import INLINE_S, Batcher, BatchSettings


class Model:
    """Doubles rows; raises where one is negative. Notes the sizes of what it was asked."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def __call__(self, rows: Any) -> Any:
        self.sizes.append(len(rows))
        if (rows < 0).any():
            raise ValueError("negative")
        return rows[:, 0] * 2


def _run(model: Any, asked: list[Any], settings: BatchSettings, *, expected_s: float) -> list[Any]:
    async def run() -> list[Any]:
        with ThreadPoolExecutor(1) as threads:
            batcher = Batcher(model, threads, settings)
            batcher._expected_s = expected_s
            work = [batcher.submit(np.array(rows, dtype=float)[:, None]) for rows in asked]
            return await asyncio.gather(*work, return_exceptions=True)

    return asyncio.run(run())


@pytest.mark.parametrize("expected_s", [0.0, 1.0], ids=["on the loop", "in a thread"])
def test_what_is_there_at_once_is_one_batch(expected_s: float) -> None:
    model = Model()

    answers = _run(model, [[1, 2], [3], [4, 5]], BatchSettings(), expected_s=expected_s)

    assert [one.tolist() for one in answers] == [[2, 4], [6], [8, 10]]
    assert model.sizes == [5]


def test_batches_have_at_most_so_many_rows() -> None:
    model = Model()

    answers = _run(model, [[1, 2], [3], [4], [5] * 9], BatchSettings(max_rows=3), expected_s=0)

    assert [len(one) for one in answers] == [2, 1, 1, 9]
    assert model.sizes == [3, 1, 9]


def test_one_request_at_a_time_where_batches_are_off() -> None:
    model = Model()

    _run(model, [[1], [2], [3]], BatchSettings(max_rows=1), expected_s=0)

    assert model.sizes == [1, 1, 1]


def test_bad_rows_fail_for_whoever_sent_them() -> None:
    answers = _run(Model(), [[1], [-1], [3]], BatchSettings(), expected_s=INLINE_S)

    assert isinstance(answers[1], ValueError)
    assert [answers[0].tolist(), answers[2].tolist()] == [[2], [6]]


def test_a_model_that_answers_otherwise_than_row_by_row_is_asked_alone() -> None:
    answers = _run(lambda rows: rows.sum(axis=0), [[1], [2, 3]], BatchSettings(), expected_s=0)

    assert [one.tolist() for one in answers] == [[1], [5]]


def test_while_one_batch_is_predicted_the_next_one_gathers() -> None:
    model = Model()

    async def run() -> None:
        with ThreadPoolExecutor(1) as threads:
            batcher = Batcher(model, threads, BatchSettings())
            batcher._expected_s = 1.0
            first = batcher.submit(np.ones((1, 1)))
            await asyncio.sleep(0)
            rest = [batcher.submit(np.ones((1, 1))) for _ in range(4)]
            await asyncio.gather(first, *rest)

    asyncio.run(run())

    assert sum(model.sizes) == 5
    assert len(model.sizes) <= 3

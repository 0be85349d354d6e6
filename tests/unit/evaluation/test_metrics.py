from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from assay.errors import InvalidInput
from assay.evaluation.metrics import MetricInputs, MetricValue, compute, make_metric


def inputs(**columns: Any) -> MetricInputs:
    return MetricInputs(
        np.array([1.0, 2.0]), np.array([1.0, 4.0]), {"built_in": 0.5}, columns.__getitem__
    )


def test_a_function_gets_what_it_names() -> None:
    def cost(
        predictions: pd.Series, targets: pd.Series, metrics: Any, price: Any, missing: int = 3
    ) -> float:
        return float(((targets - predictions) * price).sum() + metrics["built_in"] + missing)

    metric = make_metric(eval_fn=cost, greater_is_better=False)
    assert compute(metric, inputs(price=np.array([1.0, 10.0]))).values == {"cost": 23.5}


def test_the_older_form_with_a_frame_works() -> None:
    def worst(eval_df: pd.DataFrame, _builtin_metrics: dict[str, float]) -> Any:
        return np.max(np.abs(eval_df["prediction"] - eval_df["target"]))

    metric = make_metric(eval_fn=worst, greater_is_better=False, name="w")
    assert compute(metric, inputs()).values == {"w": 2.0}


def test_dicts_and_metric_values_give_several_figures_and_row_scores() -> None:
    several = make_metric(
        eval_fn=lambda predictions: {"a": 1, "b": 2.5}, greater_is_better=True, name="m"
    )
    assert compute(several, inputs()).values == {"m/a": 1.0, "m/b": 2.5}

    rows = make_metric(
        eval_fn=lambda predictions: MetricValue([0.5, 1.0], aggregate_results={"mean": 0.75}),
        greater_is_better=True,
        name="m",
    )
    found = compute(rows, inputs())
    assert found.values == {"m/mean": 0.75}
    assert found.columns == {"m/score": [0.5, 1.0]}


@pytest.mark.parametrize("result", ["good", None, True, [1, 2]])
def test_what_is_no_number_is_refused(result: Any) -> None:
    metric = make_metric(eval_fn=lambda predictions: result, greater_is_better=True, name="m")
    with pytest.raises(InvalidInput, match="metric 'm' must give a number"):
        compute(metric, inputs())


def test_an_unknown_argument_is_named() -> None:
    metric = make_metric(eval_fn=lambda price: 1, greater_is_better=True, name="m")
    with pytest.raises(InvalidInput, match="asks for 'price'"):
        compute(metric, inputs())


def test_a_lambda_needs_a_name() -> None:
    with pytest.raises(InvalidInput, match="needs a name"):
        make_metric(eval_fn=lambda predictions: 1, greater_is_better=True)

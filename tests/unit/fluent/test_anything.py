"""``assay.log``: each kind of value is kept in its way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import assay
from assay.errors import InvalidInput


def test_mixed_values_find_their_places(project: Path) -> None:
    (project / "file.txt").write_text("in a file")
    figure = Figure()
    figure.add_subplot().plot([1, 2])
    with assay.start_run() as run:
        assay.log(
            {
                "loss": 0.3,
                "val": {"acc": np.float32(0.5), "deep": {"er": np.array([2])}},
                "stage": "warm-up",
                "story": "x" * 9_000,
                "plot": figure,
                "pixels": np.zeros((2, 3), np.uint8),
                "table": pd.DataFrame({"a": [1, 2]}),
                "list": [1, {"b": 2}],
                "path": Path("file.txt"),
                "training": assay.data.from_numpy(np.zeros(3)),
            },
            step=7,
        )
    stored = assay.get_run(run.info.run_id)
    assert stored.data.metrics == {"loss": 0.3, "val/acc": 0.5, "val/deep/er": 2.0}
    assert run.history("val/acc").steps.tolist() == [7]
    assert stored.data.tags["stage"] == "warm-up"
    root = f"runs:/{run.info.run_id}"
    assert assay.artifacts.load_text(f"{root}/story/7.txt") == "x" * 9_000
    assert assay.artifacts.load_dict(f"{root}/list/7.json") == [1, {"b": 2}]
    assert assay.artifacts.load_dict(f"{root}/table/7.json")["data"] == [[1], [2]]
    assert assay.artifacts.load_text(f"{root}/path/file.txt") == "in a file"
    pictures = assay.artifacts.list_artifacts(run_id=run.info.run_id, artifact_path="images")
    assert {Path(one.path).name.partition("+")[0] for one in pictures} == {"plot", "pixels"}
    assert stored.inputs.dataset_inputs[0].tags[0].value == "training"


def test_calls_without_a_step_count_by_themselves() -> None:
    with assay.start_run() as run:
        assay.log({"m": 1})
        assay.log({"m": 2})
        assay.log({"m": 3}, step=10)
        assay.log({"m": 4})
    assert run.history("m").steps.tolist() == [0, 1, 10, 11]


@pytest.mark.parametrize("wrong", [None, object(), np.zeros((2, 3)), np.zeros(4), b"bytes"])
def test_value_that_can_not_be_logged_keeps_the_whole_call_out(wrong: object) -> None:
    with assay.start_run() as run, pytest.raises(InvalidInput, match="'bad' is of type"):
        assay.log({"good": 1, "bad": wrong})
    assert assay.get_run(run.info.run_id).data.metrics == {}


def test_empty_call_keeps_nothing() -> None:
    with assay.start_run() as run:
        assay.log({})
        assay.log({"empty": {}})
    assert assay.get_run(run.info.run_id).data.metrics == {}

"""Datasets: digest, schema, profile and source, in the forms of MLflow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from assay import data
from assay.errors import InvalidInput


def _frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "a": [1, 2],
            "b": [1.5, None],
            "c": ["x", "y"],
            "d": pd.to_datetime(["2020-01-01", "2020-01-02"]),
            "e": [True, False],
            "f": np.array([1, 2], np.int16),
        }
    )


_COLUMNS = [
    {"type": "long", "name": "a", "required": True},
    {"type": "double", "name": "b", "required": False},
    {"type": "string", "name": "c", "required": True},
    {"type": "datetime", "name": "d", "required": True},
    {"type": "boolean", "name": "e", "required": True},
    {"type": "integer", "name": "f", "required": True},
]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frame_is_described_as_mlflow_does(library: str) -> None:
    if library == "pandas":
        dataset: data.Dataset = data.from_pandas(_frame(), source="x.csv", name="n", targets="a")
    else:
        dataset = data.from_polars(pl.from_pandas(_frame()), "x.csv", "a", "n")
    facts = dataset.to_dict()
    assert json.loads(facts["schema"]) == {"mlflow_colspec": _COLUMNS}
    assert json.loads(facts["profile"]) == {"num_rows": 2, "num_elements": 12}
    assert json.loads(facts["source"]) == {"uri": "x.csv"}
    assert (facts["name"], facts["source_type"]) == ("n", "local")
    assert json.loads(dataset.to_json()) == facts


def test_arrays_are_described_as_mlflow_does() -> None:
    dataset = data.from_numpy(np.zeros((3, 2), np.float32), targets=np.zeros(3))
    facts = dataset.to_dict()
    spec = json.loads(facts["schema"])["mlflow_tensorspec"]
    assert json.loads(spec["features"]) == [
        {"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 2]}}
    ]
    assert json.loads(spec["targets"])[0]["tensor-spec"] == {"dtype": "float64", "shape": [-1]}
    assert json.loads(facts["profile"]) == {
        "features_shape": [3, 2],
        "features_size": 6,
        "features_nbytes": 24,
        "targets_shape": [3],
        "targets_size": 3,
        "targets_nbytes": 24,
    }
    assert facts["source_type"] == "code"
    assert facts["name"] == "dataset"


def test_named_arrays_keep_their_names() -> None:
    dataset = data.from_numpy({"x": np.zeros((3, 2)), "y": np.zeros(3)})
    names = [one["name"] for one in json.loads(dataset.schema["mlflow_tensorspec"]["features"])]
    assert names == ["x", "y"]
    assert dataset.profile["features_shape"] == {"x": [3, 2], "y": [3]}


@pytest.mark.parametrize(
    ("source", "kind", "fields"),
    [
        ("data/x.csv", "local", {"uri": "data/x.csv"}),
        (Path("x.csv"), "local", {"uri": "x.csv"}),
        ("file:///x.csv", "local", {"uri": "file:///x.csv"}),
        ("https://h/x.csv", "http", {"url": "https://h/x.csv"}),
        ("s3://b/k", "s3", {"uri": "s3://b/k"}),
        ("gs://b/k", "gs", {"uri": "gs://b/k"}),
    ],
)
def test_source_is_read_from_its_address(source: Any, kind: str, fields: dict[str, str]) -> None:
    dataset = data.from_numpy(np.zeros(1), source=source)
    assert (dataset.source.source_type, dataset.source.to_dict()) == (kind, fields)
    assert data.get_source(dataset.to_entity()) == dataset.source


def test_digest_depends_on_the_content_and_nothing_else() -> None:
    array = np.arange(12.0).reshape(3, 4)
    same = [array, array.copy(order="F"), np.concatenate([array, array])[:3], array[::1]]
    digests = {data.from_numpy(one).digest for one in same}
    assert len(digests) == 1
    other = [array + 1, array.reshape(4, 3), array.astype(np.float32), array[::-1]]
    assert len({data.from_numpy(one).digest for one in other} - digests) == 4


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_change_in_the_last_row_changes_the_digest(library: str) -> None:
    before = pd.DataFrame({"a": range(20_000), "s": ["t"] * 20_000})
    after = before.copy()
    after.loc[19_999, "s"] = "u"

    def digest(frame: pd.DataFrame) -> str:
        if library == "pandas":
            return data.from_pandas(frame).digest
        return data.from_polars(pl.from_pandas(frame)).digest

    assert digest(before) == digest(before.copy())
    assert digest(before) != digest(after)
    assert digest(before) != digest(before.rename(columns={"a": "b"}))
    assert len(digest(before)) <= 36


def test_cells_of_lists_have_a_digest() -> None:
    first = data.from_pandas(pd.DataFrame({"a": [[1, 2], [3]]})).digest
    assert first != data.from_pandas(pd.DataFrame({"a": [[1, 2], [4]]})).digest


def test_given_name_and_digest_are_kept() -> None:
    dataset = data.from_numpy(np.zeros(1), name="n", digest="d" * 50)
    assert (dataset.name, dataset.digest) == ("n", "d" * 36)


def test_target_that_is_no_column_is_refused_with_the_columns() -> None:
    with pytest.raises(InvalidInput, match=r"no column 'z'.*a, b"):
        data.from_pandas(_frame(), targets="z")
    with pytest.raises(InvalidInput):
        data.from_polars(pl.from_pandas(_frame()), predictions="z")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_file_is_described_and_loaded(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"train.{ending}"
    frame = _frame()[["a", "b", "c", "e"]]
    if ending == "csv":
        frame.to_csv(path, index=False)
        dataset = data.from_csv(path)
    else:
        frame.to_parquet(path)
        dataset = data.from_parquet(path)
    types = {one["name"]: one["type"] for one in dataset.schema["mlflow_colspec"]}
    assert types == {"a": "long", "b": "double", "c": "string", "e": "boolean"}
    assert dataset.name == "train"
    assert dataset.profile == {
        "num_rows": 2,
        "num_elements": 8,
        "num_bytes": path.stat().st_size,
    }
    assert dataset.load().equals(frame)
    assert data.load(dataset.to_entity()).equals(frame)
    digest = dataset.digest
    path.write_bytes(path.read_bytes() + b"\n")
    assert data.FileDataset(path, file_format=ending).digest != digest


def test_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        data.from_csv(tmp_path / "none.csv")


@pytest.mark.parametrize("source", ["https://h/x.csv", "x.txt", None])
def test_only_files_of_this_machine_are_loaded(source: str | None) -> None:
    with pytest.raises(InvalidInput, match="can be loaded"):
        data.load(data.from_numpy(np.zeros(1), source=source).to_entity())


def test_source_of_something_else_is_refused() -> None:
    with pytest.raises(TypeError):
        data.get_source("x.csv")

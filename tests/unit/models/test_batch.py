"""Files through models: order, forms, memory, workers, and nothing left behind by failures."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from assay.errors import (
    ArtifactNotFound,
    InvalidInput,
    PredictionFailed,
    UntrustedModel,
)
from assay.flavors.base import flavor_named
from assay.models import digests
from assay.models.batches.predict_file import BatchResult, Progress, predict_file
from assay.models.environments.interpreter import interpreter_of, make_environment
from assay.models.saving import Extras, save

RNG = np.random.default_rng(7)
FRAME = pd.DataFrame({"a": RNG.normal(size=1_000), "b": RNG.normal(size=1_000)})
ROWS = FRAME.assign(id=np.arange(1_000), name=[f"row {i}" for i in range(1_000)])
MODEL = LinearRegression().fit(FRAME, 2 * FRAME["a"] - FRAME["b"])
WANT = MODEL.predict(FRAME)
PINS = ("scikit-learn",)
PANDAS = tuple(f"{name}=={version(name)}" for name in ("numpy", "pandas"))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    extras = Extras(input_example=FRAME[:3], pip_requirements=PINS)
    save(MODEL, flavor_named("sklearn"), tmp_path / "model", extras=extras)
    return tmp_path / "model"


def save_function(path: Path, body: str, *, pip: Sequence[str] = ()) -> Path:
    """A model of the user's own, whose ``predict(rows)`` has this body."""
    file = path.with_suffix(".source.py")
    file.write_text(
        "import os, signal, time, sys\nimport numpy as np\nimport pandas as pd\n"
        f"def predict(rows):\n{textwrap.indent(textwrap.dedent(body), '    ')}\n"
        "from assay.models.python_model import set_model\nset_model(predict)\n"
    )
    given = Extras(signature=False, pip_requirements=list(pip))
    save(str(file), flavor_named("python_function"), path, extras=given)
    return path


def written(frame: pd.DataFrame, path: Path) -> Path:
    if path.suffix == ".parquet":
        frame.to_parquet(path, row_group_size=170, index=False)
    elif path.suffix == ".csv":
        frame.to_csv(path, index=False)
    elif path.suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True, double_precision=15)
    else:
        frame.to_json(path, orient="records", double_precision=15)
    return path


def read(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    if path.suffix == ".csv":
        return pd.read_csv(path)
    records = (
        [json.loads(line) for line in path.read_text().splitlines()]
        if path.suffix == ".jsonl"
        else json.loads(path.read_text())["predictions"]
    )
    return pd.DataFrame(records)


def left_behind(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.endswith(".part")]


@pytest.mark.parametrize("source", ["in.parquet", "in.csv", "in.jsonl", "in.json"])
def test_each_form_of_source_is_predicted_in_its_order(
    model: Path, tmp_path: Path, source: str
) -> None:
    file = written(ROWS, tmp_path / source)

    result = predict_file(model, file, tmp_path / "out.parquet", keep=["id"], chunk_rows=64)

    got = read(tmp_path / "out.parquet")
    assert list(got) == ["id", "prediction"]
    assert got["id"].tolist() == list(range(1_000))
    np.testing.assert_allclose(got["prediction"], WANT, rtol=1e-9)
    assert (result.rows, result.columns, result.workers) == (1_000, ["id", "prediction"], 1)


@pytest.mark.parametrize("target", ["out.csv", "out.jsonl", "out.json", "out.parquet"])
def test_each_form_of_target_holds_predictions_beside_all_columns(
    model: Path, tmp_path: Path, target: str
) -> None:
    file = written(ROWS, tmp_path / "in.parquet")

    predict_file(model, file, tmp_path / target, keep="all", chunk_rows=300)

    got = read(tmp_path / target)
    assert list(got) == ["a", "b", "id", "name", "prediction"]
    assert got["name"].tolist() == ROWS["name"].tolist()
    np.testing.assert_allclose(got["prediction"], WANT, rtol=1e-9)


def test_json_of_one_output_is_what_mlflow_answers(model: Path, tmp_path: Path) -> None:
    file = written(ROWS[:3], tmp_path / "in.csv")

    predict_file(model, file, tmp_path / "out.json")

    assert json.loads((tmp_path / "out.json").read_text())["predictions"] == pytest.approx(WANT[:3])


def test_several_workers_keep_the_order_of_rows(model: Path, tmp_path: Path) -> None:
    file = written(ROWS, tmp_path / "in.parquet")
    told: list[Progress] = []

    result = predict_file(
        model,
        file,
        tmp_path / "out.parquet",
        keep=["id"],
        chunk_rows=50,
        workers=2,
        on_progress=told.append,
    )

    got = read(tmp_path / "out.parquet")
    assert got["id"].tolist() == list(range(1_000))
    np.testing.assert_allclose(got["prediction"], WANT, rtol=1e-9)
    assert result.workers == 2
    assert told[-1] == Progress(1_000, 1_000, 1.0)
    assert [one.rows for one in told] == list(range(50, 1_001, 50))


def test_workers_of_a_script_without_main_guard_work(model: Path, tmp_path: Path) -> None:
    written(ROWS, tmp_path / "in.parquet")
    script = tmp_path / "script.py"
    script.write_text(
        "from assay.models.batches.predict_file import predict_file\n"
        "print(predict_file('model', 'in.parquet', 'out.csv', workers=2, chunk_rows=100).rows)\n"
    )

    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert done.stdout == "1000\n"


def test_one_process_starts_no_other(model: Path, tmp_path: Path) -> None:
    where = save_function(tmp_path / "own", "return [os.getpid()] * len(rows)")
    file = written(ROWS[:10], tmp_path / "in.csv")

    predict_file(where, file, tmp_path / "out.csv")

    assert set(read(tmp_path / "out.csv")["prediction"]) == {os.getpid()}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_failing_row_ends_all_and_is_named(tmp_path: Path, workers: int) -> None:
    where = save_function(
        tmp_path / "own",
        """
        if (rows["id"] == 567).any():
            raise RuntimeError("five six seven")
        return rows["id"]
        """,
    )
    file = written(ROWS, tmp_path / "in.parquet")
    (tmp_path / "out.csv").write_text("as before")

    with pytest.raises(PredictionFailed) as caught:
        predict_file(where, file, tmp_path / "out.csv", chunk_rows=100, workers=workers)

    assert (caught.value.first, caught.value.last) == (500, 599)
    assert "RuntimeError: five six seven" in str(caught.value)
    assert (tmp_path / "out.csv").read_text() == "as before"
    assert left_behind(tmp_path) == []


def test_rows_that_do_not_fit_the_signature_are_told_by_column(model: Path, tmp_path: Path) -> None:
    file = written(ROWS.rename(columns={"a": "A"}), tmp_path / "in.parquet")

    with pytest.raises(PredictionFailed, match="Missing column: 'a'"):
        predict_file(model, file, tmp_path / "out.csv")


def test_a_worker_that_dies_is_an_error_not_a_hang(tmp_path: Path) -> None:
    where = save_function(tmp_path / "own", "os.kill(os.getpid(), signal.SIGKILL)")
    file = written(ROWS, tmp_path / "in.parquet")

    with pytest.raises(PredictionFailed, match="ended by SIGKILL"):
        predict_file(where, file, tmp_path / "out.csv", workers=2)

    assert left_behind(tmp_path) == []


def test_what_a_model_prints_disturbs_no_worker(tmp_path: Path) -> None:
    where = save_function(tmp_path / "own", "print('hello'); return [1] * len(rows)")
    file = written(ROWS, tmp_path / "in.parquet")

    result = predict_file(where, file, tmp_path / "out.csv", workers=2)

    assert result.rows == 1_000


def test_ctrl_c_ends_the_workers_and_leaves_no_file(tmp_path: Path) -> None:
    save_function(
        tmp_path / "own",
        "open(f'started-{os.getpid()}', 'w').close(); time.sleep(600); return [0] * len(rows)",
    )
    written(ROWS, tmp_path / "in.parquet")
    code = (
        "from assay.models.batches.predict_file import predict_file\n"
        "predict_file('own', 'in.parquet', 'out.csv', workers=2, chunk_rows=10)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    while len(started := list(tmp_path.glob("started-*"))) < 2:
        assert process.poll() is None

    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)

    assert "KeyboardInterrupt" in said
    for file in started:
        with pytest.raises(ProcessLookupError):
            os.kill(int(file.name.partition("-")[2]), 0)
    assert not (tmp_path / "out.csv").exists()
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_a_model_of_somebody_else_is_run_only_if_trusted(tmp_path: Path, workers: int) -> None:
    where = save_function(tmp_path / "own", "return [1] * len(rows)")
    (where / digests.FILE).unlink()
    file = written(ROWS[:5], tmp_path / "in.csv")

    with pytest.raises(UntrustedModel):
        predict_file(where, file, tmp_path / "out.csv", workers=workers)

    assert predict_file(where, file, tmp_path / "out.csv", trust=True, workers=workers).rows == 5


def test_a_model_predicts_in_an_environment_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uv_cache = os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache" / "uv"))
    monkeypatch.setenv("UV_CACHE_DIR", uv_cache)
    where = save_function(tmp_path / "own", "return [sys.executable] * len(rows)", pip=PANDAS)
    file = written(ROWS[:3], tmp_path / "in.csv")

    python = make_environment(where)
    with interpreter_of(python) as interpreter:
        predict_file(where, file, tmp_path / "out.csv", interpreter=interpreter)

    assert set(read(tmp_path / "out.csv")["prediction"]) == {str(python)}
    assert make_environment(where) == python


def outputs(tmp_path: Path, expression: str, target: str = "out.jsonl") -> pd.DataFrame:
    where = save_function(tmp_path / "own", f"return {expression}")
    file = written(ROWS[:4], tmp_path / "in.csv")
    predict_file(where, file, tmp_path / target, chunk_rows=3)
    return read(tmp_path / target)


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("np.zeros(len(rows))", ["prediction"]),
        ("np.zeros((len(rows), 1))", ["prediction"]),
        ("np.zeros((len(rows), 2))", ["prediction_0", "prediction_1"]),
        ("pd.DataFrame({'p': rows.a, 'q': rows.b})", ["p", "q"]),
        ("rows.a", ["prediction"]),
        ("['x'] * len(rows)", ["prediction"]),
        ("[{'p': 1, 'q': 'x'}] * len(rows)", ["p", "q"]),
        ("{'p': np.zeros(len(rows)), 'q': ['x'] * len(rows)}", ["p", "q"]),
    ],
)
def test_outputs_become_columns(tmp_path: Path, expression: str, names: list[str]) -> None:
    got = outputs(tmp_path, expression)

    assert list(got) == names
    assert len(got) == 4


def test_arrays_with_more_axes_become_lists(tmp_path: Path) -> None:
    got = outputs(tmp_path, "np.ones((len(rows), 2, 2))")

    assert got["prediction"][3] == [[1.0, 1.0], [1.0, 1.0]]


def test_csv_refuses_lists(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="CSV can't hold the column 'prediction'"):
        outputs(tmp_path, "[[1, 2]] * len(rows)", "out.csv")


def test_a_prediction_for_each_row_is_demanded(tmp_path: Path) -> None:
    with pytest.raises(PredictionFailed, match="1 predictions for 3 rows"):
        outputs(tmp_path, "[1]")


def test_types_of_csv_follow_the_signature(tmp_path: Path) -> None:
    example = pd.DataFrame({"code": ["007"], "n": [1.5]})
    where = save_code_with_signature(tmp_path / "own", example)
    (tmp_path / "in.csv").write_text("n,code\n1,007\n2,\n")

    predict_file(where, tmp_path / "in.csv", tmp_path / "out.jsonl")

    assert read(tmp_path / "out.jsonl")["prediction"].tolist() == ["007 1.0", "None 2.0"]


def save_code_with_signature(path: Path, example: pd.DataFrame) -> Path:
    from assay.models.signatures.schema import Schema, Signature
    from assay.models.signatures.specs import ColSpec

    signature = Signature(
        Schema([ColSpec("string", "code", required=False), ColSpec("double", "n")])
    )
    file = path.with_suffix(".source.py")
    file.write_text(
        "import pandas as pd\n"
        "def predict(rows):\n"
        "    return [f'{None if pd.isna(c) else c} {n}' for c, n in zip(rows.code, rows.n)]\n"
        "from assay.models.python_model import set_model\nset_model(predict)\n"
    )
    extras = Extras(signature=signature, input_example=example, pip_requirements=())
    save(str(file), flavor_named("python_function"), path, extras=extras)
    return path


def test_a_model_of_arrays_takes_the_columns_of_a_file(tmp_path: Path) -> None:
    array = FRAME.to_numpy()
    model = LogisticRegression().fit(array, array[:, 0] > 0)
    extras = Extras(input_example=array[:3], pip_requirements=PINS)
    save(model, flavor_named("sklearn"), tmp_path / "model", extras=extras)
    file = written(FRAME, tmp_path / "in.parquet")

    predict_file(tmp_path / "model", file, tmp_path / "out.parquet", chunk_rows=300)

    assert read(tmp_path / "out.parquet")["prediction"].tolist() == model.predict(array).tolist()


def test_columns_that_the_model_gets_can_be_named(tmp_path: Path) -> None:
    where = save_function(tmp_path / "own", "return [','.join(rows)] * len(rows)")
    file = written(ROWS[:2], tmp_path / "in.parquet")

    predict_file(where, file, tmp_path / "out.csv", columns=["b", "id"])

    assert read(tmp_path / "out.csv")["prediction"].tolist() == ["b,id"] * 2


def test_params_reach_the_model(tmp_path: Path) -> None:
    file = tmp_path / "source.py"
    file.write_text(
        "def predict(rows, params=None):\n    return [params['k']] * len(rows)\n"
        "from assay.models.python_model import set_model\nset_model(predict)\n"
    )
    extras = Extras(input_example=(FRAME[:2], {"k": 1}), pip_requirements=())
    save(str(file), flavor_named("python_function"), tmp_path / "own", extras=extras)
    source = written(FRAME[:2], tmp_path / "in.csv")

    for workers in (1, 2):
        predict_file(
            tmp_path / "own", source, tmp_path / "out.csv", params={"k": 7}, workers=workers
        )

        assert read(tmp_path / "out.csv")["prediction"].tolist() == [7, 7]


def test_a_file_without_rows_gives_one_without_rows(model: Path, tmp_path: Path) -> None:
    file = written(ROWS[:0], tmp_path / "in.parquet")

    result = predict_file(model, file, tmp_path / "out.parquet")

    assert result == BatchResult(
        str(tmp_path / "out.parquet"), 0, ["prediction"], 1, result.seconds
    )
    assert pq.read_table(tmp_path / "out.parquet").num_rows == 0


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ('{"a": 1}', "array of records"),
        ('[{"a": 1} {"a": 2}]', "comma is missing"),
        ('[{"a": 1}, {"a": ', "is no JSON"),
        ("[1, 2]", "records"),
        ("[" * 100_000, "is no JSON"),
    ],
)
def test_json_that_holds_no_records_is_refused(
    model: Path, tmp_path: Path, content: str, why: str
) -> None:
    (tmp_path / "in.json").write_text(content)

    with pytest.raises(InvalidInput, match=why):
        predict_file(model, tmp_path / "in.json", tmp_path / "out.csv")

    assert left_behind(tmp_path) == []


def test_records_longer_than_what_is_read_at_once_are_whole(model: Path, tmp_path: Path) -> None:
    long = [{"a": 1.0, "b": float(i), "text": "é" * 700_000} for i in range(5)]
    (tmp_path / "in.json").write_text(json.dumps(long, ensure_ascii=False))

    predict_file(model, tmp_path / "in.json", tmp_path / "out.jsonl", keep=["b"], chunk_rows=2)

    assert read(tmp_path / "out.jsonl")["b"].tolist() == [0, 1, 2, 3, 4]


def test_mistakes_are_told_before_anything_is_loaded(model: Path, tmp_path: Path) -> None:
    file = written(ROWS, tmp_path / "in.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 no")

    with pytest.raises(InvalidInput, match="endings"):
        predict_file(model, file, tmp_path / "out.xls")
    with pytest.raises(InvalidInput, match="another file"):
        predict_file(model, file, file)
    with pytest.raises(InvalidInput, match="no column 'nope'"):
        predict_file(model, file, tmp_path / "out.csv", keep=["nope"])
    with pytest.raises(InvalidInput, match="as Parquet"):
        predict_file(model, tmp_path / "broken.parquet", tmp_path / "out.csv")
    with pytest.raises(ArtifactNotFound):
        predict_file(model, tmp_path / "nothing.csv", tmp_path / "out.csv")


def test_memory_does_not_grow_with_the_file(model: Path, tmp_path: Path) -> None:
    # One row group of 160 MB, which as a whole would show.
    rows = 5_000_000
    schema = pa.schema(
        [("a", pa.float64()), ("b", pa.float64()), ("c", pa.float64()), ("d", pa.float64())]
    )
    chunk = pa.table({name: RNG.normal(size=rows) for name in "abcd"}, schema)
    pq.write_table(chunk, tmp_path / "in.parquet", row_group_size=rows, compression="none")
    del chunk
    code = (
        "import resource\nfrom assay.models.batches.predict_file import predict_file\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "predict_file('model', 'small.parquet', 'out.parquet')\nbefore = peak()\n"
        "predict_file('model', 'in.parquet', 'out.parquet')\nprint(peak() - before)"
    )
    written(ROWS, tmp_path / "small.parquet")

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    (tmp_path / "in.parquet").unlink()
    assert float(done.stdout) < 80

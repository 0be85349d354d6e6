from __future__ import annotations

import json
import os
import pickle
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner
from sklearn.linear_model import LinearRegression

import assay as tracking
from assay import pyfunc, sklearn
from assay.cli.main import cli
from assay.client.recorder import recorder_for
from assay.client.tracking_uri import current_location
from assay.fluent.experiments import forget_choices
from assay.fluent.models_predict import (
    convert_input_example_to_serving_input,
    predict,
    validate_serving_input,
)
from assay.fluent.reading import close_clients
from assay.models import digests
from assay.models.checks import Range
from tests.unit.cli.conftest import Assay

FRAME = pd.DataFrame({"a": [0.0, 1.0, 2.0, 4.0], "b": [1.0, 0.0, 3.0, 2.0]})
MODEL = LinearRegression().fit(FRAME, [1.0, 2.0, 5.0, 6.0])
WANT = MODEL.predict(FRAME).tolist()
SPLIT = json.dumps({"dataframe_split": FRAME.to_dict(orient="split")})


class Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("true",)


@pytest.fixture(autouse=True)
def user(assay: Assay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A user without caches, in whose place nothing was logged yet."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("ASSAY_QUIET", "1")
    monkeypatch.setenv("ASSAY_CAPTURE", "none")
    # Set and taken away, so that what a test sets is taken away again.
    for name in ("ASSAY_TRACKING_URI", "ASSAY_EXPERIMENT_ID"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    (tmp_path / ".assay").mkdir()
    yield
    close_clients()
    forget_choices()


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """The folder of a model."""
    sklearn.save_model(
        MODEL,
        tmp_path / "model",
        input_example=FRAME,
        pip_requirements=["scikit-learn"],
        invariants=[Range(0, 100)],
        model_card="Made for *tests*.",
    )
    return str(tmp_path / "model")


@pytest.fixture
def logged(assay: Assay, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Ids of a run and of the model that it logged as ``model``."""
    monkeypatch.setenv("ASSAY_TRACKING_URI", assay.uri)
    location = current_location()
    tracking.set_experiment("digits")
    with tracking.start_run() as run:
        meta = sklearn.log_model(
            MODEL, name="model", input_example=FRAME, pip_requirements=["scikit-learn"]
        )
        tracking.log_metric("acc", 0.5, model_id=meta.model_id)
    recorder_for(location).close()
    close_clients()
    monkeypatch.delenv("ASSAY_TRACKING_URI")
    assert meta.model_id is not None
    return run.info.run_id, meta.model_id


def fields(assay: Assay, *arguments: str) -> dict[str, str]:
    return {row[0]: row[1] for row in assay.lines(*arguments) if len(row) == 2}


def foreign(folder: str) -> Path:
    """Make a model one that somebody else saved with pickle, and that does harm."""
    place = Path(folder)
    (place / "model.skops").unlink()
    (place / "model.pkl").write_bytes(pickle.dumps(Evil()))
    entries = yaml.safe_load((place / "MLmodel").read_text())
    entries["flavors"]["sklearn"] |= {
        "pickled_model": "model.pkl",
        "serialization_format": "pickle",
    }
    entries["flavors"]["python_function"]["model_path"] = "model.pkl"
    (place / "MLmodel").write_text(yaml.safe_dump(entries))
    (place / digests.FILE).unlink()
    return place


def test_a_model_is_shown_with_its_signature(assay: Assay, folder: str) -> None:
    lines = assay.lines("models", "show", folder)

    shown = {row[0]: row[1] for row in lines if len(row) == 2}
    assert shown["digests"] == "ok"
    assert shown["loading runs"] == "none"
    assert shown["made by you"] == "yes"
    assert shown["requirements"] == "scikit-learn"
    assert ["input", "a", "double", "required"] in lines
    as_json = assay.json("models", "show", folder)
    assert sorted(as_json["mlmodel"]["flavors"]) == ["python_function", "sklearn"]
    assert as_json["loading runs"] == []


def test_a_logged_model_is_found_by_its_id_and_by_its_run(
    assay: Assay, logged: tuple[str, str]
) -> None:
    run_id, model_id = logged

    for uri in (model_id, f"models:/{model_id}", f"runs:/{run_id}/model"):
        assert fields(assay, "models", "show", uri)["model id"] == model_id
    assert "ASSAY_TRACKING_URI" not in os.environ


def test_logged_models_are_listed(assay: Assay, logged: tuple[str, str]) -> None:
    run_id, model_id = logged

    [row] = assay.json("models", "list", "-e", "digits")

    assert (row["model_id"], row["name"], row["run"]) == (model_id, "model", run_id)
    assert (row["status"], row["metrics.acc"], row["verified"]) == ("READY", 0.5, None)
    assert assay.json("models", "list", "--filter", "name = 'other'") == []


def test_a_changed_file_is_told_and_sealed(assay: Assay, folder: str) -> None:
    (Path(folder) / "requirements.txt").write_text("scikit-learn>=1\n")

    done = assay("models", "verify", folder, code=1)
    assert "requirements.txt was altered" in done.stdout
    assert "requirements.txt was altered" in fields(assay, "models", "show", folder)["digests"]
    sealed = assay.lines("models", "seal", folder)

    assert ["changed", "requirements.txt"] in sealed
    assay("models", "verify", folder)


def test_verifying_a_folder_writes_down_what_was_found(assay: Assay, folder: str) -> None:
    rows = {row[0]: row[1] for row in assay.lines("models", "verify", folder) if len(row) > 1}

    assert rows["golden predictions"] == rows["digests"] == rows["load"] == "yes"
    assert rows["range of predictions"] == "yes"
    record = json.loads((Path(folder) / "verification.json").read_text())
    assert record["ok"] is True
    assay("models", "verify", folder)


def test_verifying_a_logged_model_sets_its_tags(assay: Assay, logged: tuple[str, str]) -> None:
    run_id, model_id = logged

    found = assay.json("models", "verify", f"runs:/{run_id}/model")

    assert found["ok"] is True
    assert found["recorded"] == f"recorded in the tags of {model_id}"
    assert [row["verified"] for row in assay.json("models", "list")] == ["true"]


def test_verifying_without_a_record_writes_nothing(assay: Assay, folder: str) -> None:
    assay("models", "verify", folder, "--no-record")

    assert not (Path(folder) / "verification.json").exists()


def test_predictions_that_changed_are_told(assay: Assay, folder: str) -> None:
    file = Path(folder) / "golden.json"
    kept = json.loads(file.read_text())
    assert "$array" in kept["output"]
    kept["output"]["$array"]["shape"] = [5]
    file.write_text(json.dumps(kept))
    assay("models", "seal", folder)

    done = assay("models", "verify", folder, code=1)

    assert re.search(r"golden predictions\tNO\toutput: expected", done.stdout)
    assert "NOT OK" in done.stdout


def test_a_dangerous_pickle_is_found_without_loading_it(assay: Assay, folder: str) -> None:
    foreign(folder)

    done = assay("models", "scan", folder, code=1)

    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert ["dangerous", "model.pkl", "posix.system"] in rows
    assert ["hazard", "", "model.pkl is a pickle (pickle)"] in rows


def test_a_model_of_plain_data_has_no_findings(assay: Assay, folder: str) -> None:
    assert assay.json("models", "scan", folder) == []


def test_a_model_of_somebody_else_is_neither_run_nor_sealed(assay: Assay, folder: str) -> None:
    place = foreign(folder)
    Path("in.csv").write_text("a,b\n1,2\n")

    for arguments in (
        ["predict", "-m", folder, "-i", "in.csv", "-o", "out.csv"],
        ["verify", folder],
        ["seal", folder],
        ["env", folder, "--build"],
    ):
        assert "--trust" in assay("models", *arguments, code=2).stderr
    assert not (place / digests.FILE).exists()
    assay("models", "seal", folder, "--trust")
    assert fields(assay, "models", "show", folder)["made by you"] == "yes"


@pytest.mark.parametrize("target", ["out.csv", "out.parquet"])
def test_a_file_is_predicted(assay: Assay, folder: str, target: str) -> None:
    FRAME.assign(id=[7, 8, 9, 10]).to_csv("in.csv", index=False)

    done = assay("models", "predict", "-m", folder, "-i", "in.csv", "-o", target, "--keep", "id")

    assert re.match(r"4 rows in .* in " + target, done.stdout)
    got = pd.read_csv(target) if target.endswith("csv") else pd.read_parquet(target)
    assert got["id"].tolist() == [7, 8, 9, 10]
    np.testing.assert_allclose(got["prediction"], WANT)


def test_a_file_is_predicted_by_several_workers(assay: Assay, logged: tuple[str, str]) -> None:
    FRAME.to_parquet("in.parquet")

    assay(
        *("models", "predict", "-m", logged[1], "-i", "in.parquet", "-o", "out.jsonl"),
        *("--workers", "2", "--chunk-rows", "1", "--keep-all"),
    )

    rows = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert [list(row) for row in rows] == [["a", "b", "prediction"]] * 4
    assert [row["prediction"] for row in rows] == pytest.approx(WANT)


def test_rows_without_a_target_are_answered_in_json(assay: Assay, folder: str) -> None:
    FRAME.to_csv("in.csv", index=False)

    done = assay("models", "predict", "-m", folder, "-i", "in.csv")

    assert json.loads(done.stdout)["predictions"] == pytest.approx(WANT)


@pytest.mark.parametrize(
    "request_",
    [
        SPLIT,
        json.dumps({"dataframe_records": FRAME.to_dict(orient="records")}),
        json.dumps({"instances": FRAME.to_dict(orient="records")}),
        json.dumps({"inputs": FRAME.to_dict(orient="list")}),
    ],
)
def test_a_request_on_standard_input_is_answered(assay: Assay, folder: str, request_: str) -> None:
    done = CliRunner().invoke(cli, ["models", "predict", "-m", folder], input=request_)

    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["predictions"] == pytest.approx(WANT)


def test_one_record_is_a_request(assay: Assay, folder: str) -> None:
    done = CliRunner().invoke(cli, ["models", "predict", "-m", folder], input='{"a": 1, "b": 0}')

    assert json.loads(done.stdout)["predictions"] == pytest.approx(WANT[1:2])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nonsense", "no JSON"),
        ("[1]", "exactly one of"),
        ('{"inputs": [], "instances": []}', "exactly one of"),
        ('{"dataframe_split": {"columns": ["a"]}}', "can't be read as rows"),
        ('{"dataframe_records": [{"a": 1}]}', "Column 'b' is required"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_a_wrong_request_is_one_line(assay: Assay, folder: str, text: str, why: str) -> None:
    done = CliRunner().invoke(cli, ["models", "predict", "-m", folder], input=text)

    assert done.exit_code == 2
    assert why in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_example_of_a_model_is_a_request_to_it(assay: Assay, folder: str) -> None:
    example = assay("models", "example", folder).stdout

    done = CliRunner().invoke(cli, ["models", "predict", "-m", folder], input=example)

    assert json.loads(done.stdout)["predictions"] == pytest.approx(WANT)


def test_a_model_is_fetched_whole_and_once(assay: Assay, logged: tuple[str, str]) -> None:
    done = assay("models", "get", logged[1], "-o", "here")

    assert "digests ok" in done.stdout
    assert fields(assay, "models", "show", "here")["digests"] == "ok"
    assert "already exists" in assay("models", "get", logged[1], "-o", "here", code=2).stderr


def test_card_and_requirements_are_printed(assay: Assay, folder: str) -> None:
    assert "Made for *tests*." in assay("models", "card", folder).stdout
    printed = assay("models", "env", folder).stdout.splitlines()
    assert printed[0].startswith("# Python 3.")
    assert printed[1:] == ["scikit-learn"]


def test_what_is_no_model_is_one_line_and_exit_code_2(assay: Assay) -> None:
    for command in ("show", "verify", "scan", "card", "example", "env"):
        assert "No artifact" in assay("models", command, "nothing", code=2).stderr
    assert "not found" in assay("models", "show", "models:/m-" + 32 * "0", code=2).stderr


def test_params_are_read_as_the_signature_says(assay: Assay, tmp_path: Path) -> None:
    source = tmp_path / "source.py"
    source.write_text(
        "def predict(rows, params=None):\n"
        "    return [f\"{params['word']!r} {params['k']!r}\"] * len(rows)\n"
        "from assay.models.python_model import set_model\nset_model(predict)\n"
    )
    example = (FRAME[:1], {"word": "x", "k": 1})
    pyfunc.save_model(
        tmp_path / "own", python_model=str(source), input_example=example, pip_requirements=[]
    )
    FRAME[:1].to_csv("in.csv", index=False)

    done = assay(
        *("models", "predict", "-m", str(tmp_path / "own"), "-i", "in.csv"),
        *("--param", "word=12", "--param", "k=3"),
    )

    assert json.loads(done.stdout)["predictions"] == ["'12' 3"]


def test_python_predicts_as_the_command_does(
    folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    FRAME.to_csv("in.csv", index=False)
    Path("request.json").write_text(SPLIT)

    predict(folder, FRAME, output_path="frame.json")
    predict(folder, SPLIT, output_path="text.json")
    predict(folder, input_path="request.json", output_path="request_out.json")
    predict(folder, input_path="in.csv", content_type="csv", output_path="csv.json")
    predict(folder, FRAME, extra_envs={"A": "b"}, output_path="other.json")
    predict(folder, FRAME)

    for name in ("frame", "text", "request_out", "csv", "other"):
        assert json.loads(Path(f"{name}.json").read_text())["predictions"] == pytest.approx(WANT)
    assert json.loads(capsys.readouterr().out)["predictions"] == pytest.approx(WANT)


def test_a_serving_input_is_tried(folder: str) -> None:
    text = convert_input_example_to_serving_input(FRAME)

    assert text is not None
    assert validate_serving_input(folder, text).tolist() == pytest.approx(WANT)
    assert validate_serving_input(folder, json.loads(text)).tolist() == pytest.approx(WANT)
    assert convert_input_example_to_serving_input(None) is None
    with_params = convert_input_example_to_serving_input((FRAME, {"k": 1}))
    assert json.loads(with_params or "")["params"] == {"k": 1}


GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "cli.md"


def test_commands_of_the_guide_about_models_work(
    assay: Assay, logged: tuple[str, str], folder: str
) -> None:
    block = re.search(r"^## Models\n.*?```console\n(.*?)```", GUIDE.read_text(), re.DOTALL | re.M)
    assert block is not None
    FRAME.assign(id=range(4)).to_parquet("rows.parquet")
    lines = re.findall(r"^\$ assay (.*?)(?: +#.*)?$", block[1], re.M)

    assert len(lines) >= 8
    for line in lines:
        told = line.replace("m-5f3a", logged[1]).replace("3f2a", logged[0])
        assay(*shlex.split(told))

"""``sweep.yaml`` and the arguments of ``assay.sweep``: what is taken, and what is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.errors import InvalidInput
from assay.sweeps.reading import make_spec, read_sweep
from assay.sweeps.space import Choices, Fixed, Range
from assay.sweeps.spec import Named, Objective, Stop, dump_spec, load_spec

WHOLE = """
project: ./training
entry_point: train
parameters:
  lr: {min: 1e-5, max: 0.1, log: true}
  depth: {min: 1, max: 8, int: true}
  optimizer: [adam, sgd]
  layers: {choices: [1, 2]}
  epochs: 10
method: optuna
sampler: {name: tpe, n_startup_trials: 5}
pruner: median
metric: {name: val_loss, goal: minimize}
trials: 50
parallel: 4
seed: 7
timeout: 2h
trial_timeout: 90
stop: {target: 0.01, patience: 20}
backend: local
env_manager: local
experiment: digits
name: lr search
retries: 1
"""
SMALL: dict[str, Any] = {"parameters": {"x": [1, 2]}, "metric": "loss", "trials": 2}
LARGE = {name: list(range(99)) for name in "abc"}


def test_a_file_says_all_of_a_sweep(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(WHOLE)

    spec = read_sweep(path)

    assert spec.project == str(tmp_path / "training")
    assert spec.parameters == {
        "lr": Range(1e-5, 0.1, log=True),
        "depth": Range(1, 8, whole=True),
        "optimizer": Choices(["adam", "sgd"]),
        "layers": Choices([1, 2]),
        "epochs": Fixed(10),
    }
    assert spec.metric == Objective("val_loss", "minimize")
    assert spec.sampler == Named("tpe", {"n_startup_trials": 5})
    assert spec.pruner == Named("median")
    assert (spec.timeout_s, spec.trial_timeout_s, spec.retries) == (7_200, 90, 1)
    assert spec.stop == Stop(target=0.01, patience=20)
    assert load_spec(dump_spec(spec)) == spec


def test_the_example_is_a_sweep() -> None:
    spec = read_sweep(Path(__file__).parents[3] / "examples" / "sweep" / "sweep.yaml")

    assert spec.function == "train:accuracy"


def test_all_mistakes_are_told_at_once_with_their_places(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(
        "parmeters: {}\n"
        "parameters:\n"
        "  lr: {min: 1, max: 0, log: true}\n"
        "  depth: {min: 1, high: 3}\n"
        "  mode: []\n"
        "metric: {name: loss, goal: lower}\n"
        "method: optuna\n"
        "sampler: tpee\n"
        "pruner: {name: median, warmup: 3}\n"
        "parallel: 0\n"
    )

    with pytest.raises(InvalidInput) as caught:
        read_sweep(path)

    message = str(caught.value)
    assert f"{path} has 9 mistakes" in message
    for place in (
        "no entry 'parmeters'; did you mean 'parameters'",
        "parameters.lr: 'min' must not be above 'max'",
        "parameters.depth: there is no entry 'high'",
        "parameters.mode: it must be a list with at least one value",
        "metric.goal: it must be minimize or maximize",
        "sampler: there is no 'tpee'; did you mean 'tpe'",
        "pruner: median has no option 'warmup'",
        "parallel: it must be from 1",
        "trials: the method optuna needs to know how many",
    ):
        assert place in message


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"parameters": {}}, "parameters: it must be entries"),
        ({"parameters": {"x": {"min": 0, "max": 1}}, "method": "grid"}, "a grid needs a list"),
        ({"parameters": {"x": {"min": 0, "max": 1, "log": True}}}, "the range begins above 0"),
        ({"parameters": {"x": {"min": 0, "max": 1.5, "int": True}}}, "must be whole numbers"),
        ({"parameters": {"x": {"min": 0, "max": 1, "step": 2}}}, "fit into the range"),
        ({"parameters": {"x": [1, "1"]}}, "it has '1' twice"),
        ({"parameters": {"x": object()}}, "give names to other things"),
        ({"parameters": {"x": float("nan")}}, "a finite number"),
        ({"parameters": {"a\0b": 1}}, "parameters."),
        ({"parameters": {"x": ["y" * 9_000, "z"]}}, "8000 characters"),
        ({"metric": ""}, "metric"),
        ({"metric": "m" * 250}, "metric"),
        (
            {"parameters": {n: list(range(99)) for n in "abc"}, "method": "grid", "trials": None},
            "say 'trials'",
        ),
        ({"method": "bayes"}, "method: it must be grid or random or optuna"),
        ({"sampler": "tpe"}, "it goes with 'method: optuna'"),
        ({"backend": "docker"}, "it goes with a project"),
        ({"stop": {"pacience": 3}}, "no entry 'pacience'"),
        ({"timeout": -1}, "more than 0 seconds"),
        ({"timeout": "soon"}, "a duration such as"),
        ({"name": 'a"b'}, "no double quotes"),
        ({"trials": True}, "trials: it must be a whole number, not true"),
        ({"seed": -1}, "seed: it must be from 0"),
    ],
)
def test_a_mistake_is_told_with_its_place(change: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        make_spec({k: v for k, v in {**SMALL, **change}.items() if v is not None})

    assert told in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "[1]", "a: [", "&a b: 1", "x: !!python/object:os.system 1", "- a\n---\n- b"]
)
def test_what_is_no_sweep_is_one_clear_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(text)

    with pytest.raises(InvalidInput, match=r"sweep\.yaml"):
        read_sweep(path)


def test_a_file_that_is_missing_or_no_text_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\0")

    with pytest.raises(InvalidInput, match="There is no file"):
        read_sweep(tmp_path / "none.yaml")
    with pytest.raises(InvalidInput, match="can't be read"):
        read_sweep(tmp_path / "binary")


def test_numbers_of_numpy_and_ranges_are_plain_values() -> None:
    space = {"lr": np.logspace(-3, -1, 3), "n": range(3), "x": np.float64(0.5)}

    spec = make_spec({**SMALL, "parameters": space})

    assert spec.parameters == {
        "lr": Choices([0.001, 0.01, 0.1]),
        "n": Choices([0, 1, 2]),
        "x": Fixed(0.5),
    }


def test_a_grid_has_no_more_trials_than_points() -> None:
    spec = make_spec({**SMALL, "method": "grid", "trials": 100})

    assert spec.trials == 2


def test_a_seed_is_made_up_where_none_is_given() -> None:
    assert make_spec(SMALL).seed != make_spec(SMALL).seed

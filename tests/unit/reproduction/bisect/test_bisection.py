"""Bisection of runs that are really carried out: a small program, a process for each mix."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from assay.entities import tags
from assay.errors import EnvironmentFailed, InvalidInput
from assay.reproduction.bisect.bisection import (
    Attempt,
    Bisection,
    Question,
    Tried,
    bisect,
)
from assay.reproduction.bisect.judging import Judge, Result
from assay.reproduction.bisect.swaps import swaps_between
from assay.reproduction.recipe import Code, Recipe

PROGRAM = """
import json, os, sys
lr, depth = float(sys.argv[2]), int(sys.argv[4])
packages = json.loads(os.environ["PACKAGES"])
score = 0.9
{rule}
print(json.dumps({{"acc": score, "time": 1.0}}))
"""


class Runner:
    """Carries recipes out as processes, where the packages are told by a variable."""

    def __init__(self, folder: Path, rule: str) -> None:
        self.script = folder / "train.py"
        self.script.write_text(PROGRAM.format(rule=rule))
        self.tags: list[dict[str, str]] = []

    def __call__(self, recipe: Recipe, told: Mapping[str, str]) -> Tried:
        self.tags.append(dict(told))
        if recipe.packages.get("torch") == "torch==2.0" and "nvidia-x" in recipe.packages:
            raise EnvironmentFailed("The environment", "torch 2.0 and nvidia-x don't go together")
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(self.script), *recipe.command[2:]],
            env={
                "PACKAGES": json.dumps(recipe.packages),
                "COMMIT": recipe.code.commit or "",
                **recipe.environment,
            },
            capture_output=True,
            check=False,
        )
        metrics = json.loads(done.stdout) if done.returncode == 0 else {}
        return Tried(
            result=Result(metrics=metrics, failed=done.returncode != 0),
            run_id=f"run{len(self.tags)}",
        )


def recipe(name: str, **changes: Any) -> Recipe:
    known: dict[str, Any] = {
        "run_id": name,
        "code": Code(commit="a" * 40),
        "command": ["python", "train.py", "--lr", "0.1", "--depth", "3"],
        "python": "3.11.7",
        "packages": {name: f"{name}==1.0" for name in ("numpy", "rich", "scipy", "nvidia-x")}
        | {"torch": "torch==1.0"},
        "environment": {"OMP": "1"},
    }
    return Recipe(**(known | changes))


GOOD = recipe("good")
BAD = recipe(
    "bad",
    code=Code(commit="b" * 40),
    command=["/else/python", "train.py", "--lr", "0.5", "--depth", "4"],
    packages={"numpy": "numpy==2.0", "rich": "rich==2.0", "scipy": "scipy==2.0"}
    | {"torch": "torch==2.0"},
    environment={"OMP": "8"},
)


def found(tmp_path: Path, rule: str, *, max_runs: int = 40) -> tuple[Bisection, Runner]:
    runner = Runner(tmp_path, rule)
    results = [runner(one, {}).result for one in (GOOD, BAD)]
    runner.tags.clear()
    assert results[0] is not None
    assert results[1] is not None
    judge = Judge.between(results[0], results[1])
    question = Question(GOOD, BAD, swaps_between(GOOD, BAD), judge)
    return bisect(question, runner, max_runs=max_runs), runner


@pytest.mark.parametrize(
    ("rule", "dimension", "name"),
    [
        ("score -= lr > 0.2", "parameters", "lr"),
        ("score -= packages['numpy'] == 'numpy==2.0'", "packages", "numpy"),
        ("score -= packages['rich'] == 'rich==2.0'", "packages", "rich"),
        ("score -= os.environ['COMMIT'][0] == 'b'", "code", "code"),
        ("score -= os.environ['OMP'] == '8'", "environment", "OMP"),
        # The bad run ends with an error.
        ("if depth == 4: raise SystemExit(1)", "parameters", "depth"),
    ],
)
def test_a_single_cause_is_isolated(tmp_path: Path, rule: str, dimension: str, name: str) -> None:
    result, runner = found(tmp_path, rule)
    assert result.verdict == "isolated"
    assert [(swap.dimension, swap.name) for swap in result.cause] == [(dimension, name)]
    assert len(runner.tags) == len(result.attempts) <= 16
    # No mix is carried out twice.
    mixes = [told[tags.BISECT_SWAPPED] for told in runner.tags]
    assert len(set(mixes)) == len(mixes)
    assert {told[tags.BISECT] for told in runner.tags} == {"good..bad"}


def test_causes_that_act_together_alone_are_found_together(tmp_path: Path) -> None:
    result, _ = found(tmp_path, "score -= lr > 0.2 and packages['scipy'] == 'scipy==2.0'")
    assert result.verdict == "joint"
    assert [(swap.dimension, swap.name) for swap in result.cause] == [
        ("parameters", "lr"),
        ("packages", "scipy"),
    ]


def test_a_cause_beside_another_one_is_told(tmp_path: Path) -> None:
    result, _ = found(tmp_path, "if lr > 0.2 or os.environ['OMP'] == '8': score = 0.1")
    assert result.verdict == "sufficient"
    assert [swap.name for swap in result.cause] == ["lr"]


def test_packages_that_only_go_together_are_kept_together(tmp_path: Path) -> None:
    # The new torch can't be installed beside the old nvidia-x, which the bad run hasn't got.
    result, _ = found(tmp_path, "score -= packages['torch'] == 'torch==2.0'")
    assert {swap.name for swap in result.cause} == {"torch", "nvidia-x"}
    assert result.verdict == "joint"
    assert "don't go together" in result.notes[0]


def test_results_that_add_up_are_told(tmp_path: Path) -> None:
    result, _ = found(tmp_path, "score -= 0.6 * (lr > 0.2) + 0.2 * (os.environ['OMP'] == '8')")
    assert [swap.name for swap in result.cause] == ["lr"]
    assert "lay between good and bad" in result.notes[0]


def test_a_good_run_that_does_not_come_out_good_again_is_told(tmp_path: Path) -> None:
    file = tmp_path / "seen"
    rule = f"seen = os.path.exists({str(file)!r}); open({str(file)!r}, 'w'); score -= seen"
    result, runner = found(tmp_path, rule)
    assert (result.verdict, result.cause) == ("not reproducible", [])
    assert len(runner.tags) == 1


def test_a_bad_run_that_comes_out_good_is_told(tmp_path: Path) -> None:
    runner = Runner(tmp_path, "")
    judge = Judge.between(Result(metrics={"acc": 0.9}), Result(metrics={"acc": 0.1}))
    question = Question(GOOD, BAD, swaps_between(GOOD, BAD), judge)
    assert bisect(question, runner).verdict == "not captured"


def test_the_number_of_runs_is_bounded(tmp_path: Path) -> None:
    seen: list[Attempt] = []
    runner = Runner(tmp_path, "score -= packages['scipy'] == 'scipy==2.0'")
    judge = Judge.between(Result(metrics={"acc": 0.9}), Result(metrics={"acc": -0.1}))
    question = Question(GOOD, BAD, swaps_between(GOOD, BAD), judge)
    result = bisect(question, runner, max_runs=7, progress=seen.append)
    assert result.verdict == "narrowed"
    assert {swap.dimension for swap in result.cause} == {"packages"}
    assert seen == result.attempts
    assert len(runner.tags) == 7
    with pytest.raises(InvalidInput, match="At least 3 runs"):
        bisect(question, runner, max_runs=2)


def test_runs_that_cannot_be_repeated_are_refused_with_the_reason(tmp_path: Path) -> None:
    def failing(_recipe: Recipe, _tags: Mapping[str, str]) -> Tried:
        raise EnvironmentFailed("The environment", "no such package")

    judge = Judge.between(Result(metrics={"acc": 0.9}), Result(metrics={"acc": 0.1}))
    question = Question(GOOD, BAD, swaps_between(GOOD, BAD), judge)
    with pytest.raises(InvalidInput, match=r"The good run can't be repeated: .*no such package"):
        bisect(question, failing)
    alike = Question(GOOD, GOOD, swaps_between(GOOD, GOOD), judge)
    with pytest.raises(InvalidInput, match="Nothing that can be exchanged differs"):
        bisect(alike, failing)

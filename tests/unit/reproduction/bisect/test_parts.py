"""The parts of a bisection: search, judging, and what can be exchanged between two recipes."""

from __future__ import annotations

import math
from itertools import combinations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import InvalidInput
from assay.reproduction.bisect.judging import Judge, Result
from assay.reproduction.bisect.search import Answer, smallest
from assay.reproduction.bisect.swaps import mixed, swaps_between
from assay.reproduction.recipe import Code, Dataset, Recipe


@given(
    st.integers(1, 12).flatmap(
        lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1), min_size=1))
    )
)
def test_the_search_finds_exactly_what_is_needed(asked: tuple[int, set[int]]) -> None:
    count, cause = asked
    tried: list[frozenset[int]] = []

    def test(chosen: list[int]) -> Answer:
        tried.append(frozenset(chosen))
        return "bad" if cause <= set(chosen) else "good"

    assert set(smallest(range(count), test)) == cause
    # The worst case of the algorithm's paper: n² + 3n.
    assert len(tried) <= count**2 + 3 * count


@settings(max_examples=50)
@given(st.sets(st.sampled_from(list(combinations(range(6), 2))), max_size=8), st.integers(0, 5))
def test_the_search_goes_on_where_mixes_cannot_be_tried(
    impossible: set[tuple[int, int]], cause: int
) -> None:
    def test(chosen: list[int]) -> Answer:
        # One of such a pair without the other can't be tried.
        if any((one in chosen) != (other in chosen) for one, other in impossible):
            return "unknown"
        return "bad" if cause in chosen else "good"

    found = smallest(range(6), test)
    assert cause in found
    assert test(found) == "bad"


def metrics(**values: float) -> Result:
    return Result(metrics=values)


def test_results_lie_on_the_way_from_good_to_bad() -> None:
    judge = Judge.between(metrics(acc=0.9, loss=1, n=5), metrics(acc=0.7, loss=3, n=5))
    assert judge.metrics == ("acc", "loss")
    assert judge.share(metrics(acc=0.9, loss=1)) == 0
    assert judge.share(metrics(acc=0.7, loss=3)) == 1
    assert judge.share(metrics(acc=0.7, loss=2)) == pytest.approx(0.75)
    # Even better than good is good, even worse than bad is bad.
    assert judge.share(metrics(acc=0.99, loss=9)) == pytest.approx(0.5)
    assert judge.share(metrics(acc=0.9)) is None
    assert judge.share(Result(metrics={"acc": 0.9, "loss": 1}, failed=True)) is None


def test_a_run_that_diverged_is_told_by_its_numbers() -> None:
    judge = Judge.between(metrics(loss=1), metrics(loss=math.nan))
    assert [judge.share(metrics(loss=value)) for value in (2.0, math.nan, math.inf)] == [0, 1, 1]
    back = Judge.between(metrics(loss=math.nan), metrics(loss=1))
    assert [back.share(metrics(loss=value)) for value in (2.0, math.nan)] == [1, 0]


def test_what_differs_by_less_than_the_tolerance_is_the_same() -> None:
    good, bad = metrics(acc=0.9), metrics(acc=0.9005)
    assert Judge.between(good, bad).metrics == ("acc",)
    with pytest.raises(InvalidInput, match="same all metrics, within the tolerance"):
        Judge.between(good, bad, tolerance=0.001)
    with pytest.raises(InvalidInput, match="same acc"):
        Judge.between(good, good, metrics=["acc"])
    with pytest.raises(InvalidInput, match="The good run has no metric 'f1'"):
        Judge.between(good, bad, metrics=["f1"])
    with pytest.raises(InvalidInput, match="The good run failed"):
        Judge.between(Result(failed=True), bad)


def test_load_of_the_machine_is_no_result() -> None:
    good = Result(metrics={"system/cpu": 1.0})
    with pytest.raises(InvalidInput):
        Judge.between(good, Result(metrics={"system/cpu": 2.0}))


def test_params_of_a_project_are_exchanged_one_by_one_by_meaning() -> None:
    good = Recipe(run_id="g", entry_point="main", given={"lr": "0.001", "depth": "3", "old": "1"})
    bad = Recipe(run_id="b", entry_point="main", given={"lr": "1e-3", "depth": "4", "new": "2"})
    swaps = swaps_between(good, bad)
    assert [(swap.name, swap.before, swap.after) for swap in swaps] == [
        ("depth", "3", "4"),
        ("new", None, "2"),
        ("old", "1", None),
    ]
    assert mixed(good, bad, swaps).given == {"lr": "0.001", "depth": "4", "new": "2"}
    assert mixed(good, bad, swaps[:1]).given == {"lr": "0.001", "depth": "4", "old": "1"}
    assert mixed(good, bad, []) == good


def test_words_of_a_command_are_exchanged_one_by_one() -> None:
    good = Recipe(
        run_id="g",
        command=["/a/bin/python", "/g/train.py", "--lr", "0.1", "--depth=3", "seed=1", "x"],
        code=Code(commit="1", root="/g"),
    )
    bad = Recipe(
        run_id="b",
        command=["/b/bin/python", "/b/train.py", "--lr", "0.2", "--depth=4", "seed=2", "y"],
        code=Code(commit="1", root="/b"),
    )
    swaps = swaps_between(good, bad)
    assert [swap.name for swap in swaps] == ["lr", "depth", "seed", "word 6"]
    made = mixed(good, bad, swaps[1:2])
    assert made.command == [
        "/a/bin/python",
        "/g/train.py",
        "--lr",
        "0.1",
        "--depth=4",
        "seed=1",
        "x",
    ]
    assert mixed(good, bad, swaps).command[1:] == [
        "/g/train.py",
        "--lr",
        "0.2",
        "--depth=4",
        "seed=2",
        "y",
    ]


def test_commands_of_other_forms_are_exchanged_whole() -> None:
    good = Recipe(run_id="g", command=["python", "train.py", "--fast"])
    bad = Recipe(run_id="b", command=["python", "train.py", "--lr", "0.2"])
    (swap,) = swaps_between(good, bad)
    assert swap.name == "how it is called"
    assert mixed(good, bad, [swap]).command == bad.command


def test_paths_of_a_command_follow_the_code_they_run_in() -> None:
    good = Recipe(run_id="g", command=["python", "/g/train.py"], code=Code(commit="1", root="/g"))
    bad = Recipe(run_id="b", command=["python", "/b/train.py"], code=Code(commit="2", root="/b"))
    (swap,) = swaps_between(good, bad)
    assert swap.dimension == "code"
    made = mixed(good, bad, [swap])
    assert (made.code, made.command) == (bad.code, ["python", "/b/train.py"])


def test_data_packages_python_and_variables_are_exchanged_by_name() -> None:
    good = Recipe(
        run_id="g",
        datasets=[Dataset(name="iris", digest="1"), Dataset(name="test", digest="9")],
        packages={"numpy": "numpy==1.0", "old": "old==1", "ruff": "ruff==1"}
        | {"assay": "assay==1"},
        python="3.11.7",
        environment={"A": "1"},
        threads={"OMP_NUM_THREADS": "1"},
    )
    bad = Recipe(
        run_id="b",
        datasets=[Dataset(name="iris", digest="2"), Dataset(name="test", digest="9")],
        packages={"numpy": "numpy==2.0", "ruff": "ruff==2", "assay": "assay==1"},
        python="3.12.1",
        threads={"OMP_NUM_THREADS": "2"},
    )
    swaps = swaps_between(good, bad)
    assert [f"{swap.dimension} {swap.name}" for swap in swaps] == [
        "data iris",
        "packages numpy",
        "packages old",
        "packages ruff",
        "python python",
        "environment A",
        "threads OMP_NUM_THREADS",
    ]
    # Assay itself is the one that is here, whichever the runs had.
    other = msgspec.structs.replace(bad, packages={**bad.packages, "assay": "assay==2"})
    assert [swap.name for swap in swaps_between(good, other)] == [swap.name for swap in swaps]
    made = mixed(good, bad, swaps)
    assert {one.name: one.digest for one in made.datasets} == {"iris": "2", "test": "9"}
    assert (made.packages, made.python) == (bad.packages, bad.python)
    assert (made.environment, made.threads) == (bad.environment, bad.threads)
    assert swaps_between(good, bad, dimensions={"python"}) == [swaps[4]]

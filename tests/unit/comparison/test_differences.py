"""Ranking of what differs between two runs."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.comparison.diff import diff_facts
from assay.comparison.differences import Difference, differences
from assay.comparison.facts import CodeFacts, DataFacts, RunFacts
from assay.comparison.packages import bump_of, packages_of, role_of

COMMIT, OTHER_COMMIT = "a" * 40, "b" * 40
PATCH = b"""\
diff --git a/train.py b/train.py
index 1a2b3c4..5d6e7f8 100644
--- a/train.py
+++ b/train.py
@@ -1 +1 @@
-x = 1
+x = 2
"""
BASE = RunFacts(
    run_id="a",
    code=CodeFacts(commit=COMMIT, patch=b"", command=["python", "train.py"]),
    parameters={"lr": "0.001", "n_jobs": "1"},
    packages={"numpy": "2.1.0", "scikit-learn": "1.5.2", "rich": "13.0.0", "pytest": "8.0.0"},
    python="3.11.7",
    data=[DataFacts(name="iris", digest="d1", context="training")],
    seeds={"python": "0", "numpy": "0"},
    threads={"OMP_NUM_THREADS": "4"},
    environment={"CUDA_VISIBLE_DEVICES": "0"},
    hardware={"cpu": "one", "host": "h1"},
    metrics={"acc": 0.9},
)
NOISE: dict[str, Any] = {
    "hardware": {"cpu": "another", "host": "h2"},
    "threads": {"OMP_NUM_THREADS": "8"},
    "parameters": {"lr": "1e-3", "n_jobs": "4"},
}
"""What differs on another machine, and hardly ever matters."""


def ranked(**changes: Any) -> list[Difference]:
    return differences(BASE, msgspec.structs.replace(BASE, run_id="b", **changes))


def code(**changes: Any) -> CodeFacts:
    return msgspec.structs.replace(BASE.code, **changes)


def test_runs_that_came_about_alike_have_no_differences() -> None:
    assert ranked() == []
    assert ranked(parameters={"lr": "1e-3", "n_jobs": "1.0"}) == []


@pytest.mark.parametrize(
    ("changes", "dimension", "sentence"),
    [
        (
            {"packages": {**(BASE.packages or {}), "scikit-learn": "1.6.0"}},
            "packages",
            "scikit-learn is 1.6.0 instead of 1.5.2",
        ),
        (
            {"data": [DataFacts(name="iris", digest="d2", context="training")]},
            "data",
            "data set iris has the digest d2 instead of d1",
        ),
        (
            {"seeds": {"python": "0"}},
            "seeds",
            "no seed is set for numpy; the baseline has 0",
        ),
        ({"seeds": {}}, "seeds", "no seed is set for numpy, python; the baseline has 0"),
        (
            {"code": code(commit=OTHER_COMMIT)},
            "code",
            "the code is at commit bbbbbbbbbb instead of aaaaaaaaaa",
        ),
        ({"code": code(patch=PATCH)}, "code", "uncommitted changes differ in train.py"),
        ({"python": "3.12.1"}, "python", "Python is 3.12.1 instead of 3.11.7"),
        (
            {"environment": {"CUDA_VISIBLE_DEVICES": "1"}},
            "environment",
            "CUDA_VISIBLE_DEVICES is 1 instead of 0",
        ),
    ],
)
def test_the_cause_outranks_the_noise_of_another_machine(
    changes: dict[str, Any], dimension: str, sentence: str
) -> None:
    found = ranked(**NOISE, **changes)
    assert (found[0].dimension, found[0].sentence) == (dimension, sentence)
    assert {"hardware", "threads", "parameters"} <= {one.dimension for one in found}


def test_causes_stand_in_the_documented_order() -> None:
    found = ranked(
        code=code(commit=OTHER_COMMIT),
        data=[DataFacts(name="iris", digest="d2")],
        parameters={"lr": "0.01", "n_jobs": "1"},
        seeds={"python": "0", "numpy": "1"},
        packages={"numpy": "1.26.4", "scikit-learn": "1.5.3", "rich": "14.0.0", "pytest": "9.0"},
        python="3.12.0",
        threads={"OMP_NUM_THREADS": "8"},
        hardware={"cpu": "another", "host": "h2"},
    )
    assert [(one.dimension, one.name) for one in found] == [
        ("code", "commit"),
        ("data", "iris"),
        ("parameters", "lr"),
        ("seeds", "numpy"),
        ("packages", "numpy"),
        ("packages", "scikit-learn"),
        ("python", "python"),
        ("packages", "rich"),
        ("threads", "OMP_NUM_THREADS"),
        ("hardware", "cpu"),
        ("packages", "pytest"),
        ("hardware", "host"),
    ]


@pytest.mark.parametrize("after", [None, "None", ""])
def test_a_seed_param_that_is_unset_comes_first(after: str | None) -> None:
    before = msgspec.structs.replace(BASE, parameters={"random_state": "7"})
    params = {} if after is None else {"random_state": after}
    found = differences(
        before, msgspec.structs.replace(before, parameters=params, code=code(patch=PATCH))
    )
    assert [(one.dimension, one.name) for one in found[:2]] == [
        ("seeds", "random_state"),
        ("code", "changes"),
    ]


def test_options_that_are_params_as_well_are_told_once() -> None:
    before = msgspec.structs.replace(
        BASE, code=code(command=["python", "train.py", "--lr", "1e-3", "--n-jobs=1"])
    )
    command = ["python", "train.py", "--lr", "0.01", "--n-jobs=4"]
    params = {"lr": "0.01", "n_jobs": "4"}
    after = msgspec.structs.replace(BASE, code=code(command=command), parameters=params)
    assert [one.name for one in differences(before, after)] == ["lr", "n_jobs"]
    hidden = msgspec.structs.replace(after, parameters={"lr": "0.01", "n_jobs": "1"})
    assert [one.name for one in differences(before, hidden)] == ["lr", "command"]


def test_what_only_one_run_captured_is_unknown_rather_than_different() -> None:
    bare = RunFacts(run_id="b", parameters=BASE.parameters, metrics={"acc": 0.8})
    found = diff_facts(BASE, bare)
    assert {one.dimension for one in found.differences} == {"seeds"}
    assert found.unknown == ["code", "data", "packages", "python"]


def test_results_without_a_captured_cause_are_told_so() -> None:
    found = diff_facts(BASE, msgspec.structs.replace(BASE, run_id="b", metrics={"acc": 0.8}))
    assert [(one.before, one.after) for one in found.metrics] == [(0.9, 0.8)]
    assert "Nothing that was captured differs" in found.notes[0]
    nan = msgspec.structs.replace(BASE, metrics={"acc": float("nan")})
    assert diff_facts(nan, nan).is_same


def test_neither_run_seeded_is_told() -> None:
    unseeded = msgspec.structs.replace(BASE, seeds={})
    found = diff_facts(unseeded, msgspec.structs.replace(unseeded, metrics={"acc": 0.8}))
    assert found.notes[0].startswith("Neither run told a seed")
    assert "seeds" in found.unknown
    assert diff_facts(unseeded, unseeded).notes == []


def test_patches_that_differ_in_abbreviated_ids_alone_are_the_same() -> None:
    longer = PATCH.replace(b"1a2b3c4..5d6e7f8", b"1a2b3c4d5e..5d6e7f8a9b")
    before = msgspec.structs.replace(BASE, code=code(patch=PATCH))
    assert differences(before, msgspec.structs.replace(before, code=code(patch=longer))) == []


def test_changes_that_were_not_kept_are_told() -> None:
    (found,) = ranked(code=code(patch=None))
    assert found.sentence == "there are uncommitted changes, which weren't kept"


def test_one_name_of_several_contents_is_told_apart_by_use() -> None:
    data = [
        DataFacts(name="d", digest="1", context="training"),
        DataFacts(name="d", digest="2", context="test"),
    ]
    before = msgspec.structs.replace(BASE, data=data)
    changed = [data[0], msgspec.structs.replace(data[1], digest="3")]
    (found,) = differences(before, msgspec.structs.replace(before, data=changed))
    assert (found.name, found.before, found.after) == ("d (test)", "2", "3")


def test_long_values_are_shortened_in_sentences_only() -> None:
    found = ranked(parameters={**BASE.parameters, "lr": "x" * 5_000})
    assert len(found[0].sentence) < 200
    assert found[0].after == "x" * 5_000


TEXTS = st.dictionaries(st.text(max_size=6), st.text(max_size=8), max_size=3)
ANY = st.builds(
    RunFacts,
    run_id=st.just("r"),
    code=st.builds(CodeFacts, commit=st.text(max_size=4), patch=st.none() | st.binary(max_size=60)),
    parameters=TEXTS,
    packages=st.none() | TEXTS,
    python=st.text(max_size=4),
    data=st.lists(
        st.builds(DataFacts, name=st.text(max_size=2), digest=st.text(max_size=2)), max_size=3
    ),
    seeds=TEXTS,
    threads=st.none() | TEXTS,
    environment=st.none() | TEXTS,
    hardware=TEXTS,
    metrics=st.dictionaries(st.text(max_size=2), st.floats(), max_size=2),
)


@settings(max_examples=40)
@given(ANY, ANY)
def test_whatever_was_logged_is_compared_the_same_both_ways(a: RunFacts, b: RunFacts) -> None:
    assert diff_facts(a, a).is_same
    found, back = differences(a, b), differences(b, a)
    assert [one.weight for one in found] == sorted((one.weight for one in found), reverse=True)
    # Values swap sides; nothing is seen from one side alone.
    assert {(one.dimension, one.name) for one in found} == {
        (one.dimension, one.name) for one in back
    }
    assert all("\n" not in one.sentence for one in found)


def test_packages_are_read_with_versions_and_addresses() -> None:
    found = packages_of(
        "# Python 3.11.9\nnumpy==2.0.1\nScikit_Learn==1.5\n\nmine==0.1  # editable, from /x\n"
        "tool @ git+https://example.org/t@abc\n-r other.txt\n"
    )
    assert found.python == "3.11.9"
    assert found.pins == {
        "numpy": "2.0.1",
        "scikit-learn": "1.5",
        "mine": "0.1",
        "tool": "git+https://example.org/t@abc",
    }


@pytest.mark.parametrize(
    ("before", "after", "bump"),
    [
        ("1.2.3", "2.0", "major"),
        ("1.2.3", "1.3.3", "minor"),
        ("1.2", "1.2.1", "patch"),
        ("1.2.0rc1", "1.2.0", "patch"),
        ("git+https://x@1", "git+https://x@2", "minor"),
    ],
)
def test_how_far_versions_lie_apart(before: str, after: str, bump: str) -> None:
    assert bump_of(before, after) == bump


def test_what_packages_are_for() -> None:
    assert {name: role_of(name) for name in ("torch", "nvidia-cudnn-cu12", "ruff", "rich")} == {
        "torch": "computing",
        "nvidia-cudnn-cu12": "computing",
        "ruff": "tool",
        "rich": "other",
    }


def test_packages_that_neither_run_imported_come_last() -> None:
    packages = {"rich": "14.0.0", "pyyaml": "7.0", "python-dateutil": "3.0", "tabulate": "1.0"}
    told = {"packages": packages, "imported": frozenset({"yaml", "dateutil", "numpy"})}
    before = msgspec.structs.replace(
        BASE, packages=dict.fromkeys(packages, "0.1"), imported=frozenset({"numpy", "tabulate"})
    )

    found = differences(before, msgspec.structs.replace(before, **told, python="3.13.0"))

    ranks = ["python", "python-dateutil", "pyyaml", "tabulate", "rich"]
    assert [one.name for one in found] == ranks


def test_packages_are_ranked_as_used_where_imports_are_not_known() -> None:
    assert role_of("rich", None) == "other"
    assert role_of("rich", set()) == "unused"
    assert role_of("google-cloud-storage", {"google"}) == "other"

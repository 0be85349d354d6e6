"""YAML of policies: what is plain comes through, what surprises is refused."""

from __future__ import annotations

import time

import pytest
import yaml

from assay.errors import InvalidPolicy
from assay.policies.policy import parse_policy
from assay.policies.yaml_text import MAX_BYTES, read_yaml


@pytest.fixture(params=["with libyaml", "without libyaml"], autouse=True)
def _either_parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    # PyYAML is built without libyaml on some systems: both parsers have to say the same.
    if request.param == "without libyaml":
        monkeypatch.delattr(yaml, "CSafeLoader")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: [1, -2, 0.5, 1e-3, true, ~]", {"a": [1, -2, 0.5, 0.001, True, None]}),
        ("[no, on, 2026-03-03, 1:30, 0x10, 1_000, '1', \"true\"]", None),
        ("a: |\n  two\n  lines\n", {"a": "two\nlines\n"}),
        ("{null: 1, 2: 3}", {"null": 1, "2": 3}),
        ("# words\n---\na: ü😀\n...\n", {"a": "ü😀"}),
        ("<<: 1", {"<<": 1}),
        ("1" * 64, "1" * 64),
    ],
)
def test_plain_values_come_through(text: str, value: object) -> None:
    told = ["no", "on", "2026-03-03", "1:30", "0x10", "1_000", "1", "true"]

    assert read_yaml(text) == (told if value is None else value)


@pytest.mark.parametrize(
    ("text", "where", "why"),
    [
        ("", "", "it is empty"),
        ("# only words", "", "it is empty"),
        ("a: &x 1", "a", "anchors"),
        ("a: [*x]", "a[0]", "anchors"),
        ("&x a: 1", "", "anchors"),
        ("*x : 1", "", "anchors"),
        ("!x a: 1", "", "tags"),
        ("a: !!python/object/apply:os.system [ls]", "a", "tags"),
        ("a: !!str 1", "a", "tags"),
        ("a: ! 1", "a", "tags"),
        ("a: 1\nb: {c: 1, c: 2}", "b.c", "given twice"),
        ("? [a, b]\n: 1", "", "name of an entry"),
        ("a: 1\n---\nb: 2", "", "more than one document"),
        ("a: [", "", "line"),
        ("a: 1\n b: 2", "", "line 2"),
        ("@a: 1", "", "need quotes"),
        ("* -> a", "", "need quotes"),
        ("a\0b", "", "no YAML"),
        ("\ud800", "", "no YAML"),
        ("a: " + "[" * 9 + "]" * 9, "a[0][0][0][0][0][0][0]", "nested more than 8 deep"),
        ("a: [" * 100_000, "", "at most 65,536 are allowed"),
        ("ü" * 40_000, "", "it has 80,000 bytes"),
    ],
)
def test_anything_else_is_refused_at_its_place(text: str, where: str, why: str) -> None:
    with pytest.raises(InvalidPolicy) as caught:
        read_yaml(text)

    assert caught.value.where == where
    assert why in caught.value.why


def test_chain_of_aliases_that_would_grow_beyond_measure_is_refused() -> None:
    bomb = "a: &a [x, x]\n" + "\n".join(
        f"{new}: &{new} [*{old}, *{old}]" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )

    with pytest.raises(InvalidPolicy, match="anchors"):
        read_yaml(bomb)


@pytest.mark.parametrize("piece", ["[", "{a: ", "- ", "? ", "a: b\n", "'", "[],", "{},", "| "])
def test_largest_text_is_read_or_refused_at_once(piece: str) -> None:
    text = (piece * MAX_BYTES)[:MAX_BYTES]
    start = time.process_time()

    with pytest.raises(InvalidPolicy):
        parse_policy(text)

    assert time.process_time() - start < 5

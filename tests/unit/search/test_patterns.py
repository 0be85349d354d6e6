"""Patterns of LIKE and ILIKE."""

from __future__ import annotations

import pytest

from assay.search.patterns import fold_case, matches, parse_pattern


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("", "", True), ("", "a", False), ("%", "", True), ("%", "any", True), ("_", "", False),
        ("_", "😀", True), ("a%", "abc", True), ("a%", "Abc", False), ("%b%", "abc", True),
        ("a_c", "abc", True), ("a_c", "ac", False), ("%a%b%", "xxaxxbxx", True),
        ("%a%b", "xxaxxbxx", False), ("a\\%", "a\\b", True), ("a\\_", "a_", False),
        ("*", "x", False),
    ],
)  # fmt: skip
def test_a_pattern_fits_the_whole_text(pattern: str, text: str, fits: bool) -> None:
    assert matches(parse_pattern(pattern), text) is fits


def test_an_escaped_wildcard_means_itself() -> None:
    parts = parse_pattern("50!%!!", "!")
    assert matches(parts, "50%!")
    assert not matches(parts, "500!")


def test_a_pattern_that_ends_with_its_escape_is_refused() -> None:
    with pytest.raises(ValueError, match="escape"):
        parse_pattern("a!", "!")


def test_case_is_folded_for_ascii_letters_only() -> None:
    assert fold_case("AbÄ") == "abÄ"


def test_many_wildcards_take_no_exponential_time() -> None:
    assert not matches(parse_pattern("%a" * 300 + "b"), "a" * 3_000)

"""Settings of deployments: pairs become typed values, and what doesn't fit is told."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta

from assay.deployments.config import as_texts, described, merged, pairs, read_config
from assay.errors import InvalidInput


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    port: Annotated[int, Meta(ge=0, le=65_535)] = 0
    """Where it listens."""
    trust: bool = False
    share: float = 0.5
    host: str = "127.0.0.1"
    labels: dict[str, str] = {}
    """Labels."""


def test_pairs_are_read_as_what_the_target_declares() -> None:
    texts = pairs(["port=80", "trust=true", "share=1e-1", "labels.team=a=b", "host="])

    assert read_config(Settings, texts, target="t") == Settings(
        port=80, trust=True, share=0.1, labels={"team": "a=b"}
    )


def test_values_of_python_are_kept_as_texts() -> None:
    given = {"port": 80, "trust": False, "host": None, "labels": {"team": "a"}}

    texts = as_texts(given)

    assert texts == {"port": "80", "trust": "false", "host": "", "labels.team": "a"}
    assert read_config(Settings, texts, target="t") == Settings(port=80, labels={"team": "a"})


def test_an_update_replaces_settings_and_empty_ones_are_defaults_again() -> None:
    assert merged({"a": "1", "b": "2"}, {"b": "", "c": "3"}) == {"a": "1", "c": "3"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("prot=1", "Did you mean 'port'"),
        ("port=x", "'port'"),
        ("port=70000", "'port'"),
        ("trust=maybe", "'trust'"),
        ("labels=x", "'labels'"),
        ("port.x=1", "'port.x'"),
        ("port", "name=value"),
        ("=1", "name=value"),
        ("__class__=x", "'__class__'"),
    ],
)
def test_what_does_not_fit_is_told(text: str, told: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_config(Settings, pairs([text]), target="here")

    assert told in str(refused.value)


@pytest.mark.parametrize(
    "given", [["a"], {1: "a"}, {"a": ["b"]}, {"a": "b\nc"}, {"a": "x" * 3_000}, {"a": b"x"}]
)
def test_what_is_no_config_is_refused(given: Any) -> None:
    with pytest.raises(InvalidInput):
        as_texts(given)


def test_a_name_twice_is_refused() -> None:
    with pytest.raises(InvalidInput, match="more than once"):
        pairs(["a=1", "a=2"])


def test_the_help_tells_names_defaults_and_meaning() -> None:
    text = described(Settings)

    assert "port [0]: Where it listens." in text
    assert "labels.<name>: Labels." in text

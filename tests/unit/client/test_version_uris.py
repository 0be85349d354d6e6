from __future__ import annotations

import pytest

from assay.client.version_uris import names_version, parse_version_uri, split_version_uri
from assay.errors import InvalidInput

LOGGED = "models:/m-" + "0" * 32


@pytest.mark.parametrize(
    ("uri", "name", "selector"),
    [
        ("models:/net/3", "net", "3"),
        ("models:/my net/Production", "my net", "Production"),
        ("models:/net/latest/", "net", "latest"),
        ("models:/net@champion", "net", "@champion"),
        ("models:/a@b/3", "a@b", "3"),
        ("models:/m-net/1", "m-net", "1"),
    ],
)
def test_a_version_is_named_by_number_stage_or_alias(uri: str, name: str, selector: str) -> None:
    assert names_version(uri)
    assert parse_version_uri(uri) == (name, selector)


@pytest.mark.parametrize("uri", [LOGGED, f"{LOGGED}/data", "models:/m-1", "runs:/a/b", "net/3"])
def test_other_addresses_name_no_version(uri: str) -> None:
    assert not names_version(uri)


@pytest.mark.parametrize("uri", ["models:/net", "models:/", "models:/@x", "models:/net@"])
def test_an_address_without_a_version_is_told(uri: str) -> None:
    assert names_version(uri)
    with pytest.raises(InvalidInput, match="names no version"):
        parse_version_uri(uri)


@pytest.mark.parametrize(
    ("uri", "version", "path"),
    [
        ("models:/net/3", "models:/net/3", ""),
        ("models:/net/3/data/w.bin", "models:/net/3", "data/w.bin"),
        ("models:/net@champion", "models:/net@champion", ""),
        ("models:/net@champion/MLmodel", "models:/net@champion", "MLmodel"),
        ("models:/a@b/3/MLmodel", "models:/a@b/3", "MLmodel"),
    ],
)
def test_a_path_below_a_version_is_split_off(uri: str, version: str, path: str) -> None:
    assert split_version_uri(uri) == (version, path)

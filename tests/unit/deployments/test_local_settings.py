"""Settings of local deployments are options that ``assay serve`` understands."""

from __future__ import annotations

from typing import Any

import pytest

from assay.cli.serve import serve
from assay.deployments.config import as_texts, read_config
from assay.deployments.local_server import LocalConfig
from assay.errors import InvalidInput


def _parsed(given: dict[str, Any]) -> dict[str, Any]:
    config = read_config(LocalConfig, as_texts(given), target="local")
    return serve.make_context("serve", ["model", *config.options()]).params


def test_every_setting_arrives() -> None:
    told = _parsed(
        {
            "host": "0.0.0.0",
            "insecure": True,
            "allowed_host": "lab.example",
            "workers": 3,
            "threads": 2,
            "env_manager": "local",
            "trust": True,
            "require_signature": True,
            "timeout": 2.5,
            "max_body_mb": 3,
            "max_rows": 10,
            "max_concurrency": 7,
            "batch_rows": 1,
            "batch_wait_ms": 5,
            "follow": 0.5,
            "log_level": "info",
        }
    )

    assert told["uris"] == ("model",)
    expected = {
        "host": "0.0.0.0",
        "insecure": True,
        "allowed_hosts": ("lab.example",),
        "workers": 3,
        "threads": 2,
        "env_manager": "local",
        "trust": True,
        "require_signature": True,
        "timeout_s": 2.5,
        "max_body_mb": 3,
        "max_rows": 10,
        "max_concurrency": 7,
        "batch_rows": 1,
        "batch_wait_ms": 5.0,
        "follow_s": 0.5,
        "log_level": "info",
    }
    assert {name: told[name] for name in expected} == expected


def test_defaults_are_those_of_the_command() -> None:
    told, own = _parsed({}), serve.make_context("serve", ["model"]).params

    assert told == own


@pytest.mark.parametrize(
    "setting",
    [{"follow": 0}, {"port": -1}, {"timeout": 0}, {"workers": 1_000}, {"batch_wait_ms": -1}],
)
def test_settings_that_do_not_fit_are_refused(setting: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        read_config(LocalConfig, as_texts(setting), target="local")

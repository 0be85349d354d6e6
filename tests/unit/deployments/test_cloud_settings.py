"""Names and settings of deployments on clouds: what their services would refuse is refused here."""

from __future__ import annotations

from typing import Any

import pytest

from assay.deployments.azureml_parts import check_azureml_name, settings_of
from assay.deployments.config import as_texts, read_config
from assay.deployments.sagemaker_parts import (
    SageMakerConfig,
    check_config,
    check_sagemaker_name,
    facts_of,
    part_name,
    tags_of,
)
from assay.errors import InvalidInput, InvalidName

_ROLE = "arn:aws:iam::123456789012:role/sagemaker"
_AWS = {"image_url": "x.dkr.ecr.eu-west-1.amazonaws.com/d:1", "execution_role_arn": _ROLE}
_AZURE = {"image": "team.azurecr.io/digits:1"}


def _sagemaker(given: dict[str, Any]) -> SageMakerConfig:
    config = read_config(SageMakerConfig, as_texts({**_AWS, **given}), target="sagemaker")
    check_config(config)
    return config


@pytest.mark.parametrize("name", ["a_b", "-a", "a-", "a" * 64, "a b", "a\n", ""])
def test_a_name_that_no_sagemaker_endpoint_can_have_is_refused(name: str) -> None:
    with pytest.raises(InvalidName):
        check_sagemaker_name(name)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"image_url": ""}, "needs an image"),
        ({"execution_role_arn": ""}, "needs a role"),
        ({"execution_role_arn": "admin"}, "execution_role_arn"),
        ({"instance_type": "m5"}, "instance_type"),
        ({"instance_count": 0}, "instance_count"),
        ({"serverless_memory_mb": 1000}, "serverless_memory_mb"),
        ({"subnets": "subnet-1"}, "security_groups"),
        ({"tags.assay:id": "x"}, "tags"),
        ({"tags": {"aws:x": "x"}}, "tags"),
        ({"env.a b": "x"}, "env"),
    ],
)
def test_settings_that_do_not_fit_sagemaker_are_refused(setting: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        _sagemaker(setting)


def test_facts_come_back_from_tags_whatever_they_hold() -> None:
    facts = {"model_uri": "models:/a#b é/1", "actor": "base64:x", "version": ""}

    tags = tags_of(facts, _sagemaker({"tags.team": "a"}))

    assert facts_of(tags) == facts
    assert {"Key": "team", "Value": "a"} in tags
    with pytest.raises(InvalidInput, match="too long"):
        tags_of({"model_uri": "#" * 300}, _sagemaker({}))


def test_parts_of_an_endpoint_have_names_of_their_own() -> None:
    names = {part_name("a" * 63) for _ in range(20)}

    assert len(names) == 20
    assert {len(check_sagemaker_name(name)) for name in names} == {63}


@pytest.mark.parametrize("name", ["ab", "1digits", "a_b", "a" * 33, "abc-", "ab\n"])
def test_a_name_that_no_azure_endpoint_can_have_is_refused(name: str) -> None:
    with pytest.raises(InvalidName):
        check_azureml_name(name)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"image": ""}, "needs an image"),
        ({"image": "a b"}, "'image'"),
        ({"instance_count": 0}, "instance_count"),
        ({"auth_mode": "none"}, "auth_mode"),
        ({"tags.assay-id": "x"}, "tags"),
        ({"env.a-b": "x"}, "env"),
    ],
)
def test_settings_that_do_not_fit_azure_are_refused(setting: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        settings_of(as_texts({**_AZURE, **setting}))

"""Manifests fit the published schemas of Kubernetes, and say what a careful person would."""

from __future__ import annotations

from typing import Any

import kubernetes_validate
import pytest
import yaml

from assay.cli.serve import serve, serve_model
from assay.deployments.config import pairs, read_config
from assay.deployments.manifests.building import Wanted, amount, build
from assay.deployments.manifests.objects import to_yaml
from assay.deployments.manifests.settings import KubernetesConfig
from assay.errors import InvalidInput, InvalidName

_VERSIONS = ("1.30", "1.37")


def _made(*settings: str, name: str = "digits") -> list[dict[str, Any]]:
    texts = pairs(["image=registry.example/digits:3", *settings])
    config = read_config(KubernetesConfig, texts, target="kubernetes")
    wanted = Wanted(
        name=name,
        namespace="team-a",
        config=config,
        facts='{"a": "b: c\\n- d"}',
        source="models:/digits@champion",
        deployment_id="d-1",
    )
    return list(yaml.safe_load_all(to_yaml(build(wanted))))


def _built(texts: dict[str, str]) -> None:
    config = read_config(KubernetesConfig, texts, target="kubernetes")
    build(Wanted(name="d", namespace="n", config=config, facts="", source="x"))


@pytest.mark.parametrize("version", _VERSIONS)
@pytest.mark.parametrize(
    "settings",
    [
        (),
        ("max_replicas=5", "replicas=2", "service_type=LoadBalancer", "workers=2"),
        (
            *("token_secret=digits-token", "pull_secret=pull", "service_account=runner"),
            *("env.A=x: y", "labels.team=a", "node_selector.disk=ssd", "allowed_host=d.example"),
        ),
        ("follow=true", "tracking_uri=https://assay.example", "tracking_secret=assay"),
    ],
)
def test_manifests_fit_the_schemas(version: str, settings: tuple[str, ...]) -> None:
    made = _made(*settings)

    for one in made:
        kubernetes_validate.validate(one, version, strict=True)
    assert [one["kind"] for one in made[:2]] == ["Deployment", "Service"]
    assert len(made) == (3 if "max_replicas=5" in settings else 2)


def test_an_inference_service_has_a_pod_that_fits_the_schema() -> None:
    (made,) = _made("kind=kserve", "max_replicas=3", "token_secret=t")

    assert (made["apiVersion"], made["kind"]) == ("serving.kserve.io/v1beta1", "InferenceService")
    mode = made["metadata"]["annotations"]["serving.kserve.io/deploymentMode"]
    assert mode == "RawDeployment"
    predictor = made["spec"]["predictor"]
    own = {"minReplicas": 1, "maxReplicas": 3, "scaleMetric": "cpu", "scaleTarget": 70}
    assert {key: predictor.pop(key) for key in own} == own
    # KServe's own schema isn't among those published with Kubernetes; its predictor is a PodSpec.
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": predictor}
    kubernetes_validate.validate(pod, _VERSIONS[-1], strict=True)
    assert predictor["containers"][0]["name"] == "kserve-container"


def test_pods_are_careful() -> None:
    deployment, service = _made("token_secret=t")

    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"] == {"path": "/ping", "port": "http"}
    assert container["resources"]["limits"] == {"cpu": "2", "memory": "1Gi"}
    rolling = deployment["spec"]["strategy"]["rollingUpdate"]
    assert rolling == {"maxSurge": 1, "maxUnavailable": 0}
    assert "--allowed-host=digits.team-a.svc.cluster.local" in container["args"]
    secret = {"secretKeyRef": {"name": "t", "key": "token"}}
    assert {"name": "ASSAY_SERVE_TOKEN", "valueFrom": secret} in container["env"]
    selected = service["spec"]["selector"].items()
    assert selected <= deployment["spec"]["template"]["metadata"]["labels"].items()
    assert service["spec"]["ports"][0]["targetPort"] == container["ports"][0]["name"]


def test_an_autoscaler_decides_alone_over_the_number_of_pods() -> None:
    deployment, _, autoscaler = _made("replicas=2", "max_replicas=6")

    assert "replicas" not in deployment["spec"]
    assert autoscaler["spec"]["minReplicas"] == 2
    assert autoscaler["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]


def test_pods_that_follow_load_the_model_from_the_registry() -> None:
    deployment, _ = _made("follow=true", "tracking_uri=https://assay.example")

    container = deployment["spec"]["template"]["spec"]["containers"][0]
    assert container["command"] == ["assay", "serve"]
    assert container["args"][0] == "digits=models:/digits@champion"
    assert "--deployment-id=d-1" in container["args"]
    assert {"name": "ASSAY_TRACKING_URI", "value": "https://assay.example"} in container["env"]


@pytest.mark.parametrize("settings", [(), ("allowed_host=d.example", "workers=3")])
def test_the_command_line_understands_what_pods_are_started_with(settings: tuple[str, ...]) -> None:
    (own, _), (follows, _) = (
        _made(*settings),
        _made("follow=true", "tracking_uri=https://assay.example", *settings),
    )

    def arguments(deployment: dict[str, Any]) -> list[str]:
        args: list[str] = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
        return args

    # As an image's own entry point goes on.
    entry = ["-m", "/opt/ml/model", "--host", "0.0.0.0", "--port", "8080", "--insecure"]
    told = serve_model.make_context("serve", [*entry, *arguments(own)]).params
    followed = serve.make_context("serve", arguments(follows)).params
    assert "digits.team-a.svc" in told["allowed_hosts"]
    assert told["workers"] == (3 if settings else 1)
    assert followed["uris"] == ("digits=models:/digits@champion",)
    assert (followed["insecure"], followed["env_manager"]) == (True, "local")
    assert followed["deployment_id"] == "d-1"


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("image=", "needs an image"),
        ("image=x; rm", "'image'"),
        ("image=--privileged", "'image'"),
        ("follow=true", "tracking_uri"),
        ("cpu=lots", "'cpu'"),
        ("memory=2Gi", "memory_limit"),
        ("cpu_limit=100m", "cpu_limit"),
        ("labels.team=a b", "'team'"),
        ("labels.x y=a", "labels"),
        ("env.A=B=x", None),
        ("env.a b=x", "env"),
        ("service_type=Anything", "'service_type'"),
        ("replicas=0", "'replicas'"),
        ("token_secret=../x", "'token_secret'"),
        ("kind=pod", "'kind'"),
    ],
)
def test_settings_that_do_not_fit_are_refused(setting: str, told: str | None) -> None:
    texts = dict(pairs(["image=i:1"])) | pairs([setting])
    if told is None:
        assert read_config(KubernetesConfig, texts, target="kubernetes").env == {"A": "B=x"}
        return
    with pytest.raises(InvalidInput, match=told):
        _built(texts)


@pytest.mark.parametrize("name", ["Digits", "di_gits", "1digits", "a" * 64, "a\nkind: Secret"])
def test_a_name_that_no_service_can_have_is_refused(name: str) -> None:
    with pytest.raises(InvalidName):
        _made(name=name)


@pytest.mark.parametrize(
    ("text", "number"),
    [("500m", 0.5), ("2", 2), ("1.5", 1.5), ("1k", 1e3), ("1Ki", 1024), ("2Gi", 2 << 30)],
)
def test_quantities_are_compared_as_numbers(text: str, number: float) -> None:
    assert amount(text) == number

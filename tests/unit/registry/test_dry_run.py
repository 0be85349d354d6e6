"""Dry runs: what a policy would say, with nothing changed."""

from __future__ import annotations

from pathlib import Path

import pytest

import assay.registry
from assay.errors import InvalidInput, InvalidPolicy, ModelVersionNotFound
from assay.models import signing
from assay.registry.checks import How
from assay.registry.dry_run import check
from tests.unit.registry.conftest import Registry

_POLICY = """\
policy: 1
transitions: [None -> Staging, Staging -> Production, "* -> Archived"]
to:
  Staging:
    gates:
      - {metric: acc, at_least: 0.9}
      - card: present
  Production:
    gates:
      - {metric: acc, not_worse_than_holder_by: 0.01, higher_is_better: true}
    approvals: {count: 1, from: [bob]}
"""
_SIGNED = "policy: 1\nto:\n  Production:\n    gates:\n      - signature: made\n"


def test_version_is_held_against_every_target_and_nothing_changes(registry: Registry) -> None:
    registry.register(acc=0.95)
    before = registry.client.store.audit.head()

    found = check("digits", 1, policy=_POLICY)

    staging, production = found.targets
    assert [one.status for one in staging.results] == ["passed", "passed"]
    assert (staging.ok, staging.allowed, staging.approvals) == (True, True, "")
    assert (production.ok, production.allowed) == (False, False)
    assert production.approvals == "1 of bob"
    assert not found.ok
    assert registry.client.store.audit.head() == before
    assert assay.registry.policy_of("digits") is None


def test_one_target_is_checked_in_any_case_of_letters(registry: Registry) -> None:
    registry.register(acc=0.5)
    assay.registry.set_policy("digits", _POLICY)

    found = check("digits", 1, to="staging")

    assert [one.target for one in found.targets] == ["Staging"]
    failed = found.targets[0].results[0]
    assert (failed.status, failed.value, failed.limit) == ("failed", 0.5, 0.9)
    assert found.to_dict()["ok"] is False
    assert found.to_dict()["targets"][0]["ok"] is False


def test_present_holder_is_what_is_compared_with(registry: Registry) -> None:
    for acc in (0.9, 0.5):
        registry.register(acc=acc)
    assay.registry.request("digits", 1, "Production")
    free = _POLICY.replace(
        'transitions: [None -> Staging, Staging -> Production, "* -> Archived"]', ""
    )

    worse = check("digits", 2, policy=free, to="Production").targets[0]
    itself = check("digits", 1, policy=free, to="Production").targets[0]

    assert (worse.holders, worse.ok) == ([1], False)
    assert itself.ok


def test_signature_is_left_to_the_worker_and_stands_against_nothing(
    registry: Registry, tmp_path: Path
) -> None:
    registry.register()
    signing.make_key(tmp_path / "k", tmp_path / "k.pub")

    without = check("digits", 1, policy=_SIGNED)
    with_key = check("digits", 1, policy=_SIGNED, how=How(key=tmp_path / "k"))

    assert without.targets[0].results[0].status == "pending"
    assert without.ok
    assert with_key.targets[0].results[0].status == "passed"
    assert registry.client.store.signatures.of("digits", 1) == []


def test_mistakes_are_told(registry: Registry) -> None:
    registry.register()

    with pytest.raises(InvalidInput, match="has no policy"):
        check("digits", 1)
    with pytest.raises(InvalidInput, match="governs Staging, Production"):
        check("digits", 1, policy=_POLICY, to="Canary")
    with pytest.raises(InvalidPolicy):
        check("digits", 1, policy="policy: 1\nto: {None: {}}\n")
    with pytest.raises(ModelVersionNotFound):
        check("digits", 2, policy=_POLICY)

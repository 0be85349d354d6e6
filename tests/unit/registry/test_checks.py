"""Checks: what a worker finds at real models, whatever is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay.entities.model_versions import ModelVersion
from assay.entities.transitions import CheckStatus, GateResult
from assay.errors import UntrustedSignature
from assay.models import card, digests, signing
from assay.policies.bounds import Bounds
from assay.policies.gates import CheckGate, CheckKind, Gate, RecomputedGate
from assay.policies.policy import parse_policy
from assay.registry.checks import How, Looker
from assay.registry.signing import sign_version, verify_version
from tests.unit.registry.conftest import LABELS, Registry

PASSED, FAILED = CheckStatus.PASSED, CheckStatus.FAILED
_HOW = How(worker="tester", timeout_s=120)


def look(
    registry: Registry,
    version: ModelVersion,
    *gates: Gate,
    holder: int | None = None,
    how: How = _HOW,
) -> list[GateResult]:
    looker = Looker(registry.client, version, holder=holder, how=how)
    return looker.look(list(enumerate(gates)))


def check(
    registry: Registry, version: ModelVersion, kind: CheckKind, *, how: How = _HOW
) -> GateResult:
    (found,) = look(registry, version, CheckGate(kind), how=how)
    assert (found.by, found.kind) == (how.worker, str(kind))
    assert found.time > 0
    return found


def recomputed(data: str, digest: str, *, targets: str = "label", **bounds: Any) -> RecomputedGate:
    """A gate as a policy's text says it."""
    lines = "".join(f"        {key}: {value}\n" for key, value in bounds.items())
    policy = parse_policy(
        "policy: 1\nto:\n  Production:\n    gates:\n      - recomputed: accuracy_score\n"
        f"        data: '{data}'\n        digest: {digest}\n        targets: {targets}\n"
        f"        model_type: classifier\n{lines}"
    )
    (gate,) = policy.targets["Production"].gates
    assert isinstance(gate, RecomputedGate)
    assert isinstance(gate.bounds, Bounds)
    return gate


def test_good_model_passes_all_that_needs_no_build(registry: Registry) -> None:
    version = registry.register(acc=0.9)

    found = look(
        registry,
        version,
        *(CheckGate(kind) for kind in (CheckKind.GOLDEN, CheckKind.DIGESTS, CheckKind.CARD)),
    )

    assert [one.status for one in found] == [PASSED] * 3, found
    assert [one.place for one in found] == [0, 1, 2]
    assert "golden" in found[0].message
    assert found[1].message.endswith("files")


@pytest.mark.slow
def test_environment_of_a_good_model_is_built(registry: Registry) -> None:
    version = registry.register(extras={"pip_requirements": None})

    found = check(registry, version, CheckKind.ENVIRONMENT)

    assert found.status is PASSED, found.message
    assert found.message.startswith("Python 3")


def test_altered_file_fails_digests_and_golden(registry: Registry) -> None:
    version = registry.register()
    (registry.files(version) / card.FILE).write_text("Something else.")

    assert check(registry, version, CheckKind.DIGESTS).status is FAILED
    found = check(registry, version, CheckKind.GOLDEN)
    assert found.status is FAILED
    assert card.FILE in found.message


def test_model_without_digests_fails_with_the_way_out(registry: Registry) -> None:
    version = registry.register()
    (registry.files(version) / digests.FILE).unlink()

    found = check(registry, version, CheckKind.DIGESTS)

    assert found.status is FAILED
    assert "assay models seal" in found.message


def test_model_without_a_card_fails(registry: Registry) -> None:
    version = registry.script("return rows")
    (registry.files(version) / card.FILE).unlink(missing_ok=True)

    assert check(registry, version, CheckKind.CARD).status is FAILED


def test_model_without_golden_predictions_fails(registry: Registry) -> None:
    found = check(registry, registry.script("return rows"), CheckKind.GOLDEN)

    assert found.status is FAILED, found.message
    assert "there is none" in found.message


def test_model_whose_files_are_gone_fails_every_gate(registry: Registry) -> None:
    version = registry.register()
    for file in registry.files(version).iterdir():
        file.unlink()

    found = look(registry, version, *(CheckGate(kind) for kind in CheckKind))

    assert [one.status for one in found] == [FAILED] * len(CheckKind)
    assert all(one.message for one in found)


def test_score_is_recomputed_on_pinned_data(registry: Registry) -> None:
    version = registry.register()
    gate = recomputed(*registry.data(), at_least=0.8)

    (found,) = look(registry, version, gate)

    assert found.status is PASSED, found.message
    assert found.value is not None
    assert found.value > 0.9
    assert (found.limit, found.by) == (0.8, "tester")


def test_worse_version_is_told_from_the_holder_on_the_same_data(registry: Registry) -> None:
    registry.register()
    worse = registry.register(labels=1 - LABELS)
    gate = recomputed(*registry.data(), not_worse_than_holder_by=0.01, higher_is_better="true")

    (found,) = look(registry, worse, gate, holder=1)
    (same,) = look(registry, worse, gate, holder=worse.version)
    (alone,) = look(registry, worse, gate)

    assert found.status is FAILED
    assert found.value is not None
    assert found.value < 0.1
    assert (same.status, alone.status) == (PASSED, PASSED)


def test_data_of_a_run_are_fetched(registry: Registry) -> None:
    version = registry.register()
    path, digest = registry.data("labels.csv")
    assert version.run_id is not None
    registry.client.log_artifact(version.run_id, path, "sets")
    gate = recomputed(f"runs:/{version.run_id}/sets/labels.csv", digest, at_least=0.8)

    (found,) = look(registry, version, gate)

    assert found.status is PASSED, found.message


def test_other_data_than_pinned_are_refused(registry: Registry) -> None:
    version = registry.register()
    path, digest = registry.data()
    registry.data(labels=1 - LABELS)

    (found,) = look(registry, version, recomputed(path, digest, at_least=0))

    assert found.status is FAILED
    assert "the policy pins" in found.message


@pytest.mark.parametrize("data", ["gone.csv", "runs:/" + "0" * 32 + "/a.csv"])
def test_missing_data_fail_the_gate(registry: Registry, data: str) -> None:
    (found,) = look(registry, registry.register(), recomputed(data, "0" * 64, at_least=0))

    assert found.status is FAILED
    assert found.message


def test_missing_column_of_the_data_fails_the_gate(registry: Registry) -> None:
    gate = recomputed(*registry.data(), targets="truth", at_least=0)

    (found,) = look(registry, registry.register(), gate)

    assert found.status is FAILED
    assert "truth" in found.message


def test_model_that_ends_its_process_fails_and_the_worker_goes_on(registry: Registry) -> None:
    version = registry.script("import os; os._exit(3)")
    gate = recomputed(*registry.data(), at_least=0)

    found = look(registry, version, gate, CheckGate(CheckKind.DIGESTS))

    assert [one.status for one in found] == [FAILED, PASSED]
    assert "ended without a result" in found[0].message
    assert "exit code 3" in found[0].message


def test_model_that_raises_fails_with_what_it_said(registry: Registry) -> None:
    version = registry.script("raise KeyError('no such thing')")

    (found,) = look(registry, version, recomputed(*registry.data(), at_least=0))

    assert found.status is FAILED
    assert "no such thing" in found.message


def test_model_that_takes_too_long_fails(registry: Registry) -> None:
    version = registry.script("import threading; threading.Event().wait()")
    how = How(worker="tester", timeout_s=8)

    (found,) = look(registry, version, recomputed(*registry.data(), at_least=0), how=how)

    assert found.status is FAILED
    assert "over 8 s" in found.message


def test_model_of_somebody_else_is_not_run_unless_trusted(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    version = registry.script("return [0 for _ in range(len(rows))]")
    gate = recomputed(*registry.data(), at_least=0)
    monkeypatch.setenv("ASSAY_ORIGIN_KEY", str(tmp_path / "another.key"))

    (refused,) = look(registry, version, gate)
    trusting = How(worker="tester", trust=True, timeout_s=120)
    (trusted,) = look(registry, version, gate, how=trusting)

    assert refused.status is FAILED
    assert "trust" in refused.message.lower()
    assert trusted.status is PASSED, trusted.message


def test_version_is_signed_once_all_else_has_passed(registry: Registry, tmp_path: Path) -> None:
    version = registry.register()
    signing.make_key(tmp_path / "k", tmp_path / "k.pub")
    how = How(worker="tester", key=tmp_path / "k", timeout_s=120)

    found = look(
        registry, version, CheckGate(CheckKind.SIGNATURE), CheckGate(CheckKind.CARD), how=how
    )

    assert [one.status for one in found] == [PASSED, PASSED]
    assert verify_version("digits", 1, keys=tmp_path / "k.pub").signer == "tester"


def test_version_is_not_signed_when_another_check_fails(registry: Registry, tmp_path: Path) -> None:
    version = registry.script("return rows")
    signing.make_key(tmp_path / "k", tmp_path / "k.pub")
    how = How(worker="tester", key=tmp_path / "k", timeout_s=120)

    found = look(
        registry, version, CheckGate(CheckKind.SIGNATURE), CheckGate(CheckKind.GOLDEN), how=how
    )

    assert [one.status for one in found] == [FAILED, FAILED]
    assert registry.client.store.signatures.of("digits", 1) == []


def test_signature_without_a_key_fails_with_the_way_out(registry: Registry) -> None:
    found = check(registry, registry.register(), CheckKind.SIGNATURE)

    assert found.status is FAILED
    assert "--key" in found.message


def test_version_signed_by_hand_is_verified_until_its_files_change(
    registry: Registry, tmp_path: Path
) -> None:
    version = registry.register()
    signing.make_key(tmp_path / "k", tmp_path / "k.pub")

    made = sign_version("digits", 1, key=tmp_path / "k", reason="seen")

    assert made.signer == "ann"
    assert verify_version("digits", 1, keys=tmp_path / "k.pub").key_id == made.key_id
    actions = [record.action for record in registry.client.store.audit.iterate("digits")]
    assert actions[-1] == "version.signed"
    (registry.files(version) / card.FILE).write_text("Something else.")
    with pytest.raises(UntrustedSignature, match=card.FILE):
        verify_version("digits", 1, keys=tmp_path / "k.pub")

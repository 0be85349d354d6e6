"""Checks: what a worker looks at before a version may move. Gates that need the model's files.

Each gate gets a ``GateResult``, whatever is wrong with the model; only a store that is away raises,
and then the request waits for the next look.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from assay.client.client import Client
from assay.entities.audit import Actor, Cause
from assay.entities.model_versions import ModelVersion, VersionSignature
from assay.entities.transitions import CheckStatus, GateResult
from assay.errors import AssayError, StoreUnavailable
from assay.fluent.model_places import Place, find_model
from assay.models import card, digests, signing
from assay.models.environments.child_process import run_child
from assay.models.environments.verifying import verify_environment
from assay.policies.gates import CheckGate, CheckKind, Gate, MetricGate, RecomputedGate, judge
from assay.registry.pinned_data import PinnedData

_log = logging.getLogger(__name__)
_PROGRAM: Final = (
    "import sys, json; r = json.load(sys.stdin); sys.path[:0] = r['sys_path'];"
    " from assay.registry.check_process import main; main(r)"
)


class How(msgspec.Struct, frozen=True, kw_only=True):
    """How a worker looks."""

    worker: str = "local"
    """Its name in results."""
    trust: bool | None = None
    """``True`` lets code of models run that others saved."""
    key: Path | None = None
    """The private key that signatures are made with."""
    timeout_s: float = 1_800.0
    """How long one model may take to be replayed or evaluated."""
    progress: Callable[[str], None] | None = None

    def tell(self, what: str) -> None:
        """Say what is done next."""
        if self.progress is not None:
            self.progress(what)


class _Failed(Exception):
    """A gate didn't hold."""


class Looker:
    """Looks at the gates of one version. What several gates need is done once."""

    def __init__(
        self, client: Client, version: ModelVersion, *, holder: int | None, how: How
    ) -> None:
        self._client, self._version, self._holder, self._how = client, version, holder, how
        self._data = PinnedData(client)
        self._figures: dict[tuple[int, str, str, str, str], dict[str, float]] = {}
        self._places: dict[int, Place] = {}
        self._outcomes: list[tuple[str, bool, str]] | None = None

    def look(self, gates: Sequence[tuple[int, Gate]]) -> list[GateResult]:
        """The results of these gates (with their places); the signature is made if all others,
        ``gates`` and those judged elsewhere, are to be taken as passed.
        """
        last = [one for one in gates if _is_signature(one[1])]
        with self._data:
            results = [self._result(*one) for one in gates if not _is_signature(one[1])]
            for place, gate in last:
                if all(one.status is CheckStatus.PASSED for one in results):
                    results.append(self._result(place, gate))
                else:
                    why = "another check failed, so it is not signed"
                    results.append(self._told(place, gate, CheckStatus.FAILED, why))
        return sorted(results, key=lambda one: one.place)

    def _result(self, place: int, gate: Gate) -> GateResult:
        self._how.tell(f"{self._version.name} {self._version.version}: {gate.condition}")
        try:
            if isinstance(gate, RecomputedGate):
                return self._recomputed(place, gate)
            assert isinstance(gate, CheckGate)
            message = self._checked(gate.kind)
        except StoreUnavailable:
            raise
        except (AssayError, _Failed, OSError) as error:
            return self._told(place, gate, CheckStatus.FAILED, " ".join(str(error).split()))
        except Exception as error:  # noqa: BLE001 - code of models may raise anything; it is told
            # A model that nobody thought of must not end the worker: the next one would end too.
            _log.exception("%s: %s", self._version.uri, gate.condition)
            why = f"{type(error).__name__}: {error}"
            return self._told(place, gate, CheckStatus.FAILED, " ".join(why.split()))
        return self._told(place, gate, CheckStatus.PASSED, message)

    def _told(self, place: int, gate: Gate, status: CheckStatus, message: str) -> GateResult:
        return GateResult(
            place=place,
            kind=str(gate.kind),
            condition=gate.condition,
            status=status,
            message=message[:2_000],
            by=self._how.worker,
            time=time.time_ns() // 1_000_000,
        )

    def _checked(self, kind: CheckKind) -> str:
        folder = self._place(self._version.version).folder
        if kind is CheckKind.DIGESTS:
            found = digests.check(folder)
            if found is None:
                raise _Failed("the model has no digests.json; `assay models seal` writes one")
            return f"{len(found.files)} files"
        if kind is CheckKind.CARD:
            file = folder / card.FILE
            if not file.is_file() or not file.read_text("utf-8", "replace").strip():
                raise _Failed(f"the model has no {card.FILE}")
            return f"{card.FILE}, {file.stat().st_size} bytes"
        if kind is CheckKind.GOLDEN:
            return self._golden()
        if kind is CheckKind.ENVIRONMENT:
            return self._environment(folder)
        return self._signature(folder)

    def _golden(self) -> str:
        if self._outcomes is None:
            answer = self._child({"what": "replay"}, self._version.version)
            self._outcomes = answer.outcomes
        wrong = [f"{check}: {detail or 'failed'}" for check, ok, detail in self._outcomes if not ok]
        if wrong:
            raise _Failed("; ".join(wrong))
        return ", ".join(check for check, _, _ in self._outcomes)

    def _environment(self, folder: Path) -> str:
        place = self._place(self._version.version)
        report = verify_environment(
            folder,
            trust=self._how.trust,
            origin=place.origin,
            progress=self._how.progress,
            timeout_s=self._how.timeout_s,
        )
        if not report.ok:
            shown = "; ".join(str(one) for one in report.differences[:3])
            raise _Failed(report.error or shown)
        return f"Python {report.python}, {len(report.installed)} packages"

    def _signature(self, folder: Path) -> str:
        if self._how.key is None:
            raise _Failed("the worker has no signing key; start it with --key FILE")
        made = signing.sign(folder, self._how.key)
        keep_signature(self._client, self._version, made, signer=self._how.worker)
        return f"key {made.key_id[:16]}"

    def _recomputed(self, place: int, gate: RecomputedGate) -> GateResult:
        mine = self._evaluated(self._version.version, gate)
        holder = self._holder
        theirs = None
        if gate.bounds.compares and holder is not None:
            theirs = mine if holder == self._version.version else self._evaluated(holder, gate)
        return judge(
            gate,
            place,
            figures=mine,
            holder=theirs,
            holder_version=holder,
            now_ms=time.time_ns() // 1_000_000,
            by=self._how.worker,
        )

    def _evaluated(self, version: int, gate: RecomputedGate) -> dict[str, float]:
        key = (version, gate.data, gate.digest, gate.targets, gate.model_type)
        if key not in self._figures:
            self._how.tell(f"Scoring {self._version.name} {version} on {gate.data}")
            request = {
                "what": "evaluate",
                "data": str(self._data.file(gate.data, gate.digest)),
                "targets": gate.targets,
                "model_type": gate.model_type,
            }
            found = self._child(request, version).metrics
            self._figures[key] = {
                name: float("nan") if value is None else value for name, value in found.items()
            }
        return self._figures[key]

    def _place(self, version: int) -> Place:
        if version not in self._places:
            self._places[version] = find_model(f"models:/{self._version.name}/{version}")
        return self._places[version]

    def _child(self, request: dict[str, str], version: int) -> _Answer:
        """What a process of its own says of a model.

        Raises:
            _Failed: it can't be loaded or asked, crashes, or takes too long.
        """
        place = self._place(version)
        with tempfile.TemporaryDirectory(prefix="assay-check-") as work:
            result = Path(work) / "result.json"
            try:
                said = run_child(
                    [sys.executable, "-c", _PROGRAM],
                    {
                        **request,
                        "folder": str(place.folder),
                        "origin": place.origin,
                        "trust": self._how.trust,
                        "result": str(result),
                        "sys_path": sys.path,
                    },
                    output=Path(work) / "said",
                    # What is looked at here is signed only afterwards.
                    env={**os.environ, signing.REQUIRE_VARIABLE: "0"},
                    timeout_s=self._how.timeout_s,
                )
            except TimeoutError as error:
                raise _Failed(f"version {version}: {error}") from None
            if not result.is_file():
                raise _Failed(f"version {version}: its process ended without a result: {said}")
            answer = msgspec.json.decode(result.read_bytes(), type=_Answer)
        if answer.error is not None:
            raise _Failed(f"version {version}: {answer.error}")
        return answer


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    """As ``check_process.Found``, whose module brings all of evaluation with it."""

    error: str | None = None
    outcomes: list[tuple[str, bool, str]] = []
    metrics: dict[str, float | None] = {}


def _is_signature(gate: Gate) -> bool:
    return isinstance(gate, CheckGate) and gate.kind is CheckKind.SIGNATURE


def keep_signature(
    client: Client, version: ModelVersion, made: signing.Signed, *, signer: str, reason: str = ""
) -> VersionSignature:
    """Keep a fresh signature with its version."""
    signature = VersionSignature(
        key_id=made.key_id, signer=signer, time=time.time_ns() // 1_000_000, bundle=made.bundle
    )
    cause = Cause(Actor(signer, origin="local"), reason)
    client.store.signatures.add(version.name, version.version, signature, cause=cause)
    return signature


def places_to_look_at(
    gates: Iterable[Gate], pending: Collection[int] | None = None
) -> list[tuple[int, Gate]]:
    """The gates that need a worker, with their places; only ``pending`` ones if given."""
    return [
        (place, gate)
        for place, gate in enumerate(gates)
        if not isinstance(gate, MetricGate) and (pending is None or place in pending)
    ]

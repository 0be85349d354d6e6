"""The wire of governance: what Assay's registry routes take and give, for client and server.

Policies, requests, signatures, the audit log, rules, deployments and lineage. As in ``wire``, whose
forms these share. Nobody tells the server who they are in a body: it knows by itself. ``reason`` is
what the audit log says about why. Reference: docs/reference/assay-api.md.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

from assay.entities.audit import AuditHead, AuditRecord
from assay.entities.governance import Deployment, Direction, NodeKind, Rule, RuleRun, ServingAlert
from assay.entities.model_versions import ModelVersion, VersionSignature
from assay.entities.served_figures import BUCKETS_S, ServedFigures
from assay.entities.transitions import (
    GateResult,
    PolicyRevision,
    RequestStatus,
    TransitionRequest,
)
from assay.policies.traffic import TrafficRule
from assay.store.rest import wire

PREFIX: Final = wire.PREFIX + "/registry"

_INT32_END = 2**31
_INT64_END = 2**63

VersionNumber = Annotated[int, msgspec.Meta(gt=-_INT32_END, lt=_INT32_END)]
Count = Annotated[int, msgspec.Meta(ge=1, lt=_INT32_END)]
"""How many at most; each route has a limit of its own."""
Millis = Annotated[int, msgspec.Meta(ge=0, le=_INT64_END - 1)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]


class ModelName(msgspec.Struct, frozen=True):
    """A registered model; where policies are meant, an empty name is the default policy's."""

    name: str = ""


class VersionName(msgspec.Struct, frozen=True):
    """A version of a registered model."""

    name: str
    version: VersionNumber


class SetPolicy(msgspec.Struct, frozen=True):
    """Set a policy, or the default one (an empty name)."""

    name: str
    text: str
    """YAML."""
    reason: str = ""


class RemovePolicy(msgspec.Struct, frozen=True):
    """Take a policy away."""

    name: str
    reason: str = ""


class PolicyFound(msgspec.Struct, frozen=True):
    """The policy that holds for a model, if any does."""

    policy: PolicyRevision | None


class PolicyRevisions(msgspec.Struct, frozen=True):
    """All revisions of a policy, the newest first."""

    revisions: list[PolicyRevision]


class PolicyDescription(msgspec.Struct, frozen=True):
    """The policy that holds for a model, taken apart for programs and pages."""

    policy: PolicyRevision | None
    description: dict[str, Any] | None
    """Stages, transitions, and for each governed target its gates and approvals."""


class CreateRequest(msgspec.Struct, frozen=True):
    """Ask for a move."""

    name: str
    version: VersionNumber
    target: str
    reason: str = ""


class RequestName(msgspec.Struct, frozen=True):
    """A request."""

    request_id: str


class RequestAct(msgspec.Struct, frozen=True):
    """Approve, reject or cancel a request; ``reason`` is the comment."""

    request_id: str
    reason: str = ""


class RequestQuery(msgspec.Struct, frozen=True):
    """Search requests."""

    name: str | None = None
    version: VersionNumber | None = None
    statuses: list[RequestStatus] = []
    max_results: Count = 100
    page_token: str | None = None


class ClaimRequest(msgspec.Struct, frozen=True):
    """Take the pending checks of a request, or of the oldest that has some."""

    worker: str
    lease_s: Seconds = 600.0
    request_id: str | None = None
    reason: str = ""


class RequestFound(msgspec.Struct, frozen=True):
    """A request with pending checks, if there is one."""

    request: TransitionRequest | None


class RecordChecks(msgspec.Struct, frozen=True):
    """What a worker found at pending gates."""

    request_id: str
    results: list[GateResult]
    worker: str
    reason: str = ""


class Rollback(msgspec.Struct, frozen=True):
    """Give a stage or ``@alias`` back to whom it had before."""

    name: str
    target: str
    reason: str = ""


class Versions(msgspec.Struct, frozen=True):
    """Versions that hold a place now."""

    versions: list[ModelVersion]


class AddSignature(msgspec.Struct, frozen=True):
    """Keep a signature of a version."""

    name: str
    version: VersionNumber
    signature: VersionSignature
    reason: str = ""


class Signatures(msgspec.Struct, frozen=True):
    """All signatures of a version, the newest first."""

    signatures: list[VersionSignature]


class AuditQuery(msgspec.Struct, frozen=True):
    """Records behind number ``after``, of all or of one registered model."""

    name: str | None = None
    after: Millis = 0
    max_results: Count = 1_000


class AuditPage(msgspec.Struct, frozen=True):
    """Records, oldest first; none: there are no more."""

    records: list[AuditRecord]


class VerifyAudit(msgspec.Struct, frozen=True):
    """Compute all digests anew."""

    anchor: AuditHead | None = None


class HoldersQuery(msgspec.Struct, frozen=True):
    """Who held a stage or ``@alias`` at a time (ms since the epoch)."""

    name: str
    target: str
    time_ms: Millis


class Holders(msgspec.Struct, frozen=True):
    """Version numbers, ascending."""

    versions: list[int]


class SetRule(msgspec.Struct, frozen=True):
    """Make a rule, or replace the one with its name."""

    rule: Rule
    reason: str = ""


class RemoveRule(msgspec.Struct, frozen=True):
    """Take a rule away."""

    rule_name: str
    reason: str = ""


class Rules(msgspec.Struct, frozen=True):
    """All rules by name."""

    rules: list[Rule]


class RuleRunsQuery(msgspec.Struct, frozen=True):
    """What a rule did lately."""

    rule_name: str
    max_results: Count = 100


class RuleRuns(msgspec.Struct, frozen=True):
    """Runs that a rule looked at, the latest first."""

    runs: list[RuleRun]


class RecordDeployment(msgspec.Struct, frozen=True):
    """Note a deployment; the same id again replaces what is noted of it."""

    deployment: Deployment
    reason: str = ""


class EndDeployment(msgspec.Struct, frozen=True):
    """Note that a deployment is over."""

    deployment_id: str
    reason: str = ""


class RaiseAlert(msgspec.Struct, frozen=True):
    """Tell what is wrong with a version that is served."""

    alert: ServingAlert
    reason: str = ""


class DeploymentQuery(msgspec.Struct, frozen=True):
    """Deployments of all, of one registered model, or of one version."""

    name: str | None = None
    version: VersionNumber | None = None


class Deployments(msgspec.Struct, frozen=True):
    """Deployments, the latest first."""

    deployments: list[Deployment]


class TellFigures(msgspec.Struct, frozen=True):
    """What a scoring server counted over the last hour; it replaces what it told before."""

    figures: list[ServedFigures]


class FiguresQuery(msgspec.Struct, frozen=True):
    """Figures of all models, or of one."""

    name: str | None = None


class Figures(msgspec.Struct, frozen=True):
    """What scoring servers told within the last hour."""

    figures: list[ServedFigures]
    time: int
    """Now, by the server's clock."""
    bounds: tuple[float, ...] = BUCKETS_S
    """In seconds, of the buckets."""


class TrafficQuery(msgspec.Struct, frozen=True):
    """The traffic rule of a registered model."""

    name: str


class Traffic(msgspec.Struct, frozen=True):
    """A model's traffic rule, and which versions it means now."""

    rule: TrafficRule
    versions: dict[str, int | None]
    """By what the rule calls them; null: there is none."""


class TryVersion(msgspec.Struct, frozen=True):
    """Try a version on a part of the requests."""

    name: str
    selector: str
    """``@alias``, a stage or a number."""
    percent: float
    shadow: bool = False
    """Whether it is asked without answering."""
    sticky: str | None = None
    """Header whose value decides who answers; ``None`` keeps what was set."""
    reason: str = ""


class StopTrial(msgspec.Struct, frozen=True):
    """End a trial."""

    name: str
    selector: str
    reason: str = ""


class PromoteTrial(msgspec.Struct, frozen=True):
    """Give a stage or ``@alias`` to the version on trial."""

    name: str
    selector: str
    to: str
    reason: str = ""


class LineageQuery(msgspec.Struct, frozen=True):
    """Everything connected with one thing."""

    kind: NodeKind
    id: str
    direction: Direction = Direction.BOTH
    depth: Annotated[int, msgspec.Meta(ge=0, lt=_INT32_END)] = 10
    limit: Count = 500

"""The registry's part of the store: one interface per resource, kept by ``store.sql`` and
``store.rest``.

Beside the promises of ``assay.store.base``:

- Every change is one transaction together with its audit record, its place in the list of what
webhooks are told, and whatever moves with it: a crash leaves the old or the new state, whole.
- A policy is enforced here, wherever a change comes from: a move that needs a request raises
  ``TransitionRefused`` when it is made without one.
- ``cause`` says who makes a change and why. A server tells who by itself; it keeps the reason.
- Names are exact; stages match case-insensitively and read back as the model's list spells them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

import msgspec

from assay.entities.audit import AuditHead, AuditRecord, AuditReport, Cause
from assay.entities.governance import (
    Deployment,
    Direction,
    Lineage,
    NodeKind,
    Rule,
    RuleRun,
    RuleRunStatus,
    ServingAlert,
)
from assay.entities.ids import RunId
from assay.entities.model_versions import ModelVersion, NewModelVersion, VersionSignature
from assay.entities.page import Page
from assay.entities.registered_models import RegisteredModel
from assay.entities.served_figures import ServedFigures
from assay.entities.transitions import (
    GateResult,
    PolicyRevision,
    RequestStatus,
    TransitionRequest,
)
from assay.entities.webhooks import (
    Webhook,
    WebhookDelivery,
    WebhookEvent,
    WebhookStatus,
    WebhookTest,
)
from assay.store.query import Query


class RegisteredModelStore(ABC):
    """Registered models, their tags and aliases."""

    @abstractmethod
    def create(
        self,
        name: str,
        *,
        description: str = "",
        tags: Mapping[str, str] | None = None,
        cause: Cause,
    ) -> RegisteredModel:
        """Make a registered model. Raises ``AlreadyExists``."""

    @abstractmethod
    def get(self, name: str) -> RegisteredModel:
        """The model. Raises ``RegisteredModelNotFound``."""

    @abstractmethod
    def rename(self, name: str, new_name: str, *, cause: Cause) -> RegisteredModel:
        """Give it another name; versions, history and policy stay with it.

        Raises:
            AlreadyExists: the new name is taken.
        """

    @abstractmethod
    def update(self, name: str, description: str, *, cause: Cause) -> RegisteredModel:
        """Change its description."""

    @abstractmethod
    def delete(self, name: str, *, cause: Cause) -> None:
        """Delete it with all its versions; its history stays.

        Raises:
            TransitionRefused: a version holds a place that its policy governs.
        """

    @abstractmethod
    def search(self, query: Query) -> Page[RegisteredModel]:
        """Models that match, by default by name."""

    @abstractmethod
    def set_tag(self, name: str, key: str, value: str, *, cause: Cause) -> None:
        """Set a tag."""

    @abstractmethod
    def delete_tag(self, name: str, key: str, *, cause: Cause) -> None:
        """Delete a tag; one that is missing is no error, as in MLflow."""

    @abstractmethod
    def set_alias(self, name: str, alias: str, version: int, *, cause: Cause) -> None:
        """Let an alias stand for a version.

        Raises:
            TransitionRefused: a policy governs ``@alias``.
        """

    @abstractmethod
    def delete_alias(self, name: str, alias: str, *, cause: Cause) -> None:
        """Delete an alias; one that is missing is no error, as in MLflow."""

    @abstractmethod
    def latest(self, name: str, stages: Sequence[str] | None = None) -> list[ModelVersion]:
        """The version with the highest number of each stage, or of those named.

        Raises:
            InvalidInput: the model knows no such stage.
        """


class ModelVersionStore(ABC):
    """Versions and their tags."""

    @abstractmethod
    def create(self, new: NewModelVersion, *, cause: Cause) -> ModelVersion:
        """Register a version, with the next number that was never used.

        The source is ``models:/<id of a logged model>``, ``models:/<name>/<version>`` (a copy),
        ``runs:/<run id>/<path>``, an address below the artifacts of the run named by ``run_id`` or
        of the logged model named by ``model_id``, or one below a configured root.

        Raises:
            InvalidInput: the source is none of these, or lies elsewhere.
            RegisteredModelNotFound, RunNotFound, LoggedModelNotFound, ModelVersionNotFound
        """

    @abstractmethod
    def get(self, name: str, version: int) -> ModelVersion:
        """The version. Raises ``ModelVersionNotFound``."""

    @abstractmethod
    def by_alias(self, name: str, alias: str) -> ModelVersion:
        """The version that an alias stands for. Raises ``AliasNotFound``."""

    @abstractmethod
    def update(self, name: str, version: int, description: str, *, cause: Cause) -> ModelVersion:
        """Change its description."""

    @abstractmethod
    def delete(self, name: str, version: int, *, cause: Cause) -> None:
        """Delete it, with its aliases. Its number isn't given out again; its files stay.

        Raises:
            TransitionRefused: it holds a place that a policy governs.
        """

    @abstractmethod
    def search(self, query: Query) -> Page[ModelVersion]:
        """Versions that match, by default the latest changed first."""

    @abstractmethod
    def set_tag(self, name: str, version: int, key: str, value: str, *, cause: Cause) -> None:
        """Set a tag."""

    @abstractmethod
    def delete_tag(self, name: str, version: int, key: str, *, cause: Cause) -> None:
        """Delete a tag; one that is missing is no error, as in MLflow."""

    @abstractmethod
    def download_uri(self, name: str, version: int) -> str:
        """Where its files are: the address of a folder; of a copy, those of the original."""

    @abstractmethod
    def transition(
        self,
        name: str,
        version: int,
        stage: str,
        *,
        archive_existing: bool = False,
        cause: Cause,
    ) -> ModelVersion:
        """Move it to a stage; with ``archive_existing`` all others there become ``Archived``.

        Raises:
            TransitionRefused: a policy governs the stage: make a request.
            InvalidInput: the model knows no such stage, or nothing can be archived for it.
        """


class PolicyStore(ABC):
    """Policies: of one model, or (name ``""``) of all that have no own."""

    @abstractmethod
    def set(self, name: str, text: str, *, cause: Cause) -> PolicyRevision:
        """Set a policy of this YAML. The same text again makes no new revision.

        Open requests that it governs are cancelled: they were checked against the old one.

        Raises:
            InvalidPolicy: it doesn't parse, contradicts itself, or the model has versions in
                stages that it doesn't list.
            PermissionDenied: the caller may not change policies.
        """

    @abstractmethod
    def remove(self, name: str, *, cause: Cause) -> None:
        """Take a policy away. Raises ``RegistryItemNotFound``."""

    @abstractmethod
    def find(self, name: str) -> PolicyRevision | None:
        """The policy that holds for a model: its own, else the default one, else ``None``."""

    @abstractmethod
    def revisions(self, name: str) -> list[PolicyRevision]:
        """All revisions of a model's own policy (or of the default one), the newest first."""


class RequestStore(ABC):
    """Requests to move a version. Each of these calls moves it, in the same transaction, as soon
    as nothing is missing.
    """

    @abstractmethod
    def create(self, name: str, version: int, target: str, *, cause: Cause) -> TransitionRequest:
        """Ask for a move to a stage or ``@alias``; ``cause.reason`` is the comment.

        Gates over what the store knows are judged at once, the others wait for a worker. Without a
        policy, the move is made at once.

        Raises:
            TransitionRefused: the policy knows no such transition.
            Conflict: the version has an open request for this target.
            InvalidInput: the version is there already, or the model knows no such stage.
        """

    @abstractmethod
    def get(self, request_id: str) -> TransitionRequest:
        """The request. Raises ``RegistryItemNotFound``."""

    @abstractmethod
    def search(
        self,
        *,
        name: str | None = None,
        version: int | None = None,
        statuses: Sequence[RequestStatus] = (),
        max_results: int = 100,
        page_token: str | None = None,
    ) -> Page[TransitionRequest]:
        """Requests, the latest first."""

    @abstractmethod
    def approve(self, request_id: str, *, cause: Cause) -> TransitionRequest:
        """Say yes.

        Raises:
            PermissionDenied: the policy doesn't name the caller, or the caller made the request.
            Conflict: the request is closed.
            TransitionConflict: nothing was missing any more, but the target has another holder.
        """

    @abstractmethod
    def reject(self, request_id: str, *, cause: Cause) -> TransitionRequest:
        """Say no, which closes the request. Raises as ``approve``."""

    @abstractmethod
    def cancel(self, request_id: str, *, cause: Cause) -> TransitionRequest:
        """Take a request back. Raises ``Conflict`` if it is closed, ``PermissionDenied``."""

    @abstractmethod
    def claim(
        self, worker: str, *, lease_s: float = 600.0, request_id: str | None = None, cause: Cause
    ) -> TransitionRequest | None:
        """An open request with pending checks that no other worker has, or ``None``.

        It belongs to ``worker`` until the lease ends; claiming again prolongs it.

        Raises:
            PermissionDenied: the caller is no worker.
        """

    @abstractmethod
    def record_checks(
        self, request_id: str, results: Sequence[GateResult], *, worker: str, cause: Cause
    ) -> TransitionRequest:
        """Tell what a worker found at the pending gates of a request that it has claimed.

        Raises:
            Conflict: the request is closed, or another worker has it.
            PermissionDenied: the caller is no worker.
            InvalidInput: there is no such gate, or the store judges it itself.
        """

    @abstractmethod
    def rollback(self, name: str, target: str, *, cause: Cause) -> list[ModelVersion]:
        """Give a stage or ``@alias`` back to whom it had before; returns the holders.

        Again goes one further back. Those taken out get the tag ``assay.rolled_back``.

        Raises:
            InvalidInput: it had no other holder before, or all of them are deleted.
            TransitionRefused: the policy doesn't let the caller roll back.
        """


class SignatureStore(ABC):
    """Signatures of versions."""

    @abstractmethod
    def add(self, name: str, version: int, signature: VersionSignature, *, cause: Cause) -> None:
        """Keep a signature; a second one of the same key replaces the first."""

    @abstractmethod
    def of(self, name: str, version: int) -> list[VersionSignature]:
        """All of a version, the newest first."""


class AuditStore(ABC):
    """The audit log."""

    @abstractmethod
    def page(
        self, *, name: str | None = None, after: int = 0, max_results: int = 1_000
    ) -> list[AuditRecord]:
        """Records behind number ``after``, oldest first, of all or of one registered model.

        A name means the model that has it now, or had it last if that was deleted; records from
        before a renaming are among them.
        """

    @abstractmethod
    def head(self) -> AuditHead:
        """Where the chain ends now."""

    @abstractmethod
    def verify(self, anchor: AuditHead | None = None) -> AuditReport:
        """Compute all digests anew.

        ``anchor``: a head noted earlier, which must be in the chain.
        """

    @abstractmethod
    def holders(self, name: str, target: str, time_ms: int) -> list[int]:
        """The versions that held a stage or ``@alias`` at a time, ascending."""

    def iterate(self, name: str | None = None) -> Iterator[AuditRecord]:
        """All records, oldest first, page by page."""
        after = 0
        while records := self.page(name=name, after=after):
            yield from records
            after = records[-1].seq


class RuleStore(ABC):
    """Rules that register models by themselves."""

    @abstractmethod
    def set(self, rule: Rule, *, cause: Cause) -> Rule:
        """Make a rule, or replace the one with this name.

        Its id, author and time are the store's. Runs that finished before are left alone.

        Raises:
            InvalidInput: a name is none, or its filter or target doesn't parse.
            ExperimentNotFound, InactiveResource: the experiment is missing, or deleted.
        """

    @abstractmethod
    def remove(self, rule_name: str, *, cause: Cause) -> None:
        """Take a rule away. Raises ``RegistryItemNotFound``."""

    @abstractmethod
    def all(self) -> list[Rule]:
        """All rules by name."""

    @abstractmethod
    def runs(self, rule_name: str, *, max_results: int = 100) -> list[RuleRun]:
        """What a rule did lately, the latest first. Raises ``RegistryItemNotFound``."""


def rule_filter(rule: Rule, run_id: RunId) -> str:
    """The filter of a rule, narrowed to one run."""
    own = f"attributes.run_id = '{run_id}'"
    return f"{own} and ({rule.filter})" if rule.filter.strip() else own


class RuleClaim(msgspec.Struct, frozen=True, kw_only=True):
    """A finished run that somebody looks at for a rule."""

    rule: Rule
    run_id: RunId
    lease: int
    """Until when it is theirs; ms since the epoch."""
    time: int
    """When the run finished."""
    attempts: int
    """This one included."""


class RuleOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule did with a run."""

    status: RuleRunStatus
    message: str
    version: int | None = None
    request_id: str | None = None


@runtime_checkable
class SupportsRuleWork(Protocol):
    """Rule stores whose finished runs are worked off by their caller: local ones. A server does
    that by itself.
    """

    def claim(self, *, lease_s: float) -> RuleClaim | None:
        """A finished run that is due, for this caller alone until the lease ends, or ``None``."""

    def register(self, claim: RuleClaim, new: NewModelVersion, *, cause: Cause) -> ModelVersion:
        """Register a version, in one transaction with its model if that is missing.

        A version that is the same logged model, or has the same source, is taken as it is.

        Raises:
            Conflict: the lease was lost.
            InvalidInput, NotFound: as ``ModelVersionStore.create``.
        """

    def postpone(self, claim: RuleClaim, *, delay_s: float, message: str) -> None:
        """Look at it again later. Whoever lost the lease changes nothing."""

    def finish(self, claim: RuleClaim, outcome: RuleOutcome, *, cause: Cause) -> RuleRun | None:
        """Write down what came of it; ``None`` where the lease was lost, which changes nothing."""


class DeploymentStore(ABC):
    """Where versions were put to work."""

    @abstractmethod
    def record(self, deployment: Deployment, *, cause: Cause) -> Deployment:
        """Note a deployment; the same id again replaces what is noted of it."""

    @abstractmethod
    def end(self, deployment_id: str, *, cause: Cause) -> Deployment:
        """Note that it is over. Raises ``RegistryItemNotFound``."""

    @abstractmethod
    def alert(self, alert: ServingAlert, *, cause: Cause) -> None:
        """Write into the audit log what is wrong with a version that is served, and let webhooks
        tell it.

        Raises:
            ModelVersionNotFound: there is no such version.
            InvalidInput, LimitExceeded: its texts can't be kept.
        """

    @abstractmethod
    def of(self, *, name: str | None = None, version: int | None = None) -> list[Deployment]:
        """Deployments, the latest first, at most 1,000."""

    @abstractmethod
    def tell(self, figures: Sequence[ServedFigures]) -> None:
        """Keep what a scoring server counted over the last hour, in place of what it told before.

        Versions that aren't in the registry any more are left out.

        Raises:
            InvalidInput, LimitExceeded: the figures can't be kept.
        """

    @abstractmethod
    def figures(self, *, name: str | None = None) -> list[ServedFigures]:
        """What scoring servers told within the last hour, of all models or of one."""


class LineageStore(ABC):
    """What came of what."""

    @abstractmethod
    def graph(
        self,
        kind: NodeKind,
        ident: str,
        *,
        direction: Direction = Direction.BOTH,
        depth: int = 10,
        limit: int = 500,
    ) -> Lineage:
        """What one thing came of and what came of it, up to ``depth`` edges away and ``limit``
        nodes, the nearest first. What else came of an ancestor is left out.

        ``ident`` is a node's ``id``; of a data set its digest too, where one name has it.

        Raises:
            NotFound: there is no such thing.
            InvalidInput: ``ident`` is malformed, data sets of several names have the digest, or
                ``depth`` or ``limit`` are out of range.
        """


class NewWebhook(msgspec.Struct, frozen=True, kw_only=True):
    """What creates a webhook."""

    name: str
    url: str
    events: list[WebhookEvent]
    description: str = ""
    secret: str = ""
    status: WebhookStatus = WebhookStatus.ACTIVE


class WebhookChange(msgspec.Struct, frozen=True, kw_only=True):
    """What of a webhook changes; ``None`` leaves a field as it is."""

    name: str | None = None
    url: str | None = None
    events: list[WebhookEvent] | None = None
    description: str | None = None
    secret: str | None = None
    status: WebhookStatus | None = None


class WebhookStore(ABC):
    """Webhooks and what they were told."""

    @abstractmethod
    def create(self, webhook: NewWebhook, *, cause: Cause) -> Webhook:
        """Make a webhook.

        Raises:
            InvalidInput: name, URL or events are none; an address that isn't public.
        """

    @abstractmethod
    def get(self, webhook_id: str) -> Webhook:
        """The webhook. Raises ``RegistryItemNotFound``."""

    @abstractmethod
    def page(self, *, max_results: int = 100, page_token: str | None = None) -> Page[Webhook]:
        """Webhooks, the latest made first."""

    @abstractmethod
    def update(self, webhook_id: str, change: WebhookChange, *, cause: Cause) -> Webhook:
        """Change it."""

    @abstractmethod
    def delete(self, webhook_id: str, *, cause: Cause) -> None:
        """Delete it with its log."""

    @abstractmethod
    def deliveries(self, webhook_id: str, *, max_results: int = 100) -> list[WebhookDelivery]:
        """What it was or will be told, the latest first."""

    @abstractmethod
    def test(self, webhook_id: str, event: WebhookEvent | None = None) -> WebhookTest:
        """Send a made-up message of ``event``, else of its first event, and tell what came of it.

        Raises:
            InvalidInput: there is no such event.
            RegistryItemNotFound: there is no such webhook.
        """


__all__ = [
    "AuditStore",
    "DeploymentStore",
    "LineageStore",
    "ModelVersionStore",
    "NewWebhook",
    "PolicyStore",
    "RegisteredModelStore",
    "RequestStore",
    "RuleClaim",
    "RuleOutcome",
    "RuleStore",
    "SignatureStore",
    "SupportsRuleWork",
    "WebhookChange",
    "WebhookStore",
    "rule_filter",
]

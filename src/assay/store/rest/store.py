"""The REST store: a thin client of a server, Assay's or MLflow's."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from assay.entities.ids import WriterId
from assay.entities.operations import Delivery, Receipt
from assay.store.base import Store
from assay.store.rest import wire
from assay.store.rest.audit import RestAudit
from assay.store.rest.deployments import RestDeployments
from assay.store.rest.experiments import RestExperiments
from assay.store.rest.inputs import RestInputs
from assay.store.rest.jobs import RestJobs
from assay.store.rest.lineage import RestLineage
from assay.store.rest.logged_models import RestLoggedModels
from assay.store.rest.metrics import RestMetrics
from assay.store.rest.model_versions import RestModelVersions
from assay.store.rest.policies import RestPolicies
from assay.store.rest.registered_models import RestRegisteredModels
from assay.store.rest.requests import RestRequests
from assay.store.rest.rules import RestRules
from assay.store.rest.run_views import RestRunViews
from assay.store.rest.runs import RestRuns
from assay.store.rest.server import Server, segment
from assay.store.rest.settings import read_settings
from assay.store.rest.signatures import RestSignatures
from assay.store.rest.transport import Transport
from assay.store.rest.webhooks import RestWebhooks


class RestStore(Store):
    """All resources of a server. Unlike other stores it may be used after a fork: each process
    connects anew.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._server = Server(transport)
        self.experiments = RestExperiments(self._server)
        self.runs = RestRuns(self._server)
        self.run_views = RestRunViews(self._server)
        self.metrics = RestMetrics(self._server)
        self.inputs = RestInputs(self._server)
        self.logged_models = RestLoggedModels(self._server)
        self.registered_models = RestRegisteredModels(self._server)
        self.model_versions = RestModelVersions(self._server)
        self.policies = RestPolicies(self._server)
        self.requests = RestRequests(self._server)
        self.signatures = RestSignatures(self._server)
        self.audit = RestAudit(self._server)
        self.rules = RestRules(self._server)
        self.deployments = RestDeployments(self._server)
        self.lineage = RestLineage(self._server)
        self.webhooks = RestWebhooks(self._server)
        self.jobs = RestJobs(self._server)

    @property
    def uri(self) -> str:
        """The server's address, without credentials."""
        return self._transport.base_url

    @property
    def is_assay(self) -> bool:
        """Whether the server is an Assay; asked once. Raises ``StoreUnavailable`` while it can't
        be asked.
        """
        return self._server.is_assay

    @property
    def info(self) -> wire.Info | None:
        """What an Assay server says of itself; ``None`` for a plain MLflow server."""
        return self._server.info

    @property
    def transport(self) -> Transport:
        """The connections, for other clients of the same server (artifacts)."""
        return self._transport

    def apply(self, delivery: Delivery) -> Receipt:
        """Deliver to an Assay server.

        Raises:
            InvalidInput: the server is a plain MLflow server, which can't apply a delivery exactly
            once.
        """
        self._need_assay("take deliveries")
        return self._server.assay("/ingest", Receipt, delivery)

    def position(self, writer_id: WriterId) -> int:
        """Where the last applied delivery of this writer ended; only an Assay server knows."""
        self._need_assay("keep the position of a writer")
        return self._server.assay(f"/writers/{segment(writer_id)}/position", wire.Position).position

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _need_assay(self, ability: str) -> None:
        self._server.require_assay(ability, hint="Use the calls of its resources instead.")


def open_rest_store(
    uri: str, *, headers: Mapping[str, str] | None = None, patient: bool = True
) -> RestStore:
    """The store behind a server's ``http(s)://`` address; nothing is sent yet.

    Credentials come from the address (``https://user:password@host``), from
    ``ASSAY_TRACKING_TOKEN``, or from ``ASSAY_TRACKING_USERNAME`` and ``ASSAY_TRACKING_PASSWORD``;
    MLflow's names of these work too. ``headers`` are sent with every request. Without ``patient`` a
    request that can't be sent isn't tried again.

    Raises:
        InvalidInput: ``uri`` doesn't parse.
    """
    settings = read_settings(uri)
    if not patient:
        settings = msgspec.structs.replace(settings, max_retries=0)
    return RestStore(Transport(settings, headers=headers))

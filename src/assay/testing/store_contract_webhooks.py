"""What every store promises about webhooks. Nothing is sent: the address is never connected to."""

# ruff: noqa: D102, S106 - the names of tests say it all; made-up secrets are no passwords
from __future__ import annotations

from collections.abc import Callable

import pytest

from assay.entities.webhooks import MLFLOW_EVENTS, OWN_EVENTS, Webhook, WebhookEvent, WebhookStatus
from assay.errors import InvalidInput, InvalidPageToken, LimitExceeded, RegistryItemNotFound
from assay.store.base import Store
from assay.store.registry import NewWebhook, WebhookChange
from assay.store.user import local_cause
from assay.testing.store_contract_base import AWKWARD, ContractPart

CREATED = WebhookEvent("model_version", "created")
MOVED = WebhookEvent("model_version_stage", "changed")
URL = "https://1.1.1.1/hook"
MISSING = "0" * 32


def make(store: Store, **facts: object) -> Webhook:
    """Create a webhook; ``facts`` are fields of ``NewWebhook``."""
    given: dict[str, object] = {"name": "w", "url": URL, "events": [CREATED], **facts}
    return store.webhooks.create(NewWebhook(**given), cause=local_cause("why"))  # type: ignore[arg-type]


class WebhookContract(ContractPart):
    """Webhooks."""

    def test_webhook_reads_back_as_it_was_made(self, store: Store) -> None:
        made = make(
            store,
            name="team-hook_1.a",
            description=AWKWARD,
            events=[MOVED, CREATED, CREATED],
            secret="s3cret",
            status=WebhookStatus.DISABLED,
        )

        assert made.events == [CREATED, MOVED]
        assert made.description == AWKWARD
        assert made.status is WebhookStatus.DISABLED
        assert made.has_secret
        assert made.creation_timestamp == made.last_updated_timestamp > 0
        assert store.webhooks.get(made.webhook_id) == made

    def test_every_known_event_can_be_asked_for(self, store: Store) -> None:
        events = sorted(MLFLOW_EVENTS | OWN_EVENTS, key=str)

        assert make(store, events=events).events == events

    @pytest.mark.parametrize(
        "facts",
        [
            {"name": ""},
            {"name": "-a"},
            {"name": "a" * 64},
            {"name": "a b"},
            {"name": "a\n"},
            {"name": "ä"},
            {"events": []},
            {"events": [WebhookEvent("model_version", "eaten")]},
            {"url": "http://1.1.1.1/hook"},
            {"url": "https://127.0.0.1/hook"},
            {"url": "https://169.254.169.254/hook"},
            {"url": "https://[::ffff:10.0.0.1]/hook"},
            {"url": "https://me:word@1.1.1.1/hook"},
            {"url": "file:///etc/passwd"},
            {"description": "a\0b"},
            {"secret": "a\0b"},
        ],
        ids=str,
    )
    def test_bad_webhook_is_refused(self, store: Store, facts: dict[str, object]) -> None:
        with pytest.raises(InvalidInput):
            make(store, **facts)

        assert list(store.webhooks.page()) == []

    def test_long_secret_is_refused_without_being_told(self, store: Store) -> None:
        with pytest.raises(LimitExceeded) as caught:
            make(store, secret="s3cret" * 200)

        assert "s3cret" not in str(caught.value)

    def test_change_leaves_the_rest_as_it_is(self, store: Store) -> None:
        made = make(store, description="d", secret="s")

        changed = store.webhooks.update(
            made.webhook_id,
            WebhookChange(name="other", events=[MOVED], status=WebhookStatus.DISABLED),
            cause=local_cause(),
        )

        assert (changed.name, changed.events, changed.status) == ("other", [MOVED], "DISABLED")
        assert (changed.url, changed.description, changed.has_secret) == (URL, "d", True)
        assert changed.last_updated_timestamp >= made.last_updated_timestamp
        assert store.webhooks.get(made.webhook_id) == changed

    def test_empty_secret_ends_the_signing(self, store: Store) -> None:
        made = make(store, secret="s", description="d")

        changed = store.webhooks.update(
            made.webhook_id, WebhookChange(secret="", description=""), cause=local_cause()
        )

        assert (changed.has_secret, changed.description) == (False, "")

    @pytest.mark.parametrize(
        "change",
        [
            WebhookChange(name=""),
            WebhookChange(events=[]),
            WebhookChange(url="https://10.0.0.1/"),
            WebhookChange(events=[WebhookEvent("x", "y")]),
        ],
        ids=str,
    )
    def test_bad_change_is_refused(self, store: Store, change: WebhookChange) -> None:
        made = make(store)

        with pytest.raises(InvalidInput):
            store.webhooks.update(made.webhook_id, change, cause=local_cause())

        assert store.webhooks.get(made.webhook_id) == made

    def test_pages_hold_every_webhook_once_the_latest_first(self, store: Store) -> None:
        made = [make(store, name=f"w{i}").webhook_id for i in range(5)]
        seen, token = [], None
        while True:
            page = store.webhooks.page(max_results=2, page_token=token)
            seen += [(-one.creation_timestamp, one.webhook_id) for one in page]
            token = page.token
            if token is None:
                break

        assert sorted(ident for _, ident in seen) == sorted(made)
        assert [time for time, _ in seen] == sorted(time for time, _ in seen)

    def test_bad_page_token_is_refused(self, store: Store) -> None:
        with pytest.raises(InvalidPageToken):
            store.webhooks.page(page_token="nonsense")

    @pytest.mark.parametrize("max_results", [0, -1, 1_001])
    def test_bad_page_size_is_refused(self, store: Store, max_results: int) -> None:
        with pytest.raises(InvalidInput):
            store.webhooks.page(max_results=max_results)

    def test_deleted_webhook_is_gone(self, store: Store) -> None:
        made, kept = make(store), make(store)

        store.webhooks.delete(made.webhook_id, cause=local_cause())

        assert list(store.webhooks.page()) == [kept]

    @pytest.mark.parametrize(
        "call",
        [
            lambda s: s.webhooks.get(MISSING),
            lambda s: s.webhooks.update(MISSING, WebhookChange(name="x"), cause=local_cause()),
            lambda s: s.webhooks.delete(MISSING, cause=local_cause()),
            lambda s: s.webhooks.deliveries(MISSING),
            lambda s: s.webhooks.test(MISSING),
            lambda s: s.webhooks.get("../experiments/0"),
        ],
    )
    def test_missing_webhook_is_told(self, store: Store, call: Callable[[Store], object]) -> None:
        with pytest.raises(RegistryItemNotFound):
            call(store)

    def test_trying_an_unknown_event_is_refused(self, store: Store) -> None:
        with pytest.raises(InvalidInput):
            store.webhooks.test(make(store).webhook_id, WebhookEvent("model_version", "eaten"))

    def test_webhook_that_was_told_nothing_has_an_empty_log(self, store: Store) -> None:
        assert store.webhooks.deliveries(make(store).webhook_id) == []

    def test_changes_are_audited_without_the_secret(self, store: Store) -> None:
        made = make(store, secret="s3cret")
        store.webhooks.update(
            made.webhook_id, WebhookChange(secret="t0p", name="x"), cause=local_cause()
        )
        store.webhooks.delete(made.webhook_id, cause=local_cause("no more"))

        records = store.audit.page()

        assert [r.action for r in records] == [
            "webhook.created",
            "webhook.updated",
            "webhook.deleted",
        ]
        assert records[0].details["url"] == URL
        assert records[1].details["changes"] == {"name": ["w", "x"], "secret": "set"}
        assert [r.reason for r in records] == ["why", "", "no more"]
        assert not any(word in str(records) for word in ("s3cret", "t0p"))

"""The outbox in SQL: told with the change or not at all, claimed by one, in order."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from assay.entities.audit import AuditAction
from assay.entities.webhooks import DeliveryStatus, Webhook, WebhookEvent, WebhookStatus
from assay.store.registry import NewWebhook, WebhookChange
from assay.store.sql.audit import append_audit
from assay.store.sql.statements import Sql
from assay.store.sql.store import SqlStore, open_sql_store
from assay.store.sql.webhook_outbox import MAX_KEPT, tell
from assay.store.user import local_cause
from assay.webhooks.outbox import PATIENCE, Claim, Outcome

EVENT = WebhookEvent("model_version", "created")
DAY_MS = 24 * 3_600_000
DELIVERED = Outcome(status=DeliveryStatus.DELIVERED, response_status=200)
AGAIN = Outcome(
    status=DeliveryStatus.WAITING, retry_in_s=1_000, response_status=500, error="It answered 500."
)
AT_ONCE = Outcome(status=DeliveryStatus.WAITING, retry_in_s=-1, error="Not yet.")


def make(store: SqlStore, **facts: Any) -> Webhook:
    given = {"name": "w", "url": "https://1.1.1.1/", "events": [EVENT], "secret": "s", **facts}
    return store.webhooks.create(NewWebhook(**given), cause=local_cause())


def say(store: SqlStore, *texts: str, event: WebhookEvent = EVENT) -> None:
    def run(conn: Connection, text: str) -> None:
        tell(conn, event.entity, event.action, {"name": text})

    for text in texts:
        store.database.write(partial(run, text=text))


def change(store: SqlStore, text: str, *params: object) -> None:
    def run(conn: Connection) -> int:
        return Sql(text).run(conn, *params)

    store.database.write(run)


def claim(store: SqlStore, webhook: Webhook, *, lease_s: float = 60.0) -> Claim:
    found = store.outbox.claim(webhook.webhook_id, lease_s=lease_s)
    assert found is not None
    return found


def log(store: SqlStore, webhook: Webhook) -> list[tuple[str, str]]:
    found = store.webhooks.deliveries(webhook.webhook_id)
    return [(one.payload["name"], one.status.value) for one in reversed(found)]


class Outbox(ABC):
    """What holds over each database."""

    @pytest.fixture
    @abstractmethod
    def store(self) -> SqlStore:
        """A fresh store."""

    @pytest.fixture
    def webhook(self, store: SqlStore) -> Webhook:
        return make(store)

    def test_a_webhook_is_told_what_it_subscribed_to(
        self, store: SqlStore, webhook: Webhook
    ) -> None:
        say(store, "other", event=WebhookEvent("model_version_tag", "set"))
        say(store, "m")

        found = claim(store, webhook)

        assert (found.event, found.data, found.attempts) == (EVENT, '{"name":"m"}', 1)
        assert (found.url, found.secret) == ("https://1.1.1.1/", "s")

    def test_a_disabled_webhook_is_told_nothing(self, store: SqlStore) -> None:
        webhook = make(store, status=WebhookStatus.DISABLED)

        say(store, "m")

        assert log(store, webhook) == []
        assert store.outbox.due() == []

    def test_what_did_not_happen_is_not_told(self, store: SqlStore, webhook: Webhook) -> None:
        def fail(conn: Connection) -> None:
            tell(conn, EVENT.entity, EVENT.action, {"name": "m"})
            raise KeyError

        with pytest.raises(KeyError):
            store.database.write(fail)

        assert log(store, webhook) == []

    def test_a_claimed_message_is_nobody_elses(self, store: SqlStore, webhook: Webhook) -> None:
        say(store, "m")
        claim(store, webhook)

        assert store.outbox.due() == []
        assert store.outbox.claim(webhook.webhook_id, lease_s=60) is None

    def test_of_many_that_claim_at_once_one_gets_it(
        self, store: SqlStore, webhook: Webhook
    ) -> None:
        say(store, "m")
        got: list[Claim | None] = []
        start = threading.Barrier(8)

        def run() -> None:
            start.wait()
            got.append(store.outbox.claim(webhook.webhook_id, lease_s=60))

        threads = [threading.Thread(target=run) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len([one for one in got if one is not None]) == 1
        assert len(got) == 8

    def test_what_a_dead_process_had_claimed_is_claimed_again(
        self, store: SqlStore, webhook: Webhook
    ) -> None:
        say(store, "m")
        lost = claim(store, webhook, lease_s=-1)

        found = None
        while found is None:  # the lease is over with the next millisecond
            found = store.outbox.claim(webhook.webhook_id, lease_s=60)

        assert (found.delivery_id, found.attempts) == (lost.delivery_id, 2)
        assert not store.outbox.finish(lost, DELIVERED)
        assert store.outbox.finish(found, DELIVERED)

    def test_messages_are_claimed_in_the_order_of_the_changes(
        self, store: SqlStore, webhook: Webhook
    ) -> None:
        say(store, *"abcdefghij")

        seen = []
        while found := store.outbox.claim(webhook.webhook_id, lease_s=60):
            seen.append(found.data[9])
            store.outbox.finish(found, DELIVERED)

        assert seen == list("abcdefghij")
        assert log(store, webhook) == [(name, "delivered") for name in "abcdefghij"]

    def test_later_messages_wait_for_one_that_is_being_sent(
        self, store: SqlStore, webhook: Webhook
    ) -> None:
        say(store, "a", "b")
        claim(store, webhook)

        assert store.outbox.claim(webhook.webhook_id, lease_s=60) is None

    def test_later_messages_wait_for_one_that_failed_a_few_times_and_then_pass_it(
        self, store: SqlStore, webhook: Webhook
    ) -> None:
        say(store, "a", "b")
        for _ in range(PATIENCE - 1):
            store.outbox.finish(claim(store, webhook), AT_ONCE)

        last = claim(store, webhook)
        assert (last.data, last.attempts) == ('{"name":"a"}', PATIENCE)
        store.outbox.finish(last, AGAIN)

        assert claim(store, webhook).data == '{"name":"b"}'

    def test_many_tries_that_wait_do_not_hide_what_is_due(
        self, store: SqlStore, webhook: Webhook
    ) -> None:
        say(store, *(f"n{i}" for i in range(120)))
        change(
            store,
            "UPDATE webhook_deliveries SET attempts = ?, next_time = 9000000000000000",
            PATIENCE,
        )
        say(store, "z")

        assert claim(store, webhook).data == '{"name":"z"}'

    def test_a_failed_try_is_noted_and_waits(self, store: SqlStore, webhook: Webhook) -> None:
        say(store, "m")
        store.outbox.finish(claim(store, webhook), AGAIN)

        [noted] = store.webhooks.deliveries(webhook.webhook_id)

        assert (noted.status, noted.attempts) == (DeliveryStatus.WAITING, 1)
        assert (noted.response_status, noted.error) == (500, "It answered 500.")
        assert 900_000 < noted.next_time - noted.created < 1_100_000
        assert noted.finished is None

    def test_a_message_goes_to_where_its_webhook_leads_by_then(
        self, store: SqlStore, webhook: Webhook
    ) -> None:
        say(store, "m")
        store.webhooks.update(
            webhook.webhook_id,
            WebhookChange(url="https://8.8.8.8/", secret="t"),
            cause=local_cause(),
        )

        found = claim(store, webhook)

        assert (found.url, found.secret) == ("https://8.8.8.8/", "t")

    def test_disabling_a_webhook_gives_up_what_waits(
        self, store: SqlStore, webhook: Webhook
    ) -> None:
        say(store, "a", "b")
        sending = claim(store, webhook)
        store.webhooks.update(
            webhook.webhook_id, WebhookChange(status=WebhookStatus.DISABLED), cause=local_cause()
        )

        assert log(store, webhook) == [("a", "failed"), ("b", "failed")]
        assert not store.outbox.finish(sending, DELIVERED)

    def test_deleting_a_webhook_drops_its_messages(self, store: SqlStore, webhook: Webhook) -> None:
        say(store, "a")
        sending = claim(store, webhook)
        store.webhooks.delete(webhook.webhook_id, cause=local_cause())

        assert store.outbox.due() == []
        assert not store.outbox.finish(sending, DELIVERED)

    def test_what_has_waited_for_a_day_is_given_up(self, store: SqlStore, webhook: Webhook) -> None:
        say(store, "old")
        change(store, "UPDATE webhook_deliveries SET created = created - ?", 2 * DAY_MS)
        say(store, "new")

        store.outbox.prune()

        assert log(store, webhook) == [("old", "failed"), ("new", "waiting")]

    def test_the_log_forgets_what_is_a_month_old(self, store: SqlStore, webhook: Webhook) -> None:
        say(store, "old")
        store.outbox.finish(claim(store, webhook), DELIVERED)
        change(store, "UPDATE webhook_deliveries SET created = created - ?", 31 * DAY_MS)
        say(store, "new")
        store.outbox.finish(claim(store, webhook), DELIVERED)

        assert store.outbox.prune() == 1
        assert log(store, webhook) == [("new", "delivered")]

    def test_the_log_has_an_end(self, store: SqlStore, webhook: Webhook) -> None:
        rows = [(f"{i:032x}", webhook.webhook_id, i) for i in range(MAX_KEPT + 50)]
        insert = Sql(
            "INSERT INTO webhook_deliveries (delivery_id, webhook_id, entity, action, payload,"
            " created, status, attempts, next_time, error)"
            " VALUES (?, ?, 'model_version', 'created', '{}', ?, 'delivered', 1, 0, '')"
        )
        store.database.write(lambda conn: insert.many(conn, rows))
        now = store.webhooks.get(webhook.webhook_id).creation_timestamp
        change(store, "UPDATE webhook_deliveries SET created = created + ?", now)

        assert store.outbox.prune() == 50

    def test_a_webhook_can_be_deleted_while_changes_tell_it(self, store: SqlStore) -> None:
        failures: list[BaseException] = []

        def guard(call: Callable[[], object]) -> None:
            try:
                for _ in range(20):
                    call()
            except BaseException as error:
                failures.append(error)

        def change_registry(conn: Connection) -> None:
            append_audit(conn, local_cause(), AuditAction.MODEL_CREATED)
            tell(conn, EVENT.entity, EVENT.action, {})

        def come_and_go() -> None:
            made = make(store)
            store.webhooks.update(made.webhook_id, WebhookChange(name="x"), cause=local_cause())
            store.webhooks.delete(made.webhook_id, cause=local_cause())

        calls = [come_and_go, come_and_go, *([lambda: store.database.write(change_registry)] * 4)]
        threads = [threading.Thread(target=guard, args=(call,)) for call in calls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert failures == []
        assert store.audit.verify().ok


class TestSqliteOutbox(Outbox):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SqlStore]:
        store = open_sql_store(f"sqlite:///{tmp_path}/assay.db")
        yield store
        store.close()


@pytest.mark.postgres
class TestPostgresOutbox(Outbox):
    @pytest.fixture
    def store(self, postgres_uri: str) -> Iterator[SqlStore]:
        store = open_sql_store(postgres_uri)
        yield store
        store.close()

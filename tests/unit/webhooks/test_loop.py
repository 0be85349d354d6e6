"""The sending loop: real stores, a real loop, real receivers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from assay.entities.webhooks import DeliveryStatus, Webhook, WebhookDelivery, WebhookEvent
from assay.server.background import BackgroundLoop
from assay.store.registry import NewWebhook
from assay.store.sql.store import SqlStore, open_sql_store
from assay.store.sql.webhook_outbox import tell
from assay.store.user import local_cause
from assay.webhooks.addresses import AllowList
from assay.webhooks.loop import MAX_ATTEMPTS, DeliveryLoop, outcome_of, wait_after
from assay.webhooks.outbox import bell
from assay.webhooks.sender import Answer, Sender
from tests.services.webhook_receiver import WAIT_S, Receiver, Reply, receiving

EVENT = WebhookEvent("model_version", "created")
NEVER_S = 3_600.0
"""How often the loops here look by themselves: what happens is due to the bell and to wakes."""

Start = Callable[..., DeliveryLoop]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    store = open_sql_store(f"sqlite:///{tmp_path}/assay.db", webhook_allow=["127.0.0.1"])
    yield store
    store.close()


@pytest.fixture
def start(store: SqlStore) -> Iterator[Start]:
    running: list[tuple[DeliveryLoop, BackgroundLoop]] = []

    def run(
        on: SqlStore = store, *, timeout_s: float = 10.0, every_s: float = NEVER_S, **options: Any
    ) -> DeliveryLoop:
        sender = Sender(AllowList(["127.0.0.1"]), timeout_s=timeout_s)
        sending = DeliveryLoop(on.outbox, sender, **options)
        loop = BackgroundLoop("test", sending.round, every_s=every_s)
        sending.wake = loop.wake
        bell.add(sending.ring)
        running.append((sending, loop))
        loop.start()
        return sending

    yield run
    for sending, loop in running:
        bell.remove(sending.ring)
        loop.stop()
        assert sending.close(WAIT_S)
        assert loop.join(WAIT_S)


def make(store: SqlStore, receiver: Receiver) -> Webhook:
    new = NewWebhook(name="w", url=receiver.url, events=[EVENT])
    return store.webhooks.create(new, cause=local_cause())


def say(store: SqlStore, count: int, *, first: int = 0) -> None:
    def run(conn: Connection, number: int) -> None:
        tell(conn, EVENT.entity, EVENT.action, {"number": number})

    for number in range(first, first + count):
        store.database.write(partial(run, number=number))


def numbers(receiver: Receiver) -> list[int]:
    return [message.json["data"]["number"] for message in receiver.messages]


def wait_for_log(
    store: SqlStore, webhook: Webhook, holds: Callable[[list[WebhookDelivery]], bool]
) -> list[WebhookDelivery]:
    """The log, the oldest first, once it is as awaited."""
    pause = threading.Event()
    for _ in range(int(WAIT_S / 0.01)):
        found = store.webhooks.deliveries(webhook.webhook_id, max_results=1_000)[::-1]
        if holds(found):
            return found
        pause.wait(0.01)
    pytest.fail(str(found))


def all_delivered(log: list[WebhookDelivery]) -> bool:
    return all(one.status is DeliveryStatus.DELIVERED for one in log)


def test_a_change_is_told_at_once_and_in_order(
    store: SqlStore, start: Start, receiver: Receiver
) -> None:
    webhook = make(store, receiver)
    start()

    say(store, 60)

    receiver.wait_for(60)
    assert numbers(receiver) == list(range(60))
    log = wait_for_log(store, webhook, all_delivered)
    assert [one.delivery_id for one in log] == [
        message.headers["x-mlflow-delivery-id"] for message in receiver.messages
    ]
    assert {(one.attempts, one.response_status) for one in log} == {(1, 200)}


def test_what_was_told_before_the_loop_began_is_sent(
    store: SqlStore, start: Start, receiver: Receiver
) -> None:
    make(store, receiver)
    say(store, 3)

    start()

    receiver.wait_for(3)
    assert numbers(receiver) == [0, 1, 2]


def test_what_another_process_told_is_seen_by_looking(
    store: SqlStore, start: Start, receiver: Receiver
) -> None:
    make(store, receiver)
    sending = start(every_s=0.01)
    bell.remove(sending.ring)

    say(store, 1)

    receiver.wait_for(1)


def test_a_message_that_was_not_taken_is_sent_again_as_it_was(
    store: SqlStore, start: Start, receiver: Receiver
) -> None:
    answers = iter([Reply(503, body=b"not now"), Reply(200)])
    receiver.answering = lambda _: next(answers)
    webhook = make(store, receiver)
    start(every_s=0.05)

    say(store, 1)

    first, second = receiver.wait_for(2)
    assert first.content == second.content
    assert first.headers["x-mlflow-delivery-id"] == second.headers["x-mlflow-delivery-id"]
    [noted] = wait_for_log(store, webhook, all_delivered)
    assert (noted.attempts, noted.response_status, noted.error) == (2, 200, "")


def test_later_messages_wait_for_one_that_is_tried_again(
    store: SqlStore, start: Start, receiver: Receiver
) -> None:
    answers = iter([Reply(500), *[Reply(200)] * 3])
    receiver.answering = lambda _: next(answers)
    make(store, receiver)
    start(every_s=0.05)

    say(store, 3)

    receiver.wait_for(4)
    assert numbers(receiver) == [0, 0, 1, 2]


def test_a_message_that_is_refused_for_good_is_not_sent_again(
    store: SqlStore, start: Start, receiver: Receiver
) -> None:
    answers = iter([Reply(400, body=b"what is this?"), Reply(200)])
    receiver.answering = lambda _: next(answers)
    webhook = make(store, receiver)
    start()

    say(store, 2)

    receiver.wait_for(2)
    refused, taken = wait_for_log(
        store, webhook, lambda log: all(one.finished is not None for one in log)
    )
    assert (refused.status, refused.error) == ("failed", "It answered 400: what is this?")
    assert taken.status == "delivered"


def test_slow_and_dead_receivers_do_not_hold_up_others(
    store: SqlStore, start: Start, receiver: Receiver
) -> None:
    released = threading.Event()

    def hang(_: object) -> Reply:
        released.wait(WAIT_S)
        return Reply(200)

    with receiving() as first, receiving() as second, receiving() as third:
        for slow in (first, second, third):
            slow.answering = hang
            make(store, slow)
        make(store, receiver)
        start(threads=2, timeout_s=0.3, every_s=0.05)
        try:
            say(store, 10)
            receiver.wait_for(10)
        finally:
            released.set()
    assert numbers(receiver) == list(range(10))


@pytest.fixture
def other(store: SqlStore, tmp_path: Path) -> Iterator[SqlStore]:
    """The same database, as another process has it open."""
    other = open_sql_store(f"sqlite:///{tmp_path}/assay.db")
    yield other
    other.close()


def test_two_processes_send_each_message_once_and_in_order(
    store: SqlStore, other: SqlStore, start: Start, receiver: Receiver
) -> None:
    webhook = make(store, receiver)
    start(every_s=0.005)
    start(other, every_s=0.005)

    say(store, 150)

    receiver.wait_for(150)
    wait_for_log(store, webhook, all_delivered)
    assert numbers(receiver) == list(range(150))


def test_closing_waits_for_what_is_on_its_way(
    store: SqlStore, start: Start, receiver: Receiver
) -> None:
    released = threading.Event()

    def slow(_: object) -> Reply:
        released.wait(WAIT_S)
        return Reply(200)

    receiver.answering = slow
    webhook = make(store, receiver)
    sending = start()
    say(store, 2)
    receiver.wait_for(1)

    assert not sending.close(0.01)
    released.set()
    assert sending.close(WAIT_S)

    log = store.webhooks.deliveries(webhook.webhook_id)[::-1]
    assert [one.status for one in log] == ["delivered", "waiting"]


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_such_an_answer_is_tried_again(status: int) -> None:
    outcome = outcome_of(Answer(status, b"", None), attempts=1)

    assert outcome.status is DeliveryStatus.WAITING
    assert outcome.response_status == status


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 410, 422])
def test_such_an_answer_is_final(status: int) -> None:
    assert outcome_of(Answer(status, b"", None), attempts=1).status is DeliveryStatus.FAILED


def test_what_a_receiver_says_is_noted_without_characters_that_no_log_takes() -> None:
    outcome = outcome_of(Answer(500, b"\0\x1b[31mno\xff\n", None), attempts=1)

    assert outcome.error == "It answered 500: [31mno\ufffd"


def test_after_the_last_try_a_message_has_failed() -> None:
    answer = Answer(500, b"x" * 4_096, None)

    assert outcome_of(answer, attempts=MAX_ATTEMPTS - 1).status is DeliveryStatus.WAITING
    last = outcome_of(answer, attempts=MAX_ATTEMPTS)
    assert (last.status, len(last.error)) == (DeliveryStatus.FAILED, len("It answered 500: ") + 200)


@pytest.mark.parametrize(("asked_s", "wait_s"), [(120.0, 120.0), (1e9, 3_600.0)])
def test_a_receiver_that_asks_for_it_is_left_alone_for_an_hour_at_most(
    asked_s: float, wait_s: float
) -> None:
    assert outcome_of(Answer(429, b"", asked_s), attempts=1).retry_in_s == wait_s


def test_waits_grow_to_an_hour_and_take_hours_together() -> None:
    waits = [wait_after(attempts) for attempts in range(1, MAX_ATTEMPTS)]

    assert waits[:-1] == sorted(waits[:-1])
    assert 0.75 <= waits[0] <= 1
    assert max(waits) <= 3_600
    assert 1.5 * 3_600 < sum(waits) < 3 * 3_600

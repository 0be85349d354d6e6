"""``assay webhooks`` over a local store."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.webhooks.allowed import ALLOW_VARIABLE
from tests.services.webhook_receiver import Reply, receiving
from tests.unit.cli.conftest import Assay

URL = "https://1.1.1.1/hook"


def test_a_webhook_is_made_listed_changed_and_deleted(assay: Assay, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("s3cret\n")
    made = assay("webhooks", "create", "ci", URL, "-e", "model_version.created").stdout.strip()

    [listed] = assay.json("webhooks", "list")
    assert (listed["webhook_id"], listed["name"], listed["url"]) == (made, "ci", URL)
    assert listed["events"] == [{"entity": "model_version", "action": "created"}]
    assert (listed["status"], listed["has_secret"]) == ("ACTIVE", False)
    changed = assay.json(
        *("webhooks", "update", "ci", "--disable", "--secret-file", str(secret)),
        *("-e", "transition_request.created", "--reason", "because"),
    )
    assert (changed["status"], changed["has_secret"]) == ("DISABLED", True)
    assert changed["events"] == [{"entity": "transition_request", "action": "created"}]
    assert "s3cret" not in assay("webhooks", "list").stdout
    assert assay.json("webhooks", "update", made, "--no-secret")["has_secret"] is False
    assert assay.json("webhooks", "delete", made) == {"deleted": made}
    assert assay.lines("webhooks", "list")[1:] == []


def test_the_reason_is_in_the_audit_log(assay: Assay) -> None:
    assay("webhooks", "create", "ci", URL, "-e", "prompt.created", "--reason", "because")
    store = assay.store()
    try:
        [record] = store.audit.page()
    finally:
        store.close()
    assert (record.action, record.reason) == ("webhook.created", "because")


@pytest.mark.parametrize(
    "arguments",
    [
        ("create", "ci", "http://1.1.1.1/", "-e", "model_version.created"),
        ("create", "ci", "https://127.0.0.1/", "-e", "model_version.created"),
        ("create", "ci", URL, "-e", "model_version"),
        ("create", "ci", URL, "-e", "model_version.eaten"),
        ("delete", "nobody"),
        ("deliveries", "nobody"),
        ("test", "nobody"),
    ],
)
def test_what_is_wrong_is_one_line(assay: Assay, arguments: tuple[str, ...]) -> None:
    done = assay("webhooks", *arguments, code=2)

    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1


def test_a_name_that_two_have_is_refused(assay: Assay) -> None:
    for _ in range(2):
        assay("webhooks", "create", "ci", URL, "-e", "prompt.created")

    assert "Several webhooks" in assay("webhooks", "delete", "ci", code=2).stderr


def test_a_webhook_can_be_tried_out(assay: Assay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOW_VARIABLE, "127.0.0.1")
    with receiving() as receiver:
        assay("webhooks", "create", "ci", receiver.url, "-e", "model_version.created")

        assert assay("webhooks", "test", "ci").stdout == "taken: 200 thanks\n"
        tried = assay.json("webhooks", "test", "ci", "-e", "model_version_stage.changed")
        assert tried["success"] is True
        receiver.answering = lambda _: Reply(500, body=b"\x1b[31mno")
        assert assay("webhooks", "test", "ci", code=1).stdout == "refused: 500 \ufffd[31mno\n"
    assert [message.event for message in receiver.messages[:2]] == [
        "model_version.created",
        "model_version_stage.changed",
    ]
    assert assay("webhooks", "test", "ci", code=1).stdout.startswith("not sent: ")

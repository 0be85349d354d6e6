"""``assay webhooks``: who is told of what happens in the registry, and what they were told."""

from __future__ import annotations

from typing import TextIO

import click

from assay.cli.connection import opened
from assay.cli.output import clean, print_json, print_rows, say, when
from assay.client.client_webhooks import as_event
from assay.entities.webhooks import Webhook, WebhookStatus
from assay.errors import InvalidInput, RegistryItemNotFound
from assay.store.base import Store
from assay.store.registry import NewWebhook, WebhookChange
from assay.store.user import local_cause

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_reason = click.option("--reason", default="", help="Why; the audit log keeps it.")
_secret = click.option(
    "--secret-file",
    type=click.File("r"),
    help="File with the secret that signs messages, - for standard input.",
)


@click.group()
def webhooks() -> None:
    """Tell other programs what happens in the registry. A webhook is named by id or name."""


@webhooks.command("list")
@_as_json
@click.pass_context
def list_webhooks(ctx: click.Context, as_json: bool) -> None:
    """List webhooks, the latest made first.

    \b
    Example:
      assay webhooks list
    """
    with opened(ctx) as store:
        found = _all(store)
    if as_json:
        print_json(found)
        return
    print_rows(
        ("webhook_id", "name", "status", "url", "events", "signed", "created"),
        [
            (
                one.webhook_id,
                one.name,
                one.status.value.lower(),
                one.url,
                ", ".join(map(str, one.events)),
                "yes" if one.has_secret else "no",
                when(one.creation_timestamp),
            )
            for one in found
        ],
    )


@webhooks.command("create")
@click.argument("name")
@click.argument("url")
@click.option(
    "--event",
    "-e",
    "events",
    multiple=True,
    required=True,
    help="What to tell of, such as model_version.created; repeat.",
)
@click.option("--description", default="", help="What it is for.")
@_secret
@click.option("--disabled", is_flag=True, help="Don't tell it anything yet.")
@_reason
@_as_json
@click.pass_context
def create(
    ctx: click.Context,
    /,
    *,
    name: str,
    url: str,
    events: tuple[str, ...],
    description: str,
    secret_file: TextIO | None,
    disabled: bool,
    reason: str,
    as_json: bool,
) -> None:
    """Let a URL be told of events. A server does the telling.

    \b
    Examples:
      assay webhooks create ci https://ci.example.org/hook -e model_version.created
      assay webhooks create ci https://ci.example.org/hook -e transition_request.created \\
        --secret-file secret.txt
    """
    webhook = NewWebhook(
        name=name,
        url=url,
        events=[as_event(event) for event in events],
        description=description,
        secret=_read(secret_file) or "",
        status=WebhookStatus.DISABLED if disabled else WebhookStatus.ACTIVE,
    )
    with opened(ctx) as store:
        made = store.webhooks.create(webhook, cause=local_cause(reason))
    _show(made, as_json=as_json)


@webhooks.command("update")
@click.argument("webhook")
@click.option("--name", help="Another name.")
@click.option("--url", help="Another URL; what waits goes there, too.")
@click.option("--event", "-e", "events", multiple=True, help="What to tell of instead; repeat.")
@click.option("--description", help="Another description.")
@_secret
@click.option("--no-secret", is_flag=True, help="Don't sign messages any more.")
@click.option("--enable/--disable", "enabled", default=None, help="Disabling drops what waits.")
@_reason
@_as_json
@click.pass_context
def update(
    ctx: click.Context,
    /,
    *,
    webhook: str,
    name: str | None,
    url: str | None,
    events: tuple[str, ...],
    description: str | None,
    secret_file: TextIO | None,
    no_secret: bool,
    enabled: bool | None,
    reason: str,
    as_json: bool,
) -> None:
    """Change a webhook; what isn't given stays.

    \b
    Examples:
      assay webhooks update ci --disable --reason "moved to another CI"
      assay webhooks update ci --url https://ci.example.org/new --secret-file secret.txt
    """
    if no_secret and secret_file is not None:
        raise InvalidInput("--secret-file and --no-secret exclude each other.")
    status = None
    if enabled is not None:
        status = WebhookStatus.ACTIVE if enabled else WebhookStatus.DISABLED
    change = WebhookChange(
        name=name,
        url=url,
        events=[as_event(event) for event in events] or None,
        description=description,
        secret="" if no_secret else _read(secret_file),
        status=status,
    )
    with opened(ctx) as store:
        found = _find(store, webhook)
        changed = store.webhooks.update(found.webhook_id, change, cause=local_cause(reason))
    _show(changed, as_json=as_json)


@webhooks.command("delete")
@click.argument("webhook")
@_reason
@_as_json
@click.pass_context
def delete(ctx: click.Context, webhook: str, reason: str, as_json: bool) -> None:
    """Delete a webhook with its log.

    \b
    Example:
      assay webhooks delete ci
    """
    with opened(ctx) as store:
        found = _find(store, webhook)
        store.webhooks.delete(found.webhook_id, cause=local_cause(reason))
    if as_json:
        print_json({"deleted": found.webhook_id})
    else:
        say(f"deleted {found.webhook_id} {clean(found.name)}")


@webhooks.command("test")
@click.argument("webhook")
@click.option("--event", "-e", help="What the message tells of.  [default: its first event]")
@_as_json
@click.pass_context
def test(ctx: click.Context, webhook: str, event: str | None, as_json: bool) -> None:
    """Send a made-up message now and show the answer; ends with 1 if it wasn't taken.

    \b
    Example:
      assay webhooks test ci --event model_version.created
    """
    with opened(ctx) as store:
        found = _find(store, webhook)
        chosen = None if event is None else as_event(event)
        result = store.webhooks.test(found.webhook_id, chosen)
    if as_json:
        print_json(result)
    elif result.response_status is None:
        say(f"not sent: {clean(result.error_message)}")
    else:
        said = clean(result.response_body).strip()
        say(f"{'taken' if result.success else 'refused'}: {result.response_status} {said}".strip())
    if not result.success:
        ctx.exit(1)


@webhooks.command("deliveries")
@click.argument("webhook")
@click.option("--limit", type=click.IntRange(1, 1_000), default=100, show_default=True)
@_as_json
@click.pass_context
def deliveries(ctx: click.Context, webhook: str, limit: int, as_json: bool) -> None:
    """Show what a webhook was or will be told, the latest first.

    \b
    Example:
      assay webhooks deliveries ci --limit 20
    """
    with opened(ctx) as store:
        found = store.webhooks.deliveries(_find(store, webhook).webhook_id, max_results=limit)
    if as_json:
        print_json(found)
        return
    print_rows(
        ("created", "event", "status", "attempts", "answer", "error", "delivery_id"),
        [
            (
                when(one.created),
                str(one.event),
                one.status.value,
                one.attempts,
                one.response_status,
                one.error,
                one.delivery_id,
            )
            for one in found
        ],
    )


def _read(secret_file: TextIO | None) -> str | None:
    """The secret without the line end that editors add."""
    if secret_file is None:
        return None
    secret = secret_file.read().rstrip("\r\n")
    if not secret:
        raise InvalidInput("The file with the secret is empty.")
    return secret


def _all(store: Store) -> list[Webhook]:
    found: list[Webhook] = []
    token: str | None = None
    while True:
        page = store.webhooks.page(max_results=1_000, page_token=token)
        found.extend(page)
        token = page.token
        if token is None:
            return found


def _find(store: Store, text: str) -> Webhook:
    """The webhook with this id or, where only one has it, this name.

    Raises:
        RegistryItemNotFound: there is none.
        InvalidInput: several have this name.
    """
    found = _all(store)
    fitting = [one for one in found if one.webhook_id == text] or [
        one for one in found if one.name == text
    ]
    if not fitting:
        raise RegistryItemNotFound("webhook", text)
    if len(fitting) > 1:
        ids = ", ".join(one.webhook_id for one in fitting)
        raise InvalidInput(f"Several webhooks are named {text!r}: {ids}. Give the id.")
    return fitting[0]


def _show(webhook: Webhook, *, as_json: bool) -> None:
    if as_json:
        print_json(webhook)
    else:
        say(webhook.webhook_id)

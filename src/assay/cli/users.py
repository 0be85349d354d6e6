"""``assay users``: who may sign in to a server, with which roles and tokens.

It works on the server's database and never through the server: there is no route that could give
somebody rights.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from assay.cli.ages import age_ms
from assay.cli.connection import location_of
from assay.cli.output import clean, print_json, print_rows, say, when
from assay.client.connect import open_store
from assay.entities.users import BUILT_IN_ROLES, ApiToken, User
from assay.errors import InvalidInput
from assay.store.sql.store import SqlStore
from assay.store.sql.users import SqlUsers
from assay.store.user import local_cause

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def users() -> None:
    """Say who may sign in to a server that runs with --auth tokens, on its database."""


@contextmanager
def _opened(ctx: click.Context) -> Iterator[SqlUsers]:
    location = location_of(ctx)
    if location.kind == "http":
        raise InvalidInput(
            f"{location.shown_uri} is a server."
            " Run `assay users` on its machine, with -t and its database."
        )
    store = open_store(location)
    assert isinstance(store, SqlStore)
    try:
        yield store.users
    finally:
        store.close()


@users.command("add")
@click.argument("name")
@click.option(
    "--role",
    "-r",
    "roles",
    multiple=True,
    required=True,
    help=f"{', '.join(BUILT_IN_ROLES)}, or a role of your own for policies; repeat.",
)
@_as_json
@click.pass_context
def add(ctx: click.Context, name: str, roles: tuple[str, ...], as_json: bool) -> None:
    """Let a user sign in, or give one other roles than before; also lets a disabled one in again.

    \b
    Examples:
      assay users add alice --role writer --role ml-lead
      assay -t postgresql://localhost/assay users add ci --role writer
    """
    with _opened(ctx) as known:
        user = known.set(name, roles, cause=local_cause())
    _show(user, as_json=as_json)


@users.command("list")
@_as_json
@click.pass_context
def list_users(ctx: click.Context, as_json: bool) -> None:
    """List users with their roles.

    \b
    Example:
      assay users list
    """
    with _opened(ctx) as known:
        found = known.list()
    if as_json:
        print_json(found)
        return
    print_rows(
        ("name", "roles", "state", "created"),
        [(one.name, ", ".join(one.roles), _state(one), when(one.created)) for one in found],
    )


@users.command("disable")
@click.argument("name")
@_as_json
@click.pass_context
def disable(ctx: click.Context, name: str, as_json: bool) -> None:
    """Refuse a user's tokens for now; running servers do so within seconds.

    \b
    Example:
      assay users disable alice
    """
    with _opened(ctx) as known:
        user = known.disable(name, cause=local_cause())
    _show(user, as_json=as_json)


@users.command("remove")
@click.argument("name")
@_as_json
@click.pass_context
def remove(ctx: click.Context, name: str, as_json: bool) -> None:
    """Remove a user with all tokens. The audit log keeps what they did.

    \b
    Example:
      assay users remove alice
    """
    with _opened(ctx) as known:
        known.remove(name, cause=local_cause())
    if as_json:
        print_json({"name": name, "removed": True})
    else:
        say(f"removed {clean(name)}")


@users.command("token")
@click.argument("name")
@click.option("--label", default="", help="What the token is for.")
@click.option("--expires", metavar="AGE", help="After this time it is refused: 90d, 12h.")
@_as_json
@click.pass_context
def token(ctx: click.Context, name: str, label: str, expires: str | None, as_json: bool) -> None:
    """Make a token for a user and print its secret, which nobody can read again.

    \b
    Examples:
      assay users token alice
      assay users token ci --label "nightly training" --expires 90d
    """
    until = None if expires is None else time.time_ns() // 1_000_000 + age_ms(expires)
    with _opened(ctx) as known:
        made, secret = known.make_token(name, label=label, expires=until, cause=local_cause())
    if as_json:
        print_json({**_fields(made), "secret": secret})
        return
    say(secret)
    click.echo(
        f"Token {made.token_id} of {clean(name)}. Its secret is shown only this once: keep it, and"
        " set it as ASSAY_TRACKING_TOKEN.",
        err=True,
    )


@users.command("tokens")
@click.argument("name")
@_as_json
@click.pass_context
def tokens(ctx: click.Context, name: str, as_json: bool) -> None:
    """List a user's tokens, without their secrets.

    \b
    Example:
      assay users tokens ci
    """
    with _opened(ctx) as known:
        found = known.tokens(name)
    if as_json:
        print_json([_fields(one) for one in found])
        return
    print_rows(
        ("token_id", "label", "created", "expires"),
        [(one.token_id, one.label, when(one.created), _end(one)) for one in found],
    )


@users.command("revoke")
@click.argument("token_id")
@_as_json
@click.pass_context
def revoke(ctx: click.Context, token_id: str, as_json: bool) -> None:
    """Revoke a token, by its id; running servers refuse it within seconds.

    \b
    Example:
      assay users revoke t-3f2a91bc0d1e2f3a
    """
    with _opened(ctx) as known:
        gone = known.revoke(token_id, cause=local_cause())
    if as_json:
        print_json({**_fields(gone), "revoked": True})
    else:
        say(f"revoked {gone.token_id} of {clean(gone.user)}")


def _show(user: User, *, as_json: bool) -> None:
    if as_json:
        print_json(user)
    else:
        say(f"{clean(user.name)}: {', '.join(user.roles)} ({_state(user)})")


def _state(user: User) -> str:
    return "disabled" if user.disabled else "active"


def _end(token: ApiToken) -> str:
    return when(token.expires) if token.expires is not None else "never"


def _fields(token: ApiToken) -> dict[str, object]:
    return {name: getattr(token, name) for name in token.__struct_fields__}

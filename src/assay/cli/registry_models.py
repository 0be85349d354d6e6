"""``assay registry list``, ``show``, ``versions``, ``register``, ``alias``, ``tag``, ``rename``,
``delete``.
"""

from __future__ import annotations

import click

from assay.cli.models_place import URI_HELP, at_place, whole_uri
from assay.cli.output import Cell, clean, print_json, print_rows, say, when
from assay.cli.registry_output import as_json_option, pairs, print_versions, reason_option
from assay.entities.registered_models import RegisteredModel
from assay.entities.registry_names import parse_version
from assay.errors import InvalidInput
from assay.fluent.reading import client_for
from assay.fluent.registry import register_model
from assay.policies.policy import describe, parse_policy
from assay.store.base import Query, Store
from assay.store.user import local_cause


@click.command("list")
@click.option("--filter", "filter_", default="", help="As in: name LIKE 'dig%' and tags.team = 'a'")
@click.option("--order-by", multiple=True, help="As in: last_updated_timestamp DESC; repeat.")
@click.option("--limit", "-n", default=100, show_default=True, type=click.IntRange(1, 100_000))
@as_json_option
@click.pass_context
def list_models(
    ctx: click.Context, *, filter_: str, order_by: tuple[str, ...], limit: int, as_json: bool
) -> None:
    """List registered models, by name unless ordered otherwise.

    \b
    Examples:
      assay registry list
      assay registry list --filter "tags.team = 'vision'" --json
    """
    found: list[RegisteredModel] = []
    with at_place(ctx):
        store, token = client_for().store, None
        while len(found) < limit:
            page = store.registered_models.search(
                Query(
                    filter=filter_,
                    order_by=order_by,
                    max_results=min(limit - len(found), 1_000),
                    page_token=token,
                )
            )
            found += page
            token = page.token
            if token is None:
                break
    if as_json:
        print_json(found)
        return
    rows: list[tuple[Cell, ...]] = [
        (
            model.name,
            max((one.version for one in model.latest_versions), default=None),
            ", ".join(
                f"{one.current_stage} {one.version}"
                for one in model.latest_versions
                if one.current_stage != "None"
            ),
            ", ".join(f"@{alias} {version}" for alias, version in sorted(model.aliases.items())),
            when(model.last_updated_timestamp),
            model.description,
        )
        for model in found
    ]
    print_rows(("name", "latest", "stages", "aliases", "updated", "description"), rows)


@click.command("show")
@click.argument("name")
@click.argument("version", required=False)
@as_json_option
@click.pass_context
def show(ctx: click.Context, name: str, version: str | None, as_json: bool) -> None:
    """Show a registered model with its policy, or one version with its signatures.

    \b
    Examples:
      assay registry show digits
      assay registry show digits 3 --json
    """
    with at_place(ctx):
        store = client_for().store
        if version is not None:
            _show_version(store, name, parse_version(version), as_json=as_json)
            return
        model = store.registered_models.get(name)
        policy = store.policies.find(name)
    meaning = None if policy is None else describe(parse_policy(policy.text))
    if as_json:
        print_json({"model": model, "policy": policy, "policy_meaning": meaning})
        return
    say(clean(f"{model.name}: {model.description}" if model.description else model.name))
    say(f"created {when(model.creation_timestamp)}, changed {when(model.last_updated_timestamp)}")
    for key, value in sorted(model.tags.items()):
        say(clean(f"tag {key} = {value}"))
    for alias_name, number in sorted(model.aliases.items()):
        say(clean(f"@{alias_name} is version {number}"))
    if policy is not None and meaning is not None:
        whose = "its own" if policy.name else "the default one"
        governed = ", ".join(meaning["targets"]) or "nothing"
        say(clean(f"policy: {whose}, revision {policy.revision}, governs {governed}"))
    print_versions(model.latest_versions, as_json=False)


def _show_version(store: Store, name: str, version: int, *, as_json: bool) -> None:
    found = store.model_versions.get(name, version)
    place = store.model_versions.download_uri(name, version)
    signatures = store.signatures.of(name, version)
    if as_json:
        print_json({"version": found, "files": place, "signatures": signatures})
        return
    facts: list[tuple[str, Cell]] = [
        ("version", found.uri),
        ("stage", found.current_stage),
        ("aliases", ", ".join(f"@{one}" for one in found.aliases)),
        ("status", f"{found.status} {found.status_message}".strip()),
        ("source", found.source),
        ("files", place),
        ("run", found.run_id),
        ("logged model", found.model_id),
        ("registered by", found.user_id),
        ("created", when(found.creation_timestamp)),
        ("changed", when(found.last_updated_timestamp)),
        ("description", found.description),
        *((f"tag {key}", value) for key, value in sorted(found.tags.items())),
        *((f"signed by {one.signer}", f"key {one.key_id[:16]}") for one in signatures),
    ]
    print_rows(("fact", "value"), [fact for fact in facts if fact[1] not in (None, "")])


@click.command("versions")
@click.argument("name")
@click.option("--filter", "filter_", default="", help="As in: tags.ok = 'yes' and run_id = '3f2a'")
@click.option("--limit", "-n", default=100, show_default=True, type=click.IntRange(1, 100_000))
@as_json_option
@click.pass_context
def versions(ctx: click.Context, name: str, *, filter_: str, limit: int, as_json: bool) -> None:
    """List the versions of a registered model, the highest number first.

    \b
    Examples:
      assay registry versions digits
      assay registry versions digits --filter "current_stage = 'Production'"
    """
    quoted = name.replace("'", "''")
    text = f"name = '{quoted}'" + (f" and ({filter_})" if filter_ else "")
    with at_place(ctx):
        store = client_for().store
        store.registered_models.get(name)
        query = Query(filter=text, order_by=("version_number DESC",), max_results=limit)
        found = store.model_versions.search(query)
    print_versions(found.items, as_json=as_json)


@click.command("register", epilog=URI_HELP)
@click.argument("uri")
@click.argument("name")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Tag of the version.")
@click.option("--description", default="", help="What the version is.")
@reason_option
@as_json_option
@click.pass_context
def register(
    ctx: click.Context,
    uri: str,
    name: str,
    *,
    tags: tuple[str, ...],
    description: str,
    reason: str,
    as_json: bool,
) -> None:
    """Register a model as the next version of NAME, which is made if it is missing.

    \b
    Examples:
      assay registry register models:/m-5f3a digits
      assay registry register runs:/3f2a/model digits --tag data=2026-03
    """
    with at_place(ctx):
        made = register_model(
            whole_uri(uri),
            name,
            tags=pairs(tags, "--tag"),
            description=description,
            reason=reason,
        )
    if as_json:
        print_json(made)
        return
    say(clean(f"{made.uri} ({made.source})"))


@click.command("alias")
@click.argument("name")
@click.argument("alias")
@click.argument("version", required=False)
@click.option("--delete", "gone", is_flag=True, help="Delete the alias.")
@reason_option
@as_json_option
@click.pass_context
def alias(
    ctx: click.Context,
    name: str,
    alias: str,
    version: str | None,
    *,
    gone: bool,
    reason: str,
    as_json: bool,
) -> None:
    """Let an alias stand for a version, or delete it.

    \b
    Examples:
      assay registry alias digits champion 3
      assay registry alias digits challenger --delete
    """
    if gone == (version is not None):
        raise InvalidInput("Give a version for the alias, or --delete.")
    alias = alias.removeprefix("@")
    with at_place(ctx):
        models = client_for().store.registered_models
        if version is None:
            models.delete_alias(name, alias, cause=local_cause(reason))
        else:
            models.set_alias(name, alias, parse_version(version), cause=local_cause(reason))
    if as_json:
        print_json({"name": name, "alias": alias, "version": version and int(version)})
        return
    say(clean(f"@{alias} of {name} is {'gone' if gone else f'version {version}'}"))


@click.command("tag")
@click.argument("name")
@click.argument("key")
@click.argument("value", required=False)
@click.option("--version", "-v", help="Of this version, instead of the registered model.")
@click.option("--delete", "gone", is_flag=True, help="Delete the tag.")
@reason_option
@as_json_option
@click.pass_context
def tag(
    ctx: click.Context,
    name: str,
    key: str,
    value: str | None,
    *,
    version: str | None,
    gone: bool,
    reason: str,
    as_json: bool,
) -> None:
    """Set or delete a tag of a registered model or of a version.

    \b
    Examples:
      assay registry tag digits team vision
      assay registry tag digits reviewed yes --version 3
      assay registry tag digits reviewed --version 3 --delete
    """
    if gone == (value is not None):
        raise InvalidInput("Give a value for the tag, or --delete.")
    cause = local_cause(reason)
    with at_place(ctx):
        store = client_for().store
        if version is None and value is not None:
            store.registered_models.set_tag(name, key, value, cause=cause)
        elif version is None:
            store.registered_models.delete_tag(name, key, cause=cause)
        elif value is not None:
            store.model_versions.set_tag(name, parse_version(version), key, value, cause=cause)
        else:
            store.model_versions.delete_tag(name, parse_version(version), key, cause=cause)
    if as_json:
        print_json({"name": name, "version": version and int(version), "key": key, "value": value})
        return
    say(clean(f"{key} of {name} is {'gone' if gone else repr(value)}"))


@click.command("rename")
@click.argument("name")
@click.argument("new_name")
@reason_option
@as_json_option
@click.pass_context
def rename(ctx: click.Context, name: str, new_name: str, *, reason: str, as_json: bool) -> None:
    """Give a registered model another name; versions, history and policy stay with it.

    \b
    Example:
      assay registry rename digits handwriting
    """
    with at_place(ctx):
        model = client_for().store.registered_models.rename(
            name, new_name, cause=local_cause(reason)
        )
    if as_json:
        print_json(model)
        return
    say(clean(f"{name} is {model.name} now"))


@click.command("delete")
@click.argument("name")
@click.argument("version", required=False)
@click.option("--yes", "-y", is_flag=True, help="Delete. Without it, only say what would go.")
@reason_option
@as_json_option
@click.pass_context
def delete(
    ctx: click.Context, name: str, version: str | None, *, yes: bool, reason: str, as_json: bool
) -> None:
    """Delete a registered model with all versions, or one version; files and history stay.

    \b
    Examples:
      assay registry delete digits 2 --yes
      assay registry delete digits --yes --reason "replaced by handwriting"
    """
    with at_place(ctx):
        store = client_for().store
        if version is None:
            store.registered_models.get(name)
        else:
            store.model_versions.get(name, parse_version(version))
        what = name if version is None else f"{name} {version}"
        if yes and version is None:
            store.registered_models.delete(name, cause=local_cause(reason))
        elif yes and version is not None:
            store.model_versions.delete(name, parse_version(version), cause=local_cause(reason))
    if as_json:
        print_json({"name": name, "version": version and int(version), "deleted": yes})
        return
    say(clean(f"{what} {'is deleted' if yes else 'would be deleted; --yes deletes it'}"))

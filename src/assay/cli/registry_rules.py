"""``assay registry rules``: register models by themselves when runs finish."""

from __future__ import annotations

import click

from assay.cli.connection import find_experiment
from assay.cli.models_place import at_place
from assay.cli.output import Cell, clean, print_json, print_rows, say, when
from assay.cli.registry_output import as_json_option, reason_option
from assay.entities.governance import Rule, RuleRun
from assay.fluent.reading import client_for
from assay.registry.rules import run_rules
from assay.store.user import claimed_name, local_cause


@click.group()
def rules() -> None:
    """Whenever a run of an experiment finishes and fits, register its model and request a move.

    A server applies its rules by itself; beside a local store, `assay registry rules run` does.

    \b
    Example:
      assay registry rules list
    """


@rules.command("set")
@click.argument("rule")
@click.option("--experiment", "-e", required=True, help="Name or id.")
@click.option("--model", "model_name", required=True, help="The registered model.")
@click.option("--filter", "filter_", default="", help="Which runs: metrics.val_accuracy > 0.95")
@click.option("--logged-model", default="", help="Its name, where a run logs several models.")
@click.option("--to", "target", default="", metavar="TARGET", help="Stage or @ALIAS to request.")
@click.option("--disabled", is_flag=True, help="Keep the rule, but don't apply it.")
@reason_option
@as_json_option
@click.pass_context
def set_rule(
    ctx: click.Context,
    rule: str,
    *,
    experiment: str,
    model_name: str,
    filter_: str,
    logged_model: str,
    target: str,
    disabled: bool,
    reason: str,
    as_json: bool,
) -> None:
    """Make a rule, or replace the one with this name.

    \b
    Example:
      assay registry rules set best-digits -e digits --model digits \\
        --filter "metrics.val_accuracy > 0.95" --to Staging
    """
    with at_place(ctx):
        store = client_for().store
        made = store.rules.set(
            Rule(
                rule_id="",
                rule_name=rule,
                experiment_id=find_experiment(store, experiment).experiment_id,
                model_name=model_name,
                filter=filter_,
                logged_model=logged_model,
                target=target,
                enabled=not disabled,
                author=claimed_name(),
            ),
            cause=local_cause(reason),
        )
    if as_json:
        print_json(made)
        return
    say(clean(f"rule {made.rule_name}: {_meaning(made)}"))


def _meaning(rule: Rule) -> str:
    fits = f" and {rule.filter}" if rule.filter else ""
    then = f", then request {rule.target}" if rule.target else ""
    off = "" if rule.enabled else " (disabled)"
    return (
        f"a run of experiment {rule.experiment_id} finishes{fits}:"
        f" register as {rule.model_name}{then}{off}"
    )


@rules.command("list")
@as_json_option
@click.pass_context
def list_rules(ctx: click.Context, *, as_json: bool) -> None:
    """List the rules.

    \b
    Example:
      assay registry rules list
    """
    with at_place(ctx):
        found = client_for().store.rules.all()
    if as_json:
        print_json(found)
        return
    rows: list[tuple[Cell, ...]] = [(one.rule_name, _meaning(one), one.author) for one in found]
    print_rows(("rule", "meaning", "author"), rows)


@rules.command("remove")
@click.argument("rule")
@reason_option
@as_json_option
@click.pass_context
def remove(ctx: click.Context, rule: str, *, reason: str, as_json: bool) -> None:
    """Take a rule away.

    \b
    Example:
      assay registry rules remove best-digits
    """
    with at_place(ctx):
        client_for().store.rules.remove(rule, cause=local_cause(reason))
    if as_json:
        print_json({"rule": rule, "removed": True})
        return
    say(clean(f"rule {rule} is gone"))


@rules.command("runs")
@click.argument("rule")
@click.option("--limit", "-n", default=100, show_default=True, type=click.IntRange(1, 1_000))
@as_json_option
@click.pass_context
def runs(ctx: click.Context, rule: str, *, limit: int, as_json: bool) -> None:
    """Tell what a rule did lately, the latest first.

    \b
    Example:
      assay registry rules runs best-digits
    """
    with at_place(ctx):
        found = client_for().store.rules.runs(rule, max_results=limit)
    _print_runs(found, as_json=as_json)


@rules.command("run")
@as_json_option
@click.pass_context
def run(ctx: click.Context, *, as_json: bool) -> None:
    """Apply the rules of a local store to runs that have finished since.

    \b
    Example:
      assay registry rules run
    """
    with at_place(ctx):
        done = run_rules(client_for().store)
    _print_runs(done, as_json=as_json)


def _print_runs(found: list[RuleRun], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    rows: list[tuple[Cell, ...]] = [
        (one.run_id, str(one.status), one.version, one.request_id, when(one.time), one.message)
        for one in found
    ]
    print_rows(("run", "status", "version", "request", "time", "message"), rows)

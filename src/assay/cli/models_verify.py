"""``assay models verify``, ``scan`` and ``seal``: is a model what it was, and what would it run?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import msgspec

from assay.cli.models_environment import tell
from assay.cli.models_place import at_place, found, signature_option, whole_uri
from assay.cli.models_show import hazards
from assay.cli.output import Cell, Format, clean, format_options, print_json, print_rows, say
from assay.errors import InvalidInput, UntrustedModel
from assay.fluent.verify_model import Record
from assay.fluent.verify_model import verify as verify_model
from assay.models import digests
from assay.models import trust as trust_room


@click.command("verify")
@click.argument("uri")
@click.option("--env", "with_env", is_flag=True, help="Also rebuild its environment and try there.")
@click.option("--trust", is_flag=True, help="Let code of the model run.")
@signature_option
@click.option("--no-record", is_flag=True, help="Don't write down what was found.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def verify(
    ctx: click.Context,
    uri: str,
    *,
    with_env: bool,
    trust: bool,
    require_signature: bool,
    no_record: bool,
    as_json: bool,
) -> None:
    """Check that a model is what was saved, loads, and still predicts what it did.

    Compares digests, loads the model, replays its golden predictions and runs its declared checks.
    The outcome becomes tags of a logged model, or verification.json beside a local one. Exit code 0
    if all is well, 1 if not, 2 for a mistake.

    \b
    Examples:
      assay models verify models:/m-5f3a
      assay models verify runs:/3f2a/model --env
    """
    with at_place(ctx):
        done = verify_model(
            whole_uri(uri),
            environment=with_env,
            trust=True if trust else None,
            require_signature=require_signature or None,
            record=not no_record,
            progress=tell,
        )
    if as_json:
        print_json({**msgspec.to_builtins(done.record), "recorded": done.recorded})
    else:
        print_rows(("check", "ok", "detail"), _rows(done.record))
        say(clean(f"{'ok' if done.ok else 'NOT OK'}; {done.recorded}"))
    if not done.ok:
        ctx.exit(1)


def _rows(record: Record) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = [
        (one.check, "yes" if one.ok else "NO", one.detail) for one in record.checks.outcomes
    ]
    report = record.environment
    if report is not None:
        detail = report.error or "; ".join(str(one) for one in report.differences[:3])
        made = f"Python {report.python}, {len(report.installed)} packages"
        rows.append(("environment", "yes" if report.ok else "NO", detail or made))
    return rows


@click.command("scan")
@click.argument("uri")
@format_options
@click.pass_context
def scan(ctx: click.Context, uri: str, output: Format) -> None:
    """Tell what loading a model would run, and what its pickles call; nothing is loaded.

    Exit code 1 if a pickle calls something dangerous. Without findings a model isn't proven
    harmless: pickles can hide what they do.

    \b
    Example:
      assay models scan downloads/model
    """
    with at_place(ctx):
        place = found(uri)
    findings = trust_room.scan(place.folder)
    rows: list[tuple[Cell, ...]] = [("hazard", "", one) for one in hazards(place.folder)]
    rows += [(one.severity, one.file, one.name) for one in findings]
    print_rows(("kind", "file", "what"), rows, output=output)
    dangerous = sum(one.severity == "dangerous" for one in findings)
    if output == "table":
        say(f"{dangerous} dangerous calls" if rows else "plain data: loading it runs no code")
    if dangerous:
        ctx.exit(1)


@click.command("seal")
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--trust", is_flag=True, help="Seal a model of somebody else that runs code.")
def seal(path: Path, trust: bool) -> None:
    """Write the digests of a model anew, after a change that was meant; tells what changed.

    From then on the model counts as made by you, so what it runs when it is loaded is run without
    asking.

    \b
    Example:
      assay models seal model/
    """
    place = found(str(path))
    before = _digests_before(place.folder)
    risky = hazards(place.folder)
    is_own = before is not None and digests.is_own(before)
    if risky and not (is_own or trust):
        raise UntrustedModel(str(path), hazards=risky)
    old = {} if before is None else before.files
    new = digests.write(place.folder).files
    rows: list[tuple[Cell, ...]] = [("added", name) for name in sorted(new.keys() - old.keys())]
    rows += [("removed", name) for name in sorted(old.keys() - new.keys())]
    rows += [
        ("changed", name) for name in sorted(new.keys() & old.keys()) if new[name] != old[name]
    ]
    if rows:
        print_rows(("change", "file"), rows)
    say(f"{len(new)} files sealed, {len(rows)} of them new or changed")


def _digests_before(folder: Path) -> digests.Digests | None:
    """The digests as they were written, whether or not the files have them."""
    try:
        content: Any = json.loads((folder / digests.FILE).read_text(encoding="utf-8"))
        return msgspec.convert(content, digests.Digests)
    except FileNotFoundError:
        return None
    except (ValueError, msgspec.ValidationError) as error:
        raise InvalidInput(
            f"{folder / digests.FILE} can't be read ({error}): delete it, then seal again."
        ) from None

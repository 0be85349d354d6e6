"""``assay models show``, ``card``, ``example`` and ``get``: what a model is, and its files."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import click

from assay.cli.models_place import at_place, found, whole_uri
from assay.cli.output import Cell, clean, print_json, print_rows, say, size
from assay.errors import AlreadyExists, AssayError, Corrupted, InvalidInput
from assay.fluent.model_places import Place, is_local
from assay.fluent.model_signatures import signatures_of
from assay.models import card as cards
from assay.models import digests, signing
from assay.models.environments.environment import Environment
from assay.models.input_example import load_serving_example
from assay.models.loading import hazards_of
from assay.models.mlmodel import Model
from assay.models.signatures.schema import Schema

_NO_DIGESTS = "none: nothing tells whether a file was changed"


@click.command("show")
@click.argument("uri")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def show(ctx: click.Context, uri: str, as_json: bool) -> None:
    """Show what a model is: flavors, signature, environment, and what loading it would run.

    Nothing of the model is loaded.

    \b
    Examples:
      assay models show models:/m-5f3a
      assay models show runs:/3f2a/model --json
    """
    with at_place(ctx):
        place = found(uri)
    model = Model.load(place.folder)
    facts = _facts(place, model)
    if as_json:
        print_json({**facts, "mlmodel": model.to_dict()})
        return
    rows: list[tuple[Cell, ...]] = []
    for name, value in facts.items():
        for one in (value if isinstance(value, list) else [value]) or ["none"]:
            rows.append((name, one))
    print_rows(("field", "value"), [row for row in rows if row[1] is not None])
    signature = _signature_rows(model)
    if signature:
        print_rows(("role", "name", "type", "needed"), signature)


def _facts(place: Place, model: Model) -> dict[str, Any]:
    flavors = [
        f"{name} {facts.get(f'{name}_version') or facts.get('loader_module') or ''}".rstrip()
        for name, facts in sorted(model.flavors.items())
    ]
    listed = digests_state(place.folder)
    return {
        "folder": str(place.folder),
        "origin": place.origin,
        "model id": model.model_id,
        "run": model.run_id,
        "created": model.utc_time_created,
        "size": None if model.model_size_bytes is None else size(model.model_size_bytes),
        "flavors": flavors,
        "digests": listed,
        "made by you": _made_by(place.folder),
        "loading runs": hazards(place.folder),
        **_environment(place.folder),
        "metadata": None if not model.metadata else str(model.metadata),
    }


def digests_state(folder: Path) -> str:
    """Whether the files are what was saved."""
    try:
        return _NO_DIGESTS if digests.check(folder) is None else "ok"
    except Corrupted as error:
        return error.message


def _made_by(folder: Path) -> str:
    try:
        listed = digests.check(folder)
    except Corrupted:
        return "no"
    return "yes" if listed is not None and digests.is_own(listed) else "no"


def hazards(folder: Path) -> list[str]:
    """What loading would execute, also where a flavor isn't known."""
    try:
        return hazards_of(folder)
    except AssayError as error:
        return [f"unknown: {error.message}"]


def _environment(folder: Path) -> dict[str, Any]:
    try:
        described = Environment.read(folder)
    except AssayError as error:
        return {"environment": error.message}
    return {"python": described.python, "requirements": list(described.requirements)}


def _signature_rows(model: Model) -> list[tuple[Cell, ...]]:
    if model.signature is None:
        return []
    rows: list[tuple[Cell, ...]] = []
    for role, schema in (("input", model.signature.inputs), ("output", model.signature.outputs)):
        rows += [(role, *row) for row in _schema_rows(schema)]
    rows += [
        ("param", spec.name, repr(spec.dtype), f"default {spec.default!r}")
        for spec in model.signature.params or ()
    ]
    return rows


def _schema_rows(schema: Schema | None) -> list[tuple[str, str, str]]:
    if schema is None:
        return []
    return [
        (
            str(name),
            f"{spec.type} {spec.shape}" if hasattr(spec, "shape") else repr(spec.type),
            "required" if spec.required else "optional",
        )
        for name, spec in zip(schema.input_names(), schema, strict=True)
    ]


@click.command("card")
@click.argument("uri")
@click.pass_context
def card(ctx: click.Context, uri: str) -> None:
    """Print the model card: Markdown for people and for hubs of models.

    \b
    Example:
      assay models card models:/m-5f3a > MODEL_CARD.md
    """
    with at_place(ctx):
        place = found(uri)
    file = place.folder / cards.FILE
    if file.is_file():
        text = file.read_text(encoding="utf-8", errors="replace")
    else:
        text = cards.render(Model.load(place.folder), cards.Facts(name=place.folder.name))
    for line in text.splitlines():
        say(clean(line))


@click.command("example")
@click.argument("uri")
@click.pass_context
def example(ctx: click.Context, uri: str) -> None:
    """Print the input example as the JSON that a scoring server, and predict, takes.

    \b
    Example:
      assay models example runs:/3f2a/model | assay models predict -m runs:/3f2a/model
    """
    with at_place(ctx):
        place = found(uri)
    text = load_serving_example(place.folder)
    if text is None:
        raise InvalidInput(f"The model {uri!r} has no input example.")
    for line in text.splitlines():
        say(clean(line))


@click.command("get")
@click.argument("uri")
@click.option(
    "--output",
    "-o",
    "folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to make; it must not exist, or be empty.",
)
@click.pass_context
def get(ctx: click.Context, uri: str, folder: Path) -> None:
    """Fetch a model's folder; its digests are compared.

    \b
    Example:
      assay models get models:/m-5f3a -o model/
    """
    if folder.exists() and any(folder.iterdir()):
        raise AlreadyExists("folder", str(folder), hint="Choose another one, or empty it.")
    with at_place(ctx):
        place = found(uri)
        bundles = signatures_of(whole_uri(uri)) or signing.read_beside(place.folder)
    listed = digests.check(place.folder)
    shutil.copytree(place.folder, folder, dirs_exist_ok=True, symlinks=is_local(whole_uri(uri)))
    files = sum(1 for file in folder.rglob("*") if file.is_file())
    checked = "without digests" if listed is None else "digests ok"
    if bundles:
        checked += f", signed: {clean(str(signing.write_beside(folder, bundles)))}"
    say(f"{files} files in {clean(str(folder))}, {checked}")

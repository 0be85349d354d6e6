"""Writes the reference pages that follow from the code: `python docs/reference/generate.py`.

`python.md` lists every public name of `assay` with the first paragraph of its docstring, `cli.md`
every command with its options; `web/openapi.json` describes the server's routes, from which the
types of the web UI are made. A test writes them anew and compares.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import msgspec

import assay
from assay.cli.main import cli
from assay.server.monitoring import Monitor
from assay.server.openapi import describe
from assay.server.table import route_table

HERE = Path(__file__).parent
OPENAPI = HERE.parents[1] / "web" / "openapi.json"

GROUPS = {
    "Runs": "assay.fluent.runs assay.fluent.capturing",
    "Logging": "assay.fluent.log assay.fluent.anything assay.fluent.inputs",
    "Files": "assay.fluent.artifacts assay.client.content",
    "Reading": "assay.fluent.search",
    "Experiments": "assay.fluent.experiments",
    "Models": "assay.fluent.model_face",
    "Logged models": "assay.fluent.logged_models",
    "The registry": "assay.fluent.registry",
    "Evaluating": "assay.fluent.evaluate assay.evaluation.metrics assay.evaluation.result"
    " assay.evaluation.thresholds assay.evaluation.evaluators",
    "Projects, sweeps and reproduction": "assay.projects.launching assay.sweeps.face"
    " assay.reproduction.reproduce assay.fluent.seed",
    "Where runs are recorded": "assay.client.tracking_uri assay.client.client",
}
"""Headings, and the modules whose names stand under them."""


def python_page() -> str:
    """The text of `python.md`."""
    names = {name: getattr(assay, name) for name in vars(assay)["__all__"] if name != "__version__"}
    modules = {name: value for name, value in names.items() if isinstance(value, ModuleType)}
    parts = [
        "# Python names",
        "Everything that `import assay` offers, loaded on first use. `assay.__version__` is"
        " the release. The docstrings tell more: `help(assay.start_run)`."
        " Written by `docs/reference/generate.py`.",
    ]
    for heading, homes in GROUPS.items():
        found = [
            entry(name, value)
            for name, value in names.items()
            if name not in modules and _home(value) in homes.split()
        ]
        parts += [f"## {heading}", "\n".join(found)]
    parts += ["## Modules", "\n".join(entry(name, value) for name, value in modules.items())]
    for heading, owner in (
        ("`assay.data`", importlib.import_module("assay.data")),
        ("`assay.artifacts`", importlib.import_module("assay.artifacts")),
        ("`assay.models`", importlib.import_module("assay.models")),
        ("`assay.pyfunc`", importlib.import_module("assay.pyfunc")),
        ("`assay.sklearn`, and each other flavor", importlib.import_module("assay.sklearn")),
        ("`assay.projects`", importlib.import_module("assay.projects")),
        ("`assay.sweeps`", importlib.import_module("assay.sweeps")),
        ("`assay.comparison`", importlib.import_module("assay.comparison")),
        ("`assay.types`", importlib.import_module("assay.types")),
    ):
        parts += [
            f"## {heading}",
            "\n".join(entry(name, getattr(owner, name)) for name in sorted(owner.__all__)),
        ]
    parts += ["## A run", "\n".join(_methods(assay.ActiveRun))]
    parts += ["## `assay.Client`", "\n".join(_methods(assay.Client))]
    parts += ["## `assay.errors`", "\n".join(_errors())]
    return "\n\n".join(parts) + "\n"


def _methods(owner: type) -> Iterator[str]:
    for name in sorted(dir(owner)):
        if not name.startswith("_"):
            value = inspect.getattr_static(owner, name)
            if inspect.getdoc(value) and not inspect.ismemberdescriptor(value):
                yield entry(name, getattr(owner, name) if callable(value) else value)


def _errors() -> Iterator[str]:
    for name, value in sorted(vars(assay.errors).items()):
        if inspect.isclass(value) and issubclass(value, assay.errors.AssayError):
            code = f"HTTP {value.http_status}, `{value.error_code}`"
            yield f"- **`{name}`** ({code}) {first_paragraph(name, value)}"


def _home(value: object) -> str:
    # Two names are given by hand: objects without a module of their own.
    return str(getattr(value, "__module__", ""))


def entry(name: str, value: Any) -> str:
    """One line: the name as it is called, and what its docstring says first."""
    return f"- **`{name}{_arguments(value)}`** {first_paragraph(name, value)}"


def first_paragraph(name: str, value: Any) -> str:
    """The docstring up to its first empty line, in one line of Markdown.

    Raises:
        LookupError: there is none.
    """
    text = inspect.getdoc(value)
    if not text:
        raise LookupError(f"{name} has no docstring, so the reference can't tell what it is.")
    return " ".join(text.split("\n\n")[0].split()).replace("``", "`")


def _arguments(value: Any) -> str:
    if not callable(value) or (
        inspect.isclass(value) and issubclass(value, (msgspec.Struct, Exception))
    ):
        return ""
    parameters = list(inspect.signature(value).parameters.values())
    shown: list[str] = []
    starred = False
    for one in parameters:
        if one.name == "self":
            continue
        if one.kind is one.KEYWORD_ONLY and not starred:
            shown.append("*")
            starred = True
        starred = starred or one.kind is one.VAR_POSITIONAL
        star = (
            "*" if one.kind is one.VAR_POSITIONAL else "**" if one.kind is one.VAR_KEYWORD else ""
        )
        default = "" if one.default is one.empty else f"={_default(one.default)}"
        shown.append(f"{star}{one.name}{default}")
    return f"({', '.join(shown)})"


def _default(value: object) -> str:
    # The address in a repr would differ from run to run.
    return re.sub(r"<(?:\w+\.)*(\w+)[^>]*>", r"\1", repr(value))


def cli_page() -> str:
    """The text of `cli.md`."""
    parts = [
        "# Commands",
        "What `assay COMMAND --help` says, in one place; the [guide](../guides/cli.md) tells when"
        " to use which. Written by `docs/reference/generate.py`.",
        *_command(cli, name="assay", parent=None),
    ]
    return "\n\n".join(parts) + "\n"


def _command(command: click.Command, *, name: str, parent: click.Context | None) -> Iterator[str]:
    context = click.Context(
        command,
        parent=parent,
        info_name=name,
        terminal_width=100,
        max_content_width=100,
        **command.context_settings,
    )
    yield f"## {context.command_path}"
    yield f"```\n{command.get_help(context).rstrip()}\n```"
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            assert found is not None
            yield from _command(found, name=inner, parent=context)


def openapi() -> str:
    """The text of `web/openapi.json`."""
    document = describe(route_table(Monitor(processes=1)))
    document["info"]["version"] = "v1"  # the routes' own, or each release would change the file
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def main() -> None:
    """Write the pages."""
    OPENAPI.write_text(openapi(), encoding="utf-8")
    (HERE / "python.md").write_text(python_page(), encoding="utf-8")
    (HERE / "cli.md").write_text(cli_page(), encoding="utf-8")


if __name__ == "__main__":
    main()

"""What is public is documented: names, settings, commands, routes; what is documented exists."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import msgspec
import pytest

import assay
from assay.cli.main import cli
from assay.server.monitoring import Monitor
from assay.server.settings import ENVIRONMENT_PREFIX, ServerSettings
from assay.server.table import route_table

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "assay"
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]

VARIABLE = re.compile(r"\bASSAY_[A-Z][A-Z_]*[A-Z]\b")
SHARED_VARIABLE = re.compile(r'_first\(env, "([A-Z_]+)"\)')
"""Settings with MLflow's name but for the first word."""
NOT_SETTINGS = {"ASSAY_COMPLETE"}
"""Set by the completion script of a shell, for itself."""
EXAMPLE = re.compile(r"^(?:\$ )?assay ([a-z][^#\n]*)", re.MULTILINE)
SHELL_BLOCK = re.compile(r"^```(?:sh|bash|shell)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", REFERENCE / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def settings() -> set[str]:
    """Every variable that the package reads."""
    found = {ENVIRONMENT_PREFIX + f.name.upper() for f in msgspec.structs.fields(ServerSettings)}
    for path in SOURCE.rglob("*.py"):
        text = path.read_text()
        found |= set(VARIABLE.findall(text))
        found |= {f"ASSAY_{name}" for name in SHARED_VARIABLE.findall(text)}
    return found - NOT_SETTINGS


def public_names() -> list[str]:
    names: list[str] = vars(assay)["__all__"]
    return names


def commands() -> Iterator[tuple[str, click.Command]]:
    def walk(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
        yield path, command
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                assert inner is not None
                yield from walk(f"{path} {name}", inner)

    return walk("assay", cli)


def options(command: click.Command) -> list[str]:
    return [name for one in command.params if isinstance(one, click.Option) for name in one.opts]


@pytest.mark.parametrize("name", sorted(public_names()))
def test_public_name_is_in_the_reference(name: str) -> None:
    text = (REFERENCE / "python.md").read_text()

    assert re.search(rf"`(assay\.)?{name}[(`]", text), f"run docs/reference/generate.py for {name}"


@pytest.mark.parametrize(("page", "write"), [("python", "python_page"), ("cli", "cli_page")])
def test_generated_page_is_up_to_date(page: str, write: str) -> None:
    written = getattr(generator(), write)()

    assert (REFERENCE / f"{page}.md").read_text() == written, "run docs/reference/generate.py"


@pytest.mark.parametrize("name", sorted(settings()))
def test_setting_is_in_the_reference(name: str) -> None:
    assert f"`{name}`" in (REFERENCE / "settings.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_setting_that_a_page_tells_about_exists(page: Path) -> None:
    # "ASSAY_SERVER_<NAME>" tells about a family.
    told = set(VARIABLE.findall(page.read_text())) - {"ASSAY_SERVER"}

    assert told <= settings()


def test_defaults_of_the_server_are_told_as_they_are() -> None:
    text = (REFERENCE / "settings.md").read_text()
    for field in msgspec.structs.fields(ServerSettings):
        name = ENVIRONMENT_PREFIX + field.name.upper()
        row = next(line for line in text.splitlines() if line.startswith(f"| `{name}` "))
        if isinstance(field.default, str | int | bool):
            told = str(field.default).lower() if isinstance(field.default, bool) else field.default
            assert row.endswith(f"| `{told}` |"), row


@pytest.mark.parametrize(
    ("path", "command"), list(commands()), ids=lambda v: v if isinstance(v, str) else ""
)
def test_command_and_its_options_are_told_in_the_help(path: str, command: click.Command) -> None:
    assert command.help, path
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help or option.show_default or option.type.name == "choice", option.opts


@pytest.mark.parametrize(
    "path", [path for path, command in commands() if not isinstance(command, click.Group)]
)
def test_command_is_in_the_guide(path: str) -> None:
    guide = (DOCS / "guides" / "cli.md").read_text()

    assert re.search(rf"\b{path}\b", guide)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_commands_of_shell_examples_exist_with_their_options(page: Path) -> None:
    known = dict(commands())
    for block in SHELL_BLOCK.findall(page.read_text()):
        for line in EXAMPLE.findall(block.replace("\\\n", " ")):
            words = re.sub(r"\"[^\"]*\"|'[^']*'", "x", line).split("|")[0].split()
            path = "assay"
            while words and f"{path} {words[0]}" in known:
                path += f" {words.pop(0)}"
            assert path != "assay", line
            used = {word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)}
            assert used <= {*options(known[path]), *options(known["assay"])}, line


def test_route_of_ours_is_in_the_reference() -> None:
    text = (REFERENCE / "assay-api.md").read_text()
    prefix = "/api/assay/v1"

    missing = [
        f"{route.method} {route.path}"
        for route in route_table(Monitor())
        if route.path.startswith(prefix)
        and not re.search(
            rf"`{route.method} {re.escape(route.path.removeprefix(prefix))}[?`]", text
        )
    ]

    assert missing == []


def test_every_page_is_in_the_table_of_contents() -> None:
    contents = (DOCS / "README.md").read_text()

    missing = [
        str(page.relative_to(DOCS))
        for page in sorted(DOCS.rglob("*.md"))
        if page.parent.name != "adr"
        and page.name != "README.md"
        and f"({page.relative_to(DOCS)})" not in contents
    ]

    assert missing == []

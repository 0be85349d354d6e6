"""``assay serve`` is a command, and a group of what belongs to it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from assay.cli.main import cli


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["serve", *arguments])


def test_help_tells_options_and_commands() -> None:
    text = _run("--help").output

    assert "assay serve models:/digits@champion" in text
    for name in ("--log-predictions", "--port", "report", "truth", "profile"):
        assert name in text
    assert "Usage: cli serve [OPTIONS] [NAME=]URI..." in text
    assert "--reference" in _run("report", "--help").output


@pytest.mark.parametrize(
    "arguments",
    [
        ["./nowhere", "--port", "0", "--env-manager", "local"],
        ["--port", "0", "--env-manager", "local", "./nowhere"],
        ["name=./nowhere", "-p", "0"],
        ["./report"],
    ],
)
def test_whatever_names_no_command_is_served(arguments: list[str], tmp_path: Path) -> None:
    done = _run(*arguments)

    assert done.exit_code == 2
    assert "MLmodel" in done.output


def test_without_a_model_it_says_what_is_missing() -> None:
    done = _run("--port", "0")

    assert done.exit_code == 2
    assert "Name the models" in done.output


def test_profiles_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    data, out = tmp_path / "train.csv", tmp_path / "profile.json"
    data.write_text("a,b\n1,x\n2,y\n")
    assert _run("profile", str(data), "-o", str(out)).exit_code == 0
    before = out.read_bytes()
    data.write_text('a,b\n"1')

    for file in (data, tmp_path / "notes.txt"):
        file.touch()
        done = _run("profile", str(file), "-o", str(out))
        assert done.exit_code == 2
        assert file.name in done.output

    assert out.read_bytes() == before
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        "notes.txt",
        "profile.json",
        "train.csv",
    ]

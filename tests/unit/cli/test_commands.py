from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import click
import pytest

from assay.cli.main import cli
from assay.entities.experiments import Experiment
from assay.entities.ids import RunId
from assay.entities.model_versions import NewModelVersion
from assay.entities.runs import NewRun
from assay.store.user import local_cause
from tests.unit.cli.conftest import FIRST, SECOND, Assay

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "cli.md"


def all_commands() -> list[tuple[str, click.Command]]:
    context = click.Context(cli)
    found: list[tuple[str, click.Command]] = []
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            found += [(f"{name} {inner}", c) for inner, c in command.commands.items()]
        else:
            found.append((name, command))
    return found


@pytest.mark.parametrize(("name", "command"), all_commands(), ids=[n for n, _ in all_commands()])
def test_every_command_is_in_the_guide_and_shows_an_example(
    name: str, command: click.Command
) -> None:
    assert re.search(rf"`assay {name}[ `]", GUIDE.read_text()), f"{name} is missing in {GUIDE}"
    assert command.help is not None
    assert re.search(r"Examples?:\n\s+assay ", command.help)


def test_a_mistake_is_one_line_and_exit_code_2(assay: Assay) -> None:
    done = assay("runs", "show", "nope", code=2)
    assert done.stderr == "Error: Run with id=nope not found.\n"


def test_a_server_that_is_away_is_one_line_and_exit_code_2(
    assay: Assay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_HTTP_MAX_RETRIES", "0")
    assay.uri = "http://127.0.0.1:1"
    done = assay("experiments", "list", code=2)
    assert re.fullmatch(r"Error: http://127\.0\.0\.1:1 can't be reached: .*\n", done.stderr)


def test_runs_are_listed_in_tab_separated_lines_with_clean_text(
    assay: Assay, digits: Experiment
) -> None:
    store = assay.store()
    store.runs.update(FIRST, run_name="a b")
    store.close()
    head, second, first = assay.lines("runs", "list", "-e", "digits")
    assert head[:3] == ["run_id", "name", "status"]
    assert second[0] == SECOND
    assert first[:3] == [FIRST, "a b", "RUNNING"]
    assert dict(zip(head, first, strict=True))["params.lr"] == "0.01"


def test_lists_come_as_json_and_csv(assay: Assay, digits: Experiment) -> None:
    as_json = assay.json("runs", "list", "--order-by", "metrics.acc ASC")
    assert [run["metrics.acc"] for run in as_json] == [0.5, 0.875]
    as_csv = list(csv.DictReader(io.StringIO(assay("runs", "list", "--csv").stdout)))
    assert {run["run_id"] for run in as_csv} == {FIRST, SECOND}


def test_a_run_may_be_named_by_the_first_characters_of_its_id(
    assay: Assay, digits: Experiment
) -> None:
    assert assay.json("runs", "show", "aaab")["info"]["run_id"] == SECOND
    done = assay("runs", "show", "aaa", code=2)
    assert "Several run ids begin with 'aaa'" in done.stderr


def test_a_run_says_where_its_files_are_on_this_machine(
    assay: Assay, digits: Experiment, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("one")
    assay("artifacts", "put", "aaaa", str(tmp_path / "a.txt"))

    shown = dict(row[:2] for row in assay.lines("runs", "show", "aaaa"))

    assert (Path(shown["artifacts"].removeprefix("file://")) / "a.txt").read_text() == "one"


def test_an_underscore_in_a_prefix_is_no_wildcard(assay: Assay, digits: Experiment) -> None:
    assert "not found" in assay("runs", "show", "a_a", code=2).stderr


def test_runs_are_compared_by_what_differs(assay: Assay, digits: Experiment) -> None:
    rows = {row[0]: row[1:] for row in assay.lines("runs", "compare", "aaaa", "aaab")}
    assert rows["params.lr"] == ["0.01", "0.1"]
    assert "params.model" not in rows
    assert "metrics.loss" not in rows
    everything = {row[0] for row in assay.lines("runs", "compare", "aaaa", "aaab", "--all")}
    assert {"params.model", "metrics.loss"} <= everything


def test_deleted_runs_can_be_restored(assay: Assay, digits: Experiment) -> None:
    assay("runs", "delete", "aaaa", "aaab")
    assert len(assay.json("runs", "list", "-e", "digits")) == 0
    assert len(assay.json("runs", "list", "-e", "digits", "--deleted")) == 2
    assay("runs", "restore", "aaaa")
    assert [run["run_id"] for run in assay.json("runs", "list")] == [FIRST]


def test_a_typo_among_several_runs_deletes_none(assay: Assay, digits: Experiment) -> None:
    assay("runs", "delete", "aaaa", "zzzz", code=2)
    assert len(assay.json("runs", "list", "-e", "digits")) == 2


def test_runs_are_exported_as_plain_files(assay: Assay, digits: Experiment, tmp_path: Path) -> None:
    assay("runs", "export", "aaaa", "-o", str(tmp_path / "out"))
    with (tmp_path / "out" / FIRST / "metrics.csv").open() as file:
        points = list(csv.DictReader(file))
    losses = {int(p["step"]): float(p["value"]) for p in points if p["key"] == "loss"}
    assert losses == {step: 1 / (step + 1) for step in range(50)}
    assert '"lr": "0.01"' in (tmp_path / "out" / FIRST / "run.json").read_text()


def test_search_finds_by_filter(assay: Assay, digits: Experiment) -> None:
    found = assay.json("search", "metrics.acc > 0.6 and params.lr = '0.1'")
    assert [run["run_id"] for run in found] == [SECOND]


def test_a_filter_that_does_not_parse_says_where(assay: Assay, digits: Experiment) -> None:
    assert "character" in assay("search", "metrics.acc >", code=2).stderr


def test_search_says_when_more_was_found(assay: Assay, digits: Experiment) -> None:
    assert "first 1 are shown" in assay("search", "metrics.acc > 0", "-n", "1").stderr


def test_experiments_are_made_renamed_deleted_and_restored(assay: Assay) -> None:
    made = assay("experiments", "create", "one").stdout.strip()
    assay("experiments", "rename", "one", "two")
    assert assay.json("experiments", "show", "two")["experiment_id"] == made
    assert assay.json("experiments", "show", made)["name"] == "two"
    assay("experiments", "delete", "two")
    assert "two" not in [e["name"] for e in assay.json("experiments", "list")]
    assert [e["name"] for e in assay.json("experiments", "list", "--deleted")] == ["two"]
    assay("experiments", "restore", made)
    assert "two" in [e["name"] for e in assay.json("experiments", "list")]


def test_experiments_are_listed_with_the_number_of_their_runs(
    assay: Assay, digits: Experiment
) -> None:
    found = {e["name"]: e for e in assay.json("experiments", "list")}
    assert (found["digits"]["runs"], found["digits"]["status"]) == (2, "2 running")
    assert found["Default"]["runs"] == 0


def test_a_metric_is_drawn(assay: Assay, digits: Experiment) -> None:
    lines = assay("metrics", "show", "aaaa", "loss").stdout.splitlines()
    assert lines[0].endswith(": loss")
    assert "50 points, last 0.02, min 0.02, max 1, mean 0.0899841" in lines[-1]
    assert any("\u2801" <= c <= "\u28ff" for line in lines for c in line)


def test_points_of_a_metric_are_printed_whole(assay: Assay, digits: Experiment) -> None:
    out = assay("metrics", "show", "aaaa", "loss", "--from", "10", "--to", "12", "--csv").stdout
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [(int(r["step"]), float(r["value"])) for r in rows] == [
        (step, 1 / (step + 1)) for step in (10, 11, 12)
    ]


def test_a_metric_that_was_never_logged_is_an_error(assay: Assay, digits: Experiment) -> None:
    assert "has no metric 'nope'" in assay("metrics", "show", "aaaa", "nope", code=2).stderr


def test_metrics_are_listed_with_their_figures(assay: Assay, digits: Experiment) -> None:
    found = {m["key"]: m for m in assay.json("metrics", "list", "aaaa")}
    assert (found["loss"]["points"], found["loss"]["min"], found["loss"]["last_step"]) == (
        50,
        0.02,
        49,
    )


def test_files_are_put_listed_and_fetched(assay: Assay, digits: Experiment, tmp_path: Path) -> None:
    source = tmp_path / "plots"
    (source / "deep").mkdir(parents=True)
    (source / "a.txt").write_text("one")
    (source / "deep" / "b.txt").write_text("three")
    assay("artifacts", "put", "aaaa", str(source), "-p", "figures")
    listed = {f["path"]: f["bytes"] for f in assay.json("artifacts", "ls", "aaaa", "-r")}
    assert listed == {"figures/a.txt": 3, "figures/deep/b.txt": 5}
    assay("artifacts", "get", "aaaa", "figures/deep", "-o", str(tmp_path / "got"))
    assert (tmp_path / "got" / "deep" / "b.txt").read_text() == "three"
    assay("artifacts", "get", "aaaa", "figures/a.txt", "-o", str(tmp_path / "got"))
    assert (tmp_path / "got" / "a.txt").read_text() == "one"
    assert not list((tmp_path / "got").rglob("*.part"))


def test_a_missing_file_and_a_bad_path_are_errors(assay: Assay, digits: Experiment) -> None:
    assert "No artifact" in assay("artifacts", "get", "aaaa", "nope", code=2).stderr
    assert "artifact path" in assay("artifacts", "get", "aaaa", "../x", code=2).stderr


def test_databases_are_checked_backed_up_and_described(
    assay: Assay, digits: Experiment, tmp_path: Path
) -> None:
    assert "sound" in assay("db", "check").stdout
    assert "this Assay needs" in assay("db", "current").stdout
    assay("db", "upgrade")
    assay("db", "backup", str(tmp_path / "copy.db"))
    copy = Assay(tmp_path)
    copy.uri = f"sqlite:///{tmp_path}/copy.db"
    assert len(copy.json("runs", "list", "-e", "digits")) == 2


def test_damage_is_told_and_is_exit_code_2(assay: Assay, tmp_path: Path) -> None:
    bad = tmp_path / "bad.db"
    bad.write_bytes(b"SQLite format 3\0" + bytes(4_000))
    done = assay("db", "check", f"sqlite:///{bad}", code=2)
    assert "Traceback" not in done.output


def test_gc_first_says_what_would_go(assay: Assay, digits: Experiment) -> None:
    assay("runs", "delete", "aaaa")
    done = assay("gc")
    assert FIRST in done.stdout
    assert "--yes" in done.stderr
    assay("runs", "restore", "aaaa")


def test_gc_purges_runs_with_their_files(assay: Assay, digits: Experiment, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    for run in ("aaaa", "aaab"):
        assay("artifacts", "put", run, str(tmp_path / "a.txt"))
    assay("runs", "delete", "aaaa")
    assay("gc", "--yes")
    assert "not found" in assay("runs", "show", FIRST, code=2).stderr
    left = {
        p.relative_to(tmp_path / ".assay" / "artifacts").parts[1]
        for p in (tmp_path / ".assay" / "artifacts").rglob("a.txt")
    }
    assert left == {SECOND}


def test_gc_of_an_experiment_frees_its_name_though_files_are_missing(
    assay: Assay, digits: Experiment
) -> None:
    assay("experiments", "delete", "digits")
    assert "Purged 3 of 3." in assay("gc", "--experiment", "digits", "--yes").stdout
    assay("experiments", "create", "digits")


def test_gc_by_age_leaves_what_was_deleted_just_now(assay: Assay, digits: Experiment) -> None:
    assay("runs", "delete", "aaaa")
    assert "Purged 0 of 0." in assay("gc", "--older-than", "1d", "--yes").stdout
    assert len(assay.json("runs", "list", "--deleted", "-e", "digits")) == 1
    assert "Invalid age" in assay("gc", "--older-than", "soon", code=2).stderr


def test_gc_goes_on_where_files_can_not_be_deleted(assay: Assay, digits: Experiment) -> None:
    store = assay.store()
    elsewhere = store.experiments.create("elsewhere", artifact_location="nfs://host/place")
    lost = store.runs.create(NewRun(RunId("cccc3"), elsewhere.experiment_id, start_time=1))
    store.close()
    assay("runs", "delete", "aaaa", lost.info.run_id)
    done = assay("gc", "--yes", code=2)
    assert "cccc3: its files at nfs://host/place/cccc3/artifacts stay" in done.stderr
    assert "1 stay" in done.stderr
    assert [r["run_id"] for r in assay.json("runs", "list", "--deleted", "-e", "elsewhere")] == [
        "cccc3"
    ]
    assert assay.json("runs", "list", "--deleted", "-e", "digits") == []


def test_gc_leaves_what_a_registered_version_needs_and_fails_only_where_that_was_named(
    assay: Assay, digits: Experiment
) -> None:
    store = assay.store()
    store.registered_models.create("net", cause=local_cause())
    new = NewModelVersion(name="net", source=f"runs:/{FIRST}/model")
    store.model_versions.create(new, cause=local_cause())
    store.close()
    assay("runs", "delete", "aaaa", "aaab")
    why = f"{FIRST} stays: models:/net/1 has its files there"
    assert why in assay("gc").stderr
    done = assay("gc", "--run", FIRST, "--yes", code=2)
    assert why in done.stderr
    assert "delete the versions first" in done.stderr
    done = assay("gc", "--yes")
    assert why in done.stderr
    assert "Purged 1 of 1." in done.stdout
    assert [r["run_id"] for r in assay.json("runs", "list", "--deleted", "-e", "digits")] == [FIRST]


def test_runs_travel_in_an_archive(assay: Assay, digits: Experiment, tmp_path: Path) -> None:
    assay("export", str(tmp_path / "digits.zip"), "-e", "digits")
    other = Assay(tmp_path / "other")
    (tmp_path / "other" / ".assay").mkdir(parents=True)
    for _ in range(2):
        other("import", str(tmp_path / "digits.zip"))
        assert len(other.json("runs", "list", "-e", "digits")) == 2
    printed = ("metrics", "show", "aaaa", "loss")
    assert other.json(*printed) == assay.json(*printed)


def test_status_and_sync_of_a_place_where_nothing_waits(assay: Assay) -> None:
    assert "Nothing waits" in assay("status").stdout
    assert "Nothing waited" in assay("sync").stdout
    assert assay.json("status")["journals"] == []
    assert assay.json("sync")["journals"] == 0


def test_doctor_explains_without_telling_secrets(
    assay: Assay, digits: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_TRACKING_TOKEN", "very-secret")
    monkeypatch.setenv("ASSAY_TRACKING_URI", "http://ann:hunter2@lab")
    done = assay("doctor")
    found = {row[1]: row[2] for row in (line.split("\t") for line in done.stdout.splitlines())}
    assert found["store"].startswith("answers")
    assert found["ASSAY_TRACKING_TOKEN"] == "(set, not shown)"
    assert "hunter2" not in done.output
    assert "very-secret" not in done.output


def test_doctor_says_what_can_not_be_reached(assay: Assay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_HTTP_MAX_RETRIES", "0")
    assay.uri = "http://127.0.0.1:1"
    found = {row["what"]: row for row in json.loads(assay("doctor", "--json", code=1).stdout)}
    assert found["store"]["mark"] == "bad"
    assert "refused" in found["store"]["found"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(assay: Assay, shell: str) -> None:
    assert "_ASSAY_COMPLETE" in assay("completion", shell).stdout

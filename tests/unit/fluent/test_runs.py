"""Starting, nesting, resuming and ending runs."""

from __future__ import annotations

import os
import threading

import pytest

import assay
from assay.entities import RunStatus
from assay.entities.tags import NOTE, PARENT_RUN_ID, RUN_NAME, SOURCE_TYPE, USER
from assay.errors import InactiveResource, InvalidInput, InvalidName, RunNotFound


def test_with_block_makes_a_run_active_and_ends_it_finished() -> None:
    with assay.start_run(run_name="first") as run:
        active = assay.active_run()
        assert active is not None
        assert active.info.run_id == run.info.run_id
    stored = assay.get_run(run.info.run_id)
    assert assay.active_run() is None
    assert stored.info.status == "FINISHED"
    assert stored.info.run_name == "first"
    assert stored.info.end_time is not None
    assert stored.info.start_time is not None
    assert stored.info.end_time >= stored.info.start_time


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError("boom"), RunStatus.FAILED),
        (KeyboardInterrupt(), RunStatus.KILLED),
        (SystemExit(0), RunStatus.FINISHED),
        (SystemExit(3), RunStatus.FAILED),
    ],
)
def test_exception_that_leaves_the_block_decides_the_status(
    error: BaseException, status: RunStatus
) -> None:
    with pytest.raises(type(error)), assay.start_run() as run:
        raise error
    assert assay.get_run(run.info.run_id).info.status is status


def test_second_run_without_nested_is_refused_and_the_first_stays_active() -> None:
    with assay.start_run() as run:
        with pytest.raises(InvalidInput, match="already active"):
            assay.start_run()
        active = assay.active_run()
        assert active is not None
        assert active.info.run_id == run.info.run_id


def test_nested_run_names_its_parent_and_gives_the_place_back() -> None:
    with assay.start_run() as parent:
        with assay.start_run(nested=True) as child:
            assay.log_metric("inner", 1)
        assay.log_metric("outer", 2)
    stored = assay.get_run(child.info.run_id)
    assert stored.data.tags[PARENT_RUN_ID] == parent.info.run_id
    assert stored.data.metrics == {"inner": 1.0}
    assert assay.get_run(parent.info.run_id).data.metrics == {"outer": 2.0}
    found = assay.get_parent_run(child.info.run_id)
    assert found is not None
    assert found.info.run_id == parent.info.run_id


def test_leaving_the_outer_block_ends_runs_that_were_left_open_inside() -> None:
    with assay.start_run() as parent:
        child = assay.start_run(nested=True)
    assert assay.active_run() is None
    assert assay.get_run(child.info.run_id).info.status == "FINISHED"
    assert assay.get_run(parent.info.run_id).info.status == "FINISHED"


def test_parent_can_be_named_without_being_active() -> None:
    with assay.start_run() as parent:
        pass
    with assay.start_run(parent_run_id=parent.info.run_id) as child:
        pass
    assert assay.get_run(child.info.run_id).data.tags[PARENT_RUN_ID] == parent.info.run_id


def test_parent_that_is_not_the_active_run_is_refused() -> None:
    with assay.start_run(), pytest.raises(InvalidInput, match="not the given parent"):
        assay.start_run(nested=True, parent_run_id="0" * 32)


def test_run_goes_on_under_its_id_and_keeps_what_it_had() -> None:
    with assay.start_run(run_name="kept") as run:
        assay.log_metric("m", 1, step=0)
        assay.log_param("p", "old")
    with assay.start_run(run_id=run.info.run_id, tags={"again": "yes"}) as resumed:
        assert resumed.info.run_name == "kept"
        assay.log_metric("m", 2, step=1)
        with pytest.raises(assay.errors.ParamChanged):
            assay.log_param("p", "new")
        assert assay.get_run(run.info.run_id).info.status == "RUNNING"
    stored = assay.get_run(run.info.run_id)
    assert list(run.history("m").values) == [1.0, 2.0]
    assert stored.info.status == "FINISHED"
    assert stored.data.tags["again"] == "yes"


@pytest.mark.parametrize("variable", ["ASSAY_RUN_ID", "MLFLOW_RUN_ID"])
def test_run_id_of_the_environment_is_used_once(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with assay.start_run() as run:
        pass
    monkeypatch.setenv(variable, run.info.run_id)
    with assay.start_run() as resumed:
        assert resumed.info.run_id == run.info.run_id
    assert variable not in os.environ
    with assay.start_run() as other:
        assert other.info.run_id != run.info.run_id


def test_unknown_run_id_is_refused_and_nothing_becomes_active() -> None:
    with pytest.raises(RunNotFound):
        assay.start_run(run_id="f" * 32)
    assert assay.active_run() is None


def test_deleted_run_can_not_go_on_until_it_is_restored() -> None:
    with assay.start_run() as run:
        pass
    assay.delete_run(run.info.run_id)
    with pytest.raises(InactiveResource):
        assay.start_run(run_id=run.info.run_id)
    assay.restore_run(run.info.run_id)
    with assay.start_run(run_id=run.info.run_id):
        pass


def test_name_tags_and_description_are_kept_beside_the_captured_source() -> None:
    with assay.start_run(run_name="n", tags={"a": 1}, description="*what for*") as run:
        pass
    tags = assay.get_run(run.info.run_id).data.tags
    assert (tags["a"], tags[NOTE], tags[RUN_NAME]) == ("1", "*what for*", "n")
    assert tags[SOURCE_TYPE] == "LOCAL"
    assert tags[USER]
    assert run.data.tags == tags


def test_name_is_made_up_and_known_at_once() -> None:
    with assay.start_run() as run:
        assert run.info.run_name
    assert assay.get_run(run.info.run_id).info.run_name == run.info.run_name


@pytest.mark.parametrize(
    "wrong",
    [
        {"description": "a", "tags": {NOTE: "b"}},
        {"run_name": "a", "tags": {RUN_NAME: "b"}},
        {"tags": {"bad\x01key": "v"}},
        {"run_name": "bad\nname"},
        {"capture": "gitt"},
    ],
)
def test_mistake_in_the_arguments_raises_and_starts_no_run(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        assay.start_run(**wrong)  # type: ignore[arg-type]
    assert assay.active_run() is None


def test_each_thread_has_an_active_run_of_its_own() -> None:
    seen: list[object] = []

    def work() -> None:
        seen.append(assay.active_run())
        with assay.start_run() as run:
            assay.log_metric("m", 1)
            seen.append(run.info.run_id)

    with assay.start_run() as run:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assay.log_metric("m", 2)
    assert seen[0] is None
    assert seen[1] != run.info.run_id
    assert assay.get_run(str(seen[1])).data.metrics == {"m": 1.0}
    assert assay.get_run(run.info.run_id).data.metrics == {"m": 2.0}


def test_last_active_run_is_the_one_that_ended_last() -> None:
    assert assay.last_active_run() is None
    with assay.start_run() as run:
        assay.log_metric("m", 1)
    last = assay.last_active_run()
    assert last is not None
    assert last.info.run_id == run.info.run_id
    assert last.data.metrics == {"m": 1.0}


def test_end_run_takes_a_status_and_refuses_a_wrong_one() -> None:
    run = assay.start_run()
    with pytest.raises(InvalidInput, match="no status"):
        assay.end_run("DONE")
    assert assay.active_run() is not None
    assay.end_run("KILLED")
    assert assay.get_run(run.info.run_id).info.status == "KILLED"


def test_end_run_without_a_run_does_nothing() -> None:
    assay.end_run()


def test_clock_that_is_set_back_makes_no_negative_duration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = assay.start_run()
    monkeypatch.setattr("assay.fluent.ending.time.time_ns", lambda: 0)
    assay.end_run()
    monkeypatch.undo()
    stored = assay.Client(run.location.tracking_uri if run.location else None).get_run(
        run.info.run_id
    )
    assert stored.info.end_time == stored.info.start_time


def test_run_as_dictionary_has_the_form_of_mlflow() -> None:
    with assay.start_run() as run:
        assay.log_metric("m", 1)
        assay.log_param("p", 2)
    facts = assay.get_run(run.info.run_id).to_dictionary()  # type: ignore[attr-defined]
    assert facts["info"]["run_id"] == run.info.run_id
    assert facts["data"]["metrics"] == {"m": 1.0}
    assert facts["data"]["params"] == {"p": "2"}
    assert set(facts) == {"info", "data", "inputs", "outputs"}


def test_malformed_run_id_is_refused_at_the_call() -> None:
    with pytest.raises(InvalidName):
        assay.log_metric("m", 1, run_id="../etc")

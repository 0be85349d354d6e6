"""What is kept of local deployments: for one user alone, by one program at a time, whole or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.deployments.base import DeploymentNotFound, State
from assay.deployments.local import LocalDeployments
from assay.deployments.local_state import Kept, LocalFolder, names, state_folder
from assay.deployments.process import Process
from assay.errors import Corrupted, StoreUnavailable


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    """A deployment whose process has ended long ago."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    made = Kept(
        name="d",
        model_uri="/nowhere",
        config={},
        variables={"ASSAY_TRACKING_URI": f"sqlite:///{tmp_path}/assay.db"},
        deployment_id="",
        actor="",
        created_ms=1,
        updated_ms=1,
        process=Process(1, "before"),
        url="http://127.0.0.1:1",
    )
    folder = LocalFolder("d")
    folder.make()
    folder.keep(made)
    return made


def test_it_is_read_as_it_was_written_and_for_nobody_else(kept: Kept) -> None:
    assert LocalFolder("d").find() == kept
    assert names() == ["d"]
    for path in state_folder().rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_process_that_got_its_id_later_is_never_ended(kept: Kept) -> None:
    target = LocalDeployments()

    assert target.get_deployment("d").state is State.DEAD
    # The end of process 1 would be the end of this machine.
    target.delete_deployment("d")

    assert names() == []


def test_one_program_at_a_time_changes_it(kept: Kept) -> None:
    target = LocalDeployments()

    with LocalFolder("d").locked(), pytest.raises(StoreUnavailable, match="somebody else"):
        target.delete_deployment("d")

    assert names() == ["d"]


def test_one_that_cannot_be_read_does_not_hide_others(kept: Kept) -> None:
    broken = LocalFolder("broken")
    broken.make()
    (broken.path / "deployment.json").write_text("{")
    target = LocalDeployments()

    assert [(one.name, one.state) for one in target.list_deployments()] == [
        ("broken", State.UNKNOWN),
        ("d", State.DEAD),
    ]
    with pytest.raises(Corrupted, match="by hand"):
        target.get_deployment("broken")


def test_what_a_killed_program_left_of_a_new_one_counts_as_nothing(kept: Kept) -> None:
    LocalFolder("half").make()

    assert names() == ["d"]
    with pytest.raises(DeploymentNotFound):
        LocalDeployments().get_deployment("half")


def test_a_long_log_is_put_aside_and_its_end_is_shown(kept: Kept) -> None:
    folder = LocalFolder("d")
    folder.log.write_bytes(b"x" * (10 << 20) + b"\nlast")

    assert LocalDeployments().logs("d", lines=1) == "last"
    folder.put_log_aside()

    assert folder.written() == ""
    assert (folder.path / "log.1").stat().st_size > 10 << 20

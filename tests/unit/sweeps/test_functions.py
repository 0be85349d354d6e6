"""Functions of sweeps: finding, checking and sending them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from assay.errors import InvalidInput
from assay.sweeps.functions import check_fits, find_function, name_of, pack, takes_trial, unpack


def test_a_function_of_a_module_is_found_by_name_and_travels_as_it(functions: Path) -> None:
    found = find_function("of_sweeps:square", str(functions.parent))

    assert found(5) == 4
    assert name_of(found) == "of_sweeps:square"
    assert pack(found).name == "of_sweeps:square"


def test_a_local_function_travels_by_value() -> None:
    offset = 10

    def near(x: int) -> int:
        return x + offset

    packed = pack(near)

    assert not packed.name
    assert unpack(packed)(1) == 11


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("no_such_module:f", "There is no module 'no_such_module'"),
        ("json:nothing", "json defines no function 'nothing'"),
        ("__main__:f", "is of a script"),
        ("broken:f", "broken fails: ZeroDivisionError"),
        ("needy:f", "needy needs the module 'no_such_module'"),
    ],
)
def test_a_function_that_cant_be_found_is_told(project: Path, name: str, told: str) -> None:
    (project / "broken.py").write_text("1 / 0\n")
    (project / "needy.py").write_text("import no_such_module\n")

    with pytest.raises(InvalidInput, match=told):
        find_function(name, str(project))


def test_a_function_that_takes_other_parameters_is_refused_before_it_runs() -> None:
    def near(x: int, *, trial: Any) -> int:
        return x

    check_fits(near, ["x"])
    assert takes_trial(near)
    with pytest.raises(InvalidInput, match=r"doesn't take the parameters of the sweep \(x, y"):
        check_fits(near, ["x", "y"])


def test_a_function_that_holds_what_cant_travel_is_refused() -> None:
    lock = threading.Lock()

    with pytest.raises(InvalidInput, match="can't be sent"):
        pack(lambda x: lock.acquire(timeout=x))

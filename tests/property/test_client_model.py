"""A client compared with plain dictionaries, on a folder and through a server that dies."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.property.client_machine import ClientMachine, ServerMachine


def test_random_steps_on_a_folder_leave_what_the_model_says() -> None:
    run_state_machine_as_test(
        ClientMachine, settings=settings(max_examples=8, stateful_step_count=25)
    )


@pytest.mark.slow
def test_random_steps_through_a_server_that_dies_leave_what_the_model_says() -> None:
    run_state_machine_as_test(
        ServerMachine, settings=settings(max_examples=3, stateful_step_count=40)
    )

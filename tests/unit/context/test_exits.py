"""What a process notes about its own end."""

from __future__ import annotations

import pytest

from assay.context.exits import exception_tags, exit_code, usage_tags


class Mute(ValueError):
    """An exception that can't say what it is."""

    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "facts"),
    [
        (None, {}),
        (SystemExit(), {}),
        (SystemExit(0), {}),
        (SystemExit(3), {"assay.exit_code": "3"}),
        (
            SystemExit("no data"),
            {"assay.exit_code": "1", "assay.exception": "SystemExit: no data"},
        ),
        (ValueError("bad batch"), {"assay.exception": "ValueError: bad batch"}),
        (ValueError(), {"assay.exception": "ValueError"}),
        (Mute("x"), {"assay.exception": f"{__name__}.Mute"}),
        (OSError("of https://u:pw@host/x"), {"assay.exception": "OSError: of https://***@host/x"}),
        (ValueError("\ud800"), {"assay.exception": "ValueError: ?"}),
    ],
)
def test_exception_is_told(error: BaseException | None, facts: dict[str, str]) -> None:
    assert exception_tags(error) == facts


def test_only_the_beginning_of_a_long_message_is_kept() -> None:
    assert len(exception_tags(ValueError("x" * 100_000))["assay.exception"]) == 2_012


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (ValueError(), 1),
        (SystemExit(), 0),
        (SystemExit(-1), 255),
        (SystemExit("x"), 1),
    ],
)
def test_exit_code_is_the_one_that_shells_see(error: BaseException, code: int) -> None:
    assert exit_code(error) == code


def test_usage_is_that_of_this_process() -> None:
    facts = usage_tags(0.0)
    assert float(facts["assay.cpu_seconds"]) > 0
    assert int(facts["assay.peak_memory_bytes"]) > 1_000_000
